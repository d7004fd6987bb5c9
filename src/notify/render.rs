//! From a told alert to its messages: a mail, and a document for each other channel. Not responsible for what fires or when it is told.
use jiff::SignedDuration;
use minijinja::{Value, context};

use super::payload;
use crate::alerting::{Occasion, Told};
use crate::domain::alert::AlertRow;
use crate::domain::time::words;
use crate::domain::{Alert, Severity};
use crate::ledger::{Channel, QueuedMail};
use crate::notify::context::Letterhead;
use crate::settings::{self, Alerts};

/// Who gets it: the first route whose severity and account fit, else everybody of `[alerts.email]`.
#[must_use]
pub fn recipients(alerts: &Alerts, alert: &Alert) -> Vec<String> {
    match alerts.routes.iter().find(|route| route.takes(alert)) {
        Some(route) => route.to.clone(),
        None => alerts.email.as_ref().map(|e| e.to.clone()).unwrap_or_default(),
    }
}

/// Who heard of an incident before: what becomes of it is for them, too, whoever the alert goes to by now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToldOf {
    /// Recipients of its mails.
    pub addresses: Vec<String>,
    /// Named channels that had a message.
    pub channels: Vec<String>,
}

/// The messages of one told alert, one for each configured channel that it goes to. Mail of its end goes to whoever had mail of it;
/// a named channel that heard of it hears every further word.
#[must_use]
pub fn render(
    alerts: &Alerts,
    letterhead: &Letterhead,
    told: &Told,
    occasion: Occasion,
    told_of: &ToldOf,
) -> Vec<QueuedMail> {
    let alert = &told.alert;
    let written = letterhead.write("alert", &values(alerts.repeat, letterhead, told, occasion.as_str()));
    let mut to = recipients(alerts, alert);
    if occasion == Occasion::Resolved {
        to.extend(told_of.addresses.iter().filter(|known| !to.contains(known)).cloned().collect::<Vec<_>>());
    }
    let mail = QueuedMail {
        to,
        subject: written.subject,
        text: written.text,
        html: written.html,
        ..blank(letterhead, told, occasion)
    };
    let hears =
        |channel: &&settings::Channel| channel.takes(alert) || told_of.channels.contains(&channel.name);
    let named = alerts.channels.iter().filter(hears).map(|channel| Channel::Named(channel.name.clone()));
    let others: Vec<Channel> =
        alerts.webhook.as_ref().map(|_| Channel::Webhook).into_iter().chain(named).collect();
    let others = payload::alert(&mail, told, letterhead, &others);
    alerts.email.as_ref().map(|_| mail).into_iter().chain(others).collect()
}

/// The message's id and its JSON document: what the webhook would be posted.
#[must_use]
pub fn document(letterhead: &Letterhead, told: &Told, occasion: Occasion) -> (String, String) {
    let mail = blank(letterhead, told, occasion);
    let payload = payload::of(&mail, told, letterhead);
    (payload.id.to_owned(), payload.json())
}

/// A message without its texts.
fn blank(letterhead: &Letterhead, told: &Told, occasion: Occasion) -> QueuedMail {
    let alert = &told.alert;
    let incident = letterhead.incident(&alert.key, told.since);
    let message_id = match occasion {
        Occasion::Raised => incident.clone(),
        other => letterhead.message_id(&format!(
            "{} {} {} {}",
            alert.key,
            told.since,
            letterhead.now(),
            other.as_str()
        )),
    };
    QueuedMail {
        channel: Channel::Mail,
        key: alert.key.clone(),
        occasion: occasion.as_str().to_owned(),
        severity: alert.severity,
        title: headline(alert),
        to: Vec::new(),
        subject: String::new(),
        text: String::new(),
        html: String::new(),
        message_id,
        incident,
    }
}

/// The title with the account in it, whoever wrote it.
fn headline(alert: &Alert) -> String {
    let title = alert.title.trim();
    let Some(account) = alert.account.as_ref().map(ToString::to_string) else { return title.to_owned() };
    let mut said = title.split(|c: char| !(c.is_alphanumeric() || "._-".contains(c)));
    if said.any(|word| word.trim_end_matches('.') == account) {
        title.to_owned()
    } else {
        format!("{account}: {title}")
    }
}

/// The colour of a banner.
pub(super) fn colour(occasion: &str, severity: Severity) -> &'static str {
    match (occasion, severity) {
        ("resolved", _) => "#1a7f4b",
        (_, Severity::Urgent) => "#b3261e",
        (_, Severity::Warning) => "#8a5a00",
        (_, Severity::Info) => "#2f5d8a",
    }
}

pub(super) fn values(repeat: SignedDuration, letterhead: &Letterhead, told: &Told, occasion: &str) -> Value {
    let alert = &told.alert;
    let over = occasion == Occasion::Resolved.as_str();
    let until = told.until.unwrap_or(letterhead.now());
    let rows: Vec<Row> = alert.rows.iter().take(payload::MOST_ROWS).map(|r| Row::of(r, letterhead)).collect();
    context! {
        occasion => occasion,
        severity => alert.severity.as_str(),
        account => alert.account.as_ref().map(ToString::to_string),
        title => headline(alert),
        text => alert.text.trim(),
        deadline => alert.deadline.filter(|_| !over).map(|d| letterhead.at(d)),
        dated => alert.deadline.is_some_and(|d| alert.title.contains(&letterhead.short(d))),
        deadline_away => alert.deadline.filter(|_| !over).map(|d| letterhead.at_with_distance(d)),
        widths => widths(&rows),
        rows => rows.iter().map(Row::value).collect::<Vec<_>>(),
        labels => alert.labels.join(", "),
        more => alert.rows.len().saturating_sub(payload::MOST_ROWS),
        actions => alert.actions.iter().map(|a| context! { text => a, command => is_command(a) }).collect::<Vec<_>>(),
        key => alert.key.as_str(),
        since => letterhead.at(told.since),
        until => letterhead.at(until),
        lasted => words(until.duration_since(told.since)),
        once => alert.once,
        repeat => words(told.reminder.unwrap_or(repeat)),
        colour => colour(occasion, alert.severity),
    }
}

/// Something to type, as opposed to something to do.
fn is_command(action: &str) -> bool {
    let first = action.split_whitespace().next().unwrap_or_default();
    ["renewd", "systemctl", "journalctl", "timedatectl", "sudo", "df", "sqlite3"].contains(&first)
}

struct Row {
    what: String,
    stage: &'static str,
    ends: String,
    amount: String,
    note: String,
}

impl Row {
    fn of(row: &AlertRow, letterhead: &Letterhead) -> Self {
        Self {
            what: row.what.clone(),
            stage: row.stage.unwrap_or_default(),
            ends: row.ends.map(|e| letterhead.at(e)).unwrap_or_default(),
            amount: row.amount.clone().unwrap_or_default(),
            note: row.note.clone(),
        }
    }

    fn value(&self) -> Value {
        context! { what => &self.what, stage => self.stage, ends => &self.ends, amount => &self.amount, note => &self.note }
    }
}

/// How wide the columns of the plain text are.
fn widths(rows: &[Row]) -> Value {
    let widest = |cell: fn(&Row) -> &str| rows.iter().map(|r| cell(r).chars().count()).max().unwrap_or(0);
    context! { what => widest(|r| &r.what), stage => widest(|r| r.stage), ends => widest(|r| &r.ends), amount => widest(|r| &r.amount) }
}
