//! How near a lease's end is. Wall-clock instants compared at each tick: no timer sleeps until a due date.
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;

use super::{Before, Policy};

/// Where a lease stands in its term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Not due.
    Early,
    /// Due.
    Normal,
    /// Close to its end: windows are ignored, alerts are urgent.
    Urgent,
    /// Past its end where the provider keeps it on hold.
    Rescue,
}

impl Stage {
    /// The word in JSON and tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Early => "early",
            Self::Normal => "normal",
            Self::Urgent => "urgent",
            Self::Rescue => "rescue",
        }
    }
}

/// How long before its end a lease falls due: `before`, a share of it being of the first period, and never more than the longest period.
/// A lease whose end is further away than one payment moves it is paid for already: a `before` of half a year on terms of a month would
/// otherwise buy a term in each cycle until six of them are paid.
#[must_use]
pub fn before(policy: &Policy) -> SignedDuration {
    let days = policy.periods.iter().copied().max().unwrap_or(30);
    wished(policy).min(SignedDuration::from_hours(24 * i64::from(days)))
}

/// `before` as written.
fn wished(policy: &Policy) -> SignedDuration {
    match policy.before {
        Before::Span(span) => span,
        Before::Share(share) => {
            let days = policy.periods.first().copied().unwrap_or(30);
            let secs = Decimal::from(i64::from(days) * 86_400).checked_mul(share.0).unwrap_or_default()
                / Decimal::ONE_HUNDRED;
            SignedDuration::from_secs(secs.to_i64().unwrap_or_default())
        }
    }
}

/// `expires_at − before`, exactly; see [`before`].
#[must_use]
pub fn due_at(policy: &Policy, expires_at: Timestamp) -> Timestamp {
    expires_at.checked_sub(before(policy)).unwrap_or(Timestamp::MIN)
}

/// The stage at `now` of a lease whose provider keeps nothing past the end.
#[must_use]
pub fn stage(policy: &Policy, expires_at: Timestamp, now: Timestamp) -> Stage {
    let urgent_at = expires_at.checked_sub(policy.urgent).unwrap_or(Timestamp::MIN);
    // Due comes first: an `urgent` longer than `before` never makes a lease be paid before it is due.
    if now < due_at(policy, expires_at) {
        Stage::Early
    } else if now < urgent_at {
        Stage::Normal
    } else {
        Stage::Urgent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Percent;
    use crate::policy::sample::keep;
    use rstest::rstest;

    fn policy(before: Before, periods: Vec<u32>) -> Policy {
        Policy { before, periods, ..keep("keep") }
    }

    /// So many seconds before the end.
    fn stage_at(policy: &Policy, left: i64) -> Stage {
        let end = Timestamp::from_second(100_000_000).unwrap();
        stage(policy, end, end.checked_sub(SignedDuration::from_secs(left)).unwrap())
    }

    const HOUR: i64 = 3_600;

    #[rstest]
    #[case::a_second_early(72 * HOUR + 1, Stage::Early)]
    #[case::due_to_the_second(72 * HOUR, Stage::Normal)]
    #[case::not_urgent_yet(12 * HOUR + 1, Stage::Normal)]
    #[case::urgent(12 * HOUR, Stage::Urgent)]
    #[case::at_its_end(0, Stage::Urgent)]
    #[case::past_it(-HOUR, Stage::Urgent)]
    fn a_stage_begins_at_its_instant(#[case] left: i64, #[case] expected: Stage) {
        let policy = policy(Before::Span(SignedDuration::from_hours(72)), vec![30]);
        assert_eq!(stage_at(&policy, left), expected);
    }

    #[rstest]
    #[case::of_the_first_period(vec![10, 30], 24 * HOUR)]
    #[case::of_a_month_without_one(vec![], 72 * HOUR)]
    fn a_share_is_of_the_term(#[case] periods: Vec<u32>, #[case] due: i64) {
        let policy = policy(Before::Share(Percent(Decimal::TEN)), periods);
        assert_eq!((stage_at(&policy, due + 1), stage_at(&policy, due)), (Stage::Early, Stage::Normal));
    }

    #[test]
    fn what_is_not_due_is_never_urgent() {
        let policy = policy(Before::Span(SignedDuration::from_hours(6)), vec![30]);
        assert_eq!(
            (stage_at(&policy, 6 * HOUR + 1), stage_at(&policy, 6 * HOUR)),
            (Stage::Early, Stage::Urgent)
        );
    }

    #[rstest]
    #[case::one_period(vec![30], 30)]
    #[case::the_longest_of_them(vec![90, 30], 90)]
    fn nothing_falls_due_more_than_a_period_before_its_end(#[case] periods: Vec<u32>, #[case] days: i64) {
        let policy = policy(Before::Span(SignedDuration::from_hours(24 * 200)), periods);
        let due = days * 24 * HOUR;
        assert_eq!((stage_at(&policy, due + 1), stage_at(&policy, due)), (Stage::Early, Stage::Normal));
    }

    #[test]
    fn stages_are_named_as_in_json() {
        let all = [Stage::Early, Stage::Normal, Stage::Urgent, Stage::Rescue];
        for stage in all {
            assert_eq!(serde_json::to_value(stage).unwrap(), stage.as_str());
        }
    }
}
