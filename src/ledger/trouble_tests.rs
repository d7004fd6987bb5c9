//! Every cause is known by its code, and each has words of its own.
use super::*;
use rusqlite::ErrorCode;

const CAUSES: [Cause; 11] = [
    Cause::Full,
    Cause::Denied,
    Cause::ReadOnly,
    Cause::Damaged,
    Cause::Moved,
    Cause::Busy,
    Cause::Missing,
    Cause::Disk,
    Cause::Memory,
    Cause::Told,
    Cause::Other,
];

fn sqlite(extended_code: i32) -> rusqlite::Error {
    let e = ffi::Error { code: ErrorCode::Unknown, extended_code };
    rusqlite::Error::SqliteFailure(e, Some("words that name no space left and Permission denied".to_owned()))
}

#[test]
fn sqlites_causes_are_known_by_their_codes() {
    for (code, want) in [
        (ffi::SQLITE_FULL, Cause::Full),
        (ffi::SQLITE_PERM, Cause::Denied),
        (ffi::SQLITE_READONLY, Cause::Denied),
        (ffi::SQLITE_READONLY_DIRECTORY, Cause::Denied),
        (ffi::SQLITE_READONLY_DBMOVED, Cause::Moved),
        (ffi::SQLITE_CORRUPT, Cause::Damaged),
        (ffi::SQLITE_CORRUPT_INDEX, Cause::Damaged),
        (ffi::SQLITE_NOTADB, Cause::Damaged),
        (ffi::SQLITE_IOERR_DATA, Cause::Damaged),
        (ffi::SQLITE_BUSY, Cause::Busy),
        (ffi::SQLITE_BUSY_SNAPSHOT, Cause::Busy),
        (ffi::SQLITE_LOCKED, Cause::Busy),
        (ffi::SQLITE_IOERR_WRITE, Cause::Disk),
        (ffi::SQLITE_IOERR_FSYNC, Cause::Disk),
        (ffi::SQLITE_CANTOPEN_ISDIR, Cause::Missing),
        (ffi::SQLITE_NOMEM, Cause::Memory),
        (ffi::SQLITE_IOERR_NOMEM, Cause::Memory),
        (ffi::SQLITE_CONSTRAINT, Cause::Other),
    ] {
        assert_eq!(sqlite(code).cause(), want, "{code}");
    }
    assert_eq!(rusqlite::Error::QueryReturnedNoRows.cause(), Cause::Other);
}

#[test]
fn the_systems_causes_are_known_by_their_numbers() {
    use rustix::io::Errno;
    for (errno, want) in [
        (Errno::NOSPC, Cause::Full),
        (Errno::DQUOT, Cause::Full),
        (Errno::ACCESS, Cause::Denied),
        (Errno::PERM, Cause::Denied),
        (Errno::ROFS, Cause::ReadOnly),
        (Errno::NOENT, Cause::Missing),
        (Errno::NOTDIR, Cause::Missing),
        (Errno::IO, Cause::Disk),
        (Errno::MFILE, Cause::Other),
    ] {
        assert_eq!(errno.cause(), want, "{errno}");
    }
}

#[test]
fn no_two_causes_have_the_same_advice() {
    for text in [advice, advice_on_copy] {
        let mut told: Vec<String> =
            CAUSES.iter().map(|c| text(Path::new("/var/lib/renewd/ledger.db"), *c)).collect();
        told.sort();
        told.dedup();
        assert_eq!(told.len(), CAUSES.len(), "{told:#?}");
    }
    let chowns = CAUSES.iter().filter(|c| advice(Path::new("/x/ledger.db"), **c).contains("chown"));
    assert_eq!(chowns.collect::<Vec<_>>(), [&Cause::Denied]);
    let room = CAUSES.iter().filter(|c| advice(Path::new("/x/ledger.db"), **c).contains("room"));
    assert_eq!(room.collect::<Vec<_>>(), [&Cause::Full]);
    assert!(CAUSES.iter().all(|c| !advice_on_copy(Path::new("/x/copy.db"), *c).contains("chown")));
}

#[test]
fn a_folder_with_room_that_is_ours_has_no_obstacle() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    assert_eq!(obstacle(&path), None);
    let words = "it is a database, but no ledger of renewd".to_owned();
    assert_eq!(of(&path, &words), (path.clone(), Cause::Told, words.clone()));
    assert_eq!(of(&path, &sqlite(ffi::SQLITE_IOERR_WRITE)).1, Cause::Disk);
}
