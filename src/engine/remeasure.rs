//! Payments that are known as charged before it is known what they cost: the ends moved, and the balance had not. Not responsible for
//! what a fall is worth (`evidence/span.rs`).
//!
//! A crash before the row is written leaves the payment at its quote; the next reading within the lag window measures it again.
use jiff::Timestamp;

use super::looks::looks;
use super::measure::{said, sight};
use super::settle::{Reading, fell, in_one_currency};
use crate::domain::time::{Moment, Timing};
use crate::domain::{AccountName, Event, Measured, State};
use crate::evidence::{Charge, seen};
use crate::ledger::{EventDetail, IntentFilter, IntentRecord, Ledger, LedgerError, Purpose};

/// Payments that are known as charged before the balance showed what they cost, while it may still show it.
///
/// # Errors
/// The ledger's.
pub(super) fn unmeasured(
    ledger: &dyn Ledger,
    account: Option<&AccountName>,
    timing: &Timing,
    now: &Moment,
) -> Result<Vec<IntentRecord>, LedgerError> {
    let since = now.wall.checked_sub(timing.lag_window).and_then(|at| at.checked_sub(timing.money_timeout));
    let filter = IntentFilter {
        account: account.cloned(),
        states: vec![State::Confirmed],
        spend_since: Some(since.unwrap_or(Timestamp::MIN)),
        ..IntentFilter::default()
    };
    let mut all = ledger.intents(&filter)?;
    all.retain(|r| {
        r.detail.measured == Some(Measured::Quote) && r.parent.is_none() && r.purpose != Purpose::Provider
    });
    Ok(all)
}

/// The first reading that shows the fall is the measure, also where the ends moved before the balance did. Whether it was this one.
pub(super) fn remeasure(
    ledger: &dyn Ledger,
    timing: &Timing,
    reading: &Reading<'_>,
    record: &IntentRecord,
    around: &[IntentRecord],
    now: &Moment,
) -> Result<bool, LedgerError> {
    if !in_one_currency(record, reading, around) {
        return Ok(false);
    }
    let (fell, _) = fell(record, reading, around);
    let sight = sight(record, around, (Measured::Reading, true), now, timing);
    let looks = looks(record, now, timing, Some((fell, 0)));
    let Charge::Seen(fell) = seen(&looks, record.quoted, sight, timing) else { return Ok(false) };
    // Less than the quote is believed only where nothing had to be taken off the fall: what a later payment cost may not show yet.
    let alone = record.balance_before.minus(reading.balance.amount) == Some(fell);
    if fell < record.quoted && (reading.bound || !alone) {
        return Ok(false);
    }
    let told = reading.balance.amount;
    let detail = EventDetail {
        charged: Some(fell),
        balance_after: Some(told),
        measured: Some(Measured::Reading),
        evidence: Some(said(record, told, fell, "in the first reading that showed it")),
        ..EventDetail::default()
    };
    ledger.append(&record.id, State::Confirmed, Event::Measured, &detail, now)?;
    Ok(true)
}
