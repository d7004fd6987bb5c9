//! Many processes on one ledger and one account, killed, paused and resumed at random: whatever the races, the provider's
//! books and the ledger tell one story.
//!
//! `MANY_ROUNDS` and `MANY_SEED` choose how many rounds and which; `scripts/many` sets them. Rounds come in worlds of fifty,
//! each with its own ledger.
#![allow(clippy::unwrap_used, missing_docs, reason = "helpers of tests: a panic is a failed test")]
#![allow(clippy::print_stdout, reason = "the figures of a run are its result")]

mod bad;
mod contested;
mod history;
mod paused;
mod storm;
mod wire;
mod world;

use std::time::Duration;

use renewd::clock::{Clock, SystemClock};

use storm::Tally;
use world::{Crowd, LAG_MS};

const WORLD: u64 = 50;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |v| v.parse().unwrap_or_else(|e| panic!("{name}={v}: {e}")))
}

#[test]
fn eight_processes_killed_and_paused_charge_each_term_once_and_lose_no_row() {
    let (rounds, seed) = (number("MANY_ROUNDS", WORLD), number("MANY_SEED", 1));
    let (mut left, mut first) = (rounds, seed);
    while left > 0 {
        let here = left.min(WORLD);
        world_of(first, here);
        left -= here;
        first += here;
    }
}

/// Rounds `first..first + rounds`, then calm.
fn world_of(first: u64, rounds: u64) {
    let began = SystemClock::new().now().boot_ms;
    let mut crowd = Crowd::new(40, 18, 40, first, 100_000);
    let (mut tally, mut before) = (Tally::default(), Vec::new());
    for seed in first..first + rounds {
        crowd.pass(5);
        tally.add(storm::round(&crowd, seed, seed % 5 == 0));
        let history = crowd.history(false);
        let mut breaches = history.breaches();
        breaches.extend(history::lost(&before, &history.rows));
        tell(&crowd, &history, &breaches, (first, seed));
        before = history.rows;
    }
    calm_down(&crowd);
    let asked = ask_a_person(&crowd);
    assert!(asked <= 2, "{asked} payments of {rounds} rounds were left to a person\n{}", crowd.bench.log());
    let history = crowd.history(true);
    tell(&crowd, &history, &history.breaches(), (first, first + rounds - 1));
    assert!(history.charges.len() as u64 > rounds / 2, "too little was paid: {}", history.charges.len());
    let count = |state| history.rows.iter().filter(|r| r.states.iter().any(|s| s == state)).count();
    println!(
        "rounds {first}..={}: {tally:?}; {} charges over {} leases' terms, {} rows, {} were unknown, {} not applied, {} split, {asked} for a person; {} s",
        first + rounds - 1,
        history.charges.len(),
        history.charges.iter().map(|c| c.terms.len()).sum::<usize>(),
        history.rows.len(),
        count("unknown"),
        count("not_applied"),
        count("split"),
        (SystemClock::new().now().boot_ms - began) / 1000,
    );
}

/// Faults stop; a few cycles settle whatever is open.
fn calm_down(crowd: &Crowd) {
    crowd.bench.handle.clear_faults();
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(LAG_MS / 2 + 50));
        let code = crowd.bench.renewd(&["once"]).status.code();
        assert!(matches!(code, Some(0 | 3)), "{code:?}\n{}", crowd.bench.log());
        if crowd.open() == 0 {
            return;
        }
    }
}

/// An account that is never quiet may leave a payment to a person: one who looks at the provider's books. How many did.
fn ask_a_person(crowd: &Crowd) -> usize {
    let history = crowd.history(false);
    let open: Vec<_> = history.rows.iter().filter(|r| r.state() == "needs_operator").collect();
    for row in &open {
        let paid = history.charges.iter().find(|c| row.terms.iter().all(|t| c.terms.contains(t)));
        let word = paid.map_or("--not-charged".to_owned(), |c| format!("--charged={}", c.amount));
        let said = crowd.bench.renewd(&["resolve", &row.id, &word, "--note", "seen in the provider's books"]);
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    }
    open.len()
}

fn tell(crowd: &Crowd, history: &history::History, breaches: &[String], (first, seed): (u64, u64)) {
    let log = crowd.bench.log();
    let panics = log.lines().filter(|l| l.contains("panicked") || l.contains("internal error"));
    let found: Vec<&str> = breaches.iter().map(String::as_str).chain(panics).collect();
    if found.is_empty() {
        return;
    }
    // A folder of its own outlives this test: ledger, log and both sides' story.
    let kept = std::env::temp_dir().join(format!("renewd-many-{first}-{seed}"));
    std::fs::create_dir_all(&kept).unwrap();
    for name in ["state/ledger.db", "state/ledger.db-wal", "run.log"] {
        let to = kept.join(name.rsplit('/').next().unwrap());
        let _copied = std::fs::copy(crowd.bench.path(name), to);
    }
    std::fs::write(kept.join("history.txt"), format!("{history:#?}")).unwrap();
    panic!(
        "round {seed} broke the rules:\n{}\nledger, log and history: {}\nrepeat it: scripts/many --seed {first} --rounds {}",
        found.join("\n"),
        kept.display(),
        seed - first + 1,
    );
}
