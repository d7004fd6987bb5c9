//! Where a ledger is, and opening it there: the one door for whoever does not care.
//!
//! Not responsible for what the config says of it. A crash while a ledger is made leaves none, or an empty one that the next start fills.
use std::path::PathBuf;
use std::sync::Arc;

use super::postgres::{ServerLease, Target};
use super::sqlite::{self, Access, Early, Opening, SqlLedger, open_served};
use super::{Hold, LedgerError, PayLease};

/// Where a ledger is.
#[derive(Debug, Clone)]
pub enum Site {
    /// In a file of this state folder.
    File(PathBuf),
    /// On a server.
    Server(Box<ServerSite>),
}

/// A ledger on a server, and what this process is to it.
#[derive(Debug, Clone)]
pub struct ServerSite {
    /// Which.
    pub target: Target,
    /// The log of payments that were started from here.
    pub state_dir: PathBuf,
    /// Whether this process may begin payments.
    pub hold: Arc<Hold>,
    /// The operator takes it that a commit may be lost.
    pub allow_async_standby: bool,
}

impl Site {
    /// Opens it.
    ///
    /// # Errors
    /// [`LedgerError::Held`] by another payer, [`LedgerError::Missing`] for readers, [`LedgerError::Newer`] and
    /// [`LedgerError::MovedTo`] with nothing changed, else [`LedgerError::Trouble`].
    pub fn open(&self, access: Access) -> Result<SqlLedger, LedgerError> {
        match self {
            Self::File(dir) => sqlite::open(dir, access),
            Self::Server(site) => open_served(&site.opening(), access, true),
        }
    }

    /// The same as to pay, at once however large it is: it takes no payment before [`crate::ledger::Overview::verify`] was called.
    ///
    /// # Errors
    /// As [`Site::open`].
    pub fn open_unverified(&self) -> Result<SqlLedger, LedgerError> {
        match self {
            Self::File(dir) => sqlite::open_unverified(dir),
            Self::Server(site) => open_served(&site.opening(), Access::Pay, false),
        }
    }

    /// What stands in for a ledger that is not there yet: empty but for what was paused already.
    ///
    /// # Errors
    /// [`LedgerError::Trouble`].
    pub fn stand_in(&self) -> Result<SqlLedger, LedgerError> {
        sqlite::stand_in(self.state_dir())
    }

    /// The stand-in, and the right to keep what is paused in it; `None` where there is a ledger, or where it can be made at once.
    ///
    /// # Errors
    /// [`LedgerError::Trouble`].
    pub fn before_first_start(&self) -> Result<Option<(SqlLedger, Early)>, LedgerError> {
        match self {
            Self::File(dir) => sqlite::before_first_start(dir),
            Self::Server(_) => Ok(None),
        }
    }

    /// What it is called wherever it is told: never with a password.
    #[must_use]
    pub fn label(&self) -> PathBuf {
        match self {
            Self::File(dir) => dir.join("ledger.db"),
            Self::Server(site) => site.target.label(),
        }
    }

    /// Where what belongs to this machine is kept.
    #[must_use]
    pub fn state_dir(&self) -> &std::path::Path {
        match self {
            Self::File(dir) => dir,
            Self::Server(site) => &site.state_dir,
        }
    }

    /// The row that says which node pays, and the cell in which the ledger reads what this process holds of it; `None`: it has one node.
    #[must_use]
    pub fn pay_lease(&self, ttl: jiff::SignedDuration) -> Option<(Arc<dyn PayLease>, Arc<Hold>)> {
        match self {
            Self::File(_) => None,
            Self::Server(site) => {
                Some((Arc::new(ServerLease::new(site.target.clone(), ttl)), Arc::clone(&site.hold)))
            }
        }
    }

    /// It is on a server.
    #[must_use]
    pub fn is_served(&self) -> bool {
        matches!(self, Self::Server(_))
    }
}

impl ServerSite {
    fn opening(&self) -> Opening<'_> {
        Opening {
            target: &self.target,
            state_dir: &self.state_dir,
            hold: Arc::clone(&self.hold),
            allow_async_standby: self.allow_async_standby,
        }
    }
}
