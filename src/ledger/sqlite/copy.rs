//! `renewd backup`: a consistent copy while others write, checked before it is called one.
use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use crate::ledger::LedgerError;

/// Copies all of `source` into a new file `to`, private, on disk before it returns. A copy that failed is removed.
pub(super) fn backup(source: &Connection, to: &Path) -> Result<(), LedgerError> {
    let told = |e: &dyn Display| LedgerError::met(to, e);
    // `create_new` makes it private and refuses a file that is there, in one step.
    if let Err(e) = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to) {
        return Err(match e.kind() {
            std::io::ErrorKind::AlreadyExists => LedgerError::Exists(to.to_owned()),
            _ => told(&e),
        });
    }
    let done = copy(source, to).and_then(|verdict| {
        if verdict == "ok" { Ok(()) } else { Err(format!("the copy is damaged: {verdict}")) }
    });
    if let Err(words) = done {
        let _ = std::fs::remove_file(to);
        return Err(told(&words));
    }
    on_disk(to).map_err(|e| told(&e))
}

/// One step for all pages: it reads one snapshot, and in WAL mode keeps no writer waiting.
fn copy(source: &Connection, to: &Path) -> Result<String, String> {
    let work = || -> rusqlite::Result<Option<String>> {
        let mut target = Connection::open(to)?;
        let step = Backup::new(source, &mut target)?.step(-1)?;
        if step != StepResult::Done {
            return Ok(None);
        }
        // One file, without companions, until somebody opens it to write.
        target.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
        target.query_row("PRAGMA integrity_check", [], |r| r.get(0)).map(Some)
    };
    match work() {
        Ok(Some(verdict)) => Ok(verdict),
        Ok(None) => Err("the ledger was busy: try again".to_owned()),
        Err(e) => Err(e.to_string()),
    }
}

fn on_disk(to: &Path) -> std::io::Result<()> {
    File::open(to)?.sync_all()?;
    match to.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        Some(dir) => File::open(dir)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}
