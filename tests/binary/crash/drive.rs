//! Records a scenario, makes the list of its crash points from that, and kills the binary at one. Not responsible for what
//! must hold afterwards (`judge`).
use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Output;

use crate::crash::facts::Facts;
use crate::crash::judge;
use crate::crash::log::{self, Files, Record};
use crate::crash::scenarios::{Act, Scenario};
use crate::crash::stage::Stage;
use crate::crash::steps::{self, Class, Step};

/// A run of a recorded scenario.
pub struct Recorded {
    pub args: &'static [&'static str],
    pub records: Vec<Record>,
    pub steps: Vec<Step>,
}

/// Where to kill.
#[derive(Debug, Clone)]
pub struct Point {
    /// Which run of the script.
    pub run: usize,
    /// What the shim is told.
    pub order: String,
    /// What people read.
    pub name: String,
    /// The step that is killed and the one that must have been durable before it; `None` for a bare call.
    expect: Option<(Step, Option<Step>)>,
}

impl Point {
    /// It is a single call, not a step.
    pub fn is_bare(&self) -> bool {
        self.expect.is_none()
    }
}

/// How a kill ended.
pub enum Outcome {
    Good {
        charges: usize,
    },
    /// The run ended before the point, or was killed elsewhere.
    Missed(String),
    Bad(String),
}

/// Runs the script once, whole.
pub fn record(scenario: &Scenario) -> Result<Vec<Recorded>, String> {
    let stage = (scenario.make)();
    let (mut files, mut facts, mut runs) = (Files::default(), Facts::default(), Vec::new());
    for act in scenario.script {
        match act {
            Act::Wait(seconds) => stage.pass(*seconds),
            Act::World(happens) => happens(&stage),
            Act::Run(args) => {
                let log = stage.path(&format!("calls-{}", runs.len()));
                let out = stage.run(args, Some(&log), None);
                ended(&out)?;
                let records = log::read(&log);
                let steps = steps::of_run(&records, &mut files, &mut facts);
                runs.push(Recorded { args, records, steps });
            }
        }
    }
    judge::end(&stage, scenario).map_err(|e| format!("without a crash: {e}"))?;
    Ok(runs)
}

fn ended(out: &Output) -> Result<(), String> {
    match out.status.code() {
        Some(0 | 3) => Ok(()),
        code => Err(format!("a run ended with {code:?}: {}", String::from_utf8_lossy(&out.stderr))),
    }
}

/// Every named step of every run, before, in the middle and after.
pub fn named_points(runs: &[Recorded]) -> Vec<Point> {
    let mut points = Vec::new();
    for (run, recorded) in runs.iter().enumerate() {
        for (n, step) in recorded.steps.iter().enumerate() {
            let middle = if step.class == Class::Commit { "written" } else { "answered" };
            let nth = recorded.steps[..=n].iter().filter(|s| s.name == step.name).count();
            let before = recorded.steps[..n].iter().rev().find(|s| s.class == Class::Commit).cloned();
            for when in ["before", middle, "after"] {
                points.push(Point {
                    run,
                    order: format!("{} {} {when}", step.class.word(), step.number),
                    name: format!("run {}, {} #{nth}: {when}", run + 1, step.name),
                    expect: Some((step.clone(), before.clone())),
                });
            }
        }
    }
    points
}

/// Every single call of every run.
pub fn bare_points(runs: &[Recorded]) -> Vec<Point> {
    let mut points = Vec::new();
    for (run, recorded) in runs.iter().enumerate() {
        for r in recorded.records.iter() {
            let name = format!("run {}, call {} ({} {}): before", run + 1, r.call, r.op, r.name);
            points.push(Point { run, order: format!("any {} before", r.call), name, expect: None });
        }
    }
    points
}

/// A choice of them that still has every state that a crash can leave behind: before each step, and after the last of a run;
/// both sides and the middle of a request that changes something, which somebody else sees. A read changes nothing on either
/// side, and a step after the same change as in an earlier pass or scenario was done there. Single calls, which fall
/// into the middle of steps: a few of each scenario.
pub fn sample(
    runs: &[Recorded],
    named: Vec<Point>,
    bare: Vec<Point>,
    seen: &mut BTreeSet<(Option<String>, String)>,
) -> Vec<Point> {
    let mut path: Vec<String> = Vec::new();
    let mut wanted = BTreeSet::new();
    for (run, recorded) in runs.iter().enumerate() {
        for step in &recorded.steps {
            let reads = step.class == Class::Send && !step.changes;
            let near = path.last().cloned();
            if !reads && seen.insert((near, step.name.clone())) {
                wanted.insert((run, step.class, step.number));
            }
            if step.changes {
                path.push(step.name.clone());
            }
        }
    }
    let last = |run: usize, step: &Step| runs[run].steps.last() == Some(step);
    let mut chosen = named;
    chosen.retain(|p| {
        let Some((step, _)) = &p.expect else { return false };
        let sides = step.class == Class::Send || p.order.ends_with("before") || last(p.run, step);
        wanted.contains(&(p.run, step.class, step.number)) && sides
    });
    let every = (bare.len() / 3).max(1);
    chosen.extend(bare.into_iter().step_by(every));
    chosen
}

/// Kills at a point, starts again, and looks.
pub fn kill(scenario: &Scenario, point: &Point) -> Outcome {
    let stage = (scenario.make)();
    let mut logs: Vec<PathBuf> = Vec::new();
    for act in scenario.script {
        match act {
            Act::Wait(seconds) => stage.pass(*seconds),
            Act::World(happens) => happens(&stage),
            Act::Run(args) if logs.len() == point.run => {
                let log = stage.path("calls-killed");
                let out = stage.run(args, Some(&log), Some(&point.order));
                logs.push(log);
                if out.status.signal() != Some(9) {
                    return Outcome::Missed(format!("it ended by itself: {:?}", out.status));
                }
                if let Err(why) = is_there(&logs, point) {
                    return Outcome::Missed(why);
                }
                // The operator's hand repeats what is no purchase; a purchase waits for what the ledger says.
                if scenario.again.is_none() {
                    stage.pass(scenario.gap);
                    let out = stage.run(args, None, None);
                    if let Err(why) = ended(&out) {
                        return Outcome::Bad(why);
                    }
                }
            }
            Act::Run(args) => {
                let log = stage.path(&format!("calls-{}", logs.len()));
                let recording = logs.len() < point.run;
                let out = stage.run(args, recording.then_some(log.as_path()), None);
                logs.push(log);
                if let Err(why) = ended(&out) {
                    return Outcome::Bad(why);
                }
            }
        }
    }
    match converge(&stage, scenario).and_then(|()| judge::end(&stage, scenario)) {
        Ok(()) => Outcome::Good { charges: stage.charges().len() },
        Err(why) => Outcome::Bad(why),
    }
}

/// The killed run was at the step that the point names: the same request, or the commit after the same commit.
fn is_there(logs: &[PathBuf], point: &Point) -> Result<(), String> {
    let Some((step, before)) = &point.expect else { return Ok(()) };
    let records = log::read(logs.last().expect("the killed run's"));
    let death = records.last().filter(|r| r.death).ok_or("it was killed by somebody else")?;
    if step.class == Class::Send {
        let found = death.send == step.number || death.send + 1 == step.number;
        return if found { Ok(()) } else { Err(format!("killed at request {}", death.send)) };
    }
    if step.is_delivery() {
        return Ok(());
    }
    let mut files = Files::default();
    let (killed, earlier) = logs.split_last().expect("the killed run's");
    earlier.iter().flat_map(|log| log::read(log)).for_each(|r| files.apply(&r));
    let last = steps::commit_of_run(&log::read(killed), &mut files, step.number - 1);
    if last == before.as_ref().map(|s| s.name.clone()) {
        Ok(())
    } else {
        Err(format!("the commit before was {last:?}"))
    }
}

/// Passes until all is settled and done, and one a day later, which must pay nothing.
fn converge(stage: &Stage, scenario: &Scenario) -> Result<(), String> {
    let trouble = |e: rusqlite::Error| format!("the ledger cannot be read: {e}");
    for _ in 0..14 {
        stage.pass(scenario.gap);
        let out = stage.run(&["once"], None, None);
        judge::pass(stage, out.status.code())
            .map_err(|e| format!("{e}: {}", String::from_utf8_lossy(&out.stderr)))?;
        if !judge::settled(stage).map_err(trouble)? {
            continue;
        }
        if let Some(args) = scenario.again {
            let bought = judge::payments(stage).map_err(trouble)?;
            if !bought.iter().any(|p| p.purpose == "purchase" && p.state == "confirmed") {
                ended(&stage.run(args, None, None))?;
                continue;
            }
        }
        if let Some(intent) = judge::twice_lost(stage).map_err(trouble)? {
            // The one automatic repetition is used up: an alert is open, as every pass was asked, and a person speaks.
            ended(&stage.run(
                &["resolve", &intent, "--not-charged", "--note", "support says so"],
                None,
                None,
            ))?;
            continue;
        }
        if (scenario.done)(stage) {
            stage.pass(scenario.gap);
            let out = stage.run(&["once"], None, None);
            return judge::pass(stage, out.status.code());
        }
    }
    Ok(())
}
