//! The planning half of a pass: draft, have terms and prices asked, fill, and form the sets to pay. Spends nothing.
use std::collections::HashMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Viewer;
use super::brake::stopped_by;
use super::observe::Seen;
use crate::domain::{AccountName, Lease, Moment, Money, Quote};
use crate::engine::approve::asking::{Asking, Looked, NO_FILE, hold_all};
use crate::engine::approve::exact::{Approved, Plans};
use crate::engine::approve::locate::{locate, put_aside};
use crate::engine::facts::budgets::budget_check;
use crate::engine::facts::past::past_of;
use crate::engine::observe::clock_check::Clocks;
use crate::engine::pay::lane;
use crate::engine::quote::Wanted;
use crate::engine::quote::pricing::{Prices, asks};
use crate::engine::{LastPaid, last_paid};
use crate::ledger::LedgerError;
use crate::planner::{
    AccountView, BudgetLeft, Draft, Funds, GroupKey, Item, Offered, PaidBy, Past, PaySet, PlannedList, Unit,
    Verdict, World, batches, draft, every_item, fill, group, hold_overcharged,
};
use crate::policy::{Decision, Reason, Word};
use crate::settings::Settings;

/// A plan, priced and filled: what a preview shows and a cycle pays.
pub(in crate::engine) struct Planned {
    /// Of which something is to be said.
    pub items: Vec<Item>,
    /// Everything else.
    pub lists: Vec<PlannedList>,
    pub sets: Vec<PaySet>,
    pub ready: Vec<(PaySet, Quote)>,
    pub free: HashMap<AccountName, Money>,
    /// The payments that plans name.
    pub plans: Plans,
    /// Plans of policies that ask, and what becomes of them.
    pub asking: Asking,
    /// Why that plan is stale: then nothing is to be paid.
    pub moved: Vec<String>,
    /// The terms on offer, as far as they were asked.
    pub offered: Offered,
    /// What last terms cost, where some policy asks.
    pub last_paid: Arc<LastPaid>,
}

impl Planned {
    /// A pass that looks at no lease.
    pub(in crate::engine) fn nothing(last_paid: Arc<LastPaid>) -> Self {
        Self {
            items: Vec::new(),
            lists: Vec::new(),
            sets: Vec::new(),
            ready: Vec::new(),
            free: HashMap::new(),
            plans: Plans::default(),
            asking: Asking::default(),
            moved: Vec::new(),
            offered: Offered::new(),
            last_paid,
        }
    }
}

/// What [`Viewer::draw`] gives.
pub(in crate::engine) type Drawn = (Draft, HashMap<AccountName, crate::domain::Capabilities>, Arc<LastPaid>);

impl Viewer {
    pub(in crate::engine) async fn plan(
        &self,
        seen: &[Seen],
        clock: Clocks,
        cycle: i64,
        only: Option<&Approved>,
    ) -> Result<Planned, LedgerError> {
        let now = self.clock.now();
        let settings = &self.settings;
        let (mut draft, capabilities, last_paid) = self.draw(seen, &clock, &now)?;
        let policies = settings.policies(now.wall, last_paid.as_ref());
        if only.is_some() {
            // What the plan names is looked for among all leases.
            draft.items = every_item(&draft.items, &draft.lists, &policies);
            draft.lists.iter_mut().for_each(|list| list.idle.clear());
        }
        let Draft { mut items, lists } = draft;
        let look = Looked { seen, lists: &lists, policies, settings, now: now.wall };
        let mut asking = Asking { plans: self.ledger.plans(None)?, changes: Vec::new() };
        match only {
            Some(_) => hold_all(&mut items, &settings.policies, NO_FILE),
            None => {
                // By a clock that is not trusted nothing is over.
                if clock.all.is_none() {
                    asking.tidy(&look);
                }
                asking.hold_rejected(&mut items, &look);
            }
        }
        let offered = self.offered(&items).await;
        let mut groups = group(&mut items, &settings.policies, &capabilities, &offered, &settings.budgets);
        let mut moved = Vec::new();
        let (mut plans, rest) = match only {
            Some(plan) => {
                let located = locate(plan, &items, &groups, settings);
                put_aside(&mut items, located.as_deref().unwrap_or_default(), located.is_err());
                let sets = located.unwrap_or_else(|what| {
                    moved = what;
                    Vec::new()
                });
                (Plans { sets, only: true }, Vec::new())
            }
            None => {
                let sets = asking.take(&mut items, &mut groups, &look);
                (Plans { sets, only: false }, groups)
            }
        };
        let named =
            plans.sets.iter().map(|one| Wanted::Exactly(one.set.clone(), Box::new(one.exact.clone())));
        let wanted = named.chain(rest.into_iter().map(|(key, members)| Wanted::Group(key, members)));
        let wanted = wanted.collect();
        let items = Arc::new(items);
        let mut prices = self.price(seen, &items, wanted).await?;
        let mut to_approve = std::mem::take(&mut prices.to_approve);
        to_approve.retain(|(set, _)| !set.members.iter().any(|&m| plans.name(m)));
        prices.units.retain(|unit| !asks(&settings.policies, &unit.key) || plans.name(unit.members[0]));
        let mut planned = self.finish(seen, items, prices, cycle, &mut plans, &mut asking)?;
        if only.is_none() {
            self.put_up(&mut asking, &look, &mut planned.items, &to_approve, (&plans, cycle > 0))?;
        }
        Ok(Planned { moved, offered, lists, last_paid, plans, asking, ..planned })
    }

    /// What is due and what stands against it, before any price is asked; with what each provider can do, and what policies were told of
    /// last prices.
    pub(in crate::engine) fn draw(
        &self,
        seen: &[Seen],
        clock: &Clocks,
        now: &Moment,
    ) -> Result<Drawn, LedgerError> {
        let _one_look = self.ledger.look()?;
        let mut past = self.past(now)?;
        learn_ports(&mut past, seen);
        let paused = self.ledger.paused(now)?;
        let capabilities = self.capabilities();
        let stopped = self.stopped_providers(&past);
        let views = views(seen, &capabilities, (&paused, &self.settings.timezone), &stopped, clock);
        let settings = &self.settings;
        let overcharged = self.overcharged()?;
        let last_paid = Arc::new(last_paid(self.ledger.as_ref(), settings)?);
        let policies = settings.policies(now.wall, last_paid.as_ref());
        let drawn = |past: &[Past]| {
            let mut drawn = draft(&World {
                now: now.wall,
                timing: &settings.timing,
                patience: self.patience(now.wall),
                policies,
                accounts: &views,
                past,
                clock_held: clock.all.clone(),
            });
            hold_overcharged(&mut drawn.items, &settings.policies, &overcharged);
            drawn
        };
        let mut draft = drawn(&past);
        let paid = self.paid_terms(seen, &draft.items, now)?;
        if !paid.is_empty() {
            past.extend(paid);
            learn_ports(&mut past, seen);
            draft = drawn(&past);
        }
        drop(views);
        Ok((draft, capabilities, last_paid))
    }

    /// For how long what waits for a payment to be settled may have to: its lag window, or until the next cycle, which may begin late
    /// and needs its time to pay, where that comes after it.
    pub(in crate::engine) fn patience(&self, now: Timestamp) -> SignedDuration {
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
            paid.extend(
                records
                    .iter()
                    .map(|r| past_of(r, now, &self.settings.timing, self.settings.ledger.failover_hold)),
            );
        }
        Ok(paid)
    }

    /// Providers whose payments stop because an account that left the config has unsettled payments.
    pub(in crate::engine) fn stopped_providers(&self, past: &[Past]) -> HashMap<String, String> {
        // A name that was given to an account of another provider says nothing of this one's payments, and what another program's account
        // left open says nothing of a program's.
        let known = |p: &Past| self.settings.account_at(&p.account, &p.provider).is_some();
        let gone = past.iter().filter(|p| p.state.is_unsettled() && !p.provider.is_program() && !known(p));
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
        plans: &mut Plans,
        asking: &mut Asking,
    ) -> Result<Planned, LedgerError> {
        let settings = &self.settings;
        let mut items = Arc::unwrap_or_clone(items);
        for (i, quote) in prices.quotes {
            items[i].quote = Some(quote);
        }
        for (i, reason) in prices.holds {
            items[i].reason = reason;
        }
        let funds = funds(seen);
        let budgets = self.budgets_left(cycle)?;
        self.let_go_on(&mut items);
        let mut units = prices.units;
        let verdicts = loop {
            let verdicts = fill(&units, &items, &settings.policies, &funds, &budgets, &settings.guard);
            if !asking.refuse_spoiled(plans, &mut items, &mut units, &verdicts) {
                break verdicts;
            }
        };
        let mut free: HashMap<AccountName, Money> =
            funds.iter().map(|(name, f)| (name.clone(), f.free)).collect();
        let mut admitted: Vec<(GroupKey, Vec<usize>)> = Vec::new();
        for (unit, verdict) in units.iter().zip(verdicts) {
            match verdict {
                Verdict::Deny(reason) => unit.members.iter().for_each(|&i| items[i].reason = reason.clone()),
                Verdict::Admit => {
                    let left = free.entry(unit.key.account.clone()).or_default();
                    *left = left.minus(unit.price).unwrap_or_default();
                    match unit.key.paid_by {
                        PaidBy::Renewd => admit(&mut admitted, unit, plans.name(unit.members[0])),
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
            let size = match (members.first().is_some_and(|&m| plans.name(m)), prices.singly.contains(&key)) {
                (true, _) => members.len(),
                (false, true) => 1,
                (false, false) => batch,
            };
            sets.extend(batches(&key, &members, size));
        }
        sets.sort_by_cached_key(|s| s.members.iter().map(|&i| order(&items[i], &settings.policies)).min());
        for set in &sets {
            let ids: Vec<_> = set.members.iter().map(|&i| items[i].lease.id.clone()).collect();
            set.members.iter().for_each(|&i| items[i].bundle.clone_from(&ids));
        }
        let (ready, offered) = (prices.ready, Offered::new());
        let (lists, moved, last_paid) = (Vec::new(), Vec::new(), Arc::default());
        let (plans, asking) = (Plans::default(), Asking::default());
        Ok(Planned { items, lists, sets, ready, free, plans, asking, moved, offered, last_paid })
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
                let spent = self.ledger.spent(&budget_check(b, now, &self.settings.timezone, Some(cycle)))?;
                Ok(BudgetLeft {
                    name: b.name.clone(),
                    accounts: b.accounts.clone(),
                    policies: b.policies.clone(),
                    labels: b.labels.clone(),
                    currency: b.currency.clone(),
                    left: b.limit.minus(spent).unwrap_or_default(),
                })
            })
            .collect()
    }
}

/// What the lists tell by now of the leases that were paid.
fn learn_ports(past: &mut [Past], seen: &[Seen]) {
    for p in past {
        let own = seen.iter().find(|s| (&s.account.name, &s.account.provider) == (&p.account, &p.provider));
        if let Some(own) = own {
            p.learn_ports(&own.leases);
        }
    }
}

/// The accounts as a plan looks at them.
fn views<'a>(
    seen: &'a [Seen],
    capabilities: &'a HashMap<AccountName, crate::domain::Capabilities>,
    (paused, zone): (&[crate::ledger::PauseRecord], &TimeZone),
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
                paused: stopped_by(paused, &s.account.name, zone),
                provider_stopped: stopped.get(s.account.provider.as_str()).cloned(),
            })
        })
        .collect()
}

/// What each account may spend.
fn funds(seen: &[Seen]) -> HashMap<AccountName, Funds> {
    let one = |s: &Seen| {
        let balance = s.balance.as_ref().map_or(Money::ZERO, |b| b.amount);
        let free = balance.minus(s.account.keep_balance).unwrap_or_default();
        (s.account.name.clone(), Funds { free, fleet: s.leases.len(), batch: s.account.batch })
    };
    seen.iter().map(one).collect()
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
