//! What an operator says is done to the letter, and what renewd says to an operator is what helps: pauses and who lifts them, what waits
//! for a word, a second payer. The real binary against a simulated provider.

use std::fs;
use std::time::Duration;

use crate::common::shard::{ShardBench, TOKEN};
use crate::common::{Bench, KEEP, KEY, in_hours, money, signal, until};
use renewd::simulator::proxyshard::{Endpoint as ShardEndpoint, OrderSpec};
use renewd::simulator::{Aim, Answer, Effect, Fault, Product, When};
use rstest::rstest;
use rustix::process::Signal;
use serde_json::Value;

const A: &str = "203.0.113.1";
const B: &str = "203.0.113.2";
const OTHER_KEY: &str = "sim-key-of-another-account-0123";

fn bench() -> Bench {
    Bench::new("100.00", &[(Product::IPv4, &[A], 24)])
}

fn word(bench: &Bench, document: &Value, ip: &str) -> String {
    bench.item(document, ip)["reason"].as_str().unwrap().split(':').next().unwrap().to_owned()
}

fn stdout(bench: &Bench, args: &[&str]) -> String {
    String::from_utf8(bench.renewd(args).stdout).unwrap()
}

/// An account whose key was exchanged for a stranger's: its list is held for a person's word.
fn strangers_list() -> Bench {
    let bench = bench();
    assert_eq!(bench.json(&["once"]).0, 0);
    bench.handle.with(|w| {
        w.add_account(OTHER_KEY, money("50.00"));
        w.add_order(OTHER_KEY, Product::IPv4, "USA", &[B], in_hours(20)).unwrap();
    });
    bench.secret("yp.key", OTHER_KEY);
    let once = bench.json(&["once"]).1;
    assert_eq!(word(&bench, &once, B), "account_changed", "{once:#}");
    bench
}

/// An account whose list lost all that it had.
fn emptied_list() -> Bench {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A, B], 24 * 20)]);
    assert_eq!(bench.json(&["once"]).0, 0);
    bench.handle.with(|w| {
        w.remove(KEY, A);
        w.remove(KEY, B);
    });
    assert_eq!(bench.json(&["once"]).0, 3);
    bench
}

/// An account whose money is another one since its last payment.
fn other_currency() -> Bench {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24), (Product::IPv4, &[B], 24 * 20)]);
    assert_eq!(bench.json(&["once"]).0, 0);
    bench.handle.with(|w| w.set_end(KEY, B, in_hours(20)));
    bench.handle.with(|w| w.account_mut(KEY).unwrap().currency = "EUR".into());
    let once = bench.json(&["once"]).1;
    assert_eq!(word(&bench, &once, B), "currency_changed", "{once:#}");
    bench
}

#[rstest]
#[case::another_account(strangers_list as fn() -> Bench)]
#[case::leases_that_are_gone(emptied_list as fn() -> Bench)]
#[case::another_currency(other_currency as fn() -> Bench)]
fn a_resume_of_everything_lifts_the_pause_and_accepts_nothing(#[case] held: fn() -> Bench) {
    let bench = held();
    assert_eq!(bench.json(&["pause"]).0, 0);
    let paid = bench.payments_sent();
    let (code, resumed) = bench.json(&["resume"]);
    assert_eq!((code, resumed["accepted"].as_array().map(Vec::len)), (0, Some(0)), "{resumed:#}");
    let waiting = &resumed["waiting"][0];
    assert_eq!((&waiting["account"], &waiting["accept"]), (&"yp".into(), &"renewd resume yp".into()));
    assert_eq!(bench.json(&["status"]).1["paused"], serde_json::json!([]), "the pause is lifted");
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.payments_sent()), (3, paid), "it waits as before: {once:#}");
    let said = stdout(&bench, &["resume"]);
    assert!(said.contains("account yp still waits") && said.contains("renewd resume yp"), "{said}");
    // Whoever names it accepts it.
    let (_, resumed) = bench.json(&["resume", "yp"]);
    assert_eq!(resumed["waiting"], serde_json::json!([]), "{resumed:#}");
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 0, "{once:#}");
    assert!(!stdout(&bench, &["resume"]).contains("waits"), "nothing waits any more");
}

#[rstest]
#[case::everything(&[&["pause"][..]], "renewd resume")]
#[case::one_account(&[&["pause", "yp"][..]], "renewd resume yp")]
#[case::both(&[&["pause", "yp"], &["pause"][..]], "renewd resume")]
fn whoever_tells_of_a_pause_names_the_command_that_lifts_it(#[case] pauses: &[&[&str]], #[case] lift: &str) {
    let bench = bench();
    let hook = "[alerts.webhook]\nurl = { file = \"hook\" }\n";
    bench.secret("hook", "http://127.0.0.1:9/");
    bench.config("", &format!("{KEEP}{hook}"));
    let mut said = String::new();
    for pause in pauses {
        said = stdout(&bench, pause);
    }
    assert!(said.contains(&format!("{lift} ends it")), "{said}");
    let (_, once) = bench.json(&["once"]);
    let reason = bench.item(&once, A)["reason"].as_str().unwrap();
    assert!(reason.ends_with(&format!(": {lift}")), "{reason}");
    let said = stdout(&bench, &["status"]);
    assert!(said.contains(&format!("({lift})")), "{said}");
    assert_eq!(actions(&bench, "paused:yp"), [lift], "in the alert");
    let words: Vec<&str> = lift.split(' ').skip(1).collect();
    assert_eq!(bench.json(&words).0, 0);
    assert_eq!((bench.json(&["once"]).0, bench.charged(A)), (0, 1), "it was the right one");
}

/// The commands in the newest message of an alert to the webhook, which nobody takes.
fn actions(bench: &Bench, key: &str) -> Vec<String> {
    let sql = format!("SELECT text FROM outbox WHERE channel = 'webhook' AND text LIKE '%{key}%'");
    let out = std::process::Command::new("sqlite3").arg(bench.path("state/ledger.db")).arg(sql).output();
    let out = out.expect("sqlite3 is needed: apt-get install sqlite3");
    let text = String::from_utf8(out.stdout).unwrap();
    let document: Value = serde_json::from_str(text.lines().last().unwrap_or_default())
        .unwrap_or_else(|e| panic!("{e}: {text} {}", String::from_utf8_lossy(&out.stderr)));
    let actions = document["actions"].as_array().unwrap_or_else(|| panic!("{document:#}"));
    actions.iter().map(|a| a.as_str().unwrap().to_owned()).collect()
}

/// The same config with a state folder of its own.
fn with_a_ledger_of_its_own(bench: &Bench) {
    let file = bench.path("renewd.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(file, text.replace("/state\"", "/second\"")).unwrap();
}

#[test]
fn whoever_only_looks_is_told_of_another_renewd_with_the_key_and_takes_no_lock() {
    let bench = bench();
    let mut daemon = bench.spawn(&["run"]);
    until("the daemon paid", 20, || bench.charged(A) == 1 && bench.log().contains("cycle done"));
    // Beside its own daemon nothing is said.
    bench.handle.with(|w| w.add_order(KEY, Product::IPv4, "USA", &[B], in_hours(24 * 20)).map(drop)).unwrap();
    assert!(!stdout(&bench, &["check", "--live"]).contains("second_renewd"));
    assert_eq!(bench.json(&["status"]).1["second_renewd"], serde_json::json!([]));
    with_a_ledger_of_its_own(&bench);
    // The daemon stands still meanwhile, or it has paid B before anybody looks.
    signal(&daemon, Signal::STOP);
    bench.handle.with(|w| w.set_end(KEY, B, in_hours(24)));
    let (code, plan) = bench.json(&["plan"]);
    assert_eq!((code, word(&bench, &plan, B).as_str()), (3, "second_renewd"), "{plan:#}");
    let (_, status) = bench.json(&["status"]);
    assert_eq!((&status["second_renewd"], &status["healthy"]), (&serde_json::json!(["yp"]), &false.into()));
    assert!(stdout(&bench, &["status"]).contains("another renewd on this machine"));
    let out = bench.renewd(&["check", "--live"]);
    let said = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.code() == Some(3) && said.contains("account yp: second_renewd"), "{said}");
    signal(&daemon, Signal::CONT);
    until("the daemon paid the other", 20, || bench.charged(B) == 1);
    signal(&daemon, Signal::KILL);
    daemon.wait().unwrap();
    assert_eq!(
        bench.json(&["status"]).1["second_renewd"],
        serde_json::json!([]),
        "a dead process holds nothing"
    );
    assert!(!stdout(&bench, &["check", "--live"]).contains("second_renewd"));
}

fn ends_within(child: &mut std::process::Child, limit: Duration, bench: &Bench) {
    signal(child, Signal::TERM);
    let step = Duration::from_millis(50);
    for _ in 0..limit.as_millis() / step.as_millis() {
        if child.try_wait().unwrap().is_some() {
            return;
        }
        std::thread::sleep(step);
    }
    panic!("it still runs after {limit:?}\n{}", bench.log());
}

#[test]
fn a_reload_is_answered_while_a_cycle_runs_and_the_next_cycle_has_it() {
    let bench = bench();
    let watch = KEEP.replace("\"renew\"", "\"watch\"");
    bench.config("", &watch);
    let held = Fault::on(Aim::Reads).when(When::Always).effect(Effect::Nothing).answer(Answer::Hang);
    bench.handle.inject(held);
    let mut daemon = bench.spawn(&["run"]);
    until("a reading that hangs", 10, || !bench.handle.requests().is_empty());
    fs::write(bench.path("renewd.toml"), "nonsense = 1\n").unwrap();
    signal(&daemon, Signal::HUP);
    until("the refusal", 2, || bench.log().contains("nonsense"));
    bench.config("", KEEP);
    signal(&daemon, Signal::HUP);
    until("the answer", 2, || bench.log().contains("the config was read again"));
    assert!(!bench.log().contains("cycle done"), "and all of that within the first cycle\n{}", bench.log());
    bench.handle.clear_faults();
    until("the new policy pays", 30, || bench.charged(A) == 1);
    ends_within(&mut daemon, Duration::from_secs(3), &bench);
    assert_eq!(bench.json(&["status"]).1["open_alerts"].to_string().matches("config_reload").count(), 0);
}

#[test]
fn a_config_that_cannot_be_read_to_its_end_holds_up_no_stop_and_no_cycle() {
    let bench = bench();
    let mut daemon = bench.spawn(&["run"]);
    until("a cycle", 10, || bench.log().contains("cycle done"));
    let file = bench.path("renewd.toml");
    fs::rename(&file, bench.path("away.toml")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
    signal(&daemon, Signal::HUP);
    let cycles = bench.log().matches("cycle done").count();
    until("cycles go on", 10, || bench.log().matches("cycle done").count() > cycles + 1);
    ends_within(&mut daemon, Duration::from_secs(3), &bench);
}

#[rstest]
#[case::of_one_lease(25, 2)]
#[case::a_wrong_key(2, 1)]
#[case::no_money(16, 1)]
fn a_refusal_that_concerns_the_account_stops_its_lane_and_one_of_a_lease_does_not(
    #[case] code: i64,
    #[case] sent: usize,
) {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24), (Product::IPv4, &[B], 25)]);
    bench.config("batch = 1", KEEP);
    bench.handle.inject(Fault::code(Aim::Money, code).when(When::Always));
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.payments_sent()), (3, sent), "{once:#}");
    for ip in [A, B] {
        assert_eq!(word(&bench, &once, ip), "refused", "each says why: {once:#}");
    }
}

#[rstest]
#[case::of_one_order(403, 2)]
#[case::of_one_order_too(400, 2)]
#[case::a_wrong_key(401, 1)]
fn the_same_at_a_provider_that_refuses_by_status(#[case] status: u16, #[case] sent: usize) {
    let bench = ShardBench::new("100.00", |w| {
        for hours in [-5, -6] {
            w.add_order(TOKEN, &OrderSpec::new("ISP Proxy", Some("US"), "monthly", in_hours(hours))).unwrap();
        }
    });
    bench.config("", "[[policy]]\nname = \"keep\"\naction = \"renew\"\n");
    bench.handle.inject(Fault::status(Aim::Money, status).when(When::Always));
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.sent(ShardEndpoint::Renew)), (3, sent), "{once:#}");
}

#[test]
fn a_pause_before_the_first_start_makes_no_ledger_and_holds_from_that_start_on() {
    let bench = bench();
    let out = bench.renewd(&["pause"]);
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.code() == Some(0) && said.contains("there is no ledger in"), "{said}");
    assert_eq!(bench.json(&["pause", "yp"]).0, 0);
    assert!(!bench.path("state/ledger.db").exists(), "it never makes one");
    let paused = |bench: &Bench| bench.json(&["status"]).1["paused"].clone();
    assert_eq!(paused(&bench), serde_json::json!(["*", "yp"]), "and whoever looks sees it");
    assert_eq!(word(&bench, &bench.json(&["plan"]).1, A), "paused");
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, word(&bench, &once, A).as_str(), bench.payments_sent()), (3, "paused", 0), "{once:#}");
    assert_eq!(paused(&bench), serde_json::json!(["*", "yp"]), "it is the ledger's now");
    bench.json(&["resume"]);
    assert_eq!((bench.json(&["once"]).0, bench.charged(A)), (0, 1), "and ends for good");
}

#[test]
fn a_pause_before_the_first_start_can_be_taken_back() {
    let bench = bench();
    assert_eq!(bench.json(&["pause", "yp"]).0, 0);
    assert_eq!(bench.json(&["resume", "yp"]).0, 0);
    assert!(fs::read_dir(bench.path("state")).unwrap().next().is_none(), "nothing is left");
    assert_eq!((bench.json(&["once"]).0, bench.charged(A)), (0, 1));
}

#[rstest]
#[case::resolve(&["resolve", "p-000001", "--charged", "2.65", "--note", "seen"])]
#[case::backup(&["backup", "copy.db"])]
fn a_word_about_what_is_there_makes_no_ledger_either(#[case] args: &[&str]) {
    let bench = bench();
    let out = bench.renewd(args);
    let said = String::from_utf8(out.stderr).unwrap();
    let dir = bench.path("state").display().to_string();
    assert!(out.status.code() == Some(2) && said.contains(&dir) && said.contains("--state-dir"), "{said}");
    assert!(!bench.path("state").exists(), "nothing was made");
}

/// What the ledger knows of how an amount came to be is told with it.
#[test]
fn the_history_says_how_it_is_known_what_a_payment_cost() {
    let measured = |bench: &Bench| {
        let history = bench.json(&["history"]).1;
        let payment = &history["payments"][0];
        (
            payment["measured"].clone(),
            payment["charged"].clone(),
            payment["intent"].as_str().unwrap().to_owned(),
        )
    };
    let paid = bench();
    paid.settle(5);
    let (how, charged, id) = measured(&paid);
    assert_eq!((how, charged), ("answers".into(), "2.65".into()));
    paid.json(&["resolve", &id, "--charged", "2.50", "--note", "in the panel"]);
    assert_eq!(measured(&paid).0, "word");

    let lost = bench();
    lost.handle.inject(Fault::on(Aim::Money).effect(Effect::Nothing).answer(Answer::Hang));
    lost.json(&["once"]);
    let (how, charged, id) = measured(&lost);
    assert_eq!((how, charged), (Value::Null, Value::Null), "nothing is known yet");
    lost.json(&["resolve", &id, "--not-charged", "--yes", "--note", "in the panel"]);
    assert_eq!(measured(&lost).0, Value::Null);
}
