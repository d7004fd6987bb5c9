//! An amount to top up is worth nothing without the time that it is for: each place that says one says that, too. Without it the same moment
//! read as three different needs on the page, in the forecast and in the calendar.
use renewd::simulator::Product;
use rustix::process::Signal;

use crate::common::config::keep_and_mail;
use crate::common::http::get;
use crate::common::smtp::free_port;
use crate::common::{Bench, signal, until};

/// What names a time, near an amount.
const HORIZONS: [&str; 5] = [
    "the next 14d",
    "for what is due now",
    "for these 30 days",
    "for these 60 days",
    "for the 90 days up to 20",
];

/// One due now that is not covered, and two that fall due later.
fn short() -> (Bench, u16) {
    let bench = Bench::new(
        "1.00",
        &[
            (Product::IPv4, &["203.0.113.1"], 24),
            (Product::IPv4, &["203.0.113.2"], 24 * 10),
            (Product::Isp, &["203.0.113.3"], 24 * 40),
        ],
    );
    bench.config("", &keep_and_mail(9));
    let port = free_port();
    let config = std::fs::read_to_string(bench.path("renewd.toml")).unwrap();
    let config = config.replace("listen = \"\"", &format!("listen = \"127.0.0.1:{port}\""));
    // Once, and not again while the test reads.
    let config = config.replace("cycle = \"* * * * * *\"", "cycle = \"0 0 0 1 1 *\"");
    std::fs::write(bench.path("renewd.toml"), config).unwrap();
    (bench, port)
}

/// The places where an amount is asked for: what stands a little before it and behind it.
fn asks(text: &str) -> Vec<String> {
    let plain = text.replace("\r\n ", "").replace("\\,", ",");
    let words: Vec<&str> = plain.split_whitespace().collect();
    let is_amount = |word: &str| {
        let (whole, cents) = word.split_once('.').unwrap_or_default();
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        digits(whole) && cents.len() == 2 && digits(cents)
    };
    let mut found = Vec::new();
    for (at, _) in words.iter().enumerate().filter(|(_, word)| is_amount(word)) {
        let before = words[at.saturating_sub(4)..at].join(" ").to_lowercase();
        if before.contains("top up") || before.contains("short by") {
            found.push(words[at.saturating_sub(8)..(at + 14).min(words.len())].join(" "));
        }
    }
    found
}

#[test]
fn every_amount_to_top_up_names_the_time_that_it_is_for() {
    let (bench, port) = short();
    let mut child = bench.spawn(&["run"]);
    until("the daemon serves", 15, || get(port, "/readyz").is_some_and(|(code, _)| code == 200));
    let shown = |args: &[&str]| String::from_utf8(bench.renewd(args).stdout).unwrap();
    let ledger = rusqlite::Connection::open(bench.path("state/ledger.db")).unwrap();
    let mail: String = ledger
        .query_row("SELECT group_concat(subject || ' ' || text || ' ' || html, ' ') FROM outbox", [], |r| {
            r.get(0)
        })
        .unwrap();
    let runway = bench.json(&["status"]).1["accounts"][0]["runway"].clone();
    let metrics = get(port, "/metrics").unwrap().1;
    let places = [
        ("status", shown(&["status"])),
        ("status --json", runway["text"].as_str().unwrap().to_owned()),
        ("forecast", shown(&["forecast"])),
        ("forecast of 60 days", shown(&["forecast", "--days", "60"])),
        ("page", get(port, "/").unwrap().1),
        ("calendar", get(port, "/calendar.ics").unwrap().1),
        ("mail", mail),
    ];
    for (place, text) in &places {
        let asks = asks(text);
        assert!(!asks.is_empty(), "{place} asks for no money: {text}");
        for ask in asks {
            assert!(HORIZONS.iter().any(|horizon| ask.contains(horizon)), "{place}: {ask}");
        }
    }
    // The metric's time is a metric of its own, and the document has the instant.
    assert!(metrics.contains("renewd_runway_horizon_seconds 1209600"), "{metrics}");
    let line = "renewd_runway_short_by{account=\"yp\",currency=\"USD\"} ";
    let number = metrics.lines().find_map(|l| l.strip_prefix(line)).unwrap_or_else(|| panic!("{metrics}"));
    assert_eq!(number.parse::<f64>(), runway["short_by"].as_str().unwrap().parse::<f64>());
    assert!(runway["to"].as_str().unwrap() > runway["top_up_by"].as_str().unwrap(), "{runway:#}");
    signal(&child, Signal::TERM);
    child.wait().unwrap();
}
