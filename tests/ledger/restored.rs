//! A ledger that is older than the payments that were made with it: what it has forgotten is back in it before anybody pays.
use std::fs::{copy, read_to_string, remove_file, write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use renewd::domain::{Event, State};
use renewd::ledger::sqlite::{Access, SqliteLedger};
use renewd::ledger::{
    Chain, EventDetail, IntentFilter, IntentRecord, Notes, Payments, RESTORED, Restored, Upkeep,
};

use crate::support::{acct, at, intent, open, seeded};

/// Oldest first.
fn all(ledger: &SqliteLedger) -> Vec<IntentRecord> {
    let filter = IntentFilter { account: Some(acct()), ..IntentFilter::default() };
    let mut all = ledger.intents(&filter).unwrap();
    all.reverse();
    all
}

fn note(ledger: &SqliteLedger) -> Option<Restored> {
    ledger.noted(RESTORED).unwrap().and_then(|note| Restored::from_note(&note))
}

/// As docs/operations.md says it is done.
fn bring_back(dir: &Path, backup: &Path) {
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        let _ = remove_file(dir.join(name));
    }
    copy(backup, dir.join("ledger.db")).unwrap();
}

/// A ledger with one confirmed payment, and a backup of it.
fn backed_up(dir: &Path) -> (SqliteLedger, std::path::PathBuf) {
    let ledger = seeded(dir);
    let first = ledger.reserve(&intent(&[1]), &[]).unwrap().unwrap();
    ledger.start_spend(&first, &at(1)).unwrap();
    ledger.append(&first, State::SpendStarted, Event::Accepted, &EventDetail::default(), &at(2)).unwrap();
    let backup = dir.join("backup.db");
    ledger.backup(&backup).unwrap();
    (ledger, backup)
}

#[test]
fn every_forgotten_payment_is_back_as_started_and_the_others_are_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, backup) = backed_up(dir.path());
    let lost = ledger.reserve(&intent(&[2, 3]), &[]).unwrap().unwrap();
    ledger.start_spend(&lost, &at(5)).unwrap();
    let before = all(&ledger);
    drop(ledger);
    bring_back(dir.path(), &backup);
    let ledger = open(dir.path(), Access::Pay).unwrap();
    let after = all(&ledger);
    assert_eq!(after.len(), 2);
    assert_eq!(
        after.iter().map(|r| r.state).collect::<Vec<_>>(),
        before.iter().map(|r| r.state).collect::<Vec<_>>()
    );
    for (is, was) in after.iter().zip(&before) {
        assert_eq!(
            (&is.request, is.quoted, &is.policy, &is.created_at),
            (&was.request, was.quoted, &was.policy, &was.created_at)
        );
    }
    assert_eq!(note(&ledger).unwrap().payments, [lost.to_string()]);
    let blocked = ledger.reserve(&intent(&[2]), &[]).unwrap();
    assert!(blocked.is_err(), "its lease cannot be paid again: {blocked:?}");
    assert!(ledger.verify_chain(None).unwrap().misfit.is_none(), "the chain holds");
}

#[test]
fn a_ledger_that_is_missing_is_the_same_with_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = backed_up(dir.path());
    drop(ledger);
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        let _ = remove_file(dir.path().join(name));
    }
    let ledger = open(dir.path(), Access::Pay).unwrap();
    assert_eq!(all(&ledger).iter().map(|r| r.state).collect::<Vec<_>>(), [State::SpendStarted]);
}

#[test]
fn a_number_that_was_given_anew_is_another_payment_and_nothing_is_put_back_twice() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, backup) = backed_up(dir.path());
    let lost = ledger.reserve(&intent(&[2]), &[]).unwrap().unwrap();
    ledger.start_spend(&lost, &at(5)).unwrap();
    drop(ledger);
    bring_back(dir.path(), &backup);
    {
        // Beside the log somebody else's payment takes the number, as a renewd without this log would have made it.
        let other = tempfile::tempdir().unwrap();
        copy(&backup, other.path().join("ledger.db")).unwrap();
        let ledger = open(other.path(), Access::Pay).unwrap();
        let taken = ledger.reserve(&intent(&[4]), &[]).unwrap().unwrap();
        assert_eq!(taken, lost, "the same number");
        ledger.backup(&other.path().join("again.db")).unwrap();
        drop(ledger);
        bring_back(dir.path(), &other.path().join("again.db"));
    }
    for _ in 0..3 {
        let ledger = open(dir.path(), Access::Pay).unwrap();
        let leases: Vec<String> = all(&ledger).iter().map(|r| r.request.leases[0].id.to_string()).collect();
        assert_eq!(leases, ["L1", "L4", "L2"]);
    }
}

#[test]
fn a_start_that_the_log_knows_and_the_ledger_does_not_counts_as_started() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = ledger.reserve(&intent(&[1]), &[]).unwrap().unwrap();
    let backup = dir.path().join("backup.db");
    ledger.backup(&backup).unwrap();
    ledger.start_spend(&id, &at(1)).unwrap();
    drop(ledger);
    bring_back(dir.path(), &backup);
    let ledger = open(dir.path(), Access::Pay).unwrap();
    assert_eq!(all(&ledger)[0].state, State::SpendStarted);
    assert_eq!(note(&ledger), None, "the ledger had not forgotten the payment");
}

#[test]
fn a_ledger_of_its_own_is_not_taken_for_another() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = backed_up(dir.path());
    let id = ledger.reserve(&intent(&[2]), &[]).unwrap().unwrap();
    drop(ledger);
    // A line that a crash cut off: its payment was never started.
    let log = dir.path().join("spends.log");
    let text = read_to_string(&log).unwrap();
    write(&log, format!("{text}\n{{\"payment\":\"{id}\",\"at\":\"2026-")).unwrap();
    let ledger = open(dir.path(), Access::Pay).unwrap();
    assert_eq!((note(&ledger), all(&ledger)[1].state), (None, State::Reserved));
    ledger.start_spend(&id, &at(9)).unwrap();
    drop(ledger);
    let ledger = open(dir.path(), Access::Pay).unwrap();
    assert_eq!((note(&ledger), all(&ledger)[1].state), (None, State::SpendStarted));
    assert!(read_to_string(&log).unwrap().lines().filter(|l| l.starts_with("{\"payment\"")).count() >= 2);
}

#[test]
fn the_log_is_private_and_readers_and_notes_make_none() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path(), Access::Note).unwrap());
    drop(open(dir.path(), Access::Read).unwrap());
    let log = dir.path().join("spends.log");
    assert!(!log.exists());
    drop(open(dir.path(), Access::Pay).unwrap());
    assert_eq!(std::fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_is_older_than_a_week_is_counted_and_not_put_back() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, backup) = backed_up(dir.path());
    let old = ledger.reserve(&intent(&[2]), &[]).unwrap().unwrap();
    ledger.start_spend(&old, &at(5)).unwrap();
    ledger.append(&old, State::SpendStarted, Event::Accepted, &EventDetail::default(), &at(6)).unwrap();
    let new = ledger.reserve(&intent(&[3]), &[]).unwrap().unwrap();
    ledger.start_spend(&new, &at(5 + 8 * 24 * 60)).unwrap();
    drop(ledger);
    bring_back(dir.path(), &backup);
    let ledger = open(dir.path(), Access::Pay).unwrap();
    let found = note(&ledger).unwrap();
    assert_eq!((found.payments.len(), found.older), (1, 1));
    assert_eq!(all(&ledger)[1].request.leases[0].id.as_str(), "L3");
    ledger.note(RESTORED, "").unwrap();
    drop(ledger);
    assert_eq!(note(&open(dir.path(), Access::Pay).unwrap()), None, "it is told once");
}

/// Two accounts reserve side by side, and what came after was lost.
#[test]
fn every_start_that_the_log_knows_and_the_ledger_does_not_counts_as_started() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let ids: Vec<_> = [1, 2].map(|n| ledger.reserve(&intent(&[n]), &[]).unwrap().unwrap()).into();
    let backup = dir.path().join("backup.db");
    ledger.backup(&backup).unwrap();
    for (id, minute) in ids.iter().zip([1, 3]) {
        ledger.start_spend(id, &at(minute)).unwrap();
        ledger
            .append(id, State::SpendStarted, Event::Accepted, &EventDetail::default(), &at(minute + 1))
            .unwrap();
    }
    drop(ledger);
    bring_back(dir.path(), &backup);
    let ledger = open(dir.path(), Access::Pay).unwrap();
    assert!(all(&ledger).iter().all(|r| r.state == State::SpendStarted), "{:?}", all(&ledger));
}
