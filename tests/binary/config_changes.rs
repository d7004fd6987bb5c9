//! `renewd check --diff`: what another config would change, by what is on record.
use serde_json::{Value, json};

use crate::common::{self, Bench, in_hours, signal, until};
use renewd::simulator::Product;
use rustix::process::Signal;

fn bench() -> Bench {
    let bench = Bench::new("100.00", &[]);
    bench.handle.with(|w| {
        w.add_order(common::KEY, Product::IPv4, "USA", &["203.0.113.1", "203.0.113.2"], in_hours(30))
            .unwrap();
        w.add_order(common::KEY, Product::IPv4, "DEU", &["203.0.113.3"], in_hours(600)).unwrap();
    });
    bench.config("", common::KEEP);
    assert_eq!(bench.json(&["once"]).0, 0);
    bench
}

/// The same config with these policies.
fn with(bench: &Bench, policies: &str) -> Value {
    with_all(bench, common::KEEP, policies)
}

/// The same with those in the place of these.
fn with_all(bench: &Bench, these: &str, those: &str) -> Value {
    let old = std::fs::read_to_string(bench.path("renewd.toml")).unwrap();
    std::fs::write(bench.path("new.toml"), old.replace(these, those)).unwrap();
    let asked = bench.handle.requests().len();
    let (code, diff) = bench.json(&["check", "--diff", bench.path("new.toml").to_str().unwrap()]);
    assert_eq!((code, bench.handle.requests().len()), (0, asked), "it asks no provider: {diff:#}");
    diff
}

fn changed(diff: &Value) -> Vec<String> {
    let one = |c: &Value| format!("{} {} {} {}", c["ip"], c["from"], c["to"], c["amount"]).replace('"', "");
    let mut all: Vec<String> = diff["changes"].as_array().unwrap().iter().map(one).collect();
    all.sort();
    all
}

#[test]
fn each_lease_whose_decision_changes_is_told_with_the_money_it_means() {
    let bench = bench();
    let same = with(&bench, &common::KEEP.replace("\"keep\"", "\"kept\"\nwas = [\"keep\"]"));
    assert_eq!((&same["changes"], &same["totals"]["leases"]), (&json!([]), &json!(0)), "{same:#}");
    let release = "[[policy]]\nname = \"let-go\"\nmatch.country = [\"usa\"]\naction = \"release\"\n";
    let less = with(&bench, &format!("{release}{}", common::KEEP));
    assert_eq!(
        changed(&less),
        ["203.0.113.1 wait release 2.65", "203.0.113.2 wait release 2.65"],
        "{less:#}"
    );
    assert_eq!((&less["totals"]["less"], &less["totals"]["more"]), (&json!({ "USD": "5.30" }), &json!({})));
    assert_eq!(
        (&less["changes"][0]["policy_from"], &less["changes"][0]["policy_to"]),
        (&json!("keep"), &json!("let-go"))
    );
    let capped = with(
        &bench,
        &format!("{}max_price = \"1.00\"\n", common::KEEP.replace("[\"30d\", \"90d\"]", "\"30d\"")),
    );
    assert_eq!(
        changed(&capped)[..2],
        ["203.0.113.1 wait hold 2.65", "203.0.113.2 wait hold 2.65"],
        "{capped:#}"
    );
    let nobody = with(&bench, "[[policy]]\nname = \"usa\"\nmatch.country = [\"usa\"]\naction = \"renew\"\n");
    assert_eq!(changed(&nobody).len(), 1, "{nobody:#}");
    let out = bench.renewd(&["check", "--diff", bench.path("new.toml").to_str().unwrap()]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(
        text.contains("wait → watch")
            && text.contains("keep → no policy")
            && text.contains("1 of 3 leases change"),
        "{text}"
    );
}

#[test]
fn leases_that_are_renewed_for_another_term_are_told_with_both() {
    let bench = bench();
    let longer = with(&bench, &common::KEEP.replace("[\"30d\", \"90d\"]", "\"90d\""));
    let totals = &longer["totals"];
    assert_eq!((&totals["leases"], &totals["terms"]), (&json!(0), &json!(3)), "{longer:#}");
    assert_eq!(totals["unknown_prices"], json!(3), "nobody asked what 90 days cost: {longer:#}");
    for change in longer["changes"].as_array().unwrap() {
        assert_eq!((&change["from"], &change["to"]), (&json!("wait"), &json!("wait")));
        assert_eq!((&change["days_from"], &change["days_to"]), (&json!(30), &json!(90)));
        assert_eq!(change["amount_to"], Value::Null);
    }
    let out = bench.renewd(&["check", "--diff", bench.path("new.toml").to_str().unwrap()]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(text.contains("30d → 90d") && text.contains("3 leases are renewed for another term"), "{text}");
    // What both prices are is said where they were read: here those of the term that was paid last.
    bench.config("", &common::KEEP.replace("[\"30d\", \"90d\"]", "\"90d\""));
    let back = with_all(&bench, &common::KEEP.replace("[\"30d\", \"90d\"]", "\"90d\""), common::KEEP);
    let paid = back["changes"].as_array().unwrap().iter().find(|c| c["ip"] == "203.0.113.1").unwrap();
    assert_eq!((&paid["days_to"], &paid["amount_to"]), (&json!(30), &json!("2.65")), "{back:#}");
}

/// The fifteenth that is neither near nor far, at noon: a lease that ends then falls due in the same month.
fn a_fifteenth() -> jiff::Timestamp {
    let today = in_hours(0).to_zoned(jiff::tz::TimeZone::UTC).date();
    let this = today.first_of_month().checked_add(jiff::ToSpan::days(14)).unwrap();
    let day = match today.day() {
        ..=9 => this,
        _ => this.checked_add(jiff::ToSpan::months(1)).unwrap(),
    };
    day.at(12, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp()
}

#[test]
fn leases_that_another_budget_no_longer_covers_are_told() {
    let bench = bench();
    bench.handle.with(|w| {
        w.add_order(common::KEY, Product::IPv4, "USA", &["203.0.113.4"], a_fifteenth()).unwrap();
    });
    bench.json(&["once"]);
    let budget = "[[budget]]\nname = \"none\"\nper = \"month\"\nlimit = \"0.00\"\ncurrency = \"USD\"\n";
    let held = with(&bench, &format!("{}{budget}", common::KEEP));
    assert!(changed(&held).contains(&"203.0.113.4 wait hold 2.65".to_owned()), "{held:#}");
    assert!(held["totals"]["less"]["USD"].is_string(), "{held:#}");
    let cycle = with(&bench, &format!("{}{}", common::KEEP, budget.replace("month", "cycle")));
    assert!(changed(&cycle).contains(&"203.0.113.1 wait hold 2.65".to_owned()), "{cycle:#}");
}

#[test]
fn a_config_that_is_wrong_is_told_as_by_check() {
    let bench = bench();
    std::fs::write(bench.path("new.toml"), "[[policy]]\nname = 3\n").unwrap();
    let (code, told) = bench.json(&["check", "--diff", bench.path("new.toml").to_str().unwrap()]);
    assert_eq!(code, 2, "{told:#}");
    assert!(told.to_string().contains("policy[1].name"), "{told:#}");
}

#[test]
fn a_reload_says_how_many_leases_change_and_the_money_it_means() {
    let bench = bench();
    let mut child = bench.spawn(&["run"]);
    until("a whole cycle", 20, || bench.log().contains("cycle done"));
    assert_eq!(bench.json(&["status"]).1["last_reload"], Value::Null);

    let release = "[[policy]]\nname = \"let-go\"\nmatch.country = [\"usa\"]\naction = \"release\"\n";
    bench.config("", &format!("{release}{}", common::KEEP));
    signal(&child, Signal::HUP);
    let said = "2 of 3 leases are decided otherwise: less is renewed: 5.30 USD a term";
    until("it is said", 20, || bench.log().contains(said));
    let record = bench.json(&["status"]).1["last_reload"].clone();
    assert_eq!((&record["leases"], &record["less"]), (&json!(2), &json!({ "USD": "5.30" })), "{record:#}");
    until("people are told", 20, || {
        bench.log().contains("The new config changes the decision for 2 of 3 leases")
    });

    // The same config again moves nothing, and nobody is told.
    let told = bench.log().matches("The new config changes").count();
    assert!(told > 0, "{}", bench.log());
    signal(&child, Signal::HUP);
    until("it is said", 20, || bench.log().contains("0 of 3 leases are decided otherwise"));
    assert_eq!(bench.log().matches("The new config changes").count(), told);
    assert_eq!(bench.json(&["status"]).1["last_reload"]["leases"], json!(0));

    // Another term alone moves money, too.
    let longer = common::KEEP.replace("[\"30d\", \"90d\"]", "\"90d\"");
    bench.config("", &format!("{release}{longer}"));
    signal(&child, Signal::HUP);
    let said = "The new config changes the term for 1 of 3 leases";
    until("people are told", 20, || bench.log().contains(said));
    signal(&child, Signal::TERM);
    child.wait().unwrap();
    let record = bench.json(&["status"]).1["last_reload"].clone();
    assert_eq!((&record["leases"], &record["terms"]), (&json!(0), &json!(1)), "{record:#}");
}
