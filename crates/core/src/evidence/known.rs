//! How well it is known what a payment cost, by its own record. Pure. Not responsible for finding it out (`cost.rs`, `surplus.rs`).
use crate::domain::{Measured, Money, State};
use crate::record::IntentRecord;

/// It is known to the cent what it cost. What was confirmed before such things were kept counts as known.
#[must_use]
pub fn is_seen(record: &IntentRecord) -> bool {
    match record.detail.measured {
        Some(measured) => measured != Measured::Quote,
        None => record.state == State::Confirmed,
    }
}

/// A confirmed payment for which more counts than its quote, though it is not known that it cost that.
#[must_use]
pub fn counts_more(record: &IntentRecord) -> bool {
    record.state == State::Confirmed
        && record.detail.measured == Some(Measured::Quote)
        && record.detail.charged.is_some_and(|c| c > record.quoted)
}

/// A part for which more counts than its share, because it is not known for which lease it was taken.
#[must_use]
pub fn is_assumed(part: &IntentRecord) -> bool {
    part.parent.is_some() && counts_more(part)
}

/// What it cost as far as that is known: its quote where more only counts for it.
#[must_use]
pub fn known_cost(record: &IntentRecord) -> Money {
    record.detail.charged.filter(|_| !counts_more(record)).unwrap_or(record.quoted)
}
