//! Proxies that are paid by GET, through the real binary: from the list to a confirmed payment, in whole and in part, with answers that are
//! lost, and with all that the provider does not tell.
use std::time::Duration;

use renewd::simulator::px6::Endpoint;
use renewd::simulator::{Aim, Answer, Effect, Fault, When};
use rstest::rstest;
use serde_json::Value;

use crate::common::px6::{KEY, OFF, Px6Bench};
use crate::common::{KEEP, all_bytes, in_hours, money};

fn history(bench: &Px6Bench) -> Vec<Value> {
    bench.json(&["history"]).1["payments"].as_array().unwrap().clone()
}

#[test]
fn what_is_due_is_paid_by_one_get_told_by_its_answer_and_confirmed_by_the_list() {
    let bench = Px6Bench::new("100.00", &[24, 30, 24 * 20]);
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 0, "{once:#}");
    let (one, two) = (bench.id("203.0.113.1"), bench.id("203.0.113.2"));
    assert_eq!(bench.sent(Endpoint::Prolong), [format!("prolong/?period=30&ids={one},{two}")]);
    let asked = bench.sent(Endpoint::GetPrice);
    assert_eq!(asked[..2], ["getprice/?count=2&period=30&version=4"; 2], "one to plan, one to pay");
    assert_eq!(bench.charges(), (1, money("3.60")));
    let paid = &history(&bench)[0];
    assert_eq!(
        (&paid["state"], &paid["charged"], &paid["measured"]),
        (&"confirmed".into(), &"3.60".into(), &"answers".into()),
        "{paid:#}"
    );
    let known = &bench.json(&["explain", "203.0.113.1"]).1["items"][0];
    assert_eq!((&known["last_price"], &known["decision"]), (&"1.80".into(), &"wait".into()), "{known:#}");
    let (code, again) = bench.json(&["once"]);
    assert_eq!((code, bench.sent(Endpoint::Prolong).len()), (0, 1), "{again:#}");
}

#[test]
fn a_server_that_gives_few_rows_a_page_hides_no_lease() {
    let bench = Px6Bench::new("100.00", &[24; 7]);
    bench.handle.with(|world| world.most_rows = 3);
    let (code, plan) = bench.json(&["plan"]);
    assert_eq!((code, plan["items"].as_array().unwrap().len()), (0, 7), "{plan:#}");
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 0, "{once:#}");
    assert!((1..=7).all(|n| bench.charged(&format!("203.0.113.{n}")) == 1), "{once:#}");
}

#[test]
fn the_ledger_keeps_the_ends_that_an_answer_told_and_the_list_confirms_them_later() {
    let bench = Px6Bench::new("100.00", &[24, 30]);
    bench.handle.set_lag(Duration::from_secs(4));
    bench.json(&["once"]);
    let paid = &history(&bench)[0];
    assert_eq!(paid["state"], "accepted", "{paid:#}");
    let evidence = paid["evidence"].as_str().unwrap();
    let end = bench.handle.with(|w| w.account(KEY).unwrap().proxy("203.0.113.2").unwrap().end);
    assert!(evidence.starts_with("the answer tells new ends: "), "{evidence}");
    assert!(
        evidence.contains(&format!("{} until {end}", bench.id("203.0.113.2")))
            || evidence.contains(" until "),
        "{evidence}"
    );
    bench.pass(4_100);
    bench.json(&["once"]);
    assert_eq!(bench.states(), ["confirmed"]);
    assert_eq!((bench.charges().0, bench.sent(Endpoint::Prolong).len()), (1, 1));
}

#[rstest]
#[case::the_list_follows_at_once(0)]
#[case::the_list_lags(4)]
fn of_a_payment_that_succeeds_in_part_each_lease_goes_its_own_way(#[case] lag: u64) {
    let bench = Px6Bench::new("100.00", &[24, 25, 26]);
    bench.handle.set_lag(Duration::from_secs(lag));
    bench.handle.inject(Fault::on(Aim::Money).when(When::Next(1)).effect(Effect::FirstLeases(2)));
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 3, "{once:#}");
    let states = bench.states();
    let told = if lag == 0 { "confirmed" } else { "accepted" };
    assert_eq!(states, ["unknown", told, told], "{:#?}", history(&bench));
    assert!(bench.reason(&once, "203.0.113.3").starts_with("hold unknown_pending"), "{once:#}");
    bench.pass(4_100);
    bench.json(&["once"]);
    assert_eq!(bench.states()[1..], ["confirmed", "confirmed"], "{:#?}", history(&bench));
    bench.settle(8);
    let all = history(&bench);
    let parts: Vec<&Value> = all.iter().filter(|p| p["leases"].as_array().unwrap().len() == 1).collect();
    let charged: Vec<&Value> =
        parts.iter().filter(|p| p["state"] == "confirmed").map(|p| &p["charged"]).collect();
    assert!(charged.iter().all(|c| **c == "1.80") && charged.len() >= 2, "{all:#?}");
    assert!(parts.iter().any(|p| p["state"] == "not_applied"), "shown as not charged: {all:#?}");
    for ip in ["203.0.113.1", "203.0.113.2"] {
        assert_eq!(bench.charged(ip), 1, "{ip}");
    }
    assert!(bench.handle.with(|w| w.books().paid_twice()).is_empty());
    let status = bench.json(&["status"]).1.to_string();
    assert!(
        !status.contains("charge_differs")
            && !status.contains("double_charge")
            && !status.contains("unexplained"),
        "{status}"
    );
}

#[rstest]
#[case::close(Answer::Close)]
#[case::reset(Answer::Reset)]
#[case::hang(Answer::Hang)]
#[case::half(Answer::HalfBody)]
#[case::cut(Answer::TruncatedJson)]
#[case::html(Answer::Html(502))]
#[case::too_many(Answer::TooMany(0))]
#[case::redirect(Answer::Redirect("/api/elsewhere".to_owned()))]
#[case::unknown_error(Answer::Refusal { status: 200, code: 30, message: "Error unknown".to_owned() })]
#[case::other_ids(Answer::OtherIds(vec!["77".to_owned()]))]
fn a_lost_answer_is_settled_by_the_moved_end_and_never_by_paying_again(#[case] answer: Answer) {
    let bench = Px6Bench::new("100.00", &[24]);
    // Longer than a payment that hangs, and the readings of two pages behind it.
    bench.handle.set_lag(Duration::from_secs(6));
    bench.handle.inject(Fault::on(Aim::Money).when(When::Next(1)).answer(answer));
    bench.json(&["once"]);
    assert_eq!(bench.states(), ["unknown"], "{:#?}", history(&bench));
    bench.pass(6_100);
    bench.json(&["once"]);
    assert_eq!(bench.states(), ["confirmed"], "{:#?}", history(&bench));
    assert_eq!((bench.charges().0, bench.sent(Endpoint::Prolong).len()), (1, 1));
}

#[test]
fn a_payment_that_never_arrived_is_shown_so() {
    let bench = Px6Bench::new("100.00", &[24]);
    let unknown = Answer::Refusal { status: 200, code: 30, message: "Error unknown".to_owned() };
    bench.handle.inject(Fault::on(Aim::Money).when(When::Next(1)).effect(Effect::Nothing).answer(unknown));
    let once = bench.json(&["once"]).1;
    assert!(bench.reason(&once, "203.0.113.1").starts_with("hold unknown_pending"), "{once:#}");
    bench.settle(8);
    assert!(bench.states().contains(&"not_applied".to_owned()), "{:#?}", history(&bench));
    assert!(bench.charged("203.0.113.1") <= 1);
}

#[rstest]
#[case::no_money(400, "Error no money")]
#[case::not_found(404, "Error not found")]
fn a_refusal_is_one_and_is_not_paid_again_at_once(#[case] code: i64, #[case] message: &str) {
    let bench = Px6Bench::new("100.00", &[24]);
    let refusal = Answer::Refusal { status: 200, code, message: message.to_owned() };
    bench.handle.inject(Fault::on(Aim::Money).when(When::Next(1)).effect(Effect::Nothing).answer(refusal));
    bench.json(&["once"]);
    assert_eq!(bench.states(), ["refused"]);
    assert_eq!(history(&bench)[0]["error"]["code"], code.to_string());
    assert_eq!((bench.charges().0, bench.sent(Endpoint::Prolong).len()), (0, 1));
}

#[test]
fn nothing_is_paid_until_the_owner_says_that_the_provider_does_not() {
    let bench = Px6Bench::new("100.00", &[24]);
    bench.config("", KEEP);
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 3);
    let reason = bench.reason(&once, "203.0.113.1");
    assert!(reason.starts_with("hold provider_owns") && reason.contains("provider_renews"), "{reason}");
    assert!(bench.sent(Endpoint::Prolong).is_empty());
    let (code, check) = bench.json(&["check"]);
    let said = check["problems"].to_string();
    assert!(code == 0 && said.contains("provider_renews") && said.contains("warning"), "{check:#}");
    bench.config("", &format!("{KEEP}pay_by = \"provider\"\n"));
    let soon = in_hours(1).checked_sub(jiff::SignedDuration::from_mins(20)).unwrap();
    bench.handle.with(|w| w.set_end(KEY, "203.0.113.1", soon));
    bench.json(&["once"]);
    assert!(
        bench.sent(Endpoint::Prolong).is_empty(),
        "nor in the last hour, where nobody knows what the provider does"
    );
    bench.config(OFF, KEEP);
    bench.handle.with(|w| w.set_end(KEY, "203.0.113.1", in_hours(24)));
    assert_eq!((bench.json(&["once"]).0, bench.sent(Endpoint::Prolong).len()), (0, 1));
}

#[test]
fn what_the_list_does_not_tell_is_told_by_the_config_or_held() {
    let bench = Px6Bench::new("100.00", &[24]);
    bench.handle.with(|w| {
        w.tells_version = false;
        w.always_array = true;
    });
    let once = bench.json(&["once"]).1;
    let reason = bench.reason(&once, "203.0.113.1");
    assert!(reason.starts_with("hold unparsable") && reason.contains("version = 4"), "{reason}");
    assert!(bench.sent(Endpoint::GetPrice).is_empty(), "without a version there is no price");
    bench.config(&format!("{OFF}\nversion = 3"), KEEP);
    assert_eq!(bench.json(&["once"]).0, 0);
    assert_eq!(bench.sent(Endpoint::GetPrice)[0], "getprice/?count=1&period=30&version=3");
    for (wrong, words) in [("version = 5", "write 4"), ("provider_renews = \"on\"", "off")] {
        bench.config(wrong, KEEP);
        let (code, check) = bench.json(&["check"]);
        assert!(code == 2 && check["problems"].to_string().contains(words), "{check:#}");
    }
}

#[test]
fn what_renewd_does_not_know_how_to_renew_is_left_alone() {
    let bench = Px6Bench::new("100.00", &[24]);
    bench.handle.with(|w| w.add_proxy(KEY, 5, "us", "203.0.113.9", in_hours(20)));
    let once = bench.json(&["once"]).1;
    assert!(bench.reason(&once, "203.0.113.9").starts_with("hold order_state"), "{once:#}");
    assert_eq!((bench.charged("203.0.113.9"), bench.charged("203.0.113.1")), (0, 1));
}

#[test]
fn many_at_once_are_priced_and_paid_at_once_at_the_price_of_many() {
    let bench = Px6Bench::new("100.00", &[24; 12]);
    bench.handle.with(|w| w.add_proxy(KEY, 4, "de", "203.0.113.77", in_hours(24)));
    bench.config(OFF, &format!("{KEEP}max_price = \"1.70\"\n"));
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.sent(Endpoint::Prolong).len()), (0, 1), "{once:#}");
    assert_eq!(bench.charges(), (1, money("21.06")), "13 at 1.62, where one alone costs 1.80");
    assert!(
        bench.sent(Endpoint::GetPrice).iter().all(|path| path.contains("count=13")),
        "one alone is not asked for"
    );
}

#[test]
fn a_price_that_is_not_that_of_each_times_their_number_is_paid_singly() {
    let bench = Px6Bench::new("100.00", &[24, 25]);
    let lies = Answer::Field("price_single".to_owned(), serde_json::json!(1.5));
    let two = Fault::on(Aim::Quotes).when(When::Nth(1)).answer(lies);
    bench.handle.inject(two);
    assert_eq!(bench.json(&["once"]).0, 0);
    assert_eq!((bench.sent(Endpoint::Prolong).len(), bench.charges()), (2, (2, money("3.60"))));
}

#[test]
fn a_term_that_is_not_sold_gives_way_to_the_next_and_more_than_a_hundred_are_paid_by_hundreds() {
    let bench = Px6Bench::new("1000.00", &[24]);
    bench.handle.with(|w| w.prices.stop_selling(90));
    bench.config(OFF, &KEEP.replace("[\"30d\", \"90d\"]", "[\"90d\", \"30d\"]"));
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 0, "{once:#}");
    assert!(bench.sent(Endpoint::Prolong)[0].starts_with("prolong/?period=30&"));

    let bench = Px6Bench::new("1000.00", &[24; 103]);
    bench.config(&format!("{OFF}\nbatch = 5000"), KEEP);
    assert_eq!(bench.json(&["once"]).0, 0);
    let sizes: Vec<usize> =
        bench.sent(Endpoint::Prolong).iter().map(|path| path.matches(',').count() + 1).collect();
    assert_eq!((sizes, bench.charges().0), (vec![100, 3], 2));
}

#[test]
fn short_funds_and_another_currency_are_known_before_anything_is_sent() {
    let bench = Px6Bench::new("1.00", &[24]);
    let once = bench.json(&["once"]).1;
    assert!(bench.reason(&once, "203.0.113.1").starts_with("hold short_funds"), "{once:#}");
    bench.handle.with(|w| {
        let account = w.account_mut(KEY).unwrap();
        account.currency = "RUB".to_owned();
    });
    let _ = bench.handle.top_up(KEY, money("99.00"));
    let once = bench.json(&["once"]).1;
    assert!(bench.reason(&once, "203.0.113.1").contains("currency_changed"), "{once:#}");
    assert!(bench.sent(Endpoint::Prolong).is_empty());
}

#[test]
fn calls_keep_the_providers_pace_over_all_processes() {
    let bench = Px6Bench::new("100.00", &[24, 24 * 20]);
    bench.json(&["once"]);
    bench.json(&["plan"]);
    bench.json(&["once"]);
    let at: Vec<jiff::Timestamp> = bench.handle.requests().iter().map(|r| r.at).collect();
    assert!(at.len() >= 6, "{at:?}");
    let gaps: Vec<i128> = at.windows(2).map(|w| w[1].duration_since(w[0]).as_millis()).collect();
    // A request takes a moment to arrive.
    assert!(gaps.iter().all(|gap| *gap >= 300), "{gaps:?}");
}

#[test]
fn neither_key_nor_login_is_in_anything_that_is_kept() {
    let bench = Px6Bench::new("100.00", &[24]);
    let echo = format!("Error key {} {}", KEY.to_uppercase(), KEY.replace('/', "%2f"));
    let echo = Answer::Refusal { status: 200, code: 30, message: echo };
    bench.handle.inject(Fault::on(Aim::Money).when(When::Next(1)).answer(echo));
    let out = bench.command(&["once"]).env("RUST_LOG", "trace").output().unwrap();
    let mut kept = vec![("output".into(), out.stdout), ("log".into(), out.stderr)];
    kept.extend(all_bytes(&bench.path("state")));
    for (place, bytes) in kept {
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        for secret in ["0123456789/abcdef", "0123456789%2fabcdef", "sim-login", "sim-password"] {
            assert!(!text.contains(secret), "{secret} is in {}", place.display());
        }
    }
}

#[test]
fn an_end_that_moves_without_a_payment_is_somebody_elses() {
    let bench = Px6Bench::new("100.00", &[24 * 20]);
    bench.json(&["once"]);
    bench.handle.with(|w| w.set_end(KEY, "203.0.113.1", in_hours(24 * 50)));
    bench.json(&["once"]);
    assert!(
        bench.sent(Endpoint::Prolong).is_empty() && history(&bench).iter().all(|p| p["purpose"] != "renewal")
    );
}
