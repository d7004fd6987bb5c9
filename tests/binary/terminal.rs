//! What people see of a command: tables in a narrow terminal, questions on one, and output that cannot be written. Through the real
//! binary, on a pseudo-terminal where it matters.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, Output, Stdio};

use crate::common::{self, Bench, KEEP, KEY};
use renewd::simulator::Product;
use rstest::rstest;
use rustix::pty::OpenptFlags;

const A: &str = "203.0.113.1";
const LONG: &str = "2001:db8:85a3:8d3:1319:8a2e:370:7348";

/// A terminal: our end of it, and the program's.
pub(super) fn terminal(columns: u16) -> (OwnedFd, File) {
    let ours = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    rustix::pty::grantpt(&ours).unwrap();
    rustix::pty::unlockpt(&ours).unwrap();
    let name = rustix::pty::ptsname(&ours, Vec::new()).unwrap();
    let theirs = OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let size = rustix::termios::Winsize { ws_row: 40, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&theirs, size).unwrap();
    (ours, theirs)
}

/// What a command prints on a terminal of that width.
fn on_a_terminal(mut command: Command, columns: u16) -> (Option<i32>, String) {
    let (ours, theirs) = terminal(columns);
    let mut child = command.stdout(theirs).stderr(Stdio::null()).spawn().unwrap();
    // Nobody holds the program's end any more but the program: reading ends with it.
    drop(command);
    let mut seen = Vec::new();
    let mut ours = File::from(ours);
    // The end of a terminal is an error, after all that was written.
    let _ = ours.read_to_end(&mut seen);
    (child.wait().unwrap().code(), String::from_utf8(seen).unwrap().replace("\r\n", "\n"))
}

/// Whoever tries a provider finds where it listens and by which key.
#[test]
fn the_help_of_simulate_tells_port_and_key_of_every_provider() {
    let out = Command::new(env!("CARGO_BIN_EXE_renewd")).args(["simulate", "--help"]).output().unwrap();
    let said = String::from_utf8(out.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    for brand in renewd::simulator::Brand::ALL {
        assert!(said.contains(&format!("127.0.0.1:{}", brand.port())), "{brand:?}: {said}");
        assert!(said.contains(brand.key()), "{brand:?}: {said}");
    }
}

fn fleet() -> Bench {
    let bench = Bench::new(
        "100.00",
        &[
            (Product::IPv4, &[A], 24),
            (Product::IPv6, &[LONG], 24),
            (Product::Isp, &["198.51.100.200"], 24 * 40),
        ],
    );
    bench.config("", KEEP);
    bench
}

/// Every column of the widest form that holds an address, an id or a date, whole.
fn stay_whole(wide: &str, narrow: &str) {
    let names = |word: &str| {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        digits >= 6 && (word.contains('.') || word.contains(':') || word.contains('-') || digits >= 12)
    };
    for word in narrow.split_whitespace().filter(|word| names(word)) {
        assert!(
            wide.split_whitespace().any(|whole| whole == word),
            "{word} is a part of something:\n{narrow}"
        );
    }
}

#[test]
fn in_eighty_columns_tables_lose_columns_and_split_no_address_id_or_date() {
    let bench = fleet();
    bench.json(&["once"]);
    let order = bench.json(&["plan"]).1["items"][0]["order"].as_str().unwrap().to_owned();
    for args in [
        &["plan"][..],
        &["history"],
        &["status"],
        &["explain", LONG],
        &["explain", &order],
        &["forecast"],
        &["order", "options"],
    ] {
        let wide = String::from_utf8(bench.renewd(args).stdout).unwrap();
        assert!(!wide.contains("too narrow"), "without a terminal nothing goes: {wide}");
        let (_, narrow) = on_a_terminal(bench.command(args), 80);
        let mut told = bench.command(args);
        told.env("COLUMNS", "80");
        let (_, by_variable) = on_a_terminal(told, 200);
        for seen in [&narrow, &by_variable] {
            let table = seen.lines().filter(|l| l.starts_with(' '));
            for line in table {
                assert!(line.chars().count() <= 80, "{args:?}: {line}");
            }
            stay_whole(&wide, seen);
        }
        assert!(!narrow.is_empty());
    }
    let history = on_a_terminal(bench.command(&["history"]), 80).1;
    assert!(history.contains(LONG) && history.contains("too narrow for: purpose, kind"), "{history}");
    let whole = on_a_terminal(bench.command(&["history"]), 220).1;
    assert!(whole.contains("PURPOSE") && !whole.contains("too narrow"), "{whole}");
}

#[test]
fn history_as_csv_has_the_addresses() {
    let bench = fleet();
    bench.json(&["once"]);
    let out = bench.renewd(&["history", "--csv"]);
    let mut reader = csv::Reader::from_reader(out.stdout.as_slice());
    let at = reader.headers().unwrap().iter().position(|name| name == "ips").unwrap();
    let mut ips: Vec<String> = reader.records().map(|r| r.unwrap()[at].to_owned()).collect();
    ips.sort();
    assert_eq!(ips, [LONG, A]);
}

#[test]
fn auto_renewal_asks_on_a_terminal_and_acts_for_a_script() {
    let bench = fleet();
    bench.json(&["once"]);
    let order = bench.handle.with(|w| w.account(KEY).unwrap().rental(A).unwrap().order.clone());
    let is_on = || bench.handle.with(|w| w.account(KEY).unwrap().rental(A).unwrap().auto);
    let typed = |word: &str, args: &[&str]| -> Output {
        let (ours, theirs) = terminal(80);
        let mut file = File::from(ours);
        file.write_all(format!("{word}\n").as_bytes()).unwrap();
        let mut command = bench.command(&["order", "auto", &order]);
        command.args(args).stdin(theirs).output().unwrap()
    };
    let said = |out: &Output| String::from_utf8([out.stdout.clone(), out.stderr.clone()].concat()).unwrap();
    let out = typed("no", &["on"]);
    assert!(
        out.status.code() == Some(0) && said(&out).contains("nothing was changed") && !is_on(),
        "{}",
        said(&out)
    );
    let out = typed("yes", &["on"]);
    assert!(out.status.code() == Some(0) && is_on(), "{}", said(&out));
    let out = typed("", &["off", "--yes"]);
    assert!(out.status.code() == Some(0) && !is_on(), "{}", said(&out));
    let out = bench.renewd(&["order", "auto", &order, "on"]);
    assert!(out.status.code() == Some(0) && is_on(), "a script is obeyed: {}", said(&out));
}

#[rstest]
#[case::json(&["plan", "--json"])]
#[case::status_json(&["status", "--json"])]
#[case::table(&["plan"])]
#[case::paying(&["once"])]
#[case::csv(&["history", "--csv"])]
#[case::forecast(&["forecast", "--csv"])]
#[case::check(&["check"])]
#[case::completions(&["completions", "bash"])]
#[case::man(&["man"])]
#[case::help(&["--help"])]
#[case::version(&["--version"])]
#[case::failure(&["explain", "nothing-of-that-name", "--json"])]
fn output_that_cannot_be_written_is_an_error_and_a_closed_pipe_is_none(#[case] args: &[&str]) {
    let bench = fleet();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let out = bench.command(args).stdout(full).output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.contains("the output could not be written: No space left on device"), "{said}");
    let before = bench.renewd(args).status.code();

    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let out = bench.command(args).stdout(writer).output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), before, "{said}");
    assert!(!said.contains("could not be written") && !said.contains("panicked"), "{said}");
}

#[test]
fn a_payment_is_made_and_recorded_although_nobody_can_be_told_of_it_here() {
    let bench = fleet();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let out = bench.command(&["once"]).stdout(full).output().unwrap();
    assert_eq!((out.status.code(), bench.charged(A)), (Some(1), 1));
    assert!(bench.json(&["history"]).1["payments"].as_array().is_some_and(|all| !all.is_empty()));
}

#[test]
fn check_tells_of_the_daemon_the_clock_and_two_payers() {
    let bench = fleet();
    let checked = |args: &[&str]| {
        let out = bench.renewd(args);
        (out.status.code(), String::from_utf8(out.stdout).unwrap())
    };
    assert!(!checked(&["check"]).1.contains("another renewd holds it"));
    let mut daemon = bench.spawn(&["run"]);
    common::until("the daemon pays", 20, || bench.charged(A) == 1);
    let (code, said) = checked(&["check"]);
    let holds = format!("ledger: another renewd holds it (process {})", daemon.id());
    assert!(code == Some(0) && said.contains(&holds), "{said}");
    common::signal(&daemon, rustix::process::Signal::TERM);
    daemon.wait().unwrap();

    let order = bench.handle.with(|w| w.account(KEY).unwrap().rental(A).unwrap().order.clone());
    assert!(!checked(&["check", "--live"]).1.contains("provider_owns"));
    assert_eq!(bench.renewd(&["order", "auto", &order, "on"]).status.code(), Some(0));
    let (code, said) = checked(&["check", "--live"]);
    assert!(code == Some(0) && said.contains("the provider's auto-renewal is on there"), "{said}");
    assert!(said.contains(A) && said.contains(&format!("renewd order auto {order} off")), "{said}");
    bench.config("", &KEEP.replace("action", "take_over = true\naction"));
    assert!(!checked(&["check", "--live"]).1.contains("provider_owns"));
}
