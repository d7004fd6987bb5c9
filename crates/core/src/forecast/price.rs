//! Which price a renewal is expected to have, and how sure that is.
use std::collections::HashMap;

use serde::Serialize;

use super::input::{AccountFacts, LeaseFacts, Price, SeenPrice};
use crate::domain::{Kind, LeaseView, Money};
use crate::policy::Policy;

/// How sure a price is, from most to least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PriceSource {
    /// The provider was asked for this very term.
    Quoted,
    /// What the last term of this lease cost.
    LastPaid,
    /// The provider's record of the order, or what another lease of the account was seen to cost: same kind, country, period
    /// and promo code; the newest quote, else the dearest payment.
    List,
    /// Nobody knows.
    None,
}

impl PriceSource {
    /// The word in JSON and tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quoted => "quoted",
            Self::LastPaid => "last_paid",
            Self::List => "list",
            Self::None => "none",
        }
    }
}

/// What decides whether a price of one lease may stand in for another's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Like {
    kind: Kind,
    country: Option<String>,
    period_days: u32,
    promo: Option<String>,
}

/// The prices of one account.
pub(super) struct PriceBook<'a> {
    account: &'a AccountFacts<'a>,
    list: HashMap<Like, Money>,
}

impl<'a> PriceBook<'a> {
    /// Gathers what was seen; `promo_of` gives the code that the n-th lease is paid with.
    pub(super) fn new(
        account: &'a AccountFacts<'a>,
        mut promo_of: impl FnMut(usize) -> Option<&'a str>,
    ) -> Self {
        // A quote beats a payment, a newer quote an older one, a dearer payment a cheaper one.
        let mut best: HashMap<Like, (Option<jiff::Timestamp>, Money)> = HashMap::new();
        for n in account.leases.priced() {
            let facts = account.leases.facts(n);
            let quoted = facts.quoted.as_ref().map(|q| (Some(q.seen_at), &q.price));
            let paid = facts.last_paid.as_ref().map(|price| (None, price));
            let promo = promo_of(n);
            for (seen, price) in quoted.into_iter().chain(paid) {
                if !in_currency(account, price) {
                    continue;
                }
                let like = like(&facts.lease, price.period_days, promo);
                let entry = best.entry(like).or_insert((seen, price.amount));
                *entry = (*entry).max((seen, price.amount));
            }
        }
        Self { account, list: best.into_iter().map(|(like, (_, amount))| (like, amount)).collect() }
    }

    /// The surest price of one more term.
    pub(super) fn price(
        &self,
        facts: &LeaseFacts<'_>,
        policy: &Policy,
        period_days: u32,
    ) -> (Option<Money>, PriceSource) {
        let fits = |price: &Price| price.period_days == period_days && in_currency(self.account, price);
        let asked_now = |q: &&SeenPrice| {
            let now = facts.lease.named_end();
            now.is_some_and(|now| now.is_priced_at(q.term_end, q.price.period_days))
        };
        let quoted = facts.quoted.as_ref().filter(asked_now);
        if let Some(seen) = quoted.filter(|q| fits(&q.price)) {
            return (Some(seen.price.amount), PriceSource::Quoted);
        }
        if let Some(paid) = facts.last_paid.as_ref().filter(|price| fits(price)) {
            return (Some(paid.amount), PriceSource::LastPaid);
        }
        if let Some(told) = facts.told.as_ref().filter(|price| fits(price)) {
            return (Some(told.amount), PriceSource::List);
        }
        if self.list.is_empty() {
            return (None, PriceSource::None);
        }
        match self.list.get(&like(&facts.lease, period_days, policy.promo_code.as_deref())) {
            Some(amount) => (Some(*amount), PriceSource::List),
            None => (None, PriceSource::None),
        }
    }
}

fn like(lease: &LeaseView<'_>, period_days: u32, promo: Option<&str>) -> Like {
    let (country, promo) = (lease.country.map(str::to_owned), promo.map(str::to_owned));
    Like { kind: lease.kind.clone(), country, period_days, promo }
}

fn in_currency(account: &AccountFacts<'_>, price: &Price) -> bool {
    account.balance.as_ref().is_none_or(|b| b.currency == price.currency)
}
