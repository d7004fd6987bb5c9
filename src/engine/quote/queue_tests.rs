//! Whom the queue has asked, and what silence costs: against accounts of which some leases never get an answer.
use std::collections::BTreeSet;

use super::*;
use crate::domain::{AccountName, Kind};
use crate::planner::{PaidBy, batches};

/// Three tries of half a minute and the pauses between them.
const HANGS: SignedDuration = SignedDuration::from_secs(93);
const BATCH: usize = 20;

fn key() -> GroupKey {
    GroupKey {
        label_budgets: Vec::new(),
        account: AccountName::from("yp"),
        kind: Kind::from("IPv4"),
        country: None,
        period_days: 30,
        then: Vec::new(),
        cycle: None,
        promo: None,
        policy: 0,
        order: None,
        alone: None,
        paid_by: PaidBy::Renewd,
    }
}

fn at(minutes: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
}

struct Pass {
    priced: BTreeSet<usize>,
    silences: usize,
    stopped: bool,
}

/// A pass over one group of `n` leases, as `Pricing::step` goes through it. A question with a sick lease in it takes `took` and
/// brings nothing.
fn pass(n: usize, sick: &dyn Fn(usize) -> bool, now: Timestamp, took: SignedDuration) -> Pass {
    let mut queue = Queue::new(vec![Wanted::Group(key(), (0..n).collect())], now);
    let mut pass = Pass { priced: BTreeSet::new(), silences: 0, stopped: false };
    while let Some(todo) = queue.next() {
        let asked = match &todo {
            Todo::Group(_, members) => vec![members[0]],
            other => other.members().to_vec(),
        };
        let silent = asked.iter().any(|&m| sick(m));
        match todo {
            Todo::Group(key, members) if silent => queue.first([Todo::Group(key, members[1..].to_vec())]),
            Todo::Group(key, members) => {
                let all = batches(&key, &members, BATCH);
                queue.first(all.into_iter().map(|set| Todo::Batch(set, Money::ZERO)));
            }
            Todo::Batch(set, _) if silent => queue.first(set.singles().into_iter().map(Todo::Set)),
            _ if silent => {}
            _ => pass.priced.extend(asked),
        }
        if queue.left.front().is_some_and(|todo| todo.members().is_empty()) {
            queue.next();
        }
        pass.silences += usize::from(silent);
        let heard = if silent { Heard::Silence(Reason::new(Word::QuoteError, "no")) } else { Heard::Answer };
        if queue.heard(heard, took).is_some() {
            pass.stopped = true;
            break;
        }
    }
    pass
}

#[test]
fn an_account_that_answers_nothing_costs_five_questions_however_many_leases_it_has() {
    for n in [5, 60, 5_000] {
        let pass = pass(n, &|_| true, at(0), HANGS);
        assert_eq!((pass.silences, pass.stopped, pass.priced.len()), (5, true, 0), "{n} leases");
    }
}

#[test]
fn a_few_sick_leases_wherever_they_are_cost_nobody_else_a_price_in_the_same_pass() {
    for sick in [vec![0], vec![0, 1, 2], vec![7], vec![0, 30, 59]] {
        let pass = pass(60, &|m| sick.contains(&m), at(0), SignedDuration::from_secs(3));
        assert!(!pass.stopped);
        assert_eq!(pass.priced.len(), 60 - sick.len(), "sick: {sick:?}");
    }
}

#[test]
fn no_lease_is_hidden_for_ever_by_sick_ones_before_it() {
    // The first fifty never answer; or every tenth, so that hardly a batch is without one.
    let sick: [&dyn Fn(usize) -> bool; 2] = [&|m| m < 50, &|m| m % 10 == 0];
    for sick in sick {
        let mut priced = BTreeSet::new();
        for cycle in 0..36 {
            let pass = pass(100, sick, at(cycle * 10), HANGS);
            assert!(pass.silences <= 7, "ten minutes of silence are enough");
            priced.extend(pass.priced);
        }
        assert_eq!(priced.len(), (0..100).filter(|&m| !sick(m)).count(), "within six hours of cycles");
    }
}

#[test]
fn the_same_instant_gives_the_same_pass() {
    let twice = [0, 0].map(|_| pass(500, &|m| m % 7 == 0, at(77), HANGS).priced);
    assert_eq!(twice[0], twice[1]);
}
