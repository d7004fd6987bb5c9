//! Wanted leases that are gone and that people must hear of. The ledger notes them with the very inventory that shows them gone,
//! whichever reading that was, and strikes them out once their alert is in the outbox.
//!
//! A crash in between tells of them in the next pass, under the same key: nobody hears twice.
use crate::domain::Lease;
use crate::engine::{LastPaid, Viewer};
use crate::ledger::{LOST_UNTOLD, LedgerError, losses, losses_note};
use crate::policy::Action;

impl Viewer {
    /// Leases that a policy keeps, that are gone, and that nobody was told of yet.
    pub(in crate::engine) fn lost(&self, paid: &LastPaid) -> Result<Vec<Lease>, LedgerError> {
        let note = self.ledger.noted(LOST_UNTOLD)?.unwrap_or_default();
        Ok(losses(&note).into_iter().filter(|l| self.keeps(l, paid)).collect())
    }

    /// A pass told what it had to tell of losses: only those that are still `owed` stay noted, and only while a policy keeps them.
    ///
    /// # Errors
    /// The ledger's.
    pub fn losses_told(&self, paid: &LastPaid, owed: &dyn Fn(&Lease) -> bool) -> Result<(), LedgerError> {
        let before = self.ledger.noted(LOST_UNTOLD)?.unwrap_or_default();
        let keeps = |l: &Lease| self.keeps(l, paid) && owed(l);
        let left: Vec<Lease> = losses(&before).into_iter().filter(keeps).collect();
        let after = losses_note(&left);
        if after == before { Ok(()) } else { self.ledger.note(LOST_UNTOLD, &after) }
    }

    /// The account is in the config and a policy keeps it.
    fn keeps(&self, lease: &Lease, paid: &LastPaid) -> bool {
        let settings = &self.settings;
        let policy = settings.policies(self.clock.now().wall, paid).of(lease);
        settings.account(&lease.account).is_some()
            && policy.is_some_and(|p| {
                p.action == Action::Renew && !lease.expires_at.is_some_and(|end| p.is_past_until(end))
            })
    }
}
