//! Two readings that disagree, through the real binary: neither is believed without a word, nothing is lost by it, and nothing is paid on
//! a guess.

use crate::common::Bench;
use crate::common::shard::{ShardBench, TOKEN};
use jiff::SignedDuration;
use renewd::clock::{Clock, SystemClock};
use renewd::simulator::proxyshard::{Endpoint as Call, OrderSpec};
use renewd::simulator::{Aim, Answer, Distortion, Endpoint, Fault, Product, When};
use serde_json::{Value, json};

const IPS: [&str; 6] =
    ["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4", "203.0.113.5", "203.0.113.6"];

fn keys(status: &Value) -> Vec<&str> {
    status["open_alerts"].as_array().unwrap().iter().map(|a| a["key"].as_str().unwrap()).collect()
}

/// One order that has been on hold for five hours.
fn on_hold() -> (ShardBench, String) {
    let mut id = String::new();
    let end = SystemClock::new().now().wall.checked_sub(SignedDuration::from_hours(5)).unwrap();
    let bench = ShardBench::new("100.00", |world| {
        id = world.add_order(TOKEN, &OrderSpec::new("ISP Proxy", Some("US"), "monthly", end)).unwrap();
    });
    bench.config("", "[[policy]]\nname = \"keep\"\naction = \"renew\"\n");
    (bench, id)
}

#[test]
fn an_order_that_the_list_has_and_its_page_has_not_is_held_and_told_and_paid_once_it_is_back() {
    for known in [false, true] {
        let (bench, id) = on_hold();
        if known {
            bench.said(&["pause"]);
            bench.json(&["once"]);
            bench.said(&["resume"]);
        }
        let fault = Fault::status(Aim::Endpoint(Call::Order), 404).about(&id).when(When::Always);
        bench.handle.inject(fault);
        let (code, once) = bench.json(&["once"]);
        assert_eq!(code, 3, "{once:#}");
        let reason = bench.item(&once, &id)["reason"].as_str().unwrap();
        assert!(reason.starts_with("order_state: ") && reason.contains("not found on its page"), "{reason}");
        assert_eq!(keys(&bench.json(&["status"]).1), ["order_state:ps"], "known: {known}");
        assert_eq!(bench.sent(Call::Renew), 0);

        bench.handle.clear_faults();
        bench.json(&["once"]);
        bench.settle(5);
        assert_eq!(bench.charged(&id), 1);
        assert_eq!(keys(&bench.json(&["status"]).1), Vec::<&str>::new());
    }
}

#[test]
fn a_list_that_says_it_is_a_part_pays_what_it_has_and_loses_nothing() {
    for (field, value) in
        [("totalElements", json!(6)), ("last", json!(false)), ("totalPages", json!(3)), ("count", json!(6))]
    {
        let mut orders: Vec<(Product, &[&str], i64)> = vec![(Product::IPv4, &IPS[..1], 24)];
        orders.push((Product::IPv4, &IPS[1..], 24 * 20));
        let bench = Bench::new("100.00", &orders);
        bench.renewd(&["pause"]);
        bench.json(&["once"]);
        bench.renewd(&["resume"]);
        bench.handle.with(|w| w.list.wrong = vec![Distortion::KeepFirst(2)]);
        let part = Answer::Field(field.to_owned(), value);
        bench.handle.inject(Fault::on(Aim::Endpoint(Endpoint::IpAddress)).when(When::Always).answer(part));

        let (code, once) = bench.json(&["once"]);
        assert_eq!(code, 3, "{once:#}");
        assert_eq!(once["items"].as_array().unwrap().len(), 6, "what it lacks is not gone: {once:#}");
        bench.settle(3);
        assert_eq!(bench.charged(IPS[0]), 1, "what it lists is paid: {field}");
        let status = bench.json(&["status"]).1;
        assert_eq!(keys(&status), ["partial_list:yp"], "{field}");

        bench.handle.clear_faults();
        bench.handle.with(|w| w.list.wrong.clear());
        let (code, once) = bench.json(&["once"]);
        assert_eq!((code, once["items"].as_array().unwrap().len()), (0, 6));
        assert_eq!(keys(&bench.json(&["status"]).1), Vec::<&str>::new());
    }
}

#[test]
fn a_due_lease_that_a_partial_list_lacks_is_held_until_it_is_listed() {
    let orders: [(Product, &[&str], i64); 2] =
        [(Product::IPv4, &IPS[..2], 24 * 20), (Product::IPv4, &IPS[2..], 24)];
    let bench = Bench::new("100.00", &orders);
    bench.renewd(&["pause"]);
    bench.json(&["once"]);
    bench.renewd(&["resume"]);
    bench.handle.with(|w| w.list.wrong = vec![Distortion::KeepFirst(2)]);
    let part = Answer::Field("total".to_owned(), json!(6));
    bench.handle.inject(Fault::on(Aim::Endpoint(Endpoint::IpAddress)).when(When::Always).answer(part));
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 3);
    assert!(bench.item(&once, IPS[2])["reason"].as_str().unwrap().starts_with("shrunk:"), "{once:#}");
    let status = bench.json(&["status"]).1;
    assert!(bench.charges().0 == 0 && keys(&status).contains(&"partial_list:yp"), "{status:#}");

    // A person who knows that it is whole says so, and what it lacks is gone.
    let said = String::from_utf8(bench.renewd(&["resume", "yp"]).stdout).unwrap();
    assert!(said.contains(IPS[2]), "{said}");
    let (_, once) = bench.json(&["once"]);
    assert_eq!(once["items"].as_array().unwrap().len(), 2, "{once:#}");
}
