//! Why the loop cannot go on. A crash has nothing to do with it: whoever gets one of these ends the process.
use crate::ledger::LedgerError;

/// Why the loop ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The scheduler could not be started.
    #[error("the scheduler could not be started: {0}")]
    Scheduler(String),
    /// The ledger is damaged, or could not be read through.
    #[error("{0}")]
    Ledger(LedgerError),
}
