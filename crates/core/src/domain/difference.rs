//! Where a list differs from what is known: all that need be compared lease by lease. Pure.
use std::ops::Range;

use super::{LeaseView, Leases};

/// The known leases that may differ from a list, and the places of the list that stand against them. What is in neither is the same
/// on both sides to the letter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// As last known.
    pub known: Leases,
    /// Places of the list, one range behind the other.
    pub listed: Vec<Range<usize>>,
}

impl Difference {
    /// Nothing was compared: everything may differ.
    #[must_use]
    pub fn whole(known: Leases, listed: usize) -> Self {
        Self { known, listed: std::iter::once(0..listed).filter(|all| !all.is_empty()).collect() }
    }

    /// Nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.listed.is_empty()
    }

    /// The places of the list that may differ.
    pub fn places(&self) -> impl Iterator<Item = usize> {
        self.listed.iter().cloned().flatten()
    }

    /// How many of the known leases are of that kind: those that may differ, and those that are listed as they are known.
    pub fn count_known(&self, listed: &Leases, of: impl Fn(&LeaseView<'_>) -> bool) -> usize {
        let count = |n: &usize| of(&listed.view(*n));
        let all = (0..listed.len()).filter(count).count();
        let differing = self.places().filter(count).count();
        all - differing + self.known.iter().filter(|l| of(l)).count()
    }
}
