//! One pass over the world: observe, settle, plan, quote, pay, read back, tell.
//!
//! Takes no input and reads the world anew each time. A crash anywhere is harmless before a payment's spend row and leaves
//! an unknown payment after it; the next pass finds either in the ledger. Not responsible for when a pass runs (daemon) or
//! for what the ports are made of.
pub mod approve;
mod brake;
mod cycle;
mod decisions;
mod facts;
mod observe;
pub mod order;
mod pay;
mod plan;
mod ports;
mod preview;
mod quote;
pub mod report;
pub mod settle;
pub mod steer;

pub use brake::lifted_by;
pub use cycle::TOLD;
pub use facts::budgets::budget_check;
pub use facts::last_paid::{LastPaid, keeps, last_paid};
pub use facts::past::past_of;
pub use facts::prices::{Learnt, offered_note};
pub use facts::{lived, outlook, some_leases};
pub use observe::currency_note;
pub use observe::identity::{changed_note, claims, paid_elsewhere};
pub use observe::program::{
    ProgramChange, known_capabilities, program_change, program_digest, short, with_capabilities,
};
pub use observe::shrink::shrink_note;
pub use ports::{EngineError, Payer, Viewer};
pub use report::{AccountReport, CycleReport};
pub use settle::say;
