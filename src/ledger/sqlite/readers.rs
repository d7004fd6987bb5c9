//! Connections that only read, beside the one that writes: whoever looks at the page waits for no payment, and no payment for him.
//!
//! Each sees what was committed before its snapshot. Not responsible for ledgers that are read alone, or that are nowhere on disk: those
//! have one connection. Closing one here takes no lock of another away: SQLite knows all of this process.
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use rusqlite::{Connection, OpenFlags};

use super::connect::{connect, harden};

/// So many stay open while nobody reads.
const KEPT: usize = 1;

/// The connections of one ledger that nobody uses at the moment.
#[derive(Debug, Default)]
pub(super) struct Readers {
    path: Option<PathBuf>,
    idle: Mutex<Vec<Connection>>,
    /// Those in the snapshot of a look, by the thread that looks.
    looking: Mutex<HashMap<ThreadId, Connection>>,
}

impl Readers {
    /// For a ledger that somebody writes to.
    pub(super) fn beside_a_writer(path: &Path) -> Self {
        Self { path: Some(path.to_owned()), ..Self::default() }
    }

    /// One to read with; `None` where the ledger has but one connection, or no other can be opened now.
    pub(super) fn take(&self) -> Option<Connection> {
        let path = self.path.as_ref()?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.or_else(|| {
            let fresh = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
            harden(&fresh).ok()?;
            Some(fresh)
        })
    }

    /// Gives it back. One whose reading failed is not given back.
    pub(super) fn give(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(connection);
        }
    }

    /// That of this thread's look, out of it: whoever takes it gives it back by [`Readers::hold`], or the look is over.
    pub(super) fn held(&self) -> Option<Connection> {
        self.looking().remove(&thread::current().id())
    }

    /// What this thread reads is read with it until it is taken out.
    pub(super) fn hold(&self, connection: Connection) {
        self.looking().insert(thread::current().id(), connection);
    }

    /// This thread has a look.
    pub(super) fn is_held(&self) -> bool {
        self.looking().contains_key(&thread::current().id())
    }

    fn looking(&self) -> MutexGuard<'_, HashMap<ThreadId, Connection>> {
        self.looking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
