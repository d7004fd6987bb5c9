//! Which lease gets which treatment, and when: matching, stages, reasons.
//!
//! Pure. Not responsible for money (planner, budget) or for doing anything.
mod finder;
mod jump;
mod keep;
mod key;
mod labels;
mod lead;
mod lookup;
mod matcher;
mod periods;
mod policies;
mod reason;
mod rule;
#[cfg(any(test, feature = "samples"))]
pub mod sample;
mod spread;
mod stage;
mod subject;
mod turns;
mod window;
mod windows;

pub use finder::Finder;
pub use jump::jumps;
pub use keep::{Keep, Keeps, Kept};
pub use key::Key;
pub use labels::Labels;
pub use lead::before;
pub use matcher::{Bound, Clause, Matcher, Miss, Pattern, Terms};
pub use periods::{periods, periods_to_ask};
pub use policies::{Policies, look_at_prices};
pub use reason::{Decision, Reason, Word};
pub use rule::{Action, Before, OnShortFunds, OnUnknown, PayBy, Policy};
pub use spread::delay;
pub use stage::{Stage, due_at, notice_at, stage};
pub use subject::{Facts, LabelBook, LastPaid, NothingKnown, Providers, Subject};
pub use turns::{NextStart, has_a_turn};
pub use window::Window;
pub use windows::Windows;
