//! Alerts about leases that lapse: as planned, unwatched, or against their policy.
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{deadline, leases, plain, row, urgency};
use crate::domain::alert::AlertRow;
use crate::domain::{Alert, AlertKey, Severity};
use crate::engine::{AccountReport, CycleReport};
use crate::planner::Item;
use crate::policy::{Decision, Stage};

/// One alert for all that lapsed on one day (UTC): told once, and a later day is told anew.
pub(super) fn lapsed(account: &AccountReport, items: &[&Item]) -> Vec<Alert> {
    let name = &account.account;
    let mut days: BTreeMap<String, Vec<&Item>> = BTreeMap::new();
    for item in items {
        let day = item.lease.expires_at.map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default();
        days.entry(day).or_default().push(item);
    }
    let alert = |(day, items): (String, Vec<&Item>)| Alert {
        rows: items.iter().map(|i| row(i)).collect(),
        deadline: deadline(&items),
        once: true,
        ..plain(
            AlertKey::order("lapsed", name.as_str(), &day),
            Severity::Urgent,
            Some(name),
            &format!("{} of account {name} lapsed on {day}", leases(items.len())),
            "A policy keeps them, and their end has passed. renewd does not pay for them by itself: the addresses may be gone. Look at \
             the provider whether they can still be had.",
        )
    };
    days.into_iter().map(alert).collect()
}

/// Leases that a policy kept and that left the list: one alert for all that one pass missed.
pub(super) fn lost(account: &AccountReport, report: &CycleReport) -> Option<Alert> {
    let name = &account.account;
    let gone: Vec<_> = report.lost.iter().filter(|l| &l.account == name).collect();
    let first = gone.first()?;
    let rows = gone.iter().map(|l| AlertRow {
        what: format!("{} {}", l.kind, l.ip),
        ends: l.expires_at,
        amount: None,
        note: format!("order {}", l.order),
    });
    Some(Alert {
        rows: rows.collect(),
        once: true,
        ..plain(
            AlertKey::order("lost", name.as_str(), first.id.as_str()),
            Severity::Urgent,
            Some(name),
            &format!("{} of account {name} left the provider's list", leases(gone.len())),
            "A policy keeps them, and the provider no longer lists them.",
        )
    })
}

/// Watched leases before they lapse, and released ones before they go.
pub(super) fn lapse_notices(account: &AccountReport, items: &[&Item], now: Timestamp) -> Vec<Alert> {
    let name = &account.account;
    let near = |d: Decision| -> Vec<&Item> {
        items
            .iter()
            .filter(|i| {
                i.decision() == d
                    && i.stage >= Some(Stage::Normal)
                    && i.lease.expires_at.is_some_and(|e| e > now)
            })
            .copied()
            .collect()
    };
    let mut alerts = Vec::new();
    for (decision, cause, severity, what, text) in [
        (
            Decision::Watch,
            "watch",
            None,
            "lapse soon and nobody renews them",
            "Their policy says watch, or no policy matches. To keep them, add a policy with action = \"renew\".",
        ),
        (
            Decision::Release,
            "release",
            Some(Severity::Info),
            "will be let go as planned",
            "Their policy lets them lapse. To keep them, change the policy before they end.",
        ),
    ] {
        let items = near(decision);
        if items.is_empty() {
            continue;
        }
        alerts.push(Alert {
            rows: items.iter().map(|i| row(i)).collect(),
            actions: vec!["renewd plan".into()],
            deadline: deadline(&items),
            ..plain(
                AlertKey::account(cause, name.as_str()),
                severity.unwrap_or_else(|| urgency(&items)),
                Some(name),
                &format!("{} of account {name} {what}", leases(items.len())),
                text,
            )
        });
    }
    alerts
}
