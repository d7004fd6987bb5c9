//! Who the configured accounts are: hands what was read of them to the ledger, and tells what stands against their paying; finds another
//! ledger's renewd with the same key.
//!
//! A crash before the ledger wrote it down leaves the same to be found. Not responsible for judging (`domain::identity`).
use secrecy::ExposeSecret;

use crate::domain::identity::{Claim, Place, Verdict, fingerprint};
use crate::domain::{AccountName, Inventory};
use crate::ledger::{ACCEPTED, CHANGED, IDENTITY, Ledger, LedgerError};
use crate::policy::{Reason, Word};
use crate::settings::{Account, Settings};

use super::Payer;
use super::observe::Seen;

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
pub(super) fn read(claim: &mut Claim, inventory: &Inventory, ledger: &str) {
    claim.listed = Some(inventory.leases.iter().map(Place::of).collect());
    claim.owner = inventory.owner.as_ref().map(|owner| fingerprint(ledger, &claim.provider, "", owner));
}

/// What keeps the account from paying.
pub(super) fn barred(verdict: &Verdict) -> Option<Reason> {
    match verdict {
        Verdict::Changed { why, .. } => Some(Reason::new(Word::AccountChanged, why.clone())),
        Verdict::Known | Verdict::Unproven => None,
    }
}

/// Keeps what speaks against the account for `resume` to show, or forgets it once nothing does.
pub(super) fn remember(
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

impl Payer {
    /// What keeps the account from paying because another ledger's renewd has its key.
    pub(super) fn second(&self, account: &Account) -> Option<Reason> {
        (!self.keys.take(&account.lock_name())).then(second_renewd)
    }

    /// Reads all accounts; those whose key another ledger's renewd holds are not to pay.
    pub(super) async fn observe(&self) -> Result<Vec<(Seen, Option<Inventory>)>, LedgerError> {
        // Before the reading: the other one may pay meanwhile, and what was read would be old.
        let accounts = &self.viewer.settings.accounts;
        let second: Vec<&AccountName> =
            accounts.iter().filter(|a| self.second(a).is_some()).map(|a| &a.name).collect();
        let mut observed = self.viewer.observe().await?;
        for (seen, _) in observed.iter_mut().filter(|(s, _)| second.contains(&&s.account.name)) {
            seen.barred = seen.barred.take().or_else(|| Some(second_renewd()));
        }
        Ok(observed)
    }
}

fn second_renewd() -> Reason {
    let prose = "another renewd on this machine, with a ledger of its own, pays with the same key: two that do not know of each other's \
                 payments pay twice. Stop one of them, or take the account out of its config";
    Reason::new(Word::SecondRenewd, prose)
}
