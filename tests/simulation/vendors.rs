//! Accounts at the product's own simulated vendors, reached by the product's own adapters over real sockets: their books, as the oracle
//! reads them.
//!
//! What a charge is comes from the vendor's books alone; whose payment it was, from the call that made it. Not responsible for the way
//! there (`through.rs`).
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use renewd::clock::Clock;
use renewd::domain::{Moment, Money, RenewalRequest};
use renewd::simulator::proxyseller::{self, DateStyle, Product};
use renewd::simulator::{Aim, Answer, Effect, Fault, Handle, Kind, Simulator, When, px6};
use rust_decimal::prelude::ToPrimitive;

use crate::books::{Books, Entry, Lot, Manner, Shown, Term, What};
use crate::time::SimClock;

/// Where simulated vendors live, and adapters and limiters wait: threads of their own cannot change the order of events.
static APART: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
});

/// Does it there; this thread waits.
pub fn apart<T: Send + 'static>(what: impl Future<Output = T> + Send + 'static) -> T {
    let (done, wait) = std::sync::mpsc::channel();
    APART.spawn(async move { done.send(what.await) });
    wait.recv().unwrap()
}

/// The vendor's own clock: nobody can set it.
struct TrueClock(Arc<SimClock>);

#[async_trait::async_trait]
impl Clock for TrueClock {
    fn now(&self) -> Moment {
        Moment { wall: self.0.truth(), ..self.0.now() }
    }

    async fn sleep(&self, span: Duration) {
        self.0.sleep(span).await;
    }
}

/// Which vendor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Brand {
    /// Ids that change with each renewal, an order log, whole orders, an auto-renewal of its own.
    Seller,
    /// Payments by GET, ends in the reply, prices by count, an auto-renewal that is never told.
    Px6,
}

impl Brand {
    /// What the oracle calls its account.
    pub fn account(self) -> &'static str {
        match self {
            Self::Seller => "sel",
            Self::Px6 => "px",
        }
    }

    /// A secret that must appear nowhere.
    pub fn key(self) -> &'static str {
        match self {
            Self::Seller => "planted-key-of-orders-2342",
            Self::Px6 => "planted-key-of-proxies-7331",
        }
    }

    pub fn provider(self) -> &'static str {
        match self {
            Self::Seller => "proxyseller",
            Self::Px6 => "px6",
        }
    }
}

enum Server {
    Seller(Simulator<proxyseller::World>),
    Px6(Simulator<px6::World>),
}

/// Why money moved.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    TopUp,
    Renewal,
    Auto,
    Foreign,
}

/// One line of a vendor's books.
struct Moved {
    at: Timestamp,
    cause: Cause,
    cents: i64,
    /// Address, end before, end after, and the id from then on.
    lines: Vec<(String, Timestamp, Timestamp, String)>,
}

/// A payment of renewd's on its way into the books.
#[derive(Clone, Default)]
pub struct Paid {
    pub id: String,
    pub balance_lag: SignedDuration,
    pub ends_lag: SignedDuration,
    pub odd: bool,
    pub unforeseen: bool,
}

#[derive(Default)]
struct Read {
    entries: usize,
    requests: usize,
    /// What lands later: when, and whose it is.
    late: Vec<(Timestamp, Paid)>,
}

/// A simulated vendor with one account.
pub struct Vendor {
    pub brand: Brand,
    pub base_url: String,
    clock: Arc<SimClock>,
    server: Server,
    read: Mutex<Read>,
}

pub fn cents(amount: Money) -> i64 {
    let cents = amount.decimal() * rust_decimal::Decimal::ONE_HUNDRED;
    assert!(cents.is_integer(), "{amount} is no whole number of cents");
    cents.to_i64().unwrap()
}

fn at_port<P>(clock: &Arc<SimClock>, world: P) -> Simulator<P>
where
    P: renewd::simulator::Site + Sync,
{
    let clock = Arc::new(TrueClock(Arc::clone(clock)));
    apart(async move { Simulator::start(clock, world, ([127, 0, 0, 1], 0).into()).await.unwrap() })
}

impl Vendor {
    /// A vendor whose account holds so much, with the quirks that are drawn.
    pub fn start(brand: Brand, rng: &mut Rng, clock: &Arc<SimClock>, balance: Money) -> Self {
        let (server, base_url) = match brand {
            Brand::Seller => {
                let mut world = proxyseller::World::new();
                world.add_account(brand.key(), balance);
                let forms = [DateStyle::Dotted, DateStyle::Dashed, DateStyle::Iso];
                world.dates = forms[rng.usize(0..forms.len())];
                world.list_cap = (rng.u32(0..4) == 0).then_some(5);
                world.log_without_dates = rng.u32(0..4) == 0;
                world.coded_short_funds = rng.bool();
                world.numbers_for_flags = rng.bool();
                let server = at_port(clock, world);
                let url = server.base_url();
                (Server::Seller(server), url)
            }
            Brand::Px6 => {
                let mut world = px6::World::new();
                world.add_account(brand.key(), balance);
                world.always_array = rng.bool();
                world.busy = if rng.bool() { 429 } else { 503 };
                let server = at_port(clock, world);
                let url = server.base_url();
                (Server::Px6(server), url)
            }
        };
        Self { brand, base_url, clock: Arc::clone(clock), server, read: Mutex::default() }
    }

    /// One more order, of up to five leases, in the fleet.
    pub fn rent(&self, books: &mut Books, rng: &mut Rng, (now, end): (Timestamp, Timestamp), asks: bool) {
        match &self.server {
            Server::Seller(server) => rent_order(&server.handle(), books, rng, (now, end)),
            Server::Px6(server) => rent_proxies(&server.handle(), books, rng, (now, end), asks),
        }
    }

    /// A fleet of about so many leases, whose ends lie within the next 30 days.
    pub fn fleet(&self, rng: &mut Rng, start: Timestamp, leases: usize, asks: bool) -> Books {
        let balance = cents(self.balance());
        let mut books = Books::new(Manner::Days, balance, false);
        while books.lots.len() < leases {
            let day = rng.i64(0..14) * 50 + 20;
            let end = start + SignedDuration::from_mins(day * 60 + rng.i64(0..12) * 10);
            self.rent(&mut books, rng, (start, end), asks);
        }
        books
    }

    fn balance(&self) -> Money {
        let key = self.brand.key();
        match &self.server {
            Server::Seller(server) => server.handle().with(|w| w.account(key).unwrap().balance),
            Server::Px6(server) => server.handle().with(|w| w.account(key).unwrap().balance),
        }
    }

    /// What a set costs now, by the vendor's own price list.
    pub fn price(&self, request: &RenewalRequest) -> Option<Money> {
        let (n, days) = (request.leases.len(), request.period_days);
        match &self.server {
            Server::Seller(server) => {
                let product = Product::find(&request.kind.as_str().to_ascii_lowercase())?;
                server.handle().with(|w| w.price(product, days)).times(n as u64)
            }
            Server::Px6(server) => {
                let version = version(request.kind.as_str())?;
                server.handle().with(|w| w.prices.each(version, days, n))?.times(n as u64)
            }
        }
    }

    /// In percent of the usual: in steps that leave whole cents.
    pub fn set_prices(&self, percent: i64) {
        match &self.server {
            Server::Seller(server) => {
                let dearer = u32::try_from((percent - 100).max(0)).unwrap();
                server.handle().with(|w| w.dearer = dearer);
            }
            Server::Px6(server) => server.handle().with(|w| {
                for (version, tens) in [(4_u8, 6_i64), (3, 4), (6, 1)] {
                    for days in [7_u32, 30, 90] {
                        let usual = tens * i64::from(days.div_ceil(10)) * 10;
                        let now = (usual * percent / 1_000).max(1) * 10;
                        w.prices.set(version, days, Money::from_cents(now));
                    }
                }
            }),
        }
    }

    /// Somebody pays in, or spends at the vendor's site.
    pub fn moves(&self, cents: i64, lag: SignedDuration) {
        let (key, amount) = (self.brand.key(), Money::from_cents(cents.abs()));
        let lag = lag.unsigned_abs();
        macro_rules! moves {
            ($server:expr) => {{
                $server.handle().set_balance_lag(lag);
                if cents > 0 {
                    let _now = $server.handle().top_up(key, amount);
                } else {
                    let now = self.clock.truth();
                    // Where the balance does not cover it, nobody could spend it.
                    $server.handle().with(|w| w.spend_elsewhere(now, key, amount));
                }
                $server.handle().set_balance_lag(Duration::ZERO);
            }};
        }
        match &self.server {
            Server::Seller(server) => moves!(server),
            Server::Px6(server) => moves!(server),
        }
    }

    /// From here on every call meets this, until something else is said.
    pub fn meets(&self, what: Option<Meeting>) {
        match &self.server {
            Server::Seller(server) => arm(&server.handle(), what),
            Server::Px6(server) => arm(&server.handle(), what),
        }
    }

    /// How late lists, balance and log show what happens from now on.
    pub fn lag(&self, list: SignedDuration, balance: SignedDuration, log: SignedDuration) {
        match &self.server {
            Server::Seller(server) => {
                server.handle().set_lag(list.unsigned_abs());
                server.handle().set_balance_lag(balance.unsigned_abs());
                server.handle().with(|w| w.log_lag = log.unsigned_abs());
            }
            Server::Px6(server) => {
                server.handle().set_lag(list.unsigned_abs());
                server.handle().set_balance_lag(balance.unsigned_abs());
            }
        }
    }

    /// A success names no new order.
    pub fn names_no_order(&self, on: bool) {
        if let Server::Seller(server) = &self.server {
            server.handle().with(|w| w.empty_order_id = on);
        }
    }

    /// When each request came that nobody has looked at yet, and how many of them were payments.
    pub fn arrived(&self) -> (Vec<Timestamp>, usize) {
        let mut read = self.read.lock().unwrap();
        macro_rules! news {
            ($server:expr) => {{
                let news = $server.handle().requests_after(read.requests);
                let payments = news.iter().filter(|r| r.endpoint.is_some_and(Kind::is_money)).count();
                (news.iter().map(|r| r.at).collect::<Vec<_>>(), payments)
            }};
        }
        let (at, payments) = match &self.server {
            Server::Seller(server) => news!(server),
            Server::Px6(server) => news!(server),
        };
        read.requests += at.len();
        (at, payments)
    }

    /// What the vendor's flags say of the auto-renewal of its leases.
    pub fn flags(&self, books: &mut Books, now: Timestamp) {
        let Server::Seller(server) = &self.server else { return };
        let flags = server.handle().with(|w| {
            let all = w.account(self.brand.key()).unwrap().proxies().iter();
            all.map(|p| (p.ip.clone(), p.auto)).collect::<Vec<_>>()
        });
        for (ip, auto) in flags {
            let lot = books.lots.iter_mut().find(|l| l.ip == ip).unwrap();
            if lot.auto() != auto {
                lot.auto.push(Shown { from: now, value: auto });
            }
        }
    }

    /// A call that lands later is this payment.
    pub fn will_land(&self, at: Timestamp, paid: Paid) {
        self.read.lock().unwrap().late.push((at, paid));
    }

    /// Brings the oracle's books up to the vendor's. `paid`: the payment whose call was just made.
    pub fn sync(&self, books: &mut Books, paid: Option<&Paid>) {
        let mut read = self.read.lock().unwrap();
        let news = self.news(read.entries);
        read.entries += news.len();
        for moved in news {
            let late = read.late.iter().position(|(at, _)| *at == moved.at);
            let late = late.filter(|_| moved.cause == Cause::Renewal).map(|n| read.late.remove(n).1);
            let paid = late.as_ref().or(paid);
            write(books, &moved, paid);
        }
    }

    fn news(&self, from: usize) -> Vec<Moved> {
        match &self.server {
            Server::Seller(server) => server.handle().with(|w| {
                use proxyseller::EntryKind as E;
                let all = w.books().entries[from..].iter();
                let read = |e: &proxyseller::Entry| Moved {
                    at: e.at,
                    cause: match e.kind {
                        E::TopUp => Cause::TopUp,
                        E::Renewal | E::Purchase => Cause::Renewal,
                        E::Auto => Cause::Auto,
                        E::Foreign => Cause::Foreign,
                    },
                    cents: cents(e.amount),
                    lines: e
                        .lines
                        .iter()
                        .map(|l| {
                            let ip = l.place.split(':').next().unwrap().to_owned();
                            (ip, l.end_before.unwrap(), l.end_after, l.id_after.clone())
                        })
                        .collect(),
                };
                all.map(read).collect()
            }),
            Server::Px6(server) => server.handle().with(|w| {
                use px6::EntryKind as E;
                let all = w.books().entries[from..].iter();
                let read = |e: &px6::Entry| Moved {
                    at: e.at,
                    cause: match e.kind {
                        E::TopUp => Cause::TopUp,
                        E::Renewal | E::Purchase => Cause::Renewal,
                        E::AutoRenewal => Cause::Auto,
                        E::Foreign => Cause::Foreign,
                    },
                    cents: cents(e.amount),
                    lines: e
                        .lines
                        .iter()
                        .map(|l| (l.ip.clone(), l.end_before.unwrap(), l.end_after, l.id.to_string()))
                        .collect(),
                };
                all.map(read).collect()
            }),
        }
    }
}

/// What calls of a vendor meet: which, what it does with them, what is seen.
pub struct Meeting {
    pub whom: Whom,
    pub does: Does,
    pub shows: Answer,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    All,
    Reads,
    Quotes,
    Money,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Does {
    All,
    Nothing,
    After(SignedDuration),
    Part(usize),
    More(i64),
    BesideForeign(i64),
}

fn arm<P: renewd::simulator::Site>(handle: &Handle<P>, what: Option<Meeting>) {
    handle.clear_faults();
    let Some(Meeting { whom, does, shows }) = what else { return };
    let aim = match whom {
        Whom::All => Aim::Any,
        Whom::Reads => Aim::Reads,
        Whom::Quotes => Aim::Quotes,
        Whom::Money => Aim::Money,
    };
    let effect = match does {
        Does::All => Effect::Process,
        Does::Nothing => Effect::Nothing,
        Does::After(span) => Effect::After(span.unsigned_abs()),
        Does::Part(n) => Effect::FirstLeases(n),
        Does::More(cents) => Effect::Surcharge(Money::from_cents(cents)),
        Does::BesideForeign(cents) => Effect::ForeignSpend(Money::from_cents(cents)),
    };
    handle.inject(Fault::on(aim).when(When::Always).effect(effect).answer(shows));
}

/// One line of the vendor's books in the oracle's.
fn write(books: &mut Books, moved: &Moved, paid: Option<&Paid>) {
    let none = SignedDuration::ZERO;
    let (balance_lag, ends_lag) = paid.map_or((none, none), |p| (p.balance_lag, p.ends_lag));
    let (shown_from, ends_from) = (moved.at + balance_lag, moved.at + ends_lag);
    let n = i64::try_from(moved.lines.len()).unwrap();
    let mut terms = Vec::new();
    for (k, (ip, before, after, id)) in moved.lines.iter().enumerate() {
        let lot = books.lots.iter().position(|l| &l.ip == ip).unwrap();
        let share = moved.cents / n;
        let cents = if k == 0 { moved.cents - share * (n - 1) } else { share };
        books.lots[lot].ids.push(Shown { from: ends_from, value: id.clone() });
        books.lots[lot].ends.push(Shown { from: ends_from, value: *after });
        terms.push(Term { lot, end_before: *before, cents });
    }
    let what = match (moved.cause, paid) {
        (Cause::TopUp, _) => What::TopUp,
        (Cause::Foreign, _) => What::Foreign,
        (Cause::Auto, _) => What::Auto,
        (Cause::Renewal, Some(paid)) => What::Payment(paid.id.clone()),
        (Cause::Renewal, None) => panic!("a renewal at {} that nobody asked for", moved.at),
    };
    books.entries.push(Entry {
        shown_from,
        ends_from,
        cents: if moved.cause == Cause::TopUp { moved.cents } else { -moved.cents },
        odd: moved.cause == Cause::Renewal && paid.is_some_and(|p| p.odd),
        unforeseen: moved.cause == Cause::Renewal && paid.is_some_and(|p| p.unforeseen),
        what,
        terms,
    });
}

fn lot(
    order: &str,
    ip: &str,
    (id, kind, tag): (&str, &'static str, &str),
    cents: i64,
    end: Timestamp,
) -> Lot {
    let from = Timestamp::MIN;
    Lot {
        order: order.to_owned(),
        ip: ip.to_owned(),
        kind,
        country: None,
        tag: tag.to_owned(),
        cents,
        ids: vec![Shown { from, value: id.to_owned() }],
        ends: vec![Shown { from, value: end }],
        auto: vec![Shown { from, value: false }],
        gone: false,
    }
}

/// What the policies of a seed call a kind of leases that has no tags.
const KINDS: [(Product, &str, &str); 5] = [
    (Product::Isp, "ISP", "s-first"),
    (Product::Ipv4, "IPv4", "s-plain"),
    (Product::Mix, "MIX", "s-mix"),
    (Product::Ipv6, "IPv6", "s-six"),
    (Product::MixIsp, "MIX_ISP", "s-auto"),
];

fn rent_order(
    handle: &Handle<proxyseller::World>,
    books: &mut Books,
    rng: &mut Rng,
    (now, end): (Timestamp, Timestamp),
) {
    let key = Brand::Seller.key();
    let (product, kind, policy) = KINDS[rng.usize(0..KINDS.len())];
    let first = books.lots.len();
    let ips: Vec<String> =
        (first..first + rng.usize(1..=5)).map(|n| format!("100.64.{}.{}", n / 250, n % 250)).collect();
    let places: Vec<String> = match product.has_gateway() {
        true => ips.iter().map(|ip| format!("{ip}:10000")).collect(),
        false => ips.clone(),
    };
    let places: Vec<&str> = places.iter().map(String::as_str).collect();
    let auto = policy == "s-auto" || rng.u32(0..8) == 0;
    let (order, ids) = handle.with(|w| {
        let order = w.add_order(key, product, "USA", &places, end).unwrap();
        let account = w.account_mut(key).unwrap();
        for place in &places {
            account.proxy_mut(place).unwrap().auto = auto;
        }
        let of = account.proxies().iter().filter(|p| p.order == order);
        (order.clone(), of.map(|p| p.id.clone()).collect::<Vec<_>>())
    });
    let each = cents(product.price(30));
    for (ip, id) in ips.iter().zip(&ids) {
        let mut lot = lot(&order, ip, (id, kind, policy), each, end);
        lot.auto[0] = Shown { from: now, value: auto };
        books.lots.push(lot);
    }
}

fn version(kind: &str) -> Option<u8> {
    Some(match kind {
        "IPv4" => 4,
        "IPv4-shared" => 3,
        "IPv6" => 6,
        _ => return None,
    })
}

fn rent_proxies(
    handle: &Handle<px6::World>,
    books: &mut Books,
    rng: &mut Rng,
    (_, end): (Timestamp, Timestamp),
    asks: bool,
) {
    let key = Brand::Px6.key();
    let kind = ["IPv4", "IPv4", "IPv4-shared", "IPv6"][rng.usize(0..4)];
    let version = version(kind).unwrap();
    let tags = ["first", "window", "until", "short", "rest", "rest", "go", "look", "asks", "asks"];
    let tag = tags[rng.usize(0..if asks { 10 } else { 8 })];
    for _ in 0..rng.usize(1..=5) {
        let n = books.lots.len();
        let ip = match version {
            6 => format!("2001:db8::{:x}", n + 1),
            _ => format!("100.65.{}.{}", n / 250, n % 250),
        };
        let (id, each) = handle.with(|w| {
            let id = w.add_proxy(key, version, "us", &ip, end).unwrap();
            w.account_mut(key).unwrap().proxy_mut(&ip).unwrap().descr = tag.to_owned();
            (id.to_string(), w.prices.each(version, 30, 1).unwrap())
        });
        books.lots.push(lot(&id, &ip, (&id, kind, tag), cents(each), end));
    }
}
