//! Which price a renewal is expected to have, and how sure that is.
use std::collections::HashMap;

use serde::Serialize;

use super::input::{AccountFacts, LeaseFacts, Price, SeenPrice};
use crate::domain::{Kind, Money, Sameness, TermEnd, term};
use crate::policy::Policy;

/// How sure a price is, from most to least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
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
struct Like<'a> {
    kind: &'a Kind,
    country: Option<&'a str>,
    period_days: u32,
    promo: Option<&'a str>,
}

/// The prices of one account.
pub(super) struct PriceBook<'a> {
    account: &'a AccountFacts<'a>,
    list: HashMap<Like<'a>, Money>,
}

impl<'a> PriceBook<'a> {
    /// Gathers what was seen; `promo_of` gives the code that a lease is paid with.
    pub(super) fn new(
        account: &'a AccountFacts<'a>,
        promo_of: impl Fn(&LeaseFacts<'a>) -> Option<&'a str>,
    ) -> Self {
        // A quote beats a payment, a newer quote an older one, a dearer payment a cheaper one.
        let mut best: HashMap<Like<'a>, (Option<jiff::Timestamp>, Money)> = HashMap::new();
        for facts in &account.leases {
            let quoted = facts.quoted.as_ref().map(|q| (Some(q.seen_at), &q.price));
            let paid = facts.last_paid.as_ref().map(|price| (None, price));
            for (seen, price) in quoted.into_iter().chain(paid) {
                if !in_currency(account, price) {
                    continue;
                }
                let like = like(facts, price.period_days, promo_of(facts));
                let entry = best.entry(like).or_insert((seen, price.amount));
                *entry = (*entry).max((seen, price.amount));
            }
        }
        Self { account, list: best.into_iter().map(|(like, (_, amount))| (like, amount)).collect() }
    }

    /// The surest price of one more term.
    pub(super) fn price(
        &self,
        facts: &LeaseFacts<'a>,
        policy: &'a Policy,
        period_days: u32,
    ) -> (Option<Money>, PriceSource) {
        let fits = |price: &Price| price.period_days == period_days && in_currency(self.account, price);
        let asked_now = |q: &&SeenPrice| {
            let (asked, now) = (TermEnd::instant(q.term_end), facts.lease.named_end());
            let days = Some(q.price.period_days);
            now.is_some_and(|now| {
                now.at == asked.at
                    || matches!(term::compare(asked, now, days), Sameness::Same | Sameness::Unclear)
            })
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
        match self.list.get(&like(facts, period_days, policy.promo_code.as_deref())) {
            Some(amount) => (Some(*amount), PriceSource::List),
            None => (None, PriceSource::None),
        }
    }
}

fn like<'a>(facts: &LeaseFacts<'a>, period_days: u32, promo: Option<&'a str>) -> Like<'a> {
    Like { kind: &facts.lease.kind, country: facts.lease.country.as_deref(), period_days, promo }
}

fn in_currency(account: &AccountFacts<'_>, price: &Price) -> bool {
    account.balance.as_ref().is_none_or(|b| b.currency == price.currency)
}
