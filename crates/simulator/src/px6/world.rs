//! All that the provider knows and does by itself: accounts, books, and time passing.
//!
//! Responsible for: charges to the cent, ends, lapses, the provider's own renewal, charges that land late, and how far lists and
//! balance lag behind. Not responsible for sockets, nor for what a call is answered (`calls`). It reads no clock: every step gets its
//! `now`.
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::books::{Books, Entry, EntryKind, Lapse, Line};
use super::endpoint::Call;
use super::{Account, Prices, Proxy};
use crate::site::later;
use renewd_core::domain::Money;

/// The provider's whole state. Cloning it gives a world of its own.
#[derive(Debug, Clone)]
pub struct World {
    /// The price list.
    pub prices: Prices,
    /// Rows of `getproxy` tell their version, as newer answers do.
    pub tells_version: bool,
    /// `getproxy` answers with an array although nobody asked for one.
    pub always_array: bool,
    /// The most rows of a page, whatever `limit` says.
    pub most_rows: usize,
    /// More calls than this within a second are turned away.
    pub per_second: usize,
    /// With this HTTP status: 429, or 503 as older servers do.
    pub busy: u16,
    /// How many there are to be bought, of each version in each country.
    pub stock: u32,
    /// Lists show a payment only after this long.
    pub list_lag: Duration,
    /// The balance of answers that are no payment's shows a payment only after this long.
    pub balance_lag: Duration,
    pub(super) accounts: BTreeMap<String, Account>,
    pub(super) recent: BTreeMap<String, VecDeque<Timestamp>>,
    books: Books,
    pending: Vec<(Timestamp, Call)>,
    serial: u64,
}

impl Default for World {
    fn default() -> Self {
        Self {
            prices: Prices::default(),
            tells_version: true,
            always_array: false,
            most_rows: 1_000,
            per_second: 3,
            busy: 429,
            stock: 1_000,
            list_lag: Duration::ZERO,
            balance_lag: Duration::ZERO,
            accounts: BTreeMap::new(),
            recent: BTreeMap::new(),
            books: Books::default(),
            pending: Vec::new(),
            serial: 0,
        }
    }
}

/// What is to be renewed, already checked and priced.
pub(super) struct Renewal<'a> {
    pub(super) key: &'a str,
    pub(super) at: Timestamp,
    pub(super) kind: EntryKind,
    pub(super) ids: &'a [u64],
    pub(super) days: u32,
    pub(super) amount: Money,
    /// False: the money is taken and the ends stay.
    pub(super) delivers: bool,
}

/// How long a proxy stays listed after its end.
const KEPT: Duration = Duration::from_secs(3 * 86_400);

enum Step {
    Lands(usize),
    Renews(String, usize),
    Lapses(String, usize),
    Goes(String, usize),
}

impl World {
    /// A provider without accounts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens an account in USD.
    pub fn add_account(&mut self, key: &str, balance: Money) {
        self.serial += 1;
        self.accounts.insert(key.to_owned(), Account::new(500_000 + self.serial, balance));
    }

    /// The account with this key.
    #[must_use]
    pub fn account(&self, key: &str) -> Option<&Account> {
        self.accounts.get(key)
    }

    /// The account with this key, to change its currency or to take it down.
    pub fn account_mut(&mut self, key: &str) -> Option<&mut Account> {
        self.accounts.get_mut(key)
    }

    /// Gives an account another key; false where there is none with the old one.
    pub fn change_key(&mut self, old: &str, new: &str) -> bool {
        let Some(account) = self.accounts.remove(old) else { return false };
        self.accounts.insert(new.to_owned(), account).is_none()
    }

    /// Every charge, top-up and lapse so far.
    #[must_use]
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// Rents out a proxy that is listed at once and whose first term ends at `end`. Gives its number; `None` without such an account.
    pub fn add_proxy(
        &mut self,
        key: &str,
        version: u8,
        country: &str,
        ip: &str,
        end: Timestamp,
    ) -> Option<u64> {
        let start = end.checked_sub(SignedDuration::from_hours(24 * 30)).unwrap_or(Timestamp::MIN);
        self.rent(key, (version, country, ""), ip, (start, end), Timestamp::MIN)
    }

    pub(super) fn rent(
        &mut self,
        key: &str,
        (version, country, descr): (u8, &str, &str),
        ip: &str,
        (start, end): (Timestamp, Timestamp),
        seen_from: Timestamp,
    ) -> Option<u64> {
        self.serial += 1;
        let id = 26_000_000 + self.serial;
        let proxy = Proxy {
            id,
            ip: ip.to_owned(),
            port: 8_000 + u16::try_from(self.serial % 1_000).unwrap_or(0),
            version,
            country: country.to_owned(),
            start,
            end,
            descr: descr.to_owned(),
            auto: None,
            login: format!("sim-login-{id}"),
            password: format!("sim-password-{id}"),
            lapsed: false,
            auto_not_before: start,
            views: vec![(seen_from, end)],
        };
        self.accounts.get_mut(key)?.proxies.push(proxy);
        Some(id)
    }

    /// Sets the true and the listed end of the proxy with this address; false if there is none.
    pub fn set_end(&mut self, key: &str, ip: &str, end: Timestamp) -> bool {
        let Some(proxy) = self.accounts.get_mut(key).and_then(|a| a.proxy_mut(ip)) else { return false };
        (proxy.end, proxy.views) = (end, vec![(Timestamp::MIN, end)]);
        true
    }

    /// Pays money in. Gives the new balance; `None` without such an account, or on overflow.
    pub fn top_up(&mut self, now: Timestamp, key: &str, amount: Money) -> Option<Money> {
        let after = self.accounts.get(key)?.balance.plus(amount)?;
        self.book(now, key, (EntryKind::TopUp, 0), (amount, after), Vec::new());
        Some(after)
    }

    /// Somebody else spends from an account. Gives the new balance; `None` without such an account, or where it holds less.
    pub fn spend_elsewhere(&mut self, now: Timestamp, key: &str, amount: Money) -> Option<Money> {
        let after = self.accounts.get(key)?.balance.minus(amount).filter(|after| !after.is_negative())?;
        self.book(now, key, (EntryKind::Foreign, 0), (amount, after), Vec::new());
        Some(after)
    }

    fn book(
        &mut self,
        at: Timestamp,
        key: &str,
        (kind, days): (EntryKind, u32),
        (amount, balance_after): (Money, Money),
        lines: Vec<Line>,
    ) {
        let lag = self.balance_lag;
        let Some(account) = self.accounts.get_mut(key) else { return };
        account.set_balance(at, lag, balance_after);
        let account = key.to_owned();
        self.books.entries.push(Entry { at, account, kind, amount, balance_after, days, lines });
    }

    /// Lets everything happen that is due up to `now`, in its order.
    pub fn advance_to(&mut self, now: Timestamp) {
        while let Some((at, step)) = self.next_step(now) {
            match step {
                Step::Lands(index) => {
                    let (_, call) = self.pending.remove(index);
                    let _answer_nobody_hears = self.call(at, &call);
                }
                Step::Renews(key, index) => self.renew_by_itself(at, &key, index),
                Step::Lapses(key, index) => self.lapse(&key, index),
                Step::Goes(key, index) => {
                    if let Some(account) = self.accounts.get_mut(&key) {
                        account.proxies.remove(index);
                    }
                }
            }
        }
    }

    fn next_step(&self, now: Timestamp) -> Option<(Timestamp, Step)> {
        let lands = self.pending.iter().enumerate().map(|(n, (at, _))| ((*at, 0), Step::Lands(n)));
        let proxies = self.accounts.iter().flat_map(|(key, account)| {
            account.proxies.iter().enumerate().map(move |(n, proxy)| {
                let (key, gone) = (key.clone(), later(proxy.end, KEPT));
                match (proxy.lapsed, proxy.auto_at()) {
                    (true, _) => ((gone, 3), Step::Goes(key, n)),
                    (false, Some(at)) => ((at, 1), Step::Renews(key, n)),
                    (false, None) => ((proxy.end, 2), Step::Lapses(key, n)),
                }
            })
        });
        let due = lands.chain(proxies).filter(|((at, _), _)| *at <= now);
        due.min_by_key(|(order, _)| *order).map(|((at, _), step)| (at, step))
    }

    /// Lets a call be processed only at `at`.
    pub(super) fn postpone(&mut self, at: Timestamp, call: Call) {
        self.pending.push((at, call));
    }

    fn lapse(&mut self, key: &str, index: usize) {
        let Some(proxy) = self.accounts.get_mut(key).and_then(|a| a.proxies.get_mut(index)) else { return };
        proxy.lapsed = true;
        let (id, ip, end) = (proxy.id, proxy.ip.clone(), proxy.end);
        self.books.lapses.push(Lapse { account: key.to_owned(), id, ip, end });
    }

    /// Renews if the balance covers it; otherwise tries again ten minutes later.
    fn renew_by_itself(&mut self, at: Timestamp, key: &str, index: usize) {
        let Some(account) = self.accounts.get_mut(key) else { return };
        let balance = account.balance;
        let Some(proxy) = account.proxies.get_mut(index) else { return };
        proxy.auto_not_before = later(at, Duration::from_secs(600));
        let (id, version, days) = (proxy.id, proxy.version, proxy.auto.unwrap_or(30));
        let price = self.prices.each(version, days, 1).filter(|price| *price <= balance);
        if let Some(amount) = price {
            let kind = EntryKind::AutoRenewal;
            self.renew(&Renewal { key, at, kind, ids: &[id], days, amount, delivers: true });
        }
    }

    /// Charges and moves the ends: a new term starts at the old end. Gives each proxy's end then.
    pub(super) fn renew(&mut self, paid: &Renewal<'_>) -> Vec<(u64, Timestamp)> {
        let seen_from = later(paid.at, self.list_lag);
        let term = Duration::from_secs(86_400 * u64::from(paid.days));
        let mut lines = Vec::new();
        let Some(account) = self.accounts.get_mut(paid.key) else { return Vec::new() };
        for id in paid.ids {
            let Some(proxy) = account.proxies.iter_mut().find(|proxy| proxy.id == *id) else { continue };
            let before = proxy.end;
            if paid.delivers {
                proxy.end = later(before, term);
                proxy.views.push((seen_from, proxy.end));
            }
            lines.push(Line {
                id: *id,
                ip: proxy.ip.clone(),
                end_before: Some(before),
                end_after: proxy.end,
            });
        }
        let ends = lines.iter().map(|line| (line.id, line.end_after)).collect();
        self.charge(paid.at, paid.key, (paid.kind, paid.days), paid.amount, lines);
        ends
    }

    /// Moves the money for what was delivered; nothing delivered, nothing charged.
    pub(super) fn charge(
        &mut self,
        at: Timestamp,
        key: &str,
        what: (EntryKind, u32),
        amount: Money,
        lines: Vec<Line>,
    ) {
        let Some(account) = self.accounts.get(key).filter(|_| !lines.is_empty()) else { return };
        let after = account.balance.minus(amount).expect("a charge is checked against the balance first");
        self.book(at, key, what, (amount, after), lines);
    }

    /// An address that no other bought proxy has.
    pub(super) fn fresh_address(&mut self, version: u8) -> String {
        self.serial += 1;
        let n = u32::try_from(self.serial).unwrap_or(u32::MAX);
        super::places::address(version, n)
    }

    /// A number for an order.
    pub(super) fn fresh_order(&mut self) -> u64 {
        self.serial += 1;
        900_000 + self.serial
    }
}
