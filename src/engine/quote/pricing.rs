//! Asking prices: every due set gets a clean quote or a reason. Spends nothing.
//!
//! Of a list of periods the next is asked where one is over `max_price`: once for all leases that are alike, in whatever groups and orders.
//! What is found is bound to its period: units, quotes and sets name it, and no price of the periods asked before is kept.
use std::collections::HashSet;

use crate::domain::{Balance, Currency, Money, Quote, QuoteError};
use crate::ledger::LastPrices;
use crate::planner::{GateInput, GroupKey, Item, ItemQuote, PaidBy, PaySet, Unit, batches, gate};
use crate::policy::{Policy, Reason, Word};
use crate::providers::Reader;

use super::queue::{Heard, Queue, Todo};
use crate::engine::Viewer;
use crate::engine::approve::exact::{ExactSet, beyond};
use crate::engine::quote::question::Asked;

/// What pricing needs of one account.
pub(in crate::engine) struct Pricing<'a> {
    pub viewer: &'a Viewer,
    pub reader: &'a dyn Reader,
    pub policies: &'a [Policy],
    pub items: &'a [Item],
    pub last: &'a LastPrices,
    pub currency: Option<&'a Currency>,
    pub batch: usize,
    pub balance: Option<&'a Balance>,
}

/// What pricing found.
#[derive(Default)]
pub(in crate::engine) struct Prices {
    pub units: Vec<Unit>,
    pub holds: Vec<(usize, Reason)>,
    pub quotes: Vec<(usize, ItemQuote)>,
    /// Quotes that may be paid as they are, while young enough.
    pub ready: Vec<(PaySet, Quote)>,
    /// Clean quotes for what a person has to approve before it is paid, whatever the balance covers.
    pub to_approve: Vec<(PaySet, Quote)>,
    /// Groups whose batch price is not n times the single one: paid singly.
    pub singly: Vec<GroupKey>,
    /// What was over the cap and had a next period: others like it go on with that one unasked.
    dear: HashSet<GroupKey>,
}

pub(in crate::engine) fn within(exact: &ExactSet, asked: Asked) -> Asked {
    let over = match (&asked.answer, &asked.verdict) {
        (Ok(quote), Ok(_)) => beyond(exact, quote),
        _ => None,
    };
    match over {
        Some(reason) => Asked { verdict: Err(reason), ..asked },
        None => asked,
    }
}

impl Pricing<'_> {
    /// Prices a set that is paid whole and at no more than its plan says, or not at all.
    pub(in crate::engine) async fn exact(
        &self,
        set: &PaySet,
        exact: &ExactSet,
        prices: &mut Prices,
    ) -> Heard {
        let asked = within(exact, self.ask(set).await);
        let from = prices.units.len();
        self.take(set, &asked, prices);
        let parts = prices.units.split_off(from);
        let price = Money::sum(parts.iter().map(|u| u.price));
        if let (Some(first), Some(price)) = (parts.into_iter().next(), price) {
            prices.units.push(Unit { members: set.members.clone(), price, ..first });
        }
        Heard::of(&asked)
    }
}

impl Pricing<'_> {
    /// One step: at most one question. What it leaves to be asked goes to the front of the queue.
    pub(in crate::engine) async fn step(&self, todo: Todo, queue: &mut Queue, prices: &mut Prices) -> Heard {
        match todo {
            Todo::Exactly(set, exact) => self.exact(&set, &exact, prices).await,
            Todo::Set(set) => {
                let asked = self.ask(&set).await;
                match self.next_period(&set, &asked) {
                    Some(next) => queue.first([Todo::Set(next)]),
                    None if self.goes_singly(&set, &asked) => {
                        prices.singly.push(set.key.settled());
                        queue.first(set.singles().into_iter().map(Todo::Set));
                    }
                    None => self.take(&set, &asked, prices),
                }
                Heard::of(&asked)
            }
            Todo::Batch(set, single) => self.batch(&set, single, queue, prices).await,
            Todo::Group(key, members)
                if key.paid_by == PaidBy::Provider && !self.reader.capabilities().renew_early =>
            {
                members.iter().for_each(|&m| self.told(&key, m, prices));
                Heard::Nothing
            }
            Todo::Group(key, members) if prices.dear.contains(&key.alike()) && key.next().is_some() => {
                queue.first(key.next().map(|next| Todo::Group(next, members)));
                Heard::Nothing
            }
            Todo::Group(key, members) if key.order.is_some() || members.len() < 2 => {
                let set = PaySet { key, members };
                let asked = self.ask(&set).await;
                match self.next_period(&set, &asked) {
                    Some(next) => self.fall_back(&set.key, next, &asked, queue, prices),
                    None => self.take(&set, &asked, prices),
                }
                Heard::of(&asked)
            }
            // The price of one alone says nothing of many.
            Todo::Group(key, members) if self.reader.capabilities().prices_by_count => {
                queue.first(batches(&key, &members, self.batch).into_iter().map(Todo::Set));
                Heard::Nothing
            }
            Todo::Group(key, members) => self.first(key, members, queue, prices).await,
        }
    }

    /// What the provider will pay by itself at the end cannot be quoted: its own record of the price is judged, or the last
    /// price paid. A lease of which neither is known is not judged.
    fn told(&self, key: &GroupKey, member: usize, prices: &mut Prices) {
        let lease = &self.items[member].lease;
        let price = lease.price.or_else(|| self.last.of(lease).map(|p| p.amount));
        let (Some(price), Some(balance)) = (price.filter(|p| p.is_positive()), self.balance) else { return };
        let set = PaySet { key: key.clone(), members: vec![member] };
        let quote = Quote {
            price,
            balance: balance.clone(),
            promo: None,
            warnings: Vec::new(),
            method: crate::domain::Method::Leases,
            asked_at: self.viewer.clock.now(),
            paid_before: None,
            each: None,
            order: None,
        };
        let mut asked = self.judge(&set, Ok(quote));
        // Not a quote to be paid: only its price is of use.
        if let Ok(priced) = &mut asked.verdict {
            priced.short = true;
        }
        self.take(&set, &asked, prices);
    }

    /// Whether leases that would be paid at once are paid one by one instead: their price is not that of each times their number, or the
    /// last price of one of them stands against it.
    fn goes_singly(&self, set: &PaySet, asked: &Asked) -> bool {
        let many = self.reader.capabilities().prices_by_count && set.members.len() > 1;
        many && match (&asked.answer, &asked.verdict) {
            (Ok(quote), Ok(_)) => !quote.adds_up(set.members.len()),
            (_, Err(reason)) => reason.word == Word::PriceJump,
            (Err(_), Ok(_)) => false,
        }
    }

    /// The set for its next period, where its price for this one is over the cap or the provider does not sell it.
    fn next_period(&self, set: &PaySet, asked: &Asked) -> Option<PaySet> {
        if matches!(asked.answer, Err(QuoteError::NotSold { .. })) {
            return set.next();
        }
        let (Ok(quote), Err(reason)) = (&asked.answer, &asked.verdict) else { return None };
        // Where an order is taken only whole and nothing was ever paid for it, the gate holds it to the cap under another word.
        let capped = matches!(reason.word, Word::PriceCap | Word::QuoteError);
        let policy = &self.policies[set.key.policy];
        (capped && policy.is_over_cap(set.members.len(), quote.price)).then(|| set.next()).flatten()
    }

    /// The group goes on with its next period, and so do those like it.
    fn fall_back(
        &self,
        dear: &GroupKey,
        next: PaySet,
        asked: &Asked,
        queue: &mut Queue,
        prices: &mut Prices,
    ) {
        // What stands against an order with addresses that nobody listed says nothing of others.
        if asked.verdict.as_ref().is_err_and(|reason| reason.word == Word::PriceCap) {
            prices.dear.insert(dear.alike());
        }
        queue.first([Todo::Group(next.key, next.members)]);
    }

    /// Quotes the first lease of a group alone. Where that is clean, it gives the price of one, and the whole group goes on in
    /// batches; where it is over the cap, the whole group goes on with its next period, if there is one; else the others go on without it.
    async fn first(
        &self,
        key: GroupKey,
        members: Vec<usize>,
        queue: &mut Queue,
        prices: &mut Prices,
    ) -> Heard {
        let one = PaySet { key, members: members[..1].to_vec() };
        let asked = self.ask(&one).await;
        if let Some(next) = self.next_period(&one, &asked) {
            let all = PaySet { members, ..next };
            self.fall_back(&one.key, all, &asked, queue, prices);
            return Heard::of(&asked);
        }
        match &asked.verdict {
            Ok(priced) => {
                let all = batches(&one.key, &members, self.batch);
                queue.first(all.into_iter().map(|set| Todo::Batch(set, priced.total)));
            }
            // What stands against one stands against all: they share the promo and the currency.
            Err(reason) if !of_the_lease(reason) => {
                self.take(&PaySet { members, ..one }, &asked, prices);
            }
            Err(_) => {
                self.take(&one, &asked, prices);
                queue.first([Todo::Group(one.key, members[1..].to_vec())]);
            }
        }
        Heard::of(&asked)
    }

    /// One sick lease must not keep its whole batch from being paid: each is asked alone then.
    async fn batch(&self, set: &PaySet, single: Money, queue: &mut Queue, prices: &mut Prices) -> Heard {
        let asked = self.ask(set).await;
        let n = set.members.len() as u64;
        match &asked.verdict {
            Ok(priced) if single.times(n) == Some(priced.total) => self.take(set, &asked, prices),
            Err(reason) if n == 1 || !of_the_lease(reason) => match self.next_period(set, &asked) {
                Some(next) => queue.first([Todo::Set(next)]),
                None => self.take(set, &asked, prices),
            },
            verdict => {
                if verdict.is_ok() {
                    prices.singly.push(set.key.settled());
                }
                queue.first(set.singles().into_iter().map(Todo::Set));
            }
        }
        Heard::of(&asked)
    }

    /// One quote, judged.
    pub(in crate::engine) async fn ask(&self, set: &PaySet) -> Asked {
        (self.viewer.beat)();
        let Some(request) = set.request(self.items) else {
            let answer = Err(QuoteError::Unreadable("a lease of the set has no readable end".into()));
            return Asked {
                answer,
                verdict: Err(Reason::new(Word::Unparsable, "a lease of the set has no readable end")),
            };
        };
        let answer = tokio::select! {
            answer = self.reader.quote(&request) => answer,
            () = self.viewer.stop.cancelled() => Err(QuoteError::NoAnswer("renewd is stopping".into())),
        };
        self.judge(set, answer)
    }

    /// Judges an answer for exactly this set.
    pub(in crate::engine) fn judge(&self, set: &PaySet, answer: Result<Quote, QuoteError>) -> Asked {
        let Some(request) = set.request(self.items) else {
            return Asked {
                answer,
                verdict: Err(Reason::new(Word::Unparsable, "a lease of the set has no readable end")),
            };
        };
        // Before renewd's own first payment the provider's record of the last term stands in.
        let told = answer.as_ref().ok().and_then(|q| q.paid_before).map(|p| p.shares(request.leases.len()));
        let paid = |n: usize, l: &crate::domain::RequestLease| {
            let own =
                self.last.of_request(l).filter(|p| p.amount.is_positive()).map(|p| (p.amount, p.period_days));
            own.or_else(|| Some((*told.as_ref()?.get(n)?, request.period_days)))
        };
        let last = request.leases.iter().enumerate().map(|(n, l)| paid(n, l)).collect();
        let input = GateInput {
            request: &request,
            policy: &self.policies[set.key.policy],
            last,
            currency: self.currency,
            now: self.viewer.clock.now().wall,
        };
        let verdict = gate(&input, &answer);
        Asked { answer, verdict }
    }

    pub(in crate::engine) fn take(&self, set: &PaySet, asked: &Asked, prices: &mut Prices) {
        if let Ok(quote) = &asked.answer {
            let shares = quote.price.shares(set.members.len());
            prices.quotes.extend(set.members.iter().zip(shares).map(|(&m, amount)| {
                let currency = quote.balance.currency.clone();
                (m, ItemQuote { amount, currency, period_days: set.key.period_days, promo: quote.promo })
            }));
        }
        match &asked.verdict {
            Err(reason) => {
                prices.holds.extend(set.members.iter().map(|&m| (m, reason.clone())));
            }
            Ok(priced) => {
                let Ok(quote) = &asked.answer else { return };
                let currency = quote.balance.currency.clone();
                let key = set.key.settled();
                let unit =
                    |members, price| Unit { key: key.clone(), members, price, currency: currency.clone() };
                if set.key.order.is_some() {
                    prices.units.push(unit(set.members.clone(), priced.total));
                } else {
                    prices.units.extend(
                        set.members.iter().zip(&priced.shares).map(|(&m, share)| unit(vec![m], *share)),
                    );
                }
                if asks(self.policies, &key) {
                    prices
                        .to_approve
                        .push((PaySet { key: key.clone(), members: set.members.clone() }, quote.clone()));
                }
                if !priced.short {
                    prices.ready.push((PaySet { key, members: set.members.clone() }, quote.clone()));
                }
            }
        }
    }
}

/// Whether a person has to approve it.
pub(in crate::engine) fn asks(policies: &[Policy], key: &GroupKey) -> bool {
    policies[key.policy].approval && key.paid_by == PaidBy::Renewd
}

/// Whether another lease of the group might fare better.
fn of_the_lease(reason: &Reason) -> bool {
    matches!(
        reason.word,
        Word::ProviderWarning
            | Word::PriceCap
            | Word::PriceJump
            | Word::Unparsable
            | Word::QuoteError
            | Word::QuoteUnreadable
    )
}
