//! What is rented, as a provider's list tells it. Not responsible for wire formats.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::term::{Bought, Term, TermEnd, Told};
use super::{AccountName, Kind, LeaseId, LeaseView, Money, OrderId, OrderState};

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
    /// The mobile operator, where the provider names one.
    #[serde(default)]
    pub operator: Option<String>,
    /// When the provider says that it was first rented.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
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
        self.view().term_end()
    }

    /// The same with how exactly it was told. The instant of a hold is renewd's own.
    #[must_use]
    pub fn named_end(&self) -> Option<TermEnd> {
        self.view().named_end()
    }

    /// What names the current term in the ledger: see [`LeaseView::term`].
    #[must_use]
    pub fn term(&self) -> Option<Term> {
        self.view().term()
    }

    /// As a payment and the ledger name it; `None` where nothing names its term.
    #[must_use]
    pub fn reference(&self) -> Option<RequestLease> {
        self.view().reference()
    }

    /// The same lease, borrowed.
    #[must_use]
    pub fn view(&self) -> LeaseView<'_> {
        LeaseView::from(self)
    }
}

impl<'a> From<&'a Lease> for LeaseView<'a> {
    fn from(lease: &'a Lease) -> Self {
        Self {
            account: &lease.account,
            id: lease.id.as_str(),
            order: lease.order.as_str(),
            ip: &lease.ip,
            port: lease.port,
            kind: &lease.kind,
            country: lease.country.as_deref(),
            tag: lease.tag.as_deref(),
            operator: lease.operator.as_deref(),
            started_at: lease.started_at,
            expires_at: lease.expires_at,
            told: lease.told,
            provider_renews: lease.provider_renews,
            state: &lease.state,
            held_since: lease.held_since,
            cycle: lease.cycle.as_deref(),
            price: lease.price,
        }
    }
}

impl LeaseView<'_> {
    /// A lease of its own with these fields.
    #[must_use]
    pub fn to_lease(&self) -> Lease {
        Lease {
            account: self.account.clone(),
            id: LeaseId::new(self.id),
            order: OrderId::new(self.order),
            ip: self.ip.to_owned(),
            port: self.port,
            kind: self.kind.clone(),
            country: self.country.map(str::to_owned),
            tag: self.tag.map(str::to_owned),
            operator: self.operator.map(str::to_owned),
            started_at: self.started_at,
            expires_at: self.expires_at,
            told: self.told,
            provider_renews: self.provider_renews,
            state: self.state.clone(),
            held_since: self.held_since,
            cycle: self.cycle.map(str::to_owned),
            price: self.price,
        }
    }

    /// As a payment and the ledger name it; `None` where nothing names its term.
    #[must_use]
    pub fn reference(&self) -> Option<RequestLease> {
        let end = self.named_end()?;
        Some(RequestLease {
            id: LeaseId::new(self.id),
            order: OrderId::new(self.order),
            ip: self.ip.to_owned(),
            port: self.port,
            expires_at: end.at,
            told: end.told,
        })
    }
}

/// How a lease is paid for in one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bundle {
    /// Leases are paid singly or in any set.
    Lease,
    /// All leases of an order are paid together.
    Order,
}

/// A lease as it goes into a request: with the end that the payer expects to extend. It is also how the ledger, the plan and
/// evidence know a lease and its term again: see [`RequestLease::is_same_lease`] and [`super::term`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLease {
    /// The provider's id.
    pub id: LeaseId,
    /// Its order.
    pub order: OrderId,
    /// Its address.
    pub ip: String,
    /// Its port, where its account's list holds the address more than once: behind a gateway only the port tells leases apart.
    pub port: Option<u16>,
    /// The end it has now; the payment is only made while this is still so.
    pub expires_at: Timestamp,
    /// How exactly that end was told.
    pub told: Told,
}

impl RequestLease {
    /// The end it has.
    #[must_use]
    pub fn end(&self) -> TermEnd {
        TermEnd { at: self.expires_at, told: self.told }
    }

    /// Whether both are one lease: the same id, or, as an id may change with a renewal, the same address of the same order.
    #[must_use]
    pub fn is_same_lease(&self, other: &Self) -> bool {
        same_lease(self.named(), other.named())
    }

    fn named(&self) -> Named<'_> {
        (self.id.as_str(), self.order.as_str(), &self.ip, self.port)
    }

    /// The same for a lease as it is listed.
    #[must_use]
    pub fn is_lease<'a>(&self, lease: impl Into<LeaseView<'a>>) -> bool {
        let lease = lease.into();
        same_lease(self.named(), (lease.id, lease.order, lease.ip, lease.port))
    }

    /// Whether id, order and address all agree: so much is no accident even between accounts whose ids are independent of each other.
    #[must_use]
    pub fn is_wholly<'a>(&self, lease: impl Into<LeaseView<'a>>) -> bool {
        let lease = lease.into();
        self.id.as_str() == lease.id && self.order.as_str() == lease.order && self.has_address_of(lease)
    }

    /// Whether both have one address, of whatever order: an unsettled payment keeps an address from being paid again under any name.
    #[must_use]
    pub fn has_address_of<'a>(&self, lease: impl Into<LeaseView<'a>>) -> bool {
        let lease = lease.into();
        same_address((&self.ip, self.port), (lease.ip, lease.port))
    }
}

/// A lease by what it is known by, whatever term it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseName {
    /// The provider's id.
    pub id: LeaseId,
    /// Its order.
    pub order: OrderId,
    /// Its address.
    pub ip: String,
    /// Its port, where its account's list holds the address more than once.
    pub port: Option<u16>,
}

impl LeaseName {
    /// What this lease is known by.
    #[must_use]
    pub fn of(lease: &Lease) -> Self {
        Self { id: lease.id.clone(), order: lease.order.clone(), ip: lease.ip.clone(), port: lease.port }
    }

    /// Whether both are one lease: see [`RequestLease::is_same_lease`].
    #[must_use]
    pub fn is_same_lease(&self, other: &Self) -> bool {
        same_lease(self.named(), other.named())
    }

    /// The same for a lease as it is listed.
    #[must_use]
    pub fn is_lease<'a>(&self, lease: impl Into<LeaseView<'a>>) -> bool {
        let lease = lease.into();
        same_lease(self.named(), (lease.id, lease.order, lease.ip, lease.port))
    }

    fn named(&self) -> Named<'_> {
        (self.id.as_str(), self.order.as_str(), &self.ip, self.port)
    }
}

type Named<'a> = (&'a str, &'a str, &'a str, Option<u16>);

fn same_lease(a: Named<'_>, b: Named<'_>) -> bool {
    a.0 == b.0 || (a.1 == b.1 && same_address((a.2, a.3), (b.2, b.3)))
}

/// Whether two addresses are one. A port that only one side knows tells nothing: the address may have been the only lease then.
#[must_use]
pub fn same_address(a: (&str, Option<u16>), b: (&str, Option<u16>)) -> bool {
    !a.0.is_empty() && a.0 == b.0 && same_port(a.1, b.1)
}

/// Whether two ports may be one.
#[must_use]
pub fn same_port(a: Option<u16>, b: Option<u16>) -> bool {
    a.zip(b).is_none_or(|(a, b)| a == b)
}

impl Bought {
    /// For one lease of a set of which the earliest new end is known: all ends of a set move alike.
    #[must_use]
    pub fn of(
        lease: &RequestLease,
        set: &[RequestLease],
        earliest_after: Option<Timestamp>,
        days: u32,
    ) -> Self {
        let first = set.iter().map(|l| l.expires_at).min().unwrap_or(lease.expires_at);
        let after = earliest_after
            .filter(|end| *end > first)
            .and_then(|end| lease.expires_at.checked_add(end.duration_since(first)).ok());
        Self { before: lease.end(), after, days }
    }
}
