//! Asking a price and the answer. A quote is evidence for exactly one request at one instant.
use super::term::TermEnd;
use super::time::Moment;
use super::{AccountName, Kind, Money};
use super::{Balance, RequestLease};

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
    /// What one of its leases costs within this very price, where the provider tells it: prices may depend on how many are paid at once.
    pub each: Option<Money>,
    /// The order as this very quote read it anew, where it does that and found it renewable.
    pub order: Option<OrderNow>,
}

impl Quote {
    /// Whether it is the price of `n` leases at what each costs, as far as that is told.
    #[must_use]
    pub fn adds_up(&self, n: usize) -> bool {
        let n = u64::try_from(n).unwrap_or(u64::MAX);
        self.each.is_none_or(|each| each.times(n) == Some(self.price))
    }
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
    /// The provider does not sell that term.
    #[error("the provider does not sell {days} days: {message}")]
    NotSold {
        /// The term that was asked for.
        days: u32,
        /// Its words, shortened and cleaned of secrets.
        message: String,
    },
    /// No answer: network, time-out, status.
    #[error("no quote: {0}")]
    NoAnswer(String),
}
