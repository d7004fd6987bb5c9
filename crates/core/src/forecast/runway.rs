//! How far a balance carries, and what lapses where it does not.
use std::cmp::Reverse;
use std::collections::HashSet;

use jiff::Timestamp;

use super::input::{AccountFacts, Input};
use super::result::{Due, Runway, Uncovered, shortage};
use crate::domain::Money;
use crate::policy::OnShortFunds;

/// The runway of one account.
pub(super) fn runway(
    input: &Input<'_>,
    account: &AccountFacts<'_>,
    next_due_at: Option<Timestamp>,
    dues: &[Due],
) -> Runway {
    let free = account.balance.as_ref().and_then(|b| b.amount.minus(account.keep_balance));
    // What cannot be added up is beyond all balances.
    let need = Money::sum(dues.iter().filter_map(|d| d.amount));
    let mut sum = Some(Money::ZERO);
    let first = dues.iter().find(|due| {
        let Some(amount) = due.amount else { return false };
        sum = sum.and_then(|sum| sum.plus(amount));
        free.is_some_and(|free| sum.is_none_or(|sum| sum > free))
    });
    let unpriced: HashSet<usize> =
        dues.iter().filter(|d| d.amount.is_none()).flat_map(|d| d.leases.iter().copied()).collect();
    Runway {
        account: account.name.clone(),
        currency: account.balance.as_ref().map(|b| b.currency.clone()),
        balance: account.balance.as_ref().map(|b| b.amount),
        free,
        need: need.unwrap_or_default(),
        short_by: free.map(|free| shortage(dues, free)),
        until: first.map(|due| super::date(due.at, input.timezone)),
        top_up_by: first.map(|due| due.at),
        next_due_at,
        unpriced: unpriced.len(),
        uncovered: free.map(|free| uncovered(input, account, dues, free)).unwrap_or_default(),
    }
}

/// Spends what is free in order; what does not fit is skipped and the next is tried. Under `on_short_funds = "hold"` one
/// that does not fit keeps the later ones of its policy from being paid too.
fn uncovered(input: &Input<'_>, account: &AccountFacts<'_>, dues: &[Due], mut free: Money) -> Vec<Uncovered> {
    let (mut gone, mut held) = (HashSet::new(), HashSet::new());
    let mut all = Vec::new();
    for due in dues.iter() {
        let policy = &input.policies[due.policy];
        if gone.contains(&due.unit) {
            continue;
        }
        let left = free.minus(due.amount.unwrap_or_default()).filter(|left| !left.is_negative());
        match left.filter(|_| !held.contains(&due.policy)) {
            Some(left) => free = left,
            // Nothing is known of its price: it is not said to lapse.
            None if due.amount.is_none() => {}
            None => {
                gone.insert(due.unit);
                if policy.on_short_funds == OnShortFunds::Hold {
                    held.insert(due.policy);
                }
                let shares = due.amount.map(|amount| amount.shares(due.leases.len()));
                all.extend(due.leases.iter().enumerate().map(|(n, &lease)| Uncovered {
                    lease,
                    due_at: due.at,
                    ends: due.ends,
                    amount: shares.as_ref().and_then(|s| s.get(n).copied()),
                    priority: policy.priority,
                    policy: due.policy,
                }));
            }
        }
    }
    all.sort_by_cached_key(|u| (Reverse(u.priority), u.ends, account.leases.view(u.lease).id));
    all
}
