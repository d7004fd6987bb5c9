//! What keeps a lane from paying a set: a plan that names it, an approval that it lacks, the calls of the cycle, and what the ledger noticed
//! meanwhile.
use super::lane::Lane;
use crate::domain::IntentId;
use crate::engine::pay::jobs::Halt;
use crate::engine::quote::pricing::{asks, within};
use crate::engine::quote::question::Asked;
use crate::planner::PaySet;
use crate::policy::{Reason, Word};

impl Lane {
    /// Another node took over while the answer was awaited, and settles the payment by what it reads; or an operator did.
    pub(in crate::engine) fn settled_elsewhere(&mut self, set: &PaySet, id: &IntentId, found: &str) -> Halt {
        tracing::warn!(payment = %id, "its answer came after somebody else had settled it, as {found}");
        let reason = Reason::new(Word::Backoff, "somebody else settled its payment meanwhile");
        self.change(set, &reason);
        Halt::Because(reason)
    }

    /// The ledger noticed in the middle of the cycle that it may have forgotten payments.
    pub(in crate::engine) fn forgotten(&mut self, set: &PaySet) -> Halt {
        let prose = "the ledger may have forgotten payments: the account pays again once it was read twice, a lag_window apart";
        let reason = Reason::new(Word::Restored, prose);
        self.change(set, &reason);
        Halt::Because(reason)
    }

    /// Leases that the provider sells singly, unless a plan names them together.
    pub(in crate::engine) fn may_split(&self, set: &PaySet) -> bool {
        set.members.len() > 1
            && set.key.order.is_none()
            && !self.orders.plans.only
            && self.orders.plans.of(set).is_none()
    }

    /// The plan's word on this set, where a plan names it.
    pub(in crate::engine) fn within_plan(&self, set: &PaySet, asked: Asked) -> Asked {
        match self.orders.plans.of(set) {
            Some(planned) => within(&planned.exact, asked),
            None if self.orders.plans.only => {
                let reason = Reason::new(Word::Backoff, "the plan does not name this payment");
                Asked { verdict: Err(reason), ..asked }
            }
            None => asked,
        }
    }

    /// Nothing of a policy that asks is paid without an operator's word, whatever brought it here.
    pub(in crate::engine) fn not_approved(&self, set: &PaySet) -> Option<Reason> {
        let approved = self.orders.plans.of(set).is_some_and(|planned| planned.approval.is_some());
        (asks(&self.viewer.settings.policies, &set.key) && !approved).then(|| {
            Reason::new(Word::Approval, "its policy asks first, and nobody has approved this payment")
        })
    }

    /// All calls of the cycle are made: what is left of the lane waits.
    pub(in crate::engine) fn no_more_calls(&mut self, set: &PaySet) -> Halt {
        let most = self.orders.allowance.most();
        let reason = Reason::new(
            Word::FleetGuard,
            format!("max_payments_per_cycle {most} is reached; the next cycle goes on"),
        );
        self.change(set, &reason);
        Halt::Because(reason)
    }
}
