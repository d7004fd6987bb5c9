//! Second charges of one term that people must hear of, kept in the ledger until they did.
//!
//! A charge is put down before the payment that it belongs to is settled, and struck out once its alert is in the outbox: a
//! crash in between tells of it in the next pass, at worst twice. Not responsible for finding them (`evidence/moves.rs`).
use crate::domain::{IntentId, LeaseId, State};
use crate::ledger::{IntentRecord, Ledger, LedgerError};

/// The note: one line per lease, its payment and itself.
const UNTOLD: &str = "doubles.untold";

/// Puts down that these leases of a payment are about to be known as charged twice.
pub(in crate::engine) fn owe(
    ledger: &dyn Ledger,
    id: &IntentId,
    leases: &[LeaseId],
) -> Result<(), LedgerError> {
    let mut note = ledger.noted(UNTOLD)?.unwrap_or_default();
    for lease in leases {
        let line = format!("{id} {lease}\n");
        if !note.contains(&line) {
            note.push_str(&line);
        }
    }
    ledger.note(UNTOLD, &note)
}

/// The payment, or the parts of it, that the charges of these leases are kept under; none while it is not settled.
pub(in crate::engine) fn kept_as(
    ledger: &dyn Ledger,
    id: &IntentId,
    leases: &[LeaseId],
) -> Result<Vec<IntentRecord>, LedgerError> {
    let record = ledger.intent(id)?;
    let mut all = match record.state {
        State::Split => ledger.parts(id)?,
        _ => vec![record],
    };
    all.retain(|r| r.state == State::Confirmed && r.request.leases.iter().any(|l| leases.contains(&l.id)));
    Ok(all)
}

/// Those that nobody was told of yet.
///
/// # Errors
/// The ledger's.
pub fn untold(ledger: &dyn Ledger) -> Result<Vec<IntentRecord>, LedgerError> {
    let note = ledger.noted(UNTOLD)?.unwrap_or_default();
    let mut all: Vec<IntentRecord> = Vec::new();
    for (id, lease) in note.lines().filter_map(|line| line.split_once(' ')) {
        for record in kept_as(ledger, &IntentId::new(id), &[LeaseId::new(lease)])? {
            if all.iter().all(|r| r.id != record.id) {
                all.push(record);
            }
        }
    }
    Ok(all)
}

/// Their alerts are in the outbox, but for those that are still owed.
///
/// # Errors
/// The ledger's.
pub fn told(ledger: &dyn Ledger, owed: &dyn Fn(&IntentRecord) -> bool) -> Result<(), LedgerError> {
    let note = ledger.noted(UNTOLD)?.unwrap_or_default();
    let mut left = String::new();
    for line in note.lines() {
        let Some((id, lease)) = line.split_once(' ') else { continue };
        if kept_as(ledger, &IntentId::new(id), &[LeaseId::new(lease)])?.iter().any(owed) {
            left.push_str(&format!("{line}\n"));
        }
    }
    if left == note { Ok(()) } else { ledger.note(UNTOLD, &left) }
}

#[cfg(test)]
#[path = "double_charge_tests.rs"]
pub(in crate::engine) mod tests;
