//! What the demo counts on the way, and sums of money for people.
use std::collections::BTreeMap;

use super::failed;
use crate::cli::context::Failure;
use crate::domain::Money;

/// What is counted on the way, by account.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) cycles: usize,
    /// The most leases that waited for money at once.
    pub(super) waited: BTreeMap<&'static str, usize>,
    /// Payments whose answer was lost.
    pub(super) lost: BTreeMap<String, Vec<String>>,
    /// Money on its way: when it arrives, and how much.
    pub(super) coming: BTreeMap<&'static str, (i64, Money)>,
    /// How often somebody topped up.
    pub(super) top_ups: BTreeMap<&'static str, usize>,
}

/// A sum of money for people; an overflow does not occur in this world.
pub(super) fn sum(amounts: impl IntoIterator<Item = Money>) -> Result<Money, Failure> {
    Money::sum(amounts).ok_or_else(|| failed("a sum of money is out of range"))
}
