//! What will stop renewals later, as `status`, `plan`, `explain` and the page show it. A view of the forecast's cautions, nothing of its own.
use jiff::Timestamp;
use serde::Serialize;

use crate::domain::{AccountName, Lease};
use crate::engine::alerts::ahead::{Ahead, grouped};
use crate::settings::Settings;

use super::forecast::Foresight;
use super::plan::ItemDoc;

/// Leases of one account that cannot be renewed for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The word that the plan will have for them.
    pub word: &'static str,
    /// Whose.
    pub account: AccountName,
    /// How many.
    pub leases: usize,
    /// When the first of them ends.
    pub first_end: Option<Timestamp>,
    /// Which addresses, why, and which line of the config to change.
    pub text: String,
}

/// All of them.
#[must_use]
pub fn ahead_of(seen: &Foresight, settings: &Settings) -> Vec<Ahead> {
    grouped(&seen.cautions, &accounts(seen), settings, &|_| false)
}

/// The rows of some leases.
#[must_use]
pub fn warnings_of(seen: &Foresight, settings: &Settings, these: &dyn Fn(&Lease) -> bool) -> Vec<Warning> {
    let accounts = accounts(seen);
    grouped(&seen.cautions, &accounts, settings, &|lease| !these(lease)).iter().map(Warning::new).collect()
}

fn accounts(seen: &Foresight) -> Vec<(AccountName, &[Lease])> {
    seen.accounts.iter().map(|k| (k.account.name.clone(), k.leases.as_slice())).collect()
}

/// The rows of `status`.
#[must_use]
pub fn warnings(seen: &Foresight, settings: &Settings) -> Vec<Warning> {
    ahead_of(seen, settings).iter().map(Warning::new).collect()
}

impl Warning {
    pub(super) fn new(ahead: &Ahead) -> Self {
        Self {
            word: ahead.word.as_str(),
            account: ahead.account.clone(),
            leases: ahead.leases.len(),
            first_end: ahead.first_end,
            text: ahead.text.clone(),
        }
    }
}

impl ItemDoc {
    /// Adds what the forecast knows of the lease.
    pub fn know(&mut self, seen: &Foresight) {
        let Some(account) = seen.accounts.iter().position(|k| k.account.name == self.account) else { return };
        let known = &seen.accounts[account];
        self.last_price = known.last_price(&self.lease);
        let Some(lease) = known.leases.iter().position(|l| l.id == self.lease) else { return };
        let mine = seen.cautions.iter().filter(|c| (c.account, c.lease) == (account, lease));
        self.warnings = mine.map(|c| c.word.as_str()).collect();
    }
}
