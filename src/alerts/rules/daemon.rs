//! Alerts about renewd itself: its loop, its clock, its mail, its config. Told also when every account is well.
use jiff::{SignedDuration, Timestamp};

use super::{leases, plain};
use crate::domain::alert::AlertRow;
use crate::domain::time::words;
use crate::domain::{AccountName, Alert, AlertKey, Severity};
use crate::engine::CycleReport;
use crate::ledger::{Restored, WaitingMails};
use crate::policy::Word;

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
                "A cycle should start every {}. A provider that answers slowly or a request limit that is used up are the usual reasons.",
                words(facts.interval)
            ),
        ),
        (None, Some(overdue)) if overdue > LEAST + facts.jitter => (
            overdue,
            format!("A cycle should have started {} ago", words(overdue)),
            "The main loop is stuck, so nothing is being renewed. If the log does not say why, restart renewd."
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
                 handled now.",
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
                || "No server has accepted them yet. renewd keeps them and tries again.".to_owned(),
                |said| format!("renewd keeps them and tries again. The last attempt said: {said}"),
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
            "The clock cannot be trusted, so payments wait",
            why,
        )
    }
}

/// The ledger was restored from a backup, and some account was not read twice since.
pub(super) fn restored(restored: &Restored, report: &CycleReport) -> Option<Alert> {
    let barred = |word: Option<Word>| word == Some(Word::Restored);
    report.accounts.iter().find(|a| barred(a.barred.as_ref().map(|reason| reason.word)))?;
    let row = |payment: &String| AlertRow {
        stage: None,
        what: payment.clone(),
        ends: None,
        amount: None,
        note: "the ledger had forgotten it: its outcome is not known yet".to_owned(),
    };
    let (headline, text) = restored_words(restored);
    Some(Alert {
        rows: restored.payments.iter().map(row).collect(),
        parts: restored.payments.clone(),
        actions: vec!["renewd history --state unknown".into(), "renewd status".into()],
        ..plain(AlertKey::account("restored", "*"), Severity::Urgent, None, headline, &text)
    })
}

/// What happened to the ledger, and what may be missing from it.
fn restored_words(restored: &Restored) -> (&'static str, String) {
    let rule = "No account pays before it was read twice, a lag_window apart.";
    let newest = restored.newest.map_or_else(
        || "It knows of no cycle at all: whatever was paid before may be missing.".to_owned(),
        |at| {
            format!(
                "The newest cycle that it knows of began at {at:.0}: what was paid after that may be missing."
            )
        },
    );
    let is_back = !restored.payments.is_empty() || restored.older > 0;
    let older = match restored.older {
        0 => String::new(),
        n => format!(
            " {n} more are older than a week and were not put back: what they bought shows in the lists."
        ),
    };
    let back = "was put back from spends.log as payments whose outcome is unknown";
    match (restored.other, is_back) {
        (false, _) => (
            "The ledger was restored from a backup, so payments wait",
            format!(
                "The ledger in the state folder is older than the payments that were made with it. What it had forgotten {back}. {rule}{older}"
            ),
        ),
        (true, false) => (
            "Another database answers for the ledger, so payments wait",
            format!(
                "The database that answers for the ledger was promoted, or is another one. {newest} This node's spends.log names no such payment; \
                 that of a node that is down may. {rule}"
            ),
        ),
        (true, true) => (
            "Another database answers for the ledger, so payments wait",
            format!(
                "The database that answers for the ledger was promoted, or is another one. {newest} What it had forgotten of the payments of \
                 this node {back}. {rule}{older}"
            ),
        ),
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
            &format!("The clock of account {account}'s provider cannot be trusted, so its payments wait"),
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
                "{why}. Page, metrics and health checks do not answer; payments go on. renewd retries every few seconds: free \
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
            "The new config has errors; renewd keeps using the old one",
            why,
        )
    }
}

/// A config was taken under which other leases are renewed. `money`: what that means, in sentences; `lapse`: some are no longer.
#[must_use]
pub fn config_changed(
    what: &str,
    (changed, all): (usize, usize),
    money: &[String],
    lapse: bool,
    at: Timestamp,
) -> Alert {
    Alert {
        actions: vec!["renewd plan".into()],
        once: true,
        // Each reload is news of its own.
        parts: vec![at.to_string()],
        ..plain(
            AlertKey::account("config_changed", "*"),
            if lapse { Severity::Warning } else { Severity::Info },
            None,
            &format!("The new config changes the {what} for {changed} of {}", leases(all)),
            &format!("It takes effect with the next cycle. {}.", money.join(". ")),
        )
    }
}
