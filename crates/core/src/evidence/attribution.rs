//! Which payment a move of an end belongs to, where several were for one term.
//!
//! A term that one payment bought is no other's: of two payments for a term of which one was charged, the end moves once.
use jiff::{SignedDuration, Timestamp};

use super::{slack, terms_moved};
use crate::domain::{LeaseView, RequestLease, Sameness, State, term};
use crate::record::IntentRecord;

/// What the term of another payment for the lease is beside this one's: by the shorter of their terms, which leaves more unclear.
fn beside(of: &RequestLease, record: &IntentRecord, lease: &RequestLease, other: &IntentRecord) -> Sameness {
    let days = record.request.period_days.min(other.request.period_days);
    term::compare(of.end(), lease.end(), Some(days))
}

/// Whether an end moved by one more term of `days` than the `paid` days that other payments bought.
#[must_use]
pub fn is_free(before: Timestamp, to: Timestamp, days: u32, paid: i64) -> bool {
    if paid == 0 {
        return terms_moved(before, to, days) > 0;
    }
    // Longer than any term: no payment of renewd's bought that.
    let bought =
        before.checked_add(SignedDuration::from_hours(24 * paid.min(100_000))).unwrap_or(Timestamp::MAX);
    let rest = to.duration_since(bought) + slack(days);
    rest >= SignedDuration::from_hours(24 * i64::from(days))
}

/// How many days other payments are known to have bought for this very term of the lease; `None` once a later term was paid
/// for, so that this payment's story is over.
#[must_use]
pub fn claims(around: &[IntentRecord], record: &IntentRecord, of: &RequestLease) -> Option<i64> {
    let mut paid = 0;
    for other in around.iter().filter(|o| o.id != record.id && o.state == State::Confirmed) {
        for lease in other.request.leases.iter().filter(|l| l.is_same_lease(of)) {
            match beside(of, record, lease, other) {
                Sameness::Later => return None,
                Sameness::Same | Sameness::Unclear => paid += i64::from(other.request.period_days),
                Sameness::Earlier => {}
            }
        }
    }
    Some(paid)
}

/// Whether another payment for this term of the lease, or for a later one, is still open: a move is more likely its doing, and this
/// reading may be none by which that one can be judged, as on a machine whose clock came up behind.
#[must_use]
pub fn another_is_open(around: &[IntentRecord], record: &IntentRecord, of: &RequestLease) -> bool {
    let open = |o: &&IntentRecord| o.state.is_unsettled() && o.spend_started_at.is_some();
    let mut others = around.iter().filter(|o| o.id != record.id).filter(open);
    others.any(|o| {
        let mut leases = o.request.leases.iter().filter(|l| l.is_same_lease(of));
        leases.any(|l| beside(of, record, l, o) != Sameness::Earlier)
    })
}

/// An auto-renewal is tried near the end of a term, hours before it where that is known: a move long before is somebody's payment.
const EARLY: SignedDuration = SignedDuration::from_hours(24 * 7);

/// Whether the provider may have extended it by itself: its flag is on or was on when it was read last, and the end was near.
#[must_use]
pub fn may_have_renewed_itself(
    known: &LeaseView<'_>,
    listed: Option<&LeaseView<'_>>,
    now: Timestamp,
) -> bool {
    let on = |l: &LeaseView<'_>| l.provider_renews == Some(true);
    (on(known) || listed.is_some_and(on))
        && known.expires_at.is_none_or(|end| end.duration_since(now) <= EARLY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::a_month_is_the_others(30, 30, 30, false)]
    #[case::two_months_are_not(60, 30, 30, true)]
    #[case::rounded_to_days(59, 30, 30, true)]
    #[case::one_day_is_the_others(1, 1, 1, false)]
    #[case::two_days_are_not(2, 1, 1, true)]
    #[case::two_terms_of_two_days(4, 2, 2, true)]
    #[case::one_term_of_two_days(2, 2, 2, false)]
    #[case::a_month_of_31_days(31, 30, 30, false)]
    fn an_end_that_moved_once_is_one_payments(
        #[case] moved: i64,
        #[case] days: u32,
        #[case] paid: i64,
        #[case] free: bool,
    ) {
        let before = Timestamp::UNIX_EPOCH;
        let to = before.checked_add(SignedDuration::from_hours(24 * moved)).unwrap();
        assert_eq!(is_free(before, to, days, paid), free);
    }
}
