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
//! | all moved | unclear, or something else was open meanwhile | confirmed, charged = the quote, marked so, and whatever fell beyond all quotes (`surplus.rs`) |
//! | in service again, end not told | fell by the quote, or by more after a good reply | confirmed, charged = the fall |
//! | in service again, end not told | otherwise | as none moved, and never "not applied" |
//! | some moved | – | split per lease; while one of them is not listed, after 4 × lag window |
//! | none moved | fell by the quote | wait out the lag window, then a person must look |
//! | none moved | fell by the quote, and another payment is unknown | as *moved otherwise*: the fall may be its |
//! | none moved | unchanged in `settle_reads` spaced reads over the lag window | not applied |
//! | none moved | moved otherwise, or in another currency | after 4 × lag window a person must look |
//!
//! Where the provider has a log of renewals of its own (`order_log.rs`), and the payment was not accepted:
//!
//! | ends | the log | verdict |
//! |---|---|---|
//! | not all moved | proves it for every order | confirmed at once, charged as above |
//! | none moved | has undated rows for every order, and the balance fell by the quote, and no other charge can be it | confirmed at once |
//! | none moved | has dated rows that may be of this payment and do not prove it | never "not applied" |
//! | none moved | could not be read | no "not applied" before 4 × lag window |
//! | any | has nothing | as without a log |
//!
//! A lease that is not listed, or whose end changed by something else than a term, is *odd*: it never counts as
//! unchanged, so it can never lead to "not applied".
use super::readings::agreeing;
use super::{Charge, End, Logged, Look, Sight, charge};
use crate::domain::time::Timing;
use crate::domain::{Measured, Money, State};

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
    /// What the provider's own log of renewals says.
    pub log: Logged,
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
        return confirmed(case, now, seen, "every end moved");
    }
    if case.state != State::Accepted && is_logged(case, now, moved) {
        return confirmed(case, now, seen, "the provider's own log has its renewal");
    }
    let lag = case.timing.lag_window;
    let four = case.timing.four_lags();
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
    let may_be_logged = case.log == Logged::Some || (case.log == Logged::Unread && now.elapsed < four);
    if now.fell == Money::ZERO && !odd && !case.ambiguous && !may_be_logged {
        let agreeing = agreeing(case.looks, case.timing);
        if now.elapsed >= lag && agreeing >= case.timing.settle_reads as usize {
            return Verdict::NotApplied(format!(
                "{agreeing} agreeing reads over the lag window: no end moved, the balance is unchanged"
            ));
        }
        return Verdict::Wait;
    }
    match case.log {
        _ if now.elapsed < four => Verdict::Wait,
        Logged::Some => Verdict::NeedsOperator(
            "no end moved, and the provider's own log has renewals that may be of this payment".to_owned(),
        ),
        _ => unclear(now),
    }
}

/// The log proves it; or its undated rows and a fall by exactly the quote do so together.
fn is_logged(case: &Case<'_>, now: &Look, moved: usize) -> bool {
    let fell = case.comparable && !case.ambiguous && !case.contested && now.fell == case.quoted;
    match case.log {
        Logged::Proof => true,
        Logged::Undated => moved == 0 && fell && matches!(case.state, State::Unknown | State::NeedsOperator),
        _ => false,
    }
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

/// What the looks say of the amount. The first that shows a fall is the measure, if it came within the lag window or no other look
/// lies between the window and it; what moved the balance later is somebody else's. Later charges that became known since then have
/// made the fall smaller. A first fall below the quote that has grown since is no measure: the balance may have shown this
/// charge before an earlier one, and the smaller number is never assumed.
#[must_use]
pub fn seen(looks: &[Look], quoted: Money, sight: Sight, timing: &Timing) -> Charge {
    let (Some(at), Some(now)) = (looks.iter().position(|l| l.fell.is_positive()), looks.last()) else {
        return Charge::Unseen;
    };
    let first = looks[at];
    let lag = timing.lag_window;
    let four = timing.four_lags();
    let nothing_between = at.checked_sub(1).is_none_or(|before| looks[before].elapsed < lag);
    let timely = first.elapsed <= if nothing_between { four } else { lag };
    if first.fell < quoted && now.fell > first.fell {
        return Charge::Contested(now.fell);
    }
    let fell = if now.fell.is_positive() { first.fell.min(now.fell) } else { first.fell };
    if timely || fell <= quoted { charge(fell, sight, quoted) } else { Charge::Contested(fell) }
}

fn confirmed(case: &Case<'_>, now: &Look, seen: Charge, what: &str) -> Verdict {
    let quoted = case.quoted;
    if !case.comparable {
        let why = format!("{what}; the balance is in another currency, so the quote is taken");
        return Verdict::Confirmed { charged: quoted, measured: Measured::Quote, why };
    }
    let taken = |charged, why| Verdict::Confirmed { charged, measured: Measured::Reading, why };
    match seen {
        Charge::Seen(fell) if fell == quoted => {
            taken(fell, format!("{what}, and the balance fell by {fell}"))
        }
        Charge::Seen(fell) if fell > quoted => {
            taken(fell, format!("{what}, and the balance fell by {fell}, more than the quote"))
        }
        Charge::Seen(fell) if !case.bound => {
            taken(fell, format!("{what}, and the balance fell by {fell}, less than the quote"))
        }
        Charge::Least(fell) => {
            let more = if fell > quoted { ", more than the quote," } else { "" };
            let why = format!("{what}, and the balance fell by {fell}{more} or by more still");
            Verdict::Confirmed { charged: fell, measured: Measured::Quote, why }
        }
        Charge::Contested(fell) => {
            let why = format!(
                "{what}; the balance fell by {fell} while something else could move it too, so the quote is taken"
            );
            Verdict::Confirmed { charged: quoted, measured: Measured::Quote, why }
        }
        _ => {
            let why = format!(
                "{what}; the balance differs by {} from what renewd knows of, so the quote is taken",
                now.fell
            );
            Verdict::Confirmed { charged: quoted, measured: Measured::Quote, why }
        }
    }
}

#[cfg(test)]
#[path = "renewal_tests.rs"]
mod tests;
