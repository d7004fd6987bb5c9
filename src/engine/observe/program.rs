//! What is remembered of programs that read for renewd: which one it was, when that changed, and what it says that it can do.
//!
//! Those that only look at the ledger know a program's abilities from here: they start none. A crash before a note was written leaves
//! the same to be written by the next pass. Not responsible for whether a program may run.
use jiff::Timestamp;

use crate::domain::{AccountName, Capabilities};
use crate::ledger::{Ledger, LedgerError, Notes, PROGRAM, PROGRAM_CAN, PROGRAM_CHANGED};
use crate::providers::{self, Reader};
use crate::settings::{Account, Settings};

/// A program that is not the one that it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramChange {
    /// Whose.
    pub account: AccountName,
    /// When that was first seen.
    pub at: Timestamp,
    /// What it was.
    pub from: String,
    /// What it is.
    pub to: String,
}

/// Keeps which program read an account, and what it can do where it said so in this reading.
pub(in crate::engine) fn remember(
    ledger: &dyn Ledger,
    account: &AccountName,
    reader: &dyn Reader,
    fresh: bool,
    at: Timestamp,
) -> Result<(), LedgerError> {
    let Some(digest) = reader.program() else { return Ok(()) };
    let key = format!("{PROGRAM}:{account}");
    let known = ledger.noted(&key)?.filter(|known| !known.is_empty());
    if let Some(known) = known.as_ref().filter(|known| **known != digest) {
        tracing::warn!(%account, from = short(known), to = short(&digest), "the program of the account changed");
        ledger.note(&format!("{PROGRAM_CHANGED}:{account}"), &format!("{at} {known} {digest}"))?;
    }
    if known.as_ref() != Some(&digest) {
        ledger.note(&key, &digest)?;
    }
    if fresh && let Ok(can) = serde_json::to_string(reader.capabilities()) {
        let key = format!("{PROGRAM_CAN}:{account}");
        if ledger.noted(&key)?.as_ref() != Some(&can) {
            ledger.note(&key, &can)?;
        }
    }
    Ok(())
}

/// When the program of this account last changed.
///
/// # Errors
/// The ledger's.
pub fn program_change(
    ledger: &dyn Ledger,
    account: &AccountName,
) -> Result<Option<ProgramChange>, LedgerError> {
    let note = ledger.noted(&format!("{PROGRAM_CHANGED}:{account}"))?.unwrap_or_default();
    let mut words = note.split(' ');
    let change = words.next().and_then(|at| at.parse().ok()).and_then(|at| {
        let (from, to) = (words.next()?.to_owned(), words.next()?.to_owned());
        Some(ProgramChange { account: account.clone(), at, from, to })
    });
    Ok(change)
}

/// The digest of the program that last read this account.
///
/// # Errors
/// The ledger's.
pub fn program_digest(ledger: &dyn Ledger, account: &AccountName) -> Result<Option<String>, LedgerError> {
    Ok(ledger.noted(&format!("{PROGRAM}:{account}"))?.filter(|digest| !digest.is_empty()))
}

/// What an account's provider can do, as far as that is known without asking anybody.
///
/// # Errors
/// The ledger's.
pub fn known_capabilities(
    ledger: &(impl Notes + ?Sized),
    account: &Account,
) -> Result<Option<Capabilities>, LedgerError> {
    if account.program.is_none() {
        return Ok(providers::capabilities(&account.provider));
    }
    let note = ledger.noted(&format!("{PROGRAM_CAN}:{}", account.name))?;
    Ok(note.and_then(|note| serde_json::from_str(&note).ok()))
}

/// The accounts of which it is known what their providers can do.
///
/// # Errors
/// The ledger's.
pub fn with_capabilities<'a>(
    ledger: &dyn Ledger,
    settings: &'a Settings,
) -> Result<Vec<(&'a Account, Capabilities)>, LedgerError> {
    let known = |account: &'a Account| match known_capabilities(ledger, account) {
        Ok(can) => can.map(|can| Ok((account, can))),
        Err(e) => Some(Err(e)),
    };
    settings.accounts.iter().filter_map(known).collect()
}

/// So much of a digest tells it from others, for people.
#[must_use]
pub fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
