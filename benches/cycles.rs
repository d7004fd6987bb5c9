//! Whether a daemon grows: one process that makes cycles as `renewd run` does, one right after the other, over a fleet in which nothing is
//! due, with a clock that goes on by the interval between them.
//!
//! `cycles CONFIG CYCLES` prints its resident memory ten times on the way. Run by `scripts/bench-reads`, which serves the fleet; not
//! responsible for the loop's timers and the web side, which `scripts/bench-reads` watches in a real daemon.
#![allow(clippy::print_stdout, reason = "a program that is run by a script and answers on stdout")]
#![allow(missing_docs, reason = "a program, not a library")]
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use renewd::alerts::tell;
use renewd::clock::{Clock, SystemClock, VirtualClock};
use renewd::ledger::Ledger;
use renewd::ledger::sqlite::{self, Access};
use renewd::redact::Redactor;
use renewd::settings::{self, Sources};
use renewd::wiring;

/// 96 cycles a day.
const INTERVAL: Duration = Duration::from_secs(15 * 60);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let [config, cycles] = args.as_slice() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let cycles = cycles.parse().expect("a number of cycles");
    runtime.expect("a runtime").block_on(run(PathBuf::from(config), cycles));
}

async fn run(config: PathBuf, cycles: usize) {
    let settings = settings::load(&Sources::from_process(&[config])).expect("a good config");
    let redactor = Redactor::new(settings.secrets());
    let ledger: Arc<dyn Ledger> = Arc::new(sqlite::open(&settings.state_dir, Access::Pay).expect("a ledger"));
    let clock = Arc::new(VirtualClock::starting_at(SystemClock::new().now().wall));
    let viewer = wiring::viewer(Arc::new(settings), ledger, Arc::clone(&clock) as Arc<dyn Clock>, &redactor);
    let payer = wiring::payer(viewer.expect("a client"), &redactor).expect("a client");
    // The loop keeps the newest.
    let mut kept = None;
    for n in 0..=cycles {
        if n % (cycles / 10).max(1) == 0 {
            println!("{n} {}", resident());
        }
        let report = payer.cycle().await.expect("a cycle");
        tell::report(&payer.viewer, &report).expect("a ledger");
        kept = Some(report);
        clock.advance(INTERVAL);
    }
    drop(kept);
}

/// KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|l| l.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or_default()
}
