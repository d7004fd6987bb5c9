//! Whether the files that are open are still those at their paths.
//!
//! A ledger that is removed or replaced under a running renewd goes on taking rows that nobody will ever read again, and a payment
//! in such a row is a payment that nobody knows of. So device and inode of each file, as it was opened, are compared with what is
//! at its path before every transaction. The files are only looked at, never opened: closing any other handle would drop SQLite's
//! own locks. A crash here has changed nothing.
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::ledger::LedgerError;

/// Device and inode of a file.
type Id = (u64, u64);

/// The files of an open ledger.
#[derive(Debug, Default)]
pub(super) struct Place(Vec<(PathBuf, Id)>);

fn id(path: &Path) -> std::io::Result<Id> {
    std::fs::metadata(path).map(|found| (found.dev(), found.ino()))
}

impl Place {
    /// What is there now: the ledger, the log that SQLite keeps beside it and the index of that, and the lock of who may pay.
    pub(super) fn of(ledger: &Path, lock: Option<&File>) -> std::io::Result<Self> {
        let mut files = vec![(ledger.to_owned(), id(ledger)?)];
        let Some(lock) = lock else { return Ok(Self(files)) };
        let held = lock.metadata()?;
        files.push((ledger.with_file_name("ledger.lock"), (held.dev(), held.ino())));
        // Newest rows stand in the log alone; and who finds no index of it makes one of his own, and takes the log for nobody's.
        for name in ["ledger.db-wal", "ledger.db-shm"] {
            let beside = ledger.with_file_name(name);
            files.extend(id(&beside).ok().map(|found| (beside, found)));
        }
        Ok(Self(files))
    }

    /// All of them are where they were.
    pub(super) fn check(&self) -> Result<(), LedgerError> {
        for (path, opened) in &self.0 {
            let what = match id(path) {
                Ok(found) if found == *opened => continue,
                Ok(_) => "was replaced",
                Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => "was removed",
                // Nothing is known of it: SQLite, which holds it open, has the last word.
                Err(_) => continue,
            };
            return Err(LedgerError::Gone { path: path.clone(), what });
        }
        Ok(())
    }
}

/// A ledger that is missing while somebody pays on it was removed, and no new one may take its place meanwhile.
pub(super) fn removed(ledger: &Path) -> Option<LedgerError> {
    let lock = File::open(ledger.with_file_name("ledger.lock")).ok()?;
    let held = flock(&lock, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK);
    held.then(|| LedgerError::Gone { path: ledger.to_owned(), what: "was removed" })
}
