//! Alerts about leases that lapse: as planned, unwatched, or against their policy.
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Around, count, deadline, grade, leases, plain, row, touched, urgency};
use crate::domain::alert::AlertRow;
use crate::domain::{Alert, AlertKey, Lease, Severity};
use crate::engine::{AccountReport, CycleReport};
use crate::planner::{Item, replacements};
use crate::policy::{Decision, Policies, Policy, Stage, notice_at};

/// Items by the day (UTC) of their end.
fn by_day<'a>(items: impl Iterator<Item = &'a Item>) -> BTreeMap<String, Vec<&'a Item>> {
    let mut days: BTreeMap<String, Vec<&Item>> = BTreeMap::new();
    for item in items {
        let day = item.lease.expires_at.map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default();
        days.entry(day).or_default().push(item);
    }
    days
}

fn each(items: &[&Item]) -> Vec<String> {
    items.iter().map(|i| format!("{} {}", i.lease.id, i.lease.ip)).collect()
}

/// One alert for all that lapsed on one day (UTC): told once, again when more of that day follow, and a later day anew.
pub(super) fn lapsed(
    account: &AccountReport,
    items: &[&Item],
    around: &Around,
    policies: &Policies<'_>,
) -> Vec<Alert> {
    let name = &account.account;
    let alert = |(day, items): (String, Vec<&Item>)| Alert {
        rows: items.iter().map(|i| row(i)).collect(),
        once: true,
        grade: count(items.len()),
        leases: touched(&items),
        // Each is a loss of its own: told when it comes, also where another one of that day has left the list.
        parts: each(&items),
        actions: std::iter::once("check at the provider whether you can still get them".to_owned())
            .chain(replaced(items.iter().map(|i| &i.lease), around, policies))
            .collect(),
        ..plain(
            AlertKey::order("lapsed", name.as_str(), &day),
            Severity::Urgent,
            Some(name),
            &format!("{} of account {name} lapsed on {day}", leases(items.len())),
            "Their policy renews them, but their end has passed. renewd does not pay for lapsed leases: the addresses may be gone.",
        )
    };
    by_day(items.iter().copied()).into_iter().map(alert).collect()
}

/// Leases that a policy kept and that left the list: one alert for all that one pass missed. What was told as lapsed is not
/// told as lost on top.
pub(super) fn lost(
    account: &AccountReport,
    report: &CycleReport,
    around: &Around,
    policies: &Policies<'_>,
) -> Option<Alert> {
    let open = &around.open;
    let name = &account.account;
    let lapsed = |l: &Lease| {
        open.iter().any(|a| {
            a.key.cause() == "lapsed" && a.account.as_ref() == Some(name) && a.leases.contains(&l.id)
        })
    };
    let gone: Vec<_> = report.lost.iter().filter(|l| &l.account == name && !lapsed(l)).collect();
    let first = gone.first()?;
    let rows = gone.iter().map(|l| AlertRow {
        stage: None,
        what: format!("{} {}", l.kind, l.ip),
        ends: l.expires_at,
        amount: None,
        note: format!("order {}", l.order),
    });
    Some(Alert {
        rows: rows.collect(),
        once: true,
        leases: gone.iter().map(|l| l.id.clone()).collect(),
        parts: gone.iter().map(|l| format!("{} {}", l.id, l.ip)).collect(),
        actions: std::iter::once("ask the provider what happened to them".to_owned())
            .chain(replaced(gone.iter().copied(), around, policies))
            .collect(),
        ..plain(
            AlertKey::order("lost", name.as_str(), first.id.as_str()),
            Severity::Urgent,
            Some(name),
            &format!("{} of account {name} left the provider's list", leases(gone.len())),
            "Their policy renews them, but the provider no longer lists them, or lists another address in their place. renewd buys \
             nothing unless you ask it to: these commands would replace them.",
        )
    })
}

/// The commands that would replace lost leases.
fn replaced<'a>(
    lost: impl Iterator<Item = &'a Lease>,
    around: &Around,
    policies: &Policies<'_>,
) -> Vec<String> {
    let price = |l: &Lease| {
        let paid = around.last_paid.get(&l.id).map(|(m, c)| (*m, c.as_str()));
        paid.or_else(|| l.price.map(|m| (m, "USD")))
    };
    let lost: Vec<_> = lost.map(|l| (l, price(l))).collect();
    replacements(&lost, policies)
}

/// Its end is ahead, and so near that people hear of it: its policy's notice has come, or it is as near as what is due.
fn near(item: &Item, policies: &[Policy], now: Timestamp) -> bool {
    let Some(end) = item.lease.expires_at.filter(|end| *end > now) else { return false };
    match item.policy.map(|p| &policies[p]).filter(|p| p.notice.is_some()) {
        Some(policy) => notice_at(policy, item.lease.order.as_str(), end) <= now,
        None => item.stage >= Some(Stage::Normal),
    }
}

/// Watched leases (or without a policy) before they lapse.
pub(super) fn watched(
    account: &AccountReport,
    items: &[&Item],
    policies: &[Policy],
    now: Timestamp,
) -> Option<Alert> {
    let name = &account.account;
    let items: Vec<&Item> =
        items.iter().filter(|i| i.decision() == Decision::Watch && near(i, policies, now)).copied().collect();
    (!items.is_empty()).then(|| Alert {
        rows: items.iter().map(|i| row(i)).collect(),
        actions: vec!["renewd plan".into()],
        deadline: deadline(&items),
        grade: grade(&items),
        leases: touched(&items),
        ..plain(
            AlertKey::account("watch", name.as_str()),
            urgency(&items),
            Some(name),
            &format!("{} of account {name} will lapse soon, and nothing renews them", leases(items.len())),
            "Their policy only watches them, or no policy matches. To keep them, add a policy with action = \"renew\".",
        )
    })
}

/// The command that takes back what is planned for the first of them.
fn keep_one(items: &[&Item]) -> String {
    let lease = items.first().map(|i| &i.lease);
    let target = lease.map_or("ADDRESS", |l| if l.ip.is_empty() { l.id.as_str() } else { &l.ip });
    format!("renewd keep {target} --like POLICY")
}

/// Released leases before they go: one notice for all that end on one day, as soon as the first of them is near. Their end is
/// as planned, so nothing is said of it.
pub(super) fn released(
    account: &AccountReport,
    items: &[&Item],
    policies: &[Policy],
    now: Timestamp,
) -> Vec<Alert> {
    let name = &account.account;
    let ahead =
        |i: &&Item| i.decision() == Decision::Release && i.lease.expires_at.is_some_and(|end| end > now);
    let days = by_day(items.iter().copied().filter(ahead)).into_iter();
    days.filter(|(_, items)| items.iter().any(|i| near(i, policies, now)))
        .map(|(day, items)| Alert {
            rows: items.iter().map(|i| row(i)).collect(),
            actions: vec![keep_one(&items), "renewd plan".into()],
            deadline: deadline(&items),
            once: true,
            leases: touched(&items),
            parts: each(&items),
            ..plain(
                AlertKey::order("release", name.as_str(), &day),
                Severity::Info,
                Some(name),
                &format!("{} of account {name} will lapse on {day} as planned", leases(items.len())),
                "Their policy lets them lapse. To keep one, say so before it ends; to keep all of them, change the policy.",
            )
        })
        .collect()
}
