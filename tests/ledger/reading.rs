//! What readers ask of a ledger: page by page, by name, beside a writer that waits, and before anybody may pay.
use std::sync::Arc;

use renewd::domain::{AccountName, State};
use renewd::ledger::sqlite::{Access, SqliteLedger, open_unverified};
use renewd::ledger::{
    AccountDecisions, Cycles, Decisions, IntentFilter, IntentRecord, Inventories, LedgerError, Notes,
    Outlook, Overview, PaymentPlace, PaymentQuery, Payments,
};

use crate::support::{acct, at, in_state, intent, inventory, lease, money, open, reserved, seeded, yp};

/// All payments of a query, so many at once.
fn paged(ledger: &SqliteLedger, query: &PaymentQuery, most: usize) -> Vec<IntentRecord> {
    let mut all: Vec<IntentRecord> = Vec::new();
    loop {
        let place = all.last().map(PaymentPlace::behind);
        let page = ledger.payments(query, place.as_ref(), most).unwrap();
        assert!(page.len() <= most);
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

#[test]
fn pages_of_any_length_are_the_whole_list_in_its_order() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    in_state(&ledger, &[1], State::Confirmed);
    in_state(&ledger, &[2, 3], State::Unknown);
    in_state(&ledger, &[4], State::NotApplied);
    reserved(&ledger, &[5]);
    for states in [vec![], vec![State::Confirmed], vec![State::Unknown, State::NotApplied]] {
        for account in [None, Some(acct()), Some(AccountName::new("other"))] {
            let filter =
                IntentFilter { states: states.clone(), account: account.clone(), ..IntentFilter::default() };
            let mut whole = ledger.intents(&filter).unwrap();
            // What is shown of a payment has no settling reads.
            whole.iter_mut().for_each(|r| r.reads.clear());
            let accounts = account.into_iter().collect();
            let query = PaymentQuery { states: states.clone(), accounts, ..PaymentQuery::default() };
            for most in 1..=6 {
                assert_eq!(paged(&ledger, &query, most), whole, "{states:?} {most}");
            }
        }
    }
    let since = |minutes| PaymentQuery { since: Some(at(minutes).wall), ..PaymentQuery::default() };
    assert_eq!(paged(&ledger, &since(0), 2).len(), 4);
    assert_eq!(paged(&ledger, &since(1), 2).len(), 0);
    assert_eq!(ledger.count_payments(&[State::Unknown, State::Confirmed]).unwrap(), 2);
}

#[test]
fn a_reader_does_not_wait_for_a_writer_that_waits() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Arc::new(seeded(dir.path()));
    ledger.note("before", "kept").unwrap();
    let other = rusqlite::Connection::open(dir.path().join("ledger.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waiting = Arc::clone(&ledger);
    let writer = std::thread::spawn(move || waiting.note("later", "written"));
    while !writer.is_finished() && Arc::strong_count(&ledger) < 2 {
        std::thread::yield_now();
    }
    for _ in 0..20 {
        assert_eq!(ledger.noted("before").unwrap().as_deref(), Some("kept"));
        assert_eq!(ledger.known_leases(&acct()).unwrap().len(), 9);
    }
    assert!(!writer.is_finished(), "every reading was through while the writer still waited");
    other.execute_batch("ROLLBACK").unwrap();
    writer.join().unwrap().unwrap();
    assert_eq!(
        ledger.noted("later").unwrap().as_deref(),
        Some("written"),
        "what was written is read at once"
    );
}

#[test]
fn a_ledger_that_was_not_read_through_takes_no_payment() {
    let dir = tempfile::tempdir().unwrap();
    drop(seeded(dir.path()));
    let ledger = open_unverified(dir.path()).unwrap();
    assert!(matches!(ledger.reserve(&intent(&[1]), &[]), Err(LedgerError::NotToPay(_))));
    ledger.verify().unwrap();
    let id = reserved(&ledger, &[1]);
    ledger.start_spend(&id, &at(1)).unwrap();
}

#[test]
fn a_lease_is_found_by_each_of_its_names_and_with_its_last_price() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    in_state(&ledger, &[1], State::Confirmed);
    for name in ["203.0.113.1", "L1", "O1"] {
        let found = ledger.leases_called(name).unwrap();
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!((&found[0].lease, found[0].gone_at), (&lease("yp", 1), None));
        assert_eq!(found[0].last_price.as_ref().map(|p| p.amount), Some(money("2.65")));
    }
    assert!(ledger.leases_called("nosuch").unwrap().is_empty());
    let rest = (2..10).map(|n| lease("yp", n)).collect();
    ledger.record_inventory(&yp(), &acct(), at(9).wall, &inventory(rest)).unwrap();
    assert_eq!(
        ledger.leases_called("L1").unwrap()[0].gone_at,
        Some(at(9).wall),
        "a lease that is gone is known"
    );
}

#[test]
fn what_left_its_list_long_ago_is_forgotten_and_its_payments_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    in_state(&ledger, &[1], State::Confirmed);
    let rest = (2..10).map(|n| lease("yp", n)).collect();
    ledger.record_inventory(&yp(), &acct(), at(9).wall, &inventory(rest)).unwrap();
    let day = 24 * 60;
    ledger.start_cycle(&at(399 * day)).unwrap();
    assert_eq!(ledger.leases_called("L1").unwrap().len(), 1, "for more than a year it is known");
    ledger.start_cycle(&at(401 * day)).unwrap();
    assert!(ledger.leases_called("L1").unwrap().is_empty());
    assert_eq!(ledger.known_leases(&acct()).unwrap().len(), 8, "what is on a list stays");
    assert_eq!(ledger.intents(&IntentFilter::default()).unwrap().len(), 1);
}

fn outlook(account: &str, hold: Option<usize>) -> Outlook {
    Outlook {
        account: AccountName::new(account),
        at: at(0).wall,
        config: "c".to_owned(),
        decided: hold.map(|hold| AccountDecisions {
            decisions: Decisions { hold, wait: 3, ..Decisions::default() },
            held: "[1]".to_owned(),
        }),
        next_due_at: Some(at(5).wall),
        need: money("2.65"),
        short_by: None,
        until: Some("2026-12-01".parse().unwrap()),
        top_up_by: Some(at(7).wall),
        unpriced: 1,
        warnings: "[]".to_owned(),
        days: "{}".to_owned(),
    }
}

#[test]
fn an_outlook_is_read_as_it_was_written_and_a_look_at_some_leases_keeps_the_counts_of_all() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    ledger.record_outlooks(&[outlook("a", Some(2)), outlook("yp", Some(5))]).unwrap();
    assert_eq!(ledger.outlooks().unwrap(), [outlook("a", Some(2)), outlook("yp", Some(5))]);
    let part = Outlook { unpriced: 4, ..outlook("yp", None) };
    ledger.record_outlooks(std::slice::from_ref(&part)).unwrap();
    let found = open(dir.path(), Access::Read).unwrap().outlooks().unwrap();
    assert_eq!(
        found,
        [Outlook { unpriced: 4, ..outlook("yp", Some(5)) }],
        "an account that left the config goes"
    );
}
