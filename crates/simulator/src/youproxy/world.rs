//! All that the provider knows and does by itself: accounts, books, and time passing.
//!
//! Responsible for: charges to the cent, ends, lapses, the provider's own auto-extend, charges that land late, and how
//! far lists and balance lag behind. Not responsible for sockets, nor for what a call is answered (`calls`). It reads
//! no clock: every step gets its `now`.
use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::account::View;
use super::books::{Books, Entry, EntryKind, Lapse, Line};
use super::endpoint::Call;
use super::{Account, Endpoint, ListStyle, Prices, Product, Rental};
use crate::site::later;
use renewd_core::domain::Money;

/// The provider's whole state. Cloning it gives a world of its own.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// The price list.
    pub prices: Prices,
    /// How `GET /ipAddress` looks.
    pub list: ListStyle,
    /// Lists show a payment only after this long. A lease paid just before its end stays listed with the old end, which
    /// may then lie in the past.
    pub list_lag: Duration,
    /// The balance call and the quotes show a payment only after this long. Payments always show the true balance.
    pub balance_lag: Duration,
    /// Each extension gives the lease a new `ipAddressId`.
    pub rotate_ids: bool,
    /// `/calculate/extend` accepts only the vendor's older spelling `IpAddressIds`.
    pub older_spelling: bool,
    pub(super) accounts: BTreeMap<String, Account>,
    books: Books,
    pending: Vec<(Timestamp, Call)>,
    serial: u64,
}

/// What is to be extended, already checked and priced.
pub(super) struct Extension<'a> {
    pub(super) key: &'a str,
    pub(super) at: Timestamp,
    pub(super) kind: EntryKind,
    pub(super) endpoint: Option<Endpoint>,
    pub(super) ips: &'a [String],
    pub(super) days: u32,
    pub(super) amount: Money,
    /// False: the money is taken and the ends stay.
    pub(super) delivers: bool,
}

enum Step {
    Lands(usize),
    AutoExtends(String, usize),
    Lapses(String, usize),
}

impl World {
    /// A provider without accounts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Numbers ids and orders from here on, so that they are not those of another world.
    pub fn number_from(&mut self, serial: u32) {
        self.serial = u64::from(serial);
    }

    /// Opens an account in USD.
    pub fn add_account(&mut self, key: &str, balance: Money) {
        self.accounts.insert(key.to_owned(), Account::new(balance));
    }

    /// The account with this key.
    #[must_use]
    pub fn account(&self, key: &str) -> Option<&Account> {
        self.accounts.get(key)
    }

    /// Gives an account another key; false where there is none with the old one.
    pub fn change_key(&mut self, old: &str, new: &str) -> bool {
        let Some(account) = self.accounts.remove(old) else { return false };
        self.accounts.insert(new.to_owned(), account).is_none()
    }

    /// The account with this key, to change its currency, its promo codes or to take it down.
    pub fn account_mut(&mut self, key: &str) -> Option<&mut Account> {
        self.accounts.get_mut(key)
    }

    /// The account keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.accounts.keys().map(String::as_str)
    }

    /// Every charge, top-up and lapse so far.
    #[must_use]
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// Every lease whose end passed unpaid.
    #[must_use]
    pub fn lapsed(&self) -> &[Lapse] {
        &self.books.lapses
    }

    /// Rents out IPs as one order that is listed at once; `ADDRESS:PORT` is a lease behind a gateway. The first term ends at `end`. Gives the order's id, or
    /// `None` if there is no such account.
    pub fn add_order(
        &mut self,
        key: &str,
        product: Product,
        country: &str,
        ips: &[&str],
        end: Timestamp,
    ) -> Option<String> {
        let term = SignedDuration::from_hours(24 * i64::from(product.periods()[0]));
        let start = end.checked_sub(term).unwrap_or(Timestamp::MIN);
        self.rent(key, (product, country), ips, (start, end), Timestamp::MIN)
    }

    pub(super) fn rent(
        &mut self,
        key: &str,
        what: (Product, &str),
        ips: &[&str],
        term: (Timestamp, Timestamp),
        seen_from: Timestamp,
    ) -> Option<String> {
        self.accounts.get(key)?;
        let order = self.fresh_order();
        for ip in ips {
            let id = self.fresh_id();
            let rental = Rental::new((&id, &order, ip), what.0, what.1, term, seen_from);
            self.accounts.get_mut(key)?.rentals.push(rental);
        }
        Some(order)
    }

    /// Sets the true and the listed end of the lease with this address; false if there is none.
    pub fn set_end(&mut self, key: &str, ip: &str, end: Timestamp) -> bool {
        let Some(rental) = self.accounts.get_mut(key).and_then(|account| account.rental_mut(ip)) else {
            return false;
        };
        rental.end = end;
        rental.views = vec![View { from: Timestamp::MIN, id: rental.id.clone(), end }];
        true
    }

    /// Puts another address under the id of a lease; false if there is none.
    pub fn rename(&mut self, key: &str, ip: &str, to: &str) -> bool {
        let Some(rental) = self.accounts.get_mut(key).and_then(|account| account.rental_mut(ip)) else {
            return false;
        };
        to.clone_into(&mut rental.ip);
        true
    }

    /// Takes a lease out of the provider's hands without a word; false if there is none.
    pub fn remove(&mut self, key: &str, ip: &str) -> bool {
        let Some(account) = self.accounts.get_mut(key) else { return false };
        let before = account.rentals.len();
        account.rentals.retain(|rental| rental.ip != ip);
        account.rentals.len() < before
    }

    /// Pays money in. Gives the new balance; `None` without such an account, or on overflow.
    pub fn top_up(&mut self, now: Timestamp, key: &str, amount: Money) -> Option<Money> {
        let after = self.accounts.get(key)?.balance.plus(amount)?;
        self.move_money(now, key, EntryKind::TopUp, (amount, after));
        Some(after)
    }

    /// Somebody else spends from an account. Gives the new balance; `None` without such an account, or where it holds
    /// less.
    pub fn spend_elsewhere(&mut self, now: Timestamp, key: &str, amount: Money) -> Option<Money> {
        let after = self.accounts.get(key)?.balance.minus(amount).filter(|after| !after.is_negative())?;
        self.move_money(now, key, EntryKind::Foreign, (amount, after));
        Some(after)
    }

    /// Books an amount that pays for no lease, and the balance after it.
    fn move_money(&mut self, at: Timestamp, key: &str, kind: EntryKind, (amount, after): (Money, Money)) {
        let lag = self.balance_lag;
        let Some(account) = self.accounts.get_mut(key) else { return };
        let before = account.balance;
        account.set_balance(at, lag, after);
        self.books.entries.push(Entry {
            at,
            account: key.to_owned(),
            kind,
            endpoint: None,
            amount,
            balance_before: before,
            balance_after: after,
            days: 0,
            lines: Vec::new(),
        });
    }

    /// Lets everything happen that is due up to `now`, in its order: late charges land, the provider extends by
    /// itself, unpaid leases lapse.
    pub fn advance_to(&mut self, now: Timestamp) {
        while let Some((at, step)) = self.next_step(now) {
            match step {
                Step::Lands(index) => {
                    let (_, call) = self.pending.remove(index);
                    let _answer_nobody_hears = self.call(at, &call);
                }
                Step::AutoExtends(key, index) => self.auto_extend(at, &key, index),
                Step::Lapses(key, index) => self.lapse(&key, index),
            }
        }
    }

    fn next_step(&self, now: Timestamp) -> Option<(Timestamp, Step)> {
        let lands = self.pending.iter().enumerate().map(|(n, (at, _))| ((*at, 0), Step::Lands(n)));
        let leases = self.accounts.iter().flat_map(|(key, account)| {
            account.rentals.iter().enumerate().flat_map(move |(n, rental)| {
                let auto = rental.auto_at().map(|at| ((at, 1), Step::AutoExtends(key.clone(), n)));
                let lapse = (rental.end <= now).then(|| ((rental.end, 2), Step::Lapses(key.clone(), n)));
                auto.into_iter().chain(lapse)
            })
        });
        let due = lands.chain(leases).filter(|((at, _), _)| *at <= now);
        due.min_by_key(|(order, _)| *order).map(|((at, _), step)| (at, step))
    }

    /// Lets a call be processed only at `at`.
    pub(super) fn postpone(&mut self, at: Timestamp, call: Call) {
        self.pending.push((at, call));
    }

    fn lapse(&mut self, key: &str, index: usize) {
        let Some(account) = self.accounts.get_mut(key) else { return };
        let gone = account.rentals.remove(index);
        self.books.lapses.push(Lapse {
            account: key.to_owned(),
            id: gone.id,
            order: gone.order,
            ip: gone.ip,
            end: gone.end,
        });
    }

    /// Extends for the term on the lease if the balance covers it; otherwise tries again ten minutes later.
    fn auto_extend(&mut self, at: Timestamp, key: &str, index: usize) {
        let Some(account) = self.accounts.get_mut(key) else { return };
        let balance = account.balance;
        let Some(rental) = account.rentals.get_mut(index) else { return };
        rental.auto_not_before = later(at, Duration::from_secs(600));
        let (ip, days) = (rental.ip.clone(), rental.auto_days);
        let price = self.prices.of(rental.product, &rental.country, days);
        if let Some(amount) = price.filter(|price| *price <= balance) {
            let kind = EntryKind::AutoExtend;
            let (endpoint, delivers) = (None, true);
            self.extend(&Extension { key, at, kind, endpoint, ips: &[ip], days, amount, delivers });
        }
    }

    /// Charges and moves the ends: a new term starts at the old end. Gives the ids as they were asked for.
    pub(super) fn extend(&mut self, paid: &Extension<'_>) -> Vec<String> {
        let seen_from = later(paid.at, self.list_lag);
        let term = Duration::from_secs(86_400 * u64::from(paid.days));
        let mut lines = Vec::new();
        for ip in paid.ips {
            let fresh = (self.rotate_ids && paid.delivers).then(|| self.fresh_id());
            let Some(rental) = self.accounts.get_mut(paid.key).and_then(|a| a.rental_mut(ip)) else {
                continue;
            };
            let (id_before, end_before) = (rental.id.clone(), rental.end);
            rental.id = fresh.unwrap_or_else(|| id_before.clone());
            rental.end = if paid.delivers { later(end_before, term) } else { end_before };
            rental.views.push(View { from: seen_from, id: rental.id.clone(), end: rental.end });
            lines.push(Line {
                id_before,
                id_after: rental.id.clone(),
                order: rental.order.clone(),
                ip: ip.clone(),
                end_before: Some(end_before),
                end_after: rental.end,
            });
        }
        let ids = lines.iter().map(|line| line.id_before.clone()).collect();
        self.charge(paid, lines);
        ids
    }

    /// Moves the money for what was delivered; nothing delivered, nothing charged.
    pub(super) fn charge(&mut self, paid: &Extension<'_>, lines: Vec<Line>) {
        if lines.is_empty() {
            return;
        }
        let lag = self.balance_lag;
        let Some(account) = self.accounts.get_mut(paid.key) else { return };
        let before = account.balance;
        let after = before.minus(paid.amount).expect("a charge is checked against the balance first");
        account.set_balance(paid.at, lag, after);
        self.books.entries.push(Entry {
            at: paid.at,
            account: paid.key.to_owned(),
            kind: paid.kind,
            endpoint: paid.endpoint,
            amount: paid.amount,
            balance_before: before,
            balance_after: after,
            days: paid.days,
            lines,
        });
    }

    fn fresh_id(&mut self) -> String {
        self.serial += 1;
        (1_200_000_000_000_000_000_u64 + self.serial * 7_919).to_string()
    }

    /// An address that no other bought lease has.
    pub(super) fn fresh_address(&mut self, product: Product) -> String {
        self.serial += 1;
        super::product::address(product, u32::try_from(self.serial).unwrap_or(u32::MAX))
    }

    pub(super) fn fresh_order(&mut self) -> String {
        self.serial += 1;
        format!("YP{:07}X", 4_000_000 + self.serial * 13)
    }
}
