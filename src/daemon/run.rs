//! The loop of `renewd run`: one task that waits for what comes first and does one thing at a time.
//!
//! Cron ticks come as a poke each second; whether a cycle is due is asked of the wall clock then, so that sleep, migration
//! and clock changes cannot stop it. The end of the loop is the end of the process: nothing here may die in silence.
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio_cron_scheduler::{Job, JobScheduler};

use crate::daemon::{
    deliver, digest, headline, notify_socket::Beacon, schedule, shots, tell, watch, web::Web, wire,
};
use crate::documents::LedgerTrouble;
use crate::domain::State;
use crate::engine::alerts::cycles_missed;
use crate::engine::{CycleReport, EngineError, Payer};
use crate::ledger::{IntentFilter, LedgerError};
use crate::notify::Heart;
use crate::redact::Redactor;
use crate::settings::{Account, Problem, Settings};

/// How settings are read again on SIGHUP.
pub type Reload = Arc<dyn Fn() -> Result<(Settings, Redactor), Vec<Problem>> + Send + Sync>;

/// What the rest of the process may look at while the loop runs.
#[derive(Default)]
pub struct Shared {
    /// The newest cycle's report.
    pub report: RwLock<Option<CycleReport>>,
    /// Why the ledger cannot be written, and since when; `None` while it can.
    pub ledger: Mutex<Option<LedgerTrouble>>,
    /// Where the loop stands, for the watch over it.
    pub pulse: Mutex<watch::Pulse>,
}

/// The loop's parts.
pub struct Daemon {
    payer: Payer,
    reload: Reload,
    beacon: Beacon,
    shared: Arc<Shared>,
    /// Start of the newest cycle that was due; cron is asked for what comes after it.
    last_due: Option<Timestamp>,
    seed: String,
    /// One per channel of the outbox, and the watch over the loop.
    beside: Vec<tokio::task::JoinHandle<()>>,
    heart: Option<Heart>,
    /// Boot milliseconds from which on it is asked again whether a digest is due.
    digest_at: i64,
    web: Option<Web>,
    /// Boot milliseconds from which on the status line is told anew.
    line_at: i64,
}

/// Milliseconds between two status lines, cycles apart: alerts come and go between cycles too.
const LINE_EVERY: i64 = 60_000;

/// The note of the newest start that was due; only a daemon writes it.
pub(super) const LAST_DUE: &str = "schedule.last_due";
/// Milliseconds between two looks at whether a digest is due.
const DIGEST_EVERY: i64 = 60_000;

/// Why the loop ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The scheduler could not be started.
    #[error("the scheduler could not be started: {0}")]
    Scheduler(String),
}

impl Daemon {
    /// Puts the loop together; nothing runs yet.
    #[must_use]
    pub fn new(mut payer: Payer, reload: Reload, beacon: Beacon, shared: Arc<Shared>) -> Self {
        let beat = beacon.clone();
        payer.viewer.beat = Arc::new(move || beat.beat());
        let last_due = payer.viewer.ledger.noted(LAST_DUE).ok().flatten().and_then(|t| t.parse().ok());
        let seed = format!("{}", payer.viewer.clock.now().wall);
        Self {
            payer,
            reload,
            beacon,
            shared,
            last_due,
            seed,
            beside: Vec::new(),
            heart: None,
            digest_at: i64::MIN,
            web: None,
            line_at: i64::MIN,
        }
    }

    /// Runs until `stop` of its viewer is cancelled; each `reload` is a wish to read the config again. A payment in flight is
    /// awaited; nothing new is begun. Page and readiness stand before the first mail or request.
    ///
    /// # Errors
    /// Only what stops it from starting.
    pub async fn run(mut self, reload: Arc<Notify>) -> Result<(), RunError> {
        let poke = Arc::new(Notify::new());
        let mut ticks = ticker(Arc::clone(&poke)).await?;
        let stop = self.payer.viewer.stop.clone();
        let (stopping, beacon) = (stop.clone(), self.beacon.clone());
        tokio::spawn(async move {
            stopping.cancelled().await;
            beacon.stopping();
        });
        self.web = Some(Web::start(&self.payer.viewer, &self.beacon, &self.shared).await);
        self.beacon.ready();
        self.beacon.spawn_watchdog();
        self.say_line();
        self.start_beside();
        self.heart = Some(Heart::start());
        // The config was just taken: what was refused before is over.
        if let Err(e) = tell::config(&self.payer.viewer, None) {
            tracing::error!("{e}");
        }
        let mut settle_at: Option<i64> = None;
        while !stop.is_cancelled() {
            self.beacon.beat();
            tokio::select! {
                () = stop.cancelled() => break,
                () = reload.notified() => self.reload(),
                () = poke.notified() => self.tick(&mut settle_at).await,
            }
        }
        self.stop_beside();
        let web = self.web.take();
        let page = async {
            if let Some(web) = web {
                web.ended().await;
            }
        };
        tokio::join!(deliver::last_words(&self.payer.viewer), page, async {
            let _ = ticks.shutdown().await;
        });
        Ok(())
    }

    /// The status line as of now, made beside the loop: it reads the ledger.
    fn say_line(&mut self) {
        self.line_at = self.payer.viewer.clock.now().boot_ms.saturating_add(LINE_EVERY);
        let (viewer, beacon) = (self.payer.viewer.clone(), self.beacon.clone());
        let trouble = self.shared.ledger.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if Beacon::is_heard() && !trouble {
            tokio::task::spawn_blocking(move || beacon.status(&headline::of(&viewer)));
        }
    }

    /// Messages go out on their own, so that a long cycle and a slow server never wait for each other.
    fn start_beside(&mut self) {
        self.beside = deliver::spawn(&self.payer.viewer);
        self.beside.push(watch::spawn(self.payer.viewer.clone(), Arc::clone(&self.shared)));
    }

    /// A send that is cut off is repeated: at least once.
    fn stop_beside(&mut self) {
        self.beside.drain(..).for_each(|task| task.abort());
    }

    fn pulse(&self, running: bool) {
        let began = running.then(|| self.payer.viewer.clock.now());
        let pulse = watch::Pulse { running: began, last_due: self.last_due };
        *self.shared.pulse.lock().unwrap_or_else(PoisonError::into_inner) = pulse;
    }

    async fn tick(&mut self, settle_at: &mut Option<i64>) {
        let now = self.payer.viewer.clock.now();
        if let Some(start) = self.due(now.wall) {
            let before = self.last_due;
            self.cycle(start).await;
            self.pulse(false);
            self.tell_missed(before, start);
            *settle_at = self.next_settle();
        } else if settle_at.is_none() {
            *settle_at = self.next_settle();
        } else if settle_at.is_some_and(|at| now.boot_ms >= at) {
            if let Err(e) = self.settle().await {
                self.trouble(&e).await;
            }
            *settle_at = self.next_settle();
        }
        if now.boot_ms >= self.digest_at {
            self.digest_at = now.boot_ms.saturating_add(DIGEST_EVERY);
            // A ledger that cannot be used is told by the cycle, with all that belongs to it.
            if let Err(e) = digest::if_due(&self.payer.viewer) {
                tracing::error!("{e}");
            }
        }
        if now.boot_ms >= self.line_at {
            self.say_line();
        }
    }

    /// The start that is due by now, if one is: the newest since `last_due`. The first one ever is due at once.
    fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let settings = &self.payer.viewer.settings;
        let cron = schedule::parse(&settings.schedule.cycle).ok()?;
        // A clock set back must not keep cycles away until it has caught up.
        let Some(last) = self.last_due.filter(|last| *last <= now) else { return Some(now) };
        schedule::next(&cron, &settings.timezone, last).filter(|next| *next <= now).map(|_| now)
    }

    /// A start that came much too late is told after the fact: renewd, or its machine, was stopped in between.
    fn tell_missed(&self, before: Option<Timestamp>, start: Timestamp) {
        let viewer = &self.payer.viewer;
        let (cycle, zone) = (&viewer.settings.schedule.cycle, &viewer.settings.timezone);
        let missed = before.and_then(|before| {
            let due = schedule::next(&schedule::parse(cycle).ok()?, zone, before)?;
            cycles_missed(due, start, watch::interval(cycle, zone, before)?)
        });
        if let Err(e) = tell::facts(viewer, missed.as_slice()) {
            tracing::error!("{e}");
        }
    }

    async fn cycle(&mut self, start: Timestamp) {
        let viewer = &self.payer.viewer;
        let first = self.last_due.is_none();
        self.last_due = Some(start);
        let wait = schedule::delay(viewer.settings.schedule.jitter, start, &self.seed);
        if !first && !wait.is_zero() {
            tokio::select! {
                () = viewer.clock.sleep(wait) => {}
                () = viewer.stop.cancelled() => return,
            }
        }
        self.pulse(true);
        let ledger = viewer.ledger.as_ref();
        let outcome = match ledger.note(LAST_DUE, &start.to_string()).and_then(|()| shots::daemon(ledger)) {
            Ok(()) => self.payer.cycle().await,
            Err(e) => Err(e.into()),
        };
        if let Ok(report) = &outcome
            && report.stopped
        {
            return;
        }
        match outcome.map(|report| (tell::report(&self.payer.viewer, &report), report)) {
            Ok((Ok(()), report)) => {
                let s = report.summary();
                tracing::info!(
                    outcome = s.outcome,
                    paid = s.paid,
                    held = s.held,
                    unknown = s.unknown,
                    "cycle done"
                );
                *self.shared.ledger.lock().unwrap_or_else(PoisonError::into_inner) = None;
                self.say_line();
                deliver::ledger_good(&self.payer.viewer);
                self.heartbeat(report.accounts.iter().all(crate::engine::AccountReport::reachable));
                *self.shared.report.write().unwrap_or_else(PoisonError::into_inner) = Some(report);
            }
            Ok((Err(e), _)) => self.trouble(&e.into()).await,
            Err(e) => self.trouble(&e).await,
        }
    }

    async fn settle(&self) -> Result<(), EngineError> {
        let viewer = &self.payer.viewer;
        let doubles = self.payer.settle_pass().await?;
        Ok(tell::doubles(viewer, &doubles)?)
    }

    /// Boot milliseconds of the next settling read, while something is unsettled.
    fn next_settle(&self) -> Option<i64> {
        let viewer = &self.payer.viewer;
        let states = vec![State::SpendStarted, State::Accepted, State::Unknown];
        let open = viewer.ledger.intents(&IntentFilter { states, ..IntentFilter::default() }).ok()?;
        if open.is_empty() && viewer.unmeasured().ok()?.is_empty() {
            return None;
        }
        let timing = &viewer.settings.timing;
        let reads = i32::try_from(timing.settle_reads).unwrap_or(i32::MAX).max(1);
        let apart = timing.lag_window.checked_div(reads).unwrap_or(SignedDuration::from_secs(1));
        Some(
            viewer
                .clock
                .now()
                .boot_ms
                .saturating_add(i64::try_from(apart.as_millis()).unwrap_or(i64::MAX).max(100)),
        )
    }

    async fn trouble(&self, error: &EngineError) {
        let EngineError::Ledger(error) = error;
        let now = self.payer.viewer.clock.now().wall;
        // The page and the probes know it before anybody is told: telling takes a mail server's time.
        if error.is_outage() {
            let mut known = self.shared.ledger.lock().unwrap_or_else(PoisonError::into_inner);
            LedgerTrouble::goes_on(&mut known, error.brief(), now);
        }
        self.beacon.status("the ledger cannot be used: payments stop");
        deliver::ledger_trouble_beside(&self.payer.viewer, error);
        self.heartbeat(false);
    }

    fn heartbeat(&self, good: bool) {
        if let (Some(heart), Some(url)) = (&self.heart, &self.payer.viewer.settings.alerts.heartbeat) {
            heart.beat(url, good);
        }
    }

    /// A bad config keeps the old one, and says so by mail.
    fn reload(&mut self) {
        self.beacon.reloading();
        let told = match (self.reload)() {
            Ok((settings, redactor)) => self.adopt(settings, redactor),
            Err(problems) => {
                let text: Vec<String> = problems.iter().map(problem_line).collect();
                text.iter().for_each(|line| tracing::error!("{line}"));
                self.say_reload(Some(&text.join("\n")))
            }
        };
        if let Err(e) = told {
            tracing::error!("{e}");
        }
        self.beacon.ready();
    }

    fn adopt(&mut self, settings: Settings, redactor: Redactor) -> Result<(), LedgerError> {
        let old = &self.payer.viewer;
        if settings.state_dir != old.settings.state_dir {
            let text = "state_dir changed: that needs a restart; the old config stays in force";
            tracing::error!("{text}");
            return self.say_reload(Some(text));
        }
        if settings.runtime_dir != self.payer.keys.folder() {
            let text = "runtime_dir changed: that needs a restart; the old config stays in force";
            tracing::error!("{text}");
            return self.say_reload(Some(text));
        }
        let (ledger, clock, stop, beat) =
            (Arc::clone(&old.ledger), Arc::clone(&old.clock), old.stop.clone(), Arc::clone(&old.beat));
        let built = wire::viewer(Arc::new(settings), ledger, clock, &redactor).and_then(|mut viewer| {
            viewer.stop = stop;
            viewer.beat = beat;
            wire::payer(viewer, &redactor)
        });
        match built {
            Ok(mut payer) => {
                // What is locked stays locked: nobody else pays in between.
                payer.keys = Arc::clone(&self.payer.keys);
                let locks: Vec<String> =
                    payer.viewer.settings.accounts.iter().map(Account::lock_name).collect();
                payer.keys.keep(&locks);
                self.payer = payer;
                self.stop_beside();
                self.start_beside();
                if let Some(web) = &mut self.web {
                    web.adopt(&self.payer.viewer);
                }
                tracing::info!("the config was read again");
                self.say_reload(None)
            }
            Err(e) => self.say_reload(Some(&e.to_string())),
        }
    }

    fn say_reload(&self, problem: Option<&str>) -> Result<(), LedgerError> {
        tell::config(&self.payer.viewer, problem)
    }
}

/// `file:line: key: message`; without the parts that there are none of.
#[must_use]
pub fn problem_line(p: &Problem) -> String {
    let line = p.line.map(|n| format!(":{n}")).unwrap_or_default();
    let key = if p.key.is_empty() { String::new() } else { format!("{}: ", p.key) };
    format!("{}{line}: {key}{}", p.file, p.message)
}

/// A UTC job that pokes the loop each second: the scheduler is only a tick.
async fn ticker(poke: Arc<Notify>) -> Result<JobScheduler, RunError> {
    let fail = |e: tokio_cron_scheduler::JobSchedulerError| RunError::Scheduler(e.to_string());
    let scheduler = JobScheduler::new().await.map_err(fail)?;
    let job = Job::new_async("* * * * * *", move |_, _| {
        let poke = Arc::clone(&poke);
        Box::pin(async move { poke.notify_one() })
    })
    .map_err(fail)?;
    scheduler.add(job).await.map_err(fail)?;
    scheduler.start().await.map_err(fail)?;
    Ok(scheduler)
}
