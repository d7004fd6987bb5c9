//! Instants, days and spans as people read them on a page: in the configured zone, and how far away they are. Not responsible for
//! documents, which have RFC 3339 in UTC, or for the command line, which has less room.
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// An instant or a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct When {
    /// For programs.
    pub at: String,
    /// For people: `Thu 3 Dec 14:05`.
    pub text: String,
    /// How far away that is: `in 3 days`.
    pub away: String,
}

/// Where instants are read off: now, and the configured zone.
#[derive(Debug, Clone, Copy)]
pub struct Clockface<'a> {
    /// Now.
    pub now: Timestamp,
    /// The zone of the config.
    pub zone: &'a TimeZone,
}

impl Clockface<'_> {
    /// An instant, to the minute.
    #[must_use]
    pub fn when(&self, at: Timestamp) -> When {
        self.written(at, "%H:%M")
    }

    /// The same to the second: cycles may be seconds apart.
    #[must_use]
    pub fn to_second(&self, at: Timestamp) -> When {
        self.written(at, "%H:%M:%S")
    }

    fn written(&self, at: Timestamp, time: &str) -> When {
        let form = format!("{} {time}", self.form(self.date(at)));
        let text = at.to_zoned(self.zone.clone()).strftime(&form).to_string();
        When { at: format!("{at:.0}"), text, away: away(at.duration_since(self.now)) }
    }

    /// A whole day.
    #[must_use]
    pub fn on(&self, date: Date) -> When {
        let days = days_between(self.today(), date);
        let away = match days {
            0 => "today".to_owned(),
            1 => "tomorrow".to_owned(),
            -1 => "yesterday".to_owned(),
            ahead if ahead > 1 => format!("in {ahead} days"),
            back => format!("{} days ago", back.unsigned_abs()),
        };
        When { at: date.to_string(), text: date.strftime(self.form(date)).to_string(), away }
    }

    /// The weekday says more than the year, as long as there is no doubt about the year.
    fn form(&self, date: Date) -> &'static str {
        if days_between(self.today(), date).unsigned_abs() < 200 { "%a %-d %b" } else { "%-d %b %Y" }
    }

    /// This day, in the zone.
    #[must_use]
    pub fn today(&self) -> Date {
        self.date(self.now)
    }

    /// The day of an instant, in the zone.
    #[must_use]
    pub fn date(&self, at: Timestamp) -> Date {
        at.to_zoned(self.zone.clone()).date()
    }
}

/// Whole days from the one to the other; negative where the other is earlier.
#[must_use]
pub fn days_between(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}

/// `in 3 days`, `2 hours ago`.
#[must_use]
pub fn away(span: SignedDuration) -> String {
    if span.as_secs().unsigned_abs() < 60 {
        return if span.is_negative() { "just now" } else { "within a minute" }.to_owned();
    }
    let text = lasting(span);
    if span.is_negative() { format!("{text} ago") } else { format!("in {text}") }
}

/// `3 days`, `26 hours`, `1 minute`: in the unit that says enough.
#[must_use]
pub fn lasting(span: SignedDuration) -> String {
    let seconds = span.as_secs().unsigned_abs();
    let (n, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..7_200 => (seconds / 60, "minute"),
        7_200..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    counted(n, unit)
}

/// `1 lease`, `3 leases`.
#[must_use]
pub fn counted(n: impl TryInto<u64>, unit: &str) -> String {
    match n.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {unit}"),
        n => format!("{n} {unit}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn an_instant_is_read_in_the_configured_zone_and_with_how_far_away_it_is() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let face = Clockface { now: at("2026-11-30T23:30:00Z"), zone: &zone };
        let when = face.when(at("2026-12-03T13:05:00Z"));
        assert_eq!((when.text.as_str(), when.away.as_str()), ("Thu 3 Dec 14:05", "in 2 days"));
        assert_eq!(when.at, "2026-12-03T13:05:00Z");
        assert_eq!(face.when(at("2025-01-02T13:05:00Z")).text, "2 Jan 2025 14:05");
        assert_eq!(face.to_second(at("2026-12-01T00:00:07Z")).text, "Tue 1 Dec 01:00:07");
        let day = face.on("2026-12-02".parse().unwrap());
        assert_eq!((day.text.as_str(), day.away.as_str()), ("Wed 2 Dec", "tomorrow"), "it is the 1st there");
    }

    #[test]
    fn a_span_is_said_in_the_unit_that_says_enough() {
        let of = |seconds| away(SignedDuration::from_secs(seconds));
        let said =
            [of(0), of(59), of(-5), of(60), of(-3_600), of(7_200), of(-172_799), of(172_800), of(-864_000)];
        let wanted = [
            "within a minute",
            "within a minute",
            "just now",
            "in 1 minute",
            "60 minutes ago",
            "in 2 hours",
            "47 hours ago",
            "in 2 days",
            "10 days ago",
        ];
        assert_eq!(said, wanted);
    }
}
