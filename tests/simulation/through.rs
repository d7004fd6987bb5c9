//! An account that is reached by the product's own adapter, over a real socket, at the product's own simulated vendor: what its calls
//! meet, and what the judge hears of them.
//!
//! What a payment meets is drawn here and done by the vendor; what it cost is read from the vendor's books. A wait of two minutes is a
//! step of the clock. Not responsible for those books (`vendors.rs`), nor for what an answer means: that is the adapter's.
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use renewd::clock::Clock;
use renewd::domain::{
    Balance, Capabilities, Catalogue, ChangeRequest, FieldProblem, IntentId, Inventory, Kind, Lease, Money,
    PurchaseRequest, Quote, QuoteError, RenewalRequest, RequestLease,
};
use renewd::evidence::LoggedRenewal;
use renewd::ledger::{ChangePermit, PurchasePermit, SpendPermit};
use renewd::providers::limiter::{Limiter, SharedLimiter};
use renewd::providers::{
    self, ChangeReply, Changer, Connection, OrderLog, PaymentReply, PromoCode, Purpose, ReadError, Reader,
    Spender,
};
use renewd::redact::Redactor;
use renewd::settings::Settings;
use renewd::simulator::Answer;

use crate::pay::{FAULTS, Meets};
use crate::site::{Site, State, money, respelled};
use crate::vendors::{Brand, Does, Meeting, Paid, Vendor, Whom, apart};

/// A process's way to one account: made anew whenever it starts.
pub struct Through {
    site: Arc<Site>,
    reader: Arc<dyn Reader>,
    spender: Arc<dyn Spender>,
    changer: Arc<dyn Changer>,
}

/// The adapter of an account, as the config has it today.
pub fn through(site: &Arc<Site>, live: &Settings) -> Arc<Through> {
    let name = site.name();
    let account = live.accounts.iter().find(|a| a.name == name).unwrap();
    let clock: Arc<dyn Clock> = Arc::<crate::time::SimClock>::clone(&site.clock);
    let limiter = SharedLimiter::new(
        &live.state_dir,
        name.clone(),
        &account.provider,
        &account.pace_key(),
        account.max_requests_per_minute,
        Arc::clone(&clock),
    );
    let limiter: Arc<dyn Limiter> = Arc::new(limiter.paced(site.capabilities.pace));
    let connection = Connection {
        account: name,
        base_url: account.base_url.clone(),
        api_key: account.api_key.clone(),
        read_timeout: live.timing.read_timeout,
        money_timeout: live.timing.money_timeout,
        redactor: Redactor::default(),
        clock,
        limiter,
        owner_says: account.owner_says.clone(),
    };
    let of = &account.provider;
    Arc::new(Through {
        site: Arc::clone(site),
        reader: providers::connect(of, connection.clone()).unwrap(),
        spender: providers::connect_spender(of, connection.clone()).unwrap(),
        changer: providers::connect_changer(of, connection).unwrap(),
    })
}

impl Through {
    fn vendor(&self) -> &Vendor {
        self.site.vendor.as_ref().unwrap()
    }

    /// One call of the adapter's, whole. Its requests are counted at the vendor.
    async fn call<T: Send + 'static>(
        &self,
        meets: Option<Meeting>,
        what: impl Future<Output = T> + Send + 'static,
    ) -> (T, usize) {
        self.site.fate.here().await;
        self.vendor().meets(meets.or_else(|| self.outage()));
        let value = apart(what);
        self.vendor().meets(None);
        let (at, payments) = self.vendor().arrived();
        for at in at {
            self.site.judge.request_at(self.site.account.as_str(), self.site.limit, at);
        }
        (value, payments)
    }

    /// A vendor that is away, or whose lists cannot be read.
    fn outage(&self) -> Option<Meeting> {
        let now = self.site.clock.truth();
        let mut state = self.site.state.lock().unwrap();
        let (whom, shows) = if now < state.down_until {
            let seen = [Answer::Close, Answer::Reset, Answer::Html(502), Answer::TooMany(30)];
            (Whom::All, state.rng.choice(seen).unwrap())
        } else if now < state.garbled_until {
            let seen = [Answer::TruncatedJson, Answer::NotJson, Answer::Html(200)];
            (Whom::Reads, state.rng.choice(seen).unwrap())
        } else {
            return None;
        };
        drop(state);
        self.site.judge.excuse(self.site.account.as_str());
        Some(Meeting { whom, does: Does::Nothing, shows })
    }

    /// A list may lack leases, and spells no end alike.
    fn seen(&self, leases: Vec<Lease>) -> Vec<Lease> {
        let mut state = self.site.now();
        let now = self.site.clock.truth();
        let cut = if now < state.cut_until { state.cut } else { 0 };
        let lot = |l: &Lease| state.books.lots.iter().position(|x| x.ip == l.ip).unwrap();
        let leases = leases.into_iter().map(|l| (lot(&l), l)).filter(|(i, _)| (i * 37) % 100 >= cut);
        let leases = leases.map(|(i, l)| respelled(l, i, now)).collect();
        if cut > 0 {
            state.bad_reads.push(now);
            self.site.judge.excuse(self.site.account.as_str());
        } else {
            state.good_reads.push(now);
        }
        leases
    }

    /// A reading that failed has a cause outside renewd.
    fn failed(&self, what: &str) {
        let now = self.site.clock.truth();
        let mut state = self.site.state.lock().unwrap();
        let away = now < state.down_until + SignedDuration::from_mins(2)
            || now < state.garbled_until + SignedDuration::from_mins(2);
        state.bad_reads.push(now);
        drop(state);
        if !away {
            self.site.judge.broken(format!("{} answers, and cannot be read: {what}", self.site.account));
        }
    }

    /// What a question for a price meets now and then.
    fn trouble(&self) -> Option<Meeting> {
        let mut state = self.site.now();
        let now = self.site.clock.truth();
        if state.calm || state.rng.u32(0..100) >= 3 {
            return None;
        }
        state.last_trouble = now;
        let warned = self.vendor().brand == Brand::Seller;
        let (does, shows) = match state.rng.u32(0..if warned { 5 } else { 4 }) {
            0 => (Does::Nothing, Answer::Close),
            1 => (Does::All, Answer::TruncatedJson),
            2 => (Does::Nothing, Answer::Html(502)),
            3 => (Does::All, refusal(200, if warned { 3 } else { 30 })),
            _ => (Does::All, Answer::Warning { code: 9, message: "prices change tomorrow".to_owned() }),
        };
        drop(state);
        self.site.judge.excuse(self.site.account.as_str());
        self.site.judge.fault("quote fails");
        Some(Meeting { whom: Whom::Quotes, does, shows })
    }

    /// A price that the adapter believes is the vendor's own.
    fn priced(&self, request: &RenewalRequest, quote: &Quote, known: Option<Money>) {
        let site = &self.site;
        if known != Some(quote.price) {
            site.judge
                .broken(format!("I9 {} is quoted {}, the price is {known:?}", site.account, quote.price));
        }
        let clean = quote.warnings.is_empty();
        site.judge.quoted(request, quote.price, quote.balance.amount, quote.promo, clean);
    }
}

fn refusal(status: u16, code: i64) -> Answer {
    Answer::Refusal { status, code, message: format!("Simulated error {code}") }
}

#[async_trait::async_trait]
impl Reader for Through {
    fn capabilities(&self) -> &Capabilities {
        &self.site.capabilities
    }

    async fn inventory(&self, purpose: Purpose) -> Result<Inventory, ReadError> {
        self.site.takes(2_000);
        let reader = Arc::clone(&self.reader);
        let (read, _) = self.call(None, async move { reader.inventory(purpose).await }).await;
        self.site.takes(1_000);
        let read = match read {
            Ok(read) => {
                let leases = self.seen(read.leases.to_vec());
                Ok(Inventory { leases: Arc::new(leases.into()), ..read })
            }
            Err(error) => {
                self.failed(&error.to_string());
                Err(error)
            }
        };
        self.site.fate.here().await;
        read
    }

    async fn balance(&self, purpose: Purpose) -> Result<Balance, ReadError> {
        let reader = Arc::clone(&self.reader);
        let (read, _) = self.call(None, async move { reader.balance(purpose).await }).await;
        if let Err(error) = &read {
            self.failed(&error.to_string());
        }
        self.site.fate.here().await;
        read
    }

    async fn periods(&self, kind: &Kind) -> Result<Vec<u32>, ReadError> {
        let (reader, kind) = (Arc::clone(&self.reader), kind.clone());
        let (read, _) = self.call(None, async move { reader.periods(&kind).await }).await;
        self.site.fate.here().await;
        read
    }

    async fn promo_codes(&self) -> Result<Vec<PromoCode>, ReadError> {
        Ok(Vec::new())
    }

    async fn quote(&self, request: &RenewalRequest) -> Result<Quote, QuoteError> {
        let known = self.vendor().price(request);
        let (reader, asked) = (Arc::clone(&self.reader), request.clone());
        let meets = self.outage().or_else(|| self.trouble());
        let (quote, _) = self.call(meets, async move { reader.quote(&asked).await }).await;
        if let Ok(quote) = &quote {
            self.priced(request, quote, known);
        }
        self.site.takes(1_500);
        self.site.fate.here().await;
        quote
    }

    async fn catalogue(&self) -> Result<Catalogue, ReadError> {
        Ok(Catalogue::default())
    }

    fn purchase_problems(&self, _request: &PurchaseRequest) -> Vec<FieldProblem> {
        Vec::new()
    }

    async fn quote_purchase(&self, _request: &PurchaseRequest) -> Result<Quote, QuoteError> {
        Err(QuoteError::NoAnswer("nothing is bought here".to_owned()))
    }

    async fn quote_cycle(&self, _request: &ChangeRequest, _cycle: &str) -> Result<Option<Money>, QuoteError> {
        Ok(None)
    }

    fn names(&self, leases: &[RequestLease]) -> Vec<String> {
        self.reader.names(leases)
    }

    fn order_log(&self) -> Option<&dyn OrderLog> {
        self.reader.order_log().map(|_| self as &dyn OrderLog)
    }
}

#[async_trait::async_trait]
impl OrderLog for Through {
    async fn renewals(&self, since: Timestamp) -> Result<Vec<LoggedRenewal>, ReadError> {
        let reader = Arc::clone(&self.reader);
        let asked = async move { reader.order_log().unwrap().renewals(since).await };
        let (read, _) = self.call(None, asked).await;
        self.site.fate.here().await;
        read
    }
}

/// How a payment that is drawn to meet something goes, and what of it stands in the books then.
struct Course {
    does: Does,
    shows: Answer,
    odd: bool,
    unforeseen: bool,
    lands: Option<SignedDuration>,
}

impl Through {
    /// An answer that proves nothing.
    fn lost(&self, state: &mut State) -> Answer {
        let odd = if self.vendor().brand == Brand::Seller { 57 } else { 30 };
        let seen = [
            Answer::Close,
            Answer::Reset,
            Answer::HalfBody,
            Answer::TruncatedJson,
            Answer::NotJson,
            Answer::Garbage,
            Answer::Html(502),
            Answer::Html(200),
            Answer::Status(500),
            Answer::TooMany(5),
            refusal(500, 16),
            refusal(200, odd),
        ];
        state.rng.choice(seen).unwrap()
    }

    fn course(&self, state: &mut State, meets: Meets, n: usize) -> Course {
        let code = match self.vendor().brand {
            Brand::Seller => [29_i64, 14, 16, 503][state.rng.usize(0..4)],
            Brand::Px6 => [230_i64, 404, 210, 400][state.rng.usize(0..4)],
        };
        let lost = self.lost(state);
        let honest = state.rng.bool();
        let either = |lost: Answer| if honest { Answer::Honest } else { lost };
        let part = if n > 1 { Does::Part(state.rng.usize(1..n)) } else { Does::All };
        let late = SignedDuration::from_mins(state.rng.i64(90..2_400));
        let (does, shows) = match meets {
            Meets::Nothing | Meets::Stale | Meets::TopUp | Meets::NeverSent => (Does::All, Answer::Honest),
            Meets::LostBefore => (Does::Nothing, lost),
            Meets::LostAfter => (Does::All, lost),
            Meets::Refused => (Does::Nothing, refusal(200, code)),
            Meets::RefusedThoughCharged => (Does::All, refusal(200, code)),
            Meets::Partly => (part, either(lost)),
            Meets::Late => (Does::After(late), either(lost)),
            Meets::WrongPrice => (Does::More(state.rng.i64(1..=50)), Answer::Honest),
            Meets::SurplusLost => (Does::More(state.rng.i64(1..=600)), lost),
            Meets::Foreign => (Does::BesideForeign(state.rng.i64(100..2_000)), either(lost)),
            Meets::Hangs => (if honest { Does::Nothing } else { Does::All }, lost),
        };
        Course {
            does,
            shows,
            odd: matches!(meets, Meets::WrongPrice | Meets::SurplusLost),
            unforeseen: matches!(meets, Meets::RefusedThoughCharged | Meets::Late),
            lands: (meets == Meets::Late).then_some(late),
        }
    }

    fn tell(&self, id: &IntentId, request: &RenewalRequest, meets: Meets, course: &Course) {
        let site = &self.site;
        site.judge.lock().tally.spends_with_fault += u64::from(meets != Meets::Nothing);
        if let Some((_, name, _)) = FAULTS.iter().find(|(m, ..)| *m == meets) {
            site.judge.fault(name);
        }
        if !matches!(meets, Meets::Nothing | Meets::Stale) {
            request.leases.iter().for_each(|l| site.judge.excuse_lot(site.account.as_str(), &l.ip));
        }
        if matches!(course.shows, Answer::Refusal { code: 503, .. }) {
            site.judge.excuse(site.account.as_str());
        }
        site.judge
            .note(|| format!("{id} goes to {}, meets {meets:?}, shown {:?}", site.account, course.shows));
    }

    /// What a payment that was just made moved in the books.
    fn costs(&self, paid: &Paid) -> i64 {
        let books = &mut self.site.state.lock().unwrap().books;
        let before = books.entries.len();
        self.vendor().sync(books, Some(paid));
        books.entries[before..].iter().map(|e| e.cents).sum()
    }

    /// What the vendor is made to do, and its books brought into the oracle's afterwards.
    fn draw(&self, id: &IntentId, request: &RenewalRequest) -> (Meets, Course, Paid) {
        let mut state = self.site.now();
        let meets = self.site.meets(&mut state);
        let course = self.course(&mut state, meets, request.leases.len());
        let (balance_lag, ends_lag) = Site::lags(&mut state, meets);
        let (_, log_lag) = Site::lags(&mut state, meets);
        self.vendor().names_no_order(state.rng.u32(0..8) == 0);
        if meets == Meets::TopUp {
            let cents = state.rng.i64(1..200) * 100;
            drop(state);
            self.site.moves(cents, SignedDuration::ZERO);
        } else {
            drop(state);
        }
        self.vendor().lag(ends_lag, balance_lag, log_lag);
        let (odd, unforeseen) = (course.odd, course.unforeseen);
        (meets, course, Paid { id: id.to_string(), balance_lag, ends_lag, odd, unforeseen })
    }
}

#[async_trait::async_trait]
impl Spender for Through {
    async fn extend(&self, permit: SpendPermit) -> PaymentReply {
        let (id, request) = (permit.intent().clone(), permit.request().clone());
        let site = &self.site;
        site.fate.here().await;
        let durable = site.durable(&id);
        let (meets, course, paid) = self.draw(&id, &request);
        if meets == Meets::NeverSent {
            self.tell(&id, &request, meets, &course);
            return PaymentReply::NeverSent("the connection was refused".to_owned());
        }
        let spender = Arc::clone(&self.spender);
        let meeting = Meeting { whom: Whom::Money, does: course.does, shows: course.shows.clone() };
        // Whatever an account that is away answers to others, a payment meets what was drawn for it.
        let (reply, sent) = self.call(Some(meeting), async move { spender.extend(permit).await }).await;
        let zero = SignedDuration::ZERO;
        self.vendor().lag(zero, zero, zero);
        if sent == 0 {
            site.judge.note(|| format!("{id} does not leave: {reply:?}"));
            if !matches!(reply, PaymentReply::NeverSent(_)) {
                site.judge.broken(format!("{id} is {reply:?}, and the vendor knows nothing of it"));
            }
            return reply;
        }
        self.tell(&id, &request, meets, &course);
        if sent > 1 {
            site.judge.broken(format!("I1 {id} reached the vendor {sent} times"));
        }
        site.judge.at_spend(&id, &request, durable.as_deref());
        site.judge.surplus_counts(&id, site.account.as_str(), &|other: &str| {
            money(site.state.lock().unwrap().books.charged(other).values().sum())
        });
        if let Some(lands) = course.lands {
            // By then nothing lags any more.
            let paid = Paid { balance_lag: zero, ends_lag: zero, ..paid.clone() };
            self.vendor().will_land(site.clock.truth() + lands, paid);
        }
        let cost = self.costs(&paid);
        site.judge.note(|| {
            let lags = (paid.balance_lag.as_secs(), paid.ends_lag.as_secs());
            format!("{id} moves {} in the books, shown after {lags:?} s; {reply:?}", money(cost))
        });
        if meets == Meets::Hangs {
            site.clock.advance(SignedDuration::from_secs(119));
        }
        site.takes(4_000);
        let told = match &reply {
            PaymentReply::Accepted { balance, .. } | PaymentReply::Ends { balance, .. } => balance.is_some(),
            _ => false,
        };
        if told && meets == Meets::WrongPrice {
            site.judge.told(&id);
        }
        site.fate.here().await;
        reply
    }

    async fn purchase(&self, _permit: PurchasePermit) -> PaymentReply {
        PaymentReply::NeverSent("nothing is bought here".to_owned())
    }
}

#[async_trait::async_trait]
impl Changer for Through {
    async fn change(&self, permit: ChangePermit) -> ChangeReply {
        let site = &self.site;
        let draw = {
            let mut state = site.now();
            if state.calm { 99 } else { state.rng.u32(0..100) }
        };
        let order = permit.request().order.clone();
        let meets = match draw {
            0..6 => Some((Does::Nothing, Answer::Close)),
            6..12 => Some((Does::All, Answer::HalfBody)),
            12..15 => Some((Does::All, Answer::Html(502))),
            _ => None,
        };
        if meets.is_some() {
            site.judge.fault("switch lost");
        }
        let meets = meets.map(|(does, shows)| Meeting { whom: Whom::All, does, shows });
        let changer = Arc::clone(&self.changer);
        let (reply, _) = self.call(meets, async move { changer.change(permit).await }).await;
        let now = site.clock.truth();
        self.vendor().flags(&mut site.now().books, now);
        site.judge.note(|| format!("auto-renewal of {order} at {}: {reply:?}", site.account));
        site.fate.here().await;
        reply
    }
}
