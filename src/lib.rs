//! renewd renews rented proxy leases unattended: it asks the price first, pays once, proves it and tells people in time.
//!
//! The arrows between the modules point down only: `domain` ← `policy` ← `planner` ← `engine` ← `daemon`, `cli`;
//! `providers`, `ledger`, `notify` and `settings` know the core and their own port, never each other's adapters.
pub mod alerting;
pub mod budget;
pub mod cli;
pub mod clock;
pub mod daemon;
pub mod documents;
pub mod domain;
pub mod engine;
pub mod evidence;
pub mod exit;
pub mod forecast;
pub mod http;
pub mod keylock;
pub mod ledger;
pub mod notify;
pub mod ownership;
pub mod planner;
pub mod policy;
pub mod providers;
pub mod redact;
pub mod settings;
pub mod simulator;
