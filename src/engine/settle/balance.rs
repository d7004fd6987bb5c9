//! Balances that moved without a payment. Every believed balance is measured from an earlier one, less what payments are
//! known to have cost in between; what nobody accounts for goes on record.
//!
//! | since the mark | verdict |
//! |---|---|
//! | another currency, or a clock set back | a new mark, nothing is compared |
//! | the fall is what known charges took | the mark moves on; what an operator confirmed explains nothing that an earlier record may hold already |
//! | something is unsettled since then | wait: its charge is not known |
//! | a fall while something needs an operator, or is open for longer than 4 × lag window | what of it is more than all such may have cost goes on as below; no more than that: wait, since it may be theirs |
//! | a difference, and no money call within the lag window | on record at once |
//! | a difference, and money calls within the lag window, or a list that is not believed | on record once it stood for 4 × lag window |
//!
//! A rise stood if it stayed the same; of a fall that grew, the least that stood throughout goes on record, and the rest is a new
//! difference. A fall is not taken to have grown while it is not known what a payment of the last 4 × lag window cost.
//!
//! A crash between reading and mark reads the same difference again; the mark, the record, and when what
//! the reading showed was settled are one transaction.
use jiff::{SignedDuration, Timestamp};

use crate::domain::time::{Moment, Timing};
use crate::domain::{Balance, IntentId, State};
use crate::evidence::{Reading, Step, judge_balance};
use crate::ledger::{BalanceMark, IntentFilter, IntentRecord, Ledger, LedgerError, marked_note};

/// Failed payments stay open to late evidence for so long, and a day.
const LATE: SignedDuration = SignedDuration::from_hours(24 * 61);

const OPEN: [State; 4] = [State::SpendStarted, State::Accepted, State::Unknown, State::NeedsOperator];

/// Measures a reading and writes what it found; `whole`: its list is believed; `settled` is when the payments that it showed were settled.
///
/// # Errors
/// The ledger's.
pub(in crate::engine) fn explain(
    ledger: &dyn Ledger,
    timing: &Timing,
    reading: &Reading<'_>,
    (balance, whole): (&Balance, bool),
    settled: Timestamp,
) -> Result<(), LedgerError> {
    let at = reading.began.wall;
    let mark = ledger.balance_mark(reading.account)?;
    let fresh = BalanceMark {
        account: reading.account.clone(),
        at,
        balance: balance.amount,
        currency: balance.currency.clone(),
        odd: None,
    };
    let Some(mark) = mark.filter(|m| m.currency == balance.currency && m.at <= at) else {
        return ledger.mark_balance(&fresh, None, Some(settled));
    };
    let marked = ledger.noted(&marked_note(&mark.account))?.and_then(|t| t.parse::<Timestamp>().ok());
    let marked = marked.map_or(mark.at, |t| t.max(mark.at));
    let from = |states: Vec<State>, spend_since| {
        let account = Some(reading.account.clone());
        ledger.intents(&IntentFilter { account, states, spend_since, ..IntentFilter::default() })
    };
    let lag = reading.began.back(timing.lag_window);
    let payments = from(Vec::new(), Some(Moment { wall: mark.at.min(lag.wall), ..lag }))?;
    let mut step = judge_balance(
        &mark,
        marked,
        (fresh.clone(), whole),
        &payments,
        &noted(ledger, reading, &payments)?,
        timing,
    );
    if step.is_odd() {
        // A charge that landed late belongs to a payment from before the mark, and what is open may land as late.
        let mut all = from(vec![State::Confirmed], Some(reading.began.back(LATE)))?;
        all.extend(from(OPEN.to_vec(), None)?);
        all.retain(|r| payments.iter().all(|p| p.id != r.id));
        all.extend(payments);
        step = judge_balance(&mark, marked, (fresh, whole), &all, &noted(ledger, reading, &all)?, timing);
    }
    // What is left of a fall that grew is still measured from where it was.
    let moved = |mark: &BalanceMark| (mark.at == at).then_some(settled);
    match step {
        Step::Stay => Ok(()),
        Step::Mark(mark) => ledger.mark_balance(&mark, None, moved(&mark)),
        Step::Note(mark, mut note) => {
            // Readings that changed nothing moved no mark: the newest of them narrows the span.
            let facts = ledger.accounts()?.into_iter().find(|f| &f.account == reading.account);
            let same = facts.filter(|f| f.balance == Some(note.before)).and_then(|f| f.read_at);
            note.since = same.map_or(note.since, |read| read.max(note.since));
            tracing::warn!(
                account = %note.account, before = %note.before, after = %note.after, explained = %note.explained,
                unexplained = %note.unexplained, "the balance moved by what no payment on record explains"
            );
            ledger.mark_balance(&mark, Some(&note), moved(&mark))
        }
    }
}

/// Payments that a difference on record may be of, where an operator settled any of these.
fn noted(
    ledger: &dyn Ledger,
    reading: &Reading<'_>,
    payments: &[IntentRecord],
) -> Result<Vec<IntentId>, LedgerError> {
    if payments.iter().all(|r| !r.operator_spoke) {
        return Ok(Vec::new());
    }
    let mut notes = ledger.balance_notes(reading.began.back(LATE).wall)?;
    notes.retain(|n| &n.account == reading.account);
    Ok(notes.into_iter().flat_map(|n| n.contested).collect())
}

#[cfg(test)]
#[path = "balance_tests.rs"]
mod tests;
