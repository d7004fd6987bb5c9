//! Telling people: from a pass's report to the outbox. Not responsible for what becomes of it there (`deliver`).
//!
//! The alerts and their mails are stored in one transaction, so a crash can delay a mail and never lose one. Several tasks
//! tell side by side, each of its own causes.
use std::sync::{LazyLock, Mutex, PoisonError};

use jiff::Timestamp;

use crate::alerting::{DAY, Ends, Occasion, Quiet, SETTLED, Terms, Told, again, bundle, reconcile};
use crate::budget::span;
use crate::daemon::runway::Runways;
use std::collections::HashMap;

use crate::domain::{Alert, AlertKey, Lease, LeaseId, Money};
use crate::engine::alerts::{
    Around, BudgetUse, Ending, NEWS, Refused, config_refused, double_charge, ends, firing, how_it_ended,
    mail_refused, mail_undelivered, merged, tried_again,
};
use crate::engine::{CycleReport, TOLD, Viewer, doubles};
use crate::ledger::{AlertChange, BudgetCheck, How, IntentFilter, IntentRecord, LedgerError, OpenAlert};
use crate::notify::{self, Letterhead};
use crate::policy::Word;

/// Causes that are not judged by a pass: the loop's watch, a reload and the web side tell of them.
const APART: &[&str] = &["loop_late", "config_reload", "page_down"];

/// Reading what is open, judging it and writing what became of it is one step: two tasks at once would tell twice.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Tells what a pass found: new alerts, repeats and resolved ones go to the outbox.
///
/// # Errors
/// The ledger's.
pub fn report(viewer: &Viewer, report: &CycleReport) -> Result<(), LedgerError> {
    told(viewer, report, true)
}

/// What is said of leases for which no other alert speaks: a pass that puts leases aside cannot know that.
const FOR_WHOLE_PASSES: [&str; 3] =
    [crate::engine::alerts::runway::CAUSE, "lapse_ahead", crate::engine::alerts::ahead::CAUSE];

/// Tells what a pass found that looked at some leases only: it raises alerts and calls none over.
///
/// # Errors
/// The ledger's.
pub fn part(viewer: &Viewer, report: &CycleReport) -> Result<(), LedgerError> {
    told(viewer, report, false)
}

fn told(viewer: &Viewer, report: &CycleReport, whole: bool) -> Result<(), LedgerError> {
    let around = around(viewer, report)?;
    let untold = doubles::untold(viewer.ledger.as_ref())?;
    let runways = Runways::look(viewer, report)?;
    let judge = |open: &[OpenAlert]| {
        let around = Around { open: open.to_vec(), ..around.clone() };
        let mut alerts = firing(report, &viewer.settings, &around);
        let earlier = |r: &&IntentRecord| report.double_charges.iter().all(|d| d.id != r.id);
        alerts.extend(untold.iter().filter(earlier).map(double_charge));
        let mut alerts = merged(alerts);
        let left = runways.add(&viewer.settings, &mut alerts, open);
        if !whole {
            alerts.retain(|a| !FOR_WHOLE_PASSES.contains(&a.key.cause()));
        }
        for alert in &alerts {
            tracing::debug!(alert = %alert.key, severity = alert.severity.as_str(), "{}", alert.title);
        }
        let mut ends = ends(open, &alerts, report);
        ends.frozen.extend(left);
        if !whole {
            ends.frozen.extend(open.iter().map(|a| a.key.clone()));
        }
        // A refused config stays refused until a reload or a start takes one: it is repeated like any other.
        alerts.extend(open.iter().filter(|a| a.course.holds && APART.contains(&a.key.cause())).map(again));
        (alerts, ends)
    };
    let ended = |alert: &OpenAlert| ending(viewer, alert, Some(report));
    queue_ending(viewer, &|_| true, &judge, &ended)?;
    strike_out(viewer, Some(report))?;
    if whole {
        remember_waits(viewer, report, &around)?;
    }
    viewer.ledger.note(TOLD, &report.started.noted())?;
    runways.remember(viewer.ledger.as_ref())
}

/// The note of leases that the last pass left to be tried again, one a line. A crash before it is written tells of a standstill one
/// pass later.
const WAITED: &str = "waits.tried_again";

fn remember_waits(viewer: &Viewer, report: &CycleReport, around: &Around) -> Result<(), LedgerError> {
    let waits = tried_again(report, &viewer.settings, around);
    let text = waits.join("\n");
    if viewer.ledger.noted(WAITED)?.unwrap_or_default() == text {
        Ok(())
    } else {
        viewer.ledger.note(WAITED, &text)
    }
}

fn around(viewer: &Viewer, report: &CycleReport) -> Result<Around, LedgerError> {
    let (ledger, now) = (viewer.ledger.as_ref(), report.started.wall);
    let back = |span| now.checked_sub(span).unwrap_or(Timestamp::MIN);
    let failed = IntentFilter {
        states: vec![crate::domain::State::NotApplied],
        spend_since: Some(back(DAY)),
        ..IntentFilter::default()
    };
    Ok(Around {
        budgets: budget_uses(viewer)?,
        balances: ledger.balance_notes(back(NEWS))?,
        overcharged: viewer.overcharged()?,
        unsent: ledger.intents(&failed)?.into_iter().filter(|r| r.never_sent).collect(),
        mails: ledger.waiting_mails()?,
        refused: refused(viewer)?,
        open: Vec::new(),
        waited: ledger.noted(WAITED)?.unwrap_or_default().lines().map(str::to_owned).collect(),
        last_paid: last_paid(viewer, report)?,
    })
}

/// What the leases last cost that this pass found lost.
fn last_paid(
    viewer: &Viewer,
    report: &CycleReport,
) -> Result<HashMap<LeaseId, (Money, String)>, LedgerError> {
    let lapsed = report.items.iter().filter(|i| i.reason.word == Word::Lapsed).map(|i| &i.lease);
    let lost: Vec<&Lease> = report.lost.iter().chain(lapsed).collect();
    let mut paid = HashMap::new();
    if lost.is_empty() {
        return Ok(paid);
    }
    let states = vec![crate::domain::State::Confirmed];
    for record in viewer.ledger.intents(&IntentFilter { states, ..IntentFilter::default() })? {
        let shares = record.detail.charged.unwrap_or(record.quoted).shares(record.request.leases.len());
        for (lease, share) in record.request.leases.iter().zip(shares) {
            if lost.iter().any(|l| l.id == lease.id && l.account == record.request.account) {
                paid.entry(lease.id.clone()).or_insert((share, record.currency.to_string()));
            }
        }
    }
    Ok(paid)
}

/// Tells of second charges that a settling pass found.
///
/// # Errors
/// The ledger's.
pub fn doubles(viewer: &Viewer, records: &[IntentRecord]) -> Result<(), LedgerError> {
    let untold = doubles::untold(viewer.ledger.as_ref())?;
    facts(viewer, &merged(records.iter().chain(&untold).map(double_charge).collect()))?;
    strike_out(viewer, None)
}

/// Strikes out what was noted as untold and is told now. What is silenced or over its cap stays owed.
fn strike_out(viewer: &Viewer, report: Option<&CycleReport>) -> Result<(), LedgerError> {
    let mut owed = viewer.ledger.open_alerts()?;
    owed.retain(|a| a.owed.is_some());
    doubles::told(viewer.ledger.as_ref(), &|record| {
        let alert = double_charge(record);
        owed.iter().any(|a| a.key == alert.key && alert.parts.iter().any(|p| !a.heard.contains(p)))
    })?;
    let Some(report) = report else { return Ok(()) };
    viewer.losses_told(&|lease| {
        let told = report.lost.contains(lease) && report.accounts.iter().any(|a| a.account == lease.account);
        let kept_back = |a: &OpenAlert| {
            a.key.cause() == "lost"
                && a.account.as_ref() == Some(&lease.account)
                && a.leases.contains(&lease.id)
        };
        !told || owed.iter().any(kept_back)
    })
}

/// Tells of these and touches no other alert.
///
/// # Errors
/// The ledger's.
pub fn facts(viewer: &Viewer, alerts: &[Alert]) -> Result<(), LedgerError> {
    if alerts.is_empty() {
        return Ok(());
    }
    queue(viewer, &|key| alerts.iter().any(|a| &a.key == key), &|_| (alerts.to_vec(), Ends::default()))
}

/// What the watch over the loop sees: these fire, the others of their causes are over.
///
/// # Errors
/// The ledger's.
pub fn watched(viewer: &Viewer, late: Option<Alert>) -> Result<(), LedgerError> {
    let ledger = viewer.ledger.as_ref();
    let undelivered = mail_undelivered(&ledger.waiting_mails()?, viewer.clock.now().wall);
    let refused = mail_refused(&refused(viewer)?);
    let alerts: Vec<Alert> = late.into_iter().chain(undelivered).chain(refused).collect();
    let mine = |key: &AlertKey| ["loop_late", "mail_undelivered", "mail_refused"].contains(&key.cause());
    queue(viewer, &mine, &|_| (alerts.clone(), Ends::default()))
}

/// What the delivery of a command that ends met with: it has no watch beside it.
///
/// # Errors
/// The ledger's.
pub fn delivered(viewer: &Viewer) -> Result<(), LedgerError> {
    let alerts: Vec<Alert> = mail_refused(&refused(viewer)?).into_iter().collect();
    queue(viewer, &|key| key.cause() == "mail_refused", &|_| (alerts.clone(), Ends::default()))
}

fn refused(viewer: &Viewer) -> Result<Refused, LedgerError> {
    let ledger = viewer.ledger.as_ref();
    Ok(Refused::of(ledger.refusals()?, ledger.aside_mails()?, &viewer.settings.alerts))
}

/// A config was taken (`None`) or refused.
///
/// # Errors
/// The ledger's.
pub fn config(viewer: &Viewer, refused: Option<&str>) -> Result<(), LedgerError> {
    let alerts: Vec<Alert> = refused.map(config_refused).into_iter().collect();
    queue(viewer, &|key| key.cause() == "config_reload", &|_| (alerts.clone(), Ends::default()))
}

/// The page can be served (`None`) or not.
///
/// # Errors
/// The ledger's.
pub fn page(viewer: &Viewer, down: Option<Alert>) -> Result<(), LedgerError> {
    let alerts: Vec<Alert> = down.into_iter().collect();
    queue(viewer, &|key| key.cause() == "page_down", &|_| (alerts.clone(), Ends::default()))
}

/// What fires, and which of the open ones that do not are not simply over.
pub type Judged = (Vec<Alert>, Ends);

/// Judges the open alerts that are `mine`, and stores and queues what comes of it; the others are left as they are.
///
/// # Errors
/// The ledger's.
pub fn queue(
    viewer: &Viewer,
    mine: &dyn Fn(&AlertKey) -> bool,
    judge: &dyn Fn(&[OpenAlert]) -> Judged,
) -> Result<(), LedgerError> {
    queue_ending(viewer, mine, judge, &|alert| ending(viewer, alert, None))
}

/// How an alert ended, as far as the ledger and this pass know.
fn ending(viewer: &Viewer, alert: &OpenAlert, report: Option<&CycleReport>) -> Result<Ending, LedgerError> {
    let (ledger, now) = (viewer.ledger.as_ref(), viewer.clock.now().wall);
    let since = Some(alert.since.checked_sub(DAY).unwrap_or(Timestamp::MIN));
    let account = alert.account.clone();
    let records = match account {
        // What was open at its beginning may have been made long before.
        Some(_) if alert.heard.is_empty() => {
            ledger.intents(&IntentFilter { account, spend_since: since, ..IntentFilter::default() })?
        }
        Some(_) => ledger.intents(&IntentFilter { account, ..IntentFilter::default() })?,
        None => Vec::new(),
    };
    Ok(how_it_ended(alert, &records, &ledger.accounts()?, report, now))
}

fn queue_ending(
    viewer: &Viewer,
    mine: &dyn Fn(&AlertKey) -> bool,
    judge: &dyn Fn(&[OpenAlert]) -> Judged,
    ending: &dyn Fn(&OpenAlert) -> Result<Ending, LedgerError>,
) -> Result<(), LedgerError> {
    let (ledger, settings) = (viewer.ledger.as_ref(), &viewer.settings);
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let now = viewer.clock.now().wall;
    let mut open = ledger.open_alerts()?;
    open.retain(|a| mine(&a.key));
    let (alerts, ends) = judge(&open);
    if open.is_empty() && alerts.is_empty() {
        return Ok(());
    }
    let log = ledger.tellings(now.checked_sub(DAY).unwrap_or(Timestamp::MIN))?;
    let quiet = Quiet::new(&ledger.silences(now)?, &log, settings.alerts.max_mails_per_day, now);
    let ended = ledger.ended_alerts(now.checked_sub(SETTLED).unwrap_or(Timestamp::MIN))?;
    let terms = Terms { now, repeat: settings.alerts.repeat, ends: &ends, quiet: &quiet, ended: &ended };
    let mut told = reconcile(&open, &alerts, &terms);
    for one in told.iter_mut().filter(|t| t.occasion == Some(Occasion::Resolved)) {
        if let Some(before) = open.iter().find(|a| a.key == one.alert.key) {
            let Ending { text, rows } = ending(before)?;
            (one.alert.text, one.alert.rows) = (text, rows);
        }
    }
    told.iter().for_each(say_not);
    let letterhead = LazyLock::new(|| Letterhead::new(&settings.alerts, &settings.timezone, now));
    let mut mails = Vec::new();
    for one in bundle(&told) {
        let Some(occasion) = one.occasion else { continue };
        say(&one.alert, occasion);
        let told_of = match occasion {
            Occasion::Resolved => ledger.told_of(&letterhead.incident(&one.alert.key, one.since))?,
            _ => Vec::new(),
        };
        mails.extend(notify::render(&settings.alerts, &letterhead, &one, occasion, &told_of));
    }
    let changes: Vec<_> = told.into_iter().flat_map(|one| one.changes).collect();
    ledger.apply_alerts(&changes, &mails, now)
}

/// What is over is no warning, and is not told in the words that it was raised with.
fn say(alert: &Alert, occasion: Occasion) {
    let (key, word) = (&alert.key, occasion.as_str());
    match (occasion, key.cause()) {
        (Occasion::Resolved, "config_reload") => {
            tracing::info!(alert = %key, occasion = word, "a good config was taken");
        }
        (Occasion::Resolved, _) => tracing::info!(alert = %key, occasion = word, "over: {}", alert.title),
        _ => tracing::warn!(alert = %key, occasion = word, "{}", alert.title),
    }
}

/// What is kept back is in the log, and nowhere else at once.
fn say_not(told: &Told) {
    for change in &told.changes {
        if let AlertChange::Log(line) = change
            && line.how != How::Told
        {
            let (key, word, how) = (&line.key, line.occasion.as_str(), line.how.as_str());
            tracing::info!(alert = %key, occasion = word, how, "not mailed now: {}", line.title);
        }
    }
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
