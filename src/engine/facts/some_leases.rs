//! A look ahead at some leases, found by their keys: as much as can be said of them without a walk through all the others.
use std::sync::Arc;

use jiff::Timestamp;

use super::outlook::{Foresight, Known, Listed, look, unsettled};
use crate::domain::AccountName;
use crate::engine::with_capabilities;
use crate::ledger::{Ledger, LedgerError, PaidLease, StoredLease};
use crate::settings::Settings;

/// The same over `alerts.runway`, of these leases alone: what others would take of a balance or a budget is not known to it.
///
/// # Errors
/// The ledger's.
pub fn foresee_stored(
    ledger: &dyn Ledger,
    settings: &Settings,
    now: Timestamp,
    leases: &[StoredLease],
) -> Result<Foresight, LedgerError> {
    let to = now.checked_add(settings.alerts.runway).unwrap_or(Timestamp::MAX);
    let (unsettled, facts) = (unsettled(ledger)?, ledger.accounts()?);
    let known = with_capabilities(ledger, settings)?.into_iter();
    let known = known
        .map(|(account, capabilities)| {
            Known::of(ledger, account, capabilities, (&unsettled, &facts), listed(leases, &account.name))
        })
        .collect::<Result<Vec<_>, _>>()?;
    look(ledger, settings, (now, to), known, true)
}

/// Of some leases, those of the account that are still on its list.
fn listed(leases: &[StoredLease], account: &AccountName) -> Listed {
    let mine = || leases.iter().filter(|l| &l.lease.account == account && l.gone_at.is_none());
    let id = |l: &StoredLease| l.lease.id.clone();
    Listed {
        leases: Arc::new(mine().map(|l| l.lease.clone()).collect::<Vec<_>>().into()),
        last_paid: mine().map(paid).collect(),
        quotes: mine().filter_map(|l| Some((id(l), l.quote.clone()?))).collect(),
    }
}

fn paid(stored: &StoredLease) -> PaidLease {
    let lease = &stored.lease;
    PaidLease {
        lease: lease.id.to_string(),
        order: lease.order.to_string(),
        ip: lease.ip.clone(),
        port: lease.port,
        price: stored.last_price.clone(),
    }
}
