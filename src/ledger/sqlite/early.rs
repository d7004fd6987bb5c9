//! Pauses from before there is a ledger: a brake must work before the first start, and makes no ledger. They stand in a small file of
//! their own in the state folder, until whoever makes the ledger writes them into it.
//!
//! A crash before the file has its name leaves nothing paused, and the command has not said that it is. A crash between the ledger's
//! rows and the file's removal writes the same rows again at the next opening.
use std::fs::{File, rename};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::ledger::session::Connection;
use serde::{Deserialize, Serialize};

use super::{SqliteLedger, pauses};
use crate::domain::{AccountName, Moment};
use crate::ledger::{LedgerError, PauseRecord};

/// The right to write the file: nobody makes a ledger meanwhile.
#[derive(Debug)]
pub struct Early {
    pub(super) _turn: File,
    pub(super) state_dir: PathBuf,
}

impl Early {
    /// Keeps what is paused in this stand-in for the ledger.
    ///
    /// # Errors
    /// The system's.
    pub fn keep(&self, ledger: &SqliteLedger) -> Result<(), LedgerError> {
        let path = place(&self.state_dir);
        let all = ledger.read(pauses::all)?;
        write(&path, &all).map_err(|e| LedgerError::met(&path, &e))
    }
}

/// A pause as a line of the file, in JSON.
#[derive(Serialize, Deserialize)]
struct Line {
    /// `*` = every account.
    account: String,
    since: jiff::Timestamp,
    by: Option<String>,
    note: Option<String>,
    /// As [`Moment::noted`].
    until: Option<String>,
}

impl Line {
    fn of(pause: &PauseRecord) -> std::io::Result<String> {
        let line = Self {
            account: pauses::name(pause).to_owned(),
            since: pause.since,
            by: pause.by.clone(),
            note: pause.note.clone(),
            until: pause.until.as_ref().map(Moment::noted),
        };
        Ok(serde_json::to_string(&line)? + "\n")
    }

    /// A line that cannot be read pauses everything, without an end.
    fn read(text: &str) -> PauseRecord {
        let found = if text.starts_with('{') { Self::parse(text) } else { Self::parse_old(text) };
        found.unwrap_or(PauseRecord::since(None, jiff::Timestamp::UNIX_EPOCH))
    }

    fn parse(text: &str) -> Option<PauseRecord> {
        let line: Self = serde_json::from_str(text).ok()?;
        let until = match line.until.as_deref() {
            Some(noted) => Some(Moment::from_note(noted)?),
            None => None,
        };
        let account = (line.account != pauses::ALL).then(|| AccountName::new(line.account));
        Some(PauseRecord { account, since: line.since, by: line.by, note: line.note, until })
    }

    /// `SINCE ACCOUNT`: written before more was kept of a pause.
    fn parse_old(text: &str) -> Option<PauseRecord> {
        let (since, account) = text.split_once(' ')?;
        let account = (account != pauses::ALL).then(|| AccountName::from(account));
        Some(PauseRecord::since(account, since.parse().ok()?))
    }
}

fn place(state_dir: &Path) -> PathBuf {
    state_dir.join("pauses")
}

fn write(path: &Path, pauses: &[PauseRecord]) -> std::io::Result<()> {
    let Some(dir) = path.parent() else { return Ok(()) };
    if pauses.is_empty() {
        return match std::fs::remove_file(path) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
            _ => File::open(dir)?.sync_all(),
        };
    }
    let lines = pauses.iter().map(Line::of).collect::<std::io::Result<String>>()?;
    let new = path.with_extension("new");
    let mut file = super::place::private_file(dir, &new)?;
    file.set_len(0)?;
    file.write_all(lines.as_bytes())?;
    file.sync_all()?;
    rename(&new, path)?;
    File::open(dir)?.sync_all()
}

/// Writes what stands in the file into the table; whether there was one. A line that cannot be read pauses everything.
pub(super) fn adopt(connection: &Connection, state_dir: &Path) -> Result<bool, super::Fault> {
    let text = match std::fs::read_to_string(place(state_dir)) {
        Ok(text) => text,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(false),
        Err(e) => {
            return Err(super::Fault::Nonsense(format!("its folder's file `pauses` cannot be read: {e}")));
        }
    };
    for line in text.lines() {
        pauses::adopt(connection, &Line::read(line))?;
    }
    Ok(true)
}

/// The rows are durable: the file has done its duty.
pub(super) fn forget(state_dir: &Path) -> std::io::Result<()> {
    write(&place(state_dir), &[])
}
