//! What a term would have cost at some instant, as far as prices were read. Nothing is scaled or guessed.
use std::collections::HashMap;

use jiff::Timestamp;

use super::facts::{AccountPast, LeasePast, PriceSeen};
use crate::domain::{Kind, Money};

/// What decides whether a price of one lease may stand in for another's.
type Like<'a> = (&'a Kind, Option<&'a str>, u32);

/// The prices of an account.
pub(super) struct Prices<'a> {
    list: HashMap<Like<'a>, Vec<&'a PriceSeen>>,
}

impl<'a> Prices<'a> {
    pub(super) fn of(account: &'a AccountPast) -> Self {
        let mut list: HashMap<Like<'a>, Vec<&'a PriceSeen>> = HashMap::new();
        for past in &account.leases {
            for price in &past.prices {
                let like = (&past.lease.kind, past.lease.country.as_deref(), price.days);
                list.entry(like).or_default().push(price);
            }
        }
        list.values_mut().for_each(|seen| seen.sort_by_key(|p| (p.at, p.amount)));
        Self { list }
    }

    /// The newest price for so many days that was read by then, else the next one: of the lease itself, else of one like it.
    pub(super) fn of_lease(&self, past: &LeasePast, days: u32, at: Timestamp) -> Option<Money> {
        let own: Vec<&PriceSeen> = past.prices.iter().filter(|p| p.days == days).collect();
        let like = (&past.lease.kind, past.lease.country.as_deref(), days);
        nearest(&own, at).or_else(|| nearest(self.list.get(&like)?, at))
    }
}

fn nearest(seen: &[&PriceSeen], at: Timestamp) -> Option<Money> {
    let by_then = seen.partition_point(|p| p.at <= at);
    seen.get(by_then.saturating_sub(1)).map(|p| p.amount)
}
