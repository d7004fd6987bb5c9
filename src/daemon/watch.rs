//! Looks at the loop from beside it, every few seconds: a cycle that hangs or never starts cannot tell of itself, and neither
//! can mail that is not delivered. Not responsible for ending a dead loop: that is the watchdog's.
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinHandle;

use super::shared::{Pulse, Shared};
use crate::alerts::rules::{LoopFacts, loop_late};
use crate::alerts::tell;
use crate::domain::Moment;
use crate::engine::Viewer;
use crate::schedule;

const EVERY: Duration = Duration::from_secs(5);

/// A start that was seen to be due and did not come. Counted from when it was seen: a machine that slept is not late.
#[derive(Debug, Clone, Default)]
struct Overdue {
    after: Option<Timestamp>,
    seen: Option<Moment>,
}

/// Looks until it is aborted.
pub(super) fn spawn(viewer: Viewer, shared: Arc<Shared>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut overdue = Overdue::default();
        loop {
            viewer.clock.sleep(EVERY).await;
            let pulse = shared.pulse.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let settings = &viewer.settings;
            let late = schedule::parse(&settings.schedule.cycle).ok().and_then(|cron| {
                let next = |after| schedule::next(&cron, &settings.timezone, after);
                facts(&pulse, &next, settings.schedule.jitter, &viewer.clock.now(), &mut overdue)
            });
            if let Err(e) = tell::watched(&viewer, late.as_ref().and_then(loop_late)) {
                // The loop tells of ledger trouble.
                tracing::debug!("{e}");
            }
        }
    })
}

/// From one start on the schedule after `at` to the next.
pub(super) fn interval(cycle: &str, timezone: &TimeZone, at: Timestamp) -> Option<SignedDuration> {
    let cron = schedule::parse(cycle).ok()?;
    let first = schedule::next(&cron, timezone, at)?;
    Some(schedule::next(&cron, timezone, first)?.duration_since(first))
}

fn facts(
    pulse: &Pulse,
    next: &dyn Fn(Timestamp) -> Option<Timestamp>,
    jitter: SignedDuration,
    now: &Moment,
    overdue: &mut Overdue,
) -> Option<LoopFacts> {
    let first = next(pulse.last_due?)?;
    let interval = next(first)?.duration_since(first);
    let is_due = pulse.running.is_none() && first <= now.wall;
    if !is_due {
        *overdue = Overdue::default();
    } else if overdue.after != pulse.last_due {
        *overdue = Overdue { after: pulse.last_due, seen: Some(now.clone()) };
    }
    Some(LoopFacts {
        interval,
        jitter,
        running: pulse.running.as_ref().and_then(|began| now.since(began)),
        overdue: overdue.seen.as_ref().and_then(|seen| now.since(seen)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Moment {
        Moment {
            wall: Timestamp::from_second(1_800_000_000 + seconds).unwrap(),
            boot_id: "b".to_owned(),
            boot_ms: seconds * 1000,
        }
    }

    fn every_ten_minutes(after: Timestamp) -> Option<Timestamp> {
        Timestamp::from_second((after.as_second() / 600 + 1) * 600).ok()
    }

    fn late(pulse: &Pulse, seconds: i64, overdue: &mut Overdue) -> bool {
        let facts = facts(pulse, &every_ten_minutes, SignedDuration::from_secs(60), &at(seconds), overdue);
        facts.as_ref().and_then(loop_late).is_some()
    }

    #[test]
    fn a_start_that_does_not_come_is_late_after_the_jitter_and_a_minute() {
        let (pulse, mut seen) = (Pulse { running: None, last_due: Some(at(0).wall) }, Overdue::default());
        assert!(!late(&pulse, 599, &mut seen) && !late(&pulse, 600, &mut seen));
        assert!(!late(&pulse, 715, &mut seen) && late(&pulse, 725, &mut seen));
        let begun = Pulse { running: Some(at(726)), last_due: Some(at(726).wall) };
        assert!(!late(&begun, 730, &mut seen), "it came");
    }

    #[test]
    fn a_machine_that_slept_is_given_its_minute() {
        let (pulse, mut seen) = (Pulse { running: None, last_due: Some(at(0).wall) }, Overdue::default());
        assert!(!late(&pulse, 100, &mut seen) && !late(&pulse, 40_000, &mut seen));
        assert!(late(&pulse, 40_130, &mut seen), "and no more");
    }

    #[test]
    fn a_cycle_that_outlasts_its_interval_is_late() {
        let pulse = Pulse { running: Some(at(0)), last_due: Some(at(0).wall) };
        let mut seen = Overdue::default();
        assert!(!late(&pulse, 600, &mut seen) && late(&pulse, 601, &mut seen));
    }

    #[test]
    fn the_interval_is_that_of_the_schedule() {
        let at = at(0).wall;
        assert_eq!(interval("0 */10 * * * *", &TimeZone::UTC, at), Some(SignedDuration::from_mins(10)));
        assert_eq!(interval("nonsense", &TimeZone::UTC, at), None);
    }
}
