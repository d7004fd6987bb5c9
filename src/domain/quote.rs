//! Asking a price and the answer. A quote is evidence for exactly one request at one instant.
use jiff::Timestamp;

use super::lease::{Balance, Lease};
use super::term::{TermEnd, Told};
use super::time::Moment;
use super::{AccountName, Kind, LeaseId, Money, OrderId};

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
        same_lease(
            (&self.id, &self.order, &self.ip, self.port),
            (&other.id, &other.order, &other.ip, other.port),
        )
    }

    /// The same for a lease as it is listed.
    #[must_use]
    pub fn is_lease(&self, lease: &Lease) -> bool {
        same_lease(
            (&self.id, &self.order, &self.ip, self.port),
            (&lease.id, &lease.order, &lease.ip, lease.port),
        )
    }

    /// Whether both have one address, of whatever order: an unsettled payment keeps an address from being paid again under any name.
    #[must_use]
    pub fn has_address_of(&self, lease: &Lease) -> bool {
        same_address((&self.ip, self.port), (&lease.ip, lease.port))
    }
}

type Named<'a> = (&'a LeaseId, &'a OrderId, &'a str, Option<u16>);

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

/// By what the provider is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// By lease ids.
    Leases,
    /// By order id: all that the order holds, also what the list hides.
    Order,
}

/// Exactly what is to be quoted or paid in one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewalRequest {
    /// Which account pays.
    pub account: AccountName,
    /// One kind per request.
    pub kind: Kind,
    /// The leases, never empty, in plan order.
    pub leases: Vec<RequestLease>,
    /// The term to buy, in days; nominal where the provider sells cycles.
    pub period_days: u32,
    /// The order's billing cycle, where cycles are sold.
    pub cycle: Option<String>,
    /// The promo code to send.
    pub promo: Option<String>,
    /// By lease or by order.
    pub method: Method,
}

/// What became of the promo code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromoStatus {
    /// Accepted.
    Valid,
    /// Not accepted: the full price is asked.
    Invalid,
}

impl PromoStatus {
    /// As the providers and our JSON spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::Invalid => "NO_VALID",
        }
    }
}

/// A readable price answer. Not yet a clean one: `warnings` and `promo` are for the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// The whole price of the request.
    pub price: Money,
    /// The account's balance at that instant, and the currency of both.
    pub balance: Balance,
    /// `None` where no code was sent or the provider said nothing.
    pub promo: Option<PromoStatus>,
    /// Anything the provider warned of; non-empty means that it would not execute the order.
    pub warnings: Vec<Warning>,
    /// By what the quote was finally given: code 28 turns a quote by lease into one by order.
    pub method: Method,
    /// When it was asked (taken before the request left).
    pub asked_at: Moment,
    /// What the last term cost by the provider's own record, for the whole request: stands in where renewd has not paid
    /// for it yet. `None` where the provider does not say.
    pub paid_before: Option<Money>,
    /// The order as this very quote read it anew, where it does that and found it renewable.
    pub order: Option<OrderNow>,
}

/// What a quote read of its order itself, after `asked_at`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderNow {
    /// Its end; `None` where the order does not tell it.
    pub end: Option<TermEnd>,
    /// The provider's own auto-renewal; `None` where the order does not tell it.
    pub provider_renews: Option<bool>,
}

/// One warning in a quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The provider's code, if it had one.
    pub code: Option<i64>,
    /// Its text, shortened and cleaned of secrets.
    pub message: String,
    /// It says that funds are short, which renewd also knows by its own arithmetic.
    pub short_of_funds: bool,
}

/// Why there is no quote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// The provider answered with an error of its own.
    #[error("the provider refused to quote: code {code}: {message}")]
    Refused {
        /// The provider's code.
        code: i64,
        /// Its text, shortened and cleaned of secrets.
        message: String,
    },
    /// The answer had a field that cannot be read.
    #[error("the quote cannot be read: {0}")]
    Unreadable(String),
    /// No answer: network, time-out, status.
    #[error("no quote: {0}")]
    NoAnswer(String),
}
