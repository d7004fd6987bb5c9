//! `renewd forecast` as people and scripts use it.
use std::process::Stdio;

use renewd::simulator::{Aim, Answer, Endpoint, Fault, Product, When};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::common::{Bench, KEEP, money, signal, until};
use crate::forecast::{A, B, C, day, paid_once, rows};

#[test]
fn before_the_first_reading_it_says_that_there_is_none() {
    let bench = Bench::new("9.00", &[(Product::IPv4, &[A], 24)]);
    let out = bench.renewd(&["forecast"]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert_eq!(out.status.code(), Some(0));
    assert!(text.contains("no account was read yet") && text.contains("renewd once"), "{text}");
    let (code, document) = bench.json(&["forecast"]);
    assert_eq!((code, &document["days"]), (0, &json!([])));
    let runway = &document["runway"][0];
    assert_eq!(
        (&runway["balance"], &runway["short_by"], &runway["read_at"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert!(bench.handle.requests().is_empty(), "it asks nobody");
}

#[test]
fn days_amounts_and_runway_are_those_worked_out_by_hand() {
    let bench = paid_once("20.00");
    let (code, seen) = bench.json(&["forecast", "--days", "30"]);
    assert_eq!(code, 0);
    // 17.35 is left. A was paid and is due in 28 days, B in 17 at the price of its like, C in 25 at what was asked ahead.
    assert_eq!(
        rows(&seen),
        [
            format!("{} 1 2.65 14.70 list", day(24 * 17)),
            format!("{} 1 3.84 10.86 quoted", day(24 * 25)),
            format!("{} 1 2.65 8.21 last_paid", day(24 * 28)),
        ]
    );
    let runway = &seen["runway"][0];
    assert_eq!(runway["account"], "yp");
    assert_eq!(
        [&runway["currency"], &runway["balance"], &runway["need"], &runway["short_by"]],
        [&json!("USD"), &json!("17.35"), &json!("9.14"), &json!("0.00")]
    );
    assert_eq!([&runway["until"], &runway["top_up_by"]], [&Value::Null, &Value::Null]);
    assert_eq!((&seen["unpriced"], &runway["unpriced"]), (&json!(0), &json!(0)));
    assert_eq!(bench.payments_sent(), 1);
}

#[test]
fn prices_are_asked_ahead_a_few_in_each_cycle_and_nothing_is_paid_for_it() {
    let kinds: [(Product, &[&str], i64); 5] = [
        (Product::IPv4, &["203.0.113.1", "203.0.113.2"], 24 * 20),
        (Product::IPv6, &["2001:db8::1", "2001:db8::2"], 24 * 21),
        (Product::Mobile, &["203.0.113.5"], 24 * 22),
        (Product::Isp, &["203.0.113.6"], 24 * 23),
        (Product::IPv4, &["203.0.113.7"], 24 * 24),
    ];
    let bench = Bench::new("9.00", &kinds);
    assert_eq!(bench.json(&["once"]).0, 0);
    let quotes =
        || bench.handle.requests().iter().filter(|r| r.endpoint.is_some_and(Endpoint::is_quote)).count();
    let (first, unpriced) = (quotes(), bench.json(&["forecast"]).1["unpriced"].clone());
    assert_eq!(unpriced, 1, "one kind is left for the next cycle");
    bench.json(&["once"]);
    let seen = bench.json(&["forecast"]).1;
    let sources: Vec<_> =
        seen["days"].as_array().unwrap().iter().map(|d| d["price_source"].as_str().unwrap()).collect();
    assert_eq!(sources, ["quoted", "list", "quoted", "quoted", "quoted", "list"]);
    assert!(quotes() > first);
    let asked = bench.handle.requests().len();
    bench.json(&["once"]);
    let reads: Vec<_> = bench.handle.requests()[asked..].iter().filter_map(|r| r.endpoint).collect();
    assert!(reads.iter().all(|e| !e.is_quote() && !e.is_money()), "all is known now: {reads:?}");
    assert_eq!(bench.payments_sent(), 0);
}

#[test]
fn a_lease_without_a_known_price_is_counted_and_adds_nothing() {
    let bench = Bench::new("9.00", &[(Product::IPv4, &[A], 24 * 20)]);
    bench.handle.inject(Fault::on(Aim::Quotes).when(When::Always).answer(Answer::TruncatedJson));
    assert_eq!(bench.json(&["once"]).0, 0, "no price ahead is no trouble");
    let seen = bench.json(&["forecast"]).1;
    assert_eq!(rows(&seen), [format!("{} 1 null 9.00 none", day(24 * 17))]);
    let runway = &seen["runway"][0];
    assert_eq!(
        (&runway["need"], &runway["short_by"], &runway["unpriced"]),
        (&json!("0.00"), &json!("0.00"), &json!(1))
    );
    let text = String::from_utf8(bench.renewd(&["forecast"]).stdout).unwrap();
    assert!(text.contains("no price is known for 1 lease"), "{text}");
}

#[test]
fn the_day_the_money_ends_and_the_top_up_that_lasts() {
    let bench = paid_once("5.64");
    let seen = bench.json(&["forecast"]).1;
    let runway = &seen["runway"][0];
    // 2.99 is left: it covers B, and neither C nor A.
    assert_eq!((&runway["need"], &runway["short_by"]), (&json!("9.14"), &json!("6.15")));
    assert_eq!(runway["until"], json!(day(24 * 25)));
    let by: jiff::Timestamp = runway["top_up_by"].as_str().unwrap().parse().unwrap();
    assert!(by.duration_since(crate::common::in_hours(24 * 25)).as_secs().abs() < 60, "{by}");
    assert_eq!((&runway["uncovered"][0]["ip"], &runway["uncovered"][1]["ip"]), (&json!(C), &json!(A)));
    bench.handle.top_up(crate::common::KEY, money("6.15")).unwrap();
    bench.json(&["once"]);
    let runway = bench.json(&["forecast"]).1["runway"][0].clone();
    assert_eq!((&runway["short_by"], &runway["until"]), (&json!("0.00"), &Value::Null), "{runway:#}");
}

#[test]
fn a_price_that_was_asked_and_not_paid_is_quoted() {
    let bench = Bench::new("1.00", &[(Product::IPv4, &[A], 24)]);
    assert_eq!(bench.json(&["once"]).0, 3);
    assert_eq!(
        rows(&bench.json(&["forecast", "--days", "20"]).1),
        [format!("{} 1 2.65 -1.65 quoted", day(0))]
    );
    bench.handle.top_up(crate::common::KEY, money("5.00")).unwrap();
    assert_eq!(bench.json(&["once"]).0, 0);
    assert_eq!(rows(&bench.json(&["forecast"]).1), [format!("{} 1 2.65 0.70 last_paid", day(24 * 28))]);
    assert_eq!(bench.charges().1, money("2.65"), "and that is what was charged");
}

#[test]
fn what_is_due_today_is_charged_as_foreseen() {
    let bench = paid_once("99.00");
    let before = bench.charges().1;
    bench.config("", &KEEP.replace("3d", "22d"));
    let today: Vec<_> =
        rows(&bench.json(&["forecast"]).1).into_iter().filter(|r| r.starts_with(&day(0))).collect();
    assert_eq!(today, [format!("{} 1 2.65 93.70 list", day(0))]);
    assert_eq!(bench.json(&["once"]).0, 0);
    assert_eq!(bench.charges().1.minus(before), Some(money("2.65")));
    assert_eq!(bench.charged(B), 1);
}

#[test]
fn a_whole_order_is_foreseen_at_the_period_that_is_on_offer() {
    let v6 = ["2001:db8::1", "2001:db8::2", "2001:db8::3"];
    let bench = Bench::new("9.00", &[(Product::IPv6, &v6, 24)]);
    bench.json(&["pause"]);
    bench.json(&["once"]);
    assert_eq!(
        rows(&bench.json(&["forecast", "--days", "20"]).1),
        [format!("{} 3 null 9.00 none", day(0))],
        "paused: nobody asked"
    );
    bench.json(&["resume"]);
    assert_eq!(bench.json(&["once"]).0, 0);
    let charged = bench.charges().1;
    let seen = bench.json(&["forecast", "--days", "100"]).1;
    assert_eq!(seen["runway"][0]["need"], json!(charged.to_string()), "a term of 90 days: {seen:#}");
    assert_eq!(seen["days"][0]["due"], 3);
    assert_eq!(seen["days"][0]["date"], json!(day(24 * 88)));
}

#[test]
fn budgets_that_run_out_are_named_with_what_they_keep_from_being_renewed() {
    let bench = paid_once("99.00");
    let budget = "[[budget]]\nname = \"tiny\"\nper = \"month\"\nlimit = \"2.00\"\ncurrency = \"USD\"\n";
    bench.config("", &format!("{KEEP}{budget}"));
    let seen = bench.json(&["forecast", "--days", "20"]).1;
    let tiny = &seen["budgets"][0];
    assert_eq!(
        [&tiny["name"], &tiny["per"], &tiny["limit"]],
        [&json!("tiny"), &json!("month"), &json!("2.00")]
    );
    assert_eq!((&tiny["until"], &tiny["lapse"][0]["ip"]), (&json!(day(24 * 17)), &json!(B)), "{tiny:#}");
    assert_eq!(seen["runway"][0]["short_by"], "0.00", "the balance is another matter");
}

#[test]
fn csv_and_json_say_the_same() {
    let bench = paid_once("10.00");
    let json = bench.json(&["forecast"]).1;
    let out = bench.renewd(&["forecast", "--csv"]);
    assert_eq!(out.status.code(), Some(0));
    let mut reader = csv::Reader::from_reader(out.stdout.as_slice());
    let head: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(
        head,
        ["date", "account", "due", "amount", "currency", "balance_after", "price_source", "labels"]
    );
    let lines: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let days = json["days"].as_array().unwrap();
    assert_eq!(lines.len(), days.len());
    for (line, day) in lines.iter().zip(days) {
        for (cell, key) in line.iter().zip(&head) {
            let want = match &day[key] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                Value::Array(none) if none.is_empty() => String::new(),
                other => other.to_string(),
            };
            assert_eq!(cell, want, "{key}");
        }
    }
}

const BAR: &str = "█";

#[test]
fn a_pipe_gets_a_table_without_a_chart() {
    let bench = paid_once("5.64");
    let text = String::from_utf8(bench.renewd(&["forecast"]).stdout).unwrap();
    assert!(text.contains("yp: balance 2.99 USD, read ") && text.contains(" ago"), "{text}");
    assert!(text.contains("PRICE") && text.contains("last paid") && text.contains("list"), "{text}");
    assert!(
        text.contains("top up 6.15 USD for these 30 days by ") && text.contains("or 2 leases lapse"),
        "{text}"
    );
    assert!(!text.contains(BAR) && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn money_that_is_missing_now_is_asked_for_now_without_a_time_of_day() {
    let bench = Bench::new("1.00", &[(Product::IPv4, &["203.0.113.1"], 24)]);
    bench.renewd(&["once"]);
    let text = String::from_utf8(bench.renewd(&["forecast"]).stdout).unwrap();
    assert!(
        text.contains(" USD for these 30 days now, or 1 lease lapses") && !text.contains("(now)"),
        "{text}"
    );
    let text = String::from_utf8(bench.renewd(&["status"]).stdout).unwrap();
    assert!(
        text.contains("short by 1.65 USD for the next 14d; top up now") && !text.contains("from 0s ago"),
        "{text}"
    );
}

/// Runs the command on a terminal of its own and gives what it showed.
fn on_a_terminal(bench: &Bench, plain: bool) -> String {
    let config = bench.path("renewd.toml");
    let line =
        format!("stty cols 120; '{}' --config '{}' forecast", env!("CARGO_BIN_EXE_renewd"), config.display());
    let mut command = std::process::Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).stdin(Stdio::null());
    command.env("TERM", "xterm").env_remove("NO_COLOR");
    if plain {
        command.env("NO_COLOR", "1");
    }
    let out = command.output().expect("script is there: it belongs to bsdutils");
    assert_eq!(out.status.code(), Some(0));
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn a_terminal_gets_a_chart_unless_it_asked_for_none() {
    let bench = paid_once("5.64");
    let shown = on_a_terminal(&bench, false);
    assert!(shown.contains(BAR), "{shown}");
    let plain = on_a_terminal(&bench, true);
    assert!(!plain.contains(BAR) && plain.contains("6.15"), "{plain}");
}

#[test]
fn it_works_beside_a_running_daemon_and_asks_nobody() {
    let bench = Bench::new("99.00", &[(Product::IPv4, &[A], 24)]);
    bench.config("", KEEP);
    let mut child = bench.spawn(&["run"]);
    until("the lease is paid and read back", 15, || {
        let seen = bench.json(&["forecast"]).1;
        rows(&seen) == [format!("{} 1 2.65 93.70 last_paid", day(24 * 28))]
    });
    signal(&child, Signal::TERM);
    child.wait().unwrap();
    let asked = bench.handle.requests().len();
    for args in [&["forecast"][..], &["forecast", "--csv"], &["forecast", "--days", "366"], &["status"]] {
        assert_eq!(bench.renewd(args).status.code(), Some(0), "{args:?}");
    }
    assert_eq!(bench.handle.requests().len(), asked);
}

#[test]
fn an_account_that_cannot_be_read_is_forecast_from_what_was_known() {
    let bench = paid_once("5.64");
    bench.secret("yp.key", "another-key-that-is-wrong");
    assert_eq!(bench.json(&["once"]).0, 3);
    let (code, seen) = bench.json(&["forecast"]);
    assert_eq!((code, &seen["runway"][0]["short_by"]), (0, &json!("6.15")));
    assert!(seen["runway"][0]["error"].as_str().unwrap().contains("API key"), "{seen:#}");
    let text = String::from_utf8(bench.renewd(&["forecast"]).stdout).unwrap();
    assert!(text.contains("cannot be read since"), "{text}");
}

#[test]
fn status_tells_the_same_runway() {
    let bench = paid_once("5.64");
    bench.config("", &format!("{KEEP}[alerts]\nrunway = \"30d\"\n"));
    let runway = bench.json(&["forecast", "--days", "30"]).1["runway"][0].clone();
    let status = bench.json(&["status"]).1["accounts"][0].clone();
    for key in ["until", "need", "short_by", "top_up_by", "unpriced"] {
        assert_eq!(status["runway"][key], runway[key], "{key}");
    }
    assert_eq!(status["runway"]["short_by"], "6.15");
    bench.config("", &format!("{KEEP}[alerts]\nrunway = \"14d\"\n"));
    let near = bench.json(&["status"]).1["accounts"][0]["runway"].clone();
    assert_eq!((&near["need"], &near["until"]), (&json!("0.00"), &Value::Null));
}

#[test]
fn a_number_of_days_that_makes_no_sense_is_refused() {
    let bench = Bench::new("9.00", &[(Product::IPv4, &[C], 24)]);
    for days in ["0", "367", "-1", "many"] {
        assert_eq!(bench.renewd(&["forecast", "--days", days]).status.code(), Some(2), "{days}");
    }
}
