//! Plans that wait for a person's word: what would be paid, what was said of it, and what became of it. No SQL, and no decision.
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::exact::ExactSet;
use crate::domain::time::told;
use crate::domain::{AccountName, Currency, LeaseId, Money, ProviderName, RequestLease};

/// Where a plan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlanState {
    /// Nobody has said anything yet.
    Waiting,
    /// An operator approved it: the next cycle pays it.
    Approved,
    /// An operator does not want it.
    Rejected,
    /// It was approved, and not paid: something moved against it.
    Refused,
    /// Another plan of its policy stands in its place.
    Replaced,
    /// There is nothing left to approve.
    Withdrawn,
    /// Its first lease ended before anybody said anything.
    Expired,
    /// Its payments were made.
    Paid,
}

impl PlanState {
    /// Each of them.
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Approved,
        Self::Rejected,
        Self::Refused,
        Self::Replaced,
        Self::Withdrawn,
        Self::Expired,
        Self::Paid,
    ];

    /// The word in the ledger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Refused => "refused",
            Self::Replaced => "replaced",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
            Self::Paid => "paid",
        }
    }

    /// The state of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// It still decides over its leases.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Approved | Self::Rejected)
    }
}

/// One step in the life of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanEvent {
    /// Its number in the ledger. Of an approval it is what its payments are made by.
    pub seq: i64,
    /// Where the plan stands from then on.
    pub state: PlanState,
    /// When.
    pub at: Timestamp,
    /// Who said so, if somebody did.
    pub by: Option<String>,
    /// In that person's words.
    pub note: Option<String>,
    /// In renewd's words.
    pub why: Option<String>,
}

/// What is due of one policy at one account, to be approved as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPlan {
    /// What people call it by.
    pub name: String,
    /// Whose money.
    pub account: AccountName,
    /// Whose account.
    pub provider: ProviderName,
    /// The policy that asks.
    pub policy: String,
    /// Each payment, to the letter.
    pub sets: Vec<ExactSet>,
    /// What they cost in all.
    pub amount: Money,
    /// In what.
    pub currency: Currency,
    /// The first instant at which one of its leases becomes urgent.
    pub deadline: Timestamp,
    /// When its first lease ends: nothing is paid by it from then on.
    pub valid_until: Timestamp,
    /// When its last lease ends: a rejection holds until then.
    pub covers_until: Timestamp,
}

/// A plan as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRecord {
    /// What it is.
    pub plan: NewPlan,
    /// When it last began to wait.
    pub since: Timestamp,
    /// The newest step.
    pub last: PlanEvent,
    /// Places of the payments that were begun by its newest approval.
    pub begun: Vec<u32>,
}

impl PlanRecord {
    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> PlanState {
        self.last.state
    }

    /// Its payments that were not begun, with their places.
    pub fn left(&self) -> impl Iterator<Item = (u32, &ExactSet)> {
        (0_u32..).zip(&self.plan.sets).filter(|(n, _)| !self.begun.contains(n))
    }

    /// The operator's word by which a payment of it is made.
    #[must_use]
    pub fn approved_set(&self, n: u32) -> ApprovedSet {
        let PlanEvent { seq, at, by, note, .. } = &self.last;
        let approval = Approval { plan: self.plan.name.clone(), by: by.clone(), at: *at, note: note.clone() };
        ApprovedSet { word: *seq, set: n, approval }
    }

    /// `by NAME on DAY (NOTE)`: whose word the newest step was.
    #[must_use]
    pub fn said(&self, zone: &TimeZone) -> String {
        said(&self.last.by, self.last.at, &self.last.note, zone)
    }
}

impl NewPlan {
    /// Every lease that it would pay for.
    pub fn leases(&self) -> impl Iterator<Item = &RequestLease> {
        self.sets.iter().flat_map(|set| &set.request.leases)
    }

    /// Whether it would pay for that lease.
    #[must_use]
    pub fn names(&self, account: &AccountName, lease: &LeaseId) -> bool {
        &self.account == account && self.leases().any(|l| &l.id == lease)
    }

    /// `3 leases for 7.95 USD`.
    #[must_use]
    pub fn words(&self) -> String {
        let n = self.leases().count();
        let leases = if n == 1 { "1 lease".to_owned() } else { format!("{n} leases") };
        format!("{leases} for {} {}", self.amount, self.currency)
    }
}

/// An operator's word by which a payment was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Approval {
    /// The plan.
    pub plan: String,
    /// Who approved it: a user's name.
    pub by: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Why, if that was said.
    pub note: Option<String>,
}

impl Approval {
    /// In words, to stand behind "approved".
    #[must_use]
    pub fn words(&self, zone: &TimeZone) -> String {
        format!("as plan {}{}", self.plan, said(&self.by, self.at, &self.note, zone))
    }
}

fn said(by: &Option<String>, at: Timestamp, note: &Option<String>, zone: &TimeZone) -> String {
    let by = by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
    let note = note.as_deref().map(|note| format!(" ({note})")).unwrap_or_default();
    format!("{by} at {}{note}", told(at, zone))
}

/// A payment that is about to be made by an operator's word: the ledger takes each of these once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovedSet {
    /// The number of the approval in the ledger.
    pub word: i64,
    /// The place of the payment in its plan.
    pub set: u32,
    /// Who said so, to stand in the payment's own row.
    pub approval: Approval,
}
