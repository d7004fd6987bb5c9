//! Asking the price of what is not due yet, so that the forecast has one before the first payment. Spends nothing.
//!
//! One free quote per kind, country, period and promo code of which no price is known, a few per account and cycle, after all
//! payments; of a list of periods the next one too, where one is over the cap. An answer that is none costs nothing but the knowledge: no
//! item, no alert and no payment depends on it.
use std::collections::{HashMap, HashSet};

use crate::domain::{AccountName, Kind, LeaseId, LeaseView, Money, Quote};
use crate::engine::Viewer;
use crate::engine::facts::prices::Learnt;
use crate::engine::observe::Seen;
use crate::engine::plan::Planned;
use crate::ledger::{LedgerError, SeenQuote};
use crate::planner::{GroupKey, Idle, Item, Offered, PaySet, PlannedList, Standing, group};
use crate::policy::{Policies, Reason, Word};

/// Questions per account and cycle: a large fleet is learnt over some cycles, and a cycle is hardly longer for it.
const MOST: usize = 3;

/// What a price is good for besides the very lease it was asked for.
type Like = (Kind, Option<String>, u32, Option<String>);

impl Viewer {
    /// Learns prices of leases that fall due later, and keeps them.
    pub(in crate::engine) async fn probe_prices(
        &self,
        seen: &[Seen],
        plan: &Planned,
        offered: Offered,
    ) -> Result<(), LedgerError> {
        let learnt = self.ask_ahead(seen, plan, offered).await?;
        self.ledger.record_quotes(self.clock.now().wall, &learnt.quotes)?;
        self.remember_prices(&[], &learnt.offered)
    }

    /// The same without keeping anything.
    pub(in crate::engine) async fn ask_ahead(
        &self,
        seen: &[Seen],
        plan: &Planned,
        mut offered: Offered,
    ) -> Result<Learnt, LedgerError> {
        let mut learnt = Vec::new();
        let policies = self.settings.policies(self.clock.now().wall, plan.last_paid.as_ref());
        for s in seen.iter().filter(|s| matches!(s.standing, Standing::Good | Standing::Part(_))) {
            let Some(list) = plan.lists.iter().find(|list| list.account == s.account.name) else { continue };
            let mut mine = self.alike(&plan.items, list, &policies);
            let known = self.known_prices(list, &mine, &policies)?;
            mine.iter_mut().for_each(|i| i.reason = Reason::new(Word::Due, "its price is asked ahead"));
            self.offer(&s.account.name, &mine, &known, &mut offered).await;
            let groups = group(&mut mine, &self.settings.policies, &self.capabilities(), &offered, &[]);
            let mut asked = HashSet::new();
            for (key, members) in groups {
                let like =
                    |days| -> Like { (key.kind.clone(), key.country.clone(), days, key.promo.clone()) };
                if key.then.iter().chain([&key.period_days]).any(|days| known.contains(&like(*days))) {
                    continue;
                }
                let (mut found, mut next) = (Vec::new(), Some(key.clone()));
                while let Some(key) = next.take() {
                    if asked.len() >= MOST || !asked.insert(like(key.period_days)) {
                        break;
                    }
                    let prices = self.probe(s, &mine, key.clone(), &members).await;
                    next = key.next().filter(|_| self.is_over_cap(&key, &prices));
                    if !prices.is_empty() {
                        found = prices;
                    }
                }
                learnt.extend(found);
            }
        }
        Ok(Learnt { quotes: learnt, offered })
    }

    /// Leases that fall due later: of those that differ in no price the first, with its order where that is paid whole.
    fn alike(&self, items: &[Item], list: &PlannedList, policies: &Policies<'_>) -> Vec<Item> {
        let mine = |i: &&Item| i.lease.account == list.account && i.reason.word == Word::NotDue;
        let mut later: Vec<Item> = items.iter().filter(mine).cloned().collect();
        let mut first: HashMap<(usize, Option<usize>), Idle> = HashMap::new();
        let ends = |q: &Idle| (list.leases.view(q.lease()).expires_at, q.lease());
        for idle in list.idle.iter().filter(|q| q.word() == Word::NotDue) {
            let known = first.entry((list.leases.shared(idle.lease()), idle.policy())).or_insert(*idle);
            if ends(idle) < ends(known) {
                *known = *idle;
            }
        }
        let orders: HashSet<&str> = first
            .values()
            .map(|q| list.leases.view(q.lease()))
            .filter(|l| list.is_whole(l))
            .map(|l| l.order)
            .collect();
        let wanted = |q: &&Idle| {
            let lease = list.leases.view(q.lease());
            (list.is_whole(&lease) && orders.contains(lease.order)) || first.values().any(|one| one == *q)
        };
        let of: Vec<&Idle> = match orders.is_empty() {
            true => first.values().collect(),
            false => list.idle.iter().filter(wanted).collect(),
        };
        later.extend(list.items(of, policies));
        later.sort_by(|a, b| (a.lease.term_end(), &a.lease.id).cmp(&(b.lease.term_end(), &b.lease.id)));
        later
    }

    /// Prices that the forecast can already draw on: those asked for, and where they leave something open for what falls due `later`
    /// those paid.
    fn known_prices(
        &self,
        list: &PlannedList,
        later: &[Item],
        policies: &Policies<'_>,
    ) -> Result<HashSet<Like>, LedgerError> {
        let policy = |item: &Item| item.policy.map(|p| &self.settings.policies[p]);
        let like = |lease: LeaseView<'_>, days: u32| {
            let promo = policies.of(lease).and_then(|p| p.promo_code.clone());
            (lease.kind.clone(), lease.country.map(str::to_owned), days, promo)
        };
        let all = list.all();
        let quotes = self.ledger.quotes(&list.account)?;
        let asked = |(id, q): (&LeaseId, &SeenQuote)| Some(like(all.get(id.as_str())?, q.period_days));
        let mut known: HashSet<Like> = quotes.iter().filter_map(asked).collect();
        let open = |i: &Item| {
            policy(i).is_some_and(|p| p.periods.iter().any(|d| !known.contains(&like(i.lease.view(), *d))))
        };
        if later.iter().any(open) {
            let paid = self.ledger.prices(&list.account)?;
            if !paid.is_empty() {
                known.extend(all.iter().filter_map(|l| paid.of(l).map(|p| like(l, p.period_days))));
            }
        }
        Ok(known)
    }

    /// Asks which periods are on offer for kinds that have a lease without a price.
    async fn offer(
        &self,
        account: &AccountName,
        items: &[Item],
        known: &HashSet<Like>,
        offered: &mut Offered,
    ) {
        for item in items {
            let lease = &item.lease;
            let Some(policy) = item.policy.map(|p| &self.settings.policies[p]) else { continue };
            let priced = policy.periods.iter().any(|days| {
                known.contains(&(lease.kind.clone(), lease.country.clone(), *days, policy.promo_code.clone()))
            });
            let place = (account.clone(), lease.kind.clone());
            let Some(reader) = self.readers.get(account).filter(|_| !priced && !offered.contains_key(&place))
            else {
                continue;
            };
            (self.beat)();
            let days = tokio::select! {
                days = reader.periods(&lease.kind) => days.map_err(|e| e.to_string()),
                () = self.stop.cancelled() => return,
            };
            offered.insert(place, days);
        }
    }

    /// Whether that is more than the policy's `max_price` for each lease.
    fn is_over_cap(&self, key: &GroupKey, prices: &[SeenQuote]) -> bool {
        let sum = Money::sum(prices.iter().map(|p| p.amount));
        sum.is_some_and(|sum| self.settings.policies[key.policy].is_over_cap(prices.len(), sum))
    }

    /// One question: a single lease, or the whole order where the provider sells those.
    async fn probe(&self, seen: &Seen, items: &[Item], key: GroupKey, members: &[usize]) -> Vec<SeenQuote> {
        let whole = key.order.is_some();
        let set = PaySet { key, members: if whole { members.to_vec() } else { members[..1].to_vec() } };
        let name = &seen.account.name;
        let (Some(reader), Some(request)) = (self.readers.get(name), set.request(items)) else {
            return Vec::new();
        };
        (self.beat)();
        let answer = tokio::select! {
            answer = reader.quote(&request) => answer,
            () = self.stop.cancelled() => return Vec::new(),
        };
        match answer {
            Ok(quote) if speaks(&quote, seen) => {
                let shares = quote.price.shares(request.leases.len());
                let price = |(lease, amount): (&crate::domain::RequestLease, Money)| SeenQuote {
                    account: name.clone(),
                    lease: lease.id.clone(),
                    amount,
                    currency: quote.balance.currency.clone(),
                    period_days: request.period_days,
                    term_end: lease.expires_at,
                    seen_at: quote.asked_at.wall,
                };
                request.leases.iter().zip(shares).map(price).collect()
            }
            Ok(_) => Vec::new(),
            Err(e) => {
                tracing::debug!(account = %name, kind = %request.kind, "no price ahead: {e}");
                Vec::new()
            }
        }
    }
}

/// Whether the answer is a price: in the account's currency, and without a warning but that funds are short.
fn speaks(quote: &Quote, seen: &Seen) -> bool {
    let before = seen.currency.as_ref().or(seen.balance.as_ref().map(|b| &b.currency));
    !quote.price.is_negative()
        && before.is_none_or(|before| before == &quote.balance.currency)
        && quote.warnings.iter().all(|w| w.short_of_funds)
}
