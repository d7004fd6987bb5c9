//! `[[hook]]` through the built binary: real programs that take events, are slow, fork, fail, print secrets or refuse one event, beside
//! a daemon that is stopped, killed and started again.
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use renewd::simulator::Product;
use rustix::process::Signal;
use serde_json::Value;

use crate::common::{Bench, KEEP, KEY, all_bytes, in_hours, signal, until};

const A: &str = "203.0.113.1";
const B: &str = "203.0.113.2";
const ALL: &str = r#"["renewed", "lost", "released", "replaced", "alert", "resolved", "cycle"]"#;

/// A program of this user's alone.
fn program(bench: &Bench, name: &str, body: &str) -> String {
    let path = bench.path(name);
    fs::write(
        &path,
        format!("#!/bin/sh\n{}\n", body.replace("$DIR", &bench.dir.path().display().to_string())),
    )
    .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

/// `[[hook]]` of that program; it is called as the program is.
fn hook(bench: &Bench, name: &str, on: &str, body: &str) -> String {
    let program = program(bench, name, body);
    format!("[[hook]]\nname = \"{name}\"\non = {on}\ncommand = [\"{program}\"]\n")
}

/// Takes everything and writes one event a line.
fn recorder(bench: &Bench, name: &str, on: &str) -> String {
    hook(bench, name, on, &format!("cat >> $DIR/{name}.events"))
}

fn events(bench: &Bench, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(bench.path(&format!("{name}.events"))).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of<'e>(all: &'e [Value], event: &str) -> Vec<&'e Value> {
    all.iter().filter(|e| e["event"] == event).collect()
}

fn status(bench: &Bench, name: &str) -> Value {
    let status = bench.json(&["status"]).1;
    status["hooks"].as_array().unwrap().iter().find(|h| h["name"] == name).unwrap().clone()
}

fn stop(mut daemon: std::process::Child) {
    signal(&daemon, Signal::TERM);
    assert!(daemon.wait().unwrap().success());
}

#[test]
fn a_hook_hears_of_a_renewal_with_all_that_a_pool_needs_and_of_the_cycle_after_it() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24)]);
    let rest = format!("{KEEP}[[label]]\nname = \"client-a\"\nmatch = {{ ip = [\"203.0.113.0/24\"] }}\n");
    bench.config("", &format!("{rest}{}", recorder(&bench, "pool", ALL)));
    bench.settle(5);
    let all = events(&bench, "pool");
    let renewed = of(&all, "renewed");
    assert_eq!(renewed.len(), 1, "{all:#?}");
    let (e, paid) = (renewed[0], bench.json(&["history"]).1["payments"][0].clone());
    assert_eq!(
        (&e["schema"], &e["payment"], &e["account"]),
        (&1.into(), &paid["intent"], &"yp".into()),
        "{e:#}"
    );
    assert_eq!((&e["amount"], &e["currency"]), (&paid["charged"], &paid["currency"]));
    assert_eq!((&e["leases"][0]["ip"], &e["labels"][0]), (&A.into(), &"client-a".into()));
    assert!(e["ends"].as_str().unwrap() > e["leases"][0]["ended"].as_str().unwrap(), "{e:#}");
    assert!(e["id"].is_string() && e["at"].is_string(), "{e:#}");
    let cycles = of(&all, "cycle");
    assert!(!cycles.is_empty() && cycles[0]["paid"] == 1, "{cycles:#?}");
    assert_eq!(status(&bench, "pool")["waiting"], 0);
}

#[test]
fn a_lease_that_lapsed_one_that_left_and_one_that_was_let_go_are_told_once_each() {
    let ips: Vec<String> = (1..=8).map(|n| format!("203.0.113.{n}")).collect();
    let one = |n: usize| [ips[n].as_str()];
    let (a, b, c, d) = (one(0), one(1), one(2), one(3));
    let rest: Vec<&str> = ips[4..].iter().map(String::as_str).collect();
    let orders: [(Product, &[&str], i64); 5] = [
        (Product::IPv4, &a, 2),
        (Product::IPv4, &b, 24 * 20),
        (Product::IPv4, &c, 2),
        (Product::IPv4, &d, 24 * 20),
        (Product::IPv4, &rest, 24 * 20),
    ];
    let bench = Bench::new("0.00", &orders);
    let go = "[[policy]]\nname = \"go\"\naction = \"release\"\nbefore = \"3d\"\nmatch = { ip = [\"203.0.113.3\", \"203.0.113.4\"] }\n";
    bench.config("", &format!("{go}{KEEP}{}", recorder(&bench, "pool", r#"["lost", "released"]"#)));
    bench.json(&["once"]);
    assert_eq!(events(&bench, "pool"), [Value::Null; 0], "nothing is gone yet");
    bench.handle.with(|w| w.remove(KEY, B));
    bench.handle.with(|w| w.remove(KEY, "203.0.113.4"));
    bench.pass(3 * 3_600_000);
    for _ in 0..3 {
        bench.json(&["once"]);
    }
    let all = events(&bench, "pool");
    let mut told: Vec<(&str, &str, &str)> = all
        .iter()
        .map(|e| (e["event"].as_str().unwrap(), e["ip"].as_str().unwrap(), e["why"].as_str().unwrap()))
        .collect();
    told.sort_unstable();
    let want = [
        ("lost", A, "end_passed"),
        ("lost", B, "left_list"),
        ("released", "203.0.113.3", "end_passed"),
        ("released", "203.0.113.4", "left_list"),
    ];
    assert_eq!(told, want, "{all:#?}");
    assert!(all.iter().all(|e| e["policy"].is_string() && e["ended"].is_string()), "{all:#?}");
}

#[test]
fn another_address_under_an_id_is_told_with_the_one_before() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24 * 20)]);
    bench.config("", &format!("{KEEP}{}", recorder(&bench, "pool", r#"["lost", "replaced"]"#)));
    bench.json(&["once"]);
    bench.handle.with(|w| w.rename(KEY, A, B));
    bench.json(&["once"]);
    bench.json(&["once"]);
    let all = events(&bench, "pool");
    assert_eq!(all.len(), 1, "{all:#?}");
    assert_eq!((&all[0]["event"], &all[0]["was"], &all[0]["ip"]), (&"replaced".into(), &A.into(), &B.into()));
}

#[test]
fn alert_and_resolved_carry_the_document_of_the_webhook() {
    let bench = Bench::new("0.00", &[(Product::IPv4, &[A], 24)]);
    bench.config("", &format!("{KEEP}{}", recorder(&bench, "pool", r#"["alert", "resolved"]"#)));
    bench.json(&["once"]);
    bench.handle.with(|w| w.top_up(in_hours(0), KEY, crate::common::money("50.00")));
    bench.settle(5);
    assert_eq!(bench.charged(A), 1);
    bench.json(&["once"]);
    let all = events(&bench, "pool");
    let short: Vec<&Value> = all.iter().filter(|e| e["key"] == "short_funds:yp").collect();
    assert_eq!(short[0]["event"], "alert", "{all:#?}");
    assert_eq!((&short[0]["occasion"], &short[0]["severity"]), (&"raised".into(), &"warning".into()));
    assert_eq!(short.last().unwrap()["event"], "resolved", "{short:#?}");
    let webhook = [
        "schema", "id", "key", "occasion", "severity", "account", "title", "text", "actions", "rows",
        "labels", "more", "deadline", "since", "link", "renewd",
    ];
    for field in webhook.iter().chain(&["event", "at"]) {
        assert!(all.iter().all(|e| e.get(field).is_some()), "{field}");
    }
}

#[test]
fn a_program_that_fails_is_run_again_with_the_same_id_and_its_events_keep_their_order() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24)]);
    bench.time.lead();
    let flaky = "read -r line\necho \"$line\" >> $DIR/flaky.tries\n[ -e $DIR/good ] || exit 3\necho \"$line\" >> $DIR/flaky.events";
    bench.config("", &format!("{KEEP}{}", hook(&bench, "flaky", r#"["renewed", "cycle"]"#, flaky)));
    let daemon = bench.spawn(&["run"]);
    until("it was tried", 30, || bench.path("flaky.tries").exists());
    until("it is known to fail", 30, || status(&bench, "flaky")["failing_since"].is_string());
    let shown = String::from_utf8(bench.renewd(&["status"]).stdout).unwrap();
    assert!(shown.contains("hook flaky: ") && shown.contains("it ended with exit code 3"), "{shown}");
    fs::write(bench.path("good"), "").unwrap();
    for _ in 0..4 {
        bench.pass(20_000);
        std::thread::sleep(Duration::from_millis(300));
    }
    until("all arrive", 30, || events(&bench, "flaky").len() > 3);
    stop(daemon);
    let all = events(&bench, "flaky");
    let tries = fs::read_to_string(bench.path("flaky.tries")).unwrap();
    let first: Value = serde_json::from_str(tries.lines().next().unwrap()).unwrap();
    assert_eq!(first["id"], all[0]["id"], "what failed first is told first, under its id");
    let cycles: Vec<i64> = of(&all, "cycle").iter().map(|e| e["cycle"].as_i64().unwrap()).collect();
    assert!(cycles.is_sorted() && cycles.windows(2).all(|w| w[0] != w[1]), "{cycles:?}");
}

#[test]
fn one_event_that_a_program_never_takes_is_set_aside_after_a_day_and_the_next_go_on() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24)]);
    bench.time.lead();
    let picky = "read -r line\ncase $line in *'\"event\":\"renewed\"'*) exit 1;; esac\necho \"$line\" >> $DIR/picky.events";
    let both = [
        hook(&bench, "picky", r#"["renewed", "cycle"]"#, picky),
        recorder(&bench, "other", r#"["renewed", "alert", "cycle"]"#),
    ];
    bench.config("", &format!("{KEEP}{}", both.concat()));
    let daemon = bench.spawn(&["run"]);
    until("it fails", 30, || status(&bench, "picky")["failing_since"].is_string());
    until("the other hook does not wait for it", 20, || {
        let all = events(&bench, "other");
        !of(&all, "renewed").is_empty() && of(&all, "cycle").len() > 1
    });
    let before = events(&bench, "picky").len();
    bench.pass(25 * 3_600_000);
    until("it is set aside", 40, || status(&bench, "picky")["set_aside"] == 1);
    until("what came after it is told", 40, || events(&bench, "picky").len() > before + 1);
    until("the alert is told", 30, || events(&bench, "other").iter().any(|e| e["key"] == "hook:picky"));
    stop(daemon);
    assert!(events(&bench, "picky").iter().all(|e| e["event"] == "cycle"));
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a stopwatch")]
fn a_slow_program_delays_neither_the_cycle_nor_the_stop_nor_another_hook() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24)]);
    let slow = "echo $$ > $DIR/slow.pid\nsetsid sh -c 'echo $$ > $DIR/child.pid; sleep 300' &\nsleep 300";
    let both = [hook(&bench, "slow", r#"["cycle"]"#, slow), recorder(&bench, "other", r#"["cycle"]"#)];
    bench.config("", &format!("{KEEP}{}", both.concat()));
    let daemon = bench.spawn(&["run"]);
    until("the slow one runs", 30, || bench.path("child.pid").exists());
    until("cycles go on, and are told", 30, || events(&bench, "other").len() > 3);
    let asked = Instant::now();
    stop(daemon);
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    for pid in ["slow.pid", "child.pid"] {
        let pid = fs::read_to_string(bench.path(pid)).unwrap();
        let gone = format!("/proc/{}", pid.trim());
        until("nothing of it is left", 10, || !Path::new(&gone).exists());
    }
    assert!(status(&bench, "slow")["waiting"].as_u64().unwrap() > 3, "it is told again at the next start");
}

#[test]
fn a_daemon_that_is_killed_loses_no_event_and_ends_what_it_ran() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24)]);
    let body = "read -r line\necho $$ > $DIR/hook.pid\n[ -e $DIR/good ] || sleep 300\necho \"$line\" >> $DIR/pool.events";
    bench.config("", &format!("{KEEP}{}", hook(&bench, "pool", r#"["renewed"]"#, body)));
    let mut daemon = bench.spawn(&["run"]);
    until("the hook runs", 30, || bench.path("hook.pid").exists());
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    let pid = fs::read_to_string(bench.path("hook.pid")).unwrap();
    let gone = format!("/proc/{}", pid.trim());
    until("it ended with renewd", 10, || !Path::new(&gone).exists());
    assert!(events(&bench, "pool").is_empty());
    fs::write(bench.path("good"), "").unwrap();
    let daemon = bench.spawn(&["run"]);
    until("it is told after all", 30, || !events(&bench, "pool").is_empty());
    stop(daemon);
    assert_eq!(of(&events(&bench, "pool"), "renewed").len(), 1);
}

#[test]
fn a_program_has_a_clean_environment_and_what_it_prints_of_renewds_secrets_is_kept_nowhere() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24)]);
    let body =
        "env > $DIR/hook.env\ncat > /dev/null\ncat $DIR/yp.key >&2\ncat $DIR/yp.key\necho hooked >&2\nexit 1";
    bench.config("", &format!("{KEEP}{}", hook(&bench, "pool", r#"["cycle"]"#, body)));
    let mut command = bench.command(&["run"]);
    let log = fs::File::create(bench.path("run.log")).unwrap();
    let daemon = command.env("SOMETHING", "of the service's").stderr(log).spawn().unwrap();
    until("it failed", 30, || status(&bench, "pool")["failing_since"].is_string());
    stop(daemon);
    let env = fs::read_to_string(bench.path("hook.env")).unwrap();
    let known = ["PATH=", "LANG=", "TZ=", "PWD=", "SHLVL=", "_="];
    assert!(env.lines().all(|line| known.iter().any(|k| line.starts_with(k))), "{env}");
    assert!(bench.log().contains("hooked"), "{}", bench.log());
    assert!(!bench.log().contains(KEY), "{}", bench.log());
    let kept: Vec<u8> = all_bytes(&bench.path("state")).into_iter().flat_map(|(_, bytes)| bytes).collect();
    assert!(!kept.windows(KEY.len()).any(|w| w == KEY.as_bytes()));
}

#[test]
fn a_program_that_others_could_change_is_not_run_and_check_warns_of_it() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24)]);
    bench.config("", &format!("{KEEP}{}", recorder(&bench, "pool", r#"["cycle"]"#)));
    let warnings = || {
        let all = bench.json(&["check"]).1;
        assert_eq!(all["ok"], true);
        let of_hooks = all["problems"].as_array().unwrap().iter().filter(|p| p["key"] == "hook.command");
        of_hooks.map(|p| p["message"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(warnings(), [""; 0]);
    fs::set_permissions(bench.path("pool"), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(warnings()[0].contains("chmod go-w"), "{:?}", warnings());
    assert_eq!(bench.json(&["once"]).0, 0, "the cycle is as it was");
    assert!(events(&bench, "pool").is_empty());
    assert!(status(&bench, "pool")["error"].as_str().unwrap().contains("chmod go-w"));
    fs::remove_file(bench.path("pool")).unwrap();
    assert!(warnings()[0].contains("does not exist"), "{:?}", warnings());
}

#[test]
fn a_hook_names_a_whole_path_and_events_that_exist() {
    let bench = Bench::new("1.00", &[]);
    let problem = |lines: &str| {
        bench.config("", &format!("{KEEP}[[hook]]\n{lines}\n"));
        let (code, all) = bench.json(&["check"]);
        assert_eq!(code, 2, "{all:#}");
        all["problems"][0]["message"].as_str().unwrap().to_owned()
    };
    assert!(problem("name = \"a\"\non = [\"cycle\"]\ncommand = [\"true\"]").contains("whole path"));
    assert!(problem("name = \"a\"\non = [\"paid\"]\ncommand = [\"/bin/true\"]").contains("`paid`"));
    assert!(problem("name = \"a\"\non = []\ncommand = [\"/bin/true\"]").contains("on"));
    assert!(
        problem("name = \"a b\"\non = [\"cycle\"]\ncommand = [\"/bin/true\"]").contains("cannot name a hook")
    );
    assert!(problem("name = \"a\"\non = [\"cycle\"]").contains("is missing"));
    assert!(
        problem("name = \"a\"\non = [\"cycle\"]\ncommand = [\"/bin/true\"]\nenv = [\"A\"]")
            .contains("unknown key")
    );
}
