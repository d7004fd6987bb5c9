//! The permit to spend: the type that ties a byte on the wire to a durable row.
use crate::domain::{ChangeRequest, Currency, IntentId, Moment, Money, PurchaseRequest, RenewalRequest};
use crate::record::LastLook;

/// Proof that the `spend_started` row of exactly this request is durable. Not cloneable, made only by the ledger, used
/// up by the one call that spends: paying twice with one row does not compile. What must still hold when that call leaves is put
/// on it by [`SpendPermit::on`]; without that it is never sent.
#[derive(Debug)]
pub struct SpendPermit {
    intent: IntentId,
    request: RenewalRequest,
    started: Moment,
    quoted: Option<Quoted>,
    look: Option<LastLook>,
    names: Vec<String>,
}

/// What the row of a payment says of its price, for whoever passes it on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quoted {
    /// Of the whole set.
    pub price: Money,
    /// In what.
    pub currency: Currency,
    /// 1, or 2 for a second attempt.
    pub attempt: u32,
}

impl SpendPermit {
    /// Only the ledger's adapters may call this, on the commit of the row. `started` was read before the commit began: the word of
    /// a commit that is heard after a long sleep must not look fresh.
    pub(in crate::ledger) fn on_commit(intent: IntentId, request: RenewalRequest, started: Moment) -> Self {
        Self { intent, request, started, quoted: None, look: None, names: Vec::new() }
    }

    /// The same with what its row says of its price.
    pub(in crate::ledger) fn at(self, quoted: Quoted) -> Self {
        Self { quoted: Some(quoted), ..self }
    }

    /// What its row says of its price.
    #[must_use]
    pub fn quoted(&self) -> Option<&Quoted> {
        self.quoted.as_ref()
    }

    /// The same, to be looked at once more like this before it leaves.
    #[must_use]
    pub fn on(self, look: LastLook) -> Self {
        let look = Some(look.started(&self.started));
        Self { look, ..self }
    }

    /// The last look; without one it may not leave.
    #[must_use]
    pub fn look(&self) -> Option<&LastLook> {
        self.look.as_ref()
    }

    /// The same, its leases called so at the provider, in their order.
    #[must_use]
    pub fn named(self, names: Vec<String>) -> Self {
        Self { names, ..self }
    }

    /// What the provider calls its leases now, where that is not their ids; else empty.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
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
    look: Option<LastLook>,
}

impl PurchasePermit {
    /// Only the ledger's adapters may call this, on the commit of the row. `started` was read before the commit began.
    pub(in crate::ledger) fn on_commit(intent: IntentId, request: PurchaseRequest, started: Moment) -> Self {
        Self { intent, request, started, look: None }
    }

    /// The same, to be looked at once more like this before it leaves.
    #[must_use]
    pub fn on(self, look: LastLook) -> Self {
        let look = Some(look.started(&self.started));
        Self { look, ..self }
    }

    /// The last look; without one it may not leave.
    #[must_use]
    pub fn look(&self) -> Option<&LastLook> {
        self.look.as_ref()
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
    look: Option<LastLook>,
}

impl ChangePermit {
    /// Only the ledger's adapters may call this, on the commit of the row.
    pub(in crate::ledger) fn on_commit(row: i64, request: ChangeRequest) -> Self {
        Self { row, request, look: None }
    }

    /// The same, to be looked at once more like this before it leaves.
    #[must_use]
    pub fn on(self, look: LastLook) -> Self {
        Self { look: Some(look), ..self }
    }

    /// The last look; a change that can lead to money may not leave without one.
    #[must_use]
    pub fn look(&self) -> Option<&LastLook> {
        self.look.as_ref()
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
