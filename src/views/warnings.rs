//! What will stop renewals later, as `status`, `plan`, `explain` and the page show it. A view of the forecast's cautions, nothing of its own.
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::alerts::rules::ahead::{Ahead, grouped};
use crate::domain::{AccountName, LeaseId, LeaseName, LeaseView, Leases};
use crate::policy::{Policy, Word};
use crate::settings::Settings;

use super::forecast::Foresight;
use super::keeps::kept_as;
use super::plan::ItemDoc;

/// Leases of one account that cannot be renewed for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
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
pub fn warnings_of(
    seen: &Foresight,
    settings: &Settings,
    these: &dyn Fn(&LeaseView<'_>) -> bool,
) -> Vec<Warning> {
    let accounts = accounts(seen);
    grouped(&seen.cautions, &accounts, settings, &|lease| !these(lease)).iter().map(Warning::new).collect()
}

fn accounts(seen: &Foresight) -> Vec<(AccountName, &Leases)> {
    seen.accounts.iter().map(|k| (k.account.name.clone(), k.leases.as_ref())).collect()
}

/// The rows of `status`.
#[must_use]
pub fn warnings(seen: &Foresight, settings: &Settings) -> Vec<Warning> {
    ahead_of(seen, settings).iter().map(Warning::new).collect()
}

impl Warning {
    /// Some policy wants these leases: without one nobody does.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.word != Word::NoPolicy.as_str()
    }

    /// The first of them ends within this time.
    #[must_use]
    pub fn within(&self, now: Timestamp, ahead: SignedDuration) -> bool {
        self.first_end.is_some_and(|end| end > now && end.duration_since(now) <= ahead)
    }

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
    pub fn know(&mut self, seen: &Foresight, policies: &[Policy]) {
        let known = seen.accounts.iter().find(|k| k.account.name == self.account);
        self.last_price = known.and_then(|k| k.last_price(&self.lease));
        self.warnings = words_of(seen, &self.account, &self.lease).collect();
        let name =
            LeaseName { id: self.lease.clone(), order: self.order.clone(), ip: self.ip.clone(), port: None };
        let of = (&self.account, &name);
        self.kept = kept_as((&seen.kept, policies), of, self.expires_at, seen.from);
    }
}

/// Words of what will stop the renewal of a lease.
pub(super) fn words_of(
    seen: &Foresight,
    account: &AccountName,
    lease: &LeaseId,
) -> impl Iterator<Item = &'static str> {
    let account = seen.accounts.iter().position(|k| &k.account.name == account);
    let place = account.and_then(|at| Some((at, seen.accounts[at].leases.find(lease.as_str())?)));
    let first = seen.cautions.partition_point(|c| Some((c.account, c.lease)) < place);
    seen.cautions[first..]
        .iter()
        .take_while(move |c| Some((c.account, c.lease)) == place)
        .map(|c| c.word.as_str())
}
