//! The SQLite ledger, through its port and through raw SQL: what a crash, a race, a second process and a full history do.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]
#[path = "ledger/accounts.rs"]
mod accounts;
#[path = "ledger/append_only.rs"]
mod append_only;
#[path = "ledger/budgets.rs"]
mod budgets;
#[path = "ledger/copies.rs"]
mod copies;
#[path = "ledger/crash.rs"]
mod crash;
#[path = "ledger/daily.rs"]
mod daily;
#[path = "ledger/facts.rs"]
mod facts;
#[path = "ledger/fold.rs"]
mod fold;
#[path = "ledger/listing.rs"]
mod listing;
#[path = "ledger/migrations.rs"]
mod migrations;
#[path = "ledger/opening.rs"]
mod opening;
#[path = "ledger/orders.rs"]
mod orders;
#[path = "ledger/place.rs"]
mod place;
#[path = "ledger/quotes.rs"]
mod quotes;
#[path = "ledger/reserving.rs"]
mod reserving;
#[path = "ledger/spending.rs"]
mod spending;
#[path = "ledger/splitting.rs"]
mod splitting;
#[path = "ledger/support.rs"]
mod support;
#[path = "ledger/views.rs"]
mod views;
