//! Alerts about renewd itself: its loop, its clock, its mail, its config. Told also when every account is well.
use jiff::{SignedDuration, Timestamp};

use super::plain;
use crate::domain::time::words;
use crate::domain::{AccountName, Alert, AlertKey, Severity};
use crate::ledger::WaitingMails;

/// No cycle is late by less, however short its interval.
pub const LEAST: SignedDuration = SignedDuration::from_secs(60);
/// A pause of the whole process shorter than this is no news.
const LEAST_MISSED: SignedDuration = SignedDuration::from_mins(5);
/// Mail that waits for less is on its way.
pub const MAIL_LATE: SignedDuration = SignedDuration::from_mins(10);

/// How the loop stands, at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoopFacts {
    /// From one start on the schedule to the next.
    pub interval: SignedDuration,
    /// The longest delay that the config itself puts before a start.
    pub jitter: SignedDuration,
    /// For how long a cycle has been under way, if one is.
    pub running: Option<SignedDuration>,
    /// For how long a start has been due, if one is and none is under way.
    pub overdue: Option<SignedDuration>,
}

/// A cycle that lasts longer than its interval, or that should have begun. Urgent once six starts, and an hour, are lost.
#[must_use]
pub fn loop_late(facts: &LoopFacts) -> Option<Alert> {
    let allowed = facts.interval.max(LEAST);
    let (by, title, text) = match (facts.running, facts.overdue) {
        (Some(running), _) if running > allowed => (
            running,
            format!("A cycle has been under way for {}", words(running)),
            format!(
                "They are to start every {}. A provider that answers slowly or a request limit that is used up are the usual reasons.",
                words(facts.interval)
            ),
        ),
        (None, Some(overdue)) if overdue > LEAST + facts.jitter => (
            overdue,
            format!("A cycle should have started {} ago", words(overdue)),
            "The loop does not come round to it: nothing is renewed meanwhile. If the log does not say why, restart renewd."
                .to_owned(),
        ),
        _ => return None,
    };
    let lost = allowed.checked_mul(6).unwrap_or(SignedDuration::MAX).max(SignedDuration::from_hours(1));
    let severity = if by > lost { Severity::Urgent } else { Severity::Warning };
    Some(Alert {
        actions: vec!["journalctl -u renewd --since -1h".into(), "renewd status".into()],
        ..plain(AlertKey::account("loop_late", "*"), severity, None, &title, &text)
    })
}

/// A start that came much later than the schedule had it: renewd, or the machine, was stopped in between. A fact.
#[must_use]
pub fn cycles_missed(due: Timestamp, started: Timestamp, interval: SignedDuration) -> Option<Alert> {
    let late = started.duration_since(due);
    let allowed = interval.checked_mul(2).unwrap_or(SignedDuration::MAX).max(LEAST_MISSED);
    (late > allowed).then(|| Alert {
        once: true,
        actions: vec!["systemctl is-enabled renewd".into(), "renewd status".into()],
        ..plain(
            AlertKey::account("cycles_missed", "*"),
            Severity::Info,
            None,
            &format!("No cycle ran for {}", words(late)),
            &format!(
                "A cycle was due at {} and began at {}: renewd or its machine was stopped or asleep. What fell due meanwhile is \
                 taken up now.",
                due.strftime("%Y-%m-%d %H:%M UTC"),
                started.strftime("%Y-%m-%d %H:%M UTC")
            ),
        )
    })
}

/// Mail that no server takes: this alert is for the page, the metrics and `status`; its own mail waits with the others.
#[must_use]
pub fn mail_undelivered(waiting: &WaitingMails, now: Timestamp) -> Option<Alert> {
    let age = now.duration_since(waiting.oldest?);
    let mails =
        if waiting.count == 1 { "1 mail is".to_owned() } else { format!("{} mails are", waiting.count) };
    (age > MAIL_LATE).then(|| Alert {
        actions: vec!["renewd check --live".into(), "renewd test-mail".into()],
        ..plain(
            AlertKey::account("mail_undelivered", "*"),
            Severity::Warning,
            None,
            &format!("{mails} not delivered, the oldest for {}", words(age)),
            &waiting.last_error.clone().map_or_else(
                || "No server has taken them yet; they are kept and tried again.".to_owned(),
                |said| format!("They are kept and tried again. The last attempt said: {said}"),
            ),
        )
    })
}

/// The clock cannot be trusted.
pub(super) fn clock(why: &str) -> Alert {
    Alert {
        actions: vec!["timedatectl".into()],
        ..plain(
            AlertKey::account("clock", "*"),
            Severity::Urgent,
            None,
            "The clock cannot be trusted: payments wait",
            why,
        )
    }
}

/// One provider's clock cannot be trusted.
pub(super) fn clock_of(account: &AccountName, why: &str) -> Alert {
    Alert {
        actions: vec!["timedatectl".into()],
        ..plain(
            AlertKey::account("clock", account.as_str()),
            Severity::Urgent,
            Some(account),
            &format!("The clock of account {account}'s provider cannot be trusted: its payments wait"),
            why,
        )
    }
}

/// The page cannot listen: whoever watches it, or scrapes the metrics, sees nothing.
#[must_use]
pub fn page_down(listen: std::net::SocketAddr, why: &str) -> Alert {
    Alert {
        actions: vec![format!("ss -ltnp 'sport = :{}'", listen.port()), "systemctl reload renewd".into()],
        ..plain(
            AlertKey::account("page_down", "*"),
            Severity::Warning,
            None,
            &format!("The status page cannot listen on {listen}"),
            &format!(
                "{why}. Page, metrics and health checks do not answer; payments go on. It is tried again every few seconds: free \
                 the address, or set another [http] listen."
            ),
        )
    }
}

/// A config that was refused at a reload.
#[must_use]
pub fn config_refused(why: &str) -> Alert {
    Alert {
        actions: vec!["renewd check".into(), "systemctl reload renewd".into()],
        ..plain(
            AlertKey::account("config_reload", "*"),
            Severity::Warning,
            None,
            "The new config was refused; the old one stays in force",
            why,
        )
    }
}
