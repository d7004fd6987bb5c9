//! Keeping the end of a term as it is known, where a reading only spells it otherwise.
//!
//! Ends jitter by fractions, lose them, and come as a date alone from one answer and not from the next. Taken as they come they would
//! rewrite rows in every cycle, and "its end changed while this cycle ran" would keep a lease from being paid for ever. The more
//! exact of the two stays. Not responsible for what a moved end means; a crash here has changed nothing.
use std::collections::HashMap;

use crate::domain::{AccountName, Lease, LeaseId, Sameness, Told, nominal_days, term};
use crate::ledger::{LastPrice, Ledger, LedgerError};
use crate::settings::Settings;

/// Gives the listed leases the ends by which they are known, where those are the same. `known` is sorted by id.
pub(super) fn keep(
    ledger: &dyn Ledger,
    settings: &Settings,
    account: &AccountName,
    known: &[Lease],
    listed: &mut [Lease],
) -> Result<(), LedgerError> {
    let mut last: Option<HashMap<LeaseId, LastPrice>> = None;
    for lease in listed.iter_mut().filter(|l| l.expires_at.is_some()) {
        let Ok(at) = known.binary_search_by(|k| k.id.cmp(&lease.id)) else { continue };
        let before = &known[at];
        let (Some(old), Some(new)) = (before.expires_at.and(before.named_end()), lease.named_end()) else {
            continue;
        };
        if old == new {
            continue;
        }
        // A lease that another one took the place of has an end of its own.
        if before.order != lease.order || before.ip != lease.ip {
            continue;
        }
        // How long its terms are is only asked where a date blurs its end.
        let days = match (old.told, new.told) {
            (Told::Instant, Told::Instant) => None,
            _ => {
                if last.is_none() {
                    last = Some(ledger.last_prices(account)?);
                }
                days(settings, lease, last.as_ref().and_then(|l| l.get(&lease.id)))
            }
        };
        let coarser = (old.told, new.told) == (Told::Date, Told::Instant);
        if term::compare(old, new, days) == Sameness::Same && !coarser {
            (lease.expires_at, lease.told) = (Some(old.at), old.told);
        }
    }
    Ok(())
}

/// How long a term of this lease is: by its cycle, by what was last paid for it, or by what its policy would buy.
fn days(settings: &Settings, lease: &Lease, last: Option<&LastPrice>) -> Option<u32> {
    let cycle = lease.cycle.as_deref().map(nominal_days);
    let policy = || settings.policy_of(lease)?.periods.iter().min().copied();
    cycle.or(last.map(|l| l.period_days)).or_else(policy)
}
