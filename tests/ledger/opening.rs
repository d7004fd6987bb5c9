//! Who may open, what is made, what is refused.
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Command, Stdio};

use renewd::ledger::sqlite::{Access, open};
use renewd::ledger::{Cycles, Inventories, LedgerError, Notes, PauseRecord};

use crate::support::{acct, at, raw, seeded, yp};

fn mode(path: &std::path::Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn what_is_made_is_private() {
    let top = tempfile::tempdir().unwrap();
    let dir = top.path().join("var/lib/renewd");
    let ledger = open(&dir, Access::Pay).unwrap();
    ledger.start_cycle(&at(0)).unwrap();
    assert_eq!(mode(&dir), 0o700);
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.lock"] {
        assert_eq!(mode(&dir.join(name)), 0o600, "{name}");
    }
}

#[test]
fn what_root_makes_belongs_to_the_owner_of_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let (user, group) = (Some(54_321), Some(54_321));
    if std::os::unix::fs::chown(dir.path(), user, group).is_err() {
        return; // Only root gives files away, and only root can leave them to the wrong user.
    }
    let ledger = open(dir.path(), Access::Pay).unwrap();
    ledger.start_cycle(&at(0)).unwrap();
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.lock"] {
        let meta = dir.path().join(name).metadata().unwrap();
        assert_eq!((meta.uid(), meta.gid()), (54_321, 54_321), "{name}");
    }
}

#[test]
fn a_second_payer_is_held_off_until_the_first_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path(), Access::Pay).unwrap();
    assert!(
        matches!(open(dir.path(), Access::Pay), Err(LedgerError::Held(path)) if path.ends_with("ledger.db"))
    );
    drop(first);
    open(dir.path(), Access::Pay).unwrap();
}

#[test]
fn the_lock_holds_between_processes() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path(), Access::Pay).unwrap());
    let lock = dir.path().join("ledger.lock");
    // Another program holds the lock for as long as its standard input is open.
    let mut other = Command::new("flock")
        .args(["--exclusive", "--no-fork"])
        .arg(&lock)
        .args(["sh", "-c", "echo held; cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("util-linux is there");
    let mut word = [0_u8; 5];
    std::io::Read::read_exact(other.stdout.as_mut().unwrap(), &mut word).unwrap();
    assert_eq!(&word, b"held\n");
    assert!(matches!(open(dir.path(), Access::Pay), Err(LedgerError::Held(_))));
    drop(other.stdin.take());
    other.wait().unwrap();
    open(dir.path(), Access::Pay).unwrap();
}

#[test]
fn a_child_process_does_not_inherit_the_lock() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), Access::Pay).unwrap();
    let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    drop(ledger);
    open(dir.path(), Access::Pay).expect("the child still runs, and holds nothing");
    drop(child.stdin.take());
    child.wait().unwrap();
}

#[test]
fn notes_and_reads_go_on_beside_a_payer() {
    let dir = tempfile::tempdir().unwrap();
    let payer = seeded(dir.path());
    let reader = open(dir.path(), Access::Read).unwrap();
    let noter = open(dir.path(), Access::Note).unwrap();
    noter.pause(&PauseRecord::since(Some(acct()), at(0).wall), &at(0)).unwrap();
    assert_eq!(payer.paused(&at(0)).unwrap().len(), 1);
    assert_eq!(reader.paused(&at(0)).unwrap(), payer.paused(&at(0)).unwrap());
    assert_eq!(reader.known_leases(&acct()).unwrap().len(), 9);
}

#[test]
fn a_reader_cannot_write() {
    let dir = tempfile::tempdir().unwrap();
    drop(seeded(dir.path()));
    let reader = open(dir.path(), Access::Read).unwrap();
    let LedgerError::Trouble { message, .. } = reader.note("k", "v").unwrap_err() else {
        panic!("not trouble")
    };
    assert!(message.contains("readonly"), "{message}");
}

#[test]
fn a_reader_never_makes_a_ledger() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(open(dir.path(), Access::Read), Err(LedgerError::Missing(_))));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    let nowhere = dir.path().join("not/there");
    assert!(matches!(open(&nowhere, Access::Read), Err(LedgerError::Missing(_))));
    // A making that was cut off left an empty file.
    std::fs::write(dir.path().join("ledger.db"), b"").unwrap();
    assert!(matches!(open(dir.path(), Access::Read), Err(LedgerError::Missing(_))));
    open(dir.path(), Access::Note).unwrap();
    open(dir.path(), Access::Read).unwrap();
}

#[test]
fn a_ledger_of_a_newer_renewd_is_refused_and_left_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    drop(seeded(dir.path()));
    let path = dir.path().join("ledger.db");
    let raw = raw(dir.path());
    raw.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    drop(raw);
    let before = std::fs::read(&path).unwrap();
    for access in [Access::Pay, Access::Note, Access::Read] {
        let refused = open(dir.path(), access);
        assert!(
            matches!(refused, Err(LedgerError::Newer { found: 99, known, .. }) if known == renewd::ledger::sqlite::MIGRATIONS.len() as i64),
            "{access:?}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), before, "{access:?}");
    }
}

#[test]
fn a_database_of_something_else_is_refused_and_left_byte_for_byte() {
    for version in [0, 1] {
        let dir = tempfile::tempdir().unwrap();
        let other = raw(dir.path());
        other.execute_batch("CREATE TABLE intent (theirs TEXT)").unwrap();
        other.pragma_update(None, "user_version", version).unwrap();
        drop(other);
        let before = std::fs::read(dir.path().join("ledger.db")).unwrap();
        for access in [Access::Pay, Access::Note, Access::Read] {
            let LedgerError::Trouble { message, .. } = open(dir.path(), access).unwrap_err() else {
                panic!("{access:?}")
            };
            assert!(message.contains("no ledger of renewd"), "{message}");
            assert_eq!(std::fs::read(dir.path().join("ledger.db")).unwrap(), before, "{access:?}");
        }
    }
}

#[test]
fn a_damaged_file_is_told_in_words_and_without_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ledger.db"), "this is no database ".repeat(500)).unwrap();
    for access in [Access::Pay, Access::Note, Access::Read] {
        let LedgerError::Trouble { message, .. } = open(dir.path(), access).unwrap_err() else {
            panic!("{access:?}")
        };
        assert!(message.contains("not a database"), "{message}");
    }
}

#[test]
fn damage_in_the_middle_is_told_in_words_and_without_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    drop(ledger);
    let path = dir.path().join("ledger.db");
    let mut bytes = std::fs::read(&path).unwrap();
    for byte in bytes.iter_mut().skip(4096) {
        *byte = 0x5a;
    }
    std::fs::write(&path, bytes).unwrap();
    let worst = open(dir.path(), Access::Pay).and_then(|l| {
        l.record_inventory(&yp(), &acct(), at(0).wall, &crate::support::inventory(Vec::new()))?;
        l.known_leases(&acct())
    });
    assert!(matches!(worst, Err(LedgerError::Damaged { .. } | LedgerError::Trouble { .. })), "{worst:?}");
}

/// Overwrites the head of the page where a table begins: nothing that opening itself reads.
fn corrupt(dir: &std::path::Path, table: &str) {
    let raw = raw(dir);
    raw.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).unwrap();
    let page = |sql: &str| raw.query_row(sql, [], |r| r.get::<_, u32>(0)).unwrap() as usize;
    let root = page(&format!("SELECT rootpage FROM sqlite_schema WHERE name = '{table}'"));
    let size = page("PRAGMA page_size");
    drop(raw);
    let path = dir.join("ledger.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = (root - 1) * size;
    bytes[at..at + 64].fill(0x5a);
    std::fs::write(&path, bytes).unwrap();
}

#[test]
fn a_damaged_page_keeps_every_payer_out_and_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    crate::support::reserved(&ledger, &[1]);
    drop(ledger);
    corrupt(dir.path(), "intent_event");
    let refused = open(dir.path(), Access::Pay).unwrap_err();
    assert!(matches!(refused, LedgerError::Damaged { .. }), "{refused:?}");
    let words = refused.to_string();
    assert!(words.contains("nothing is paid on it") && words.contains("restore a backup"), "{words}");
}

#[test]
fn a_damaged_page_of_leases_keeps_every_payer_out_too_and_is_told_by_what_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    drop(seeded(dir.path()));
    corrupt(dir.path(), "lease");
    let refused = open(dir.path(), Access::Pay).unwrap_err();
    assert!(matches!(refused, LedgerError::Damaged { .. }), "{refused:?}");
    assert!(open(dir.path(), Access::Note).unwrap().known_leases(&acct()).is_err());
}

#[test]
fn a_ledger_gets_a_name_of_its_own_when_it_is_made_and_keeps_it() {
    let name = |dir: &std::path::Path| {
        open(dir, Access::Read).unwrap().noted(renewd::ledger::IDENTITY).unwrap().unwrap()
    };
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(open(one.path(), Access::Note).unwrap());
    drop(open(two.path(), Access::Pay).unwrap());
    let first = name(one.path());
    assert_eq!(first.len(), 32);
    assert_ne!(first, name(two.path()));
    drop(open(one.path(), Access::Pay).unwrap());
    assert_eq!(name(one.path()), first);
}

#[test]
fn two_that_make_a_ledger_at_once_both_find_it_made() {
    for _ in 0..5 {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|s| {
            let opening: Vec<_> =
                (0..4).map(|_| s.spawn(|| open(dir.path(), Access::Note).map(drop))).collect();
            for opened in opening {
                opened.join().unwrap().unwrap();
            }
        });
    }
}

/// A reader that came between the lock and the file said that the ledger had been removed; and its look at the lock kept a payer out.
#[test]
fn a_reader_beside_a_first_start_finds_none_yet_or_all_of_it_and_is_in_nobodys_way() {
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|s| {
            let payer = s.spawn(|| open(dir.path(), Access::Pay));
            let readers: Vec<_> = (0..3)
                .map(|_| {
                    s.spawn(|| {
                        loop {
                            match open(dir.path(), Access::Read) {
                                Ok(_) => return,
                                Err(LedgerError::Missing(_)) => {}
                                Err(other) => panic!("{other}"),
                            }
                        }
                    })
                })
                .collect();
            let ledger = payer.join().unwrap().unwrap();
            for reader in readers {
                reader.join().unwrap();
            }
            drop(ledger);
        });
    }
}

/// Between the two, held still.
#[test]
fn a_missing_ledger_was_removed_only_if_nobody_is_making_it() {
    let dir = tempfile::tempdir().unwrap();
    let lock = std::fs::File::create(dir.path().join("ledger.lock")).unwrap();
    let turn = std::fs::File::open(dir.path()).unwrap();
    lock.lock().unwrap();
    turn.lock().unwrap();
    assert!(matches!(open(dir.path(), Access::Read), Err(LedgerError::Missing(_))));
    turn.unlock().unwrap();
    assert!(matches!(open(dir.path(), Access::Read), Err(LedgerError::Gone { .. })));
    lock.unlock().unwrap();
    assert!(matches!(open(dir.path(), Access::Read), Err(LedgerError::Missing(_))));
}

#[test]
fn the_file_is_durable_wal_with_strict_tables() {
    let dir = tempfile::tempdir().unwrap();
    let _ledger = seeded(dir.path());
    let raw = raw(dir.path());
    let mode: String = raw.query_row("PRAGMA journal_mode", [], |r| r.get(0)).unwrap();
    assert_eq!(mode, "wal");
    let loose: i64 = raw
        .query_row(
            "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%' AND NOT strict",
            [],
            |r| r.get(0),
        )
        .unwrap();
    assert_eq!(loose, 0);
}
