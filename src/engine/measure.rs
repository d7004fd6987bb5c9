//! What a payment cost, measured by the balances around it: which of its neighbours may have moved the same balance, and the
//! writing of what was seen.
//!
//! A crash before the row is written leaves the payment at its quote; the next reading within the lag window measures it again.
//! Not responsible for what a difference of balances is worth: that is `evidence/span.rs`.
use jiff::SignedDuration;

use crate::domain::time::{Moment, Timing};
use crate::domain::{Event, IntentId, Measured, Money, State};
use crate::evidence::{Charge, Sight, Span};
use crate::ledger::{EventDetail, IntentFilter, IntentRecord, Ledger, LedgerError, Purpose};

use super::settle::is_after;

/// It is known to the cent what it cost. What was confirmed before such things were kept counts as known.
pub(super) fn is_seen(record: &IntentRecord) -> bool {
    match record.detail.measured {
        Some(measured) => measured != Measured::Quote,
        None => record.state == State::Confirmed,
    }
}

/// What the span of `record` is worth: from its quote up to `now`, or up to right after its answer (`whole` is false: what left
/// later is not in it).
pub(super) fn sight(
    record: &IntentRecord,
    around: &[IntentRecord],
    (by, whole): (Measured, bool),
    now: &Moment,
    timing: &Timing,
) -> Sight {
    // After hours a fall may be anybody's, also where a reboot or an unread account kept everybody from looking before.
    let four = timing.lag_window.checked_mul(4).unwrap_or(SignedDuration::MAX);
    let began = record.spend_started_at.as_ref().map(|at| at.wall);
    if whole && began.is_some_and(|at| now.wall.duration_since(at) > four) {
        return Sight::Contested;
    }
    let effects = around.iter().map(|other| effect(record, other, (by, whole), now, timing));
    effects.max().unwrap_or(Sight::Tight)
}

fn effect(
    record: &IntentRecord,
    other: &IntentRecord,
    (by, whole): (Measured, bool),
    now: &Moment,
    timing: &Timing,
) -> Sight {
    let (Some(at), Some(began)) = (other.spend_started_at.as_ref(), record.spend_started_at.as_ref()) else {
        return Sight::Tight;
    };
    let kin = other.parent.as_ref() == Some(&record.id)
        || record.parent.as_ref().is_some_and(|p| other.parent.as_ref() == Some(p) || *p == other.id);
    if other.id == record.id || kin || other.never_sent {
        return Sight::Tight;
    }
    let later = is_after(at, began);
    if later && !whole {
        return Sight::Tight;
    }
    let lags = |from: &Moment| {
        from.since(at).unwrap_or_else(|| from.wall.duration_since(at.wall)) < timing.lag_window
    };
    let contested_if = |open: bool| if open { Sight::Contested } else { Sight::Tight };
    match other.state {
        State::Reserved | State::Released | State::Split | State::NotApplied => Sight::Tight,
        State::SpendStarted | State::Unknown => Sight::Contested,
        State::Accepted if !is_seen(other) => Sight::Contested,
        // What the provider charged by itself is often only believed.
        State::Accepted | State::Confirmed if later => {
            contested_if(!is_seen(other) || other.purpose == Purpose::Provider)
        }
        State::Confirmed if !is_seen(other) => contested_if(lags(began)),
        State::Accepted | State::Confirmed => {
            let seen_at = other.charged_at.as_ref().unwrap_or(&other.state_at);
            let behind =
                by == Measured::Reading && other.detail.measured == Some(Measured::Answers) && lags(now);
            match (is_after(seen_at, began) && other.purpose != Purpose::Provider, behind) {
                (true, _) => Sight::Contested,
                (false, true) => Sight::AtLeast,
                (false, false) => Sight::Tight,
            }
        }
        State::NeedsOperator => contested_if(later || is_after(&other.state_at, began)),
        State::Refused => contested_if(later || lags(began)),
    }
}

/// The balance that a payment began with. A quote's balance may lag behind the payments just made: where it shows what an earlier
/// one began with, and the charges since then are known, it is counted from there; also where only so the fall is the price asked.
fn before(record: &IntentRecord, told: Money, around: &[IntentRecord]) -> Money {
    let spent = |r: &IntentRecord| r.spend_started_at.as_ref().map(|m| m.wall);
    let counts = |o: &&IntentRecord| matches!(o.state, State::Accepted | State::Confirmed);
    let mut earlier: Vec<&IntentRecord> =
        around.iter().filter(counts).filter(|o| o.id != record.id && spent(o) < spent(record)).collect();
    earlier.sort_by_key(|o| std::cmp::Reverse(spent(o)));
    let told_last = earlier.first().and_then(|last| last.detail.balance_after);
    let mut behind = None;
    let mut unseen = Money::ZERO;
    for o in earlier {
        let Some(sum) = unseen.plus(o.detail.charged.unwrap_or(o.quoted)) else { break };
        unseen = sum;
        if o.balance_before == record.balance_before {
            behind = record.balance_before.minus(unseen);
        }
    }
    let exact = |b: &Money| b.minus(told) == Some(record.quoted);
    let all = [Some(record.balance_before), told_last, behind];
    all.into_iter().flatten().find(exact).or(behind).unwrap_or(record.balance_before)
}

/// What the balance right after its answer says of a payment.
pub(super) fn right_after(
    record: &IntentRecord,
    (told, by): (Money, Measured),
    around: &[IntentRecord],
    now: &Moment,
    timing: &Timing,
) -> Charge {
    let span = Span {
        before: before(record, told, around),
        after: told,
        known: Money::ZERO,
        sight: sight(record, around, (by, false), now, timing),
    };
    span.charge(record.quoted)
}

/// Everything of the account that may have moved the balance around a payment.
pub(super) fn around(
    ledger: &dyn Ledger,
    record: &IntentRecord,
    timing: &Timing,
) -> Result<Vec<IntentRecord>, LedgerError> {
    let Some(began) = record.spend_started_at.as_ref() else { return Ok(Vec::new()) };
    let account = Some(record.request.account.clone());
    let long = timing.lag_window.checked_mul(4).unwrap_or(timing.lag_window);
    let spend_since = Some(began.wall.checked_sub(long).unwrap_or(began.wall));
    let mut all =
        ledger.intents(&IntentFilter { account: account.clone(), spend_since, ..IntentFilter::default() })?;
    let open = vec![State::SpendStarted, State::Unknown];
    let open = ledger.intents(&IntentFilter { account, states: open, ..IntentFilter::default() })?;
    all.extend(open);
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all.dedup_by(|a, b| a.id == b.id);
    Ok(all)
}

/// What was seen, in words.
pub(super) fn said(record: &IntentRecord, told: Money, fell: Money, when: &str) -> String {
    let (before, quoted, currency) = (record.balance_before, record.quoted, &record.currency);
    format!(
        "the balance went from {before} {currency} in the quote to {told} {when}: it fell by {fell}, the quote was {quoted}"
    )
}

/// The row of a good reply that told the balance: what it cost counts with it, in budgets too.
pub(super) fn replied(
    ledger: &dyn Ledger,
    timing: &Timing,
    id: &IntentId,
    told: Option<Money>,
    now: &Moment,
) -> Result<EventDetail, LedgerError> {
    let Some(told) = told else { return Ok(EventDetail::default()) };
    let record = ledger.intent(id)?;
    let around = around(ledger, &record, timing)?;
    let charge = right_after(&record, (told, Measured::Answers), &around, now, timing);
    Ok(EventDetail {
        balance_after: Some(told),
        ..detail(&record, told, charge, Measured::Answers, "in the reply")
    })
}

fn detail(record: &IntentRecord, told: Money, charge: Charge, by: Measured, when: &str) -> EventDetail {
    let Charge::Seen(fell) = charge else { return EventDetail::default() };
    let differs = fell != record.quoted;
    EventDetail {
        charged: charge.at_once(record.quoted),
        measured: Some(by),
        evidence: differs.then(|| said(record, told, fell, when)),
        ..EventDetail::default()
    }
}

/// Measures a payment by the balance right after its answer, and writes what was seen. Of one whose answer was lost it counts
/// what it may have cost beyond its quote, whatever becomes of it.
pub(super) fn measure(
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
        (State::Accepted, Charge::Seen(_)) => true,
        (State::Unknown | State::Confirmed, Charge::Seen(fell)) => fell > record.quoted,
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
