//! One account as the provider keeps it: balance, proxies, the log of orders, and what its lists show of them at an instant. Not
//! responsible for calls or time passing (`world`).
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Product;
use crate::shown::Shown;
use renewd_core::domain::Money;

/// A rented proxy, as the provider knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// The present id: another one after each renewal.
    pub id: String,
    /// The order it was bought in.
    pub order: String,
    /// The number of that order, which all its renewals share.
    pub base: String,
    /// The number of the newest renewal.
    pub number: String,
    /// What it is.
    pub product: Product,
    /// Its address, or its gateway's.
    pub ip: String,
    /// Its port.
    pub port: u16,
    /// Alpha-3.
    pub country: String,
    /// Beginning of the rent.
    pub start: Timestamp,
    /// True end of the paid term, whatever a lagging list shows.
    pub end: Timestamp,
    /// The provider renews it by itself, a day before its end.
    pub auto: bool,
    /// For so many days.
    pub auto_days: u32,
    /// It can be renewed.
    pub can_prolong: bool,
    /// Before this the provider does not try its auto-renewal (again).
    pub(super) auto_not_before: Timestamp,
    /// What lists show, and from when.
    pub(super) views: Vec<View>,
}

/// How a list shows a proxy from an instant on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    pub(super) from: Timestamp,
    pub(super) id: String,
    pub(super) number: String,
    pub(super) end: Timestamp,
}

impl Proxy {
    /// What never changes of it: its address, and its port where it has a gateway.
    #[must_use]
    pub fn place(&self) -> String {
        if self.product.has_gateway() { format!("{}:{}", self.ip, self.port) } else { self.ip.clone() }
    }

    /// The newest view that a list may show at `now`; `None` while a new one is not listed yet.
    pub(super) fn view(&self, now: Timestamp) -> Option<&View> {
        self.views.iter().rev().find(|view| view.from <= now)
    }

    /// Lists show it as it is from then on.
    pub(super) fn show_from(&mut self, from: Timestamp) {
        let (id, number, end) = (self.id.clone(), self.number.clone(), self.end);
        self.views.push(View { from, id, number, end });
    }

    /// When the provider next tries its own renewal; `None` while its flag is off.
    pub(super) fn auto_at(&self) -> Option<Timestamp> {
        let due = self.end.checked_sub(SignedDuration::from_hours(24)).unwrap_or(self.end);
        self.auto.then(|| due.max(self.auto_not_before)).filter(|at| *at < self.end)
    }
}

/// A row of the log of orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// Its own number.
    pub id: u64,
    /// The order that it is: a renewal is an order of its own.
    pub order: String,
    /// Its number.
    pub number: String,
    /// The number of the order that was renewed.
    pub base: String,
    /// What it cost.
    pub amount: Money,
    /// It is a renewal.
    pub extends: bool,
    /// The provider's auto-renewal made it.
    pub auto: bool,
    /// When.
    pub at: Timestamp,
    /// The log shows it from then on.
    pub(super) from: Timestamp,
}

/// An account, known by its API key.
#[derive(Debug, Clone)]
pub struct Account {
    /// The true balance.
    pub balance: Money,
    /// Access is refused: the key, the address, or too many requests.
    pub shut: bool,
    pub(super) proxies: Vec<Proxy>,
    pub(super) log: Vec<LogRow>,
    shown_balance: Shown<Money>,
}

impl Account {
    pub(super) fn new(balance: Money) -> Self {
        Self {
            balance,
            shut: false,
            proxies: Vec::new(),
            log: Vec::new(),
            shown_balance: Shown::new(balance),
        }
    }

    /// Every proxy that has not lapsed, as it truly is.
    #[must_use]
    pub fn proxies(&self) -> &[Proxy] {
        &self.proxies
    }

    /// The one at this place, to alter what the provider knows of it.
    pub fn proxy_mut(&mut self, place: &str) -> Option<&mut Proxy> {
        self.proxies.iter_mut().find(|proxy| proxy.place() == place)
    }

    /// The log of orders.
    #[must_use]
    pub fn log(&self) -> &[LogRow] {
        &self.log
    }

    pub(super) fn shown_balance(&self, now: Timestamp) -> Money {
        *self.shown_balance.at(now)
    }

    pub(super) fn set_balance(&mut self, at: Timestamp, lag: Duration, balance: Money) {
        self.balance = balance;
        self.shown_balance.change(at, lag, balance);
    }
}
