//! What leases last cost, looked up lease by lease: by id, else by order and address.
use std::collections::HashMap;

use super::LastPrice;
use crate::domain::lease::same_port;
use crate::domain::{LeaseId, LeaseView, RequestLease};

/// The price of a lease behind one port of an address.
type AtPort = (Option<u16>, Option<LastPrice>);

/// The last prices that an account paid. One that cannot be told (a share of an odd sum) hides the older ones behind it.
#[derive(Debug, Clone, Default)]
pub struct LastPrices {
    by_id: HashMap<String, Option<LastPrice>>,
    by_place: HashMap<(String, String), Vec<AtPort>>,
}

/// A lease as it was paid for.
#[derive(Debug, Clone)]
pub struct PaidLease {
    /// The provider's id.
    pub lease: String,
    /// Its order.
    pub order: String,
    /// Its address.
    pub ip: String,
    /// Its port, where that was told.
    pub port: Option<u16>,
    /// What it cost, if that can be told.
    pub price: Option<LastPrice>,
}

impl LastPrices {
    /// Adds a payment; the newest comes first.
    pub fn add(&mut self, paid: PaidLease) {
        if !paid.ip.is_empty() {
            let place = self.by_place.entry((paid.order, paid.ip)).or_default();
            if place.iter().all(|(port, _)| *port != paid.port) {
                place.push((paid.port, paid.price.clone()));
            }
        }
        self.by_id.entry(paid.lease).or_insert(paid.price);
    }

    /// Those of the leases that an account has now, by their ids.
    #[must_use]
    pub fn of_leases(prices: HashMap<LeaseId, LastPrice>) -> Self {
        let by_id = prices.into_iter().map(|(id, price)| (id.to_string(), Some(price)));
        Self { by_id: by_id.collect(), by_place: HashMap::new() }
    }

    /// Nothing was ever paid.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// What that lease last cost. One that got another id with its renewal keeps its price, and a gateway's is each lease's own.
    #[must_use]
    pub fn of<'a>(&self, lease: impl Into<LeaseView<'a>>) -> Option<&LastPrice> {
        let lease = lease.into();
        self.at(lease.id, lease.order, lease.ip, lease.port)
    }

    /// The same of one that is to be paid.
    #[must_use]
    pub fn of_request(&self, lease: &RequestLease) -> Option<&LastPrice> {
        self.at(lease.id.as_str(), lease.order.as_str(), &lease.ip, lease.port)
    }

    fn at(&self, id: &str, order: &str, ip: &str, port: Option<u16>) -> Option<&LastPrice> {
        if self.is_empty() {
            return None;
        }
        if let Some(price) = self.by_id.get(id) {
            return price.as_ref();
        }
        let place = self.by_place.get(&(order.to_owned(), ip.to_owned()))?;
        place.iter().find(|(of, _)| same_port(*of, port))?.1.as_ref()
    }
}

impl FromIterator<PaidLease> for LastPrices {
    fn from_iter<I: IntoIterator<Item = PaidLease>>(paid: I) -> Self {
        let mut prices = Self::default();
        paid.into_iter().for_each(|one| prices.add(one));
        prices
    }
}
