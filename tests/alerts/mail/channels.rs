//! Named channels against services that refuse what the real ones refuse: what is sent fits, mentions nobody, is tried again as the
//! service asks, and never shows the address or the token.
use std::path::Path;
use std::time::Duration;

use renewd::domain::alert::AlertRow;
use renewd::domain::{Alert, Severity};
use renewd::simulator::Product;
use rstest::rstest;
use serde_json::{Value, json};

use crate::common::{Bench, KEEP};
use crate::mail::listener::{Answer, Listener, Request};
use crate::mail::office::{HOUR, Office, alert, private};
use crate::mail::services::{self, Verdict};

const SECRET: &str = "secret-4711";

/// One service: how the config names it, and who judges what it gets.
#[derive(Clone, Copy)]
struct Service {
    format: &'static str,
    /// Behind the listener's address.
    path: &'static str,
    token: &'static str,
    chat: &'static str,
    judge: fn(&Request) -> Verdict,
}

const fn service(
    format: &'static str,
    path: &'static str,
    token: &'static str,
    chat: &'static str,
    judge: fn(&Request) -> Verdict,
) -> Service {
    Service { format, path, token, chat, judge }
}

const ALL: [Service; 9] = [
    service("json", "/json-secret-4711", "json-token-4711", "", services::json),
    service("slack", "/services/T000/B000/slack-secret-4711", "", "", services::slack),
    service("discord", "/api/webhooks/1/discord-secret-4711", "", "", services::discord),
    service("teams", "/workflows/teams-secret-4711?sig=x", "", "", services::teams),
    service("telegram", "", "110201543:telegram-secret-4711", "-100123", services::telegram),
    service("ntfy", "/ops-topic", "tk_ntfy-secret-4711", "", services::ntfy),
    service("gotify", "/push/", "gotify-secret-4711", "", services::gotify),
    service("matrix", "", "matrix-secret-4711", "!room:example.org", services::matrix),
    service("pagerduty", "", "pagerduty-secret-4711-0123456789", "", services::pagerduty),
];

impl Service {
    /// `[[alerts.channel]]` named `chat`, to a listener.
    fn config(self, dir: &Path, port: u16, more: &str) -> String {
        private(&dir.join("chat.url"), &format!("http://127.0.0.1:{port}{}", self.path));
        let mut text = format!(
            "[[alerts.channel]]\nname = \"ops-chat\"\nformat = \"{}\"\nurl = {{ file = \"chat.url\" }}\n{more}",
            self.format
        );
        if !self.token.is_empty() {
            private(&dir.join("chat.token"), self.token);
            text += "token = { file = \"chat.token\" }\n";
        }
        if !self.chat.is_empty() {
            text += &format!("chat = \"{}\"\n", self.chat);
        }
        text
    }

    fn judged(self) -> Listener {
        let listener = Listener::start();
        listener.answer(Answer::Judge(self.judge));
        listener
    }
}

/// As bad as a provider's words and a customer's tags can be.
fn nasty() -> Alert {
    let evil = "<!channel> @everyone <@123> & *bold* _x_ `code` [a](http://evil.example) <b>\u{202e}";
    let rows = (0..100).map(|n| AlertRow {
        stage: None,
        what: format!("IPv4 203.0.113.{n} {evil}"),
        ends: Some("2026-12-03T09:00:00Z".parse().unwrap()),
        amount: Some("2.65 USD".to_owned()),
        note: evil.repeat(5),
    });
    Alert {
        title: format!("held: {}", evil.repeat(30)),
        text: format!("{}\n\n{}", evil.repeat(60), "ü&<>".repeat(2_000)),
        rows: rows.collect(),
        ..alert("short_funds", Severity::Urgent)
    }
}

#[test]
fn every_service_takes_what_it_is_sent_however_long_and_nasty() {
    for service in ALL {
        let listener = service.judged();
        let office = Office::new(|dir| service.config(dir, listener.port, ""));
        office.fire(&[nasty()]);
        office.deliver_due();
        let waiting = office.viewer.ledger.waiting_by_channel().unwrap();
        assert_eq!((office.waiting(), listener.count()), (0, 1), "{}: {waiting:?}", service.format);
        let sent = String::from_utf8(listener.requests()[0].body.clone()).unwrap();
        assert!(service.format == "json" || sent.contains("URGENT"), "the severity is a word: {sent}");
        office.pass(HOUR);
        office.fire(&[]);
        office.deliver_due();
        assert_eq!((office.waiting(), listener.count()), (0, 2), "{}", service.format);
    }
}

#[test]
fn a_message_without_a_text_is_taken_too() {
    for service in ALL {
        let listener = service.judged();
        let office = Office::new(|dir| service.config(dir, listener.port, ""));
        let bare = Alert {
            text: String::new(),
            rows: Vec::new(),
            actions: Vec::new(),
            deadline: None,
            ..alert("clock", Severity::Info)
        };
        office.fire(&[bare]);
        office.deliver_due();
        assert_eq!((office.waiting(), listener.count()), (0, 1), "{}", service.format);
    }
}

#[test]
fn a_short_message_is_said_whole_with_its_link() {
    for service in ALL {
        let listener = service.judged();
        let office = Office::new(|dir| service.config(dir, listener.port, ""));
        office.fire(&[alert("short_funds", Severity::Warning)]);
        office.deliver_due();
        let sent = String::from_utf8(listener.requests()[0].body.clone()).unwrap();
        // Discord keeps each sign from being markup by a backslash, which JSON doubles.
        let sent = sent.replace("\\\\", "");
        for part in ["203.0.113.7", "renewd plan", "The first of them ends", "http://127.0.0.1:9787/"] {
            assert!(sent.contains(part), "{}: no {part} in {sent}", service.format);
        }
    }
}

#[rstest]
#[case::slack(1, |_: &Request| (429, "retry-after: 90", String::new()))]
#[case::discord(2, |_: &Request| (429, "", json!({ "message": "slow", "retry_after": 89.2 }).to_string()))]
#[case::telegram(4, |_: &Request| (429, "", json!({ "ok": false, "parameters": { "retry_after": 90 } }).to_string()))]
#[case::matrix(7, |_: &Request| (429, "", json!({ "errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 89_500 }).to_string()))]
fn a_service_that_asks_to_wait_is_waited_for_and_then_gets_the_same(
    #[case] which: usize,
    #[case] busy: fn(&Request) -> Verdict,
) {
    let service = ALL[which];
    let listener = Listener::start();
    listener.answer(Answer::Judge(busy));
    let office = Office::new(|dir| service.config(dir, listener.port, ""));
    office.fire(&[alert("short_funds", Severity::Warning)]);
    office.deliver_due();
    listener.answer(Answer::Judge(service.judge));
    office.pass(Duration::from_secs(85));
    office.deliver_due();
    assert_eq!((office.waiting(), listener.count()), (1, 1), "too early");
    office.pass(Duration::from_secs(10));
    office.deliver_due();
    let seen = listener.requests();
    assert_eq!((office.waiting(), seen.len()), (0, 2));
    assert_eq!((&seen[0].line, &seen[0].body), (&seen[1].line, &seen[1].body), "the same, under the same id");
}

#[test]
fn a_dead_channel_delays_no_other_and_is_told_by_them_without_its_secrets() {
    for service in ALL {
        let (dead, good) = (Listener::start(), Listener::start());
        let words = |_: &Request| (500, "", format!("no {SECRET} {}", "x".repeat(2_000)));
        dead.answer(Answer::Judge(words));
        let office = Office::new(|dir| {
            private(&dir.join("hook.url"), &format!("http://127.0.0.1:{}/hook", good.port));
            format!(
                "[alerts.webhook]\nurl = {{ file = \"hook.url\" }}\n{}",
                service.config(dir, dead.port, "")
            )
        });
        office.fire(&[alert("short_funds", Severity::Urgent)]);
        office.deliver_due();
        assert_eq!(good.count(), 1, "{}", service.format);
        let [(name, waiting)] = office.viewer.ledger.waiting_by_channel().unwrap().try_into().unwrap();
        let said = waiting.last_error.unwrap();
        assert!(name == "ops-chat" && said.contains("500") && said.len() < 600, "{said}");
        for secret in [service.token, service.path.trim_matches('/')] {
            let hidden = secret.is_empty() || !secret.contains(SECRET) || !said.contains(secret);
            assert!(hidden, "{said}");
        }
        office.pass(Duration::from_secs(11 * 60));
        renewd::alerts::tell::watched(&office.viewer, None).unwrap();
        office.deliver_due();
        let told: Vec<Value> = good.requests().iter().map(Request::json).collect();
        let trouble =
            told.iter().find(|t| t["key"] == "channel:ops-chat").unwrap_or_else(|| panic!("{told:?}"));
        assert_eq!(trouble["actions"], json!(["renewd test-alert ops-chat"]));
        let about_itself =
            dead.requests().iter().any(|r| String::from_utf8_lossy(&r.body).contains("channel:ops-chat"));
        assert!(!about_itself, "nobody is told of a dead channel through it");
    }
}

#[test]
fn severity_and_account_choose_and_whoever_heard_of_it_hears_of_its_end() {
    let listener = Listener::start();
    let slack = ALL[1];
    let office =
        Office::new(|dir| slack.config(dir, listener.port, "severity = [\"urgent\"]\naccount = [\"yp\"]\n"));
    office.fire(&[alert("short_funds", Severity::Warning)]);
    office.deliver_due();
    assert_eq!(listener.count(), 0, "a warning is not for it");
    office.pass(HOUR);
    office.fire(&[alert("short_funds", Severity::Urgent)]);
    office.deliver_due();
    assert_eq!(listener.count(), 1, "now it is");
    office.pass(HOUR);
    office.fire(&[alert("short_funds", Severity::Warning)]);
    office.pass(25 * HOUR);
    office.fire(&[alert("short_funds", Severity::Warning)]);
    office.deliver_due();
    assert_eq!(listener.count(), 2, "it goes on hearing of what it heard of");
    office.pass(HOUR);
    office.fire(&[]);
    office.deliver_due();
    let last = listener.requests().pop().unwrap().json();
    assert!(last["text"].as_str().unwrap().starts_with("RESOLVED"), "{last}");
    let stranger = Alert { account: None, ..alert("clock", Severity::Urgent) };
    office.fire(&[stranger]);
    office.deliver_due();
    assert_eq!(listener.count(), 3, "an alert of no account is not of account yp");
}

#[test]
fn a_pager_is_resolved_under_the_key_that_it_was_triggered_with() {
    let pager = ALL[8];
    let listener = pager.judged();
    let office = Office::new(|dir| pager.config(dir, listener.port, ""));
    office.fire(&[alert("short_funds", Severity::Warning)]);
    office.pass(HOUR);
    office.fire(&[alert("short_funds", Severity::Urgent)]);
    office.deliver_due();
    office.pass(HOUR);
    office.fire(&[]);
    office.deliver_due();
    let seen: Vec<Value> = listener.requests().iter().map(Request::json).collect();
    let actions: Vec<&Value> = seen.iter().map(|e| &e["event_action"]).collect();
    assert_eq!(actions, ["trigger", "resolve"], "what waited is told by its newest word");
    assert_eq!(seen[0]["dedup_key"], seen[1]["dedup_key"]);
    assert_eq!(seen[0]["payload"]["severity"], "critical");
}

#[test]
fn test_alert_tries_every_way_or_one_and_shows_what_the_service_says() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &["203.0.113.1"], 480)]);
    let slack = ALL[1];
    let (listener, hook) = (slack.judged(), Listener::start());
    bench.config("", KEEP);
    assert_eq!(bench.renewd(&["test-alert"]).status.code(), Some(2), "there is nobody to tell");
    private(&bench.path("hook.url"), &format!("http://127.0.0.1:{}/hook", hook.port));
    let rest = slack.config(bench.dir.path(), listener.port, "");
    bench.config("", &format!("{KEEP}[alerts.webhook]\nurl = {{ file = \"hook.url\" }}\n{rest}"));
    let (code, said) = bench.json(&["test-alert"]);
    let good = |name: &str| json!({ "name": name, "ok": true, "error": null });
    assert_eq!((code, &said["channels"]), (0, &json!([good("webhook"), good("ops-chat")])));
    assert_eq!(bench.json(&["test-alert", "ops-chat"]).1["channels"], json!([good("ops-chat")]));
    assert_eq!((hook.count(), listener.count()), (1, 2));
    let text = listener.requests()[0].json()["text"].as_str().unwrap().to_owned();
    assert!(text.starts_with("TEST: "), "{text}");

    let out = bench.renewd(&["test-alert", "ops-caht"]);
    let err = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.code() == Some(2) && err.contains("webhook, ops-chat"), "{err}");

    listener.answer(Answer::Judge(|_| (404, "", "no_service".to_owned())));
    let (code, said) = bench.json(&["test-alert"]);
    assert_eq!((code, &said["ok"]), (3, &json!(false)));
    let why = said["channels"][1]["error"].as_str().unwrap();
    assert!(why.contains("no_service") && why.contains("404") && !why.contains(SECRET), "{why}");
}

#[test]
fn a_channel_alone_hears_of_a_dry_balance_and_of_a_ledger_that_cannot_be_used() {
    let bench = Bench::new("1.00", &[(Product::IPv4, &["203.0.113.1"], 24)]);
    let slack = ALL[1];
    let listener = slack.judged();
    bench.config("", &format!("{KEEP}{}", slack.config(bench.dir.path(), listener.port, "")));
    assert_eq!(bench.json(&["once"]).0, 3);
    let said = |r: &Request| r.json()["text"].as_str().unwrap().to_owned();
    assert!(listener.requests().iter().any(|r| said(r).contains("yp")), "{:?}", listener.requests());
    let before = listener.count();
    std::fs::write(bench.path("state/ledger.db"), "no database at all, longer than sixteen bytes").unwrap();
    for more in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(bench.path(&format!("state/ledger.db{more}")));
    }
    assert_eq!(bench.renewd(&["once"]).status.code(), Some(1));
    assert_eq!(listener.count(), before + 1);
    assert!(said(&listener.requests().pop().unwrap()).contains("ledger"));
}
