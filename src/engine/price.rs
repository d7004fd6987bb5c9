//! Asking prices: every due set gets a clean quote or a reason. Spends nothing.
use std::collections::HashMap;

use crate::domain::{Balance, Currency, LeaseId, Money, Quote, QuoteError};
use crate::ledger::LastPrice;
use crate::planner::{GateInput, GroupKey, Item, ItemQuote, PaidBy, PaySet, Priced, Unit, batches, gate};
use crate::policy::{Policy, Reason, Word};
use crate::providers::Reader;

use super::Viewer;
use super::queue::{Heard, Queue, Todo};

/// What pricing needs of one account.
pub(super) struct Pricing<'a> {
    pub viewer: &'a Viewer,
    pub reader: &'a dyn Reader,
    pub policies: &'a [Policy],
    pub items: &'a [Item],
    pub last: &'a HashMap<LeaseId, LastPrice>,
    pub currency: Option<&'a Currency>,
    pub batch: usize,
    pub balance: Option<&'a Balance>,
}

/// What pricing found.
#[derive(Default)]
pub(super) struct Prices {
    pub units: Vec<Unit>,
    pub holds: Vec<(usize, Reason)>,
    pub quotes: Vec<(usize, ItemQuote)>,
    /// Quotes that may be paid as they are, while young enough.
    pub ready: Vec<(Vec<usize>, Quote)>,
    /// Groups whose batch price is not n times the single one: paid singly.
    pub singly: Vec<GroupKey>,
}

/// An answer and what the gate said of it.
pub(super) struct Asked {
    pub answer: Result<Quote, QuoteError>,
    pub verdict: Result<Priced, Reason>,
}

impl Pricing<'_> {
    /// One step: at most one question. What it leaves to be asked goes to the front of the queue.
    pub(super) async fn step(&self, todo: Todo, queue: &mut Queue, prices: &mut Prices) -> Heard {
        match todo {
            Todo::Exactly(set, exact) => self.exact(&set, &exact, prices).await,
            Todo::Set(set) => {
                let asked = self.ask(&set).await;
                self.take(&set, &asked, prices);
                Heard::of(&asked)
            }
            Todo::Batch(set, single) => self.batch(&set, single, queue, prices).await,
            Todo::Group(key, members)
                if key.paid_by == PaidBy::Provider && !self.reader.capabilities().renew_early =>
            {
                members.iter().for_each(|&m| self.told(&key, m, prices));
                Heard::Nothing
            }
            Todo::Group(key, members) if key.order.is_some() || members.len() < 2 => {
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
        let price = lease.price.or_else(|| self.last.get(&lease.id).map(|p| p.amount));
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
            order: None,
        };
        let mut asked = self.judge(&set, Ok(quote));
        // Not a quote to be paid: only its price is of use.
        if let Ok(priced) = &mut asked.verdict {
            priced.short = true;
        }
        self.take(&set, &asked, prices);
    }

    /// Quotes the first lease of a group alone. Where that is clean, it gives the price of one, and the whole group goes on in
    /// batches; where it is not, the others go on without it.
    async fn first(
        &self,
        key: GroupKey,
        members: Vec<usize>,
        queue: &mut Queue,
        prices: &mut Prices,
    ) -> Heard {
        let one = PaySet { key, members: members[..1].to_vec() };
        let asked = self.ask(&one).await;
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
            Err(reason) if n == 1 || !of_the_lease(reason) => self.take(set, &asked, prices),
            verdict => {
                if verdict.is_ok() {
                    prices.singly.push(set.key.clone());
                }
                queue.first(set.singles().into_iter().map(Todo::Set));
            }
        }
        Heard::of(&asked)
    }

    /// One quote, judged.
    pub(super) async fn ask(&self, set: &PaySet) -> Asked {
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
    pub(super) fn judge(&self, set: &PaySet, answer: Result<Quote, QuoteError>) -> Asked {
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
                self.last.get(&l.id).filter(|p| p.amount.is_positive()).map(|p| (p.amount, p.period_days));
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

    pub(super) fn take(&self, set: &PaySet, asked: &Asked, prices: &mut Prices) {
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
                let unit = |members, price| Unit {
                    key: set.key.clone(),
                    members,
                    price,
                    currency: currency.clone(),
                };
                if set.key.order.is_some() {
                    prices.units.push(unit(set.members.clone(), priced.total));
                } else {
                    prices.units.extend(
                        set.members.iter().zip(&priced.shares).map(|(&m, share)| unit(vec![m], *share)),
                    );
                }
                if !priced.short {
                    prices.ready.push((set.members.clone(), quote.clone()));
                }
            }
        }
    }
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
