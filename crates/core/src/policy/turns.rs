//! Whether the schedule comes to a lease at an instant at which it may be paid: windows, stages and starts together. Pure.
//!
//! Not responsible for what else may stand against the payment.
use jiff::{SignedDuration, Timestamp};

use super::{Policy, due_at};

/// More windows than open in the longest `before` that anybody sets: from then on nothing is said.
const MOST: usize = 1000;

/// When passes begin: the first start after an instant.
pub type NextStart<'a> = dyn Fn(Timestamp) -> Option<Timestamp> + 'a;

/// A payment that begins later than this may come too late: its price, the call and an answer that stays away take their time.
const MARGIN: SignedDuration = SignedDuration::from_mins(10);

/// Whether some pass after `now` begins in good time before `end` and may pay: from the due instant on, within the window or once the window
/// is ignored.
#[must_use]
pub fn has_a_turn(
    policy: &Policy,
    order: &str,
    end: Timestamp,
    now: Timestamp,
    next: &NextStart<'_>,
) -> bool {
    let due = due_at(policy, order, end);
    let urgent = policy.urgent_at(end).max(due);
    // A start at the very instant counts.
    let mut from = now.max(just_before(due));
    for _ in 0..MOST {
        let Some(start) = next(from) else { return false };
        if end.duration_since(start) < MARGIN {
            return false;
        }
        if start >= urgent || policy.is_open(start) {
            return true;
        }
        let opens = policy.opens(start).unwrap_or(urgent);
        from = just_before(opens.min(urgent)).max(start);
    }
    true
}

fn just_before(at: Timestamp) -> Timestamp {
    at.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::sample::keep;
    use crate::policy::{Before, Windows, delay};
    use rstest::rstest;

    /// 2026-11-16 is a Monday.
    const NOW: &str = "2026-11-16T12:00:00Z";

    fn every(minutes: i64) -> impl Fn(Timestamp) -> Option<Timestamp> {
        let span = minutes * 60;
        move |after: Timestamp| Timestamp::from_second((after.as_second().div_euclid(span) + 1) * span).ok()
    }

    #[rstest]
    #[case::no_window(None, 1, 30, 10, true)]
    #[case::another_weekday_and_never_urgent(Some("Wed 08:00-20:00"), 1, 30, 10, false)]
    #[case::another_weekday_and_urgent_in_time(Some("Wed 08:00-20:00"), 20, 30, 10, true)]
    #[case::urgent_between_two_passes(Some("Wed 08:00-20:00"), 19, 35, 10, true)]
    #[case::urgent_after_the_last_good_pass(Some("Wed 08:00-20:00"), 14, 35, 10, false)]
    #[case::urgent_in_the_last_minute_only(Some("Wed 08:00-20:00"), 1, 30, 1, false)]
    #[case::opens_before_the_end(Some("Mon 12:20-13:00"), 1, 30, 10, true)]
    #[case::opens_at_the_end(Some("Mon 12:30-13:00"), 1, 30, 10, false)]
    #[case::opens_and_shuts_between_two_passes(Some("Mon 12:11-12:19"), 1, 30, 10, false)]
    #[case::opens_in_two_days(Some("Wed 08:00-20:00"), 1, 3 * 24 * 60, 10, true)]
    #[case::no_pass_before_the_end(None, 30, 30, 60, false)]
    fn a_lease_is_paid_if_a_pass_comes_to_it_in_time(
        #[case] window: Option<&str>,
        #[case] urgent: i64,
        #[case] left: i64,
        #[case] cycle: i64,
        #[case] expected: bool,
    ) {
        let mins = SignedDuration::from_mins;
        let now: Timestamp = NOW.parse().unwrap();
        let policy =
            Policy { urgent: mins(urgent), window: window.map(|w| w.parse().unwrap()), ..keep("keep") };
        let end = now.checked_add(mins(left)).unwrap();
        assert_eq!(has_a_turn(&policy, "O1", end, now, &every(cycle)), expected);
    }

    #[test]
    fn a_day_off_takes_the_turns_of_its_day() {
        let now: Timestamp = NOW.parse().unwrap();
        let windows =
            |off: &str| Windows::new(vec!["Mon 12:00-14:00".parse().unwrap()], vec![off.parse().unwrap()]);
        let policy =
            |off| Policy { urgent: SignedDuration::from_mins(1), window: windows(off), ..keep("keep") };
        let end = now.checked_add(SignedDuration::from_hours(60)).unwrap();
        assert!(!has_a_turn(&policy("2026-11-16"), "O1", end, now, &every(10)));
        assert!(has_a_turn(&policy("2026-11-17"), "O1", end, now, &every(10)));
    }

    #[test]
    fn a_lease_whose_delay_goes_past_the_last_pass_has_no_turn() {
        let now: Timestamp = NOW.parse().unwrap();
        let hour = SignedDuration::from_mins(60);
        let end = now.checked_add(hour).unwrap();
        let policy = |spread| Policy {
            before: Before::Span(hour),
            urgent: SignedDuration::from_secs(1),
            spread: SignedDuration::from_mins(spread),
            ..keep("keep")
        };
        let order = (0..).map(|n| format!("O{n}")).find(|o| delay(&policy(60), o).as_secs() > 3_100).unwrap();
        assert!(has_a_turn(&policy(0), &order, end, now, &every(10)));
        assert!(!has_a_turn(&policy(60), &order, end, now, &every(10)), "it falls due in the last minutes");
    }

    #[test]
    fn a_lease_that_is_due_only_between_two_passes_has_no_turn() {
        let now: Timestamp = NOW.parse().unwrap();
        let due = |secs| Policy { before: Before::Span(SignedDuration::from_secs(secs)), ..keep("keep") };
        let end = now.checked_add(SignedDuration::from_mins(35)).unwrap();
        assert!(!has_a_turn(&due(60), "O1", end, now, &every(10)));
        assert!(has_a_turn(&due(900), "O1", end, now, &every(10)), "a pass begins at its due instant");
    }
}
