//! Through the built binary: silences, caps, money that nobody spent, mail that nobody takes, a ledger that cannot be used.
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use renewd::clock::{Clock, SystemClock};
use renewd::ledger::sqlite::{Access, open};
use renewd::ledger::{AlertLog, Balances, Cycles, Notes, Outbox};
use renewd::simulator::{Aim, Answer, Fault, Product, When};
use rstest::rstest;
use rustix::process::Signal;
use serde_json::Value;

use crate::common::config::keep_and_mail;
use crate::common::http::get;
use crate::common::smtp::{MailServer, free_port};
use crate::common::{Bench, KEEP, KEY, money, signal, until};

const A: &str = "203.0.113.1";
const B: &str = "203.0.113.2";

/// Mail to a server at this port, where nobody may be listening.
fn short_of_funds() -> Bench {
    let bench = Bench::new("1.00", &[(Product::IPv4, &[A], 24)]);
    bench.config("", &keep_and_mail(free_port()));
    bench
}

fn nothing_due() -> Bench {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24 * 20), (Product::IPv4, &[B], 24 * 20)]);
    bench.config("", &keep_and_mail(free_port()));
    bench
}

/// Subjects in the outbox, oldest first.
fn subjects(bench: &Bench) -> Vec<String> {
    let ledger = open(&bench.path("state"), Access::Read).unwrap();
    ledger.outbox(None).unwrap().into_iter().map(|m| m.mail.subject).collect()
}

fn keys(status: &Value) -> Vec<&str> {
    status["open_alerts"].as_array().unwrap().iter().map(|a| a["key"].as_str().unwrap()).collect()
}

fn status(bench: &Bench) -> Value {
    bench.json(&["status"]).1
}

/// Below zero, somebody else spends.
fn pay_in(bench: &Bench, amount: &str) {
    bench.handle.top_up(KEY, money(amount)).unwrap();
}

#[test]
fn a_silenced_alert_is_open_and_told_once_the_silence_is_lifted() {
    let bench = short_of_funds();
    let (code, said) = bench.json(&["silence", "short_funds:yp", "--for", "2h"]);
    assert_eq!((code, &said["ok"], &said["key"]), (0, &true.into(), &"short_funds:yp".into()));
    bench.json(&["once"]);
    let seen = status(&bench);
    assert_eq!(keys(&seen), ["short_funds:yp"]);
    assert_eq!(seen["silences"][0]["key"], "short_funds:yp");
    assert_eq!(seen["silences"][0]["until"], said["until"]);
    let until: Timestamp = said["until"].as_str().unwrap().parse().unwrap();
    let left = until.duration_since(SystemClock::new().now().wall);
    assert!(left > SignedDuration::from_mins(118) && left <= SignedDuration::from_hours(2), "{left:?}");
    let text = String::from_utf8(bench.renewd(&["status"]).stdout).unwrap();
    assert!(text.contains("SILENCED") && text.contains("short_funds:yp"), "{text}");
    assert_eq!(subjects(&bench), Vec::<String>::new());

    let (code, lifted) = bench.json(&["silence", "short_funds:yp", "--for", "0s"]);
    assert_eq!((code, &lifted["until"], &lifted["open"]), (0, &Value::Null, &1.into()));
    assert_eq!(status(&bench)["silences"].as_array().unwrap().len(), 0);
    bench.json(&["once"]);
    assert_eq!(subjects(&bench).len(), 1, "{:?}", subjects(&bench));
    bench.json(&["once"]);
    assert_eq!(subjects(&bench).len(), 1);
}

#[test]
fn a_silence_of_a_whole_cause_ends_by_itself() {
    let bench = short_of_funds();
    assert_eq!(bench.json(&["silence", "short_funds:*", "--for", "4s"]).0, 0);
    bench.json(&["once"]);
    assert_eq!((keys(&status(&bench)).len(), subjects(&bench).len()), (1, 0));
    until("the silence ends", 10, || status(&bench)["silences"].as_array().unwrap().is_empty());
    bench.json(&["once"]);
    assert_eq!(subjects(&bench).len(), 1);
}

#[rstest]
#[case::no_key(&["silence", "nonsense", "--for", "2h"], "alert key")]
#[case::everything(&["silence", "*", "--for", "2h"], "alert key")]
#[case::unknown_cause(&["silence", "short_fund:yp", "--for", "2h"], "short_funds")]
#[case::unknown_account(&["silence", "short_funds:nobody", "--for", "2h"], "no account `nobody`: the config has yp")]
#[case::no_account_begins_so(&["silence", "short_funds:no*", "--for", "2h"], "no account `no*`")]
#[case::no_span(&["silence", "short_funds:yp", "--for", "soon"], "duration")]
#[case::negative(&["silence", "short_funds:yp", "--for=-2h"], "duration")]
fn a_silence_that_makes_no_sense_is_refused(#[case] args: &[&str], #[case] says: &str) {
    let bench = short_of_funds();
    let (code, said) = bench.json(args);
    let message = said["error"]["message"].as_str().unwrap();
    assert!(code == 2 && message.contains(says), "{code} {message}");
    assert_eq!(status(&bench)["silences"].as_array().unwrap().len(), 0);
}

#[test]
fn an_account_that_flaps_is_told_once_as_that_and_the_rest_is_in_the_log() {
    let bench = nothing_due();
    for n in 0..10 {
        let down = (n % 2 == 0).then(|| (3, "maintenance".to_owned()));
        bench.handle.with(|w| w.account_mut(KEY).unwrap().down = down);
        bench.json(&["once"]);
    }
    let told = subjects(&bench);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[2].contains("comes and goes"), "{told:?}");
    let shown = &status(&bench)["open_alerts"][0];
    assert_eq!((&shown["flapping"], &shown["holds"]), (&true.into(), &false.into()), "{shown:#}");
    let ledger = open(&bench.path("state"), Access::Read).unwrap();
    let log = ledger.tellings(Timestamp::MIN).unwrap();
    let capped = log.iter().filter(|t| t.how == renewd::ledger::How::Capped).count();
    assert_eq!((log.len() - capped, capped), (3, 7), "{log:#?}");
}

#[test]
fn money_that_nobody_spent_is_told_and_on_record() {
    let bench = nothing_due();
    bench.json(&["once"]);
    let before_the_fall = SystemClock::new().now().wall;
    bench.json(&["once"]);
    pay_in(&bench, "-12.00");
    assert_eq!(bench.json(&["once"]).0, 0, "nothing is held for it");
    let seen = status(&bench);
    assert_eq!(keys(&seen), ["unexplained_spend:yp"]);
    assert_eq!(
        seen["open_alerts"][0]["text"],
        "The balance of yp fell by 12.00 USD that renewd did not spend"
    );
    assert_eq!(seen["healthy"], true, "a warning");
    pay_in(&bench, "50.00");
    bench.json(&["once"]);
    assert_eq!(keys(&status(&bench)), ["top_up:yp", "unexplained_spend:yp"]);
    bench.json(&["once"]);
    assert_eq!(subjects(&bench).len(), 2, "{:?}", subjects(&bench));
    let ledger = open(&bench.path("state"), Access::Read).unwrap();
    let found = ledger.balance_notes(Timestamp::MIN).unwrap();
    let sums: Vec<String> = found.iter().map(|n| n.unexplained.to_string()).collect();
    assert_eq!(sums, ["12.00", "-50.00"]);
    assert!(found[0].since > before_the_fall, "from the last reading that did not show it");
}

#[test]
fn money_that_nobody_spent_is_told_from_a_payments_charge() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24), (Product::IPv4, &[B], 24 * 20)]);
    bench.config("", KEEP);
    bench.handle.inject(Fault::on(Aim::Money).answer(Answer::Close));
    bench.json(&["once"]);
    pay_in(&bench, "-12.00");
    let found = || {
        let ledger = open(&bench.path("state"), Access::Read).unwrap();
        ledger.balance_notes(Timestamp::MIN).unwrap()
    };
    until("the payment and the fall are told apart", 30, || {
        std::thread::sleep(Duration::from_millis(500));
        bench.json(&["once"]);
        !found().is_empty()
    });
    let charged = bench.charges().1;
    let found = found();
    assert_eq!((found.len(), found[0].unexplained, found[0].explained), (1, money("12.00"), charged));
    assert_eq!(bench.json(&["history"]).1["payments"][0]["state"], "confirmed");
}

#[test]
fn the_payments_of_a_whole_fleet_leave_nothing_unexplained() {
    let ips: Vec<String> = (1..=9).map(|n| format!("203.0.113.{n}")).collect();
    let orders: Vec<[&str; 1]> = ips.iter().map(|ip| [ip.as_str()]).collect();
    let orders: Vec<(Product, &[&str], i64)> = orders.iter().map(|o| (Product::IPv4, &o[..], 24)).collect();
    let bench = Bench::new("500.00", &orders);
    bench.handle.set_balance_lag(Duration::from_millis(1_500));
    bench.handle.inject(Fault::on(Aim::Money).when(When::Always).answer(Answer::Close));
    for _ in 0..12 {
        bench.json(&["once"]);
        std::thread::sleep(Duration::from_millis(700));
    }
    assert!(bench.charges().0 > 0);
    let ledger = open(&bench.path("state"), Access::Read).unwrap();
    assert_eq!(ledger.balance_notes(Timestamp::MIN).unwrap(), []);
}

#[test]
fn a_top_up_that_is_enough_is_one_mail() {
    let bench = short_of_funds();
    bench.json(&["once"]);
    pay_in(&bench, "99.00");
    bench.json(&["once"]);
    let told = subjects(&bench);
    assert!(
        told.len() == 2 && told[1].starts_with("[renewd resolved] yp has enough funds again"),
        "{told:?}"
    );
    let ledger = open(&bench.path("state"), Access::Read).unwrap();
    let text = ledger.outbox(None).unwrap().remove(1).mail.text;
    assert!(text.contains("The balance of yp rose by 99.00 USD"), "{text}");
}

/// As if the mails had been queued so long ago.
fn age_mails(bench: &Bench, minutes: i64) {
    let then = SystemClock::new().now().wall.checked_sub(SignedDuration::from_mins(minutes)).unwrap();
    let raw = rusqlite::Connection::open(bench.path("state/ledger.db")).unwrap();
    raw.busy_timeout(Duration::from_secs(5)).unwrap();
    raw.execute("UPDATE outbox SET queued_at = ?1", [format!("{then:.9}")]).unwrap();
}

#[test]
fn mail_that_is_not_delivered_is_seen_in_status_on_the_page_and_in_the_metrics() {
    let bench = short_of_funds();
    let (mail, http) = (free_port(), free_port());
    // One cycle at the start and none after it: the watch over the loop sees what waits.
    let config = |text: &str| {
        bench.config("", text);
        let file = bench.path("renewd.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text
            .replace("cycle = \"* * * * * *\"", "cycle = \"0 0 0 1 1 *\"")
            .replace("listen = \"\"", &format!("listen = \"127.0.0.1:{http}\""));
        std::fs::write(&file, text).unwrap();
    };
    config(&keep_and_mail(mail));
    let mut child = bench.spawn(&["run"]);
    until("the first mail waits", 20, || status(&bench)["mails"]["waiting"] == 1);
    assert_eq!(keys(&status(&bench)), ["short_funds:yp"], "it is on its way");
    age_mails(&bench, 30);
    until("the alert", 20, || keys(&status(&bench)).contains(&"mail_undelivered:*"));
    let seen = status(&bench);
    assert!(seen["mails"]["oldest_age"].as_i64().unwrap() >= 1800, "{seen:#}");
    let metrics = get(http, "/metrics").unwrap().1;
    assert!(metrics.contains("renewd_mails_waiting 2"), "{metrics}");
    assert!(metrics.lines().any(|l| l.starts_with("renewd_cycles_total ")), "{metrics}");
    let age = metrics.lines().find_map(|l| l.strip_prefix("renewd_mails_oldest_age_seconds ")).unwrap();
    assert!(age.parse::<u64>().unwrap() >= 1800, "{age}");
    assert!(get(http, "/").unwrap().1.contains("2 mails are not delivered yet"));
    let sink = MailServer::plain(mail);
    // The notice may find the alert's own mail still waiting: then the two are one.
    until("the mails are delivered, and the notice that it is over", 60, || {
        sink.texts().len() >= 2 && sink.texts().iter().any(|m| m.contains("[renewd resolved]"))
    });
    until("it is over", 20, || keys(&status(&bench)) == ["short_funds:yp"]);
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(0), "{}", bench.log());
}

#[test]
fn ledger_trouble_is_told_once_by_one_shot_commands_and_so_is_its_end() {
    let bench = nothing_due();
    let port = free_port();
    bench.config("", &keep_and_mail(port));
    let sink = MailServer::plain(port);
    std::fs::create_dir_all(bench.path("state")).unwrap();
    std::fs::write(bench.path("state/ledger.db"), "this is no database, and longer than a header").unwrap();
    for _ in 0..3 {
        assert_eq!(bench.renewd(&["once"]).status.code(), Some(1));
    }
    assert_eq!(sink.texts().len(), 1, "{:?}", sink.texts());
    std::fs::remove_file(bench.path("state/ledger.db")).unwrap();
    for _ in 0..2 {
        assert_eq!(bench.json(&["once"]).0, 0);
    }
    assert_eq!(sink.texts().len(), 2);
    assert!(sink.texts()[1].contains("can be used again"), "{}", sink.texts()[1]);
}

#[test]
fn a_daemon_that_was_stopped_over_several_starts_says_so_once() {
    let bench = nothing_due();
    let run = || {
        let mut child = bench.spawn(&["run"]);
        let ledger = || open(&bench.path("state"), Access::Read);
        let ended = |past: i64| {
            ledger()
                .is_ok_and(|l| l.last_cycle().unwrap().is_some_and(|c| c.id > past && c.ended_at.is_some()))
        };
        let before = ledger().map_or(0, |l| l.last_cycle().unwrap().map_or(0, |c| c.id));
        until("two cycles", 20, || ended(before + 1));
        signal(&child, Signal::TERM);
        child.wait().unwrap();
    };
    let told = || -> Vec<String> {
        let log = open(&bench.path("state"), Access::Read).unwrap().tellings(Timestamp::MIN).unwrap();
        log.into_iter().map(|t| t.title).collect()
    };
    run();
    run();
    assert_eq!(told(), Vec::<String>::new(), "a restart is no news");
    let then = SystemClock::new().now().wall.checked_sub(SignedDuration::from_hours(3)).unwrap();
    open(&bench.path("state"), Access::Note).unwrap().note("schedule.last_due", &then.to_string()).unwrap();
    run();
    let told = told();
    assert!(
        told.len() == 1 && told[0].starts_with("No cycle ran for 2h 59m") || told[0].contains("3h"),
        "{told:?}"
    );
}

#[test]
fn a_config_that_was_refused_is_over_once_a_start_takes_one() {
    let bench = nothing_due();
    let mut child = bench.spawn(&["run"]);
    until("a first cycle", 20, || status(&bench)["last_cycle"]["ended_at"].is_string());
    bench.config("", &format!("{KEEP}nonsense = 1\n"));
    signal(&child, Signal::HUP);
    let ledger = || open(&bench.path("state"), Access::Read).unwrap();
    let refused = || ledger().open_alerts().unwrap().iter().any(|a| a.key.cause() == "config_reload");
    until("the reload is refused", 20, refused);
    let cycles = || ledger().last_cycle().unwrap().unwrap().id;
    let seen = cycles();
    until("two more cycles", 20, || cycles() >= seen + 2);
    assert!(refused(), "cycles leave it open");
    signal(&child, Signal::TERM);
    child.wait().unwrap();
    bench.config("", KEEP);
    bench.json(&["once"]);
    assert!(!refused());
}
