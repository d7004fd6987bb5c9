//! Telling people: from a pass's report to the outbox. Not responsible for what becomes of it there (`deliver`).
//!
//! The alerts and their mails are stored in one transaction, so a crash can delay a mail and never lose one.
use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::alerting::{Occasion, reconcile};
use crate::budget::span;
use crate::clock::Clock;
use crate::domain::{Alert, AlertKey, Severity};
use crate::engine::alerts::{BudgetUse, double_charge, firing, plain};
use crate::engine::{CycleReport, Viewer};
use crate::ledger::{BudgetCheck, IntentRecord, Ledger, LedgerError};
use crate::notify::{self, Letterhead};
use crate::settings::Settings;

/// Tells what a pass found: new alerts, repeats and resolved ones go to the outbox.
///
/// # Errors
/// The ledger's.
pub fn report(viewer: &Viewer, report: &CycleReport) -> Result<(), LedgerError> {
    let budgets = budget_uses(viewer)?;
    let (alerts, frozen) = firing(report, &viewer.settings, &budgets);
    for alert in &alerts {
        tracing::debug!(alert = %alert.key, severity = alert.severity.as_str(), "{}", alert.title);
    }
    queue(
        viewer.ledger.as_ref(),
        &viewer.settings,
        viewer.clock.as_ref(),
        &alerts,
        &frozen,
        &["config_reload", "ledger"],
    )
}

/// Tells of second charges that a settling pass found.
///
/// # Errors
/// The ledger's.
pub fn doubles(viewer: &Viewer, records: &[IntentRecord]) -> Result<(), LedgerError> {
    if records.is_empty() {
        return Ok(());
    }
    let alerts: Vec<Alert> = records.iter().map(double_charge).collect();
    let ledger = viewer.ledger.as_ref();
    let others: Vec<String> = ledger.open_alerts()?.iter().map(|a| a.key.cause().to_owned()).collect();
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    queue(ledger, &viewer.settings, viewer.clock.as_ref(), &alerts, &BTreeSet::new(), &others)
}

/// Reconciles `alerts` with what is open. Causes in `apart` belong to other tellers and are left as they are.
///
/// # Errors
/// The ledger's.
pub fn queue(
    ledger: &dyn Ledger,
    settings: &Settings,
    clock: &dyn Clock,
    alerts: &[Alert],
    frozen: &BTreeSet<crate::domain::AccountName>,
    apart: &[&str],
) -> Result<(), LedgerError> {
    let now = clock.now().wall;
    let open: Vec<_> =
        ledger.open_alerts()?.into_iter().filter(|a| !apart.contains(&a.key.cause())).collect();
    let told = reconcile(&open, alerts, frozen, now, settings.alerts.repeat);
    let letterhead = LazyLock::new(|| Letterhead::new(&settings.alerts, &settings.timezone, now));
    let mut changes = Vec::new();
    let mut mails = Vec::new();
    for one in told {
        if let Some(occasion) = one.occasion {
            tracing::warn!(alert = %one.alert.key, occasion = occasion.as_str(), "{}", one.alert.title);
            let told_of = match occasion {
                Occasion::Resolved => ledger.told_of(&letterhead.incident(&one.alert.key, one.since))?,
                _ => Vec::new(),
            };
            mails.extend(notify::render(&settings.alerts, &letterhead, &one, occasion, &told_of));
        }
        changes.push(one.change);
    }
    ledger.apply_alerts(&changes, &mails, now)
}

/// One alert of the daemon's own, outside a pass (`firing` = it holds; otherwise it is over).
///
/// # Errors
/// The ledger's.
pub fn own(
    ledger: &dyn Ledger,
    settings: &Settings,
    clock: &dyn Clock,
    cause: &str,
    firing: Option<(&str, &str)>,
) -> Result<(), LedgerError> {
    let open: Vec<_> = ledger.open_alerts()?;
    let others: Vec<String> = open.iter().map(|a| a.key.cause().to_owned()).filter(|c| c != cause).collect();
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    let alert = firing
        .map(|(title, text)| plain(AlertKey::account(cause, "*"), Severity::Warning, None, title, text));
    queue(ledger, settings, clock, alert.as_slice(), &BTreeSet::new(), &others)
}

fn budget_uses(viewer: &Viewer) -> Result<Vec<BudgetUse>, LedgerError> {
    let settings = &viewer.settings;
    let cycle = viewer.ledger.last_cycle()?.map(|c| c.id);
    let now = viewer.clock.now().wall;
    let warned = settings.budgets.iter().filter_map(|b| Some((b, b.warn_at?)));
    warned
        .map(|(b, share)| {
            let (from, to) = span(b.per, now, &settings.timezone);
            let spent = viewer.ledger.spent(&BudgetCheck {
                name: b.name.clone(),
                accounts: b.accounts.clone(),
                policies: b.policies.clone(),
                currency: b.currency.clone(),
                from,
                to,
                cycle: cycle.filter(|_| b.per == crate::budget::Per::Cycle),
                limit: b.limit,
            })?;
            Ok(BudgetUse {
                name: b.name.clone(),
                spent,
                limit: b.limit,
                warn_from: share.of_money(b.limit),
                currency: b.currency.to_string(),
            })
        })
        .collect()
}
