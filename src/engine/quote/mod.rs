//! Asking every account at once what it offers and what it asks: a slow provider keeps nobody else waiting.
//!
//! Within an account questions go one after the other, as its limit wants. What comes back is in the order of the accounts,
//! whoever answered first. Spends nothing.
pub(super) mod ahead;
pub(super) mod pricing;
pub(super) mod question;
pub(super) mod queue;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::Viewer;
use super::observe::Seen;
use crate::domain::{AccountName, Balance, Currency, Kind};
use crate::engine::approve::exact::ExactSet;
use crate::engine::quote::pricing::{Prices, Pricing};
use crate::engine::quote::queue::Queue;
use crate::ledger::{LastPrices, LedgerError};
use crate::planner::{GroupKey, Item, Offered, PaySet};
use crate::policy::{Decision, Reason, Word};
use crate::providers::Reader;

/// What is to be priced.
#[derive(Clone)]
pub(in crate::engine) enum Wanted {
    /// Leases that may be quoted and paid in any sets.
    Group(GroupKey, Vec<usize>),
    /// This set and no other, at no more than it says.
    Exactly(PaySet, Box<ExactSet>),
}

impl Wanted {
    pub(in crate::engine) fn key(&self) -> &GroupKey {
        match self {
            Self::Group(key, _) => key,
            Self::Exactly(set, _) => &set.key,
        }
    }

    fn members(&self) -> &[usize] {
        match self {
            Self::Group(_, members) => members,
            Self::Exactly(set, _) => &set.members,
        }
    }
}

/// All that one account's questions need, owned: they run in a task of their own.
pub(in crate::engine) struct Desk {
    viewer: Viewer,
    reader: Arc<dyn Reader>,
    items: Arc<Vec<Item>>,
    last: LastPrices,
    currency: Option<Currency>,
    batch: usize,
    balance: Option<Balance>,
}

impl Desk {
    pub(in crate::engine) fn pricing(&self) -> Pricing<'_> {
        Pricing {
            viewer: &self.viewer,
            reader: self.reader.as_ref(),
            policies: &self.viewer.settings.policies,
            items: &self.items,
            last: &self.last,
            currency: self.currency.as_ref(),
            batch: self.batch,
            balance: self.balance.as_ref(),
        }
    }

    /// Asks until all is asked or the account proves to give no answers; what is left then is held.
    async fn price(self, wanted: Vec<Wanted>) -> Prices {
        let (pricing, clock) = (self.pricing(), &self.viewer.clock);
        let plan_order: HashMap<usize, usize> =
            wanted.iter().flat_map(Wanted::members).enumerate().map(|(place, &m)| (m, place)).collect();
        let mut prices = Prices::default();
        let mut queue = Queue::new(wanted, clock.now().wall);
        let why = loop {
            if self.viewer.stop.is_cancelled() {
                break Some(Reason::new(Word::QuoteError, "not asked: renewd is stopping"));
            }
            let Some(todo) = queue.next() else { break None };
            let began = clock.now();
            let heard = pricing.step(todo, &mut queue, &mut prices).await;
            // Another boot in between is no matter of seconds, and not of this account's either.
            let took = clock.now().since(&began).unwrap_or_default();
            if let Some(why) = queue.heard(heard, took) {
                break Some(why);
            }
        };
        if let Some(why) = why {
            prices.holds.extend(queue.rest().into_iter().map(|m| (m, why.clone())));
        }
        prices.units.sort_by_key(|unit| unit.members.first().and_then(|m| plan_order.get(m)).copied());
        prices
    }
}

impl Prices {
    /// Adds what another account's questions found.
    fn take_in(&mut self, other: Self) {
        self.units.extend(other.units);
        self.holds.extend(other.holds);
        self.quotes.extend(other.quotes);
        self.ready.extend(other.ready);
        self.to_approve.extend(other.to_approve);
        self.singly.extend(other.singly);
    }
}

impl Viewer {
    /// The desk of one account; `None` where it has no reader.
    pub(in crate::engine) fn desk(
        &self,
        seen: &Seen,
        items: &Arc<Vec<Item>>,
    ) -> Result<Option<Desk>, LedgerError> {
        let Some(reader) = self.readers.get(&seen.account.name) else { return Ok(None) };
        Ok(Some(Desk {
            viewer: self.clone(),
            reader: Arc::clone(reader),
            items: Arc::clone(items),
            last: self.ledger.prices(&seen.account.name)?,
            currency: seen.currency.clone().or(seen.balance.as_ref().map(|b| b.currency.clone())),
            batch: seen.account.batch,
            balance: seen.balance.clone(),
        }))
    }

    /// The terms on offer for whatever is due.
    pub(in crate::engine) async fn offered(&self, items: &[Item]) -> Offered {
        let mut wanted: BTreeMap<AccountName, Vec<Kind>> = BTreeMap::new();
        for item in items.iter().filter(|i| i.decision() == Decision::Renew) {
            let kinds = wanted.entry(item.lease.account.clone()).or_default();
            if !kinds.contains(&item.lease.kind) {
                kinds.push(item.lease.kind.clone());
            }
        }
        let tasks: Vec<_> = wanted
            .into_iter()
            .filter_map(|(account, kinds)| {
                let reader =
                    Arc::clone(self.readers.get(&account).filter(|r| !r.capabilities().sells_cycles)?);
                Some(tokio::spawn(terms(self.clone(), reader, account, kinds)))
            })
            .collect();
        let mut offered = Offered::new();
        for task in tasks {
            // After a panic in an adapter its kinds stay unasked, which holds them.
            offered.extend(task.await.unwrap_or_default());
        }
        offered
    }

    /// Prices what is wanted, account by account, all at once.
    pub(in crate::engine) async fn price(
        &self,
        seen: &[Seen],
        items: &Arc<Vec<Item>>,
        wanted: Vec<Wanted>,
    ) -> Result<Prices, LedgerError> {
        let mut tasks = Vec::new();
        for s in seen {
            let mine: Vec<Wanted> =
                wanted.iter().filter(|w| w.key().account == s.account.name).cloned().collect();
            if mine.is_empty() {
                continue;
            }
            let Some(desk) = self.desk(s, items)? else { continue };
            let members: Vec<usize> = mine.iter().flat_map(|w| w.members().to_vec()).collect();
            tasks.push((members, tokio::spawn(desk.price(mine))));
        }
        let mut all = Prices::default();
        for (members, task) in tasks {
            match task.await {
                Ok(prices) => all.take_in(prices),
                Err(_) => {
                    let reason = Reason::new(Word::QuoteError, "internal error while pricing; see the log");
                    all.holds.extend(members.into_iter().map(|m| (m, reason.clone())));
                }
            }
        }
        Ok(all)
    }
}

async fn terms(
    viewer: Viewer,
    reader: Arc<dyn Reader>,
    account: AccountName,
    kinds: Vec<Kind>,
) -> Vec<((AccountName, Kind), Result<Vec<u32>, String>)> {
    let mut all = Vec::new();
    for kind in kinds {
        (viewer.beat)();
        let days = tokio::select! {
            days = reader.periods(&kind) => days.map_err(|e| e.to_string()),
            () = viewer.stop.cancelled() => Err("renewd is stopping".to_owned()),
        };
        all.push(((account.clone(), kind), days));
    }
    all
}
