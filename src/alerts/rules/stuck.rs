//! Alerts about leases that are kept and get nowhere although nothing holds them: payments that never left, and whatever else
//! leaves a lease unpaid in its last hours.
use jiff::SignedDuration;

use super::{Around, deadline, grade, leases, leases_are, plain, row, touched, urgency};
use crate::domain::time::words;
use crate::domain::{Alert, AlertKey, Lease, Severity};
use crate::engine::{AccountReport, CycleReport};
use crate::ledger::IntentRecord;
use crate::planner::Item;
use crate::policy::{Action, Stage, Word, has_a_turn};
use crate::settings::Settings;

fn is_of(record: &IntentRecord, item: &Item) -> bool {
    record.request.leases.iter().any(|l| l.is_lease(&item.lease))
}

/// Leases whose last payment never left, because the provider's payment address did not take a connection.
pub(super) fn not_sent(account: &AccountReport, items: &[&Item], unsent: &[IntentRecord]) -> Option<Alert> {
    let name = &account.account;
    let waiting: Vec<&Item> = items
        .iter()
        .filter(|i| i.reason.word == Word::Backoff && unsent.iter().any(|r| is_of(r, i)))
        .copied()
        .collect();
    let newest = unsent.iter().find(|r| waiting.iter().any(|i| is_of(r, i)))?;
    let said =
        newest.detail.message.as_ref().map(|m| format!(" The last attempt said: {m}.")).unwrap_or_default();
    Some(Alert {
        rows: waiting.iter().map(|i| row(i)).collect(),
        actions: vec!["renewd check --live".into(), "renewd plan".into()],
        deadline: deadline(&waiting),
        grade: grade(&waiting),
        leases: touched(&waiting),
        ..plain(
            AlertKey::account("not_sent", name.as_str()),
            urgency(&waiting),
            Some(name),
            &format!("{} due at account {name}, but no payment could be sent", leases_are(waiting.len())),
            &format!(
                "Nothing was sent, so nothing was spent. renewd tries again at growing intervals.{said}"
            ),
        )
    })
}

/// What a pass left unpaid without a word of its own against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Still {
    /// It is tried again in the next pass: told once that is the second time, and at once where time is short.
    Tried,
    /// No pass will come to it before it is lost.
    NoTurn,
}

/// An order that stays active so long after its end is renewed by nobody.
const OVERDUE: SignedDuration = SignedDuration::from_hours(1);

/// Whether a kept lease stands still and no other alert speaks for it. One rule over all words: a hold has an alert of its own
/// word (`held.rs`) or of its account, and of the waits it is said here which of them are a standstill.
fn still(item: &Item, look: &Look<'_>) -> Option<Still> {
    let (settings, now) = (look.settings, look.report.started.wall);
    let policy = item.policy.map(|p| &settings.policies[p]).filter(|p| p.action == Action::Renew)?;
    let no_turn = || {
        let end = item.lease.expires_at.filter(|end| *end > now)?;
        let turn = has_a_turn(policy, item.lease.order.as_str(), end, now, &settings.next_start());
        (!turn).then_some(Still::NoTurn)
    };
    match item.reason.word {
        Word::Backoff => (!look.unsent.iter().any(|r| is_of(r, item))).then_some(Still::Tried),
        Word::Due => (!look.report.payments.iter().any(|r| is_of(r, item))).then_some(Still::Tried),
        Word::OutsideWindow => no_turn(),
        // Early, and due only when no pass begins any more: worth a word once it is as near as what is due.
        Word::NotDue if item.lease.expires_at.is_some_and(|end| end.duration_since(now) <= NEAR) => no_turn(),
        Word::NotRenewableYet => {
            let over = item.lease.expires_at.is_some_and(|end| now.duration_since(end) >= OVERDUE);
            over.then_some(Still::NoTurn)
        }
        // `accepted` has a clock of its own, `provider_pays` a rescue in the last hour, `fleet_guard` an alert.
        _ => None,
    }
}

/// So long before its end a lease that no pass will come to is told of here; `cannot_renew` knows it long before.
const NEAR: SignedDuration = SignedDuration::from_hours(12);

/// What the rule looks at.
pub(super) struct Look<'a> {
    pub report: &'a CycleReport,
    pub settings: &'a Settings,
    pub unsent: &'a [IntentRecord],
    pub waited: &'a [String],
}

impl<'a> Look<'a> {
    pub(super) fn new(report: &'a CycleReport, settings: &'a Settings, around: &'a Around) -> Self {
        Self { report, settings, unsent: &around.unsent, waited: &around.waited }
    }
}

/// Names a lease for the next pass, also where its id changes meanwhile.
fn mark(item: &Item) -> String {
    let Lease { account, order, ip, id, .. } = &item.lease;
    format!("{account} {order} {}", if ip.is_empty() { id.as_str() } else { ip })
}

/// Leases that this pass left to be tried again: kept, so that the next one knows that it is the second.
#[must_use]
pub fn tried_again(report: &CycleReport, settings: &Settings, around: &Around) -> Vec<String> {
    let look = Look::new(report, settings, around);
    // Put off by the guard, or never sent: that had an alert of its own then, and is a pass that did not pay all the same.
    let put_off = |i: &Item| {
        matches!(i.reason.word, Word::Backoff | Word::FleetGuard)
            && i.policy.is_some_and(|p| settings.policies[p].action == Action::Renew)
    };
    let waits = |i: &&Item| put_off(i) || still(i, &look) == Some(Still::Tried);
    report.items.iter().filter(waits).map(mark).collect()
}

/// Kept leases that nothing holds and that get nowhere all the same: no other alert speaks for them.
pub(super) fn lapse_ahead(account: &AccountReport, items: &[&Item], look: &Look<'_>) -> Option<Alert> {
    let name = &account.account;
    let now = look.report.started.wall;
    let last_hours = |i: &Item| {
        i.stage == Some(Stage::Rescue)
            || (i.stage == Some(Stage::Urgent) && i.lease.expires_at.is_some_and(|end| end > now))
    };
    let told = |i: &&&Item| match still(i, look) {
        Some(Still::Tried) => last_hours(i) || (!look.report.stopped && look.waited.contains(&mark(i))),
        Some(Still::NoTurn) => true,
        None => false,
    };
    let items: Vec<&Item> = items.iter().filter(told).copied().collect();
    let urgent = |i: &&Item| last_hours(i) || still(i, look) == Some(Still::NoTurn);
    let severity = if items.iter().any(urgent) { Severity::Urgent } else { Severity::Warning };
    let n = leases(items.len());
    (!items.is_empty()).then(|| Alert {
        rows: items.iter().map(|i| row(i)).collect(),
        actions: steps(&items, look),
        deadline: deadline(&items),
        grade: grade(&items),
        leases: touched(&items),
        ..plain(
            AlertKey::account("lapse_ahead", name.as_str()),
            severity,
            Some(name),
            &match deadline(&items).filter(|_| items.iter().any(|i| i.gone_at.is_some())) {
                Some(gone) => format!(
                    "{n} of account {name} on hold at the provider, not paid yet and gone in {}",
                    words(gone.duration_since(now))
                ),
                None if severity == Severity::Urgent => format!("{n} of account {name} will lapse soon and are not paid yet"),
                None => format!("{} due at account {name}, but nothing pays for them", leases_are(items.len())),
            },
            if items.iter().any(|i| still(i, look) == Some(Still::NoTurn)) {
                "A policy keeps them, and as things stand no cycle comes to them in time: before the end of each no start on the schedule lies \
                 within its window or its urgent stage, or the provider did not let it go on."
            } else {
                "Their policy renews them and nothing prevents it; the next cycle tries again."
            },
        )
    })
}

fn steps(items: &[&Item], look: &Look<'_>) -> Vec<String> {
    let name = items.first().map(|i| i.lease.account.to_string()).unwrap_or_default();
    let mut policies: Vec<usize> = items
        .iter()
        .filter(|i| i.reason.word != Word::NotRenewableYet && still(i, look) == Some(Still::NoTurn))
        .filter_map(|i| i.policy)
        .collect();
    policies.sort_unstable();
    policies.dedup();
    let widen = policies.into_iter().map(|p| {
        let policy = &look.settings.policies[p];
        let key = match &policy.window {
            Some(window) if window.is_all_day() => "shorten except or raise urgent",
            Some(_) => "widen window or raise urgent",
            None => "raise before",
        };
        format!("{key} of policy `{}`, then systemctl reload renewd", policy.name)
    });
    widen.chain(["renewd plan".into(), format!("renewd history --account {name} --since 1d")]).collect()
}
