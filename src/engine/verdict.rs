//! Writing a verdict: the events that settle a payment, and the split of one that was applied to some leases only.
//!
//! Each is one transaction of the ledger; a crash before it leaves the payment as it was, for the next read to judge. Not
//! responsible for judging (`evidence.rs`) or for what is looked at (`settle.rs`).
use super::settle::Reading;
use crate::domain::time::Moment;
use crate::domain::{Event, Money, State};
use crate::evidence::{End, Verdict};
use crate::ledger::{EventDetail, IntentRecord, Ledger, LedgerError, SplitPart};

/// Writes what the evidence says, and gives the state that the payment is in then.
///
/// # Errors
/// The ledger's.
pub(super) fn perform(
    ledger: &dyn Ledger,
    record: &IntentRecord,
    verdict: &Verdict,
    ends: &[End],
    reading: &Reading<'_>,
    around: &[IntentRecord],
    now: &Moment,
) -> Result<State, LedgerError> {
    let mut detail = EventDetail { balance_after: after(record, reading), ..EventDetail::default() };
    let event = match verdict {
        Verdict::Wait => return Ok(record.state),
        Verdict::Confirmed { charged, why } => {
            detail = confirmed(record, *charged, why, ends, reading, around);
            Event::EndsMoved
        }
        Verdict::Split => return split(ledger, record, ends, reading, now).map(|()| State::Split),
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
    let state = ledger.append(&record.id, record.state, event, &detail, now)?;
    tracing::info!(payment = %record.id, account = %reading.account, from = %record.state, to = %state, "payment settled");
    Ok(state)
}

/// The balance read, in the payment's currency.
fn after(record: &IntentRecord, reading: &Reading<'_>) -> Option<Money> {
    (reading.balance.currency == record.currency).then_some(reading.balance.amount)
}

/// How much lower the balance was that the reply told than the one before. A quote's balance may lag behind the payments just
/// made. Where the reply of the last of them told what leaves exactly this one's quote, or where the quote showed what an earlier
/// payment began with and the charges since then explain the rest to the cent, the fall is counted from there.
pub(super) fn fall(record: &IntentRecord, told: Money, around: &[IntentRecord]) -> Option<Money> {
    let spent = |r: &IntentRecord| r.spend_started_at.as_ref().map(|m| m.wall);
    let counts = |o: &&IntentRecord| matches!(o.state, State::Accepted | State::Confirmed);
    let mut earlier: Vec<&IntentRecord> =
        around.iter().filter(counts).filter(|o| o.id != record.id && spent(o) < spent(record)).collect();
    earlier.sort_by_key(|o| std::cmp::Reverse(spent(o)));
    let mut before: Vec<Money> =
        earlier.first().and_then(|last| last.detail.balance_after).into_iter().collect();
    let mut unseen = Money::ZERO;
    for o in earlier {
        unseen = unseen.plus(o.detail.charged.unwrap_or(o.quoted))?;
        if o.balance_before == record.balance_before {
            before.extend(record.balance_before.minus(unseen));
        }
    }
    let exact = before.iter().find_map(|b| b.minus(told).filter(|fell| *fell == record.quoted));
    exact.or_else(|| record.balance_before.minus(told)).filter(|fell| fell.is_positive())
}

/// An accepted payment's reply told the balance right after it: that is the tightest measure of its charge.
fn confirmed(
    record: &IntentRecord,
    charged: Money,
    why: &str,
    ends: &[End],
    reading: &Reading<'_>,
    around: &[IntentRecord],
) -> EventDetail {
    let told = record.detail.balance_after.filter(|_| record.state == State::Accepted);
    let (charged, why) = match told.and_then(|told| fall(record, told, around)) {
        Some(fell) => (fell, format!("every end moved; the reply's balance was lower by {fell}")),
        None => (charged, why.to_owned()),
    };
    EventDetail {
        charged: Some(charged),
        balance_after: told.or(after(record, reading)),
        expires_after: ends
            .iter()
            .filter_map(|e| if let End::Moved(at) = e { Some(*at) } else { None })
            .min(),
        evidence: Some(why),
        ..EventDetail::default()
    }
}

fn split(
    ledger: &dyn Ledger,
    record: &IntentRecord,
    ends: &[End],
    reading: &Reading<'_>,
    now: &Moment,
) -> Result<(), LedgerError> {
    let shares = record.quoted.shares(ends.len());
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
                detail: EventDetail {
                    charged: Some(quoted),
                    balance_after: after(record, reading),
                    expires_after: Some(*to),
                    evidence: Some(
                        "its end moved, others of the same payment did not: charged its share of the quote"
                            .into(),
                    ),
                    ..EventDetail::default()
                },
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
