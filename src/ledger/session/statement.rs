//! A statement, its answer, and one that is run for many rows of values. A crash before the end of the transaction has changed nothing.
use std::sync::Arc;

use rusqlite::CachedStatement;
use rusqlite::types::Value;

use super::error::{Error, Result};
use super::params::{Params, owned};
use super::row::{Places, Row};
use crate::ledger::postgres::{Answer, Link};

/// A statement, ready to run.
pub(in crate::ledger) enum Statement<'a> {
    File(CachedStatement<'a>),
    Server { link: &'a Link, sql: String },
}

impl Statement<'_> {
    /// Runs it; how many rows it changed.
    pub fn execute(&mut self, params: impl Params) -> Result<usize> {
        match self {
            Self::File(s) => Ok(params.hand(|values| s.execute(values))?),
            Self::Server { link, sql } => Ok(link.run(sql, params.hand(owned)?)?.changed),
        }
    }

    /// Its rows.
    pub fn query(&mut self, params: impl Params) -> Result<Rows<'_>> {
        Ok(match self {
            Self::File(s) => {
                Rows::File { rows: params.hand(|values| s.query(values))?, places: Places::default() }
            }
            Self::Server { link, sql } => {
                Rows::Server { answer: Arc::new(link.run(sql, params.hand(owned)?)?), next: 0 }
            }
        })
    }

    /// Its first row.
    pub fn query_row<T>(&mut self, params: impl Params, f: impl FnOnce(&Row<'_>) -> Result<T>) -> Result<T> {
        let mut rows = self.query(params)?;
        let row = rows.next()?.ok_or(Error::NoRows)?;
        f(&row)
    }

    /// Its rows, each made into something.
    pub fn query_map<T, F>(&mut self, params: impl Params, f: F) -> Result<Mapped<'_, F>>
    where
        F: FnMut(&Row<'_>) -> Result<T>,
    {
        Ok(Mapped { rows: self.query(params)?, f })
    }
}

/// The rows of an answer, one after the other.
pub(in crate::ledger) enum Rows<'a> {
    File { rows: rusqlite::Rows<'a>, places: Places },
    Server { answer: Arc<Answer>, next: usize },
}

impl Rows<'_> {
    /// The next one.
    pub fn next(&mut self) -> Result<Option<Row<'_>>> {
        match self {
            Self::File { rows, places } => Ok(rows.next()?.map(|row| Row::File { row, places })),
            Self::Server { answer, next } => {
                let row = answer.rows.get(*next);
                *next += 1;
                Ok(row.map(|values| Row::Server { names: &answer.names, values }))
            }
        }
    }
}

/// The rows of an answer, each made into something.
pub(in crate::ledger) struct Mapped<'a, F> {
    rows: Rows<'a>,
    f: F,
}

impl<T, F: FnMut(&Row<'_>) -> Result<T>> Iterator for Mapped<'_, F> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.rows.next() {
            Ok(row) => row.map(|row| (self.f)(&row)),
            Err(e) => Some(Err(e)),
        }
    }
}

/// So many rows of values travel at once.
const AT_ONCE: usize = 1_000;

/// A statement for many rows of values. For a file each is run as it comes; nothing is run on a server before [`Many::end`].
#[must_use = "what is not ended may not have been written"]
pub(in crate::ledger) enum Many<'a> {
    File(CachedStatement<'a>),
    Server { link: &'a Link, sql: String, rows: Vec<Vec<Value>> },
}

impl Many<'_> {
    /// One more.
    pub fn add(&mut self, params: impl Params) -> Result<()> {
        match self {
            Self::File(s) => {
                params.hand(|values| s.execute(values))?;
            }
            Self::Server { link, sql, rows } => {
                rows.push(params.hand(owned)?);
                if rows.len() >= AT_ONCE {
                    link.run_many(sql, std::mem::take(rows))?;
                }
            }
        }
        Ok(())
    }

    /// All of them are written.
    pub fn end(self) -> Result<()> {
        match self {
            Self::Server { link, sql, rows } if !rows.is_empty() => Ok(link.run_many(&sql, rows)?),
            _ => Ok(()),
        }
    }
}
