//! All that the provider knows and does by itself: accounts, books, the log of orders, and time passing.
//!
//! Responsible for: charges to the cent, ends, ids that change with each renewal, lapses, the provider's own auto-renewal, charges that
//! land late, and how far lists, balance and log lag behind. Not responsible for sockets, nor for what a call is answered (`calls`). It
//! reads no clock: every step gets its `now`.
use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::books::{Books, Entry, EntryKind, Line};
use super::endpoint::Call;
use super::product::address;
use super::{Account, DateStyle, LogRow, Product, Proxy};
use crate::Distortion;
use crate::site::later;
use renewd_core::domain::Money;

/// The provider's whole state. Cloning it gives a world of its own.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// How lists write the ends of terms.
    pub dates: DateStyle,
    /// What is wrong with the lists, applied in this order. Proxies are named by their places.
    pub wrong: Vec<Distortion>,
    /// The list of all types holds no more than so many of each, and says that there is more.
    pub list_cap: Option<usize>,
    /// Lists show a renewal only after this long.
    pub list_lag: Duration,
    /// The balance and the quotes show a renewal only after this long. Payments always show the true balance.
    pub balance_lag: Duration,
    /// The log of orders shows a row only after this long.
    pub log_lag: Duration,
    /// The log tells no dates.
    pub log_without_dates: bool,
    /// Everything costs so many percent more than the price list says.
    pub dearer: u32,
    /// A renewal answers with an empty `orderId`, although it was made.
    pub empty_order_id: bool,
    /// Short funds are told with code 16, and not by a bare warning.
    pub coded_short_funds: bool,
    /// `can_prolong` and such are written as `1` and not as `true`.
    pub numbers_for_flags: bool,
    pub(super) accounts: BTreeMap<String, Account>,
    pub(super) books: Books,
    pending: Vec<(Timestamp, Call)>,
    serial: u64,
}

/// What is to be renewed, already checked and priced.
pub(super) struct Renewal<'a> {
    pub(super) key: &'a str,
    pub(super) at: Timestamp,
    pub(super) kind: EntryKind,
    pub(super) places: &'a [String],
    pub(super) days: u32,
    pub(super) amount: Money,
    /// False: the money is taken, and nothing else happens.
    pub(super) delivers: bool,
}

enum Step {
    Lands(usize),
    Renews(String, usize),
    Lapses(String, usize),
}

impl World {
    /// A provider without accounts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What one proxy costs now, in whole cents.
    #[must_use]
    pub fn price(&self, product: Product, days: u32) -> Money {
        let usual = product.price(days);
        let hundred = usual.times(u64::from(100 + self.dearer)).map(|sum| sum.shares(100));
        hundred.and_then(|shares| shares.last().copied()).unwrap_or(usual)
    }

    /// Opens an account.
    pub fn add_account(&mut self, key: &str, balance: Money) {
        self.accounts.insert(key.to_owned(), Account::new(balance));
    }

    /// The account with this key.
    #[must_use]
    pub fn account(&self, key: &str) -> Option<&Account> {
        self.accounts.get(key)
    }

    /// The same, to alter it.
    pub fn account_mut(&mut self, key: &str) -> Option<&mut Account> {
        self.accounts.get_mut(key)
    }

    /// Every movement of money and every lapse so far.
    #[must_use]
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// Rents out proxies as one order that is listed at once; an IPv6 one is named `GATEWAY:PORT`. The first term ends at `end`. Gives the
    /// order's id, or `None` if there is no such account.
    pub fn add_order(
        &mut self,
        key: &str,
        product: Product,
        country: &str,
        places: &[&str],
        end: Timestamp,
    ) -> Option<String> {
        let start = end.checked_sub(SignedDuration::from_hours(24 * 30)).unwrap_or(Timestamp::MIN);
        self.rent(key, (product, country), places, (start, end), Timestamp::MIN)
    }

    pub(super) fn rent(
        &mut self,
        key: &str,
        (product, country): (Product, &str),
        places: &[&str],
        (start, end): (Timestamp, Timestamp),
        seen_from: Timestamp,
    ) -> Option<String> {
        self.accounts.get(key)?;
        let (order, base) = (self.object_id(), self.number());
        for (n, place) in places.iter().enumerate() {
            let usual = 10_000 + u16::try_from(n).unwrap_or(0);
            let (ip, port) = match place.rsplit_once(':') {
                Some((ip, port)) => (ip, port.parse().unwrap_or(usual)),
                None => (*place, usual),
            };
            let mut proxy = Proxy {
                id: self.object_id(),
                order: order.clone(),
                base: base.clone(),
                number: base.clone(),
                product,
                ip: ip.to_owned(),
                port,
                country: country.to_owned(),
                start,
                end,
                auto: false,
                auto_days: 30,
                can_prolong: true,
                auto_not_before: start,
                views: Vec::new(),
            };
            proxy.show_from(seen_from);
            self.accounts.get_mut(key)?.proxies.push(proxy);
        }
        self.log_order(key, (&order, &base, &base), Money::ZERO, (false, false), (start, seen_from));
        Some(order)
    }

    /// Writes a row of the log.
    fn log_order(
        &mut self,
        key: &str,
        (order, number, base): (&str, &str, &str),
        amount: Money,
        (extends, auto): (bool, bool),
        (at, from): (Timestamp, Timestamp),
    ) {
        self.serial += 1;
        let (order, number, base) = (order.to_owned(), number.to_owned(), base.to_owned());
        let row = LogRow { id: 700_000 + self.serial, order, number, base, amount, extends, auto, at, from };
        if let Some(account) = self.accounts.get_mut(key) {
            account.log.push(row);
        }
    }

    /// Pays money in. Gives the new balance; `None` without such an account, or on overflow.
    pub fn top_up(&mut self, now: Timestamp, key: &str, amount: Money) -> Option<Money> {
        let after = self.accounts.get(key)?.balance.plus(amount)?;
        self.book(now, key, EntryKind::TopUp, (amount, after), 0, Vec::new());
        Some(after)
    }

    /// Somebody else spends from an account; `None` where it holds less.
    pub fn spend_elsewhere(&mut self, now: Timestamp, key: &str, amount: Money) -> Option<Money> {
        let after = self.accounts.get(key)?.balance.minus(amount).filter(|after| !after.is_negative())?;
        self.book(now, key, EntryKind::Foreign, (amount, after), 0, Vec::new());
        Some(after)
    }

    pub(super) fn book(
        &mut self,
        at: Timestamp,
        key: &str,
        kind: EntryKind,
        (amount, balance_after): (Money, Money),
        days: u32,
        lines: Vec<Line>,
    ) {
        let lag = self.balance_lag;
        let Some(account) = self.accounts.get_mut(key) else { return };
        account.set_balance(at, lag, balance_after);
        let account = key.to_owned();
        self.books.entries.push(Entry { at, account, kind, amount, balance_after, days, lines });
    }

    /// Lets everything happen that is due up to `now`, in its order: late charges land, the provider renews by itself, unpaid proxies
    /// lapse.
    pub fn advance_to(&mut self, now: Timestamp) {
        while let Some((at, step)) = self.next_step(now) {
            match step {
                Step::Lands(index) => {
                    let (_, call) = self.pending.remove(index);
                    let _answer_nobody_hears = self.call(at, &call);
                }
                Step::Renews(key, index) => self.renew_by_itself(at, &key, index),
                Step::Lapses(key, index) => {
                    if let Some(account) = self.accounts.get_mut(&key) {
                        self.books.lapses.push(account.proxies.remove(index).place());
                    }
                }
            }
        }
    }

    fn next_step(&self, now: Timestamp) -> Option<(Timestamp, Step)> {
        let lands = self.pending.iter().enumerate().map(|(n, (at, _))| ((*at, 0), Step::Lands(n)));
        let proxies = self.accounts.iter().flat_map(|(key, account)| {
            account.proxies.iter().enumerate().flat_map(move |(n, proxy)| {
                let renews = proxy.auto_at().map(|at| ((at, 1), Step::Renews(key.clone(), n)));
                let lapses = (proxy.end <= now).then(|| ((proxy.end, 2), Step::Lapses(key.clone(), n)));
                renews.into_iter().chain(lapses)
            })
        });
        let due = lands.chain(proxies).filter(|((at, _), _)| *at <= now);
        due.min_by_key(|(order, _)| *order).map(|((at, _), step)| (at, step))
    }

    /// Lets a call be processed only at `at`.
    pub(super) fn postpone(&mut self, at: Timestamp, call: Call) {
        self.pending.push((at, call));
    }

    /// Renews if the balance covers it; otherwise tries again an hour later.
    fn renew_by_itself(&mut self, at: Timestamp, key: &str, index: usize) {
        let Some(account) = self.accounts.get_mut(key) else { return };
        let balance = account.balance;
        let Some(proxy) = account.proxies.get_mut(index) else { return };
        proxy.auto_not_before = later(at, Duration::from_secs(3_600));
        let (place, days, product) = (proxy.place(), proxy.auto_days, proxy.product);
        let amount = self.price(product, days);
        if amount <= balance {
            let (kind, delivers) = (EntryKind::Auto, true);
            self.renew(&Renewal { key, at, kind, places: &[place], days, amount, delivers });
        }
    }

    /// Charges, moves the ends (a new term starts at the old end), gives every proxy another id and every order a renewal of its own in
    /// the log. Gives the new orders and the numbers of the old ones.
    pub(super) fn renew(&mut self, paid: &Renewal<'_>) -> (Vec<String>, Vec<String>) {
        let seen_from = later(paid.at, self.list_lag);
        let term = Duration::from_secs(86_400 * u64::from(paid.days));
        let of = |p: &Proxy| (p.base.clone(), p.place());
        let all = self.accounts.get(paid.key).map(|a| a.proxies.iter().map(of).collect::<Vec<_>>());
        let chosen: Vec<(String, String)> =
            all.unwrap_or_default().into_iter().filter(|(_, place)| paid.places.contains(place)).collect();
        let mut bases: Vec<String> = chosen.iter().map(|(base, _)| base.clone()).collect();
        bases.dedup();
        let (mut orders, mut lines) = (Vec::new(), Vec::new());
        for base in &bases {
            let (order, number) = (self.object_id(), format!("{base}_e_{:06x}", self.next()));
            let places = chosen.iter().filter(|(b, _)| b == base).map(|(_, place)| place);
            let mut count = 0;
            for place in places {
                count += 1;
                let fresh = self.object_id();
                let Some(proxy) = self.accounts.get_mut(paid.key).and_then(|a| a.proxy_mut(place)) else {
                    continue;
                };
                let (id_before, end_before) = (proxy.id.clone(), proxy.end);
                if paid.delivers {
                    (proxy.id, proxy.number, proxy.end) = (fresh, number.clone(), later(end_before, term));
                    proxy.show_from(seen_from);
                }
                lines.push(Line {
                    id_before,
                    id_after: proxy.id.clone(),
                    order: proxy.order.clone(),
                    place: place.clone(),
                    end_before: Some(end_before),
                    end_after: proxy.end,
                });
            }
            if paid.delivers {
                let share = paid.amount.shares(chosen.len()).into_iter().take(count);
                let amount = Money::sum(share).unwrap_or_default();
                let shown = later(paid.at, self.log_lag);
                let auto = paid.kind == EntryKind::Auto;
                self.log_order(paid.key, (&order, &number, base), amount, (true, auto), (paid.at, shown));
            }
            orders.push(order);
        }
        self.charge(paid, lines);
        (orders, bases)
    }

    /// Moves the money; nothing to renew, nothing charged.
    pub(super) fn charge(&mut self, paid: &Renewal<'_>, lines: Vec<Line>) {
        let Some(before) = self.accounts.get(paid.key).map(|a| a.balance).filter(|_| !lines.is_empty())
        else {
            return;
        };
        let after = before.minus(paid.amount).expect("a charge is checked against the balance first");
        self.book(paid.at, paid.key, paid.kind, (paid.amount, after), paid.days, lines);
    }

    fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// 24 hex digits, as the provider's ids are.
    pub(super) fn object_id(&mut self) -> String {
        format!("64af{:020x}", self.next() * 7_919)
    }

    /// The number of a new order.
    pub(super) fn number(&mut self) -> String {
        (1_700_000 + self.next() * 13).to_string()
    }

    /// An address that no other proxy has.
    pub(super) fn fresh_address(&mut self) -> String {
        address(3 * 254 + u32::try_from(self.next()).unwrap_or(u32::MAX))
    }
}
