//! Telling people: from a pass's report to the outbox, and from the outbox to the mail server.
//!
//! The alerts and their mails are stored in one transaction, so a crash can delay a mail and never lose one.
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::alerting::reconcile;
use crate::budget::span;
use crate::clock::Clock;
use crate::daemon::runway::Runways;
use crate::domain::{AccountName, Alert, AlertKey, Severity};
use crate::engine::alerts::{BudgetUse, double_charge, firing, plain};
use crate::engine::{CycleReport, Viewer};
use crate::ledger::{BudgetCheck, IntentRecord, Ledger, LedgerError};
use crate::notify::{self, Attempt, Letterhead, Mailer};
use crate::settings::Settings;

/// Tells what a pass found: new alerts, repeats and resolved ones go to the outbox.
///
/// # Errors
/// The ledger's.
pub fn report(viewer: &Viewer, report: &CycleReport) -> Result<(), LedgerError> {
    told(viewer, report, BTreeSet::new())
}

/// Tells what a pass found that looked at some leases only: it raises alerts and calls none of an account over.
///
/// # Errors
/// The ledger's.
pub fn part(viewer: &Viewer, report: &CycleReport) -> Result<(), LedgerError> {
    told(viewer, report, viewer.settings.accounts.iter().map(|a| a.name.clone()).collect())
}

fn told(viewer: &Viewer, report: &CycleReport, unseen: BTreeSet<AccountName>) -> Result<(), LedgerError> {
    let budgets = budget_uses(viewer)?;
    let (mut alerts, mut frozen) = firing(report, &viewer.settings, &budgets);
    frozen.extend(unseen);
    let runways = Runways::look(viewer, &mut alerts, &frozen)?;
    for alert in &alerts {
        tracing::debug!(alert = %alert.key, severity = alert.severity.as_str(), "{}", alert.title);
    }
    queue_with(
        viewer.ledger.as_ref(),
        &viewer.settings,
        viewer.clock.as_ref(),
        &alerts,
        &frozen,
        &["config_reload", "ledger"],
        &runways.keys,
    )?;
    runways.remember(viewer.ledger.as_ref())
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
    frozen: &BTreeSet<AccountName>,
    apart: &[&str],
) -> Result<(), LedgerError> {
    queue_with(ledger, settings, clock, alerts, frozen, apart, &Keys::default())
}

/// What is known of single alerts before they are reconciled.
#[derive(Debug, Default)]
pub struct Keys {
    /// Left as they are: neither told nor closed.
    pub left: BTreeSet<AlertKey>,
    /// Got worse without a change of severity: told as escalated.
    pub worse: BTreeSet<AlertKey>,
}

/// The same with what is known of single alerts.
///
/// # Errors
/// The ledger's.
fn queue_with(
    ledger: &dyn Ledger,
    settings: &Settings,
    clock: &dyn Clock,
    alerts: &[Alert],
    frozen: &BTreeSet<crate::domain::AccountName>,
    apart: &[&str],
    keys: &Keys,
) -> Result<(), LedgerError> {
    let now = clock.now().wall;
    let mut open: Vec<_> = ledger.open_alerts()?;
    open.retain(|a| !apart.contains(&a.key.cause()) && !keys.left.contains(&a.key));
    // Below any severity that is told, so that the comparison finds it risen.
    open.iter_mut().filter(|a| keys.worse.contains(&a.key)).for_each(|a| a.severity = Severity::Info);
    let told = reconcile(&open, alerts, frozen, now, settings.alerts.repeat);
    let letterhead = Letterhead::new(&settings.timezone, now);
    let mut changes = Vec::new();
    let mut mails = Vec::new();
    for one in told {
        if let Some(occasion) = one.occasion {
            tracing::warn!(alert = %one.alert.key, occasion = occasion.as_str(), "{}", one.alert.title);
            mails.extend(notify::render(&settings.alerts, &letterhead, &one, occasion));
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

/// Tries every undelivered mail now; what is not taken stays in the outbox.
///
/// # Errors
/// The ledger's.
pub async fn deliver_all(viewer: &Viewer) -> Result<(), LedgerError> {
    deliver(viewer, Attempt::All).await
}

/// Tries the mails whose time has come.
///
/// # Errors
/// The ledger's.
pub async fn deliver_due(viewer: &Viewer) -> Result<(), LedgerError> {
    deliver(viewer, Attempt::Due).await
}

async fn deliver(viewer: &Viewer, which: Attempt) -> Result<(), LedgerError> {
    let Some(email) = &viewer.settings.alerts.email else { return Ok(()) };
    let mailer = match Mailer::smtp(email) {
        Ok(mailer) => mailer,
        Err(e) => {
            tracing::error!("mail cannot be sent: {e}");
            return Ok(());
        }
    };
    deliver_with(viewer, &mailer, which).await
}

/// Tries mails through this mailer.
///
/// # Errors
/// The ledger's.
pub async fn deliver_with(viewer: &Viewer, mailer: &Mailer, which: Attempt) -> Result<(), LedgerError> {
    let done = notify::pump(viewer.ledger.as_ref(), mailer, viewer.clock.as_ref(), which).await?;
    if let Some(error) = done.last_error {
        tracing::error!(waiting = done.left, "mail was not taken and stays in the outbox: {error}");
    }
    Ok(())
}

/// Boot milliseconds of the last direct mail in this process.
static LAST_DIRECT: AtomicI64 = AtomicI64::new(i64::MIN);

/// Tells of ledger trouble without the ledger: log, and one direct mail per `repeat`.
pub async fn ledger_trouble(settings: &Settings, error: &LedgerError, clock: &dyn Clock) {
    tracing::error!("{error}");
    use LedgerError::{Damaged, Newer, Trouble};
    if !matches!(error, Trouble { .. } | Damaged { .. } | Newer { .. }) {
        return;
    }
    let now = clock.now();
    let last = LAST_DIRECT.load(Ordering::Relaxed);
    let repeat = i64::try_from(settings.alerts.repeat.as_millis()).unwrap_or(i64::MAX);
    if last != i64::MIN && now.boot_ms.saturating_sub(last) < repeat {
        return;
    }
    LAST_DIRECT.store(now.boot_ms, Ordering::Relaxed);
    let Some(email) = &settings.alerts.email else { return };
    let text = format!("{error}\n\nNo payment is started while this lasts. Due leases are not renewed.\n");
    let title = "renewd: the ledger cannot be used, payments stop";
    match Mailer::smtp(email) {
        Ok(mailer) => {
            if let Err(e) = mailer.direct(email, title, &text, now.wall).await {
                tracing::error!("the mail about it was not taken either: {e}");
            }
        }
        Err(e) => tracing::error!("the mail about it could not be sent: {e}"),
    }
}
