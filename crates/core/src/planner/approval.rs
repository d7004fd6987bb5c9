//! Plans that a person has to approve: what they are called, when they are the same, until when they wait, and what of the world spoils
//! them. Pure.
//!
//! Not responsible for where they are kept (the ledger), or for whether a set is still paid as it says (the engine, with the rules of
//! plan files).
use std::collections::BTreeMap;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::item::Item;
use crate::domain::{Money, RequestLease, TermEnd};
use crate::policy::{Policy, Stage, Word};
use crate::record::{ExactSet, NewPlan, PlanRecord, PlanState};

/// What the reason of a lease means for a plan that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Against {
    /// It is due, and nothing stands against it.
    Nothing,
    /// It cannot be paid now; once that is over it is as it was.
    ForNow,
    /// It is not what was approved any more.
    Moved,
}

/// One rule for every word of a reason.
#[must_use]
pub fn against(word: Word) -> Against {
    match word {
        Word::Due => Against::Nothing,
        Word::OutsideWindow
        | Word::NotRenewableYet
        | Word::FleetGuard
        | Word::Backoff
        | Word::Accepted
        | Word::UnknownPending
        | Word::Shrunk
        | Word::Paused
        | Word::AccountDown
        | Word::QuoteError
        | Word::QuoteUnreadable
        | Word::AccountChanged
        | Word::SecondRenewd
        | Word::Restored
        | Word::Overcharged
        | Word::Approval
        | Word::Clock => Against::ForNow,
        // Of one lease, and for as long as it takes: the others of its plan must not wait for it.
        Word::ProviderOwns
        | Word::NeedsOperator
        | Word::Unparsable
        | Word::Refused
        | Word::Stale
        | Word::BundleSplit
        | Word::OrderState
        | Word::NotDue
        | Word::ProviderPays
        | Word::NoPolicy
        | Word::WatchPolicy
        | Word::ReleasePolicy
        | Word::PastUntil
        | Word::IgnorePolicy
        | Word::ShortFunds
        | Word::OverBudget
        | Word::PriceCap
        | Word::PriceJump
        | Word::PromoInvalid
        | Word::ProviderWarning
        | Word::PeriodNotOffered
        | Word::CycleDiffers
        | Word::CurrencyChanged
        | Word::KeepLost
        | Word::Lapsed => Against::Moved,
    }
}

/// Whether an end is still the planned one. A plan says its instant, and not whether that was told as a date alone.
#[must_use]
pub fn end_stands(now: TermEnd, planned: &RequestLease, days: u32) -> bool {
    now.at == planned.expires_at || now.stands(planned.end(), days)
}

/// The name of a plan: ten letters and digits that stand for its leases, their ends, what is bought for them and the amount. No letter is
/// taken for a digit.
#[must_use]
pub fn name(sets: &[ExactSet]) -> String {
    const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut lines: Vec<String> =
        sets.iter().flat_map(|set| set.request.leases.iter().map(|l| line(set, l))).collect();
    lines.sort();
    let first = sets.first();
    let whose = first.map(|set| format!("{:?} {:?} {}", set.request.account, set.policy, set.currency));
    let mut hash = Sha256::new();
    hash.update(format!("{}\n{}\n", whose.unwrap_or_default(), total(sets).unwrap_or_default()));
    hash.update(lines.join("\n"));
    let digits = hash.finalize();
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 32)]);
    let (head, tail): (String, String) =
        (digits[..5].iter().map(letter).collect(), digits[5..10].iter().map(letter).collect());
    format!("{head}-{tail}")
}

fn line(set: &ExactSet, lease: &RequestLease) -> String {
    let RequestLease { id, order, ip, expires_at, .. } = lease;
    let request = &set.request;
    let (days, cycle, promo) = (request.period_days, &request.cycle, &request.promo);
    format!("{id:?} {order:?} {ip:?} {expires_at} {days} {cycle:?} {promo:?} {}", set.attempt)
}

/// What they cost in all; `None` where no number holds that.
#[must_use]
pub fn total(sets: &[ExactSet]) -> Option<Money> {
    Money::sum(sets.iter().map(|set| set.price))
}

/// Whether both pay for the same leases in the same terms, for the same amount in all. Ends are the same by the rule of terms: one that
/// jitters makes no other plan.
#[must_use]
pub fn is_same(known: &[ExactSet], now: &[ExactSet]) -> bool {
    let all = |sets: &[ExactSet]| sets.iter().map(|set| set.request.leases.len()).sum::<usize>();
    let mut places = BTreeMap::new();
    for set in now {
        places.extend(set.request.leases.iter().map(|l| (&l.id, (set, l))));
    }
    let stands = |set: &ExactSet, lease: &RequestLease| {
        let Some((other, now)) = places.get(&lease.id) else { return false };
        let terms = |s: &ExactSet| {
            (
                s.request.period_days,
                s.request.cycle.clone(),
                s.request.promo.clone(),
                s.attempt,
                s.currency.clone(),
            )
        };
        (&lease.order, &lease.ip) == (&now.order, &now.ip)
            && end_stands(now.end(), lease, set.request.period_days)
            && terms(set) == terms(other)
    };
    all(known) == all(now)
        && total(known) == total(now)
        && known.iter().all(|set| set.request.leases.iter().all(|lease| stands(set, lease)))
}

/// When a due lease becomes urgent, or became so.
#[must_use]
pub fn urgent_from(item: &Item, policy: &Policy) -> Option<Timestamp> {
    let end = item.lease.named_end()?.at;
    // On hold it is in its last stage from the hold on.
    if item.stage == Some(Stage::Rescue) {
        return Some(end);
    }
    let urgent = policy.urgent_at(end);
    Some(item.due_at.map_or(urgent, |due| urgent.max(due)))
}

/// What an operator rejected is left alone until one of its leases becomes urgent after that. `items`: the leases as they are now.
#[must_use]
pub fn rejects<'a>(
    plan: &PlanRecord,
    mut items: impl Iterator<Item = &'a Item>,
    policies: &[Policy],
    now: Timestamp,
) -> bool {
    let spoken = plan.last.at;
    let urgent = |item: &Item| {
        let from = item.policy.and_then(|p| urgent_from(item, &policies[p]));
        from.is_some_and(|from| from > spoken && from <= now)
    };
    plan.state() == PlanState::Rejected
        && now < plan.plan.covers_until
        && !items.any(|i| names_term(&plan.plan, i) && urgent(i))
}

/// Whether the plan is about the very term that the lease is in.
#[must_use]
pub fn names_term(plan: &NewPlan, item: &Item) -> bool {
    let (lease, Some(end)) = (&item.lease, item.lease.named_end()) else { return false };
    let is_it = |set: &ExactSet| {
        let same = |l: &&RequestLease| l.id == lease.id && end_stands(end, l, set.request.period_days);
        set.request.leases.iter().any(|l| same(&l))
    };
    plan.account == lease.account && plan.sets.iter().any(is_it)
}

#[cfg(test)]
#[path = "approval_tests.rs"]
mod tests;
