//! What a payment cost, by the balances around it: which of its neighbours may have moved the same balance. Pure. Not responsible for
//! what a difference of balances is worth: that is `span.rs`.
use super::surplus::is_earlier_charge;
use super::{Charge, Reading, Sight, Span, is_after, is_seen};
use crate::domain::time::{Moment, Timing};
use crate::domain::{Measured, Money, State};
use crate::record::{IntentRecord, Purpose};

/// What the span of `record` is worth: from its quote up to `now`, or up to right after its answer (`whole` is false: what left
/// later is not in it).
fn sight(
    record: &IntentRecord,
    around: &[IntentRecord],
    (by, whole): (Measured, bool),
    now: &Moment,
    timing: &Timing,
) -> Sight {
    // After hours a fall may be anybody's, also where a reboot or an unread account kept everybody from looking before.
    let began = record.spend_started_at.as_ref();
    if whole && began.is_some_and(|at| now.passed_since(at) > timing.four_lags()) {
        return Sight::Contested;
    }
    // The first look that showed a fall is the measure: what may be missing is what that balance may not have shown yet.
    let shown = record.reads.iter().find(|r| whole && r.fell.is_positive()).map_or(now, |r| &r.at);
    let effects = around.iter().map(|other| effect(record, other, (by, whole), shown, timing));
    effects.max().unwrap_or(Sight::Tight)
}

/// What the span up to a reading is worth in which the balance fell by `fell`.
#[must_use]
pub fn sight_of(
    record: &IntentRecord,
    reading: &Reading<'_>,
    around: &[IntentRecord],
    fell: Money,
    now: &Moment,
    timing: &Timing,
) -> Sight {
    if reading.provider_renewed || is_earlier_charge(record, fell, around, timing) {
        return Sight::Contested;
    }
    sight(record, around, (Measured::Reading, true), now, timing)
}

fn effect(
    record: &IntentRecord,
    other: &IntentRecord,
    (by, whole): (Measured, bool),
    shown: &Moment,
    timing: &Timing,
) -> Sight {
    let (Some(at), Some(began)) = (other.spend_started_at.as_ref(), record.spend_started_at.as_ref()) else {
        return Sight::Tight;
    };
    let kin = other.parent.as_ref() == Some(&record.id)
        || record.parent.as_ref().is_some_and(|p| other.parent.as_ref() == Some(p) || *p == other.id);
    if other.id == record.id || kin || other.never_sent {
        return Sight::Tight;
    }
    let later = is_after(at, began);
    if later && !whole {
        return Sight::Tight;
    }
    let lags = |from: &Moment| from.passed_since(at) < timing.lag_window;
    let contested_if = |open: bool| if open { Sight::Contested } else { Sight::Tight };
    match other.state {
        State::Reserved | State::Released | State::Split | State::NotApplied => Sight::Tight,
        State::SpendStarted | State::Unknown => Sight::Contested,
        State::Accepted if !is_seen(other) => Sight::Contested,
        // What the provider charged by itself is often only believed.
        State::Accepted | State::Confirmed if later => {
            contested_if(!is_seen(other) || other.purpose == Purpose::Provider)
        }
        State::Confirmed if !is_seen(other) && other.purpose != Purpose::Provider => {
            contested_if(lags(began))
        }
        State::Accepted | State::Confirmed => {
            let seen_at = other.charged_at.as_ref().unwrap_or(&other.state_at);
            let behind =
                by == Measured::Reading && other.detail.measured == Some(Measured::Answers) && lags(shown);
            match (is_after(seen_at, began) && other.purpose != Purpose::Provider, behind) {
                (true, _) => Sight::Contested,
                (false, true) => Sight::AtLeast,
                (false, false) => Sight::Tight,
            }
        }
        State::NeedsOperator => contested_if(later || is_after(&other.state_at, began)),
        State::Refused => contested_if(later || lags(began)),
    }
}

/// The balance that a payment began with. A quote's balance may lag behind the payments just made: where it shows what an earlier
/// one began with, and the charges since then are known, it is counted from there; also where only so the fall is the price asked.
fn before(record: &IntentRecord, told: Money, around: &[IntentRecord]) -> Money {
    let spent = |r: &IntentRecord| r.spend_started_at.as_ref().map(|m| m.wall);
    let counts = |o: &&IntentRecord| matches!(o.state, State::Accepted | State::Confirmed);
    let mut earlier: Vec<&IntentRecord> =
        around.iter().filter(counts).filter(|o| o.id != record.id && spent(o) < spent(record)).collect();
    earlier.sort_by_key(|o| std::cmp::Reverse(spent(o)));
    let told_last = earlier.first().and_then(|last| last.detail.balance_after);
    let mut behind = None;
    let mut unseen = Money::ZERO;
    for o in earlier {
        let Some(sum) = unseen.plus(o.detail.charged.unwrap_or(o.quoted)) else { break };
        unseen = sum;
        if o.balance_before == record.balance_before {
            behind = record.balance_before.minus(unseen);
        }
    }
    let exact = |b: &Money| b.minus(told) == Some(record.quoted);
    let all = [Some(record.balance_before), told_last, behind];
    all.into_iter().flatten().find(exact).or(behind).unwrap_or(record.balance_before)
}

/// What the balance right after its answer says of a payment.
#[must_use]
pub fn right_after(
    record: &IntentRecord,
    (told, by): (Money, Measured),
    around: &[IntentRecord],
    now: &Moment,
    timing: &Timing,
) -> Charge {
    let span = Span {
        before: before(record, told, around),
        after: told,
        known: Money::ZERO,
        sight: sight(record, around, (by, false), now, timing),
    };
    span.charge(record.quoted)
}

/// What was seen, in words.
#[must_use]
pub fn said(record: &IntentRecord, told: Money, fell: Money, when: &str) -> String {
    let (before, quoted, currency) = (record.balance_before, record.quoted, &record.currency);
    format!(
        "the balance went from {before} {currency} in the quote to {told} {when}: it fell by {fell}, the quote was {quoted}"
    )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::surplus::tests::{TIMING, at, look, paid, seen};
    use super::*;
    use crate::record::SettleRead;

    /// An earlier payment whose answer told the balance; the first look at this one came while the balance could lag behind it.
    #[rstest]
    #[case::the_first_look_is_the_measure(Some(10), 950, Sight::AtLeast)]
    #[case::it_came_when_nothing_lagged(Some(940), 950, Sight::Tight)]
    #[case::there_was_none_before_this_one(None, 10, Sight::AtLeast)]
    #[case::nor_does_anything_lag(None, 950, Sight::Tight)]
    fn a_fall_is_worth_what_it_was_when_it_was_first_seen(
        #[case] first: Option<i64>,
        #[case] now: i64,
        #[case] worth: Sight,
    ) {
        let earlier =
            IntentRecord { charged_at: Some(at(-9)), ..seen(paid("o", -10, 244, 10_000), 244, 9_756) };
        let mut record = paid("r", 0, 244, 9_756);
        let fell = |secs| SettleRead { fell: Money::from_cents(480), ..look(secs, 9_276) };
        record.reads = first.into_iter().map(fell).collect();
        let around = [earlier, record.clone()];
        assert_eq!(sight(&record, &around, (Measured::Reading, true), &at(now), &TIMING), worth);
    }
}
