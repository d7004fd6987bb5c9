//! What the ledger holds of earlier passes, read for the stages of this one.
pub(super) mod budgets;
pub(super) mod last_paid;
pub mod lived;
mod next_terms;
pub mod outlook;
pub(super) mod overcharged;
pub mod past;
pub(super) mod prices;
pub mod some_leases;
mod terms;
