//! How long before its end a lease falls due, as far as `before` and the period say it. Pure.
//!
//! Not responsible for what an order falls due later than others (`spread.rs`), nor for stages.
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::periods::periods;
use super::{Before, Policy};

/// How long before its end a lease falls due: `before`, a share of it being of the listed period that would be bought as far as `until` says
/// which (none: the first), and never more than the longest period.
/// A lease whose end is further away than one payment moves it is paid for already: a `before` of half a year on terms of a month would
/// otherwise buy a term in each cycle until six of them are paid.
#[must_use]
pub fn before(policy: &Policy, end: Timestamp) -> SignedDuration {
    let days = policy.periods.iter().copied().max().unwrap_or(30);
    wished(policy, end).min(SignedDuration::from_hours(24 * i64::from(days)))
}

/// `before` as written.
fn wished(policy: &Policy, end: Timestamp) -> SignedDuration {
    match policy.before {
        Before::Span(span) => span,
        Before::Share(share) => {
            let bought = || periods(policy, &policy.periods, end).first().copied();
            let days = if policy.periods.len() > 1 { bought() } else { policy.periods.first().copied() };
            let days = days.unwrap_or(30);
            let secs = Decimal::from(i64::from(days) * 86_400).checked_mul(share.0).unwrap_or_default()
                / Decimal::ONE_HUNDRED;
            SignedDuration::from_secs(secs.to_i64().unwrap_or_default())
        }
    }
}
