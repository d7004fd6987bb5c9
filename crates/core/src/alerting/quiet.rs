//! What is kept back: silences, repeats beyond the day's cap, and words that wait for the next mail of their kind.
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::domain::{AlertKey, KeyPattern, Occasion, Severity};
use crate::record::{How, Silence, Telling};

/// The span in which tellings are counted. It slides: it is no calendar day.
pub const DAY: SignedDuration = SignedDuration::from_hours(24);

/// All orders of one cause and account have so many mails within [`DAY`] at once; from then on what is new of them is
/// collected into one mail per [`COLLECTED`]. The last four are kept for what is urgent.
pub const AT_ONCE_OF_A_GROUP: usize = 12;

/// How far apart the mails of such a group are then: a new word waits so long at most, and none is dropped.
pub const COLLECTED: SignedDuration = SignedDuration::from_hours(1);

/// Silences that hold, and what was told within the last [`DAY`].
#[derive(Debug, Clone, Default)]
pub struct Quiet {
    silences: Vec<(KeyPattern, Timestamp)>,
    most: usize,
    repeats: BTreeMap<AlertKey, usize>,
    groups: BTreeMap<AlertKey, (usize, Timestamp)>,
}

impl Quiet {
    /// Counts what the log says; lines older than [`DAY`] at `now`, or of what was kept back, are passed over. `most` is
    /// `alerts.max_mails_per_day`: how often one key is repeated in that time.
    #[must_use]
    pub fn new(silences: &[Silence], log: &[Telling], most: usize, now: Timestamp) -> Self {
        let silences = silences.iter().map(|s| (s.key.clone(), s.until)).collect();
        let mut quiet = Self { silences, most, ..Self::default() };
        let mut mails: BTreeSet<(AlertKey, Timestamp, Occasion)> = BTreeSet::new();
        for t in log.iter().filter(|t| t.how == How::Told && now.duration_since(t.at) < DAY) {
            if t.occasion == Occasion::Repeated {
                *quiet.repeats.entry(t.key.clone()).or_default() += 1;
            }
            if t.key.is_of_an_order() {
                mails.insert((t.key.group(), t.at, t.occasion));
            }
        }
        for (group, at, _) in mails {
            let (n, last) = quiet.groups.entry(group).or_insert((0, at));
            *n += 1;
            *last = at.max(*last);
        }
        quiet
    }

    /// Why a word is not said at `now`; `None` if it may be; `repeats`: it only says again what people know. A silence keeps everything back, the cap repeats only; a
    /// new incident, a worsening and an end of one order among many wait for the next mail of their kind at most.
    #[must_use]
    pub fn keeps_back(
        &self,
        key: &AlertKey,
        severity: Severity,
        repeats: bool,
        now: Timestamp,
    ) -> Option<How> {
        if self.silences.iter().any(|(pattern, until)| now < *until && pattern.covers(key)) {
            return Some(How::Silenced);
        }
        let often = repeats && self.repeats.get(key).is_some_and(|n| *n >= self.most);
        (often || self.collects(key, severity, now)).then_some(How::Capped)
    }

    fn collects(&self, key: &AlertKey, severity: Severity, now: Timestamp) -> bool {
        let at_once = if severity == Severity::Urgent { AT_ONCE_OF_A_GROUP } else { AT_ONCE_OF_A_GROUP - 4 };
        let group = self.groups.get(&key.group()).filter(|_| key.is_of_an_order());
        group.is_some_and(|(n, last)| *n >= at_once && now.duration_since(*last) < COLLECTED)
    }
}
