//! Two machines on one ledger: which node pays, and what its end means for a payment that it had begun. Pure: rows and clocks are
//! arguments. Not responsible for reading or writing the row (the ledger's adapters), nor for the loop that does so (`renewd::nodes`).
//!
//! A *node* is a renewd with a state directory of its own. One of them holds the *pay lease*, a row of the ledger, and pays; the others
//! stand by. Each time that the row is taken its *epoch* grows by one.
mod failover;
mod lease;
#[cfg(test)]
mod model;

pub use failover::Failover;
pub use lease::{
    Facts, LeaseRow, MOVED_AWAY, Next, Renewed, Role, Taken, next, nobody_pays, role, spends_until,
};
