//! What is rented, as a provider's list tells it. Not responsible for wire formats.
use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::cycle::nominal_days;
use super::quote::same_port;
use super::term::{Term, TermEnd, Told};
use super::{AccountName, Currency, Kind, LeaseId, Money, OrderId, RequestLease};

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
    /// Its port, told only where the account's list holds the address more than once, as behind a gateway.
    #[serde(default)]
    pub port: Option<u16>,
    /// What it is.
    pub kind: Kind,
    /// ISO 3166-1 alpha-3, if known.
    pub country: Option<String>,
    /// The order's tag, where the provider has tags.
    pub tag: Option<String>,
    /// End of the current term; `None` = the provider's text could not be read, which is an alert, never "not due".
    pub expires_at: Option<Timestamp>,
    /// How exactly that end was told.
    #[serde(default)]
    pub told: Told,
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

    /// The same with how exactly it was told. The instant of a hold is renewd's own.
    #[must_use]
    pub fn named_end(&self) -> Option<TermEnd> {
        let own = self.expires_at.map(|at| TermEnd { at, told: self.told });
        own.or(self.held_since.map(TermEnd::instant))
    }

    /// What names the current term in the ledger. A told end is the only name, or, told after the order went on hold, the first.
    /// Without one, whoever was paid for less than half a cycle before the order was (again) seen on hold cannot have used that
    /// up: it was paid for this term.
    #[must_use]
    pub fn term(&self) -> Option<Term> {
        let end = self.named_end()?;
        if self.expires_at.is_some() {
            let to = self.held_since.unwrap_or(end.at).max(end.at);
            return Some(Term { from: end, to, told: true });
        }
        let half = i64::from(self.cycle.as_deref().map_or(30, nominal_days)) * 12;
        let from = end.at.checked_sub(SignedDuration::from_hours(half)).unwrap_or(end.at);
        Some(Term { from: TermEnd::instant(from), to: end.at, told: false })
    }

    /// As a payment and the ledger name it; `None` where nothing names its term.
    #[must_use]
    pub fn reference(&self) -> Option<RequestLease> {
        let end = self.named_end()?;
        Some(RequestLease {
            id: self.id.clone(),
            order: self.order.clone(),
            ip: self.ip.clone(),
            port: self.port,
            expires_at: end.at,
            told: end.told,
        })
    }
}

/// Where a list has leases: their orders and addresses, with ports where those are told.
pub struct Places<'a>(HashMap<(&'a OrderId, &'a str), Vec<Option<u16>>>);

impl<'a> Places<'a> {
    /// Of this list.
    #[must_use]
    pub fn of(listed: &'a [Lease]) -> Self {
        let mut places: HashMap<_, Vec<_>> = HashMap::new();
        for l in listed.iter().filter(|l| !l.ip.is_empty()) {
            places.entry((&l.order, l.ip.as_str())).or_default().push(l.port);
        }
        Self(places)
    }

    /// Whether one of them is where this one was, under whatever id.
    #[must_use]
    pub fn has(&self, lease: &Lease) -> bool {
        let ports = self.0.get(&(&lease.order, lease.ip.as_str()));
        ports.is_some_and(|ports| ports.iter().any(|p| same_port(*p, lease.port)))
    }
}

/// The known leases that a list (sorted by id) no longer has: neither by id nor by order and address, or under the same id with
/// another address in its place. An id that changes with a renewal is no loss.
#[must_use]
pub fn lost<'a>(known: &'a [Lease], listed: &[Lease]) -> Vec<&'a Lease> {
    let places = Places::of(listed);
    let gone = |k: &&Lease| {
        let now = listed.binary_search_by(|l| l.id.cmp(&k.id)).ok().map(|i| &listed[i].ip);
        !places.has(k) && now.is_none_or(|ip| !ip.is_empty() && !k.ip.is_empty() && *ip != k.ip)
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
    /// A hash of the provider's own id of whose account this is, where it tells one.
    pub owner: Option<String>,
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
