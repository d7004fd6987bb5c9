//! Measuring what a payment cost: reading its neighbours, and the writing of what was seen.
//!
//! A crash before the row is written leaves the payment at its quote; the next reading within the lag window measures it again.
//! Not responsible for what a difference of balances is worth: that is `evidence`.
use crate::domain::time::{Moment, Timing};
use crate::domain::{AccountName, Event, IntentId, Measured, Money, State};
use crate::evidence::{Charge, fell_all_the_same, is_seen, right_after, said};
use crate::ledger::{EventDetail, IntentFilter, IntentRecord, Ledger, LedgerError};

/// Everything of the account that may have moved the balance around a payment.
pub(in crate::engine) fn around(
    ledger: &dyn Ledger,
    record: &IntentRecord,
    timing: &Timing,
) -> Result<Vec<IntentRecord>, LedgerError> {
    let Some(began) = record.spend_started_at.as_ref() else { return Ok(Vec::new()) };
    since_or_open(
        ledger,
        &record.request.account,
        began.back(timing.four_lags()),
        &[State::SpendStarted, State::Unknown],
    )
}

/// When the first of these payments was sent, by either clock; of clocks only this boot's is a measure.
pub(super) fn earliest(of: &[IntentRecord], now: &Moment) -> Option<Moment> {
    let sent = || of.iter().filter_map(|r| r.spend_started_at.as_ref());
    let wall = sent().map(|at| at.wall).min()?;
    let boot_ms = sent().filter(|at| at.boot_id == now.boot_id).map(|at| at.boot_ms).min();
    Some(boot_ms.map_or_else(|| Moment::by_wall(wall), |boot_ms| Moment { wall, boot_ms, ..now.clone() }))
}

/// The payments of an account sent since then, and those in one of the states `open` whenever they were sent.
pub(super) fn since_or_open(
    ledger: &dyn Ledger,
    account: &AccountName,
    since: Moment,
    open: &[State],
) -> Result<Vec<IntentRecord>, LedgerError> {
    let of = |states: &[State], spend_since| {
        let account = Some(account.clone());
        ledger.intents(&IntentFilter {
            account,
            states: states.to_vec(),
            spend_since,
            ..IntentFilter::default()
        })
    };
    let mut all = of(&[], Some(since))?;
    all.extend(of(open, None)?);
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all.dedup_by(|a, b| a.id == b.id);
    Ok(all)
}

/// The row of a good reply that told the balance, or what was charged: what it cost counts with it, in budgets too.
pub(in crate::engine) fn replied(
    ledger: &dyn Ledger,
    timing: &Timing,
    id: &IntentId,
    (told, charged): (Option<Money>, Option<Money>),
    now: &Moment,
) -> Result<EventDetail, LedgerError> {
    let record = ledger.intent(id)?;
    let by_balance = match told {
        None => EventDetail::default(),
        Some(told) => {
            let around = around(ledger, &record, timing)?;
            let charge = right_after(&record, (told, Measured::Answers), &around, now, timing);
            EventDetail {
                balance_after: Some(told),
                ..detail(&record, told, charge, Measured::Answers, "in the reply")
            }
        }
    };
    Ok(by_its_word(&record, by_balance, charged))
}

/// Where the reply says that more was charged than was quoted, and than its balance shows, that counts until a reading tells.
fn by_its_word(record: &IntentRecord, known: EventDetail, charged: Option<Money>) -> EventDetail {
    let Some(charged) = charged.filter(|c| *c > known.charged.unwrap_or(record.quoted).max(record.quoted))
    else {
        return known;
    };
    let (quoted, currency) = (record.quoted, &record.currency);
    EventDetail {
        charged: Some(charged),
        measured: Some(Measured::Quote),
        evidence: Some(format!(
            "the answer says that {charged} {currency} was charged, the quote was {quoted}"
        )),
        ..known
    }
}

fn detail(record: &IntentRecord, told: Money, charge: Charge, by: Measured, when: &str) -> EventDetail {
    let (fell, by) = match charge {
        Charge::Seen(fell) => (fell, by),
        // It may have cost more still: a later reading shows that.
        Charge::Least(fell) => (fell, Measured::Quote),
        Charge::Unseen | Charge::Contested(_) => return EventDetail::default(),
    };
    let differs = fell != record.quoted;
    EventDetail {
        charged: charge.at_once(record.quoted),
        measured: Some(by),
        evidence: differs.then(|| said(record, told, fell, when)),
        ..EventDetail::default()
    }
}

/// What the balance right after a refusal says against it, in words. Nothing is written: the payment is as it was.
pub(in crate::engine) fn doubt(
    ledger: &dyn Ledger,
    timing: &Timing,
    id: &IntentId,
    told: Money,
    now: &Moment,
) -> Result<Option<String>, LedgerError> {
    let record = ledger.intent(id)?;
    let around = around(ledger, &record, timing)?;
    let fell = fell_all_the_same(&record, told, &around, now, timing);
    Ok(fell.map(|fell| said(&record, told, fell, "right after the refusal")))
}

/// Measures a payment by the balance right after its answer, and writes what was seen. Of one whose answer was lost it counts
/// what it may have cost beyond its quote, whatever becomes of it.
pub(in crate::engine) fn measure(
    ledger: &dyn Ledger,
    timing: &Timing,
    id: &IntentId,
    (told, by): (Money, Measured),
    now: &Moment,
) -> Result<Charge, LedgerError> {
    let record = ledger.intent(id)?;
    let open = match record.state {
        State::Accepted => !is_seen(&record),
        State::Unknown => record.detail.charged.is_none(),
        State::Confirmed => record.detail.measured == Some(Measured::Quote),
        _ => false,
    };
    if !open {
        return Ok(Charge::Unseen);
    }
    let around = around(ledger, &record, timing)?;
    let charge = right_after(&record, (told, by), &around, now, timing);
    let when = if by == Measured::Reading { "right after the answer" } else { "in the next quote" };
    let mut detail = EventDetail { balance_after: Some(told), ..detail(&record, told, charge, by, when) };
    let wanted = match (record.state, charge) {
        // More counts already where its answer said so: the larger number stands until a reading tells.
        (State::Accepted, Charge::Seen(fell) | Charge::Least(fell)) => record.detail.charged <= Some(fell),
        (State::Unknown | State::Confirmed, Charge::Seen(fell) | Charge::Least(fell)) => fell > record.quoted,
        _ => false,
    };
    if wanted {
        detail.balance_after = detail.balance_after.filter(|_| record.state != State::Unknown);
        match ledger.append(id, record.state, Event::Measured, &detail, now) {
            // Somebody else settled it just now, such as an operator.
            Ok(_) | Err(LedgerError::Moved { .. }) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(charge)
}
