//! Settling payments by what was just read: the performing half of `evidence`.
//!
//! A crash between two payments' events loses nothing: the next read finds the same facts.
use jiff::{SignedDuration, Timestamp};

use super::double_charge;
use super::keep_reading::keep_look;
use super::measure::earliest;
use super::purchase::settle_purchase;
use super::write::perform;
use crate::domain::time::{Moment, Timing};
use crate::domain::{AccountName, IntentId, LeaseView, RequestLease, State};
use crate::evidence::{
    Case, End, Reading, Verdict, ends_of, fell, in_one_currency, is_beside, judge, logged, looks,
    may_be_its_charge, may_have_renewed_itself, sight_of,
};
use crate::ledger::{IntentFilter, IntentRecord, Ledger, LedgerError, Purpose, SettleRead};

/// Failed payments stay open to late evidence for so long.
pub(super) const LATE: SignedDuration = SignedDuration::from_hours(24 * 60);

/// Settles what can be settled; returns the payments that turned out to be second charges of one term, and all that are in another
/// state than before.
///
/// # Errors
/// The ledger's; what was settled until then stays settled.
pub(in crate::engine) fn settle(
    ledger: &dyn Ledger,
    timing: &Timing,
    reading: &Reading<'_>,
    now: &Moment,
) -> Result<(Vec<IntentRecord>, Vec<IntentId>), LedgerError> {
    let open = candidates(ledger, reading, now)?;
    let Some(oldest) = earliest(&open, now) else { return Ok((Vec::new(), Vec::new())) };
    let filter = IntentFilter {
        account: Some(reading.account.clone()),
        // A lag window more: what was paid just before may not show in the balance that a payment began with.
        spend_since: Some(oldest.back(timing.lag_window)),
        ..IntentFilter::default()
    };
    let mut around = ledger.intents(&filter)?;
    let (mut doubles, mut moved) = (Vec::new(), Vec::new());
    // Newest first: an end that moved once is the newest attempt's doing.
    for record in open {
        let settled = match record.purpose {
            Purpose::Purchase(_) => settle_purchase(ledger, timing, reading, &record, &around, now)
                .map(|moved| Settled { moved, doubles: Vec::new() }),
            _ => settle_one(ledger, timing, reading, &record, &around, now),
        };
        let settled = match settled {
            // Somebody else settled it just now, such as an operator: the next pass sees how it stands.
            Err(LedgerError::Moved { .. }) => {
                around = ledger.intents(&filter)?;
                continue;
            }
            settled => settled?,
        };
        doubles.extend(settled.doubles);
        if settled.moved {
            // What was settled speaks for or against the others; what was not has changed nothing.
            refresh(ledger, &record.id, &mut around, &filter)?;
            moved.push(record.id);
        }
    }
    Ok((doubles, moved))
}

/// Brings one payment up to date. Only a split one has left the list for others: all history is not read again for each.
fn refresh(
    ledger: &dyn Ledger,
    id: &IntentId,
    around: &mut Vec<IntentRecord>,
    filter: &IntentFilter,
) -> Result<(), LedgerError> {
    let now = ledger.intent(id)?;
    match around.iter_mut().find(|r| &r.id == id).filter(|_| now.state != State::Split) {
        Some(known) => *known = now,
        None => *around = ledger.intents(filter)?,
    }
    Ok(())
}

fn candidates(
    ledger: &dyn Ledger,
    reading: &Reading<'_>,
    now: &Moment,
) -> Result<Vec<IntentRecord>, LedgerError> {
    let of = |states: Vec<State>, spend_since| {
        ledger.intents(&IntentFilter {
            account: Some(reading.account.clone()),
            states,
            spend_since,
            ..IntentFilter::default()
        })
    };
    let mut open = of(vec![State::Accepted, State::Unknown, State::NeedsOperator], None)?;
    let late = now.back(LATE);
    open.extend(
        of(vec![State::NotApplied, State::Refused], Some(late))?.into_iter().filter(|r| !r.never_sent),
    );
    // A reading that began before a payment knows nothing of it. Boot clocks of two boots are no measure of each other, and the wall
    // clock may have been set in between.
    let began_after = |at: &Moment| reading.began.is_from(at, now);
    open.retain(|r| &r.provider == reading.provider && r.spend_started_at.as_ref().is_some_and(began_after));
    open.sort_by(|a, b| b.created_at.wall.cmp(&a.created_at.wall).then_with(|| b.id.cmp(&a.id)));
    Ok(open)
}

/// What became of one payment in this reading.
struct Settled {
    /// It is in another state than before.
    moved: bool,
    /// What of it turned out to be a second charge of one term.
    doubles: Vec<IntentRecord>,
}

fn settle_one(
    ledger: &dyn Ledger,
    timing: &Timing,
    reading: &Reading<'_>,
    record: &IntentRecord,
    around: &[IntentRecord],
    now: &Moment,
) -> Result<Settled, LedgerError> {
    let Some(spent_at) = record.spend_started_at.as_ref() else {
        return Ok(Settled { moved: false, doubles: Vec::new() });
    };
    let (fell, ambiguous) = fell(record, reading, around);
    // What was measured beside an unclear payment may be that one's: no fall is evidence, and where quotes bind nobody not even
    // a balance that seems unchanged.
    let beside = is_beside(record, around, timing.lag_window);
    let ambiguous = ambiguous || (beside && !reading.bound);
    let (ends, twice) = {
        let renewed = |of: &RequestLease, listed: Option<&LeaseView<'_>>| {
            renewed_itself(ledger, reading.account, of, listed, now.wall)
        };
        ends_of(reading, record, around, fell, spent_at.wall, renewed)?
    };
    let moved = ends.iter().filter(|e| matches!(e, End::Moved(_))).count();
    let comparable = in_one_currency(record, reading, around);
    let looks = looks(record, now, timing, Some((fell, moved)));
    let case = Case {
        state: record.state,
        ends: &ends,
        quoted: record.quoted,
        ambiguous,
        contested: beside || around.iter().any(|o| o.id != record.id && o.state == State::Unknown),
        sight: sight_of(record, reading, around, fell, now, timing),
        comparable,
        bound: reading.bound,
        looks: &looks,
        log: logged(reading.log, record, around, timing),
        timing,
    };
    let verdict = judge(&case);
    if !twice.is_empty() && matches!(verdict, Verdict::Confirmed { .. } | Verdict::Split) {
        double_charge::owe(ledger, &record.id, &twice)?;
    }
    let state = perform(ledger, (record, &verdict), &ends, reading, (around, timing), now)?;
    if comparable {
        let balance = reading.balance.amount;
        // A look that did not see every lease as it was, or at a balance that may hold another charge, ends a row of quiet ones.
        let quiet = !ambiguous
            && !may_be_its_charge(record, fell, reading.bound)
            && ends.iter().all(|e| *e == End::Same);
        let moved = if quiet { 0 } else { moved.max(1) };
        keep_look(ledger, timing, record, state, SettleRead { at: now.clone(), balance, fell, moved })?;
    }
    let doubles =
        if twice.is_empty() { Vec::new() } else { double_charge::kept_as(ledger, &record.id, &twice)? };
    Ok(Settled { moved: state != record.state, doubles })
}

/// Whether the provider may have extended it by itself, by the lease as it was read last.
fn renewed_itself(
    ledger: &dyn Ledger,
    account: &AccountName,
    of: &RequestLease,
    listed: Option<&LeaseView<'_>>,
    now: Timestamp,
) -> Result<bool, LedgerError> {
    let same = ledger.known_like(account, of)?;
    Ok(same.iter().any(|known| may_have_renewed_itself(&known.view(), listed, now)))
}

#[cfg(test)]
#[path = "renewal_tests.rs"]
mod tests;
