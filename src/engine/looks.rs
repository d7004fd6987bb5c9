//! What was seen of a payment, look after look: when looks count from, which are kept, and what they add up to.
//!
//! A look is a row of its own: a crash keeps those that were written, and after a reboot time counts from the first one.
use jiff::SignedDuration;

use crate::domain::time::{Moment, Timing};
use crate::domain::{Money, State};
use crate::evidence::Look;
use crate::ledger::{IntentRecord, Ledger, LedgerError, SettleRead};
use crate::planner::Quiet;

/// Whether looks of this boot show that nothing was charged. A refusal that charged all the same shows as a fall that could hold
/// the charge: then a person must look.
pub(super) fn quiet(record: &IntentRecord, now: &Moment, timing: &Timing) -> Quiet {
    let looks = looks(record, now, timing, None);
    let unmoved = |l: &Look| l.elapsed >= timing.lag_window && l.moved == 0;
    if looks.iter().any(|l| unmoved(l) && l.fell == Money::ZERO) {
        return Quiet::Unchanged;
    }
    let stays = |w: &[Look]| w.iter().all(unmoved) && w[0].fell == w[1].fell && w[1].fell < record.quoted;
    if looks.windows(2).any(stays) { Quiet::Changed } else { Quiet::No }
}

/// Whether a fall may be a charge below its quote: where quotes do not bind, any fall up to the quote.
pub(super) fn may_be_its_charge(record: &IntentRecord, fell: Money, bound: bool) -> bool {
    !bound && fell.is_positive() && fell < record.quoted
}

/// Earlier looks of this boot and, if given, the present one. After a reboot time counts from the first look.
pub(super) fn looks(
    record: &IntentRecord,
    now: &Moment,
    timing: &Timing,
    present: Option<(Money, usize)>,
) -> Vec<Look> {
    let same: Vec<&SettleRead> = record.reads.iter().filter(|r| r.at.boot_id == now.boot_id).collect();
    let call = record.spend_started_at.as_ref().map(|at| over(record, at, timing));
    let zero = call
        .as_ref()
        .filter(|at| at.boot_id == now.boot_id)
        .or_else(|| same.first().map(|r| &r.at))
        .unwrap_or(now);
    let since = |at: &Moment| at.since(zero).unwrap_or(SignedDuration::ZERO);
    let mut looks: Vec<Look> =
        same.iter().map(|r| Look { elapsed: since(&r.at), fell: r.fell, moved: r.moved }).collect();
    if let Some((fell, moved)) = present {
        looks.push(Look { elapsed: since(now), fell, moved });
    }
    looks
}

/// When the call was over, as far as is known: the provider may have acted at any instant until then, and its lists may lag
/// from there on.
pub(super) fn over(record: &IntentRecord, started: &Moment, timing: &Timing) -> Moment {
    let took = took(record.state, record.state_at.since(started), timing.money_timeout);
    Moment {
        wall: started.wall.checked_add(took).unwrap_or(started.wall),
        boot_id: started.boot_id.clone(),
        boot_ms: started.boot_ms.saturating_add(i64::try_from(took.as_millis()).unwrap_or(0)),
    }
}

/// How long a call took, at most `most`: a state that follows the answer came `after` its start, if that can be told.
fn took(state: State, after: Option<SignedDuration>, most: SignedDuration) -> SignedDuration {
    match state {
        State::Accepted | State::SpendStarted => SignedDuration::ZERO,
        _ => after.map_or(most, |t| t.clamp(SignedDuration::ZERO, most)),
    }
}

pub(super) fn keep_look(
    ledger: &dyn Ledger,
    timing: &Timing,
    record: &IntentRecord,
    state: State,
    look: SettleRead,
) -> Result<(), LedgerError> {
    if !matches!(state, State::Accepted | State::Unknown | State::Refused) {
        return Ok(());
    }
    let reads = i32::try_from(timing.settle_reads).unwrap_or(i32::MAX).max(1);
    let apart = timing.lag_window.checked_div(reads).unwrap_or(SignedDuration::ZERO);
    let spaced = record.reads.last().is_none_or(|last| {
        last.fell != look.fell
            || last.moved != look.moved
            || look.at.since(&last.at).is_none_or(|s| s >= apart)
    });
    if spaced && !(state == State::Refused && enough(record, timing, &look)) {
        ledger.add_read(&record.id, &look)?;
    }
    Ok(())
}

/// One more look at a refusal would tell nothing: it was quiet, or stands as it was seen twice after the lag window. An unknown
/// payment is looked at until it is settled.
fn enough(record: &IntentRecord, timing: &Timing, look: &SettleRead) -> bool {
    let here = looks(record, &look.at, timing, None);
    let seen = |l: &Look| l.elapsed >= timing.lag_window && l.fell == look.fell && l.moved == look.moved;
    here.len() > 64
        || quiet(record, &look.at, timing) != Quiet::No
        || (here.len() > 1 && here.iter().rev().take(2).all(seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lag_of_a_lost_answer_begins_when_its_call_was_over() {
        let secs = SignedDuration::from_secs;
        let most = secs(120);
        assert_eq!(
            took(State::Unknown, Some(secs(118)), most),
            secs(118),
            "it hung, and was processed at its end"
        );
        assert_eq!(took(State::Refused, Some(secs(2)), most), secs(2));
        assert_eq!(
            took(State::Unknown, Some(secs(3_600)), most),
            most,
            "found by a new process an hour later"
        );
        assert_eq!(took(State::Unknown, None, most), most, "after a reboot");
        assert_eq!(took(State::Unknown, Some(secs(-5)), most), secs(0), "a clock set back");
    }
}
