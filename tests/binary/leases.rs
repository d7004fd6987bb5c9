//! `renewd leases`: the fleet as of the last cycle, for people, scripts and spreadsheets, without asking any provider.
use serde_json::json;

use crate::common::{self, Bench, in_hours};
use renewd::simulator::Product;
use serde_json::Value;

fn bench() -> Bench {
    let bench = Bench::new("100.00", &[]);
    bench.handle.with(|w| {
        w.add_order(common::KEY, Product::IPv4, "USA", &["203.0.113.1", "203.0.113.2"], in_hours(30))
            .unwrap();
        w.add_order(common::KEY, Product::IPv4, "DEU", &["203.0.113.3"], in_hours(600)).unwrap();
    });
    bench
}

const LABELS: &str = "[[label]]\nname = \"client-a\"\nmatch.country = [\"usa\"]\n[[label]]\nname = \"vip\"\nmatch.ip = [\"203.0.113.2\"]\n";

#[test]
fn every_lease_is_shown_as_the_last_cycle_left_it() {
    let bench = bench();
    bench.config("", &format!("{}{LABELS}", common::KEEP));
    let none = bench.json(&["leases"]).1;
    assert_eq!((&none["at"], &none["leases"]), (&json!(null), &json!([])), "nothing was read yet: {none:#}");
    assert_eq!(bench.json(&["once"]).0, 0);
    let asked = bench.handle.requests().len();
    let (code, all) = bench.json(&["leases"]);
    assert_eq!(bench.handle.requests().len(), asked, "the provider was asked");
    let plan = bench.json(&["plan"]).1;
    assert_eq!((code, all["schema"].clone()), (0, json!(1)));
    assert!(all["at"].is_string());
    assert_eq!(all["leases"].as_array().unwrap().len(), 3);
    for lease in all["leases"].as_array().unwrap() {
        let ip = lease["ip"].as_str().unwrap();
        let planned = bench.item(&plan, ip);
        for key in [
            "account",
            "lease",
            "order",
            "kind",
            "country",
            "expires_at",
            "stage",
            "policy",
            "due_at",
            "labels",
        ] {
            assert_eq!(lease[key], planned[key], "{key} of {ip}");
        }
    }
    let one = |ip: &str| bench.item(&json!({ "items": all["leases"] }), ip).clone();
    assert_eq!(one("203.0.113.2")["labels"], json!(["client-a", "vip"]));
    assert_eq!(
        (&one("203.0.113.1")["last_price"], &one("203.0.113.3")["last_price"]),
        (&json!("2.65"), &json!(null))
    );
    let held = bench.json(&["leases", "--decision", "hold"]).1;
    assert_eq!(held["leases"], json!([]));
    let count =
        |decision| bench.json(&["leases", "--decision", decision]).1["leases"].as_array().unwrap().len();
    assert_eq!((count("renew"), count("wait")), (2, 1), "as the last cycle decided");
    for wrong in [["--decision", "maybe"], ["--account", "nobody"]] {
        assert_eq!(bench.json(&["leases", wrong[0], wrong[1]]).0, 2, "{wrong:?}");
    }
}

#[test]
fn a_spreadsheet_runs_nothing_of_the_csv() {
    let bench = bench();
    bench.config("", &format!("{}[[label]]\nname = \"-2+3\"\nmatch.country = [\"usa\"]\n", common::KEEP));
    assert!(bench.json(&["once"]).0 == 2, "a label is letters, digits and a few signs");
    bench.config(
        "",
        &format!(
            "{}[[label]]\nname = \"-2\"\nmatch.country = [\"usa\"]\n",
            common::KEEP.replace("\"keep\"", "\"=HYPERLINK(1)\"")
        ),
    );
    assert_eq!(bench.json(&["once"]).0, 0);
    let out = bench.renewd(&["leases", "--csv"]);
    assert!(out.status.success(), "{out:?}");
    let text = String::from_utf8(out.stdout).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let head: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let at = |name: &str| head.iter().position(|h| h == name).unwrap();
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| &row[at("policy")] == "'=HYPERLINK(1)"), "{text}");
    assert!(rows.iter().all(|row| row.iter().all(|cell| !cell.starts_with(['=', '+', '@']))), "{text}");
}

#[test]
fn what_was_paid_since_is_not_told_as_still_to_be_paid() {
    const A: &str = "203.0.113.1";
    let bench = bench();
    bench.config("", &format!("{}max_price = \"1.00\"\n", common::KEEP));
    let held = bench.json(&["explain", A]).1["next"].as_str().unwrap().to_owned();
    assert!(held.contains("price_cap") || held.contains("max_price"), "{held}");
    assert!(held.contains("; renewd looks again in the next cycle, on schedule in "), "{held}");
    assert!(held.contains("; it ends in "), "{held}");

    bench.config("", common::KEEP);
    let due = bench.json(&["explain", A]).1["next"].as_str().unwrap().to_owned();
    assert!(due.starts_with("next: paid in the next cycle, on schedule in "), "{due}");
    assert_eq!(bench.json(&["once"]).0, 0);

    let explained = bench.json(&["explain", "--stored", A]).1;
    let item = &explained["items"][0];
    assert_eq!((&item["decision"], &item["stage"]), (&json!("renew"), &json!("early")), "{explained:#}");
    let reason = item["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("due: it was due in the last cycle and is renewed since; due again in "),
        "{reason}"
    );
    assert!(explained["next"].as_str().unwrap().starts_with("next: due in "), "{explained:#}");
    let leases = bench.json(&["leases"]).1;
    let listed = bench.item(&json!({ "items": leases["leases"] }), A).clone();
    assert!(
        listed["reason"].as_str().unwrap().starts_with("due: it was due in the last cycle and is "),
        "{listed:#}"
    );
}

#[test]
fn what_a_payment_is_open_for_is_not_told_as_still_to_be_paid() {
    let bench = bench();
    bench.config("", common::KEEP);
    bench.handle.set_lag(std::time::Duration::from_secs(3_600));
    bench.json(&["once"]);
    let explained = bench.json(&["explain", "--stored", "203.0.113.1"]).1;
    let paid = bench.json(&["history"]).1["payments"][0]["intent"].as_str().unwrap().to_owned();
    for said in [&explained["items"][0]["reason"], &explained["next"]] {
        let said = said.as_str().unwrap();
        assert!(said.contains(&format!("its payment {paid} was accepted")), "{said}");
    }
}

#[test]
fn payments_have_the_labels_of_their_day_and_forecasts_those_of_now() {
    let bench = bench();
    bench.config("", &format!("{}{LABELS}", common::KEEP));
    assert_eq!(bench.json(&["once"]).0, 0);
    bench.config("", &format!("{}{}", common::KEEP, LABELS.replace("client-a", "client-b")));

    let history = bench.json(&["history"]).1;
    let paid = &history["payments"][0];
    assert_eq!(paid["labels"], json!(["client-a", "vip"]), "{history:#}");
    let of = |ip: &str| {
        let leases = bench.json(&["leases"]).1;
        let lease = bench.item(&json!({ "items": leases["leases"] }), ip)["lease"].clone();
        let place = paid["leases"].as_array().unwrap().iter().position(|l| *l == lease).unwrap();
        paid["lease_labels"][place].clone()
    };
    assert_eq!((of("203.0.113.1"), of("203.0.113.2")), (json!(["client-a"]), json!(["client-a", "vip"])));
    let csv = |args: &[&str]| {
        let text = String::from_utf8(bench.renewd(args).stdout).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let place = reader.headers().unwrap().iter().position(|h| h == "labels").expect("a column");
        reader.records().map(|row| row.unwrap()[place].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(csv(&["history", "--csv"]), ["client-a;vip"]);

    let seen = bench.json(&["forecast", "--days", "30"]).1;
    let sums = |of: &Value| {
        let one = |l: &Value| format!("{} {} {}", l["label"], l["due"], l["amount"]).replace('"', "");
        of.as_array().unwrap().iter().map(one).collect::<Vec<_>>()
    };
    assert_eq!(sums(&seen["labels"]), ["client-b 2 5.30", "vip 1 2.65"], "{seen:#}");
    let days: Vec<_> = seen["days"].as_array().unwrap().iter().map(|day| sums(&day["labels"])).collect();
    assert!(days.contains(&sums(&seen["labels"])), "{seen:#}");
    assert!(csv(&["forecast", "--days", "30", "--csv"]).contains(&"client-b=5.30;vip=2.65".to_owned()));
    let text = String::from_utf8(bench.renewd(&["forecast", "--days", "30"]).stdout).unwrap();
    assert!(text.contains("client-b"), "{text}");
}
