//! Alerts about plans that a person has to approve: what waits, until when, with the command to type; and an approval that came to nothing.
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{count, plain, stage_of};
use crate::domain::alert::AlertRow;
use crate::domain::time::{told, told_short, words};
use crate::domain::{Alert, AlertKey, Severity};
use crate::ledger::{ExactSet, IntentRecord, PlanRecord, PlanState};
use crate::planner::Item;

use super::ended::{Ending, outcome};

/// The cause.
pub const CAUSE: &str = "approval";

/// Of each plan that waits; and of one whose approval came to nothing in a pass that began at `began`.
pub(super) fn alerts(plans: &[PlanRecord], items: &[Item], began: Timestamp, zone: &TimeZone) -> Vec<Alert> {
    let told = |p: &&PlanRecord| match p.state() {
        PlanState::Waiting => true,
        PlanState::Refused => p.last.at >= began,
        _ => false,
    };
    plans.iter().filter(told).map(|p| alert(p, items, began, zone)).collect()
}

/// Whether a plan that is open, or that ended in this pass, names the lease.
pub(super) fn speaks_for(plans: &[PlanRecord], item: &Item) -> bool {
    plans.iter().any(|p| p.plan.names(&item.lease.account, &item.lease.id))
}

/// Approved while the pass was under way that began at `began`: the next one pays it, or tells why not.
pub fn undecided(plans: &[PlanRecord], began: Timestamp) -> impl Iterator<Item = AlertKey> {
    let said = move |p: &&PlanRecord| p.state() == PlanState::Approved && p.last.at >= began;
    plans.iter().filter(said).map(|p| AlertKey::account(CAUSE, &p.plan.name))
}

fn alert(record: &PlanRecord, items: &[Item], now: Timestamp, zone: &TimeZone) -> Alert {
    let plan = &record.plan;
    let urgent = now >= plan.deadline;
    let severity = if urgent { Severity::Urgent } else { Severity::Warning };
    let ends = words(plan.valid_until.duration_since(now));
    let why = record.last.why.as_deref().unwrap_or_default();
    let (title, text, actions) = if record.state() == PlanState::Waiting {
        let until = if urgent {
            format!("urgent since {}, the first lease ends in {ends}", told_short(plan.deadline, zone))
        } else {
            format!("by {}", told_short(plan.deadline, zone))
        };
        // A plan that is simply due says what it is; one that follows another says what became of that.
        let before =
            if why == "due" || why.is_empty() { String::new() } else { format!(" Before it: {why}.") };
        (
            format!("Approve plan {} of account {}: {}, {until}", plan.name, plan.account, plan.words()),
            format!(
                "Policy `{}` asks before it pays. renewd pays nothing of this plan until somebody approves it, and then exactly this, once: for \
                 the same ends and at no higher price. From {} on it is urgent, and in {ends} its first lease ends.{before}",
                plan.policy,
                told(plan.deadline, zone)
            ),
            vec![format!("renewd approve {}", plan.name), format!("renewd reject {}", plan.name)],
        )
    } else {
        (
            format!(
                "Plan {} of account {} was approved but not paid: {}",
                plan.name,
                plan.account,
                plan.words()
            ),
            format!("{why}. Whatever is still due will be proposed again."),
            vec!["renewd status".to_owned(), "renewd plan".to_owned()],
        )
    };
    Alert {
        actions,
        rows: plan.sets.iter().flat_map(|set| rows(set, items)).collect(),
        deadline: Some(if urgent { plan.valid_until } else { plan.deadline }),
        grade: u32::from(urgent),
        leases: plan.leases().map(|l| l.id.clone()).collect(),
        // The same plan that is put up again, or that was refused, is news.
        parts: vec![format!(
            "{} {}",
            record.state().as_str(),
            count(usize::try_from(record.last.seq).unwrap_or(0))
        )],
        ..plain(AlertKey::account(CAUSE, &plan.name), severity, Some(&plan.account), &title, &text)
    }
}

fn rows(set: &ExactSet, items: &[Item]) -> Vec<AlertRow> {
    let shares = set.price.shares(set.request.leases.len());
    let row = |(lease, share): (&crate::domain::RequestLease, crate::domain::Money)| AlertRow {
        stage: stage_of(items, &set.request.account, &lease.id),
        what: format!(
            "{} {}",
            set.request.kind,
            if lease.ip.is_empty() { lease.id.as_str() } else { &lease.ip }
        ),
        ends: Some(lease.expires_at),
        amount: Some(format!("{share} {}", set.currency)),
        note: match &set.request.cycle {
            Some(cycle) => format!("for a cycle: {cycle}"),
            None => format!("for {} days", set.request.period_days),
        },
    };
    set.request.leases.iter().zip(shares).map(row).collect()
}

/// How the waiting of a plan ended. `records`: payments of its account.
pub fn ending(plan: &PlanRecord, records: &[IntentRecord], zone: &TimeZone) -> Ending {
    let of_it = |r: &&IntentRecord| r.approved.as_ref().is_some_and(|a| a.plan == plan.plan.name);
    let paid: Vec<&IntentRecord> = records.iter().filter(of_it).collect();
    let why = plan.last.why.as_deref().unwrap_or_default();
    let text = match (plan.state(), paid.first().and_then(|r| r.approved.as_ref())) {
        (PlanState::Paid, Some(approval)) => format!("It was approved {}.", approval.words(zone)),
        (PlanState::Approved, _) => {
            format!("It was approved{}, and is paid as soon as nothing stands in the way.", plan.said(zone))
        }
        (PlanState::Rejected, _) => {
            format!(
                "It was rejected{}. Its leases are asked for again once one of them is urgent.",
                plan.said(zone)
            )
        }
        (PlanState::Waiting, _) => String::new(),
        (state, _) => format!("It is {}: {why}.", state.as_str()),
    };
    let now = match plan.state() {
        PlanState::Paid => Some("is paid"),
        PlanState::Approved => Some("was approved"),
        PlanState::Rejected => Some("was rejected"),
        _ => None,
    };
    let title = now.map(|now| format!("Plan {} of account {} {now}", plan.plan.name, plan.plan.account));
    Ending { title, text, rows: paid.into_iter().map(outcome).collect(), ..Ending::default() }
}
