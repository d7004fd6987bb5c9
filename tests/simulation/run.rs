//! One seed: ninety virtual days of the real engine, jumping from one interesting instant to the next, with a machine, two
//! providers and a person who all have bad days.
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use renewd::daemon::{deliver, tell};
use renewd::domain::{AccountName, Event, State};
use renewd::engine::{CycleReport, Payer, Viewer};
use renewd::keylock::KeyLocks;
use renewd::ledger::sqlite::{self, Access};
use renewd::ledger::{EventDetail, Ledger};
use renewd::notify::{Attempt, Mailer};
use renewd::policy::{Action, Policy, due_at};
use renewd::providers::limiter::SharedLimiter;
use renewd::settings::Settings;
use tokio_util::sync::CancellationToken;

use crate::books::{Books, Manner, What};
use crate::judge::{Judge, Tally};
use crate::oracle;
use crate::setup;
use crate::site::{self, Site, Tells, money};
use crate::time::{Fate, SimClock};
use crate::witness::{Memo, Witness};

/// What a seed is made of.
pub struct Run {
    pub rng: Rng,
    pub clock: Arc<SimClock>,
    pub fate: Arc<Fate>,
    pub judge: Arc<Judge>,
    pub sites: Vec<Arc<Site>>,
    pub settings: Arc<Settings>,
    dir: PathBuf,
    payer: Option<Payer>,
    next_settle: Option<Timestamp>,
    clock_right_at: Option<Timestamp>,
    disk_free_at: Option<Timestamp>,
    smtp_until: Timestamp,
    paused_until: Option<Timestamp>,
    next_day: Timestamp,
    calm: bool,
    pub cycles_at: Vec<Timestamp>,
    /// Ends whose passing was judged.
    pub judged: BTreeSet<(usize, usize, Timestamp)>,
    /// The keys of all alerts that anybody was told of.
    pub said: BTreeSet<String>,
    /// Since when a lease waits in silence.
    pub silent: HashMap<(String, String), Timestamp>,
}

/// How a seed ended.
pub struct Outcome {
    pub broken: Vec<String>,
    pub events: Vec<String>,
    pub digest: String,
    pub tally: Tally,
}

const TICK: i64 = 600;
/// Real time for one pass, which takes milliseconds.
const HANGS: std::time::Duration = std::time::Duration::from_secs(30);

fn box_dir() -> tempfile::TempDir {
    let mut builder = tempfile::Builder::new();
    builder.prefix("renewd-sim-");
    if Path::new("/dev/shm").is_dir() { builder.tempdir_in("/dev/shm") } else { builder.tempdir() }.unwrap()
}

/// Lives through one seed.
pub fn seed(number: u64, days: i64) -> Outcome {
    let dir = box_dir();
    let mut run = Run::new(number, dir.path());
    let end = run.clock.truth() + SignedDuration::from_hours(24 * days);
    while run.clock.truth() < end && run.judge.lock().broken.is_empty() {
        run.step();
    }
    if run.judge.lock().broken.is_empty() {
        run.converge();
    }
    run.payer = None;
    let mut tally = run.judge.lock().tally.clone();
    tally.renewed = run.sites.iter().map(|s| renewed(&s.now().books)).sum();
    let broken = run.judge.lock().broken.clone();
    Outcome { broken, events: run.judge.last_events(), digest: run.judge.digest(), tally }
}

fn renewed(books: &Books) -> u64 {
    let paid = books.entries.iter().filter(|e| matches!(e.what, What::Payment(_)));
    paid.map(|e| e.terms.len() as u64).sum()
}

/// What both accounts share.
struct Parts<'a> {
    clock: &'a Arc<SimClock>,
    fate: &'a Arc<Fate>,
    judge: &'a Arc<Judge>,
    file: &'a Arc<Mutex<rusqlite::Connection>>,
    limiter: Option<SharedLimiter>,
    faulty: u32,
}

impl Parts<'_> {
    fn site(self, number: u64, i: usize, manner: Manner, rng: &mut Rng) -> Site {
        let start = self.clock.truth();
        let account = &self.judge.settings.accounts[i];
        let books = setup::fleet(manner, rng, start, if i == 0 { 140 } else { 60 });
        let tells = [Tells::Always, Tells::Always, Tells::WhileActive, Tells::Never];
        Site {
            account: account.name.clone(),
            manner,
            capabilities: if i == 0 { setup::days() } else { setup::months() },
            clock: Arc::clone(self.clock),
            fate: Arc::clone(self.fate),
            judge: Arc::clone(self.judge),
            limiter: self.limiter.map(Arc::new),
            limit: account.max_requests_per_minute,
            tells: *rng.choice(&tells).unwrap(),
            dated: rng.bool(),
            faulty: self.faulty,
            file: Arc::clone(self.file),
            state: Mutex::new(site::State {
                books,
                rng: Rng::with_seed(number ^ (0x9e37 + i as u64)),
                calm: false,
                down_until: start,
                garbled_until: start,
                money_down_until: start,
                cut_until: start,
                bad_reads: Vec::new(),
                cut: 0,
                promo_until: start + SignedDuration::from_hours(24 * 60),
                prices: 100,
                last_trouble: start,
            }),
        }
    }
}

impl Run {
    fn new(number: u64, dir: &Path) -> Self {
        let mut rng = Rng::with_seed(number);
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let start = start + SignedDuration::from_hours(rng.i64(0..24 * 365));
        let limited = number % 4 == 3;
        let settings = Arc::new(setup::settings(dir, &mut rng, start, limited));
        let clock = Arc::new(SimClock::starting_at(start));
        let fate = Arc::new(Fate::immortal());
        let judge = Arc::new(Judge::new(Arc::clone(&settings), Arc::clone(&clock)));
        std::fs::create_dir(dir.join("mails")).unwrap();
        drop(sqlite::open(dir, Access::Pay).unwrap());
        let file = rusqlite::Connection::open_with_flags(
            dir.join("ledger.db"),
            rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
        );
        let file = Arc::new(Mutex::new(file.unwrap()));
        let faulty = rng.u32(30..=50);
        let mut sites = Vec::new();
        for (i, manner) in [Manner::Days, Manner::Months].into_iter().enumerate() {
            let account = &settings.accounts[i];
            let limiter = limited.then(|| {
                let clock: Arc<dyn renewd::clock::Clock> = Arc::<SimClock>::clone(&clock);
                let most = account.max_requests_per_minute;
                SharedLimiter::new(
                    dir,
                    account.name.clone(),
                    &account.provider,
                    &account.api_key,
                    most,
                    clock,
                )
            });
            let parts = Parts { clock: &clock, fate: &fate, judge: &judge, file: &file, limiter, faulty };
            sites.push(Arc::new(parts.site(number, i, manner, &mut rng)));
        }
        let mut run = Self {
            rng,
            clock,
            fate,
            judge,
            sites,
            settings,
            dir: dir.to_owned(),
            payer: None,
            next_settle: None,
            clock_right_at: None,
            disk_free_at: None,
            smtp_until: start,
            paused_until: None,
            next_day: start,
            calm: false,
            cycles_at: Vec::new(),
            judged: BTreeSet::new(),
            said: BTreeSet::new(),
            silent: HashMap::new(),
        };
        run.open();
        run
    }

    /// A new process: the file is opened again.
    fn open(&mut self) {
        self.payer = None;
        let inner = sqlite::open(&self.dir, Access::Pay).unwrap();
        let ledger: Arc<dyn Ledger> = Arc::new(Witness {
            inner,
            fate: Arc::clone(&self.fate),
            judge: Arc::clone(&self.judge),
            memo: Memo::default(),
        });
        let (mut readers, mut spenders, mut changers) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for site in &self.sites {
            readers
                .insert(site.account.clone(), Arc::<Site>::clone(site) as Arc<dyn renewd::providers::Reader>);
            spenders.insert(
                site.account.clone(),
                Arc::<Site>::clone(site) as Arc<dyn renewd::providers::Spender>,
            );
            changers.insert(
                site.account.clone(),
                Arc::<Site>::clone(site) as Arc<dyn renewd::providers::Changer>,
            );
        }
        let keys = Arc::new(KeyLocks::new(self.dir.join("run"), "simulation".to_owned()));
        let viewer = Viewer {
            settings: Arc::clone(&self.settings),
            ledger,
            clock: Arc::<SimClock>::clone(&self.clock),
            readers,
            stop: CancellationToken::new(),
            beat: Arc::new(|| {}),
        };
        self.payer = Some(Payer { viewer, spenders, changers, keys });
    }

    pub fn ledger(&self) -> Arc<dyn Ledger> {
        Arc::clone(&self.payer.as_ref().unwrap().viewer.ledger)
    }

    /// Runs a piece of the daemon's life; `None`: the process died in it, and a new one was started.
    fn live<T>(&mut self, steps: Option<i64>, piece: impl AsyncFnOnce(Payer) -> T) -> Option<T> {
        self.fate.reborn(steps);
        let payer = self.payer.clone().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let value = runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.fate.death() => None,
                value = tokio::time::timeout(HANGS, piece(payer)) => Some(value),
            }
        });
        drop(runtime);
        let value = value.and_then(|ended| {
            ended.map_err(|_| self.judge.broken(format!("it hangs: no end after {HANGS:?}"))).ok()
        });
        if self.fate.runs_wild() {
            self.judge.broken("it hangs: a pass takes no end of steps".to_owned());
            return None;
        }
        if !self.fate.is_dead() {
            return value;
        }
        self.fate.reborn(None);
        self.judge.fault("crash");
        self.judge.excuse_all();
        self.clock.advance(SignedDuration::from_secs(self.rng.i64(5..1_800)));
        if self.rng.u32(0..4) == 0 {
            self.judge.fault("reboot");
            self.clock.reboot();
        }
        self.open();
        None
    }

    // --- the driver ----------------------------------------------------------------------------------------------------

    fn step(&mut self) {
        let next = self.next_instant();
        let settle = self.next_settle.filter(|at| *at <= next);
        self.clock.advance_to(settle.unwrap_or(next));
        self.the_world_turns();
        // A schedule knows nothing of open payments: some cycles fall among the looks at them.
        if settle.is_some() && (self.calm || self.rng.u32(0..8) > 0) { self.settle() } else { self.cycle() }
    }

    fn cycle(&mut self) {
        let steps = (!self.calm && self.rng.u32(0..100) < 6).then(|| self.rng.i64(1..300));
        self.judge.lock().tally.cycles += 1;
        self.cycles_at.push(self.clock.truth());
        let report = self.live(steps, async |payer: Payer| {
            let report = payer.cycle().await?;
            tell::report(&payer.viewer, &report)?;
            Ok::<CycleReport, renewd::engine::EngineError>(report)
        });
        match report {
            Some(Ok(report)) => {
                self.judge.note(|| {
                    let s = report.summary();
                    format!("cycle: {} paid, {} held, {} unknown", s.paid, s.held, s.unknown)
                });
                oracle::after_cycle(self, &report);
            }
            Some(Err(e)) => {
                self.judge.note(|| format!("cycle failed: {e}"));
                self.judge.excuse_all();
                if !self.judge.disk_is_full() {
                    self.judge.broken(format!("a cycle failed without a cause: {e}"));
                }
            }
            None => {}
        }
        oracle::lapses(self);
        if self.rng.u32(0..4) == 0 {
            self.post();
        }
        self.plan_settle();
    }

    fn settle(&mut self) {
        let steps = (!self.calm && self.rng.u32(0..100) < 3).then(|| self.rng.i64(1..40));
        self.judge.lock().tally.settles += 1;
        let done = self.live(steps, async |payer: Payer| {
            let doubles = payer.settle_pass().await?;
            tell::doubles(&payer.viewer, &doubles)?;
            Ok::<usize, renewd::engine::EngineError>(doubles.len())
        });
        if let Some(Err(e)) = done {
            self.judge.note(|| format!("settling failed: {e}"));
            if !self.judge.disk_is_full() {
                self.judge.broken(format!("a settling pass failed without a cause: {e}"));
            }
        }
        self.plan_settle();
    }

    /// As the daemon does: every third of the lag window while something is open.
    fn plan_settle(&mut self) {
        let open = self
            .judge
            .lock()
            .shadows
            .values()
            .any(|s| matches!(s.state, State::SpendStarted | State::Accepted | State::Unknown));
        self.next_settle = open.then(|| self.clock.truth() + SignedDuration::from_mins(5));
    }

    fn post(&mut self) {
        let down = self.clock.truth() < self.smtp_until;
        let folder = self.dir.join(if down { "nowhere" } else { "mails" });
        let mailer = Mailer::folder(&folder, "renewd@example.org");
        let sent = self.live(None, async |payer: Payer| {
            deliver::with(&payer.viewer, &mailer, if down { Attempt::Due } else { Attempt::All }).await
        });
        if sent.is_some_and(|s| s.is_err()) && !self.judge.disk_is_full() {
            self.judge.broken("mails could not be delivered".to_owned());
        }
    }

    pub fn policy(&self, tag: &str) -> &Policy {
        let name = match tag {
            "go" => "let-go",
            other => other,
        };
        self.settings.policies.iter().find(|p| p.name == name).unwrap()
    }

    /// The policy that wants this lease at its present end.
    pub fn wants(&self, books: &Books, lot: usize) -> Option<&Policy> {
        let l = &books.lots[lot];
        let policy = self.policy(&l.tag);
        let date = l.end().to_zoned(self.settings.timezone.clone()).date();
        (policy.action == Action::Renew && policy.until.is_none_or(|u| date < u)).then_some(policy)
    }

    /// When the next cycle is worth running.
    fn next_instant(&self) -> Timestamp {
        let now = self.clock.truth();
        let minutes = SignedDuration::from_mins;
        let mut next = now + SignedDuration::from_hours(12);
        for site in &self.sites {
            let state = site.now();
            for (i, lot) in state.books.lots.iter().enumerate().filter(|(_, l)| !l.gone) {
                let Some(policy) = self.wants(&state.books, i) else { continue };
                let lost = state.books.lost_at(i);
                let due =
                    if site.manner == Manner::Days { due_at(policy, lost) } else { lot.end() + minutes(5) };
                let at = if due > now {
                    due
                } else if lost <= now {
                    continue;
                } else if lost.duration_since(now) <= minutes(130) {
                    now + minutes(20)
                } else {
                    (now + minutes(720)).min(lost - minutes(120))
                };
                next = next.min(at);
            }
        }
        let seconds = (next.as_second() + TICK - 1).div_euclid(TICK) * TICK;
        Timestamp::from_second(seconds).unwrap().max(now + SignedDuration::from_secs(30))
    }

    // --- the world -----------------------------------------------------------------------------------------------------

    fn the_world_turns(&mut self) {
        let now = self.clock.truth();
        if self.clock_right_at.is_some_and(|at| at <= now) {
            self.clock_right_at = None;
            self.clock.step(-self.clock.ahead());
            self.judge.excuse_all();
        }
        if !self.clock.ahead().is_zero() {
            self.judge.excuse_all();
        }
        if self.disk_free_at.is_some_and(|at| at <= now) {
            self.disk_free_at = None;
            self.judge.free_disk();
        }
        if self.paused_until.is_some_and(|at| at <= now) && self.ledger().set_paused(None, false, now).is_ok()
        {
            self.paused_until = None;
        }
        if self.paused_until.is_some() || self.disk_free_at.is_some() {
            self.judge.excuse_all();
        }
        while self.next_day <= now {
            self.next_day += SignedDuration::from_hours(24);
            self.a_person_looks(now);
        }
        if !self.calm {
            self.bad_luck(now);
        }
    }

    fn chance(&mut self, per_mille: u32) -> bool {
        self.rng.u32(0..1_000) < per_mille
    }

    fn within(&mut self, now: Timestamp, minutes: i64) -> Timestamp {
        now + SignedDuration::from_mins(self.rng.i64(10..=minutes))
    }

    fn bad_luck(&mut self, now: Timestamp) {
        let site = Arc::clone(&self.sites[self.rng.usize(0..2)]);
        if self.chance(25) {
            site.now().down_until = self.within(now, 360);
            self.judge.fault("provider down");
        }
        if self.chance(8) {
            site.now().garbled_until = self.within(now, 120);
            self.judge.fault("list unreadable");
        }
        if self.chance(12) {
            let (until, share) = (self.within(now, 90), self.rng.usize(5..=100));
            let mut state = site.now();
            (state.cut_until, state.cut) = (until, share);
            drop(state);
            self.judge.fault("list cut");
        }
        if self.chance(12) {
            site.now().money_down_until = self.within(now, 600);
            self.judge.fault("payments unreachable");
        }
        if self.chance(4) {
            let (cents, lag) = (self.rng.i64(50..3_000), SignedDuration::from_mins(self.rng.i64(0..15)));
            site.now().books.money(now, -cents, What::Foreign, lag);
            self.judge.fault("foreign spend");
        }
        if self.chance(3) {
            let cents = self.rng.i64(10..300) * 100;
            site.now().books.money(now, cents, What::TopUp, SignedDuration::ZERO);
            self.judge.fault("top-up");
        }
        if self.chance(15) {
            site.now().prices = self.rng.i64(85..=140);
            self.judge.fault("prices change");
        }
        if self.chance(4) {
            site.now().promo_until = self.within(now, 60 * 24 * 20);
        }
        self.bad_machine(now);
    }

    fn bad_machine(&mut self, now: Timestamp) {
        if self.chance(5) && self.clock_right_at.is_none() {
            let by = *self.rng.choice(&[1_440_i64, -1_440, 10, -10, 4, -4]).unwrap();
            self.clock.step(SignedDuration::from_mins(by));
            self.clock_right_at = Some(self.within(now, 600));
            self.judge.fault("clock step");
            self.judge.excuse_all();
        }
        if self.chance(8) {
            let hours = self.rng.i64(1..30);
            self.clock.advance(SignedDuration::from_hours(hours));
            self.judge.fault("suspend");
            self.judge.excuse_all();
        }
        if self.chance(8) {
            self.clock.advance(SignedDuration::from_mins(self.rng.i64(1..20)));
            self.clock.reboot();
            self.judge.fault("reboot");
            self.open();
        }
        if self.chance(10) && self.disk_free_at.is_none() {
            self.disk_free_at = Some(self.within(now, 240));
            let writes = self.rng.u32(0..60);
            self.judge.fill_disk_after(writes);
            self.judge.fault("disk full");
        }
        if self.chance(10) {
            self.smtp_until = self.within(now, 60 * 24 * 2);
            self.judge.fault("mail server down");
        }
        if self.chance(4) && self.paused_until.is_none() && self.ledger().set_paused(None, true, now).is_ok()
        {
            self.paused_until = Some(self.within(now, 60 * 20));
        }
    }

    /// Once a day somebody reads the mails.
    fn a_person_looks(&mut self, now: Timestamp) {
        for site in self.sites.clone() {
            let mut state = site.now();
            let due: i64 = state.books.lots.iter().filter(|l| !l.gone).map(|l| l.cents).sum();
            if state.books.balance() < due / 30 && (self.calm || self.rng.bool()) {
                state.books.money(now, due / 4, What::TopUp, SignedDuration::ZERO);
                drop(state);
                self.judge.fault("top-up");
                state = site.now();
            }
            let living = state.books.lots.iter().filter(|l| !l.gone).count();
            if !self.calm && living < if site.manner == Manner::Days { 100 } else { 40 } {
                for _ in 0..5 {
                    let end = now + SignedDuration::from_hours(self.rng.i64(24 * 5..24 * 30));
                    setup::rent(&mut state.books, &mut self.rng, now, end);
                }
                let cost = self.rng.i64(500..2_000);
                state.books.money(now, -cost, What::Foreign, SignedDuration::ZERO);
            }
        }
        self.resolve_old(now);
        self.look_at_charges();
    }

    /// And of one who reads that a charge was not what its quote said.
    fn look_at_charges(&mut self) {
        let held = self.payer.as_ref().unwrap().viewer.overcharged().unwrap();
        for one in held {
            let id = one.intent.to_string();
            let state = self.judge.lock().shadows[&id].state;
            let site = self.sites.iter().find(|s| s.account == one.account).unwrap();
            let cost = oracle::truth(&self.judge, site, &id);
            if !matches!(state, State::Confirmed | State::NeedsOperator) || cost == 0 {
                continue;
            }
            let detail = EventDetail {
                charged: Some(money(cost)),
                measured: Some(renewd::domain::Measured::Word),
                evidence: Some("an operator looked".to_owned()),
                ..EventDetail::default()
            };
            let at = renewd::clock::Clock::now(self.clock.as_ref());
            let _ = self.ledger().append(&one.intent, state, Event::OperatorCharged, &detail, &at);
        }
    }

    /// The word of a person who looked at the provider's books, a day later.
    fn resolve_old(&mut self, now: Timestamp) {
        let day = SignedDuration::from_hours(20);
        let open: Vec<(String, String)> = {
            let inner = self.judge.lock();
            let old = inner
                .shadows
                .iter()
                .filter(|(_, s)| s.state == State::NeedsOperator && now.duration_since(s.state_since) >= day);
            old.map(|(id, s)| (id.clone(), s.account.clone())).collect()
        };
        for (id, account) in open {
            let site = self.sites.iter().find(|s| s.account.as_str() == account).unwrap();
            let charged = oracle::truth(&self.judge, site, &id);
            let event = if charged > 0 { Event::OperatorCharged } else { Event::OperatorNotCharged };
            let detail = EventDetail {
                charged: (charged > 0).then(|| money(charged)),
                evidence: Some("an operator looked".to_owned()),
                ..EventDetail::default()
            };
            let at = renewd::clock::Clock::now(self.clock.as_ref());
            let _ = self.ledger().append(&id.as_str().into(), State::NeedsOperator, event, &detail, &at);
        }
    }

    /// Faults stop; what is still under way lands; two cycles and the settling windows later everything is at rest.
    fn converge(&mut self) {
        self.calm = true;
        // Nothing dies any more, of steps that were left over either.
        self.fate.reborn(None);
        let now = self.clock.truth();
        self.clock.step(-self.clock.ahead());
        self.clock_right_at = None;
        self.judge.free_disk();
        self.disk_free_at = None;
        self.smtp_until = now;
        self.paused_until = None;
        self.ledger().set_paused(None, false, now).unwrap();
        for site in &self.sites {
            let mut state = site.now();
            state.calm = true;
            (state.down_until, state.garbled_until, state.money_down_until, state.cut_until) =
                (now, now, now, now);
        }
        self.judge.note(|| "faults stop".to_owned());
        self.judge.excuse_all();
        let landed = now + SignedDuration::from_hours(48);
        while self.clock.truth() < landed && self.judge.lock().broken.is_empty() {
            self.step();
        }
        self.cycle();
        for _ in 0..16 {
            self.clock.advance(SignedDuration::from_mins(5));
            self.settle();
        }
        self.cycle();
        for _ in 0..3 {
            self.clock.advance(SignedDuration::from_mins(6));
            self.settle();
        }
        self.post();
        oracle::listen(self);
        oracle::at_rest(self);
        oracle::secrets(self, &self.dir);
    }

    pub fn site(&self, account: &AccountName) -> &Arc<Site> {
        self.sites.iter().find(|s| &s.account == account).unwrap()
    }
}
