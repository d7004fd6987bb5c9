//! Payments that are known as charged before it is known what they cost: the ends moved, and the balance had not, or others moved it
//! too. Not responsible for what a fall is worth (`evidence/span.rs`, `evidence/surplus.rs`).
//!
//! A crash before a row is written leaves the payment as it was; the next reading measures it again, by the same looks.
use super::keep_reading::keep_confirmed;
use super::measure::{around, earliest, since_or_open};
use super::renewal::LATE;
use crate::domain::time::{Moment, Timing};
use crate::domain::{AccountName, Event, IntentId, Measured, Money, State};
use crate::evidence::{
    Charge, Reading, counts_more, fell, in_one_currency, is_after, is_told, looks, said, seen, sight_of,
    surplus,
};
use crate::ledger::{EventDetail, IntentFilter, IntentRecord, Ledger, LedgerError, Purpose, SettleRead};

/// Payments sent at `since` or later that are known as charged, and not what they cost.
fn unmeasured(
    ledger: &dyn Ledger,
    account: Option<&AccountName>,
    since: Moment,
) -> Result<Vec<IntentRecord>, LedgerError> {
    let filter = IntentFilter {
        account: account.cloned(),
        states: vec![State::Confirmed],
        spend_since: Some(since),
        ..IntentFilter::default()
    };
    let mut all = ledger.intents(&filter)?;
    all.retain(is_unmeasured);
    Ok(all)
}

fn is_unmeasured(r: &IntentRecord) -> bool {
    r.state == State::Confirmed
        && r.detail.measured == Some(Measured::Quote)
        && r.parent.is_none()
        && r.purpose != Purpose::Provider
}

/// The lag windows of payments sent before this are over, and those of their neighbours.
fn horizon(now: &Moment, timing: &Timing) -> Moment {
    now.back(timing.four_lags()).back(timing.money_timeout)
}

/// Payments whose cost the next reading may still show: none of theirs that came once their lag window was over told what their
/// neighbours took.
///
/// # Errors
/// The ledger's.
pub(in crate::engine) fn waiting(
    ledger: &dyn Ledger,
    timing: &Timing,
    now: &Moment,
) -> Result<Vec<IntentRecord>, LedgerError> {
    let mut waiting = Vec::new();
    for record in unmeasured(ledger, None, horizon(now, timing))? {
        if !is_told(&record, &around(ledger, &record, timing)?, &record.reads, timing) {
            waiting.push(record);
        }
    }
    Ok(waiting)
}

/// Measures again what is not known to the cent, `settled` by this reading or before; oldest first: nothing that is unclear lies
/// before the first balance of the oldest.
///
/// # Errors
/// The ledger's; what was measured until then stays so.
pub(in crate::engine) fn remeasure(
    ledger: &dyn Ledger,
    timing: &Timing,
    reading: &Reading<'_>,
    settled: &[IntentId],
    now: &Moment,
) -> Result<(), LedgerError> {
    let since = horizon(now, timing);
    // Where nobody could look for hours, this is the first look at what was sent since the balance was read last.
    let mark = ledger.balance_mark(reading.account)?.map_or(since.wall, |mark| mark.at);
    let timely = |r: &IntentRecord| {
        r.spend_started_at.as_ref().is_some_and(|at| at.is_since(&since) || counts_more(r))
    };
    let read_last = Moment { wall: since.wall.min(mark), ..since.clone() };
    let mut open = unmeasured(ledger, Some(reading.account), read_last)?;
    open.retain(timely);
    // What this reading settled may have been sent long before: the looks that were kept then tell, not a balance of hours later.
    for id in settled {
        if open.iter().all(|r| &r.id != id) {
            open.extend(Some(ledger.intent(id)?).filter(is_unmeasured));
        }
    }
    let began_after = |at: &Moment| reading.began.is_from(at, now);
    open.retain(|r| &r.provider == reading.provider && r.spend_started_at.as_ref().is_some_and(began_after));
    oldest_first(&mut open);
    let Some(oldest) = earliest(&open, now) else { return Ok(()) };
    let mut around = since_or_open(ledger, reading.account, horizon(&oldest, timing), &OPEN)?;
    for record in open {
        // A balance in another currency shows nothing; what was kept still does.
        let look = (timely(&record) && in_one_currency(&record, reading, &around)).then(|| {
            let (fell, _) = fell(&record, reading, &around);
            SettleRead { at: now.clone(), balance: reading.balance.amount, fell, moved: 1 }
        });
        let fell = look.as_ref().map(|look| look.fell);
        let mut found = fell.and_then(|fell| first_fall(&record, reading, fell, &around, (timing, now)));
        if found.is_none() {
            found = beyond(&record, &around, look.as_ref(), timing);
            if found.as_ref().is_some_and(|d| d.charged > Some(record.quoted)) {
                // Before anything is assumed: what was sent long before, and landed since, may be the reason.
                landed_late(ledger, &record, &mut around)?;
                found = beyond(&record, &around, look.as_ref(), timing);
            }
        }
        if let Some(detail) = found {
            write(ledger, &record.id, &detail, &mut around, now)?;
        }
        if let Some(look) = look {
            keep_confirmed(ledger, timing, &record, &around, look)?;
        }
    }
    Ok(())
}

/// States of payments that may still land, whenever they were sent.
const OPEN: [State; 3] = [State::SpendStarted, State::Unknown, State::NeedsOperator];

fn oldest_first(records: &mut [IntentRecord]) {
    records.sort_by(|a, b| a.created_at.wall.cmp(&b.created_at.wall).then_with(|| a.id.cmp(&b.id)));
}

/// Writes what a payment counts for, which the others are then judged by.
fn write(
    ledger: &dyn Ledger,
    id: &IntentId,
    detail: &EventDetail,
    around: &mut [IntentRecord],
    now: &Moment,
) -> Result<(), LedgerError> {
    match ledger.append(id, State::Confirmed, Event::Measured, detail, now) {
        // Somebody else measured it just now, such as an operator.
        Ok(_) | Err(LedgerError::Moved { .. }) => {}
        Err(e) => return Err(e),
    }
    if let Some(known) = around.iter_mut().find(|o| &o.id == id) {
        *known = ledger.intent(id)?;
    }
    Ok(())
}

/// Adds payments that were seen as charged after this one was sent, however long before they were sent themselves.
fn landed_late(
    ledger: &dyn Ledger,
    record: &IntentRecord,
    around: &mut Vec<IntentRecord>,
) -> Result<(), LedgerError> {
    let Some(began) = record.spend_started_at.as_ref() else { return Ok(()) };
    let filter = IntentFilter {
        account: Some(record.request.account.clone()),
        states: vec![State::Confirmed],
        spend_since: Some(began.back(LATE)),
        ..IntentFilter::default()
    };
    let mut late = ledger.intents(&filter)?;
    late.retain(|o| is_after(&o.state_at, began) && around.iter().all(|known| known.id != o.id));
    around.extend(late);
    Ok(())
}

/// The first reading that shows the fall is the measure, also where the ends moved before the balance did.
fn first_fall(
    record: &IntentRecord,
    reading: &Reading<'_>,
    fell: Money,
    around: &[IntentRecord],
    (timing, now): (&Timing, &Moment),
) -> Option<EventDetail> {
    // What is assumed already is told by the look that shows all.
    if counts_more(record) {
        return None;
    }
    let sight = sight_of(record, reading, around, fell, now, timing);
    let looks = looks(record, now, timing, Some((fell, 0)));
    let Charge::Seen(fell) = seen(&looks, record.quoted, sight, timing) else { return None };
    // Less than the quote is believed only where nothing had to be taken off the fall: what a later payment cost may not show yet.
    let alone = record.balance_before.minus(reading.balance.amount) == Some(fell);
    if fell < record.quoted && (reading.bound || !alone) {
        return None;
    }
    let told = reading.balance.amount;
    Some(EventDetail {
        charged: Some(fell),
        balance_after: Some(told),
        measured: Some(Measured::Reading),
        evidence: Some(said(record, told, fell, "in the first reading that showed it")),
        ..EventDetail::default()
    })
}

/// What fell beyond all quotes counts for it until it is known. `None`: it counts so already.
fn beyond(
    record: &IntentRecord,
    around: &[IntentRecord],
    look: Option<&SettleRead>,
    timing: &Timing,
) -> Option<EventDetail> {
    let looks: Vec<SettleRead> = record.reads.iter().chain(look).cloned().collect();
    let more = surplus(record, around, &looks, timing)?;
    let counts = record.quoted.plus(more)?;
    let before = record.detail.charged.unwrap_or(record.quoted);
    // What counts already is taken back only by a look that leaves no doubt.
    if counts == before || counts < before && !is_told(record, around, &looks, timing) {
        return None;
    }
    let currency = &record.currency;
    let evidence = if more == Money::ZERO {
        "other payments explain what fell: its quote counts".to_owned()
    } else {
        format!(
            "the balance fell by {more} {currency} more than it and the payments around it were quoted; which of them took that is \
             not known, so it counts for this one: {counts}"
        )
    };
    Some(EventDetail {
        charged: Some(counts),
        measured: Some(Measured::Quote),
        evidence: Some(evidence),
        ..EventDetail::default()
    })
}

/// An operator's word about a payment changes what its neighbours may have cost: they are judged by their looks again.
///
/// # Errors
/// The ledger's.
pub(in crate::engine) fn neighbours(
    ledger: &dyn Ledger,
    timing: &Timing,
    of: &IntentRecord,
    now: &Moment,
) -> Result<(), LedgerError> {
    let Some(at) = of.spend_started_at.as_ref() else { return Ok(()) };
    let account = &of.request.account;
    let mut open = unmeasured(ledger, Some(account), horizon(at, timing))?;
    let near =
        |r: &IntentRecord| r.spend_started_at.as_ref().is_some_and(|m| at.is_since(&horizon(m, timing)));
    open.retain(|r| r.id != of.id && r.provider == of.provider && near(r));
    if open.is_empty() {
        return Ok(());
    }
    oldest_first(&mut open);
    let mut around = since_or_open(ledger, account, horizon(&horizon(at, timing), timing), &OPEN)?;
    for record in open {
        landed_late(ledger, &record, &mut around)?;
        if let Some(detail) = beyond(&record, &around, None, timing) {
            write(ledger, &record.id, &detail, &mut around, now)?;
        }
    }
    Ok(())
}
