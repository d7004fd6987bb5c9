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
//! | all moved | the first reading that shows a fall within the lag window shows more | confirmed, charged = the fall |
//! | all moved | unclear, or something else was open meanwhile | confirmed, charged = the quote, marked so |
//! | in service again, end not told | fell by the quote, or by more after a good reply | confirmed, charged = the fall |
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
mod span;

use jiff::{SignedDuration, Timestamp};

use crate::domain::time::Timing;
use crate::domain::{Measured, Money, Sameness, State, TermEnd, term};

pub use purchase::{PurchaseCase, PurchaseVerdict, judge_purchase};
pub use span::{Charge, Sight, Span, charge};

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
/// `days`. A term that was paid for after its end may be counted from that end: the earlier of the two is the measure. An end of
/// which it is unclear whether it moved has neither moved nor stayed.
#[must_use]
pub fn end(before: TermEnd, now: Option<TermEnd>, spent_at: Timestamp, days: u32) -> End {
    let least = spent_at
        .min(before.latest())
        .checked_add(SignedDuration::from_hours(24 * i64::from(days)) - slack(days))
        .unwrap_or(Timestamp::MAX);
    match now.map(|now| (now.at, term::compare(before, now, Some(days)))) {
        Some((_, Sameness::Same)) => End::Same,
        Some((now, Sameness::Later)) if now >= least => End::Moved(now),
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
    /// What else may have moved the balance since the quote: what the fall says of the amount.
    pub sight: Sight,
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
        /// How that is known.
        measured: Measured,
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
    let seen = seen(case.looks, case.quoted, case.sight, case.timing);
    let surplus = case.state == State::Accepted && seen.at_once(case.quoted).is_some();
    let shown = again == 0 || (now.fell == case.quoted && !case.ambiguous) || surplus;
    if moved + again == case.ends.len() && shown && !case.ends.is_empty() {
        return confirmed(case, now, seen);
    }
    let lag = case.timing.lag_window;
    let four = lag.checked_mul(4).unwrap_or(SignedDuration::MAX);
    let unseen = case.ends.contains(&End::Odd);
    match case.state {
        State::Accepted if now.elapsed >= lag => return Verdict::Overdue,
        State::Accepted => return Verdict::Wait,
        // A part that cannot be seen may have taken the money that would then be looked for at the others.
        State::Unknown if unseen && now.elapsed < four => return Verdict::Wait,
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

/// What the looks say of the amount. The first that shows a fall is the measure, within the lag window, or if none came before it;
/// what moved the balance later is somebody else's. Later charges that became known since then have made the fall smaller.
#[must_use]
pub fn seen(looks: &[Look], quoted: Money, sight: Sight, timing: &Timing) -> Charge {
    let (Some(at), Some(now)) = (looks.iter().position(|l| l.fell.is_positive()), looks.last()) else {
        return Charge::Unseen;
    };
    let first = looks[at];
    let four = timing.lag_window.checked_mul(4).unwrap_or(SignedDuration::MAX);
    let timely = first.elapsed <= if at == 0 { four } else { timing.lag_window };
    let fell = if now.fell.is_positive() { first.fell.min(now.fell) } else { first.fell };
    if timely || fell <= quoted { charge(fell, sight, quoted) } else { Charge::Contested(fell) }
}

fn confirmed(case: &Case<'_>, now: &Look, seen: Charge) -> Verdict {
    let quoted = case.quoted;
    if !case.comparable {
        let why = "every end moved; the balance is in another currency, so the quote is taken".to_owned();
        return Verdict::Confirmed { charged: quoted, measured: Measured::Quote, why };
    }
    let taken = |charged, why| Verdict::Confirmed { charged, measured: Measured::Reading, why };
    match seen {
        Charge::Seen(fell) if fell == quoted => {
            taken(fell, format!("every end moved, and the balance fell by {fell}"))
        }
        Charge::Seen(fell) if fell > quoted => {
            taken(fell, format!("every end moved, and the balance fell by {fell}, more than the quote"))
        }
        Charge::Seen(fell) if !case.bound => {
            taken(fell, format!("every end moved, and the balance fell by {fell}, less than the quote"))
        }
        Charge::Contested(fell) => {
            let why = format!(
                "every end moved; the balance fell by {fell} while something else could move it too, so the quote is taken"
            );
            Verdict::Confirmed { charged: quoted, measured: Measured::Quote, why }
        }
        _ => {
            let why = format!(
                "every end moved; the balance differs by {} from what renewd knows of, so the quote is taken",
                now.fell
            );
            Verdict::Confirmed { charged: quoted, measured: Measured::Quote, why }
        }
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
mod tests;
