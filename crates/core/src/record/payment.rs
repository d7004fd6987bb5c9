//! What goes into the ledger and comes out of it: plain records, no SQL.
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::approval::{Approval, ApprovedSet};
use crate::domain::{
    AccountName, Bought, Currency, IntentId, Kind, Lease, LeaseId, Measured, Moment, Money, OrderId,
    ProviderName, PurchaseRequest, RenewalRequest, RequestLease, State,
};
use crate::nodes::Failover;

/// What a payment is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// A term for leases that exist.
    Renewal,
    /// New leases.
    Purchase(Box<PurchaseRequest>),
    /// A term that the provider's own auto-renewal charged.
    Provider,
}

impl Purpose {
    /// The word in the ledger and in `history`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Renewal => "renewal",
            Self::Purchase(_) => "purchase",
            Self::Provider => "provider",
        }
    }
}

/// A payment about to be reserved.
#[derive(Debug, Clone)]
pub struct NewIntent {
    /// Whose.
    pub provider: ProviderName,
    /// What it is for.
    pub purpose: Purpose,
    /// Exactly what is to be paid; account, kind, leases with their expected ends (none in a purchase), period, promo,
    /// method.
    pub request: RenewalRequest,
    /// The labels of each of its leases, in their order.
    pub labels: Vec<Vec<String>>,
    /// The policy that wants it.
    pub policy: String,
    /// What the clean quote asked, for the whole set.
    pub quoted: Money,
    /// In what.
    pub currency: Currency,
    /// The balance in that quote.
    pub balance_before: Money,
    /// Which cycle.
    pub cycle: i64,
    /// 1, or 2 for the one automatic second attempt of a term.
    pub attempt: u32,
    /// The operator's word that it is made by, where its policy asks for one.
    pub approval: Option<ApprovedSet>,
    /// When.
    pub at: Moment,
}

/// What is said with an event. Everything optional: absent = as before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventDetail {
    /// What it cost, as a decimal.
    #[serde(with = "money_text")]
    pub charged: Option<Money>,
    /// The balance seen after it.
    #[serde(with = "money_text")]
    pub balance_after: Option<Money>,
    /// The earliest new end of the set.
    pub expires_after: Option<Timestamp>,
    /// The provider's code or a HTTP status.
    pub code: Option<String>,
    /// The provider's words or ours, cleaned of secrets.
    pub message: Option<String>,
    /// Why this is believed, in a sentence.
    pub evidence: Option<String>,
    /// How `charged` is known.
    #[serde(default)]
    pub measured: Option<Measured>,
}

mod money_text {
    use super::Money;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(money: &Option<Money>, s: S) -> Result<S::Ok, S::Error> {
        match money {
            Some(m) => s.collect_str(m),
            None => s.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Money>, D::Error> {
        Option::<String>::deserialize(d)?.map(|t| t.parse().map_err(D::Error::custom)).transpose()
    }
}

/// One part of a payment that was applied to some of its leases.
#[derive(Debug, Clone)]
pub struct SplitPart {
    /// Which lease.
    pub lease: LeaseId,
    /// Its share of the quote.
    pub quoted: Money,
    /// `confirmed` (moved), `accepted` (the answer told a later end), `unknown` (neither) or, after it had failed, `not_applied`.
    pub state: State,
    /// What is known of it.
    pub detail: EventDetail,
}

/// One look at an unsettled payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettleRead {
    /// When the read began.
    pub at: Moment,
    /// The balance then.
    pub balance: Money,
    /// Balance before − now − other known charges in between: what nobody else accounts for.
    pub fell: Money,
    /// How many of the payment's leases had moved.
    pub moved: usize,
}

/// A payment as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct IntentRecord {
    /// Its id.
    pub id: IntentId,
    /// The payment that it is a part of.
    pub parent: Option<IntentId>,
    /// Whose.
    pub provider: ProviderName,
    /// What it is for.
    pub purpose: Purpose,
    /// A purchase: the order it made, once that was seen.
    pub order: Option<OrderId>,
    /// What was asked.
    pub request: RenewalRequest,
    /// The policy that wanted it.
    pub policy: String,
    /// What the quote asked.
    pub quoted: Money,
    /// In what.
    pub currency: Currency,
    /// The balance in that quote.
    pub balance_before: Money,
    /// 1 or 2.
    pub attempt: u32,
    /// Who approved it, where its policy asks.
    pub approved: Option<Approval>,
    /// Which cycle.
    pub cycle: i64,
    /// When it was reserved.
    pub created_at: Moment,
    /// When its spend row was written.
    pub spend_started_at: Option<Moment>,
    /// Where it stands.
    pub state: State,
    /// When it came to this state.
    pub state_at: Moment,
    /// When it first came to rest (confirmed, refused, not_applied, released); `None` while unsettled.
    pub settled_at: Option<Timestamp>,
    /// The newest of every detail.
    pub detail: EventDetail,
    /// When what it cost was last said otherwise than before.
    pub charged_at: Option<Moment>,
    /// It was not applied because no byte left, not by evidence.
    pub never_sent: bool,
    /// It was ever refused by the provider.
    pub was_refused: bool,
    /// An operator has spoken on it.
    pub operator_spoke: bool,
    /// The node that began it lost the pay lease to another without giving it back.
    pub crossed: Option<Failover>,
    /// Settling reads so far, oldest first.
    pub reads: Vec<SettleRead>,
    /// What the config called each of its leases when it was reserved, in their order.
    pub labels: Vec<Vec<String>>,
}

impl IntentRecord {
    /// What it bought, or was to buy, for one of its leases.
    #[must_use]
    pub fn bought(&self, lease: &RequestLease) -> Bought {
        let after = self.detail.expires_after;
        Bought::of(lease, &self.request.leases, after, self.request.period_days)
    }
}

/// Which payments.
#[derive(Debug, Clone, Default)]
pub struct IntentFilter {
    /// Created at or after.
    pub since: Option<Timestamp>,
    /// Of this account.
    pub account: Option<AccountName>,
    /// In one of these states; empty = every state but `split` (its parts stand in its place).
    pub states: Vec<State>,
    /// Spend started at or after it by either clock (for what may still matter to evidence): a wall clock that was set forward hides
    /// nothing that was sent a minute ago.
    pub spend_since: Option<Moment>,
}

/// What a budget counts, over a span that is already worked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetCheck {
    /// The budget's name.
    pub name: String,
    /// Accounts it counts; empty = all.
    pub accounts: Vec<AccountName>,
    /// Policies it counts; empty = all.
    pub policies: Vec<String>,
    /// Labels of the leases it counts; empty = all.
    pub labels: Vec<String>,
    /// Only what is not settled yet.
    pub open_only: bool,
    /// Currency it counts.
    pub currency: Currency,
    /// Spend started at or after; reservations not yet started always count.
    pub from: Timestamp,
    /// Spend started before.
    pub to: Timestamp,
    /// Only this cycle, for `per = "cycle"`.
    pub cycle: Option<i64>,
    /// The most.
    pub limit: Money,
}

/// A lease as last believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownLease {
    /// What was read.
    pub lease: Lease,
    /// When it was first seen.
    pub first_seen: Timestamp,
}

/// What is known of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountFacts {
    /// Its name when it was read.
    pub account: AccountName,
    /// Its provider.
    pub provider: ProviderName,
    /// The last good read.
    pub read_at: Option<Timestamp>,
    /// The balance in it.
    pub balance: Option<Money>,
    /// Its currency.
    pub currency: Option<Currency>,
    /// How many leases it had.
    pub leases: usize,
    /// Why the newest read failed; `None` if it did not.
    pub error: Option<String>,
    /// Since when reads fail.
    pub failing_since: Option<Timestamp>,
}

/// The last price paid for a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastPrice {
    /// For one lease and that period.
    pub amount: Money,
    /// Days bought with it.
    pub period_days: u32,
    /// In what.
    pub currency: Currency,
}

/// A price that was asked for one lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenQuote {
    /// Whose.
    pub account: AccountName,
    /// Which.
    pub lease: LeaseId,
    /// For one lease and that period.
    pub amount: Money,
    /// In what.
    pub currency: Currency,
    /// Days it was asked for.
    pub period_days: u32,
    /// The end that the lease had then: names the term it was asked for.
    pub term_end: Timestamp,
    /// When.
    pub seen_at: Timestamp,
}

/// A lease's decision, for the `decisions` view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionRow {
    /// Whose.
    pub account: AccountName,
    /// Which.
    pub lease: LeaseId,
    /// Its address.
    pub ip: String,
    /// Its kind.
    pub kind: Kind,
    /// `renew`, `wait`, ….
    pub decision: String,
    /// First word of the reason.
    pub word: String,
    /// The whole reason.
    pub reason: String,
    /// The policy that decided.
    pub policy: Option<String>,
}

/// How a cycle ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CycleSummary {
    /// `ok`, `attention`, `failed` or `stopped`.
    pub outcome: String,
    /// Payments confirmed or accepted in it.
    pub paid: u64,
    /// Leases held.
    pub held: u64,
    /// Payments whose outcome is unknown at its end.
    pub unknown: u64,
}

/// A cycle as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CycleRecord {
    /// Its number.
    pub id: i64,
    /// When it began.
    pub started_at: Moment,
    /// When it ended; `None` = it is under way or was cut off.
    pub ended_at: Option<Timestamp>,
    /// How.
    pub summary: CycleSummary,
}
