//! Parts of the library that need no process: the config as it is read, lanes and request limits on a virtual clock, and the fuzz
//! targets over their corpus.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

#[path = "../common/mod.rs"]
mod common;
mod corpus;
mod lanes;
mod pass;
mod plans;
mod settings;
mod slow_limits;
