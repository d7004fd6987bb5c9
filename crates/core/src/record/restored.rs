//! What is known of a ledger that was restored from a backup, until every account was read twice since. Plain values, no decision.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{AccountName, Moment};

/// The note of a ledger that was restored from a backup; empty once that is over.
pub const RESTORED: &str = "ledger.restored";

/// What it had forgotten, and which accounts were read since.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// Payments that it had forgotten, as they are called now: put back as started.
    pub payments: Vec<String>,
    /// Payments that it had forgotten and that are too old to be put back.
    #[serde(default)]
    pub older: usize,
    /// Another database, or one that was promoted, answers for it.
    #[serde(default)]
    pub other: bool,
    /// The newest cycle that such a database knows of: what was paid after it may be missing.
    #[serde(default)]
    pub newest: Option<jiff::Timestamp>,
    /// When the first reading of an account began, as [`Moment::noted`].
    #[serde(default)]
    pub reads: BTreeMap<AccountName, String>,
    /// Accounts that were read twice, a lag window apart.
    #[serde(default)]
    pub done: Vec<AccountName>,
}

impl Restored {
    /// Reads the note; `None` = the ledger is its own.
    #[must_use]
    pub fn from_note(note: &str) -> Option<Self> {
        if note.is_empty() {
            return None;
        }
        // What cannot be read holds as much as what can: nothing is known to be over.
        Some(serde_json::from_str(note).unwrap_or_default())
    }

    /// The note's text.
    #[must_use]
    pub fn note(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{\"payments\":[]}".to_owned())
    }

    /// The account still waits for its second reading.
    #[must_use]
    pub fn bars(&self, account: &AccountName) -> bool {
        !self.done.contains(account)
    }

    /// A good reading of the account began at this moment.
    pub fn read(&mut self, account: &AccountName, began: &Moment, lag_window: jiff::SignedDuration) {
        let first = self.reads.get(account).and_then(|noted| Moment::from_note(noted));
        match first {
            // A clock that stepped back says nothing: it begins anew.
            Some(first) if began.elapsed_since(&first) >= lag_window => {
                if self.bars(account) {
                    self.done.push(account.clone());
                }
            }
            Some(first) if !began.elapsed_since(&first).is_negative() => {}
            _ => {
                self.reads.insert(account.clone(), began.noted());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    fn at(seconds: i64, boot: &str) -> Moment {
        Moment {
            wall: jiff::Timestamp::from_second(1_800_000_000 + seconds).unwrap(),
            boot_id: boot.to_owned(),
            boot_ms: seconds * 1000,
        }
    }

    const LAG: SignedDuration = SignedDuration::from_secs(900);

    #[test]
    fn two_readings_a_lag_window_apart_are_needed_of_each_account() {
        let (one, other) = (AccountName::new("one"), AccountName::new("other"));
        let mut restored = Restored::default();
        restored.read(&one, &at(0, "a"), LAG);
        restored.read(&one, &at(899, "a"), LAG);
        assert!(restored.bars(&one) && restored.bars(&other));
        let mut restored = Restored::from_note(&restored.note()).unwrap();
        restored.read(&one, &at(900, "b"), LAG);
        assert!(!restored.bars(&one) && restored.bars(&other), "a restart forgets nothing");
    }

    #[test]
    fn a_clock_that_stepped_back_begins_anew() {
        let one = AccountName::new("one");
        let mut restored = Restored::default();
        restored.read(&one, &at(10_000, "a"), LAG);
        restored.read(&one, &at(0, "b"), LAG);
        restored.read(&one, &at(899, "b"), LAG);
        assert!(restored.bars(&one));
        restored.read(&one, &at(900, "b"), LAG);
        assert!(!restored.bars(&one));
    }

    #[test]
    fn a_note_that_cannot_be_read_holds_everything() {
        assert_eq!(Restored::from_note(""), None);
        assert!(Restored::from_note("{oops").unwrap().bars(&AccountName::new("one")));
    }
}
