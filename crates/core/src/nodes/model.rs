//! Two nodes, one lease row, one payment of one term: every interleaving of their steps to a depth of twelve, within two takeovers and two
//! attempts, states seen before left out. A node that is not scheduled is a node that is frozen, so that freezes, late answers, kills and
//! clocks of other rates are all among them. What decides is the code of this module and the last look; the database is the model's own.
use std::collections::HashSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rstest::rstest;

use super::*;
use crate::domain::Moment;
use crate::domain::time::Timing;
use crate::evidence::leaves_by;
use crate::record::{LastLook, Tenancy};

const DEPTH: usize = 12;
/// Two takeovers and as many attempts: what comes after is the same again.
const EPOCHS: i64 = 3;
const ROWS: usize = 2;
const TTL: SignedDuration = SignedDuration::from_secs(30);
const HOLD: SignedDuration = SignedDuration::from_secs(40);
/// Time passes in steps of so many seconds: less than a permit lives, and more than a lease does.
const STEPS: [i64; 2] = [10, 31];
/// What lies further back than this is as old as anything can be.
const LONG_AGO: i64 = -42;
const NAMES: [&str; 2] = ["a", "b"];

fn timing() -> Timing {
    let none = SignedDuration::ZERO;
    Timing {
        read_timeout: none,
        money_timeout: none,
        lag_window: SignedDuration::from_secs(1),
        settle_reads: 1,
    }
}

/// How far a node has come with the payment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Phase {
    Idle,
    /// Its row is asked for; the database's answer has not been heard.
    Asked {
        began: i64,
        epoch: i64,
        row: Option<usize>,
    },
    /// It holds the permit of this row.
    Permit {
        began: i64,
        epoch: i64,
        row: usize,
    },
    /// The last look was good, at that instant; the first byte is about to leave.
    Looked {
        at: i64,
        row: usize,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Node {
    phase: Phase,
    /// Epoch, and when the renewal began.
    held: Option<(i64, i64)>,
    /// A renewal whose answer has not been heard: when it began, and whether it worked.
    keeping: Option<(i64, bool)>,
    answered: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Fate {
    Open,
    NeverSent,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Row {
    epoch: i64,
    at: i64,
    node: usize,
    fate: Fate,
}

/// All instants are seconds from now in true time, which is the database's: states that differ in nothing but when they are, are one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    epoch: i64,
    holder: usize,
    expires: i64,
    released: bool,
    /// Epochs that ended by another's taking: when their lease ran out, and when it was taken.
    failovers: Vec<(i64, i64, i64)>,
    rows: Vec<Row>,
    charges: usize,
    /// A row was written, or a last look was good, under a lease that had run out or that another had taken by then.
    late: bool,
    nodes: [Node; 2],
}

/// What is left out of the rules, to see that the model can find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Without {
    Nothing,
    /// The row of a spend is written whatever the lease's row says.
    Fence,
    /// What was decided leaves however old the renewal is.
    LastLook,
    /// A renewal counts from when its answer was heard.
    Start,
    /// A lease is taken before it ran out.
    Expiry,
    /// Absence is enough for a second attempt, whoever began the first.
    Hold,
}

struct Model {
    without: Without,
    /// How many seconds a node's clock tells in two.
    rates: [i64; 2],
}

fn fresh() -> World {
    let node = |held| Node { phase: Phase::Idle, held, keeping: None, answered: true };
    World {
        epoch: 1,
        holder: 0,
        expires: TTL.as_secs(),
        released: false,
        failovers: Vec::new(),
        rows: Vec::new(),
        charges: 0,
        late: false,
        nodes: [node(Some((1, 0))), node(None)],
    }
}

impl Model {
    /// That instant by a node's own clocks.
    fn at(&self, n: usize, now: i64) -> Moment {
        let ms = now * 1000 * self.rates[n] / 2;
        Moment { wall: Timestamp::from_millisecond(ms).unwrap(), boot_id: NAMES[n].to_owned(), boot_ms: ms }
    }

    fn renewed(&self, w: &World, n: usize) -> Option<Renewed> {
        w.nodes[n].held.map(|(epoch, began)| Renewed { epoch, began: self.at(n, began) })
    }

    fn next(&self, w: &World, n: usize, stopping: bool) -> Next {
        let left = SignedDuration::from_secs(w.expires);
        let left = if self.without == Without::Expiry { SignedDuration::ZERO } else { left };
        let row = LeaseRow { epoch: w.epoch, holder: NAMES[w.holder].to_owned(), left, released: w.released };
        let (held, now) = (self.renewed(w, n), self.at(n, 0));
        let facts = Facts {
            me: NAMES[n],
            row: Some(&row),
            held: held.as_ref(),
            answered: w.nodes[n].answered,
            stopping,
            now: &now,
            ttl: TTL,
        };
        next(&facts)
    }

    /// The lease is asked for, and the answer heard at once.
    fn take(&self, w: &World, n: usize) -> Option<World> {
        let Next::Take { back } = self.next(w, n, false) else { return None };
        let free = w.released || w.expires <= 0 || self.without == Without::Expiry;
        let mut then = w.clone();
        then.nodes[n].answered = true;
        if !(free || (back && w.holder == n)) {
            return Some(then);
        }
        if w.holder != n && !w.released {
            then.failovers.push((w.epoch, w.expires.min(0), 0));
        }
        (then.epoch, then.holder, then.released) = (w.epoch + 1, n, false);
        then.expires = TTL.as_secs();
        then.nodes[n].held = Some((then.epoch, 0));
        then.nodes[n].keeping = None;
        Some(then)
    }

    /// A renewal leaves and is done by the database; its answer is heard later.
    fn keep(&self, w: &World, n: usize) -> Option<World> {
        let (epoch, _) = w.nodes[n].held.filter(|_| w.nodes[n].keeping.is_none())?;
        let mut then = w.clone();
        let good = w.epoch == epoch && w.holder == n && !w.released;
        if good {
            then.expires = TTL.as_secs();
        }
        then.nodes[n].keeping = Some((0, good));
        Some(then)
    }

    fn hear_keep(&self, w: &World, n: usize) -> Option<World> {
        let (began, good) = w.nodes[n].keeping?;
        let mut then = w.clone();
        let began = if self.without == Without::Start { 0 } else { began };
        let epoch = w.nodes[n].held?.0;
        then.nodes[n].held = good.then_some((epoch, began));
        then.nodes[n].keeping = None;
        Some(then)
    }

    /// What the books and the earlier rows say to a node that wants to pay.
    fn may_begin(&self, w: &World, n: usize) -> bool {
        let now = self.at(n, 0);
        w.charges == 0
            && w.rows.iter().all(|row| {
                let Some((_, ended, taken)) = w.failovers.iter().find(|f| f.0 == row.epoch) else {
                    // Given back, or taken back by its own node: that process is gone, and what it had decided can leave no more.
                    let over = w.nodes[n].held.is_some_and(|held| held.0 > row.epoch);
                    return row.fate == Fate::NeverSent || over;
                };
                let failover = Failover {
                    ended: Timestamp::from_second(*ended).unwrap(),
                    taken: self.at(n, *taken),
                    seen: Timestamp::from_second(0).unwrap(),
                    seen_at: now.clone(),
                };
                let waited = now.since(&failover.taken).unwrap();
                let absent = waited >= leaves_by(&timing()).saturating_add(timing().lag_window);
                let started = self.at(row.node, row.at);
                let held = failover.since_spend(Some(&started), &now) < HOLD;
                row.fate == Fate::NeverSent || self.without == Without::Hold || (absent && !held)
            })
    }

    /// The transaction of a spend: fenced by the lease's row, which it locks.
    fn ask(&self, w: &World, n: usize) -> Option<World> {
        let idle = w.nodes[n].phase == Phase::Idle;
        let (epoch, _) = w.nodes[n].held.filter(|_| idle && self.may_begin(w, n))?;
        let fenced = w.epoch == epoch && w.holder == n && !w.released && w.expires > 0;
        let mut then = w.clone();
        let row = (fenced || self.without == Without::Fence).then_some(w.rows.len());
        if row.is_some() {
            then.late |= epoch < w.epoch;
            then.rows.push(Row { epoch, at: 0, node: n, fate: Fate::Open });
        }
        then.nodes[n].phase = Phase::Asked { began: 0, epoch, row };
        Some(then)
    }

    fn go_on(&self, w: &World, n: usize) -> Option<World> {
        let mut then = w.clone();
        match w.nodes[n].phase.clone() {
            Phase::Idle => return None,
            Phase::Asked { began, epoch, row } => {
                then.nodes[n].phase = row.map_or(Phase::Idle, |row| Phase::Permit { began, epoch, row });
            }
            Phase::Permit { began, epoch, row } => {
                if self.look(w, n, began, epoch).is_some() && self.without != Without::LastLook {
                    then.rows[row].fate = Fate::NeverSent;
                    then.nodes[n].phase = Phase::Idle;
                } else {
                    then.late |= w.epoch != epoch || w.holder != n || w.expires <= 0;
                    then.nodes[n].phase = Phase::Looked { at: 0, row };
                }
            }
            Phase::Looked { .. } => {
                then.charges += 1;
                then.nodes[n].phase = Phase::Idle;
            }
        }
        Some(then)
    }

    fn look(&self, w: &World, n: usize, began: i64, epoch: i64) -> Option<String> {
        let held = self.renewed(w, n);
        let tenancy = Tenancy { epoch, ttl: Some(TTL), renewed: Arc::new(move || held.clone()) };
        let look = LastLook::new(Arc::new(|| Ok(()))).started(&self.at(n, began)).under(tenancy);
        look.objection(|| self.at(n, 0), "now")
    }

    /// Killed, and started anew: it holds the lock of its folder, and so no other process of it is left.
    fn restart(w: &World, n: usize) -> Option<World> {
        // One that stands by is the same after it.
        if w.nodes[n].held.is_none() && w.nodes[n].phase == Phase::Idle {
            return None;
        }
        let mut then = w.clone();
        then.nodes[n] = Node { phase: Phase::Idle, held: None, keeping: None, answered: false };
        Some(then)
    }

    fn release(&self, w: &World, n: usize) -> Option<World> {
        let Next::Release { epoch } = self.next(w, n, true) else { return None };
        // A payment in flight is awaited first.
        if w.nodes[n].phase != Phase::Idle {
            return None;
        }
        let mut then = w.clone();
        then.released |= w.epoch == epoch && w.holder == n;
        (then.nodes[n].held, then.nodes[n].keeping) = (None, None);
        Some(then)
    }

    /// Time passes, for both. What no rule can help is left out: frozen for longer than `failover_hold` between last look and write.
    fn wait(w: &World, step: i64) -> Option<World> {
        let beyond = |n: &Node| matches!(n.phase, Phase::Looked { at, .. } if step - at > HOLD.as_secs());
        if w.nodes.iter().any(beyond) {
            return None;
        }
        let mut then = w.clone();
        let back = |at: &mut i64| *at = (*at - step).max(LONG_AGO);
        back(&mut then.expires);
        then.rows.iter_mut().for_each(|row| back(&mut row.at));
        then.failovers.iter_mut().for_each(|(_, ended, taken)| {
            back(ended);
            back(taken);
        });
        for node in &mut then.nodes {
            node.held.iter_mut().for_each(|(_, began)| back(began));
            node.keeping.iter_mut().for_each(|(began, _)| back(began));
            match &mut node.phase {
                Phase::Idle => {}
                Phase::Asked { began, .. } | Phase::Permit { began, .. } => back(began),
                Phase::Looked { at, .. } => back(at),
            }
        }
        Some(then)
    }

    fn steps(&self, w: &World) -> Vec<World> {
        let mut all: Vec<World> = STEPS.iter().filter_map(|step| Self::wait(w, *step)).collect();
        for n in 0..2 {
            let own = [
                self.take(w, n),
                self.keep(w, n),
                self.hear_keep(w, n),
                self.ask(w, n),
                self.go_on(w, n),
                Self::restart(w, n),
                self.release(w, n),
            ];
            all.extend(own.into_iter().flatten());
        }
        all
    }

    /// Every state that is reached; the first in which the term was charged twice ends it.
    fn run(&self, depth: usize) -> Result<usize, Box<World>> {
        let mut seen: HashSet<World> = HashSet::from([fresh()]);
        let mut edge = vec![fresh()];
        for _ in 0..depth {
            let mut further = Vec::new();
            for then in edge.iter().flat_map(|w| self.steps(w)) {
                // One charge; whoever has taken the lease has seen every row that an older epoch will ever write; and what passes the
                // last look is the holder's.
                if then.charges > 1 || then.late {
                    return Err(Box::new(then));
                }
                let within = then.epoch <= EPOCHS && then.rows.len() <= ROWS;
                if within && seen.insert(then.clone()) {
                    further.push(then);
                }
            }
            edge = further;
        }
        Ok(seen.len())
    }
}

#[test]
fn two_nodes_charge_a_term_once_whatever_freezes_and_whenever() {
    let states = Model { without: Without::Nothing, rates: [2, 2] }.run(DEPTH).expect("one charge");
    assert!(states > 10_000, "{states} states are not all interleavings");
}

#[rstest]
#[case::the_first_holders([1, 4])]
#[case::the_other_nodes([4, 1])]
fn a_clock_at_half_or_double_rate_changes_nothing(#[case] rates: [i64; 2]) {
    // Clocks that differ make states differ: so deep as is tried in the time of the others.
    if let Err(world) = (Model { without: Without::Nothing, rates }).run(DEPTH - 3) {
        panic!("{world:#?}");
    }
}

#[test]
fn without_any_one_of_the_rules_the_model_finds_a_second_charge() {
    for without in [Without::Fence, Without::LastLook, Without::Start, Without::Expiry, Without::Hold] {
        let found = Model { without, rates: [2, 2] }.run(DEPTH);
        assert!(found.is_err(), "{without:?} is missed");
    }
}
