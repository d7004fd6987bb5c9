//! All that ProxyShard knows: accounts, catalogue, books, and the money that moves between them.
//!
//! Responsible for: charges to the cent. Not responsible for time passing (`life`), for what a call is answered (`calls`)
//! or for sockets. It reads no clock: every step gets its `now`.
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;

use super::books::{Books, Entry, EntryKind};
use super::endpoint::Call;
use super::price::Bill;
use super::{Account, Address, Catalogue, Endpoint, Lapse, Looks, Rules};
use renewd_core::domain::Money;

/// The provider's whole state. Cloning it gives a world of its own.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// What is on sale.
    pub catalogue: Catalogue,
    /// What it does where its page is silent.
    pub rules: Rules,
    /// How its replies look.
    pub looks: Looks,
    /// `GET /orders` shows what was so long ago: payments, holds and new orders come this late.
    pub list_lag: Duration,
    /// `GET /me` shows the wallet as it was so long ago.
    pub balance_lag: Duration,
    /// `GET /orders/{id}` lags as far behind as the lists.
    pub detail_lags: bool,
    pub(super) accounts: BTreeMap<String, Account>,
    pub(super) books: Books,
    pub(super) pending: Vec<(Timestamp, Call)>,
    /// How far time has come; `None`: it has not begun.
    pub(super) reached: Option<Timestamp>,
    serial: u32,
}

/// Money for one term.
pub(super) struct Charge<'a> {
    pub(super) at: Timestamp,
    pub(super) key: &'a str,
    pub(super) kind: EntryKind,
    pub(super) endpoint: Option<Endpoint>,
    pub(super) order: &'a str,
    pub(super) bill: Bill,
    pub(super) cycle: Option<String>,
    pub(super) end_before: Option<Timestamp>,
    pub(super) end_after: Option<Timestamp>,
}

impl World {
    /// A provider without accounts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens an account. Its wallet holds whole cents.
    pub fn add_account(&mut self, key: &str, balance: Money) {
        self.accounts.insert(key.to_owned(), Account::new(balance));
    }

    /// The account with this token.
    #[must_use]
    pub fn account(&self, key: &str) -> Option<&Account> {
        self.accounts.get(key)
    }

    /// The account with this token, to change its promo codes, its orders or to take it down.
    pub fn account_mut(&mut self, key: &str) -> Option<&mut Account> {
        self.accounts.get_mut(key)
    }

    /// The tokens.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.accounts.keys().map(String::as_str)
    }

    /// Every charge, top-up and lost order so far.
    #[must_use]
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// Every order that was lost.
    #[must_use]
    pub fn lapsed(&self) -> &[Lapse] {
        &self.books.lapses
    }

    /// Takes an order out of the provider's hands without a word; false if there is none.
    pub fn remove(&mut self, key: &str, id: &str) -> bool {
        let Some(account) = self.accounts.get_mut(key) else { return false };
        let before = account.orders.len();
        account.orders.retain(|kept| kept.order.id != id);
        account.orders.len() < before
    }

    /// Pays money in. Gives what is in the wallet then; `None` without such an account, or on overflow.
    pub fn top_up(&mut self, now: Timestamp, key: &str, amount: Money) -> Option<Money> {
        let after = self.accounts.get(key)?.balance.plus(amount)?;
        self.move_money(now, key, EntryKind::TopUp, (amount, after));
        Some(after)
    }

    /// Somebody else spends from a wallet. Gives what is left; `None` without such an account, or where it holds less.
    pub fn spend_elsewhere(&mut self, now: Timestamp, key: &str, amount: Money) -> Option<Money> {
        let after = self.accounts.get(key)?.balance.minus(amount).filter(|after| !after.is_negative())?;
        self.move_money(now, key, EntryKind::Foreign, (amount, after));
        Some(after)
    }

    fn move_money(&mut self, at: Timestamp, key: &str, kind: EntryKind, (amount, after): (Money, Money)) {
        let Some(account) = self.accounts.get_mut(key) else { return };
        let before = account.balance;
        account.set_balance(at, after);
        self.books.entries.push(Entry {
            at,
            account: key.to_owned(),
            kind,
            endpoint: None,
            order: None,
            amount,
            base: amount,
            addons: Money::ZERO,
            balance_before: before,
            balance_after: after,
            cycle: None,
            end_before: None,
            end_after: None,
        });
    }

    /// Takes the money and books it. False, and nothing is done, where the wallet does not cover it.
    pub(super) fn charge(&mut self, charge: Charge<'_>) -> bool {
        let Some(account) = self.accounts.get_mut(charge.key) else { return false };
        let before = account.balance;
        let Some(amount) = charge.bill.total() else { return false };
        let Some(after) = before.minus(amount).filter(|after| !after.is_negative()) else { return false };
        account.set_balance(charge.at, after);
        self.books.entries.push(Entry {
            at: charge.at,
            account: charge.key.to_owned(),
            kind: charge.kind,
            endpoint: charge.endpoint,
            order: Some(charge.order.to_owned()),
            amount,
            base: charge.bill.base,
            addons: charge.bill.addons,
            balance_before: before,
            balance_after: after,
            cycle: charge.cycle,
            end_before: charge.end_before,
            end_after: charge.end_after,
        });
        true
    }

    pub(super) fn fresh_id(&mut self) -> String {
        self.serial += 1;
        (480_000 + u64::from(self.serial) * 7).to_string()
    }

    /// Proxies that no other order has, from 100.64.0.0/10, which no public network uses.
    pub(super) fn fresh_addresses(&mut self, count: u32) -> Vec<Address> {
        let mut fresh = || {
            self.serial += 1;
            let ip = u32::from(Ipv4Addr::new(100, 64, 0, 0)) + self.serial % 4_000_000;
            Address {
                ip: Ipv4Addr::from(ip).to_string(),
                port: 8_000,
                login: format!("sim-login-{}", self.serial),
                password: format!("sim-password-{}", self.serial),
            }
        };
        (0..count).map(|_| fresh()).collect()
    }
}
