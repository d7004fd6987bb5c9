//! The pure core of renewd: the words of the trade, and every decision about money and alerts, from facts alone.
//!
//! Nothing here does I/O, waits, logs or reads a clock: `now` and the facts are arguments, decisions are return values. The arrows
//! point down: `domain` ← `policy` ← `planner`; what stands around it is the crate `renewd`.
pub mod alerting;
pub mod backtest;
pub mod budget;
pub mod clock;
pub mod domain;
pub mod evidence;
pub mod forecast;
pub mod hex;
pub mod nodes;
pub mod planner;
pub mod policy;
pub mod record;
pub mod redact;
