//! A reader that stays open sees every payment as a new reader does, whoever writes and whatever was written.
use std::path::Path;

use renewd::domain::{Event, LeaseId, Money, OrderId, State};
use renewd::ledger::sqlite::{Access, SqliteLedger};
use renewd::ledger::{EventDetail, IntentFilter, IntentRecord, Payments, SettleRead, SplitPart};

use crate::support::{at, in_state, money, open, reserved, said, seeded};

fn filters() -> Vec<IntentFilter> {
    let one = |states: Vec<State>| IntentFilter { states, ..IntentFilter::default() };
    vec![
        one(Vec::new()),
        one(State::ALL.to_vec()),
        one(vec![State::Confirmed]),
        one(vec![State::Accepted, State::Unknown, State::NeedsOperator]),
        IntentFilter { spend_since: Some(at(1)), ..IntentFilter::default() },
        IntentFilter { account: Some("yp".into()), since: Some(at(0).wall), ..IntentFilter::default() },
    ]
}

fn listed(ledger: &SqliteLedger) -> Vec<Vec<IntentRecord>> {
    filters().iter().map(|f| ledger.intents(f).unwrap()).collect()
}

/// Compared after every step; each step must show.
struct Watch<'a> {
    dir: &'a Path,
    stays: SqliteLedger,
    last: Vec<Vec<IntentRecord>>,
}

impl Watch<'_> {
    fn sees(&mut self, what: &str) {
        let fresh = listed(&open(self.dir, Access::Read).unwrap());
        let now = listed(&self.stays);
        assert!(now == fresh, "after {what} the open reader is behind");
        assert!(now != self.last, "{what} does not show at all");
        self.last = now;
    }
}

#[test]
fn a_reader_that_stays_open_sees_every_step_of_every_payment() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let mut watch =
        Watch { dir: dir.path(), stays: open(dir.path(), Access::Read).unwrap(), last: Vec::new() };
    let id = reserved(&ledger, &[1, 2]);
    watch.sees("a reservation");
    ledger.start_spend(&id, &at(1)).unwrap();
    watch.sees("the start of a spend");
    ledger.append(&id, State::SpendStarted, Event::AnswerLost, &said("cut off"), &at(2)).unwrap();
    watch.sees("a lost answer");
    for n in 3..6 {
        let read = SettleRead { at: at(n), balance: money("97.35"), fell: Money::ZERO, moved: 0 };
        ledger.add_read(&id, &read).unwrap();
        watch.sees("a settling read");
    }
    let part = |lease: &str, state| SplitPart {
        lease: LeaseId::new(lease),
        quoted: money("2.65"),
        state,
        detail: EventDetail::default(),
    };
    let parts = [part("L1", State::Confirmed), part("L2", State::Unknown)];
    let parts = ledger.split(&id, State::Unknown, &parts, &said("one moved"), &at(6)).unwrap();
    watch.sees("a split");
    ledger.append(&parts[1], State::Unknown, Event::Inconclusive, &said("a fall"), &at(7)).unwrap();
    watch.sees("a question to people");
    ledger
        .append(&parts[1], State::NeedsOperator, Event::OperatorNotCharged, &said("looked"), &at(8))
        .unwrap();
    watch.sees("an operator's word");
    in_state(&ledger, &[3], State::Refused);
    watch.sees("another payment");
}

#[test]
fn an_order_that_a_purchase_made_shows_to_who_listed_it_before() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = in_state(&ledger, &[1], State::Unknown);
    let mut watch =
        Watch { dir: dir.path(), stays: open(dir.path(), Access::Read).unwrap(), last: Vec::new() };
    watch.sees("a payment");
    for name in ["made-1", "made-2"] {
        ledger.record_order(&id, &OrderId::new(name), at(5).wall).unwrap();
        watch.sees(name);
    }
}

#[test]
fn a_listing_after_a_refused_write_is_what_the_file_says() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = in_state(&ledger, &[1], State::Unknown);
    let before = listed(&ledger);
    assert!(ledger.append(&id, State::Accepted, Event::EndsMoved, &said("stale"), &at(9)).is_err());
    assert!(listed(&ledger) == before && listed(&open(dir.path(), Access::Read).unwrap()) == before);
}
