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
use super::units::{self, Piece, Unit, policy_of};
use crate::domain::time::words;
use crate::domain::{Kind, Money, same_cycle};
use crate::policy::{Kept, NextStart, PayBy, Policy, Word, has_a_turn, jumps};

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

/// Gathers what stands against the pieces of a forecast.
pub(super) struct Cautions {
    all: Vec<Caution>,
    /// Also of leases that no policy wants.
    unwanted: bool,
}

impl Cautions {
    pub(super) fn new(unwanted: bool) -> Self {
        Self { all: Vec::new(), unwanted }
    }

    /// Looks at one piece.
    pub(super) fn see(
        &mut self,
        input: &Input<'_>,
        account: usize,
        book: &PriceBook<'_>,
        piece: &Piece<'_>,
        next: &NextStart<'_>,
    ) {
        match piece {
            Piece::Unit(unit) => of_unit(input, unit, next, &mut self.all),
            Piece::LeftOut(leases, why) => {
                let of = leases.iter().filter_map(|&n| left_out(input, account, n, *why, book));
                self.all.extend(of);
            }
        }
    }

    /// By account and lease; at most one a lease, the one that comes first.
    pub(super) fn finish(self, input: &Input<'_>, forecast: &Forecast) -> Vec<Caution> {
        let Self { mut all, unwanted } = self;
        if unwanted || !input.policies.last_paid.keeps().is_empty() {
            for account in 0..input.accounts.len() {
                nobodys(input, account, unwanted, &mut all);
            }
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
                let caution = caution(input, account, lease, Word::OverBudget, why);
                all.push(Caution { budget: Some(n), ..caution });
            }
        }
        all.sort_by_key(|c| (c.account, c.lease, c.word));
        all.dedup_by_key(|c| (c.account, c.lease));
        all
    }
}

/// Leases under no policy: those that an operator keeps like one that is gone, and with `unwanted` all others.
fn nobodys(input: &Input<'_>, account: usize, unwanted: bool, all: &mut Vec<Caution>) {
    let leases = input.accounts[account].leases;
    let mut finder = units::PolicyFinder::new(input, account);
    for n in 0..leases.count() {
        let lease = leases.view(n);
        if lease.expires_at.is_some_and(|end| end <= input.now) || finder.of(n).is_some() {
            continue;
        }
        match input.policies.kept(lease) {
            Some(Kept::Orphaned(keep)) => {
                let why = format!("{}, and the config has no such policy", keep.words());
                all.push(caution(input, account, n, Word::KeepLost, why));
            }
            _ if unwanted => {
                let why = "no policy matches, so nothing renews it".to_owned();
                all.push(caution(input, account, n, Word::NoPolicy, why));
            }
            _ => {}
        }
    }
}

fn caution(input: &Input<'_>, account: usize, lease: usize, word: Word, why: String) -> Caution {
    let facts = input.accounts[account].leases.facts(lease);
    let ends = facts.paid_to.or(facts.lease.expires_at);
    Caution { account, lease, word, policy: policy_of(input, &facts.lease), budget: None, ends, why }
}

/// What the forecast does not count because it cannot be renewed.
fn left_out(
    input: &Input<'_>,
    account: usize,
    lease: usize,
    why: Why,
    book: &PriceBook<'_>,
) -> Option<Caution> {
    let facts = &input.accounts[account];
    let of = facts.leases.facts(lease);
    let policy = &input.policies[policy_of(input, &of.lease)?];
    let (word, why) = match why {
        Why::PeriodNotOffered => (Word::PeriodNotOffered, not_offered(facts, of.lease.kind, policy)),
        Why::PriceCap => (Word::PriceCap, over_cap(facts, &of, policy, book)?),
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
    facts: &AccountFacts<'_>,
    lease: &LeaseFacts<'_>,
    policy: &Policy,
    book: &PriceBook<'_>,
) -> Option<String> {
    let cap = policy.max_price?;
    // Of several periods, all of them over it, the last one tried of which a price is known speaks.
    let ends = lease.paid_to.or(lease.lease.expires_at)?;
    let tries = units::tries(facts, lease, policy, ends).into_iter().rev();
    let known = tries.filter_map(|days| Some((book.price(lease, policy, days).0?, days)));
    let over = known.into_iter().find(|(price, _)| *price > cap);
    let currency = facts.balance.as_ref().map(|b| format!(" {}", b.currency)).unwrap_or_default();
    // A member of an order that is paid whole may cost less than its share of the order.
    Some(match over {
        Some((price, days)) => format!("{price}{currency} for {days} days is over max_price {cap}"),
        None => format!("its order costs more than max_price {cap} for each of its leases"),
    })
}

/// What stands against a unit that the forecast does count.
fn of_unit(input: &Input<'_>, unit: &Unit, next: &NextStart<'_>, all: &mut Vec<Caution>) {
    let facts = &input.accounts[unit.account];
    let policy = &input.policies[unit.policy];
    let of = |lease: usize, word, why| Caution {
        policy: Some(unit.policy),
        ends: Some(unit.ends),
        ..caution(input, unit.account, lease, word, why)
    };
    if policy.cycle.is_some() {
        all.extend(unit.leases.iter().filter_map(|&n| {
            Some(of(n, Word::CycleDiffers, other_cycle(facts, &facts.leases.facts(n), policy)?))
        }));
    }
    if policy.max_price_jump.is_some() {
        let shares = unit.amount.map(|amount| amount.shares(unit.leases.len())).unwrap_or_default();
        all.extend(unit.leases.iter().zip(shares).filter_map(|(&n, share)| {
            let why = jump(&facts.leases.facts(n), policy, share, unit.period_days)?;
            Some(of(n, Word::PriceJump, why))
        }));
    }
    if let Some(why) = no_turn(input, unit, policy, next) {
        all.extend(unit.leases.iter().map(|&n| of(n, Word::OutsideWindow, why.clone())));
    }
}

fn other_cycle(facts: &AccountFacts<'_>, lease: &LeaseFacts<'_>, policy: &Policy) -> Option<String> {
    let wanted = policy.cycle.as_deref().filter(|_| facts.capabilities.sells_cycles)?;
    let own = lease.lease.cycle?;
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
    if !asked || has_a_turn(policy, unit.order(input), unit.ends, input.now, next) {
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
