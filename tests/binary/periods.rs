//! Which of a policy's periods is bought, through the real binary, against the provider's books: the first that is offered, within the cap
//! and over before `until`; what is not taken costs one question for all that are alike; nothing is paid with the price of another period.
use std::fs;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use renewd::simulator::{Endpoint, Product};
use serde_json::Value;

use crate::common::{Bench, in_hours, money};

const A: &str = "203.0.113.1";
const B: &str = "203.0.113.2";
const C: &str = "203.0.113.3";

/// Ninety days where they fit, else thirty.
const LIST: &str = r#"period = ["90d", "30d"]"#;

fn policy(bench: &Bench, rest: &str) {
    let text = format!(
        "[[policy]]\nname = \"keep\"\naction = \"renew\"\nbefore = \"10d\"\n{rest}\n[guard]\nmax_fleet_share = \"100%\"\n"
    );
    bench.config("", &text);
}

/// How often the price of so many days was asked.
fn asked(bench: &Bench, days: u32) -> usize {
    let of = |body: &str| serde_json::from_str::<Value>(body).ok()?["rentPeriodDays"].as_u64();
    let requests = bench.handle.requests();
    let quotes = requests.iter().filter(|r| r.endpoint.is_some_and(Endpoint::is_quote));
    quotes.filter(|r| of(&r.body) == Some(u64::from(days))).count()
}

/// Days and amount of each charge for this address.
fn bought(bench: &Bench, ip: &str) -> Vec<(u32, String)> {
    let line = |e: &renewd::simulator::Entry| (e.days, e.amount.to_string());
    bench.handle.with(|w| w.books().charges_for(ip).map(line).collect())
}

fn one(days: u32, amount: &str) -> Vec<(u32, String)> {
    vec![(days, amount.to_owned())]
}

fn reason<'a>(bench: &Bench, document: &'a Value, ip: &str) -> &'a str {
    bench.item(document, ip)["reason"].as_str().unwrap()
}

/// The day, in UTC, on which a lease that ends in so many hours ends after so many days more.
fn day_after(hours: i64, days: i64) -> String {
    let then: Timestamp = in_hours(hours) + SignedDuration::from_hours(24 * days);
    TimeZone::UTC.to_datetime(then).date().to_string()
}

#[test]
fn leases_that_are_alike_are_asked_once_for_the_period_that_is_over_the_cap() {
    let ips: Vec<String> = (1..=50).map(|n| format!("203.0.113.{n}")).collect();
    let refs: Vec<&str> = ips.iter().map(String::as_str).collect();
    let fleet = || Bench::new("1000.00", &[(Product::IPv4, &refs, 48)]);
    let (list, single) = (fleet(), fleet());
    policy(&list, &format!("{LIST}\nmax_price = \"3.00\""));
    policy(&single, "period = \"30d\"\nmax_price = \"3.00\"");
    for bench in [&list, &single] {
        let (code, once) = bench.json(&["once"]);
        assert_eq!((code, bench.charges().1), (0, money("132.50")), "{once:#}");
        assert!(ips.iter().all(|ip| bench.charged(ip) == 1));
    }
    assert_eq!((asked(&list, 90), asked(&list, 30)), (1, asked(&single, 30)));
    assert_eq!(list.payments_sent(), single.payments_sent());
    let paid = list.json(&["history"]).1;
    let days = |p: &Value| p["period_days"].as_u64().unwrap();
    assert!(paid["payments"].as_array().unwrap().iter().all(|p| days(p) == 30), "{paid:#}");
    // What is ahead is reckoned with the term and the price that will be paid.
    let ahead = list.json(&["forecast", "--days", "40"]).1;
    assert_eq!(ahead["runway"][0]["need"], "132.50", "{ahead:#}");
}

#[test]
fn the_first_period_within_the_cap_is_bought() {
    for (listed, cap, days, amount) in [
        (r#"["90d", "30d"]"#, "7.95", 90, "7.95"),
        (r#"["90d", "60d", "30d"]"#, "6.00", 60, "5.30"),
        (r#"["30d", "90d"]"#, "9.00", 30, "2.65"),
        (r#"["45d", "60d"]"#, "9.00", 60, "5.30"),
    ] {
        let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 48)]);
        policy(&bench, &format!("period = {listed}\nmax_price = \"{cap}\""));
        assert_eq!(bench.json(&["once"]).0, 0);
        assert_eq!(bought(&bench, A), one(days, amount), "{listed} up to {cap}");
    }
}

#[test]
fn a_longer_period_that_is_cheaper_is_found_behind_a_shorter_one() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A, B], 48)]);
    bench.handle.with(|w| w.prices.set(Product::IPv4, "USA", 90, money("2.50")));
    policy(&bench, "period = [\"30d\", \"90d\"]\nmax_price = \"2.60\"");
    assert_eq!(bench.json(&["once"]).0, 0);
    assert_eq!((bought(&bench, A), asked(&bench, 30)), (one(90, "5.00"), 1));
}

#[test]
fn what_is_over_the_cap_for_each_period_is_held() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 48)]);
    policy(&bench, &format!("{LIST}\nmax_price = \"2.00\""));
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.payments_sent()), (3, 0), "{once:#}");
    assert_eq!(reason(&bench, &once, A), "price_cap: 2.65 USD for 30 days is over max_price 2.00");
    // One period has none to fall back on, though a shorter one would be within the cap.
    policy(&bench, "period = \"90d\"\nmax_price = \"3.00\"");
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.payments_sent()), (3, 0), "{once:#}");
    assert_eq!(reason(&bench, &once, A), "price_cap: 7.95 USD is over max_price 3.00");
}

#[test]
fn no_period_of_a_list_is_bought_past_until_while_a_shorter_one_is_not() {
    for (until, days, amount) in [
        (day_after(48, 90), 90, "7.95"),
        (day_after(48, 89), 30, "2.65"),
        (day_after(48, 30), 30, "2.65"),
        // Every period ends past it: the shortest.
        (day_after(48, 29), 30, "2.65"),
    ] {
        let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 48)]);
        policy(&bench, &format!("{LIST}\nuntil = \"{until}\""));
        assert_eq!(bench.json(&["once"]).0, 0);
        assert_eq!(bought(&bench, A), one(days, amount), "until {until}");
        // What `until` forbids is not even asked for.
        assert_eq!(asked(&bench, 90), usize::from(days == 90));
    }
}

#[test]
fn the_shortest_is_taken_past_until_within_the_cap_and_held_over_it() {
    let until = day_after(48, 20);
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 48)]);
    policy(&bench, &format!("{LIST}\nuntil = \"{until}\"\nmax_price = \"2.64\""));
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.payments_sent()), (3, 0), "{once:#}");
    assert!(reason(&bench, &once, A).starts_with("price_cap: "), "{once:#}");
    policy(&bench, &format!("{LIST}\nuntil = \"{until}\"\nmax_price = \"2.65\""));
    assert_eq!(bench.json(&["once"]).0, 0);
    assert_eq!(bought(&bench, A), one(30, "2.65"));
}

#[test]
fn an_order_that_is_paid_whole_falls_back_whole() {
    let bench = Bench::new("100.00", &[(Product::IPv6, &["2001:db8::1", "2001:db8::2"], 48)]);
    policy(&bench, "period = [\"360d\", \"90d\"]\nmax_price = \"3.00\"");
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 0, "{once:#}");
    assert_eq!(bought(&bench, "2001:db8::1"), one(90, "4.20"));
    assert_eq!((asked(&bench, 360), bench.payments_sent()), (1, 1));
}

#[test]
fn orders_that_are_paid_whole_are_asked_once_for_the_period_that_is_over_the_cap() {
    let ips = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4"];
    let orders = ips.each_ref().map(|ip| (Product::IPv6, std::slice::from_ref(ip), 48));
    let bench = Bench::new("100.00", &orders);
    policy(&bench, "period = [\"360d\", \"180d\", \"90d\"]\nmax_price = \"3.00\"");
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 0, "{once:#}");
    assert!(ips.iter().all(|ip| bought(&bench, ip) == one(90, "2.10")), "{once:#}");
    assert_eq!((asked(&bench, 360), asked(&bench, 180), bench.payments_sent()), (1, 1, 4));
}

#[test]
fn what_is_not_due_yet_is_asked_ahead_for_the_period_that_will_be_bought_and_then_no_more() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24 * 20)]);
    policy(&bench, &format!("{LIST}\nmax_price = \"3.00\""));
    for _ in 0..2 {
        assert_eq!(bench.json(&["once"]).0, 0);
        assert_eq!((asked(&bench, 90), asked(&bench, 30)), (1, 1));
    }
    let ahead = bench.json(&["forecast", "--days", "20"]).1;
    assert_eq!((&ahead["runway"][0]["need"], &ahead["unpriced"]), (&"2.65".into(), &0.into()), "{ahead:#}");
}

#[test]
fn a_jump_is_judged_for_the_period_that_is_taken_and_leads_to_no_other() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 48)]);
    let rest = |jump: &str| format!("{LIST}\nmax_price = \"3.00\"\nmax_price_jump = \"{jump}\"");
    policy(&bench, &rest("5%"));
    assert_eq!(bench.json(&["once"]).0, 0);
    bench.pass(25 * 24 * 3_600_000);
    // Ninety days cost less a day than ever, and more than the cap.
    bench.handle.with(|w| {
        w.prices.set(Product::IPv4, "USA", 90, money("3.01"));
        w.prices.set(Product::IPv4, "USA", 30, money("2.90"));
    });
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.payments_sent()), (3, 1), "{once:#}");
    assert!(reason(&bench, &once, A).starts_with("price_jump: 2.90 USD for 30 days"), "{once:#}");
    // Within the cap, ninety days are the first choice: a jump of theirs holds, and no shorter period is tried.
    bench.handle.with(|w| {
        w.prices.set(Product::IPv4, "USA", 90, money("9.00"));
        w.prices.set(Product::IPv4, "USA", 30, money("2.65"));
    });
    policy(&bench, &rest("5%").replace("3.00", "9.00"));
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.payments_sent()), (3, 1), "{once:#}");
    assert!(reason(&bench, &once, A).starts_with("price_jump: 9.00 USD for 90 days"), "{once:#}");
}

#[test]
fn a_plan_names_the_period_that_was_taken_and_pays_no_other() {
    // The second may not be bought for ninety days at all: for thirty both go together.
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 48), (Product::IPv4, &[B, C], 96)]);
    policy(&bench, &format!("{LIST}\nmax_price = \"3.00\"\nuntil = \"{}\"", day_after(48, 90)));
    let file = bench.path("reviewed.plan");
    bench.json(&["plan", "--out", file.to_str().unwrap()]);
    let plan: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let text = plan.to_string();
    assert!(text.contains("\"period_days\":30") && !text.contains("\"period_days\":90"), "{plan:#}");
    assert_eq!(asked(&bench, 90), 1, "only the first of them may be bought for ninety days");
    // Ninety days are the better offer now; what was approved are thirty.
    bench.handle.with(|w| w.prices.set(Product::IPv4, "USA", 90, money("2.00")));
    let (code, applied) = bench.json(&["apply", file.to_str().unwrap()]);
    assert_eq!(code, 0, "{applied:#}");
    for ip in [A, B, C] {
        assert_eq!(bought(&bench, ip), one(30, "7.95"), "{ip}: {applied:#}");
    }
    assert_eq!((bench.payments_sent(), asked(&bench, 90)), (1, 1));
}

#[test]
fn a_price_that_rose_at_payment_holds_it_and_pays_no_other_period_in_that_cycle() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 48), (Product::IPv4, &[B], 48)]);
    policy(&bench, &format!("{LIST}\nmax_price = \"8.00\""));
    let file = bench.path("reviewed.plan");
    bench.json(&["plan", "--out", file.to_str().unwrap()]);
    bench.handle.with(|w| w.prices.set(Product::IPv4, "USA", 90, money("8.01")));
    let (code, applied) = bench.json(&["apply", file.to_str().unwrap()]);
    assert_eq!((code, bench.payments_sent()), (3, 0), "{applied:#}");
    assert_eq!(asked(&bench, 30), 0, "the plan says ninety days");
    // The next cycle looks at its list again.
    assert_eq!(bench.json(&["once"]).0, 0);
    assert_eq!(bought(&bench, A), one(30, "5.30"));
}
