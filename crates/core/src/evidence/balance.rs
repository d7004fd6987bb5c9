//! Whether a balance that moved is explained by what payments are known to have cost. Pure; the table is that of the step of a pass
//! which asks (`engine/settle/balance.rs`).
use jiff::{SignedDuration, Timestamp};

use super::{Sight, Span, is_seen};
use crate::domain::time::Timing;
use crate::domain::{IntentId, Money, State};
use crate::record::{BalanceMark, BalanceNote, IntentRecord};

/// More late charges than this are not tried in every combination.
const MOST_LATE: usize = 10;

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing changed, or nothing can be said yet.
    Stay,
    /// A new mark.
    Mark(BalanceMark),
    /// A new mark, and what was not explained.
    Note(BalanceMark, BalanceNote),
}

impl Step {
    /// Something is not explained, or not yet.
    #[must_use]
    pub fn is_odd(&self) -> bool {
        match self {
            Self::Stay => false,
            Self::Mark(mark) => mark.odd.is_some(),
            Self::Note(..) => true,
        }
    }
}

/// Judges the balance in `now` against `mark`; see the table above. `whole`: its list was believed too. Where it was not, a difference
/// must stand for as long as one amid payments. `noted`: payments that what is on record may be of already.
#[must_use]
pub fn judge_balance(
    mark: &BalanceMark,
    marked: Timestamp,
    (now, whole): (BalanceMark, bool),
    payments: &[IntentRecord],
    noted: &[IntentId],
    timing: &Timing,
) -> Step {
    // A payment that began in the mark's own instant came after its reading: a pass reads before it pays.
    let since = |r: &IntentRecord| started(r).is_some_and(|at| at >= mark.at);
    if payments.iter().any(|r| since(r) && is_open(r) && !is_long_open(r, now.at, timing)) {
        return Step::Stay;
    }
    let confirmed = || payments.iter().filter(|r| r.state == State::Confirmed);
    let known = confirmed().filter(|r| since(r) && started(r).is_some_and(|at| at < now.at));
    let known = Money::sum(known.map(charge)).unwrap_or_default();
    // An operator's word does not say when it was charged: what it may have been taken for once explains no second fall.
    let named =
        |r: &IntentRecord| noted.contains(&r.id) || r.parent.as_ref().is_some_and(|p| noted.contains(p));
    let spent = |r: &IntentRecord| r.operator_spoke && named(r);
    let late = confirmed().filter(|r| !since(r) && r.state_at.wall > marked && !spent(r));
    let late: Vec<Money> = late.map(charge).collect();
    let span = Span { before: mark.balance, after: now.balance, known, sight: Sight::Tight };
    let odd = span.fell().unwrap_or_default();
    if sums(&late).contains(&odd) {
        let idle = mark.balance == now.balance && mark.odd.is_none() && known == Money::ZERO;
        return if idle { Step::Stay } else { Step::Mark(now) };
    }
    // What has been open for long may land whenever it likes, and as little of it as it likes: only what fell beyond all of it is news.
    let theirs = Money::sum(payments.iter().filter(|r| is_open(r)).map(charge)).unwrap_or(odd);
    let rest = if odd.is_positive() { odd.minus(theirs).unwrap_or_default().max(Money::ZERO) } else { odd };
    if rest == Money::ZERO {
        return put_off(mark, None);
    }
    let is_recent = |r: &IntentRecord, span| started(r).is_some_and(|at| now.at.duration_since(at) < span);
    let busy = payments.iter().any(|r| !r.never_sent && is_recent(r, timing.lag_window));
    let mut told = rest;
    if busy || !whole {
        // What some payment of the last hours cost is not known yet: a fall that grows may be its own.
        let unclear = payments
            .iter()
            .any(|r| is_unseen(r) && !is_long_open(r, now.at, timing) && is_recent(r, timing.four_lags()));
        let (least, first) = match stood(mark.odd, rest, unclear) {
            Stood::Anew => (rest, now.at),
            Stood::For(least, first) => (least, first),
            Stood::Unclear => return Step::Stay,
        };
        if now.at.duration_since(first) < timing.four_lags() {
            return put_off(mark, Some((least, first)));
        }
        told = least;
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
        unexplained: told,
        contested: contested(mark.at, payments, timing),
    };
    if told == rest {
        return Step::Note(now, note);
    }
    // The rest of it has not stood for so long yet: the mark gives up what is told and nothing else.
    let (balance, left) = (mark.balance.minus(told), rest.minus(told));
    let odd = left.map(|left| (left, now.at));
    Step::Note(BalanceMark { balance: balance.unwrap_or(mark.balance), odd, ..mark.clone() }, note)
}

fn started(r: &IntentRecord) -> Option<Timestamp> {
    r.spend_started_at.as_ref().map(|m| m.wall)
}

fn charge(r: &IntentRecord) -> Money {
    r.detail.charged.unwrap_or(r.quoted)
}

/// It may still be charged, as far as is known.
fn is_open(r: &IntentRecord) -> bool {
    matches!(r.state, State::SpendStarted | State::Accepted | State::Unknown | State::NeedsOperator)
}

/// Nothing that is read by itself will settle it: waiting for it has no end.
fn is_long_open(r: &IntentRecord, now: Timestamp, timing: &Timing) -> bool {
    let is_old = || started(r).is_none_or(|at| now.duration_since(at) >= timing.four_lags());
    is_open(r) && (r.state == State::NeedsOperator || is_old())
}

/// What becomes of a difference that was seen before.
enum Stood {
    /// It is another one.
    Anew,
    /// So much of it stood, since then.
    For(Money, Timestamp),
    /// That cannot be told by this reading.
    Unclear,
}

/// A fall that grows with each reading has stood by the least of it: whoever takes a little again and again is not to be silent for it.
/// A rise that changes may be a balance that lags behind ever other payments.
fn stood(before: Option<(Money, Timestamp)>, rest: Money, unclear: bool) -> Stood {
    match before {
        Some((seen, first)) if seen == rest => Stood::For(rest, first),
        Some((seen, _)) if seen.is_positive() && rest.is_positive() && unclear => Stood::Unclear,
        Some((seen, first)) if seen.is_positive() && rest.is_positive() => Stood::For(seen.min(rest), first),
        _ => Stood::Anew,
    }
}

/// The mark stays, with what is not explained yet.
fn put_off(mark: &BalanceMark, odd: Option<(Money, Timestamp)>) -> Step {
    if mark.odd == odd { Step::Stay } else { Step::Mark(BalanceMark { odd, ..mark.clone() }) }
}

/// It is not known what it cost.
fn is_unseen(r: &IntentRecord) -> bool {
    match r.state {
        State::Confirmed => !is_seen(r),
        State::Refused => !r.never_sent,
        _ => is_open(r),
    }
}

/// Payments around that span, and all that are open, of which it is not known what they cost: what is not explained may be theirs.
fn contested(since: Timestamp, payments: &[IntentRecord], timing: &Timing) -> Vec<IntentId> {
    let from = before(since, timing.lag_window);
    let around = |r: &&IntentRecord| is_open(r) || started(r).is_some_and(|at| at >= from);
    let unseen = |r: &&IntentRecord| is_unseen(r);
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

fn before(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.checked_sub(span).unwrap_or(Timestamp::MIN)
}
