//! Telling people. Alerts: each rule through its life, the book of causes, and what people meet through the built binary. Mail and
//! webhooks (`mail/`): delivery, waiting, outages, the digest, and how each mail looks.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

mod book;
#[path = "../common/mod.rs"]
mod common;
mod end_to_end;
mod ending;
mod ledger;
mod losses;
mod mail;
mod payments;
mod rules;
#[allow(dead_code, reason = "shared with the ledger's tests")]
#[path = "../ledger/server.rs"]
mod server;
mod shop;
#[allow(dead_code, reason = "shared with the ledger's tests")]
#[path = "../ledger/support.rs"]
mod support;
mod week;
mod world;
