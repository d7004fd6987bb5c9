//! One account as the provider keeps it: balance, proxies, and what its answers show of them at an instant. Not responsible for prices,
//! calls or time passing (see `world`).
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::shown::Shown;
use renewd_core::domain::Money;

/// A rented proxy, as the provider knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Its number.
    pub id: u64,
    /// Its address.
    pub ip: String,
    /// Its port.
    pub port: u16,
    /// 4, 3, 6 or 5.
    pub version: u8,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Beginning of the rent.
    pub start: Timestamp,
    /// True end of the paid term, whatever a lagging list shows.
    pub end: Timestamp,
    /// Its description.
    pub descr: String,
    /// The provider renews it by itself for so many days, 2 h before its end. No answer tells that.
    pub auto: Option<u32>,
    /// Proxy login (not a real one).
    pub login: String,
    /// Proxy password (not a real one).
    pub password: String,
    pub(super) lapsed: bool,
    pub(super) auto_not_before: Timestamp,
    /// The end that lists show, and from when.
    pub(super) views: Vec<(Timestamp, Timestamp)>,
}

impl Proxy {
    /// The end that a list may show at `now`; `None` while a new one is not listed yet.
    pub(super) fn shown_end(&self, now: Timestamp) -> Option<Timestamp> {
        self.views.iter().rev().find(|(from, _)| *from <= now).map(|(_, end)| *end)
    }

    /// When the provider next tries its own renewal.
    pub(super) fn auto_at(&self) -> Option<Timestamp> {
        self.auto?;
        let due = self.end.checked_sub(SignedDuration::from_hours(2)).unwrap_or(self.end);
        Some(due.max(self.auto_not_before)).filter(|at| *at < self.end)
    }
}

/// An account, known by its API key.
#[derive(Debug, Clone)]
pub struct Account {
    /// The number of its owner.
    pub user_id: u64,
    /// The true balance.
    pub balance: Money,
    /// `RUB` or `USD`.
    pub currency: String,
    /// Every call is answered with this error and text, until it is `None` again.
    pub down: Option<(i64, String)>,
    pub(super) proxies: Vec<Proxy>,
    shown_balance: Shown<Money>,
}

impl Account {
    pub(super) fn new(user_id: u64, balance: Money) -> Self {
        Self {
            user_id,
            balance,
            currency: "USD".to_owned(),
            down: None,
            proxies: Vec::new(),
            shown_balance: Shown::new(balance),
        }
    }

    /// Every proxy that is still listed, as it truly is.
    #[must_use]
    pub fn proxies(&self) -> &[Proxy] {
        &self.proxies
    }

    /// The proxy with this address.
    #[must_use]
    pub fn proxy(&self, ip: &str) -> Option<&Proxy> {
        self.proxies.iter().find(|proxy| proxy.ip == ip)
    }

    /// The proxy with this address, to alter what the provider knows of it.
    pub fn proxy_mut(&mut self, ip: &str) -> Option<&mut Proxy> {
        self.proxies.iter_mut().find(|proxy| proxy.ip == ip)
    }

    /// What every answer but that of a payment shows at `now`.
    pub(super) fn shown_balance(&self, now: Timestamp) -> Money {
        *self.shown_balance.at(now)
    }

    /// Sets the true balance at once and the shown one after `lag`.
    pub(super) fn set_balance(&mut self, at: Timestamp, lag: Duration, balance: Money) {
        self.balance = balance;
        self.shown_balance.change(at, lag, balance);
    }
}
