//! renewd renews rented proxy leases unattended: it asks the price first, pays once, proves it and tells people in time.
//!
//! The pure core is a crate of its own (`renewd_core`), and so are the simulated providers (`renewd_simulator`); here are the adapters
//! and the shell. The arrows between the modules point down only: `domain` ← `policy` ← `planner` ← `engine` ← `daemon`, `cli`;
//! `providers`, `ledger`, `notify` and `settings` know the core and their own port, never each other's adapters.
pub mod alerts;
pub mod cli;
pub mod clock;
pub mod daemon;
pub mod engine;
pub mod exit;
pub mod http;
pub mod keylock;
pub mod ledger;
pub mod logging;
pub mod notify;
pub mod ownership;
pub mod programs;
pub mod providers;
pub mod schedule;
pub mod settings;
pub mod views;
pub mod wiring;

pub use renewd_core::{
    alerting, backtest, budget, domain, evidence, forecast, hex, nodes, planner, policy, record, redact,
};
pub use renewd_simulator as simulator;
