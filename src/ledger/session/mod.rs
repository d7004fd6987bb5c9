//! One way to speak to a ledger in SQL, whichever database it is in: what the statements of `sqlite/` are written against.
//!
//! Responsible for handing a statement, its values and its rows on: to SQLite as they are, without a copy, or to a PostgreSQL server in
//! its own spelling. Not responsible for transactions: whoever opens one makes the session. A crash here has changed nothing.
mod error;
mod params;
mod row;
mod statement;

pub(in crate::ledger) use error::{Error, OptionalExtension, Result};
pub(in crate::ledger) use params::{Params, params_from_iter};
pub(in crate::ledger) use row::{Column, Row};
pub(in crate::ledger) use rusqlite::params;
pub(in crate::ledger) use statement::{Many, Statement};

use super::postgres::Link;

/// A connection inside a transaction.
#[derive(Clone, Copy)]
pub(in crate::ledger) enum Session<'a> {
    /// A file.
    File(&'a rusqlite::Connection),
    /// A server.
    Server(&'a Link),
}

/// For those who only look.
pub(in crate::ledger) type Connection<'a> = Session<'a>;
/// For those who write.
pub(in crate::ledger) type Transaction<'a> = Session<'a>;

impl<'a> Session<'a> {
    /// A statement that is read once for each connection.
    pub fn prepare_cached(&self, sql: &str) -> Result<Statement<'a>> {
        Ok(match self {
            Self::File(c) => Statement::File(c.prepare_cached(sql)?),
            Self::Server(link) => Statement::Server { link, sql: sql.to_owned() },
        })
    }

    /// The same: every statement of a ledger is one of a few hundred.
    pub fn prepare(&self, sql: &str) -> Result<Statement<'a>> {
        self.prepare_cached(sql)
    }

    /// Runs a statement; how many rows it changed.
    pub fn execute(&self, sql: &str, params: impl Params) -> Result<usize> {
        self.prepare_cached(sql)?.execute(params)
    }

    /// The first row.
    pub fn query_row<T>(
        &self,
        sql: &str,
        params: impl Params,
        f: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<T> {
        self.prepare_cached(sql)?.query_row(params, f)
    }

    /// A statement for many rows of values: a server gets them by the thousand.
    pub fn many(&self, sql: &str) -> Result<Many<'a>> {
        Ok(match self {
            Self::File(c) => Many::File(c.prepare_cached(sql)?),
            Self::Server(link) => Many::Server { link, sql: sql.to_owned(), rows: Vec::new() },
        })
    }

    /// The number that the database gave to the row that was inserted last.
    pub fn last_insert_rowid(&self) -> Result<i64> {
        match self {
            Self::File(c) => Ok(c.last_insert_rowid()),
            Self::Server(_) => self.query_row("SELECT lastval()", params![], |r| r.get(0)),
        }
    }

    /// Each statement is a way to another machine and back: many small ones are dear.
    pub fn is_far(&self) -> bool {
        matches!(self, Self::Server(_))
    }
}
