//! Asking the price of what is not due yet, so that the forecast has one before the first payment. Spends nothing.
//!
//! One free quote per kind, country, period and promo code of which no price is known, a few per account and cycle, after all
//! payments. An answer that is none costs nothing but the knowledge: no item, no alert and no payment depends on it.
use std::collections::HashSet;

use super::Viewer;
use super::observe::Seen;
use super::remember::Learnt;
use crate::domain::{AccountName, Kind, Money, Quote};
use crate::ledger::{LedgerError, SeenQuote};
use crate::planner::{GroupKey, Item, Offered, PaySet, Standing, group};
use crate::policy::{Reason, Word};

/// Questions per account and cycle: a large fleet is learnt over some cycles, and a cycle is hardly longer for it.
const MOST: usize = 3;

/// What a price is good for besides the very lease it was asked for.
type Like = (Kind, Option<String>, u32, Option<String>);

impl Viewer {
    /// Learns prices of leases that fall due later, and keeps them.
    pub(super) async fn probe_prices(
        &self,
        seen: &[Seen],
        items: &[Item],
        offered: Offered,
    ) -> Result<(), LedgerError> {
        let learnt = self.ask_ahead(seen, items, offered).await?;
        self.ledger.record_quotes(self.clock.now().wall, &learnt.quotes)?;
        self.remember_prices(&[], &learnt.offered)
    }

    /// The same without keeping anything.
    pub(super) async fn ask_ahead(
        &self,
        seen: &[Seen],
        items: &[Item],
        mut offered: Offered,
    ) -> Result<Learnt, LedgerError> {
        let mut learnt = Vec::new();
        let mut later: Vec<Item> = items.iter().filter(|i| i.reason.word == Word::NotDue).cloned().collect();
        later.iter_mut().for_each(|i| i.reason = Reason::new(Word::Due, "its price is asked ahead"));
        for s in seen.iter().filter(|s| matches!(s.standing, Standing::Good | Standing::Part(_))) {
            let mut mine: Vec<Item> =
                later.iter().filter(|i| i.lease.account == s.account.name).cloned().collect();
            let known = self.known_prices(&s.account.name, items)?;
            self.offer(&s.account.name, &mine, &known, &mut offered).await;
            let groups = group(&mut mine, &self.settings.policies, &self.capabilities(), &offered);
            let mut asked = HashSet::new();
            for (key, members) in groups {
                let like: Like = (key.kind.clone(), key.country.clone(), key.period_days, key.promo.clone());
                if asked.len() >= MOST || known.contains(&like) || !asked.insert(like) {
                    continue;
                }
                learnt.extend(self.probe(s, &mine, key, &members).await);
            }
        }
        Ok(Learnt { quotes: learnt, offered })
    }

    /// Prices that the forecast can already draw on: those asked for, and where they leave something open those paid.
    fn known_prices(&self, account: &AccountName, items: &[Item]) -> Result<HashSet<Like>, LedgerError> {
        let mine: Vec<&Item> = items.iter().filter(|i| &i.lease.account == account).collect();
        let policy = |item: &Item| item.policy.map(|p| &self.settings.policies[p]);
        let like = |item: &Item, days: u32| {
            let promo = policy(item).and_then(|p| p.promo_code.clone());
            (item.lease.kind.clone(), item.lease.country.clone(), days, promo)
        };
        let quotes = self.ledger.quotes(account)?;
        let asked = |i: &&Item| quotes.get(&i.lease.id).map(|q| like(i, q.period_days));
        let mut known: HashSet<Like> = mine.iter().filter_map(asked).collect();
        let open =
            |i: &&Item| policy(i).is_some_and(|p| p.periods.iter().any(|d| !known.contains(&like(i, *d))));
        if mine.iter().filter(|i| i.reason.word == Word::NotDue).any(open) {
            let paid = self.ledger.last_prices(account)?;
            known.extend(mine.iter().filter_map(|i| paid.get(&i.lease.id).map(|p| like(i, p.period_days))));
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
