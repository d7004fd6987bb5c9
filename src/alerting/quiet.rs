//! What is kept back: silences, and the cap on how often one incident may be told within a day.
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::domain::{AlertKey, KeyPattern, Occasion, Severity};
use crate::ledger::{How, Silence, Telling};

/// The span in which tellings are counted. It slides: it is no calendar day.
pub const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The most that one key is told within [`DAY`]; the last two are kept for what is urgent.
pub const MOST_A_DAY: usize = 6;

/// The most that all orders of one cause and account are told within [`DAY`], counted in mails; the last four are kept for
/// what is urgent.
pub const MOST_A_DAY_OF_A_GROUP: usize = 12;

/// Silences that hold, and what was told within the last [`DAY`].
#[derive(Debug, Clone, Default)]
pub struct Quiet {
    silences: Vec<(KeyPattern, Timestamp)>,
    told: BTreeMap<AlertKey, usize>,
    groups: BTreeMap<AlertKey, usize>,
}

impl Quiet {
    /// Counts what the log says; lines older than [`DAY`] at `now`, or of what was kept back, are passed over.
    #[must_use]
    pub fn new(silences: &[Silence], log: &[Telling], now: Timestamp) -> Self {
        let mut quiet =
            Self { silences: silences.iter().map(|s| (s.key.clone(), s.until)).collect(), ..Self::default() };
        let mut mails: BTreeSet<(AlertKey, Timestamp, Occasion)> = BTreeSet::new();
        for t in log.iter().filter(|t| t.how == How::Told && now.duration_since(t.at) < DAY) {
            *quiet.told.entry(t.key.clone()).or_default() += 1;
            if t.key.is_of_an_order() {
                mails.insert((t.key.group(), t.at, t.occasion));
            }
        }
        for (group, ..) in mails {
            *quiet.groups.entry(group).or_default() += 1;
        }
        quiet
    }

    /// Why that alert is not told at `now`; `None` if it may be.
    #[must_use]
    pub fn keeps_back(&self, key: &AlertKey, severity: Severity, now: Timestamp) -> Option<How> {
        if self.silences.iter().any(|(pattern, until)| now < *until && pattern.covers(key)) {
            return Some(How::Silenced);
        }
        let urgent = severity == Severity::Urgent;
        let most = if urgent { MOST_A_DAY } else { MOST_A_DAY - 2 };
        let most_of_all = if urgent { MOST_A_DAY_OF_A_GROUP } else { MOST_A_DAY_OF_A_GROUP - 4 };
        let told = self.told.get(key).copied().unwrap_or_default();
        let of_group = self.groups.get(&key.group()).copied().unwrap_or_default();
        let over = told >= most || (key.is_of_an_order() && of_group >= most_of_all);
        over.then_some(How::Capped)
    }
}
