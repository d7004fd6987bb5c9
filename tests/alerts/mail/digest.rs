//! The digest: when it comes, that it comes once, and what it says.
use std::time::Duration;

use renewd::alerts::digest::if_due;
use renewd::domain::Severity;
use renewd::simulator::Product;
use rustix::process::Signal;

use crate::common::smtp::{MailServer, free_port};
use crate::common::{Bench, KEEP, signal, until};
use crate::mail::listener::Listener;
use crate::mail::office::{HOUR, Office, alert, email, hook};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Each Monday at eight, UTC.
fn with_schedule(rest: &str) -> String {
    format!("[schedule]\nreport = \"0 0 8 * * Mon\"\n{rest}")
}

#[test]
fn it_comes_once_a_week_also_over_restarts_and_what_was_missed_is_one() {
    let (port, listener) = (free_port(), Listener::start());
    let server = MailServer::plain(port);
    let mut office =
        Office::new(|dir| with_schedule(&format!("{}{}", email(port, ""), hook(dir, listener.port))));
    let rest = with_schedule(&format!("{}{}", email(port, ""), hook(office.dir.path(), listener.port)));
    // Thursday 04:00: the first start only counts.
    if_due(&office.viewer).unwrap();
    assert_eq!(office.waiting(), 0);
    office.pass(4 * DAY + 3 * HOUR); // Monday 07:00
    if_due(&office.viewer).unwrap();
    assert_eq!(office.waiting(), 0);
    office.pass(HOUR);
    if_due(&office.viewer).unwrap();
    if_due(&office.viewer).unwrap();
    office.deliver_due();
    let mails = server.wait_for(1);
    assert!(
        mails[0].subject.starts_with("[renewd digest] Nothing renewed, no open alerts"),
        "{}",
        mails[0].subject
    );
    assert!(
        mails[0].text.contains("Thu 26 Nov 2026 04:00 UTC to Mon 30 Nov 2026 08:00 UTC"),
        "{}",
        mails[0].text
    );
    office.restart(&rest);
    if_due(&office.viewer).unwrap();
    office.deliver_due();
    server.wait_for(1);
    // Three Mondays pass while it is down.
    office.pass(22 * DAY);
    office.restart(&rest);
    if_due(&office.viewer).unwrap();
    if_due(&office.viewer).unwrap();
    office.deliver_due();
    let mails = server.wait_for(2);
    assert!(
        mails[1].text.contains("Mon 30 Nov 2026 08:00 UTC to Tue 22 Dec 2026 08:00 UTC"),
        "{}",
        mails[1].text
    );
    let calls: Vec<_> = listener.requests().iter().map(|r| r.json()).collect();
    assert_eq!(calls.len(), 2);
    assert!(calls.iter().all(|c| c["key"] == "digest:*" && c["occasion"] == "digest"), "{calls:#?}");
    assert!(calls[0]["text"].as_str().unwrap().contains("THE NEXT 14 DAYS"));
}

#[test]
fn switched_off_it_stays_away_and_switched_on_again_it_begins_anew() {
    let port = free_port();
    let mut office = Office::new(|_| with_schedule(&email(port, "")));
    if_due(&office.viewer).unwrap();
    office.restart(&format!("[schedule]\nreport = \"\"\n{}", email(port, "")));
    office.pass(30 * DAY);
    if_due(&office.viewer).unwrap();
    office.restart(&with_schedule(&email(port, "")));
    if_due(&office.viewer).unwrap();
    assert_eq!(office.waiting(), 0, "no digest over the time in which nobody wanted one");
}

#[test]
fn digests_of_an_outage_are_all_sent_since_each_tells_of_its_own_time() {
    let port = free_port();
    let office = Office::new(|_| format!("[schedule]\nreport = \"0 0 8 * * *\"\n{}", email(port, "")));
    for _ in 0..4 {
        if_due(&office.viewer).unwrap();
        office.fire(&[alert("short_funds", Severity::Warning)]);
        office.deliver_due();
        office.pass(DAY);
    }
    let server = MailServer::plain(port);
    office.deliver_due();
    let mails = server.wait_for(4);
    let digests = mails.iter().filter(|m| m.subject.starts_with("[renewd digest]"));
    assert_eq!(digests.count(), 3, "and one mail of the incident");
}

/// A bench whose last digest is a week old.
fn a_week_ago(bench: &Bench, report: &str, rest: &str) {
    bench.config("", &format!("{KEEP}{rest}"));
    let config = std::fs::read_to_string(bench.path("renewd.toml")).unwrap();
    std::fs::write(
        bench.path("renewd.toml"),
        config.replace("report = \"\"", &format!("report = \"{report}\"")),
    )
    .unwrap();
    bench.json(&["once"]);
    let raw = rusqlite::Connection::open(bench.path("state/ledger.db")).unwrap();
    let then = crate::common::in_hours(-24 * 7).to_string();
    let n = raw.execute("UPDATE note SET value = ?1 WHERE key = 'digest.last_due'", [then]).unwrap();
    assert_eq!(n, 1, "the first cycle began to count");
}

#[test]
fn the_daemon_sends_it_once_even_when_it_is_killed_and_started_again() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &["203.0.113.1"], 480)]);
    let port = free_port();
    let server = MailServer::plain(port);
    // Every day at a minute that is half an hour off: due for the past week, not again during the test.
    let minute = (crate::common::in_hours(0).as_second() / 60 + 30) % 60;
    a_week_ago(&bench, &format!("0 {minute} * * * *"), &email(port, ""));
    for _ in 0..3 {
        let mut child = bench.spawn(&["run"]);
        until("the digest", 10, || !server.mails().is_empty());
        std::thread::sleep(Duration::from_millis(500));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let mut child = bench.spawn(&["run"]);
    std::thread::sleep(Duration::from_secs(2));
    signal(&child, Signal::TERM);
    child.wait().unwrap();
    server.wait_for(1);
}

#[test]
fn it_says_what_was_renewed_what_is_ahead_what_is_open_and_how_balances_stand() {
    let bench = Bench::new(
        "5.00",
        &[
            (Product::IPv4, &["203.0.113.1"], 24),
            (Product::IPv4, &["203.0.113.2"], 25),
            (Product::IPv4, &["203.0.113.3"], 24 * 9),
        ],
    );
    let port = free_port();
    let server = MailServer::plain(port);
    let minute = (crate::common::in_hours(0).as_second() / 60 + 30) % 60;
    a_week_ago(&bench, &format!("0 {minute} * * * *"), &email(port, ""));
    bench.settle(6);
    let charged = bench.charges();
    assert_eq!(charged.0, 1, "the balance covers one");
    until("the digest", 10, || server.mails().iter().any(|m| m.subject.starts_with("[renewd digest]")));
    let mails = server.mails();
    let digest = mails.iter().find(|m| m.subject.starts_with("[renewd digest]")).unwrap();
    let want = format!("1 lease renewed for {} USD, 1 alert open", charged.1);
    assert!(digest.subject.contains(&want), "{want}: {}", digest.subject);
    for part in [
        format!("yp: 1 lease in 1 payment, {} USD", charged.1),
        "short_funds:yp, since".to_owned(),
        "THE NEXT 14 DAYS".to_owned(),
        format!("yp: 1 due, {} USD", charged.1),
        "last cycle:".to_owned(),
        "3 leases;".to_owned(),
    ] {
        assert!(digest.text.contains(&part), "{part}: {}", digest.text);
    }
    // Its head is found in the history from then on, also behind later payments; of another ledger it is not.
    let lines: Vec<&str> = digest.text.lines().map(str::trim).collect();
    let place =
        lines.iter().position(|line| line.ends_with(", head")).unwrap_or_else(|| panic!("{}", digest.text));
    let head = lines[place + 1];
    bench.handle.top_up(crate::common::KEY, crate::common::money("50.00")).unwrap();
    bench.settle(4);
    assert!(bench.charges().0 > charged.0, "more was paid since");
    let verify = |head: &str| bench.json(&["history", "--verify", "--head", head]);
    let (code, found) = verify(head);
    assert_eq!((code, found["ok"].as_bool()), (0, Some(true)), "{found:#}");
    assert!(found["asked"]["row"].as_u64() < found["rows"].as_u64(), "{found:#}");
    assert_eq!(verify(&head.chars().rev().collect::<String>()).0, 3);
    assert!(digest.html.contains("max-width:640px") && digest.html.contains("short_funds:yp"));
}
