//! One account as the provider keeps it: balance, leases, promo codes, and what its lists show of them at an instant.
//! Not responsible for prices, calls or time passing (see `world`).
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Product;
use crate::shown::Shown;
use renewd_core::domain::Money;

/// A promo code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promo {
    /// As it is sent.
    pub code: String,
    /// Taken off the price, 0 to 100.
    pub percent: u32,
    /// Valid from here.
    pub starts: Timestamp,
    /// Valid until here; `None` = endless.
    pub ends: Option<Timestamp>,
}

impl Promo {
    /// The code counts at this instant.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.starts <= now && self.ends.is_none_or(|end| now < end)
    }
}

/// A rented IP, as the provider knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rental {
    /// The present `ipAddressId`.
    pub id: String,
    /// The `orderId`.
    pub order: String,
    /// Its address: never changes.
    pub ip: String,
    /// What it is.
    pub product: Product,
    /// Alpha-3.
    pub country: String,
    /// Beginning of the rent.
    pub start: Timestamp,
    /// True end of the paid term, whatever a lagging list shows.
    pub end: Timestamp,
    /// The provider extends it by itself, 2 h before its end.
    pub auto: bool,
    /// For so many days.
    pub auto_days: u32,
    /// Mobile only: the operator's tag.
    pub operator: Option<String>,
    /// Proxy login (not a real one).
    pub login: String,
    /// Proxy password (not a real one).
    pub password: String,
    /// Before this the provider does not try its auto-extend (again).
    pub(super) auto_not_before: Timestamp,
    /// What lists show, and from when.
    pub(super) views: Vec<View>,
}

/// How a list shows a lease from an instant on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    pub(super) from: Timestamp,
    pub(super) id: String,
    pub(super) end: Timestamp,
}

impl Rental {
    /// A lease that the lists show from `seen_from` on.
    pub(super) fn new(
        name: (&str, &str, &str),
        product: Product,
        country: &str,
        term: (Timestamp, Timestamp),
        seen_from: Timestamp,
    ) -> Self {
        let (id, order, ip) = name;
        Self {
            id: id.to_owned(),
            order: order.to_owned(),
            ip: ip.to_owned(),
            product,
            country: country.to_owned(),
            start: term.0,
            end: term.1,
            auto: false,
            auto_days: product.periods()[0],
            operator: (product == Product::Mobile).then(|| "vodafone".to_owned()),
            login: format!("sim-login-{id}"),
            password: format!("sim-password-{id}"),
            auto_not_before: term.0,
            views: vec![View { from: seen_from, id: id.to_owned(), end: term.1 }],
        }
    }

    /// The newest view that a list may show at `now`; `None` while a new lease is not listed yet.
    pub(super) fn view(&self, now: Timestamp) -> Option<&View> {
        self.views.iter().rev().find(|view| view.from <= now)
    }

    /// When the provider next tries its own extension; `None` while its flag is off.
    pub(super) fn auto_at(&self) -> Option<Timestamp> {
        let due = self.end.checked_sub(SignedDuration::from_hours(2)).unwrap_or(self.end);
        self.auto.then(|| due.max(self.auto_not_before)).filter(|at| *at < self.end)
    }
}

/// An account, known by its API key.
#[derive(Debug, Clone)]
pub struct Account {
    /// The true balance.
    pub balance: Money,
    /// `USD`, unless somebody changed it.
    pub currency: String,
    /// Promo codes open to it.
    pub promos: Vec<Promo>,
    /// Every call is answered with this code and message, until it is `None` again: a locked key (2), an outage (3).
    pub down: Option<(i64, String)>,
    pub(super) rentals: Vec<Rental>,
    shown_balance: Shown<Money>,
}

impl Account {
    pub(super) fn new(balance: Money) -> Self {
        Self {
            balance,
            currency: "USD".to_owned(),
            promos: Vec::new(),
            down: None,
            rentals: Vec::new(),
            shown_balance: Shown::new(balance),
        }
    }

    /// Every lease that has not lapsed, as it truly is.
    #[must_use]
    pub fn rentals(&self) -> &[Rental] {
        &self.rentals
    }

    /// The lease with this address.
    #[must_use]
    pub fn rental(&self, ip: &str) -> Option<&Rental> {
        self.rentals.iter().find(|rental| rental.ip == ip)
    }

    /// The lease with this address, to alter what the provider knows (its flag, its country). The end that lists
    /// show does not follow: use [`super::World::set_end`] for that.
    pub fn rental_mut(&mut self, ip: &str) -> Option<&mut Rental> {
        self.rentals.iter_mut().find(|rental| rental.ip == ip)
    }

    /// What the balance call and the quotes show at `now`.
    pub(super) fn shown_balance(&self, now: Timestamp) -> Money {
        *self.shown_balance.at(now)
    }

    /// Sets the true balance at once and the shown one after `lag`.
    pub(super) fn set_balance(&mut self, at: Timestamp, lag: Duration, balance: Money) {
        self.balance = balance;
        self.shown_balance.change(at, lag, balance);
    }
}
