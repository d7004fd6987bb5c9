//! The built `renewd` as people and systemd meet it: processes, real sockets, real files, and simulated providers whose books are held
//! against the ledger afterwards.
//!
//! One program, so that it is linked once. Each file tells what it is about; `cargo test --test binary overcharges::` runs one.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

mod accounts;
mod apply;
mod approvals;
mod backtest;
mod budgets;
#[path = "../common/mod.rs"]
mod common;
mod concurrent_processes;
mod config_changes;
mod contradictions;
mod crash;
mod daemon;
mod demo;
mod examples;
mod forecast;
mod full_disk;
mod guards;
mod hooks;
mod howto;
mod init;
mod keeps;
mod known_ahead;
mod leases;
mod ledger_urls;
mod metrics;
mod mixed_faults;
mod overcharges;
mod package;
mod pages;
mod pauses;
mod periods;
mod programs;
mod proxyseller_cycle;
mod proxyshard_cycle;
mod proxyshard_orders;
mod px6_cycle;
mod px6_orders;
mod quotes_without_answer;
mod reads;
mod restored;
mod schemas;
mod shadowed;
mod stale_decisions;
mod standing;
mod systemd;
mod tampered;
mod terminal;
mod terms;
mod waits;
mod windows;
mod word_of_operator;
mod youproxy_cycle;
mod youproxy_orders;
