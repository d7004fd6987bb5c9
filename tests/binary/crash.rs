//! Every durable write and every request of the payment path is a crash point: the real binary is killed at each, started
//! again, and the provider's books are held against the ledger.
//!
//! The points are found by recording, never written by hand. `CRASH_LONG=1` kills at every single call instead of a sample,
//! `CRASH_BINARY` names another binary (`scripts/crash-matrix` does both), `CRASH_ONLY` words of the scenarios to kill in.
#![allow(clippy::unwrap_used, missing_docs, reason = "helpers of tests: a panic is a failed test")]
#![allow(clippy::print_stdout, reason = "the figures are the result")]

mod complete;
mod disk;
mod drive;
mod facts;
mod judge;
mod log;
mod post;
mod power;
mod scenarios;
mod shim;
mod stage;
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Mutex, OnceLock};

use renewd::clock::{Clock, SystemClock};

use drive::{Outcome, Point, Recorded};
use scenarios::Scenario;

/// How many kills go on side by side: some wait for their lag window.
const WORKERS: usize = 4;

/// Every scenario, recorded once.
fn recorded() -> &'static [Vec<Recorded>] {
    static RUNS: OnceLock<Vec<Vec<Recorded>>> = OnceLock::new();
    RUNS.get_or_init(|| {
        let record = |s: &Scenario| drive::record(s).unwrap_or_else(|e| panic!("{}: {e}", s.name));
        scenarios::ALL.iter().map(record).collect()
    })
}

/// What became of the kills of one scenario.
#[derive(Default)]
struct Tally {
    kills: usize,
    charges: usize,
    unreached: usize,
    failures: Vec<String>,
}

#[test]
fn a_crash_at_any_step_ends_with_one_charge_each_and_all_of_it_in_the_ledger() {
    let clock = SystemClock::new();
    let began = clock.now().boot_ms;
    let mut seen = BTreeSet::new();
    let mut points: Vec<(usize, Point)> = Vec::new();
    let mut counts = Vec::new();
    for (n, runs) in recorded().iter().enumerate() {
        if std::env::var("CRASH_ONLY").is_ok_and(|words| !scenarios::ALL[n].name.contains(&words)) {
            counts.push((0, 0, 0));
            continue;
        }
        let (named, bare) = (drive::named_points(runs), drive::bare_points(runs));
        let counted = (named.len(), bare.len());
        let chosen =
            if shim::long() { [named, bare].concat() } else { drive::sample(runs, named, bare, &mut seen) };
        counts.push((counted.0, counted.1, chosen.len()));
        points.extend(chosen.into_iter().map(|point| (n, point)));
    }
    let (left, told) = (Mutex::new(points.iter()), Mutex::new(BTreeMap::<usize, Tally>::new()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let Some((n, point)) = left.lock().unwrap().next() else { return };
                    let (kills, outcome) = patient(&scenarios::ALL[*n], point);
                    tally(told.lock().unwrap().entry(*n).or_default(), point, kills, outcome);
                }
            });
        }
    });
    let told = told.into_inner().unwrap();
    let mut failures = String::new();
    println!("crash matrix: {}", shim::binary().display());
    println!(
        "{:>6} {:>6} {:>6} {:>6} {:>8} {:>9} {:>8}",
        "steps", "calls", "points", "kills", "charges", "unreached", "failures"
    );
    for (n, (named, bare, chosen)) in counts.iter().enumerate() {
        let (name, none) = (scenarios::ALL[n].name, Tally::default());
        let t = told.get(&n).unwrap_or(&none);
        let failed = t.failures.len();
        println!(
            "{named:>6} {bare:>6} {chosen:>6} {:>6} {:>8} {:>9} {failed:>8}  {name}",
            t.kills, t.charges, t.unreached
        );
        t.failures.iter().for_each(|f| writeln!(failures, "{name}: {f}").unwrap());
    }
    let sum = |f: fn(&Tally) -> usize| told.values().map(f).sum::<usize>();
    println!(
        "{} points, {} kills, {} charges, {} failures in {} s",
        points.len(),
        sum(|t| t.kills),
        sum(|t| t.charges),
        sum(|t| t.failures.len()),
        (clock.now().boot_ms - began) / 1000
    );
    assert!(failures.is_empty(), "\n{failures}");
}

fn tally(told: &mut Tally, point: &Point, kills: usize, outcome: Outcome) {
    told.kills += kills;
    match outcome {
        Outcome::Good { charges } => told.charges += charges,
        // How many pages a commit writes may differ by one or two.
        Outcome::Missed(_) if point.is_bare() => told.unreached += 1,
        Outcome::Missed(why) => {
            told.failures.push(format!("{} [{}]: not reached: {why}", point.name, point.order))
        }
        Outcome::Bad(why) => told.failures.push(format!("{} [{}]: {why}", point.name, point.order)),
    }
}

/// A point that a rerun does not reach counts only if that repeats.
fn patient(scenario: &Scenario, point: &Point) -> (usize, Outcome) {
    for kills in 1..3 {
        match drive::kill(scenario, point) {
            Outcome::Missed(_) => {}
            outcome => return (kills, outcome),
        }
    }
    (3, drive::kill(scenario, point))
}

#[test]
fn the_steps_of_every_scenario_are_known() {
    let mut text = String::new();
    for (scenario, runs) in scenarios::ALL.iter().zip(recorded()) {
        writeln!(text, "# {}", scenario.name).unwrap();
        for run in runs {
            writeln!(text, "{}", run.args.join(" ")).unwrap();
            for group in run.steps.chunk_by(|a, b| a.is_delivery() && b.is_delivery()) {
                let mut names: Vec<&str> = group.iter().map(|s| s.name.as_str()).collect();
                names.sort_unstable();
                names.iter().for_each(|name| writeln!(text, "    {name}").unwrap());
            }
        }
    }
    insta::with_settings!({ snapshot_path => "crash/snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("steps", text);
    });
}

#[test]
fn every_write_of_the_ledger_and_every_call_that_changes_something_is_a_crash_point() {
    let steps: BTreeSet<&str> =
        recorded().iter().flatten().flat_map(|r| &r.steps).map(|s| s.name.as_str()).collect();
    let reached = |name: &str| {
        steps.iter().any(|s| *s == name || s.strip_prefix(name).is_some_and(|rest| rest.starts_with(" (")))
    };
    let read = |file: &str| {
        std::fs::read_to_string(format!("{}/src/ledger/sqlite/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    };
    let mut writes = complete::writes(&read("ledger_impl.rs"));
    writes.extend(complete::writes(&read("overview.rs")));
    writes.extend(complete::writes(&read("approvals.rs")));
    // The requests of the last minute are kept in a ledger on a server alone.
    writes.retain(|name| name != "request_turn");
    // One event or several are told apart by their payments, not by how they were asked for.
    writes.iter_mut().filter(|name| *name == "append_all").for_each(|name| *name = "append".to_owned());
    assert!(writes.len() > 20 && writes.contains(&"start_spend".to_owned()), "{writes:?}");
    let all: Vec<String> = writes.into_iter().chain(steps::changing_calls()).collect();
    let missing: Vec<&String> = all.iter().filter(|name| !reached(name)).collect();
    assert!(
        missing.is_empty(),
        "no scenario has a crash point for {missing:?}: add one to tests/binary/crash/scenarios.rs"
    );
    let odd: Vec<&&str> = steps.iter().filter(|s| s.contains("nobody knows")).collect();
    assert!(odd.is_empty(), "{odd:?}: name it in tests/binary/crash/facts.rs");
    assert!(!reached("a_method_that_is_not_there"));
}

/// How often the power goes: 1,000 times, or as `CRASH_CUTS` says.
fn power_cuts() -> usize {
    std::env::var("CRASH_CUTS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000)
}

fn tell(what: &str, s: &power::Sums) {
    println!(
        "power cuts, {what}: {} cuts, {} after money was sent; {} of {} sent intents lost, commits lost in {}, silently empty {}, \
         refused {}, damaged {}; binary asked {} times",
        s.cuts,
        s.after_money,
        s.lost_intents,
        s.intents,
        s.lost_commits,
        s.silently_empty,
        s.refused,
        s.damaged,
        s.asked
    );
    s.told.iter().for_each(|t| println!("  {t}"));
}

#[test]
fn no_committed_intent_is_lost_in_a_power_cut() {
    let sums = power::cuts(recorded(), power_cuts(), 1, disk::Syncs::Honest);
    tell("every sync obeyed", &sums);
    assert!(sums.after_money * 4 > sums.cuts && sums.asked > 0, "too few cuts say anything");
    assert_eq!(sums.told, Vec::<String>::new());
    assert_eq!((sums.lost_intents, sums.lost_commits, sums.silently_empty, sums.damaged), (0, 0, 0, 0));
}

#[test]
fn the_same_cuts_find_losses_on_a_disk_that_does_not_sync() {
    let what = "every sync ignored";
    let sums = power::cuts(recorded(), power_cuts().min(200), 1, disk::Syncs::None);
    tell(what, &sums);
    assert!(sums.lost_intents > 0 && sums.lost_commits > 0, "{what}: the check finds nothing");
}

/// The ledger loses commits then, but no payment: `spends.log` beside it was on the disk before.
#[test]
fn where_only_the_ledgers_own_log_is_not_synced_commits_are_lost_and_payments_are_put_back() {
    let what = "syncs of the log ignored";
    let sums = power::cuts(recorded(), power_cuts().min(200), 1, disk::Syncs::NoLog);
    tell(what, &sums);
    assert!(sums.lost_commits > 0, "{what}: the check finds nothing");
    assert_eq!(sums.lost_intents, 0, "{what}: {:?}", sums.told);
}

#[test]
fn a_ledger_whose_making_was_cut_off_anywhere_is_made_by_the_next_start() {
    let (scenario, run) = (&scenarios::ALL[0], &recorded()[0][0]);
    let made =
        run.steps.iter().find(|s| s.name == "migrate").expect("the ledger is made in the first run").at;
    for point in drive::bare_points(&recorded()[0][..1])
        .into_iter()
        .take(made)
        .filter(|p| !p.name.contains("write ledger.db-wal"))
    {
        let stage = (scenario.make)();
        stage.run(run.args, Some(&stage.path("calls-killed")), Some(&point.order));
        let read = stage.run(&["status"], None, None);
        assert_eq!(read.status.code(), Some(0), "{}: {}", point.name, String::from_utf8_lossy(&read.stderr));
        let next = stage.run(run.args, None, None);
        assert_eq!(next.status.code(), Some(0), "{}: {}", point.name, String::from_utf8_lossy(&next.stderr));
    }
}

#[test]
fn the_name_of_a_state_directory_that_renewd_makes_is_durable_before_a_request_leaves() {
    let stage = (scenarios::ALL[0].make)();
    let log = stage.path("calls");
    let orders = shim::Orders { log: Some(&log), ..shim::Orders::default() };
    let mut command = shim::command(&stage.path("."), orders);
    command.env("SHIM_DIR", stage.state().parent().unwrap());
    let out = command.arg("--config").arg(stage.path("renewd.toml")).arg("once").output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let calls = log::read(&log);
    let synced = calls.iter().position(|r| r.op == "fsync" && r.name == ".").expect("never synced");
    assert!(synced < calls.iter().position(|r| r.op == "send").unwrap());
}
