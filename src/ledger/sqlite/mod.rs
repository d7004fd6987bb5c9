//! The ledger in one SQLite file.
//!
//! Responsible for the connection and the shape of every transaction: immediate from its start, whole or not at all. The
//! files below hold what is done inside: `open`, `place`, `migrate`, `accounts`, `reserve`, `payment` (the log), `history` and `shelf` (reading it), `leases`,
//! `cycles`, `quotes`, `alerts`, `quiet`, `outbox`, `balances`, `changes`, `copy`.
//!
//! What a crash means: it rolls back to the last commit. With WAL and `synchronous=FULL` a commit that returned is on disk.
//! A commit that failed may, on a broken disk, be there all the same: for a `spend_started` row that reads as a payment
//! whose outcome is unknown, and evidence settles it; no permit was given, so nothing was sent. There is no retry around any
//! transaction: what failed is told and not repeated.
mod accounts;
mod alerts;
mod balances;
mod changes;
mod copy;
mod cycles;
mod history;
mod leases;
mod migrate;
mod open;
mod outbox;
mod payment;
mod place;
mod port;
mod quiet;
mod quotes;
mod reserve;
mod shelf;
mod text;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::LedgerError;
use super::trouble::Fails;
use crate::domain::AccountName;
use crate::domain::identity::{Claim, Step};

pub use migrate::MIGRATIONS;
pub use open::{Access, in_memory, open};

/// An open ledger. Its calls block for as long as SQLite needs, at most ten seconds while another process writes.
#[derive(Debug)]
pub struct SqliteLedger {
    path: PathBuf,
    place: place::Place,
    connection: Mutex<Connection>,
    /// Locked before the connection, never after it.
    shelf: Mutex<shelf::Shelf>,
    /// Held by who may pay: closing it lets the next renewd in. Dropped after the connection.
    lock: Option<File>,
}

impl SqliteLedger {
    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic elsewhere leaves SQLite consistent: its transaction was rolled back when it unwound.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trouble(&self, e: &dyn Fails) -> LedgerError {
        LedgerError::met(&self.path, e)
    }

    fn told(&self, fault: Fault) -> LedgerError {
        match fault {
            Fault::Sql(e) => self.trouble(&e),
            Fault::Ledger(e) => e,
            Fault::Nonsense(words) => self.trouble(&words),
        }
    }

    /// Reads one snapshot: what others commit meanwhile is seen by none of the queries in `f`.
    fn read<T>(&self, f: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, LedgerError> {
        self.place.check()?;
        let mut connection = self.connection();
        let tx = connection.transaction().map_err(|e| self.trouble(&e))?;
        f(&tx).map_err(|fault| self.told(fault))
    }

    /// Only who holds the ledger's lock starts payments: a bug elsewhere is told here, before a row is written.
    fn to_pay(&self) -> Result<(), LedgerError> {
        if self.lock.is_some() { Ok(()) } else { Err(LedgerError::NotToPay(self.path.clone())) }
    }

    /// A copy in memory in which the accounts are called as the config calls them: for those that only look, before a pass that pays has
    /// written it down. `None` where nothing is called otherwise.
    ///
    /// # Errors
    /// [`LedgerError::Trouble`].
    pub fn as_named(&self, claims: &[Claim], at: jiff::Timestamp) -> Result<Option<Self>, LedgerError> {
        let found = self.read(|c| accounts::compare(c, claims, at))?;
        let names: Vec<Step> = found.steps.into_iter().filter(|s| matches!(s, Step::Name(..))).collect();
        if names.is_empty() {
            return Ok(None);
        }
        let copy = open::copy_in_memory(&self.connection(), &self.path)?;
        copy.write(|tx| accounts::write(tx, claims, &names, at))?;
        Ok(Some(copy))
    }

    /// Under which names the account is kept that the config calls `name`: a pass that pays writes a new name down, and until then a
    /// running renewd knows it by the old one. Empty: the ledger knows no such account.
    ///
    /// # Errors
    /// [`LedgerError::Trouble`].
    pub fn kept_as(
        &self,
        claims: &[Claim],
        name: &AccountName,
        at: jiff::Timestamp,
    ) -> Result<Vec<AccountName>, LedgerError> {
        self.read(|c| accounts::kept_as(c, claims, name, at))
    }

    /// One transaction, immediate from its start. What `f` refuses leaves no trace.
    fn write<T>(&self, f: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>) -> Result<T, LedgerError> {
        self.place.check()?;
        let mut connection = self.connection();
        let tx = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|e| self.trouble(&e))?;
        let value = f(&tx).map_err(|fault| self.told(fault))?;
        tx.commit().map_err(|e| self.trouble(&e))?;
        // Waiting for the lock and for the disk took its time: what was committed must be where it can be read.
        self.place.check()?;
        Ok(value)
    }
}

/// What ends a transaction early.
#[derive(Debug)]
enum Fault {
    /// SQLite's own trouble.
    Sql(rusqlite::Error),
    /// A refusal that the port knows.
    Ledger(LedgerError),
    /// The caller asked for what makes no sense: a bug, told in words.
    Nonsense(String),
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
