//! What became of an open alert that no longer fires: over, unknown for the time being, or merged into another.
use std::collections::HashMap;

use crate::alerting::Ends;
use crate::domain::{AccountName, Alert, LeaseId};
use crate::engine::{AccountReport, CycleReport};
use crate::ledger::OpenAlert;
use crate::planner::{Item, Standing};
use crate::policy::{Decision, Stage, Word};

use super::causes::{Scope, cause};

/// Where a lease stands that an alert was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    /// This pass did not come to the question.
    Open,
    /// It is not put right: it lapsed, is gone, or something else holds it.
    Failed,
    /// It is paid, or not due.
    Right,
}

/// Sorts the open alerts that do not fire in this pass. Those in neither set are over, and people hear of it.
#[must_use]
pub fn ends(open: &[OpenAlert], firing: &[Alert], report: &CycleReport) -> Ends {
    let mut ends = Ends::default();
    let items: Items<'_> = report.items.iter().map(|i| ((&i.lease.account, &i.lease.id), i)).collect();
    for alert in open.iter().filter(|a| firing.iter().all(|f| f.key != a.key)) {
        match end(alert, firing, report, &items) {
            Doubt::Open => drop(ends.frozen.insert(alert.key.clone())),
            Doubt::Failed => drop(ends.silent.insert(alert.key.clone())),
            Doubt::Right => {}
        }
    }
    ends
}

/// The pass's items by account and lease: an alert may touch a whole fleet.
type Items<'a> = HashMap<(&'a AccountName, &'a LeaseId), &'a Item>;

fn end(alert: &OpenAlert, firing: &[Alert], report: &CycleReport, items: &Items<'_>) -> Doubt {
    let Some(known) = cause(alert.key.cause()) else { return Doubt::Right };
    // One cause names payments and leases alike.
    let scope = match known.scope {
        Scope::Payment if !alert.key.is_of_an_order() => Scope::Leases,
        scope => scope,
    };
    let judged = match scope {
        Scope::Leases | Scope::Reading => of_account(alert, scope, firing, report, items),
        Scope::Payment => {
            let about = |f: &&Alert| {
                cause(f.key.cause()).is_some_and(|c| c.scope == Scope::Payment && c.end_is_told)
                    && f.key.about() == alert.key.about()
            };
            if firing.iter().any(|f| about(&f)) { Doubt::Failed } else { Doubt::Right }
        }
        Scope::Money | Scope::Daemon => beside_leases(alert, report),
    };
    if judged == Doubt::Right && !known.end_is_told { Doubt::Failed } else { judged }
}

/// Money, or a clock: of an account that left the config nobody waits for news, and of a provider that does not answer the clock is
/// not known.
fn beside_leases(alert: &OpenAlert, report: &CycleReport) -> Doubt {
    let Some(name) = &alert.account else { return Doubt::Right };
    match report.accounts.iter().find(|a| &a.account == name) {
        None => Doubt::Failed,
        Some(account) if alert.key.cause() == "clock" && !account.reachable() => Doubt::Open,
        Some(_) => Doubt::Right,
    }
}

fn of_account(
    alert: &OpenAlert,
    scope: Scope,
    firing: &[Alert],
    report: &CycleReport,
    items: &Items<'_>,
) -> Doubt {
    let name = alert.account.as_ref();
    let Some(account) = report.accounts.iter().find(|a| Some(&a.account) == name) else {
        // It left the config: nobody waits for news of it.
        return Doubt::Failed;
    };
    if scope == Scope::Reading {
        return reading(alert, account, firing);
    }
    if !account.reachable() {
        return Doubt::Open;
    }
    leases(&alert.leases, &account.account, report, items)
}

/// One word about a reading gives way to another; without an answer nothing is known of the list.
fn reading(alert: &OpenAlert, account: &AccountReport, firing: &[Alert]) -> Doubt {
    let fires = |name: &str| {
        firing.iter().any(|f| f.account.as_ref() == Some(&account.account) && f.key.cause() == name)
    };
    match &account.standing {
        Standing::Down(_) => Doubt::Open,
        Standing::Unreadable(_) if alert.key.cause() != "account_down" => Doubt::Open,
        _ if alert.key.cause() == "unreadable_records" => Doubt::Right,
        _ if ["inventory_unreadable", "inventory_empty", "shrunk", "partial_list"]
            .iter()
            .any(|c| fires(c)) =>
        {
            Doubt::Failed
        }
        _ => Doubt::Right,
    }
}

/// Over as soon as none is in doubt and one was put right.
fn leases(touched: &[LeaseId], account: &AccountName, report: &CycleReport, items: &Items<'_>) -> Doubt {
    // What is idle is far from its end.
    let idle = |id: &LeaseId| match report.idle(account, id)?.decision() {
        Decision::Ignore => Some(Doubt::Failed),
        _ => Some(Doubt::Right),
    };
    let of = |id: &LeaseId| match items.get(&(account, id)) {
        Some(item) => doubt(item),
        None => idle(id).unwrap_or(Doubt::Failed),
    };
    let doubts: Vec<Doubt> = touched.iter().map(of).collect();
    match () {
        () if doubts.contains(&Doubt::Open) => Doubt::Open,
        () if doubts.is_empty() || doubts.contains(&Doubt::Right) => Doubt::Right,
        () => Doubt::Failed,
    }
}

fn doubt(item: &Item) -> Doubt {
    match (item.reason.word, item.decision()) {
        (
            Word::AccountDown
            | Word::Shrunk
            | Word::AccountChanged
            | Word::SecondRenewd
            | Word::Restored
            | Word::Clock
            | Word::Paused
            | Word::OutsideWindow
            | Word::Backoff
            | Word::FleetGuard
            | Word::UnknownPending,
            _,
        ) => Doubt::Open,
        (_, Decision::Hold | Decision::Ignore) => Doubt::Failed,
        (_, Decision::Watch | Decision::Release) if item.stage >= Some(Stage::Normal) => Doubt::Failed,
        _ => Doubt::Right,
    }
}
