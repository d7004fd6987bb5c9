//! Writing a verdict: the events that settle a payment, and the split of one that was applied to some leases only.
//!
//! Each is one transaction of the ledger; a crash before it leaves the payment as it was, for the next read to judge. Not
//! responsible for judging (`evidence`) or for what is looked at (`renewal.rs`).
use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::domain::time::{Moment, Timing};
use crate::domain::{Event, Measured, Money, State, next_state};
use crate::evidence::looks;
use crate::evidence::{Charge, End, Verdict, seen};
use crate::evidence::{Reading, fell, is_assumed};
use crate::evidence::{right_after, said, sight_of};
use crate::ledger::{EventDetail, IntentRecord, Ledger, LedgerError, SplitPart};

/// Writes what the evidence says, and gives the state that the payment is in then.
///
/// # Errors
/// The ledger's.
pub(in crate::engine) fn perform(
    ledger: &dyn Ledger,
    (record, verdict): (&IntentRecord, &Verdict),
    ends: &[End],
    reading: &Reading<'_>,
    (around, timing): (&[IntentRecord], &Timing),
    now: &Moment,
) -> Result<State, LedgerError> {
    let mut detail = EventDetail { balance_after: after(record, reading), ..EventDetail::default() };
    let event = match verdict {
        Verdict::Wait => return Ok(record.state),
        Verdict::Confirmed { charged, measured, why } => {
            detail = confirmed(record, (*charged, *measured, why), ends, reading, (around, timing), now);
            share_with_kin(record, around, &mut detail);
            Event::EndsMoved
        }
        Verdict::Split => {
            return split(ledger, record, ends, reading, (around, timing), now).map(|()| State::Split);
        }
        Verdict::NotApplied(why) => {
            detail.evidence = Some(why.clone());
            Event::ShownNotApplied
        }
        Verdict::NeedsOperator(why) => {
            detail.evidence = Some(why.clone());
            Event::Inconclusive
        }
        Verdict::Overdue => {
            detail.evidence = Some("accepted, and the lag window passed without a new end".into());
            Event::LagOver
        }
    };
    let state = put(ledger, record, (event, &detail), around, now)?;
    tracing::info!(payment = %record.id, account = %reading.account, from = %record.state, to = %state, "payment settled");
    Ok(state)
}

/// The balance read, in the payment's currency.
fn after(record: &IntentRecord, reading: &Reading<'_>) -> Option<Money> {
    (reading.balance.currency == record.currency).then_some(reading.balance.amount)
}

/// What it cost, where that was seen before its end was: counted already, or by the balance right after a good reply.
pub(in crate::engine) fn cost(
    record: &IntentRecord,
    around: &[IntentRecord],
    now: &Moment,
    timing: &Timing,
) -> Option<(Money, Measured, String)> {
    // What a balance that lags showed of an accepted one is the least that it cost. It stays so: the looks that follow tell the rest.
    let least = record.state == State::Accepted;
    let by = record.detail.measured.filter(|m| *m != Measured::Quote || least);
    let told = record.detail.balance_after.filter(|_| record.state == State::Accepted);
    if let Some((counted, by)) = record.detail.charged.zip(by) {
        let after = told.unwrap_or_else(|| record.balance_before.minus(counted).unwrap_or_default());
        let by_balance = || said(record, after, counted, "right after it");
        let why = record.detail.evidence.clone().filter(|_| by == Measured::Quote);
        return Some((counted, by, why.unwrap_or_else(by_balance)));
    }
    let (told, by) = (told?, by.unwrap_or(Measured::Answers));
    match right_after(record, (told, by), around, now, timing) {
        Charge::Seen(fell) => Some((fell, by, said(record, told, fell, "right after it"))),
        Charge::Least(fell) => Some((fell, Measured::Quote, said(record, told, fell, "right after it"))),
        _ => None,
    }
}

fn confirmed(
    record: &IntentRecord,
    (charged, measured, why): (Money, Measured, &str),
    ends: &[End],
    reading: &Reading<'_>,
    (around, timing): (&[IntentRecord], &Timing),
    now: &Moment,
) -> EventDetail {
    let told = record.detail.balance_after.filter(|_| record.state == State::Accepted);
    let (charged, measured, why) = match cost(record, around, now, timing) {
        Some((cost, by, said)) => {
            // Where an end has not moved yet, it was the provider's own log that spoke.
            let stayed = ends.iter().any(|e| matches!(e, End::Same | End::Odd));
            let what = if stayed { "the provider's own log has its renewal" } else { "every end moved" };
            (cost, by, format!("{what}; {said}"))
        }
        None => (charged, measured, why.to_owned()),
    };
    EventDetail {
        charged: Some(charged),
        measured: Some(measured),
        balance_after: told.or(after(record, reading)),
        expires_after: ends
            .iter()
            .filter_map(|e| if let End::Moved(at) = e { Some(*at) } else { None })
            .min(),
        evidence: Some(why),
        ..EventDetail::default()
    }
}

/// What the leases cost that moved: their shares of the quote, and whatever else fell that is no share of another lease. Of such a
/// surplus it cannot be known for which leases it was taken, so it counts for those that are known as charged. What fell by shares of
/// others to the cent is held by their own parts, until it is known whether they were charged.
fn costs(
    record: &IntentRecord,
    shares: &[Money],
    ends: &[End],
    reading: &Reading<'_>,
    (around, timing): (&[IntentRecord], &Timing),
    now: &Moment,
) -> Vec<Money> {
    let of = |moved: bool| -> Vec<Money> {
        let all = shares.iter().zip(ends).filter(|(_, e)| matches!(e, End::Moved(_)) == moved);
        all.map(|(share, _)| *share).collect()
    };
    let (own, others) = (of(true), of(false));
    let (fell, _) = fell(record, reading, around);
    let sight = sight_of(record, reading, around, fell, now, timing);
    let looked = seen(&looks(record, now, timing, Some((fell, own.len()))), record.quoted, sight, timing);
    let looked = match looked {
        Charge::Seen(fell) | Charge::Least(fell) if after(record, reading).is_some() => Some(fell),
        _ => None,
    };
    let closed = matches!(record.state, State::NotApplied | State::Refused);
    with_surplus(own, &others, record.detail.charged.max(looked), closed)
}

/// What each of the leases counts for that were charged, of shares `own`, where so much fell in all: what is more than their shares, and
/// no share of the `others`, is theirs. Nobody else's it can be where the payment is `closed`.
pub(in crate::engine) fn with_surplus(
    own: Vec<Money>,
    others: &[Money],
    fell: Option<Money>,
    closed: bool,
) -> Vec<Money> {
    let surplus = fell.filter(|all| {
        let beyond = Money::sum(own.iter().copied()).and_then(|own| all.minus(own)).unwrap_or_default();
        beyond.is_positive() && (closed || !are_shares(beyond, others))
    });
    let n = own.len();
    surplus.map_or(own, |all| all.shares(n))
}

/// Whether an amount is made up of some of these shares.
fn are_shares(amount: Money, shares: &[Money]) -> bool {
    let mut sums = BTreeSet::from([Money::ZERO]);
    for share in shares {
        let more: Vec<Money> = sums.iter().filter_map(|sum| sum.plus(*share)).collect();
        sums.extend(more.into_iter().filter(|sum| *sum <= amount));
    }
    sums.contains(&amount)
}

/// A part while others of its payment are open: what fell beyond its share may be theirs, so it counts here only as long as nobody knows,
/// and not at all where it is their shares to the cent, which they hold themselves.
fn share_with_kin(record: &IntentRecord, around: &[IntentRecord], detail: &mut EventDetail) {
    let kin = around.iter().filter(|o| o.id != record.id && o.parent.is_some() && o.parent == record.parent);
    let open: Vec<Money> = kin.filter(|o| o.state == State::Unknown).map(|o| o.quoted).collect();
    let Some(beyond) = detail.charged.and_then(|c| c.minus(record.quoted)).filter(|b| b.is_positive()) else {
        return;
    };
    if open.is_empty() {
        return;
    }
    detail.measured = Some(Measured::Quote);
    if are_shares(beyond, &open) {
        detail.charged = Some(record.quoted);
    }
}

/// Writes what became of a payment. A part that turned out to be charged has taken its cost out of the surplus that was counted for
/// the others of its payment: both are one transaction, since a crash in between would count it twice for good.
///
/// # Errors
/// The ledger's.
pub(in crate::engine) fn put(
    ledger: &dyn Ledger,
    record: &IntentRecord,
    (event, detail): (Event, &EventDetail),
    around: &[IntentRecord],
    now: &Moment,
) -> Result<State, LedgerError> {
    let confirms = next_state(record.state, event) == Ok(State::Confirmed);
    let given = if confirms && record.state != State::Confirmed && record.parent.is_some() {
        let cost = detail.charged.or(record.detail.charged).unwrap_or(record.quoted);
        given_back(ledger, record, cost, around)?
    } else {
        Vec::new()
    };
    let mut rows = vec![(&record.id, record.state, event, detail)];
    rows.extend(given.iter().map(|(other, less)| (&other.id, State::Confirmed, Event::Measured, less)));
    Ok(ledger.append_all(&rows, now)?.first().copied().unwrap_or(record.state))
}

/// What the others of its payment give back to a part that cost so much.
fn given_back(
    ledger: &dyn Ledger,
    part: &IntentRecord,
    cost: Money,
    around: &[IntentRecord],
) -> Result<Vec<(IntentRecord, EventDetail)>, LedgerError> {
    let mut rest = cost;
    let mut given = Vec::new();
    let kin = around.iter().filter(|o| o.id != part.id && o.parent.is_some() && o.parent == part.parent);
    for other in kin {
        // As it is now: another part may have taken its own out just before.
        let other = ledger.intent(&other.id)?;
        if !is_assumed(&other) {
            continue;
        }
        let charged = other.detail.charged.unwrap_or(other.quoted);
        let less = charged.minus(other.quoted).unwrap_or_default().min(rest);
        let (Some(charged), true) = (charged.minus(less), less.is_positive()) else { continue };
        rest = rest.minus(less).unwrap_or_default();
        let detail = EventDetail {
            charged: Some(charged),
            measured: Some(Measured::Quote),
            evidence: Some(format!("{less} of what was counted for it was charged for {}", part.id)),
            ..EventDetail::default()
        };
        given.push((other, detail));
    }
    Ok(given)
}

/// The row of a part whose end moved, while others of its payment did not.
fn moved_alone(quoted: Money, charged: Option<Money>, balance: Option<Money>, to: Timestamp) -> EventDetail {
    let counts = match charged.filter(|c| *c > quoted) {
        Some(more) => format!(
            "more fell than the shares of the quote, and it is not known for which lease: {more} counts for this one, its share was {quoted}"
        ),
        None => "charged its share of the quote".to_owned(),
    };
    EventDetail {
        charged,
        measured: Some(Measured::Quote),
        balance_after: balance,
        expires_after: Some(to),
        evidence: Some(format!("its end moved, others of the same payment did not: {counts}")),
        ..EventDetail::default()
    }
}

fn split(
    ledger: &dyn Ledger,
    record: &IntentRecord,
    ends: &[End],
    reading: &Reading<'_>,
    (around, timing): (&[IntentRecord], &Timing),
    now: &Moment,
) -> Result<(), LedgerError> {
    let shares = record.quoted.shares(ends.len());
    let mut costs = costs(record, &shares, ends, reading, (around, timing), now).into_iter();
    let settled = matches!(record.state, State::NotApplied | State::Refused);
    let leases = record.request.leases.iter();
    let parts: Vec<SplitPart> = leases
        .zip(ends)
        .zip(shares)
        .map(|((of, end), quoted)| match end {
            End::Moved(to) => SplitPart {
                lease: of.id.clone(),
                quoted,
                state: State::Confirmed,
                detail: moved_alone(quoted, costs.next(), after(record, reading), *to),
            },
            _ => SplitPart {
                lease: of.id.clone(),
                quoted,
                // What was settled before stays so for the leases that did not move.
                state: if settled { State::NotApplied } else { State::Unknown },
                detail: EventDetail {
                    evidence: Some("its end did not move, others of the same payment did".into()),
                    ..EventDetail::default()
                },
            },
        })
        .collect();
    let detail =
        EventDetail { evidence: Some("applied to some leases only".into()), ..EventDetail::default() };
    let ids = ledger.split(&record.id, record.state, &parts, &detail, now)?;
    tracing::warn!(payment = %record.id, account = %reading.account, parts = ids.len(), "payment was applied to some leases only");
    Ok(())
}
