//! What the run knows of renewd: every payment as its ledger committed it, every quote it was given, every request it made; the
//! event log, the tallies, and the first broken promise. Independent of the product's own sums.
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::{SignedDuration, Timestamp, Zoned};
use renewd::budget::{Budget, Per};
use renewd::domain::{
    Event, IntentId, Measured, Moment, Money, PromoStatus, RenewalRequest, RequestLease, State,
};
use renewd::ledger::{ApprovedSet, EventDetail, NewIntent, ProviderCharge, SplitPart};
use renewd::policy::OnUnknown;
use renewd::settings::Settings;
use sha2::{Digest, Sha256};

use crate::approvals::Words;
use crate::time::SimClock;

/// A payment as committed.
#[derive(Clone, Debug)]
pub struct Shadow {
    pub account: String,
    pub provider: String,
    pub leases: Vec<RequestLease>,
    pub quoted: Money,
    pub charged: Option<Money>,
    pub currency: String,
    pub policy: String,
    pub cycle: i64,
    pub days: u32,
    /// When its spend row was written: by the machine's clock, and in truth.
    pub spent_wall: Option<Timestamp>,
    pub spent: Option<Timestamp>,
    pub state: State,
    pub state_since: Timestamp,
    pub never_sent: bool,
    pub operator: bool,
    pub was_unknown: bool,
    /// A charge of the provider's own.
    pub theirs: bool,
    /// Its reply told the balance, and nothing else of the account was open then: what it cost is known at once.
    pub told: bool,
    /// The ledger says that what it cost was not seen.
    pub unseen: bool,
    /// When what it cost was said last.
    pub measured_at: Timestamp,
    /// The operator's word that its row names.
    pub approval: Option<ApprovedSet>,
}

impl Shadow {
    fn counts(&self) -> bool {
        use State as S;
        matches!(
            self.state,
            S::Reserved | S::SpendStarted | S::Accepted | S::Unknown | S::Confirmed | S::NeedsOperator
        )
    }

    pub fn is_open(&self) -> bool {
        use State as S;
        matches!(self.state, S::Reserved | S::SpendStarted | S::Accepted | S::Unknown | S::NeedsOperator)
    }

    pub fn touches(&self, order: &str, ip: &str) -> bool {
        self.leases.iter().any(|l| l.order.as_str() == order || l.ip == ip)
    }

    pub fn is_for(&self, lease: &RequestLease) -> bool {
        let same = |l: &RequestLease| l.id == lease.id || l.ip == lease.ip;
        self.leases.iter().any(|l| same(l) && near(l.expires_at, lease.expires_at))
    }
}

/// One end in two spellings. The oracle's own measure: no two terms of a lease end within an hour of each other.
pub fn near(one: Timestamp, other: Timestamp) -> bool {
    one.duration_since(other).abs() < SignedDuration::from_mins(30)
}

/// A name that the config gives an account, a policy or a budget after it was renamed.
pub fn renamed(name: &str) -> String {
    format!("{name}-2")
}

/// What the oracle calls what the config may have renamed, alone or within the key of an alert.
pub fn first_name(text: &str) -> String {
    let first = text.replace("-2:", ":");
    first.strip_suffix("-2").map_or(first.clone(), str::to_owned)
}

/// Without the port of a simulated vendor: each run has another.
fn portless(line: &str) -> String {
    const HERE: &str = "127.0.0.1:";
    let mut parts = line.split(HERE);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + HERE + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// The payment that a part belongs to.
pub fn root(id: &str) -> &str {
    id.split('.').next().unwrap()
}

/// A quote as given.
struct Asked {
    set: Vec<(String, Timestamp)>,
    at: Timestamp,
    clean: bool,
    price: Money,
    balance: Money,
    promo: Option<PromoStatus>,
}

/// Counts of a seed, added up over seeds.
#[derive(Default, Clone)]
pub struct Tally {
    pub faults: BTreeMap<&'static str, u64>,
    pub cycles: u64,
    pub settles: u64,
    pub spends: u64,
    pub spends_with_fault: u64,
    pub unknowns: u64,
    pub by_evidence: u64,
    pub by_person: u64,
    /// Of those: while somebody else's money moved.
    pub disturbed: u64,
    pub wrong: u64,
    pub double_excused: u64,
    pub lapsed_excused: u64,
    pub renewed: u64,
    pub mails: u64,
    pub exact: u64,
    pub inexact: u64,
}

/// Everything that is behind the lock.
pub struct Inner {
    pub shadows: BTreeMap<String, Shadow>,
    quotes: HashMap<String, Vec<Asked>>,
    requests: HashMap<String, VecDeque<Timestamp>>,
    pub broken: Vec<String>,
    log: Vec<String>,
    hash: Sha256,
    pub tally: Tally,
    /// Writes that still fit on the disk.
    room: Option<u32>,
    /// Draws the stalls; none once all is calm.
    stalls: Option<fastrand::Rng>,
    /// When something outside renewd last stood against paying, by account, and by account and address.
    pub excuse: HashMap<String, Timestamp>,
    pub lot_excuse: HashMap<(String, String), Timestamp>,
    /// What the operator said of plans.
    pub words: Words,
}

/// See above.
pub struct Judge {
    pub settings: Arc<Settings>,
    clock: Arc<SimClock>,
    inner: Mutex<Inner>,
}

/// The last lines of a failing seed.
const LAST: usize = 40;
/// Lines before and after the first that names a payment of which a rule was broken.
const AROUND: usize = 25;

impl Judge {
    pub fn new(settings: Arc<Settings>, clock: Arc<SimClock>) -> Self {
        let inner = Inner {
            shadows: BTreeMap::new(),
            quotes: HashMap::new(),
            requests: HashMap::new(),
            broken: Vec::new(),
            log: Vec::new(),
            hash: Sha256::new(),
            tally: Tally::default(),
            room: None,
            stalls: None,
            excuse: HashMap::new(),
            lot_excuse: HashMap::new(),
            words: Words::default(),
        };
        Self { settings, clock, inner: Mutex::new(inner) }
    }

    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// One line of the event log.
    pub fn note(&self, line: impl FnOnce() -> String) {
        let at = self.clock.truth();
        let line = portless(&format!("{} {}", at.strftime("%m-%d %H:%M:%S"), line()));
        let mut inner = self.lock();
        inner.hash.update(line.as_bytes());
        if crate::VERBOSE.load(std::sync::atomic::Ordering::Relaxed) {
            println!("{line}");
        }
        inner.log.push(line);
    }

    pub fn fault(&self, kind: &'static str) {
        *self.lock().tally.faults.entry(kind).or_default() += 1;
        self.note(|| format!("fault: {kind}"));
    }

    pub fn broken(&self, what: String) {
        self.note(|| format!("BROKEN {what}"));
        self.lock().broken.push(what);
    }

    /// The last events, and before them those around each payment that a broken rule names.
    pub fn telling_events(&self) -> Vec<String> {
        let inner = self.lock();
        let last = inner.log.len().saturating_sub(LAST);
        let mut wanted = BTreeSet::from_iter(last..inner.log.len());
        let named = |text: &str| -> Option<String> {
            let id = text.split(' ').find(|w| w.starts_with("p-"))?;
            Some(format!("{} ", id.split('.').next()?))
        };
        for id in inner.broken.iter().filter_map(|text| named(text)) {
            let of = |line: &String| line.contains(&id) || line.contains(&format!("{}.", id.trim_end()));
            let first = inner.log.iter().position(of).unwrap_or(last);
            wanted.extend(first.saturating_sub(AROUND)..(first + AROUND).min(inner.log.len()));
            wanted.extend((first..inner.log.len()).filter(|n| of(&inner.log[*n])));
        }
        wanted.into_iter().map(|n| inner.log[n].clone()).collect()
    }

    pub fn digest(&self) -> String {
        self.lock().hash.clone().finalize().iter().take(8).map(|b| format!("{b:02x}")).collect()
    }

    /// Commits stall from now on, or no more.
    pub fn let_stall(&self, seed: Option<u64>) {
        self.lock().stalls = seed.map(fastrand::Rng::with_seed);
    }

    /// A slow disk, a lock, a laptop that is shut: some writes take long, before or after they are durable.
    pub fn stall(&self, what: &str) {
        let span = {
            let mut inner = self.lock();
            let Some(rng) = inner.stalls.as_mut() else { return };
            if rng.u32(0..600) > 0 {
                return;
            }
            SignedDuration::from_secs(rng.i64(5..150))
        };
        self.fault("stall at a commit");
        self.note(|| format!("{what} takes {span:#}"));
        self.clock.advance(span);
        self.excuse_all();
    }

    pub fn disk_is_full(&self) -> bool {
        self.lock().room.is_some()
    }

    /// One write: false if there is no room for it.
    pub fn room(&self) -> bool {
        match &mut self.lock().room {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }

    pub fn fill_disk_after(&self, writes: u32) {
        self.lock().room = Some(writes);
    }

    pub fn free_disk(&self) {
        self.lock().room = None;
    }

    /// Something outside renewd stands against paying at this account now.
    pub fn excuse(&self, account: &str) {
        let now = self.clock.truth();
        self.lock().excuse.insert(account.to_owned(), now);
    }

    pub fn excuse_all(&self) {
        for account in &self.settings.accounts {
            self.excuse(account.name.as_str());
        }
    }

    pub fn excuse_lot(&self, account: &str, ip: &str) {
        let now = self.clock.truth();
        self.lock().lot_excuse.insert((account.to_owned(), ip.to_owned()), now);
    }

    // --- what the ledger committed -------------------------------------------------------------------------------------

    pub fn reserved(&self, id: &IntentId, new: &NewIntent) {
        let now = self.clock.truth();
        let shadow = Shadow {
            account: first_name(new.request.account.as_str()),
            provider: new.provider.to_string(),
            leases: new.request.leases.clone(),
            quoted: new.quoted,
            charged: None,
            currency: new.currency.to_string(),
            policy: first_name(&new.policy),
            cycle: new.cycle,
            days: new.request.period_days,
            spent_wall: None,
            spent: None,
            state: State::Reserved,
            state_since: now,
            never_sent: false,
            operator: false,
            was_unknown: false,
            theirs: false,
            told: false,
            unseen: false,
            measured_at: self.clock.truth(),
            approval: new.approval.clone(),
        };
        self.note(|| {
            let ips: Vec<&str> = new.request.leases.iter().map(|l| l.ip.as_str()).collect();
            format!("{id} reserved {} attempt {} for {}", new.quoted, new.attempt, ips.join(" "))
        });
        self.lock().shadows.insert(id.to_string(), shadow.clone());
        for budget in &self.settings.budgets {
            let sum = self.counted(budget, &shadow, new.at.wall);
            if sum.is_some_and(|sum| sum > budget.limit) {
                let text = format!("I4 {id} takes budget {} to {sum:?} of {}", budget.name, budget.limit);
                self.broken(text);
            }
        }
    }

    /// What counts in this budget in the span around `now`, the payment `of` included; `None`: it does not count there.
    pub fn counted(&self, budget: &Budget, of: &Shadow, now: Timestamp) -> Option<Money> {
        let zone = &self.settings.timezone;
        let at = |t: Timestamp| t.to_zoned(zone.clone());
        let covers = |s: &Shadow| {
            s.currency == budget.currency.as_str()
                && (budget.accounts.is_empty() || budget.accounts.iter().any(|a| a.as_str() == s.account))
                && (budget.policies.is_empty() || budget.policies.contains(&s.policy))
        };
        let same = |s: &Shadow| match (s.spent_wall, budget.per) {
            (_, Per::Cycle) => s.cycle == of.cycle,
            (None, _) => s.state == State::Reserved,
            (Some(t), per) => span_name(per, &at(t)) == span_name(per, &at(now)),
        };
        covers(of).then(|| {
            let inner = self.lock();
            let counted = inner.shadows.values().filter(|s| s.counts() && covers(s) && same(s));
            Money::sum(counted.map(|s| s.charged.unwrap_or(s.quoted))).unwrap()
        })
    }

    pub fn started(&self, id: &IntentId, at: &Moment) {
        let truth = self.clock.truth();
        let mut inner = self.lock();
        let shadow = inner.shadows.get_mut(id.as_str()).unwrap();
        (shadow.spent_wall, shadow.spent) = (Some(at.wall), Some(truth));
        (shadow.state, shadow.state_since) = (State::SpendStarted, truth);
        inner.tally.spends += 1;
    }

    pub fn appended(&self, id: &IntentId, event: Event, to: State, detail: &EventDetail) {
        let truth = self.clock.truth();
        let said = detail.evidence.clone().or_else(|| detail.message.clone()).unwrap_or_default();
        self.note(|| format!("{id} {to}: {said}"));
        let mut inner = self.lock();
        let shadow = inner.shadows.get_mut(id.as_str()).unwrap();
        // What only changes the amount leaves alone when it came to its state.
        if event != Event::Measured && !(shadow.state == State::Confirmed && to == State::Confirmed) {
            (shadow.state, shadow.state_since) = (to, truth);
        }
        shadow.unseen = detail.measured.map_or(shadow.unseen, |m| m == Measured::Quote);
        shadow.charged = detail.charged.or(shadow.charged);
        if detail.charged.is_some() {
            shadow.measured_at = truth;
        }
        shadow.never_sent |= event == Event::NeverSent;
        shadow.operator |= matches!(event, Event::OperatorCharged | Event::OperatorNotCharged);
        shadow.was_unknown |= to == State::Unknown;
    }

    pub fn split(&self, id: &IntentId, ids: &[IntentId], parts: &[SplitPart]) {
        let truth = self.clock.truth();
        self.note(|| format!("{id} split into {}", parts.len()));
        let mut inner = self.lock();
        let whole = inner.shadows.get_mut(id.as_str()).unwrap();
        whole.state = State::Split;
        let whole = whole.clone();
        for (id, part) in ids.iter().zip(parts) {
            let leases = whole.leases.iter().filter(|l| l.id == part.lease).cloned().collect();
            let (quoted, charged, state) = (part.quoted, part.detail.charged, part.state);
            let shadow = Shadow {
                leases,
                quoted,
                charged,
                state,
                state_since: truth,
                was_unknown: true,
                unseen: part.detail.measured == Some(Measured::Quote),
                measured_at: truth,
                told: false,
                ..whole.clone()
            };
            inner.shadows.insert(id.to_string(), shadow);
        }
    }

    pub fn provider_charged(&self, id: &IntentId, c: &ProviderCharge) {
        let truth = self.clock.truth();
        self.note(|| {
            format!(
                "{id} provider charge {} for {}",
                c.detail.charged.unwrap_or(c.amount),
                c.request.leases[0].ip
            )
        });
        let shadow = Shadow {
            account: first_name(c.request.account.as_str()),
            provider: c.provider.to_string(),
            leases: c.request.leases.clone(),
            quoted: c.amount,
            charged: c.detail.charged,
            currency: c.currency.to_string(),
            policy: first_name(&c.policy),
            cycle: c.cycle,
            days: c.request.period_days,
            spent_wall: Some(c.at.wall),
            spent: Some(truth),
            state: State::Confirmed,
            state_since: truth,
            never_sent: false,
            operator: false,
            was_unknown: false,
            theirs: true,
            told: false,
            unseen: false,
            measured_at: truth,
            approval: None,
        };
        self.lock().shadows.insert(id.to_string(), shadow);
    }

    // --- what the provider saw -----------------------------------------------------------------------------------------

    /// One request at the provider.
    pub fn request(&self, account: &str, limit: u32) {
        self.request_at(account, limit, self.clock.truth());
    }

    /// One that came at `now`.
    pub fn request_at(&self, account: &str, limit: u32, now: Timestamp) {
        let mut inner = self.lock();
        let seen = inner.requests.entry(account.to_owned()).or_default();
        seen.push_back(now);
        while seen.front().is_some_and(|at| now.duration_since(*at) >= SignedDuration::from_secs(60)) {
            seen.pop_front();
        }
        let n = seen.len();
        drop(inner);
        if n > limit as usize {
            self.broken(format!("I7 {n} requests of account {account} within 60 s, {limit} are allowed"));
        }
    }

    pub fn quoted(
        &self,
        request: &RenewalRequest,
        price: Money,
        balance: Money,
        promo: Option<PromoStatus>,
        clean: bool,
    ) {
        let at = self.clock.truth();
        let asked = Asked { set: set_of(request), at, clean, price, balance, promo };
        let mut inner = self.lock();
        let all = inner.quotes.entry(first_name(request.account.as_str())).or_default();
        all.retain(|q| at.duration_since(q.at) < SignedDuration::from_mins(30));
        all.push(asked);
    }

    /// The oracle of a payment: called with the request as it reaches the provider.
    pub fn at_spend(&self, id: &IntentId, request: &RenewalRequest, durable: Option<&str>) {
        if durable != Some("spend_started") {
            self.broken(format!("I3 {id} reaches the provider, and its row in the file says {durable:?}"));
        }
        let mut inner = self.lock();
        let shadow = inner.shadows.get(id.as_str()).unwrap().clone();
        let mut wrong = Vec::new();
        self.by_which_word(&mut inner, (id, &shadow), request, &mut wrong);
        if shadow.leases != request.leases {
            wrong.push(format!("I3 {id} is not for the leases of its row"));
        }
        self.clean_quote(&inner, id, request, &shadow, &mut wrong);
        self.caps(&inner, id, &shadow, &mut wrong);
        for lease in &request.leases {
            self.term(&inner, id, lease, &shadow, &mut wrong);
        }
        drop(inner);
        wrong.into_iter().for_each(|w| self.broken(w));
    }

    fn clean_quote(
        &self,
        inner: &Inner,
        id: &IntentId,
        request: &RenewalRequest,
        shadow: &Shadow,
        wrong: &mut Vec<String>,
    ) {
        let set = set_of(request);
        let asked = inner.quotes.get(&shadow.account);
        let policy = self.settings.policies.iter().find(|p| p.name == shadow.policy).unwrap();
        let Some(quote) = asked.and_then(|all| all.iter().rev().find(|q| q.set == set)) else {
            return wrong.push(format!("I9 {id} without a quote for exactly its set"));
        };
        let age = self.clock.truth().duration_since(quote.at);
        if age > SignedDuration::from_secs(60) {
            wrong.push(format!("I9 {id} on a quote {age:#} old"));
        }
        if !quote.clean || quote.price != shadow.quoted {
            wrong.push(format!(
                "I9 {id} for {} on a quote that says {}, clean: {}",
                shadow.quoted, quote.price, quote.clean
            ));
        }
        if policy.promo_required && quote.promo != Some(PromoStatus::Valid) {
            wrong.push(format!("I9 {id} although its promo code was not accepted"));
        }
        let keep =
            self.settings.accounts.iter().find(|a| a.name.as_str() == shadow.account).unwrap().keep_balance;
        if quote.balance.minus(quote.price).unwrap() < keep {
            wrong.push(format!("I4 {id} takes the balance {} under {keep}", quote.balance));
        }
    }

    /// A charge that was told by its reply counts from then on: what the books say beyond the quote is in the ledger before the next
    /// payment of the account leaves.
    pub fn surplus_counts(&self, id: &IntentId, account: &str, cost: &dyn Fn(&str) -> Money) {
        let silent: Vec<String> = {
            let inner = self.lock();
            let mine = inner.shadows.iter().filter(|(other, s)| {
                s.account == account && other.as_str() != id.as_str() && s.told && !s.theirs && !s.operator
            });
            let over = mine.filter(|(_, s)| matches!(s.state, State::Accepted | State::Confirmed));
            over.filter(|(other, s)| cost(other) > s.quoted && s.charged.is_none_or(|c| c < cost(other)))
                .map(|(other, s)| {
                    format!(
                        "I4 {id} leaves, and {other} cost {} by the books, {:?} by the ledger",
                        cost(other),
                        s.charged
                    )
                })
                .collect()
        };
        silent.into_iter().for_each(|text| self.broken(text));
    }

    /// The reply of a payment told the balance.
    pub fn told(&self, id: &IntentId) {
        let now = self.clock.truth();
        let lag = self.settings.timing.lag_window + SignedDuration::from_mins(3);
        let mut inner = self.lock();
        let account = inner.shadows[id.as_str()].account.clone();
        let open = inner.shadows.iter().any(|(other, s)| {
            let fresh = s.spent.is_some_and(|at| now.duration_since(at) < lag * 4);
            let seen = s.charged.is_some() && !s.unseen;
            other.as_str() != id.as_str()
                && s.account == account
                && s.spent.is_some()
                && !s.never_sent
                && match s.state {
                    State::Accepted | State::Confirmed => fresh && !seen,
                    State::Refused => fresh,
                    state => matches!(state, State::SpendStarted | State::Unknown | State::NeedsOperator),
                }
        });
        inner.shadows.get_mut(id.as_str()).unwrap().told = !open;
    }

    /// A charge that broke its cap, or two over their quotes in a row, hold what comes under their policy at that account.
    fn holds(&self, inner: &Inner, id: &IntentId, shadow: &Shadow, wrong: &mut Vec<String>) {
        let policy = self.settings.policies.iter().find(|p| p.name == shadow.policy).unwrap();
        let same = |s: &&Shadow| {
            s.account == shadow.account
                && s.policy == shadow.policy
                && !s.theirs
                && s.charged.is_some()
                && matches!(
                    s.state,
                    State::Accepted | State::Confirmed | State::Unknown | State::NeedsOperator
                )
        };
        let over = |s: &Shadow| s.charged.is_some_and(|c| c > s.quoted) && !s.operator;
        let mut before: Vec<(&String, &Shadow)> =
            inner.shadows.iter().filter(|(other, s)| other.as_str() != id.as_str() && same(s)).collect();
        before.sort_by_key(|(other, s)| (s.spent, *other));
        let cap = |s: &Shadow| {
            let all = policy.max_price.and_then(|cap| cap.times(s.leases.len() as u64));
            over(s) && all.is_some_and(|all| s.charged > Some(all))
        };
        for (other, s) in before.iter().filter(|(_, s)| cap(s)) {
            wrong.push(format!("I4 {id} leaves after {other} cost {:?}, over its cap", s.charged));
        }
        if let [.., one, two] = before.as_slice()
            && over(one.1)
            && over(two.1)
            && root(one.0) != root(two.0)
        {
            wrong.push(format!(
                "I4 {id} leaves after {} and {} both cost more than their quotes",
                one.0, two.0
            ));
        }
    }

    fn caps(&self, inner: &Inner, id: &IntentId, shadow: &Shadow, wrong: &mut Vec<String>) {
        self.holds(inner, id, shadow, wrong);
        let policy = self.settings.policies.iter().find(|p| p.name == shadow.policy).unwrap();
        let n = shadow.leases.len();
        if policy.max_price.is_some_and(|cap| shadow.quoted > cap.times(n as u64).unwrap()) {
            wrong.push(format!("I4 {id} costs {} for {n} leases, over max_price", shadow.quoted));
        }
        let Some(jump) = policy.max_price_jump else { return };
        for (lease, share) in shadow.leases.iter().zip(shadow.quoted.shares(n)) {
            let before =
                inner.shadows.values().filter(|s| s.state == State::Confirmed && s.account == shadow.account);
            let last = before.filter(|s| s.leases.iter().any(|l| l.ip == lease.ip)).max_by_key(|s| s.spent);
            let Some(last) = last else { continue };
            let paid = last.charged.unwrap_or(last.quoted).decimal();
            let days = rust_decimal::Decimal::from(last.days * u32::try_from(last.leases.len()).unwrap());
            let most = paid
                * (rust_decimal::Decimal::ONE_HUNDRED + jump.0)
                * rust_decimal::Decimal::from(shadow.days);
            // A cent more: shares of a batch are whole cents.
            let slack = Money::from_cents(1);
            let now = share.minus(slack).unwrap().decimal() * days * rust_decimal::Decimal::ONE_HUNDRED;
            if now > most {
                wrong.push(format!(
                    "I4 {id} costs {share} for {}, a jump over {jump:?} from {paid} for {} leases",
                    lease.ip,
                    last.leases.len()
                ));
            }
        }
    }

    /// I1 and I6: what else was ever sent for this term.
    fn term(
        &self,
        inner: &Inner,
        id: &IntentId,
        lease: &RequestLease,
        mine: &Shadow,
        wrong: &mut Vec<String>,
    ) {
        let policy = self.settings.policies.iter().find(|p| p.name == mine.policy).unwrap();
        let lag = self.settings.timing.lag_window;
        let now = self.clock.truth();
        let others = inner.shadows.iter().filter(|(other, s)| {
            other.as_str() != id.as_str()
                && s.provider == mine.provider
                && s.state != State::Split
                && s.is_for(lease)
        });
        let others: Vec<_> = others.collect();
        // An operator's word is a fresh start.
        let heard = others.iter().filter(|(_, s)| s.operator).map(|(_, s)| s.state_since).max();
        let mut shown = 0;
        for (other, s) in others {
            let since = s.spent.map(|at| now.duration_since(at)).unwrap_or_default();
            match s.state {
                State::Released => {}
                State::NotApplied if s.never_sent || s.operator => {}
                State::Refused if since >= lag => {}
                State::NotApplied if heard.is_some_and(|at| s.state_since <= at) => {}
                State::NotApplied => {
                    shown += 1;
                    if policy.on_unknown == OnUnknown::Never {
                        wrong.push(format!("I1 {id} after {other}, and its policy allows no second attempt"));
                    }
                    if since < lag {
                        wrong.push(format!("I6 {id} only {since:#} after {other}"));
                    }
                }
                state => wrong.push(format!(
                    "I6 {id} for {} until {}, which {other} ({state}) has paid or may have",
                    lease.ip, lease.expires_at
                )),
            }
        }
        if shown > 1 {
            wrong.push(format!("I1 {id} is a third attempt for {} until {}", lease.ip, lease.expires_at));
        }
    }
}

/// The day, week or month in which an instant lies.
pub fn span_name(per: Per, at: &Zoned) -> String {
    let week = at.date().iso_week_date();
    match per {
        Per::Cycle => String::new(),
        Per::Day => at.date().to_string(),
        Per::Week => format!("{} week {}", week.year(), week.week()),
        Per::Month => at.strftime("%Y-%m").to_string(),
    }
}

fn set_of(request: &RenewalRequest) -> Vec<(String, Timestamp)> {
    let mut set: Vec<_> = request.leases.iter().map(|l| (l.id.to_string(), l.expires_at)).collect();
    set.sort();
    set
}
