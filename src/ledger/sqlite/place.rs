//! Whether the files that are open are still those at their paths.
//!
//! A ledger that is removed or replaced under a running renewd goes on taking rows that nobody will ever read again, and a payment
//! in such a row is a payment that nobody knows of. So device and inode of each file, as it was opened, are compared with what is
//! at its path before every transaction, or before the first of those that share a snapshot. The files are only looked at, never opened: closing any other handle would drop SQLite's
//! own locks. A crash here has changed nothing.
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::content::{Content, Id};
use crate::ledger::LedgerError;
use crate::ownership::like_folder;

/// The files of an open ledger.
#[derive(Debug, Default)]
pub(super) struct Place {
    files: Vec<(PathBuf, Id)>,
    content: Option<Content>,
}

fn id(path: &Path) -> std::io::Result<Id> {
    std::fs::metadata(path).map(|found| (found.dev(), found.ino()))
}

impl Place {
    /// What is there now: the ledger, the log that SQLite keeps beside it and the index of that, and the lock of who may pay.
    pub(super) fn of(ledger: &Path, lock: Option<&File>) -> std::io::Result<Self> {
        let mut files = vec![(ledger.to_owned(), id(ledger)?)];
        let Some(lock) = lock else { return Ok(Self { files, content: None }) };
        let held = lock.metadata()?;
        files.push((ledger.with_file_name("ledger.lock"), (held.dev(), held.ino())));
        // Newest rows stand in the log alone; and who finds no index of it makes one of his own, and takes the log for nobody's.
        for name in ["ledger.db-wal", "ledger.db-shm"] {
            let beside = ledger.with_file_name(name);
            files.extend(id(&beside).ok().map(|found| (beside, found)));
        }
        Ok(Self { files, content: Content::of(ledger) })
    }

    /// All of them are where they were, and the ledger was written by SQLite alone.
    pub(super) fn check(&self) -> Result<(), LedgerError> {
        // The first is the ledger itself: one look at it tells both.
        let content = self.content.as_ref().zip(self.files.first());
        let (mut own, is_overwritten) = content.map_or((None, false), |(c, (_, opened))| c.look(*opened));
        for (path, opened) in &self.files {
            let what = match own.take().map_or_else(|| id(path), Ok) {
                Ok(found) if found == *opened => continue,
                Ok(_) => "was replaced",
                Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => "was removed",
                // Nothing is known of it: SQLite, which holds it open, has the last word.
                Err(_) => continue,
            };
            return Err(LedgerError::Gone { path: path.clone(), what });
        }
        match self.files.first() {
            Some((ledger, _)) if is_overwritten => Err(LedgerError::Overwritten(ledger.clone())),
            _ => Ok(()),
        }
    }
}

/// A ledger that is missing while somebody pays on it was removed, and no new one may take its place meanwhile. For who has the
/// turn to make one: whoever pays takes the lock and makes the ledger in one turn, and would be held off by this look at the lock.
pub(super) fn removed(ledger: &Path) -> Option<LedgerError> {
    let lock = File::open(ledger.with_file_name("ledger.lock")).ok()?;
    let held = flock(&lock, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK);
    held.then(|| LedgerError::Gone { path: ledger.to_owned(), what: "was removed" })
}

/// Made by us before SQLite sees it, so that it is private from its first byte; SQLite gives its companions the same mode.
pub(super) fn private_file(state_dir: &Path, path: &Path) -> std::io::Result<File> {
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    like_folder(&file, state_dir);
    Ok(file)
}
