//! Writing a verdict: the events that settle a payment, and the split of one that was applied to some leases only.
//!
//! Each is one transaction of the ledger; a crash before it leaves the payment as it was, for the next read to judge. Not
//! responsible for judging (`evidence.rs`) or for what is looked at (`settle.rs`).
use super::looks::looks;
use super::measure::{right_after, said, sight};
use super::settle::{Reading, fell};
use crate::domain::time::{Moment, Timing};
use crate::domain::{Event, Measured, Money, State};
use crate::evidence::{Charge, End, Verdict, seen};
use crate::ledger::{EventDetail, IntentRecord, Ledger, LedgerError, SplitPart};

/// Writes what the evidence says, and gives the state that the payment is in then.
///
/// # Errors
/// The ledger's.
pub(super) fn perform(
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
    let state = ledger.append(&record.id, record.state, event, &detail, now)?;
    tracing::info!(payment = %record.id, account = %reading.account, from = %record.state, to = %state, "payment settled");
    Ok(state)
}

/// The balance read, in the payment's currency.
fn after(record: &IntentRecord, reading: &Reading<'_>) -> Option<Money> {
    (reading.balance.currency == record.currency).then_some(reading.balance.amount)
}

/// What it cost, where that was seen before its end was: counted already, or by the balance right after a good reply.
pub(super) fn cost(
    record: &IntentRecord,
    around: &[IntentRecord],
    now: &Moment,
    timing: &Timing,
) -> Option<(Money, Measured, String)> {
    let by = record.detail.measured.filter(|m| *m != Measured::Quote);
    let told = record.detail.balance_after.filter(|_| record.state == State::Accepted);
    if let Some((counted, by)) = record.detail.charged.zip(by) {
        let after = told.unwrap_or_else(|| record.balance_before.minus(counted).unwrap_or_default());
        return Some((counted, by, said(record, after, counted, "right after it")));
    }
    let (told, by) = (told?, by.unwrap_or(Measured::Answers));
    match right_after(record, (told, by), around, now, timing) {
        Charge::Seen(fell) => Some((fell, by, said(record, told, fell, "right after it"))),
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
        Some((cost, by, said)) => (cost, by, format!("every end moved; {said}")),
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

/// What the leases cost that moved: their shares of the quote, and what fell beyond the whole quote, which can be nobody else's.
fn costs(
    record: &IntentRecord,
    shares: &[Money],
    ends: &[End],
    reading: &Reading<'_>,
    (around, timing): (&[IntentRecord], &Timing),
    now: &Moment,
) -> Vec<Money> {
    let sum = |moved: bool| {
        let all = shares.iter().zip(ends).filter(|(_, e)| matches!(e, End::Moved(_)) == moved);
        Money::sum(all.map(|(share, _)| *share)).unwrap_or_default()
    };
    let n = ends.iter().filter(|e| matches!(e, End::Moved(_))).count();
    let (fell, _) = fell(record, reading, around);
    let sight = sight(record, around, (Measured::Reading, true), now, timing);
    let looked = seen(&looks(record, now, timing, Some((fell, n))), record.quoted, sight, timing);
    let counted =
        record.detail.charged.or(looked.at_once(record.quoted).filter(|_| after(record, reading).is_some()));
    let surplus = counted.filter(|c| *c > record.quoted).and_then(|all| all.minus(sum(false)));
    match surplus {
        Some(cost) => cost.shares(n),
        None => {
            shares.iter().zip(ends).filter(|(_, e)| matches!(e, End::Moved(_))).map(|(s, _)| *s).collect()
        }
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
                detail: EventDetail {
                    charged: costs.next(),
                    measured: Some(Measured::Quote),
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
