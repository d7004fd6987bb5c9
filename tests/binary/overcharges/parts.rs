//! A batch that was applied to some of its leases only, and cost more than those were quoted: the surplus counts for what is known as
//! charged, and never for nobody.
use std::time::Duration;

use renewd::domain::Money;
use renewd::simulator::{Aim, Answer, Distortion, Effect, Fault, Product, When};
use rstest::rstest;
use serde_json::Value;

use super::{alerts, budget, held_with, money, payments};
use crate::common::{Bench, KEEP, KEY};

const IPS: [&str; 3] = ["203.0.113.1", "203.0.113.2", "203.0.113.3"];

/// A batch of three whose quote is so much too low for each of them, of which the first alone is paid for, and the answer lost.
fn in_part(cents_too_low: i64, rest: &str) -> Bench {
    let bench = Bench::new("100.00", &[(Product::IPv4, &IPS, 24)]);
    bench.config("", &format!("{KEEP}{rest}"));
    let low = Money::ZERO.minus(Money::from_cents(cents_too_low)).unwrap();
    bench.handle.inject(Fault::on(Aim::Quotes).when(When::Always).effect(Effect::Surcharge(low)));
    bench.handle.inject(
        Fault::on(Aim::Money).when(When::Next(1)).effect(Effect::FirstLeases(1)).answer(Answer::Close),
    );
    bench
}

fn confirmed(bench: &Bench) -> Vec<Value> {
    let history = bench.json(&["history", "--state", "confirmed"]).1;
    payments(&history).into_iter().cloned().collect()
}

fn counted(bench: &Bench) -> Money {
    Money::sum(confirmed(bench).iter().map(|p| money(p["charged"].as_str().unwrap()))).unwrap()
}

#[rstest]
#[case::less_than_the_whole_quote(100)]
#[case::more_than_the_whole_quote(200)]
fn the_whole_surplus_of_a_batch_that_was_applied_in_part_counts_for_the_part_that_was(#[case] low: i64) {
    let bench = in_part(low, &budget(money("50.00")));
    bench.json(&["once"]);
    bench.settle(1);
    assert_eq!(bench.charges().0, 1);
    assert_eq!(counted(&bench), bench.charges().1, "{:#?}", confirmed(&bench));
    let status = bench.json(&["status"]).1;
    assert_eq!(status["budgets"][0]["spent"], bench.charges().1.to_string(), "{status:#}");
    let keys = alerts(&status);
    assert!(keys.iter().any(|k| k.starts_with("charge_differs:yp:")), "{keys:?}");
}

#[test]
fn a_part_that_broke_its_cap_holds_the_policy_and_one_that_jumped_is_the_last_price() {
    let bench = in_part(200, "max_price = \"2.00\"\n");
    bench.json(&["once"]);
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 3);
    assert!(alerts(&bench.json(&["status"]).1).contains(&"overcharged:yp".to_owned()), "{once:#}");
    bench
        .handle
        .with(|w| w.add_order(KEY, Product::IPv4, "USA", &["203.0.113.9"], super::in_hours(20)).map(drop))
        .unwrap();
    let sent = bench.payments_sent();
    std::thread::sleep(Duration::from_millis(3_100));
    let once = bench.json(&["once"]).1;
    assert_eq!((held_with(&once, "overcharged").len(), bench.payments_sent()), (1, sent), "{once:#}");
}

/// The list shows one of three that were all charged: what fell is the others' as well.
#[rstest]
#[case::as_quoted(0)]
#[case::and_each_cost_more(100)]
fn what_counted_for_one_part_is_given_back_to_those_that_turn_out_to_be_charged(#[case] low: i64) {
    let bench = Bench::new("100.00", &[(Product::IPv4, &IPS, 24)]);
    let low = Money::ZERO.minus(Money::from_cents(low)).unwrap();
    bench.handle.inject(Fault::on(Aim::Quotes).when(When::Always).effect(Effect::Surcharge(low)));
    bench.handle.inject(Fault::on(Aim::Money).when(When::Next(1)).answer(Answer::Close));
    let ends: Vec<_> = bench.handle.with(|w| {
        w.account(KEY).unwrap().rentals().iter().map(|r| (r.ip.clone(), r.end.to_string())).collect()
    });
    let old = ends.iter().skip(1).map(|(ip, end)| Distortion::End(ip.clone(), end.clone())).collect();
    bench.handle.with(|w| w.list.wrong = old);
    bench.json(&["once"]);
    bench.json(&["once"]);
    let parts = confirmed(&bench);
    assert_eq!((parts.len(), bench.charges().0), (1, 1), "{parts:#?}");
    let least = bench.charges().1.times(2).unwrap();
    let reserved = bench.json(&["history", "--state", "unknown"]).1;
    let open = payments(&reserved).iter().map(|p| money(p["quoted"].as_str().unwrap())).collect::<Vec<_>>();
    let all = counted(&bench).plus(Money::sum(open).unwrap()).unwrap();
    assert!(all >= bench.charges().1 && all <= least, "nothing goes uncounted meanwhile: {all}");
    bench.handle.with(|w| w.list.wrong.clear());
    bench.settle(3);
    let parts = confirmed(&bench);
    assert_eq!((parts.len(), counted(&bench)), (3, bench.charges().1), "{parts:#?}");
    assert_eq!((bench.charges().0, bench.payments_sent()), (1, 1), "none is paid again");
}
