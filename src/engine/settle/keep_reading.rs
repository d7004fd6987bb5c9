//! Keeping what was seen of a payment. A look is a row of its own: a crash keeps those that were written.
use jiff::SignedDuration;

use crate::domain::State;
use crate::domain::time::Timing;
use crate::evidence::{enough, is_told, whole_look};
use crate::ledger::{IntentRecord, Ledger, LedgerError, SettleRead};

/// Keeps a look that tells more than those before it.
pub(in crate::engine) fn keep_look(
    ledger: &dyn Ledger,
    timing: &Timing,
    record: &IntentRecord,
    state: State,
    look: SettleRead,
) -> Result<(), LedgerError> {
    if !matches!(state, State::Accepted | State::Unknown | State::Refused) {
        return Ok(());
    }
    if is_news(timing, record, &look) && !(state == State::Refused && enough(record, timing, &look)) {
        ledger.add_read(&record.id, &look)?;
    }
    Ok(())
}

/// Keeps a look at a payment that is known as charged and whose cost is not, unless those before it told all: what its neighbours
/// (`around`) took may be open at one look and settled at the next.
pub(in crate::engine) fn keep_confirmed(
    ledger: &dyn Ledger,
    timing: &Timing,
    record: &IntentRecord,
    around: &[IntentRecord],
    look: SettleRead,
) -> Result<(), LedgerError> {
    if is_told(record, around, &record.reads, timing) {
        return Ok(());
    }
    let this = std::slice::from_ref(&look);
    let is_first = whole_look(record, &record.reads, timing).is_none();
    let decides =
        is_told(record, around, this, timing) || is_first && whole_look(record, this, timing).is_some();
    if decides || is_news(timing, record, &look) {
        ledger.add_read(&record.id, &look)?;
    }
    Ok(())
}

/// It tells more than the look before it, or comes a while later.
fn is_news(timing: &Timing, record: &IntentRecord, look: &SettleRead) -> bool {
    let reads = i32::try_from(timing.settle_reads).unwrap_or(i32::MAX).max(1);
    let apart = timing.lag_window.checked_div(reads).unwrap_or(SignedDuration::ZERO);
    record.reads.last().is_none_or(|last| {
        last.fell != look.fell
            || last.moved != look.moved
            || look.at.boot_id != last.at.boot_id
            || look.at.passed_since(&last.at) >= apart
    })
}
