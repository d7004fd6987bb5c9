//! The provider's own books: every movement of money and every lapse, exactly. Not responsible for causing any of them.
use jiff::Timestamp;

use super::Endpoint;
use crate::twice::{self, Charge};
use renewd_core::domain::Money;

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// The account holder paid money in.
    TopUp,
    /// An extension somebody asked for.
    Extension,
    /// A new order.
    Purchase,
    /// The provider's own auto-extend.
    AutoExtend,
    /// Somebody else spent from the same balance.
    Foreign,
}

/// One lease of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its id when it was paid.
    pub id_before: String,
    /// Its id afterwards: another one where ids rotate.
    pub id_after: String,
    /// Its order.
    pub order: String,
    /// Its address: the one name that never changes.
    pub ip: String,
    /// The end before; `None` for a new lease.
    pub end_before: Option<Timestamp>,
    /// The end after.
    pub end_after: Timestamp,
}

/// One movement of money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When the money moved, which may be later than the request.
    pub at: Timestamp,
    /// The account's API key.
    pub account: String,
    /// Why.
    pub kind: EntryKind,
    /// The call that caused it; `None` for top-ups, auto-extends and what others spent.
    pub endpoint: Option<Endpoint>,
    /// How much, always positive.
    pub amount: Money,
    /// Before.
    pub balance_before: Money,
    /// After.
    pub balance_after: Money,
    /// The term bought, in days; 0 where none was.
    pub days: u32,
    /// What was bought; empty where nothing was.
    pub lines: Vec<Line>,
}

impl Entry {
    /// The entry took money from the account.
    #[must_use]
    pub fn is_charge(&self) -> bool {
        self.kind != EntryKind::TopUp
    }
}

/// A lease whose end passed unpaid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lapse {
    /// The account's API key.
    pub account: String,
    /// Its last id.
    pub id: String,
    /// Its order.
    pub order: String,
    /// Its address.
    pub ip: String,
    /// The end that passed.
    pub end: Timestamp,
}

/// Everything that happened, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Books {
    /// Movements of money.
    pub entries: Vec<Entry>,
    /// Leases that ended.
    pub lapses: Vec<Lapse>,
}

impl Books {
    /// Every charge.
    pub fn charges(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.is_charge())
    }

    /// Every charge that paid for this address.
    pub fn charges_for<'a>(&'a self, ip: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.charges().filter(move |entry| entry.lines.iter().any(|line| line.ip == ip))
    }

    /// Addresses that were extended again before half of the term just bought had gone by: double charges. (The end
    /// alone cannot tell them, since a new term starts at the old end.)
    #[must_use]
    pub fn paid_twice(&self) -> Vec<String> {
        twice::paid_twice(self.entries.iter().map(|entry| {
            let renewed = entry.lines.iter().filter(|line| line.end_before.is_some());
            let renewed = renewed.map(|line| line.ip.as_str()).collect();
            Charge { account: &entry.account, at: entry.at, days: entry.days, renewed }
        }))
    }

    /// Top-ups minus charges of one account; `None` on overflow.
    #[must_use]
    pub fn net(&self, account: &str) -> Option<Money> {
        self.entries.iter().filter(|entry| entry.account == account).try_fold(Money::ZERO, |sum, entry| {
            if entry.is_charge() { sum.minus(entry.amount) } else { sum.plus(entry.amount) }
        })
    }
}
