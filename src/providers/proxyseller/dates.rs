//! The four spellings of an instant in Proxy-Seller's answers: `d.m.Y H:i:s`, `d.m.Y`, `yyyy-MM-dd HH:mm:ss` and ISO 8601. Not
//! responsible for what a missing one means.
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use crate::providers::dates;
pub use crate::providers::dates::Spelled;

/// Reads any of them; without a zone it is UTC, without a time of day the start of its day.
pub fn read(text: &str) -> Option<(Timestamp, Spelled)> {
    dotted(text.trim()).or_else(|| dates::read(text))
}

fn dotted(text: &str) -> Option<(Timestamp, Spelled)> {
    let (date, time) = text.split_once(' ').map_or((text, None), |(date, time)| (date, Some(time)));
    let mut parts = date.split('.');
    let (day, month, year) =
        (number(parts.next()?, 2)?, number(parts.next()?, 2)?, number(parts.next()?, 4)?);
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok();
    let date = date.filter(|_| parts.next().is_none())?;
    let time = match time {
        None => None,
        Some(time) => {
            let mut parts = time.trim_start().split(':');
            let mut next = || i8::try_from(number(parts.next()?, 2)?).ok();
            let (hour, minute) = (next()?, next()?);
            let second = next().unwrap_or(0);
            Some(Time::new(hour, minute, second, 0).ok().filter(|_| parts.next().is_none())?)
        }
    };
    let civil = DateTime::from_parts(date, time.unwrap_or_default());
    let at = civil.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some((at, if time.is_some() { Spelled::NoZone } else { Spelled::DateOnly }))
}

fn number(text: &str, most: usize) -> Option<i16> {
    let digits = !text.is_empty() && text.len() <= most && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_four_spellings_are_one_instant() {
        let at: Timestamp = "2026-07-26T21:05:09Z".parse().unwrap();
        for (text, spelled) in [
            ("26.07.2026 21:05:09", Spelled::NoZone),
            ("2026-07-26 21:05:09", Spelled::NoZone),
            ("2026-07-26T23:05:09+02:00", Spelled::Full),
            ("2026-07-26T21:05:09.000+00:00", Spelled::Full),
            (" 26.07.2026 21:05:09 ", Spelled::NoZone),
        ] {
            assert_eq!(read(text), Some((at, spelled)), "{text}");
        }
        let day = "2026-07-26T00:00:00Z".parse().unwrap();
        assert_eq!(read("26.07.2026"), Some((day, Spelled::DateOnly)));
        assert_eq!(read("2026-07-26"), Some((day, Spelled::DateOnly)));
    }

    #[test]
    fn anything_else_is_no_date() {
        let bad = [
            "",
            ".",
            "26.07",
            "26.07.2026.1",
            "31.02.2026",
            "26.13.2026",
            "2026.07.26",
            "26.07.2026 25:00:00",
            "26.07.2026 21",
            "26.07.2026 21:05:09:1",
            "26.07.2026T21:05:09",
            "26/07/2026",
            "-6.07.2026",
            "soon",
            "1788166800",
        ];
        for text in bad {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
