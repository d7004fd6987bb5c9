//! The loop of `renewd run`: one task that waits for what comes first and does one thing at a time.
//!
//! It waits for the next instant at which something falls due, and looks every few seconds all the same: whether a cycle is due is
//! asked of the wall clock then, so that sleep, migration and clock changes cannot stop it. The end of the loop is the end of the
//! process: nothing here may die in silence.
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::alerts::rules::cycles_missed;
use crate::alerts::{deliver, digest, headline, hooks, tell};
use crate::daemon::error::RunError;
use crate::daemon::node::Node;
use crate::daemon::reload::{Fresh, Listener, Reload};
use crate::daemon::shared::{Pulse, Shared};
use crate::daemon::shots::LAST_DUE;
use crate::daemon::systemd::Beacon;
use crate::daemon::web::Web;
use crate::daemon::{minutes, shots, verify, watch};
use crate::domain::State;
use crate::engine::{EngineError, Payer};
use crate::ledger::{IntentFilter, Ledger, LedgerError};
use crate::notify::Heart;
use crate::schedule;
use crate::settings::Account;
use crate::views::LedgerTrouble;

/// The loop's parts.
pub struct Daemon {
    pub(super) payer: Payer,
    reload: Reload,
    /// A config that was read again and waits to be taken.
    fresh: Arc<Fresh>,
    pub(super) beacon: Beacon,
    pub(super) shared: Arc<Shared>,
    /// Start of the newest cycle that was due; cron is asked for what comes after it.
    pub(super) last_due: Option<Timestamp>,
    seed: String,
    /// One per channel of the outbox, one per hook, and the watch over the loop.
    beside: Vec<tokio::task::JoinHandle<()>>,
    pub(super) heart: Option<Heart>,
    /// Boot milliseconds from which on it is asked again whether a digest is due.
    digest_at: i64,
    web: Option<Web>,
    /// Boot milliseconds from which on the status line is told anew.
    line_at: i64,
    /// This node, where the ledger has several.
    pub(super) node: Option<Arc<Node>>,
    /// What ends the process; what a pass is stopped by may come sooner, with the pay lease.
    pub(super) stop: CancellationToken,
    /// The epoch of the pay lease under which this acts; `None`: it stands by.
    pub(super) acting: Option<i64>,
    /// When people were last told that nobody pays.
    pub(super) nobody_told: Option<i64>,
}

/// Milliseconds between two status lines, cycles apart: alerts come and go between cycles too.
const LINE_EVERY: i64 = 60_000;

/// The longest wait between two looks at what is due: a clock that is set is seen so soon.
const TICK: Duration = Duration::from_secs(5);
/// The shortest wait between two looks at what is due.
const SHORTEST: Duration = Duration::from_millis(20);

/// Milliseconds between two looks at whether a digest is due.
const DIGEST_EVERY: i64 = 60_000;

impl Daemon {
    /// Puts the loop together; nothing runs yet.
    #[must_use]
    pub fn new(mut payer: Payer, reload: Reload, beacon: Beacon, shared: Arc<Shared>) -> Self {
        let beat = beacon.clone();
        payer.viewer.beat = Arc::new(move || beat.beat());
        let last_due = last_due(payer.viewer.ledger.as_ref());
        let stop = payer.viewer.stop.clone();
        let seed = format!("{}", payer.viewer.clock.now().wall);
        Self {
            payer,
            reload,
            fresh: Arc::default(),
            beacon,
            shared,
            last_due,
            seed,
            beside: Vec::new(),
            heart: None,
            digest_at: i64::MIN,
            web: None,
            line_at: i64::MIN,
            node: None,
            stop,
            acting: None,
            nobody_told: None,
        }
    }

    /// One of several on its ledger: it pays while it holds the pay lease, and stands by else.
    #[must_use]
    pub fn beside_others(mut self, node: Arc<Node>) -> Self {
        self.shared.node.set(Arc::clone(&node)).ok();
        self.node = Some(node);
        self
    }

    /// Runs until `stop` of its viewer is cancelled; each `reload` is a wish to read the config again. A payment in flight is
    /// awaited; nothing new is begun. Page and readiness stand before the first mail or request.
    ///
    /// # Errors
    /// Only what stops it from starting.
    pub async fn run(mut self, reload: Arc<Notify>) -> Result<(), RunError> {
        let poke = Arc::new(Notify::new());
        let ticks =
            minutes::ticker(Arc::clone(&poke)).await.map_err(|e| RunError::Scheduler(e.to_string()))?;
        let stop = self.stop.clone();
        let (stopping, beacon) = (stop.clone(), self.beacon.clone());
        tokio::spawn(async move {
            stopping.cancelled().await;
            beacon.stopping();
        });
        self.web = Some(Web::start(&self.payer.viewer, &self.beacon, &self.shared).await);
        self.beacon.ready();
        self.beacon.spawn_watchdog();
        self.say_line();
        verify::through(&self.payer.viewer, &self.beacon).await?;
        let mut settle_at: Option<i64> = None;
        let mut lease = self.payer.viewer.tenure.changes();
        self.turn();
        let fresh = Arc::clone(&self.fresh);
        let listener = Listener::new(
            self.payer.clone(),
            Arc::clone(&self.reload),
            self.beacon.clone(),
            Arc::clone(&fresh),
        );
        let listener = tokio::spawn(listener.listen(reload));
        while !stop.is_cancelled() {
            self.beacon.beat();
            self.adopt();
            self.turn();
            tokio::select! {
                () = stop.cancelled() => break,
                () = fresh.arrived.notified() => {}
                _ = lease.changed(), if self.node.is_some() => {}
                () = poke.notified() => self.tick(&mut settle_at).await,
                () = tokio::time::sleep(self.until_next(settle_at)) => self.tick(&mut settle_at).await,
            }
        }
        listener.abort();
        self.stop_beside();
        let web = self.web.take();
        let page = async {
            if let Some(web) = web {
                web.ended().await;
            }
        };
        let words = async {
            if self.acting.is_some() {
                deliver::last_words(&self.payer.viewer).await;
            }
        };
        tokio::join!(words, page, async {
            ticks.abort();
        });
        Ok(())
    }

    /// The status line as of now, made beside the loop: it reads the ledger.
    pub(super) fn say_line(&mut self) {
        self.line_at = self.payer.viewer.clock.now().boot_ms.saturating_add(LINE_EVERY);
        let (viewer, beacon) = (self.payer.viewer.clone(), self.beacon.clone());
        let trouble = self.shared.ledger.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if let (Some(node), None) = (&self.node, self.acting) {
            return beacon.status(&node.standing());
        }
        if Beacon::is_heard() && !trouble {
            tokio::task::spawn_blocking(move || beacon.status(&headline::of(&viewer)));
        }
    }

    /// Messages go out on their own, so that a long cycle and a slow server never wait for each other.
    pub(super) fn start_beside(&mut self) {
        if let Err(e) = hooks::subscribe(&self.payer.viewer) {
            tracing::error!("{e}");
        }
        self.beside = deliver::spawn(&self.payer.viewer);
        self.beside.extend(hooks::spawn(&self.payer.viewer));
        self.beside.push(watch::spawn(self.payer.viewer.clone(), Arc::clone(&self.shared)));
    }

    /// A send that is cut off is repeated: at least once.
    pub(super) fn stop_beside(&mut self) {
        self.beside.drain(..).for_each(|task| task.abort());
    }

    fn pulse(&self, running: bool) {
        let began = running.then(|| self.payer.viewer.clock.now());
        let pulse = Pulse { running: began, last_due: self.last_due };
        *self.shared.pulse.lock().unwrap_or_else(PoisonError::into_inner) = pulse;
    }

    async fn tick(&mut self, settle_at: &mut Option<i64>) {
        let now = self.payer.viewer.clock.now();
        if self.acting.is_none() {
            *settle_at = None;
            return self.stand_by().await;
        }
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

    /// How long until something falls due that is known now. The tick comes sooner where that changes: a clock that is set, say.
    fn until_next(&self, settle_at: Option<i64>) -> Duration {
        if self.acting.is_none() {
            return TICK;
        }
        let (settings, now) = (&self.payer.viewer.settings, self.payer.viewer.clock.now());
        let start = self.last_due.map_or(Some(now.wall), |last| {
            schedule::next(&schedule::parse(&settings.schedule.cycle).ok()?, &settings.timezone, last)
        });
        let cycle =
            start.map(|at| i64::try_from(at.duration_since(now.wall).as_millis()).unwrap_or(i64::MAX));
        let settle = settle_at.map(|at| at.saturating_sub(now.boot_ms));
        let ms = cycle.into_iter().chain(settle).min().unwrap_or(i64::MAX);
        // Never a hot loop: what is due is done in a tick, and is not due after it.
        Duration::from_millis(u64::try_from(ms).unwrap_or_default()).clamp(SHORTEST, TICK)
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
        // The pay lease went in the middle of it: another node speaks of the ledger from here on.
        if self.payer.viewer.tenure.epoch() != self.acting || matches!(error, LedgerError::Elsewhere(_)) {
            return tracing::warn!("{error}");
        }
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

    /// Takes a config that was read again meanwhile: between two steps of the loop, so that a cycle ends with the config that it began with.
    fn adopt(&mut self) {
        let Some(payer) = self.fresh.take() else { return };
        let locks: Vec<String> = payer.viewer.settings.accounts.iter().map(Account::lock_name).collect();
        // What is locked stays locked: nobody else pays in between.
        payer.keys.keep(&locks);
        self.payer = *payer;
        if let Some(web) = &mut self.web {
            web.adopt(&self.payer.viewer);
        }
        if self.acting.is_some() {
            self.payer.viewer.stop = self.stopping();
            self.stop_beside();
            self.start_beside();
        }
    }
}

/// The newest start that was due, of whichever node.
pub(super) fn last_due(ledger: &dyn Ledger) -> Option<Timestamp> {
    ledger.noted(LAST_DUE).ok().flatten().and_then(|t| t.parse().ok())
}
