//! When a policy pays, through the real binary: lists of windows with days off in a zone of their own, and due instants that are spread over
//! a fleet. Plan, explain and payments say one thing.
use std::collections::BTreeMap;

use jiff::civil::{Date, time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use renewd::simulator::Product;
use serde_json::Value;

use crate::common::{Bench, in_hours};

const A: &str = "203.0.113.1";
const B: &str = "203.0.113.2";
const C: &str = "203.0.113.3";

/// Half a day away from UTC: whoever reckons in the wrong zone is caught.
const ZONE: &str = "Asia/Tokyo";

fn instant(value: &Value) -> Timestamp {
    value.as_str().unwrap_or_else(|| panic!("{value} is not an instant")).parse().unwrap()
}

fn step<'a>(explained: &'a Value, what: &str) -> &'a Value {
    let steps = explained["items"][0]["steps"].as_array().unwrap();
    steps.iter().find(|s| s["what"] == what).unwrap_or_else(|| panic!("no {what}: {explained:#}"))
}

fn weekday(day: Date) -> String {
    day.strftime("%a").to_string()
}

/// Today and tomorrow are days off there; the next window opens in three days at nine.
fn shut(bench: &Bench) -> Timestamp {
    let zone = TimeZone::get(ZONE).unwrap();
    let today = in_hours(0).to_zoned(zone.clone()).date();
    let (tomorrow, later) = (today.tomorrow().unwrap(), today.checked_add(3.days()).unwrap());
    let policy = format!(
        "[[policy]]\nname = \"keep\"\naction = \"renew\"\nbefore = \"10d\"\nurgent = \"2h\"\nmax_price = \"3.00\"\n\
         window = [\"{}-{} 00:00-24:00\", \"{} 09:00-17:00\"]\nexcept = [\"{today}\", \"{tomorrow}\"]\ntimezone = \"{ZONE}\"\n\
         [[budget]]\nname = \"monthly\"\nper = \"month\"\nlimit = \"50.00\"\ncurrency = \"USD\"\n",
        weekday(today),
        weekday(tomorrow),
        weekday(later)
    );
    bench.config("", &policy);
    later.to_datetime(time(9, 0, 0, 0)).to_zoned(zone).unwrap().timestamp()
}

#[test]
fn days_off_shut_a_list_of_windows_until_the_next_of_them_opens_and_explain_says_when() {
    let bench = Bench::new(
        "100.00",
        &[(Product::IPv4, &[A], 24 * 6), (Product::IPv4, &[B], 1), (Product::IPv4, &[C], 24 * 25)],
    );
    let opens = shut(&bench);
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 0, "{once:#}");
    let reason = bench.item(&once, A)["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("window: outside the window ") && reason.ends_with(" is a day off"),
        "{reason}"
    );
    assert_eq!((bench.charged(A), bench.charged(C)), (0, 0));
    assert_eq!(bench.charged(B), 1, "it is urgent: windows and days off are ignored");

    for args in [&["explain", A][..], &["explain", "--stored", A]] {
        let explained = bench.json(args).1;
        assert_eq!(instant(&step(&explained, "window")["opens_at"]), opens, "{explained:#}");
        let value = step(&explained, "window")["value"].as_str().unwrap();
        assert!(value.contains(" 09:00-17:00, not on 20") && value.ends_with(" (Asia/Tokyo)"), "{value}");
        let (end, due) =
            (instant(&step(&explained, "end")["value"]), instant(&step(&explained, "due")["value"]));
        let before = step(&explained, "before")["value"].as_i64().unwrap();
        assert_eq!((before, end - SignedDuration::from_secs(before)), (864_000, due));
        assert_eq!(explained["items"][0]["due_at"], step(&explained, "due")["value"]);
        let (cap, budget) = (step(&explained, "max_price"), step(&explained, "budget"));
        assert!(cap["value"].as_str().unwrap().starts_with("3.00: "), "{cap}");
        assert!(
            budget["value"].as_str().unwrap().starts_with("`monthly`: 2.65 of 50.00 USD per month"),
            "{budget}"
        );
        assert_eq!(step(&explained, "open_payments")["value"], "none");
        let text = String::from_utf8(bench.renewd(args).stdout).unwrap();
        assert!(text.contains("next: its window opens in ") && text.contains("; opens "), "{text}");
    }

    let left = opens.duration_since(in_hours(0)).as_millis();
    bench.pass(u64::try_from(left).unwrap() + 60_000);
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.charged(A), bench.charged(B), bench.charged(C)), (0, 1, 1, 0), "{once:#}");
    let open = bench.json(&["explain", C]).1;
    assert_eq!(step(&open, "window")["opens_at"], Value::Null, "it is open now: {open:#}");
}

#[test]
fn orders_of_one_hour_fall_due_spread_over_a_day_and_each_whole_and_the_same_in_every_run() {
    let ips: Vec<[String; 2]> =
        (0..12).map(|n| [0, 1].map(|m| format!("203.0.113.{}", 2 * n + m + 1))).collect();
    let ips: Vec<[&str; 2]> = ips.iter().map(|pair| [pair[0].as_str(), pair[1].as_str()]).collect();
    let orders: Vec<(Product, &[&str], i64)> =
        ips.iter().map(|pair| (Product::IPv4, pair.as_slice(), 24 * 4)).collect();
    let bench = Bench::new("100.00", &orders);
    let policy = |name: &str, spread: &str| {
        let text = format!("[[policy]]\nname = \"{name}\"\naction = \"renew\"\nbefore = \"3d\"\n{spread}\n");
        bench.config("", &text);
    };
    policy("keep", "spread = \"24h\"");
    let due = |document: &Value| -> BTreeMap<String, (String, Timestamp)> {
        let items = document["items"].as_array().unwrap().iter();
        let one = |i: &Value| (i["order"].as_str().unwrap().to_owned(), instant(&i["due_at"]));
        items.map(|i| (i["ip"].as_str().unwrap().to_owned(), one(i))).collect()
    };
    let first = due(&bench.json(&["plan"]).1);
    let of_orders: BTreeMap<&String, Timestamp> = first.values().map(|(order, at)| (order, *at)).collect();
    assert!(
        first.values().all(|(order, at)| of_orders[order] == *at),
        "leases of one order go together: {first:?}"
    );
    let earliest = *of_orders.values().min().unwrap();
    let span = of_orders.values().max().unwrap().duration_since(earliest);
    assert!(span > SignedDuration::from_hours(6) && span < SignedDuration::from_hours(25), "{of_orders:?}");
    policy("renamed", "spread = \"24h\"");
    assert_eq!(
        due(&bench.json(&["once"]).1),
        first,
        "whatever the policy is called, and after another start"
    );
    assert_eq!(bench.charges().0, 0, "none is due yet");
    let status = bench.json(&["status"]).1;
    assert_eq!(instant(&status["accounts"][0]["next_due_at"]), earliest, "{status:#}");
    let explained = bench.json(&["explain", ips[0][0]]).1;
    let late = SignedDuration::from_secs(step(&explained, "spread")["value"].as_i64().unwrap());
    let end = instant(&step(&explained, "end")["value"]);
    assert_eq!(end - SignedDuration::from_hours(72) + late, first[ips[0][0]].1);

    // Half a day after the undelayed instant: those are paid that are due, and no others.
    bench.pass(36 * 3_600_000);
    let now = in_hours(36);
    bench.json(&["once"]);
    for (ip, (_, at)) in &first {
        let near = at.duration_since(now).abs() < SignedDuration::from_mins(5);
        assert!(near || bench.charged(ip) == usize::from(*at <= now), "{ip} {at} {now}");
    }
    assert!(bench.charges().0 > 0 && bench.charges().0 < 12, "{:?}", bench.charges());
    policy("keep", "");
    bench.json(&["once"]);
    assert!(first.keys().all(|ip| bench.charged(ip) == 1), "without a spread all of them are due");
}
