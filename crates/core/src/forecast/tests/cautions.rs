//! What will stop a renewal is known before it is due, and nothing is said where nothing is known.
use crate::budget::Per;
use crate::domain::{Kind, Percent};
use crate::forecast::bench::{Bench, Known, days, hours, keep, known, lease, money};
use crate::policy::{Before, Clause, Key, Matcher, Pattern, Policy};
use jiff::SignedDuration;
use rust_decimal::Decimal;

fn with(policy: Policy, leases: Vec<Known>) -> Bench {
    Bench { policies: vec![policy], ..Bench::new("100.00", leases) }
}

#[test]
fn nothing_is_said_of_what_can_be_renewed_or_of_what_no_price_is_known() {
    let capped = Policy {
        max_price: Some(money("3.00")),
        max_price_jump: Some(Percent(Decimal::TEN)),
        ..keep("keep")
    };
    let bench = with(capped, vec![known("a", days(9), "2.65"), Known::new(lease("b", days(40)))]);
    assert_eq!(bench.cautions(14), Vec::<String>::new());
}

#[test]
fn a_price_over_the_cap_is_known_from_the_last_payment_or_a_quote() {
    let capped = Policy { max_price: Some(money("2.00")), ..keep("keep") };
    let bench = with(
        capped,
        vec![known("a", days(9), "2.65"), Known::new(lease("b", days(40))).quoted("2.10", 30, 1)],
    );
    let want = [
        "a price_cap: 2.65 USD for 30 days is over max_price 2.00",
        "b price_cap: 2.10 USD for 30 days is over max_price 2.00",
    ];
    assert_eq!(bench.cautions(14), want);
}

#[test]
fn a_price_that_jumped_is_known_from_a_quote() {
    let steady = Policy { max_price_jump: Some(Percent(Decimal::TEN)), ..keep("keep") };
    let bench =
        with(steady, vec![known("a", days(9), "2.65").quoted("3.00", 30, 1), known("b", days(9), "2.65")]);
    assert_eq!(
        bench.cautions(14),
        ["a price_jump: 3.00 USD for 30 days is over 10% more than the last 2.65 for 30 days"]
    );
}

#[test]
fn a_period_that_is_not_offered_is_known_once_the_terms_were_asked() {
    let mut bench = with(keep("keep"), vec![known("a", days(60), "2.65")]);
    assert_eq!(bench.cautions(14), Vec::<String>::new());
    bench.offered.insert(Kind::from("IPv4"), vec![90, 180]);
    assert_eq!(
        bench.cautions(14),
        ["a period_not_offered: policy `keep` wants 30d; IPv4 is offered for 90d, 180d"]
    );
}

#[test]
fn a_budget_that_does_not_cover_it_before_its_end() {
    let bench = with(keep("keep"), vec![known("a", days(2), "2.65"), known("b", days(4), "2.65")]);
    let bench = bench.budget(Per::Month, "3.00", "0.00");
    assert_eq!(
        bench.cautions(14),
        ["b over_budget: budget `b0` (3.00 USD per month) does not cover it before its end"]
    );
}

#[test]
fn a_lease_without_a_policy_that_is_not_over() {
    let any = vec![Pattern::parse(Key::Ip, "198.51.100.1").unwrap()];
    let other = Policy { matches: Matcher::of(vec![Clause { key: Key::Ip, any }]), ..keep("other") };
    let bench = with(other, vec![known("a", days(60), "2.65"), known("b", days(-1), "2.65")]);
    assert_eq!(bench.cautions(14), ["a no_policy: no policy matches, so nothing renews it"]);
}

/// The bench's now is a Saturday.
#[test]
fn a_window_that_does_not_open_in_time_and_an_urgent_stage_too_short() {
    let mins = SignedDuration::from_mins;
    let policy = Policy {
        before: Before::Span(SignedDuration::from_hours(24)),
        window: Some("Thu 08:00-20:00".parse().unwrap()),
        urgent: mins(1),
        ..keep("keep")
    };
    let leases =
        vec![known("a", hours(30), "2.65"), known("b", days(5), "2.65"), known("c", days(40), "2.65")];
    let told = with(policy.clone(), leases.clone()).cautions(14);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("a window: no cycle comes to it within its window Thu 08:00-20:00"),
        "{told:?}"
    );
    let late = Policy { before: Before::Span(mins(5)), window: None, ..policy.clone() };
    assert_eq!(with(late, leases.clone()).cautions(14).len(), 2, "due only in the last minutes");
    assert_eq!(with(Policy { urgent: mins(60), ..policy }, leases).cautions(14), Vec::<String>::new());
}

#[test]
fn an_order_in_another_cycle_than_its_policy_wants() {
    let mut order = known("a", days(9), "2.65");
    (order.lease.cycle, order.term_days) = (Some("monthly".to_owned()), Some(30));
    let mut bench = with(Policy { cycle: Some("weekly".to_owned()), ..keep("keep") }, vec![order]);
    (bench.capabilities.sells_cycles, bench.capabilities.renew_early) = (true, false);
    assert_eq!(
        bench.cautions(14),
        ["a cycle_differs: policy `keep` wants cycle weekly; the order's is monthly"]
    );
}
