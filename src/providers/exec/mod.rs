//! Any provider, by a program in any language: one process for each call, one JSON object in, one JSON object a line out.
//!
//! Responsible for running it within limits, for masking what it says and for believing no more of it than the protocol lets it prove.
//! `crate::programs` runs it and ends all that it started, also when renewd dies; `reply.rs` is the table of what an answer to a payment proves;
//! docs/providers/exec.md is for authors. The program's `capabilities` become the port's, so nothing elsewhere knows that a
//! provider is a program. Reads may be repeated, a payment never: see `spend.rs` for what a crash means.
mod can;
mod change;
pub mod check;
pub mod fuzz_entry;
mod list;
mod mask;
mod probe;
mod program;
mod quote;
mod read;
mod reply;
mod report;
mod setup;
mod spend;
mod trouble;
mod wire;

use std::sync::Arc;

pub use crate::programs::{Allowed, Runner};
pub use setup::{GRACE, Setup};

use super::{Changer, Connection, Reader, Spender};
use program::Program;

/// The part that reads and quotes.
#[must_use]
pub fn reader(connection: &Connection, setup: Setup) -> Arc<dyn Reader> {
    Arc::new(read::ProgramReader(Program::new(connection, setup)))
}

/// The part that spends.
#[must_use]
pub fn spender(connection: &Connection, setup: Setup) -> Arc<dyn Spender> {
    Arc::new(spend::ProgramSpender(Program::new(connection, setup)))
}

/// The part that changes orders.
#[must_use]
pub fn changer(connection: &Connection, setup: Setup) -> Arc<dyn Changer> {
    Arc::new(change::ProgramChanger(Program::new(connection, setup)))
}
