//! What this process holds of the pay lease, for everybody in it: the store that fences a spend, the last look before a byte leaves, the
//! loop that pays or stands by.
//!
//! Not responsible for taking or keeping the lease (`daemon/node`). A crash forgets it: a start holds nothing.
use std::sync::Arc;

use jiff::SignedDuration;
use tokio::sync::watch;

use super::{Held, Hold};
use crate::domain::Moment;
use crate::nodes::Renewed;
use crate::record::Tenancy;

/// The epoch of a ledger that has one node for ever.
pub const ONLY_EPOCH: i64 = 1;

/// What is held, and for how long it is good.
#[derive(Debug)]
pub struct Tenure {
    hold: Arc<Hold>,
    ttl: Option<SignedDuration>,
    renewed: watch::Sender<Option<Renewed>>,
}

impl Tenure {
    /// Of a ledger with one node, which its lock keeps for it: epoch 1, for ever.
    #[must_use]
    pub fn alone() -> Self {
        let now = Moment { wall: jiff::Timestamp::UNIX_EPOCH, boot_id: String::new(), boot_ms: 0 };
        let (renewed, _) = watch::channel(Some(Renewed { epoch: ONLY_EPOCH, began: now }));
        Self { hold: Arc::default(), ttl: None, renewed }
    }

    /// Of a ledger that several share: nothing is held yet. `hold` is what the store reads.
    #[must_use]
    pub fn shared(hold: Arc<Hold>, ttl: SignedDuration) -> Self {
        let (renewed, _) = watch::channel(None);
        Self { hold, ttl: Some(ttl), renewed }
    }

    /// The ledger has one node.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.ttl.is_none()
    }

    /// It was taken or renewed, by a question that left at `renewed.began`.
    pub fn renew(&self, renewed: Renewed, holder: &str) {
        self.hold.set(Some(Held { epoch: renewed.epoch, holder: holder.to_owned() }));
        // A mere renewal is no news: whoever waits is waiting for the lease to come or go.
        self.renewed.send_if_modified(|held| {
            let anew = held.as_ref().is_none_or(|held| held.epoch != renewed.epoch);
            *held = Some(renewed);
            anew
        });
    }

    /// It is held no more.
    pub fn lose(&self) {
        self.hold.set(None);
        self.renewed.send_if_modified(|held| held.take().is_some());
    }

    /// What is held.
    #[must_use]
    pub fn renewed(&self) -> Option<Renewed> {
        self.renewed.borrow().clone()
    }

    /// The epoch that is held.
    #[must_use]
    pub fn epoch(&self) -> Option<i64> {
        self.renewed.borrow().as_ref().map(|held| held.epoch)
    }

    /// Hears when it comes or goes.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Option<Renewed>> {
        self.renewed.subscribe()
    }

    /// Waits until this epoch is over.
    pub async fn over(&self, epoch: i64) {
        let mut changes = self.changes();
        let gone = |held: &Option<Renewed>| held.as_ref().is_none_or(|held| held.epoch != epoch);
        // The sender lives as long as this does.
        let _ = changes.wait_for(gone).await;
    }

    /// The lease as it is now, for what is decided now and leaves later.
    #[must_use]
    pub fn tenancy(self: &Arc<Self>) -> Tenancy {
        let this = Arc::clone(self);
        // What is decided without a lease is of no epoch, and never leaves.
        let epoch = self.epoch().unwrap_or_default();
        Tenancy { epoch, ttl: self.ttl, renewed: Arc::new(move || this.renewed()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Moment {
        Moment { wall: jiff::Timestamp::UNIX_EPOCH, boot_id: "b".to_owned(), boot_ms: ms }
    }

    #[test]
    fn the_store_and_the_last_look_see_what_is_held() {
        let hold = Arc::new(Hold::default());
        let tenure = Arc::new(Tenure::shared(Arc::clone(&hold), SignedDuration::from_secs(30)));
        assert_eq!((tenure.epoch(), hold.get()), (None, None));
        tenure.renew(Renewed { epoch: 3, began: at(0) }, "a");
        let tenancy = tenure.tenancy();
        assert_eq!(hold.get(), Some(Held { epoch: 3, holder: "a".to_owned() }));
        tenure.renew(Renewed { epoch: 3, began: at(5) }, "a");
        assert_eq!((tenancy.renewed)().map(|held| held.began), Some(at(5)), "it was renewed since");
        tenure.lose();
        assert_eq!((hold.get(), (tenancy.renewed)()), (None, None));
    }

    #[test]
    fn a_ledger_with_one_node_is_held_for_ever() {
        let tenure = Arc::new(Tenure::alone());
        let tenancy = tenure.tenancy();
        assert_eq!((tenancy.epoch, tenancy.ttl, tenure.is_alone()), (ONLY_EPOCH, None, true));
    }
}
