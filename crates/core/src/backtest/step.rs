//! One pass: the planner decides, prices and funds are shared out, and what is admitted is paid.
use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::facts::Rules;
use super::result::{Backtest, Entry};
use super::world::{Living, Told, Worlds, policies};
use crate::budget::Budget;
use crate::domain::{AccountName, Capabilities, Currency, Lease, Leases, Money};
use crate::planner::{
    AccountView, Draft, Funds, GroupKey, Item, Offered, PaidBy, Standing, Unit, Verdict, World, draft, fill,
    group,
};
use crate::policy::{Action, Decision, PayBy, Policy, Reason, Stage, Word, due_at, jumps};

/// A pass at one instant.
pub(super) struct Step<'r, 'a> {
    pub rules: &'r Rules<'a>,
    pub now: Timestamp,
    pub patience: SignedDuration,
}

/// While something due is not paid, it is looked at again after so long at the earliest.
const PATIENCE: SignedDuration = SignedDuration::from_hours(1);

/// The next instant at which something may change.
struct Soon {
    now: Timestamp,
    at: Option<Timestamp>,
}

impl Soon {
    fn see(&mut self, at: Timestamp) {
        if at > self.now {
            self.at = Some(self.at.map_or(at, |known| known.min(at)));
        }
    }

    fn of(&mut self, policy: &Policy, order: &str, end: Timestamp) {
        [due_at(policy, order, end), policy.urgent_at(end), end].into_iter().for_each(|at| self.see(at));
    }
}

/// What one payment would be for.
struct Priced {
    unit: Unit,
    /// Each member's share; `None` where no price is known.
    amounts: Vec<Option<Money>>,
}

/// A line without policy and reason.
pub(super) fn entry(
    lease: &Lease,
    at: Timestamp,
    amount: Option<Money>,
    currency: Option<&Currency>,
) -> Entry {
    Entry {
        account: lease.account.clone(),
        lease: lease.id.clone(),
        ip: lease.ip.clone(),
        at,
        policy: None,
        word: None,
        reason: String::new(),
        amount,
        currency: currency.filter(|_| amount.is_some()).cloned(),
    }
}

impl Step<'_, '_> {
    /// Pays what would have been paid; gives the next instant at which something may fall due or be tried again.
    pub(super) fn take(
        &self,
        worlds: &mut Worlds<'_>,
        result: &mut Backtest,
        told: &mut Told,
    ) -> Option<Timestamp> {
        let Draft { mut items, lists } = self.drawn(worlds);
        let mut soon = Soon { now: self.now, at: None };
        for list in &lists {
            let idle = list.idle.iter().filter_map(|idle| Some((idle.policy()?, idle, list.end(idle)?)));
            for (policy, idle, end) in idle {
                soon.of(&self.rules.policies[policy], list.leases.view(idle.lease()).order, end);
            }
        }
        let budgets: Vec<Budget> = self.rules.budgets.iter().map(|(b, _)| b.clone()).collect();
        let capabilities: HashMap<AccountName, Capabilities> =
            worlds.accounts.iter().map(|a| (a.past.name.clone(), a.past.capabilities.clone())).collect();
        let offered = self.offered(worlds, &items);
        let groups = group(&mut items, self.rules.policies, &capabilities, &offered, &budgets);
        let mut units = Vec::new();
        for (key, members) in groups {
            let whole = key.order.is_some();
            let sets: Vec<Vec<usize>> =
                if whole { vec![members] } else { members.into_iter().map(|m| vec![m]).collect() };
            for members in sets {
                match self.priced(worlds, &items, &key, members.clone()) {
                    Ok(priced) => units.push(priced),
                    Err(reason) => members.iter().for_each(|&i| items[i].reason = reason.clone()),
                }
            }
        }
        self.fill(worlds, &mut items, units, result);
        if self.hold(worlds, &items, result, told) {
            soon.see(self.now.checked_add(PATIENCE).unwrap_or(Timestamp::MAX));
        }
        for item in &items {
            let end = self.living(worlds, &item.lease).and_then(|l| l.end);
            if let Some((policy, end)) = item.policy.map(|p| &self.rules.policies[p]).zip(end) {
                soon.of(policy, item.lease.order.as_str(), end);
            }
        }
        soon.at
    }

    fn living<'w>(&self, worlds: &'w Worlds<'_>, lease: &Lease) -> Option<&'w Living<'w>> {
        let account = worlds.accounts.iter().find(|a| a.past.name == lease.account)?;
        account.leases.get(*account.places.get(&lease.id)?)
    }

    fn drawn(&self, worlds: &Worlds<'_>) -> Draft {
        let policies = policies(self.rules, &worlds.last, self.now);
        let provider_pays = |lease: &Lease| policies.of(lease).is_some_and(|p| p.pay_by == PayBy::Provider);
        let lists: Vec<Arc<Leases>> =
            worlds.accounts.iter().map(|a| Arc::new(a.list(self.now, &provider_pays))).collect();
        let views: Vec<AccountView<'_>> = worlds
            .accounts
            .iter()
            .zip(&lists)
            .map(|(account, leases)| AccountView {
                name: &account.past.name,
                provider: &account.past.provider,
                capabilities: &account.past.capabilities,
                leases,
                missing: &[],
                standing: Standing::Good,
                barred: None,
                paused: None,
                clock_held: None,
                provider_stopped: None,
            })
            .collect();
        let world = World {
            now: self.now,
            timing: self.rules.timing,
            patience: self.patience,
            policies,
            accounts: &views,
            past: &[],
            clock_held: None,
        };
        draft(&world)
    }

    /// What is on offer, as far as that was ever read; else all that a policy lists.
    fn offered(&self, worlds: &Worlds<'_>, items: &[Item]) -> Offered {
        let listed: Vec<u32> = self.rules.policies.iter().flat_map(|p| p.periods.clone()).collect();
        let mut offered = Offered::new();
        for item in items.iter().filter(|i| i.reason.word == Word::Due) {
            let (account, kind) = (&item.lease.account, &item.lease.kind);
            let past = worlds.accounts.iter().find(|a| &a.past.name == account).map(|a| a.past);
            let known = past.and_then(|p| p.offered.get(kind)).unwrap_or(&listed);
            offered.insert((account.clone(), kind.clone()), Ok(known.clone()));
        }
        offered
    }

    /// The first period whose price is within the caps, or of which none is known.
    fn priced(
        &self,
        worlds: &Worlds<'_>,
        items: &[Item],
        key: &GroupKey,
        members: Vec<usize>,
    ) -> Result<Priced, Reason> {
        let policy = &self.rules.policies[key.policy];
        let mut key = key.clone();
        loop {
            let amounts: Vec<Option<Money>> =
                members.iter().map(|&m| self.price(worlds, &items[m].lease, key.period_days)).collect();
            let sum = Money::sum(amounts.iter().copied().collect::<Option<Vec<_>>>().unwrap_or_default())
                .unwrap_or_default();
            let currency = self.currency(worlds, &key.account);
            if !policy.is_over_cap(members.len(), sum) {
                self.jump(worlds, items, &key, (&members, &amounts))?;
                let unit = Unit { key, members, price: sum, currency };
                return Ok(Priced { unit, amounts });
            }
            let days = key.period_days;
            key = key.next().ok_or_else(|| {
                let cap = policy.max_price.unwrap_or_default();
                Reason::new(
                    Word::PriceCap,
                    format!("{sum} {currency} for {days} days is over max_price {cap}"),
                )
            })?;
        }
    }

    fn jump(
        &self,
        worlds: &Worlds<'_>,
        items: &[Item],
        key: &GroupKey,
        (members, amounts): (&[usize], &[Option<Money>]),
    ) -> Result<(), Reason> {
        let Some(most) = self.rules.policies[key.policy].max_price_jump else { return Ok(()) };
        for (&m, amount) in members.iter().zip(amounts) {
            let lease = &items[m].lease;
            let last = worlds.last.of(&lease.account, lease.id.as_str());
            if let Some((amount, last)) = amount.zip(last)
                && jumps(most, (amount, key.period_days), last)
            {
                let (paid, days) = last;
                return Err(Reason::new(
                    Word::PriceJump,
                    format!(
                        "{amount} for {} days is over {most} more than the last {paid} for {days} days",
                        key.period_days
                    ),
                ));
            }
        }
        Ok(())
    }

    fn price(&self, worlds: &Worlds<'_>, lease: &Lease, days: u32) -> Option<Money> {
        let account = worlds.accounts.iter().find(|a| a.past.name == lease.account)?;
        let past = account.leases[*account.places.get(&lease.id)?].past;
        account.prices.of_lease(past, days, self.now)
    }

    fn currency(&self, worlds: &Worlds<'_>, account: &AccountName) -> Currency {
        let past = worlds.accounts.iter().find(|a| &a.past.name == account);
        past.and_then(|a| a.past.currency.clone()).unwrap_or_else(|| Currency::new(""))
    }

    fn fill(&self, worlds: &mut Worlds<'_>, items: &mut [Item], priced: Vec<Priced>, result: &mut Backtest) {
        let rules = self.rules;
        let funds: HashMap<AccountName, Funds> = worlds
            .accounts
            .iter()
            .map(|a| {
                let free = match a.balance {
                    Some(balance) => balance.minus(a.past.keep_balance).unwrap_or_default(),
                    // Nobody knows what was there: no funds are missing.
                    None => Money::from_cents(i64::MAX / 1_000),
                };
                let fleet = a.leases.iter().filter(|l| l.is_listed(self.now)).count();
                (a.past.name.clone(), Funds { free, fleet, batch: a.past.batch })
            })
            .collect();
        let units: Vec<Unit> = priced.iter().map(|p| p.unit.clone()).collect();
        let budgets = worlds.budgets(rules, self.now);
        let verdicts = fill(&units, items, rules.policies, &funds, &budgets, rules.guard);
        for (one, verdict) in priced.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Deny(reason) => {
                    one.unit.members.iter().for_each(|&i| items[i].reason = reason.clone());
                }
                Verdict::Admit => self.pay(worlds, items, &one, result),
            }
        }
    }

    fn pay(&self, worlds: &mut Worlds<'_>, items: &mut [Item], priced: &Priced, result: &mut Backtest) {
        let key = &priced.unit.key;
        let policy = &self.rules.policies[key.policy];
        let Some(account) = worlds.accounts.iter().position(|a| a.past.name == key.account) else { return };
        for (&i, amount) in priced.unit.members.iter().zip(&priced.amounts) {
            let item = &mut items[i];
            let Some(&place) = worlds.accounts[account].places.get(&item.lease.id) else { continue };
            let days = key.period_days;
            worlds.pay(account, &item.lease, (self.now, &policy.name), (*amount, days), &item.labels);
            let of = &mut worlds.accounts[account];
            let living = &mut of.leases[place];
            living.end = living.end.map(|end| living.past.end_after(end, days));
            let currency = of.past.currency.as_ref();
            result.what_if.add(*amount, currency);
            result.unknown_prices += usize::from(amount.is_none());
            let word = if key.paid_by == PaidBy::Provider { Word::ProviderPays } else { Word::Due };
            result.paid.push(Entry {
                policy: Some(policy.name.clone()),
                word: Some(word),
                reason: item.reason.prose.clone(),
                ..entry(&item.lease, self.now, *amount, currency)
            });
            // Paid: nothing is said of it any more in this pass.
            item.reason = Reason::new(Word::Accepted, String::new());
        }
    }

    /// Notes what is held; whether anything due is left.
    fn hold(&self, worlds: &Worlds<'_>, items: &[Item], result: &mut Backtest, told: &mut Told) -> bool {
        let mut waits = false;
        for item in items {
            let policy = item.policy.map(|p| &self.rules.policies[p]);
            let wanted = policy.is_some_and(|p| p.action == Action::Renew) && item.stage > Some(Stage::Early);
            if !wanted || item.reason.word == Word::Accepted {
                continue;
            }
            let word = item.reason.word;
            waits |= word != Word::Lapsed && word.decision() != Decision::Release;
            let lease = &item.lease;
            let key = (lease.account.clone(), lease.id.clone(), lease.term_end(), word);
            if word.decision() != Decision::Hold || !told.insert(key) {
                continue;
            }
            let days = policy.and_then(|p| p.periods.first().copied()).unwrap_or(30);
            let amount = self.price(worlds, lease, days);
            let currency = self.currency(worlds, &lease.account);
            result.held.push(Entry {
                policy: policy.map(|p| p.name.clone()),
                word: Some(word),
                reason: item.reason.prose.clone(),
                ..entry(lease, self.now, amount, Some(&currency))
            });
        }
        waits
    }
}
