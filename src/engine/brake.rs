//! The brake: what stops every call that can lead to money, at any time, asked in one place.
//!
//! Whoever is about to send one asks here: the lane and a purchase before they reserve, steering and changes by hand before their
//! row, and all of them once more right before the first byte. Not responsible for what a plan decides. Reads only: a crash here
//! has changed nothing.
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::Viewer;
use crate::domain::AccountName;
use crate::engine::observe::restored;
use crate::ledger::{LastLook, LedgerError, MOVED, PauseRecord, Stands};
use crate::policy::{Reason, Word};

/// The command that ends what keeps this account from spending; without an account, what keeps any. `None`: nothing does. A pause of
/// everything is ended as one, with the pauses of single accounts in it.
#[must_use]
pub fn lifted_by(pauses: &[PauseRecord], account: Option<&AccountName>) -> Option<String> {
    if pauses.iter().any(|p| p.account.is_none()) {
        return Some("renewd resume".to_owned());
    }
    let mut of = pauses.iter().filter_map(|p| p.account.as_ref()).filter(|a| account.is_none_or(|n| n == *a));
    match (of.next()?, of.next()) {
        (name, None) => Some(format!("renewd resume {name}")),
        (_, Some(_)) => Some("renewd resume".to_owned()),
    }
}

/// Why this account spends nothing, in words: the pause of it that lasts longest, and how it is ended. `None`: nothing stops it.
#[must_use]
pub(super) fn stopped_by(pauses: &[PauseRecord], account: &AccountName, zone: &TimeZone) -> Option<String> {
    let lift = lifted_by(pauses, Some(account))?;
    let mut of: Vec<&PauseRecord> =
        pauses.iter().filter(|p| p.account.as_ref().is_none_or(|a| a == account)).collect();
    // One without an end lasts longest. Of two alike it is the pause of everything.
    of.sort_by_key(|p| (p.until.is_some(), std::cmp::Reverse(p.ends_at()), p.account.is_some()));
    Some(format!("{}: {lift}", of.first()?.words(zone)))
}

impl Viewer {
    /// Why no money may leave this account, nor a change that lets the provider take some.
    ///
    /// # Errors
    /// The ledger's: then none may leave either.
    pub fn brake(&self, account: &AccountName) -> Result<Option<Reason>, LedgerError> {
        let stopped = stopped_by(&self.ledger.paused(&self.clock.now())?, account, &self.settings.timezone);
        Ok(stopped.map(|words| Reason::new(Word::Paused, format!("spending is paused{words}"))))
    }

    /// The last look at what is decided now for this account: it leaves under the pay lease of now, or not at all.
    pub(super) fn leaves_under(&self, account: &AccountName) -> LastLook {
        LastLook::new(self.stands(account)).under(self.tenure.tenancy())
    }

    /// The brake for whoever holds a connection already.
    fn stands(&self, account: &AccountName) -> Stands {
        let (viewer, account) = (self.clone(), account.clone());
        Arc::new(move || {
            // Whoever was asked to stop begins nothing new.
            if viewer.stop.is_cancelled() {
                return Err("renewd is stopping".to_owned());
            }
            viewer.ledger_stands(&account)?;
            match viewer.brake(&account) {
                Ok(None) => Ok(()),
                Ok(Some(_)) => Err("spending was paused just then".to_owned()),
                Err(e) => Err(e.to_string()),
            }
        })
    }

    /// Nobody noticed since the row was written that the ledger forgot payments, or moved it elsewhere.
    fn ledger_stands(&self, account: &AccountName) -> Result<(), String> {
        let ledger = self.ledger.as_ref();
        let moved = ledger.noted(MOVED).map_err(|e| e.to_string())?;
        if moved.is_some_and(|to| !to.is_empty()) {
            return Err("the ledger was moved to another place just then".to_owned());
        }
        match restored::noted(ledger).map_err(|e| e.to_string())? {
            Some(restored) if restored.bars(account) => {
                Err("the ledger may have forgotten payments, as was noticed just then".to_owned())
            }
            _ => Ok(()),
        }
    }
}
