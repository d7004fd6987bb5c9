//! That the ledger cannot be written, as the status document, the page and the probes say it.
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

/// Whether payments can be recorded; they stop where not.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct LedgerState {
    /// They can, as far as is known.
    pub usable: bool,
    /// Since when not; null if that is not known.
    pub since: Option<Timestamp>,
    /// Why not, in a few words.
    pub error: Option<String>,
}

/// A ledger that cannot be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerTrouble {
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
    /// Why, in a few words.
    pub why: String,
}

impl LedgerTrouble {
    /// It is so now: begins if nothing is known yet, else goes on for what is now the reason.
    pub fn goes_on(known: &mut Option<Self>, why: String, now: Timestamp) {
        let since = known.as_ref().and_then(|t| t.since).or(Some(now));
        *known = Some(Self { since, why });
    }

    /// In a sentence without its full stop.
    #[must_use]
    pub fn words(&self, timezone: &TimeZone) -> String {
        let since = self.since.map_or_else(String::new, |at| {
            format!(" since {}", at.to_zoned(timezone.clone()).strftime("%a %d %b %H:%M"))
        });
        format!("the ledger cannot be written{since} ({}), payments stop", self.why)
    }
}

impl From<Option<&LedgerTrouble>> for LedgerState {
    fn from(trouble: Option<&LedgerTrouble>) -> Self {
        Self {
            usable: trouble.is_none(),
            since: trouble.and_then(|t| t.since),
            error: trouble.map(|t| t.why.clone()),
        }
    }
}
