//! Accounts whose provider is a program, through the built binary: from the list to the confirmed payment, the death of the daemon in
//! the middle of one, what others may change, and the check that both examples pass.
mod checked;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::common::{self, Bench, KEEP, KEY, money};
use renewd::simulator::{Aim, Answer, Fault, Product};

const A: &str = "203.0.113.1";

pub(super) fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/providers").join(name)
}

pub(super) fn python() -> String {
    let found = ["/usr/bin/python3", "/usr/local/bin/python3"].into_iter().find(|p| Path::new(p).exists());
    found.expect("python3 is installed").to_owned()
}

/// A copy that is this user's alone: the sources may lie where others can write.
pub(super) fn placed(bench: &Bench, name: &str) -> String {
    let to = bench.path(name);
    fs::copy(example(name), &to).unwrap();
    fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).unwrap();
    to.display().to_string()
}

/// A config whose one account is this program.
pub(super) fn config(bench: &Bench, command: &[&str], account: &str, rest: &str) {
    let dir = bench.dir.path().display().to_string();
    let text = format!(
        r#"state_dir = "{dir}/state"
runtime_dir = "{dir}/run"
[schedule]
cycle = "* * * * * *"
report = ""
jitter = "0s"
[timing]
lag_window = "3s"
read_timeout = "4s"
money_timeout = "2s"
[http]
listen = ""
[[account]]
name = "x"
provider = "exec"
command = {command:?}
max_requests_per_minute = 100000
{account}
{rest}
"#
    );
    fs::write(bench.path("renewd.toml"), text).unwrap();
}

fn by_python(bench: &Bench) {
    let program = placed(bench, "youproxy.py");
    let account = format!(
        "api_key = {{ file = \"{}\" }}\nsettings = {{ base_url = \"{}\" }}",
        bench.path("yp.key").display(),
        bench.base_url
    );
    config(bench, &[&python(), "-I", &program], &account, KEEP);
}

/// A fleet in a file and its program.
pub(super) fn rack(bench: &Bench, more: &str) -> PathBuf {
    let fleet = bench.path("rack.tsv");
    let soon = common::in_hours(24);
    let later = common::in_hours(24 * 20);
    let rows = format!(
        "balance\t100.00\tUSD\nr-1\to1\t{A}\tIPv4\t{soon:.0}\t2.65\nr-2\to2\t203.0.113.2\tIPv4\t{later:.0}\t0.85\n"
    );
    fs::write(&fleet, rows).unwrap();
    let program = placed(bench, "rack.sh");
    config(bench, &[&program], &format!("settings = {{ fleet = \"{}\" }}\n{more}", fleet.display()), KEEP);
    fleet
}

fn payments(bench: &Bench) -> Vec<Value> {
    bench.json(&["history"]).1["payments"].as_array().unwrap().clone()
}

#[test]
fn a_lease_is_renewed_once_by_a_program_and_confirmed_by_its_list() {
    let bench = Bench::new(
        "100.00",
        &[
            (Product::IPv4, &[A], 24),
            (Product::IPv6, &["2001:db8::1", "2001:db8::2"], 24),
            (Product::IPv4, &["203.0.113.9"], 24 * 20),
        ],
    );
    by_python(&bench);
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 0, "{once:#}");
    assert_eq!((bench.charged(A), bench.charged("2001:db8::2"), bench.charged("203.0.113.9")), (1, 1, 0));
    let paid = payments(&bench);
    assert!(paid.iter().all(|p| p["state"] == "confirmed" && p["charged"] == p["quoted"]), "{paid:#?}");
    assert_eq!(bench.json(&["once"]).1["payments"].as_array().unwrap().len(), 0);
    let (_, status) = bench.json(&["status"]);
    let account = &status["accounts"][0];
    assert_eq!(account["provider"], "exec");
    assert_eq!(account["program_digest"].as_str().map(str::len), Some(64), "{account:#}");
    assert_eq!(account["program_checked"], false);
    let shown = String::from_utf8(bench.renewd(&["status"]).stdout).unwrap();
    let digest = &account["program_digest"].as_str().unwrap()[..12];
    assert!(shown.contains(digest) && shown.contains("has not passed"), "{shown}");
    let leases = bench.json(&["leases"]).1;
    let six = leases["leases"].as_array().unwrap().iter().find(|l| l["ip"] == "2001:db8::1").unwrap();
    assert_eq!(six["bundle"].as_array().map(Vec::len), Some(2), "known from the ledger alone");
    let everything: Vec<u8> =
        common::all_bytes(&bench.path("state")).into_iter().flat_map(|(_, bytes)| bytes).collect();
    assert!(!everything.windows(KEY.len()).any(|w| w == KEY.as_bytes()));
}

#[test]
fn an_answer_that_the_program_lost_is_settled_by_evidence_and_paid_once() {
    for answer in [Answer::Reset, Answer::HalfBody, Answer::Html(502), Answer::TruncatedJson] {
        let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24)]);
        by_python(&bench);
        bench.handle.inject(Fault::on(Aim::Money).answer(answer));
        bench.settle(5);
        let paid = payments(&bench);
        assert_eq!((bench.charged(A), paid.len()), (1, 1), "{paid:#?}");
        assert_eq!(paid[0]["state"], "confirmed");
    }
}

#[test]
fn a_fleet_in_a_file_is_renewed_without_any_key() {
    let bench = Bench::new("1.00", &[]);
    let fleet = rack(&bench, "");
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 0, "{once:#}");
    let paid = payments(&bench);
    assert_eq!((paid.len(), paid[0]["state"].as_str()), (1, Some("confirmed")), "{paid:#?}");
    assert!(fs::read_to_string(&fleet).unwrap().starts_with("balance\t97.35\tUSD\n"));
}

#[test]
fn a_payment_that_a_program_made_for_some_leases_only_is_accepted_for_these_and_unknown_for_the_others() {
    let bench = Bench::new("1.00", &[]);
    let fleet = rack(&bench, "");
    let soon = common::in_hours(24);
    let rows =
        ["r-1", "r-2"].map(|id| format!("{id}\to-{id}\t203.0.113.{}\tIPv4\t{soon:.0}\t2.65\n", &id[2..]));
    fs::write(&fleet, format!("balance\t100.00\tUSD\n{}", rows.concat())).unwrap();
    let program = bench.path("rack.sh");
    let text = fs::read_to_string(&program).unwrap();
    let at = text.rfind("    left=").unwrap();
    let some = "    keep=$(asked | head -n 1)\n    asked() { printf '%s\\n' \"$keep\"; }\n    sum=$(total)\n";
    fs::write(&program, format!("{}{some}{}", &text[..at], &text[at..])).unwrap();
    bench.json(&["once"]);
    let paid = payments(&bench);
    let state = |lease: &str| {
        let of = paid.iter().find(|p| p["leases"].to_string().contains(lease));
        of.unwrap_or_else(|| panic!("{lease}: {paid:#?}"))["state"].clone()
    };
    assert_eq!(
        (paid.len(), state("r-1"), state("r-2")),
        (2, "confirmed".into(), "unknown".into()),
        "{paid:#?}"
    );
    assert!(fs::read_to_string(&fleet).unwrap().starts_with("balance\t97.35\tUSD\n"));
}

/// The rack's program with two leases that are due, each paid alone, and this in place of how a payment ends.
fn ends_with(bench: &Bench, more: &str, end: &str) {
    let fleet = rack(bench, &format!("batch = 1\n{more}"));
    let soon = common::in_hours(24);
    let rows =
        ["r-1", "r-2"].map(|id| format!("{id}\to-{id}\t203.0.113.{}\tIPv4\t{soon:.0}\t2.65\n", &id[2..]));
    fs::write(&fleet, format!("balance\t100.00\tUSD\n{}", rows.concat())).unwrap();
    let program = bench.path("rack.sh");
    let text = fs::read_to_string(&program).unwrap();
    let at = text.rfind("    left=").unwrap();
    fs::write(&program, format!("{}{end}    ;;\nesac\n", &text[..at])).unwrap();
    let config = bench.path("renewd.toml");
    let budget = "[[budget]]\nname = \"small\"\nper = \"month\"\nlimit = \"11.00\"\ncurrency = \"USD\"\n";
    fs::write(&config, format!("{}{budget}", fs::read_to_string(&config).unwrap())).unwrap();
}

fn counted(bench: &Bench) -> Value {
    bench.json(&["status"]).1["budgets"][0]["counted"].clone()
}

#[test]
fn what_an_answer_says_that_it_cost_counts_at_once_though_no_balance_shows_it_yet() {
    let bench = Bench::new("1.00", &[]);
    ends_with(
        &bench,
        "",
        "    say \"\\\"outcome\\\":\\\"accepted\\\",\\\"leases\\\":[$(ids)],\\\"charged\\\":\\\"9.00\\\"\"\n",
    );
    let (code, once) = bench.json(&["once"]);
    let paid = payments(&bench);
    assert_eq!((code, paid.len(), paid[0]["charged"].as_str()), (3, 1, Some("9.00")), "{once:#}\n{paid:#?}");
    assert!(once["items"].to_string().contains("over_budget"), "{once:#}");
    assert_eq!(counted(&bench), "9.00");
    let fleet = bench.path("rack.tsv");
    let of = paid[0]["leases"][0].as_str().unwrap();
    let later = common::in_hours(24 + 24 * 30);
    let moved = |row: &str| match row.starts_with(of) {
        true => format!("{of}\to-{of}\t203.0.113.{}\tIPv4\t{later:.0}\t2.65\n", &of[2..]),
        false => format!("{row}\n"),
    };
    let rows: String = fs::read_to_string(&fleet).unwrap().lines().map(moved).collect();
    fs::write(&fleet, rows).unwrap();
    bench.json(&["once"]);
    let paid = payments(&bench);
    assert_eq!((paid[0]["state"].as_str(), paid[0]["charged"].as_str()), (Some("confirmed"), Some("9.00")));
    let keys = bench.json(&["status"]).1["open_alerts"].to_string();
    assert!(keys.contains("charge_differs:x:o-"), "{keys}");
}

/// The program takes the money, and says that it refused; its list does not show the new end yet.
#[test]
fn a_refusal_beside_a_balance_that_fell_is_unknown_and_counts() {
    let bench = Bench::new("1.00", &[]);
    let end =
        "    sed -i 's/^balance\\t100.00/balance\\t97.35/' \"$fleet\"\n    refuse busy 'try again later'\n";
    ends_with(&bench, "trust_refusals = true", end);
    let (code, once) = bench.json(&["once"]);
    let paid = payments(&bench);
    assert_eq!((code, paid.len(), paid[0]["state"].as_str()), (3, 1, Some("unknown")), "{once:#}\n{paid:#?}");
    let said = paid[0]["error"].to_string();
    assert!(said.contains("try again later") && said.contains("97.35"), "{said}");
    assert_eq!(counted(&bench), "2.65", "it may have been charged");
}

/// The rack's program, but that its payment forks twice into a session of its own, waits, and only then pays.
fn pays_late(bench: &Bench) -> PathBuf {
    let fleet = rack(bench, "");
    let (program, paid) = (bench.path("rack.sh"), bench.path("paid"));
    let text = fs::read_to_string(&program).unwrap();
    let late = format!(
        "extend)\n    setsid sh -c '(trap \"\" TERM HUP; echo $$ > {0}.begun; sleep 4; echo paid > {0}) >/dev/null 2>&1 &' &\n    sleep 60\n",
        paid.display()
    );
    let at = text.rfind("extend)\n").unwrap();
    fs::write(&program, format!("{}{late}{}", &text[..at], &text[at + 8..])).unwrap();
    fleet
}

#[test]
fn when_the_daemon_is_killed_in_the_middle_of_a_payment_nothing_pays_late() {
    let bench = Bench::new("1.00", &[]);
    pays_late(&bench);
    let mut daemon = bench.spawn(&["run"]);
    let begun = bench.path("paid.begun");
    common::until("the payment is begun", 30, || begun.exists());
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    let pid = fs::read_to_string(&begun).unwrap();
    let gone = format!("/proc/{}", pid.trim());
    common::until("what it started is gone", 10, || !Path::new(&gone).exists());
    std::thread::sleep(Duration::from_millis(4_500));
    assert!(!bench.path("paid").exists(), "it paid after renewd had died");
    let state = payments(&bench)[0]["state"].clone();
    assert_eq!(state, "spend_started", "the row was durable before the program ran");
    let (code, _) = bench.json(&["once"]);
    assert_eq!(
        (code, payments(&bench)[0]["state"].as_str()),
        (3, Some("unknown")),
        "and it is not paid again"
    );
    assert_eq!(payments(&bench).len(), 1);
}

/// Frozen, as under SIGSTOP or in a paused container: nobody but the supervisor watches the time.
#[test]
fn a_program_that_hangs_under_a_frozen_daemon_is_ended_in_time() {
    let bench = Bench::new("1.00", &[]);
    pays_late(&bench);
    let program = bench.path("rack.sh");
    let text = fs::read_to_string(&program).unwrap();
    let text =
        text.replace("\"money_timeout_s\":30", "\"money_timeout_s\":1").replace("sleep 4;", "sleep 16;");
    fs::write(&program, text).unwrap();
    let mut daemon = bench.spawn(&["run"]);
    let begun = bench.path("paid.begun");
    common::until("the payment is begun", 30, || begun.exists());
    common::signal(&daemon, rustix::process::Signal::STOP);
    let pid = fs::read_to_string(&begun).unwrap();
    let gone = format!("/proc/{}", pid.trim());
    common::until("what it started is gone", 15, || !Path::new(&gone).exists());
    std::thread::sleep(Duration::from_secs(4));
    assert!(!bench.path("paid").exists(), "it paid long after its time");
    common::signal(&daemon, rustix::process::Signal::CONT);
    common::until("its outcome is unknown", 30, || {
        payments(&bench).first().is_some_and(|p| p["state"] == "unknown")
    });
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

/// Word for word what a renewd says that was frozen before its order left.
#[rstest::rstest]
#[case::over(-1, "not_started")]
#[case::soon(1_000, "ended")]
fn an_order_holds_until_its_instant_and_no_longer(#[case] left_ms: i64, #[case] last: &str) {
    use std::io::{Read, Write};
    let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let ran = dir.path().join("ran");
    let mut supervisor = std::process::Command::new(env!("CARGO_BIN_EXE_renewd"))
        .arg("supervise-program")
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
        .spawn()
        .unwrap();
    let until = renewd::clock::Clock::now(&renewd::clock::SystemClock::new()).boot_ms + left_ms;
    let script = format!("touch {}; sleep 30", ran.display());
    let order = serde_json::json!({
        "argv": ["/bin/sh", "-c", script], "env": [["PATH", "/usr/bin:/bin"]],
        "input": 0, "open_input": false, "nice": 0, "until": until,
    });
    ours.write_all(format!("{order}\n").as_bytes()).unwrap();
    ours.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    let mut said = String::new();
    ours.read_to_string(&mut said).unwrap();
    assert!(said.lines().last().unwrap().contains(last), "{said}");
    assert_eq!(ran.exists(), last == "ended", "{said}");
    assert!(supervisor.wait().unwrap().success());
}

#[test]
fn a_stop_waits_for_a_payment_that_runs() {
    let bench = Bench::new("1.00", &[]);
    rack(&bench, "");
    let program = bench.path("rack.sh");
    let text = fs::read_to_string(&program).unwrap();
    let at = text.rfind("extend)\n").unwrap() + 8;
    let slow = format!("{}    : > \"$fleet.begun\"\n    sleep 2\n{}", &text[..at], &text[at..]);
    fs::write(&program, slow).unwrap();
    let mut daemon = bench.spawn(&["run"]);
    let begun = bench.path("rack.tsv.begun");
    common::until("the payment is begun", 30, || begun.exists());
    common::signal(&daemon, rustix::process::Signal::TERM);
    assert!(daemon.wait().unwrap().success(), "{}", bench.log());
    let paid = payments(&bench);
    assert!(matches!(paid[0]["state"].as_str(), Some("accepted" | "confirmed")), "{paid:#?}");
}

#[test]
fn a_program_that_others_may_change_is_not_run_and_one_that_changed_is_told() {
    let bench = Bench::new("1.00", &[]);
    rack(&bench, "");
    assert_eq!(bench.json(&["once"]).0, 0);
    let program = bench.path("rack.sh");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o775)).unwrap();
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 3, "{once:#}");
    assert!(once["accounts"][0]["error"].as_str().unwrap().contains("chmod go-w"), "{once:#}");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let before = bench.json(&["status"]).1["accounts"][0]["program_digest"].clone();
    let text = fs::read_to_string(&program).unwrap();
    fs::write(&program, format!("{text}# changed\n")).unwrap();
    bench.json(&["once"]);
    let (_, status) = bench.json(&["status"]);
    assert_ne!(status["accounts"][0]["program_digest"], before);
    let told: Vec<&str> =
        status["open_alerts"].as_array().unwrap().iter().filter_map(|a| a["key"].as_str()).collect();
    assert!(told.contains(&"exec_changed:x"), "{told:?}");
}

#[test]
fn keys_of_programs_are_for_programs_and_a_program_needs_a_whole_path() {
    let bench = Bench::new("1.00", &[]);
    let problems = |account: &str, command: &str| {
        config(&bench, &[command], account, KEEP);
        let out = bench.command(&["check", "--json"]).stdout(Stdio::piped()).output().unwrap();
        let document: Value = serde_json::from_slice(&out.stdout).unwrap();
        let all = document["problems"].as_array().unwrap().iter();
        let errors =
            all.filter(|p| p["severity"] == "error").map(|p| p["message"].as_str().unwrap().to_owned());
        errors.collect::<Vec<_>>()
    };
    assert_eq!(problems("", "/bin/true"), [""; 0]);
    assert!(problems("", "true")[0].contains("not a whole path"));
    assert!(problems("base_url = \"https://a.example\"", "/bin/true")[0].contains("not for a program"));
    assert!(problems("secret_env = \"PATH\"", "/bin/true")[0].contains("means something else"));
    assert!(problems("secret_env = \"KEY\"", "/bin/true")[0].contains("no `api_key`"));
    assert!(problems("settings = { a = nan }", "/bin/true")[0].contains("JSON does not have"));
    bench.config("command = [\"/bin/true\"]", KEEP);
    let out = bench.renewd(&["check"]);
    assert!(String::from_utf8_lossy(&out.stdout).contains("is for provider"), "{out:?}");
    assert_eq!(money("1.00"), bench.handle.with(|w| w.account(KEY).unwrap().balance));
}

/// A second account of the same program, with a fleet of its own whose ids are the first one's.
fn second(bench: &Bench) -> (PathBuf, String) {
    let fleet = bench.path("second.tsv");
    let program = bench.path("rack.sh").display().to_string();
    let account = format!(
        "[[account]]\nname = \"y\"\nprovider = \"exec\"\ncommand = [{program:?}]\nsettings = {{ fleet = {fleet:?} }}\nbatch = 1\n"
    );
    (fleet, account)
}

fn rows(fleet: &Path, of: &[(&str, &str, &str, i64)]) {
    let row = |(id, order, ip, hours): &(&str, &str, &str, i64)| {
        format!("{id}\t{order}\t{ip}\tIPv4\t{:.0}\t2.65\n", common::in_hours(*hours))
    };
    let all: String = of.iter().map(row).collect();
    fs::write(fleet, format!("balance\t100.00\tUSD\n{all}")).unwrap();
}

#[test]
fn vendors_that_count_their_leases_alike_are_not_taken_for_one() {
    let bench = Bench::new("1.00", &[]);
    let first = rack(&bench, "");
    rows(&first, &[("l1", "o1", A, 24), ("l2", "o2", "203.0.113.2", 24 * 20)]);
    let (fleet, account) = second(&bench);
    rows(&fleet, &[("l1", "q1", "198.51.100.1", 24), ("l2", "q2", "198.51.100.2", 24)]);
    let settings = format!("settings = {{ fleet = \"{}\" }}\nbatch = 1", first.display());
    config(&bench, &[&bench.path("rack.sh").display().to_string()], &settings, &format!("{account}{KEEP}"));
    for cycle in 0..3 {
        let (code, once) = bench.json(&["once", "--all"]);
        assert_eq!(code, 0, "cycle {cycle}: {once:#}");
        let words = once.to_string();
        assert!(!words.contains("stale:") && !words.contains("unknown_pending"), "{once:#}");
    }
    let paid = payments(&bench);
    assert_eq!((paid.len(), paid.iter().all(|p| p["state"] == "confirmed")), (3, true), "{paid:#?}");
    // What was not paid in the first account comes due long after the second's lease of that id was paid.
    rows(&first, &[("l1", "o1", A, 24 * 31), ("l2", "o2", "203.0.113.2", 24)]);
    bench.pass(4_000);
    assert_eq!(bench.json(&["once"]).0, 0);
    let paid = payments(&bench);
    assert_eq!((paid.len(), paid[0]["account"].as_str()), (4, Some("x")), "{paid:#?}");
}

#[test]
fn what_a_program_that_left_the_config_has_open_stops_no_other_program() {
    let bench = Bench::new("1.00", &[]);
    let first = rack(&bench, "");
    rows(&first, &[("l1", "o1", A, 24 * 20)]);
    let (fleet, account) = second(&bench);
    rows(&fleet, &[("l1", "q1", "198.51.100.1", 24)]);
    let (program, settings) = (
        bench.path("rack.sh").display().to_string(),
        format!("settings = {{ fleet = \"{}\" }}", first.display()),
    );
    let text = fs::read_to_string(&program).unwrap();
    let at = text.rfind("extend)\n").unwrap() + 8;
    fs::write(&program, format!("{}    sleep 60\n{}", &text[..at], &text[at..])).unwrap();
    config(&bench, &[&program], &settings, &format!("{account}{KEEP}"));
    bench.json(&["once"]);
    assert_eq!(payments(&bench)[0]["state"], "unknown");
    fs::write(&program, text).unwrap();
    rows(&first, &[("l1", "o1", A, 24)]);
    config(&bench, &[&program], &settings, KEEP);
    bench.pass(4_000);
    bench.json(&["once"]);
    let paid = payments(&bench);
    assert_eq!(
        (paid.len(), paid[0]["account"].as_str(), paid[0]["state"].as_str()),
        (2, Some("x"), Some("confirmed")),
        "{paid:#?}"
    );
    let (_, status) = bench.json(&["status"]);
    let left = status["open_alerts"].as_array().unwrap().iter().any(|a| a["key"] == "account_left:y:q1");
    assert!(left, "and people are told of it: {:#}", status["open_alerts"]);
}

#[test]
fn what_falls_beside_a_payment_that_waits_for_an_operator_is_told() {
    let bench = Bench::new("1.00", &[]);
    let fleet = rack(&bench, "");
    let program = bench.path("rack.sh");
    let text = fs::read_to_string(&program).unwrap();
    // It takes the money, extends nothing and says nothing.
    let at = text.rfind("extend)\n").unwrap() + 8;
    let odd = "    rest=$(sed 1d \"$fleet\"); printf 'balance\\t97.35\\tUSD\\n%s\\n' \"$rest\" >\"$fleet\"\n    sleep 60\n";
    fs::write(&program, format!("{}{odd}{}", &text[..at], &text[at..])).unwrap();
    bench.once_until(12, || payments(&bench)[0]["state"] == "needs_operator");
    assert_eq!(payments(&bench)[0]["state"], "needs_operator");
    let keys = || {
        let (_, status) = bench.json(&["status"]);
        let all = status["open_alerts"].as_array().unwrap().iter();
        all.filter_map(|a| a["key"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    bench.pass(13_000);
    bench.json(&["once"]);
    assert!(
        !keys().iter().any(|k| k.starts_with("contested") || k.starts_with("unexplained")),
        "{:?}",
        keys()
    );
    let drained = fs::read_to_string(&fleet).unwrap().replace("balance\t97.35", "balance\t40.00");
    fs::write(&fleet, drained).unwrap();
    bench.json(&["once"]);
    assert!(keys().contains(&"contested:x".to_owned()), "{:?}", keys());
}

/// Whether a second payer exists is told by the program, else by the account's owner.
#[rstest::rstest]
#[case::not_told("\"provider_renews\":null,", "", false)]
#[case::left_out("", "", false)]
#[case::by_the_owners_word("", "provider_renews = \"off\"", true)]
#[case::told_off("\"provider_renews\":false,", "", true)]
#[case::told_on_against_the_owners_word("\"provider_renews\":true,", "provider_renews = \"off\"", false)]
fn nothing_is_paid_of_which_nobody_knows_whether_the_provider_pays_it(
    #[case] told: &str,
    #[case] account: &str,
    #[case] is_paid: bool,
) {
    let bench = Bench::new("1.00", &[]);
    let fleet = rack(&bench, account);
    let program = bench.path("rack.sh");
    let text = fs::read_to_string(&program).unwrap();
    fs::write(&program, text.replacen("\"provider_renews\":false,", told, 1)).unwrap();
    let plan = bench.json(&["plan"]).1;
    let (_, once) = bench.json(&["once"]);
    let paid = fs::read_to_string(&fleet).unwrap().starts_with("balance\t97.35\t");
    assert_eq!(paid, is_paid, "{once:#}");
    if !is_paid {
        let item = plan["items"].as_array().unwrap().iter().find(|i| i["lease"] == "r-1").unwrap();
        let reason = item["reason"].as_str().unwrap();
        assert!(item["decision"] == "hold" && reason.starts_with("provider_owns"), "{item:#}");
    }
    let check = bench.json(&["check"]).1.to_string();
    assert!(!check.contains("does nothing"), "{check}");
}
