//! What was seen of a payment, look after look: when looks count from, which are worth keeping, and what they add up to. Pure.
//!
//! After a reboot time counts from the first look. So it does for a payment that another node had begun before its end (a failover), and
//! then what may still be on its way is waited out first: [`leaves_by`].
use jiff::SignedDuration;

use crate::domain::time::{Moment, Timing};
use crate::domain::{Money, State};
use crate::record::{IntentRecord, PERMIT_TTL, SettleRead};

/// One look at the world after a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Time since the spend; after a reboot, since the first look of this boot.
    pub elapsed: SignedDuration,
    /// What nobody else accounts for.
    pub fell: Money,
    /// Leases that moved.
    pub moved: usize,
}

/// What was read of a refused payment once the lag window was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quiet {
    /// Nothing yet, or a balance that may hold its charge.
    No,
    /// Ends and balance unchanged.
    Unchanged,
    /// Ends unchanged, and the balance changed by something that is not the quote and stayed so: a top-up, somebody's purchase,
    /// or a charge that these hide.
    Changed,
}

/// Whether looks of this boot show that nothing was charged. A refusal that charged all the same shows as a fall that could hold
/// the charge: then a person must look.
#[must_use]
pub fn quiet(record: &IntentRecord, now: &Moment, timing: &Timing) -> Quiet {
    let looks = looks(record, now, timing, None);
    let unmoved = |l: &Look| l.elapsed >= timing.lag_window && l.moved == 0;
    if looks.iter().any(|l| unmoved(l) && l.fell == Money::ZERO) {
        return Quiet::Unchanged;
    }
    let stays = |w: &[Look]| w.iter().all(unmoved) && w[0].fell == w[1].fell && w[1].fell < record.quoted;
    if looks.windows(2).any(stays) { Quiet::Changed } else { Quiet::No }
}

/// Whether a fall may be a charge below its quote: where quotes do not bind, any fall up to the quote.
#[must_use]
pub fn may_be_its_charge(record: &IntentRecord, fell: Money, bound: bool) -> bool {
    !bound && fell.is_positive() && fell < record.quoted
}

/// Earlier looks of this boot and, if given, the present one. After a reboot time counts from the first look.
#[must_use]
pub fn looks(
    record: &IntentRecord,
    now: &Moment,
    timing: &Timing,
    present: Option<(Money, usize)>,
) -> Vec<Look> {
    let crossed = record.crossed.as_ref();
    let ours = |r: &&SettleRead| crossed.is_none_or(|failover| r.at.is_from(&failover.taken, now));
    let same: Vec<&SettleRead> =
        record.reads.iter().filter(|r| r.at.boot_id == now.boot_id).filter(ours).collect();
    let call = record.spend_started_at.as_ref().map(|at| over(record, at, timing));
    let zero = call
        .as_ref()
        .filter(|at| at.boot_id == now.boot_id && crossed.is_none())
        .or_else(|| same.first().map(|r| &r.at))
        .unwrap_or(now);
    let wait = if crossed.is_some() { leaves_by(timing) } else { SignedDuration::ZERO };
    let since = |at: &Moment| at.since(zero).unwrap_or(SignedDuration::ZERO).saturating_sub(wait);
    let mut looks: Vec<Look> =
        same.iter().map(|r| Look { elapsed: since(&r.at), fell: r.fell, moved: r.moved }).collect();
    if let Some((fell, moved)) = present {
        looks.push(Look { elapsed: since(now), fell, moved });
    }
    looks
}

/// How long after a node's end a payment that it had begun may still leave and be worked on: until its permit dies, and then as long as a
/// money call may take.
#[must_use]
pub fn leaves_by(timing: &Timing) -> SignedDuration {
    PERMIT_TTL.saturating_add(timing.money_timeout)
}

/// When the call was over, as far as is known: the provider may have acted at any instant until then, and its lists may lag
/// from there on.
#[must_use]
pub fn over(record: &IntentRecord, started: &Moment, timing: &Timing) -> Moment {
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

/// One more look at a refusal would tell nothing: it was quiet, or stands as it was seen twice after the lag window. An unknown
/// payment is looked at until it is settled.
#[must_use]
pub fn enough(record: &IntentRecord, timing: &Timing, look: &SettleRead) -> bool {
    let here = looks(record, &look.at, timing, None);
    let seen = |l: &Look| l.elapsed >= timing.lag_window && l.fell == look.fell && l.moved == look.moved;
    here.len() > 64
        || quiet(record, &look.at, timing) != Quiet::No
        || (here.len() > 1 && here.iter().rev().take(2).all(seen))
}

/// The trailing looks that saw nothing, counted only where they lie `lag_window / settle_reads` apart.
pub(super) fn agreeing(looks: &[Look], timing: &Timing) -> usize {
    let reads = i32::try_from(timing.settle_reads).unwrap_or(i32::MAX).max(1);
    let apart = timing.lag_window.checked_div(reads).unwrap_or(SignedDuration::ZERO);
    let counts = |l: &&Look| l.moved == 0 && l.fell == Money::ZERO && !l.elapsed.is_negative();
    let quiet = looks.iter().rev().take_while(counts);
    let mut count = 0;
    let mut next: Option<SignedDuration> = None;
    for look in quiet {
        if next.is_none_or(|n| look.elapsed <= n) {
            count += 1;
            next = Some(look.elapsed - apart);
        }
    }
    count
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
