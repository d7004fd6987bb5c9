//! The line that `systemctl status` shows: what falls due next, what is open, how the last cycle went. From the ledger alone, so
//! that it can be told before a first cycle ends. Names and numbers only: it does not pass the log's redactor.
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::Severity;
use crate::engine::Viewer;
use crate::views;
use crate::views::{Around, Status};

use crate::schedule;

/// The line as of now; the ledger's words where it cannot be read.
#[must_use]
pub fn of(viewer: &Viewer) -> String {
    let now = viewer.clock.now();
    let around =
        Around { next: &schedule::of(&viewer.settings), ledger: None, elsewhere: Vec::new(), node: None };
    match views::status(viewer.ledger.as_ref(), &viewer.settings, &now, &around) {
        Ok(status) => line(&status, &viewer.settings.timezone),
        Err(e) => format!("the ledger cannot be read: {}", e.brief()),
    }
}

fn line(status: &Status, timezone: &TimeZone) -> String {
    let mut parts = vec![next_due(status, timezone), alerts(status)];
    if !status.paused.is_empty() {
        parts.push("spending is paused".to_owned());
    }
    parts.push(match &status.last_cycle {
        None => "no cycle yet".to_owned(),
        Some(c) => match &c.outcome {
            None => "a cycle is under way".to_owned(),
            Some(outcome) => {
                format!("last cycle: {outcome}, {} paid, {} held, {} unknown", c.paid, c.held, c.unknown)
            }
        },
    });
    parts.join("; ")
}

fn next_due(status: &Status, timezone: &TimeZone) -> String {
    let dues = status.accounts.iter().filter_map(|a| Some((a.next_due_at?, &a.account)));
    let at = |t: Timestamp| t.to_zoned(timezone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string();
    match dues.min() {
        Some((due, account)) => format!("next lease due {} ({account})", at(due)),
        None if status.accounts.iter().all(|a| a.reachable.is_none()) => "no account read yet".to_owned(),
        None => "no lease is due".to_owned(),
    }
}

fn alerts(status: &Status) -> String {
    let urgent = status.open_alerts.iter().filter(|a| a.severity >= Severity::Urgent).count();
    match (status.open_alerts.len(), urgent) {
        (0, _) => "no open alerts".to_owned(),
        (n, 0) => format!("{n} open alert{}", if n == 1 { "" } else { "s" }),
        (n, urgent) => format!("{n} open alert{}, {urgent} urgent", if n == 1 { "" } else { "s" }),
    }
}
