//! The way to a PostgreSQL server: where it is and how it is spoken to, one connection to it, statements in its spelling.
//!
//! Responsible for time limits on everything, for telling a refusal from a lost connection, and for never showing a password. Not
//! responsible for what the statements say: they are the same as for a file.
//!
//! What a crash means: the server takes back what was not committed. A commit whose answer is lost may have happened or not; see `server`.
mod dialect;
mod failure;
mod link;
mod migrate;
mod pay_lease;
mod server;
mod target;
mod tls;
mod values;

pub(in crate::ledger) use failure::Failure;
pub(in crate::ledger) use link::{Answer, Link};
pub(in crate::ledger) use migrate::{Schema, bring_up, schema};
pub(in crate::ledger) use pay_lease::ServerLease;
pub(in crate::ledger) use server::{Ended, Server};

pub use migrate::MIGRATIONS;
pub use target::{BadUrl, Limits, Target};
