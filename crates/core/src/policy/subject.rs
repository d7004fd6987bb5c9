//! A lease with all that policies look at. Pure.
//!
//! What a list does not tell is handed in: the provider's word, the labels of the config, what the last term cost. Not responsible for
//! matching (`matcher.rs`) or for which policies there are (`policies.rs`).
use std::cell::OnceCell;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::keep::Keeps;
use super::key::Key;
use crate::domain::{AccountName, LeaseView, Money, ProviderName};

/// Knows what the last term of a lease cost, and which leases an operator keeps: what the ledger has of a lease.
pub trait LastPaid: Sync {
    /// That price; `None` where nothing was paid for it yet, or it cannot be told.
    fn last_paid(&self, lease: &LeaseView<'_>) -> Option<Money>;

    /// Which leases are treated by a policy that is not their own.
    fn keeps(&self) -> &Keeps {
        Keeps::none()
    }
}

/// Knows whose accounts are whose.
pub trait Providers: Sync {
    /// The provider's word of an account; `None` where it is not configured.
    fn provider(&self, account: &AccountName) -> Option<&ProviderName>;
}

/// Knows what the owner calls leases.
pub trait LabelBook: Sync {
    /// The labels of a lease, sorted.
    fn labels_of(&self, lease: &LeaseView<'_>, facts: Facts<'_>) -> Vec<Arc<str>>;
}

/// Knows no price and no label: for those who ask about neither.
#[derive(Debug, Clone, Copy, Default)]
pub struct NothingKnown;

impl LastPaid for NothingKnown {
    fn last_paid(&self, _: &LeaseView<'_>) -> Option<Money> {
        None
    }
}

impl LabelBook for NothingKnown {
    fn labels_of(&self, _: &LeaseView<'_>, _: Facts<'_>) -> Vec<Arc<str>> {
        Vec::new()
    }
}

/// What no list tells of a lease, labels apart.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The provider of each account.
    pub providers: &'a dyn Providers,
    /// What last terms cost.
    pub last_paid: &'a dyn LastPaid,
    /// Ages are counted up to it.
    pub now: Timestamp,
}

/// One lease as policies look at it.
pub struct Subject<'a> {
    lease: LeaseView<'a>,
    facts: Facts<'a>,
    book: &'a dyn LabelBook,
    labels: OnceCell<Vec<Arc<str>>>,
}

impl<'a> Subject<'a> {
    /// This lease.
    #[must_use]
    pub fn new(lease: LeaseView<'a>, facts: Facts<'a>, book: &'a dyn LabelBook) -> Self {
        Self { lease, facts, book, labels: OnceCell::new() }
    }

    /// Its value for a key; `None` = nothing. Labels are several: see [`Self::labels`].
    #[must_use]
    pub fn text(&self, key: Key) -> Option<&str> {
        let lease = &self.lease;
        let text = match key {
            Key::Account => lease.account.as_str(),
            Key::Provider => self.facts.providers.provider(lease.account)?.as_str(),
            Key::Kind => lease.kind.as_str(),
            Key::Country => lease.country?,
            Key::Operator => lease.operator?,
            Key::Ip => lease.ip,
            Key::Tag => lease.tag?,
            Key::Order => lease.order,
            Key::Lease => lease.id,
            Key::Label => return None,
        };
        (!text.is_empty()).then_some(text)
    }

    /// Its labels, sorted; looked up once.
    pub fn labels(&self) -> &[Arc<str>] {
        self.labels.get_or_init(|| self.book.labels_of(&self.lease, self.facts))
    }

    /// Since the provider's start of it; `None` where that is not told.
    #[must_use]
    pub fn age(&self) -> Option<SignedDuration> {
        self.lease.started_at.map(|at| self.facts.now.duration_since(at))
    }

    /// What its last term cost.
    #[must_use]
    pub fn last_price(&self) -> Option<Money> {
        self.facts.last_paid.last_paid(&self.lease)
    }
}
