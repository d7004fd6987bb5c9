//! One seed: ninety virtual days of the real engine, jumping from one interesting instant to the next, with a machine, two
//! providers and a person who all have bad days.
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use renewd::alerts::{deliver, tell};
use renewd::clock::Clock;
use renewd::domain::{AccountName, Event, IntentId, State};
use renewd::engine::{CycleReport, Payer, Viewer};
use renewd::keylock::KeyLocks;
use renewd::ledger::sqlite::{self, Access};
use renewd::ledger::{EventDetail, Ledger, PauseRecord};
use renewd::notify::{Attempt, Mailer};
use renewd::policy::{Action, Policy, due_at};
use renewd::providers::limiter::SharedLimiter;
use renewd::settings::Settings;
use tokio_util::sync::CancellationToken;

use crate::approvals::Answers;
use crate::books::{Books, Manner, What};
use crate::far::Far;
use crate::judge::{Judge, Shadow, Tally, first_name};
use crate::oracle;
use crate::setup;
use crate::site::{self, Site, Tells, money};
use crate::through::{Through, through};
use crate::time::{Fate, SimClock};
use crate::vendors::Vendor;
use crate::witness::{Memo, Witness};

/// What a seed is made of.
pub struct Run {
    pub rng: Rng,
    pub clock: Arc<SimClock>,
    pub fate: Arc<Fate>,
    pub judge: Arc<Judge>,
    pub sites: Vec<Arc<Site>>,
    /// With the names that the oracle knows.
    pub settings: Arc<Settings>,
    /// With the names of today.
    live: Arc<Settings>,
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
    /// Some policies ask for approval.
    pub asks: bool,
    /// What the operator is going to say.
    pub answers: Answers,
    /// Draws what concerns vendors behind adapters, and the operator: seeds without them are what they were.
    pub far: Rng,
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
    Outcome { broken, events: run.judge.telling_events(), digest: run.judge.digest(), tally }
}

fn renewed(books: &Books) -> u64 {
    let paid = books.entries.iter().filter(|e| matches!(e.what, What::Payment(_)));
    paid.map(|e| e.terms.len() as u64).sum()
}

/// What all accounts share.
type Shared<'a> = (&'a Arc<SimClock>, &'a Arc<Fate>, &'a Arc<Judge>, &'a Arc<Mutex<rusqlite::Connection>>);

/// What makes one of them.
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
            name: Mutex::new(account.name.clone()),
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
                good_reads: Vec::new(),
                cut: 0,
                promo_until: start + SignedDuration::from_hours(24 * 60),
                prices: 100,
                last_trouble: start,
            }),
            vendor: None,
        }
    }

    /// An account behind the product's own adapter.
    fn behind(self, number: u64, i: usize, (vendor, books): (Vendor, Books)) -> Site {
        let capabilities =
            renewd::providers::capabilities(&self.judge.settings.accounts[i].provider).unwrap();
        let near = self.site(number, i, Manner::Days, &mut Rng::with_seed(number));
        let state = near.state.into_inner().unwrap();
        Site {
            capabilities,
            tells: Tells::Always,
            dated: true,
            state: Mutex::new(site::State { books, ..state }),
            vendor: Some(vendor),
            ..near
        }
    }
}

impl Run {
    fn new(number: u64, dir: &Path) -> Self {
        let mut rng = Rng::with_seed(number);
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let start = start + SignedDuration::from_hours(rng.i64(0..24 * 365));
        let limited = number % 4 == 3;
        let clock = Arc::new(SimClock::starting_at(start));
        let mut far = Far::draw(number, &clock);
        let settings = Arc::new(setup::settings(dir, &mut rng, start, limited, &mut far));
        let fate = Arc::new(Fate::immortal());
        let judge = Arc::new(Judge::new(Arc::clone(&settings), Arc::clone(&clock)));
        std::fs::create_dir(dir.join("mails")).unwrap();
        drop(sqlite::open(dir, Access::Pay).unwrap());
        let file = rusqlite::Connection::open_with_flags(
            dir.join("ledger.db"),
            rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
        );
        let file = Arc::new(Mutex::new(file.unwrap()));
        let shared = (&clock, &fate, &judge, &file);
        let sites = Self::sites(dir, (number, limited), shared, (&mut rng, &mut far));
        let mut run = Self {
            rng,
            clock,
            fate,
            judge,
            sites,
            live: Arc::clone(&settings),
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
            asks: far.asks,
            answers: Answers::new(),
            far: far.rng,
        };
        run.judge.let_stall(Some(number));
        run.open();
        run
    }

    /// The accounts, and what each is made of.
    fn sites(
        dir: &Path,
        (number, limited): (u64, bool),
        (clock, fate, judge, file): Shared<'_>,
        (rng, far): (&mut Rng, &mut Far),
    ) -> Vec<Arc<Site>> {
        let faulty = rng.u32(30..=50);
        let mut sites = Vec::new();
        for (i, manner) in [Manner::Days, Manner::Months].into_iter().enumerate() {
            let account = &judge.settings.accounts[i];
            let limiter = limited.then(|| {
                let clock: Arc<dyn renewd::clock::Clock> = Arc::<SimClock>::clone(clock);
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
            let parts = Parts { clock, fate, judge, file, limiter, faulty };
            sites.push(Arc::new(parts.site(number, i, manner, rng)));
        }
        for (i, (vendor, books)) in far.vendors.drain(..).enumerate() {
            let parts = Parts { clock, fate, judge, file, limiter: None, faulty };
            sites.push(Arc::new(parts.behind(number, 2 + i, (vendor, books))));
        }
        sites
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
            if site.vendor.is_some() {
                let through = through(site, &self.live);
                readers.insert(
                    site.name(),
                    Arc::<Through>::clone(&through) as Arc<dyn renewd::providers::Reader>,
                );
                spenders.insert(
                    site.name(),
                    Arc::<Through>::clone(&through) as Arc<dyn renewd::providers::Spender>,
                );
                changers.insert(site.name(), through as Arc<dyn renewd::providers::Changer>);
                continue;
            }
            readers.insert(site.name(), Arc::<Site>::clone(site) as Arc<dyn renewd::providers::Reader>);
            spenders.insert(site.name(), Arc::<Site>::clone(site) as Arc<dyn renewd::providers::Spender>);
            changers.insert(site.name(), Arc::<Site>::clone(site) as Arc<dyn renewd::providers::Changer>);
        }
        let keys = Arc::new(KeyLocks::new(self.dir.join("run"), "simulation".to_owned()));
        let viewer = Viewer {
            settings: Arc::clone(&self.live),
            ledger,
            clock: Arc::<SimClock>::clone(&self.clock),
            readers,
            tenure: Arc::new(renewd::ledger::Tenure::alone()),
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
        let began = self.clock.truth();
        self.cycles_at.push(began);
        let report = self.live(steps, async |payer: Payer| {
            let report = payer.cycle().await?;
            tell::report(&payer.viewer, &report)?;
            Ok::<CycleReport, renewd::engine::EngineError>(report)
        });
        if !matches!(report, Some(Ok(_))) {
            self.lost_its_readings(began);
        }
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

    /// A pass that ended in the middle kept nothing, or not all, of what it had read.
    fn lost_its_readings(&self, began: Timestamp) {
        for site in &self.sites {
            site.now().good_reads.retain(|at| *at < began);
        }
    }

    fn settle(&mut self) {
        let steps = (!self.calm && self.rng.u32(0..100) < 3).then(|| self.rng.i64(1..40));
        self.judge.lock().tally.settles += 1;
        let began = self.clock.truth();
        let done = self.live(steps, async |payer: Payer| {
            let doubles = payer.settle_pass().await?;
            tell::doubles(&payer.viewer, &doubles)?;
            Ok::<usize, renewd::engine::EngineError>(doubles.len())
        });
        if !matches!(done, Some(Ok(_))) {
            self.lost_its_readings(began);
        }
        if let Some(Err(e)) = done {
            self.judge.note(|| format!("settling failed: {e}"));
            if !self.judge.disk_is_full() {
                self.judge.broken(format!("a settling pass failed without a cause: {e}"));
            }
        }
        self.plan_settle();
    }

    /// As the daemon does: every third of the lag window while something is open, or its cost was not seen yet.
    fn plan_settle(&mut self) {
        let now = self.clock.truth();
        // The first reading after the lag window shows all.
        let fresh = self.judge.settings.timing.lag_window + SignedDuration::from_mins(8);
        let unmeasured = |s: &Shadow| {
            let young = s.spent.is_some_and(|at| now.duration_since(at) <= fresh);
            s.state == State::Confirmed && s.unseen && !s.theirs && young
        };
        let open = self.judge.lock().shadows.values().any(|s| {
            matches!(s.state, State::SpendStarted | State::Accepted | State::Unknown) || unmeasured(s)
        });
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

    /// The policy of a lease as renewd names it: by its tag, or where leases have none as the books have it.
    pub fn policy_of(&self, lease: &renewd::domain::Lease) -> &Policy {
        if let Some(tag) = lease.tag.as_deref() {
            return self.policy(tag);
        }
        let state = self.site(&lease.account).now();
        let tag = state.books.lots.iter().find(|l| l.ip == lease.ip).unwrap().tag.clone();
        drop(state);
        self.policy(&tag)
    }

    /// The policy that wants this lease at its present end.
    pub fn wants(&self, books: &Books, lot: usize) -> Option<&Policy> {
        let l = &books.lots[lot];
        let policy = self.policy(&l.tag);
        (policy.action == Action::Renew && !policy.is_past_until(l.end())).then_some(policy)
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
                let due = if site.manner == Manner::Days {
                    due_at(policy, &lot.order, lost)
                } else {
                    lot.end() + minutes(5)
                };
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
        next = self.next_answer().filter(|at| *at > now).map_or(next, |at| next.min(at));
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
        if self.paused_until.is_some_and(|at| at <= now) && self.ledger().resume(None).is_ok() {
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
            self.bad_luck_at_vendors(now);
        }
        self.the_operator_answers(now);
    }

    /// What the machine's wall clock shows.
    pub fn wall(&self) -> Timestamp {
        self.clock.now().wall
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
        if self.chance(3) {
            self.rename();
        }
        if self.chance(10) {
            self.smtp_until = self.within(now, 60 * 24 * 2);
            self.judge.fault("mail server down");
        }
        if self.chance(4)
            && self.paused_until.is_none()
            && self.ledger().pause(&PauseRecord::since(None, now), &self.clock.now()).is_ok()
        {
            self.paused_until = Some(self.within(now, 60 * 20));
        }
    }

    /// An administrator gives accounts, policies and budgets other names, and starts renewd again.
    fn rename(&mut self) {
        let what = [self.rng.bool(), self.rng.bool(), self.rng.bool()];
        let live = setup::renamed(&self.dir, what, &self.live, &mut self.rng);
        for (site, account) in self.sites.iter().zip(&live.accounts) {
            *site.name.lock().unwrap() = account.name.clone();
        }
        self.live = Arc::new(live);
        self.judge.fault("rename");
        self.open();
    }

    /// Once a day somebody reads the mails.
    fn a_person_looks(&mut self, now: Timestamp) {
        for site in self.sites.clone() {
            let mut state = site.now();
            let due: i64 = state.books.lots.iter().filter(|l| !l.gone).map(|l| l.cents).sum();
            if state.books.balance() < due / 30 && (self.calm || self.rng.bool()) {
                drop(state);
                site.moves(due / 4, SignedDuration::ZERO);
                self.judge.fault("top-up");
                state = site.now();
            }
            let living = state.books.lots.iter().filter(|l| !l.gone).count();
            if let Some(vendor) = &site.vendor {
                if !self.calm && living < 30 {
                    let end = now + SignedDuration::from_hours(self.far.i64(24 * 5..24 * 30));
                    vendor.rent(&mut state.books, &mut self.far, (now, end), self.asks);
                }
                continue;
            }
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
            let site = self.sites.iter().find(|s| s.name() == one.account).unwrap();
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
            self.say(&one.intent, Event::OperatorCharged, &detail);
        }
    }

    /// As `renewd resolve` does.
    fn say(&self, id: &IntentId, event: Event, detail: &EventDetail) {
        let now = renewd::clock::Clock::now(self.clock.as_ref());
        let ledger = self.ledger();
        let before = ledger.intent(id).unwrap();
        let timing = &self.judge.settings.timing;
        let _full_disk = renewd::engine::say(ledger.as_ref(), timing, &before, (event, detail), &now);
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
            self.say(&id.as_str().into(), event, &detail);
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
        self.ledger().resume(None).unwrap();
        for site in &self.sites {
            let mut state = site.now();
            state.calm = true;
            (state.down_until, state.garbled_until, state.money_down_until, state.cut_until) =
                (now, now, now, now);
        }
        self.judge.let_stall(None);
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
        self.sites.iter().find(|s| first_name(account.as_str()) == s.account.as_str()).unwrap()
    }
}
