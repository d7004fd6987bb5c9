//! What happens next with a lease, and which policies want it, in words: for `explain` and for the page of a lease. Not responsible for
//! deciding: the item says what was decided.
use jiff::Timestamp;

use crate::domain::State;
use crate::ledger::IntentRecord;
use crate::planner::Item;
use crate::policy::{Decision, Kept, Policy, Subject, Word};

use super::Foresight;
use super::steps::reckoned_end;

/// How instants are written: with how far away they are, and that alone.
pub type Written<'a> = (&'a dyn Fn(Timestamp) -> String, &'a dyn Fn(Timestamp) -> String);

/// One policy against one lease: whether it decides, would, or why it does not match.
#[must_use]
pub fn policy_words(
    n: usize,
    policy: &Policy,
    item: &Item,
    subject: &Subject<'_>,
    kept: Option<Kept<'_>>,
) -> String {
    let misses = policy.matches.misses(subject);
    let name = &policy.name;
    if item.policy == Some(n) && kept.is_some() {
        return format!("{name}: decides (an operator keeps the lease like it)");
    }
    if misses.is_empty() && kept.is_some() {
        return format!("{name}: would match, but the lease is kept like another policy");
    }
    if item.policy == Some(n) {
        return format!("{name}: matches and decides (the first match does)");
    }
    if misses.is_empty() {
        return format!("{name}: would match, but an earlier policy decides");
    }
    let why: Vec<String> = misses
        .iter()
        .map(|m| {
            format!(
                "{} is {}, wanted {}",
                m.key,
                m.saw.as_deref().unwrap_or("not known"),
                m.want.join(" or ")
            )
        })
        .collect();
    format!("{name}: does not match: {}", why.join("; "))
}

/// What is known around a lease when its next step is told.
pub struct Course<'a> {
    /// The config's.
    pub policies: &'a [Policy],
    /// Payments that are open, among other things.
    pub seen: &'a Foresight,
    /// Now.
    pub now: Timestamp,
    /// The next start on the schedule.
    pub cycle: Option<Timestamp>,
}

/// What happens next with it, and when.
#[must_use]
pub fn next_words(item: &Item, course: &Course<'_>, written: Written<'_>) -> String {
    let (at, away) = written;
    let now = course.now;
    if item.reason.word == Word::OutsideWindow && item.due_at.is_none_or(|due| due <= now) {
        return next_opening(item, course, at);
    }
    let cycle = next_cycle(course, at);
    match (item.decision(), item.due_at, item.lease.expires_at) {
        (Decision::Renew, due, _) => match (since_decided(item, course.seen, now), due) {
            (Some(Since::Renewed | Since::NotDue), Some(due)) => format!("next: due {}", at(due)),
            (Some(Since::Renewed | Since::NotDue), None) => format!("next: renewd looks again {cycle}"),
            (Some(Since::Paid(open)), _) => format!("next: {open}; renewd looks again {cycle}"),
            (None, _) => format!("next: paid {cycle}"),
        },
        (Decision::Wait, Some(due), _) if due > now => {
            let opens = item.policy.and_then(|p| course.policies[p].opens(due));
            let shut = opens.filter(|opens| *opens > due);
            let then = shut.map_or_else(String::new, |opens| format!("; its window opens {}", at(opens)));
            format!("next: due {}{then}", at(due))
        }
        (Decision::Wait, ..) => format!("next: renewd looks again {cycle}"),
        (Decision::Hold, _, end) => {
            let ends = end.map_or_else(String::new, |end| match end > now {
                true => format!("; it ends {}", at(end)),
                false => format!("; it ended {}", at(end)),
            });
            format!(
                "next: on hold until this is fixed: {}; renewd looks again {cycle}{ends}",
                item.reason.prose
            )
        }
        (_, _, Some(end)) => format!("next: it lapses {} unless somebody renews it", away(end)),
        _ => "next: nothing".to_owned(),
    }
}

fn next_cycle(course: &Course<'_>, at: &dyn Fn(Timestamp) -> String) -> String {
    match course.cycle {
        Some(cycle) => format!("in the next cycle, on schedule {}", at(cycle)),
        None => "in the next cycle".to_owned(),
    }
}

/// What came after the cycle that decided to pay for a lease.
pub enum Since {
    /// Its end moved.
    Renewed,
    /// Its end stands, and another config has it fall due later.
    NotDue,
    /// A payment of it is open: which, in words.
    Paid(String),
}

/// A decision on record is as old as its cycle: what was to be paid then may be paid by now. `None`: it is still to be paid.
#[must_use]
pub fn since_decided(item: &Item, seen: &Foresight, now: Timestamp) -> Option<Since> {
    if item.decision() != Decision::Renew {
        return None;
    }
    if item.due_at.is_some_and(|due| due > now) {
        // A price that was asked for the present term was asked before its end moved, so it did not.
        return Some(if item.quote.is_some() { Since::NotDue } else { Since::Renewed });
    }
    let known = seen.accounts.iter().find(|k| k.account.name == item.lease.account)?;
    let open = known.open_payments(&item.lease);
    let state = |wanted: &[State]| open.iter().find(|r| wanted.contains(&r.state));
    if let Some(r) = state(&[State::NeedsOperator]) {
        return Some(Since::Paid(format!("only a person can say what became of its payment {}", r.id)));
    }
    if let Some(r) = state(&[State::Unknown, State::SpendStarted, State::Reserved]) {
        return Some(Since::Paid(format!("its payment {} is not settled yet", r.id)));
    }
    let its = |r: &&&IntentRecord| r.request.leases.iter().any(|l| l.is_lease(&item.lease));
    let accepted = open.iter().filter(|r| r.state == State::Accepted).find(its)?;
    Some(Since::Paid(format!("its payment {} was accepted, and the new end is not listed yet", accepted.id)))
}

/// What holds a lease back that is due while its windows are shut: the first of them to open, or the urgent stage, which ignores them.
fn next_opening(item: &Item, course: &Course<'_>, at: &dyn Fn(Timestamp) -> String) -> String {
    let (now, cycle) = (course.now, next_cycle(course, at));
    let policy = item.policy.map(|p| &course.policies[p]);
    let opens = policy.and_then(|p| p.opens(now));
    let urgent = policy.and_then(|p| Some(p.urgent_at(reckoned_end(item, p)?)));
    match (opens, urgent) {
        (Some(opens), _) if opens <= now => {
            format!("next: its window is open, so it is paid {cycle}")
        }
        (Some(opens), Some(urgent)) if opens > urgent => {
            format!(
                "next: urgent {}, when it is paid whatever its windows say; the next one opens {}",
                at(urgent),
                at(opens)
            )
        }
        (Some(opens), _) => {
            format!("next: its window opens {}; paid in the first cycle from then on", at(opens))
        }
        (None, Some(urgent)) => {
            format!("next: urgent {}, when it is paid whatever its windows say", at(urgent))
        }
        (None, None) => format!("next: renewd looks again {cycle}"),
    }
}
