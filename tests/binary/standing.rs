//! `renewd run` as a process among others: it stands before it speaks, ends for payments only, keeps its page up, and leaves the
//! brake in reach whatever became of its config.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::common::config::email;
use crate::common::smtp::free_port;
use crate::common::{Bench, KEEP, KEY, signal, until};
use renewd::simulator::{Aim, Answer, Effect, Endpoint, Fault, Product, When};
use rstest::rstest;
use rustix::process::Signal;

const A: &str = "203.0.113.1";
const B: &str = "203.0.113.2";

fn bench() -> Bench {
    Bench::new("100.00", &[(Product::IPv4, &[A], 24), (Product::IPv4, &[B], 24 * 20)])
}

/// A server that accepts and says nothing.
fn silent_server() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// The bench's config with its page at this port.
fn page_at(bench: &Bench, port: u16, account: &str, rest: &str) {
    bench.config(account, &format!("{KEEP}{rest}"));
    let file = bench.path("renewd.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(file, text.replace("listen = \"\"", &format!("listen = \"127.0.0.1:{port}\""))).unwrap();
}

fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).ok()?;
    Some(reply)
}

fn ends_within(child: &mut Child, limit: Duration, bench: &Bench) {
    signal(child, Signal::TERM);
    let step = Duration::from_millis(50);
    for _ in 0..limit.as_millis() / step.as_millis() {
        if let Some(ended) = child.try_wait().unwrap() {
            assert_eq!(ended.code(), Some(0), "{}", bench.log());
            return;
        }
        std::thread::sleep(step);
    }
    panic!("it still runs after {limit:?}\n{}", bench.log());
}

/// A daemon whose config comes out of a pipe: until somebody writes it, nothing else can have happened.
fn with_slow_config(bench: &Bench) -> (Child, String) {
    let pipe = bench.path("slow.toml");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let log = fs::File::create(bench.path("run.log")).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_renewd"))
        .args(["run", "--config"])
        .arg(&pipe)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    until("SIGHUP and SIGTERM are caught", 10, || {
        let text = fs::read_to_string(&status).unwrap();
        let caught = text.lines().find_map(|l| l.strip_prefix("SigCgt:")).unwrap().trim();
        let caught = u64::from_str_radix(caught, 16).unwrap();
        [1_u64, 15].iter().all(|n| caught & (1 << (n - 1)) != 0)
    });
    (child, fs::read_to_string(bench.path("renewd.toml")).unwrap())
}

#[test]
fn a_sighup_before_the_config_is_read_is_a_reload_once_it_is_up() {
    let bench = bench();
    let (mut child, config) = with_slow_config(&bench);
    signal(&child, Signal::HUP);
    std::thread::sleep(Duration::from_millis(100));
    fs::write(bench.path("slow.toml"), &config).unwrap();
    until("it is up", 10, || bench.log().contains("renewd is up"));
    // Comes back once it is opened for reading again.
    fs::write(bench.path("slow.toml"), &config).unwrap();
    until("the config was read again", 10, || bench.log().contains("the config was read again"));
    ends_within(&mut child, Duration::from_secs(3), &bench);
}

#[test]
fn a_sigterm_before_the_config_is_read_is_a_clean_end() {
    let bench = bench();
    let (mut child, config) = with_slow_config(&bench);
    signal(&child, Signal::TERM);
    std::thread::sleep(Duration::from_millis(100));
    fs::write(bench.path("slow.toml"), &config).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{}", bench.log());
    assert_eq!(bench.payments_sent(), 0);
}

#[test]
fn page_and_signals_do_not_wait_for_a_mail_server_that_says_nothing() {
    let bench = bench();
    let (_held, mail) = silent_server();
    let port = free_port();
    page_at(&bench, port, "", &email(mail, ""));
    let mut child = bench.spawn(&["run"]);
    until("the page answers", 5, || get(port, "/healthz").is_some_and(|r| r.contains("200 OK")));
    until("the lease is paid", 10, || bench.charged(A) == 1);
    ends_within(&mut child, Duration::from_secs(3), &bench);
}

#[rstest]
#[case::a_stalled_read(Some(Aim::Reads))]
#[case::a_stalled_quote(Some(Aim::Quotes))]
#[case::a_request_limit(None)]
fn a_stop_waits_for_payments_only(#[case] stalled: Option<Aim>) {
    let bench = bench();
    let port = free_port();
    let slow = "max_requests_per_minute = 6";
    page_at(&bench, port, if stalled.is_none() { slow } else { "" }, "");
    let file = bench.path("renewd.toml");
    let limits = "max_requests_per_minute = 100000\n";
    let text = fs::read_to_string(&file).unwrap().replace("read_timeout = \"4s\"", "read_timeout = \"60s\"");
    fs::write(&file, if stalled.is_none() { text.replace(limits, "") } else { text }).unwrap();
    if let Some(aim) = stalled {
        bench.handle.inject(Fault::on(aim).when(When::Always).answer(Answer::Hang));
    }
    let mut child = bench.spawn(&["run"]);
    until("it is under way", 10, || {
        get(port, "/healthz").is_some() && bench.handle.count(Endpoint::IpAddress) > 0
    });
    let mut held = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(held, "GET / HTTP/1.1\r\nHost: local").unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    ends_within(&mut child, Duration::from_millis(2500), &bench);
}

#[test]
fn a_taken_port_is_an_alert_until_it_is_free_and_payments_go_on() {
    let bench = bench();
    let (taken, port) = silent_server();
    page_at(&bench, port, "", "");
    let mut child = bench.spawn(&["run"]);
    until("the lease is paid", 10, || bench.charged(A) == 1);
    let open = || {
        let status = bench.json(&["status"]).1;
        let alerts = status["open_alerts"].as_array().unwrap().clone();
        alerts.iter().any(|a| a["key"] == "page_down:*")
    };
    until("the alert is open", 5, open);
    std::thread::sleep(Duration::from_millis(2200));
    assert!(open(), "a cycle does not call it over");
    drop(taken);
    until("the page answers", 10, || get(port, "/healthz").is_some_and(|r| r.contains("alive")));
    until("the alert is over", 5, || !open());
    ends_within(&mut child, Duration::from_secs(3), &bench);
}

#[test]
fn a_reload_moves_the_page() {
    let bench = bench();
    let (here, there) = (free_port(), free_port());
    page_at(&bench, here, "", "");
    let mut child = bench.spawn(&["run"]);
    until("the page answers", 10, || get(here, "/healthz").is_some());
    page_at(&bench, there, "", "");
    signal(&child, Signal::HUP);
    until("it answers elsewhere", 10, || get(there, "/healthz").is_some_and(|r| r.contains("alive")));
    assert!(TcpStream::connect(("127.0.0.1", here)).is_err());
    ends_within(&mut child, Duration::from_secs(3), &bench);
}

#[test]
fn the_journal_gets_priorities_where_stderr_is_the_journal_and_json_otherwise() {
    let bench = bench();
    let lines = |stream: &dyn Fn(&fs::Metadata) -> String, rest: &str| {
        bench.config("", &format!("{KEEP}{rest}"));
        let log = fs::File::create(bench.path("run.log")).unwrap();
        let named = stream(&log.metadata().unwrap());
        let mut command = bench.command(&["run"]);
        let mut child = command.env("JOURNAL_STREAM", named).stderr(log).spawn().unwrap();
        until("a cycle", 10, || bench.log().contains("cycle done"));
        ends_within(&mut child, Duration::from_secs(3), &bench);
        bench.log().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let ours = |at: &fs::Metadata| format!("{}:{}", at.dev(), at.ino());
    let all = |lines: &[String], like: &dyn Fn(&str) -> bool| {
        assert!(lines.iter().all(|l| like(l)), "{lines:#?}");
    };
    let journal = lines(&ours, "");
    all(&journal, &|l| ["<3>", "<4>", "<6>"].iter().any(|p| l.starts_with(p)));
    assert!(journal.iter().any(|l| l.starts_with("<6>renewd is up")), "{journal:#?}");
    all(&lines(&|_| "1:1".to_owned(), ""), &|l| l.starts_with('{'));
    all(&lines(&ours, "[log]\nformat = \"text\"\n"), &|l| l.starts_with("20"));
    let warned = lines(&|_| "1:1".to_owned(), "[log]\nformat = \"journal\"\n");
    assert!(warned.iter().any(|l| l.starts_with("<4>")), "{warned:#?}");
}

const BRAKE: [&[&str]; 5] =
    [&["pause"], &["status"], &["history"], &["silence", "account_down:*", "--for", "1h"], &["resume"]];

#[rstest]
#[case::an_unknown_key("nonsense = 1", "", true)]
#[case::no_toml("[http\nlisten = 3", "", true)]
#[case::a_credential_of_the_service_alone("", "{ credential = \"yp-key\" }", true)]
#[case::a_key_file_that_is_gone("", "{ file = \"gone.key\" }", true)]
#[case::its_own_line_is_broken("state_dir = \"/x", "", false)]
fn the_brake_works_with_a_config_that_cannot_be_used(
    #[case] rest: &str,
    #[case] key: &str,
    #[case] is_clear: bool,
) {
    let bench = bench();
    assert_eq!(bench.json(&["once"]).0, 0);
    let file = bench.path("renewd.toml");
    let good = fs::read_to_string(&file).unwrap();
    let mut text = format!("{good}{rest}\n");
    if !key.is_empty() {
        text = text.replace(&format!("{{ file = \"{}/yp.key\" }}", bench.dir.path().display()), key);
    }
    fs::write(&file, text).unwrap();
    assert_eq!(bench.renewd(&["once"]).status.code(), Some(2), "the config cannot be used");
    let state = bench.path("state");
    let ledger = format!("{}/ledger.db", state.display());
    let told = state.to_str().unwrap();
    for args in BRAKE {
        let out = bench.renewd(args);
        let said = String::from_utf8([out.stdout, out.stderr].concat()).unwrap();
        if is_clear {
            assert!(out.status.code() == Some(0) && said.contains(&ledger), "{args:?}: {said}");
        } else {
            assert!(out.status.code() == Some(2) && said.contains("--state-dir"), "{args:?}: {said}");
        }
        let out = bench.renewd(&[args, &["--state-dir", told]].concat());
        let said = String::from_utf8([out.stdout, out.stderr].concat()).unwrap();
        assert!(out.status.code() == Some(0) && said.contains(&ledger), "{args:?}: {said}");
        assert!(!said.contains(KEY), "{said}");
    }
    let copy = bench.path("copy.db");
    assert_eq!(bench.renewd(&["backup", copy.to_str().unwrap(), "--state-dir", told]).status.code(), Some(0));
    assert_eq!(bench.json(&["pause", "yp", "--state-dir", told]).0, 0);
    let unknown = bench.renewd(&["pause", "nobody", "--state-dir", told]);
    let said = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(unknown.status.code() == Some(2) && said.contains("has yp"), "{said}");
    fs::write(&file, good).unwrap();
    let status = bench.json(&["status"]).1;
    assert_eq!(
        (&status["paused"], &status["healthy"]),
        (&serde_json::json!(["yp"]), &false.into()),
        "{status:#}"
    );
    bench.json(&["resume"]);
    assert_eq!(bench.json(&["status"]).1["healthy"], true);
}

#[test]
fn with_a_config_that_cannot_be_used_status_calls_nothing_unwanted_and_nothing_well() {
    let bench = bench();
    assert_eq!(bench.json(&["once"]).0, 0);
    assert_eq!(bench.json(&["status"]).1["healthy"], true);
    let good = fs::read_to_string(bench.path("renewd.toml")).unwrap();
    fs::write(bench.path("renewd.toml"), format!("{good}nonsense = 1\n")).unwrap();
    let status = bench.json(&["status"]).1;
    assert_eq!(status["healthy"], false, "{status:#}");
    assert_eq!(status["warnings"], serde_json::json!([]), "no policy is known, which is not: none matches");
    assert_eq!(status["accounts"][0]["runway"], serde_json::Value::Null, "nor that the money lasts");
    let said = String::from_utf8(bench.renewd(&["status"]).stdout).unwrap();
    assert!(said.contains("the config cannot be used") && !said.contains("healthy"), "{said}");
}

#[test]
fn the_brake_makes_no_ledger_and_says_how_to_name_the_right_one() {
    let bench = bench();
    let good = fs::read_to_string(bench.path("renewd.toml")).unwrap();
    fs::write(bench.path("renewd.toml"), format!("{good}nonsense = 1\n")).unwrap();
    for args in BRAKE {
        let out = bench.renewd(args);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.code() == Some(2) && said.contains("--state-dir"), "{args:?}: {said}");
    }
    let elsewhere = bench.path("elsewhere");
    for args in BRAKE {
        let out = bench.renewd(&[args, &["--state-dir", elsewhere.to_str().unwrap()]].concat());
        assert_eq!(out.status.code(), Some(2), "{args:?}");
        let out = bench.renewd(&[args, &["--ledger-url-file", "/x"]].concat());
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.code() == Some(2) && said.contains("/x cannot be read"), "{args:?}: {said}");
    }
    assert!(!elsewhere.exists() && !bench.path("state").exists(), "nothing was made");
    fs::write(bench.path("renewd.toml"), good).unwrap();
    assert_eq!(bench.json(&["pause"]).0, 0, "before the first start of a good config it is the daemon's");
    bench.json(&["once"]);
    assert_eq!(bench.payments_sent(), 0);
}

#[test]
fn a_pause_in_another_ledger_than_the_daemons_says_so() {
    let bench = bench();
    let mut child = bench.spawn(&["run"]);
    until("the lease is paid", 10, || bench.charged(A) == 1);
    assert_eq!(bench.renewd(&["pause"]).status.code(), Some(0), "its own");
    assert_eq!(bench.renewd(&["resume"]).status.code(), Some(0));
    let good = fs::read_to_string(bench.path("renewd.toml")).unwrap();
    fs::write(bench.path("renewd.toml"), good.replace("/state\"", "/moved\"")).unwrap();
    for args in [vec!["pause"], vec!["pause", "yp"]] {
        let out = bench.renewd(&args);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(3), "{said}");
        assert!(said.contains("a running renewd pays with yp on another ledger"), "{said}");
    }
    let told = bench.path("state");
    assert_eq!(bench.renewd(&["pause", "--state-dir", told.to_str().unwrap()]).status.code(), Some(0));
    ends_within(&mut child, Duration::from_secs(3), &bench);
}

#[test]
fn a_resolution_needs_the_ledger_alone() {
    let bench = bench();
    bench.handle.inject(Fault::on(Aim::Money).effect(Effect::Nothing).answer(Answer::Hang));
    bench.json(&["once"]);
    let open = bench.json(&["history", "--state", "unknown"]).1;
    let intent = open["payments"][0]["intent"].as_str().unwrap().to_owned();
    bench.config("", "nonsense = 1\n");
    let out = bench.renewd(&["resolve", &intent, "--charged", "2.65", "--note", "in the panel"]);
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn a_timer_that_runs_once_is_held_to_no_schedule_and_a_daemon_is() {
    let bench = bench();
    bench.json(&["once"]);
    let aged = |bench: &Bench| {
        let sql = "UPDATE cycle SET started_at = '2026-01-01T00:00:00.000000000Z', ended_at = '2026-01-01T00:00:01.000000000Z'";
        let out = Command::new("sqlite3").arg(bench.path("state/ledger.db")).arg(sql).output();
        assert!(out.expect("sqlite3 is needed: apt-get install sqlite3").status.success());
        bench.json(&["status"]).1
    };
    let status = aged(&bench);
    assert_eq!(
        (&status["overdue_since"], &status["healthy"]),
        (&serde_json::Value::Null, &true.into()),
        "{status:#}"
    );
    let text = String::from_utf8(bench.renewd(&["status"]).stdout).unwrap();
    assert!(text.starts_with("renewd is healthy") && text.contains("made by commands"), "{text}");
    let mut child = bench.spawn(&["run"]);
    until("a cycle of the daemon", 10, || bench.log().contains("cycle done"));
    ends_within(&mut child, Duration::from_secs(3), &bench);
    let status = aged(&bench);
    assert!(status["overdue_since"].is_string() && status["healthy"] == false, "{status:#}");
}
