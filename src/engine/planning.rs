//! The planning half of a pass: draft, ask terms and prices, fill, and form the sets to pay. Spends nothing.
use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::Viewer;
use super::observe::Seen;
use super::passes::budget_check;
use super::price::{Prices, Pricing};
use crate::budget::span;
use crate::domain::{AccountName, Kind, Money, Quote};
use crate::ledger::LedgerError;
use crate::planner::{
    AccountView, BudgetLeft, Funds, GroupKey, Item, Offered, Past, PaySet, Unit, Verdict, World, batches,
    draft, fill, group,
};
use crate::policy::Decision;

/// A plan, priced and filled: what a preview shows and a cycle pays.
pub(super) struct Planned {
    pub items: Vec<Item>,
    pub sets: Vec<PaySet>,
    pub ready: Vec<(Vec<usize>, Quote)>,
    pub free: HashMap<AccountName, Money>,
    /// The terms on offer, as far as they were asked.
    pub offered: Offered,
}

impl Viewer {
    pub(super) async fn plan(
        &self,
        seen: &[Seen],
        clock_held: Option<String>,
        cycle: i64,
    ) -> Result<Planned, LedgerError> {
        let now = self.clock.now();
        let past = self.past(&now)?;
        let paused = self.ledger.paused()?;
        let capabilities = self.capabilities();
        let stopped = self.stopped_providers(&past);
        let views: Vec<AccountView<'_>> = seen
            .iter()
            .filter_map(|s| {
                Some(AccountView {
                    name: &s.account.name,
                    provider: &s.account.provider,
                    capabilities: capabilities.get(&s.account.name)?,
                    leases: &s.leases,
                    missing: &s.missing,
                    standing: s.standing.clone(),
                    paused: paused.iter().any(|p| p.account.as_ref().is_none_or(|a| a == &s.account.name)),
                    provider_stopped: stopped.get(s.account.provider.as_str()).cloned(),
                })
            })
            .collect();
        let settings = &self.settings;
        let mut items = draft(&World {
            now: now.wall,
            timezone: &settings.timezone,
            timing: &settings.timing,
            policies: &settings.policies,
            accounts: &views,
            past: &past,
            clock_held,
        });
        let offered = self.offered(&items).await;
        let groups = group(&mut items, &settings.policies, &capabilities, &offered);
        let prices = self.price(seen, &items, &groups).await?;
        Ok(Planned { offered, ..self.finish(seen, items, prices, cycle)? })
    }

    /// Providers whose payments stop because an account that left the config has unsettled payments.
    fn stopped_providers(&self, past: &[Past]) -> HashMap<String, String> {
        let gone =
            past.iter().filter(|p| p.state.is_unsettled() && self.settings.account(&p.account).is_none());
        gone.map(|p| {
            let text = format!(
                "payment {} of account `{}`, which left the config, is not settled: put the account back, or renewd resolve {}",
                p.intent, p.account, p.intent
            );
            (p.provider.as_str().to_owned(), text)
        })
        .collect()
    }

    async fn offered(&self, items: &[Item]) -> Offered {
        let mut wanted: BTreeMap<(AccountName, Kind), ()> = BTreeMap::new();
        for item in items.iter().filter(|i| i.decision() == Decision::Renew) {
            wanted.insert((item.lease.account.clone(), item.lease.kind.clone()), ());
        }
        let mut offered = Offered::new();
        for (account, kind) in wanted.into_keys() {
            let Some(reader) = self.readers.get(&account) else { continue };
            (self.beat)();
            let days = tokio::select! {
                days = reader.periods(&kind) => days.map_err(|e| e.to_string()),
                () = self.stop.cancelled() => Err("renewd is stopping".to_owned()),
            };
            offered.insert((account, kind), days);
        }
        offered
    }

    async fn price(
        &self,
        seen: &[Seen],
        items: &[Item],
        groups: &[(GroupKey, Vec<usize>)],
    ) -> Result<Prices, LedgerError> {
        let mut prices = Prices::default();
        for s in seen {
            let name = &s.account.name;
            let Some(reader) = self.readers.get(name) else { continue };
            let mine: Vec<_> = groups.iter().filter(|(key, _)| &key.account == name).collect();
            if mine.is_empty() {
                continue;
            }
            let last = self.ledger.last_prices(name)?;
            let pricing = Pricing {
                viewer: self,
                reader: reader.as_ref(),
                policies: &self.settings.policies,
                items,
                last: &last,
                currency: s.currency.as_ref().or(s.balance.as_ref().map(|b| &b.currency)),
                batch: s.account.batch,
            };
            prices.down = None;
            for (key, members) in mine {
                if let Some(reason) = &prices.down {
                    prices.holds.extend(members.iter().map(|&m| (m, reason.clone())));
                    continue;
                }
                pricing.group(key, members, &mut prices).await;
            }
        }
        Ok(prices)
    }

    /// Puts prices and holds on the items, fills, and forms the sets to pay.
    fn finish(
        &self,
        seen: &[Seen],
        mut items: Vec<Item>,
        prices: Prices,
        cycle: i64,
    ) -> Result<Planned, LedgerError> {
        let settings = &self.settings;
        for (i, quote) in prices.quotes {
            items[i].quote = Some(quote);
        }
        for (i, reason) in prices.holds {
            items[i].reason = reason;
        }
        let funds: HashMap<AccountName, Funds> = seen
            .iter()
            .map(|s| {
                let balance = s.balance.as_ref().map_or(Money::ZERO, |b| b.amount);
                let free = balance.minus(s.account.keep_balance).unwrap_or_default();
                (s.account.name.clone(), Funds { free, fleet: s.leases.len(), batch: s.account.batch })
            })
            .collect();
        let budgets = self.budgets_left(cycle)?;
        let verdicts = fill(&prices.units, &items, &settings.policies, &funds, &budgets, &settings.guard);
        let mut free: HashMap<AccountName, Money> =
            funds.iter().map(|(name, f)| (name.clone(), f.free)).collect();
        let mut admitted: Vec<(GroupKey, Vec<usize>)> = Vec::new();
        for (unit, verdict) in prices.units.iter().zip(verdicts) {
            match verdict {
                Verdict::Deny(reason) => unit.members.iter().for_each(|&i| items[i].reason = reason.clone()),
                Verdict::Admit => {
                    let left = free.entry(unit.key.account.clone()).or_default();
                    *left = left.minus(unit.price).unwrap_or_default();
                    admit(&mut admitted, unit);
                }
            }
        }
        let mut sets: Vec<PaySet> = Vec::new();
        for (key, members) in admitted {
            let batch = funds.get(&key.account).map_or(1, |f| f.batch);
            let size = if prices.singly.contains(&key) { 1 } else { batch };
            sets.extend(batches(&key, &members, size));
        }
        sets.sort_by_cached_key(|s| s.members.iter().map(|&i| order(&items[i], &settings.policies)).min());
        for set in &sets {
            let ids: Vec<_> = set.members.iter().map(|&i| items[i].lease.id.clone()).collect();
            set.members.iter().for_each(|&i| items[i].bundle.clone_from(&ids));
        }
        Ok(Planned { items, sets, ready: prices.ready, free, offered: Offered::new() })
    }

    fn budgets_left(&self, cycle: i64) -> Result<Vec<BudgetLeft>, LedgerError> {
        let now = self.clock.now().wall;
        self.settings
            .budgets
            .iter()
            .map(|b| {
                let spent = self.ledger.spent(&budget_check(b, now, &self.settings.timezone, cycle, span))?;
                Ok(BudgetLeft {
                    name: b.name.clone(),
                    accounts: b.accounts.clone(),
                    policies: b.policies.clone(),
                    currency: b.currency.clone(),
                    left: b.limit.minus(spent).unwrap_or_default(),
                })
            })
            .collect()
    }
}

fn admit(admitted: &mut Vec<(GroupKey, Vec<usize>)>, unit: &Unit) {
    match admitted.iter_mut().find(|(key, _)| key == &unit.key && key.order.is_none()) {
        Some((_, members)) => members.extend(&unit.members),
        None => admitted.push((unit.key.clone(), unit.members.clone())),
    }
}

fn order(item: &Item, policies: &[crate::policy::Policy]) -> (std::cmp::Reverse<i64>, Timestamp, String) {
    let priority = item.policy.map_or(0, |p| policies[p].priority);
    (std::cmp::Reverse(priority), item.lease.expires_at.unwrap_or(Timestamp::MIN), item.lease.id.to_string())
}
