//! Balances that moved without a payment. Every believed balance is measured from an earlier one, less what payments are
//! known to have cost in between; what nobody accounts for goes on record.
//!
//! | since the mark | verdict |
//! |---|---|
//! | another currency, or a clock set back | a new mark, nothing is compared |
//! | the fall is what known charges took | the mark moves on |
//! | something is unsettled | wait: its charge is not known |
//! | a difference, and no money call within the lag window | on record at once |
//! | a difference, and money calls within the lag window | on record once it stood unchanged for 4 × lag window |
//!
//! A crash between reading and mark reads the same difference again; mark and record are one transaction.
use jiff::{SignedDuration, Timestamp};

use crate::domain::time::Timing;
use crate::domain::{AccountName, Balance, IntentId, Money, State};
use crate::evidence::{Sight, Span};
use crate::ledger::{BalanceMark, BalanceNote, IntentFilter, IntentRecord, Ledger, LedgerError};

use super::measure::is_seen;
use super::settle::Reading;

/// Failed payments stay open to late evidence for so long, and a day.
const LATE: SignedDuration = SignedDuration::from_hours(24 * 61);

/// More late charges than this are not tried in every combination.
const MOST_LATE: usize = 10;

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// Nothing changed, or nothing can be said yet.
    Stay,
    /// A new mark.
    Mark(BalanceMark),
    /// A new mark, and what was not explained.
    Note(BalanceMark, BalanceNote),
}

/// Measures a reading and writes what it found; `settled` is when the payments that it showed were settled.
///
/// # Errors
/// The ledger's.
pub(super) fn explain(
    ledger: &dyn Ledger,
    timing: &Timing,
    reading: &Reading<'_>,
    balance: &Balance,
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
        return put(ledger, &fresh, None, settled);
    };
    let marked = ledger.noted(&marked_note(&mark.account))?.and_then(|t| t.parse::<Timestamp>().ok());
    let marked = marked.map_or(mark.at, |t| t.max(mark.at));
    let from = |states: Vec<State>, spend_since| {
        let account = Some(reading.account.clone());
        ledger.intents(&IntentFilter { account, states, spend_since, ..IntentFilter::default() })
    };
    let payments = from(Vec::new(), Some(mark.at.min(before(at, timing.lag_window))))?;
    let mut step = judge(&mark, marked, fresh.clone(), &payments, timing);
    if step.is_odd() {
        // A charge that landed late belongs to a payment from before the mark.
        let mut all = from(vec![State::Confirmed], Some(before(at, LATE)))?;
        all.retain(|r| payments.iter().all(|p| p.id != r.id));
        all.extend(payments);
        step = judge(&mark, marked, fresh, &all, timing);
    }
    match step {
        Step::Stay => Ok(()),
        Step::Mark(mark) if mark.at == at => put(ledger, &mark, None, settled),
        Step::Mark(mark) => ledger.mark_balance(&mark, None),
        Step::Note(mark, mut note) => {
            // Readings that changed nothing moved no mark: the newest of them narrows the span.
            let facts = ledger.accounts()?.into_iter().find(|f| &f.account == reading.account);
            let same = facts.filter(|f| f.balance == Some(note.before)).and_then(|f| f.read_at);
            note.since = same.map_or(note.since, |read| read.max(note.since));
            tracing::warn!(
                account = %note.account, before = %note.before, after = %note.after, explained = %note.explained,
                unexplained = %note.unexplained, "the balance moved by what no payment on record explains"
            );
            put(ledger, &mark, Some(&note), settled)
        }
    }
}

/// The note of when what the mark's reading showed was settled: a little after that reading began. What was confirmed by then is in
/// the mark's balance.
fn marked_note(account: &AccountName) -> String {
    format!("balance.marked:{account}")
}

fn put(
    ledger: &dyn Ledger,
    mark: &BalanceMark,
    note: Option<&BalanceNote>,
    settled: Timestamp,
) -> Result<(), LedgerError> {
    ledger.mark_balance(mark, note)?;
    ledger.note(&marked_note(&mark.account), &settled.to_string())
}

fn before(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.checked_sub(span).unwrap_or(Timestamp::MIN)
}

impl Step {
    fn is_odd(&self) -> bool {
        match self {
            Self::Stay => false,
            Self::Mark(mark) => mark.odd.is_some(),
            Self::Note(..) => true,
        }
    }
}

/// Judges the balance in `now` against `mark`; see the table above.
fn judge(
    mark: &BalanceMark,
    marked: Timestamp,
    now: BalanceMark,
    payments: &[IntentRecord],
    timing: &Timing,
) -> Step {
    let started = |r: &IntentRecord| r.spend_started_at.as_ref().map(|m| m.wall);
    // A payment that began in the mark's own instant came after its reading: a pass reads before it pays.
    let since = |r: &IntentRecord| started(r).is_some_and(|at| at >= mark.at);
    let unsettled = |r: &IntentRecord| {
        matches!(r.state, State::SpendStarted | State::Accepted | State::Unknown | State::NeedsOperator)
    };
    if payments.iter().any(|r| since(r) && unsettled(r)) {
        return Step::Stay;
    }
    let charge = |r: &IntentRecord| r.detail.charged.unwrap_or(r.quoted);
    let confirmed = || payments.iter().filter(|r| r.state == State::Confirmed);
    let known = confirmed().filter(|r| since(r) && started(r).is_some_and(|at| at < now.at));
    let known = Money::sum(known.map(charge)).unwrap_or_default();
    let late: Vec<Money> =
        confirmed().filter(|r| !since(r) && r.state_at.wall > marked).map(charge).collect();
    let span = Span { before: mark.balance, after: now.balance, known, sight: Sight::Tight };
    let odd = span.fell().unwrap_or_default();
    if sums(&late).contains(&odd) {
        let idle = mark.balance == now.balance && mark.odd.is_none() && known == Money::ZERO;
        return if idle { Step::Stay } else { Step::Mark(now) };
    }
    let busy = payments
        .iter()
        .any(|r| !r.never_sent && started(r).is_some_and(|at| now.at.duration_since(at) < timing.lag_window));
    let patience = timing.lag_window.checked_mul(4).unwrap_or(SignedDuration::MAX);
    let first_seen = mark.odd.filter(|(seen, _)| *seen == odd).map(|(_, since)| since);
    if busy && first_seen.is_none_or(|seen| now.at.duration_since(seen) < patience) {
        let odd = Some((odd, first_seen.unwrap_or(now.at)));
        return if mark.odd == odd { Step::Stay } else { Step::Mark(BalanceMark { odd, ..mark.clone() }) };
    }
    let note = BalanceNote {
        id: 0,
        account: mark.account.clone(),
        since: mark.at,
        at: now.at,
        before: mark.balance,
        after: now.balance,
        currency: mark.currency.clone(),
        explained: known,
        unexplained: odd,
        contested: contested(mark.at, payments, timing),
    };
    Step::Note(now, note)
}

/// Payments around that span of which it is not known what they cost: what is not explained may be theirs.
fn contested(since: Timestamp, payments: &[IntentRecord], timing: &Timing) -> Vec<IntentId> {
    let from = before(since, timing.lag_window);
    let around = |r: &&IntentRecord| r.spend_started_at.as_ref().is_some_and(|m| m.wall >= from);
    let unseen = |r: &&IntentRecord| match r.state {
        State::Confirmed => !is_seen(r),
        State::SpendStarted | State::Accepted | State::Unknown | State::NeedsOperator => true,
        State::Refused => !r.never_sent,
        _ => false,
    };
    let mut ids: Vec<IntentId> =
        payments.iter().filter(around).filter(unseen).map(|r| r.id.clone()).collect();
    ids.sort_unstable();
    ids
}

/// What late charges can add up to, nothing included: each may have landed before the mark or after it.
fn sums(late: &[Money]) -> Vec<Money> {
    let mut sums = vec![Money::ZERO];
    for charge in late.iter().take(MOST_LATE) {
        let more: Vec<Money> = sums.iter().filter_map(|s| s.plus(*charge)).collect();
        sums.extend(more);
    }
    sums
}

#[cfg(test)]
#[path = "balance_tests.rs"]
mod tests;
