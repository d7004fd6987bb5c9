//! What people and scripts read between cycles, through the real binary: from the ledger alone, and of what the last cycle saw.
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::common::{Bench, signal, until};
use renewd::simulator::Product;
use rustix::process::Signal;
use serde_json::Value;

const A: &str = "203.0.113.1";
const B: &str = "203.0.113.2";

/// One lease that is paid, and one that is not due yet.
fn bench() -> Bench {
    Bench::new("100.00", &[(Product::IPv4, &[A], 24), (Product::IPv4, &[B], 24 * 10)])
}

fn change(bench: &Bench, from: &str, to: &str) {
    let config = bench.path("renewd.toml");
    let text = fs::read_to_string(&config).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(config, text.replace(from, to)).unwrap();
}

/// Nobody is asked from here on.
fn provider_is_away(bench: &Bench) {
    change(bench, &bench.base_url, "http://127.0.0.1:9");
}

fn intents(document: &Value) -> Vec<&str> {
    document["payments"].as_array().unwrap().iter().map(|p| p["intent"].as_str().unwrap()).collect()
}

#[test]
fn an_account_is_found_by_each_name_that_it_ever_had() {
    let bench = bench();
    assert_eq!(bench.json(&["once"]).0, 0);
    let paid = bench.json(&["history"]).1;
    assert_eq!(intents(&paid).len(), 1);
    change(&bench, "name = \"yp\"", "name = \"second\"\nwas = [\"yp\"]");
    let every_name = |names: &[&str], when: &str| {
        for name in names {
            let (code, found) = bench.json(&["history", "--account", name]);
            assert_eq!((code, intents(&found)), (0, intents(&paid)), "{name} {when}: {found:#}");
        }
    };
    every_name(&["yp", "second"], "before a pass wrote the name down");
    assert_eq!(bench.json(&["once"]).0, 0);
    every_name(&["yp", "second"], "after it");
    change(&bench, "name = \"second\"\nwas = [\"yp\"]", "name = \"third\"\nwas = [\"second\"]");
    assert_eq!(bench.json(&["once"]).0, 0);
    every_name(&["yp", "second", "third"], "two names later");
    assert_eq!(bench.json(&["history", "--account", "nosuch"]).0, 2);
}

#[test]
fn the_forms_of_a_history_hold_the_same_payments() {
    let bench = bench();
    assert_eq!(bench.json(&["once"]).0, 0);
    let (_, document) = bench.json(&["history", "--since", "1d"]);
    let ids = intents(&document);
    assert_eq!((ids.len(), document["schema"].as_u64()), (1, Some(1)));
    let text = |args: &[&str]| String::from_utf8(bench.renewd(args).stdout).unwrap();
    let (csv, table) = (text(&["history", "--csv"]), text(&["history"]));
    assert_eq!(csv.lines().count(), 2, "{csv}");
    assert_eq!(table.lines().count(), 2, "{table}");
    assert!(
        csv.contains(ids[0]) && table.contains(ids[0]) && table.trim_start().starts_with("PAYMENT"),
        "{table}"
    );
    assert_eq!(text(&["history", "--state", "refused"]).trim(), "no payments");
    assert_eq!(bench.json(&["history", "--state", "refused"]).1["payments"], serde_json::json!([]));
}

#[test]
fn between_cycles_status_tells_what_the_last_one_saw_ahead() {
    let bench = bench();
    assert_eq!(bench.json(&["once"]).0, 0);
    let (_, status) = bench.json(&["status"]);
    let (_, forecast) = bench.json(&["forecast", "--days", "14"]);
    let (account, runway) = (&status["accounts"][0], &forecast["runway"][0]);
    assert!(account["outlook_at"].is_string(), "{status:#}");
    assert_eq!((&account["decisions"]["renew"], &account["decisions"]["wait"]), (&1.into(), &1.into()));
    for field in ["need", "short_by", "until", "top_up_by", "unpriced"] {
        assert_eq!(account["runway"][field], runway[field], "{field}");
    }
    assert_eq!(status["warnings"], serde_json::json!([]));
    // Another config is another outlook, also before a cycle saw it.
    change(&bench, "before = \"3d\"", "before = \"3d\"\nmax_price = \"0.01\"");
    let (_, status) = bench.json(&["status"]);
    assert_eq!(status["warnings"][0]["word"], "price_cap", "{status:#}");
    assert_eq!(status["healthy"], false);
    assert_eq!(status["accounts"][0]["decisions"], Value::Null, "nobody decided under it yet");
}

#[test]
fn a_lease_is_explained_without_asking_anybody_and_with_the_age_of_its_facts() {
    let bench = bench();
    assert_eq!(bench.json(&["explain", "--stored", A]).0, 2, "nothing is stored yet");
    assert_eq!(bench.json(&["once"]).0, 0);
    provider_is_away(&bench);
    let (code, why) = bench.json(&["explain", "--stored", B]);
    assert_eq!((code, why["target"].as_str()), (0, Some(B)), "{why:#}");
    let item = &why["items"][0];
    assert_eq!((item["decision"].as_str(), item["stage"].as_str()), (Some("wait"), Some("early")), "{why:#}");
    assert!(item["reason"].as_str().unwrap().starts_with("not_due: due in "), "{why:#}");
    assert!(why["facts_at"].is_string() && item["decided_at"].is_string() && item["due_at"].is_string());
    assert_eq!(why["policies"][0]["matched"], true);
    let paid = bench.json(&["explain", A, "--stored"]).1;
    assert!(paid["items"][0]["last_price"].is_string(), "{paid:#}");
    let order = why["items"][0]["order"].as_str().unwrap();
    assert_eq!(bench.json(&["explain", "--stored", order]).1["items"][0]["ip"], B);
    let text = String::from_utf8(bench.renewd(&["explain", "--stored", B]).stdout).unwrap();
    assert!(text.contains("from the ledger: account yp was last read "), "{text}");
    assert!(text.contains("decided so since ") && text.contains("next: due in "), "{text}");
    assert_eq!(bench.json(&["explain", "--stored", "192.0.2.99"]).0, 2);
}

fn get(port: u16, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    (reply.split(' ').nth(1).unwrap().parse().unwrap(), reply)
}

#[test]
fn the_page_shows_what_the_last_cycle_saw_and_the_history_is_asked_for_in_part() {
    let bench = bench();
    assert_eq!(bench.json(&["once"]).0, 0);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    // The one cycle of the year was; what is shown is of `once`.
    change(&bench, "listen = \"\"", &format!("listen = \"127.0.0.1:{port}\""));
    change(&bench, "cycle = \"* * * * * *\"", "cycle = \"0 0 0 1 1 *\"");
    provider_is_away(&bench);
    let mut child = bench.spawn(&["run"]);
    until("the page is served", 20, || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let (code, page) = get(port, "/");
    assert!(
        code == 200 && page.contains("The next 30 days") && page.contains("<td data-of=\"amount\""),
        "{page}"
    );
    assert!(get(port, "/metrics").1.contains("renewd_account_leases"));
    for (query, code, payments) in [
        ("", 200, 1),
        ("?account=yp&state=confirmed,accepted&since=1d&limit=5", 200, 1),
        ("?state=refused", 200, 0),
        ("?since=2030-01-01", 200, 0),
        ("?limit=0", 200, 0),
        ("?account=nosuch", 400, 0),
        ("?state=nosuch", 400, 0),
        ("?since=nosuch", 400, 0),
    ] {
        let (found, reply) = get(port, &format!("/api/history{query}"));
        assert_eq!(found, code, "{query}: {reply}");
        assert_eq!(reply.matches("\"intent\":").count(), payments, "{query}: {reply}");
    }
    signal(&child, Signal::TERM);
    child.wait().unwrap();
}

#[test]
fn a_ledger_of_many_leases_is_read_without_a_look_at_each() {
    let bench = bench();
    assert_eq!(bench.json(&["once"]).0, 0);
    // A walk over the fleet would meet this lease, whose end no reader can make sense of.
    let raw = rusqlite::Connection::open(bench.path("state/ledger.db")).unwrap();
    raw.execute(
        "INSERT INTO lease (account, lease, order_id, ip, kind, expires_at, first_seen) VALUES ('yp', 'x', 'x', '', 'IPv4', 'not an instant', 'x')",
        [],
    )
    .unwrap();
    drop(raw);
    for command in [&["status"][..], &["history"], &["history", "--csv"], &["explain", "--stored", A]] {
        assert_eq!(bench.renewd(command).status.code(), Some(0), "{command:?}");
    }
    assert_eq!(bench.json(&["forecast"]).0, 1, "who looks at all of them meets it");
}
