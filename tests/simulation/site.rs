//! A provider of this test, written against the ports: what it tells of its books, and when it does not.
//!
//! Two manners: days (early renewal, bound quotes with warnings, IPv6 by whole order) and months (renewable only on hold, own
//! auto-renewal, unbound quotes). Accounts behind the product's own adapters (`through.rs`) share what the oracle knows of an account.
//! Not responsible for payments (`pay.rs`) or for keeping the books (`books.rs`).
use std::sync::{Arc, Mutex, MutexGuard};

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use renewd::domain::{
    AccountName, Balance, Capabilities, Catalogue, ChangeRequest, Currency, FieldProblem, IntentId,
    Inventory, Kind, Lease, LeaseId, Method, Money, OrderId, OrderNow, OrderState, PromoStatus,
    PurchaseRequest, Quote, QuoteError, RenewalRequest, Warning,
};
use renewd::providers::limiter::{Limiter, SharedLimiter};
use renewd::providers::{PromoCode, Purpose, ReadError, Reader};

use crate::books::{Books, Manner, What};
use crate::judge::Judge;
use crate::time::{Fate, SimClock};
use crate::vendors::{Paid, Vendor, apart};

/// How much of an order's end a monthly provider tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tells {
    Always,
    WhileActive,
    Never,
}

/// What changes.
pub struct State {
    pub books: Books,
    pub rng: Rng,
    /// No faults any more.
    pub calm: bool,
    pub down_until: Timestamp,
    pub garbled_until: Timestamp,
    pub money_down_until: Timestamp,
    pub cut_until: Timestamp,
    /// When a reading failed or lacked leases.
    pub bad_reads: Vec<Timestamp>,
    /// When one was whole.
    pub good_reads: Vec<Timestamp>,
    /// Leases per hundred that a cut list lacks.
    pub cut: usize,
    pub promo_until: Timestamp,
    /// In percent of the usual.
    pub prices: i64,
    /// When a quote was last made to fail.
    pub last_trouble: Timestamp,
}

impl State {
    /// Whether all was read at least once in that span.
    pub fn looked(&self, from: Timestamp, to: Timestamp) -> bool {
        self.good_reads.iter().any(|at| (from..to).contains(at))
    }

    /// Whether a reading failed or lacked leases in that span: evidence had to do without it.
    pub fn blind(&self, from: Timestamp, to: Timestamp) -> bool {
        self.bad_reads.iter().any(|at| (from..to).contains(at))
    }
}

/// One account at its provider.
pub struct Site {
    /// What the oracle calls it.
    pub account: AccountName,
    /// What the config calls it today.
    pub name: Mutex<AccountName>,
    pub manner: Manner,
    pub capabilities: Capabilities,
    pub clock: Arc<SimClock>,
    pub fate: Arc<Fate>,
    pub judge: Arc<Judge>,
    /// The real limiter, in seeds that have one.
    pub limiter: Option<Arc<SharedLimiter>>,
    pub limit: u32,
    pub tells: Tells,
    /// Replies carry the provider's clock.
    pub dated: bool,
    /// Faulty payments per hundred.
    pub faulty: u32,
    /// A second connection to the file: it sees only what was committed.
    pub file: Arc<Mutex<rusqlite::Connection>>,
    pub state: Mutex<State>,
    /// Where its books are, of an account that is reached by the product's own adapter.
    pub vendor: Option<Vendor>,
}

pub fn money(cents: i64) -> Money {
    Money::from_cents(cents)
}

pub fn usd() -> Currency {
    Currency::new("USD")
}

/// No two lists spell an end alike: a fraction off, or without its fraction. The page of an order tells it to the letter.
pub fn respelled(lease: Lease, lot: usize, now: Timestamp) -> Lease {
    let draw = now.as_millisecond().wrapping_mul(7_919).wrapping_add(31 * i64::try_from(lot).unwrap());
    let off = SignedDuration::from_millis(draw.rem_euclid(801) - 400);
    let spell = |end: Timestamp| match draw.rem_euclid(3) {
        0 => Timestamp::from_second(end.as_second()).unwrap(),
        _ => end + off,
    };
    Lease { expires_at: lease.expires_at.map(spell), ..lease }
}

impl Site {
    /// The state, with the world brought up to now.
    pub fn now(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap();
        if let Some(vendor) = &self.vendor {
            vendor.sync(&mut state.books, None);
        }
        state.books.catch_up(self.clock.truth());
        state
    }

    /// Somebody pays in, or spends at the provider's site.
    pub fn moves(&self, cents: i64, lag: SignedDuration) {
        let mut state = self.now();
        let Some(vendor) = &self.vendor else {
            let what = if cents > 0 { What::TopUp } else { What::Foreign };
            return state.books.money(self.clock.truth(), cents, what, lag);
        };
        vendor.moves(cents, lag);
        let none = Paid { balance_lag: lag, ..Paid::default() };
        vendor.sync(&mut state.books, Some(&none));
    }

    /// What the file says of a payment, to whoever opens it anew.
    pub fn durable(&self, id: &IntentId) -> Option<String> {
        let file = self.file.lock().unwrap();
        let row = "SELECT state FROM intent_head h JOIN intent i ON i.id = h.intent WHERE i.name = ?1";
        file.query_row(row, [id.as_str()], |r| r.get(0)).ok()
    }

    /// What the config calls it today.
    pub fn name(&self) -> AccountName {
        self.name.lock().unwrap().clone()
    }

    pub fn request(&self, tokens: u32, purpose: Purpose) {
        if let Some(limiter) = &self.limiter {
            let limiter = Arc::clone(limiter);
            apart(async move { limiter.acquire(tokens, purpose).await });
            self.judge.request(self.account.as_str(), self.limit);
        }
    }

    pub fn payment_leaves(&self) {
        if let Some(limiter) = &self.limiter {
            let limiter = Arc::clone(limiter);
            apart(async move { limiter.payment_leaves().await });
            self.judge.request(self.account.as_str(), self.limit);
        }
    }

    /// Lets some time pass, up to `most` milliseconds.
    pub fn takes(&self, most: i64) {
        let span = self.state.lock().unwrap().rng.i64(50..most);
        self.clock.advance(SignedDuration::from_millis(span));
    }

    pub fn price(&self, state: &State, lot: usize, days: i64, promo: bool) -> i64 {
        let whole = state.books.lots[lot].cents * state.prices / 100 * days / 30;
        if promo { whole * 9 / 10 } else { whole }
    }

    fn unavailable(&self) -> Option<ReadError> {
        let state = self.state.lock().unwrap();
        let now = self.clock.truth();
        let error = if now < state.down_until {
            ReadError::NoAnswer("the connection was reset".to_owned())
        } else if now < state.garbled_until {
            ReadError::Unreadable("the list is not a JSON".to_owned())
        } else {
            return None;
        };
        drop(state);
        self.state.lock().unwrap().bad_reads.push(now);
        self.judge.excuse(self.account.as_str());
        Some(error)
    }

    fn lease(&self, state: &State, lot: usize, now: Timestamp) -> Lease {
        let l = &state.books.lots[lot];
        let end = l.end_shown(now);
        let months = self.manner == Manner::Months;
        let held = months && end <= now;
        let told = match self.tells {
            _ if !months => true,
            Tells::Always => true,
            Tells::WhileActive => !held,
            Tells::Never => false,
        };
        Lease {
            account: self.name(),
            id: LeaseId::new(l.id(now)),
            order: OrderId::new(l.order.clone()),
            ip: l.ip.clone(),
            kind: Kind::new(l.kind),
            country: l.country.map(str::to_owned),
            tag: Some(l.tag.clone()),
            told: Default::default(),
            port: None,
            expires_at: told.then_some(end),
            provider_renews: months.then(|| l.auto_shown(now)),
            state: if held { OrderState::OnHold } else { OrderState::Active },
            held_since: None,
            operator: None,
            started_at: None,
            cycle: months.then(|| "monthly".to_owned()),
            price: months.then(|| money(l.cents * state.prices / 100)),
        }
    }

    fn list(&self) -> Vec<Lease> {
        let mut state = self.now();
        let now = self.clock.truth();
        let lots = (0..state.books.lots.len()).filter(|&i| !state.books.lots[i].gone);
        let cut = if now < state.cut_until { state.cut } else { 0 };
        let mut leases: Vec<Lease> = lots
            .filter(|i| (i * 37) % 100 >= cut)
            .map(|i| respelled(self.lease(&state, i, now), i, now))
            .collect();
        if cut > 0 {
            state.bad_reads.push(now);
            self.judge.excuse(self.account.as_str());
        }
        leases.sort_by(|a, b| a.id.cmp(&b.id));
        leases
    }

    fn quote_now(&self, request: &RenewalRequest) -> Result<Quote, QuoteError> {
        let asked_at = self.asked_at();
        let mut state = self.now();
        let now = self.clock.truth();
        if !state.calm && state.rng.u32(0..100) < 2 {
            self.judge.excuse(self.account.as_str());
            state.last_trouble = now;
            let pick = state.rng.u32(0..3);
            drop(state);
            self.judge.fault("quote fails");
            return Err(match pick {
                0 => QuoteError::NoAnswer("the connection was reset".to_owned()),
                1 => QuoteError::Unreadable("`price` is not a number".to_owned()),
                _ => QuoteError::Refused { code: 3, message: "try later".to_owned() },
            });
        }
        let lots: Option<Vec<usize>> =
            request.leases.iter().map(|l| state.books.lot_of(l.id.as_str())).collect();
        let Some(lots) = lots else {
            return Err(QuoteError::Refused { code: 23, message: "no such address".to_owned() });
        };
        let promo = request.promo.as_ref().map(|_| now < state.promo_until);
        let days = i64::from(request.period_days);
        let cents: i64 = lots.iter().map(|&l| self.price(&state, l, days, promo == Some(true))).sum();
        let balance = state.books.balance();
        let mut warnings = Vec::new();
        if balance < cents {
            warnings.push(warn("not enough money", true));
        }
        let whole = |order: &str| {
            let of = state.books.lots.iter().filter(|l| !l.gone && l.order == order).count();
            of == request.leases.len()
        };
        if self.manner == Manner::Days
            && request.kind.as_str() == "IPv6"
            && !whole(request.leases[0].order.as_str())
        {
            warnings.push(warn("an IPv6 order is renewed whole", false));
        }
        if !state.calm && state.rng.u32(0..100) < 1 {
            self.judge.excuse(self.account.as_str());
            warnings.push(warn("prices change tomorrow", false));
        }
        let promo = promo.map(|valid| if valid { PromoStatus::Valid } else { PromoStatus::Invalid });
        let quote = Quote {
            price: money(cents),
            balance: Balance { amount: money(balance), currency: usd() },
            promo,
            warnings,
            method: Method::Leases,
            asked_at,
            paid_before: None,
            each: None,
            order: self.order_now(&state, lots[0], now),
        };
        self.judge.quoted(request, quote.price, quote.balance.amount, promo, quote.warnings.is_empty());
        Ok(quote)
    }

    /// A monthly order as its own page tells it, beside the price.
    fn order_now(&self, state: &State, lot: usize, now: Timestamp) -> Option<OrderNow> {
        let lease = self.lease(state, lot, now);
        (self.manner == Manner::Months && lease.state == OrderState::OnHold)
            .then_some(OrderNow { end: lease.named_end(), provider_renews: lease.provider_renews })
    }

    /// The machine's clock, as an adapter reads it before its request leaves.
    pub fn asked_at(&self) -> renewd::domain::Moment {
        use renewd::clock::Clock;
        self.clock.now()
    }
}

#[async_trait::async_trait]
impl Reader for Site {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn inventory(&self, purpose: Purpose) -> Result<Inventory, ReadError> {
        self.fate.here().await;
        self.request(1, purpose);
        self.takes(2_000);
        if let Some(error) = self.unavailable() {
            return Err(error);
        }
        let leases = self.list();
        self.fate.here().await;
        self.request(1, purpose);
        self.takes(1_000);
        let balance = self.balance_now();
        self.fate.here().await;
        let ahead = self.clock.ahead();
        let skew = (self.dated && !ahead.is_zero()).then_some(-ahead);
        let now = self.clock.truth();
        let mut state = self.state.lock().unwrap();
        if now >= state.cut_until {
            state.good_reads.push(now);
        }
        drop(state);
        Ok(Inventory {
            leases: Arc::new(leases.into()),
            balance,
            oddities: Vec::new(),
            unreadable: 0,
            clock_skew: skew,
            doubt: None,
            owner: None,
        })
    }

    async fn balance(&self, purpose: Purpose) -> Result<Balance, ReadError> {
        self.fate.here().await;
        self.request(1, purpose);
        self.unavailable().map_or_else(|| Ok(self.balance_now()), Err)
    }

    async fn periods(&self, _kind: &Kind) -> Result<Vec<u32>, ReadError> {
        self.fate.here().await;
        self.request(1, Purpose::Routine);
        self.unavailable().map_or_else(|| Ok(vec![7, 30, 90]), Err)
    }

    async fn promo_codes(&self) -> Result<Vec<PromoCode>, ReadError> {
        Ok(Vec::new())
    }

    async fn quote(&self, request: &RenewalRequest) -> Result<Quote, QuoteError> {
        self.fate.here().await;
        self.request(2, Purpose::Money);
        if self.unavailable().is_some() {
            return Err(QuoteError::NoAnswer("the connection was reset".to_owned()));
        }
        let quote = self.quote_now(request);
        self.takes(1_500);
        self.fate.here().await;
        quote
    }

    async fn catalogue(&self) -> Result<Catalogue, ReadError> {
        Ok(Catalogue::default())
    }

    fn purchase_problems(&self, _request: &PurchaseRequest) -> Vec<FieldProblem> {
        Vec::new()
    }

    async fn quote_purchase(&self, _request: &PurchaseRequest) -> Result<Quote, QuoteError> {
        Err(QuoteError::NoAnswer("nothing is sold here".to_owned()))
    }

    async fn quote_cycle(&self, _request: &ChangeRequest, _cycle: &str) -> Result<Option<Money>, QuoteError> {
        Ok(None)
    }
}

impl Site {
    fn balance_now(&self) -> Balance {
        let state = self.now();
        let amount = money(state.books.balance_shown(self.clock.truth()));
        Balance { amount, currency: usd() }
    }
}

fn warn(message: &str, short_of_funds: bool) -> Warning {
    Warning { code: Some(9), message: message.to_owned(), short_of_funds }
}
