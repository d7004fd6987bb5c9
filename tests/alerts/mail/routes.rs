//! Who gets what, and how the mails of one incident hang together.
use std::collections::BTreeSet;

use renewd::domain::{Alert, Severity};

use crate::common::smtp::{Mail, MailServer, free_port};
use crate::mail::office::{HOUR, Office, alert, email};

const ROUTES: &str = r#"
[[alerts.route]]
severity = ["urgent"]
account = ["yp"]
to = ["oncall@example.org"]
[[alerts.route]]
severity = ["urgent"]
to = ["admin@example.org"]
[[alerts.route]]
account = ["yp"]
severity = ["info"]
to = ["quiet@example.org"]
"#;

#[test]
fn the_first_fitting_route_replaces_the_recipients_and_the_end_goes_to_all_who_were_told() {
    let port = free_port();
    let office = Office::new(|_| format!("{}{ROUTES}", email(port, "")));
    let server = MailServer::plain(port);
    let nobodys = Alert { account: None, ..alert("clock", Severity::Urgent) };
    let info = alert("release", Severity::Info);
    office.fire(&[alert("short_funds", Severity::Warning), nobodys.clone(), info.clone()]);
    office.deliver_due();
    server.wait_for(3);
    office.pass(HOUR);
    office.fire(&[alert("short_funds", Severity::Urgent), nobodys, info]);
    office.deliver_due();
    server.wait_for(4);
    office.pass(HOUR);
    office.fire(&[]);
    office.deliver_due();
    let mails = server.wait_for(8);
    let who = |tag: &str, what: &str| -> BTreeSet<String> {
        let of = mails
            .iter()
            .filter(|m| m.subject.starts_with(&format!("[renewd {tag}]")) && m.subject.contains(what));
        of.map(|m| m.recipient.clone()).collect()
    };
    let set = |names: &[&str]| names.iter().map(|n| format!("{n}@example.org")).collect::<BTreeSet<_>>();
    assert_eq!(who("warning", "short funds"), set(&["ops"]), "no route for warnings");
    assert_eq!(who("URGENT", "short funds"), set(&["oncall"]), "severity and account");
    assert_eq!(who("URGENT", "clock"), set(&["admin"]), "an alert of no account fits no route with one");
    assert_eq!(who("info", "release"), set(&["quiet"]));
    assert_eq!(who("resolved", "enough funds"), set(&["ops", "oncall"]), "whoever was told of it");
    assert_eq!(who("resolved", "clock"), set(&["admin"]));
}

#[test]
fn the_mails_of_an_incident_are_one_thread_and_another_incident_is_another() {
    let port = free_port();
    let office = Office::new(|_| email(port, ""));
    let server = MailServer::plain(port);
    // In the order in which they came: files of one mailbox may be listed in another.
    let mut mails: Vec<Mail> = Vec::new();
    for firing in [
        Some(Severity::Warning), // raised
        Some(Severity::Urgent),  // escalated
        None,                    // resolved
        Some(Severity::Warning), // another incident of the same key
    ] {
        office.fire(&firing.map(|severity| alert("short_funds", severity)).into_iter().collect::<Vec<_>>());
        office.deliver_due();
        let there = server.wait_for(mails.len() + 1);
        let new = there.into_iter().find(|mail| mails.iter().all(|known| known.id != mail.id));
        mails.push(new.expect("each step's mail has an id of its own"));
        office.pass(HOUR);
    }
    let [raised, escalated, resolved, again] = mails.as_slice() else { panic!("{mails:#?}") };
    assert_eq!((&raised.in_reply_to, &raised.references), (&None, &None));
    for later in [escalated, resolved] {
        assert_eq!(later.in_reply_to.as_ref(), Some(&raised.id));
        assert_eq!(later.references.as_ref(), Some(&raised.id));
    }
    assert_eq!(again.in_reply_to, None);
    let ids: BTreeSet<&String> = mails.iter().map(|m| &m.id).collect();
    assert_eq!(ids.len(), 4);
    assert!(escalated.raw.contains("Importance: high") && !raised.raw.contains("Importance"));
    for mail in &mails {
        assert!(mail.raw.contains("Auto-Submitted: auto-generated"), "{}", mail.raw);
        for trace in ["<img", "http://", "https://", "src=", "url("] {
            assert!(!mail.html.contains(trace), "{trace} in {}", mail.html);
        }
    }
}

#[test]
fn one_pass_with_several_causes_is_one_mail_per_cause_however_many_leases() {
    let port = free_port();
    let office = Office::new(|_| email(port, ""));
    let server = MailServer::plain(port);
    let many = |cause: &str| {
        let one = alert(cause, Severity::Warning);
        Alert { rows: vec![one.rows[0].clone(); 3000], ..one }
    };
    office.fire(&[many("short_funds"), many("price_cap"), many("paused")]);
    office.deliver_due();
    let mails = server.wait_for(3);
    assert!(mails.iter().all(|m| m.text.contains("and 2900 more") && m.html.contains("and 2900 more")));
}
