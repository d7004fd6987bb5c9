//! Who the configured accounts are: hands what was read of them to the ledger, and tells what stands against their paying; finds another
//! ledger's renewd with the same key.
//!
//! A crash before the ledger wrote it down leaves the same to be found. Not responsible for judging (`domain::identity`).
use std::sync::Arc;

use secrecy::ExposeSecret;

use crate::domain::identity::{Claim, Verdict, fingerprint};
use crate::domain::{AccountName, Inventory};
use crate::keylock;
use crate::ledger::{ACCEPTED, CHANGED, IDENTITY, Ledger, LedgerError, Restored};
use crate::policy::{Reason, Word};
use crate::settings::{Account, Settings};

use crate::engine::observe::{Seen, restored};
use crate::engine::{Payer, Viewer};

/// The notes of what speaks against an account, and of what an operator accepted of it.
#[must_use]
pub fn changed_note(account: &AccountName) -> (String, String) {
    (format!("{CHANGED}:{account}"), format!("{ACCEPTED}:{account}"))
}

/// Every configured account as the config has it, without a list.
///
/// # Errors
/// The ledger's.
pub fn claims(settings: &Settings, ledger: &dyn Ledger) -> Result<Vec<Claim>, LedgerError> {
    let id = ledger.noted(IDENTITY)?.unwrap_or_default();
    Ok(settings.accounts.iter().map(|a| claim(a, &id)).collect())
}

fn claim(account: &Account, ledger: &str) -> Claim {
    let print = |secret: &str| fingerprint(ledger, &account.provider, account.base_url.as_str(), secret);
    Claim {
        name: account.name.clone(),
        provider: account.provider.clone(),
        was: account.was.clone(),
        key: print(account.api_key.expose_secret()),
        owner: None,
        listed: None,
    }
}

/// Adds what was read.
pub(in crate::engine) fn read(claim: &mut Claim, inventory: &Inventory, ledger: &str) {
    claim.listed = Some(Arc::clone(&inventory.leases));
    claim.owner = inventory.owner.as_ref().map(|owner| fingerprint(ledger, &claim.provider, "", owner));
}

/// What keeps the account from paying.
pub(in crate::engine) fn barred(verdict: &Verdict) -> Option<Reason> {
    match verdict {
        Verdict::Changed { why, .. } => Some(Reason::new(Word::AccountChanged, why.clone())),
        Verdict::Known | Verdict::Unproven => None,
    }
}

/// Keeps what speaks against the account for `resume` to show, or forgets it once nothing does.
pub(in crate::engine) fn remember(
    ledger: &dyn Ledger,
    account: &AccountName,
    verdict: &Verdict,
) -> Result<(), LedgerError> {
    let key = changed_note(account).0;
    let text = match verdict {
        Verdict::Changed { why, mark } => format!("{mark}\n{why}"),
        Verdict::Known => String::new(),
        // Not read: what was seen before may still be so.
        Verdict::Unproven => return Ok(()),
    };
    if ledger.noted(&key)?.unwrap_or_default() == text { Ok(()) } else { ledger.note(&key, &text) }
}

/// Accounts whose key another ledger's renewd on this machine has now. Takes no lock: for those that only look.
///
/// # Errors
/// The ledger's.
pub fn paid_elsewhere(settings: &Settings, ledger: &dyn Ledger) -> Result<Vec<AccountName>, LedgerError> {
    let ours = keylock::placed(&ledger.noted(IDENTITY)?.unwrap_or_default(), &settings.state_dir);
    let theirs = |a: &&Account| keylock::paid_elsewhere(&settings.runtime_dir, &a.lock_name(), &ours);
    Ok(settings.accounts.iter().filter(theirs).map(|a| a.name.clone()).collect())
}

impl Viewer {
    /// Reads all accounts, to say what a payer would do now: with an account that another one pays with it would do nothing.
    pub(in crate::engine) async fn look_around(&self) -> Result<Vec<Seen>, LedgerError> {
        let second = paid_elsewhere(&self.settings, self.ledger.as_ref())?;
        let mut all: Vec<Seen> = self.observe().await?.into_iter().map(|(seen, _)| seen).collect();
        for seen in all.iter_mut().filter(|s| second.contains(&s.account.name)) {
            seen.barred = seen.barred.take().or_else(|| Some(second_renewd()));
        }
        if let Some(restored) = restored::noted(self.ledger.as_ref())? {
            all.iter_mut().for_each(|seen| bar(seen, &restored));
        }
        Ok(all)
    }
}

impl Payer {
    /// What keeps the account from paying because another ledger's renewd has its key.
    pub(in crate::engine) fn second(&self, account: &Account) -> Option<Reason> {
        (!self.keys.take(&account.lock_name())).then(second_renewd)
    }

    /// Reads all accounts; those whose key another ledger's renewd holds are not to pay.
    pub(in crate::engine) async fn observe(&self) -> Result<Vec<(Seen, Option<Inventory>)>, LedgerError> {
        // Before the reading: the other one may pay meanwhile, and what was read would be old.
        let accounts = &self.viewer.settings.accounts;
        let second: Vec<&AccountName> =
            accounts.iter().filter(|a| self.second(a).is_some()).map(|a| &a.name).collect();
        let mut observed = self.viewer.observe().await?;
        for (seen, _) in observed.iter_mut().filter(|(s, _)| second.contains(&&s.account.name)) {
            seen.barred = seen.barred.take().or_else(|| Some(second_renewd()));
        }
        let viewer = &self.viewer;
        let seen = observed.iter().map(|(seen, _)| seen);
        if let Some(restored) = restored::take_in(viewer.ledger.as_ref(), &viewer.settings, seen)? {
            observed.iter_mut().for_each(|(seen, _)| bar(seen, &restored));
        }
        Ok(observed)
    }
}

fn bar(seen: &mut Seen, restored: &Restored) {
    seen.barred = seen.barred.take().or_else(|| restored::barred(restored, &seen.account.name));
}

fn second_renewd() -> Reason {
    let prose = "another renewd on this machine, with a ledger of its own, pays with the same key: two that do not know of each other's \
                 payments pay twice. Stop one of them, or take the account out of its config";
    Reason::new(Word::SecondRenewd, prose)
}
