//! Telling people: from a pass's report to the outbox. Not responsible for what becomes of it there (`deliver`).
//!
//! The alerts and their mails are stored in one transaction, so a crash can delay a mail and never lose one. Several tasks
//! tell side by side, each of its own causes.
use std::sync::{LazyLock, Mutex, PoisonError};

use jiff::Timestamp;

use crate::alerting::{DAY, Ends, Occasion, Quiet, SETTLED, Terms, Told, again, bundle, reconcile};
use crate::alerts::around::{WAITED, around, plans_that_gave_way, refused};
use crate::alerts::rules::{
    Around, Ending, approval, channels_undelivered, config_refused, double_charge, ends, firing,
    hooks_failed, how_it_ended, keep_key, keeps_over, labelled, labels_of, mail_refused, mail_undelivered,
    merged, tried_again,
};
use crate::alerts::runway::Runways;
use crate::alerts::{hooks, wake};
use crate::domain::{Alert, AlertKey, Moment};
use crate::engine::outlook::Foresight;
use crate::engine::settle::double_charge;
use crate::engine::{CycleReport, TOLD, Viewer};
use crate::ledger::{
    AlertChange, Happening, HookEvent, How, IntentFilter, IntentRecord, LedgerError, OpenAlert,
};
use crate::notify::{self, Letterhead, ToldOf};
use crate::policy::Keep;

/// Causes that are not judged by a pass: the loop's watch, a reload and the web side tell of them.
const APART: &[&str] = &["loop_late", "config_reload", "page_down", "standby"];

/// Reading what is open, judging it and writing what became of it is one step: two tasks at once would tell twice.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Tells what a pass found: new alerts, repeats and resolved ones go to the outbox.
///
/// # Errors
/// The ledger's.
pub fn report(viewer: &Viewer, report: &CycleReport) -> Result<(), LedgerError> {
    told(viewer, report, true, false).map(|_| ())
}

/// The same for whoever shows what is ahead right after it.
///
/// # Errors
/// The ledger's.
pub fn report_and_look(viewer: &Viewer, report: &CycleReport) -> Result<Foresight, LedgerError> {
    told(viewer, report, true, true)
}

/// What is said of leases for which no other alert speaks: a pass that puts leases aside cannot know that.
const FOR_WHOLE_PASSES: [&str; 3] =
    [crate::alerts::rules::runway::CAUSE, "lapse_ahead", crate::alerts::rules::ahead::CAUSE];

/// Tells what a pass found that looked at some leases only: it raises alerts and calls none over.
///
/// # Errors
/// The ledger's.
pub fn part(viewer: &Viewer, report: &CycleReport) -> Result<(), LedgerError> {
    told(viewer, report, false, false).map(|_| ())
}

fn told(viewer: &Viewer, report: &CycleReport, whole: bool, all: bool) -> Result<Foresight, LedgerError> {
    let one_look = viewer.ledger.look()?;
    let around = around(viewer, report)?;
    let untold = double_charge::untold(viewer.ledger.as_ref())?;
    let before = viewer.ledger.open_alerts()?;
    let runways = Runways::look(viewer, report, &before, all)?;
    let gave_way = plans_that_gave_way(viewer, &before)?;
    drop(one_look);
    let judge = |open: &[OpenAlert]| {
        let around = Around { open: open.to_vec(), ..around.clone() };
        let mut alerts = firing(report, &viewer.settings, &around);
        let earlier = |r: &&IntentRecord| report.double_charges.iter().all(|d| d.id != r.id);
        alerts.extend(untold.iter().filter(earlier).map(double_charge));
        let mut alerts = merged(alerts);
        let left = runways.add(&viewer.settings, &mut alerts, open);
        labelled(&mut alerts, report, &report.policies(&viewer.settings));
        if !whole {
            alerts.retain(|a| !FOR_WHOLE_PASSES.contains(&a.key.cause()));
        }
        for alert in &alerts {
            tracing::debug!(alert = %alert.key, severity = alert.severity.as_str(), "{}", alert.title);
        }
        let mut ends = ends(open, &alerts, report);
        ends.frozen.extend(left);
        ends.silent.extend(gave_way.iter().cloned());
        ends.frozen.extend(approval::undecided(&around.plans, report.started.wall));
        if !whole {
            ends.frozen.extend(open.iter().map(|a| a.key.clone()));
        }
        // A refused config stays refused until a reload or a start takes one: it is repeated like any other.
        alerts.extend(open.iter().filter(|a| a.course.holds && APART.contains(&a.key.cause())).map(again));
        (alerts, ends)
    };
    let ended = |alert: &OpenAlert| {
        let policies = report.policies(&viewer.settings);
        let labels = labels_of(alert.account.as_ref(), &alert.leases, report, &policies);
        Ok(Ending { labels, ..ending(viewer, alert, Some(report))? })
    };
    queue_ending(viewer, &|_| true, &judge, &ended)?;
    hooks::tell_gone(viewer, report)?;
    let after = viewer.ledger.open_alerts()?;
    strike_out(viewer, &after, Some(report))?;
    if whole {
        remember_waits(viewer, report, &around)?;
    }
    viewer.ledger.note(TOLD, &report.started.noted())?;
    runways.keep(viewer, whole.then_some(report))?;
    runways.remember(viewer.ledger.as_ref(), &after)?;
    Ok(runways.into_seen())
}

fn remember_waits(viewer: &Viewer, report: &CycleReport, around: &Around) -> Result<(), LedgerError> {
    let waits = tried_again(report, &viewer.settings, around);
    let text = waits.join("\n");
    if viewer.ledger.noted(WAITED)?.unwrap_or_default() == text {
        Ok(())
    } else {
        viewer.ledger.note(WAITED, &text)
    }
}

/// Tells of second charges that a settling pass found.
///
/// # Errors
/// The ledger's.
pub fn doubles(viewer: &Viewer, records: &[IntentRecord]) -> Result<(), LedgerError> {
    let untold = double_charge::untold(viewer.ledger.as_ref())?;
    facts(viewer, &merged(records.iter().chain(&untold).map(double_charge).collect()))?;
    strike_out(viewer, &viewer.ledger.open_alerts()?, None)
}

/// Strikes out what was noted as untold and is told now. What is silenced or over its cap stays owed.
fn strike_out(viewer: &Viewer, open: &[OpenAlert], report: Option<&CycleReport>) -> Result<(), LedgerError> {
    let owed: Vec<&OpenAlert> = open.iter().filter(|a| a.owed.is_some()).collect();
    double_charge::told(viewer.ledger.as_ref(), &|record| {
        let alert = double_charge(record);
        owed.iter().any(|a| a.key == alert.key && alert.parts.iter().any(|p| !a.heard.contains(p)))
    })?;
    let Some(report) = report else { return Ok(()) };
    end_keeps(viewer, report, &owed)?;
    viewer.losses_told(&report.last_paid, &|lease| {
        let told = report.lost.contains(lease) && report.accounts.iter().any(|a| a.account == lease.account);
        let kept_back = |a: &&OpenAlert| {
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
    let now = viewer.clock.now().wall;
    let undelivered = mail_undelivered(&ledger.waiting_mails()?, now);
    let by_channel = ledger.waiting_by_channel()?;
    let silent = channels_undelivered(&by_channel, &viewer.settings.alerts.channels, now);
    let refused = mail_refused(&refused(viewer)?);
    let hooks = hooks_failed(&ledger.hook_states()?, &viewer.settings.hooks, now);
    let alerts: Vec<Alert> =
        late.into_iter().chain(undelivered).chain(refused).chain(silent).chain(hooks).collect();
    let causes = ["loop_late", "mail_undelivered", "mail_refused", "channel", "hook"];
    let mine = |key: &AlertKey| causes.contains(&key.cause());
    queue(viewer, &mine, &|_| (alerts.clone(), Ends::default()))
}

/// What the delivery of a command that ends met with: it has no watch beside it.
///
/// # Errors
/// The ledger's.
pub fn delivered(viewer: &Viewer) -> Result<(), LedgerError> {
    let now = viewer.clock.now().wall;
    let hooks = hooks_failed(&viewer.ledger.hook_states()?, &viewer.settings.hooks, now);
    let alerts: Vec<Alert> = mail_refused(&refused(viewer)?).into_iter().chain(hooks).collect();
    let mine = |key: &AlertKey| ["mail_refused", "hook"].contains(&key.cause());
    queue(viewer, &mine, &|_| (alerts.clone(), Ends::default()))
}

/// Nobody pays, as this node sees it, or somebody does (`None`).
///
/// # Errors
/// The ledger's.
pub fn standby(viewer: &Viewer, me: &str, nobody: Option<Alert>) -> Result<(), LedgerError> {
    let alerts: Vec<Alert> = nobody.into_iter().collect();
    let mine = AlertKey::account("standby", me);
    queue(viewer, &|key| *key == mine, &|_| (alerts.clone(), Ends::default()))
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
    let since = Some(Moment::by_wall(alert.since).back(DAY));
    if alert.key.cause() == approval::CAUSE
        && let Some(plan) = ledger.plan_named(alert.key.about())?
    {
        let filter =
            IntentFilter { account: alert.account.clone(), spend_since: since, ..IntentFilter::default() };
        return Ok(approval::ending(&plan, &ledger.intents(&filter)?, &viewer.settings.timezone));
    }
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
            let Ending { title, text, rows, labels } = ending(before)?;
            (one.alert.text, one.alert.rows, one.alert.labels) = (text, rows, labels);
            if let Some(title) = title {
                let was = std::mem::replace(&mut one.alert.title, title);
                one.alert.text =
                    format!("{}\n\nThe alert was: {was}", one.alert.text).trim_start().to_owned();
            }
        }
    }
    told.iter().for_each(say_not);
    let letterhead = LazyLock::new(|| Letterhead::new(&settings.alerts, &settings.timezone, now));
    let (mut mails, mut events) = (Vec::new(), Vec::new());
    for one in bundle(&told) {
        let Some(occasion) = one.occasion else { continue };
        say(&one.alert, occasion);
        if settings.hooks.iter().any(|hook| hook.on.contains(&hook_event(occasion))) {
            events.push(AlertChange::Happened(event(&letterhead, &one, occasion)));
        }
        let incident = letterhead.incident(&one.alert.key, one.since);
        let mut told_of = ToldOf::default();
        if occasion == Occasion::Resolved {
            told_of.addresses = ledger.told_of(&incident)?;
        }
        if occasion != Occasion::Raised && !settings.alerts.channels.is_empty() {
            told_of.channels = ledger.channels_told_of(&incident)?;
        }
        mails.extend(notify::render(&settings.alerts, &letterhead, &one, occasion, &told_of));
    }
    let queued = !mails.is_empty() || !events.is_empty();
    let changes: Vec<_> = told.into_iter().flat_map(|one| one.changes).chain(events).collect();
    ledger.apply_alerts(&changes, &mails, now)?;
    if queued {
        wake::queued();
    }
    Ok(())
}

fn hook_event(occasion: Occasion) -> HookEvent {
    if occasion == Occasion::Resolved { HookEvent::Resolved } else { HookEvent::Alert }
}

/// What hooks are told, of the words that people get. A hook is not told of its own trouble.
fn event(letterhead: &Letterhead, told: &Told, occasion: Occasion) -> Happening {
    let (id, body) = notify::document(letterhead, told, occasion);
    let key = &told.alert.key;
    Happening {
        event: hook_event(occasion),
        id,
        at: letterhead.now(),
        body,
        once_of: None,
        not_for: (key.cause() == "hook").then(|| key.about().to_owned()),
    }
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

/// Keeps that are over and whose end was told are over for good: a clock that is set back, or an end that moves back, brings none of
/// them to life again.
fn end_keeps(viewer: &Viewer, report: &CycleReport, owed: &[&OpenAlert]) -> Result<(), LedgerError> {
    let over = keeps_over(report, &report.policies(&viewer.settings));
    let told = over.iter().map(|e| e.keep).filter(|keep| owed.iter().all(|a| a.key != keep_key(keep)));
    // A policy may have another name now than the ledger has.
    let names = |keep: &Keep| {
        told.clone().any(|t| t.lease == keep.lease && t.account == keep.account && t.since == keep.since)
    };
    let told: Vec<Keep> = match over.is_empty() {
        true => Vec::new(),
        false => viewer.ledger.keeps()?.into_iter().filter(names).collect(),
    };
    if told.is_empty() { Ok(()) } else { viewer.ledger.end_keeps(&told, report.started.wall) }
}
