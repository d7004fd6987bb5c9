//! One line of the plan.
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::{Currency, Lease, LeaseId, Money, PromoStatus};
use crate::policy::{Decision, Reason, Stage};

/// A lease with its decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What was read.
    pub lease: Lease,
    /// `None` where the end cannot be read.
    pub stage: Option<Stage>,
    /// What the config calls it, sorted.
    pub labels: Vec<Arc<str>>,
    /// Why.
    pub reason: Reason,
    /// Index into the policies of the policy that decided.
    pub policy: Option<usize>,
    /// `expires_at − before`, later by its order's delay where the policy spreads them.
    pub due_at: Option<Timestamp>,
    /// Its share of the price asked.
    pub quote: Option<ItemQuote>,
    /// The leases paid together with it, itself included.
    pub bundle: Vec<LeaseId>,
    /// 1, or 2 for the one second attempt that evidence and policy allow.
    pub attempt: u32,
    /// Who pays for its next term.
    pub paid_by: PaidBy,
    /// The provider's auto-renewal is on or unknown and must be read off before renewd pays.
    pub switch_off_first: bool,
    /// On hold: when the provider gives it up for good.
    pub gone_at: Option<Timestamp>,
}

/// Who pays for a lease's next term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PaidBy {
    /// renewd.
    Renewd,
    /// The provider's own auto-renewal, which renewd only allows or forbids.
    Provider,
}

/// A price for one lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemQuote {
    /// This lease's share.
    pub amount: Money,
    /// In what.
    pub currency: Currency,
    /// For how long.
    pub period_days: u32,
    /// What became of the promo code.
    pub promo: Option<PromoStatus>,
}

impl Item {
    /// Until when it can be saved: its end, or for an order on hold the day it is given up.
    #[must_use]
    pub fn last_chance(&self) -> Option<Timestamp> {
        self.gone_at.or(self.lease.expires_at)
    }

    /// What is to be done.
    #[must_use]
    pub fn decision(&self) -> Decision {
        self.reason.word.decision()
    }
}

/// By end, then id.
pub(super) fn sort(items: &mut [Item]) {
    items.sort_by(|a, b| {
        let end = |i: &Item| i.lease.term_end().unwrap_or(Timestamp::MIN);
        end(a).cmp(&end(b)).then_with(|| a.lease.id.cmp(&b.lease.id))
    });
}
