//! The webhook against a plain listener: what is posted, how it is signed, what counts as taken, and that its URL stays secret.
use std::time::Duration;

use hmac::{Hmac, Mac};
use renewd::domain::Severity;
use renewd::simulator::{Aim, Answer as Reply, Fault, Product, When};
use rstest::rstest;
use rustix::process::Signal;
use serde_json::json;
use sha2::Sha256;

use crate::common::smtp::{MailServer, free_port};
use crate::common::{self, Bench, KEEP, signal, until};
use crate::mail::listener::{Answer, Listener, Request};
use crate::mail::office::{HOUR, Office, alert, email, hook};

/// As docs/alerts.md says it is made.
fn signature(request: &Request) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"hook-secret-0123456789").unwrap();
    mac.update(request.header("x-renewd-timestamp").unwrap().as_bytes());
    mac.update(b".");
    mac.update(&request.body);
    format!("sha256={}", mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect::<String>())
}

#[test]
fn an_alert_is_posted_as_documented_and_signed_over_time_and_body() {
    let listener = Listener::start();
    let office = Office::new(|dir| hook(dir, listener.port));
    let labels = vec!["client-a".to_owned(), "client-b".to_owned()];
    office.fire(&[renewd::domain::Alert { labels, ..alert("short_funds", Severity::Warning) }]);
    office.deliver_due();
    let [request] = listener.requests().try_into().unwrap();
    assert_eq!(request.line, "POST /hook/url-secret-4711 HTTP/1.1");
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("x-renewd-timestamp"), Some(office.now().as_second().to_string().as_str()));
    assert_eq!(request.header("x-renewd-signature"), Some(signature(&request).as_str()));
    let mut body = request.json();
    let id = body["id"].take();
    assert!(id.as_str().unwrap().starts_with("renewd."), "{id}");
    let want = json!({
        "schema": 1,
        "id": null,
        "key": "short_funds:yp",
        "occasion": "raised",
        "severity": "warning",
        "account": "yp",
        "title": "1 lease of account yp held: short funds",
        "text": "The first of them ends in 2d 5h.",
        "actions": ["renewd explain 203.0.113.7", "renewd plan"],
        "rows": [{
            "what": "IPv4 203.0.113.7", "ends": "2026-12-03T09:00:00Z", "amount": "2.65 USD",
            "note": "short_funds: as an example", "stage": null
        }],
        "labels": ["client-a", "client-b"],
        "more": 0,
        "deadline": "2026-12-03T09:00:00Z",
        "since": "2026-11-26T04:00:00Z",
        "link": "http://127.0.0.1:9787/",
        "renewd": env!("CARGO_PKG_VERSION"),
    });
    assert_eq!(body, want);
    office.pass(HOUR);
    office.fire(&[]);
    office.deliver_due();
    let last = listener.requests().pop().unwrap().json();
    assert_eq!((&last["occasion"], &last["key"]), (&json!("resolved"), &json!("short_funds:yp")));
}

#[rstest]
#[case::away(Answer::Status(503))]
#[case::gone(Answer::Status(404))]
#[case::redirected(Answer::Redirect)]
#[case::refused(Answer::Status(422))]
fn only_2xx_is_taken_and_redirects_are_not_followed(#[case] answer: Answer) {
    let listener = Listener::start();
    let office = Office::new(|dir| hook(dir, listener.port));
    listener.answer(answer);
    office.fire(&[alert("short_funds", Severity::Warning)]);
    office.deliver_due();
    office.deliver_due();
    assert_eq!((listener.count(), office.waiting()), (1, 1), "the second round came too early");
    listener.answer(Answer::Status(202));
    office.pass(Duration::from_secs(10));
    office.deliver_due();
    let seen = listener.requests();
    assert_eq!((seen.len(), office.waiting()), (2, 0));
    assert_eq!(seen[0].body, seen[1].body, "the same message");
    assert_ne!(seen[0].header("x-renewd-timestamp"), seen[1].header("x-renewd-timestamp"));
    assert_eq!(seen[1].header("x-renewd-signature"), Some(signature(&seen[1]).as_str()));
    assert!(seen.iter().all(|r| r.line.contains("/hook/")), "{seen:#?}");
}

#[test]
fn without_a_secret_a_call_is_not_signed() {
    let listener = Listener::start();
    let office = Office::new(|dir| {
        hook(dir, listener.port).lines().filter(|l| !l.starts_with("secret")).collect::<Vec<_>>().join("\n")
    });
    office.fire(&[alert("short_funds", Severity::Warning)]);
    office.deliver_due();
    let [request] = listener.requests().try_into().unwrap();
    assert!(request.header("x-renewd-signature").is_none() && request.header("x-renewd-timestamp").is_some());
}

#[test]
fn test_mail_tries_mail_and_webhook_and_says_what_became_of_each() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &["203.0.113.1"], 480)]);
    let (port, listener) = (free_port(), Listener::start());
    bench.config("", KEEP);
    assert_eq!(bench.renewd(&["test-mail"]).status.code(), Some(2), "neither is configured");
    bench.config("", &format!("{KEEP}{}", hook(bench.dir.path(), listener.port)));
    let (code, said) = bench.json(&["test-mail"]);
    assert_eq!((code, said), (0, json!({ "schema": 1, "ok": true, "to": [], "webhook": true })));
    let posted = listener.requests().pop().unwrap();
    assert_eq!((&posted.json()["occasion"], &posted.json()["key"]), (&json!("test"), &json!("test:*")));
    assert_eq!(posted.header("x-renewd-signature"), Some(signature(&posted).as_str()));

    bench.config("", &format!("{KEEP}{}{}", email(port, ""), hook(bench.dir.path(), listener.port)));
    let out = bench.renewd(&["test-mail"]);
    let err = String::from_utf8_lossy(&out.stderr).into_owned();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert_eq!(out.status.code(), Some(1));
    assert!(
        err.contains("the mail server cannot be reached") && said.contains("the webhook accepted"),
        "{err}{said}"
    );
    assert_eq!(listener.count(), 2);

    let server = MailServer::plain(port);
    listener.answer(Answer::Status(500));
    let out = bench.renewd(&["test-mail"]);
    let err = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.code() == Some(1) && err.contains("the webhook answers 500"), "{err}");
    server.wait_for(1);
}

#[test]
fn a_webhook_alone_hears_of_a_dry_balance_and_of_a_ledger_that_cannot_be_used() {
    let bench = Bench::new("1.00", &[(Product::IPv4, &["203.0.113.1"], 24)]);
    let listener = Listener::start();
    bench.config("", &format!("{KEEP}{}", hook(bench.dir.path(), listener.port)));
    assert_eq!(bench.json(&["once"]).0, 3);
    let posted = listener.requests().iter().map(|r| r.json()["key"].clone()).collect::<Vec<_>>();
    assert!(posted.contains(&json!("short_funds:yp")), "{posted:?}");
    let before = listener.count();
    std::fs::write(bench.path("state/ledger.db"), "no database at all, longer than sixteen bytes").unwrap();
    for more in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(bench.path(&format!("state/ledger.db{more}")));
    }
    assert_eq!(bench.renewd(&["once"]).status.code(), Some(1));
    let last = listener.requests().pop().unwrap().json();
    assert_eq!((listener.count(), &last["key"]), (before + 1, &json!("ledger:*")));
}

#[test]
fn a_webhook_that_hangs_delays_no_mail_of_the_daemon() {
    let bench = Bench::new("1.00", &[(Product::IPv4, &["203.0.113.1"], 24)]);
    let (port, listener) = (free_port(), Listener::start());
    let server = MailServer::plain(port);
    listener.answer(Answer::Hang);
    bench.config("", &format!("{KEEP}{}{}", email(port, ""), hook(bench.dir.path(), listener.port)));
    let mut child = bench.spawn(&["run"]);
    until("the webhook hangs", 10, || listener.count() == 1);
    server.wait_for(1);
    let _ = bench.handle.top_up(common::KEY, common::money("100.00"));
    let mails = {
        until("the resolved notice", 10, || server.mails().len() == 2);
        server.mails()
    };
    assert!(mails[1].subject.starts_with("[renewd resolved]"), "{}", mails[1].subject);
    assert_eq!(listener.count(), 1, "the first call still hangs");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn url_and_secret_reach_no_output_however_the_calls_fail() {
    let bench = Bench::new("1.00", &[(Product::IPv4, &["203.0.113.1"], 24)]);
    let listener = Listener::start();
    let dead = free_port();
    let mut seen = Vec::new();
    for (port, answer) in [
        (listener.port, Answer::Status(200)),
        (listener.port, Answer::Status(404)),
        (listener.port, Answer::Redirect),
        (dead, Answer::Hang),
    ] {
        listener.answer(answer);
        if port == dead {
            bench.handle.inject(Fault::on(Aim::Any).when(When::Always).answer(Reply::Reset));
        }
        let beat = format!("http://127.0.0.1:{port}/beat-secret-4712");
        bench.secret("beat.url", &beat);
        bench.config(
            "",
            &format!(
                "{KEEP}{}[alerts.heartbeat]\nurl = {{ file = \"beat.url\" }}\n",
                hook(bench.dir.path(), port)
            ),
        );
        for args in [&["once"][..], &["test-mail"], &["check", "--live"], &["status"]] {
            let out = bench.command(args).env("RUST_LOG", "trace").output().unwrap();
            seen.push((format!("{args:?}").into(), [out.stdout, out.stderr].concat()));
        }
    }
    let mut child = bench.spawn(&["run"]);
    until("a cycle", 10, || bench.log().contains("heartbeat"));
    signal(&child, Signal::TERM);
    child.wait().unwrap();
    seen.push(("run".into(), bench.log().into_bytes()));
    seen.extend(common::all_bytes(&bench.path("state")));
    for (place, bytes) in seen {
        let text = String::from_utf8_lossy(&bytes);
        for secret in ["url-secret-4711", "hook-secret-0123456789", "beat-secret-4712"] {
            assert!(!text.contains(secret), "{secret} is in {}: {text}", place.display());
        }
    }
}
