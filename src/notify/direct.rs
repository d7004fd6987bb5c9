//! Messages that are in no outbox: about a ledger that cannot be used, and the test message. They look like all others. Not
//! responsible for sending them.
use jiff::Timestamp;

use super::payload::Payload;
use super::render::{ToldOf, render, values};
use crate::alerting::{Occasion, Told};
use crate::domain::{Alert, AlertKey, Severity};
use crate::ledger::{Channel, QueuedMail};
use crate::notify::context::Letterhead;
use crate::settings::{Alerts, Email};

fn alert(cause: &str, severity: Severity, title: &str, text: &str) -> Alert {
    Alert {
        key: AlertKey::account(cause, "*"),
        severity,
        account: None,
        title: title.to_owned(),
        text: text.to_owned(),
        actions: Vec::new(),
        rows: Vec::new(),
        deadline: None,
        once: false,
        grade: 0,
        leases: Vec::new(),
        parts: Vec::new(),
        labels: Vec::new(),
    }
}

const LEDGER_GOOD: &str = "The ledger can be used again, so payments go on";
const LEDGER: &str = "The ledger cannot be used, so payments stop";

/// The ledger cannot be used; `why` is its error, `since` when that was first told.
#[must_use]
pub fn ledger_trouble(
    alerts: &Alerts,
    letterhead: &Letterhead,
    why: &str,
    since: Timestamp,
) -> Vec<QueuedMail> {
    let text = format!("{why}\n\nNo payment is started while this lasts. Due leases are not renewed.");
    let alert = Alert {
        actions: vec!["renewd status".into(), "journalctl -u renewd --since -1h".into(), "df -h".into()],
        ..alert("ledger", Severity::Urgent, LEDGER, &text)
    };
    let told = Told { changes: Vec::new(), occasion: None, alert, since, until: None, reminder: None };
    render(alerts, letterhead, &told, Occasion::Raised, &ToldOf::default())
}

/// Any other alert that no outbox can carry.
#[must_use]
pub fn raised(alerts: &Alerts, letterhead: &Letterhead, alert: Alert, since: Timestamp) -> Vec<QueuedMail> {
    let told = Told { changes: Vec::new(), occasion: None, alert, since, until: None, reminder: None };
    render(alerts, letterhead, &told, Occasion::Raised, &ToldOf::default())
}

/// It works again.
#[must_use]
pub fn ledger_good(alerts: &Alerts, letterhead: &Letterhead, since: Timestamp) -> Vec<QueuedMail> {
    let text = "The ledger can be used again; due leases are renewed.";
    let alert = alert("ledger", Severity::Urgent, LEDGER_GOOD, text);
    let until = Some(letterhead.now());
    let told = Told { changes: Vec::new(), occasion: None, alert, since, until, reminder: None };
    render(alerts, letterhead, &told, Occasion::Resolved, &ToldOf::default())
}

/// The test message, for everybody of `[alerts.email]`.
#[must_use]
pub fn test_mail(email: &Email, letterhead: &Letterhead) -> QueuedMail {
    let now = letterhead.now();
    let text = "This is the test message of renewd test-mail. If you read it, alerts will reach you here.";
    let alert = Alert { once: true, ..alert("test", Severity::Info, "Test message", text) };
    let told = Told { changes: Vec::new(), occasion: None, alert, since: now, until: None, reminder: None };
    let written = letterhead.write("alert", &values(jiff::SignedDuration::ZERO, letterhead, &told, TEST));
    QueuedMail {
        channel: Channel::Mail,
        key: told.alert.key.clone(),
        occasion: TEST.to_owned(),
        severity: Severity::Info,
        title: told.alert.title,
        to: email.to.clone(),
        subject: written.subject,
        text: written.text,
        html: written.html,
        message_id: letterhead.message_id(&format!("test {now}")),
        incident: String::new(),
    }
}

/// The same for another channel.
#[must_use]
pub fn test_call(letterhead: &Letterhead, channel: Channel) -> QueuedMail {
    let now = letterhead.now();
    let text = "This is the test message of renewd test-mail.";
    let mail = QueuedMail {
        channel: channel.clone(),
        key: AlertKey::account("test", "*"),
        occasion: TEST.to_owned(),
        severity: Severity::Info,
        title: "Test message of renewd".to_owned(),
        to: Vec::new(),
        subject: String::new(),
        text: text.to_owned(),
        html: String::new(),
        message_id: letterhead.message_id(&format!("test {now}")),
        incident: String::new(),
    };
    Payload { since: Some(now), ..Payload::plain(&mail, letterhead) }.queued(&mail, channel)
}

const TEST: &str = "test";
