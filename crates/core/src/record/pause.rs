//! Pauses: an operator's word that nothing is to be spent, who said so, why, and until when. Pure: `now` is handed in, and a pause has
//! no timer. Not responsible for what a pause stops (the engine's brake and the planner).
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::time::told;
use crate::domain::{AccountName, Moment};

/// Characters that a note may have: one line in a table, a mail or a reason.
pub const LONGEST_NOTE: usize = 200;

/// What is paused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PauseRecord {
    /// `None` = every account.
    pub account: Option<AccountName>,
    /// Since when. Saying it again leaves this alone.
    pub since: Timestamp,
    /// Who said so last; `None` = not known, as of a pause from before this was kept.
    pub by: Option<String>,
    /// Why.
    pub note: Option<String>,
    /// When it ends by itself; `None` = when somebody resumes. Its boot clock is that of the boot in which this was said.
    pub until: Option<Moment>,
}

impl PauseRecord {
    /// One without an end, of which nothing else is known.
    #[must_use]
    pub fn since(account: Option<AccountName>, since: Timestamp) -> Self {
        Self { account, since, by: None, note: None, until: None }
    }

    /// Whether it still stops spending. A pause with an end is over once no clock says that it lasts: a wall clock that was set forward
    /// ends none while the machine stays up, and one that was set back makes it last longer. Both are the safe side of a brake.
    #[must_use]
    pub fn holds(&self, now: &Moment) -> bool {
        self.until.as_ref().is_none_or(|until| {
            now.wall < until.wall || (now.boot_id == until.boot_id && now.boot_ms < until.boot_ms)
        })
    }

    /// When it ends by itself, by the wall clock.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.until.as_ref().map(|until| until.wall)
    }

    /// ` by NAME until INSTANT (NOTE)`: what is known of it, to stand behind "spending is paused".
    #[must_use]
    pub fn words(&self, zone: &TimeZone) -> String {
        let until = self.ends_at().map(|at| told(at, zone));
        pause_words(self.by.as_deref(), until.as_deref(), self.note.as_deref())
    }
}

/// The same for whoever writes instants in another way.
#[must_use]
pub fn pause_words(by: Option<&str>, until: Option<&str>, note: Option<&str>) -> String {
    let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
    let until = until.map(|until| format!(" until {until}")).unwrap_or_default();
    let note = note.map(|note| format!(" ({note})")).unwrap_or_default();
    format!("{by}{until}{note}")
}

/// The note as it is kept.
///
/// # Errors
/// In words: it is empty, too long, or has line breaks or other control characters, which would spoil tables and mails.
pub fn pause_note(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("it is empty: say why, for whoever finds spending paused".to_owned());
    }
    if text.chars().any(|c| c.is_control() || is_unseen(c)) {
        return Err("it has a line break or another control character: write one line of text".to_owned());
    }
    match text.chars().count() {
        n if n > LONGEST_NOTE => Err(format!("it has {n} characters: write at most {LONGEST_NOTE}")),
        _ => Ok(text.to_owned()),
    }
}

/// Line separators, and marks that turn or hide the text around them: they control a terminal or a page, though Unicode files them
/// elsewhere.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    fn moment(minutes: i64, boot: &str, up: i64) -> Moment {
        let noon: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
        Moment {
            wall: noon.checked_add(SignedDuration::from_mins(minutes)).unwrap(),
            boot_id: boot.to_owned(),
            boot_ms: up * 60_000,
        }
    }

    /// Said at noon, ten minutes after the start, for an hour.
    fn an_hour() -> PauseRecord {
        PauseRecord { until: Some(moment(60, "a", 70)), ..PauseRecord::since(None, moment(0, "a", 10).wall) }
    }

    #[test]
    fn a_pause_ends_at_its_time_and_not_before() {
        assert!(an_hour().holds(&moment(59, "a", 69)));
        assert!(!an_hour().holds(&moment(60, "a", 70)));
        assert!(PauseRecord::since(None, moment(0, "a", 10).wall).holds(&moment(600_000, "b", 1)));
    }

    #[test]
    fn a_clock_that_was_set_forward_ends_no_pause_while_the_machine_stays_up() {
        assert!(an_hour().holds(&moment(60 * 24 * 365, "a", 11)));
        assert!(!an_hour().holds(&moment(60 * 24 * 365, "a", 70)));
        assert!(!an_hour().holds(&moment(60, "b", 1)), "after a restart only the wall clock is left");
    }

    #[test]
    fn a_clock_that_was_set_back_makes_a_pause_last_longer() {
        assert!(an_hour().holds(&moment(-600, "a", 500)));
        assert!(an_hour().holds(&moment(59, "b", 500)));
    }

    #[test]
    fn a_note_is_one_short_line() {
        assert_eq!(pause_note("  the card is being replaced ").unwrap(), "the card is being replaced");
        for bad in
            ["", " \t", "two\nlines", "a bell \u{7}", "\u{1b}[2J", "turned \u{202e}round", "a\u{2028}b"]
        {
            assert!(pause_note(bad).is_err(), "{bad:?}");
        }
        assert!(pause_note(&"ä".repeat(LONGEST_NOTE)).is_ok());
        assert!(pause_note(&"ä".repeat(LONGEST_NOTE + 1)).is_err());
    }
}
