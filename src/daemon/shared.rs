//! What the loop of the daemon shows to the web side and to the watch over it.
use std::sync::{Arc, Mutex, OnceLock, RwLock};

use jiff::Timestamp;

use super::node::Node;
use crate::domain::Moment;
use crate::engine::CycleReport;
use crate::views::LedgerTrouble;

/// What the rest of the process may look at while the loop runs.
#[derive(Default)]
pub struct Shared {
    /// The newest cycle's report.
    pub report: RwLock<Option<CycleReport>>,
    /// Why the ledger cannot be written, and since when; `None` while it can.
    pub ledger: Mutex<Option<LedgerTrouble>>,
    /// This node, where the ledger has several.
    pub node: OnceLock<Arc<Node>>,
    /// Where the loop stands, for the watch over it.
    pub pulse: Mutex<Pulse>,
}

/// What the loop says of itself.
#[derive(Debug, Clone, Default)]
pub struct Pulse {
    /// When the cycle under way began.
    pub running: Option<Moment>,
    /// Start of the newest cycle that was due.
    pub last_due: Option<Timestamp>,
}
