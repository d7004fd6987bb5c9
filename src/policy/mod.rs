//! Which lease gets which treatment, and when: matching, stages, reasons.
//!
//! Pure. Not responsible for money (planner, budget) or for doing anything.
mod jump;
mod matcher;
mod reason;
mod rule;
#[cfg(test)]
pub(crate) mod sample;
mod stage;
mod turns;
mod window;

pub use jump::jumps;
pub use matcher::{Clause, Key, Matcher, Miss, Pattern};
pub use reason::{Decision, Reason, Word};
pub use rule::{Action, Before, OnShortFunds, OnUnknown, PayBy, Policy};
pub use stage::{Stage, before, due_at, stage};
pub use turns::{NextStart, has_a_turn};
pub use window::Window;
