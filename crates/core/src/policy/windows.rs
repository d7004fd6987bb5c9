//! When a policy's payments may be made: windows of the week without its days off, by the clocks of one zone. Pure.
//!
//! The clock on the wall decides. An hour that the clocks go through twice is open twice; one that they leave out is not there, and a window
//! that lies within it does not open on that day. Not responsible for the urgent stage, which ignores all of this.
use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Window;

/// Windows, and days on which none of them opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Windows {
    /// Any of them; none = the whole of each day.
    any: Vec<Window>,
    /// Sorted. An opening over midnight belongs to the day on which it begins.
    except: Vec<Date>,
    text: String,
}

/// A window opens at least once within so many days that are not off: one of a single weekday may fall on a day whose clocks leave it out.
const TWO_WEEKS: i64 = 15;

/// So many days off are named before they are counted.
const NAMED: usize = 3;

/// As many changes of the clocks as a zone has within a year.
const SOME: usize = 4;

impl Windows {
    /// `None` = nothing is restricted.
    #[must_use]
    pub fn new(any: Vec<Window>, mut except: Vec<Date>) -> Option<Self> {
        if any.is_empty() && except.is_empty() {
            return None;
        }
        except.sort_unstable();
        except.dedup();
        let opens = any.iter().map(Window::as_str).collect::<Vec<_>>().join("; ");
        let off = match except.as_slice() {
            [] => String::new(),
            few if few.len() <= NAMED => {
                format!(", not on {}", few.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
            }
            many => format!(", not on {} days off", many.len()),
        };
        Some(Self { text: format!("{}{off}", if any.is_empty() { "all day" } else { &opens }), any, except })
    }

    /// Payments may be made at that instant.
    #[must_use]
    pub fn is_open(&self, at: Timestamp, zone: &TimeZone) -> bool {
        self.contains(zone.to_datetime(at))
    }

    fn contains(&self, at: DateTime) -> bool {
        if self.any.is_empty() {
            return !self.is_off(at.date());
        }
        self.any.iter().filter_map(|window| window.day_of(at)).any(|day| !self.is_off(day))
    }

    /// None opens on that day.
    #[must_use]
    pub fn is_off(&self, day: Date) -> bool {
        self.except.binary_search(&day).is_ok()
    }

    /// There is no window, only days off.
    #[must_use]
    pub fn is_all_day(&self) -> bool {
        self.any.is_empty()
    }

    /// The first instant at or after `at` at which payments may be made; `None` = never again.
    #[must_use]
    pub fn opens(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        if self.is_open(at, zone) {
            return Some(at);
        }
        let mut day = zone.to_datetime(at).date();
        let last = self.except.last().map_or(day, |last| day.max(*last));
        let last = last.saturating_add(SignedDuration::from_hours(24 * TWO_WEEKS));
        // An opening of the day before may go on when the clocks are put back after it has shut.
        let mut first = self.resumes(at, zone);
        while day <= last && first.is_none_or(|first| zone.to_datetime(first).date() >= day) {
            let opens =
                self.openings(day, zone).filter(|opens| *opens > at && self.is_open(*opens, zone)).min();
            first = first.into_iter().chain(opens).min();
            day = day.tomorrow().ok()?;
        }
        first
    }

    /// The instants at which a window begins on that day.
    fn openings<'a>(&'a self, day: Date, zone: &'a TimeZone) -> impl Iterator<Item = Timestamp> + 'a {
        let midnight = self.any.is_empty().then(|| day.to_datetime(Time::midnight()));
        let days = (!self.is_off(day)).then_some(day).into_iter();
        let begins =
            days.flat_map(move |day| self.any.iter().filter_map(move |w| w.opens_on(day)).chain(midnight));
        begins.flat_map(|civil| instants(civil, zone)).flatten()
    }

    /// The next change of the clocks that leads into an opening.
    fn resumes(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        zone.following(at).take(SOME).map(|change| change.timestamp()).find(|at| self.is_open(*at, zone))
    }

    /// The windows as written, and the days off.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// When the clocks of a zone show that: twice where they go through it twice; where they leave it out, the instant at which they do.
fn instants(civil: DateTime, zone: &TimeZone) -> [Option<Timestamp>; 2] {
    let shown = zone.to_ambiguous_timestamp(civil);
    let (earlier, later) = (shown.earlier().ok(), shown.later().ok());
    match later.filter(|later| zone.to_datetime(*later) != civil) {
        // The change itself counts: a gap begins with it.
        Some(beyond) => {
            let after = beyond.checked_add(SignedDuration::from_nanos(1)).unwrap_or(beyond);
            [zone.preceding(after).next().map(|change| change.timestamp()), None]
        }
        None => [earlier, later],
    }
}

impl FromStr for Windows {
    type Err = String;

    /// One window, and no day off.
    fn from_str(text: &str) -> Result<Self, String> {
        let window: Window = text.parse()?;
        Ok(Self { text: window.as_str().to_owned(), any: vec![window], except: Vec::new() })
    }
}

#[cfg(test)]
#[path = "windows_tests.rs"]
mod tests;
