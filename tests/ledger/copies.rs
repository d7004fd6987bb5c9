//! `backup`: a whole copy, private, of what was committed.
use std::os::unix::fs::PermissionsExt;

use renewd::domain::State;
use renewd::ledger::sqlite::{Access, open};
use renewd::ledger::{LedgerError, Upkeep};

use crate::support::{all, in_state, seeded};

#[test]
fn a_copy_opens_as_a_ledger_and_holds_the_same_payments() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    in_state(&ledger, &[1, 2], State::Unknown);
    let target = tempfile::tempdir().unwrap();
    let file = target.path().join("ledger.db");
    // By a reader, while the payer holds the lock.
    open(dir.path(), Access::Read).unwrap().backup(&file).unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(target.path()).unwrap().count(), 1, "one file, no companions");
    let raw = rusqlite::Connection::open(&file).unwrap();
    let verdict: String = raw.query_row("PRAGMA integrity_check", [], |r| r.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    let mode: String = raw.query_row("PRAGMA journal_mode", [], |r| r.get(0)).unwrap();
    assert_eq!(mode, "delete", "readable from a place that cannot be written");
    drop(raw);
    let copy = open(target.path(), Access::Pay).unwrap();
    assert_eq!(format!("{:?}", all(&copy)), format!("{:?}", all(&ledger)));
}

#[test]
fn a_file_that_is_there_is_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let file = dir.path().join("precious");
    std::fs::write(&file, "mine").unwrap();
    let refused = ledger.backup(&file).unwrap_err();
    assert!(matches!(&refused, LedgerError::Exists(path) if *path == file), "{refused}");
    let words = refused.to_string();
    assert!(words.contains("another name") && !words.contains("disk"), "{words}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    ledger.backup(&dir.path().join("ledger.db")).unwrap_err();
}

#[test]
fn a_copy_that_cannot_be_made_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    ledger.backup(&dir.path().join("no/such/dir/copy.db")).unwrap_err();
    assert!(!dir.path().join("no").exists());
}
