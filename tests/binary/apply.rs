//! `plan --out` and `apply` through the real binary: what was approved is paid once and to the letter, or not at all.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::common::{self, Bench, KEEP, in_hours, money, until};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use renewd::ledger::sqlite::{Access, open};
use renewd::simulator::{Aim, Answer, Effect, Endpoint, Fault, Product, When};
use renewd::views::plan_file;
use serde_json::{Value, json};

const A: &str = "203.0.113.1";
const B: &str = "203.0.113.2";
const C: &str = "203.0.113.3";
const LATER: &str = "203.0.113.9";

/// A batch of two, one of another kind, and one that is not due.
fn fleet() -> Bench {
    Bench::new(
        "100.00",
        &[(Product::IPv4, &[A, B], 24), (Product::Isp, &[C], 30), (Product::IPv4, &[LATER], 24 * 20)],
    )
}

fn file(bench: &Bench) -> PathBuf {
    bench.path("reviewed.plan")
}

/// Makes a plan; gives the file's content.
fn plan(bench: &Bench) -> Value {
    let (code, document) = bench.json(&["plan", "--out", file(bench).to_str().unwrap()]);
    assert!(code == 0 || code == 3, "{code} {document:#}");
    serde_json::from_slice(&fs::read(file(bench)).unwrap()).unwrap()
}

/// A cycle that pays nothing has made one.
fn with_a_ledger(bench: &Bench) {
    bench.json(&["pause"]);
    bench.json(&["once"]);
    bench.json(&["resume"]);
}

fn apply(bench: &Bench) -> (i32, Value) {
    bench.json(&["apply", file(bench).to_str().unwrap()])
}

/// Exit 3, the word, and not one payment.
fn refused(bench: &Bench, kind: &str, words: &str) {
    let sent = bench.payments_sent();
    let (code, document) = apply(bench);
    assert_eq!(
        (code, &document["error"]["kind"], &document["outcome"]),
        (3, &kind.into(), &kind.into()),
        "{document:#}"
    );
    let message = document["error"]["message"].as_str().unwrap();
    assert!(message.contains(words), "{message}");
    assert_eq!(document["payments"], json!([]), "{document:#}");
    assert_eq!(bench.payments_sent(), sent);
    let out = bench.renewd(&["apply", file(bench).to_str().unwrap()]);
    let text = [out.stdout, out.stderr].map(|t| String::from_utf8(t).unwrap()).concat();
    assert_eq!(out.status.code(), Some(3));
    assert!(text.contains("nothing was paid") && text.contains(words), "{text}");
    assert_eq!(bench.payments_sent(), sent);
}

/// Fits the seal to a changed content, as somebody who knows how would.
fn reseal(bench: &Bench, change: impl FnOnce(&mut Value)) {
    let mut content: Value = serde_json::from_slice(&fs::read(file(bench)).unwrap()).unwrap();
    content.as_object_mut().unwrap().remove("sha256");
    change(&mut content);
    let digest = <sha2::Sha256 as sha2::Digest>::digest(content.to_string());
    content["sha256"] = digest.iter().map(|b| format!("{b:02x}")).collect::<String>().into();
    fs::write(file(bench), content.to_string()).unwrap();
}

#[test]
fn an_approved_plan_is_paid_once_and_exactly() {
    let bench = fleet();
    let content = plan(&bench);
    assert_eq!(bench.payments_sent(), 0);
    assert_eq!(fs::metadata(file(&bench)).unwrap().permissions().mode() & 0o777, 0o600);
    let sets = content["apply"]["sets"].as_array().unwrap();
    assert_eq!(sets.len(), 2, "{content:#}");
    assert_eq!(content["items"].as_array().unwrap().len(), 4);
    let (code, document) = apply(&bench);
    assert_eq!((code, &document["outcome"]), (0, &"ok".into()), "{document:#}");
    assert_eq!(document["payments"].as_array().unwrap().len(), 2);
    let prices = sets.iter().map(|s| money(s["price"].as_str().unwrap()));
    assert_eq!(bench.charges(), (2, renewd::domain::Money::sum(prices).unwrap()));
    assert_eq!([A, B, C, LATER].map(|ip| bench.charged(ip)), [1, 1, 1, 0]);
    refused(&bench, "used", "was used at");
    assert_eq!(bench.charges().0, 2);
}

#[test]
fn people_read_what_was_paid_and_what_was_not() {
    let bench = fleet();
    plan(&bench);
    bench.handle.inject(Fault::on(Aim::Quotes).when(When::Next(1)).effect(Effect::Surcharge(money("1.00"))));
    let out = bench.renewd(&["apply", file(&bench).to_str().unwrap()]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert_eq!(out.status.code(), Some(3), "{text}");
    assert!(text.contains("not paid: 203.0.113.1 +1: price_cap: "), "{text}");
    assert!(text.contains("1 of 2 payments of the plan were made"), "{text}");
}

#[test]
fn a_plan_writes_nothing_to_the_ledger_and_makes_none() {
    let bench = fleet();
    plan(&bench);
    assert!(!bench.path("state/ledger.db").exists());
    assert_eq!(bench.json(&["once"]).0, 0);
    let before = fs::read(bench.path("state/ledger.db")).unwrap();
    plan(&bench);
    assert_eq!(fs::read(bench.path("state/ledger.db")).unwrap(), before);
}

#[test]
fn a_plan_overwrites_a_plan_and_nothing_else() {
    let bench = fleet();
    let target = file(&bench);
    let first = plan(&bench);
    let second = plan(&bench);
    assert_ne!(first["apply"]["id"], second["apply"]["id"]);
    let document = bench.json(&["plan"]).1.to_string();
    for other in ["not a plan\n", "", "{}", &document] {
        fs::write(&target, other).unwrap();
        let requests = bench.handle.requests().len();
        let out = bench.renewd(&["plan", "--out", target.to_str().unwrap()]);
        assert_eq!(out.status.code(), Some(2), "{other}");
        assert_eq!(fs::read_to_string(&target).unwrap(), other);
        assert_eq!(bench.handle.requests().len(), requests, "the provider was asked");
    }
    for odd in [bench.dir.path().to_path_buf(), bench.path("no/such/folder/plan"), "/dev/null".into()] {
        let out = bench.renewd(&["plan", "--out", odd.to_str().unwrap()]);
        assert_eq!(out.status.code(), Some(2), "{}", odd.display());
    }
    let left: Vec<_> = fs::read_dir(bench.dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "key, config and plan, no leftovers: {left:?}");
}

#[test]
fn an_edited_plan_pays_nothing() {
    let bench = fleet();
    plan(&bench);
    let text = fs::read_to_string(file(&bench)).unwrap();
    for (from, to) in [(B, LATER), ("\"attempt\": 1", "\"attempt\": 2"), ("not_due", "due_now")] {
        let edited = text.replacen(from, to, 1);
        assert_ne!(edited, text, "{from}");
        fs::write(file(&bench), edited).unwrap();
        refused(&bench, "edited", "edited since");
    }
    // How it is laid out is not its content.
    let content: Value = serde_json::from_str(&text).unwrap();
    fs::write(file(&bench), content.to_string()).unwrap();
    assert_eq!(apply(&bench).0, 0);
}

#[test]
fn what_is_no_plan_file_is_a_usage_error() {
    let bench = fleet();
    let content = plan(&bench);
    let text = content.to_string();
    let schema = |n: Value| {
        let mut other = content.clone();
        other["schema"] = n;
        other.to_string()
    };
    let no_seal = {
        let mut other = content.clone();
        other.as_object_mut().unwrap().remove("sha256");
        other.to_string()
    };
    for bad in [
        String::new(),
        "garbage".into(),
        "[]".into(),
        text[..text.len() / 2].into(),
        schema(2.into()),
        schema("1".into()),
        no_seal,
    ] {
        fs::write(file(&bench), &bad).unwrap();
        let (code, document) = apply(&bench);
        assert_eq!((code, &document["error"]["kind"]), (2, &"usage".into()), "{bad}");
    }
    fs::remove_file(file(&bench)).unwrap();
    assert_eq!(apply(&bench).0, 2);
    assert_eq!(bench.payments_sent(), 0);
}

#[test]
fn a_plan_with_a_forged_seal_still_pays_only_what_is_due_and_as_it_is() {
    type Change = fn(&mut Value);
    let forge: [(&str, Change); 6] = [
        ("renewed, and is not", |c| {
            let leases = c["items"].as_array().unwrap();
            let later = leases.iter().find(|i| i["ip"] == LATER).unwrap().clone();
            c["apply"]["sets"][1]["leases"][0] = json!({"lease": later["lease"], "order": later["order"], "ip": LATER, "expires_at": later["expires_at"]});
            c["apply"]["sets"][1]["kind"] = "IPv4".into();
        }),
        ("another term", |c| c["apply"]["sets"][0]["period_days"] = 90.into()),
        ("another term", |c| c["apply"]["sets"][0]["promo"] = "FREE".into()),
        ("falls under", |c| c["apply"]["sets"][0]["policy"] = "other".into()),
        ("attempt", |c| c["apply"]["sets"][0]["attempt"] = 2.into()),
        ("no longer listed", |c| c["apply"]["sets"][0]["leases"][0]["lease"] = "999999".into()),
    ];
    for (words, change) in forge {
        let bench = fleet();
        plan(&bench);
        reseal(&bench, change);
        refused(&bench, "stale", words);
    }
    let bench = fleet();
    plan(&bench);
    reseal(&bench, |c| {
        let first = c["apply"]["sets"][0].clone();
        c["apply"]["sets"].as_array_mut().unwrap().push(first);
    });
    assert_eq!((apply(&bench).0, bench.payments_sent()), (2, 0), "one lease in two payments");
}

#[test]
fn a_config_that_changed_makes_a_plan_stale_until_it_is_back() {
    let bench = fleet();
    plan(&bench);
    bench.config("", &format!("{KEEP}max_price = \"9.00\"\n"));
    refused(&bench, "stale", "config changed since this plan was made (policies)");
    bench.config("keep_balance = \"1.00\"", KEEP);
    refused(&bench, "stale", "(accounts)");
    bench.config(
        "",
        &format!("[[budget]]\nname = \"b\"\nper = \"day\"\nlimit = \"50.00\"\ncurrency = \"USD\"\n{KEEP}"),
    );
    refused(&bench, "stale", "(budgets)");
    bench.config("", KEEP);
    assert_eq!(apply(&bench).0, 0);
}

#[test]
fn a_new_key_is_no_other_config() {
    let bench = fleet();
    let print = || {
        let sources = renewd::settings::Sources::from_process(&[bench.path("renewd.toml")]);
        renewd::engine::approve::propose::fingerprint(&renewd::settings::load(&sources).unwrap())
    };
    let before = print();
    bench.secret("yp.key", "another-key-0123456789");
    assert_eq!(print(), before);
}

#[test]
fn an_old_plan_and_one_from_the_future_are_stale() {
    let bench = fleet();
    for (hours, words) in [(-25, "old, and good for 1d"), (1, "from now")] {
        plan(&bench);
        reseal(&bench, |c| c["apply"]["made_at"] = in_hours(hours).to_string().into());
        refused(&bench, "stale", words);
    }
}

#[test]
fn a_plan_of_another_ledger_is_stale() {
    let bench = fleet();
    bench.config("", &KEEP.replace("3d", "13h"));
    assert_eq!(bench.json(&["once"]).0, 0);
    bench.config("", KEEP);
    plan(&bench);
    fs::rename(bench.path("state"), bench.path("elsewhere")).unwrap();
    refused(&bench, "stale", "another ledger");
    fs::remove_dir_all(bench.path("state")).unwrap();
    fs::rename(bench.path("elsewhere"), bench.path("state")).unwrap();
    assert_eq!(apply(&bench).0, 0);
}

#[test]
fn one_end_that_moved_stops_the_whole_plan() {
    let bench = fleet();
    plan(&bench);
    bench.handle.with(|w| w.set_end(common::KEY, C, in_hours(30 + 24 * 30)));
    refused(&bench, "stale", "203.0.113.3: its end was");
    refused(&bench, "stale", "renewed meanwhile");
    assert_eq!(bench.charges().0, 0);
}

#[test]
fn a_lease_that_is_gone_or_held_now_stops_the_whole_plan() {
    let bench = fleet();
    plan(&bench);
    bench.handle.with(|w| w.account_mut(common::KEY).unwrap().rental_mut(C).unwrap().auto = true);
    refused(&bench, "stale", "203.0.113.3: it was to be renewed, and is not now: provider_owns:");
    bench.handle.with(|w| w.remove(common::KEY, C));
    refused(&bench, "stale", "203.0.113.3 is no longer listed");
}

#[test]
fn a_pause_stops_a_plan_and_does_not_use_it_up() {
    let bench = fleet();
    with_a_ledger(&bench);
    plan(&bench);
    assert_eq!(bench.json(&["pause", "yp"]).0, 0);
    refused(&bench, "stale", "paused:");
    assert_eq!(bench.json(&["resume", "yp"]).0, 0);
    assert_eq!(apply(&bench).0, 0);
    assert_eq!(bench.charges().0, 2);
}

#[test]
fn a_price_that_rose_holds_its_set_and_says_both_prices() {
    let bench = fleet();
    let content = plan(&bench);
    let fault = Fault::on(Aim::Quotes).when(When::Next(1)).effect(Effect::Surcharge(money("1.00")));
    bench.handle.inject(fault);
    let (code, document) = apply(&bench);
    assert_eq!(code, 3, "{document:#}");
    let planned = content["apply"]["sets"][0]["price"].as_str().unwrap();
    let asked = money(planned).plus(money("2.00")).unwrap();
    for ip in [A, B] {
        let reason = bench.item(&document, ip)["reason"].as_str().unwrap();
        assert_eq!(reason, format!("price_cap: {asked} USD is asked now, and the plan says {planned}"));
    }
    assert_eq!([A, B, C].map(|ip| bench.charged(ip)), [0, 0, 1]);
}

#[test]
fn a_set_in_another_currency_than_its_quote_is_held() {
    let bench = fleet();
    plan(&bench);
    reseal(&bench, |c| c["apply"]["sets"][0]["currency"] = "EUR".into());
    let (code, document) = apply(&bench);
    assert_eq!(code, 3);
    assert!(
        bench.item(&document, A)["reason"].as_str().unwrap().starts_with("currency_changed:"),
        "{document:#}"
    );
    assert_eq!([A, B, C].map(|ip| bench.charged(ip)), [0, 0, 1]);
}

#[test]
fn a_price_that_fell_is_paid_as_it_is_now() {
    let bench = fleet();
    plan(&bench);
    reseal(&bench, |c| c["apply"]["sets"][0]["price"] = "99.00".into());
    let (code, document) = apply(&bench);
    assert_eq!(code, 0, "{document:#}");
    let quoted =
        document["payments"].as_array().unwrap().iter().map(|p| money(p["quoted"].as_str().unwrap()));
    assert_eq!(bench.charges(), (2, renewd::domain::Money::sum(quoted).unwrap()));
}

#[test]
fn a_batch_that_a_plan_names_is_paid_whole_or_not_at_all() {
    let bench = fleet();
    plan(&bench);
    let warning = Answer::Warning { code: 77, message: "one of them is odd".into() };
    bench.handle.inject(Fault::on(Aim::Quotes).when(When::Next(1)).answer(warning));
    let (code, document) = apply(&bench);
    assert_eq!(code, 3);
    assert!(
        bench.item(&document, A)["reason"].as_str().unwrap().starts_with("provider_warning:"),
        "{document:#}"
    );
    assert_eq!([A, B, C].map(|ip| bench.charged(ip)), [0, 0, 1]);
}

#[test]
fn what_the_plan_does_not_name_is_not_paid_even_if_it_is_due() {
    let bench = fleet();
    plan(&bench);
    bench.handle.with(|w| w.set_end(common::KEY, LATER, in_hours(20)));
    let (code, document) = apply(&bench);
    assert_eq!(code, 0, "{document:#}");
    let item = bench.item(&document, LATER);
    assert_eq!(item["decision"], "wait", "{item:#}");
    assert!(item["reason"].as_str().unwrap().contains("not in the plan"), "{item:#}");
    assert_eq!([A, B, C, LATER].map(|ip| bench.charged(ip)), [1, 1, 1, 0]);
    assert_eq!(bench.json(&["once"]).0, 0);
    assert_eq!(bench.charged(LATER), 1);
}

#[test]
fn an_apply_calls_no_alert_of_its_accounts_over() {
    let bench = fleet();
    bench.config("", &format!("[[policy]]\nname = \"dear\"\nmatch = {{ ip = [\"{C}\"] }}\naction = \"renew\"\nmax_price = \"0.01\"\n{}", KEEP.replace("3d", "13h")));
    assert_eq!(bench.json(&["once"]).0, 3);
    let alerts = |bench: &Bench| bench.json(&["status"]).1["open_alerts"].clone();
    let before = alerts(&bench);
    assert_eq!(before[0]["key"], "price_cap:yp", "{before:#}");
    bench.config("", &format!("[[policy]]\nname = \"dear\"\nmatch = {{ ip = [\"{C}\"] }}\naction = \"renew\"\nmax_price = \"0.01\"\n{KEEP}"));
    plan(&bench);
    apply(&bench);
    assert_eq!([A, B, C].map(|ip| bench.charged(ip)), [1, 1, 0]);
    assert_eq!(alerts(&bench), before);
}

#[test]
fn of_two_plans_for_the_same_leases_the_second_is_stale() {
    let bench = fleet();
    plan(&bench);
    let second = bench.path("second.plan");
    assert_eq!(bench.json(&["plan", "--out", second.to_str().unwrap()]).0, 0);
    assert_eq!(apply(&bench).0, 0);
    let (code, document) = bench.json(&["apply", second.to_str().unwrap()]);
    assert_eq!((code, &document["outcome"]), (3, &"stale".into()), "{document:#}");
    assert_eq!(bench.charges().0, 2);
}

#[test]
fn an_order_that_is_renewed_whole_is_planned_and_paid_whole() {
    let ips: &[&str] = &["2001:db8::1", "2001:db8::2", "2001:db8::3"];
    let bench = Bench::new("100.00", &[(Product::IPv6, ips, 24)]);
    let content = plan(&bench);
    assert_eq!(content["apply"]["sets"][0]["leases"].as_array().unwrap().len(), 3, "{content:#}");
    assert_eq!(apply(&bench).0, 0);
    assert_eq!(bench.charges().0, 1);
}

#[test]
fn a_plan_without_payments_is_no_trouble() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24 * 20)]);
    plan(&bench);
    let (code, document) = apply(&bench);
    assert_eq!((code, &document["payments"]), (0, &json!([])), "{document:#}");
    let out = bench.renewd(&["plan", "--out", file(&bench).to_str().unwrap()]);
    let err = String::from_utf8(out.stderr).unwrap();
    assert!(err.contains("nothing to pay") && !err.contains("renewd apply"), "{err}");
}

#[test]
fn a_budget_and_the_guard_hold_for_a_plan_too() {
    let bench = fleet();
    let budget =
        format!("[[budget]]\nname = \"day\"\nper = \"day\"\nlimit = \"4.00\"\ncurrency = \"USD\"\n{KEEP}");
    bench.config("", &budget);
    let content = plan(&bench);
    let planned = content["apply"]["sets"].as_array().unwrap().len();
    assert_eq!(planned, 1, "the plan itself keeps to the budget: {content:#}");
    // A second plan's worth of money is not there, whatever the file says.
    reseal(&bench, |c| c["apply"]["sets"][0]["price"] = "99.00".into());
    apply(&bench);
    assert!(bench.charges().1 <= money("4.00"));

    let bench = fleet();
    bench.config_with("[guard]\nmax_payments_per_cycle = 1", "", KEEP);
    plan(&bench);
    apply(&bench);
    assert_eq!(bench.charges().0, 1);
}

#[test]
fn a_plan_that_puts_leases_aside_raises_no_alert_about_them() {
    let bench = Bench::new("1.00", &[(Product::IPv4, &[A, B], 5)]);
    let open = || -> Vec<String> {
        let status = bench.json(&["status"]).1;
        status["open_alerts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| a["key"].as_str().unwrap().to_owned())
            .collect()
    };
    bench.json(&["once"]);
    assert_eq!(open(), ["short_funds:yp"]);
    let content = plan(&bench);
    assert_eq!(content["apply"]["sets"], json!([]), "nothing can be paid: {content:#}");
    apply(&bench);
    assert_eq!(open(), ["short_funds:yp"], "it speaks for them still");
}

#[test]
fn a_payment_that_waits_for_the_next_cycle_is_no_full_success() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A, B, C], 24)]);
    bench.config_with("[guard]\nmax_payments_per_cycle = 1", "", KEEP);
    // The batch costs more than its leases singly, so each is paid by itself.
    bench.handle.inject(Fault::on(Aim::Quotes).when(When::Nth(2)).effect(Effect::Surcharge(money("0.10"))));
    let content = plan(&bench);
    assert_eq!(content["apply"]["sets"].as_array().unwrap().len(), 3, "{content:#}");
    let (code, document) = apply(&bench);
    assert_eq!((code, &document["outcome"], bench.charges().0), (3, &"attention".into(), 1), "{document:#}");
    assert!(bench.item(&document, C)["reason"].as_str().unwrap().starts_with("fleet_guard:"), "{document:#}");
}

#[test]
fn another_payer_keeps_apply_out() {
    let bench = fleet();
    plan(&bench);
    let held = open(&bench.path("state"), Access::Pay).unwrap();
    let (code, document) = apply(&bench);
    assert_eq!((code, &document["error"]["kind"]), (4, &"held".into()), "{document:#}");
    assert_eq!(bench.payments_sent(), 0);
    drop(held);
}

#[test]
fn a_kill_in_the_middle_leaves_the_plan_used_and_nothing_paid_twice() {
    let bench = fleet();
    with_a_ledger(&bench);
    plan(&bench);
    bench.handle.inject(Fault::on(Aim::Money).when(When::Next(1)).answer(Answer::Hang));
    let mut child = bench.spawn(&["apply", file(&bench).to_str().unwrap()]);
    until("the first payment is under way", 20, || bench.handle.count(Endpoint::Extend) == 1);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(bench.charges().0, 1);
    refused(&bench, "used", "was used at");
    assert_eq!(bench.charges().0, 1, "the rest of a plan that was cut off is not paid by it");
    bench.settle(6);
    assert_eq!([A, B, C].map(|ip| bench.charged(ip)), [1, 1, 1]);
    assert_eq!(bench.paid_twice(), Vec::<String>::new());
}

#[test]
fn asked_to_stop_apply_ends_the_payment_in_flight_and_begins_no_other() {
    let bench = fleet();
    plan(&bench);
    bench.handle.inject(Fault::on(Aim::Money).when(When::Next(1)).answer(Answer::Hang));
    let mut child = bench.spawn(&["apply", file(&bench).to_str().unwrap()]);
    until("the first payment is under way", 20, || bench.handle.count(Endpoint::Extend) == 1);
    common::signal(&child, rustix::process::Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert_eq!((bench.charges().0, bench.payments_sent()), (1, 1));
    refused(&bench, "used", "was used at");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever happens to the bytes, they read as the plan that was written or as none.
    #[test]
    fn damaged_bytes_are_the_same_plan_or_none(cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), end in any::<prop::sample::Index>(), cut in any::<bool>()) {
        let (bytes, whole) = written();
        let mut damaged = bytes.clone();
        for (at, byte) in cuts {
            let at = at.index(damaged.len());
            damaged[at] = byte;
        }
        if cut {
            damaged.truncate(end.index(bytes.len()));
        }
        if let Ok(read) = plan_file::read(&damaged) {
            prop_assert_eq!(&read, whole);
        }
    }
}

/// One real plan file, made once.
fn written() -> &'static (Vec<u8>, renewd::engine::approve::exact::Approved) {
    static WRITTEN: std::sync::OnceLock<(Vec<u8>, renewd::engine::approve::exact::Approved)> =
        std::sync::OnceLock::new();
    WRITTEN.get_or_init(|| {
        let bench = fleet();
        plan(&bench);
        let bytes = fs::read(file(&bench)).unwrap();
        let whole = plan_file::read(&bytes).unwrap();
        assert_eq!(whole.sets.len(), 2);
        (bytes, whole)
    })
}

/// Every value of the part that is applied, by its path.
fn paths(value: &Value, at: String, out: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(k, v)| paths(v, format!("{at}/{k}"), out)),
        Value::Array(all) => all.iter().enumerate().for_each(|(n, v)| paths(v, format!("{at}/{n}"), out)),
        _ => out.push(at),
    }
}

/// A value of any kind.
fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!("999999999999999999999999999999999999.00")),
        Just(json!("-2.65")),
        Just(json!("2200-01-01T00:00:00Z")),
    ]
}

#[test]
fn a_plan_whose_values_were_replaced_never_panics_and_never_pays_what_is_not_due() {
    let bench = fleet();
    let content = plan(&bench);
    let mut all = Vec::new();
    paths(&content["apply"], "/apply".into(), &mut all);
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    // Each with a fitting seal: what is refused here is refused for what it says.
    let exact = |p: &&String| !p.ends_with("/price") && !p.ends_with("/currency");
    for path in all.iter().filter(exact).flat_map(|p| [p; 3]) {
        let value = odd().new_tree(&mut runner).unwrap().current();
        fs::write(file(&bench), content.to_string()).unwrap();
        let mut same = false;
        reseal(&bench, |c| {
            let place = c.pointer_mut(path).unwrap();
            same = *place == value;
            *place = value.clone();
        });
        // Another id is a plan like any other.
        if same || path == "/apply/id" {
            continue;
        }
        let out = bench.renewd(&["apply", file(&bench).to_str().unwrap()]);
        let err = String::from_utf8_lossy(&out.stderr);
        assert!(matches!(out.status.code(), Some(2 | 3)), "{path} = {value}: {:?} {err}", out.status);
        assert!(!err.contains("panicked"), "{path} = {value}: {err}");
        assert_eq!(bench.payments_sent(), 0, "{path} = {value}");
    }
}

#[test]
fn nothing_is_paid_on_a_damaged_ledger() {
    let bench = fleet();
    bench.config("", &KEEP.replace("3d", "13h"));
    assert_eq!(bench.json(&["once"]).0, 0);
    bench.config("", KEEP);
    plan(&bench);
    let path = bench.path("state/ledger.db");
    let mut bytes = fs::read(&path).unwrap();
    // The second page is the first table's.
    bytes[4096..4096 + 64].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    for args in [&["once"][..], &["apply", file(&bench).to_str().unwrap()]] {
        let (code, document) = bench.json(args);
        let message = document["error"]["message"].as_str().unwrap();
        assert_eq!((code, &document["error"]["kind"]), (1, &"ledger".into()), "{document:#}");
        assert!(message.contains("is damaged") && message.contains("restore a backup"), "{message}");
    }
    assert_eq!(bench.payments_sent(), 0);
}
