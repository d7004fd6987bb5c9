//! Whether the balance right after a refusal speaks against it. Pure. A refusal that charged is none: its payment is unknown, and counts
//! until readings tell. Not responsible for refusals whose charge shows later (`renewal.rs`).
use super::{Charge, is_seen, right_after};
use crate::domain::time::{Moment, Timing};
use crate::domain::{Measured, Money, State};
use crate::record::IntentRecord;

/// What fell between the quote of a refused payment and the balance right after its answer, where no payment around it explains that.
#[must_use]
pub fn fell_all_the_same(
    record: &IntentRecord,
    told: Money,
    around: &[IntentRecord],
    now: &Moment,
    timing: &Timing,
) -> Option<Money> {
    match right_after(record, (told, Measured::Reading), around, now, timing) {
        Charge::Seen(fell) | Charge::Least(fell) => Some(fell),
        Charge::Contested(fell) => {
            let open = around.iter().filter(|o| o.id != record.id && may_explain(o));
            let others = Money::sum(open.map(|o| o.detail.charged.unwrap_or(o.quoted)))?;
            fell.minus(others).filter(|left| *left >= record.quoted).map(|_| fell)
        }
        Charge::Unseen => None,
    }
}

/// It may have taken a part of a fall that is seen now.
fn may_explain(other: &IntentRecord) -> bool {
    !other.never_sent
        && match other.state {
            State::Accepted | State::Confirmed => !is_seen(other),
            State::SpendStarted | State::Unknown | State::NeedsOperator | State::Refused => true,
            State::Reserved | State::Released | State::Split | State::NotApplied => false,
        }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::surplus::tests::{TIMING, at, cents, paid, seen};
    use super::*;
    use crate::record::EventDetail;

    fn open(state: State) -> IntentRecord {
        IntentRecord { state, detail: EventDetail::default(), ..paid("o", -30, 300, 10_000) }
    }

    #[rstest]
    #[case::nothing_fell(None, 10_000, None)]
    #[case::a_top_up(None, 15_000, None)]
    #[case::its_quote(None, 9_500, Some(500))]
    #[case::less_than_its_quote(None, 9_900, Some(100))]
    #[case::what_an_open_one_may_have_taken(Some(open(State::Unknown)), 9_700, None)]
    #[case::more_than_an_open_one_may_have_taken(Some(open(State::Unknown)), 9_200, Some(800))]
    #[case::what_an_accepted_one_may_have_taken(Some(open(State::Accepted)), 9_700, None)]
    #[case::an_earlier_one_is_known_to_the_cent(Some(seen(paid("o", -30, 300, 10_300), 300, 10_000)), 9_500, Some(500))]
    fn a_refusal_of_a_payment_of_5_is_doubted(
        #[case] other: Option<IntentRecord>,
        #[case] told: i64,
        #[case] fell: Option<i64>,
    ) {
        let record = IntentRecord {
            state: State::SpendStarted,
            detail: EventDetail::default(),
            ..paid("r", 0, 500, 10_000)
        };
        let around: Vec<IntentRecord> = other.into_iter().chain([record.clone()]).collect();
        assert_eq!(
            fell_all_the_same(&record, cents(told), &around, &at(1), &TIMING),
            fell.map(Money::from_cents)
        );
    }
}
