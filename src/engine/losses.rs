//! Wanted leases that are gone and that people must hear of. The ledger notes them with the very inventory that shows them gone,
//! whichever reading that was, and strikes them out once their alert is in the outbox.
//!
//! A crash in between tells of them in the next pass, under the same key: nobody hears twice.
use jiff::Timestamp;

use super::Viewer;
use crate::domain::Lease;
use crate::ledger::{LOST_UNTOLD, LedgerError, losses, losses_note};
use crate::policy::Action;

impl Viewer {
    /// Leases that a policy keeps, that are gone, and that nobody was told of yet.
    pub(super) fn lost(&self) -> Result<Vec<Lease>, LedgerError> {
        let note = self.ledger.noted(LOST_UNTOLD)?.unwrap_or_default();
        Ok(losses(&note).into_iter().filter(|l| self.keeps(l)).collect())
    }

    /// A pass told what it had to tell of losses: only those that are still `owed` stay noted, and only while a policy keeps them.
    ///
    /// # Errors
    /// The ledger's.
    pub fn losses_told(&self, owed: &dyn Fn(&Lease) -> bool) -> Result<(), LedgerError> {
        let before = self.ledger.noted(LOST_UNTOLD)?.unwrap_or_default();
        let left: Vec<Lease> = losses(&before).into_iter().filter(|l| self.keeps(l) && owed(l)).collect();
        let after = losses_note(&left);
        if after == before { Ok(()) } else { self.ledger.note(LOST_UNTOLD, &after) }
    }

    /// The account is in the config and a policy keeps it.
    fn keeps(&self, lease: &Lease) -> bool {
        let settings = &self.settings;
        let policy = settings.policy_of(lease);
        settings.account(&lease.account).is_some()
            && policy.is_some_and(|p| {
                let past = |end: Timestamp| {
                    p.until.is_some_and(|u| end.to_zoned(settings.timezone.clone()).date() >= u)
                };
                p.action == Action::Renew && !lease.expires_at.is_some_and(past)
            })
    }
}
