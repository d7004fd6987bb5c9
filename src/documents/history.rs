//! `history`: the payments.
use jiff::Timestamp;
use serde::Serialize;

use crate::domain::{AccountName, Currency, IntentId, Kind, LeaseId, Money, OrderId, ProviderName, State};
use crate::ledger::IntentRecord;

use super::SCHEMA;

/// The whole document.
#[derive(Debug, Clone, Serialize)]
pub struct History {
    schema: u32,
    /// Newest first.
    pub payments: Vec<Payment>,
}

/// One payment; amounts are totals of its set, the ends the earliest of it.
#[derive(Debug, Clone, Serialize)]
pub struct Payment {
    /// Its id.
    pub intent: IntentId,
    /// Whose.
    pub account: AccountName,
    /// Whose.
    pub provider: ProviderName,
    /// The order of its first lease.
    pub order: Option<OrderId>,
    /// What was paid for.
    pub leases: Vec<LeaseId>,
    /// What they are.
    pub kind: Kind,
    /// `renewal`, `purchase`, or `provider` for a term that the provider's auto-renewal charged.
    pub purpose: &'static str,
    /// Where it stands.
    pub state: State,
    /// What the quote asked.
    pub quoted: Money,
    /// What it cost; null while that is not known.
    pub charged: Option<Money>,
    /// In what.
    pub currency: Currency,
    /// Days bought.
    pub period_days: u32,
    /// The billing cycle bought, where cycles are sold.
    pub cycle: Option<String>,
    /// In the quote.
    pub balance_before: Money,
    /// In the reply or the read-back.
    pub balance_after: Option<Money>,
    /// Earliest end before.
    pub expires_before: Option<Timestamp>,
    /// Earliest end after.
    pub expires_after: Option<Timestamp>,
    /// When it was reserved.
    pub created_at: Timestamp,
    /// When it came to rest.
    pub settled_at: Option<Timestamp>,
    /// The policy that wanted it.
    pub policy: String,
    /// What the provider or the network said against it.
    pub error: Option<PaymentError>,
    /// Why its state is believed.
    pub evidence: Option<String>,
}

/// Code and words.
#[derive(Debug, Clone, Serialize)]
pub struct PaymentError {
    /// The provider's code or a HTTP status.
    pub code: Option<String>,
    /// Cleaned of secrets.
    pub message: Option<String>,
}

impl Payment {
    /// The document of one payment.
    #[must_use]
    pub fn new(record: &IntentRecord) -> Self {
        let detail = &record.detail;
        let settled =
            matches!(record.state, State::Confirmed | State::Refused | State::NotApplied | State::Released);
        let error = (detail.code.is_some() || detail.message.is_some())
            .then(|| PaymentError { code: detail.code.clone(), message: detail.message.clone() });
        Self {
            intent: record.id.clone(),
            account: record.request.account.clone(),
            provider: record.provider.clone(),
            order: record.order.clone().or_else(|| record.request.leases.first().map(|l| l.order.clone())),
            leases: record.request.leases.iter().map(|l| l.id.clone()).collect(),
            kind: record.request.kind.clone(),
            purpose: record.purpose.word(),
            cycle: record.request.cycle.clone(),
            state: record.state,
            quoted: record.quoted,
            // What a lost answer may have cost counts while it is not settled, and is nothing once it is known as not charged.
            charged: detail.charged.filter(|_| record.state.counts_in_budgets()),
            currency: record.currency.clone(),
            period_days: record.request.period_days,
            balance_before: record.balance_before,
            balance_after: detail.balance_after,
            expires_before: record.request.leases.iter().map(|l| l.expires_at).min(),
            expires_after: detail.expires_after,
            created_at: record.created_at.wall,
            settled_at: record.settled_at.filter(|_| settled),
            policy: record.policy.clone(),
            error,
            evidence: detail.evidence.clone(),
        }
    }
}

impl History {
    /// The document of many payments, in the order given.
    #[must_use]
    pub fn new(records: &[IntentRecord]) -> Self {
        Self { schema: SCHEMA, payments: records.iter().map(Payment::new).collect() }
    }
}
