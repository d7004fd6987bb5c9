//! Which of a policy's periods a term may be bought for. Pure.
//!
//! Not responsible for prices: whoever knows them takes the first of these that is within `max_price`.
use jiff::{SignedDuration, Timestamp};

use super::Policy;

/// The periods to try for one more term of a lease that ends then, best first; empty = none of the policy's is on offer.
///
/// Of a list: those that end on or before `until`, in the policy's order, or else the shortest on offer. Without a `max_price` no price can
/// stand against the first of them, so there is no other. A single period is taken whatever `until` says.
#[must_use]
pub fn periods(policy: &Policy, offered: &[u32], ends: Timestamp) -> Vec<u32> {
    let mut tries = periods_to_ask(policy, offered, ends);
    if policy.max_price.is_none() {
        tries.truncate(1);
    }
    tries
}

/// The same where only the answer to a price says whether a period is sold: the next is asked then, whatever the price may be.
#[must_use]
pub fn periods_to_ask(policy: &Policy, offered: &[u32], ends: Timestamp) -> Vec<u32> {
    let mut tries: Vec<u32> = Vec::new();
    let listed = || policy.periods.iter().copied().filter(|days| offered.contains(days));
    for days in listed().filter(|days| policy.periods.len() == 1 || in_time(policy, ends, *days)) {
        if !tries.contains(&days) {
            tries.push(days);
        }
    }
    if tries.is_empty() {
        tries.extend(listed().min());
    }
    tries
}

/// Whether a term of so many days ends on or before `until`.
fn in_time(policy: &Policy, ends: Timestamp, days: u32) -> bool {
    let Some(until) = policy.until else { return true };
    let then = ends.checked_add(SignedDuration::from_hours(24 * i64::from(days)));
    then.is_ok_and(|then| policy.timezone.to_datetime(then).date() <= until)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use rstest::rstest;

    use super::*;
    use crate::domain::Money;
    use crate::policy::sample::keep;

    /// Tried for a lease that ends on 1 January 2027 at 23:30 UTC.
    fn tries(listed: &[u32], offered: &[u32], until: Option<&str>, capped: bool) -> Vec<u32> {
        let policy = Policy {
            periods: listed.to_vec(),
            until: until.map(|day| day.parse().unwrap()),
            max_price: capped.then(|| Money::from_cents(300)),
            ..keep("keep")
        };
        periods(&policy, offered, "2027-01-01T23:30:00Z".parse().unwrap())
    }

    const ALL: &[u32] = &[30, 60, 90, 180, 360];

    #[rstest]
    #[case::as_listed(&[90, 30], ALL, None, &[90, 30])]
    #[case::the_shorter_one_preferred(&[30, 90], ALL, None, &[30, 90])]
    #[case::what_is_offered(&[90, 60, 30], &[30, 60], None, &[60, 30])]
    #[case::none_is_offered(&[90, 30], &[180], None, &[])]
    #[case::twice_the_same(&[90, 90, 30], ALL, None, &[90, 30])]
    #[case::all_end_in_time(&[90, 30], ALL, Some("2027-04-01"), &[90, 30])]
    #[case::a_day_too_late(&[90, 30], ALL, Some("2027-03-31"), &[30])]
    #[case::to_the_day(&[90, 30], ALL, Some("2027-01-31"), &[30])]
    #[case::all_end_too_late(&[90, 30], ALL, Some("2027-01-30"), &[30])]
    #[case::the_shortest_of_those_offered(&[90, 30, 60], &[60, 90], Some("2027-01-30"), &[60])]
    #[case::one_period(&[90], ALL, None, &[90])]
    #[case::one_period_whatever_until_says(&[90], ALL, Some("2027-01-30"), &[90])]
    #[case::one_period_not_offered(&[90], &[30], None, &[])]
    fn a_list_is_tried_as_far_as_offer_and_until_allow(
        #[case] listed: &[u32],
        #[case] offered: &[u32],
        #[case] until: Option<&str>,
        #[case] tried: &[u32],
    ) {
        assert_eq!(tries(listed, offered, until, true), tried);
        // Where no price can be too high, the first is the one.
        assert_eq!(tries(listed, offered, until, false), tried[..tried.len().min(1)]);
    }

    #[test]
    fn the_day_of_the_new_end_is_the_policys_own() {
        let (ends, until) = ("2027-01-01T23:30:00Z".parse().unwrap(), Some("2027-01-31".parse().unwrap()));
        let policy = Policy { periods: vec![30, 7], until, ..keep("keep") };
        assert_eq!(periods(&policy, &[30, 7], ends), [30]);
        // There it ends on the day after.
        let policy = Policy { timezone: TimeZone::get("Europe/Berlin").unwrap(), ..policy };
        assert_eq!(periods(&policy, &[30, 7], ends), [7]);
    }
}
