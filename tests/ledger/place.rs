//! A ledger whose files are taken away under a running renewd: nothing is reserved or spent until they are back.
use std::fs::{create_dir, read_dir, remove_file, rename, write};
use std::path::Path;

use renewd::ledger::sqlite::{Access, open};
use renewd::ledger::{Ledger, LedgerError, Notes, Payments};
use rstest::rstest;

use crate::support::{at, intent, seeded};

/// It can be neither read nor written, nor paid on.
fn assert_gone(ledger: &dyn Ledger, id: &renewd::domain::IntentId) {
    let gone = |result: Result<(), LedgerError>| match result {
        Err(e @ LedgerError::Gone { .. }) => assert!(e.is_outage(), "{e}"),
        other => panic!("{other:?}"),
    };
    gone(ledger.probe());
    gone(ledger.paused(&at(0)).map(drop));
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

#[test]
fn what_a_thread_reads_in_one_look_is_of_one_instant_until_it_writes_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (payer, other) = (seeded(dir.path()), open(dir.path(), Access::Note).unwrap());
    let (ledger, other): (&dyn Ledger, &dyn Ledger) = (&payer, &other);
    let noted = |key: &str| ledger.noted(key).unwrap();
    let look = ledger.look().unwrap();
    assert_eq!(noted("theirs"), None);
    other.note("theirs", "1").unwrap();
    assert_eq!(noted("theirs"), None, "it was not there at that instant");
    std::thread::scope(|s| {
        s.spawn(|| {
            assert_eq!(payer.noted("theirs").unwrap().as_deref(), Some("1"), "a look is its thread's")
        });
    });
    ledger.note("own", "2").unwrap();
    assert_eq!((noted("theirs").as_deref(), noted("own").as_deref()), (Some("1"), Some("2")));
    drop(look);
    assert_eq!(noted("own").as_deref(), Some("2"));
}

#[test]
fn nothing_is_written_on_what_was_read_in_a_look_at_a_ledger_that_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let payer = seeded(dir.path());
    let ledger: &dyn Ledger = &payer;
    let id = ledger.reserve(&intent(&[1]), &[]).unwrap().unwrap();
    let look = ledger.look().unwrap();
    ledger.paused(&at(0)).unwrap();
    rename(dir.path().join("ledger.db"), dir.path().join("away")).unwrap();
    ledger.paused(&at(0)).expect("its instant was before");
    assert_gone(ledger, &id);
    drop(look);
    assert!(matches!(ledger.look(), Err(LedgerError::Gone { .. })));
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
