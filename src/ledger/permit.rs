//! The permit to spend: the type that ties a byte on the wire to a durable row.
use crate::domain::{IntentId, RenewalRequest};

/// Proof that the `spend_started` row of exactly this request is durable. Not cloneable, made only by the ledger, used
/// up by the one call that spends: paying twice with one row does not compile.
#[derive(Debug)]
pub struct SpendPermit {
    intent: IntentId,
    request: RenewalRequest,
}

impl SpendPermit {
    /// Only the ledger's adapters may call this, on the commit of the row.
    pub(in crate::ledger) fn on_commit(intent: IntentId, request: RenewalRequest) -> Self {
        Self { intent, request }
    }

    /// The payment it belongs to.
    #[must_use]
    pub fn intent(&self) -> &IntentId {
        &self.intent
    }

    /// What may be paid.
    #[must_use]
    pub fn request(&self) -> &RenewalRequest {
        &self.request
    }
}
