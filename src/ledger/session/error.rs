//! What can go wrong with a statement. Not responsible for what is told of it: that is the ledger's error.
use crate::ledger::postgres::Failure;
use crate::ledger::trouble::{Cause, Fails};

/// What a statement ended in.
#[derive(Debug, thiserror::Error)]
pub(in crate::ledger) enum Error {
    /// SQLite's own.
    #[error("{0}")]
    File(#[from] rusqlite::Error),
    /// The server's, or of the way to it.
    #[error("{0}")]
    Server(#[from] Failure),
    /// A row was asked for and there is none.
    #[error("there is no such row")]
    NoRows,
    /// A value cannot be read.
    #[error("column {name} holds {what}")]
    Column {
        /// Its name.
        name: String,
        /// What it holds.
        what: String,
    },
}

pub(in crate::ledger) type Result<T> = std::result::Result<T, Error>;

impl Fails for Error {
    fn cause(&self) -> Cause {
        match self {
            Self::File(e) => e.cause(),
            Self::Server(_) => Cause::Told,
            Self::NoRows | Self::Column { .. } => Cause::Other,
        }
    }

    fn words(&self) -> String {
        self.to_string()
    }
}

/// A row that need not be there.
pub(in crate::ledger) trait OptionalExtension<T> {
    /// `None` where there is none.
    fn optional(self) -> Result<Option<T>>;
}

impl<T> OptionalExtension<T> for Result<T> {
    fn optional(self) -> Result<Option<T>> {
        match self {
            Ok(found) => Ok(Some(found)),
            Err(Error::NoRows) => Ok(None),
            Err(e) => Err(e),
        }
    }
}
