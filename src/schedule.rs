//! When the next cycle is due: cron in the configured zone, asked afresh from the wall clock at each tick.
use std::time::Duration;

use croner::Cron;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::settings::{Settings, parse_cron};

/// A cron expression with seconds.
///
/// # Errors
/// The parser's words.
pub fn parse(text: &str) -> Result<Cron, String> {
    parse_cron(text)
}

/// The first start after `after`; `None` if there is none.
#[must_use]
pub fn next(cron: &Cron, timezone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    cron.find_next_occurrence(&after.to_zoned(timezone.clone()), false).ok().map(|z| z.timestamp())
}

/// The same of settings, whose expression was checked.
pub fn of(settings: &Settings) -> impl Fn(Timestamp) -> Option<Timestamp> + '_ {
    let cron = parse(&settings.schedule.cycle).ok();
    move |after| next(cron.as_ref()?, &settings.timezone, after)
}

/// A delay within `jitter` that is the same for the same start and seed, so that a restart does not draw again.
#[must_use]
pub fn delay(jitter: SignedDuration, start: Timestamp, seed: &str) -> Duration {
    let most = u64::try_from(jitter.as_millis()).unwrap_or_default();
    let hash = Sha256::digest(format!("{seed} {start}"));
    let draw = hash.iter().take(8).fold(0_u64, |n, b| (n << 8) | u64::from(*b));
    Duration::from_millis(draw.checked_rem(most.saturating_add(1)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_is_due_at_the_next_tenth_minute_also_across_a_clock_change() {
        let cron = parse("0 */10 * * * *").unwrap();
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let after: Timestamp = "2026-10-25T00:55:00Z".parse().unwrap(); // 02:55 summer time, 5 min before the change
        let starts: Vec<_> =
            std::iter::successors(next(&cron, &berlin, after), |at| next(&cron, &berlin, *at))
                .take(3)
                .collect();
        let want: Vec<Timestamp> = ["2026-10-25T01:00:00Z", "2026-10-25T01:10:00Z", "2026-10-25T01:20:00Z"]
            .iter()
            .map(|t| t.parse().unwrap())
            .collect();
        assert_eq!(starts, want);
    }

    #[test]
    fn a_field_that_names_nothing_is_refused_and_not_looked_for_without_end() {
        for text in [", * * * * *", "0 , * * * *", "0 0,, * * * *", "0 * * * * ,1"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("0,30 * * * * 1,2").is_ok());
    }

    #[test]
    fn seconds_are_required() {
        assert!(parse("*/10 * * * *").is_err() && parse("*/2 * * * * *").is_ok());
    }

    #[test]
    fn the_delay_stays_within_the_jitter_and_is_repeatable() {
        let jitter = SignedDuration::from_secs(60);
        for minute in 0..200 {
            let start = Timestamp::from_second(minute * 60).unwrap();
            let first = delay(jitter, start, "seed");
            assert!(first <= Duration::from_secs(60));
            assert_eq!(first, delay(jitter, start, "seed"));
        }
        assert_eq!(delay(SignedDuration::ZERO, Timestamp::UNIX_EPOCH, "x"), Duration::ZERO);
    }
}
