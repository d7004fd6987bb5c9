//! Pauses as people meet them: who, why and until when are kept and shown, and a pause ends by itself, in a running daemon, too.
use std::fs;

use renewd::simulator::Product;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::common::{Bench, KEEP, KEY, signal, until};

const A: &str = "203.0.113.1";

fn bench() -> Bench {
    Bench::new("100.00", &[(Product::IPv4, &[A], 24)])
}

/// As whoever the environment says, through sudo.
fn as_user(bench: &Bench, sudo: Option<&str>, args: &[&str]) -> (i32, Value) {
    let mut command = bench.command(args);
    match sudo {
        Some(name) => command.env("SUDO_USER", name),
        None => command.env_remove("SUDO_USER"),
    };
    let out = command.arg("--json").output().unwrap();
    let document = serde_json::from_slice(&out.stdout).unwrap_or(Value::Null);
    (out.status.code().unwrap(), document)
}

fn said(bench: &Bench, args: &[&str]) -> String {
    let out = bench.renewd(args);
    String::from_utf8([out.stdout, out.stderr].concat()).unwrap()
}

#[test]
fn who_why_and_until_when_are_kept_and_shown_wherever_a_pause_is() {
    let bench = bench();
    let (exit, document) =
        as_user(&bench, Some("daemon"), &["pause", "yp", "--note", "the card is replaced", "--for", "2h"]);
    assert_eq!((exit, &document["by"], &document["replaced"]), (0, &json!("daemon"), &Value::Null));
    let status = bench.json(&["status"]).1;
    let pause = &status["pauses"][0];
    assert_eq!(
        (&pause["account"], &pause["by"]),
        (&json!("yp"), &json!("daemon")),
        "before the first start, too"
    );

    assert_eq!(bench.json(&["once"]).0, 3);
    let status = bench.json(&["status"]).1;
    assert_eq!((&status["paused"], &status["healthy"]), (&json!(["yp"]), &json!(false)));
    let pause = &status["pauses"][0];
    assert_eq!(pause["note"], "the card is replaced");
    let instant = |key: &str| pause[key].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(instant("until").duration_since(instant("since")), jiff::SignedDuration::from_hours(2));

    let text = said(&bench, &["status"]);
    assert!(text.contains("spending is paused: yp, since ") && text.contains("by daemon until "), "{text}");
    assert!(text.contains("(the card is replaced)"), "{text}");
    let item = bench.item(&bench.json(&["plan"]).1, A).clone();
    let reason = item["reason"]["text"].as_str().or(item["reason"].as_str()).unwrap().to_owned();
    assert!(
        reason.contains("spending is paused by daemon until ")
            && reason.contains("(the card is replaced): renewd resume yp"),
        "{reason}"
    );
    let alert = said(&bench, &["status", "--json"]);
    assert!(alert.contains("paused:yp"), "{alert}");
}

#[test]
fn a_user_that_does_not_exist_says_nothing_and_the_process_is_who_it_is() {
    let bench = bench();
    let me = String::from_utf8(std::process::Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    for sudo in [None, Some("no-such-user-here"), Some(""), Some("a\nb")] {
        let (exit, document) = as_user(&bench, sudo, &["pause"]);
        assert_eq!((exit, document["by"].as_str()), (0, Some(me.trim())), "{sudo:?}");
    }
}

#[test]
fn pausing_again_replaces_note_and_time_and_says_so() {
    let bench = bench();
    bench.json(&["once"]);
    assert_eq!(bench.json(&["pause", "--note", "first", "--for", "2h"]).0, 0);
    let since = bench.json(&["status"]).1["pauses"][0]["since"].clone();
    let text = said(&bench, &["pause", "--note", "second"]);
    assert!(text.contains("it was paused already since ") && text.contains("(first)"), "{text}");
    let pause = bench.json(&["status"]).1["pauses"][0].clone();
    assert_eq!((&pause["note"], &pause["until"], &pause["since"]), (&json!("second"), &Value::Null, &since));
    bench.json(&["resume"]);
    assert_eq!(bench.json(&["status"]).1["pauses"], json!([]));
}

#[test]
fn a_bad_note_or_time_pauses_nothing() {
    let bench = bench();
    let long = "x".repeat(201);
    for args in [
        ["--note", "two\nlines"],
        ["--note", "\u{1b}[2J"],
        ["--note", ""],
        ["--note", long.as_str()],
        ["--for", "0s"],
        ["--for", "soon"],
        ["--for", "99999d"],
    ] {
        let out = bench.renewd(&[&["pause"], args.as_slice()].concat());
        assert_eq!(out.status.code(), Some(2), "{args:?}");
    }
    assert_eq!(bench.json(&["status"]).1["pauses"], json!([]));
    assert_eq!(bench.json(&["pause", "--note", &format!("key {KEY}")]).0, 0);
    assert!(!said(&bench, &["status"]).contains(KEY), "a key that was pasted is not shown");
}

#[test]
fn a_pause_ends_by_itself_in_a_running_daemon() {
    let bench = bench();
    bench.time.lead();
    bench.json(&["pause", "--note", "over lunch", "--for", "1h"]);
    let mut child = bench.spawn(&["run"]);
    until("a whole cycle while it is paused", 20, || bench.log().contains("cycle done"));
    assert_eq!((bench.payments_sent(), bench.json(&["status"]).1["healthy"].clone()), (0, json!(false)));
    bench.pass(59 * 60 * 1000);
    let done = || bench.log().matches("cycle done").count();
    let before = done();
    until("another one", 20, || done() > before + 1);
    assert_eq!(bench.payments_sent(), 0, "a minute before its end");
    bench.pass(61 * 1000);
    until("the lease is paid", 30, || bench.charged(A) == 1);
    let status = bench.json(&["status"]).1;
    assert_eq!((&status["paused"], &status["pauses"]), (&json!([]), &json!([])));
    signal(&child, Signal::TERM);
    child.wait().unwrap();
    assert_eq!(bench.payments_sent(), 1);
}

#[test]
fn a_pause_whose_time_is_over_is_none_for_any_command() {
    let bench = bench();
    bench.json(&["pause", "yp", "--for", "1h"]);
    bench.pass(3_600_000 + 5_000);
    let status = bench.json(&["status"]).1;
    assert_eq!((&status["paused"], &status["pauses"]), (&json!([]), &json!([])));
    let item = bench.item(&bench.json(&["plan"]).1, A).clone();
    assert_eq!(item["decision"], "renew", "{item:#}");
    bench.json(&["once"]);
    assert_eq!(bench.charged(A), 1);
    let text = said(&bench, &["pause", "yp"]);
    assert!(!text.contains("already"), "what is over is not replaced: {text}");
}

#[test]
fn a_pause_keeps_its_words_with_a_config_that_cannot_be_used() {
    let bench = bench();
    bench.json(&["once"]);
    bench.config("", &format!("{KEEP}nonsense = 1\n"));
    let (exit, _) = as_user(&bench, Some("daemon"), &["pause", "--note", "broken config", "--for", "3d"]);
    assert_eq!(exit, 0);
    let pause = bench.json(&["status"]).1["pauses"][0].clone();
    assert_eq!((&pause["by"], &pause["note"]), (&json!("daemon"), &json!("broken config")));
    assert!(pause["until"].is_string());
}

/// A file from a renewd that kept less of a pause.
#[test]
fn a_pause_from_before_the_first_start_of_an_older_renewd_holds() {
    let bench = bench();
    fs::create_dir_all(bench.path("state")).unwrap();
    fs::write(bench.path("state/pauses"), "2026-11-01T00:00:00Z yp\n").unwrap();
    bench.json(&["once"]);
    assert_eq!(bench.payments_sent(), 0);
    let pause = bench.json(&["status"]).1["pauses"][0].clone();
    assert_eq!((&pause["account"], &pause["by"]), (&json!("yp"), &Value::Null));
}
