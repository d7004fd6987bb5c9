//! A ledger that was restored from a backup: what it has forgotten shows in the lists, but not at once. An account pays nothing
//! before it was read twice, a lag window apart.
//!
//! A crash before the note is written asks for one more reading. Not responsible for noticing (`ledger::sqlite::spends`).
use crate::domain::AccountName;
use crate::ledger::{Ledger, LedgerError, RESTORED, Restored};
use crate::policy::{Reason, Word};
use crate::settings::Settings;

use super::Seen;

/// The note; `None` = the ledger is its own.
pub(in crate::engine) fn noted(ledger: &dyn Ledger) -> Result<Option<Restored>, LedgerError> {
    Ok(ledger.noted(RESTORED)?.and_then(|note| Restored::from_note(&note)))
}

/// Takes in what a pass that pays has read, and forgets the note once every account was read twice.
pub(in crate::engine) fn take_in<'a>(
    ledger: &dyn Ledger,
    settings: &Settings,
    seen: impl Iterator<Item = &'a Seen>,
) -> Result<Option<Restored>, LedgerError> {
    let Some(before) = noted(ledger)? else { return Ok(None) };
    let mut now = before.clone();
    for seen in seen.filter(|s| s.fresh) {
        now.read(&seen.account.name, &seen.began, settings.timing.lag_window);
    }
    if settings.accounts.iter().all(|a| !now.bars(&a.name)) {
        tracing::info!("every account was read twice since the ledger was brought back: payments go on");
        ledger.note(RESTORED, "")?;
        return Ok(None);
    }
    if now != before {
        ledger.note(RESTORED, &now.note())?;
    }
    Ok(Some(now))
}

/// Why this account does not pay yet.
pub(in crate::engine) fn barred(restored: &Restored, account: &AccountName) -> Option<Reason> {
    let known = match restored.payments.len() + restored.older {
        0 => String::new(),
        1 => "1 payment that it had forgotten".to_owned(),
        n => format!("{n} payments that it had forgotten"),
    };
    let what = match (restored.other, known.is_empty()) {
        (true, true) => "another database, or one that was promoted, answers for the ledger".to_owned(),
        (true, false) => {
            format!("another database, or one that was promoted, answers for the ledger ({known})")
        }
        (false, true) => "the ledger was restored from a backup".to_owned(),
        (false, false) => format!("the ledger was restored from a backup ({known})"),
    };
    restored.bars(account).then(|| {
        let prose = format!("{what}: the account pays again once it was read twice, a lag_window apart");
        Reason::new(Word::Restored, prose)
    })
}
