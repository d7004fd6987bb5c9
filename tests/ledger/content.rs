//! A ledger's file that is written past SQLite, and all that writes it as it should.
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use renewd::ledger::sqlite::{Access, open};
use renewd::ledger::{Ledger, LedgerError, Notes, Payments, Upkeep};
use rusqlite::Connection;

use crate::support::{at, intent, seeded};

/// The clock of a file system ticks now and then.
fn tick() {
    std::thread::sleep(Duration::from_millis(20));
}

fn assert_overwritten(ledger: &dyn Ledger) {
    for result in
        [ledger.probe(), ledger.paused(&at(0)).map(drop), ledger.reserve(&intent(&[2]), &[]).map(drop)]
    {
        match result {
            Err(e @ LedgerError::Overwritten(_)) => assert!(e.is_outage(), "{e}"),
            other => panic!("{other:?}"),
        }
    }
}

/// As people do: the file keeps its inode.
fn cp(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg(from).arg(to).status().unwrap().success());
}

fn checkpoint(path: &Path) {
    let other = Connection::open(path).unwrap();
    other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
}

#[test]
fn a_copy_that_is_written_over_a_running_ledger_stops_payments_for_good() {
    for truncated_log in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let (path, backup) = (dir.path().join("ledger.db"), dir.path().join("backup.db"));
        let ledger = seeded(dir.path());
        ledger.backup(&backup).unwrap();
        let id = ledger.reserve(&intent(&[1]), &[]).unwrap().unwrap();
        if truncated_log {
            checkpoint(&path);
        }
        ledger.intent(&id).expect("a checkpoint is no harm");
        tick();
        cp(&backup, &path);
        assert_overwritten(&ledger);
        let permit = ledger.start_spend(&id, &at(1));
        assert!(matches!(permit, Err(LedgerError::Overwritten(_))), "its row may be in neither");
        assert_overwritten(&ledger);
    }
}

#[test]
fn what_sqlite_itself_writes_is_no_foreign_hand() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let ledger = seeded(dir.path());
    let beside = open(dir.path(), Access::Note).unwrap();
    // Enough for checkpoints of its own, beside those of others.
    for n in 0..400 {
        ledger.note("n", &format!("{n}").repeat(4_000)).unwrap();
        beside.note("m", &format!("{n}").repeat(4_000)).unwrap();
        if n % 50 == 0 {
            tick();
            checkpoint(&path);
            Connection::open(&path).unwrap().execute_batch("VACUUM").unwrap();
        }
    }
    assert!(path.metadata().unwrap().len() > 10_000);
    let id = ledger.reserve(&intent(&[1]), &[]).unwrap().unwrap();
    drop(beside);
    ledger.start_spend(&id, &at(1)).expect("nobody else wrote it");
}

#[test]
fn a_look_at_the_file_or_another_name_for_it_is_no_writing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let ledger = seeded(dir.path());
    std::fs::hard_link(&path, dir.path().join("another")).unwrap();
    tick();
    cp(&path, &dir.path().join("copy"));
    assert!(ledger.reserve(&intent(&[1]), &[]).unwrap().is_ok());
}
