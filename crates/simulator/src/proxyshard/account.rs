//! One account as the provider keeps it: wallet, orders, promo codes, and what `/me` shows of the wallet at an instant.
//! Not responsible for prices, calls or time passing.
use std::time::Duration;

use jiff::Timestamp;

use super::Order;
use super::order::Kept;
use crate::site::later;
use renewd_core::domain::Money;

/// A promo code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promo {
    /// As it is sent.
    pub code: String,
    /// Taken off the price, 0 to 100.
    pub percent: u32,
    /// Only for these cycles; empty = all.
    pub cycles: Vec<String>,
    /// Valid until here; `None` = endless.
    pub ends: Option<Timestamp>,
}

impl Promo {
    /// The code counts at this instant for this cycle.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp, cycle: Option<&str>) -> bool {
        let fits = self.cycles.is_empty() || cycle.is_some_and(|name| self.cycles.iter().any(|c| c == name));
        fits && self.ends.is_none_or(|end| now < end)
    }
}

/// An account, known by its bearer token.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its address for mail.
    pub email: String,
    /// What is truly in the wallet; whole cents.
    pub balance: Money,
    /// Promo codes open to it.
    pub promos: Vec<Promo>,
    /// Every call is answered with this status and message, until it is `None` again: 401, 403, 503.
    pub down: Option<(u16, String)>,
    pub(super) orders: Vec<Kept>,
    balance_past: Vec<(Timestamp, Money)>,
}

impl Account {
    pub(super) fn new(balance: Money) -> Self {
        Self {
            email: "customer@example.org".to_owned(),
            balance,
            promos: Vec::new(),
            down: None,
            orders: Vec::new(),
            balance_past: Vec::new(),
        }
    }

    /// Every order, cancelled ones too, as it truly is.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter().map(|kept| &kept.order)
    }

    /// The order with this id.
    #[must_use]
    pub fn order(&self, id: &str) -> Option<&Order> {
        self.orders().find(|order| order.id == id)
    }

    /// The order with this id, to alter what the provider knows. Lists show it at once, whatever their lag.
    pub fn order_mut(&mut self, id: &str) -> Option<&mut Order> {
        self.orders.iter_mut().map(|kept| &mut kept.order).find(|order| order.id == id)
    }

    pub(super) fn kept_mut(&mut self, id: &str) -> Option<&mut Kept> {
        self.orders.iter_mut().find(|kept| kept.order.id == id)
    }

    /// What `/me` shows at `now`, that far behind.
    pub(super) fn shown_balance(&self, now: Timestamp, lag: Duration) -> Money {
        let past = self.balance_past.iter().find(|(until, _)| later(*until, lag) > now);
        past.map_or(self.balance, |(_, was)| *was)
    }

    /// Sets what is in the wallet, and keeps what was.
    pub(super) fn set_balance(&mut self, at: Timestamp, balance: Money) {
        self.balance_past.push((at, self.balance));
        self.balance = balance;
    }
}
