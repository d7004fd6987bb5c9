//! `renewd init`, through the built binary: by flags and at a terminal, for every provider. What it writes is taken by `check`, also by
//! `check --live`, and no secret is in it.
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use renewd::simulator::{Product, proxyseller};
use rstest::rstest;
use serde_json::Value;

use crate::common::px6::{self, Px6Bench};
use crate::common::seller::{self, SellerBench};
use crate::common::shard::{ShardBench, TOKEN};
use crate::common::smtp::{Certificates, MailServer, Protection, free_port};
use crate::common::{self, Bench, KEY};
use crate::programs;
use crate::terminal::terminal;

/// `renewd init` with these flags, for a config in a new folder.
fn command(dir: &Path, args: &[&str]) -> Command {
    fs::create_dir_all(dir.join("new")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_renewd"));
    command.arg("init").args(args).args(["--output", config(dir).to_str().unwrap()]);
    command.env_remove("RUST_LOG").env_remove("COLUMNS").stdin(Stdio::null());
    command
}

fn config(dir: &Path) -> PathBuf {
    dir.join("new/renewd.toml")
}

fn said(out: &Output) -> String {
    String::from_utf8([out.stdout.clone(), out.stderr.clone()].concat()).unwrap()
}

/// What was written: good for `check` and `check --live`, closed to others, and without the key.
fn is_good(dir: &Path, key: &str, live: i32) -> String {
    let text = fs::read_to_string(config(dir)).unwrap();
    assert!(!text.contains(key), "the key is in the config: {text}");
    assert_eq!(text.lines().next(), renewd::settings::EXAMPLE.lines().next(), "editors find the schema");
    assert_eq!(fs::metadata(config(dir)).unwrap().permissions().mode() & 0o777, 0o640);
    for (args, code) in [(&["check"][..], 0), (&["check", "--live"], live)] {
        let out = common::renewd(&config(dir), args).output().unwrap();
        assert_eq!(out.status.code(), Some(code), "{args:?}: {}\n{text}", said(&out));
        for word in ["price_cap", "period_not_offered", "no_policy", "matches no lease", "no policy"] {
            assert!(!said(&out).contains(word), "{args:?} tells of {word}: {}\n{text}", said(&out));
        }
    }
    text
}

/// The first cycle pays what is due under the policies that were written: their term is sold, and their cap is above the price.
fn pays(dir: &Path) -> usize {
    let out = common::renewd(&config(dir), &["once", "--json"]).output().unwrap();
    let report: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{e}: {}", said(&out)));
    let items = report["items"].as_array().unwrap();
    assert!(items.iter().all(|i| i["decision"] != "hold"), "{items:#?}");
    report["payments"].as_array().map(Vec::len).unwrap()
}

#[test]
fn each_kind_gets_a_policy_whose_term_is_sold_and_whose_cap_is_above_its_price() {
    let bench = Bench::new(
        "500.00",
        &[
            (Product::IPv4, &["203.0.113.1", "203.0.113.2"], 30),
            (Product::Mobile, &["192.0.2.1"], 400),
            (Product::Isp, &["198.51.100.1"], 500),
        ],
    );
    let key = bench.path("yp.key");
    let base = [
        "--provider",
        "youproxy",
        "--name",
        "yp",
        "--key-file",
        key.to_str().unwrap(),
        "--base-url",
        &bench.base_url,
    ];
    let out = command(bench.dir.path(), &base).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", said(&out));
    assert!(!said(&out).contains(KEY) && said(&out).contains("4 leases"), "{}", said(&out));
    let text = is_good(bench.dir.path(), KEY, 0);
    assert_eq!(text.matches("[[policy]]").count(), 3, "{text}");
    assert_eq!(text.matches("max_price = ").count(), 3, "{text}");
    let printed = String::from_utf8(out.stdout.clone()).unwrap();
    let last: Vec<&str> = printed.lines().rev().take(3).collect();
    for (line, command) in last.iter().rev().zip([" check --live ", " plan ", " run "]) {
        assert!(line.contains(command), "the last lines are what to type next: {printed}");
    }
    assert!(pays(bench.dir.path()) > 0);
    assert_eq!((bench.charged("203.0.113.1"), bench.charged("192.0.2.1")), (1, 0));
}

#[test]
fn orders_with_cycles_get_a_policy_without_a_term() {
    let bench = ShardBench::new("100.00", fill);
    let (key, name) = (bench.path("ps.key"), "--name");
    let args = [
        "--provider",
        "proxyshard",
        name,
        "ps",
        "--key-file",
        key.to_str().unwrap(),
        "--base-url",
        &bench.base_url,
    ];
    let out = command(bench.dir.path(), &args).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", said(&out));
    let text = is_good(bench.dir.path(), TOKEN, 0);
    assert!(!text.contains("period = ") && text.contains("max_price = "), "{text}");
}

fn fill(world: &mut renewd::simulator::proxyshard::World) {
    use renewd::simulator::proxyshard::OrderSpec;
    let spec = OrderSpec::new("ISP Proxy", Some("US"), "monthly", common::in_hours(200));
    world.add_order(TOKEN, &spec).unwrap();
}

#[test]
fn ids_that_change_with_each_renewal_are_no_matter() {
    let orders: &[(proxyseller::Product, &[&str], i64)] =
        &[(proxyseller::Product::Ipv4, &["203.0.113.1"], 30)];
    let bench = SellerBench::new("100.00", orders);
    let key = bench.path("seller.key");
    let args = [
        "--provider",
        "proxyseller",
        "--name",
        "seller",
        "--key-file",
        key.to_str().unwrap(),
        "--base-url",
        &bench.base_url,
    ];
    let out = command(bench.dir.path(), &args).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", said(&out));
    assert!(is_good(bench.dir.path(), seller::KEY, 0).contains("max_price = "));
}

#[test]
fn what_a_provider_does_not_tell_has_to_be_said_before_anything_is_paid() {
    let bench = Px6Bench::new("500.00", &[30, 500]);
    let key = bench.path("px.key");
    let args = [
        "--provider",
        "px6",
        "--name",
        "px",
        "--key-file",
        key.to_str().unwrap(),
        "--base-url",
        &bench.base_url,
    ];
    let out = command(bench.dir.path(), &args).output().unwrap();
    assert_eq!(out.status.code(), Some(3), "{}", said(&out));
    assert!(said(&out).contains("provider_renews = \"off\""), "{}", said(&out));
    fs::remove_file(config(bench.dir.path())).unwrap();

    let args: Vec<&str> = args.into_iter().chain(["--provider-renews", "off"]).collect();
    let out = command(bench.dir.path(), &args).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", said(&out));
    let text = is_good(bench.dir.path(), px6::KEY, 0);
    assert!(text.contains("max_price = ") && text.contains("period = \"30d\""), "{text}");
}

#[test]
fn a_program_of_ones_own_is_a_provider_too() {
    let bench = Bench::new("500.00", &[(Product::IPv4, &["203.0.113.1"], 30)]);
    let program = programs::placed(&bench, "youproxy.py");
    let key = bench.path("yp.key");
    let python = programs::python();
    let args = [
        "--provider",
        "exec",
        "--name",
        "rack",
        "--command",
        &python,
        "--command",
        "-I",
        "--command",
        &program,
        "--base-url",
        &bench.base_url,
        "--key-file",
        key.to_str().unwrap(),
    ];
    let out = command(bench.dir.path(), &args).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", said(&out));
    let text = is_good(bench.dir.path(), KEY, 0);
    assert!(text.contains("max_price = ") && text.contains("settings.base_url"), "{text}");
}

#[test]
fn an_account_that_does_not_answer_gets_a_config_under_which_nothing_is_paid_unasked() {
    let dir = tempfile::tempdir().unwrap();
    common::private(&dir.path().join("yp.key"), KEY);
    let url = format!("http://127.0.0.1:{}", free_port());
    let key = dir.path().join("yp.key");
    let args = [
        "--provider",
        "youproxy",
        "--name",
        "yp",
        "--key-file",
        key.to_str().unwrap(),
        "--base-url",
        &url,
        "--json",
    ];
    let out = command(dir.path(), &args).output().unwrap();
    assert_eq!(out.status.code(), Some(3), "{}", said(&out));
    let told: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((&told["reachable"], &told["schema"]), (&Value::Bool(false), &Value::from(1)));
    let text = is_good(dir.path(), KEY, 3);
    assert!(text.contains("approval = true") && !text.contains("max_price = "), "{text}");
}

#[rstest]
#[case::nothing(&[], "--provider")]
#[case::no_key(&["--provider", "youproxy"], "--key-file")]
#[case::no_provider(&["--key-file", "KEY"], "--provider")]
#[case::no_program(&["--provider", "exec"], "--command")]
#[case::no_recipient(&["--provider", "youproxy", "--key-file", "KEY", "--smtp", "localhost:25"], "--mail-to")]
#[case::unknown(&["--provider", "nobody", "--key-file", "KEY"], "--provider: `nobody` is unknown")]
#[case::bad_name(&["--name", "two words"], "--name")]
#[case::no_such_key(&["--provider", "youproxy", "--key-file", "/nowhere/key"], "there is no such file")]
#[case::bad_address(&["--provider", "youproxy", "--key-file", "KEY", "--mail-to", "nobody"], "--mail-to")]
#[case::bad_server(&["--provider", "youproxy", "--key-file", "KEY", "--mail-to", "a@example.org", "--smtp", "smtp://x"], "--smtp")]
#[case::plain_http(&["--provider", "youproxy", "--key-file", "KEY", "--base-url", "http://example.org"], "--base-url")]
fn without_a_terminal_what_is_missing_or_wrong_is_told_and_nothing_is_written(
    #[case] args: &[&str],
    #[case] part: &str,
) {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("yp.key");
    common::private(&key, KEY);
    let args: Vec<&str> = args.iter().map(|a| if *a == "KEY" { key.to_str().unwrap() } else { *a }).collect();
    let out = command(dir.path(), &args).output().unwrap();
    assert_eq!(out.status.code(), Some(2), "{}", said(&out));
    assert!(said(&out).contains(part), "{}", said(&out));
    assert_eq!(dir.path().join("new").read_dir().unwrap().count(), 0);
}

#[test]
fn nothing_is_ever_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("yp.key");
    common::private(&key, KEY);
    let mut command = command(dir.path(), &["--provider", "youproxy", "--key-file", key.to_str().unwrap()]);
    fs::write(config(dir.path()), "# mine\n").unwrap();
    let out = command.output().unwrap();
    assert_eq!(out.status.code(), Some(2), "{}", said(&out));
    assert!(said(&out).contains("is there already"), "{}", said(&out));
    assert_eq!(fs::read_to_string(config(dir.path())).unwrap(), "# mine\n");
}

/// Somebody at a terminal, who answers what is asked.
struct Person {
    ours: File,
    seen: Arc<Mutex<String>>,
}

impl Person {
    fn at(mut command: Command) -> (Self, std::process::Child) {
        let (ours, theirs) = terminal(120);
        let ours = File::from(ours);
        command.stdin(theirs.try_clone().unwrap()).stdout(theirs.try_clone().unwrap()).stderr(theirs);
        let child = command.spawn().unwrap();
        // Nobody holds the program's end any more but the program.
        drop(command);
        let seen = Arc::new(Mutex::new(String::new()));
        let (mut reader, heard) = (ours.try_clone().unwrap(), Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut buffer = [0_u8; 1024];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                heard.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..n]));
            }
        });
        (Self { ours, seen }, child)
    }

    /// Waits for the question, then types.
    fn answers(&mut self, question: &str, answer: &str) {
        common::until(&format!("it asks {question:?}"), 30, || self.seen.lock().unwrap().contains(question));
        // A hidden question takes the echo away right after it is written, and throws away what was typed before.
        let hidden = question.contains("not shown");
        common::until("the terminal is ready", 10, || !hidden || !self.echoes());
        writeln!(self.ours, "{answer}").unwrap();
    }

    fn echoes(&self) -> bool {
        rustix::termios::tcgetattr(&self.ours)
            .unwrap()
            .local_modes
            .contains(rustix::termios::LocalModes::ECHO)
    }
}

#[test]
fn at_a_terminal_it_asks_for_everything_and_the_key_is_not_shown() {
    let bench = Bench::new("500.00", &[(Product::IPv4, &["203.0.113.1"], 30)]);
    let (port, certificates) = (free_port(), Certificates::new());
    let _server = MailServer::start(port, Protection::None, &certificates);
    let (mut person, mut child) =
        Person::at(command(bench.dir.path(), &["--name", "yp", "--base-url", &bench.base_url]));
    person.answers("Provider (", "nobody");
    person.answers("`nobody` is unknown", "youproxy");
    person.answers("API key (not shown)", KEY);
    person.answers("Who gets the mails", "ops@example.org");
    person.answers("Mail server", &format!("127.0.0.1:{}", port));
    person.answers("From which address [renewd@example.org]", "");
    let code = child.wait().unwrap().code();
    common::until("it says what is next", 10, || person.seen.lock().unwrap().contains("Type next"));
    let seen = person.seen.lock().unwrap().clone();
    assert_eq!(code, Some(0), "{seen}");
    assert!(!seen.contains(KEY), "the key was shown: {seen}");
    let key = bench.path("new/yp.key");
    assert_eq!(fs::read_to_string(&key).unwrap(), format!("{KEY}\n"));
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let text = is_good(bench.dir.path(), KEY, 0);
    assert!(text.contains("ops@example.org") && text.contains("renewd@example.org"), "{text}");
    assert!(pays(bench.dir.path()) == 1 && bench.charged("203.0.113.1") == 1);

    // A key that is there stays, also where the config is gone.
    fs::remove_file(config(bench.dir.path())).unwrap();
    let (mut person, mut child) =
        Person::at(command(bench.dir.path(), &["--name", "yp", "--base-url", &bench.base_url]));
    person.answers("Provider (", "youproxy");
    assert_eq!(child.wait().unwrap().code(), Some(2));
    assert_eq!(fs::read_to_string(&key).unwrap(), format!("{KEY}\n"));
}
