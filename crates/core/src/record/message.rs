//! What leaves by mail or webhook, as the ledger keeps it: plain records, no SQL. Not responsible for how it is made or sent.
use jiff::Timestamp;

use crate::domain::{AlertKey, Severity};

/// How a message leaves. Each has attempts of its own, so that a dead one delays no other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// A mail server.
    Mail,
    /// A JSON POST.
    Webhook,
    /// One of `[[alerts.channel]]`, by its name.
    Named(String),
}

impl Channel {
    /// What it is called. No channel of the config may be called as one of the other two.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Mail => "mail",
            Self::Webhook => "webhook",
            Self::Named(name) => name,
        }
    }

    /// The channel that is called so.
    #[must_use]
    pub fn called(name: &str) -> Self {
        match name {
            "mail" => Self::Mail,
            "webhook" => Self::Webhook,
            name => Self::Named(name.to_owned()),
        }
    }
}

/// A message to be queued, fully rendered; no secret is in it. Beside mail `text` is the JSON document of the message, and there
/// are neither recipients nor HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedMail {
    /// How it leaves.
    pub channel: Channel,
    /// The alert it tells of.
    pub key: AlertKey,
    /// `raised`, `repeated`, `escalated`, `resolved`; `digest`, `summary`.
    pub occasion: String,
    /// How bad.
    pub severity: Severity,
    /// The alert's title, without tag and deadline.
    pub title: String,
    /// Recipients.
    pub to: Vec<String>,
    /// Without newlines.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML alternative.
    pub html: String,
    /// Fixed at queueing, so that a repeated delivery can be recognised.
    pub message_id: String,
    /// Message-ID of the incident's first mail, its own included: what says the same thing again. Empty = it stands alone.
    pub incident: String,
}

impl QueuedMail {
    /// Message-ID of the incident's first mail, for threading; `None` where this is the first, or stands alone.
    #[must_use]
    pub fn in_reply_to(&self) -> Option<&str> {
        (!self.incident.is_empty() && self.incident != self.message_id).then_some(self.incident.as_str())
    }
}

/// A message in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMail {
    /// Its row.
    pub id: i64,
    /// The message.
    pub mail: QueuedMail,
    /// When it was queued; its Date header.
    pub queued_at: Timestamp,
    /// Failed attempts so far.
    pub attempts: u32,
    /// Not tried before.
    pub next_at: Timestamp,
    /// It was refused as it is, and put aside.
    pub aside: bool,
}

/// A message that was put aside: no server takes it as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutAside {
    /// Its row.
    pub id: i64,
    /// How it was to leave.
    pub channel: Channel,
    /// The alert it tells of.
    pub key: AlertKey,
    /// The alert's title.
    pub title: String,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// When it was first refused.
    pub aside_at: Timestamp,
    /// Why.
    pub why: String,
}

/// An address whose mail was refused for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailRefusal {
    /// As the config has it.
    pub address: String,
    /// In words.
    pub why: String,
    /// When.
    pub at: Timestamp,
}
