//! Power cuts: recorded runs, cut anywhere, on a disk that keeps what was synced and anything of the rest. Not responsible for
//! the disk (`disk`).
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::Mutex;

use renewd::ledger::LedgerError;
use renewd::ledger::sqlite::{Access, open};
use rusqlite::Connection;

use crate::crash::disk::{Disk, Syncs};
use crate::crash::drive::Recorded;
use crate::crash::facts::{self, Event};
use crate::crash::log::{Files, Record};
use crate::crash::shim;
use crate::crash::stage::scratch;
use crate::crash::steps::Class;

/// A scenario's calls in one row, and what must be on the disk from which of them on.
struct Tape {
    calls: Vec<Record>,
    /// After so many calls the ledger had said that these events are durable.
    durable: Vec<(usize, BTreeSet<Event>)>,
    /// After so many calls a request that charges had left, on this spend row.
    sent: Vec<(usize, Event)>,
}

/// What many cuts came to.
#[derive(Debug, Default)]
pub struct Sums {
    pub cuts: usize,
    /// Cuts after at least one request that charges.
    pub after_money: usize,
    /// Spend rows whose request had left: asked for, and not there.
    pub intents: usize,
    pub lost_intents: usize,
    /// Cuts after which some commit that had returned was not there.
    pub lost_commits: usize,
    /// Cuts after which payments were expected and the ledger was missing or empty.
    pub silently_empty: usize,
    /// Cuts after which the ledger was refused in words.
    pub refused: usize,
    /// Cuts after which `integrity_check` found something.
    pub damaged: usize,
    /// Cuts after which the binary was asked, too.
    pub asked: usize,
    /// What was wrong, in words; the first few.
    pub told: Vec<String>,
}

fn tape(runs: &[Recorded]) -> Tape {
    let mut tape = Tape { calls: Vec::new(), durable: Vec::new(), sent: Vec::new() };
    for run in runs {
        let base = tape.calls.len();
        for step in &run.steps {
            if step.class == Class::Commit {
                tape.durable.push((base + step.at + 1, step.events.clone()));
            } else if step.money {
                // The spend row that stands behind it is the newest one.
                let spends = tape.durable.last().into_iter().flat_map(|(_, events)| events);
                let spend = spends.filter(|e| e.what == "spend_started").max_by_key(|e| e.payment);
                tape.sent.push((base + step.at + 1, spend.expect("no payment without its row").clone()));
            }
        }
        tape.calls.extend(run.records.iter().cloned());
    }
    tape
}

/// Cuts `count` times, over all scenarios in turn. The same seed cuts at the same places.
pub fn cuts(recorded: &[Vec<Recorded>], count: usize, seed: u64, syncs: Syncs) -> Sums {
    let tapes: Vec<Tape> = recorded.iter().map(|runs| tape(runs)).filter(|t| !t.sent.is_empty()).collect();
    let mut places: Vec<BTreeMap<usize, Vec<u64>>> = tapes.iter().map(|_| BTreeMap::new()).collect();
    for n in 0..count {
        let cut = seed + n as u64;
        let length = tapes[n % tapes.len()].calls.len();
        let at = fastrand::Rng::with_seed(cut).usize(0..=length);
        places[n % tapes.len()].entry(at).or_default().push(cut);
    }
    let (sums, left) = (Mutex::new(Sums::default()), Mutex::new(tapes.iter().zip(&places)));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let Some((tape, places)) = left.lock().unwrap().next() else { return };
                    let mut disk = Disk::new(syncs);
                    for at in 0..=tape.calls.len() {
                        for cut in places.get(&at).into_iter().flatten() {
                            let mut random = fastrand::Rng::with_seed(cut.wrapping_mul(7919));
                            look(tape, at, &disk.cut(&mut random), *cut, &mut random, &sums);
                        }
                        tape.calls.get(at).into_iter().for_each(|call| disk.apply(call));
                    }
                }
            });
        }
    });
    sums.into_inner().unwrap()
}

/// Opens what is left, as renewd does, and counts what is missing.
fn look(tape: &Tape, at: usize, left: &Files, cut: u64, random: &mut fastrand::Rng, sums: &Mutex<Sums>) {
    let dir = scratch();
    left.dump(dir.path(), |_| true);
    if random.bool() {
        // Not a file that anybody syncs: any rubbish may be in it.
        let rubbish: Vec<u8> = (0..32_768).map(|_| random.u8(..)).collect();
        std::fs::write(dir.path().join("ledger.db-shm"), rubbish).unwrap();
    }
    let none = BTreeSet::new();
    let must = tape.durable.iter().rev().find(|(after, _)| *after <= at).map_or(&none, |(_, events)| events);
    let sent: Vec<&Event> = tape.sent.iter().filter(|(after, _)| *after <= at).map(|(_, e)| e).collect();
    let empty =
        left.0.get("ledger.db").is_none_or(Vec::is_empty) && !left.0.contains_key(crate::crash::log::WAL);
    let found = read(dir.path());
    let asked = found.is_ok() && cut.is_multiple_of(50);
    let answer = if asked { ask(dir.path(), sent.len()) } else { Ok(()) };
    let mut sums = sums.lock().unwrap();
    sums.cuts += 1;
    sums.asked += usize::from(asked);
    sums.after_money += usize::from(!sent.is_empty());
    sums.intents += sent.len();
    let mut wrong = Vec::new();
    wrong.extend(answer.err());
    match found {
        Err(words) => {
            sums.refused += 1;
            wrong.push(format!("refused: {words}"));
        }
        Ok((integrity, events)) => {
            let lost = sent.iter().filter(|e| !events.contains(*e)).count();
            sums.lost_intents += lost;
            sums.lost_commits += usize::from(!must.is_subset(&events));
            sums.silently_empty += usize::from(!must.is_empty() && (empty || events.is_empty()));
            sums.damaged += usize::from(integrity != "ok");
            if lost > 0 || !must.is_subset(&events) || integrity != "ok" {
                let missing: Vec<&Event> = must.difference(&events).collect();
                wrong.push(format!("{lost} sent intents lost; missing {missing:?}; integrity {integrity}"));
            }
        }
    }
    if sums.told.len() < 8 {
        sums.told.extend(wrong.into_iter().map(|w| format!("cut {cut} after call {at}: {w}")));
    }
}

/// By the real ledger, to pay; then every event.
fn read(dir: &std::path::Path) -> Result<(String, BTreeSet<Event>), String> {
    match open(dir, Access::Pay) {
        Ok(ledger) => drop(ledger),
        Err(e @ (LedgerError::Damaged { .. } | LedgerError::Trouble { .. })) => return Err(e.to_string()),
        Err(e) => panic!("{e}"),
    }
    let ledger = Connection::open(dir.join("ledger.db")).map_err(|e| e.to_string())?;
    let integrity =
        ledger.query_row("PRAGMA integrity_check", [], |r| r.get(0)).map_err(|e| e.to_string())?;
    Ok((integrity, facts::rows(&ledger).map_err(|e| e.to_string())?.events()))
}

/// By the real binary: it tells at least as many payments as requests had left.
fn ask(dir: &std::path::Path, sent: usize) -> Result<(), String> {
    let config = dir.join("renewd.toml");
    std::fs::write(dir.join("key"), "a-key-0123456789").unwrap();
    let mode = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
    std::fs::set_permissions(dir.join("key"), mode).unwrap();
    let text = format!(
        "state_dir = \"{0}\"\n[[account]]\nname = \"acct\"\nprovider = \"youproxy\"\napi_key = {{ file = \"{0}/key\" }}\n\
         [[policy]]\nname = \"keep\"\naction = \"renew\"\n",
        dir.display()
    );
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new(shim::binary());
    let out = command.arg("--config").arg(&config).args(["--json", "history"]).output().unwrap();
    let told: Option<usize> = serde_json::from_slice::<serde_json::Value>(&out.stdout)
        .ok()
        .and_then(|document| document["payments"].as_array().map(Vec::len));
    match (out.status.code(), told) {
        (Some(0), Some(told)) if told >= sent.min(1) => Ok(()),
        (code, told) => Err(format!("the binary said {code:?}, {told:?} payments, {sent} had been sent")),
    }
}
