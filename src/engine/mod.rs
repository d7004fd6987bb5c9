//! One pass over the world: observe, settle, plan, quote, pay, read back, tell.
//!
//! Takes no input and reads the world anew each time. A crash anywhere is harmless before a payment's spend row and leaves
//! an unknown payment after it; the next pass finds either in the ledger. Not responsible for when a pass runs (daemon) or
//! for what the ports are made of.
pub mod alerts;
mod allowance;
mod answer;
pub mod apply;
mod asking;
mod balance;
mod brake;
mod claims;
mod clockrule;
pub mod doubles;
mod ends;
mod foreign;
mod fresh;
mod identity;
mod lane;
mod looks;
mod losses;
mod measure;
mod observe;
pub mod order;
mod overcharge;
mod passes;
mod planning;
mod preview;
mod price;
mod probe;
pub mod propose;
mod queue;
mod reading;
mod remeasure;
mod remember;
pub mod report;
mod rescue;
mod settle;
mod settle_purchase;
mod shrink;
pub mod steering;
mod verdict;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::AccountName;
use crate::keylock::KeyLocks;
use crate::ledger::Ledger;
use crate::providers::{Changer, Reader, Spender};
use crate::settings::Settings;

pub use identity::{changed_note, claims};
pub use observe::currency_note;
pub use passes::{EngineError, TOLD};
pub use remember::{Learnt, offered_note};
pub use report::{AccountReport, CycleReport};
pub use settle::past_of;
pub use shrink::shrink_note;

/// Looks and plans. It has no part that spends, so a command built on it cannot pay.
#[derive(Clone)]
pub struct Viewer {
    /// What the operator wants.
    pub settings: Arc<Settings>,
    /// What renewd remembers.
    pub ledger: Arc<dyn Ledger>,
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
    fn capabilities(&self) -> HashMap<AccountName, crate::domain::Capabilities> {
        self.readers.iter().map(|(name, reader)| (name.clone(), reader.capabilities().clone())).collect()
    }
}
