//! The JSON body of a webhook call, as docs/alerts.md describes it. Not responsible for sending or signing it.
use jiff::Timestamp;
use serde::Serialize;

use super::render::MOST_ROWS;
use crate::alerting::Told;
use crate::domain::alert::AlertRow;
use crate::domain::{AlertKey, Severity};
use crate::ledger::{Channel, QueuedMail};

/// Grows, never changes its meaning.
const SCHEMA: u32 = 1;

/// One call.
#[derive(Serialize)]
pub(super) struct Payload<'a> {
    pub schema: u32,
    pub id: &'a str,
    pub key: &'a AlertKey,
    pub occasion: &'a str,
    pub severity: Severity,
    pub account: Option<&'a str>,
    pub title: &'a str,
    pub text: &'a str,
    pub actions: &'a [String],
    pub rows: &'a [AlertRow],
    pub more: usize,
    pub deadline: Option<Timestamp>,
    pub since: Option<Timestamp>,
    pub renewd: &'a str,
}

impl<'a> Payload<'a> {
    /// A call with no more than key, occasion, title and text.
    pub fn plain(mail: &'a QueuedMail) -> Self {
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
            more: 0,
            deadline: None,
            since: None,
            renewd: env!("CARGO_PKG_VERSION"),
        }
    }

    /// The webhook's message beside the mail it was made of.
    pub fn queued(&self, mail: &QueuedMail) -> QueuedMail {
        QueuedMail {
            channel: Channel::Webhook,
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

/// The call of a told alert.
pub(super) fn alert(mail: &QueuedMail, told: &Told) -> QueuedMail {
    let alert = &told.alert;
    let shown = alert.rows.len().min(MOST_ROWS);
    let payload = Payload {
        account: alert.account.as_ref().map(crate::domain::AccountName::as_str),
        text: match alert.text.trim() {
            "" if told.until.is_some() => "This no longer holds.",
            text => text,
        },
        actions: &alert.actions,
        rows: &alert.rows[..shown],
        more: alert.rows.len() - shown,
        deadline: alert.deadline,
        since: Some(told.since),
        ..Payload::plain(mail)
    };
    payload.queued(mail)
}
