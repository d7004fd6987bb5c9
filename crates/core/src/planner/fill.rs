//! Spending what there is on what matters most: funds, budgets and guards, by priority, then end, then lease id.
//!
//! What does not fit is skipped and the next is tried.
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::grouping::{GroupKey, rank};
use super::guard::Guard;
use super::item::{Item, PaidBy};
use crate::budget::part;
use crate::domain::{AccountName, Currency, Money};
use crate::policy::{OnShortFunds, Policy, Reason, Word};

/// Leases that are paid or not paid as one: a single one, or a whole order.
#[derive(Debug, Clone)]
pub struct Unit {
    /// Its group.
    pub key: GroupKey,
    /// Indices into the items.
    pub members: Vec<usize>,
    /// What it costs.
    pub price: Money,
    /// In what.
    pub currency: Currency,
}

/// An account's means.
#[derive(Debug, Clone)]
pub struct Funds {
    /// What may be spent: balance less `keep_balance`.
    pub free: Money,
    /// All leases of the account, for the fleet share.
    pub fleet: usize,
    /// Leases in one call.
    pub batch: usize,
}

/// A budget's rest before this cycle.
#[derive(Debug, Clone)]
pub struct BudgetLeft {
    /// Its name.
    pub name: String,
    /// Accounts it counts; empty = all.
    pub accounts: Vec<AccountName>,
    /// Policies it counts; empty = all.
    pub policies: Vec<String>,
    /// Labels of the leases it counts; empty = all.
    pub labels: Vec<String>,
    /// Only this currency.
    pub currency: Currency,
    /// What is left.
    pub left: Money,
}

/// What `fill` says of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Pay it.
    Admit,
    /// Not in this cycle.
    Deny(Reason),
}

struct Books<'a> {
    items: &'a [Item],
    policies: &'a [Policy],
    funds: &'a HashMap<AccountName, Funds>,
    guard: &'a Guard,
    wanted: HashMap<AccountName, usize>,
    free: HashMap<AccountName, Money>,
    budgets: Vec<BudgetLeft>,
    admitted: HashMap<AccountName, usize>,
    closed: BTreeSet<AccountName>,
    group_sizes: HashMap<GroupKey, usize>,
    calls: usize,
}

/// One verdict per unit, in the order of `units`.
#[must_use]
pub fn fill(
    units: &[Unit],
    items: &[Item],
    policies: &[Policy],
    funds: &HashMap<AccountName, Funds>,
    budgets: &[BudgetLeft],
    guard: &Guard,
) -> Vec<Verdict> {
    let mut all_or_none: BTreeMap<(usize, AccountName), Reason> = BTreeMap::new();
    let mut order: Vec<usize> = (0..units.len()).collect();
    order.sort_by_cached_key(|&u| units[u].members.iter().map(|&i| rank(items, policies, i)).min());
    loop {
        let verdicts = pass((units, &order), items, policies, funds, budgets, guard, &all_or_none);
        // Of several such policies the one that comes first is judged first: what it leaves may be enough for the next. In the order of
        // `units` the result would depend on how accounts are listed.
        let short =
            order.iter().map(|&u| (&units[u], &verdicts[u])).find_map(|(unit, verdict)| match verdict {
                Verdict::Deny(r)
                    if r.word == Word::ShortFunds
                        && policies[unit.key.policy].on_short_funds == OnShortFunds::Hold
                        && !all_or_none.contains_key(&(unit.key.policy, unit.key.account.clone())) =>
                {
                    Some((unit.key.policy, unit.key.account.clone()))
                }
                _ => None,
            });
        let Some(key) = short else { return verdicts };
        let name = &policies[key.0].name;
        let prose = format!(
            "funds do not cover all due leases of policy `{name}`, which says none then (on_short_funds = \"hold\")"
        );
        all_or_none.insert(key, Reason::new(Word::ShortFunds, prose));
    }
}

fn pass(
    (units, order): (&[Unit], &[usize]),
    items: &[Item],
    policies: &[Policy],
    funds: &HashMap<AccountName, Funds>,
    budgets: &[BudgetLeft],
    guard: &Guard,
    all_or_none: &BTreeMap<(usize, AccountName), Reason>,
) -> Vec<Verdict> {
    let mut wanted: HashMap<AccountName, usize> = HashMap::new();
    for unit in units.iter().filter(|u| u.key.paid_by == PaidBy::Renewd) {
        *wanted.entry(unit.key.account.clone()).or_default() += unit.members.len();
    }
    let mut books = Books {
        items,
        policies,
        funds,
        guard,
        wanted,
        free: funds.iter().map(|(name, f)| (name.clone(), f.free)).collect(),
        budgets: budgets.to_vec(),
        admitted: HashMap::new(),
        closed: BTreeSet::new(),
        group_sizes: HashMap::new(),
        calls: 0,
    };
    let mut verdicts = vec![Verdict::Admit; units.len()];
    for &u in order {
        let unit = &units[u];
        verdicts[u] = match all_or_none.get(&(unit.key.policy, unit.key.account.clone())) {
            Some(reason) => Verdict::Deny(reason.clone()),
            None => books.admit(unit).map_or_else(Verdict::Deny, |()| Verdict::Admit),
        };
    }
    verdicts
}

impl Books<'_> {
    fn admit(&mut self, unit: &Unit) -> Result<(), Reason> {
        let account = &unit.key.account;
        let free = self.free.get(account).copied().unwrap_or_default();
        if unit.price > free {
            let missing = unit.price.minus(free).unwrap_or_default();
            let prose =
                format!("{} {} needed, {missing} more than the balance allows", unit.price, unit.currency);
            return Err(Reason::new(Word::ShortFunds, prose));
        }
        let name = &self.policies[unit.key.policy].name;
        let labels: Vec<&[Arc<str>]> =
            unit.members.iter().map(|&i| self.items[i].labels.as_slice()).collect();
        // What of it counts in a budget.
        let counted = |b: &BudgetLeft| {
            let counts = b.currency == unit.currency
                && (b.accounts.is_empty() || b.accounts.contains(account))
                && (b.policies.is_empty() || b.policies.contains(name));
            if counts { part(unit.price, &labels, &b.labels) } else { Money::ZERO }
        };
        if let Some(b) = self.budgets.iter().find(|b| counted(b) > b.left.max(Money::ZERO)) {
            let needed = counted(b);
            let prose = format!("{needed} {} needed, budget `{}` has {} left", unit.currency, b.name, b.left);
            return Err(Reason::new(Word::OverBudget, prose));
        }
        // The guard bounds renewd's own payments.
        let guarded = if unit.key.paid_by == PaidBy::Renewd { self.guard(unit) } else { Ok(()) };
        let all_or_none = self.policies[unit.key.policy].on_short_funds == OnShortFunds::Hold;
        if guarded.is_ok() || all_or_none {
            // What waits for the next cycle needs its money too where a policy pays all or none.
            self.free.insert(account.clone(), free.minus(unit.price).unwrap_or_default());
        }
        guarded?;
        for b in &mut self.budgets {
            b.left = b.left.minus(counted(b)).unwrap_or_default();
        }
        Ok(())
    }

    /// The share counts from 20 leases to pay; a unit larger than the share is paid alone in its cycle.
    fn guard(&mut self, unit: &Unit) -> Result<(), Reason> {
        let account = &unit.key.account;
        let wait = |prose: String| Err(Reason::new(Word::FleetGuard, prose));
        let (fleet, batch) = self.funds.get(account).map_or((0, 1), |f| (f.fleet, f.batch.max(1)));
        let done = self.admitted.get(account).copied().unwrap_or_default();
        let size = unit.members.len();
        if self.wanted.get(account).copied().unwrap_or_default() >= 20 {
            let most = self.guard.max_fleet_share.of_count(fleet).max(1);
            let alone = size > most && done == 0;
            if self.closed.contains(account) || (done + size > most && !alone) {
                return wait(format!(
                    "max_fleet_share {} of {fleet} leases is reached; the next cycle goes on",
                    self.guard.max_fleet_share
                ));
            }
            if alone {
                self.closed.insert(account.clone());
            }
        }
        let members = self.group_sizes.entry(unit.key.clone()).or_default();
        let call = unit.key.order.is_some() || members.is_multiple_of(batch);
        if call && self.calls >= self.guard.max_payments_per_cycle as usize {
            return wait(format!(
                "max_payments_per_cycle {} is reached; the next cycle goes on",
                self.guard.max_payments_per_cycle
            ));
        }
        *members += size;
        self.calls += usize::from(call);
        *self.admitted.entry(account.clone()).or_default() += size;
        Ok(())
    }
}

#[cfg(test)]
#[path = "fill_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "fill_properties.rs"]
mod properties;
