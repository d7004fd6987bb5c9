//! Payments whose cost no balance tells apart: what counts for each, and that no sum counts less than was taken.
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::domain::{AccountName, Currency, Kind, Measured, Method, ProviderName, RenewalRequest};
use crate::record::{EventDetail, Purpose};

pub(in crate::evidence) const TIMING: Timing = Timing {
    read_timeout: SignedDuration::from_secs(30),
    money_timeout: SignedDuration::from_secs(120),
    lag_window: SignedDuration::from_mins(15),
    settle_reads: 3,
};

pub(in crate::evidence) fn at(secs: i64) -> Moment {
    Moment {
        wall: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_000_000 + secs),
        boot_id: "boot".to_owned(),
        boot_ms: 1_000_000 + secs * 1_000,
    }
}

pub(in crate::evidence) fn cents(n: i64) -> Money {
    Money::from_cents(n)
}

/// A payment that its end confirmed a minute after it was sent, at its quote.
pub(in crate::evidence) fn paid(name: &str, sent: i64, quoted: i64, before: i64) -> IntentRecord {
    IntentRecord {
        id: name.into(),
        parent: None,
        provider: ProviderName::new("p"),
        purpose: Purpose::Renewal,
        order: None,
        request: RenewalRequest {
            account: AccountName::new("a"),
            kind: Kind::new("IPv4"),
            leases: Vec::new(),
            period_days: 30,
            cycle: None,
            promo: None,
            method: Method::Leases,
        },
        policy: "keep".to_owned(),
        quoted: cents(quoted),
        currency: Currency::new("USD"),
        balance_before: cents(before),
        attempt: 1,
        approved: None,
        cycle: 1,
        created_at: at(sent),
        spend_started_at: Some(at(sent)),
        state: State::Confirmed,
        state_at: at(sent + 60),
        settled_at: None,
        detail: EventDetail {
            charged: Some(cents(quoted)),
            measured: Some(Measured::Quote),
            ..EventDetail::default()
        },
        charged_at: None,
        never_sent: false,
        was_refused: false,
        operator_spoke: false,
        crossed: None,
        reads: Vec::new(),
        labels: Vec::new(),
    }
}

pub(in crate::evidence) fn look(secs: i64, balance: i64) -> SettleRead {
    SettleRead { at: at(secs), balance: cents(balance), fell: Money::ZERO, moved: 1 }
}

pub(in crate::evidence) fn seen(record: IntentRecord, charged: i64, after: i64) -> IntentRecord {
    let detail = EventDetail {
        charged: Some(cents(charged)),
        measured: Some(Measured::Answers),
        balance_after: Some(cents(after)),
        ..EventDetail::default()
    };
    IntentRecord { detail, ..record }
}

fn in_state(state: State, record: IntentRecord) -> IntentRecord {
    IntentRecord { state, detail: EventDetail::default(), ..record }
}

fn counting(record: IntentRecord, charged: i64, policy: &str) -> IntentRecord {
    let detail = EventDetail { charged: Some(cents(charged)), ..record.detail };
    IntentRecord { detail, policy: policy.to_owned(), ..record }
}

/// Its lag window was over at a look so many seconds after the payment that is judged.
fn looked_at(secs: i64, record: IntentRecord) -> IntentRecord {
    IntentRecord { reads: vec![look(secs, 10_000)], ..record }
}

/// A reading so many seconds after the payment that is judged still showed its old end.
fn unmoved_at(secs: i64, record: IntentRecord) -> IntentRecord {
    IntentRecord { reads: vec![SettleRead { moved: 0, ..look(secs, 10_000) }], ..record }
}

fn landed_at(secs: i64, record: IntentRecord) -> IntentRecord {
    IntentRecord { state_at: at(secs), ..record }
}

fn told_by_an_operator(record: IntentRecord) -> IntentRecord {
    let detail = EventDetail { measured: Some(Measured::Word), ..record.detail };
    IntentRecord { detail, balance_before: cents(10_000), ..record }
}

const WHOLE: i64 = 1_200;

#[rstest]
#[case::alone(None, 9_500, 300)]
#[case::a_later_one_took_the_rest(Some(paid("o", 10, 300, 10_000)), 9_500, 0)]
#[case::and_something_is_left(Some(paid("o", 10, 300, 10_000)), 9_400, 100)]
#[case::an_earlier_one_the_quote_did_not_show(Some(paid("o", -10, 300, 10_000)), 9_500, 0)]
#[case::an_earlier_one_that_left_this_balance(Some(seen(paid("o", -10, 300, 10_300), 300, 10_000)), 9_500, 300)]
#[case::one_that_is_open_explains_it(Some(in_state(State::Unknown, paid("o", 10, 300, 10_000))), 9_500, 0)]
#[case::one_that_is_open_and_nothing_fits(
    Some(in_state(State::Unknown, paid("o", 10, 400, 10_000))),
    9_500,
    300
)]
#[case::one_that_was_open_long_before_and_fits(Some(in_state(State::NeedsOperator, paid("o", -90_000, 300, 10_000))), 9_500, 0)]
#[case::one_that_was_open_long_before(Some(in_state(State::NeedsOperator, paid("o", -90_000, 9, 10_000))), 9_500, 300)]
#[case::one_that_was_open_long_before_and_landed_since(landed_at(50_000, paid("o", -90_000, 9, 10_000)).into(), 9_500, 300)]
#[case::one_that_was_open_landed_after_the_look(
    unmoved_at(WHOLE + 900, in_state(State::Unknown, paid("o", 10, 300, 10_000))).into(),
    9_500,
    300
)]
#[case::one_that_was_seen_as_charged_landed_after_the_look(
    unmoved_at(WHOLE + 900, landed_at(WHOLE + 2_000, paid("o", 10, 300, 10_000))).into(),
    9_500,
    300
)]
#[case::a_list_that_lags_leaves_that_open(
    unmoved_at(WHOLE + 899, in_state(State::Unknown, paid("o", 10, 300, 10_000))).into(),
    9_500,
    0
)]
#[case::one_that_was_not_charged(Some(in_state(State::NotApplied, paid("o", 10, 300, 10_000))), 9_500, 300)]
#[case::a_refusal_explains_nothing(Some(in_state(State::Refused, paid("o", 10, 300, 10_000))), 9_500, 300)]
#[case::it_counts_for_another_already(Some(counting(paid("o", -10, 200, 10_000), 500, "keep")), 9_300, 0)]
#[case::a_later_one_is_judged_after_it(Some(counting(paid("o", 10, 200, 10_000), 500, "keep")), 9_300, 300)]
#[case::but_in_another_budget(Some(counting(paid("o", -10, 200, 10_000), 500, "other")), 9_300, 300)]
#[case::another_that_was_looked_at_before(
    Some(looked_at(-5, counting(paid("o", -1_000, 200, 10_000), 500, "keep"))),
    9_500,
    300
)]
#[case::an_operators_word_leaves_no_balance(
    Some(told_by_an_operator(seen(paid("o", -10, 300, 10_300), 300, 10_000))),
    9_500,
    0
)]
#[case::hours_before_it(Some(paid("o", -10_000, 300, 10_000)), 9_500, 300)]
#[case::nothing_fell(None, 10_000, 0)]
#[case::a_top_up(None, 20_000, 0)]
fn a_payment_of_2_counts_for_what_nothing_explains(
    #[case] other: Option<IntentRecord>,
    #[case] balance: i64,
    #[case] more: i64,
) {
    let record = paid("r", 0, 200, 10_000);
    let around: Vec<IntentRecord> = other.into_iter().chain([record.clone()]).collect();
    assert_eq!(surplus(&record, &around, &[look(WHOLE, balance)], &TIMING), Some(cents(more)));
}

#[test]
fn nothing_is_assumed_before_a_look_that_shows_all_and_nothing_is_added_by_later_ones() {
    let record = paid("r", 0, 200, 10_000);
    let early = [look(100, 9_000), look(700, 9_000)];
    assert_eq!(surplus(&record, &[], &early, &TIMING), None);
    let all = [early.to_vec(), vec![look(WHOLE, 9_700), look(WHOLE + 300, 5_000)]].concat();
    assert_eq!(surplus(&record, &[], &all, &TIMING), Some(cents(100)), "what moved later is not its charge");
}

/// A neighbour that was open at the first look, and was seen as charged after it: that look may show its charge or not, the next shows
/// it for certain.
#[rstest]
#[case::the_first_look_showed_a_surplus_that_is_almost_the_neighbours_price(9_091, 8_391, 709)]
#[case::the_first_look_showed_a_surplus_that_is_less(9_200, 8_600, 600)]
#[case::the_first_look_showed_the_neighbour(9_100, 9_100, 0)]
#[case::the_first_look_showed_both(8_500, 8_500, 600)]
#[case::there_was_no_surplus(9_800, 9_100, 0)]
fn what_a_neighbour_took_of_the_first_look_is_told_by_the_next_one_that_shows_it_for_certain(
    #[case] first: i64,
    #[case] next: i64,
    #[case] more: i64,
) {
    let record = paid("r", 0, 200, 10_000);
    let late = IntentRecord { state_at: at(WHOLE + 300), ..paid("o", WHOLE - 300, 700, 10_000) };
    let around = [late, record.clone()];
    let looks = [look(WHOLE, first), look(WHOLE + 600, next), look(WHOLE + 900, next - 500)];
    assert_eq!(surplus(&record, &around, &looks, &TIMING), Some(cents(more)));
}

#[test]
fn a_first_look_of_hours_later_tells_nothing() {
    let record = paid("r", 0, 200, 10_000);
    assert_eq!(surplus(&record, &[], &[look(8 * 3_600, 9_000)], &TIMING), None);
}

#[test]
fn of_what_cost_more_than_its_quote_and_perhaps_more_still_the_first_look_tells_however_late_it_comes() {
    let record = counting(paid("r", 0, 200, 10_000), 300, "keep");
    let looks = [look(60, 9_700), look(8 * 3_600, 9_500), look(9 * 3_600, 9_000)];
    assert_eq!(surplus(&record, &[], &looks[..1], &TIMING), None);
    assert_eq!(surplus(&record, &[], &looks, &TIMING), Some(cents(300)));
    let timely = [look(WHOLE, 9_700), looks[1].clone()];
    assert_eq!(
        surplus(&record, &[], &timely, &TIMING),
        Some(cents(100)),
        "and a timely one alone, if there is one"
    );
}

#[test]
fn what_was_open_when_it_was_sent_and_landed_later_explains_a_fall() {
    let late = IntentRecord { state_at: at(2_000), ..paid("o", -1_000, 80, 10_000) };
    let record = paid("r", 0, 200, 10_000);
    let around = [late, record.clone()];
    assert_eq!(surplus(&record, &around, &[look(2_000, 9_720)], &TIMING), Some(Money::ZERO));
}

/// A renewal by the provider that a reading showed so many seconds after the payment.
fn theirs(seen_at: i64, cost: i64, by: Measured) -> IntentRecord {
    let detail = EventDetail { charged: Some(cents(cost)), measured: Some(by), ..EventDetail::default() };
    IntentRecord { purpose: Purpose::Provider, detail, ..paid("o", seen_at, cost, 77_777) }
}

#[rstest]
#[case::seen_in_between(theirs(600, 300, Measured::Reading), 9_500, 0)]
#[case::by_the_look_itself(theirs(WHOLE, 300, Measured::Reading), 9_500, 0)]
#[case::and_not_all_of_it(theirs(600, 300, Measured::Reading), 9_400, 100)]
#[case::seen_before(theirs(-5, 300, Measured::Reading), 9_500, 300)]
#[case::believed_and_it_fits(theirs(5, 300, Measured::Quote), 9_500, 0)]
#[case::believed_and_not_shown_yet(theirs(WHOLE + 60, 300, Measured::Quote), 9_500, 0)]
#[case::believed_and_not_all_of_it(theirs(600, 200, Measured::Quote), 9_500, 300)]
#[case::believed_before_it(theirs(-5, 300, Measured::Quote), 9_500, 300)]
#[case::seen_the_day_before(theirs(-80_000, 300, Measured::Quote), 9_500, 300)]
fn what_the_provider_renewed_by_itself_explains_a_fall_around_it(
    #[case] other: IntentRecord,
    #[case] balance: i64,
    #[case] more: i64,
) {
    let record = paid("r", 0, 200, 10_000);
    let around = [other, record.clone()];
    assert_eq!(surplus(&record, &around, &[look(WHOLE, balance)], &TIMING), Some(cents(more)));
}

#[rstest]
#[case::not_in_it(9_100, 0)]
#[case::in_it(9_800, 0)]
#[case::both_are(8_900, 0)]
#[case::and_more_than_both(8_600, 300)]
fn a_payment_that_landed_after_the_look_may_be_missing_from_the_fall(
    #[case] balance: i64,
    #[case] more: i64,
) {
    let record = IntentRecord { state_at: at(30_000), ..paid("r", 0, 200, 10_000) };
    // Sent just before the look, which may not show it.
    let other = IntentRecord { state_at: at(WHOLE), ..paid("o", WHOLE - 30, 900, 10_000) };
    let around = [other, record.clone()];
    assert_eq!(surplus(&record, &around, &[look(WHOLE, balance)], &TIMING), Some(cents(more)));
}

#[test]
fn what_landed_after_the_look_explains_no_fall_before_it() {
    let late = IntentRecord { state_at: at(30_000), ..paid("o", -10, 1_320, 10_000) };
    let record = paid("r", 0, 200, 10_000);
    let around = [late, record.clone()];
    assert_eq!(surplus(&record, &around, &[look(WHOLE, 9_500)], &TIMING), Some(cents(300)));
}

#[test]
fn parts_that_were_sent_in_one_instant_are_all_counted() {
    let parts: Vec<IntentRecord> = (0..60).map(|n| paid(&format!("o.{n}"), -10, 10, 10_000)).collect();
    let record = paid("r", 0, 200, 10_000);
    let around: Vec<IntentRecord> = parts.into_iter().chain([record.clone()]).collect();
    assert_eq!(surplus(&record, &around, &[look(WHOLE, 9_100)], &TIMING), Some(cents(100)));
}

proptest! {
    /// A lane of payments, each charged its quote or more, each shown by the balance after a delay of its own, a few of them told in
    /// their answers: once all is shown, they count for exactly what was taken, whichever of them took more.
    #[test]
    fn a_lane_counts_for_what_it_took(
        lane in prop::collection::vec((1_i64..500, 0_i64..300, 0_i64..800, any::<bool>()), 1..12),
        surplus_at in any::<prop::sample::Index>(), told in any::<bool>(),
    ) {
        const EVERY: i64 = 7;
        let odd = surplus_at.index(lane.len());
        let cost = |n: usize| lane[n].0 + if n == odd { lane[n].1 } else { 0 };
        let shown = |at: i64, but: usize| -> i64 {
            let due = |n: &usize| i64::try_from(*n).unwrap() * EVERY + lane[*n].2 <= at;
            (0..but).filter(due).map(cost).sum()
        };
        let mut records: Vec<IntentRecord> = (0..lane.len())
            .map(|n| {
                let sent = i64::try_from(n).unwrap() * EVERY;
                // A quote tells the balance as it is, or as it is shown.
                let exact: i64 = (0..n).map(cost).sum();
                let before = 100_000 - if told && lane[n].3 { exact } else { shown(sent, n) };
                paid(&format!("p-{n:02}"), sent, lane[n].0, before)
            })
            .collect();
        let total: i64 = (0..lane.len()).map(cost).sum();
        let looks = [look(2_000, 100_000 - total)];
        for n in 0..records.len() {
            let more = surplus(&records[n], &records, &looks, &TIMING).unwrap();
            records[n].detail.charged = records[n].quoted.plus(more);
        }
        let counted = Money::sum(records.iter().filter_map(|r| r.detail.charged)).unwrap();
        prop_assert_eq!(counted, cents(total));
        let again: Vec<_> = records.iter().map(|r| r.quoted.plus(surplus(r, &records, &looks, &TIMING).unwrap())).collect();
        let charged: Vec<_> = records.iter().map(|r| r.detail.charged).collect();
        prop_assert_eq!(again, charged, "and stay so");
    }
}

/// A look in whose boot the wall clock was set, by so many seconds, since the payment.
#[rstest]
#[case::not_at_all(0)]
#[case::back_by_a_day(-86_400)]
#[case::forward_by_a_day(86_400)]
fn a_wall_clock_that_was_set_keeps_no_look_from_telling(#[case] by: i64) {
    let mut whole = look(1_000, 9_300);
    whole.at.wall += SignedDuration::from_secs(by);
    let record = paid("r", 0, 500, 10_000);
    let open = in_state(State::Unknown, paid("o", -1_200, 220, 10_000));
    let around = [record.clone(), open];
    let looks = [whole];
    assert_eq!(surplus(&record, &around, &looks, &TIMING), Some(cents(200)));
    assert!(is_told(&record, &around, &looks, &TIMING));
}
