//! `/api/forecast` and `/calendar.ics` of a running daemon.

use rustix::process::Signal;
use serde_json::Value;

use crate::common::http::get;
use crate::common::{KEEP, KEY, signal, until};
use crate::forecast::{day, paid_once, rows};

#[test]
fn the_daemon_serves_the_forecast_and_a_calendar_without_secrets() {
    let bench = paid_once("5.64");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = std::fs::read_to_string(bench.path("renewd.toml")).unwrap();
    let config = config.replace("listen = \"\"", &format!("listen = \"127.0.0.1:{port}\""));
    std::fs::write(bench.path("renewd.toml"), config).unwrap();
    assert!(KEEP.contains("before = \"3d\""));
    let mut child = bench.spawn(&["run"]);
    until("the daemon serves", 15, || get(port, "/readyz").is_some_and(|(code, _)| code == 200));

    let (code, text) = get(port, "/api/forecast").unwrap();
    let served: Value = serde_json::from_str(&text).unwrap();
    let told = bench.json(&["forecast"]).1;
    assert_eq!((code, rows(&served)), (200, rows(&told)));
    assert_eq!(served["runway"][0]["short_by"], "6.15");
    let week = get(port, "/api/forecast?days=20").unwrap().1;
    assert_eq!(rows(&serde_json::from_str(&week).unwrap()).len(), 1);

    let (code, calendar) = get(port, "/calendar.ics").unwrap();
    assert_eq!(code, 200);
    let parsed: Vec<_> = ical::IcalParser::new(calendar.as_bytes()).collect::<Result<_, _>>().unwrap();
    let events = &parsed[0].events;
    let value = |event: &ical::parser::ical::component::IcalEvent, name: &str| {
        event.properties.iter().find(|p| p.name == name).and_then(|p| p.value.clone()).unwrap()
    };
    let found: Vec<_> = events.iter().map(|e| (value(e, "DTSTART"), value(e, "SUMMARY"))).collect();
    let plain = |hours: i64| day(hours).replace('-', "");
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found.contains(&(plain(24 * 20), "yp: 1 lease ends (1 to be renewed)".to_owned())), "{found:?}");
    let top_up = events.iter().find(|e| value(e, "SUMMARY").contains("top up")).unwrap();
    assert_eq!((value(top_up, "DTSTART"), top_up.alarms.len()), (plain(24 * 25), 1));
    assert_eq!(get(port, "/calendar.ics").unwrap().1.lines().filter(|l| l.starts_with("UID")).count(), 4);

    let page = get(port, "/").unwrap().1;
    for text in [&page, &calendar, &text] {
        assert!(!text.contains(KEY), "a secret got out");
    }
    assert!(page.contains("/calendar.ics"), "{page}");
    signal(&child, Signal::TERM);
    child.wait().unwrap();
}
