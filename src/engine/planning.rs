//! The planning half of a pass: draft, have terms and prices asked, fill, and form the sets to pay. Spends nothing.
use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Viewer;
use super::apply::{Approved, ExactSet, locate, put_aside};
use super::asking::Wanted;
use super::clockrule::Clocks;
use super::lane;
use super::observe::Seen;
use super::passes::budget_check;
use super::price::Prices;
use super::settle::past_of;
use crate::budget::span;
use crate::domain::{AccountName, Lease, Moment, Money, Quote};
use crate::ledger::LedgerError;
use crate::planner::{
    AccountView, BudgetLeft, Funds, GroupKey, Item, Offered, PaidBy, Past, PaySet, Unit, Verdict, World,
    batches, draft, fill, group, hold_overcharged,
};
use crate::policy::{Decision, Reason, Word};
use crate::settings::Settings;

/// A plan, priced and filled: what a preview shows and a cycle pays.
pub(super) struct Planned {
    pub items: Vec<Item>,
    pub sets: Vec<PaySet>,
    pub ready: Vec<(Vec<usize>, Quote)>,
    pub free: HashMap<AccountName, Money>,
    /// The sets of the plan that is applied.
    pub exactly: Option<Vec<(PaySet, ExactSet)>>,
    /// Why that plan is stale: then nothing is to be paid.
    pub moved: Vec<String>,
    /// The terms on offer, as far as they were asked.
    pub offered: Offered,
}

impl Planned {
    /// A pass that looks at no lease.
    pub(super) fn nothing() -> Self {
        Self {
            items: Vec::new(),
            sets: Vec::new(),
            ready: Vec::new(),
            free: HashMap::new(),
            exactly: None,
            moved: Vec::new(),
            offered: Offered::new(),
        }
    }
}

impl Viewer {
    pub(super) async fn plan(
        &self,
        seen: &[Seen],
        clock: Clocks,
        cycle: i64,
        only: Option<&Approved>,
    ) -> Result<Planned, LedgerError> {
        let now = self.clock.now();
        let mut past = self.past(&now)?;
        let paused = self.ledger.paused()?;
        let capabilities = self.capabilities();
        let stopped = self.stopped_providers(&past);
        let views = views(seen, &capabilities, &paused, &stopped, &clock);
        let settings = &self.settings;
        let overcharged = self.overcharged()?;
        let drawn = |past: &[Past]| {
            let mut items = draft(&World {
                now: now.wall,
                timezone: &settings.timezone,
                timing: &settings.timing,
                patience: self.patience(now.wall),
                policies: &settings.policies,
                accounts: &views,
                past,
                clock_held: clock.all.clone(),
            });
            hold_overcharged(&mut items, &settings.policies, &overcharged);
            items
        };
        let mut items = drawn(&past);
        let paid = self.paid_terms(seen, &items, &now)?;
        if !paid.is_empty() {
            past.extend(paid);
            items = drawn(&past);
        }
        let offered = self.offered(&items).await;
        let groups = group(&mut items, &settings.policies, &capabilities, &offered);
        let Some(plan) = only else {
            let wanted = groups.into_iter().map(|(key, members)| Wanted::Group(key, members)).collect();
            let items = Arc::new(items);
            let prices = self.price(seen, &items, wanted).await?;
            return Ok(Planned { offered, ..self.finish(seen, items, prices, cycle, None)? });
        };
        let located = locate(plan, &items, &groups, settings);
        put_aside(&mut items, located.as_deref().unwrap_or_default(), located.is_err());
        let (named, moved) = located.map_or_else(|moved| (Vec::new(), moved), |named| (named, Vec::new()));
        let wanted =
            named.iter().map(|(set, exact)| Wanted::Exactly(set.clone(), Box::new(exact.clone()))).collect();
        let items = Arc::new(items);
        let prices = self.price(seen, &items, wanted).await?;
        let planned = self.finish(seen, items, prices, cycle, Some(named))?;
        Ok(Planned { moved, offered, ..planned })
    }

    /// For how long what waits for a payment to be settled may have to: its lag window, or until the next cycle, which may begin late
    /// and needs its time to pay, where that comes after it.
    pub(super) fn patience(&self, now: Timestamp) -> SignedDuration {
        let Settings { schedule, timing, .. } = self.settings.as_ref();
        let gap = self.settings.next_start()(now).map(|next| next.duration_since(now));
        let until = gap.and_then(|gap| {
            gap.checked_add(schedule.jitter)?.checked_add(timing.money_timeout)?.checked_add(lane::FRESH)
        });
        until.map_or(timing.lag_window, |until| until.max(timing.lag_window))
    }

    /// The confirmed payments of terms that are due again: an end that did not move after its payment, or that moved back. Only what
    /// is due, or seems to be past its end, is looked up, so that a long history costs nothing.
    fn paid_terms(&self, seen: &[Seen], items: &[Item], now: &Moment) -> Result<Vec<Past>, LedgerError> {
        let mut paid = Vec::new();
        for account in seen.iter().map(|s| &s.account) {
            let due: Vec<&Lease> = items
                .iter()
                .filter(|i| i.lease.account == account.name)
                .filter(|i| i.decision() == Decision::Renew || i.reason.word == Word::Lapsed)
                .map(|i| &i.lease)
                .collect();
            let records = self.ledger.paid_terms(&account.provider, &due)?;
            paid.extend(records.iter().map(|r| past_of(r, now, &self.settings.timing)));
        }
        Ok(paid)
    }

    /// Providers whose payments stop because an account that left the config has unsettled payments.
    pub(super) fn stopped_providers(&self, past: &[Past]) -> HashMap<String, String> {
        // A name that was given to an account of another provider says nothing of this one's payments.
        let known = |p: &Past| self.settings.account_at(&p.account, &p.provider).is_some();
        let gone = past.iter().filter(|p| p.state.is_unsettled() && !known(p));
        gone.map(|p| {
            let text = format!(
                "payment {} of account `{}` at {}, which left the config, is not settled: put the account back, or renewd resolve {}",
                p.intent, p.account, p.provider, p.intent
            );
            (p.provider.as_str().to_owned(), text)
        })
        .collect()
    }

    /// Puts prices and holds on the items, fills, and forms the sets to pay.
    fn finish(
        &self,
        seen: &[Seen],
        items: Arc<Vec<Item>>,
        prices: Prices,
        cycle: i64,
        exactly: Option<Vec<(PaySet, ExactSet)>>,
    ) -> Result<Planned, LedgerError> {
        let settings = &self.settings;
        let mut items = Arc::unwrap_or_clone(items);
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
        self.let_go_on(&mut items);
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
                    match unit.key.paid_by {
                        PaidBy::Renewd => admit(&mut admitted, unit, exactly.is_some()),
                        PaidBy::Provider => {
                            unit.members
                                .iter()
                                .for_each(|&i| items[i].reason = self.provider_pays(&items[i]));
                        }
                    }
                }
            }
        }
        let mut sets: Vec<PaySet> = Vec::new();
        for (key, members) in admitted {
            let batch = funds.get(&key.account).map_or(1, |f| f.batch);
            let size = match (&exactly, prices.singly.contains(&key)) {
                (Some(_), _) => members.len(),
                (None, true) => 1,
                (None, false) => batch,
            };
            sets.extend(batches(&key, &members, size));
        }
        sets.sort_by_cached_key(|s| s.members.iter().map(|&i| order(&items[i], &settings.policies)).min());
        for set in &sets {
            let ids: Vec<_> = set.members.iter().map(|&i| items[i].lease.id.clone()).collect();
            set.members.iter().for_each(|&i| items[i].bundle.clone_from(&ids));
        }
        let (ready, offered) = (prices.ready, Offered::new());
        Ok(Planned { items, sets, ready, free, exactly, moved: Vec::new(), offered })
    }

    /// What the provider pays and nobody can price beforehand goes on.
    fn let_go_on(&self, items: &mut [Item]) {
        let unpriced =
            |i: &Item| i.reason.word == Word::Due && i.paid_by == PaidBy::Provider && i.quote.is_none();
        items.iter_mut().filter(|i| unpriced(i)).for_each(|i| i.reason = self.provider_pays(i));
    }

    /// Nothing stands against the provider's paying for it: renewd waits and watches.
    fn provider_pays(&self, item: &Item) -> Reason {
        let early = self.readers.get(&item.lease.account).is_none_or(|r| r.capabilities().renew_early);
        let word = if early { Word::ProviderPays } else { Word::NotRenewableYet };
        let price =
            item.quote.as_ref().map(|q| format!(" about {} {}", q.amount, q.currency)).unwrap_or_default();
        Reason::new(word, format!("the provider's own auto-renewal is to pay{price} for it; renewd watches"))
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

/// The accounts as a plan looks at them.
fn views<'a>(
    seen: &'a [Seen],
    capabilities: &'a HashMap<AccountName, crate::domain::Capabilities>,
    paused: &[crate::ledger::PauseRecord],
    stopped: &HashMap<String, String>,
    clock: &Clocks,
) -> Vec<AccountView<'a>> {
    seen.iter()
        .filter_map(|s| {
            Some(AccountView {
                name: &s.account.name,
                provider: &s.account.provider,
                capabilities: capabilities.get(&s.account.name)?,
                leases: &s.leases,
                missing: &s.missing,
                standing: s.standing.clone(),
                barred: s.barred.clone(),
                clock_held: clock.accounts.get(&s.account.name).cloned(),
                paused: paused.iter().any(|p| p.account.as_ref().is_none_or(|a| a == &s.account.name)),
                provider_stopped: stopped.get(s.account.provider.as_str()).cloned(),
            })
        })
        .collect()
}

fn admit(admitted: &mut Vec<(GroupKey, Vec<usize>)>, unit: &Unit, whole: bool) {
    match admitted.iter_mut().find(|(key, _)| key == &unit.key && key.order.is_none() && !whole) {
        Some((_, members)) => members.extend(&unit.members),
        None => admitted.push((unit.key.clone(), unit.members.clone())),
    }
}

fn order(item: &Item, policies: &[crate::policy::Policy]) -> (std::cmp::Reverse<i64>, Timestamp, String) {
    let priority = item.policy.map_or(0, |p| policies[p].priority);
    (std::cmp::Reverse(priority), item.lease.term_end().unwrap_or(Timestamp::MIN), item.lease.id.to_string())
}
