//! The provider port: what renewd needs of a company that rents out IPs, and the adapters that give it.
//!
//! A [`Reader`] can never spend. A [`Spender`] is a separate object that is only built for commands that may pay, and
//! it spends only against a [`SpendPermit`]. A crash while a reader is at work loses nothing; a crash while a spender is at work
//! leaves a payment whose outcome is unknown, which is why the permit's row is durable before the spender is called.
mod connection;
pub mod dates;
pub mod exec;
mod http;
mod json;
pub mod limiter;
pub mod proxyseller;
pub mod proxyshard;
pub mod px6;
pub mod traffic;
mod wiring;
mod words;
pub mod youproxy;

use jiff::Timestamp;

pub use crate::domain::Capabilities;
pub use crate::domain::PromoCode;
use crate::domain::{
    Balance, Catalogue, ChangeRequest, FieldProblem, Inventory, Kind, Money, OrderId, PromoStatus,
    PurchaseRequest, Quote, QuoteError, RenewalRequest, RequestLease,
};
use crate::evidence::{LoggedRenewal, ToldEnd};
use crate::ledger::{ChangePermit, PurchasePermit, SpendPermit};

pub use connection::{ConnectError, Connection};
pub use wiring::{capabilities, connect, connect_changer, connect_spender};
pub use words::Words;

/// Why an account could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The provider says that the key is wrong.
    #[error(
        "the provider refuses the API key (code {code}: {message}): put the right key into the file named by `api_key`"
    )]
    WrongKey {
        /// The provider's code.
        code: i64,
        /// Its text, cleaned.
        message: String,
    },
    /// Another error of the provider's own.
    #[error("the provider answered with an error (code {code}: {message})")]
    Refused {
        /// The provider's code.
        code: i64,
        /// Its text, cleaned.
        message: String,
    },
    /// Network, time-out, HTTP status.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// An answer that cannot be read as what was asked for.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
}

/// Reads of one account. Every call goes through the account's request limiter; reads may be retried inside.
#[async_trait::async_trait]
pub trait Reader: Send + Sync {
    /// What this provider can do.
    fn capabilities(&self) -> &Capabilities;
    /// The digest of the program of somebody else's that does the reading, as it was last looked at; `None` where renewd itself reads.
    fn program(&self) -> Option<String> {
        None
    }
    /// Every lease and, after it, the balance.
    async fn inventory(&self, purpose: Purpose) -> Result<Inventory, ReadError>;
    /// The balance alone.
    async fn balance(&self, purpose: Purpose) -> Result<Balance, ReadError>;
    /// Terms on offer for a kind, in days.
    async fn periods(&self, kind: &Kind) -> Result<Vec<u32>, ReadError>;
    /// Promo codes open to the account.
    async fn promo_codes(&self) -> Result<Vec<PromoCode>, ReadError>;
    /// The price of exactly this request. Waits for the limiter until the quote *and* a payment after it have room, so
    /// that a quote does not age while its payment waits.
    async fn quote(&self, request: &RenewalRequest) -> Result<Quote, QuoteError>;
    /// Everything that the account can buy.
    async fn catalogue(&self) -> Result<Catalogue, ReadError>;
    /// Fields that this purchase lacks, or has and its product does not know. Sends nothing.
    fn purchase_problems(&self, request: &PurchaseRequest) -> Vec<FieldProblem>;
    /// The price of exactly this purchase. Waits for the limiter as [`Self::quote`] does.
    async fn quote_purchase(&self, request: &PurchaseRequest) -> Result<Quote, QuoteError>;
    /// These orders were paid for or changed: what the reader remembers of them is no longer to be used. A reader that
    /// remembers nothing between readings has nothing to do.
    fn forget(&self, orders: &[OrderId]) {
        let _ = orders;
    }
    /// What the provider calls each of these leases at this instant, in their order, where its own ids change and the ids of leases are
    /// the adapter's: the payment is made by these names. Empty where the ids of leases are the provider's, or one is not known.
    fn names(&self, leases: &[RequestLease]) -> Vec<String> {
        let _ = leases;
        Vec::new()
    }
    /// The provider's own log of renewals, where it has one: evidence for payments whose outcome is unknown.
    fn order_log(&self) -> Option<&dyn OrderLog> {
        None
    }
    /// What an order would cost for a term in another billing cycle; `None` where the provider cannot say.
    async fn quote_cycle(&self, request: &ChangeRequest, cycle: &str) -> Result<Option<Money>, QuoteError>;
}

/// The log that a provider keeps of renewals: an optional part of a [`Reader`], and a source of evidence of its own.
#[async_trait::async_trait]
pub trait OrderLog: Send + Sync {
    /// What it tells of renewals since that instant, and perhaps of earlier ones. Orders are named as in the newest inventory: what
    /// belongs to none of it is left out.
    async fn renewals(&self, since: Timestamp) -> Result<Vec<LoggedRenewal>, ReadError>;
}

/// What a read is for: a third of the request limit is kept for [`Purpose::Money`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Looking at the fleet.
    Routine,
    /// Read-backs and settling reads.
    Money,
}

/// Spends. Exactly one HTTP request per call, never repeated, never redirected, never on a reused connection.
#[async_trait::async_trait]
pub trait Spender: Send + Sync {
    /// Pays what the permit says. Never fails: whatever happens is one of [`PaymentReply`].
    async fn extend(&self, permit: SpendPermit) -> PaymentReply;
    /// Buys what the permit says. Never fails, as above.
    async fn purchase(&self, permit: PurchasePermit) -> PaymentReply;
}

/// Changes orders: auto-renewal, billing cycle, tag. None of it is a payment of renewd's, but auto-renewal that is switched on
/// lets the provider charge, so a changer too is only built for commands that may pay. A change is sent once; where
/// its answer was lost, the next reading shows what became of it.
#[async_trait::async_trait]
pub trait Changer: Send + Sync {
    /// Makes the change. Never fails: whatever happens is one of [`ChangeReply`].
    async fn change(&self, permit: ChangePermit) -> ChangeReply;
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeReply {
    /// The provider says that it is done.
    Done {
        /// Its words, cleaned.
        message: Option<String>,
        /// What a term costs from now on, if it says so.
        price: Option<Money>,
    },
    /// It refuses; nothing was changed.
    Refused {
        /// HTTP status or code.
        code: i64,
        /// Its words, cleaned.
        message: String,
    },
    /// The provider (or this product of it) has no such thing. Nothing was sent.
    Unsupported(String),
    /// No byte left.
    NeverSent(String),
    /// Anything else.
    Unknown {
        /// HTTP status or code, if there was one.
        code: Option<i64>,
        /// What was seen.
        message: String,
    },
}

/// What a refusal is about. Only the adapter knows its provider's codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concern {
    /// These leases, or this request: the others may go on.
    Lease,
    /// The account as a whole: its money.
    Account,
    /// Nothing of this account is answered: its key, or from where it is asked.
    Access,
}

/// What became of a payment call. There is nothing between proof and doubt: anything that is not proof is [`PaymentReply::Unknown`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentReply {
    /// A good reply for exactly the asked set.
    Accepted {
        /// The balance after the payment, if the reply had one that can be read.
        balance: Option<Balance>,
        /// What it cost by the reply's own word, in the account's currency.
        charged: Option<Money>,
        /// What became of the promo code.
        promo: Option<PromoStatus>,
        /// A purchase only: the provider's name for the new order, which its list may spell otherwise.
        order: Option<String>,
    },
    /// A good reply that speaks of single leases, by their new ends or by naming those that were renewed:
    /// [`crate::evidence::accepted_by_answer`] says which of the asked ones it accepts. All others are as after
    /// [`PaymentReply::Unknown`]. Renewals only.
    Ends {
        /// What it says, of asked leases alone.
        told: Vec<ToldEnd>,
        /// The balance after the payment, if the reply had one that can be read.
        balance: Option<Balance>,
        /// What it cost by the reply's own word, in the account's currency.
        charged: Option<Money>,
    },
    /// A refusal from the closed list.
    Refused {
        /// The provider's code.
        code: i64,
        /// Its text, cleaned.
        message: String,
        /// Whether the next payment would meet the same.
        concerns: Concern,
    },
    /// The connection was never made: no byte left.
    NeverSent(String),
    /// Anything else. The text says what was seen, cleaned of secrets.
    Unknown {
        /// HTTP status or provider's code, if there was one.
        code: Option<i64>,
        /// What was seen.
        message: String,
    },
}
