//! The brake: what stops every call that can lead to money, at any time, asked in one place.
//!
//! Whoever is about to send one asks here: the lane and a purchase before they reserve, steering and changes by hand before their
//! row, and all of them once more right before the first byte. Not responsible for what a plan decides. Reads only: a crash here
//! has changed nothing.
use std::sync::Arc;

use super::Viewer;
use crate::domain::AccountName;
use crate::ledger::{LedgerError, Stands};
use crate::policy::{Reason, Word};

impl Viewer {
    /// Why no money may leave this account, nor a change that lets the provider take some.
    ///
    /// # Errors
    /// The ledger's: then none may leave either.
    pub fn brake(&self, account: &AccountName) -> Result<Option<Reason>, LedgerError> {
        let stopped = self.ledger.paused()?.iter().any(|p| p.account.as_ref().is_none_or(|a| a == account));
        Ok(stopped.then(|| Reason::new(Word::Paused, "spending is paused: renewd resume")))
    }

    /// The same for whoever holds a connection already.
    pub(super) fn stands(&self, account: &AccountName) -> Stands {
        let (viewer, account) = (self.clone(), account.clone());
        Arc::new(move || match viewer.brake(&account) {
            // Whoever was asked to stop begins nothing new.
            _ if viewer.stop.is_cancelled() => Err("renewd is stopping".to_owned()),
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err("spending was paused just then".to_owned()),
            Err(e) => Err(e.to_string()),
        })
    }
}
