//! Whether the ledger's own file was written by somebody else than SQLite: a backup that is copied over it keeps its inode.
//!
//! In WAL mode the file changes by checkpoints alone, and each of them first says in the log's index how far it wants to come, and then
//! how far it came. So a file that changed while the index did not was written past SQLite: what it holds now and what the log holds
//! are of two ledgers, and nobody knows which payments are in it. While a checkpoint is under way, or was cut off by a crash, nothing
//! can be told until the next one. A crash here has changed nothing.
use std::fs::File;
use std::mem::ManuallyDrop;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Device and inode of a file.
pub(super) type Id = (u64, u64);

/// Bytes of the index that are read: its two headers, and what checkpoints say. The layout is part of SQLite's file format.
const INDEX: usize = 136;

/// The file as it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Written {
    at: (i64, i64),
    size: u64,
}

/// What the index says of checkpoints: which log it is of, how many of its frames are in the file, and how many are to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Progress {
    log: [u8; 8],
    done: [u8; 4],
    begun: [u8; 4],
}

impl Progress {
    fn is_under_way(&self) -> bool {
        self.done != self.begun
    }
}

#[derive(Debug)]
struct Seen {
    written: Written,
    progress: Progress,
    /// Once it was written past SQLite, no checkpoint makes it right again.
    overwritten: bool,
}

/// Watches one open ledger.
#[derive(Debug)]
pub(super) struct Content {
    path: PathBuf,
    /// Never closed before the process ends: closing any handle of the index gives up SQLite's own locks on it.
    index: ManuallyDrop<File>,
    seen: Mutex<Seen>,
}

impl Content {
    /// From now on. `None`: it has no index to tell by.
    pub(super) fn of(ledger: &Path) -> Option<Self> {
        let index = ManuallyDrop::new(File::open(ledger.with_file_name("ledger.db-shm")).ok()?);
        let (_, written, progress) = look(ledger, &index)?;
        let seen = Mutex::new(Seen { written, progress, overwritten: false });
        Some(Self { path: ledger.to_owned(), index, seen })
    }

    /// What is at the ledger's path, where that can be told, and whether the ledger, opened as `own`, was written by somebody else since.
    pub(super) fn look(&self, own: Id) -> (Option<Id>, bool) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // Who cannot look knows nothing: SQLite has the last word.
        let Some((id, written, progress)) = look(&self.path, &self.index) else {
            return (None, seen.overwritten);
        };
        // Another file says nothing of this one, which may come back.
        if id != own {
            return (Some(id), seen.overwritten);
        }
        if written != seen.written && progress == seen.progress && !progress.is_under_way() {
            seen.overwritten = true;
        }
        (seen.written, seen.progress) = (written, progress);
        (Some(id), seen.overwritten)
    }
}

/// File and index at one instant: a checkpoint between the two looks would show in the third.
fn look(path: &Path, index: &File) -> Option<(Id, Written, Progress)> {
    for _ in 0..10 {
        let before = progress(index)?;
        let meta = std::fs::metadata(path).ok()?;
        if progress(index)? == before {
            let written = Written { at: (meta.mtime(), meta.mtime_nsec()), size: meta.size() };
            return Some(((meta.dev(), meta.ino()), written, before));
        }
    }
    None
}

fn progress(index: &File) -> Option<Progress> {
    let mut bytes = [0; INDEX];
    index.read_exact_at(&mut bytes, 0).ok()?;
    let four = |at: usize| bytes[at..at + 4].try_into().ok();
    Some(Progress { log: bytes[32..40].try_into().ok()?, done: four(96)?, begun: four(128)? })
}
