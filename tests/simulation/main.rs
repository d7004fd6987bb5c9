//! The whole daemon in a simulated world: real engine, planner, ledger file and alerting under virtual time, with faults on
//! everything, held against the books of two providers that are written for this test.
//!
//! `cargo test --test simulation -- --seeds N --from S` runs N seeds from S on; a failing one says how to repeat it. `--vendors`: three of
//! four also have accounts behind the adapters of Proxy-Seller and px6.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "a test binary: it prints what it finds, and a panic is a failed test"
)]

mod approvals;
mod books;
mod far;
mod judge;
mod oracle;
mod pay;
mod run;
mod setup;
mod site;
mod through;
mod time;
mod vendors;
mod witness;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use judge::Tally;
use renewd::clock::{Clock, SystemClock};
use run::Outcome;

/// A seed allocates much and runs long: with the system's allocator it takes half as long again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const REPEAT: &str = "cargo test --profile simulation --test simulation --";

/// Worlds have accounts behind the adapters of Proxy-Seller and px6, too.
pub static VENDORS: AtomicBool = AtomicBool::new(false);

/// Every event goes to stdout.
pub static VERBOSE: AtomicBool = AtomicBool::new(false);

struct Wanted {
    seeds: u64,
    from: u64,
    days: i64,
    /// So many failing seeds end the run.
    failures: u64,
    /// No seed is begun later than this.
    ms: i64,
}

fn with_vendors() -> &'static str {
    if VENDORS.load(Ordering::Relaxed) { " --vendors" } else { "" }
}

fn wanted() -> Wanted {
    // Unoptimised it is some ten times slower, and part of every `cargo test`.
    let (seeds, days) = if cfg!(debug_assertions) { (2, 15) } else { (25, 90) };
    let mut wanted = Wanted { seeds, from: 1, days, failures: 5, ms: i64::MAX };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut number = || args.next().and_then(|n| n.parse().ok()).expect("a number follows");
        match arg.as_str() {
            "--seeds" => wanted.seeds = number(),
            "--from" => wanted.from = number(),
            "--days" => wanted.days = i64::try_from(number()).expect("a number of days"),
            "--seconds" => wanted.ms = i64::try_from(number()).expect("a number of seconds") * 1_000,
            "--failures" => wanted.failures = number(),
            "--vendors" => VENDORS.store(true, Ordering::Relaxed),
            "--verbose" => VERBOSE.store(true, Ordering::Relaxed),
            // What cargo hands to every test binary.
            _ => {}
        }
    }
    wanted
}

fn add(total: &mut Tally, one: &Tally) {
    for (kind, n) in &one.faults {
        *total.faults.entry(kind).or_default() += n;
    }
    total.cycles += one.cycles;
    total.settles += one.settles;
    total.spends += one.spends;
    total.spends_with_fault += one.spends_with_fault;
    total.unknowns += one.unknowns;
    total.by_evidence += one.by_evidence;
    total.by_person += one.by_person;
    total.disturbed += one.disturbed;
    total.wrong += one.wrong;
    total.double_excused += one.double_excused;
    total.lapsed_excused += one.lapsed_excused;
    total.renewed += one.renewed;
    total.mails += one.mails;
    total.exact += one.exact;
    total.inexact += one.inexact;
}

fn show(total: &Tally, seeds: u64, days: i64, ms: i64) {
    let per = |n: i64, by: i64| format!("{}.{:02}", n / by.max(1), n % by.max(1) * 100 / by.max(1));
    let n = i64::try_from(seeds).unwrap();
    println!("seeds                 {seeds} ({} a second)", per(n * 1_000, ms));
    println!("virtual years         {}", per(n * (days + 2), 365));
    println!("cycles                {} and {} settling passes", total.cycles, total.settles);
    println!("leases renewed        {}", total.renewed);
    println!("payments              {}, {} of them met a fault", total.spends, total.spends_with_fault);
    let settleable = i64::try_from(total.unknowns - total.disturbed).unwrap();
    let share = per(i64::try_from(total.by_evidence * 100).unwrap(), settleable);
    println!("unknown               {}", total.unknowns);
    println!(
        "  settled alone       {} ({share} % of those whose account could be read and where nobody else's money moved)",
        total.by_evidence
    );
    println!(
        "  needed a person     {}, {} of them for unread lists or somebody else's money",
        total.by_person, total.disturbed
    );
    println!("  settled wrongly     {}", total.wrong);
    println!(
        "charges to the cent   {}, {} where somebody else's money moved meanwhile",
        total.exact, total.inexact
    );
    println!(
        "charged twice         {} (only where the first charge landed after every window)",
        total.double_excused
    );
    println!("lapsed                {} (each with a cause in its last hour)", total.lapsed_excused);
    println!("mails                 {}", total.mails);
    println!("faults                {}", total.faults.values().sum::<u64>());
    for (kind, n) in &total.faults {
        println!("  {kind:<30} {n}");
    }
}

/// Real time for one seed: seconds where nothing else runs, minutes on a machine that is busy.
const HANGS: i64 = 1_200_000;

/// A seed that neither ends nor waits cannot be stopped from outside: the whole run is, once it is named.
#[allow(clippy::exit, clippy::disallowed_methods, reason = "a thread that never ends cannot be joined")]
fn watch(running: &Mutex<BTreeMap<u64, i64>>, over: &AtomicBool, clock: &dyn Clock) {
    while !over.load(Ordering::SeqCst) {
        std::thread::sleep(std::time::Duration::from_millis(100));
        let now = clock.now().boot_ms;
        let stuck = running.lock().unwrap().iter().find(|(_, since)| now - **since > HANGS).map(|(s, _)| *s);
        if let Some(seed) = stuck {
            println!(
                "\nseed {seed} FAILED; repeat it with: {REPEAT}{} --seeds 1 --from {seed}",
                with_vendors()
            );
            println!("  it hangs: no end after {} s\nfailed seeds: {seed}", HANGS / 1_000);
            #[allow(clippy::disallowed_methods, reason = "a harness of its own ends its own process")]
            std::process::exit(1);
        }
    }
}

/// Runs the seeds on as many threads as there are processors; a handful of failures ends it.
fn run_all(wanted: &Wanted) -> Vec<(u64, Outcome)> {
    let (next, failures) = (AtomicU64::new(wanted.from), AtomicU64::new(0));
    let done = Mutex::new(Vec::new());
    let clock = SystemClock::new();
    let began = clock.now().boot_ms;
    let (running, over) = (Mutex::new(BTreeMap::new()), AtomicBool::new(false));
    let work = || {
        loop {
            let late = clock.now().boot_ms - began >= wanted.ms;
            if late || failures.load(Ordering::SeqCst) >= wanted.failures {
                return;
            }
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if seed >= wanted.from + wanted.seeds {
                return;
            }
            running.lock().unwrap().insert(seed, clock.now().boot_ms);
            let mut outcome = run::seed(seed, wanted.days);
            running.lock().unwrap().remove(&seed);
            if outcome.broken.is_empty() {
                outcome.events = Vec::new();
            } else {
                failures.fetch_add(1, Ordering::SeqCst);
                tell(seed, &outcome);
            }
            done.lock().unwrap().push((seed, outcome));
        }
    };
    let most = usize::try_from(wanted.seeds).unwrap_or(1);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(most);
    std::thread::scope(|s| {
        s.spawn(|| watch(&running, &over, &clock));
        let workers: Vec<_> = (0..threads).map(|_| s.spawn(work)).collect();
        let ended: Vec<_> = workers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        over.store(true, Ordering::SeqCst);
        ended.into_iter().for_each(Result::unwrap);
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(seed, _)| *seed);
    done
}

fn tell(seed: u64, outcome: &Outcome) {
    println!("\nseed {seed} FAILED; repeat it with: {REPEAT}{} --seeds 1 --from {seed}", with_vendors());
    outcome.events.iter().for_each(|line| println!("  {line}"));
    outcome.broken.iter().for_each(|line| println!("  {line}"));
}

/// Of a hundred unknown payments at least this many are settled without a person, where nobody else's money moved meanwhile.
const SETTLED: u64 = 99;

fn main() -> ExitCode {
    let wanted = wanted();
    let clock = SystemClock::new();
    let began = clock.now().boot_ms;
    let done = run_all(&wanted);
    let ms = clock.now().boot_ms - began;
    let mut total = Tally::default();
    let mut failed: Vec<String> = Vec::new();
    for (seed, outcome) in &done {
        add(&mut total, &outcome.tally);
        if !outcome.broken.is_empty() {
            failed.push(seed.to_string());
        }
    }
    show(&total, done.len() as u64, wanted.days, ms);
    if failed.is_empty()
        && done.first().is_some_and(|(seed, o)| run::seed(*seed, wanted.days).digest != o.digest)
    {
        failed.push(format!("{} (it does not give the same run twice)", wanted.from));
    }
    if failed.is_empty()
        && total.unknowns >= 200
        && total.by_evidence * 100 < (total.unknowns - total.disturbed) * SETTLED
    {
        failed.push(format!("all: under {SETTLED} % of the unknown payments were settled without a person"));
    }
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("failed seeds: {}", failed.join(", "));
    ExitCode::FAILURE
}
