//! Every durable write and every request of the payment path is a crash point: the real binary is killed at each, started
//! again, and the provider's books are held against the ledger.
//!
//! The points are found by recording, never written by hand. `CRASH_LONG=1` kills at every single call instead of a sample,
//! `CRASH_BINARY` names another binary; `scripts/crash-matrix` does both.
#![allow(clippy::unwrap_used, missing_docs, reason = "helpers of tests: a panic is a failed test")]

#[path = "crash/drive.rs"]
mod drive;
#[path = "crash/facts.rs"]
mod facts;
#[path = "crash/judge.rs"]
mod judge;
#[path = "crash/log.rs"]
mod log;
#[path = "crash/scenarios.rs"]
mod scenarios;
#[path = "crash/shim.rs"]
mod shim;
#[path = "crash/stage.rs"]
mod stage;
#[path = "crash/steps.rs"]
mod steps;

use std::sync::Mutex;
use std::time::Instant;

use drive::{Outcome, Point};
use scenarios::Scenario;

/// Kills at every point with two workers; tells figures, and every failure.
fn matrix(scenario: &Scenario) {
    let began = Instant::now();
    let runs = drive::record(scenario).unwrap();
    let named = drive::named_points(&runs);
    let mut bare = drive::bare_points(&runs);
    let calls = bare.len();
    if !shim::long() {
        let step = (calls / 12).max(1);
        bare = bare.into_iter().step_by(step).collect();
    }
    let points: Vec<Point> = named.iter().cloned().chain(bare).collect();
    let (left, told) = (Mutex::new(points.iter()), Mutex::new((0, 0, 0, Vec::new())));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let Some(point) = left.lock().unwrap().next() else { return };
                    let (kills, outcome) = patient(scenario, point);
                    let mut told = told.lock().unwrap();
                    told.0 += kills;
                    match outcome {
                        Outcome::Good { charges } => told.1 += charges,
                        Outcome::Missed(_) if point.name.contains(", call ") => told.2 += 1,
                        Outcome::Missed(why) | Outcome::Bad(why) => {
                            told.3.push(format!("{} [{}]: {why}", point.name, point.order));
                        }
                    }
                }
            });
        }
    });
    let (kills, charges, unreached, failures) = told.into_inner().unwrap();
    println!(
        "crash matrix | {} | {} named points, {} of {calls} calls | {kills} kills, {charges} charges, {unreached} calls not \
         reached again, {} failures | {:.1} s",
        scenario.name,
        named.len(),
        points.len() - named.len(),
        failures.len(),
        began.elapsed().as_secs_f64()
    );
    assert!(failures.is_empty(), "{}:\n{}", scenario.name, failures.join("\n"));
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
fn a_crash_anywhere_ends_with_one_charge_each() {
    for scenario in scenarios::ALL {
        let runs = drive::record(scenario).unwrap();
        for run in &runs {
            println!("{:?}", run.args);
            run.steps.iter().for_each(|s| println!("  {:?} {} {}", s.class, s.number, s.name));
        }
        matrix(scenario);
    }
}
