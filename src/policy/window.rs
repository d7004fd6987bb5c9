//! When payments may be made: `Mon-Fri 08:00-20:00`, end exclusive, may cross midnight.
use std::str::FromStr;

use jiff::civil::{DateTime, Time, Weekday};

/// Days on which a span of the day begins. A span that crosses midnight belongs to the day on which it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    days: [bool; 7],
    from: Time,
    /// Exclusive; equal to or before `from` = on the next day.
    to: Time,
    text: String,
}

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

fn index(day: Weekday) -> usize {
    DAYS.iter().position(|(_, d)| *d == day).unwrap_or_default()
}

impl Window {
    /// Whether `at` (civil time in the configured zone) lies inside.
    #[must_use]
    pub fn contains(&self, at: DateTime) -> bool {
        let today = self.days[index(at.weekday())];
        let yesterday = self.days[(index(at.weekday()) + 6) % 7];
        let time = at.time();
        if self.from < self.to {
            return today && time >= self.from && time < self.to;
        }
        (today && time >= self.from) || (yesterday && time < self.to)
    }

    /// The first opening after `at`.
    #[must_use]
    pub fn opens_after(&self, at: DateTime) -> Option<DateTime> {
        let mut day = at.date();
        for _ in 0..=7 {
            let opens = day.to_datetime(self.from);
            if self.days[index(day.weekday())] && opens > at {
                return Some(opens);
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn parse_days(text: &str) -> Option<[bool; 7]> {
    let mut days = [false; 7];
    for part in text.split(',') {
        let find = |name: &str| DAYS.iter().position(|(d, _)| *d == name.trim().to_lowercase());
        let (first, last) = match part.split_once('-') {
            Some((a, b)) => (find(a)?, find(b)?),
            None => (find(part)?, find(part)?),
        };
        let mut day = first;
        loop {
            days[day] = true;
            if day == last {
                break;
            }
            day = (day + 1) % 7;
        }
    }
    Some(days)
}

fn parse_time(text: &str) -> Option<Time> {
    if text == "24:00" {
        return Some(Time::midnight());
    }
    let (h, m) = text.split_once(':')?;
    if h.len() != 2 || m.len() != 2 {
        return None;
    }
    Time::new(h.parse().ok()?, m.parse().ok()?, 0, 0).ok()
}

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let trimmed = text.trim();
            let (days, span) = match trimmed.rsplit_once(' ') {
                Some((days, span)) => (parse_days(days.trim())?, span),
                None => ([true; 7], trimmed),
            };
            let (from, to) = span.split_once('-')?;
            Some(Self { days, from: parse_time(from)?, to: parse_time(to)?, text: trimmed.to_owned() })
        };
        read()
            .ok_or_else(|| format!("`{text}` is no window: write \"Mon-Fri 08:00-20:00\" or \"22:00-06:00\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn at(day: i8, h: i8, m: i8) -> DateTime {
        date(2026, 11, day).at(h, m, 0, 0) // 2026-11-16 is a Monday
    }

    #[test]
    fn the_end_is_exclusive_and_the_start_is_not() {
        let w: Window = "Mon-Fri 08:00-20:00".parse().unwrap();
        assert!(w.contains(at(16, 8, 0)) && w.contains(at(20, 19, 59)));
        assert!(!w.contains(at(16, 20, 0)) && !w.contains(at(16, 7, 59)) && !w.contains(at(21, 12, 0)));
    }

    #[test]
    fn a_span_over_midnight_belongs_to_the_day_it_began() {
        let w: Window = "Fri 22:00-06:00".parse().unwrap();
        assert!(w.contains(at(20, 23, 0)) && w.contains(at(21, 5, 59)));
        assert!(!w.contains(at(21, 6, 0)) && !w.contains(at(20, 5, 0)) && !w.contains(at(21, 23, 0)));
    }

    #[test]
    fn the_next_opening_is_later_today_or_on_the_next_day_that_has_one() {
        let w: Window = "Mon,Wed 08:00-20:00".parse().unwrap();
        for (from, opens) in
            [(at(16, 7, 59), at(16, 8, 0)), (at(16, 8, 0), at(18, 8, 0)), (at(18, 9, 0), at(23, 8, 0))]
        {
            assert_eq!(w.opens_after(from), Some(opens), "{from}");
        }
    }

    #[test]
    fn days_may_wrap_and_be_listed() {
        let w: Window = "Sat-Mon,Wed 00:00-24:00".parse().unwrap();
        for (day, inside) in [(16, true), (17, false), (18, true), (21, true), (22, true), (20, false)] {
            assert_eq!(w.contains(at(day, 12, 0)), inside, "{day}");
        }
    }

    #[test]
    fn nonsense_is_refused_with_an_example() {
        for bad in ["", "Mon", "08:00", "Mon-Fri 8-20", "Xyz 08:00-20:00", "Mon 25:00-26:00"] {
            assert!(bad.parse::<Window>().is_err_and(|e| e.contains("Mon-Fri 08:00-20:00")), "{bad}");
        }
    }
}
