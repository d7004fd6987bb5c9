//! A ledger whose files are taken away under a running renewd: nothing is reserved or spent until they are back.
use std::fs::{create_dir, read_dir, remove_file, rename, write};
use std::path::Path;

use renewd::ledger::sqlite::{Access, open};
use renewd::ledger::{Ledger, LedgerError};
use rstest::rstest;

use crate::support::{at, intent, seeded};

/// It can be neither read nor written, nor paid on.
fn assert_gone(ledger: &dyn Ledger, id: &renewd::domain::IntentId) {
    let gone = |result: Result<(), LedgerError>| match result {
        Err(e @ LedgerError::Gone { .. }) => assert!(e.is_outage(), "{e}"),
        other => panic!("{other:?}"),
    };
    gone(ledger.probe());
    gone(ledger.paused().map(drop));
    gone(ledger.reserve(&intent(&[2]), &[]).map(drop));
    gone(ledger.start_spend(id, &at(1)).map(drop));
}

#[rstest]
#[case::the_ledger("ledger.db")]
#[case::its_log("ledger.db-wal")]
#[case::the_index_of_its_log("ledger.db-shm")]
#[case::its_lock("ledger.lock")]
fn a_file_that_is_moved_away_stops_payments_until_it_is_back(#[case] name: &str) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = ledger.reserve(&intent(&[1]), &[]).unwrap().unwrap();
    let (path, away) = (dir.path().join(name), dir.path().join("away"));
    rename(&path, &away).unwrap();
    assert_gone(&ledger, &id);
    assert!(!path.exists(), "no new one is made in its place");
    rename(&away, &path).unwrap();
    ledger.start_spend(&id, &at(2)).expect("it is back");
}

#[rstest]
#[case::the_ledger("ledger.db")]
#[case::its_log("ledger.db-wal")]
#[case::the_index_of_its_log("ledger.db-shm")]
#[case::its_lock("ledger.lock")]
fn a_file_in_its_place_is_not_it(#[case] name: &str) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = ledger.reserve(&intent(&[1]), &[]).unwrap().unwrap();
    let path = dir.path().join(name);
    let copy = std::fs::read(&path).unwrap();
    // Its inode must not be given to the other.
    rename(&path, dir.path().join("away")).unwrap();
    write(&path, copy).unwrap();
    assert_gone(&ledger, &id);
}

#[test]
fn a_folder_that_was_swapped_for_another_counts_as_removed() {
    let root = tempfile::tempdir().unwrap();
    let (state, away) = (root.path().join("state"), root.path().join("away"));
    let ledger = seeded(&state);
    let id = ledger.reserve(&intent(&[1]), &[]).unwrap().unwrap();
    rename(&state, &away).unwrap();
    assert_gone(&ledger, &id);
    drop(seeded(&state));
    assert_gone(&ledger, &id);
    std::fs::remove_dir_all(&state).unwrap();
    rename(&away, &state).unwrap();
    ledger.start_spend(&id, &at(2)).expect("it is back");
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        read_dir(dir).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn nobody_makes_a_new_ledger_while_somebody_pays_on_the_removed_one() {
    let dir = tempfile::tempdir().unwrap();
    let payer = seeded(dir.path());
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        remove_file(dir.path().join(name)).unwrap();
    }
    let before = names(dir.path());
    for access in [Access::Note, Access::Read] {
        assert!(matches!(open(dir.path(), access), Err(LedgerError::Gone { .. })), "{access:?}");
    }
    assert_eq!(names(dir.path()), before);
    drop(payer);
    let empty = tempfile::tempdir().unwrap();
    create_dir(empty.path().join("state")).unwrap();
    open(&empty.path().join("state"), Access::Note).expect("nobody pays there");
}
