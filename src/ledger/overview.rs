//! What readers ask of a ledger that may be large: counts, payments page by page, one lease by its name, and the outlook that the
//! newest cycle left. Nothing here walks the fleet or the history.
//!
//! A crash before an outlook is stored leaves the one before it, which says of when it is.
use jiff::Timestamp;
use jiff::civil::Date;

use super::{IntentRecord, LastPrice, LedgerError, SeenQuote};
use crate::domain::{AccountName, IntentId, Lease, LeaseId, Money, OrderId, State};
use crate::policy::Decision;

/// Which payments. What is empty or `None` asks for all.
#[derive(Debug, Clone, Default)]
pub struct PaymentQuery {
    /// Reserved at or after this.
    pub since: Option<Timestamp>,
    /// In one of these states; none = all but `split`.
    pub states: Vec<State>,
    /// Of one of these accounts, as they are called now.
    pub accounts: Vec<AccountName>,
    /// For this lease.
    pub lease: Option<OfLease>,
}

/// A lease by its id, and by its place where its id changed with a renewal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfLease {
    /// The provider's id.
    pub id: LeaseId,
    /// Its order.
    pub order: OrderId,
    /// Its address; empty where it has none.
    pub ip: String,
    /// Its port, where an address has several leases.
    pub port: Option<u16>,
}

/// Where a page of payments ended; the next one goes on behind it.
#[derive(Debug, Clone)]
pub struct PaymentPlace {
    /// When its last payment was reserved.
    pub created_at: Timestamp,
    /// Its last payment.
    pub id: IntentId,
}

impl PaymentPlace {
    /// Behind this payment.
    #[must_use]
    pub fn behind(record: &IntentRecord) -> Self {
        Self { created_at: record.created_at.wall, id: record.id.clone() }
    }
}

/// Leases by what is to be done with them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Decisions {
    /// Paid, or to be paid.
    pub renew: usize,
    /// Not yet.
    pub wait: usize,
    /// Nobody renews them.
    pub watch: usize,
    /// Let go.
    pub release: usize,
    /// Not looked at.
    pub ignore: usize,
    /// Something stands against the payment.
    pub hold: usize,
}

impl Decisions {
    /// How many got this one.
    pub fn of(&mut self, decision: Decision) -> &mut usize {
        match decision {
            Decision::Renew => &mut self.renew,
            Decision::Wait => &mut self.wait,
            Decision::Watch => &mut self.watch,
            Decision::Release => &mut self.release,
            Decision::Ignore => &mut self.ignore,
            Decision::Hold => &mut self.hold,
        }
    }
}

/// What a cycle saw ahead of one account, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// Whose.
    pub account: AccountName,
    /// When it was made.
    pub at: Timestamp,
    /// Names the configuration that it was made under.
    pub config: String,
    /// Of the newest whole cycle; `None` leaves those that are stored.
    pub decided: Option<AccountDecisions>,
    /// When the next lease falls due.
    pub next_due_at: Option<Timestamp>,
    /// The cost of all that falls due within `alerts.runway`.
    pub need: Money,
    /// What the balance lacks for it; `None` while no balance is known.
    pub short_by: Option<Money>,
    /// The day it stops covering; `None` if it lasts.
    pub until: Option<Date>,
    /// The first payment that could not be made.
    pub top_up_by: Option<Timestamp>,
    /// Leases that fall due and have no known price.
    pub unpriced: usize,
    /// What cannot be renewed as configured, as a JSON list.
    pub warnings: String,
    /// What falls due on the next days, as a JSON object.
    pub days: String,
}

/// What a whole cycle decided about one account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountDecisions {
    /// How many leases got which decision.
    pub decisions: Decisions,
    /// The first of those that are held, as a JSON list.
    pub held: String,
}

/// A lease with all that the ledger knows of it.
#[derive(Debug, Clone)]
pub struct StoredLease {
    /// As last believed.
    pub lease: Lease,
    /// When it left its account's list, if it did.
    pub gone_at: Option<Timestamp>,
    /// The decision of the newest cycle; `None` where there is none, as for a lease that is gone.
    pub decision: Option<StoredDecision>,
    /// The newest price asked for it.
    pub quote: Option<SeenQuote>,
    /// What its last term cost.
    pub last_price: Option<LastPrice>,
}

/// A lease of which something is on record over some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LivedLease {
    /// As last believed.
    pub lease: Lease,
    /// When it was first on its account's list.
    pub first_seen: Timestamp,
    /// When it left the list, if it did.
    pub gone_at: Option<Timestamp>,
}

/// What a cycle decided about a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDecision {
    /// `renew`, `wait`, ….
    pub decision: String,
    /// The first word of the reason.
    pub word: String,
    /// The whole reason.
    pub reason: String,
    /// The policy that decided.
    pub policy: Option<String>,
    /// Since when that is so.
    pub since: Timestamp,
}

/// The reading side of a ledger. Each call is one snapshot, and none waits for who writes.
pub trait Overview {
    /// How many payments are in one of these states.
    fn count_payments(&self, states: &[State]) -> Result<usize, LedgerError>;
    /// Some payment was ever reserved.
    fn has_payments(&self) -> Result<bool, LedgerError>;
    /// At most so many payments, newest first, behind `after`. Without their settling reads, which are no part of what is shown.
    fn payments(
        &self,
        query: &PaymentQuery,
        after: Option<&PaymentPlace>,
        most: usize,
    ) -> Result<Vec<IntentRecord>, LedgerError>;
    /// The parts of a payment that was split.
    fn parts(&self, id: &IntentId) -> Result<Vec<IntentRecord>, LedgerError>;
    /// What the accounts are called now that are, or once were, called this. A name in use stands for its own account alone.
    fn present_names(&self, name: &AccountName) -> Result<Vec<AccountName>, LedgerError>;
    /// The last confirmed price of one lease.
    fn last_price(&self, account: &AccountName, lease: &LeaseId) -> Result<Option<LastPrice>, LedgerError>;
    /// The leases that have this address, lease id or order id, those that are gone last.
    fn leases_called(&self, target: &str) -> Result<Vec<StoredLease>, LedgerError>;
    /// The leases of an account that were on its list at or after `since`, by id.
    fn lived(&self, account: &AccountName, since: Timestamp) -> Result<Vec<LivedLease>, LedgerError>;
    /// At most so many of the decisions about an account's leases, by lease id, behind `after`.
    fn decided(
        &self,
        account: &AccountName,
        after: Option<&LeaseId>,
        most: usize,
    ) -> Result<Vec<(LeaseId, StoredDecision)>, LedgerError>;
    /// Keeps what a cycle saw ahead, in one transaction; rows of accounts that are no longer there go.
    fn record_outlooks(&self, outlooks: &[Outlook]) -> Result<(), LedgerError>;
    /// What the newest cycle saw ahead, by account.
    fn outlooks(&self) -> Result<Vec<Outlook>, LedgerError>;
    /// Reads all of it through: nobody pays on a damaged ledger.
    fn verify(&self) -> Result<(), LedgerError>;
}
