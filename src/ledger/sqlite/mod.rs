//! The ledger in SQL: one SQLite file, or a PostgreSQL server.
//!
//! Responsible for the connection and the shape of every transaction: immediate from its start, whole or not at all. The
//! files below hold what is done inside, in statements that both read (`session`); what is only so on a server is in `served`. They are: `open`, `place`, `content`, `migrate`, `accounts`, `reserve`, `payment` (the log), `chain` (its links) and `chain_check`, `history`, `pages` and
//! `cache` and `whole` (reading it), `readers`, `overview` and `outlooks` (for those who only look), `gate`, `leases` and `ranges`, `decisions`, `cycles`, `prices`,
//! `quotes`, `alerts`, `silences`, `outbox`, `hooks`, `balances`, `changes`, `copy`, `pauses`, `approvals`, `early`, `keeps` and `spends`.
//!
//! What a crash means: it rolls back to the last commit. With WAL and `synchronous=FULL` a commit that returned is on disk.
//! A commit that failed may, on a broken disk, be there all the same: for a `spend_started` row that reads as a payment
//! whose outcome is unknown, and evidence settles it; no permit was given, so nothing was sent. There is no retry around any
//! transaction: what failed is told and not repeated.
mod accounts;
mod alerts;
mod approvals;
mod balances;
mod cache;
mod chain;
mod chain_check;
mod changes;
mod column;
mod connect;
mod content;
mod copy;
mod cycles;
mod decisions;
mod early;
mod gate;
mod history;
mod hooks;
mod keeps;
mod leases;
mod ledger_impl;
mod migrate;
mod open;
mod opened;
mod outbox;
mod outlooks;
mod overview;
mod pages;
mod pauses;
mod payment;
mod place;
mod prices;
mod quotes;
mod ranges;
mod readers;
mod requests;
mod reserve;
mod served;
mod silences;
mod spends;
mod told_impl;
mod transfer;
mod whole;

#[cfg(test)]
mod plans;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::postgres::Ended;
use super::session::{self, Connection, Session, Transaction};
use super::trouble::Fails;
use super::{LedgerError, Look};
use crate::domain::identity::{Claim, Step};
use crate::domain::{AccountName, IntentId, Moment};

use opened::{Opened, begin, end};

pub use early::Early;
pub use migrate::MIGRATIONS;
pub use open::{Access, before_first_start, in_memory, open, open_unverified, stand_in};
pub(in crate::ledger) use served::{Opening, open_served};
pub use transfer::{Moved, move_ledger};

/// An open ledger. Its calls block for as long as the database needs, at most some ten seconds.
pub struct SqlLedger {
    /// The file; of a server what it is called wherever it is told.
    path: PathBuf,
    back: Back,
    /// It was read through, and nothing is wrong with it: else nobody pays on it.
    verified: AtomicBool,
    /// Locked before the connection, never after it.
    shelf: Mutex<cache::Shelf>,
    /// Beside the ledger, of who may pay.
    spends: Option<spends::Spends>,
}

/// What a ledger in a file was called before there were others.
pub type SqliteLedger = SqlLedger;

impl std::fmt::Debug for SqlLedger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqlLedger").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Where the rows are.
enum Back {
    File(Box<Filed>),
    Server(Box<served::Served>),
}

/// A file and its connections.
struct Filed {
    place: place::Place,
    /// Dropped before the connection: the last one that closes folds the log into the file, which none that only reads can do.
    readers: readers::Readers,
    connection: Mutex<rusqlite::Connection>,
    /// Held by who may pay: closing it lets the next renewd in. Dropped after the connection.
    lock: Option<File>,
}

impl Filed {
    fn connection(&self) -> MutexGuard<'_, rusqlite::Connection> {
        // A panic elsewhere leaves SQLite consistent: its transaction was rolled back when it unwound.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The look of this thread is over, if it has one.
    fn end_look(&self) {
        if let Some(reader) = self.readers.held() {
            end(&reader);
            if reader.is_autocommit() {
                self.readers.give(reader);
            }
        }
    }
}

impl SqlLedger {
    /// The connection that writes; `None`: it is on a server.
    fn connection(&self) -> Option<MutexGuard<'_, rusqlite::Connection>> {
        match &self.back {
            Back::File(file) => Some(file.connection()),
            Back::Server(_) => None,
        }
    }

    /// Ways to a server and back of everything that was written by the present connection; `None`: it is in a file.
    #[must_use]
    pub fn round_trips(&self) -> Option<usize> {
        match &self.back {
            Back::File(_) => None,
            Back::Server(served) => Some(served.trips()),
        }
    }

    /// It was opened to pay.
    fn pays(&self) -> bool {
        match &self.back {
            Back::File(file) => file.lock.is_some(),
            Back::Server(served) => served.pays(),
        }
    }

    fn trouble(&self, e: &dyn Fails) -> LedgerError {
        LedgerError::met(&self.path, e)
    }

    fn told(&self, fault: Fault) -> LedgerError {
        fault.told(&self.path)
    }

    /// Reads one snapshot: what others commit meanwhile is seen by none of the queries in `f`.
    fn read<T>(&self, f: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, LedgerError> {
        let file = match &self.back {
            Back::File(file) => file,
            Back::Server(served) => return served.read(f).map_err(|e| self.ended(e)),
        };
        if let Some(held) = file.readers.held() {
            let found = f(&Session::File(&held)).map_err(|fault| self.told(fault))?;
            file.readers.hold(held);
            return Ok(found);
        }
        file.place.check()?;
        let Some(reader) = file.readers.take() else {
            return self.snapshot(&file.connection(), f);
        };
        let found = self.snapshot(&reader, f)?;
        file.readers.give(reader);
        Ok(found)
    }

    /// The snapshot of all that this thread reads for a while. Nothing can be decided by it of files that are gone: they are looked at
    /// here, before anything is read, and again by every write.
    fn one_look(&self) -> Result<Look<'_>, LedgerError> {
        let Back::File(file) = &self.back else { return Ok(Look::each_alone()) };
        if file.readers.is_held() {
            return Ok(Look::each_alone());
        }
        file.place.check()?;
        let Some(reader) = file.readers.take() else { return Ok(Look::each_alone()) };
        begin(&reader).map_err(|e| self.trouble(&e))?;
        file.readers.hold(reader);
        Ok(Look::until(|| file.end_look()))
    }

    fn snapshot<T>(
        &self,
        connection: &rusqlite::Connection,
        f: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, LedgerError> {
        let tx = Opened::to_read(connection).map_err(|e| self.trouble(&e))?;
        f(&Session::File(tx.connection())).map_err(|fault| self.told(fault))
    }

    /// A transaction on a server that was not kept, or of which that is not known.
    fn ended(&self, e: Ended<Fault>) -> LedgerError {
        match e {
            Ended::Inside(fault) => self.told(fault),
            Ended::Server(failure) => self.trouble(&session::Error::from(failure)),
            Ended::Doubt(words) => self.trouble(&format!(
                "what was written may not be kept: the server did not confirm it: {words}"
            )),
        }
    }

    /// Only who holds the ledger's lock and has verified it starts payments: a bug elsewhere is told here, before a row is written. On a
    /// server who holds the pay lease, as long as nothing that is committed can be forgotten.
    fn to_pay(&self, at: &Moment) -> Result<(), LedgerError> {
        if !self.pays() || !self.verified.load(Ordering::Acquire) {
            return Err(LedgerError::NotToPay(self.path.clone()));
        }
        match &self.back {
            Back::File(_) => Ok(()),
            Back::Server(served) => served.look(self, at),
        }
    }

    /// Before anything is read of the world: what answers now is what answered before, or the ledger says from here on what may be missing.
    fn attend(&self) -> Result<(), LedgerError> {
        match &self.back {
            Back::Server(served) if served.pays() => served.attend(self),
            _ => Ok(()),
        }
    }

    /// In a transaction: the database that was compared last answers.
    fn is_known(&self, tx: &Transaction<'_>) -> Result<(), Fault> {
        match &self.back {
            Back::Server(served) => served.is_known(tx, &self.path),
            Back::File(_) => Ok(()),
        }
    }

    /// The transaction that starts a payment, with its line in the log beside the ledger. On a server it is fenced by the pay lease, and a
    /// commit that is in doubt is no start: what came of it is written down at once, or before the next payment.
    fn spend<T>(
        &self,
        id: &IntentId,
        at: &Moment,
        start: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, LedgerError> {
        self.to_pay(at)?;
        let served = match &self.back {
            Back::File(_) => None,
            Back::Server(served) => Some(served),
        };
        let work = |tx: &Transaction<'_>| {
            served.map_or(Ok(()), |served| served.fence(tx, &self.path))?;
            gate::to_spend(tx, &self.path, id)?;
            let started = start(tx)?;
            self.log_spend(tx, id, at)?;
            Ok(started)
        };
        match served {
            None => self.write(work),
            Some(served) => served.write(work).map_err(|e| {
                if matches!(e, Ended::Doubt(_)) {
                    served.doubt(self, id, at);
                }
                self.ended(e)
            }),
        }
    }

    /// It is on a server.
    fn is_served(&self) -> bool {
        matches!(self.back, Back::Server(_))
    }

    /// The line of a started payment, on disk before the ledger's row is.
    fn log_spend(&self, tx: &Transaction<'_>, id: &IntentId, at: &Moment) -> Result<(), Fault> {
        let Some(spends) = &self.spends else { return Ok(()) };
        spends.append(&spends::line(tx, id, at)?).map_err(|e| Fault::Ledger(self.trouble(&e)))
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
        let copy = match self.connection() {
            Some(connection) => open::copy_in_memory(&connection, &self.path)?,
            None => transfer::in_memory(self)?,
        };
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
        let file = match &self.back {
            Back::File(file) => file,
            Back::Server(served) => return served.write(f).map_err(|e| self.ended(e)),
        };
        // What is read from here on must show what is written here.
        file.end_look();
        file.place.check()?;
        let mut connection = file.connection();
        let tx = Opened::to_write(&mut connection).map_err(|e| self.trouble(&e))?;
        let value = f(&Session::File(tx.connection())).map_err(|fault| self.told(fault))?;
        tx.commit().map_err(|e| self.trouble(&e))?;
        // Waiting for the lock and for the disk took its time: what was committed must be where it can be read.
        file.place.check()?;
        Ok(value)
    }
}

/// What ends a transaction early.
#[derive(Debug)]
enum Fault {
    /// The database's own trouble.
    Sql(session::Error),
    /// A refusal that the port knows.
    Ledger(LedgerError),
    /// The caller asked for what makes no sense: a bug, told in words.
    Nonsense(String),
}

impl Fault {
    /// In the port's words, of the ledger at that path.
    fn told(self, path: &Path) -> LedgerError {
        match self {
            Self::Sql(e) => LedgerError::met(path, &e),
            Self::Ledger(e) => e,
            Self::Nonsense(words) => LedgerError::met(path, &words),
        }
    }
}

impl From<session::Error> for Fault {
    fn from(e: session::Error) -> Self {
        Self::Sql(e)
    }
}

impl From<LedgerError> for Fault {
    fn from(e: LedgerError) -> Self {
        Self::Ledger(e)
    }
}
