//! The hands of a pass: what looks, and what may spend besides. Nothing else: the stages are functions over these.
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::AccountName;
use crate::keylock::KeyLocks;
use crate::ledger::{Ledger, LedgerError, Tenure};
use crate::providers::{Changer, Reader, Spender};
use crate::settings::Settings;

/// What can end a pass early. A provider's trouble never does: it is a line in the report.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The ledger cannot be used: no payment was started after that.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Looks and plans. It has no part that spends, so a command built on it cannot pay.
#[derive(Clone)]
pub struct Viewer {
    /// What the operator wants.
    pub settings: Arc<Settings>,
    /// What renewd remembers.
    pub ledger: Arc<dyn Ledger>,
    /// What this process holds of the pay lease.
    pub tenure: Arc<Tenure>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// One per account.
    pub readers: BTreeMap<AccountName, Arc<dyn Reader>>,
    /// Asks to finish: no new request is begun, a payment in flight is awaited.
    pub stop: CancellationToken,
    /// Called at each step, so that a watchdog sees a long pass as alive.
    pub beat: Arc<dyn Fn() + Send + Sync>,
}

/// Looks, plans and pays.
#[derive(Clone)]
pub struct Payer {
    /// The part that looks.
    pub viewer: Viewer,
    /// One per account.
    pub spenders: BTreeMap<AccountName, Arc<dyn Spender>>,
    /// One per account: steers the provider's own auto-renewal.
    pub changers: BTreeMap<AccountName, Arc<dyn Changer>>,
    /// Keeps other ledgers' renewds from paying with the same keys.
    pub keys: Arc<KeyLocks>,
}

impl Viewer {
    /// What each account's provider can do.
    pub(super) fn capabilities(&self) -> HashMap<AccountName, crate::domain::Capabilities> {
        self.readers.iter().map(|(name, reader)| (name.clone(), reader.capabilities().clone())).collect()
    }
}
