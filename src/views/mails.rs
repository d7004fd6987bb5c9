//! How mail stands, as `status` tells it. Not responsible for sending any.
use jiff::Timestamp;
use serde::Serialize;

use crate::ledger::{Ledger, LedgerError};
use crate::settings::Settings;

/// Seconds after which mail that waits is late: its alert fires by then.
const LATE: i64 = 600;

/// Mails that no server has taken yet.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Mails {
    /// How many.
    pub waiting: usize,
    /// When the oldest was queued; null if none waits.
    pub oldest_at: Option<Timestamp>,
    /// For how long it has waited, in seconds; null if none waits.
    pub oldest_age: Option<i64>,
    /// How many were refused as they are, and put aside.
    pub aside: usize,
    /// Addresses that the mail server refuses.
    pub refused: Vec<RefusedAddress>,
}

/// An address that the mail server refuses.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct RefusedAddress {
    /// As the config has it.
    pub address: String,
    /// The server's words, or ours.
    pub why: String,
    /// When it was last tried.
    pub at: Timestamp,
}

impl Mails {
    pub(super) fn read(
        ledger: &dyn Ledger,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Self, LedgerError> {
        let (waiting, known) = (ledger.waiting_mails()?, settings.alerts.addresses());
        let refused = ledger.refusals()?.into_iter().filter(|r| known.contains(&r.address));
        Ok(Self {
            waiting: waiting.count,
            oldest_at: waiting.oldest,
            oldest_age: waiting.oldest.map(|at| now.duration_since(at).as_secs().max(0)),
            aside: ledger.aside_mails()?.len(),
            refused: refused.map(|r| RefusedAddress { address: r.address, why: r.why, at: r.at }).collect(),
        })
    }

    /// It reaches whom it is for.
    pub(super) fn arrive(&self) -> bool {
        self.aside == 0 && self.refused.is_empty() && self.oldest_age.is_none_or(|age| age <= LATE)
    }
}
