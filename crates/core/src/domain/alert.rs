//! Alerts as values: their keys, severities and occasions. What fires is decided in the engine, what is told in `alerting`, how
//! it is told in `notify`.
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::{AccountName, LeaseId};

/// How bad, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
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

/// Why people are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// It is new.
    Raised,
    /// It still holds after `repeat`.
    Repeated,
    /// It got worse.
    Escalated,
    /// It is back within an hour of its end: it comes and goes.
    Flapping,
    /// It is over.
    Resolved,
}

impl Occasion {
    /// The word in logs, mails and the ledger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Repeated => "repeated",
            Self::Escalated => "escalated",
            Self::Flapping => "flapping",
            Self::Resolved => "resolved",
        }
    }

    /// The occasion of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Raised, Self::Repeated, Self::Escalated, Self::Flapping, Self::Resolved]
            .into_iter()
            .find(|o| o.as_str() == word)
    }
}

/// What people last heard of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Said {
    /// That it holds.
    #[default]
    Holds,
    /// That it comes and goes.
    Flaps,
    /// That it is over, or something else that implies it.
    Over,
}

impl Said {
    /// The word in the ledger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Flaps => "flaps",
            Self::Over => "over",
        }
    }

    /// What that word says.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Holds, Self::Flaps, Self::Over].into_iter().find(|s| s.as_str() == word)
    }
}

/// How an incident goes: whether it holds now, since when, and what people believe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Course {
    /// It held at the last look.
    pub holds: bool,
    /// When it last began to hold, or ceased to.
    pub turned_at: Timestamp,
    /// It came back within an hour of its end: its end is told only once it has stayed away for an hour.
    pub flapping: bool,
    /// What people last heard of it.
    pub said: Said,
}

impl Course {
    /// It holds since then, without a break.
    #[must_use]
    pub fn begun(at: Timestamp) -> Self {
        Self { holds: true, turned_at: at, flapping: false, said: Said::Holds }
    }
}

/// `cause:account[:order]`: one mail per key, however many leases it touches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
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

    /// What stands behind the cause: `yp`, `yp:4711`, `*`.
    #[must_use]
    pub fn about(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, about)| about)
    }

    /// It is about one order of an account (or one day, one budget): others of its cause and account may be open too.
    #[must_use]
    pub fn is_of_an_order(&self) -> bool {
        self.about().contains(':')
    }

    /// `cause:account`, without the order.
    #[must_use]
    pub fn group(&self) -> Self {
        let account = self.about().split(':').next().unwrap_or_default();
        Self::account(self.cause(), account)
    }
}

impl fmt::Display for AlertKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Which alerts a silence keeps quiet: one key, or all that begin alike (`short_funds:*`, `unknown:yp:*`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct KeyPattern(String);

/// Text that is no key of an alert.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an alert key: write cause:account or cause:account:order as `renewd status` shows it, or cause:* for all of a cause"
)]
pub struct NoKey(String);

impl KeyPattern {
    /// Reads `cause:account[:order]`, whose last part may end in `*`.
    ///
    /// # Errors
    /// [`NoKey`]: no cause, nothing behind it, spaces or control characters, a `*` elsewhere than at the end.
    pub fn parse(text: &str) -> Result<Self, NoKey> {
        let cause = |c: &str| !c.is_empty() && c.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        let rest = |r: &str| {
            let name = r.strip_suffix('*').unwrap_or(r);
            let part = |p: &str| !p.contains(|c: char| c == '*' || c.is_whitespace() || c.is_control());
            // `budget_warn:*:NAME`: the account of what touches all of them is a star itself.
            let inner = name.strip_prefix("*:").unwrap_or(name);
            !r.is_empty() && !r.starts_with(':') && part(inner)
        };
        let fits = text.split_once(':').is_some_and(|(c, r)| cause(c) && rest(r));
        if fits { Ok(Self(text.to_owned())) } else { Err(NoKey(text.to_owned())) }
    }

    /// A pattern as stored.
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

    /// Whether that alert is kept quiet.
    #[must_use]
    pub fn covers(&self, key: &AlertKey) -> bool {
        key.as_str() == self.0 || self.0.strip_suffix('*').is_some_and(|head| key.as_str().starts_with(head))
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
    /// How far it has come within its severity. A rise is told at once, also of a fact; 0 where that means nothing.
    pub grade: u32,
    /// The leases touched: it is over when the last of them is no longer in doubt.
    pub leases: Vec<LeaseId>,
    /// What it speaks of by name, where its key says less: payments of one order, lost addresses. One that people have not
    /// heard of is news.
    pub parts: Vec<String>,
    /// What the config calls its leases, sorted, each once.
    pub labels: Vec<String>,
}

/// One line of an alert's table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct AlertRow {
    /// Address, order or payment.
    pub what: String,
    /// Where a lease stands in its term: `early`, `normal`, `urgent` or `rescue`. Null where the row is no lease, or that is not known.
    pub stage: Option<&'static str>,
    /// When it ends, if it does.
    pub ends: Option<Timestamp>,
    /// Amount with currency, if there is one.
    pub amount: Option<String>,
    /// The reason, in words.
    pub note: String,
}
