//! How much later than others an order falls due, where a policy spreads its orders: a fleet that was bought within an hour need not be paid
//! within one. Pure.
//!
//! The amount is a hash of the order's id and of nothing else: neither the account's name, nor the list, the end or the time enter it. So
//! an order has the same one in each of its terms, after each start and wherever it stands in a list, and its leases share it.
use std::hash::Hasher;

use jiff::{SignedDuration, Timestamp};
use siphasher::sip::SipHasher13;

use super::{Action, Policy, before};

/// Never changes: other seeds would move every due instant of every fleet.
const SEED: (u64, u64) = (0x7265_6e65_7764_2e73, 0x7072_6561_642e_3031);

/// How much later than `expires_at − before` an order falls due: whole seconds, from nothing up to and without `spread`. Where `spread` is
/// longer than the time between due and urgent, it is that time that is shared out: none falls due in its urgent stage because of it.
#[must_use]
pub fn delay(policy: &Policy, order: &str) -> SignedDuration {
    if policy.spread.is_zero() || policy.action != Action::Renew {
        return SignedDuration::ZERO;
    }
    let room =
        before(policy, Timestamp::UNIX_EPOCH).checked_sub(policy.urgent).unwrap_or(SignedDuration::ZERO);
    let span = u64::try_from(policy.spread.min(room).as_secs()).unwrap_or(0);
    let mut hash = SipHasher13::new_with_keys(SEED.0, SEED.1);
    hash.write(order.as_bytes());
    let share = (u128::from(hash.finish()) * u128::from(span)) >> 64;
    SignedDuration::from_secs(i64::try_from(share).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::policy::sample::keep;
    use crate::policy::{Before, Stage, due_at, stage};

    fn hours(n: i64) -> SignedDuration {
        SignedDuration::from_hours(n)
    }

    fn spread(span: SignedDuration) -> Policy {
        Policy { spread: span, ..keep("keep") }
    }

    /// Other numbers here would move every due instant of those who run this.
    #[test]
    fn an_order_has_the_delay_that_it_always_had() {
        let all = ["O1", "NUMBER-112233", "7654321"].map(|order| delay(&spread(hours(12)), order).as_secs());
        assert_eq!(all, [12_592, 43_164, 8_793]);
    }

    #[test]
    fn ten_thousand_orders_are_spread_evenly() {
        let policy = spread(hours(12));
        let mut in_hour = [0; 12];
        for n in 0..10_000 {
            let secs = delay(&policy, &format!("NUMBER-{n}")).as_secs();
            in_hour[usize::try_from(secs / 3_600).unwrap()] += 1;
        }
        // 833 are expected in each hour, give or take 28; five times that is not met by chance.
        assert!(in_hour.iter().all(|n| (693..=973).contains(n)), "{in_hour:?}");
    }

    #[test]
    fn what_is_not_renewed_is_not_delayed() {
        for action in [Action::Watch, Action::Release, Action::Ignore] {
            assert!(delay(&Policy { action, ..spread(hours(12)) }, "O1").is_zero());
        }
    }

    proptest! {
        #[test]
        fn a_delay_is_below_the_spread_and_never_leads_into_the_urgent_stage(
            order in ".{0,20}", secs in 0_i64..400_000, before in 1_i64..400_000, urgent in 1_i64..400_000,
        ) {
            let span = SignedDuration::from_secs;
            let policy = Policy { before: Before::Span(span(before)), urgent: span(urgent), ..spread(span(secs)) };
            let late = delay(&policy, &order);
            prop_assert!(late >= SignedDuration::ZERO && (late < span(secs) || late.is_zero()));
            let end = Timestamp::from_second(1_800_000_000).unwrap();
            let due = due_at(&policy, &order, end);
            prop_assert_eq!(due, end - span(before) + late);
            let (stage, undelayed) = (stage(&policy, &order, end, due), end - span(before));
            prop_assert_eq!(stage == Stage::Urgent, undelayed >= policy.urgent_at(end));
        }

        #[test]
        fn an_order_keeps_its_delay_under_another_name_and_for_another_end(order in ".{0,20}", days in 0_i64..4_000) {
            let (one, other) = (spread(hours(9)), Policy { name: "other".into(), ..spread(hours(9)) });
            prop_assert_eq!(delay(&one, &order), delay(&other, &order));
            let ends = [Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH + hours(24 * days)];
            let late = ends.map(|end| due_at(&one, &order, end).duration_since(end));
            prop_assert_eq!(late[0], late[1]);
        }
    }
}
