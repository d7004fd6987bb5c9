//! Taking a reading in: what it settles, what it shows of the provider's own charges, and then the reading itself.
//!
//! A crash between these loses nothing: the reading becomes the known one last, so the next compares with the same facts.
mod balance;
pub mod double_charge;
mod keep_reading;
mod lost;
pub(super) mod measure;
mod provider_charge;
mod purchase;
pub(super) mod remeasure;
pub(super) mod renewal;
pub mod write;

use crate::domain::time::{Moment, Timing};
use crate::domain::{Difference, Doubt, Event, Inventory, Leases};
use crate::ledger::{EventDetail, IntentRecord, Ledger, LedgerError};
use crate::settings::Account;
use renewal::settle;

use crate::evidence::{LogReading, Reading};

use super::Viewer;

/// What a reading showed.
#[derive(Default)]
pub(in crate::engine) struct Shown {
    /// Payments that turned out to be second charges of one term.
    pub doubles: Vec<IntentRecord>,
    /// Terms that the provider charged by itself.
    pub charges: Vec<IntentRecord>,
}

/// Writes an operator's word about a payment, and what it means for others: a part gives back what was counted for its kin, and
/// neighbours are measured by what is known now. Gives the payment as it is then.
///
/// # Errors
/// The ledger's.
pub fn say(
    ledger: &dyn Ledger,
    timing: &Timing,
    before: &IntentRecord,
    (event, detail): (Event, &EventDetail),
    now: &Moment,
) -> Result<IntentRecord, LedgerError> {
    let kin = match &before.parent {
        Some(parent) => ledger.parts(parent)?,
        None => Vec::new(),
    };
    write::put(ledger, before, (event, detail), &kin, now)?;
    let after = ledger.intent(&before.id)?;
    remeasure::neighbours(ledger, timing, &after, now)?;
    Ok(after)
}

/// A believed reading with what the provider's own log of renewals told: `inventory` is what becomes known (with leases that are only
/// missing from the list), `listed` what the provider really told, `difference` where that differs from what was known. `measure`: its balance is compared with what payments explain, and whether its list is believed; the readings between
/// the payments of a lane are not, since they would take each other for news.
pub(in crate::engine) fn take(
    viewer: &Viewer,
    account: &Account,
    (inventory, log): (&Inventory, &LogReading),
    listed: &Leases,
    difference: &Difference,
    began: &Moment,
    measure: Option<bool>,
) -> Result<Shown, LedgerError> {
    let ledger = viewer.ledger.as_ref();
    // Up to the first thing that it settles.
    let _one_look = ledger.look()?;
    let now = viewer.clock.now();
    let bound = viewer.readers.get(&account.name).is_none_or(|r| r.capabilities().quote_is_bound);
    let part = matches!(inventory.doubt, Some(Doubt::Part(_)));
    let complete = listed.len() == inventory.leases.len() && inventory.unreadable == 0 && !part;
    let renewed = provider_charge::renewed(viewer, account, listed, difference, &now)?;
    let reading = Reading {
        account: &account.name,
        provider: &account.provider,
        leases: listed,
        balance: &inventory.balance,
        bound,
        provider_renewed: !renewed.is_empty(),
        complete,
        log,
        began,
    };
    let (doubles, settled) = settle(ledger, &viewer.settings.timing, &reading, &now)?;
    let charges = provider_charge::charges(viewer, account, &renewed, inventory, &now)?;
    // Last, when all that this reading shows is on record.
    remeasure::remeasure(ledger, &viewer.settings.timing, &reading, &settled, &now)?;
    if let Some(whole) = measure {
        balance::explain(ledger, &viewer.settings.timing, &reading, (&inventory.balance, whole), now.wall)?;
    }
    ledger.record_inventory(&account.provider, &account.name, now.wall, inventory)?;
    Ok(Shown { doubles, charges })
}
