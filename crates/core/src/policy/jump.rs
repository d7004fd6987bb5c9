//! `max_price_jump`: whether a price is too much dearer than the last one, per day. Pure.
use rust_decimal::Decimal;

use crate::domain::{Money, Percent};

/// Whether `now` (an amount for so many days) costs more per day than `last` and `most` on top of it. Without a division; what cannot be
/// computed jumps.
#[must_use]
pub fn jumps(most: Percent, now: (Money, u32), last: (Money, u32)) -> bool {
    let of = |amount: Money, days: u32| amount.decimal().checked_mul(Decimal::from(days));
    let asked = of(now.0, last.1).and_then(|d| d.checked_mul(Decimal::ONE_HUNDRED));
    let allowed = of(last.0, now.1).and_then(|d| d.checked_mul(Decimal::ONE_HUNDRED.checked_add(most.0)?));
    asked.zip(allowed).is_none_or(|(asked, allowed)| asked > allowed)
}
