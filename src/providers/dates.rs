//! The spellings of an instant in a provider's answers. Not responsible for what a missing one means.
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::domain::Told;

/// How an instant was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelled {
    /// With its offset.
    Full,
    /// Date and time without an offset: taken as UTC.
    NoZone,
    /// A date alone: taken as midnight UTC.
    DateOnly,
}

impl Spelled {
    /// How exactly that tells an end.
    pub fn told(self) -> Told {
        match self {
            Self::Full | Self::NoZone => Told::Instant,
            Self::DateOnly => Told::Date,
        }
    }
}

/// Reads ISO 8601 with or without fraction, with `Z`, `+0000`, `+00:00` or nothing behind it, `T` or a blank between.
///
/// No provider documents the form of its ends; promo pages of one show `2026-08-31T09:00:00.000+00:00`.
pub fn read(text: &str) -> Option<(Timestamp, Spelled)> {
    let text = text.trim();
    let plain =
        |c: char| c.is_ascii_digit() || matches!(c, '-' | ':' | '.' | '+' | 'T' | 't' | 'Z' | 'z' | ' ');
    // jiff also reads week dates, compact forms and zones in brackets; none of them is expected here, so none is guessed.
    if !text.chars().all(plain) || text.as_bytes().get(4) != Some(&b'-') || text.len() < 10 {
        return None;
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some((instant, Spelled::Full));
    }
    let civil: DateTime = text.parse().ok()?;
    let instant = civil.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Some((instant, if text.len() == 10 { Spelled::DateOnly } else { Spelled::NoZone }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_spelling_is_the_same_instant() {
        let nine: Timestamp = "2026-08-31T09:00:00Z".parse().unwrap();
        for (text, spelled) in [
            ("2026-08-31T09:00:00.000+00:00", Spelled::Full),
            ("2026-08-31T09:00:00.000+0000", Spelled::Full),
            ("2026-08-31T09:00:00+0000", Spelled::Full),
            ("2026-08-31T09:00:00Z", Spelled::Full),
            ("2026-08-31 09:00:00Z", Spelled::Full),
            ("2026-08-31T12:00:00+03:00", Spelled::Full),
            ("2026-08-31T09:00:00.000", Spelled::NoZone),
            ("2026-08-31 09:00:00", Spelled::NoZone),
            ("2026-08-31T09:00", Spelled::NoZone),
        ] {
            assert_eq!(read(text), Some((nine, spelled)), "{text}");
        }
        let midnight = "2026-08-31T00:00:00Z".parse().unwrap();
        assert_eq!(read("2026-08-31"), Some((midnight, Spelled::DateOnly)));
    }

    #[test]
    fn anything_else_is_no_date() {
        for bad in [
            "",
            "soon",
            "1788166800000",
            "20260831",
            "2026-13-01",
            "2026-02-30T00:00:00Z",
            "31.08.2026",
            "08/31/2026",
            "2026-W36-1",
            "2026-08-31T09:00:00[America/New_York]",
            "2026-08-31T25:00:00Z",
            "-002026-08-31",
            "2026-08-31T09:00:00+99:00",
            "+2026-08-31",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
