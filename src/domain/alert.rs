//! Alerts as values. What fires is decided in `alerting.rs`; how it is told, in `notify`.
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::AccountName;

/// How bad, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; nothing to do today.
    Info,
    /// Something to do before it costs an IP or money.
    Warning,
    /// An IP is about to be lost, or money may have been spent twice.
    Urgent,
}

impl Severity {
    /// The word in JSON, config and subjects.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Urgent => "urgent",
        }
    }

    /// The severity of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Info, Self::Warning, Self::Urgent].into_iter().find(|s| s.as_str() == word)
    }
}

/// `cause:account[:order]`: one mail per key, however many leases it touches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct AlertKey(String);

impl AlertKey {
    /// A cause that touches an account (or `*`, all of them).
    #[must_use]
    pub fn account(cause: &str, account: &str) -> Self {
        Self(format!("{cause}:{account}"))
    }

    /// A cause that touches one order of an account.
    #[must_use]
    pub fn order(cause: &str, account: &str, order: &str) -> Self {
        Self(format!("{cause}:{account}:{order}"))
    }

    /// A key as stored.
    #[must_use]
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first part.
    #[must_use]
    pub fn cause(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }
}

impl fmt::Display for AlertKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Something a person should know. Firing now; whether it is mailed again is `alerting.rs`'s affair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Its identity.
    pub key: AlertKey,
    /// How bad.
    pub severity: Severity,
    /// The account, for routing; `None` for what touches the whole daemon.
    pub account: Option<AccountName>,
    /// One line for the subject: cause, account, what is at stake.
    pub title: String,
    /// What happened and why, in sentences.
    pub text: String,
    /// What to do now: commands or steps, in order.
    pub actions: Vec<String>,
    /// The leases or payments touched: one row each.
    pub rows: Vec<AlertRow>,
    /// When it is too late, if there is such an instant.
    pub deadline: Option<Timestamp>,
    /// Told once and never again, and no "resolved" notice: facts, not conditions.
    pub once: bool,
}

/// One line of an alert's table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlertRow {
    /// Address, order or payment.
    pub what: String,
    /// When it ends, if it does.
    pub ends: Option<Timestamp>,
    /// Amount with currency, if there is one.
    pub amount: Option<String>,
    /// The reason, in words.
    pub note: String,
}
