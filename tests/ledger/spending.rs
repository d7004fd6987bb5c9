//! The compare-and-set that guards every spend.
use std::sync::Barrier;

use renewd::domain::{AccountName, Event, IntentId, State};
use renewd::ledger::sqlite::Access;
use renewd::ledger::{EventDetail, Inventories, Ledger, LedgerError, Payments};

use crate::support::{
    acct, at, end, in_state, intent, inventory, lease, lockless, open, reserved, seeded, yp,
};

#[test]
fn the_permit_is_for_exactly_what_was_reserved() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = reserved(&ledger, &[2, 1]);
    let permit = ledger.start_spend(&id, &at(1)).unwrap();
    assert_eq!(permit.intent(), &id);
    assert_eq!(permit.request(), &intent(&[2, 1]).request);
    let record = ledger.intent(&id).unwrap();
    assert_eq!((record.state, record.spend_started_at), (State::SpendStarted, Some(at(1))));
}

#[test]
fn of_two_connections_that_race_for_one_payment_exactly_one_gets_the_permit() {
    for round in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let ledger = seeded(dir.path());
        let id = reserved(&ledger, &[1]);
        let others = [lockless(dir.path()), lockless(dir.path())];
        let gun = Barrier::new(2);
        let won: Vec<bool> = std::thread::scope(|s| {
            let racers: Vec<_> = others
                .iter()
                .map(|l| {
                    s.spawn(|| {
                        gun.wait();
                        match l.start_spend(&id, &at(1)) {
                            Ok(_) => true,
                            Err(LedgerError::Moved { found: State::SpendStarted, .. }) => false,
                            Err(e) => panic!("{e}"),
                        }
                    })
                })
                .collect();
            racers.into_iter().map(|r| r.join().unwrap()).collect()
        });
        assert_eq!(won.iter().filter(|w| **w).count(), 1, "round {round}");
    }
}

#[test]
fn of_two_connections_that_race_to_reserve_one_lease_exactly_one_does() {
    for round in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let ledger = seeded(dir.path());
        let other = lockless(dir.path());
        let gun = Barrier::new(2);
        let race = |l: &dyn Ledger| {
            gun.wait();
            l.reserve(&intent(&[1]), &[]).unwrap().is_ok()
        };
        let (a, b) = std::thread::scope(|s| {
            let one = s.spawn(|| race(&ledger));
            let two = s.spawn(|| race(&other));
            (one.join().unwrap(), two.join().unwrap())
        });
        assert!(a != b, "round {round}");
    }
}

#[test]
fn only_a_ledger_that_was_opened_to_pay_reserves_and_spends() {
    let dir = tempfile::tempdir().unwrap();
    let payer = seeded(dir.path());
    let id = reserved(&payer, &[1]);
    for access in [Access::Note, Access::Read] {
        let other = open(dir.path(), access).unwrap();
        let reserving = other.reserve(&intent(&[2]), &[]);
        assert!(matches!(reserving, Err(LedgerError::NotToPay(_))), "{access:?}: {reserving:?}");
        let spending = other.start_spend(&id, &at(1));
        assert!(matches!(spending, Err(LedgerError::NotToPay(_))), "{access:?}: {spending:?}");
    }
    let nowhere = renewd::ledger::sqlite::in_memory().unwrap();
    assert!(matches!(nowhere.reserve(&intent(&[2]), &[]), Err(LedgerError::NotToPay(_))));
    assert_eq!(payer.intent(&id).unwrap().state, State::Reserved);
    payer.start_spend(&id, &at(2)).expect("it was opened to pay");
}

#[test]
fn a_payment_is_spent_once() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    for state in State::ALL.into_iter().filter(|s| !matches!(s, State::Reserved | State::Split)) {
        let lease = State::ALL.iter().position(|s| *s == state).unwrap();
        let id = in_state(&ledger, &[lease + 1], state);
        let again = ledger.start_spend(&id, &at(30));
        assert!(matches!(again, Err(LedgerError::Moved { found, .. }) if found == state), "{state}");
        if state == State::SpendStarted {
            ledger.append(&id, state, Event::AnswerLost, &EventDetail::default(), &at(31)).unwrap();
        }
    }
}

#[test]
fn a_lease_whose_end_moved_stops_the_spend() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = reserved(&ledger, &[1, 2]);
    let later = end().checked_add(jiff::SignedDuration::from_secs(61)).unwrap();
    for moved in [Some(later), None] {
        let mut second = lease("yp", 2);
        second.expires_at = moved;
        let now = inventory(vec![lease("yp", 1), second]);
        ledger.record_inventory(&yp(), &acct(), at(1).wall, &now).unwrap();
        let stopped = ledger.start_spend(&id, &at(2));
        assert!(matches!(stopped, Err(LedgerError::EndMoved { lease }) if lease.as_str() == "L2"));
    }
    assert_eq!(ledger.intent(&id).unwrap().state, State::Reserved, "nothing was written");
}

#[test]
fn a_lease_that_is_gone_stops_the_spend() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = reserved(&ledger, &[1, 2]);
    let without = inventory(vec![lease("yp", 1)]);
    ledger.record_inventory(&yp(), &acct(), at(1).wall, &without).unwrap();
    assert!(
        matches!(ledger.start_spend(&id, &at(2)), Err(LedgerError::EndMoved { lease }) if lease.as_str() == "L2")
    );
    let back = inventory(vec![lease("yp", 1), lease("yp", 2)]);
    ledger.record_inventory(&yp(), &acct(), at(3).wall, &back).unwrap();
    ledger.start_spend(&id, &at(4)).expect("it is back with the same end");
}

#[test]
fn one_money_call_of_an_account_is_in_flight_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let (first, second) = (reserved(&ledger, &[1]), reserved(&ledger, &[2]));
    ledger.start_spend(&first, &at(1)).unwrap();
    let stopped = ledger.start_spend(&second, &at(2)).unwrap_err();
    assert!(matches!(&stopped, LedgerError::InFlight { intent, .. } if *intent == first), "{stopped}");

    let mut other = intent(&[3]);
    other.request.account = AccountName::new("yp-2");
    let theirs = inventory(vec![lease("yp-2", 3)]);
    ledger.record_inventory(&yp(), &other.request.account, at(2).wall, &theirs).unwrap();
    let other = ledger.reserve(&other, &[]).unwrap().unwrap();
    ledger.start_spend(&other, &at(3)).expect("another account has its own lane");

    ledger.append(&first, State::SpendStarted, Event::Accepted, &EventDetail::default(), &at(4)).unwrap();
    ledger.start_spend(&second, &at(5)).unwrap();
}

#[test]
fn a_writer_who_believed_another_state_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = in_state(&ledger, &[1], State::Unknown);
    let late = ledger.append(&id, State::SpendStarted, Event::Accepted, &EventDetail::default(), &at(9));
    assert!(matches!(
        late,
        Err(LedgerError::Moved { expected: State::SpendStarted, found: State::Unknown, .. })
    ));
    let illegal = ledger.append(&id, State::Unknown, Event::Released, &EventDetail::default(), &at(9));
    assert!(matches!(illegal, Err(LedgerError::Illegal { .. })));
    assert_eq!(ledger.intent(&id).unwrap().state, State::Unknown);
}

#[test]
fn a_payment_that_is_not_there_is_told_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = IntentId::new("p-000777");
    assert!(matches!(ledger.intent(&id), Err(LedgerError::NoIntent(i)) if i == id));
    assert!(matches!(ledger.start_spend(&id, &at(0)), Err(LedgerError::NoIntent(_))));
}
