//! Telling people: which alerts fire after a pass, what of them is new, and how it leaves.
//!
//! A crash between a pass and its telling tells it in the next one: what is open and what was told stand in the ledger.
mod around;
pub mod deliver;
pub mod digest;
pub mod headline;
pub mod hooks;
pub mod ledger_outage;
pub mod rules;
mod runway;
pub mod tell;
mod wake;
