//! What will stop a renewal later, as far as that is known before it is due. Pure: the words of the plan, decided from the same facts as
//! the forecast.
//!
//! Not responsible for what stops it now (the plan says so), nor for money that will be missing (the runway does). Where no price is
//! known nothing is said of it.
use std::collections::HashSet;

use jiff::Timestamp;

use super::input::{AccountFacts, Input, LeaseFacts};
use super::price::PriceBook;
use super::result::{Forecast, Why};
use super::units::{self, Unit};
use crate::domain::time::words;
use crate::domain::{Kind, Money, same_cycle};
use crate::policy::{NextStart, PayBy, Policy, Word, has_a_turn, jumps};

/// One lease and what will stop its renewal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caution {
    /// Index of the account.
    pub account: usize,
    /// Index of its lease.
    pub lease: usize,
    /// The word that the plan would have for it.
    pub word: Word,
    /// Index of the policy that wants it; `None` = no policy does.
    pub policy: Option<usize>,
    /// Index of the budget that does not cover it.
    pub budget: Option<usize>,
    /// The end of the term that would not be extended.
    pub ends: Option<Timestamp>,
    /// The facts in words.
    pub why: String,
}

/// All of them, by account and lease; at most one a lease, the one that comes first. `next` is the schedule.
#[must_use]
pub fn cautions(input: &Input<'_>, forecast: &Forecast, next: &NextStart<'_>) -> Vec<Caution> {
    let mut all: Vec<Caution> = Vec::new();
    for (account, facts) in input.accounts.iter().enumerate() {
        let drawn = units::draw(input, account);
        for (n, lease) in facts.leases.iter().enumerate() {
            if let Some(left) = drawn.left_out.iter().find(|l| l.lease == lease.lease.id) {
                all.extend(left_out(input, account, n, left.why));
            } else if policy_of(input, lease).is_none()
                && lease.lease.expires_at.is_none_or(|end| end > input.now)
            {
                let why = "no policy matches: nobody renews it".to_owned();
                all.push(caution(input, account, n, Word::NoPolicy, why));
            }
        }
        all.extend(drawn.units.iter().flat_map(|unit| of_unit(input, unit, next)));
    }
    let told: HashSet<(usize, usize)> = all.iter().map(|c| (c.account, c.lease)).collect();
    for (n, end) in forecast.budgets.iter().enumerate() {
        let budget = input.budgets[n].budget;
        for &(account, lease) in end.lapse.iter().filter(|lapse| !told.contains(lapse)) {
            let why = format!(
                "budget `{}` ({} {} per {}) does not cover it before its end",
                budget.name,
                budget.limit,
                budget.currency,
                budget.per.as_str()
            );
            all.push(Caution { budget: Some(n), ..caution(input, account, lease, Word::OverBudget, why) });
        }
    }
    all.sort_by_key(|c| (c.account, c.lease, c.word));
    all.dedup_by_key(|c| (c.account, c.lease));
    all
}

fn policy_of(input: &Input<'_>, lease: &LeaseFacts<'_>) -> Option<usize> {
    input.policies.iter().position(|p| p.matches.matches(lease.lease))
}

fn caution(input: &Input<'_>, account: usize, lease: usize, word: Word, why: String) -> Caution {
    let facts = &input.accounts[account].leases[lease];
    let ends = facts.paid_to.or(facts.lease.expires_at);
    Caution { account, lease, word, policy: policy_of(input, facts), budget: None, ends, why }
}

/// What the forecast does not count because it cannot be renewed.
fn left_out(input: &Input<'_>, account: usize, lease: usize, why: Why) -> Option<Caution> {
    let facts = &input.accounts[account];
    let policy = &input.policies[policy_of(input, &facts.leases[lease])?];
    let (word, why) = match why {
        Why::PeriodNotOffered => {
            (Word::PeriodNotOffered, not_offered(facts, &facts.leases[lease].lease.kind, policy))
        }
        Why::PriceCap => (Word::PriceCap, over_cap(input, facts, &facts.leases[lease], policy)?),
        Why::Unparsable | Why::Lapsed | Why::BundleSplit => return None,
    };
    Some(caution(input, account, lease, word, why))
}

fn not_offered(facts: &AccountFacts<'_>, kind: &Kind, policy: &Policy) -> String {
    let list = |days: &[u32]| days.iter().map(|n| format!("{n}d")).collect::<Vec<_>>().join(", ");
    let offered = facts.offered.get(kind).map(Vec::as_slice).unwrap_or_default();
    format!(
        "policy `{}` wants {}; {kind} is offered for {}",
        policy.name,
        list(&policy.periods),
        list(offered)
    )
}

fn over_cap(
    input: &Input<'_>,
    facts: &AccountFacts<'_>,
    lease: &LeaseFacts<'_>,
    policy: &Policy,
) -> Option<String> {
    let cap = policy.max_price?;
    let book = PriceBook::new(facts, |l| input.policies[policy_of(input, l)?].promo_code.as_deref());
    let days = units::period(facts, lease, policy).ok()?;
    let price = book.price(lease, policy, days).0;
    let currency = facts.balance.as_ref().map(|b| format!(" {}", b.currency)).unwrap_or_default();
    // A member of an order that is paid whole may cost less than its share of the order.
    Some(match price.filter(|price| *price > cap) {
        Some(price) => format!("{price}{currency} for {days} days is over max_price {cap}"),
        None => format!("its order costs more than max_price {cap} for each of its leases"),
    })
}

/// What stands against a unit that the forecast does count.
fn of_unit(input: &Input<'_>, unit: &Unit, next: &NextStart<'_>) -> Vec<Caution> {
    let facts = &input.accounts[unit.account];
    let policy = &input.policies[unit.policy];
    let of = |lease: usize, word, why| Caution {
        policy: Some(unit.policy),
        ends: Some(unit.ends),
        ..caution(input, unit.account, lease, word, why)
    };
    let mut all: Vec<Caution> = unit
        .leases
        .iter()
        .filter_map(|&n| Some(of(n, Word::CycleDiffers, other_cycle(facts, &facts.leases[n], policy)?)))
        .collect();
    let shares = unit.amount.map(|amount| amount.shares(unit.leases.len())).unwrap_or_default();
    all.extend(unit.leases.iter().zip(shares).filter_map(|(&n, share)| {
        Some(of(n, Word::PriceJump, jump(&facts.leases[n], policy, share, unit.period_days)?))
    }));
    if let Some(why) = no_turn(input, unit, policy, next) {
        all.extend(unit.leases.iter().map(|&n| of(n, Word::OutsideWindow, why.clone())));
    }
    all
}

fn other_cycle(facts: &AccountFacts<'_>, lease: &LeaseFacts<'_>, policy: &Policy) -> Option<String> {
    let wanted = policy.cycle.as_deref().filter(|_| facts.capabilities.sells_cycles)?;
    let own = lease.lease.cycle.as_deref()?;
    (!same_cycle(wanted, own))
        .then(|| format!("policy `{}` wants cycle {wanted}; the order's is {own}", policy.name))
}

fn jump(lease: &LeaseFacts<'_>, policy: &Policy, share: Money, period_days: u32) -> Option<String> {
    let most = policy.max_price_jump?;
    let last = lease.last_paid.as_ref().filter(|last| last.amount.is_positive())?;
    jumps(most, (share, period_days), (last.amount, last.period_days)).then(|| {
        format!(
            "{share} {} for {period_days} days is over {most} more than the last {} for {} days",
            last.currency, last.amount, last.period_days
        )
    })
}

/// No pass begins at an instant at which it may be paid. Of what ends beyond the horizon nothing is said: schedules change.
fn no_turn(input: &Input<'_>, unit: &Unit, policy: &Policy, next: &NextStart<'_>) -> Option<String> {
    let asked = unit.renew_early
        && policy.pay_by == PayBy::Renewd
        && unit.ends > input.now
        && unit.ends <= input.horizon;
    if !asked || has_a_turn(policy, unit.ends, input.now, input.timezone, next) {
        return None;
    }
    let urgent = words(policy.urgent);
    Some(match &policy.window {
        Some(window) => format!(
            "no cycle comes to it within its window {} before its end, and none in its last {urgent}, when windows are ignored",
            window.as_str()
        ),
        None => "no cycle begins between the instant at which it falls due and its end".to_owned(),
    })
}
