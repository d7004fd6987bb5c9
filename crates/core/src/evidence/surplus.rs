//! What a payment counts for beyond its quote, where balances cannot tell it apart from its neighbours. Pure.
//!
//! Several payments may lie between two balances: answers that told no balance, a balance that lags, another payment that is still
//! open. Then no single cost is known, but the sum is: what fell beyond all that these payments were quoted was taken by one of
//! them. It counts for this one until it is known, so that no budget counts less than what left the account.
//!
//! What a neighbour *surely* took is subtracted. What it only *may* have taken (its outcome is open, or the balance may not have shown
//! its charge yet) is subtracted only as far as it explains the fall; of all explanations the one that leaves least is believed.
//! Not responsible for what is known to the cent (`cost.rs`, `span.rs`).
use std::collections::BTreeSet;

use super::{counts_more, is_after, is_seen, known_cost, over};
use crate::domain::time::{Moment, Timing};
use crate::domain::{Measured, Money, State};
use crate::record::{IntentRecord, Purpose, SettleRead};

/// More explanations than this are not tried: what is left is then the larger number.
const MOST_SUMS: usize = 4_096;

/// What fell beyond the quote of `record` and beyond what its neighbours explain; zero where all is explained. The first look once
/// the lag window was over tells: a balance that is read sooner may not show every charge, and what moves it later is not this
/// payment's. Where a neighbour may or may not lie in that look, the first later one that leaves no such doubt tells instead.
/// `None`: there was no look yet.
#[must_use]
pub fn surplus(
    record: &IntentRecord,
    around: &[IntentRecord],
    looks: &[SettleRead],
    timing: &Timing,
) -> Option<Money> {
    let mut least = None;
    for look in whole_looks(record, looks, timing) {
        let left = left(record, around, look, timing)?;
        if left.is_certain {
            return Some(left.more);
        }
        least.get_or_insert(left.more);
    }
    least
}

/// Whether a look once the lag window was over leaves no doubt of what neighbours took: further ones tell nothing new.
#[must_use]
pub fn is_told(
    record: &IntentRecord,
    around: &[IntentRecord],
    looks: &[SettleRead],
    timing: &Timing,
) -> bool {
    whole_looks(record, looks, timing)
        .any(|look| left(record, around, look, timing).is_some_and(|left| left.is_certain))
}

/// The looks once the lag window of the payment was over, up to four of them. One of hours later shows what anybody spent meanwhile:
/// it tells nothing, and the quote stands. Of a payment that is known to have cost more, and perhaps more still, the first one tells
/// however late it comes: the smaller number is not assumed because nobody could look.
fn whole_looks<'a>(
    record: &IntentRecord,
    looks: &'a [SettleRead],
    timing: &Timing,
) -> impl Iterator<Item = &'a SettleRead> {
    let end = record.spend_started_at.as_ref().map(|began| over(record, began, timing));
    let (lag, four) = (timing.lag_window, timing.four_lags());
    let after = |look: &SettleRead| end.as_ref().map(|end| look.at.passed_since(end));
    let first = looks.iter().position(|look| after(look).is_some_and(|since| since >= lag));
    let whole = &looks[first.unwrap_or(looks.len())..];
    let timely = whole.iter().take_while(|look| after(look).is_some_and(|since| since <= four)).count();
    let count = if timely == 0 && counts_more(record) { whole.len().min(1) } else { timely };
    whole[..count].iter()
}

/// The first look once the lag window of the payment was over.
#[must_use]
pub fn whole_look<'a>(
    record: &IntentRecord,
    looks: &'a [SettleRead],
    timing: &Timing,
) -> Option<&'a SettleRead> {
    whole_looks(record, looks, timing).next()
}

/// What a look leaves unexplained.
struct Left {
    more: Money,
    /// Nothing that may or may not lie in the fall had to explain a part of it.
    is_certain: bool,
}

/// What a look leaves unexplained, counted from a balance before which nothing is unclear.
fn left(record: &IntentRecord, around: &[IntentRecord], look: &SettleRead, timing: &Timing) -> Option<Left> {
    let began = record.spend_started_at.as_ref()?;
    let anchor = anchor(record, around, timing);
    let from = anchor.spend_started_at.as_ref()?;
    let mut rest = anchor.balance_before.minus(look.balance)?;
    let (mut perhaps, mut exactly) = (Vec::new(), Vec::new());
    if is_after(&record.state_at, &look.at) {
        // It was seen as charged after this look: its own charge may not be in the fall.
        perhaps.push(record.quoted);
    } else {
        rest = rest.minus(record.quoted)?;
    }
    for other in around.iter().filter(|o| o.id != record.id) {
        let known = known_cost(other);
        let assumed = assumed_before(record, other).unwrap_or_default();
        match share((from, began), other, look, timing) {
            Share::None => {}
            // What it is assumed to have taken left before this fall if it was looked at by then.
            Share::Before
                if whole_look(other, &other.reads, timing).is_some_and(|l| !is_after(&l.at, from)) => {}
            Share::Before => perhaps.push(assumed),
            Share::Surely => rest = rest.minus(known)?.minus(assumed)?,
            Share::Perhaps => perhaps.extend([known, assumed]),
            Share::Exactly => exactly.push(known),
        }
    }
    if !rest.is_positive() {
        return Some(Left { more: Money::ZERO, is_certain: true });
    }
    exactly.extend(perhaps.iter().copied());
    let all = unexplained(rest, &exactly) == Money::ZERO;
    let more = if all { Money::ZERO } else { unexplained(rest, &perhaps) };
    Some(Left { more, is_certain: more == rest })
}

/// What already counts for an earlier payment without being known. A later one is judged after this one, so that two payments never
/// hand the same amount back and forth; and what counts in another policy must not hide a surplus from this one's budget.
fn assumed_before(record: &IntentRecord, other: &IntentRecord) -> Option<Money> {
    let earlier = (other.created_at.wall, &other.id) < (record.created_at.wall, &record.id);
    let counts = other.policy == record.policy && earlier;
    other.detail.charged.filter(|_| counts)?.minus(known_cost(other))
}

/// The payment from whose first balance a fall is counted: the balance in a quote may not show yet what was paid just before, but
/// with all that was paid since an earlier one it is exact.
fn anchor<'a>(record: &'a IntentRecord, around: &'a [IntentRecord], timing: &Timing) -> &'a IntentRecord {
    // The balance before a renewal by the provider is not known: it is seen afterwards.
    let charged = |o: &&IntentRecord| {
        matches!(o.state, State::Accepted | State::Confirmed)
            && !o.never_sent
            && o.purpose != Purpose::Provider
    };
    let mut earlier: Vec<(&Moment, &IntentRecord)> =
        around.iter().filter(charged).filter_map(|o| Some((o.spend_started_at.as_ref()?, o))).collect();
    // Parts of one payment were sent in one instant.
    earlier.sort_by(|(one, a), (other, b)| (other.wall, &b.id).cmp(&(one.wall, &a.id)));
    let mut anchor = record;
    for (at, before) in earlier {
        let Some(began) = anchor.spend_started_at.as_ref() else { break };
        if !is_after(began, at) {
            continue;
        }
        if began.passed_since(at) >= timing.lag_window || led_here(before, anchor) {
            break;
        }
        anchor = before;
    }
    anchor
}

/// What a neighbour took of a fall.
enum Share {
    None,
    /// It was charged before: only what counts for it without being known may lie in the fall.
    Before,
    Surely,
    Perhaps,
    /// Perhaps, and only if nothing is left: it may have been charged before, and then hides no surplus.
    Exactly,
}

/// `from`: where the fall is counted from; `began`: when the payment was sent.
fn share(
    (from, began): (&Moment, &Moment),
    other: &IntentRecord,
    look: &SettleRead,
    timing: &Timing,
) -> Share {
    let Some(at) = other.spend_started_at.as_ref() else { return Share::None };
    if other.purpose == Purpose::Provider {
        // It was charged before the reading that showed it. Where the balance showed nothing, its price is only believed.
        let within = !is_after(from, at) && !is_after(at, &look.at);
        let near = !is_after(from, at) && at.passed_since(&look.at) < timing.lag_window;
        return match (is_seen(other), within, near) {
            (true, true, _) => Share::Surely,
            (false, _, true) => Share::Exactly,
            _ => Share::None,
        };
    }
    if other.never_sent || !is_after(&look.at, at) || landed_after(other, look, timing) {
        return Share::None;
    }
    match other.state {
        // A refused one that was charged all the same is found by its own evidence.
        State::Reserved | State::Released | State::Split | State::NotApplied | State::Refused => Share::None,
        State::Accepted | State::Confirmed if is_after(from, at) => {
            // What was open when this one was sent may have landed since.
            let open = !is_seen(other) && is_after(&other.state_at, began);
            match open {
                false => Share::Before,
                // As while it was open: when it landed is known no better for it.
                true if began.passed_since(at) >= timing.four_lags() => Share::Exactly,
                true => Share::Perhaps,
            }
        }
        // The look may not show it yet.
        State::Accepted | State::Confirmed
            if is_after(at, began) && look.at.passed_since(at) < timing.lag_window =>
        {
            Share::Perhaps
        }
        // Nor one that was seen as charged later than that, as where it landed late.
        State::Confirmed if is_after(&other.state_at, &look.at) => Share::Perhaps,
        State::Accepted | State::Confirmed => Share::Surely,
        // What was open long before may land now, but more likely it was charged then, if ever.
        State::SpendStarted | State::Unknown | State::NeedsOperator
            if began.passed_since(at) >= timing.four_lags() =>
        {
            Share::Exactly
        }
        State::SpendStarted | State::Unknown | State::NeedsOperator => Share::Perhaps,
    }
}

/// A reading so long after a look that a list can lag no more still showed its old ends: its charge is not in the look's fall.
fn landed_after(other: &IntentRecord, look: &SettleRead, timing: &Timing) -> bool {
    let shows = |read: &SettleRead| {
        is_after(&read.at, &look.at) && read.at.passed_since(&look.at) >= timing.lag_window
    };
    other.reads.iter().any(|read| read.moved == 0 && shows(read))
}

/// The balance that an earlier payment is known to have left is the one that this payment began with. A cost that an operator told
/// says nothing of the balance that was read before.
fn led_here(earlier: &IntentRecord, record: &IntentRecord) -> bool {
    is_seen(earlier)
        && earlier.detail.measured != Some(Measured::Word)
        && earlier.detail.balance_after == Some(record.balance_before)
}

/// The least that is left of an amount once some of these were taken off it.
fn unexplained(amount: Money, perhaps: &[Money]) -> Money {
    let mut sums = BTreeSet::from([Money::ZERO]);
    for share in perhaps.iter().filter(|s| s.is_positive()) {
        let more: Vec<Money> =
            sums.iter().filter_map(|sum| sum.plus(*share)).filter(|sum| *sum <= amount).collect();
        if sums.len() + more.len() > MOST_SUMS {
            break;
        }
        sums.extend(more);
    }
    sums.last().and_then(|most| amount.minus(*most)).unwrap_or(amount)
}

/// Whether a fall beyond a quote is what earlier payments took: the balance in the quote may not have shown their charges yet, also
/// where another reading had.
#[must_use]
pub fn is_earlier_charge(
    record: &IntentRecord,
    fell: Money,
    around: &[IntentRecord],
    timing: &Timing,
) -> bool {
    let Some(began) = record.spend_started_at.as_ref() else { return false };
    let Some(beyond) = fell.minus(record.quoted).filter(|b| b.is_positive()) else { return false };
    let earlier = |o: &&IntentRecord| {
        let at = o.spend_started_at.as_ref().filter(|at| is_after(began, at) && o.id != record.id);
        matches!(o.state, State::Accepted | State::Confirmed)
            && at.is_some_and(|at| began.passed_since(at) < timing.lag_window)
            && !led_here(o, record)
    };
    let shares: Vec<Money> =
        around.iter().filter(earlier).map(|o| o.detail.charged.unwrap_or(o.quoted)).collect();
    unexplained(beyond, &shares) == Money::ZERO
}

#[cfg(test)]
#[path = "surplus_tests.rs"]
pub(in crate::evidence) mod tests;
