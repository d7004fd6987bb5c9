//! The JSON documents that scripts rely on (contract §5). Not responsible for tables, which show the same values to people.
//!
//! Money is a string of decimals, instants are RFC 3339 in UTC, durations are seconds; unknown is null, never absent.
mod forecast;
mod history;
mod mails;
mod plan;
pub mod planfile;
mod status;
mod trouble;
mod warnings;

use serde::Serialize;
use serde_json::Value;

pub use forecast::{DayDoc, ForecastDoc, Foresight, Fresh, Known, RunwayDoc, foresee, foresee_fresh};
pub use history::{History, Payment, PaymentError};
pub use plan::{ItemDoc, Plan};
pub use status::{Account as AccountStatus, Around, Runway, Status, last_cycle_words, status};
pub use trouble::{LedgerState, LedgerTrouble};
pub use warnings::{Warning, ahead_of, warnings, warnings_of};

/// Every document carries it; it grows only when a name or meaning breaks, which must not happen.
pub const SCHEMA: u32 = 1;

/// `{schema, error: {kind, message}}`.
#[must_use]
pub fn failure(kind: &str, message: &str) -> Value {
    serde_json::json!({ "schema": SCHEMA, "error": { "kind": kind, "message": message } })
}

/// A document as a JSON value.
#[must_use]
pub fn value(document: &impl Serialize) -> Value {
    serde_json::to_value(document).unwrap_or_else(|e| failure("internal", &e.to_string()))
}
