//! What is rented, as a provider's list tells it. Not responsible for wire formats.
use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::cycle::nominal_days;
use super::{AccountName, Currency, Kind, LeaseId, Money, OrderId};

/// One rented IP (or order, where the provider sells those) as last read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The account it was read from.
    pub account: AccountName,
    /// The provider's id.
    pub id: LeaseId,
    /// The order it belongs to.
    pub order: OrderId,
    /// Its address as text; empty if the provider did not say.
    pub ip: String,
    /// What it is.
    pub kind: Kind,
    /// ISO 3166-1 alpha-3, if known.
    pub country: Option<String>,
    /// The order's tag, where the provider has tags.
    pub tag: Option<String>,
    /// End of the current term; `None` = the provider's text could not be read, which is an alert, never "not due".
    pub expires_at: Option<Timestamp>,
    /// The provider's own auto-renewal flag; `None` = not told.
    pub provider_renews: Option<bool>,
    /// Where the order stands.
    pub state: OrderState,
    /// When renewd first saw it on hold; set by the engine from the ledger, `None` while it is not on hold.
    pub held_since: Option<Timestamp>,
    /// The order's billing cycle, where cycles are sold.
    pub cycle: Option<String>,
    /// What the provider's own record says that one more term costs, if it says so.
    pub price: Option<Money>,
}

impl Lease {
    /// The instant that names the current term: its end; for an order on hold without one, when it was first seen so.
    #[must_use]
    pub fn term_end(&self) -> Option<Timestamp> {
        self.expires_at.or(self.held_since)
    }

    /// The instants that may name the current term in the ledger, earliest and latest. A told end is the only one, or, told
    /// after the order went on hold, the first. Without one, whoever was paid for less than half a cycle before the order was
    /// (again) seen on hold cannot have used that up: it was paid for this term.
    #[must_use]
    pub fn term_names(&self) -> Option<(Timestamp, Timestamp)> {
        let Some(end) = self.expires_at else {
            let half = i64::from(self.cycle.as_deref().map_or(30, nominal_days)) * 12;
            let held = self.held_since?;
            return Some((held.checked_sub(SignedDuration::from_hours(half)).unwrap_or(held), held));
        };
        Some((end, self.held_since.unwrap_or(end).max(end)))
    }

    /// Whether a payment for the term of this name was one for the current term.
    #[must_use]
    pub fn is_in_term(&self, name: Timestamp) -> bool {
        self.term_names().is_some_and(|(from, to)| from <= name && name <= to)
    }
}

/// The known leases that a list (sorted by id) no longer has: neither by id nor by order and address, or under the same id with
/// another address in its place. An id that changes with a renewal is no loss.
#[must_use]
pub fn lost<'a>(known: &'a [Lease], listed: &[Lease]) -> Vec<&'a Lease> {
    let places: HashSet<_> = listed.iter().map(|l| (&l.order, &l.ip)).collect();
    let gone = |k: &&Lease| {
        let there = !k.ip.is_empty() && places.contains(&(&k.order, &k.ip));
        let now = listed.binary_search_by(|l| l.id.cmp(&k.id)).ok().map(|i| &listed[i].ip);
        !there && now.is_none_or(|ip| !ip.is_empty() && !k.ip.is_empty() && *ip != k.ip)
    };
    known.iter().filter(gone).collect()
}

/// Where an order stands at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// In service.
    Active,
    /// Past its end and kept for a while: it can still be renewed.
    OnHold,
    /// A word that nobody knows: hands off. The text is the provider's, cleaned.
    Other(String),
}

impl OrderState {
    /// The word in the ledger.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Active => "active",
            Self::OnHold => "on-hold",
            Self::Other(word) => word,
        }
    }

    /// The state of a stored word.
    #[must_use]
    pub fn stored(word: &str) -> Self {
        match word {
            "active" => Self::Active,
            "on-hold" => Self::OnHold,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// A balance as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// How much there is.
    pub amount: Money,
    /// In what.
    pub currency: Currency,
}

/// One whole read of an account: every lease and the balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// Every lease, sorted by id, each id once.
    pub leases: Vec<Lease>,
    /// The balance, read after the list.
    pub balance: Balance,
    /// What was odd but readable (dates without a zone, duplicate rows): for the log.
    pub oddities: Vec<String>,
    /// Records that could not be read at all (no id): each is an alert, since one of them may be due.
    pub unreadable: usize,
    /// How far the provider's `Date` header is ahead of our wall clock (negative: behind); `None` if it had none.
    pub clock_skew: Option<jiff::SignedDuration>,
    /// Why the list as a whole is not to be believed.
    pub doubt: Option<Doubt>,
}

/// What a provider's own words say against a list of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// Another count differs from it, and nobody can tell which is right.
    Count(String),
    /// It says itself that it is a part: what it lists is there, and what it lacks is not gone.
    Part(String),
}

/// How a lease is paid for in one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bundle {
    /// Leases are paid singly or in any set.
    Lease,
    /// All leases of an order are paid together.
    Order,
}
