//! Days without a mail server: nothing that needs somebody is lost, and its return is no storm.
use std::collections::BTreeSet;
use std::time::Duration;

use renewd::domain::{Alert, AlertKey, Severity};
use rstest::rstest;

use crate::common::smtp::{Mail, MailServer, free_port};
use crate::mail::listener::{Answer, Listener};
use crate::mail::office::{HOUR, Office, alert, email, hook};

fn subjects(mails: &[Mail]) -> Vec<&str> {
    mails.iter().map(|m| m.subject.as_str()).collect()
}

/// Three hard days: two causes hold all the while, one of them gets worse, forty come and go, three facts happen.
fn bad_days(office: &Office, hours: u32) -> Vec<Alert> {
    let mut lasting = vec![alert("short_funds", Severity::Warning), alert("price_cap", Severity::Warning)];
    let mut facts: Vec<Alert> = Vec::new();
    for hour in 0..hours {
        let mut firing = lasting.clone();
        if hour % 2 == 0 && hour < 80 {
            firing.push(Alert {
                key: AlertKey::order("unknown", "yp", &format!("{hour}")),
                ..alert("unknown", Severity::Warning)
            });
        }
        if hour % 20 == 7 {
            facts.push(Alert {
                key: AlertKey::order("charge_differs", "yp", &format!("{hour}")),
                once: true,
                ..alert("charge_differs", Severity::Warning)
            });
        }
        if hour == 30 {
            lasting[0].severity = Severity::Urgent;
        }
        firing.extend(facts.clone());
        office.fire(&firing);
        for _ in 0..4 {
            office.deliver_due();
            office.pass(Duration::from_secs(900));
        }
    }
    lasting.extend(facts);
    lasting
}

#[test]
fn seventy_two_hours_without_a_mail_server_lose_nothing_and_end_without_a_storm() {
    let port = free_port();
    let office = Office::new(|_| email(port, ""));
    let holding = bad_days(&office, 72);
    let queued = office.waiting();
    assert!(queued > 30, "every occasion up to the daily caps was queued: {queued}");
    let server = MailServer::plain(port);
    office.deliver_due();
    // Two that hold, four facts (hours 7, 27, 47, 67), one summary of 36 that came and went.
    let mails = server.wait_for(7);
    assert_eq!(office.waiting(), 0);
    let told = subjects(&mails);
    assert!(
        told[0].starts_with("[renewd URGENT] 1 lease of account yp held: short funds"),
        "urgent first: {told:#?}"
    );
    for cause in ["price cap", "charge differs"] {
        assert!(told.iter().any(|s| s.contains(cause)), "{cause}: {told:#?}");
    }
    let summary = mails.iter().find(|m| m.subject.starts_with("[renewd summary]")).expect("a summary");
    let passed = summary.text.matches("held: unknown").count();
    assert!(
        summary.subject.contains(&format!("{passed} alerts began and ended")) && passed == 36,
        "{}",
        summary.subject
    );
    let ids: BTreeSet<&str> = mails.iter().map(|m| m.id.as_str()).collect();
    assert_eq!(ids.len(), 7);
    // Nothing more comes by itself, and what holds goes on as one incident.
    office.deliver_due();
    office.fire(&[]);
    office.deliver_due();
    let mails = server.wait_for(9);
    let over: Vec<&Mail> = mails.iter().filter(|m| m.subject.starts_with("[renewd resolved]")).collect();
    assert_eq!(over.len(), 2, "facts end in silence: {:#?} of {}", subjects(&mails), holding.len());
}

#[test]
fn the_server_is_back_for_at_most_five_minutes_before_it_is_used() {
    let port = free_port();
    let office = Office::new(|_| email(port, ""));
    office.fire(&[alert("short_funds", Severity::Warning)]);
    for _ in 0..3 * 24 * 60 {
        office.deliver_due();
        office.pass(Duration::from_secs(60));
    }
    let tried = office.viewer.ledger.outbox(None).unwrap()[0].attempts;
    assert!((800..900).contains(&tried), "about every five minutes in three days: {tried}");
    let server = MailServer::plain(port);
    for _ in 0..5 {
        office.deliver_due();
        office.pass(Duration::from_secs(60));
    }
    server.wait_for(1);
}

#[test]
fn a_single_cause_that_came_and_went_is_its_own_resolved_notice() {
    let port = free_port();
    let office = Office::new(|_| email(port, ""));
    office.fire(&[alert("short_funds", Severity::Warning)]);
    office.deliver_due();
    office.pass(HOUR);
    office.fire(&[]);
    let server = MailServer::plain(port);
    office.deliver_due();
    let mails = server.wait_for(1);
    assert!(
        mails[0].subject.starts_with("[renewd resolved] yp has enough funds again")
            && mails[0].text.contains("The alert was: 1 lease of account yp held"),
        "{}",
        mails[0].subject
    );
    assert!(mails[0].text.contains("after 1h"), "{}", mails[0].text);
}

#[test]
fn a_crash_between_the_servers_word_and_ours_repeats_the_mail_with_its_id() {
    let port = free_port();
    let office = Office::new(|_| email(port, ""));
    let server = MailServer::plain(port);
    office.fire(&[alert("short_funds", Severity::Warning)]);
    let ledger = office.dir.path().join("state/ledger.db");
    office.deliver_due();
    // As if the row that says "taken" had not been written.
    let raw = rusqlite::Connection::open(ledger).unwrap();
    raw.execute("UPDATE outbox SET delivered_at = NULL", []).unwrap();
    office.deliver_due();
    let mails = server.wait_for(2);
    assert_eq!(mails[0].id, mails[1].id);
    assert_eq!(office.waiting(), 0);
}

#[test]
fn a_refused_recipient_keeps_the_mail_from_nobody_else() {
    let port = free_port();
    let office = Office::new(|_| {
        email(port, "").replace(
            "[\"ops@example.org\"]",
            "[\"nobody-here@example.org\", \"Ops <ops@example.org>\", \"boss@example.org\"]",
        )
    });
    let server = MailServer::plain(port);
    office.fire(&[alert("short_funds", Severity::Warning)]);
    office.deliver_due();
    let mails = server.wait_for(2);
    let to: Vec<&str> = mails.iter().map(|m| m.recipient.as_str()).collect();
    assert_eq!(BTreeSet::from_iter(to), BTreeSet::from(["ops@example.org", "boss@example.org"]));
    assert_eq!(office.waiting(), 0, "the refusal is that recipient's");
    let refused = office.viewer.ledger.refusals().unwrap();
    assert_eq!((refused.len(), refused[0].address.as_str()), (1, "nobody-here@example.org"));
    // A later mail of the incident goes to all of them.
    office.fire(&[alert("short_funds", Severity::Urgent)]);
    office.deliver_due();
    server.wait_for(4);
}

#[rstest]
#[case::mail_is_dead(true)]
#[case::the_webhook_is_dead(false)]
fn a_dead_channel_stops_no_other(#[case] mail_is_dead: bool) {
    let port = free_port();
    let listener = Listener::start();
    let office = Office::new(|dir| format!("{}{}", email(port, ""), hook(dir, listener.port)));
    let server = (!mail_is_dead).then(|| MailServer::plain(port));
    if !mail_is_dead {
        listener.answer(Answer::Status(503));
    }
    office.fire(&[alert("short_funds", Severity::Warning)]);
    office.deliver_due();
    office.pass(HOUR);
    office.deliver_due();
    let left: Vec<u32> = office.viewer.ledger.outbox(None).unwrap().iter().map(|m| m.attempts).collect();
    assert_eq!(left, [2], "the dead one was tried twice, the other was taken at once");
    match server {
        Some(server) => {
            server.wait_for(1);
            listener.answer(Answer::Status(204));
            office.pass(HOUR);
            office.deliver_due();
            let ids: BTreeSet<String> =
                listener.requests().iter().map(|r| r.json()["id"].to_string()).collect();
            assert_eq!((listener.count(), ids.len()), (3, 1), "the same message until it is taken");
        }
        None => assert_eq!(listener.count(), 1),
    }
}
