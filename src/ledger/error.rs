//! What can go wrong with a ledger, in words that say what, where and what to do. Not responsible for what SQLite's own errors mean:
//! that is `trouble.rs`.
//!
//! A call that gave an error has changed nothing, but for a commit whose answer was lost: see the SQLite adapter.
use std::path::{Path, PathBuf};

use super::trouble::{self, Cause};
use crate::domain::{AccountName, IntentId, LeaseId, State};

/// What can go wrong with the ledger. Payments stop before they start on any of these.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Another renewd that pays holds it: exit 4.
    #[error("another renewd holds the ledger {}: stop it first (systemctl stop renewd), or use a command that never pays", .0.display())]
    Held(PathBuf),
    /// Written by a newer renewd: exit 2, file unchanged.
    #[error("the ledger {} was written by a newer renewd (schema {found}, this one knows {known}): install that version again; nothing was changed", path.display())]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its schema number.
        found: i64,
        /// The newest that this build knows.
        known: i64,
    },
    /// There is none yet (readers do not create one).
    #[error("there is no ledger at {} yet: `renewd run` or `renewd once` makes it", .0.display())]
    Missing(PathBuf),
    /// A payment was asked of a ledger that was not opened to pay: a bug, never ignored; nothing was written.
    #[error("the ledger {} was not opened to pay; nothing was reserved or spent", .0.display())]
    NotToPay(PathBuf),
    /// Another renewd may begin payments on it, and this one may not: exit 4.
    #[error("another renewd holds the pay lease of the ledger {}: nothing was spent", .0.display())]
    Elsewhere(PathBuf),
    /// What is committed there may be forgotten again, and a forgotten payment is made twice: nobody pays on it.
    #[error("the ledger {} may forget payments ({what}): nothing is paid on it. Make a standby synchronous (synchronous_standby_names) and let renewd's role see it (GRANT pg_monitor), or set [ledger] allow_async_standby", path.display())]
    Forgetful {
        /// Which.
        path: PathBuf,
        /// Why.
        what: String,
    },
    /// It may have forgotten payments, and the account was not read often enough since to know: nothing was spent.
    #[error("the ledger {} may have forgotten payments (it was restored, or another database or a promoted one answers for it): an account pays again once it was read twice, a lag_window apart; nothing was spent", .0.display())]
    Restored(PathBuf),
    /// It was copied to another place, and lives on there: exit 2.
    #[error("the ledger {} was moved to {to} by `renewd ledger copy`: use that one. Nothing was done", path.display())]
    MovedTo {
        /// Which.
        path: PathBuf,
        /// Where it is now.
        to: String,
    },
    /// Its backup is another program's: exit 2.
    #[error("the ledger {} is on a PostgreSQL server, whose backup is made with pg_dump: /usr/share/doc/renewd/ledger.md shows it", .0.display())]
    Served(PathBuf),
    /// No such payment: exit 2.
    #[error("there is no payment `{0}` in the ledger: `renewd history` lists them")]
    NoIntent(IntentId),
    /// A backup never overwrites: exit 2.
    #[error("{}: there is a file of that name already, and a backup never overwrites: give another name", .0.display())]
    Exists(PathBuf),
    /// The payment is not where the writer believed it to be; nothing was written.
    #[error(
        "payment {id} is {found}, not {expected}: somebody else settled it meanwhile; nothing was written"
    )]
    Moved {
        /// Which.
        id: IntentId,
        /// What the writer believed.
        expected: State,
        /// What is.
        found: State,
    },
    /// The event is illegal in that state: a bug, never ignored.
    #[error("payment {id}: {source}")]
    Illegal {
        /// Which.
        id: IntentId,
        /// The pair.
        source: crate::domain::IllegalEvent,
    },
    /// The lease's end is not what the payer expected; nothing was sent.
    #[error("lease {lease} no longer ends when the payment expected; nothing was sent")]
    EndMoved {
        /// Which lease.
        lease: LeaseId,
    },
    /// Another money call of the account is under way; nothing was sent.
    #[error("payment {intent} of account `{account}` is under way; nothing was sent")]
    InFlight {
        /// Whose.
        account: AccountName,
        /// Which.
        intent: IntentId,
    },
    /// SQLite finds the file damaged as it is opened to pay: a payment may be missing from it, so none is made.
    #[error("the ledger {} is damaged ({message}): nothing is paid on it. Keep the file, and restore a backup as /usr/share/doc/renewd/operations.md says", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// SQLite's words.
        message: String,
    },
    /// The file was removed or replaced while it was open: what would be written now, nobody could ever read.
    #[error("{} {what} while renewd was using it: nothing is paid until it is back. Put that very file back, or stop renewd, restore the ledger as /usr/share/doc/renewd/operations.md says, and start it again", path.display())]
    Gone {
        /// Which file.
        path: PathBuf,
        /// What became of it.
        what: &'static str,
    },
    /// Another file's content was written into it while it was open.
    #[error("{} was overwritten while renewd was using it: its content and its log are of two ledgers, so nothing is paid on it. Stop renewd, restore the ledger as /usr/share/doc/renewd/operations.md says, and start it again", _0.display())]
    Overwritten(PathBuf),
    /// Disk full, read-only, unreadable, busy.
    #[error("the ledger {} cannot be used ({}", path.display(), trouble::sentence(message, &trouble::advice(path, *cause)))]
    Trouble {
        /// Which file, or the folder that keeps it from being used.
        path: PathBuf,
        /// SQLite's words, or the system's.
        message: String,
        /// What stands behind them.
        cause: Cause,
    },
    /// A backup could not be written where it was to go; nothing is wrong with the ledger.
    #[error("the copy {} cannot be written ({}", path.display(), trouble::sentence(message, &trouble::advice_on_copy(path, *cause)))]
    Copy {
        /// The new file.
        path: PathBuf,
        /// SQLite's words, or the system's.
        message: String,
        /// What stands behind them.
        cause: Cause,
    },
}

impl LedgerError {
    /// The file itself cannot be used, as opposed to one call that met something unexpected.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Trouble { .. }
                | Self::Damaged { .. }
                | Self::Newer { .. }
                | Self::Gone { .. }
                | Self::Overwritten(_)
                | Self::Forgetful { .. }
                | Self::MovedTo { .. }
        )
    }

    /// The cause in a few words, as it fits into a headline.
    #[must_use]
    pub fn brief(&self) -> String {
        match self {
            Self::Trouble { message, cause, .. } => trouble::brief(*cause, message),
            Self::Damaged { .. } => "it is damaged".to_owned(),
            Self::Forgetful { what, .. } => format!("it may forget payments: {what}"),
            Self::Overwritten(_) => "it was overwritten while renewd was using it".to_owned(),
            Self::Gone { what, .. } => format!("it {what} while renewd was using it"),
            other => other.to_string(),
        }
    }

    /// Trouble with this file, in the words of whoever met it.
    pub(super) fn met(path: &Path, e: &dyn trouble::Fails) -> Self {
        let (path, cause, message) = trouble::of(path, e);
        Self::Trouble { path, message, cause }
    }
}
