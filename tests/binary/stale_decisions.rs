//! What changes between a decision and its payment: ends, prices, pauses, periods. Through the real binary, against the provider's
//! books.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::{Bench, KEEP, KEY, in_hours, money, until};
use renewd::simulator::{Aim, Answer, Effect, Fault, Product, When};

const A: &str = "203.0.113.1";
const C: &str = "203.0.113.3";

fn quotes(bench: &Bench) -> usize {
    bench
        .handle
        .requests()
        .iter()
        .filter(|r| r.endpoint.is_some_and(renewd::simulator::Endpoint::is_quote))
        .count()
}

fn states(bench: &Bench) -> Vec<String> {
    let history = bench.json(&["history"]).1;
    let payments = history["payments"].as_array().unwrap();
    payments.iter().map(|p| p["state"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_price_that_came_after_a_minute_is_paid_on_no_older_reading() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24), (Product::Isp, &[C], 24)]);
    let file = bench.path("renewd.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("read_timeout = \"4s\"", "read_timeout = \"24s\"")).unwrap();
    for n in [2, 3, 5] {
        bench.handle.inject(Fault::on(Aim::Quotes).when(When::Nth(n)).answer(Answer::Hang));
    }
    let mut child = bench.spawn(&["once"]);
    until("the lane asks again", 100, || quotes(&bench) >= 5);
    // Somebody renews A by hand while the answer is awaited.
    bench.handle.with(|w| {
        w.set_end(KEY, A, in_hours(24 + 30 * 24));
        w.spend_elsewhere(in_hours(0), KEY, money("2.65"));
    });
    child.wait().unwrap();
    assert_eq!(bench.charged(A), 0, "its end moved: {}", bench.log());
}

#[test]
fn a_pause_stops_a_cycle_that_runs() {
    let ips: Vec<String> = (1..60).map(|n| format!("203.0.113.{n}")).collect();
    let refs: Vec<&str> = ips.iter().map(String::as_str).collect();
    let bench = Bench::new("1000.00", &[(Product::IPv4, &refs, 24)]);
    bench.config("batch = 1", &format!("{KEEP}\n[guard]\nmax_fleet_share = \"100%\"\n"));
    // The fourth answer is long in coming: time to think again.
    bench.handle.inject(Fault::on(Aim::Money).when(When::Nth(4)).answer(Answer::Hang));
    let mut child = bench.spawn(&["once"]);
    until("the fourth payment", 60, || bench.payments_sent() == 4);
    assert_eq!(bench.json(&["pause"]).0, 0);
    child.wait().unwrap();
    assert_eq!(bench.payments_sent(), 4);
    let status = bench.json(&["status"]).1;
    assert!(status["open_alerts"].to_string().contains("paused:yp"), "{status:#}");
}

#[test]
fn a_purchase_at_a_price_that_nobody_approved_is_held() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24 * 20)]);
    let line = format!(
        "{} --config {} order create --kind IPv4 --country USA --quantity 2 --period 30d --goal shop --auth login",
        env!("CARGO_BIN_EXE_renewd"),
        bench.path("renewd.toml").display()
    );
    let terminal = |answer: &str, price: &str| {
        let before = quotes(&bench);
        let mut command = Command::new("script");
        command.args(["-qec", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        until("the price is told", 20, || quotes(&bench) > before);
        std::thread::sleep(Duration::from_millis(500));
        bench.handle.with(|w| w.prices.set(Product::IPv4, "USA", 30, money(price)));
        let mut input = child.stdin.take().unwrap();
        input.write_all(format!("{answer}\n").as_bytes()).unwrap();
        let out = child.wait_with_output().unwrap();
        drop(input);
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    let said = terminal("yes", "26.50");
    assert!(said.contains("5.30 USD were approved, and it costs 53.00 USD now"), "{said}");
    assert_eq!(bench.payments_sent(), 0);
    let said = terminal("no", "26.50");
    assert!(said.contains("nothing was bought"), "{said}");
    assert_eq!(bench.payments_sent(), 0);
    // Cheaper than approved is no reason to stop.
    let said = terminal("yes", "2.65");
    assert_eq!(bench.charges(), (1, money("5.30")), "{said}");
}

#[test]
fn a_longer_second_attempt_does_not_make_the_first_one_a_double_charge() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24)]);
    let retry = |period: &str| {
        KEEP.replace(
            "period = [\"30d\", \"90d\"]",
            &format!("on_unknown = \"retry\"\nperiod = [\"{period}\"]"),
        )
    };
    let step = || {
        bench.renewd(&["once"]);
        bench.pass(1_050);
    };
    bench.config("", &retry("30d"));
    bench
        .handle
        .inject(Fault::on(Aim::Money).when(When::Nth(1)).effect(Effect::Nothing).answer(Answer::Close));
    for _ in 0..8 {
        step();
        if states(&bench) == ["not_applied"] {
            break;
        }
    }
    bench.config("", &retry("90d"));
    for _ in 0..9 {
        step();
    }
    assert_eq!(bench.charges().0, 1);
    assert_eq!(states(&bench), ["confirmed", "not_applied"], "newest first");
    let status = bench.json(&["status"]).1;
    assert!(!status["open_alerts"].to_string().contains("double_charge"), "{status:#}");
}

/// A payment whose answer was lost while the provider's lists lag, with the real lag window of 15 minutes.
fn answer_lost(effect: Effect) -> (Bench, String) {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24), (Product::IPv4, &[C], 24 * 20)]);
    let file = bench.path("renewd.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("lag_window = \"3s\"", "lag_window = \"15m\"")).unwrap();
    bench.handle.set_lag(Duration::from_secs(600));
    bench.handle.inject(Fault::on(Aim::Money).effect(effect).answer(Answer::Close));
    assert_eq!(bench.json(&["once"]).0, 3);
    let id = bench.json(&["history"]).1["payments"][0]["intent"].as_str().unwrap().to_owned();
    (bench, id)
}

/// An operator says "not charged" at a terminal; exit code and what it showed, on one line.
fn at_a_terminal(bench: &Bench, id: &str) -> (Option<i32>, String) {
    let (renewd, config) = (env!("CARGO_BIN_EXE_renewd"), bench.path("renewd.toml"));
    let line = format!(
        "'{renewd}' --config '{}' resolve {id} --not-charged --note 'no new end in the panel'",
        config.display()
    );
    let mut command = std::process::Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).stdin(std::process::Stdio::null());
    let out = command.output().expect("script is there: it belongs to bsdutils");
    (out.status.code(), String::from_utf8_lossy(&out.stdout).replace("\r\n", " "))
}

#[test]
fn a_script_that_says_not_charged_is_obeyed_and_warned() {
    let (bench, id) = answer_lost(Effect::Nothing);
    let out = bench.renewd(&["resolve", &id, "--not-charged", "--note", "support says so"]);
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.success() && said.contains("may have been charged"), "{said}");
    assert_eq!(states(&bench), ["not_applied"]);
}

#[test]
fn not_charged_is_not_believed_while_the_balance_and_the_lag_speak_against_it() {
    let (bench, id) = answer_lost(Effect::Process);
    let (code, said) = at_a_terminal(&bench, &id);
    assert_eq!(code, Some(2), "{said}");
    for part in ["the balance fell by 2.65 USD, the price asked", "may lag until", "paid twice", "--yes"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(states(&bench), ["unknown"]);
    assert_eq!(bench.json(&["once"]).0, 3);
    assert_eq!((bench.charged(A), bench.payments_sent()), (1, 1), "it is not paid a second time");
}

#[test]
fn not_charged_waits_for_the_lag_unless_somebody_knows_and_tells_what_follows() {
    let (bench, id) = answer_lost(Effect::Nothing);
    let (code, said) = at_a_terminal(&bench, &id);
    assert!(code == Some(2) && !said.contains("fell"), "{said}");
    let out = bench.renewd(&["resolve", &id, "--not-charged", "--yes", "--note", "support says so"]);
    let said = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success() && said.contains("the next cycle may pay this lease again"), "{said}");
    assert_eq!(bench.json(&["once"]).0, 0);
    assert_eq!(bench.charged(A), 1);
}

#[test]
fn what_would_lapse_beside_an_unknown_payment_is_paid_and_the_rest_waits_a_lag_window() {
    const D: &str = "203.0.113.4";
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24), (Product::IPv4, &[C, D], 24)]);
    let first = format!(
        "{}match = {{ ip = [\"{A}\"] }}\npriority = 10\n{KEEP}",
        KEEP.replace("\"keep\"", "\"first\"")
    );
    bench.config("", &first);
    let file = bench.path("renewd.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("lag_window = \"3s\"", "lag_window = \"15m\"")).unwrap();
    let soon = || in_hours(0).checked_add(jiff::SignedDuration::from_mins(10)).unwrap();
    bench.handle.with(|w| w.set_end(KEY, C, soon()));
    let lost = Fault::on(Aim::Money).when(When::Nth(1)).effect(Effect::Nothing).answer(Answer::Close);
    bench.handle.inject(lost);
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.charged(A), bench.charged(C), bench.charged(D)), (3, 0, 1, 0), "{once:#}");
    let reason = bench.item(&once, D)["reason"].as_str().unwrap();
    assert!(reason.starts_with("unknown_pending: ") && reason.contains("is being settled first"), "{reason}");
    // In the next cycle, too.
    bench.handle.with(|w| w.set_end(KEY, D, soon()));
    let (code, once) = bench.json(&["once"]);
    assert_eq!((code, bench.charged(A), bench.charged(D)), (3, 0, 1), "{once:#}");
    assert_eq!(states(&bench), ["confirmed", "confirmed", "unknown"], "newest first");
}

#[test]
fn what_an_operator_calls_charged_waits_a_lag_window_for_its_new_end() {
    let (bench, id) = answer_lost(Effect::Nothing);
    let out = bench.renewd(&["resolve", &id, "--charged", "2.65", "--note", "support says so"]);
    assert!(out.status.success(), "{out:?}");
    let (code, once) = bench.json(&["once"]);
    let item = bench.item(&once, A);
    assert_eq!((code, item["decision"].as_str()), (0, Some("wait")), "{once:#}");
    assert!(item["reason"].as_str().unwrap().starts_with("accepted: "), "{item:#}");
    let status = bench.json(&["status"]).1;
    assert!(!status["open_alerts"].to_string().contains("needs_operator"), "{status:#}");
    // The lag window passes, and the end stands still.
    let file = bench.path("renewd.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("lag_window = \"15m\"", "lag_window = \"1s\"")).unwrap();
    bench.pass(1_100);
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 3);
    assert!(bench.item(&once, A)["reason"].as_str().unwrap().starts_with("needs_operator: "), "{once:#}");
}
