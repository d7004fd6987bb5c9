//! The permit to spend: the type that ties a byte on the wire to a durable row.
use crate::domain::{ChangeRequest, IntentId, Moment, PurchaseRequest, RenewalRequest};

/// Proof that the `spend_started` row of exactly this request is durable. Not cloneable, made only by the ledger, used
/// up by the one call that spends: paying twice with one row does not compile.
#[derive(Debug)]
pub struct SpendPermit {
    intent: IntentId,
    request: RenewalRequest,
    started: Moment,
}

impl SpendPermit {
    /// Only the ledger's adapters may call this, on the commit of the row.
    pub(in crate::ledger) fn on_commit(intent: IntentId, request: RenewalRequest, started: Moment) -> Self {
        Self { intent, request, started }
    }

    /// The instant of its row: what was read and asked for it is a little older.
    #[must_use]
    pub fn started(&self) -> &Moment {
        &self.started
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

/// The same for a purchase: proof that its `spend_started` row is durable.
#[derive(Debug)]
pub struct PurchasePermit {
    intent: IntentId,
    request: PurchaseRequest,
    started: Moment,
}

impl PurchasePermit {
    /// Only the ledger's adapters may call this, on the commit of the row.
    pub(in crate::ledger) fn on_commit(intent: IntentId, request: PurchaseRequest, started: Moment) -> Self {
        Self { intent, request, started }
    }

    /// The instant of its row: what was read and asked for it is a little older.
    #[must_use]
    pub fn started(&self) -> &Moment {
        &self.started
    }

    /// The payment it belongs to.
    #[must_use]
    pub fn intent(&self) -> &IntentId {
        &self.intent
    }

    /// What may be bought.
    #[must_use]
    pub fn request(&self) -> &PurchaseRequest {
        &self.request
    }
}

/// Proof that a change of an order is on record: a change that nobody can explain later is never made.
#[derive(Debug)]
pub struct ChangePermit {
    row: i64,
    request: ChangeRequest,
}

impl ChangePermit {
    /// Only the ledger's adapters may call this, on the commit of the row.
    pub(in crate::ledger) fn on_commit(row: i64, request: ChangeRequest) -> Self {
        Self { row, request }
    }

    /// Its row.
    #[must_use]
    pub fn row(&self) -> i64 {
        self.row
    }

    /// What may be changed.
    #[must_use]
    pub fn request(&self) -> &ChangeRequest {
        &self.request
    }
}
