//! May this lease be paid again, given what became of earlier payments of the same term?
//!
//! Contract I1 and I6 live here: an end that did not move never triggers another payment by itself, and there is at
//! most one automatic second attempt per lease and term.
use jiff::{SignedDuration, Timestamp};

use super::input::{Past, World};
use crate::domain::time::words;
use crate::domain::{IntentId, Lease, ProviderName, State};
use crate::evidence::Quiet;
use crate::policy::{OnUnknown, Policy, Reason, Stage, Word};

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clearance {
    /// Pay; this would be the given attempt (1 or 2) of the term.
    Attempt(u32),
    /// Do not, for this reason.
    Blocked(Reason),
}

/// First and longest wait after a connection that was never made.
const NEVER_SENT: (i64, i64) = (30, 900);
/// First and longest wait after a refusal; the urgent stage waits no longer than [`URGENT_CAP`].
const REFUSED: (i64, i64) = (600, 21_600);
const URGENT_CAP: i64 = 900;

fn doubled((first, longest): (i64, i64), failures: usize, stage: Stage) -> SignedDuration {
    let shift = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
    let cap = if stage >= Stage::Urgent { longest.min(URGENT_CAP) } else { longest };
    SignedDuration::from_secs(first.saturating_mul(1 << shift).min(cap))
}

/// Judges `lease` by the payments in `world.past`.
#[must_use]
pub fn clearance(
    world: &World<'_>,
    provider: &ProviderName,
    lease: &Lease,
    policy: &Policy,
    stage: Stage,
) -> Clearance {
    let past: Vec<&Past> = world.past.iter().filter(|p| p.is_in_reach(provider, lease)).collect();
    // Within its lag window a refusal may have charged all the same, and its new end may be shown in any way.
    let fresh = |p: &Past| {
        p.state == State::Refused
            && p.quiet == Quiet::No
            && p.elapsed.is_some_and(|e| e < world.timing.lag_window)
            && p.is_for(lease)
    };
    let term: Vec<&Past> = past.iter().copied().filter(|p| p.same_term(lease) || fresh(p)).collect();
    if let Some(reason) = pending(&past, &term, lease) {
        return Clearance::Blocked(reason);
    }
    if let Some(reason) = stale(world, provider, lease).or_else(|| paid(&term, world)) {
        return Clearance::Blocked(reason);
    }
    if let Some(reason) =
        refused(&term, world.now, stage).or_else(|| unreachable_before(&term, world.now, stage))
    {
        return Clearance::Blocked(reason);
    }
    second_attempt(&term, world, policy, stage)
}

fn pending(past: &[&Past], term: &[&Past], lease: &Lease) -> Option<Reason> {
    if let Some(p) = term.iter().find(|p| p.state == State::Accepted) {
        return Some(Reason::new(
            Word::Accepted,
            format!("payment {} was accepted; its new end is not listed yet", p.intent),
        ));
    }
    let touching =
        |states: &[State]| past.iter().find(|p| states.contains(&p.state) && p.touches(lease)).copied();
    if let Some(p) = touching(&[State::NeedsOperator]) {
        return Some(Reason::new(
            Word::NeedsOperator,
            format!(
                "only a person can say what became of payment {0}: renewd resolve {0} --charged AMOUNT|--not-charged --note TEXT",
                p.intent
            ),
        ));
    }
    if let Some(p) = touching(&[State::Unknown, State::SpendStarted]) {
        let whose = if p.same_term(lease) { "its payment" } else { "a payment of its order or address," };
        return Some(Reason::new(
            Word::UnknownPending,
            format!("{whose} {} is not settled; renewd is looking for evidence", p.intent),
        ));
    }
    None
}

/// An end that is older than the newest that a confirmed payment was seen to bring: a list that lags, or one that was set back. It
/// is not believed, so nothing is paid by it, urgent or not.
#[must_use]
pub fn stale(world: &World<'_>, provider: &ProviderName, lease: &Lease) -> Option<Reason> {
    let paid = world.past.iter().filter(|p| p.state == State::Confirmed && p.is_in_reach(provider, lease));
    let (last, bought) =
        paid.filter_map(|p| Some((p, p.stale_for(lease)?))).max_by_key(|(_, bought)| bought.after)?;
    let (now, after) = (lease.expires_at?, bought.after?);
    let told = format!(
        "its end reads {now}, and payment {} moved it from {} to {after}",
        last.intent, bought.before.at
    );
    if world.now.duration_since(last.state_at) < world.timing.lag_window {
        return Some(Reason::new(Word::Accepted, format!("{told}: the list lags behind that payment")));
    }
    Some(Reason::new(
        Word::Stale,
        format!("{told}, so renewd does not believe the older end and pays nothing"),
    ))
}

fn paid(term: &[&Past], world: &World<'_>) -> Option<Reason> {
    let paid = term.iter().filter(|p| p.state == State::Confirmed).max_by_key(|p| p.state_at)?;
    // A list may lag behind the payment: until that is over, an end that stands still says nothing.
    let since = world.now.duration_since(paid.state_at);
    if !since.is_negative() && since < world.timing.lag_window {
        let prose = format!("payment {} was charged; its new end is not listed yet", paid.intent);
        return Some(Reason::new(Word::Accepted, prose));
    }
    Some(Reason::new(
        Word::NeedsOperator,
        format!(
            "payment {} was charged for this term, and the end did not move: ask the provider",
            paid.intent
        ),
    ))
}

fn refused(term: &[&Past], now: Timestamp, stage: Stage) -> Option<Reason> {
    let refusals: Vec<&&Past> = term.iter().filter(|p| p.state == State::Refused).collect();
    let last = refusals.iter().max_by_key(|p| p.state_at)?;
    let changed = refusals.iter().filter(|p| p.quiet == Quiet::Changed).count();
    if last.quiet == Quiet::No || changed > 1 {
        return Some(Reason::new(Word::Refused, unquiet(last, changed, now)));
    }
    let next = last.state_at.checked_add(doubled(REFUSED, refusals.len(), stage)).ok()?;
    (now < next).then(|| {
        Reason::new(
            Word::Refused,
            format!(
                "payment {} was refused; next attempt in {}",
                last.intent,
                words(next.duration_since(now))
            ),
        )
    })
}

/// Time enough for the readings of a refusal: from then on only a person can say more.
const LONG_REFUSED: SignedDuration = SignedDuration::from_hours(2);

/// A balance that changed around a refusal may hide a charge. It is believed to be somebody else's doing once, not each time.
fn unquiet(last: &Past, changed: usize, now: Timestamp) -> String {
    let id = &last.intent;
    let person = format!("renewd resolve {id} --charged AMOUNT|--not-charged --note TEXT");
    if changed > 1 {
        return format!("payment {id} was refused, and each time the balance changed: {person}");
    }
    if now.duration_since(last.state_at) >= LONG_REFUSED {
        return format!(
            "payment {id} was refused, and the balance may hold its charge all the same: {person}"
        );
    }
    format!("payment {id} was refused; waiting for the lag window and an unchanged reading")
}

fn unreachable_before(term: &[&Past], now: Timestamp, stage: Stage) -> Option<Reason> {
    let failed: Vec<&&Past> = term.iter().filter(|p| p.never_sent).collect();
    let last = failed.iter().max_by_key(|p| p.state_at)?;
    let next = last.state_at.checked_add(doubled(NEVER_SENT, failed.len(), stage)).ok()?;
    (now < next).then(|| {
        Reason::new(
            Word::Backoff,
            format!(
                "payment {} could not be sent; next attempt in {}",
                last.intent,
                words(next.duration_since(now))
            ),
        )
    })
}

/// Counts only what happened after an operator's last word: that word is a fresh start.
fn second_attempt(term: &[&Past], world: &World<'_>, policy: &Policy, stage: Stage) -> Clearance {
    let heard = term.iter().filter(|p| p.operator_spoke).map(|p| p.state_at).max();
    let failed: Vec<&&Past> = term
        .iter()
        .filter(|p| p.state == State::NotApplied && !p.never_sent && !p.operator_spoke)
        .filter(|p| heard.is_none_or(|h| p.state_at > h))
        .collect();
    let Some(last) = failed.iter().max_by_key(|p| p.state_at) else {
        // After a refused batch each lease goes alone: one bad lease must not keep the others from being paid.
        let joint = term.iter().any(|p| p.state == State::Refused && p.leases.len() > 1);
        return Clearance::Attempt(if joint { 2 } else { 1 });
    };
    let id = &last.intent;
    if failed.len() > 1 {
        return Clearance::Blocked(Reason::new(
            Word::NeedsOperator,
            format!(
                "two attempts ended without a charge, the last is {id}: renewd resolve {id} --not-charged --note TEXT allows another"
            ),
        ));
    }
    // Bytes may still lie in a machine that is frozen: absence alone says less of them than of a call that ended.
    if let Some(left) = failed.iter().filter_map(|p| p.failover_hold).max()
        && let Some(reason) = held_over(id, left, policy, stage)
    {
        return Clearance::Blocked(reason);
    }
    let double_lag = world.timing.lag_window.checked_mul(2).unwrap_or(SignedDuration::MAX);
    let allowed = match policy.on_unknown {
        OnUnknown::Never => false,
        OnUnknown::Hold => stage >= Stage::Urgent,
        OnUnknown::Retry => {
            stage >= Stage::Urgent
                || last
                    .elapsed
                    .map_or(world.now.duration_since(last.state_at) >= double_lag, |e| e >= double_lag)
        }
    };
    if allowed {
        return Clearance::Attempt(2);
    }
    let when = match policy.on_unknown {
        OnUnknown::Never => "not again without `renewd resolve`".to_owned(),
        OnUnknown::Hold => {
            format!("again in the urgent stage, or after renewd resolve {id} --not-charged --note TEXT")
        }
        OnUnknown::Retry => format!("again once {} have passed", words(double_lag)),
    };
    Clearance::Blocked(Reason::new(
        Word::UnknownPending,
        format!("payment {id} was not charged, as evidence shows; {when}"),
    ))
}

/// Why a payment that another node began, and that evidence does not show, is not made anew yet.
fn held_over(id: &IntentId, left: SignedDuration, policy: &Policy, stage: Stage) -> Option<Reason> {
    let when = match (policy.on_unknown, stage >= Stage::Urgent) {
        (OnUnknown::Never, _) => "not again without `renewd resolve`".to_owned(),
        (_, true) if !left.is_positive() => return None,
        (_, true) => format!("again in {}, when failover_hold is over", words(left)),
        (_, false) => format!(
            "again in the urgent stage once failover_hold is over, or after renewd resolve {id} --not-charged --note TEXT"
        ),
    };
    let prose =
        format!("payment {id} was begun by a node that was lost since, and does not show as charged; {when}");
    Some(Reason::new(Word::UnknownPending, prose))
}

#[cfg(test)]
#[path = "attempts_tests.rs"]
mod tests;
