//! The JSON documents that scripts rely on (contract §5). Not responsible for tables, which show the same values to people.
//!
//! Money is a string of decimals, instants are RFC 3339 in UTC, durations are seconds; unknown is null, never absent.
mod answers;
mod approvals;
mod backtest;
mod changes;
mod days;
mod document;
mod explain;
mod forecast;
mod held;
mod history;
mod hooks;
mod keeps;
mod labelled;
mod ledger_state;
mod mails;
pub mod moments;
mod next;
mod outlook;
pub mod page;
mod pauses;
mod plan;
pub mod plan_file;
mod status;
mod steps;
mod stored;
mod streamed;
mod warnings;

use serde::Serialize;
use serde_json::Value;

pub use answers::{CheckDoc, OptionsDoc, OrderDoc, OrderErrorDoc, VerifyDoc};
pub use approvals::{WaitingApproval, approval_next, approval_step, waiting_approval};
pub use backtest::{BacktestDoc, EntryDoc, SumsDoc};
pub use changes::{Change, Changes, LAST_RELOAD, LastReload, Totals as ChangeTotals, changes};
pub use document::Document;
pub use explain::{ExplainDoc, ExplainedItem, PolicyDoc, StoredAt};
pub use forecast::{
    DayDoc, ForecastDoc, Foresight, Fresh, Known, RunwayDoc, foresee, foresee_fresh, foresee_stored,
};
pub use history::{Payment, PaymentError, Payments, accounts_called, since, write_history};
pub use keeps::{Kept, KeptLease, kept_leases};
pub use ledger_state::{LedgerState, LedgerTrouble};
pub use next::{Course, next_words, policy_words};
pub use outlook::{Runway, outlooks, top_up_words};
pub use pauses::Pause;
pub use plan::{ItemDoc, Plan, Totals};
pub use status::{Account as AccountStatus, Around, Status, last_cycle_words, status};
pub use steps::{Says, Step, StepDoc, reckoned_end, shown, steps};
pub use stored::{Lasting, Stored, every_stored, is_paid_whole, stored, write_leases};
pub use streamed::Unwritten;
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
