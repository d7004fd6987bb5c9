//! Alerts: each rule through its life, the book of causes, and what people meet through the built binary.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

#[path = "alerts/book.rs"]
mod book;
mod common;
#[path = "alerts/end_to_end.rs"]
mod end_to_end;
#[path = "alerts/ending.rs"]
mod ending;
#[path = "alerts/ledger.rs"]
mod ledger;
#[path = "alerts/losses.rs"]
mod losses;
#[path = "alerts/payments.rs"]
mod payments;
#[path = "alerts/rules.rs"]
mod rules;
#[path = "alerts/shop.rs"]
mod shop;
#[allow(dead_code, reason = "shared with the ledger's tests")]
#[path = "ledger/support.rs"]
mod support;
#[path = "alerts/week.rs"]
mod week;
#[path = "alerts/world.rs"]
mod world;
