//! This node beside others on one ledger: the pay lease that it takes, keeps and gives back.
//!
//! Not responsible for what an active node does (`daemon/run`), nor for the rules (the core's `nodes`). A crash leaves a lease that runs
//! out; the same node takes it back at its next start.
mod keeper;

pub use keeper::{Keeper, Node, Sight};
