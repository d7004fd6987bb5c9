//! A transaction of a file. Its beginning and its end are statements like all others, read once for each connection: reading them anew
//! took longer than many a query between them. Not responsible for what is done in it.
//!
//! What is not committed is taken back, by a crash as by a refusal.
use rusqlite::{Connection, Result};

/// An open transaction.
#[derive(Debug)]
pub(super) struct Opened<'c>(&'c Connection);

impl<'c> Opened<'c> {
    /// To read: of one snapshot, from the first query on.
    pub(super) fn to_read(connection: &'c Connection) -> Result<Self> {
        begin(connection).map(|()| Self(connection))
    }

    /// To write: nobody else does from here on.
    pub(super) fn to_write(connection: &'c mut Connection) -> Result<Self> {
        run(connection, "BEGIN IMMEDIATE").map(|()| Self(connection))
    }

    pub(super) fn connection(&self) -> &'c Connection {
        self.0
    }

    /// Keeps what was written. One that fails is taken back.
    pub(super) fn commit(self) -> Result<()> {
        run(self.0, "COMMIT")
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        end(self.0);
    }
}

/// Begins what [`end`] ends, for whoever takes the connection along.
pub(super) fn begin(connection: &Connection) -> Result<()> {
    run(connection, "BEGIN DEFERRED")
}

/// Takes back what was not committed, if anything is open. A failure here leaves a connection that takes no transaction: the next says so.
pub(super) fn end(connection: &Connection) {
    if !connection.is_autocommit() {
        run(connection, "ROLLBACK").ok();
    }
}

fn run(connection: &Connection, sql: &str) -> Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}
