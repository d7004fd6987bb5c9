//! What a lease's end says about a payment for it. Pure.
use jiff::{SignedDuration, Timestamp};

use crate::domain::{Sameness, TermEnd, term};

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
