//! What every connection to a ledger's file has in common. Not responsible for which file that is, or whether it may be opened.
//!
//! A crash here has changed nothing.
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::ledger::LedgerError;

/// How long SQLite waits for another process that writes.
const BUSY: Duration = Duration::from_secs(10);

pub(super) fn connect(path: &Path, mode: OpenFlags) -> Result<Connection, LedgerError> {
    let met = |e: rusqlite::Error| LedgerError::met(path, &e);
    // The connection lives behind a mutex, SQLite's own is not needed.
    let connection =
        Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(met)?;
    connection.busy_timeout(BUSY).map_err(met)?;
    Ok(connection)
}

/// What every connection gets: no surprises from the schema or from misspelled strings.
pub(super) fn harden(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(256);
    Ok(())
}
