//! What keeps anything from being begun on a ledger, whoever asks and whatever he has looked at before: it was moved to another place, or
//! it may have forgotten payments and the account was not read twice since.
//!
//! Asked inside the transaction that begins it, so that no answer can be older than what is written. A crash here has changed nothing.
use std::path::Path;

use super::{Fault, cycles, open};
use crate::domain::{AccountName, IntentId};
use crate::ledger::session::{Connection, OptionalExtension};
use crate::ledger::{LedgerError, RESTORED, Restored};

/// It is this place's ledger still: one that was copied away lives on elsewhere, also for those who had it open meanwhile.
pub(super) fn stands(c: &Connection<'_>, path: &Path) -> Result<(), Fault> {
    Ok(open::not_moved(c, path)?)
}

/// Nothing is missing from it that this account may have paid.
pub(super) fn remembers(c: &Connection<'_>, path: &Path, account: &AccountName) -> Result<(), Fault> {
    let note = cycles::noted(c, RESTORED)?.and_then(|note| Restored::from_note(&note));
    match note.is_some_and(|restored| restored.bars(account)) {
        true => Err(LedgerError::Restored(path.to_owned()).into()),
        false => Ok(()),
    }
}

/// Both, before the row of a spend.
pub(super) fn to_spend(c: &Connection<'_>, path: &Path, id: &IntentId) -> Result<(), Fault> {
    stands(c, path)?;
    let account = c
        .prepare_cached(
            "SELECT h.account FROM intent i JOIN intent_head h ON h.intent = i.id WHERE i.name = ?1",
        )?
        .query_row([id.as_str()], |r| r.get::<_, String>(0))
        .optional()?
        .ok_or_else(|| LedgerError::NoIntent(id.clone()))?;
    remembers(c, path, &AccountName::new(account))
}
