//! Records about orders: what a payment is for, charges by the provider itself, changes. Plain records, no SQL.
use jiff::Timestamp;

use super::payment::EventDetail;
use crate::domain::{AccountName, Currency, LeaseId, Moment, Money, OrderId, ProviderName, RenewalRequest};

/// A renewal that the provider charged by itself, as seen.
#[derive(Debug, Clone)]
pub struct ProviderCharge {
    /// Whose.
    pub provider: ProviderName,
    /// The lease with the end it had, its term and kind.
    pub request: RenewalRequest,
    /// The labels of the lease.
    pub labels: Vec<Vec<String>>,
    /// The policy that matches it; empty if none does.
    pub policy: String,
    /// The price that was expected; what it is believed to have cost is in `detail`.
    pub amount: Money,
    /// In what.
    pub currency: Currency,
    /// The balance read before.
    pub balance_before: Money,
    /// The balance, new end and evidence.
    pub detail: EventDetail,
    /// Which cycle saw it.
    pub cycle: i64,
    /// When.
    pub at: Moment,
}

/// How a change of an order ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeOutcome {
    /// `done`, `refused`, `unsupported`, `never_sent` or `unknown`.
    pub word: String,
    /// The provider's code or HTTP status.
    pub code: Option<String>,
    /// Its words or ours, cleaned.
    pub message: Option<String>,
}

/// A change of an order on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRecord {
    /// Its row.
    pub id: i64,
    /// Whose.
    pub provider: ProviderName,
    /// Whose.
    pub account: AccountName,
    /// Which order.
    pub order: OrderId,
    /// Which of its leases.
    pub leases: Vec<LeaseId>,
    /// `auto_on`, `auto_off`, `cycle` or `tag`.
    pub what: String,
    /// What it was set to.
    pub value: String,
    /// Why.
    pub why: String,
    /// When it was put on record.
    pub at: Timestamp,
    /// How it ended; `None` after a crash.
    pub outcome: Option<ChangeOutcome>,
    /// When.
    pub ended_at: Option<Timestamp>,
}
