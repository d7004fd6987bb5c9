//! The JSON document of a message, as docs/alerts.md describes it: what the webhook is posted, and what every named channel's message
//! is made of. Not responsible for sending or signing it.
use jiff::Timestamp;
use serde::Serialize;

use crate::alerting::Told;
use crate::domain::alert::AlertRow;
use crate::domain::{AlertKey, Severity};
use crate::ledger::{Channel, QueuedMail};
use crate::notify::context::Letterhead;

/// A longer table helps nobody: the rest is in `renewd plan`.
pub(super) const MOST_ROWS: usize = 100;

/// Grows, never changes its meaning.
const SCHEMA: u32 = 1;

/// One call.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct Payload<'a> {
    /// The version of the document's form.
    pub schema: u32,
    /// The same in every attempt of one message: what came already may be dropped.
    pub id: &'a str,
    /// What it is about: `cause:account` or `cause:account:order`.
    pub key: &'a AlertKey,
    /// `raised`, `repeated`, `escalated`, `flapping` or `resolved`; `digest`, `summary` or `test`.
    pub occasion: &'a str,
    /// How bad.
    pub severity: Severity,
    /// Whose; null where it is about no account.
    pub account: Option<&'a str>,
    /// One line.
    pub title: &'a str,
    /// What happened, in sentences.
    pub text: &'a str,
    /// Commands or steps, one by one.
    pub actions: &'a [String],
    /// What it touches, at most 100 rows.
    pub rows: &'a [AlertRow],
    /// What the config calls the leases that it touches, sorted.
    pub labels: &'a [String],
    /// How many rows were left out.
    pub more: usize,
    /// By when something has to be done; null where nothing has.
    pub deadline: Option<Timestamp>,
    /// Since when it holds; null where that says nothing.
    pub since: Option<Timestamp>,
    /// Address of the status page; null where there is none.
    pub link: Option<&'a str>,
    /// The version of renewd.
    pub renewd: &'a str,
}

/// The schema of the document.
#[must_use]
pub fn webhook_schema(generator: schemars::SchemaGenerator) -> schemars::Schema {
    generator.into_root_schema_for::<Payload<'static>>()
}

impl<'a> Payload<'a> {
    /// A message with no more than key, occasion, title, text and a link to the page.
    pub fn plain(mail: &'a QueuedMail, letterhead: &'a Letterhead) -> Self {
        Self {
            schema: SCHEMA,
            id: mail.message_id.trim_matches(['<', '>']),
            key: &mail.key,
            occasion: &mail.occasion,
            severity: mail.severity,
            account: None,
            title: &mail.title,
            text: mail.text.trim(),
            actions: &[],
            rows: &[],
            labels: &[],
            more: 0,
            deadline: None,
            since: None,
            link: letterhead.page(),
            renewd: env!("CARGO_PKG_VERSION"),
        }
    }

    /// The message for another channel beside the mail it was made of.
    pub fn queued(&self, mail: &QueuedMail, channel: Channel) -> QueuedMail {
        QueuedMail {
            channel,
            to: Vec::new(),
            subject: mail.title.clone(),
            text: self.json(),
            html: String::new(),
            ..mail.clone()
        }
    }

    /// Its text; these types cannot fail to become JSON.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A told alert for these channels.
pub(super) fn alert(
    mail: &QueuedMail,
    told: &Told,
    letterhead: &Letterhead,
    channels: &[Channel],
) -> Vec<QueuedMail> {
    let payload = of(mail, told, letterhead);
    channels.iter().map(|channel| payload.queued(mail, channel.clone())).collect()
}

/// The document of a told alert.
pub(super) fn of<'a>(mail: &'a QueuedMail, told: &'a Told, letterhead: &'a Letterhead) -> Payload<'a> {
    let alert = &told.alert;
    let shown = alert.rows.len().min(MOST_ROWS);
    Payload {
        account: alert.account.as_ref().map(crate::domain::AccountName::as_str),
        text: match alert.text.trim() {
            "" if told.until.is_some() => "This is over.",
            text => text,
        },
        actions: &alert.actions,
        rows: &alert.rows[..shown],
        labels: &alert.labels,
        more: alert.rows.len() - shown,
        deadline: alert.deadline,
        since: Some(told.since),
        ..Payload::plain(mail, letterhead)
    }
}
