//! The whole path beside a running daemon: the mail, the page, the word, the payment, and a restart in between.
use rustix::process::Signal;
use serde_json::json;

use super::{A, B, C, LATER, approve, asks, fleet, name, waiting};
use crate::common::config::email;
use crate::common::http::get;
use crate::common::smtp::{MailServer, free_port};
use crate::common::{Bench, signal, until};

fn stop(mut child: std::process::Child) {
    signal(&child, Signal::TERM);
    child.wait().unwrap();
}

fn cycles(bench: &Bench) -> usize {
    bench.log().matches("cycle done").count()
}

#[test]
fn the_daemon_mails_the_command_and_pays_in_the_cycle_after_the_word() {
    let bench = fleet();
    let (port, web) = (free_port(), free_port());
    let server = MailServer::plain(port);
    asks(&bench, &email(port, ""));
    let log = std::fs::File::create(bench.path("run.log")).unwrap();
    let child = bench
        .command(&["run"])
        .env("RENEWD__HTTP__LISTEN", format!("127.0.0.1:{web}"))
        .stdout(std::process::Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    until("a plan waits", 20, || !waiting(&bench).is_empty());
    let plan = name(&bench);
    let mails = server.wait_for(1);
    let mail = &mails[0];
    assert!(mail.subject.contains(&plan) && mail.subject.contains("3 leases for "), "{}", mail.subject);
    for words in [&format!("renewd approve {plan}"), &format!("renewd reject {plan}"), "Deadline: ", A, B, C]
    {
        assert!(mail.text.contains(words), "{words} is not in\n{}", mail.text);
    }
    let page = get(web, "/").unwrap().1;
    assert!(
        page.contains("Waiting for approval") && page.contains(&format!("renewd approve {plan}")),
        "{page}"
    );
    let status: serde_json::Value = serde_json::from_str(&get(web, "/api/status").unwrap().1).unwrap();
    assert_eq!(status["waiting_approval"][0]["plan"], json!(plan));
    assert_eq!(bench.payments_sent(), 0);

    approve(&bench, &plan);
    until("all of it is paid", 20, || [A, B, C].iter().all(|ip| bench.charged(ip) == 1));
    let mails = server.wait_for(2);
    assert!(
        mails[1].text.contains("RESOLVED")
            && mails[1].text.contains(&format!("It was approved as plan {plan} by ")),
        "{}",
        mails[1].text
    );
    let before = cycles(&bench);
    until("more cycles", 20, || cycles(&bench) > before + 2);
    stop(child);
    assert_eq!((bench.charges().0, bench.charged(LATER)), (2, 0));
}

#[test]
fn a_word_outlives_the_daemon_that_asked() {
    let bench = fleet();
    let child = bench.spawn(&["run"]);
    until("a plan waits", 20, || !waiting(&bench).is_empty());
    let plan = name(&bench);
    stop(child);
    approve(&bench, &plan);
    let child = bench.spawn(&["run"]);
    until("all of it is paid", 20, || [A, B, C].iter().all(|ip| bench.charged(ip) == 1));
    let before = cycles(&bench);
    until("more cycles", 20, || cycles(&bench) > before + 2);
    stop(child);
    assert_eq!(bench.charges().0, 2);
    assert!(waiting(&bench).is_empty());
}
