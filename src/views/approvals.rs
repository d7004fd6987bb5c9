//! Plans that a person approves, as `status`, the page and `explain` show them. Not responsible for what is in one, or for what is said of it.
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::domain::time::told;
use crate::domain::{AccountName, Currency, Money};
use crate::ledger::{Ledger, LedgerError, PlanRecord, PlanState};
use crate::planner::{Item, names_term};
use crate::policy::{Policy, Word};

use super::Step;

/// A plan that waits for approval.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct WaitingApproval {
    /// Its name: what `renewd approve` and `renewd reject` take.
    pub plan: String,
    /// Whose money.
    pub account: AccountName,
    /// The policy that asks.
    pub policy: String,
    /// How many it would renew.
    pub leases: usize,
    /// What they cost in all.
    pub amount: Money,
    /// In what.
    pub currency: Currency,
    /// Since when it waits.
    pub since: Timestamp,
    /// The first instant at which one of its leases becomes urgent.
    pub deadline: Timestamp,
    /// When its first lease ends: it cannot be approved from then on.
    pub valid_until: Timestamp,
}

impl From<&PlanRecord> for WaitingApproval {
    fn from(record: &PlanRecord) -> Self {
        let plan = &record.plan;
        Self {
            plan: plan.name.clone(),
            account: plan.account.clone(),
            policy: plan.policy.clone(),
            leases: plan.leases().count(),
            amount: plan.amount,
            currency: plan.currency.clone(),
            since: record.since,
            deadline: plan.deadline,
            valid_until: plan.valid_until,
        }
    }
}

/// The plans that wait now, the most pressing first. One whose time is over waits no more, although no pass has said so yet.
///
/// # Errors
/// The ledger's.
pub fn waiting_approval(ledger: &dyn Ledger, now: Timestamp) -> Result<Vec<WaitingApproval>, LedgerError> {
    let waits = |p: &&PlanRecord| p.state() == PlanState::Waiting && now < p.plan.valid_until;
    let plans = ledger.plans(None)?;
    let mut all: Vec<WaitingApproval> = plans.iter().filter(waits).map(WaitingApproval::from).collect();
    all.sort_by(|a, b| (a.deadline, &a.plan).cmp(&(b.deadline, &b.plan)));
    Ok(all)
}

/// Where the approval of a lease stands, if its policy asks.
#[must_use]
pub fn approval_step(
    item: &Item,
    policies: &[Policy],
    plans: &[PlanRecord],
    zone: &TimeZone,
) -> Option<Step> {
    item.policy.filter(|p| policies[*p].approval)?;
    let its = plans.iter().filter(|p| names_term(&p.plan, item)).max_by_key(|p| p.last.seq);
    let says = match its.map(|p| (p, p.state())) {
        Some((p, PlanState::Waiting)) => format!(
            "plan {} ({}) waits since {}; urgent from {} on, valid until {}",
            p.plan.name,
            p.plan.words(),
            told(p.since, zone),
            told(p.plan.deadline, zone),
            told(p.plan.valid_until, zone)
        ),
        Some((p, PlanState::Approved)) => format!("plan {} was approved{}", p.plan.name, p.said(zone)),
        Some((p, PlanState::Rejected)) => format!("plan {} was rejected{}", p.plan.name, p.said(zone)),
        _ => "asked for once it is due".to_owned(),
    };
    Some(Step::text("approval", says))
}

/// What happens next with a lease that a person has to approve, where its plan is known. `at` writes an instant for who reads it.
#[must_use]
pub fn approval_next(item: &Item, plans: &[PlanRecord], at: &dyn Fn(Timestamp) -> String) -> Option<String> {
    if item.reason.word != Word::Approval {
        return None;
    }
    let plan = plans.iter().filter(|p| names_term(&p.plan, item)).max_by_key(|p| p.last.seq)?;
    let name = &plan.plan.name;
    match plan.state() {
        PlanState::Waiting => Some(format!(
            "next: paid in the first cycle after `renewd approve {name}`; urgent from {} on, and too late {}",
            at(plan.plan.deadline),
            at(plan.plan.valid_until)
        )),
        _ => Some(format!("next: {}", item.reason.prose)),
    }
}
