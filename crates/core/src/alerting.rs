//! When an alert is told, told again, kept back, and called over. Pure: what fires is an argument, and so is the time.
//!
//! Not responsible for what fires (the engine's alert rules) or for how it is told (`notify`).
mod apart;
mod bundle;
mod quiet;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::domain::{Alert, AlertKey, Course, Said};
use crate::record::{AlertChange, How, OpenAlert, Telling};

pub use crate::domain::Occasion;
pub use apart::{LONGEST, is_worse, next_reminder};
pub use bundle::bundle;
pub use quiet::{AT_ONCE_OF_A_GROUP, COLLECTED, DAY, Quiet};

/// How long an incident that came back must have stayed away, or have held, before that is told: within this span after its end
/// the same alert is the same incident.
///
/// Alertmanager paces by group and lets what flaps ring each time; Prometheus (`keep_firing_for`) and Grafana hold an end back
/// for a while; Nagios says once that something flaps and is quiet until it has settled. Here the first end is told at once, for
/// most incidents end for good, and what comes back is told as in Nagios.
pub const SETTLED: SignedDuration = SignedDuration::from_hours(1);

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
    /// When it last held, if it is over.
    pub until: Option<Timestamp>,
    /// After how long people are reminded, if it goes on as it is; `None`: they are not.
    pub reminder: Option<SignedDuration>,
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
    /// Incidents that ended within [`SETTLED`].
    pub ended: &'a [OpenAlert],
}

/// Compares what fires with what is open. One word per key when it begins, when it gets worse or more join it, again after
/// [`next_reminder`], and when it is over, if its beginning was told. `once` alerts are told once (and again when they grow) and closed in
/// silence. What comes back within [`SETTLED`] of its end goes on as the same incident: that it comes and goes is told once, and
/// then only where it has stayed one way for [`SETTLED`]. What is silenced or kept back stays open and owed: it is told as soon
/// as it may be.
#[must_use]
pub fn reconcile(open: &[OpenAlert], firing: &[Alert], terms: &Terms<'_>) -> Vec<Told> {
    let known: BTreeMap<&AlertKey, &OpenAlert> = open.iter().map(|a| (&a.key, a)).collect();
    let recent = terms.ended.iter().filter(|a| a.told.is_some());
    let recent = recent.filter(|a| terms.now.duration_since(a.course.turned_at) < SETTLED);
    let recent: BTreeMap<&AlertKey, &OpenAlert> = recent.map(|a| (&a.key, a)).collect();
    let fires: BTreeSet<&AlertKey> = firing.iter().map(|a| &a.key).collect();
    let before = |key: &AlertKey| known.get(key).or_else(|| recent.get(key)).copied();
    let going_on = firing.iter().map(|alert| holds(alert, before(&alert.key), terms));
    let over = open.iter().filter(|a| !fires.contains(&a.key) && !terms.ends.frozen.contains(&a.key));
    going_on.chain(over.map(|a| ended(a, terms))).collect()
}

/// How the incident goes, now that it holds.
fn held(before: Option<&OpenAlert>, now: Timestamp) -> Course {
    match before.map(|b| b.course) {
        None => Course::begun(now),
        Some(course) if course.holds => course,
        Some(course) => Course { holds: true, turned_at: now, flapping: true, ..course },
    }
}

/// What came and went, and has now stayed for so long that it is no longer told as coming and going.
fn settled(course: &Course, now: Timestamp) -> bool {
    course.flapping && course.said == Said::Flaps && now.duration_since(course.turned_at) >= SETTLED
}

/// Why people should be told of an alert that fires, if they should.
fn occasion(
    alert: &Alert,
    before: Option<&OpenAlert>,
    course: &Course,
    terms: &Terms<'_>,
) -> Option<Occasion> {
    let Some((before, told)) = before.and_then(|b| Some((b, b.told?))) else { return Some(Occasion::Raised) };
    let news = alert.parts.iter().any(|part| !before.heard.contains(part));
    // More of what goes on is a worsening; another in its place is a fact of its own.
    if news && alert.once && alert.grade <= told.1 {
        return Some(Occasion::Raised);
    }
    if news || (alert.severity, alert.grade) > told || nearer(alert, before, terms) {
        return Some(Occasion::Escalated);
    }
    if course.flapping && course.said == Said::Over {
        return Some(Occasion::Flapping);
    }
    let wait = next_reminder(alert, before.news_at, before.told_at, terms.repeat);
    let due = settled(course, terms.now) || terms.now.duration_since(before.told_at) >= wait;
    (due && !alert.once).then_some(Occasion::Repeated)
}

/// Its deadline came nearer since it was told. What is told once has no more to say.
fn nearer(alert: &Alert, before: &OpenAlert, terms: &Terms<'_>) -> bool {
    !alert.once && is_worse(before.deadline, alert.deadline, terms.now)
}

/// When something new was last told, and with which deadline people were last told of it.
fn last_news(
    alert: &Alert,
    before: Option<&OpenAlert>,
    occasion: Option<Occasion>,
    now: Timestamp,
) -> (Timestamp, Option<Timestamp>) {
    match (occasion, before) {
        (Some(Occasion::Repeated), Some(b)) => (b.news_at, alert.deadline),
        (None, Some(b)) => (b.news_at, b.deadline),
        (_, None) | (Some(_), _) => (now, alert.deadline),
    }
}

/// The alert in the words of its occasion.
fn worded(alert: &Alert, occasion: Option<Occasion>, settled: bool) -> Alert {
    match occasion {
        Some(Occasion::Flapping) => comes_and_goes(alert),
        Some(Occasion::Repeated) if settled => stayed(alert),
        _ => alert.clone(),
    }
}

fn holds(alert: &Alert, before: Option<&OpenAlert>, terms: &Terms<'_>) -> Told {
    let mut course = held(before, terms.now);
    let wanted = occasion(alert, before, &course, terms);
    let settled = settled(&course, terms.now);
    let kept_back = wanted.and_then(|o| {
        // Where it stands in the end is no repeat of anything.
        let repeats = o == Occasion::Repeated && !settled;
        terms.quiet.keeps_back(&alert.key, alert.severity, repeats, terms.now)
    });
    let occasion = wanted.filter(|_| kept_back.is_none());
    // A further fact of the same key begins anew: no newer word stands for the mail of another one.
    let goes_on = before.filter(|b| b.told.is_none() || occasion != Some(Occasion::Raised));
    let since = goes_on.map_or(terms.now, |b| b.since);
    course.said = match occasion {
        Some(Occasion::Flapping) => Said::Flaps,
        Some(Occasion::Repeated) if course.flapping && !settled => course.said,
        Some(_) => Said::Holds,
        None => course.said,
    };
    let (news_at, deadline) = last_news(alert, before, occasion, terms.now);
    let reminder = next_reminder(alert, news_at, terms.now, terms.repeat);
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
        course,
        news_at,
        deadline,
    };
    let mut changes = Vec::new();
    match (occasion, kept_back) {
        (Some(o), _) => changes.push(log(alert, o, How::Told, terms.now)),
        // What goes on being owed is one line in the log, not one per cycle.
        (None, Some(how)) if before.is_none_or(|b| b.owed != stored.owed) => {
            changes.extend(stored.owed.map(|o| log(alert, o, how, terms.now)));
        }
        // People know that it comes and goes: that it came again is on record.
        (None, None) if before.is_some_and(|b| !b.course.holds) => {
            changes.push(log(alert, Occasion::Flapping, How::Capped, terms.now));
        }
        (None, _) => {}
    }
    if occasion.is_some() {
        changes.push(AlertChange::Tell(stored));
    } else if before != Some(&stored) {
        changes.push(AlertChange::Keep(stored));
    }
    let reminder = (!alert.once).then_some(reminder);
    let alert = worded(alert, occasion, settled);
    Told { changes, occasion, alert, since, until: None, reminder }
}

fn comes_and_goes(alert: &Alert) -> Alert {
    let text = format!(
        "This comes and goes: it is back within an hour of its end. You hear of it again when it gets worse, or once it has held, \
         or stayed away, for an hour.\n\n{}",
        alert.text
    );
    Alert { title: format!("{} (comes and goes)", alert.title), text, ..alert.clone() }
}

fn stayed(alert: &Alert) -> Alert {
    let text = format!("It came and went before, and has held for an hour now.\n\n{}", alert.text);
    Alert { text, ..alert.clone() }
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

/// An open alert that does not fire, and of which that is known.
fn ended(open: &OpenAlert, terms: &Terms<'_>) -> Told {
    // How it ended is not in the words with which it began.
    let alert = Alert { text: String::new(), ..again(open) };
    let turned = open.course.holds;
    let course =
        if turned { Course { holds: false, turned_at: terms.now, ..open.course } } else { open.course };
    let away = terms.now.duration_since(course.turned_at);
    let told = |occasion, changes| Told {
        changes,
        occasion,
        alert: alert.clone(),
        since: open.since,
        until: Some(course.turned_at),
        reminder: None,
    };
    let keep =
        |said, owed| AlertChange::Keep(OpenAlert { course: Course { said, ..course }, owed, ..open.clone() });
    let close = || AlertChange::Close(open.key.clone());
    if open.told.is_none() {
        return told(None, vec![close()]);
    }
    if open.once || terms.ends.silent.contains(&open.key) {
        // Coming back within the hour, it is told as coming and going: once.
        let said = if course.flapping { course.said } else { Said::Over };
        return told(None, vec![keep(said, None), close()]);
    }
    if course.flapping && away < SETTLED {
        let line = log(&alert, Occasion::Resolved, How::Capped, terms.now);
        return told(None, if turned { vec![line, keep(course.said, None)] } else { Vec::new() });
    }
    let kept_back = terms.quiet.keeps_back(&open.key, open.severity, false, terms.now);
    let line = log(&alert, Occasion::Resolved, kept_back.unwrap_or(How::Told), terms.now);
    match kept_back {
        None => told(Some(Occasion::Resolved), vec![line, keep(Said::Over, None), close()]),
        Some(How::Capped) if open.owed == Some(Occasion::Resolved) && !turned => told(None, Vec::new()),
        Some(How::Capped) => told(None, vec![line, keep(course.said, Some(Occasion::Resolved))]),
        Some(_) => told(None, vec![line, keep(course.said, None), close()]),
    }
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
        labels: Vec::new(),
    }
}
