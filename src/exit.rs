//! The exit codes that scripts rely on, in one place.
use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All well; `run` on SIGTERM too.
    Done = 0,
    /// Unexpected failure: disk, ledger.
    Failed = 1,
    /// Usage or configuration error, unknown target or payment, a ledger from a newer renewd: nothing was done.
    Usage = 2,
    /// Done, but something needs attention.
    Attention = 3,
    /// Another renewd holds this ledger.
    Held = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
