//! `renewd backup`: a consistent copy while others write, checked before it is called one.
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use crate::ledger::trouble::{self, Fails};
use crate::ledger::{Cause, LedgerError};

/// Copies all of the ledger `source` at `from` into a new file `to`, private, on disk before it returns. A copy that failed is removed.
pub(super) fn backup(source: &Connection, from: &Path, to: &Path) -> Result<(), LedgerError> {
    // `create_new` makes it private and refuses a file that is there, in one step.
    if let Err(e) = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to) {
        return Err(match e.kind() {
            std::io::ErrorKind::AlreadyExists => LedgerError::Exists(to.to_owned()),
            _ => failed(to, &e),
        });
    }
    copy(source, from, to).inspect_err(|_| {
        let _ = std::fs::remove_file(to);
    })?;
    on_disk(to).map_err(|e| failed(to, &e))
}

/// It is the copy that failed.
fn failed(to: &Path, e: &dyn Fails) -> LedgerError {
    // Where the folder or the disk stands in the way, the copy's own name is what the operator gave.
    let (_, cause, message) = trouble::of(to, e);
    LedgerError::Copy { path: to.to_owned(), message, cause }
}

/// One step for all pages: it reads one snapshot, and in WAL mode keeps no writer waiting.
fn copy(source: &Connection, from: &Path, to: &Path) -> Result<(), LedgerError> {
    let here = |e: rusqlite::Error| failed(to, &e);
    let mut target = Connection::open(to).map_err(here)?;
    match Backup::new(source, &mut target).and_then(|copying| copying.step(-1)) {
        Ok(StepResult::Done) => {}
        Ok(_) => {
            return Err(LedgerError::met(from, &"the ledger was busy: try again"));
        }
        // Pages that cannot be read are the ledger's; what cannot be written is the copy's.
        Err(e) if e.cause() == Cause::Damaged => return Err(LedgerError::met(from, &e)),
        Err(e) => return Err(here(e)),
    }
    // One file, without companions, until somebody opens it to write.
    target.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).map_err(here)?;
    let verdict: rusqlite::Result<String> = target.query_row("PRAGMA integrity_check(1)", [], |r| r.get(0));
    match verdict {
        Ok(verdict) if verdict == "ok" => Ok(()),
        // It has the ledger's pages, byte for byte.
        Ok(verdict) => Err(LedgerError::Damaged { path: from.to_owned(), message: verdict }),
        Err(e) if e.cause() == Cause::Damaged => Err(LedgerError::met(from, &e)),
        Err(e) => Err(here(e)),
    }
}

fn on_disk(to: &Path) -> std::io::Result<()> {
    File::open(to)?.sync_all()?;
    match to.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        Some(dir) => File::open(dir)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}
