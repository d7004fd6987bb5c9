//! A round: eight processes on one ledger, started, killed, paused and resumed at instants drawn from a seed, while the
//! provider loses answers and lags. Not responsible for judging what came of it.
//!
//! The instants are the seed's; what the kernel makes of them is not, so a seed repeats a round's plan, not its every race.
use std::collections::BTreeSet;
use std::process::{Child, Stdio};
use std::time::Duration;

use renewd::clock::{Clock, SystemClock};
use renewd::simulator::{Aim, Answer, Effect, Fault, When};
use rustix::process::Signal;

use super::world::Crowd;
use crate::common::signal;

pub const PROCESSES: usize = 8;
/// How long a round's plan is.
const ROUND_MS: u64 = 700;
/// How long processes may take to end on their own after it.
const PATIENCE_MS: u64 = 20_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    Start,
    Stop,
    Continue,
    Kill,
}

/// What a round did.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    pub started: usize,
    pub killed: usize,
    pub paused: usize,
    /// Ended with 0 or 3.
    pub done: usize,
    /// Ended with 4: another one held the ledger.
    pub turned_away: usize,
}

impl Tally {
    pub fn add(&mut self, other: Self) {
        self.started += other.started;
        self.killed += other.killed;
        self.paused += other.paused;
        self.done += other.done;
        self.turned_away += other.turned_away;
    }
}

/// Every money call may lose its answer before or after it is processed, be cut short, or land late.
fn faults(crowd: &Crowd, dice: &mut fastrand::Rng) {
    let handle = &crowd.bench.handle;
    handle.clear_faults();
    let late = Duration::from_millis(dice.u64(50..700));
    for (percent, effect, answer) in [
        (5, Effect::Nothing, Answer::Close),
        (8, Effect::Process, Answer::Reset),
        (4, Effect::Process, Answer::HalfBody),
        (4, Effect::After(late), Answer::Close),
        (4, Effect::FirstLeases(1), Answer::Honest),
        (3, Effect::Process, Answer::Refusal { status: 500, code: 16, message: "no".into() }),
        (2, Effect::Process, Answer::Hang),
    ] {
        let when = When::Chance { percent, seed: dice.u64(..) };
        handle.inject(Fault::on(Aim::Money).when(when).effect(effect).answer(answer));
    }
    handle.inject(
        Fault::on(Aim::Any).when(When::Chance { percent: 1, seed: dice.u64(..) }).answer(Answer::Html(502)),
    );
    handle.set_lag(Duration::from_millis(dice.u64(0..800)));
    handle.set_balance_lag(Duration::from_millis(dice.u64(0..800)));
}

/// Eight starts, and as many blows as fall on whoever is alive then.
fn script(dice: &mut fastrand::Rng) -> BTreeSet<(u64, Act, usize)> {
    let starts: Vec<_> = (0..PROCESSES).map(|who| (dice.u64(0..ROUND_MS * 2 / 3), Act::Start, who)).collect();
    let blows = (0..PROCESSES).map(|_| {
        let act = if dice.bool() { Act::Kill } else { Act::Stop };
        (dice.u64(40..ROUND_MS), act, dice.usize(0..PROCESSES))
    });
    starts.into_iter().chain(blows).collect()
}

fn elapsed_ms(since: i64) -> u64 {
    u64::try_from(SystemClock::new().now().boot_ms - since).unwrap_or(0)
}

/// Plays one round to its end: no process of it is left.
pub fn round(crowd: &Crowd, seed: u64, applies: bool) -> Tally {
    let mut dice = fastrand::Rng::with_seed(seed);
    faults(crowd, &mut dice);
    let (mut script, mut tally) = (script(&mut dice), Tally::default());
    let mut commands: Vec<Vec<String>> =
        (0..PROCESSES).map(|_| vec![if dice.u8(0..5) == 0 { "run" } else { "once" }.to_owned()]).collect();
    if applies {
        let file = crowd.bench.path("plan.json").display().to_string();
        let mut plan = crowd.bench.command(&["plan", "--out", &file]);
        let _code = plan.stdout(Stdio::null()).stderr(Stdio::null()).status();
        commands[..2].fill(vec!["apply".to_owned(), file]);
    }
    let mut crew: Vec<Option<Child>> = (0..PROCESSES).map(|_| None).collect();
    let began = SystemClock::new().now().boot_ms;
    while let Some((at, act, who)) = script.pop_first() {
        std::thread::sleep(Duration::from_millis(at.saturating_sub(elapsed_ms(began))));
        let target = if matches!(act, Act::Kill | Act::Stop) { living(&mut crew, who) } else { Some(who) };
        let Some(target) = target else { continue };
        if act == Act::Start {
            let args: Vec<&str> = commands[target].iter().map(String::as_str).collect();
            crew[target] = Some(crowd.bench.spawn(&args));
            tally.started += 1;
        } else if let Some(child) = crew[target].as_mut() {
            disturb(child, act, &mut tally);
        }
        if act == Act::Stop {
            script.insert((at + dice.u64(20..400), Act::Continue, target));
        }
    }
    let mercy = dice.bool();
    for (who, child) in crew.iter_mut().enumerate() {
        let Some(child) = child else { continue };
        let daemon = commands[who][0] == "run";
        end(child, daemon, mercy, &mut tally, &crowd.bench.log());
    }
    tally
}

/// One of those that are at work, by a number drawn before.
fn living(crew: &mut [Option<Child>], drawn: usize) -> Option<usize> {
    let works = |child: &mut Option<Child>| child.as_mut().is_some_and(|c| c.try_wait().unwrap().is_none());
    let alive: Vec<usize> = (0..crew.len()).filter(|n| works(&mut crew[*n])).collect();
    (!alive.is_empty()).then(|| alive[drawn % alive.len()])
}

/// A process that has ended is left alone: its id may be another's soon, but not before it was waited for.
fn disturb(child: &mut Child, act: Act, tally: &mut Tally) {
    if child.try_wait().unwrap().is_some() {
        return;
    }
    match act {
        Act::Stop => {
            signal(child, Signal::STOP);
            tally.paused += 1;
        }
        Act::Continue => signal(child, Signal::CONT),
        Act::Kill | Act::Start => {
            child.kill().unwrap();
            child.wait().unwrap();
            tally.killed += 1;
        }
    }
}

/// With mercy it may finish what it is doing, else it is killed. One that ended by itself must have ended well.
fn end(child: &mut Child, daemon: bool, mercy: bool, tally: &mut Tally, log: &str) {
    if child.try_wait().unwrap().is_none() {
        signal(child, Signal::CONT);
        if !mercy {
            return disturb(child, Act::Kill, tally);
        }
        if daemon {
            signal(child, Signal::TERM);
        }
        let began = SystemClock::new().now().boot_ms;
        while child.try_wait().unwrap().is_none() {
            assert!(elapsed_ms(began) < PATIENCE_MS, "a process hangs\n{log}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    match child.wait().unwrap().code() {
        Some(0 | 3) => tally.done += 1,
        Some(4) => tally.turned_away += 1,
        // Killed by this round, which counted it.
        None => {}
        Some(code) => panic!("a process ended with {code}\n{log}"),
    }
}
