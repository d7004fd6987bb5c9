//! What the ledger keeps of alerts: the open ones, what people were told, what was kept back, and balances that nobody explains.
use jiff::Timestamp;
use serde::Serialize;

use super::Happening;
use crate::domain::{
    AccountName, AlertKey, Course, Currency, IntentId, KeyPattern, LeaseId, Money, Occasion, Severity,
};

/// An alert that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAlert {
    /// Its identity.
    pub key: AlertKey,
    /// How bad.
    pub severity: Severity,
    /// Whose; `None` = the daemon's.
    pub account: Option<AccountName>,
    /// Since when.
    pub since: Timestamp,
    /// When it was last told; where it never was, `since`.
    pub told_at: Timestamp,
    /// How bad it was when it was last told; `None`: nobody was told of it yet.
    pub told: Option<(Severity, u32)>,
    /// What would have been told, were it not silenced or over its cap.
    pub owed: Option<Occasion>,
    /// Its subject line.
    pub title: String,
    /// What happened.
    pub text: String,
    /// Told once, closed in silence.
    pub once: bool,
    /// How far it has come within its severity.
    pub grade: u32,
    /// The leases it touches.
    pub leases: Vec<LeaseId>,
    /// Those of its parts that people were told of since it began.
    pub heard: Vec<String>,
    /// How it goes: an incident that comes and goes stays open for an hour after it was last seen.
    pub course: Course,
    /// When something new of it was last told: its beginning or a worsening, and no reminder.
    pub news_at: Timestamp,
    /// Its deadline as it was last told.
    pub deadline: Option<Timestamp>,
}

/// What becomes of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertChange {
    /// It begins, or is told again: stored with `told_at` = now.
    Tell(OpenAlert),
    /// It goes on; title, text and severity may have changed; not told.
    Keep(OpenAlert),
    /// It is over.
    Close(AlertKey),
    /// What people were told, or were not: one line of the log of alerts.
    Log(Telling),
    /// What hooks are told of it.
    Happened(Happening),
}

/// What became of a word to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Queued for its recipients.
    Told,
    /// Kept back: a repeat too many within a day, a turn of what comes and goes, or a word that waits for the next mail of its kind.
    Capped,
    /// Kept back: an operator silenced it.
    Silenced,
}

impl How {
    /// The word in the ledger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Told => "told",
            Self::Capped => "capped",
            Self::Silenced => "silenced",
        }
    }

    /// What that word says.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Told, Self::Capped, Self::Silenced].into_iter().find(|h| h.as_str() == word)
    }
}

/// One line of the log of alerts: what the digest counts and lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Telling {
    /// When. All that went out in one mail have one instant.
    pub at: Timestamp,
    /// Of which alert.
    pub key: AlertKey,
    /// Whose; `None` = the daemon's.
    pub account: Option<AccountName>,
    /// How bad it was.
    pub severity: Severity,
    /// Why people were to be told.
    pub occasion: Occasion,
    /// Whether they were.
    pub how: How,
    /// The subject line.
    pub title: String,
}

/// An operator's word that alerts stay quiet for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// Which.
    pub key: KeyPattern,
    /// Since when.
    pub since: Timestamp,
    /// Up to, not including.
    pub until: Timestamp,
}

/// The balance from which the next reading is explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceMark {
    /// Whose.
    pub account: AccountName,
    /// When the reading began.
    pub at: Timestamp,
    /// What it said.
    pub balance: Money,
    /// In what.
    pub currency: Currency,
    /// A difference that is not explained and may yet be: how much, and since when it is seen.
    pub odd: Option<(Money, Timestamp)>,
}

/// A balance that moved and no payment explains it. Append-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceNote {
    /// Its row; rises. 0 before it is stored.
    pub id: u32,
    /// Whose.
    pub account: AccountName,
    /// The reading before.
    pub since: Timestamp,
    /// The reading that showed it.
    pub at: Timestamp,
    /// The balance before.
    pub before: Money,
    /// The balance after.
    pub after: Money,
    /// In what.
    pub currency: Currency,
    /// What known charges took in between.
    pub explained: Money,
    /// What nobody accounts for: above zero it fell, below zero it rose.
    pub unexplained: Money,
    /// Payments of renewd's in between of which it is not known what they cost: it may be theirs.
    pub contested: Vec<IntentId>,
}

/// Mails that no server has taken yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WaitingMails {
    /// How many.
    pub count: usize,
    /// When the oldest was queued.
    pub oldest: Option<Timestamp>,
    /// What the server last said to one of them.
    pub last_error: Option<String>,
}
