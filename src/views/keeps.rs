//! Leases that an operator keeps, as `status`, `plan` and `leases` have them. Not responsible for what a keep decides (`policy`).
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::domain::{AccountName, LeaseId, LeaseName, OrderId};
use crate::ledger::{Keeping, LedgerError};
use crate::policy::{Keep, Keeps, Policy};
use crate::settings::Settings;

use crate::engine::keeps;

/// By which policy a lease is kept, who said so, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Kept {
    /// The policy that it is treated by.
    pub like: String,
    /// Who said so; null where that is not known.
    pub by: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// It is over on this day; null: when somebody ends it.
    pub until: Option<Date>,
    /// The config has no policy of that name: the lease is held unless its own policy renews it.
    pub policy_missing: bool,
}

/// One of the leases of `status`.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct KeptLease {
    /// Whose.
    pub account: AccountName,
    /// The provider's id when it was kept.
    pub lease: LeaseId,
    /// Its order.
    pub order: OrderId,
    /// Its address.
    pub ip: String,
    /// How.
    #[serde(flatten)]
    pub kept: Kept,
}

impl Kept {
    fn of(keep: &Keep, policies: &[Policy]) -> Self {
        Self {
            like: keep.like.clone(),
            by: keep.by.clone(),
            since: keep.since,
            until: keep.until,
            policy_missing: !policies.is_empty() && policies.iter().all(|p| p.name != keep.like),
        }
    }

    /// ` by NAME until DAY`: what is known of it besides the policy.
    #[must_use]
    pub fn words(&self) -> String {
        let by = self.by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
        let until = self.until.map(|day| format!(" until {day}")).unwrap_or_default();
        let gone = if self.policy_missing { "; the config has no such policy" } else { "" };
        format!("{by}{until}{gone}")
    }
}

impl KeptLease {
    /// A keep as it is on record.
    #[must_use]
    pub fn of(keep: &Keep, policies: &[Policy]) -> Self {
        Self {
            account: keep.account.clone(),
            lease: keep.lease.id.clone(),
            order: keep.lease.order.clone(),
            ip: keep.lease.ip.clone(),
            kept: Kept::of(keep, policies),
        }
    }
}

/// All that nobody ended, oldest first.
///
/// # Errors
/// The ledger's.
pub fn kept_leases<L: Keeping + ?Sized>(
    ledger: &L,
    settings: &Settings,
) -> Result<Vec<KeptLease>, LedgerError> {
    let all = keeps(ledger, settings)?;
    Ok(all.all().iter().rev().map(|keep| KeptLease::of(keep, &settings.policies)).collect())
}

/// How a lease of that name and end is kept, while that is not over.
#[must_use]
pub(super) fn kept_as(
    (keeps, policies): (&Keeps, &[Policy]),
    (account, lease): (&AccountName, &LeaseName),
    end: Option<Timestamp>,
    now: Timestamp,
) -> Option<Kept> {
    let keep = keeps.named(account, lease)?;
    let zone = policies.iter().find(|p| p.name == keep.like).map(|p| &p.timezone);
    (!keep.is_over(zone, end, now)).then(|| Kept::of(keep, policies))
}
