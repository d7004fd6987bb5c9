//! Taking a reading in: what it settles, what it shows of the provider's own charges, and then the reading itself.
//!
//! A crash between these loses nothing: the reading becomes the known one last, so the next compares with the same facts.
use super::balance;
use super::foreign;
use super::settle::{Reading, settle};
use crate::domain::time::Moment;
use crate::domain::{Doubt, Inventory, Lease};
use crate::ledger::{IntentRecord, LedgerError};
use crate::settings::Account;

use super::Viewer;

/// What a reading showed.
#[derive(Default)]
pub(super) struct Shown {
    /// Payments that turned out to be second charges of one term.
    pub doubles: Vec<IntentRecord>,
    /// Terms that the provider charged by itself.
    pub charges: Vec<IntentRecord>,
}

/// A believed reading: `inventory` is what becomes known (with leases that are only missing from the list), `listed` what the
/// provider really told. `measure`: its balance is compared with what payments explain; the readings between the payments of
/// a lane are not, since they would take each other for news.
pub(super) fn take(
    viewer: &Viewer,
    account: &Account,
    inventory: &Inventory,
    listed: &[Lease],
    began: &Moment,
    measure: bool,
) -> Result<Shown, LedgerError> {
    let ledger = viewer.ledger.as_ref();
    let now = viewer.clock.now();
    let bound = viewer.readers.get(&account.name).is_none_or(|r| r.capabilities().quote_is_bound);
    let part = matches!(inventory.doubt, Some(Doubt::Part(_)));
    let complete = listed.len() == inventory.leases.len() && inventory.unreadable == 0 && !part;
    let reading = Reading {
        account: &account.name,
        provider: &account.provider,
        leases: listed,
        balance: &inventory.balance,
        bound,
        complete,
        began,
    };
    let doubles = settle(ledger, &viewer.settings.timing, &reading, &now)?;
    let charges = foreign::charges(viewer, account, listed, inventory, &now)?;
    if measure {
        balance::explain(ledger, &viewer.settings.timing, &reading, &inventory.balance, now.wall)?;
    }
    ledger.record_inventory(&account.provider, &account.name, now.wall, inventory)?;
    Ok(Shown { doubles, charges })
}
