//! `renewd keep` as people use it: a planned release is taken back for one lease, beside a running daemon, until a day or until somebody
//! ends it; plan, payments, budgets and forecast say one thing.
use renewd::simulator::Product;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::common::{Bench, in_hours, signal, until};

const A: &str = "203.0.113.1";
const B: &str = "203.0.113.2";

/// `go` lets everything lapse; `paid` is there to be kept like, with a budget of its own.
const GO: &str = r#"
[[policy]]
name = "go"
action = "release"
before = "3d"
match = { account = ["yp"] }
"#;
const PAID: &str = r#"
[[policy]]
name = "paid"
action = "renew"
before = "3d"
period = "30d"
[[budget]]
name = "of-paid"
policy = ["paid"]
per = "month"
limit = "50.00"
currency = "USD"
"#;

fn bench(hours: i64) -> Bench {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], hours), (Product::IPv4, &[B], hours)]);
    bench.config("", &format!("{GO}{PAID}"));
    bench.json(&["once"]);
    bench
}

fn said(bench: &Bench, args: &[&str]) -> String {
    let out = bench.renewd(args);
    String::from_utf8([out.stdout, out.stderr].concat()).unwrap()
}

fn alerts(bench: &Bench) -> Vec<String> {
    let status = bench.json(&["status"]).1;
    let key = |alert: &Value| alert["key"].as_str().unwrap().to_owned();
    status["open_alerts"].as_array().unwrap().iter().map(key).collect()
}

fn decision(bench: &Bench, ip: &str) -> (String, String) {
    let item = bench.item(&bench.json(&["plan"]).1, ip).clone();
    (item["decision"].as_str().unwrap().to_owned(), item["reason"].as_str().unwrap().to_owned())
}

#[test]
fn a_kept_lease_is_paid_as_that_policy_says_and_its_neighbour_is_let_go() {
    let bench = bench(48);
    assert_eq!(bench.payments_sent(), 0);
    let renewed = |bench: &Bench| bench.json(&["forecast"]).1["expiries"][0]["renew"].clone();
    assert_eq!(renewed(&bench), 0);

    let (code, kept) = bench.json(&["keep", A, "--like", "paid"]);
    assert_eq!(
        (code, &kept["kept"][0]["ip"], &kept["kept"][0]["like"]),
        (0, &json!(A), &json!("paid")),
        "{kept:#}"
    );
    assert!(kept["kept"][0]["by"].is_string() && kept["kept"][0]["since"].is_string(), "{kept:#}");
    assert_eq!(renewed(&bench), 1, "the forecast knows it at once");

    let plan = bench.json(&["plan"]).1;
    let item = bench.item(&plan, A);
    assert_eq!(
        (&item["decision"], &item["policy"], &item["kept"]["like"]),
        (&json!("renew"), &json!("paid"), &json!("paid"))
    );
    assert!(item["reason"].as_str().unwrap().contains("kept like `paid` by "), "{item:#}");
    assert_eq!(
        (&bench.item(&plan, B)["decision"], &bench.item(&plan, B)["kept"]),
        (&json!("release"), &Value::Null)
    );
    let explained = bench.json(&["explain", A]).1;
    let steps = explained["items"][0]["steps"].as_array().unwrap();
    assert!(steps.iter().any(|s| s["what"] == "kept"), "{explained:#}");
    assert!(said(&bench, &["explain", A]).contains("decides (an operator keeps the lease like it)"));
    let status = bench.json(&["status"]).1;
    assert_eq!(
        (&status["keeps"][0]["ip"], &status["keeps"][0]["policy_missing"]),
        (&json!(A), &json!(false))
    );
    assert!(said(&bench, &["status"]).contains(&format!("kept: {A} of account yp like policy `paid` by ")));

    bench.json(&["once"]);
    assert_eq!((bench.charged(A), bench.charged(B)), (1, 0));
    let payment = bench.json(&["history"]).1["payments"][0].clone();
    assert_eq!(payment["policy"], "paid");
    assert_eq!(
        bench.json(&["status"]).1["budgets"][0]["spent"],
        "2.65",
        "it counts where that policy counts"
    );
    let leases = said(&bench, &["leases", "--csv"]);
    assert!(leases.lines().any(|l| l.contains(A) && l.ends_with(",paid,")), "{leases}");
    assert!(bench.paid_twice().is_empty());
}

#[test]
fn what_is_kept_no_longer_is_let_go_again() {
    let bench = bench(48);
    bench.json(&["keep", A, "--like", "paid"]);
    assert_eq!(decision(&bench, A).0, "renew");
    let (code, ended) = bench.json(&["keep", A, "--off"]);
    assert_eq!((code, &ended["ended"][0]["ip"]), (0, &json!(A)));
    assert_eq!(decision(&bench, A).0, "release");
    assert_eq!(bench.json(&["keep", A, "--off"]).0, 2, "nothing is kept");
    bench.json(&["once"]);
    assert_eq!(bench.payments_sent(), 0);
}

#[test]
fn keeping_again_replaces_what_was_said_and_says_so() {
    let bench = bench(48);
    let day = in_hours(24 * 20).to_string()[..10].to_owned();
    bench.json(&["keep", A, "--like", "paid", "--until", &day]);
    let (_, again) = bench.json(&["keep", A, "--like", "paid"]);
    assert_eq!(again["replaced"][0]["until"], json!(day));
    assert_eq!(bench.json(&["status"]).1["keeps"].as_array().unwrap().len(), 1);
}

#[test]
fn a_keep_is_over_once_its_lease_lasts_until_its_day_and_that_is_told_once() {
    let bench = bench(48);
    let day = in_hours(24 * 10).to_string()[..10].to_owned();
    assert_eq!(bench.json(&["keep", A, "--like", "paid", "--until", &day]).0, 0);
    bench.json(&["once"]);
    assert_eq!(bench.charged(A), 1);
    bench.pass(3_500);
    bench.json(&["once"]);
    assert_eq!(decision(&bench, A).0, "release", "it lasts for a month now");
    assert!(alerts(&bench).contains(&format!("keep_ended:yp:{day}")), "{:?}", alerts(&bench));
    assert_eq!(bench.json(&["status"]).1["keeps"], json!([]));
    bench.json(&["once"]);
    assert_eq!(bench.charged(A), 1);
    assert_eq!(alerts(&bench).iter().filter(|key| key.starts_with("keep_ended")).count(), 0);
}

#[test]
fn a_keep_is_over_on_its_day() {
    let bench = bench(24 * 20);
    let day = in_hours(24 * 30).to_string()[..10].to_owned();
    let (code, refused) =
        bench.json(&["keep", A, "--like", "paid", "--until", &in_hours(24 * 5).to_string()[..10]]);
    assert_eq!(code, 2, "it lasts until then anyway: {refused:#}");
    assert_eq!(bench.json(&["keep", A, "--like", "paid", "--until", &day]).0, 0);
    assert_eq!(decision(&bench, A).0, "wait");
    // Nobody looks before its day has come: what lapsed meanwhile is not paid, and nothing is kept.
    bench.pass(1_000 * 3_600 * 24 * 31);
    bench.json(&["once"]);
    assert_eq!((bench.payments_sent(), &bench.json(&["status"]).1["keeps"]), (0, &json!([])));
}

#[test]
fn a_keep_whose_policy_is_gone_holds_its_lease_and_is_told() {
    let bench = bench(48);
    bench.json(&["keep", A, "--like", "paid"]);
    bench.config("", GO);
    let (decision_now, reason) = decision(&bench, A);
    assert_eq!(decision_now, "hold", "{reason}");
    assert!(reason.starts_with("keep_lost: kept like `paid`"), "{reason}");
    assert_eq!(bench.json(&["once"]).0, 3);
    assert_eq!(bench.payments_sent(), 0);
    assert!(alerts(&bench).contains(&"keep_lost:yp".to_owned()), "{:?}", alerts(&bench));
    let status = bench.json(&["status"]).1;
    assert_eq!((&status["healthy"], &status["keeps"][0]["policy_missing"]), (&json!(false), &json!(true)));
    assert_eq!(status["warnings"][0]["word"], "keep_lost", "{status:#}");

    // Under another name it is the same policy.
    bench.config(
        "",
        &format!(
            "{GO}{}",
            PAID.replacen("\"paid\"", "\"renamed\"\nwas = [\"paid\"]", 1)
                .replace("[\"paid\"]\nper", "[\"renamed\"]\nper")
        ),
    );
    assert_eq!(decision(&bench, A).0, "renew");
    bench.json(&["once"]);
    assert_eq!(bench.charged(A), 1);
}

#[test]
fn an_order_that_is_only_sold_whole_is_kept_whole() {
    let six = ["2001:db8::1", "2001:db8::2"];
    let bench = Bench::new("100.00", &[(Product::IPv6, &six, 48)]);
    bench.config("", &format!("{GO}{}", PAID.replace("\"30d\"", "\"90d\"")));
    bench.json(&["once"]);
    let (_, kept) = bench.json(&["keep", six[0], "--like", "paid"]);
    assert_eq!(kept["kept"].as_array().unwrap().len(), 2, "{kept:#}");
    bench.json(&["once"]);
    assert_eq!((bench.charged(six[0]), bench.charged(six[1])), (1, 1));
}

#[test]
fn what_cannot_be_kept_is_refused_and_nothing_is_written() {
    let bench = bench(48);
    for args in [
        vec![A],
        vec![A, "--like", "nobody"],
        vec![A, "--like", "go"],
        vec!["198.51.100.9", "--like", "paid"],
        vec![A, "--like", "paid", "--until", "soon"],
        vec![A, "--like", "paid", "--until", "2020-01-01"],
        vec![A, "--off", "--like", "paid"],
    ] {
        let out = bench.renewd(&[vec!["keep"], args.clone()].concat());
        assert_eq!(out.status.code(), Some(2), "{args:?}");
    }
    bench.config("", "nonsense = 1\n");
    assert_eq!(bench.renewd(&["keep", A, "--like", "paid"]).status.code(), Some(2));
    assert_eq!(bench.json(&["status"]).1["keeps"], json!([]));
}

#[test]
fn a_running_daemon_follows_what_is_kept() {
    let bench = bench(48);
    let mut child = bench.spawn(&["run"]);
    until("a whole cycle", 20, || bench.log().contains("cycle done"));
    assert_eq!(bench.payments_sent(), 0);
    assert_eq!(bench.json(&["keep", A, "--like", "paid"]).0, 0);
    until("the lease is paid", 30, || bench.charged(A) == 1);
    signal(&child, Signal::TERM);
    child.wait().unwrap();
    assert_eq!((bench.charged(A), bench.charged(B)), (1, 0));
}
