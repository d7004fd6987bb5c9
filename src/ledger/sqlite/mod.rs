//! The ledger in one SQLite file: opening, locking, migrating, and the transactions behind the port.
//!
//! A crash in here rolls back to the last commit; with WAL and `synchronous=FULL` a commit that returned is on disk. There is
//! no retry around any transaction: what failed is told and not repeated.
mod alerts;
mod facts;
mod intents;
mod payments;
mod port;
mod rows;

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use rusqlite_migration::{M, Migrations};

use super::LedgerError;

/// Every shipped migration, oldest first. Shipped files never change: a test holds their hashes.
pub const MIGRATIONS: &[(&str, &str)] =
    &[("0001_ledger.sql", include_str!("../../../migrations/0001_ledger.sql"))];

/// What a command wants of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To pay: makes it if it is missing, and holds its lock until dropped.
    Pay,
    /// To note an operator's word beside a running daemon: makes it if it is missing, takes no lock.
    Note,
    /// To read beside a running daemon; never makes it.
    Read,
}

/// An open ledger.
#[derive(Debug)]
pub struct SqliteLedger {
    path: PathBuf,
    connection: Mutex<Connection>,
    /// Held, not read: closing it lets the next renewd in.
    _lock: Option<File>,
}

/// Opens `state_dir/ledger.db`.
///
/// # Errors
/// Held by another payer, missing (for readers), newer than this build, or trouble.
pub fn open(state_dir: &Path, access: Access) -> Result<SqliteLedger, LedgerError> {
    let path = state_dir.join("ledger.db");
    let trouble =
        |e: &dyn std::fmt::Display| LedgerError::Trouble { path: path.clone(), message: e.to_string() };
    if access == Access::Read && !path.exists() {
        return Err(LedgerError::Missing(path));
    }
    if access != Access::Read && !state_dir.exists() {
        DirBuilder::new().recursive(true).mode(0o700).create(state_dir).map_err(|e| trouble(&e))?;
    }
    let lock = if access == Access::Pay { Some(lock(state_dir, &path)?) } else { None };
    if path.exists() {
        refuse_newer(&path)?;
    } else {
        // Made by us first, so that it is private from its first byte.
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|e| trouble(&e))?;
    }
    let flags = match access {
        Access::Read => OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        _ => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    };
    let mut connection = Connection::open_with_flags(&path, flags).map_err(|e| trouble(&e))?;
    prepare(&mut connection, access != Access::Read).map_err(|e| trouble(&e))?;
    Ok(SqliteLedger { path, connection: Mutex::new(connection), _lock: lock })
}

/// An empty ledger that is nowhere on disk: for readers before the first cycle.
///
/// # Errors
/// Out of memory.
pub fn in_memory() -> Result<SqliteLedger, LedgerError> {
    let path = PathBuf::from(":memory:");
    let trouble =
        |e: &dyn std::fmt::Display| LedgerError::Trouble { path: path.clone(), message: e.to_string() };
    let mut connection = Connection::open_in_memory().map_err(|e| trouble(&e))?;
    prepare(&mut connection, true).map_err(|e| trouble(&e))?;
    Ok(SqliteLedger { path, connection: Mutex::new(connection), _lock: None })
}

fn lock(state_dir: &Path, ledger: &Path) -> Result<File, LedgerError> {
    let trouble = |message: String| LedgerError::Trouble { path: ledger.to_owned(), message };
    let path = state_dir.join("ledger.lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(|e| trouble(format!("{}: {e}", path.display())))?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(LedgerError::Held(ledger.to_owned())),
        Err(e) => Err(trouble(format!("{}: {e}", path.display()))),
    }
}

/// Looks at the schema number through a read-only connection: a newer ledger is left byte for byte as it is.
fn refuse_newer(path: &Path) -> Result<(), LedgerError> {
    let trouble = |e: rusqlite::Error| LedgerError::Trouble { path: path.to_owned(), message: e.to_string() };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(trouble)?;
    connection.busy_timeout(Duration::from_secs(10)).map_err(trouble)?;
    let found: i64 = connection.query_row("PRAGMA user_version", [], |r| r.get(0)).map_err(trouble)?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known { Err(LedgerError::Newer { path: path.to_owned(), found, known }) } else { Ok(()) }
}

fn prepare(connection: &mut Connection, write: bool) -> Result<(), Box<dyn std::error::Error>> {
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    if write {
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let steps: Vec<M<'_>> = MIGRATIONS.iter().map(|(_, sql)| M::up(sql)).collect();
        Migrations::new(steps).to_latest(connection)?;
    }
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

impl SqliteLedger {
    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic elsewhere leaves SQLite consistent: its transaction was rolled back.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trouble(&self, e: &dyn std::fmt::Display) -> LedgerError {
        LedgerError::Trouble { path: self.path.clone(), message: e.to_string() }
    }

    /// Reads outside a transaction.
    fn read<T>(&self, f: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, LedgerError> {
        f(&self.lock()).map_err(|e| self.trouble(&e))
    }

    /// One transaction, immediate from its start: what `f` refuses leaves no trace.
    fn write<T>(&self, f: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>) -> Result<T, LedgerError> {
        let mut connection = self.lock();
        let told = |e: rusqlite::Error| self.trouble(&e);
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(told)?;
        match f(&tx) {
            Ok(value) => tx.commit().map(|()| value).map_err(told),
            Err(Fault::Sql(e)) => Err(self.trouble(&e)),
            Err(Fault::Ledger(e)) => Err(e),
        }
    }
}

/// What ends a transaction early.
enum Fault {
    Sql(rusqlite::Error),
    Ledger(LedgerError),
}

impl From<rusqlite::Error> for Fault {
    fn from(e: rusqlite::Error) -> Self {
        Self::Sql(e)
    }
}

impl From<LedgerError> for Fault {
    fn from(e: LedgerError) -> Self {
        Self::Ledger(e)
    }
}
