//! How near a lease's end is. Wall-clock instants compared at each tick: no timer sleeps until a due date.
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{Policy, before, delay};

/// Where a lease stands in its term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
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

/// `expires_at − before`, exactly, and the delay of its order where the policy spreads them; see [`before`] and [`delay`].
#[must_use]
pub fn due_at(policy: &Policy, order: &str, expires_at: Timestamp) -> Timestamp {
    let before = before(policy, expires_at);
    // A lead that `until` shortens leaves less room for a delay: none leads into the urgent stage.
    let least = before.min(policy.urgent);
    let lead = before.checked_sub(delay(policy, order)).unwrap_or(SignedDuration::ZERO).max(least);
    expires_at.checked_sub(lead).unwrap_or(Timestamp::MIN)
}

/// People are told from then on that a lease which is let go or only watched will lapse.
#[must_use]
pub fn notice_at(policy: &Policy, order: &str, expires_at: Timestamp) -> Timestamp {
    match policy.notice {
        Some(notice) => expires_at.checked_sub(notice).unwrap_or(Timestamp::MIN),
        None => due_at(policy, order, expires_at),
    }
}

/// The stage at `now` of a lease whose provider keeps nothing past the end.
#[must_use]
pub fn stage(policy: &Policy, order: &str, expires_at: Timestamp, now: Timestamp) -> Stage {
    // Due comes first: an `urgent` longer than `before` never makes a lease be paid before it is due.
    if now < due_at(policy, order, expires_at) {
        Stage::Early
    } else if now < policy.urgent_at(expires_at) {
        Stage::Normal
    } else {
        Stage::Urgent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_decimal::Decimal;

    use crate::domain::Percent;
    use crate::policy::Before;
    use crate::policy::sample::keep;
    use rstest::rstest;

    fn policy(before: Before, periods: Vec<u32>) -> Policy {
        Policy { before, periods, ..keep("keep") }
    }

    /// So many seconds before the end.
    fn stage_at(policy: &Policy, left: i64) -> Stage {
        let end = Timestamp::from_second(100_000_000).unwrap();
        stage(policy, "O1", end, end.checked_sub(SignedDuration::from_secs(left)).unwrap())
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
    fn a_share_is_of_the_listed_period_that_ends_on_or_before_until() {
        let end = Timestamp::from_second(100_000_000).unwrap();
        let after = |days: i64| {
            end.checked_add(SignedDuration::from_hours(24 * days)).unwrap().strftime("%Y-%m-%d").to_string()
        };
        let lead = |until: Option<String>| {
            let policy = policy(Before::Share(Percent(Decimal::TEN)), vec![90, 30]);
            let policy = Policy { until: until.map(|day| day.parse().unwrap()), ..policy };
            end.duration_since(due_at(&policy, "O1", end)).as_hours()
        };
        assert_eq!(lead(None), 9 * 24);
        assert_eq!(lead(Some(after(91))), 9 * 24);
        assert_eq!(lead(Some(after(60))), 3 * 24, "90 days would end after it");
        assert_eq!(lead(Some(after(5))), 3 * 24, "both would: the shortest is taken");
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
