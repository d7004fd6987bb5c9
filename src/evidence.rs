//! What became of a payment, told from reads alone.
//!
//! Pure. *Moved*: the end is later than before and at least spend + period − 2 days, of a term of
//! less than four days half of it. *Fell*: balance before − now − other
//! known charges in between.
//!
//! | ends | balance | verdict |
//! |---|---|---|
//! | all moved | fell by the quote | confirmed, charged = the fall |
//! | all moved, the quote was not bound | fell by less | confirmed, charged = the fall |
//! | all moved | unclear | confirmed, charged = the quote, marked so |
//! | in service again, end not told | fell by the quote | confirmed, charged = the fall |
//! | in service again, end not told | otherwise | as none moved, and never "not applied" |
//! | some moved | – | split per lease; while one of them is not listed, after 4 × lag window |
//! | none moved | fell by the quote | wait out the lag window, then a person must look |
//! | none moved | fell by the quote, and another payment is unknown | as *moved otherwise*: the fall may be its |
//! | none moved | unchanged in `settle_reads` spaced reads over the lag window | not applied |
//! | none moved | moved otherwise, or in another currency | after 4 × lag window a person must look |
//!
//! A lease that is not listed, or whose end changed by something else than a term, is *odd*: it never counts as
//! unchanged, so it can never lead to "not applied".
mod purchase;

use jiff::{SignedDuration, Timestamp};

use crate::domain::time::Timing;
use crate::domain::{Money, State};

pub use purchase::{PurchaseCase, PurchaseVerdict, judge_purchase};

/// What a lease's end says about a payment for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As before.
    Same,
    /// Later by a term.
    Moved(Timestamp),
    /// On hold before and in service again, and the provider does not tell the new end.
    Again,
    /// Neither: not listed, unreadable, or changed by something else.
    Odd,
}

/// Providers round ends to days, and months differ: two days, and for terms of a few days half of the term.
#[must_use]
pub fn slack(days: u32) -> SignedDuration {
    SignedDuration::from_hours(i64::from(days).saturating_mul(12).min(48))
}

/// Reads a lease's end: `before` the payment, `now` in the list (`None`: not listed or unreadable), bought at `spent_at` for
/// `days`. A term that was paid for after its end may be counted from that end: the earlier of the two is the measure.
#[must_use]
pub fn end(before: Timestamp, now: Option<Timestamp>, spent_at: Timestamp, days: u32) -> End {
    let least = spent_at
        .min(before)
        .checked_add(SignedDuration::from_hours(24 * i64::from(days)) - slack(days))
        .unwrap_or(Timestamp::MAX);
    match now {
        Some(now) if now == before => End::Same,
        Some(now) if now > before && now >= least => End::Moved(now),
        _ => End::Odd,
    }
}

/// How many terms of `days` an end has moved, at least 1 if it moved at all.
#[must_use]
pub fn terms_moved(before: Timestamp, now: Timestamp, days: u32) -> i64 {
    if now <= before || days == 0 {
        return 0;
    }
    let moved = now.duration_since(before) + slack(days);
    (moved.as_secs() / (86_400 * i64::from(days))).max(1)
}

/// One look at the world after a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Time since the spend; after a reboot, since the first look of this boot.
    pub elapsed: SignedDuration,
    /// What nobody else accounts for.
    pub fell: Money,
    /// Leases that moved.
    pub moved: usize,
}

/// Everything that evidence looks at.
#[derive(Debug, Clone)]
pub struct Case<'a> {
    /// Where the payment stands: accepted, unknown, or a state open to late evidence.
    pub state: State,
    /// The ends, one per lease of the payment.
    pub ends: &'a [End],
    /// What the quote asked.
    pub quoted: Money,
    /// A later payment of the account was accepted and its charge is not known yet: an unchanged balance proves nothing.
    pub ambiguous: bool,
    /// Another payment of the account is unknown too: what fell may be its charge.
    pub contested: bool,
    /// The quote was the price of exactly that payment; otherwise the fall of the balance is the better measure.
    pub bound: bool,
    /// The balances are in one currency; else the present look's fall says nothing, whatever it is.
    pub comparable: bool,
    /// Earlier looks of this boot, oldest first, then the present one; never empty.
    pub looks: &'a [Look],
    /// `[timing]`.
    pub timing: &'a Timing,
}

/// What the evidence says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It was charged.
    Confirmed {
        /// What it cost.
        charged: Money,
        /// In words.
        why: String,
    },
    /// It was applied to some leases.
    Split,
    /// It was not charged.
    NotApplied(String),
    /// Only a person can say.
    NeedsOperator(String),
    /// An accepted payment's end is overdue.
    Overdue,
    /// Not yet.
    Wait,
}

/// Judges a payment; see the table above. Total: every case has exactly one verdict.
#[must_use]
pub fn judge(case: &Case<'_>) -> Verdict {
    let moved = case.ends.iter().filter(|e| matches!(e, End::Moved(_))).count();
    let again = case.ends.iter().filter(|e| **e == End::Again).count();
    let Some(now) = case.looks.last() else { return Verdict::Wait };
    let shown = again == 0 || (now.fell == case.quoted && !case.ambiguous);
    if moved + again == case.ends.len() && shown && !case.ends.is_empty() {
        return confirmed(case, now);
    }
    let lag = case.timing.lag_window;
    let four = lag.checked_mul(4).unwrap_or(SignedDuration::MAX);
    let unseen = case.ends.contains(&End::Odd);
    match case.state {
        State::Accepted if now.elapsed >= lag => return Verdict::Overdue,
        State::Accepted => return Verdict::Wait,
        // A part that cannot be seen may have taken the money that would then be looked for at the others.
        State::Unknown if moved > 0 && unseen && now.elapsed < four => return Verdict::Wait,
        _ if moved > 0 => return Verdict::Split,
        State::Unknown => {}
        _ => return Verdict::Wait,
    }
    let odd = unseen || again > 0;
    if !case.comparable {
        return if now.elapsed >= four { foreign() } else { Verdict::Wait };
    }
    if now.fell == case.quoted && !odd {
        if now.elapsed < if case.contested { four } else { lag } {
            return Verdict::Wait;
        }
        return Verdict::NeedsOperator(format!(
            "the balance fell by {}, the price asked, and no end moved",
            case.quoted
        ));
    }
    if now.fell == Money::ZERO && !odd && !case.ambiguous {
        let agreeing = agreeing(case.looks, case.timing);
        if now.elapsed >= lag && agreeing >= case.timing.settle_reads as usize {
            return Verdict::NotApplied(format!(
                "{agreeing} agreeing reads over the lag window: no end moved, the balance is unchanged"
            ));
        }
        return Verdict::Wait;
    }
    if now.elapsed >= four { unclear(now) } else { Verdict::Wait }
}

fn foreign() -> Verdict {
    Verdict::NeedsOperator("no end moved, and the balance is in another currency than the payment".to_owned())
}

fn unclear(now: &Look) -> Verdict {
    Verdict::NeedsOperator(format!(
        "no end moved, and the balance differs by {} from what renewd knows of",
        now.fell
    ))
}

fn confirmed(case: &Case<'_>, now: &Look) -> Verdict {
    if !case.comparable {
        let why = "every end moved; the balance is in another currency, so the quote is taken".to_owned();
        return Verdict::Confirmed { charged: case.quoted, why };
    }
    if now.fell == case.quoted {
        let why = format!("every end moved, and the balance fell by {}", case.quoted);
        return Verdict::Confirmed { charged: now.fell, why };
    }
    if !case.bound && !case.ambiguous && now.fell.is_positive() && now.fell < case.quoted {
        let why = format!("every end moved, and the balance fell by {}, less than the quote", now.fell);
        return Verdict::Confirmed { charged: now.fell, why };
    }
    Verdict::Confirmed {
        charged: case.quoted,
        why: format!(
            "every end moved; the balance differs by {} from what renewd knows of, so the quote is taken",
            now.fell
        ),
    }
}

/// The trailing looks that saw nothing, counted only where they lie `lag_window / settle_reads` apart.
fn agreeing(looks: &[Look], timing: &Timing) -> usize {
    let reads = i32::try_from(timing.settle_reads).unwrap_or(i32::MAX).max(1);
    let apart = timing.lag_window.checked_div(reads).unwrap_or(SignedDuration::ZERO);
    let quiet = looks.iter().rev().take_while(|l| l.moved == 0 && l.fell == Money::ZERO);
    let mut count = 0;
    let mut next: Option<SignedDuration> = None;
    for look in quiet {
        if next.is_none_or(|n| look.elapsed <= n) {
            count += 1;
            next = Some(look.elapsed - apart);
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const LAG: i64 = 900;

    fn timing() -> Timing {
        Timing {
            read_timeout: SignedDuration::from_secs(30),
            money_timeout: SignedDuration::from_secs(120),
            lag_window: SignedDuration::from_secs(LAG),
            settle_reads: 3,
        }
    }

    fn look(secs: i64, fell: i64, moved: usize) -> Look {
        Look { elapsed: SignedDuration::from_secs(secs), fell: Money::from_cents(fell), moved }
    }

    const T: Timestamp = Timestamp::UNIX_EPOCH;

    fn word(state: State, ends: &[End], looks: &[Look], ambiguous: bool) -> &'static str {
        told(state, ends, looks, ambiguous, true)
    }

    fn told(state: State, ends: &[End], looks: &[Look], ambiguous: bool, comparable: bool) -> &'static str {
        let timing = timing();
        let quoted = Money::from_cents(265);
        let case = Case {
            state,
            ends,
            quoted,
            ambiguous,
            contested: false,
            comparable,
            bound: true,
            looks,
            timing: &timing,
        };
        match judge(&case) {
            Verdict::Confirmed { charged, why } if why.contains("quote is taken") => {
                assert_eq!(charged, Money::from_cents(265));
                "confirmed at the quote"
            }
            Verdict::Confirmed { .. } => "confirmed",
            Verdict::Split => "split",
            Verdict::NotApplied(_) => "not applied",
            Verdict::NeedsOperator(_) => "needs operator",
            Verdict::Overdue => "overdue",
            Verdict::Wait => "wait",
        }
    }

    #[rstest]
    #[case::all_moved_and_fell(&[End::Moved(T)], &[look(1, 265, 1)], "confirmed")]
    #[case::all_moved_balance_unclear(&[End::Moved(T)], &[look(1, -9735, 1)], "confirmed at the quote")]
    #[case::some_moved(&[End::Moved(T), End::Same], &[look(1, 100, 1)], "split")]
    #[case::some_moved_and_one_is_not_listed(&[End::Moved(T), End::Same, End::Odd], &[look(LAG, 100, 1)], "wait")]
    #[case::not_listed_for_long(&[End::Moved(T), End::Same, End::Odd], &[look(4 * LAG, 100, 1)], "split")]
    #[case::fell_within_the_window(&[End::Same], &[look(LAG - 1, 265, 0)], "wait")]
    #[case::fell_after_the_window(&[End::Same], &[look(LAG, 265, 0)], "needs operator")]
    #[case::unchanged_three_spaced_reads(&[End::Same], &[look(300, 0, 0), look(600, 0, 0), look(900, 0, 0)], "not applied")]
    #[case::unchanged_but_too_few(&[End::Same], &[look(600, 0, 0), look(900, 0, 0)], "wait")]
    #[case::unchanged_but_too_close(&[End::Same], &[look(890, 0, 0), look(895, 0, 0), look(900, 0, 0)], "wait")]
    #[case::unchanged_within_the_window(&[End::Same], &[look(0, 0, 0), look(300, 0, 0), look(600, 0, 0)], "wait")]
    #[case::a_disagreeing_read_starts_over(&[End::Same], &[look(300, 0, 0), look(600, 5, 0), look(900, 0, 0), look(1200, 0, 0)], "wait")]
    #[case::top_up_within_four_windows(&[End::Same], &[look(4 * LAG - 1, -5000, 0)], "wait")]
    #[case::top_up_after_four_windows(&[End::Same], &[look(4 * LAG, -5000, 0)], "needs operator")]
    #[case::gone_from_the_list_is_no_proof(&[End::Odd], &[look(300, 0, 0), look(600, 0, 0), look(900, 0, 0)], "wait")]
    #[case::gone_for_long(&[End::Odd], &[look(4 * LAG, 0, 0)], "needs operator")]
    fn an_unknown_payment_is_settled_by_the_table(
        #[case] ends: &[End],
        #[case] looks: &[Look],
        #[case] want: &str,
    ) {
        assert_eq!(word(State::Unknown, ends, looks, false), want);
    }

    #[rstest]
    #[case::the_new_end_confirms(&[End::Moved(T)], &[look(1, 265, 1)], "confirmed")]
    #[case::a_lagging_list_waits(&[End::Same], &[look(LAG - 1, 265, 0)], "wait")]
    #[case::a_lag_window_without_a_new_end(&[End::Same], &[look(LAG, 265, 0)], "overdue")]
    #[case::partly_moved_waits(&[End::Moved(T), End::Same], &[look(1, 265, 1)], "wait")]
    fn an_accepted_payment_needs_its_new_end(
        #[case] ends: &[End],
        #[case] looks: &[Look],
        #[case] want: &str,
    ) {
        assert_eq!(word(State::Accepted, ends, looks, false), want);
    }

    #[test]
    fn a_later_charge_that_is_not_known_yet_keeps_the_case_open() {
        let looks = [look(300, 0, 0), look(600, 0, 0), look(900, 0, 0)];
        assert_eq!(word(State::Unknown, &[End::Same], &looks, true), "wait");
    }

    #[rstest]
    #[case::alone(false, LAG, "needs operator")]
    #[case::with_another(true, LAG, "wait")]
    #[case::with_another_for_long(true, 4 * LAG, "needs operator")]
    fn a_fall_that_may_be_another_payments_waits(
        #[case] contested: bool,
        #[case] secs: i64,
        #[case] want: &str,
    ) {
        let timing = timing();
        let case = Case {
            state: State::Unknown,
            ends: &[End::Same],
            quoted: Money::from_cents(265),
            ambiguous: false,
            contested,
            comparable: true,
            bound: true,
            looks: &[look(secs, 265, 0)],
            timing: &timing,
        };
        let told = if matches!(judge(&case), Verdict::NeedsOperator(_)) { "needs operator" } else { "wait" };
        assert_eq!(told, want);
    }

    #[rstest]
    #[case::a_fall_by_the_quote_in_figures(265, LAG, "wait")]
    #[case::no_fall_in_figures(0, LAG, "wait")]
    #[case::for_long(265, 4 * LAG, "needs operator")]
    fn a_balance_in_another_currency_is_no_evidence(
        #[case] fell: i64,
        #[case] secs: i64,
        #[case] want: &str,
    ) {
        let looks = [look(300, 0, 0), look(600, 0, 0), look(secs, fell, 0)];
        assert_eq!(told(State::Unknown, &[End::Same], &looks, false, false), want);
        let moved = told(State::Unknown, &[End::Moved(T)], &[look(secs, fell, 1)], false, false);
        assert_eq!(moved, "confirmed at the quote");
    }

    #[test]
    fn late_evidence_confirms_and_absence_says_nothing_more() {
        for state in [State::NotApplied, State::NeedsOperator, State::Refused] {
            assert_eq!(word(state, &[End::Moved(T)], &[look(99_999, 265, 1)], false), "confirmed");
            assert_eq!(word(state, &[End::Same], &[look(99_999, 265, 0)], false), "wait");
        }
    }

    #[test]
    fn an_end_moves_by_a_term_less_two_days_or_is_odd() {
        let day = |d: i64| Timestamp::from_second(d * 86_400).unwrap();
        assert_eq!(end(day(3), Some(day(3)), day(0), 30), End::Same);
        assert_eq!(end(day(3), Some(day(33)), day(0), 30), End::Moved(day(33)));
        assert_eq!(end(day(3), Some(day(28)), day(0), 30), End::Moved(day(28)));
        assert_eq!(end(day(3), Some(day(27)), day(0), 30), End::Odd);
        assert_eq!(end(day(3), Some(day(2)), day(0), 30), End::Odd);
        assert_eq!(end(day(3), None, day(0), 30), End::Odd);
        assert_eq!((terms_moved(day(3), day(33), 30), terms_moved(day(3), day(63), 30)), (1, 2));
        assert_eq!((terms_moved(day(3), day(31), 30), terms_moved(day(3), day(3), 30)), (1, 0));
    }
}
