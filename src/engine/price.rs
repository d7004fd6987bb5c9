//! Asking prices: every due set gets a clean quote or a reason. Spends nothing.
use std::collections::HashMap;

use crate::domain::{Balance, Currency, LeaseId, Money, Quote, QuoteError};
use crate::ledger::LastPrice;
use crate::planner::{GateInput, GroupKey, Item, ItemQuote, PaidBy, PaySet, Priced, Unit, batches, gate};
use crate::policy::{Policy, Reason, Word};
use crate::providers::Reader;

use super::Viewer;

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
    /// The account gives no answer: the rest of it is not asked in this pass.
    pub down: Option<Reason>,
    /// Groups whose batch price is not n times the single one: paid singly.
    pub singly: Vec<GroupKey>,
}

/// An answer and what the gate said of it.
pub(super) struct Asked {
    pub answer: Result<Quote, QuoteError>,
    pub verdict: Result<Priced, Reason>,
}

impl Pricing<'_> {
    /// Prices one group.
    pub(super) async fn group(&self, key: &GroupKey, members: &[usize], prices: &mut Prices) {
        if key.paid_by == PaidBy::Provider && !self.reader.capabilities().renew_early {
            members.iter().for_each(|&m| self.told(key, m, prices));
            return;
        }
        if key.order.is_some() || members.len() == 1 {
            for set in batches(key, members, self.batch) {
                let asked = self.ask(&set).await;
                self.take(&set, &asked, prices);
            }
            return;
        }
        let Some((single, rest)) = self.first_clean(key, members, prices).await else { return };
        for set in batches(key, rest, self.batch) {
            if self.viewer.stop.is_cancelled() {
                return;
            }
            self.batch(&set, single, prices).await;
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
            asked_at: self.viewer.clock.now().wall,
            paid_before: None,
        };
        let mut asked = self.judge(&set, Ok(quote));
        // Not a quote to be paid: only its price is of use.
        if let Ok(priced) = &mut asked.verdict {
            priced.short = true;
        }
        self.take(&set, &asked, prices);
    }

    /// Quotes single leases until one is clean; it gives the price of one, and goes on with all that are left.
    async fn first_clean<'m>(
        &self,
        key: &GroupKey,
        members: &'m [usize],
        prices: &mut Prices,
    ) -> Option<(Money, &'m [usize])> {
        for (n, &member) in members.iter().enumerate() {
            let set = PaySet { key: key.clone(), members: vec![member] };
            let asked = self.ask(&set).await;
            match &asked.verdict {
                Ok(priced) => {
                    if n + 1 == members.len() {
                        self.take(&set, &asked, prices);
                    }
                    return Some((priced.total, if n + 1 == members.len() { &[] } else { &members[n..] }));
                }
                // What stands against one stands against all: they share the promo and the provider.
                Err(reason) if !of_the_lease(&asked, reason) || self.viewer.stop.is_cancelled() => {
                    let all = PaySet { key: key.clone(), members: members[n..].to_vec() };
                    self.take(&all, &asked, prices);
                    return None;
                }
                Err(_) => self.take(&set, &asked, prices),
            }
        }
        None
    }

    async fn batch(&self, set: &PaySet, single: Money, prices: &mut Prices) {
        let asked = self.ask(set).await;
        let n = set.members.len() as u64;
        match &asked.verdict {
            Ok(priced) if single.times(n) == Some(priced.total) => return self.take(set, &asked, prices),
            Err(reason) if !of_the_lease(&asked, reason) => return self.take(set, &asked, prices),
            Ok(_) => prices.singly.push(set.key.clone()),
            Err(_) => {}
        }
        for one in set.singles() {
            let asked = self.ask(&one).await;
            self.take(&one, &asked, prices);
        }
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
                if matches!(asked.answer, Err(QuoteError::NoAnswer(_))) {
                    prices.down = Some(reason.clone());
                }
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
fn of_the_lease(asked: &Asked, reason: &Reason) -> bool {
    match reason.word {
        Word::ProviderWarning | Word::PriceCap | Word::PriceJump | Word::Unparsable => true,
        Word::QuoteError => matches!(asked.answer, Err(QuoteError::Refused { .. }) | Ok(_)),
        _ => false,
    }
}
