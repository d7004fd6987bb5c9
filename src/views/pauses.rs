//! What is paused, as `status` has it. Not responsible for whether a pause still holds: the ledger gives those that do.
use jiff::Timestamp;
use serde::Serialize;

use crate::ledger::{PauseRecord, pause_words};

/// A pause.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Pause {
    /// Of this account; `*` = all.
    pub account: String,
    /// Who said so last: a user's name. Null where that was not kept.
    pub by: Option<String>,
    /// Why, if that was said.
    pub note: Option<String>,
    /// Since when spending is paused.
    pub since: Timestamp,
    /// When it ends by itself; null: when somebody resumes.
    pub until: Option<Timestamp>,
}

impl Pause {
    /// Whether it stops that account.
    #[must_use]
    pub fn stops(&self, account: &str) -> bool {
        self.account == "*" || self.account == account
    }

    /// In words, to stand behind "spending is paused": by whom, until when and why. `at` writes an instant for who reads it.
    #[must_use]
    pub fn words(&self, at: impl Fn(Timestamp) -> String) -> String {
        pause_words(self.by.as_deref(), self.until.map(at).as_deref(), self.note.as_deref())
    }
}

impl From<&PauseRecord> for Pause {
    fn from(p: &PauseRecord) -> Self {
        Self {
            account: p.account.as_ref().map_or("*".to_owned(), ToString::to_string),
            by: p.by.clone(),
            note: p.note.clone(),
            since: p.since,
            until: p.ends_at(),
        }
    }
}
