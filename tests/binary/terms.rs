//! A term is known by one rule however its end is spelled: through the real binary, against providers that spell an end anew in each
//! answer, show old ones again, or tell dates alone. What was paid once is not paid again, and what is due is paid in time.

use std::time::Duration;

use crate::common::shard::{ShardBench, TOKEN};
use crate::common::{Bench, KEEP, KEY, in_hours};
use jiff::{SignedDuration, Timestamp};
use renewd::simulator::proxyshard::{Endpoint as ShardEndpoint, Looks, OrderSpec};
use renewd::simulator::{Aim, Answer, Distortion, Effect, Fault, Product, When};
use rstest::rstest;
use serde_json::Value;

const A: &str = "203.0.113.1";

fn one_due() -> Bench {
    let bench =
        Bench::new("100.00", &[(Product::IPv4, &[A], 24), (Product::IPv4, &["203.0.113.2"], 24 * 20)]);
    // An end with a fraction, as a database has it.
    bench.handle.with(|w| w.set_end(KEY, A, due_at()));
    bench
}

/// Tomorrow, 0.98 s past a full second.
fn due_at() -> Timestamp {
    let end = Timestamp::from_second(in_hours(24).as_second()).unwrap();
    end.checked_add(SignedDuration::from_millis(980)).unwrap()
}

fn list(bench: &Bench, wrong: Vec<Distortion>) {
    bench.handle.with(|w| w.list.wrong = wrong);
}

fn reason(bench: &Bench, document: &Value) -> String {
    bench.item(document, A)["reason"].as_str().unwrap().to_owned()
}

fn pause(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

fn spelled(end: Timestamp, form: &str) -> String {
    end.strftime(form).to_string()
}

const TO_THE_SECOND: &str = "%Y-%m-%dT%H:%M:%SZ";
const ROUNDED_UP: &str = "%Y-%m-%dT%H:%M:59Z";
const A_DATE: &str = "%Y-%m-%d";

#[rstest]
#[case::without_its_fraction(TO_THE_SECOND)]
#[case::as_it_was("%Y-%m-%dT%H:%M:%S.%3fZ")]
#[case::within_its_minute(ROUNDED_UP)]
#[case::as_a_date(A_DATE)]
fn an_old_end_that_comes_back_is_waited_for_then_held_and_told_and_never_paid(#[case] form: &str) {
    let bench = one_due();
    let old =
        bench.handle.with(|w| w.account(KEY).unwrap().rentals().iter().find(|r| r.ip == A).unwrap().end);
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.charged(A)), (0, 1), "{once:#}");
    assert_eq!(once["payments"][0]["state"], "confirmed");

    list(&bench, vec![Distortion::End(A.to_owned(), spelled(old, form))]);
    let (code, once) = bench.json(&["once"]);
    assert!(reason(&bench, &once).starts_with("accepted: its end reads"), "exit {code} {once:#}");
    assert!(reason(&bench, &once).contains("p-000001"), "{once:#}");
    pause(3_100);
    // Also where it seems to be about to lapse.
    bench.config("", &KEEP.replace("period", "urgent = \"2d\"\nperiod"));
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.item(&once, A)["decision"].as_str()), (3, Some("hold")), "{once:#}");
    assert!(reason(&bench, &once).starts_with("stale: its end reads"), "{once:#}");
    let alerts = bench.json(&["status"]).1["open_alerts"].to_string();
    assert!(alerts.contains("stale_end:yp:"), "{alerts}");
    for _ in 0..2 {
        bench.json(&["once"]);
    }
    assert_eq!((bench.charged(A), bench.payments_sent()), (1, 1));

    // The newer end is listed again: all is well, and the next term is a term of its own.
    list(&bench, Vec::new());
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 0, "{once:#}");
    let alerts = bench.json(&["status"]).1["open_alerts"].to_string();
    assert!(!alerts.contains("stale_end"), "{alerts}");
}

#[rstest]
#[case::at_once(0)]
#[case::shown_after_a_second(1_500)]
fn a_refusal_that_charged_all_the_same_is_caught_although_ends_jitter(#[case] lag: u64) {
    let bench = one_due();
    list(&bench, vec![Distortion::Jitter(400)]);
    bench.handle.set_lag(Duration::from_millis(lag));
    let no = Answer::Refusal { status: 200, code: 16, message: "no".into() };
    bench.handle.inject(Fault::on(Aim::Money).answer(no));
    for _ in 0..6 {
        bench.json(&["once"]);
        pause(900);
    }
    let history = bench.json(&["history"]).1;
    assert_eq!((bench.charged(A), bench.payments_sent()), (1, 1), "{history:#}");
    assert_eq!(history["payments"][0]["state"], "confirmed", "{history:#}");
}

#[rstest]
#[case::jitter(Distortion::Jitter(400))]
#[case::dates_now_and_then(Distortion::SometimesDates)]
fn never_is_not_bypassed_by_an_end_in_another_spelling(#[case] wrong: Distortion) {
    let bench = one_due();
    bench.config("", &KEEP.replace("period", "on_unknown = \"never\"\nperiod"));
    list(&bench, vec![wrong]);
    bench.handle.inject(Fault::on(Aim::Money).effect(Effect::Nothing).answer(Answer::Close));
    for _ in 0..9 {
        bench.json(&["once"]);
        pause(1_050);
    }
    let (_, once) = bench.json(&["once"]);
    assert_eq!((bench.charged(A), bench.payments_sent()), (0, 1), "{once:#}");
    assert!(reason(&bench, &once).starts_with("unknown_pending:"), "{once:#}");
    let history = bench.json(&["history"]).1;
    assert_eq!(history["payments"][0]["state"], "not_applied", "{history:#}");
}

#[rstest]
#[case::jitter(vec![Distortion::Jitter(400)])]
#[case::much_jitter(vec![Distortion::Jitter(20_000)])]
#[case::dates_now_and_then(vec![Distortion::SometimesDates])]
fn a_lease_whose_end_never_reads_the_same_is_paid_in_time_and_once(#[case] wrong: Vec<Distortion>) {
    let bench = one_due();
    list(&bench, wrong);
    // Quotes so slow that the lists are read again before the payment would be slower than a test may be; a lane reads them anyway.
    for _ in 0..4 {
        bench.json(&["once"]);
    }
    bench.settle(4);
    let history = bench.json(&["history"]).1;
    assert_eq!((bench.charged(A), bench.payments_sent()), (1, 1), "{history:#}");
    assert_eq!(history["payments"][0]["state"], "confirmed", "{history:#}");
}

#[test]
fn ends_told_as_dates_alone_are_paid_once_a_term_and_shown_as_dates() {
    let bench = one_due();
    let old =
        bench.handle.with(|w| w.account(KEY).unwrap().rentals().iter().find(|r| r.ip == A).unwrap().end);
    bench.handle.with(|w| w.list.dates = renewd::simulator::DateForm::DateOnly);
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.charged(A)), (0, 1), "{once:#}");
    for _ in 0..2 {
        bench.json(&["once"]);
    }
    // The lists tell the time of day from now on: the same ends.
    bench.handle.with(|w| w.list.dates = renewd::simulator::DateForm::Zulu);
    bench.json(&["once"]);
    assert_eq!((bench.charged(A), bench.payments_sent()), (1, 1));
    let ledger = rusqlite::Connection::open(bench.path("state/ledger.db")).unwrap();
    let shown: String = ledger.query_row("SELECT expires_before FROM payments", [], |r| r.get(0)).unwrap();
    assert_eq!(shown, spelled(old, A_DATE));
    let shown: String =
        ledger.query_row("SELECT expires_at FROM leases WHERE ip = ?1", [A], |r| r.get(0)).unwrap();
    assert!(shown.ends_with('Z') && shown.len() == 20, "{shown}");
}

#[rstest]
#[case::in_one_order(vec![vec!["198.51.100.7:50100", "198.51.100.7:50102"]])]
#[case::in_an_order_each(vec![vec!["198.51.100.7:50100"], vec!["198.51.100.7:50102"]])]
fn leases_behind_one_gateway_are_paid_each(#[case] orders: Vec<Vec<&str>>) {
    let due: Vec<(Product, &[&str], i64)> =
        orders.iter().map(|ips| (Product::IPv4, ips.as_slice(), 24)).collect();
    let bench = Bench::new("100.00", &due);
    // One end to the letter, so that only the port tells them apart; and each in a payment of its own.
    let end = due_at();
    for port in ["198.51.100.7:50100", "198.51.100.7:50102"] {
        bench.handle.with(|w| w.set_end(KEY, port, end));
    }
    bench.config("batch = 1", KEEP);
    for _ in 0..2 {
        bench.json(&["once"]);
    }
    let charged = |port: &str| bench.charged(&format!("198.51.100.7:{port}"));
    assert_eq!((charged("50100"), charged("50102"), bench.payments_sent()), (1, 1, 2));
    let history = bench.json(&["history", "--state", "confirmed"]).1;
    assert_eq!(history["payments"].as_array().unwrap().len(), 2, "{history:#}");
}

#[test]
fn the_term_that_was_bought_is_a_term_of_its_own() {
    let bench = one_due();
    assert_eq!((bench.json(&["once"]).0, bench.charged(A)), (0, 1));
    // A month later: the end of the term that was bought is due itself.
    let end =
        bench.handle.with(|w| w.account(KEY).unwrap().rentals().iter().find(|r| r.ip == A).unwrap().end);
    bench.config("", &KEEP.replace("before = \"3d\"", "before = \"40d\""));
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.charged(A)), (0, 2), "{once:#}");
    let now =
        bench.handle.with(|w| w.account(KEY).unwrap().rentals().iter().find(|r| r.ip == A).unwrap().end);
    assert!(now > end);
}

fn on_hold() -> (ShardBench, String, Timestamp) {
    let mut id = String::new();
    let ended = in_hours(-5);
    let bench = ShardBench::new("100.00", |w| {
        id = w.add_order(TOKEN, &OrderSpec::new("ISP Proxy", Some("US"), "monthly", ended)).unwrap();
    });
    bench.config("", "[[policy]]\nname = \"keep\"\naction = \"renew\"\n");
    let ended = bench.handle.with(|w| w.account(TOKEN).unwrap().order(&id).unwrap().expires_at).unwrap();
    (bench, id, ended)
}

#[rstest]
#[case::to_the_letter(0)]
#[case::almost(-980)]
fn an_order_that_falls_back_to_on_hold_is_not_paid_again(#[case] off: i64) {
    let (bench, id, ended) = on_hold();
    bench.settle(4);
    assert_eq!(bench.charged(&id), 1);
    let back = ended.checked_add(SignedDuration::from_millis(off)).unwrap();
    bench.handle.with(|w| w.account_mut(TOKEN).unwrap().order_mut(&id).unwrap().expires_at = Some(back));
    let (_, once) = bench.json(&["once"]);
    let said = bench.item(&once, &id)["reason"].as_str().unwrap().to_owned();
    assert!(said.starts_with("accepted: its end reads") || said.starts_with("stale:"), "{once:#}");
    pause(2_100);
    let (_, once) = bench.json(&["once"]);
    let item = bench.item(&once, &id);
    assert_eq!(item["decision"], "hold", "{item:#}");
    assert!(item["reason"].as_str().unwrap().starts_with("stale: its end reads"), "{item:#}");
    assert_eq!((bench.charged(&id), bench.sent(ShardEndpoint::Renew)), (1, 1));
    let alerts = bench.json(&["status"]).1["open_alerts"].to_string();
    assert!(alerts.contains(&format!("stale_end:ps:{id}")), "{alerts}");
}

#[rstest]
#[case::the_list_jitters(Distortion::Jitter(400))]
#[case::the_list_tells_dates_now_and_then(Distortion::SometimesDates)]
fn an_order_whose_page_and_list_spell_its_end_differently_is_paid_once(#[case] wrong: Distortion) {
    let (bench, id, _) = on_hold();
    bench.handle.with(|w| w.looks = Looks { wrong: vec![wrong.clone()], ..w.looks.clone() });
    let lost = Fault::on(Aim::Money).when(When::Nth(1)).answer(Answer::Close);
    bench.handle.inject(lost);
    bench.settle(8);
    for _ in 0..2 {
        bench.json(&["once"]);
    }
    let history = bench.json(&["history"]).1;
    assert_eq!((bench.charged(&id), bench.sent(ShardEndpoint::Renew)), (1, 1), "{history:#}");
    assert_eq!(history["payments"][0]["state"], "confirmed", "{history:#}");
}
