//! One window of a week: `Mon-Fri 08:00-20:00`, end exclusive, may cross midnight.
//!
//! Not responsible for lists of windows, days off or zones (`windows.rs`).
use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time, Weekday};

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
    /// The day on which the opening that `at` lies in began; `None` = it lies in none.
    #[must_use]
    pub fn day_of(&self, at: DateTime) -> Option<Date> {
        let (today, time) = (at.date(), at.time());
        if self.from < self.to {
            return (self.begins_on(today) && time >= self.from && time < self.to).then_some(today);
        }
        if time >= self.from {
            return self.begins_on(today).then_some(today);
        }
        let yesterday = today.yesterday().ok().filter(|day| self.begins_on(*day));
        yesterday.filter(|_| time < self.to)
    }

    /// When it opens on that day, by the clock on the wall.
    #[must_use]
    pub fn opens_on(&self, day: Date) -> Option<DateTime> {
        self.begins_on(day).then(|| day.to_datetime(self.from))
    }

    fn begins_on(&self, day: Date) -> bool {
        self.days[index(day.weekday())]
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
        read().ok_or_else(|| {
            format!("`{text}` is not a window: write \"Mon-Fri 08:00-20:00\" or \"22:00-06:00\"")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn at(day: i8, h: i8, m: i8) -> DateTime {
        date(2026, 11, day).at(h, m, 0, 0) // 2026-11-16 is a Monday
    }

    fn inside(window: &Window, at: DateTime) -> bool {
        window.day_of(at).is_some()
    }

    #[test]
    fn the_end_is_exclusive_and_the_start_is_not() {
        let w: Window = "Mon-Fri 08:00-20:00".parse().unwrap();
        assert!(inside(&w, at(16, 8, 0)) && inside(&w, at(20, 19, 59)));
        assert!(!inside(&w, at(16, 20, 0)) && !inside(&w, at(16, 7, 59)) && !inside(&w, at(21, 12, 0)));
    }

    #[test]
    fn a_span_over_midnight_belongs_to_the_day_it_began() {
        let w: Window = "Fri 22:00-06:00".parse().unwrap();
        assert!(inside(&w, at(20, 23, 0)) && inside(&w, at(21, 5, 59)));
        assert!(!inside(&w, at(21, 6, 0)) && !inside(&w, at(20, 5, 0)) && !inside(&w, at(21, 23, 0)));
        assert_eq!(w.day_of(at(21, 5, 59)), Some(date(2026, 11, 20)));
        assert_eq!(w.opens_on(date(2026, 11, 20)), Some(at(20, 22, 0)));
        assert_eq!(w.opens_on(date(2026, 11, 21)), None);
    }

    #[test]
    fn days_may_wrap_and_be_listed() {
        let w: Window = "Sat-Mon,Wed 00:00-24:00".parse().unwrap();
        for (day, open) in [(16, true), (17, false), (18, true), (21, true), (22, true), (20, false)] {
            assert_eq!(inside(&w, at(day, 12, 0)), open, "{day}");
        }
    }

    #[test]
    fn nonsense_is_refused_with_an_example() {
        for bad in ["", "Mon", "08:00", "Mon-Fri 8-20", "Xyz 08:00-20:00", "Mon 25:00-26:00"] {
            assert!(bad.parse::<Window>().is_err_and(|e| e.contains("Mon-Fri 08:00-20:00")), "{bad}");
        }
    }
}
