//! Policies that ask before they pay, through the real binary: what is due waits in a plan, a person's word lets the next cycle pay exactly
//! that, once, and nothing else is paid.
mod beside_the_daemon;
mod moved;

use renewd::simulator::{Answer, Effect, Fault, Product, When};
use serde_json::{Value, json};

use crate::common::{Bench, KEEP, money};
use renewd::simulator::Aim;

const A: &str = "203.0.113.1";
const B: &str = "203.0.113.2";
const C: &str = "203.0.113.3";
const LATER: &str = "203.0.113.9";

const HOUR: u64 = 3_600_000;

/// A batch of two, one of another kind, and one that is not due; their policy asks.
fn fleet() -> Bench {
    let bench = Bench::new(
        "100.00",
        &[(Product::IPv4, &[A, B], 24), (Product::Isp, &[C], 30), (Product::IPv4, &[LATER], 24 * 20)],
    );
    asks(&bench, "");
    bench
}

/// The policy asks; `more` goes on in the config.
fn asks(bench: &Bench, more: &str) {
    bench.config("", &format!("{KEEP}approval = true\n{more}"));
}

fn waiting(bench: &Bench) -> Vec<Value> {
    bench.json(&["status"]).1["waiting_approval"].as_array().unwrap().clone()
}

/// The name of the one plan that waits.
fn name(bench: &Bench) -> String {
    let all = waiting(bench);
    assert_eq!(all.len(), 1, "{all:#?}");
    all[0]["plan"].as_str().unwrap().to_owned()
}

fn approve(bench: &Bench, plan: &str) {
    let (code, document) = bench.json(&["approve", plan]);
    assert_eq!(code, 0, "{document:#}");
}

/// Refused as a wrong target, with these words.
fn refused(bench: &Bench, args: &[&str], words: &str) {
    let (code, document) = bench.json(args);
    let message = document["error"]["message"].as_str().unwrap_or_default();
    assert_eq!((code, message.contains(words)), (2, true), "{document:#}");
}

fn keys(bench: &Bench) -> Vec<(String, String)> {
    let status = bench.json(&["status"]).1;
    let alerts = status["open_alerts"].as_array().unwrap().clone();
    let text = |a: &Value, key: &str| a[key].as_str().unwrap().to_owned();
    alerts.iter().map(|a| (text(a, "key"), text(a, "severity"))).collect()
}

#[test]
fn what_is_due_waits_for_a_word_and_is_then_paid_exactly_and_once() {
    let bench = fleet();
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.payments_sent()), (3, 0), "{once:#}");
    let plan = waiting(&bench).remove(0);
    assert_eq!(
        (&plan["account"], &plan["policy"], &plan["leases"], &plan["currency"]),
        (&json!("yp"), &json!("keep"), &json!(3), &json!("USD"))
    );
    let name = name(&bench);
    for ip in [A, B, C] {
        let item = bench.item(&once, ip);
        assert_eq!(item["decision"], "hold");
        let reason = item["reason"].as_str().unwrap();
        assert!(
            reason.starts_with("approval: ") && reason.contains(&format!("renewd approve {name}")),
            "{reason}"
        );
    }
    let instant = |v: &Value| v.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let first_end = instant(&bench.item(&once, A)["expires_at"]);
    assert_eq!(first_end.duration_since(instant(&plan["deadline"])), jiff::SignedDuration::from_hours(12));
    assert_eq!(instant(&plan["valid_until"]), first_end);

    bench.json(&["once"]);
    assert_eq!(waiting(&bench).remove(0), plan, "the same plan, since the same instant");
    let said = bench.json(&["explain", A]).1;
    let step =
        said["items"][0]["steps"].as_array().unwrap().iter().find(|s| s["what"] == "approval").unwrap();
    assert!(step["value"].as_str().unwrap().contains(&name), "{step}");
    assert!(said["next"].as_str().unwrap().contains(&format!("after `renewd approve {name}`")), "{said:#}");

    let mut command = bench.command(&["approve", &name, "--note", "asked Bob", "--json"]);
    let out = command.env("SUDO_USER", "daemon").output().unwrap();
    assert!(out.status.success());
    assert_eq!((waiting(&bench).len(), bench.payments_sent()), (0, 0), "a word pays nothing by itself");
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, &once["outcome"]), (0, &json!("ok")), "{once:#}");
    assert_eq!([A, B, C, LATER].map(|ip| bench.charged(ip)), [1, 1, 1, 0]);
    assert_eq!(bench.charges().1, money(plan["amount"].as_str().unwrap()));
    for payment in bench.json(&["history"]).1["payments"].as_array().unwrap() {
        let approval = &payment["approval"];
        assert_eq!(
            (&approval["plan"], &approval["by"], &approval["note"]),
            (&json!(name), &json!("daemon"), &json!("asked Bob"))
        );
        assert!(approval["at"].is_string());
    }
    let csv = String::from_utf8(bench.renewd(&["history", "--csv"]).stdout).unwrap();
    assert!(csv.lines().nth(1).unwrap().contains(&format!("{name},daemon,")), "{csv}");
    bench.json(&["once"]);
    bench.json(&["once"]);
    assert_eq!(bench.charges().0, 2, "once, whatever comes after");
    assert_eq!(bench.json(&["history", "--verify"]).0, 0);
    refused(&bench, &["approve", &name], "is paid");
}

#[test]
fn a_word_on_what_does_not_wait_is_refused_and_names_what_does() {
    let bench = fleet();
    bench.json(&["once"]);
    let name = name(&bench);
    refused(
        &bench,
        &["approve", "zzzzz-zzzzz"],
        &format!("this plan is waiting: {name} (3 leases of account yp for "),
    );
    refused(&bench, &["reject", "zzzzz-zzzzz"], "there is no plan `zzzzz-zzzzz`");
    refused(&bench, &["approve", &name, "--note", "two\nlines"], "--note");
    approve(&bench, &name);
    refused(&bench, &["approve", &name], "was approved already by ");
    refused(&bench, &["reject", &name], "no plan waits for approval now");
    assert_eq!(bench.payments_sent(), 0);
}

#[test]
fn a_rejected_plan_is_put_up_again_once_one_of_its_leases_is_urgent() {
    let bench = fleet();
    bench.json(&["once"]);
    let name = name(&bench);
    let (code, document) = bench.json(&["reject", &name, "--note", "too dear"]);
    assert_eq!((code, &document["state"]), (0, &json!("rejected")));
    refused(&bench, &["approve", &name], "was rejected already");
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.payments_sent(), waiting(&bench).len()), (3, 0, 0));
    let reason = bench.item(&once, A)["reason"].as_str().unwrap();
    assert!(reason.contains("was rejected by ") && reason.contains("(too dear)"), "{reason}");
    assert!(!keys(&bench).iter().any(|(key, _)| key.starts_with("approval:")), "nobody is asked meanwhile");
    // A price that moves makes no other set of it.
    let dearer = Fault::on(Aim::Quotes).when(When::Next(20)).effect(Effect::Surcharge(money("0.10")));
    bench.handle.inject(dearer);
    bench.json(&["once"]);
    assert_eq!(waiting(&bench).len(), 0);
    bench.handle.clear_faults();

    bench.pass(13 * HOUR);
    bench.json(&["once"]);
    let again = waiting(&bench).remove(0);
    assert_eq!((&again["plan"], &again["leases"]), (&json!(name), &json!(3)));
    assert!(keys(&bench).contains(&(format!("approval:{name}"), "urgent".to_owned())), "{:?}", keys(&bench));
    assert_eq!(bench.json(&["status"]).1["healthy"], false);
    // Rejected again it is left alone until the next of its leases becomes urgent.
    bench.json(&["reject", &name]);
    bench.json(&["once"]);
    assert_eq!(waiting(&bench).len(), 0);
    bench.pass(6 * HOUR);
    bench.json(&["once"]);
    approve(&bench, &self::name(&bench));
    bench.json(&["once"]);
    assert_eq!([A, B, C].map(|ip| bench.charged(ip)), [1, 1, 1]);
}

#[test]
fn what_falls_due_later_joins_a_plan_that_waits_and_none_that_is_approved() {
    let bench = Bench::new(
        "100.00",
        &[(Product::IPv4, &[A], 24), (Product::IPv4, &[B], 74), (Product::IPv4, &[C], 77)],
    );
    asks(&bench, "");
    bench.json(&["once"]);
    let first = name(&bench);
    bench.pass(3 * HOUR);
    bench.json(&["once"]);
    let second = name(&bench);
    assert_ne!(first, second);
    assert_eq!(waiting(&bench)[0]["leases"], 2);
    refused(&bench, &["approve", &first], &format!("plan {second} stands in its place"));
    approve(&bench, &second);
    bench.pass(3 * HOUR);
    bench.json(&["once"]);
    assert_eq!([A, B, C].map(|ip| bench.charged(ip)), [1, 1, 0]);
    assert_eq!((waiting(&bench).len(), &waiting(&bench)[0]["leases"]), (1, &json!(1)));
}

#[test]
fn a_plan_of_which_nobody_says_anything_ends_with_its_first_lease() {
    let bench = fleet();
    bench.json(&["once"]);
    let name = name(&bench);
    bench.pass(25 * HOUR);
    refused(&bench, &["approve", &name], "its first lease ended at");
    assert_eq!(waiting(&bench).len(), 0);
    bench.json(&["once"]);
    assert_eq!(bench.payments_sent(), 0);
    let left = waiting(&bench).remove(0);
    assert_ne!(left["plan"], name);
    assert_eq!(left["leases"], 1, "what has not ended yet");
    refused(&bench, &["approve", &name], "is expired: its first lease ended at");
}

#[test]
fn a_provider_that_is_silent_for_a_while_makes_no_other_plan() {
    let bench = fleet();
    bench.json(&["once"]);
    let before = waiting(&bench);
    for aim in [Aim::Quotes, Aim::Reads] {
        bench.handle.inject(Fault::on(aim).when(When::Always).answer(Answer::Html(502)));
        bench.json(&["once"]);
        assert_eq!(waiting(&bench), before);
        bench.handle.clear_faults();
    }
    bench.json(&["pause"]);
    bench.json(&["once"]);
    bench.json(&["resume"]);
    bench.json(&["once"]);
    assert_eq!(waiting(&bench), before);
}

#[test]
fn what_stands_in_the_way_for_now_leaves_an_approval_as_it_is() {
    let bench = fleet();
    bench.json(&["once"]);
    approve(&bench, &name(&bench));
    bench.json(&["pause"]);
    bench.json(&["once"]);
    bench.json(&["resume"]);
    bench.handle.inject(Fault::on(Aim::Reads).when(When::Always).answer(Answer::Html(502)));
    bench.json(&["once"]);
    bench.handle.clear_faults();
    bench.handle.inject(Fault::on(Aim::Quotes).when(When::Always).answer(Answer::Html(502)));
    bench.json(&["once"]);
    bench.handle.clear_faults();
    assert_eq!((bench.payments_sent(), waiting(&bench).len()), (0, 0), "neither paid nor asked again");
    bench.json(&["once"]);
    assert_eq!([A, B, C].map(|ip| bench.charged(ip)), [1, 1, 1]);
}

#[test]
fn what_is_over_a_guard_is_paid_by_the_same_word_in_the_next_cycle() {
    let bench = fleet();
    asks(&bench, "[guard]\nmax_payments_per_cycle = 1\n");
    bench.json(&["once"]);
    approve(&bench, &name(&bench));
    bench.json(&["once"]);
    assert_eq!((bench.charges().0, waiting(&bench).len()), (1, 0));
    bench.json(&["once"]);
    assert_eq!([A, B, C].map(|ip| bench.charged(ip)), [1, 1, 1]);
    bench.json(&["once"]);
    assert_eq!(bench.charges().0, 2);
}

#[test]
fn an_approval_is_used_once_even_where_its_payment_came_to_nothing() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24)]);
    asks(&bench, "on_unknown = \"retry\"\n");
    bench.json(&["once"]);
    let first = name(&bench);
    approve(&bench, &first);
    bench.handle.inject(Fault::on(Aim::Money).effect(Effect::Nothing).answer(Answer::Close));
    bench.json(&["once"]);
    assert_eq!((bench.payments_sent(), bench.charged(A)), (1, 0));
    refused(&bench, &["approve", &first], "is paid");
    // Evidence says in time that nothing was charged, and a second attempt is due: by another word.
    for _ in 0..12 {
        bench.pass(2_000);
        bench.json(&["once"]);
    }
    assert_eq!(bench.payments_sent(), 1, "the old approval is used");
    let second = name(&bench);
    assert_ne!(first, second);
    approve(&bench, &second);
    bench.json(&["once"]);
    assert_eq!(bench.charged(A), 1);
    assert_eq!(bench.paid_twice(), Vec::<String>::new());
}

#[test]
fn no_plan_file_pays_what_a_person_has_to_approve() {
    let bench = fleet();
    bench.config("", KEEP);
    let file = bench.path("old.plan");
    bench.json(&["plan", "--out", file.to_str().unwrap()]);
    asks(&bench, "");
    let fresh = bench.path("new.plan");
    let (code, plan) = bench.json(&["plan", "--out", fresh.to_str().unwrap()]);
    assert_eq!((code, &bench.item(&plan, A)["decision"]), (3, &json!("hold")));
    let content: Value = serde_json::from_slice(&std::fs::read(&fresh).unwrap()).unwrap();
    assert_eq!(content["apply"]["sets"], json!([]));
    bench.json(&["once"]);
    approve(&bench, &name(&bench));
    bench.json(&["plan", "--out", fresh.to_str().unwrap()]);
    let content: Value = serde_json::from_slice(&std::fs::read(&fresh).unwrap()).unwrap();
    assert_eq!(content["apply"]["sets"], json!([]), "approved, and paid by that word alone");
    for file in [&file, &fresh] {
        bench.json(&["apply", file.to_str().unwrap()]);
    }
    assert_eq!(bench.payments_sent(), 0);
}

#[test]
fn a_preview_says_that_it_will_be_asked_and_writes_no_plan() {
    let bench = fleet();
    bench.json(&["pause"]);
    bench.json(&["once"]);
    bench.json(&["resume"]);
    let plan = bench.json(&["plan"]).1;
    let reason = bench.item(&plan, A)["reason"].as_str().unwrap();
    assert!(reason.contains("the next cycle puts it into a plan"), "{reason}");
    assert_eq!(waiting(&bench).len(), 0);
}

#[test]
fn a_new_config_that_asks_is_told_as_one_that_holds_what_is_due() {
    let bench = fleet();
    bench.config("", KEEP);
    bench.json(&["pause"]);
    bench.json(&["once"]);
    bench.json(&["resume"]);
    let now = std::fs::read_to_string(bench.path("renewd.toml")).unwrap();
    let new = bench.path("new.toml");
    std::fs::write(&new, now.replace("before = \"3d\"", "before = \"3d\"\napproval = true")).unwrap();
    let (code, diff) = bench.json(&["check", "--diff", new.to_str().unwrap()]);
    let changes = diff["changes"].as_array().unwrap();
    assert_eq!((code, changes.len()), (0, 3), "{diff:#}");
    assert!(changes.iter().all(|c| c["from"] == "renew" && c["to"] == "hold"), "{diff:#}");
}

#[test]
fn nobody_can_be_asked_about_what_the_provider_pays_by_itself() {
    let bench = fleet();
    asks(&bench, "pay_by = \"provider\"\n");
    let (code, document) = bench.json(&["check"]);
    assert_eq!(code, 2);
    assert!(
        document.to_string().contains("cannot ask anybody where the provider pays on its own"),
        "{document:#}"
    );
}

/// `2026-12-01T17:50:11Z`, as JSON has its instants, has no place in what people read.
fn instants_of_machines(text: &str) -> bool {
    let digit = |c: char| c.is_ascii_digit();
    text.split_whitespace().any(|word| {
        word.split_once('T').is_some_and(|(date, time)| date.ends_with(digit) && time.starts_with(digit))
    })
}

#[test]
fn deadlines_are_told_once_and_in_the_zone_of_those_who_read_them() {
    let bench = fleet();
    asks(&bench, &crate::common::config::email(crate::common::smtp::free_port(), ""));
    let file = bench.path("renewd.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("timezone = \"Asia/Tokyo\"\n{text}")).unwrap();
    let once = bench.json(&["once"]).1;
    let plan = waiting(&bench).remove(0);
    let deadline: jiff::Timestamp = plan["deadline"].as_str().unwrap().parse().unwrap();
    let there = deadline.to_zoned(jiff::tz::TimeZone::get("Asia/Tokyo").unwrap());
    let (short, full) =
        (there.strftime("%a %-d %b %H:%M").to_string(), there.strftime("%a %-d %b %Y %H:%M").to_string());

    let ledger =
        renewd::ledger::sqlite::open(&bench.path("state"), renewd::ledger::sqlite::Access::Read).unwrap();
    let mails = renewd::ledger::Outbox::outbox(&ledger, None).unwrap();
    let mail = mails.iter().map(|m| &m.mail).find(|m| m.key.as_str().starts_with("approval:")).unwrap();
    assert!(mail.subject.ends_with(&format!(", by {short}")), "{}", mail.subject);
    assert!(mail.text.contains(&full) && !instants_of_machines(&mail.text), "{}", mail.text);
    let reason = bench.item(&once, A)["reason"].as_str().unwrap();
    assert!(reason.contains(&format!("until {full}")), "{reason}");
    let said = bench.json(&["explain", A]).1;
    let step =
        said["items"][0]["steps"].as_array().unwrap().iter().find(|s| s["what"] == "approval").unwrap();
    assert!(step["value"].as_str().unwrap().contains(&format!("urgent from {full}")), "{step}");
    for args in [&["explain", A][..], &["explain", "--stored", A], &["status"], &["plan"]] {
        let text = String::from_utf8(bench.renewd(args).stdout).unwrap();
        assert!(!instants_of_machines(&text), "{args:?}: {text}");
    }
    assert_eq!(bench.json(&["pause", "--for", "2h"]).0, 0);
    let held = bench.json(&["once"]).1;
    let reason = bench.item(&held, A)["reason"].as_str().unwrap();
    assert!(!instants_of_machines(reason), "{reason}");
}
