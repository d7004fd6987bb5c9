//! A mail server that takes the connection and says nothing delays neither work, nor its result, nor the stop.
#![allow(
    clippy::disallowed_methods,
    reason = "how long the built binary takes is what these tests are about"
)]
use std::time::{Duration, Instant};

use renewd::simulator::Product;
use rustix::process::Signal;

use crate::common::{self, Bench, KEEP, signal, until};
use crate::mail::office::email;
use crate::mail::postman::{Postman, SILENCE, Taken};

fn bench(postman: &Postman, balance: &str) -> Bench {
    let bench = Bench::new(balance, &[(Product::IPv4, &["203.0.113.1"], 24)]);
    bench.config("", &format!("{KEEP}{}", email(postman.port, "")));
    bench
}

#[test]
fn run_works_at_once_and_stops_at_once_beside_a_silent_mail_server() {
    let postman = Postman::start(|_| Some(SILENCE));
    let bench = bench(&postman, "1.00");
    let begun = Instant::now();
    let mut child = bench.spawn(&["run"]);
    until("a cycle", 15, || bench.log().contains("cycle done"));
    assert!(begun.elapsed() < Duration::from_secs(15), "the first cycle waits for no mail");
    std::thread::sleep(Duration::from_millis(1_500));
    let stopped = Instant::now();
    signal(&child, Signal::TERM);
    let code = child.wait().unwrap();
    assert!(stopped.elapsed() < Duration::from_secs(4), "{:?}", stopped.elapsed());
    assert_eq!(code.code(), Some(0), "{}", bench.log());
    // What nobody took is still there.
    let (_, status) = bench.json(&["status"]);
    assert!(status["mails"]["waiting"].as_u64().unwrap() >= 1, "{status:#}");
}

#[test]
fn the_message_about_an_unusable_ledger_delays_no_stop() {
    let postman = Postman::start(|_| Some(SILENCE));
    let bench = bench(&postman, "100.00");
    let mut child = bench.spawn(&["run"]);
    until("a cycle", 15, || bench.log().contains("cycle done"));
    signal(&child, Signal::TERM);
    child.wait().unwrap();
    // `once` has shown its result long before it gives up on the server.
    let begun = Instant::now();
    let mut once = bench.command(&["once"]);
    let mut once =
        once.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let mut first = [0_u8; 1];
    std::io::Read::read_exact(once.stdout.as_mut().unwrap(), &mut first).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    signal(&once, Signal::TERM);
    let told = Instant::now();
    once.wait().unwrap();
    assert!(told.elapsed() < Duration::from_secs(3), "a stop ends the waiting: {:?}", told.elapsed());
}

/// What every mail of renewd has.
fn is_whole(mail: &Taken) {
    for name in ["Message-ID", "MIME-Version", "Date", "Auto-Submitted", "Content-Type"] {
        assert!(mail.header(name).is_some(), "{name} is not in {}", mail.data);
    }
    let subject = mail.header("Subject").unwrap();
    let title = subject.split_once("] ").unwrap().1;
    assert!(title.starts_with(|c: char| c.is_uppercase() || c.is_numeric()), "{subject}");
    assert!(mail.text().contains("text/html") && mail.text().contains("renewd "), "{}", mail.data);
}

#[test]
fn the_mails_that_are_in_no_outbox_look_like_all_others() {
    let postman = Postman::start(|_| None);
    let bench = bench(&postman, "100.00");
    assert_eq!(bench.renewd(&["test-mail"]).status.code(), Some(0));
    bench.renewd(&["once"]);
    let before = postman.taken().len();
    std::fs::write(bench.path("state/ledger.db"), "no database at all, longer than sixteen bytes").unwrap();
    for more in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(bench.path(&format!("state/ledger.db{more}")));
    }
    assert_eq!(bench.renewd(&["once"]).status.code(), Some(1));
    assert_eq!(bench.renewd(&["once"]).status.code(), Some(1), "told once per `repeat`");
    let taken = postman.taken();
    assert_eq!(taken.len(), before + 1);
    taken.iter().for_each(is_whole);
    let ledger = taken.last().unwrap();
    assert_eq!(
        ledger.header("Subject").unwrap(),
        "[renewd URGENT] The ledger cannot be used, so payments stop"
    );
    assert!(ledger.text().contains("    renewd status"), "the commands are in it: {}", ledger.text());
    assert_eq!(ledger.header("Importance").as_deref(), Some("high"));
}

#[test]
fn ledger_trouble_that_nobody_could_be_told_of_is_told_as_soon_as_somebody_can() {
    let postman = Postman::start(|line| line.starts_with("RCPT").then_some("451 later"));
    let bench = bench(&postman, "100.00");
    bench.renewd(&["once"]);
    let before = postman.taken().len();
    std::fs::write(bench.path("state/ledger.db"), "no database at all, longer than sixteen bytes").unwrap();
    for more in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(bench.path(&format!("state/ledger.db{more}")));
    }
    assert_eq!(bench.renewd(&["once"]).status.code(), Some(1));
    assert_eq!(postman.taken().len(), before);
    postman.now(|_| None);
    assert_eq!(bench.renewd(&["once"]).status.code(), Some(1));
    assert_eq!(postman.taken().len(), before + 1);
}

#[test]
fn an_end_says_what_was_charged_and_how_the_money_stands() {
    let postman = Postman::start(|_| None);
    let bench = bench(&postman, "1.00");
    assert_eq!(bench.json(&["once"]).0, 3);
    let _ = bench.handle.top_up(common::KEY, common::money("100.00"));
    bench.renewd(&["once"]);
    let taken = postman.taken();
    let over = taken.iter().find(|m| m.header("Subject").unwrap().starts_with("[renewd resolved]"));
    let text = over.unwrap_or_else(|| panic!("{taken:#?}")).text();
    for part in ["This is over.", "Payment p-000001 of 203.0.113.1", " USD", "The balance is ", " and ended "]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
}
