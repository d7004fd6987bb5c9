//! Two built binaries on one ledger in a real PostgreSQL, against one simulated provider whose books are the judge.
//!
//! `NODES_ROUNDS` and `NODES_SEED` choose how many rounds of kills and freezes, and which; `scripts/two-nodes` sets them.
#![allow(clippy::unwrap_used, missing_docs, reason = "helpers of tests: a panic is a failed test")]
#![allow(clippy::print_stdout, reason = "the figures of a run are its result")]

#[path = "../common/mod.rs"]
mod common;
mod lease;
mod pair;
mod promotion;
mod rounds;
#[path = "../ledger/server.rs"]
#[allow(dead_code, reason = "the suite of the ledger uses more of it")]
mod server;
mod takeover;
