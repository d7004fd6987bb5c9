//! What a lane is given to pay, and what came of it: data.
use std::sync::Arc;

use super::call_limit::Allowance;
use crate::domain::{IntentId, Quote};
use crate::engine::approve::exact::Plans;
use crate::ledger::{IntentRecord, LastPrices};
use crate::planner::{Item, PaySet};
use crate::policy::Reason;

/// What a lane is to pay.
pub(in crate::engine) struct Orders {
    pub sets: Vec<PaySet>,
    /// Quotes that may be paid as they are, each for exactly this set and period.
    pub ready: Vec<(PaySet, Quote)>,
    pub items: Arc<Vec<Item>>,
    pub last: LastPrices,
    pub cycle: i64,
    /// What plans name: paid to the letter, and nothing of it in parts.
    pub plans: Arc<Plans>,
    /// Money calls left to all lanes of the cycle.
    pub allowance: Arc<Allowance>,
}

/// What came of it.
#[derive(Default)]
pub(in crate::engine) struct Outcome {
    /// New reasons for items that were not paid after all.
    pub changed: Vec<(usize, Reason)>,
    /// Payments that were begun.
    pub begun: Vec<IntentId>,
    pub doubles: Vec<IntentRecord>,
    /// The provider let nothing of the account in: how a payment was told so.
    pub shut_out: Option<String>,
    /// Terms that the provider was seen to have charged by itself.
    pub charges: Vec<IntentRecord>,
}

/// Why a lane stops before its end.
pub(in crate::engine) enum Halt {
    No,
    /// What can wait until a payment is settled waits, for this reason; what would lapse until then goes on.
    Settling(Reason),
    Because(Reason),
}
