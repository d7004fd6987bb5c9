//! The part of the port that is about hooks: what waits for which program, and what became of it.
//!
//! An event is queued in the transaction of what it tells of: a crash loses none. One between a program's good end and
//! [`Hooks::event_taken`] repeats it. Not responsible for running anything.
use jiff::Timestamp;

use super::LedgerError;
use crate::record::{Happening, HookState, Subscription, WaitingEvent};

/// Events for programs of the owner's.
pub trait Hooks: Send + Sync {
    /// From now on these hooks are told, and no others. What waits for one that is no longer there stays for a while, in case it
    /// comes back.
    fn subscribe(&self, hooks: &[Subscription], at: Timestamp) -> Result<(), LedgerError>;
    /// Queues these for every hook that asks for them; what is told once and was told before is passed over.
    fn happened(&self, all: &[Happening], at: Timestamp) -> Result<(), LedgerError>;
    /// The oldest event that waits for a hook, due or not: they are told in their order.
    fn next_event(&self, hook: &str) -> Result<Option<WaitingEvent>, LedgerError>;
    /// The hook's program took it.
    fn event_taken(&self, row: i64) -> Result<(), LedgerError>;
    /// The hook's program did not. `aside`: it was tried for long enough, and holds up the others no longer.
    fn event_failed(
        &self,
        row: i64,
        at: Timestamp,
        next_at: Timestamp,
        error: &str,
        aside: bool,
    ) -> Result<(), LedgerError>;
    /// How every hook stands, by name; also those that the config has no longer, as far as something waits for them.
    fn hook_states(&self) -> Result<Vec<HookState>, LedgerError>;
}
