//! The provider's own books: every movement of money, exactly. Not responsible for causing any.
use jiff::Timestamp;

use crate::twice::{self, Charge};
use renewd_core::domain::Money;

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// The account holder paid money in.
    TopUp,
    /// A renewal somebody asked for.
    Renewal,
    /// A new order.
    Purchase,
    /// The provider's own auto-renewal.
    Auto,
    /// Somebody else spent from the same balance.
    Foreign,
}

/// One proxy of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its id when it was paid.
    pub id_before: String,
    /// Its id afterwards: always another one.
    pub id_after: String,
    /// Its order.
    pub order: String,
    /// Its address and port: what never changes.
    pub place: String,
    /// The end before; `None` for a new one.
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
    /// How much, always positive.
    pub amount: Money,
    /// After.
    pub balance_after: Money,
    /// The term bought, in days; 0 where none was.
    pub days: u32,
    /// What was bought; empty where nothing was.
    pub lines: Vec<Line>,
}

/// Everything that happened, in order, and the places whose end passed unpaid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Books {
    /// Movements of money.
    pub entries: Vec<Entry>,
    /// Proxies that ended.
    pub lapses: Vec<String>,
}

impl Books {
    /// Every charge.
    pub fn charges(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.kind != EntryKind::TopUp)
    }

    /// Every charge that paid for this address, or address and port.
    pub fn charges_for<'a>(&'a self, place: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.charges().filter(move |entry| entry.lines.iter().any(|line| line.place == place))
    }
    /// Places that were renewed again before half of the term just bought had gone by: double charges.
    #[must_use]
    pub fn paid_twice(&self) -> Vec<String> {
        twice::paid_twice(self.entries.iter().map(|entry| {
            let renewed = entry.lines.iter().filter(|line| line.end_before.is_some());
            let renewed = renewed.map(|line| line.place.as_str()).collect();
            Charge { account: &entry.account, at: entry.at, days: entry.days, renewed }
        }))
    }
}
