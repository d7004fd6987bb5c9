//! What the guards of a cycle hold back, through the real binary: calls, funds, slow accounts, terms already paid.

use std::time::Duration;

use crate::common::{Bench, KEEP, KEY, in_hours, money};
use renewd::simulator::{Aim, Answer, Effect, Fault, Product, When};
use serde_json::Value;

const A: &str = "203.0.113.1";
const B: &str = "203.0.113.2";
const C: &str = "203.0.113.3";

fn reason<'a>(bench: &Bench, document: &'a Value, ip: &str) -> &'a str {
    bench.item(document, ip)["reason"].as_str().unwrap()
}

#[test]
fn leases_that_are_paid_one_by_one_stay_under_the_payments_of_a_cycle() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A, B, C], 24 * 20)]);
    bench.handle.with(|w| w.set_end(KEY, A, in_hours(13)));
    bench.handle.set_lag(Duration::from_secs(60));
    bench.config_with("[guard]\nmax_payments_per_cycle = 1", "", KEEP);
    let (_, once) = bench.json(&["once"]);
    assert_eq!(once["payments"][0]["state"], "accepted", "{once:#}");
    // All three are due, and the accepted payment keeps A from being paid again: its end was corrected.
    bench.config_with("[guard]\nmax_payments_per_cycle = 1", "batch = 1", KEEP);
    for (ip, hours) in [(A, 26), (B, 24), (C, 24)] {
        bench.handle.with(|w| w.set_end(KEY, ip, in_hours(hours)));
    }
    let (_, once) = bench.json(&["once"]);
    assert_eq!(once["payments"].as_array().unwrap().len(), 1, "{once:#}");
    assert_eq!([A, B, C].map(|ip| bench.charged(ip)), [1, 1, 0]);
    assert!(
        reason(&bench, &once, C).starts_with("fleet_guard: max_payments_per_cycle 1 is reached"),
        "{once:#}"
    );
}

#[test]
fn a_slow_account_keeps_no_other_account_waiting_for_its_price() {
    const OTHER: &str = "other-sim-key-0123456789";
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24)]);
    bench.handle.with(|w| {
        w.add_account(OTHER, money("100.00"));
        w.add_order(OTHER, Product::IPv4, "USA", &[B], in_hours(24)).unwrap();
    });
    bench.secret("other.key", OTHER);
    let other = format!(
        "[[account]]\nname = \"zz\"\nprovider = \"youproxy\"\nbase_url = \"{}\"\napi_key = {{ file = \"other.key\" }}\n{KEEP}",
        bench.base_url
    );
    bench.config("", &other);
    bench.handle.inject(Fault::on(Aim::Quotes).account(KEY).when(When::Next(1)).answer(Answer::Hang));
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.charged(A), bench.charged(B)), (0, 1, 1), "{once:#}");
    let requests = bench.handle.requests();
    let quote = |key: &str| {
        requests.iter().find(|r| r.account == key && r.endpoint.is_some_and(|e| e.is_quote())).unwrap().at
    };
    let behind = quote(OTHER).duration_since(quote(KEY));
    assert!(behind.as_secs() < 2, "the other account was asked {behind:?} after the slow one");
    let order: Vec<_> = once["items"].as_array().unwrap().iter().map(|i| i["account"].clone()).collect();
    assert_eq!(order, ["yp", "zz"], "whoever answered first");
}

#[test]
fn a_term_that_was_charged_and_did_not_move_is_never_said_to_be_due() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24), (Product::IPv4, &[B], 24 * 20)]);
    bench.handle.inject(Fault::on(Aim::Money).effect(Effect::Nothing).answer(Answer::Close));
    assert_eq!(bench.json(&["once"]).0, 3);
    let id = bench.json(&["history"]).1["payments"][0]["intent"].as_str().unwrap().to_owned();
    let (code, said) = bench.json(&["resolve", &id, "--charged", "2.65", "--note", "in the panel"]);
    assert_eq!(code, 0, "{said:#}");
    // Within the lag window it waits for its new end; from then on it is a person's.
    bench.pass(3_100);
    let held = |command: &str| {
        let (code, document) = bench.json(&[command]);
        let words = format!("needs_operator: payment {id} was charged for this term");
        assert_eq!(code, 3);
        assert!(reason(&bench, &document, A).starts_with(&words), "{command}: {document:#}");
        assert_eq!(document["totals"]["renew"], 0, "{document:#}");
    };
    held("plan");
    held("once");
    held("plan");
    assert_eq!(bench.payments_sent(), 1);
    // An earlier end is none that could be due: the paid term came after it.
    bench.handle.with(|w| w.set_end(KEY, A, in_hours(20)));
    held("once");
    assert_eq!(bench.payments_sent(), 1);
    // Nor is one that is a day later: the end of a term was corrected.
    bench.handle.with(|w| w.set_end(KEY, A, in_hours(48)));
    held("once");
    assert_eq!(bench.payments_sent(), 1);
    // Its next term is another matter.
    bench.handle.with(|w| w.set_end(KEY, A, in_hours(24 * 25)));
    bench.config("", &KEEP.replace("before = \"3d\"", "before = \"26d\""));
    assert_eq!(bench.json(&["once"]).0, 0);
    assert_eq!(bench.payments_sent(), 2);
}

#[test]
fn a_balance_that_changed_its_currency_is_no_evidence_about_a_payment() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24)]);
    bench.handle.inject(Fault::on(Aim::Money).effect(Effect::Nothing).answer(Answer::Close));
    assert_eq!(bench.json(&["once"]).0, 3);
    // In figures the balance says that nothing was charged; in money it says nothing.
    bench.handle.with(|w| w.account_mut(KEY).unwrap().currency = "EUR".into());
    let state = |bench: &Bench| bench.json(&["history"]).1["payments"][0].clone();
    for _ in 0..6 {
        std::thread::sleep(Duration::from_millis(1_050));
        bench.json(&["once"]);
        let seen = state(&bench);
        assert_eq!(seen["state"], "unknown", "{seen:#}");
    }
    for _ in 0..8 {
        std::thread::sleep(Duration::from_millis(1_050));
        bench.json(&["once"]);
    }
    let seen = state(&bench);
    assert_eq!(seen["state"], "needs_operator", "{seen:#}");
    assert!(seen["evidence"].as_str().unwrap().contains("another currency"), "{seen:#}");
    assert_eq!((&seen["balance_after"], bench.payments_sent()), (&Value::Null, 1));
}

#[test]
fn an_end_that_moved_confirms_a_payment_whatever_currency_the_balance_has() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24)]);
    bench.handle.set_lag(Duration::from_millis(1_500));
    bench.handle.inject(Fault::on(Aim::Money).answer(Answer::Close));
    bench.json(&["once"]);
    bench.handle.with(|w| w.account_mut(KEY).unwrap().currency = "EUR".into());
    bench.pass(1_600);
    bench.json(&["once"]);
    let payment = bench.json(&["history"]).1["payments"][0].clone();
    assert_eq!(
        (&payment["state"], &payment["charged"]),
        (&"confirmed".into(), &payment["quoted"]),
        "{payment:#}"
    );
    assert!(payment["evidence"].as_str().unwrap().contains("so the quote is taken"), "{payment:#}");
    assert_eq!(bench.charged(A), 1);
}
