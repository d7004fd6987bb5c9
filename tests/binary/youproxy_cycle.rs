//! The main job through the real binary: a simulated provider over sockets, a real ledger file, one process per command.

use std::time::Duration;

use crate::common::{self, Bench, KEEP, money};
use renewd::simulator::{Aim, Answer, Effect, Endpoint, Fault, Product, Promo, When};
use rstest::rstest;

const A: &str = "203.0.113.1";
const B: &str = "203.0.113.2";
const C: &str = "203.0.113.3";

fn one_due() -> Bench {
    Bench::new("100.00", &[(Product::IPv4, &[A], 24), (Product::IPv4, &[B], 24 * 20)])
}

#[test]
fn all_types_are_paid_exactly_once_and_the_ledger_agrees_with_the_books() {
    let bench = Bench::new(
        "500.00",
        &[
            (Product::IPv4, &["203.0.113.1", "203.0.113.2"], 24),
            (Product::IPv4, &["203.0.113.3"], 30),
            (Product::IPv6, &["2001:db8::1", "2001:db8::2", "2001:db8::3"], 24),
            (Product::Mobile, &["203.0.113.5"], 24),
            (Product::Isp, &["203.0.113.6"], 24),
            (Product::IPv4, &["203.0.113.9"], 24 * 20),
        ],
    );
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 0, "{once:#}");
    assert_eq!(bench.item(&once, "2001:db8::1")["bundle"].as_array().unwrap().len(), 3);
    for ip in [
        "203.0.113.1",
        "203.0.113.2",
        "203.0.113.3",
        "203.0.113.5",
        "203.0.113.6",
        "2001:db8::1",
        "2001:db8::3",
    ] {
        assert_eq!(bench.charged(ip), 1, "{ip}");
    }
    assert_eq!(bench.charged("203.0.113.9"), 0);
    let (code, again) = bench.json(&["once"]);
    assert_eq!((code, again["payments"].as_array().unwrap().len()), (0, 0), "{again:#}");
    let history = bench.json(&["history"]).1;
    let payments = history["payments"].as_array().unwrap();
    assert!(payments.iter().all(|p| p["state"] == "confirmed"), "{history:#}");
    let sum = payments.iter().map(|p| money(p["charged"].as_str().unwrap()));
    assert_eq!(renewd::domain::Money::sum(sum), Some(bench.charges().1));
}

#[test]
fn a_command_that_never_pays_never_pays() {
    let bench = one_due();
    for args in [
        &["plan"][..],
        &["explain", A],
        &["status"],
        &["history"],
        &["check", "--live"],
        &["pause"],
        &["resume"],
    ] {
        let out = bench.renewd(args);
        assert_eq!(out.status.code(), Some(0), "{args:?} {}", String::from_utf8_lossy(&out.stderr));
    }
    assert_eq!(bench.payments_sent(), 0);
}

#[rstest]
#[case::closed(Answer::Close)]
#[case::reset(Answer::Reset)]
#[case::half_a_body(Answer::HalfBody)]
#[case::hang(Answer::Hang)]
#[case::truncated(Answer::TruncatedJson)]
#[case::html(Answer::Html(200))]
#[case::bad_gateway(Answer::Html(502))]
#[case::server_error_that_looks_like_a_refusal(Answer::Refusal { status: 500, code: 16, message: "no".into() })]
#[case::garbage(Answer::Garbage)]
#[case::too_many(Answer::TooMany(1))]
#[case::redirect(Answer::Redirect("/elsewhere".into()))]
#[case::other_ids(Answer::OtherIds(vec!["999".into()]))]
fn an_answer_lost_after_the_charge_ends_with_one_charge(#[case] answer: Answer) {
    let bench = one_due();
    bench.handle.inject(Fault::on(Aim::Money).answer(answer));
    let once = bench.settle(5);
    assert_eq!(bench.charged(A), 1, "{once:#}");
    let history = bench.json(&["history"]).1;
    assert_eq!(history["payments"].as_array().unwrap().len(), 1, "{history:#}");
    assert_eq!(history["payments"][0]["state"], "confirmed");
    assert_eq!(history["payments"][0]["charged"], history["payments"][0]["quoted"]);
}

#[rstest]
#[case::closed(Answer::Close)]
#[case::hang(Answer::Hang)]
#[case::server_error(Answer::Refusal { status: 503, code: 3, message: "busy".into() })]
fn an_answer_lost_before_the_charge_is_not_paid_again_before_evidence_then_once(#[case] answer: Answer) {
    let bench = one_due();
    bench.config("", &KEEP.replace("period", "on_unknown = \"retry\"\nperiod"));
    bench.handle.inject(Fault::on(Aim::Money).effect(Effect::Nothing).answer(answer));
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 3);
    assert!(bench.item(&once, A)["reason"].as_str().unwrap().starts_with("unknown_pending:"), "{once:#}");
    assert_eq!(bench.json(&["once"]).0, 3);
    assert_eq!(bench.payments_sent(), 1, "nothing is sent while the outcome is unknown");
    for _ in 0..9 {
        bench.pass(1_050);
        bench.json(&["once"]);
    }
    assert_eq!((bench.charged(A), bench.payments_sent()), (1, 2));
    let states: Vec<_> = bench.json(&["history"]).1["payments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["state"].clone())
        .collect();
    assert_eq!(states, ["confirmed", "not_applied"]);
}

#[test]
fn on_unknown_hold_waits_for_a_person_and_resolve_lets_it_go_on() {
    let bench = one_due();
    bench.handle.inject(Fault::on(Aim::Money).effect(Effect::Nothing).answer(Answer::Close));
    bench.settle(8);
    let (_, once) = bench.json(&["once"]);
    assert!(bench.item(&once, A)["reason"].as_str().unwrap().starts_with("unknown_pending:"), "{once:#}");
    assert_eq!(bench.payments_sent(), 1);
    let id = bench.json(&["history"]).1["payments"][0]["intent"].as_str().unwrap().to_owned();
    let (code, said) = bench.json(&["resolve", &id, "--not-charged", "--note", "support says so"]);
    assert_eq!(code, 0, "{said:#}");
    assert_eq!(bench.json(&["once"]).0, 0);
    assert_eq!(bench.charged(A), 1);
}

#[test]
fn a_lagging_list_is_no_reason_to_pay_again() {
    let bench = one_due();
    bench.handle.set_lag(Duration::from_millis(2_500));
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, &once["payments"][0]["state"]), (0, &serde_json::json!("accepted")), "{once:#}");
    let (code, again) = bench.json(&["once"]);
    assert_eq!(code, 0);
    assert!(bench.item(&again, A)["reason"].as_str().unwrap().starts_with("accepted:"));
    bench.pass(2_600);
    bench.json(&["once"]);
    assert_eq!(bench.json(&["history"]).1["payments"][0]["state"], "confirmed");
    assert_eq!(bench.charged(A), 1);
}

#[test]
fn a_list_that_lags_beyond_the_window_ends_with_one_charge_too() {
    let bench = one_due();
    bench.config("", &KEEP.replace("period", "on_unknown = \"retry\"\nperiod"));
    bench.handle.set_lag(Duration::from_secs(8));
    for _ in 0..11 {
        bench.json(&["once"]);
        bench.pass(1_000);
    }
    assert_eq!(bench.charged(A), 1, "a fall without a new end is never paid again");
    assert_eq!(bench.json(&["history"]).1["payments"][0]["state"], "confirmed");
}

fn held(bench: &Bench, word: &str) {
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 3, "{once:#}");
    let item = bench.item(&once, A);
    assert_eq!(item["decision"], "hold", "{item:#}");
    assert!(item["reason"].as_str().unwrap().starts_with(&format!("{word}:")), "{item:#}");
    assert_eq!(bench.payments_sent(), 0);
    let plan = bench.json(&["plan"]).1;
    assert!(bench.item(&plan, A)["reason"].as_str().unwrap().starts_with(&format!("{word}:")), "{plan:#}");
}

#[test]
fn a_warning_never_seen_before_holds_the_payment() {
    let bench = one_due();
    bench.handle.inject(
        Fault::on(Aim::Quotes).when(When::Always).answer(Answer::Warning { code: 77, message: "new".into() }),
    );
    held(&bench, "provider_warning");
}

#[test]
fn a_price_over_its_cap_holds_the_payment() {
    let bench = one_due();
    bench.config("", &format!("{KEEP}max_price = \"0.10\"\n"));
    held(&bench, "price_cap");
}

#[test]
fn a_period_that_is_not_offered_holds_the_payment() {
    let bench = one_due();
    bench.config("", &KEEP.replace("[\"30d\", \"90d\"]", "\"45d\""));
    held(&bench, "period_not_offered");
}

#[test]
fn a_required_promo_that_is_not_valid_holds_the_payment() {
    let bench = one_due();
    bench.config("", &format!("{KEEP}promo_code = \"NOPE\"\npromo_required = true\n"));
    held(&bench, "promo_invalid");
}

#[test]
fn a_quote_in_another_currency_holds_the_payment() {
    let bench = one_due();
    bench.handle.inject(Fault::on(Aim::Quotes).when(When::Always).answer(Answer::Currency("EUR".into())));
    held(&bench, "currency_changed");
}

#[test]
fn a_currency_that_changed_holds_payments_in_every_cycle_until_resume_accepts_it() {
    let bench = one_due();
    bench.config("", &KEEP.replace("3d", "13h"));
    assert_eq!(bench.json(&["once"]).0, 0);
    bench.config("", KEEP);
    bench.handle.with(|w| w.account_mut(common::KEY).unwrap().currency = "EUR".into());
    held(&bench, "currency_changed");
    held(&bench, "currency_changed");
    assert_eq!(bench.json(&["resume", "yp"]).0, 0);
    assert_eq!(bench.json(&["once"]).0, 0);
    assert_eq!(bench.charged(A), 1);
}

#[test]
fn an_unreadable_quote_holds_the_payment() {
    let bench = one_due();
    bench.handle.inject(Fault::on(Aim::Quotes).when(When::Always).answer(Answer::TruncatedJson));
    held(&bench, "quote_unreadable");
}

#[test]
fn short_funds_hold_the_payment_and_say_what_is_missing() {
    let bench = Bench::new("1.00", &[(Product::IPv4, &[A], 24)]);
    held(&bench, "short_funds");
    let status = bench.json(&["status"]).1;
    let text = status["open_alerts"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("Top up 1.65 USD at yp"), "{text}");
}

#[test]
fn keep_balance_is_never_spent() {
    let bench = Bench::new("10.00", &[(Product::IPv4, &[A], 24)]);
    bench.config("keep_balance = \"9.00\"", KEEP);
    held(&bench, "short_funds");
}

#[test]
fn a_valid_promo_lowers_the_price() {
    let bench = one_due();
    bench.handle.with(|w| {
        let starts = common::in_hours(-1);
        w.account_mut(common::KEY).unwrap().promos.push(Promo {
            code: "SAVE10".into(),
            percent: 10,
            starts,
            ends: None,
        });
    });
    bench.config("", &format!("{KEEP}promo_code = \"SAVE10\"\npromo_required = true\n"));
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 0, "{once:#}");
    assert_eq!(bench.item(&once, A)["quote"]["promo"], "VALID");
    assert_eq!(bench.charges(), (1, money(once["payments"][0]["quoted"].as_str().unwrap())));
}

#[test]
fn a_budget_holds_what_does_not_fit_and_the_higher_priority_is_saved() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24), (Product::IPv4, &[B], 20)]);
    bench.config(
        "",
        &format!(
            "[[policy]]\nname = \"first\"\nmatch = {{ ip = [\"{A}\"] }}\naction = \"renew\"\npriority = 5\n{KEEP}\n[[budget]]\nname = \"day\"\nper = \"day\"\nlimit = \"3.00\"\ncurrency = \"USD\"\n"
        ),
    );
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 3);
    assert!(bench.item(&once, B)["reason"].as_str().unwrap().starts_with("over_budget:"), "{once:#}");
    assert_eq!((bench.charged(A), bench.charged(B)), (1, 0));
    bench.json(&["once"]);
    assert_eq!((bench.charged(A), bench.charged(B)), (1, 0), "the budget is used up in later cycles too");
}

#[test]
fn a_wrong_key_is_one_alert_and_the_other_account_goes_on() {
    let bench = one_due();
    bench.secret("other.key", "wrong-key-of-another-account");
    let other = format!(
        "[[account]]\nname = \"other\"\nprovider = \"youproxy\"\nbase_url = \"{}\"\napi_key = {{ file = \"other.key\" }}\n{KEEP}",
        bench.base_url
    );
    bench.config("", &other);
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 3);
    assert_eq!(bench.charged(A), 1);
    let accounts = once["accounts"].as_array().unwrap();
    assert!(accounts.iter().any(|a| a["account"] == "other" && a["reachable"] == false));
    let status = bench.json(&["status"]).1;
    let keys: Vec<_> =
        status["open_alerts"].as_array().unwrap().iter().map(|a| a["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["account_down:other"]);
}

#[test]
fn a_list_that_became_empty_is_an_alert_and_never_nothing_due() {
    let bench = one_due();
    bench.json(&["plan"]);
    bench.config("", &KEEP.replace("3d", "1h").replace("action", "urgent = \"1h\"\naction"));
    bench.json(&["once"]);
    bench.handle.with(|w| {
        w.remove(common::KEY, A);
        w.remove(common::KEY, B);
    });
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 3, "{once:#}");
    let status = bench.json(&["status"]).1;
    assert_eq!(status["open_alerts"][0]["key"], "inventory_empty:yp");
    let (_, resumed) = bench.json(&["resume", "yp"]);
    assert_eq!(resumed["accepted"][0]["missing"].as_array().unwrap().len(), 2, "{resumed:#}");
    assert_eq!(bench.json(&["once"]).0, 0);
}

#[test]
fn a_partly_applied_batch_is_split_and_each_lease_is_paid_once() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A, B, C], 24)]);
    bench.config("", &KEEP.replace("period", "on_unknown = \"retry\"\nperiod"));
    bench.handle.inject(Fault::on(Aim::Money).effect(Effect::FirstLeases(1)).answer(Answer::Close));
    for _ in 0..10 {
        bench.json(&["once"]);
        bench.pass(1_050);
    }
    assert_eq!([A, B, C].map(|ip| bench.charged(ip)), [1, 1, 1]);
    let history = bench.json(&["history", "--state", "confirmed"]).1;
    let sum = history["payments"].as_array().unwrap().iter().map(|p| money(p["charged"].as_str().unwrap()));
    assert_eq!(renewd::domain::Money::sum(sum), Some(bench.charges().1), "{history:#}");
}

#[test]
fn a_lease_with_the_providers_own_renewal_on_is_a_conflict() {
    let bench = one_due();
    bench.handle.with(|w| w.account_mut(common::KEY).unwrap().rental_mut(A).unwrap().auto = true);
    held(&bench, "provider_owns");
}

#[test]
fn pause_holds_payments_and_outlives_the_process() {
    let bench = one_due();
    assert_eq!(bench.json(&["pause", "yp"]).0, 0);
    held(&bench, "paused");
    assert_eq!(bench.json(&["resume", "yp"]).0, 0);
    assert_eq!(bench.json(&["once"]).0, 0);
    assert_eq!(bench.charged(A), 1);
}

#[test]
fn a_refused_payment_is_told_and_not_repeated_at_once() {
    let bench = one_due();
    bench.handle.inject(Fault::code(Aim::Money, 10));
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 3);
    assert_eq!(once["payments"][0]["state"], "refused");
    assert_eq!(once["payments"][0]["error"]["code"], "10");
    assert_eq!(bench.json(&["once"]).0, 3);
    assert_eq!(bench.payments_sent(), 1);
}

#[test]
fn requests_stay_under_the_limit_and_quotes_come_before_payments() {
    let bench = one_due();
    bench.json(&["once"]);
    let order: Vec<Endpoint> = bench.handle.requests().iter().filter_map(|r| r.endpoint).collect();
    let quote = order.iter().position(|e| e.is_quote()).unwrap();
    let pay = order.iter().position(|e| e.is_money()).unwrap();
    assert!(quote < pay, "{order:?}");
    assert!(order.len() <= 8, "{order:?}");
}

#[test]
fn explain_names_the_policy_that_decided_and_why_each_other_did_not() {
    let bench = one_due();
    bench.config(
        "",
        &format!(
            "[[policy]]\nname = \"isp-only\"\nmatch = {{ kind = [\"ISP\"] }}\naction = \"renew\"\n{KEEP}"
        ),
    );
    let (code, doc) = bench.json(&["explain", A]);
    assert_eq!(code, 0);
    assert_eq!(
        doc["policies"][0]["failed"][0],
        serde_json::json!({ "key": "kind", "want": ["ISP"], "saw": "IPv4" })
    );
    assert_eq!((&doc["policies"][1]["matched"], &doc["items"][0]["policy"]), (&true.into(), &"keep".into()));
    assert_eq!(bench.renewd(&["explain", "198.51.100.99"]).status.code(), Some(2));
}

#[test]
fn status_says_when_it_never_ran_and_when_it_has_not_run_for_long() {
    let bench = one_due();
    let says =
        || String::from_utf8(bench.renewd(&["status"]).stdout).unwrap().lines().next().unwrap().to_owned();
    assert_eq!(says(), "renewd has not run yet");
    bench.json(&["once"]);
    assert_eq!(says(), "renewd is healthy");
    let ledger = rusqlite::Connection::open(bench.path("state/ledger.db")).unwrap();
    let long_ago = format!("{:.9}", common::in_hours(-18));
    ledger.execute("UPDATE cycle SET started_at = ?1", [&long_ago]).unwrap();
    assert_eq!(says(), "renewd is healthy", "no daemon ever ran: nothing is expected on the schedule");
    // As a daemon notes it at the start of each of its cycles.
    ledger.execute("INSERT INTO note (key, value) VALUES ('schedule.last_due', ?1)", [&long_ago]).unwrap();
    let late = says();
    assert!(late.starts_with("renewd needs attention: no cycle ended since one was due at "), "{late}");
    assert!(late.contains("the last began 18h ago"), "{late}");
    assert_eq!(bench.json(&["status"]).1["healthy"], false);
}
