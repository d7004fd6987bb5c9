//! The policies with all that it takes to find a lease's. Pure. Not responsible for what a policy does (`planner`).
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::keep::Kept;
use super::labels::Labels;
use super::matcher::Bound;
use super::rule::{Action, Policy};
use super::subject::{Facts, LabelBook, LastPaid, Providers, Subject};
use crate::domain::LeaseView;

/// Policies, and what they look at besides a list.
#[derive(Clone, Copy)]
pub struct Policies<'a> {
    /// Top to bottom: the first that matches decides.
    pub all: &'a [Policy],
    /// Labels of the config.
    pub labels: &'a Labels,
    /// The provider of each account.
    pub providers: &'a dyn Providers,
    /// Ages are counted up to it.
    pub now: Timestamp,
    /// What last terms cost.
    pub last_paid: &'a dyn LastPaid,
}

impl fmt::Debug for Policies<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policies").field("all", &self.all).field("now", &self.now).finish_non_exhaustive()
    }
}

impl std::ops::Index<usize> for Policies<'_> {
    type Output = Policy;

    fn index(&self, place: usize) -> &Policy {
        &self.all[place]
    }
}

impl<'a> Policies<'a> {
    /// What they know of a lease that no list tells.
    #[must_use]
    pub fn facts(&self) -> Facts<'a> {
        Facts { providers: self.providers, last_paid: self.last_paid, now: self.now }
    }

    /// A lease as these policies look at it.
    #[must_use]
    pub fn subject<'s>(&self, lease: impl Into<LeaseView<'s>>) -> Subject<'s>
    where
        'a: 's,
    {
        Subject::new(lease.into(), self.facts(), self.labels)
    }

    /// The policy that a lease falls under: the one that an operator keeps it like, else the first that matches it. Where it is kept
    /// like a policy that is not there, one of its own that renews it decides, and otherwise none: it is not let go.
    #[must_use]
    pub fn place_of<'s>(&self, lease: impl Into<LeaseView<'s>>) -> Option<usize>
    where
        'a: 's,
    {
        let lease = lease.into();
        let own = || {
            let subject = self.subject(lease);
            self.all.iter().position(|p| p.matches.matches(&subject))
        };
        match self.kept(lease) {
            Some(Kept::Like(at, _)) => Some(at),
            Some(Kept::Orphaned(_)) => own().filter(|&at| self.all[at].action == Action::Renew),
            Some(Kept::Over(_)) | None => own(),
        }
    }

    /// What an operator's keep means for a lease; `None` = nobody keeps it.
    #[must_use]
    pub fn kept<'s>(&self, lease: impl Into<LeaseView<'s>>) -> Option<Kept<'a>>
    where
        'a: 's,
    {
        let lease = lease.into();
        let keep = self.last_paid.keeps().of(&lease)?;
        let like = self.all.iter().position(|p| p.name == keep.like);
        if keep.is_over(like.map(|at| &self.all[at].timezone), lease.term_end(), self.now) {
            return Some(Kept::Over(keep));
        }
        Some(like.map_or(Kept::Orphaned(keep), |at| Kept::Like(at, keep)))
    }

    /// The same, itself.
    #[must_use]
    pub fn of<'s>(&self, lease: impl Into<LeaseView<'s>>) -> Option<&'a Policy>
    where
        'a: 's,
    {
        self.place_of(lease).map(|n| &self.all[n])
    }

    /// The labels of a lease, sorted.
    #[must_use]
    pub fn labels_of<'s>(&self, lease: impl Into<LeaseView<'s>>) -> Vec<Arc<str>> {
        self.labels.labels_of(&lease.into(), self.facts())
    }
}

/// Whether some policy looks at what last terms cost: nobody reads prices for the others.
#[must_use]
pub fn look_at_prices(policies: &[Policy]) -> bool {
    let price = |b: &Bound| matches!(b, Bound::MinLastPrice(_) | Bound::MaxLastPrice(_));
    policies.iter().flat_map(|p| p.matches.terms()).flat_map(|t| &t.bounds).any(price)
}
