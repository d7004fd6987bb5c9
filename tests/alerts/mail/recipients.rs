//! One recipient or one message that a mail server does not take keeps no mail from the others, and is told.
use std::time::Duration;

use renewd::domain::{Alert, AlertKey, Severity};
use renewd::simulator::Product;

use crate::common::{Bench, KEEP};
use crate::mail::office::{HOUR, Office, alert};
use crate::mail::postman::{HANG_UP, Postman, Taken};

fn three(port: u16) -> String {
    email_to(port, "\"ops@example.org\", \"gone@example.org\", \"boss@example.org\"")
}

fn email_to(port: u16, to: &str) -> String {
    format!(
        "[alerts.email]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nfrom = \"renewd <renewd@example.org>\"\nto = [{to}]\n"
    )
}

/// The watch of the daemon looks, and what it finds goes out.
fn look_and_deliver(office: &Office) {
    renewd::alerts::tell::watched(&office.viewer, None).unwrap();
    office.deliver_due();
}

fn of_refusals(taken: &[Taken]) -> Vec<&Taken> {
    taken.iter().filter(|m| m.header("Subject").unwrap().contains("is refused")).collect()
}

#[test]
fn one_refused_recipient_of_three_keeps_no_mail_from_the_others() {
    let postman =
        Postman::start(|line| line.contains("RCPT TO:<gone@").then_some("550 5.1.1 no such user here"));
    let office = Office::new(|_| three(postman.port));
    office.fire(&[alert("short_funds", Severity::Warning)]);
    office.deliver_due();
    let taken = postman.taken();
    assert_eq!(taken.len(), 1, "{taken:#?}");
    assert_eq!(taken[0].to, ["ops@example.org", "boss@example.org"]);
    assert_eq!(office.waiting(), 0, "it is delivered: the refusal is that recipient's");
    let refusals = office.viewer.ledger.refusals().unwrap();
    assert_eq!((refusals.len(), refusals[0].address.as_str()), (1, "gone@example.org"));
    assert!(refusals[0].why.contains("no such user here"), "{refusals:?}");
    look_and_deliver(&office);
    let taken = postman.taken();
    let [told] = of_refusals(&taken)[..] else { panic!("{taken:#?}") };
    assert_eq!(told.to, ["ops@example.org", "boss@example.org"], "those who can be reached hear of it");
    assert!(told.text().contains("gone@example.org"), "{}", told.text());
    let open = office.viewer.ledger.open_alerts().unwrap();
    assert!(open.iter().any(|a| a.key.as_str() == "mail_refused:*"), "{open:#?}");
    // The address is good again: the next mail shows it.
    postman.now(|_| None);
    office.pass(2 * HOUR);
    office.fire(&[]);
    office.deliver_due();
    assert_eq!(office.viewer.ledger.refusals().unwrap(), []);
    look_and_deliver(&office);
    assert!(office.viewer.ledger.open_alerts().unwrap().is_empty());
}

#[test]
fn a_server_without_smtputf8_takes_the_mail_for_all_others() {
    let postman = Postman::start(|line| line.starts_with("EHLO").then_some("250-postman\r\n250 8BITMIME"));
    let office = Office::new(|_| {
        email_to(postman.port, "\"Jürgen <jürgen@example.org>\", \"ops@example.org\", \"wir@bücher.example\"")
    });
    office.fire(&[alert("short_funds", Severity::Warning)]);
    office.deliver_due();
    let taken = postman.taken();
    assert_eq!(taken[0].to, ["ops@example.org", "wir@xn--bcher-kva.example"], "a domain has an ASCII form");
    assert!(taken[0].data.is_ascii(), "{}", taken[0].data);
    let why = &office.viewer.ledger.refusals().unwrap()[0];
    assert!(why.address.contains("jürgen@") && why.why.contains("SMTPUTF8"), "{why:?}");
    assert_eq!(office.waiting(), 0);
    // A server that has it gets the address as it is.
    postman.now(|line| line.starts_with("EHLO").then_some("250-postman\r\n250-8BITMIME\r\n250 SMTPUTF8"));
    office.fire(&[alert("price_cap", Severity::Warning)]);
    office.deliver_due();
    assert!(postman.taken().last().unwrap().to.contains(&"jürgen@example.org".to_owned()));
    assert!(office.viewer.ledger.refusals().unwrap().is_empty());
}

#[test]
fn a_message_that_is_refused_is_put_aside_and_the_rest_goes_on() {
    let postman = Postman::start(|line| {
        (line.starts_with("DATA: ") && line.contains("price cap (by")).then_some("552 5.3.4 message too big")
    });
    let office = Office::new(|_| three(postman.port));
    office.fire(&[alert("price_cap", Severity::Urgent), alert("short_funds", Severity::Warning)]);
    office.deliver_due();
    let subjects: Vec<_> = postman.taken().iter().filter_map(|m| m.header("Subject")).collect();
    assert!(subjects.len() == 1 && subjects[0].contains("short funds"), "{subjects:?}");
    let aside = office.viewer.ledger.aside_mails().unwrap();
    assert!(aside.len() == 1 && aside[0].why.contains("message too big"), "{aside:?}");
    assert_eq!(office.viewer.ledger.waiting_mails().unwrap().count, 0, "nothing waits for a server");
    look_and_deliver(&office);
    let told = postman.taken().pop().unwrap();
    assert!(told.header("Subject").unwrap().contains("1 message cannot be sent"), "{told:#?}");
    assert!(told.text().contains("message too big"), "{}", told.text());
    // It is tried again now and then, and not every few seconds.
    let tries = postman.said("DATA");
    office.pass(Duration::from_secs(600));
    office.deliver_due();
    assert_eq!(postman.said("DATA"), tries);
    postman.now(|_| None);
    office.pass(HOUR);
    office.deliver_due();
    assert!(office.viewer.ledger.aside_mails().unwrap().is_empty());
    assert!(postman.taken().last().unwrap().header("Subject").unwrap().contains("price cap"));
}

#[test]
fn the_alert_about_mail_that_cannot_be_sent_does_not_bring_the_next_one() {
    let postman = Postman::start(|line| line.starts_with("DATA: ").then_some("554 5.7.1 spam"));
    let office = Office::new(|_| three(postman.port));
    office.fire(&[alert("price_cap", Severity::Urgent)]);
    for _ in 0..20 {
        office.deliver_due();
        renewd::alerts::tell::watched(&office.viewer, None).unwrap();
        office.pass(Duration::from_secs(60));
    }
    assert_eq!(office.viewer.ledger.aside_mails().unwrap().len(), 2, "the alert's own, and the one about it");
}

#[test]
fn a_server_that_leaves_in_the_middle_gets_the_rest_later_and_nothing_twice() {
    let postman = Postman::start(|line| line.contains("RCPT TO:<gone@").then_some("421 4.3.2 shutting down"));
    let office = Office::new(|_| three(postman.port));
    office.fire(&[alert("short_funds", Severity::Warning)]);
    office.deliver_due();
    assert_eq!((postman.taken().len(), office.waiting()), (0, 1));
    assert!(office.viewer.ledger.refusals().unwrap().is_empty(), "nobody was refused");
    postman.now(|_| None);
    office.pass(Duration::from_secs(10));
    office.deliver_due();
    assert_eq!((postman.taken().len(), postman.taken()[0].to.len(), office.waiting()), (1, 3, 0));
}

#[test]
fn a_message_that_breaks_the_line_holds_up_no_other() {
    let postman =
        Postman::start(|line| (line.starts_with("DATA: ") && line.contains("price cap")).then_some(HANG_UP));
    let office = Office::new(|_| three(postman.port));
    office.fire(&[alert("price_cap", Severity::Urgent), alert("short_funds", Severity::Warning)]);
    office.deliver_due();
    assert_eq!((postman.taken().len(), office.waiting()), (1, 1));
    assert!(office.viewer.ledger.aside_mails().unwrap().is_empty(), "it may get through yet");
}

#[test]
fn a_greylisted_recipient_gets_it_later_and_the_others_once() {
    let postman = Postman::start(|line| line.contains("RCPT TO:<gone@").then_some("450 4.2.0 greylisted"));
    let office = Office::new(|_| three(postman.port));
    office.fire(&[alert("short_funds", Severity::Warning)]);
    office.deliver_due();
    assert_eq!((postman.taken()[0].to.len(), office.waiting()), (2, 1));
    postman.now(|_| None);
    office.pass(Duration::from_secs(10));
    office.deliver_due();
    let taken = postman.taken();
    assert_eq!((taken.len(), taken[1].to.as_slice()), (2, ["gone@example.org".to_owned()].as_slice()));
    assert_eq!(taken[0].header("Message-ID"), taken[1].header("Message-ID"));
    assert!(office.viewer.ledger.refusals().unwrap().is_empty());
}

#[test]
fn where_everybody_is_refused_nothing_is_dropped() {
    let postman = Postman::start(|line| line.starts_with("RCPT").then_some("550 relay not permitted"));
    let office = Office::new(|_| three(postman.port));
    let more =
        Alert { key: AlertKey::account("account_down", "yp"), ..alert("account_down", Severity::Urgent) };
    office.fire(&[alert("short_funds", Severity::Warning), more]);
    office.deliver_due();
    assert_eq!((office.waiting(), office.viewer.ledger.refusals().unwrap().len()), (2, 3));
    office.pass(HOUR);
    postman.now(|_| None);
    office.deliver_due();
    assert_eq!((office.waiting(), postman.taken().len()), (0, 2));
    assert!(office.viewer.ledger.refusals().unwrap().is_empty());
}

#[test]
fn a_sender_that_is_refused_is_told_as_that_and_blames_no_recipient() {
    let postman = Postman::start(|line| line.starts_with("MAIL").then_some("553 not your address"));
    let office = Office::new(|_| three(postman.port));
    office.fire(&[alert("short_funds", Severity::Warning)]);
    office.deliver_due();
    let said = office.viewer.ledger.waiting_mails().unwrap().last_error.unwrap();
    assert!(said.contains("refuses our sender address") && said.contains("not your address"), "{said}");
    assert!(office.viewer.ledger.refusals().unwrap().is_empty());
}

#[test]
fn check_test_mail_and_status_name_the_address_that_is_refused() {
    let postman =
        Postman::start(|line| line.contains("RCPT TO:<gone@").then_some("550 5.1.1 no such user here"));
    let bench = Bench::new("1.00", &[(Product::IPv4, &["203.0.113.1"], 24)]);
    bench.config("", &format!("{KEEP}{}", three(postman.port)));
    let out = bench.renewd(&["check", "--live"]);
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert_eq!(out.status.code(), Some(3), "{said}");
    assert!(said.contains("mail to gone@example.org: ") && said.contains("no such user here"), "{said}");
    assert!(said.contains("some addresses reject renewd's mail"), "{said}");
    assert_eq!(postman.taken().len(), 0, "nothing was sent");
    let out = bench.renewd(&["test-mail"]);
    let (said, told) = (String::from_utf8_lossy(&out.stderr), String::from_utf8_lossy(&out.stdout));
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.contains("not accepted for everybody: gone@example.org: "), "{said}");
    assert!(told.contains("accepted the test mail for ops@example.org, boss@example.org"), "{told}");
    assert_eq!(postman.taken()[0].to.len(), 2);
    bench.renewd(&["once"]);
    let (_, status) = bench.json(&["status"]);
    assert_eq!(status["healthy"], false, "{status:#}");
    assert_eq!(status["mails"]["refused"][0]["address"], "gone@example.org");
    assert!(status["open_alerts"].to_string().contains("mail_refused:*"), "{status:#}");
    assert!(of_refusals(&postman.taken()).len() == 1, "`once` tells of it, too");
    let out = bench.renewd(&["status"]);
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(said.contains("mail to gone@example.org is refused"), "{said}");
}

#[test]
fn an_address_that_not_every_server_takes_is_a_warning_of_check() {
    let bench = Bench::new("1.00", &[(Product::IPv4, &["203.0.113.1"], 24)]);
    bench.config(
        "",
        &format!("{KEEP}{}", email_to(25, "\"jürgen@example.org\", \"Jürgen <ops@example.org>\"")),
    );
    let (code, said) = bench.json(&["check"]);
    assert_eq!((code, &said["ok"]), (0, &serde_json::json!(true)), "{said:#}");
    let problems = said["problems"].as_array().unwrap().iter();
    let about: Vec<_> =
        problems.filter(|p| p["message"].as_str().is_some_and(|m| m.contains("SMTPUTF8"))).collect();
    assert_eq!(about.len(), 1, "a name may have any letters: {said:#}");
}
