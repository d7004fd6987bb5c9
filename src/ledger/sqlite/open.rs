//! Opening: the files and their modes, the lock, the schema, and SQLite's settings.
//!
//! A crash while a ledger is made leaves an empty file, or one whose first page a journal takes back: the next opener does
//! that and fills it; readers take it for a missing one.
use std::fmt::Display;
use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use rustix::fs::{FlockOperation, flock};

use super::{SqliteLedger, migrate};
use crate::ledger::{IDENTITY, LedgerError};
use crate::ownership::like_folder;

/// How long SQLite waits for another process that writes.
const BUSY: Duration = Duration::from_secs(10);

/// What a command wants of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To pay: made and migrated if need be; holds the ledger's lock until dropped.
    Pay,
    /// To note an operator's word beside a running daemon: made and migrated if need be, no lock.
    Note,
    /// To read beside a running daemon: never made, never changed.
    Read,
}

/// Opens `ledger.db` in `state_dir`. Directory and files that it makes are private (0700, 0600), and belong to the
/// directory's owner even if root makes them.
///
/// # Errors
/// [`LedgerError::Held`] by another payer, [`LedgerError::Missing`] for readers, [`LedgerError::Newer`] with the file
/// left byte for byte as it was, else [`LedgerError::Trouble`].
pub fn open(state_dir: &Path, access: Access) -> Result<SqliteLedger, LedgerError> {
    let path = state_dir.join("ledger.db");
    match access {
        Access::Read => read(path),
        Access::Note => write(state_dir, path, None),
        Access::Pay => {
            make_dir(state_dir).map_err(trouble(&path))?;
            let lock = take_lock(state_dir, &path)?;
            write(state_dir, path, Some(lock))
        }
    }
}

/// An empty ledger that is nowhere on disk, for those who show things before there is one.
///
/// # Errors
/// [`LedgerError::Trouble`], out of memory.
pub fn in_memory() -> Result<SqliteLedger, LedgerError> {
    let path = PathBuf::from(":memory:");
    let mut connection = Connection::open_in_memory().map_err(trouble(&path))?;
    harden(&connection).map_err(trouble(&path))?;
    migrate::to_latest(&mut connection).map_err(trouble(&path))?;
    Ok(SqliteLedger { path, connection: Mutex::new(connection), shelf: Mutex::default(), lock: None })
}

/// Everything that is in `source`, nowhere on disk.
pub(super) fn copy_in_memory(source: &Connection, path: &Path) -> Result<SqliteLedger, LedgerError> {
    let mut connection = Connection::open_in_memory().map_err(trouble(path))?;
    let step =
        Backup::new(source, &mut connection).and_then(|backup| backup.step(-1)).map_err(trouble(path))?;
    if step != StepResult::Done {
        return Err(trouble(path)("the ledger was busy: try again"));
    }
    harden(&connection).map_err(trouble(path))?;
    Ok(SqliteLedger {
        path: path.to_owned(),
        connection: Mutex::new(connection),
        shelf: Mutex::default(),
        lock: None,
    })
}

fn trouble<E: Display>(path: &Path) -> impl Fn(E) -> LedgerError {
    move |e| LedgerError::met(path, &e)
}

fn read(path: PathBuf) -> Result<SqliteLedger, LedgerError> {
    if !path.try_exists().map_err(trouble(&path))? {
        return Err(LedgerError::Missing(path));
    }
    if half_made(&path).map_err(trouble(&path))? {
        return Err(LedgerError::Missing(path));
    }
    let connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    match refuse_foreign(&connection, &path)? {
        // Made a moment ago, or the making was cut off.
        0 => return Err(LedgerError::Missing(path)),
        found if found < migrate::known() => {
            let known = migrate::known();
            let words = format!(
                "its schema is {found}, this renewd reads {known}: `renewd run` or `renewd once` brings it up"
            );
            return Err(trouble(&path)(words));
        }
        _ => {}
    }
    harden(&connection).map_err(trouble(&path))?;
    Ok(SqliteLedger { path, connection: Mutex::new(connection), shelf: Mutex::default(), lock: None })
}

fn write(state_dir: &Path, path: PathBuf, lock: Option<File>) -> Result<SqliteLedger, LedgerError> {
    make_dir(state_dir).map_err(trouble(&path))?;
    // Two that make or migrate it at once take turns. The directory is locked, not the file: closing any other handle of
    // the file would drop SQLite's own locks on it.
    let turn = File::open(state_dir).map_err(trouble(&path))?;
    rustix::io::retry_on_intr(|| flock(&turn, FlockOperation::LockExclusive)).map_err(trouble(&path))?;
    if !path.try_exists().map_err(trouble(&path))? {
        private_file(state_dir, &path).map_err(trouble(&path))?;
    }
    // Through a connection that cannot write: a newer ledger stays as it is, its journal mode too. What was cut off while it
    // was made must be taken back before anybody can read it.
    let half = half_made(&path).map_err(trouble(&path))?;
    let look = if half { OpenFlags::SQLITE_OPEN_READ_WRITE } else { OpenFlags::SQLITE_OPEN_READ_ONLY };
    refuse_foreign(&connect(&path, look)?, &path)?;
    let mut connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    harden(&connection).map_err(trouble(&path))?;
    durable(&connection).map_err(trouble(&path))?;
    if lock.is_some() {
        undamaged(&connection, &path)?;
    }
    migrate::to_latest(&mut connection).map_err(trouble(&path))?;
    identify(&connection).map_err(trouble(&path))?;
    drop(turn);
    Ok(SqliteLedger { path, connection: Mutex::new(connection), shelf: Mutex::default(), lock })
}

/// The making was cut off: only until it is in WAL mode has a ledger a rollback journal.
fn half_made(path: &Path) -> std::io::Result<bool> {
    path.with_extension("db-journal").try_exists()
}

fn make_dir(state_dir: &Path) -> std::io::Result<()> {
    if state_dir.try_exists()? {
        return Ok(());
    }
    let missing: Vec<&Path> = state_dir.ancestors().take_while(|dir| !dir.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(state_dir)?;
    // What is durable in a directory is lost with the directory's own name. Who may not read the parent cannot help that.
    for parent in missing.iter().filter_map(|dir| dir.parent()) {
        if let Ok(parent) = File::open(parent) {
            parent.sync_all()?;
        }
    }
    Ok(())
}

/// Made by us before SQLite sees it, so that it is private from its first byte; SQLite gives its companions the same mode.
fn private_file(state_dir: &Path, path: &Path) -> std::io::Result<File> {
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    like_folder(&file, state_dir);
    Ok(file)
}

/// Held as long as the file is open; the handle is close-on-exec, so no child inherits it.
fn take_lock(state_dir: &Path, ledger: &Path) -> Result<File, LedgerError> {
    let path = state_dir.join("ledger.lock");
    let told = |e: &dyn Display| trouble(ledger)(format!("{}: {e}", path.display()));
    let file = private_file(state_dir, &path).map_err(|e| told(&e))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(LedgerError::Held(ledger.to_owned())),
        Err(e) => Err(told(&e)),
    }
}

fn connect(path: &Path, mode: OpenFlags) -> Result<Connection, LedgerError> {
    // The connection lives behind a mutex, SQLite's own is not needed.
    let connection =
        Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(trouble(path))?;
    connection.busy_timeout(BUSY).map_err(trouble(path))?;
    Ok(connection)
}

/// The schema number of a ledger that this build may open.
fn refuse_foreign(connection: &Connection, path: &Path) -> Result<i64, LedgerError> {
    let found = migrate::found(connection).map_err(trouble(path))?;
    let known = migrate::known();
    if found > known {
        return Err(LedgerError::Newer { path: path.to_owned(), found, known });
    }
    if !migrate::ours(connection).map_err(trouble(path))? {
        return Err(trouble(path)("it is a database, but no ledger of renewd: nothing was changed"));
    }
    Ok(found)
}

/// What every connection gets: no surprises from the schema or from misspelled strings.
fn harden(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(256);
    Ok(())
}

/// A damaged ledger may have lost a payment, and a lost payment is made again: nobody pays on one.
fn undamaged(connection: &Connection, path: &Path) -> Result<(), LedgerError> {
    let found: rusqlite::Result<String> = connection.query_row("PRAGMA quick_check(1)", [], |r| r.get(0));
    let what = match found {
        Ok(verdict) if verdict == "ok" => return Ok(()),
        Ok(verdict) => verdict,
        Err(e) if damaged(&e) => e.to_string(),
        Err(e) => return Err(trouble(path)(e)),
    };
    Err(LedgerError::Damaged { path: path.to_owned(), message: what })
}

fn damaged(e: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(e.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}

/// What tells this ledger from another; written once.
fn identify(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .execute(
            "INSERT OR IGNORE INTO note (key, value) VALUES (?1, lower(hex(randomblob(16))))",
            [IDENTITY],
        )
        .map(drop)
}

/// A commit that returned survives a power cut.
fn durable(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")
}
