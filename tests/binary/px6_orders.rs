//! Buying proxies through the real binary: once, marked, and settled by that mark.
use std::time::Duration;

use renewd::simulator::px6::Endpoint;
use renewd::simulator::{Aim, Answer, Effect, Fault, When};
use rstest::rstest;
use serde_json::Value;

use crate::common::px6::{KEY, Px6Bench};
use crate::common::{in_hours, money};

const BUY: &[&str] =
    &["order", "create", "--yes", "--kind", "IPv4", "--country", "us", "--period", "30d", "--quantity", "2"];

fn quote() -> Vec<&'static str> {
    let mut quote = BUY.to_vec();
    quote[1] = "quote";
    quote.remove(2);
    quote
}

fn newest(bench: &Px6Bench) -> Value {
    bench.json(&["history"]).1["payments"][0].clone()
}

#[test]
fn a_purchase_is_priced_without_paying_and_bought_once_with_a_mark_of_its_own() {
    let bench = Px6Bench::new("100.00", &[24 * 20]);
    let (code, priced) = bench.json(&quote());
    assert_eq!((code, priced["quoted"].as_str(), bench.charges().0), (0, Some("3.60"), 0), "{priced:#}");
    for n in 1..=2 {
        let (code, bought) = bench.json(BUY);
        assert_eq!(
            (code, bought["state"].as_str(), bought["charged"].as_str()),
            (0, Some("confirmed"), Some("3.60")),
            "{bought:#}"
        );
        assert_eq!(bench.charges().0, n);
    }
    let sent = bench.sent(Endpoint::Buy);
    assert_eq!(sent.len(), 2);
    assert!(sent[0].starts_with("buy/?count=2&period=30&country=us&version=4&descr=renewd-"), "{sent:?}");
    assert!(sent[0] != sent[1] && !sent[0].contains("auto_prolong"), "{sent:?}");
    let marks: Vec<String> =
        bench.handle.with(|w| w.account(KEY).unwrap().proxies().iter().map(|p| p.descr.clone()).collect());
    assert_eq!((marks.len(), marks[1] == marks[2], marks[2] == marks[3]), (5, true, false), "{marks:?}");
}

#[rstest]
#[case::close(Answer::Close)]
#[case::unknown_error(Answer::Refusal { status: 200, code: 30, message: "Error unknown".to_owned() })]
#[case::another_answer(Answer::Without("list".to_owned()))]
fn a_lost_answer_is_settled_by_the_mark_and_by_nothing_else(#[case] answer: Answer) {
    let bench = Px6Bench::new("100.00", &[24 * 20]);
    bench.handle.set_lag(Duration::from_secs(3));
    bench.handle.inject(Fault::on(Aim::Money).when(When::Next(1)).answer(answer));
    bench.json(BUY);
    assert_eq!(newest(&bench)["state"], "unknown");
    // Somebody else buys the like meanwhile, and it is listed first.
    bench.handle.with(|w| w.add_proxy(KEY, 4, "us", "203.0.113.200", in_hours(24 * 30)));
    bench.json(&["once"]);
    assert_eq!(newest(&bench)["state"], "unknown", "what bears no mark is not it");
    bench.pass(3_100);
    bench.json(&["once"]);
    let settled = newest(&bench);
    assert_eq!(settled["state"], "confirmed", "{settled:#}");
    assert_ne!(settled["order"], bench.id("203.0.113.200").to_string());
    assert_eq!((bench.charges(), bench.sent(Endpoint::Buy).len()), ((1, money("3.60")), 1));
}

#[test]
fn a_purchase_that_never_arrived_is_shown_so_whatever_else_is_new() {
    let bench = Px6Bench::new("100.00", &[24 * 20]);
    bench
        .handle
        .inject(Fault::on(Aim::Money).when(When::Next(1)).effect(Effect::Nothing).answer(Answer::Close));
    bench.json(BUY);
    bench.handle.with(|w| w.add_proxy(KEY, 4, "us", "203.0.113.200", in_hours(24 * 30)));
    bench.settle(8);
    assert_eq!(newest(&bench)["state"], "not_applied", "{:#}", newest(&bench));
}

#[test]
fn what_cannot_be_bought_is_told_before_anything_is_sent() {
    let bench = Px6Bench::new("100.00", &[24 * 20]);
    bench.handle.with(|w| w.stock = 1);
    let (code, held) = bench.json(BUY);
    assert_eq!((code, held["error"]["kind"].as_str()), (3, Some("provider_warning")), "{held:#}");
    let (code, held) =
        bench.json(&["order", "quote", "--kind", "IPv4", "--country", "zz", "--period", "30d"]);
    assert!(code != 0 && held.to_string().contains("country"), "{held:#}");
    assert!(bench.sent(Endpoint::Buy).is_empty());
    for more in [["--goal", "shop"], ["--auth", "login"], ["--promo", "X"], ["--kind", "ISP"]] {
        let mut args: Vec<&str> = quote();
        if more[0] == "--kind" {
            args.retain(|arg| !["--kind", "IPv4"].contains(arg));
        }
        args.extend(more);
        let out = bench.command(&args).output().unwrap();
        let text = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
        assert!(!out.status.success() && text.contains(more[0].trim_start_matches("--")), "{more:?}: {text}");
    }
}
