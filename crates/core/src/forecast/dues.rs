//! Every payment up to the horizon: a unit that is renewed falls due again at the end of its new term.
use std::cmp::Reverse;

use super::input::Input;
use super::result::Due;
use super::units::Unit;

/// The payments of one account's units, in the order in which they would be made.
pub(super) fn unfold(input: &Input<'_>, units: &[Unit]) -> Vec<Due> {
    let mut dues: Vec<Due> = units.iter().enumerate().flat_map(|(n, unit)| terms(input, n, unit)).collect();
    dues.sort_by_cached_key(|due| {
        let facts = &input.accounts[due.account];
        let first = due.leases.iter().map(|&l| facts.leases.view(l).id).min();
        (due.at, Reverse(input.policies[due.policy].priority), due.ends, first)
    });
    dues
}

fn terms(input: &Input<'_>, n: usize, unit: &Unit) -> Vec<Due> {
    let policy = &input.policies[unit.policy];
    let mut dues = Vec::new();
    let mut ends = Some(unit.ends);
    while let Some(end) = ends {
        let at = unit.due_at(input, end).max(input.now);
        if at > input.horizon || policy.is_past_until(end) || unit.is_let_go(policy, end, at) {
            break;
        }
        let Some(term) = unit.term(policy, end) else { break };
        dues.push(Due {
            account: unit.account,
            unit: n,
            at,
            leases: unit.leases.clone(),
            policy: unit.policy,
            ends: end,
            lost_at: end.checked_add(unit.grace).unwrap_or(end),
            amount: term.amount,
            source: term.source,
        });
        ends = term.end(end);
    }
    dues
}
