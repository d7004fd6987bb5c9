//! Each way in which the world moves against an approved plan: nothing of it is paid, the reason is told, and what is still due is asked anew.
use renewd::simulator::{Aim, Answer, Effect, Fault, Product, When};
use rstest::rstest;
use serde_json::json;

use super::{A, B, C, approve, asks, fleet, keys, name, refused, waiting};
use crate::common::{Bench, KEEP, KEY, in_hours, money};

fn dearer(bench: &Bench) {
    let fault = Fault::on(Aim::Quotes).when(When::Always).effect(Effect::Surcharge(money("0.01")));
    bench.handle.inject(fault);
}

fn warned(bench: &Bench) {
    let warning = Answer::Warning { code: 77, message: "this one is leaving our range".to_owned() };
    bench.handle.inject(Fault::on(Aim::Quotes).when(When::Always).answer(warning));
}

fn renewed(bench: &Bench) {
    bench.handle.with(|w| assert!(w.set_end(KEY, A, in_hours(24 * 31))));
}

fn gone(bench: &Bench) {
    bench.handle.with(|w| assert!(w.remove(KEY, C)));
}

fn poor(bench: &Bench) {
    bench.handle.with(|w| w.spend_elsewhere(in_hours(0), KEY, money("99.00")).unwrap());
}

fn capped(bench: &Bench) {
    asks(bench, "max_price = \"0.01\"\n");
}

fn other_policy(bench: &Bench) {
    let other = "[[policy]]\nname = \"isp\"\nmatch = { kind = [\"ISP\"] }\naction = \"watch\"\n";
    bench.config("", &format!("{other}{KEEP}approval = true\n"));
}

fn budget(bench: &Bench) {
    asks(bench, "[[budget]]\nname = \"tiny\"\nper = \"day\"\nlimit = \"1.00\"\ncurrency = \"USD\"\n");
}

fn other_term(bench: &Bench) {
    bench.config("", &format!("{KEEP}approval = true\n").replace("[\"30d\", \"90d\"]", "\"90d\""));
}

#[rstest]
#[case::a_price(dearer, "and the plan says")]
#[case::a_warning(warned, "the provider warns: code 77")]
#[case::an_end(renewed, "it was renewed meanwhile")]
#[case::a_lease_that_is_gone(gone, "is no longer listed")]
#[case::the_funds(poor, "short_funds")]
#[case::a_cap(capped, "price_cap")]
#[case::a_policy(other_policy, "it was to be renewed, and is not now")]
#[case::a_budget(budget, "over_budget")]
#[case::a_term(other_term, "it would be paid for another term")]
fn what_moved_against_a_plan_refuses_it_whole_and_says_why(#[case] moves: fn(&Bench), #[case] words: &str) {
    let bench = fleet();
    bench.json(&["once"]);
    let plan = name(&bench);
    approve(&bench, &plan);
    moves(&bench);
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.payments_sent()), (3, 0), "{once:#}");
    let key = format!("approval:{plan}");
    assert!(keys(&bench).iter().any(|(k, _)| *k == key), "{:?}", keys(&bench));
    let status = bench.json(&["status"]).1;
    let alert =
        status["open_alerts"].as_array().unwrap().iter().find(|a| a["key"] == json!(key)).unwrap().clone();
    assert!(alert["text"].as_str().unwrap().contains("was approved but not paid"), "{alert}");
    refused(&bench, &["approve", &plan], words);
    // What is left of it is asked anew, or nothing is.
    bench.json(&["once"]);
    bench.json(&["once"]);
    assert_eq!(bench.payments_sent(), 0, "never by the old word");
}

#[test]
fn what_is_still_due_is_asked_for_again_and_says_what_came_before() {
    let bench = fleet();
    bench.json(&["once"]);
    let plan = name(&bench);
    approve(&bench, &plan);
    renewed(&bench);
    bench.json(&["once"]);
    let left = waiting(&bench).remove(0);
    assert_ne!(left["plan"], json!(plan));
    assert_eq!(left["leases"], 2);
    approve(&bench, left["plan"].as_str().unwrap());
    bench.json(&["once"]);
    assert_eq!([A, B, C].map(|ip| bench.charged(ip)), [0, 1, 1]);
}

#[test]
fn the_same_plan_that_funds_did_not_cover_is_asked_again_by_its_name() {
    let bench = fleet();
    bench.json(&["once"]);
    let plan = name(&bench);
    approve(&bench, &plan);
    poor(&bench);
    bench.json(&["once"]);
    bench.json(&["once"]);
    assert_eq!(name(&bench), plan, "the same leases, ends and amount");
    bench.handle.with(|w| w.top_up(in_hours(0), KEY, money("50.00")).unwrap());
    bench.json(&["once"]);
    assert_eq!(bench.payments_sent(), 0, "the old word is used");
    approve(&bench, &plan);
    bench.json(&["once"]);
    assert_eq!([A, B, C].map(|ip| bench.charged(ip)), [1, 1, 1]);
}

#[test]
fn another_policys_payment_alone_spoils_no_approval() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A, B], 24), (Product::Isp, &[C], 74)]);
    let other = "[[policy]]\nname = \"isp\"\nmatch = { kind = [\"ISP\"] }\naction = \"renew\"\nperiod = [\"30d\", \"90d\"]\npriority = 9\n";
    bench.config("", &format!("{other}{KEEP}approval = true\n"));
    bench.json(&["once"]);
    approve(&bench, &name(&bench));
    bench.pass(3 * super::HOUR);
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, [A, B, C].map(|ip| bench.charged(ip))), (0, [1, 1, 1]), "{once:#}");
}

#[test]
fn a_price_that_fell_is_paid_as_it_is() {
    let bench = fleet();
    dearer(&bench);
    bench.json(&["once"]);
    let plan = waiting(&bench).remove(0);
    approve(&bench, plan["plan"].as_str().unwrap());
    bench.handle.clear_faults();
    bench.json(&["once"]);
    assert_eq!([A, B, C].map(|ip| bench.charged(ip)), [1, 1, 1]);
    assert!(bench.charges().1 < money(plan["amount"].as_str().unwrap()));
}

#[test]
fn a_policy_that_asks_no_more_pays_by_itself() {
    let bench = fleet();
    bench.json(&["once"]);
    let plan = name(&bench);
    bench.config("", KEEP);
    bench.json(&["once"]);
    assert_eq!([A, B, C].map(|ip| bench.charged(ip)), [1, 1, 1]);
    refused(&bench, &["approve", &plan], "does not ask any more");
}
