//! When an alert is told, told again, kept back, and called over. Pure: what fires is an argument, and so is the time.
//!
//! Not responsible for what fires (the engine's alert rules) or for how it is told (`notify`).
mod bundle;
mod quiet;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::domain::{Alert, AlertKey};
use crate::ledger::{AlertChange, How, OpenAlert, Telling};

pub use crate::domain::Occasion;
pub use bundle::bundle;
pub use quiet::{DAY, MOST_A_DAY, MOST_A_DAY_OF_A_GROUP, Quiet};

/// What becomes of one alert.
#[derive(Debug, Clone)]
pub struct Told {
    /// For the ledger, in order.
    pub changes: Vec<AlertChange>,
    /// `None`: nobody is told now.
    pub occasion: Option<Occasion>,
    /// What is told.
    pub alert: Alert,
    /// Since when it holds.
    pub since: Timestamp,
}

/// Open alerts that no longer fire and are not simply over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ends {
    /// Nothing is known of it now: neither repeated nor resolved.
    pub frozen: BTreeSet<AlertKey>,
    /// It gave way to another alert, or ended as it had to: closed without a word.
    pub silent: BTreeSet<AlertKey>,
}

/// What is not about one alert.
#[derive(Debug, Clone)]
pub struct Terms<'a> {
    /// Now.
    pub now: Timestamp,
    /// `alerts.repeat`.
    pub repeat: SignedDuration,
    /// Which of the open alerts that no longer fire are not simply over.
    pub ends: &'a Ends,
    /// Silences and caps.
    pub quiet: &'a Quiet,
}

/// Compares what fires with what is open. One word per key; again after `repeat`, when it gets worse or more join it; a notice when it is
/// over, if its beginning was told. `once` alerts are told once (and again when they grow) and closed in silence.
/// What is silenced or over its cap stays open and owed: it is told as soon as it may be.
#[must_use]
pub fn reconcile(open: &[OpenAlert], firing: &[Alert], terms: &Terms<'_>) -> Vec<Told> {
    let known: BTreeMap<&AlertKey, &OpenAlert> = open.iter().map(|a| (&a.key, a)).collect();
    let fires: BTreeSet<&AlertKey> = firing.iter().map(|a| &a.key).collect();
    let going_on = firing.iter().map(|alert| holds(alert, known.get(&alert.key).copied(), terms));
    let over = open.iter().filter(|a| !fires.contains(&a.key) && !terms.ends.frozen.contains(&a.key));
    going_on.chain(over.map(|a| ended(a, terms))).collect()
}

/// Why people should be told of an alert that fires, if they should.
fn occasion(alert: &Alert, before: Option<&OpenAlert>, terms: &Terms<'_>) -> Option<Occasion> {
    let Some((before, told)) = before.and_then(|b| Some((b, b.told?))) else { return Some(Occasion::Raised) };
    let news = alert.parts.iter().any(|part| !before.heard.contains(part));
    if news && alert.once {
        return Some(Occasion::Raised);
    }
    if news || (alert.severity, alert.grade) > told {
        return Some(Occasion::Escalated);
    }
    let due = terms.now.duration_since(before.told_at) >= terms.repeat;
    (due && !alert.once).then_some(Occasion::Repeated)
}

fn holds(alert: &Alert, before: Option<&OpenAlert>, terms: &Terms<'_>) -> Told {
    let wanted = occasion(alert, before, terms);
    let kept_back = wanted.and_then(|_| terms.quiet.keeps_back(&alert.key, alert.severity, terms.now));
    let occasion = wanted.filter(|_| kept_back.is_none());
    // A further fact of the same key begins anew: no newer word stands for the mail of another one.
    let goes_on = before.filter(|b| b.told.is_none() || occasion != Some(Occasion::Raised));
    let since = goes_on.map_or(terms.now, |b| b.since);
    let stored = OpenAlert {
        key: alert.key.clone(),
        severity: alert.severity,
        account: alert.account.clone(),
        since,
        told_at: if occasion.is_some() { terms.now } else { before.map_or(terms.now, |b| b.told_at) },
        told: match occasion {
            Some(_) => Some((alert.severity, alert.grade)),
            None => before.and_then(|b| b.told),
        },
        owed: wanted.filter(|_| kept_back.is_some()),
        title: alert.title.clone(),
        text: alert.text.clone(),
        once: alert.once,
        grade: alert.grade,
        leases: alert.leases.clone(),
        heard: heard(alert, before, occasion),
    };
    // What goes on being owed is one line in the log, not one per cycle.
    let newly_owed = stored.owed.is_some() && before.is_none_or(|b| b.owed != stored.owed);
    let mut changes = Vec::new();
    match (occasion, kept_back.filter(|_| newly_owed)) {
        (Some(o), _) => changes.push(log(alert, o, How::Told, terms.now)),
        (None, Some(how)) => changes.extend(stored.owed.map(|o| log(alert, o, how, terms.now))),
        (None, None) => {}
    }
    if occasion.is_some() {
        changes.push(AlertChange::Tell(stored));
    } else if before != Some(&stored) {
        changes.push(AlertChange::Keep(stored));
    }
    Told { changes, occasion, alert: alert.clone(), since }
}

/// What was heard stays heard while the alert is open: a part that comes and goes is told once.
fn heard(alert: &Alert, before: Option<&OpenAlert>, occasion: Option<Occasion>) -> Vec<String> {
    let mut heard = before.map_or_else(Vec::new, |b| b.heard.clone());
    for part in alert.parts.iter().filter(|_| occasion.is_some()) {
        if !heard.contains(part) {
            heard.push(part.clone());
        }
    }
    heard
}

fn ended(open: &OpenAlert, terms: &Terms<'_>) -> Told {
    let alert = again(open);
    let heard = open.told.is_some() && !open.once && !terms.ends.silent.contains(&open.key);
    let wanted = heard.then_some(Occasion::Resolved);
    let kept_back = wanted.and_then(|_| terms.quiet.keeps_back(&open.key, open.severity, terms.now));
    let how = kept_back.unwrap_or(How::Told);
    let mut changes: Vec<AlertChange> = wanted.map(|o| log(&alert, o, how, terms.now)).into_iter().collect();
    changes.push(AlertChange::Close(open.key.clone()));
    Told { changes, occasion: wanted.filter(|_| kept_back.is_none()), alert, since: open.since }
}

fn log(alert: &Alert, occasion: Occasion, how: How, at: Timestamp) -> AlertChange {
    AlertChange::Log(Telling {
        at,
        key: alert.key.clone(),
        account: alert.account.clone(),
        severity: alert.severity,
        occasion,
        how,
        title: alert.title.clone(),
    })
}

/// An open alert as it was stored: for its end, and for what goes on without being judged anew.
#[must_use]
pub fn again(open: &OpenAlert) -> Alert {
    Alert {
        key: open.key.clone(),
        severity: open.severity,
        account: open.account.clone(),
        title: open.title.clone(),
        text: open.text.clone(),
        actions: Vec::new(),
        rows: Vec::new(),
        deadline: None,
        once: open.once,
        grade: open.grade,
        leases: open.leases.clone(),
        parts: Vec::new(),
    }
}
