//! The web side of the daemon: where it listens, and where it gets its documents: the ledger and the newest cycle. Not
//! responsible for who may ask (`http`).
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::notify_socket::Beacon;
use super::run::Shared;
use super::{schedule, tell};
use crate::documents::{
    self, Around, ForecastDoc, Foresight, History, LedgerTrouble, Plan, foresee, foresee_fresh,
};
use crate::engine::alerts::page_down;
use crate::engine::{AccountReport, Viewer};
use crate::http::{self, Source};
use crate::ledger::{IntentFilter, LedgerError};
use crate::settings::Http;

struct Live {
    viewer: RwLock<Viewer>,
    beacon: Beacon,
    shared: Arc<Shared>,
}

/// How long until an address that could not be taken is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// The web side of a running daemon.
pub struct Web {
    live: Arc<Live>,
    http: Http,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Web {
    /// Starts serving, if the config says where. An address that is taken is an alert, and tried again beside everything else:
    /// renewals matter more than a page about them.
    pub async fn start(viewer: &Viewer, beacon: &Beacon, shared: &Arc<Shared>) -> Self {
        let http = viewer.settings.http.clone();
        let live =
            Live { viewer: RwLock::new(viewer.clone()), beacon: beacon.clone(), shared: Arc::clone(shared) };
        let mut web = Self { live: Arc::new(live), http, stop: viewer.stop.child_token(), task: None };
        let first = match web.http.listen {
            Some(listen) => Some(TcpListener::bind(listen).await),
            None => None,
        };
        web.task =
            Some(tokio::spawn(serve(Arc::clone(&web.live), web.http.clone(), first, web.stop.clone())));
        web
    }

    /// Takes new settings over; serves elsewhere, or with another token, if they say so.
    pub fn adopt(&mut self, viewer: &Viewer) {
        *self.live.viewer.write().unwrap_or_else(PoisonError::into_inner) = viewer.clone();
        let http = &viewer.settings.http;
        let secret = |http: &Http| http.token.as_ref().map(|t| t.expose_secret().to_owned());
        if http.listen == self.http.listen && secret(http) == secret(&self.http) {
            return;
        }
        self.stop.cancel();
        self.stop = viewer.stop.child_token();
        self.http = http.clone();
        let (old, live, http, stop) =
            (self.task.take(), Arc::clone(&self.live), self.http.clone(), self.stop.clone());
        self.task = Some(tokio::spawn(async move {
            if let Some(old) = old {
                let _ = old.await;
            }
            serve(live, http, None, stop).await;
        }));
    }

    /// Waits until answers under way are given, at most as long as `http` gives them.
    pub async fn ended(self) {
        if let Some(task) = self.task {
            let _ = task.await;
        }
    }
}

/// Serves until it is stopped; takes the address as soon as that can be had.
async fn serve(
    live: Arc<Live>,
    http: Http,
    mut first: Option<std::io::Result<TcpListener>>,
    stop: CancellationToken,
) {
    let Some(listen) = http.listen else { return live.tell(None) };
    let mut told: Option<String> = None;
    let listener = loop {
        let tried = match first.take() {
            Some(tried) => tried,
            None => TcpListener::bind(listen).await,
        };
        match tried {
            Ok(listener) => break listener,
            Err(e) => {
                let why = e.to_string();
                if told.as_ref() != Some(&why) {
                    tracing::error!("the status page cannot listen on {listen}: {why}");
                    live.tell(Some(&why));
                    told = Some(why);
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => {}
            () = stop.cancelled() => return,
        }
    };
    live.tell(None);
    http::serve(listener, live, http.token, stop).await;
}

impl Live {
    fn viewer(&self) -> Viewer {
        self.viewer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The page cannot be served, or it can.
    fn tell(&self, why: Option<&str>) {
        let viewer = self.viewer();
        let alert = viewer.settings.http.listen.zip(why).map(|(listen, why)| page_down(listen, why));
        if let Err(e) = tell::page(&viewer, alert) {
            tracing::error!("{e}");
        }
    }

    /// What is ahead within `alerts.runway`.
    fn foresight(&self) -> Result<Foresight, LedgerError> {
        let viewer = self.viewer();
        foresee_fresh(viewer.ledger.as_ref(), &viewer.settings, viewer.clock.now().wall, None)
    }

    fn trouble(&self) -> Option<LedgerTrouble> {
        self.shared.ledger.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Source for Live {
    fn status(&self) -> Value {
        let viewer = &self.viewer();
        let now = viewer.clock.now();
        let around = Around { next: &schedule::of(&viewer.settings), ledger: self.trouble() };
        match documents::status(viewer.ledger.as_ref(), &viewer.settings, &now, &around) {
            Ok(status) => documents::value(&status),
            Err(e) => documents::failure("ledger", &e.to_string()),
        }
    }

    fn plan(&self) -> Value {
        let report = self.shared.report.read().unwrap_or_else(PoisonError::into_inner);
        let Some(report) = report.as_ref() else { return Value::Null };
        let plan = Plan::new(report, &self.viewer().settings.policies, false);
        match self.foresight() {
            Ok(seen) => documents::value(&plan.knowing(&seen)),
            Err(_) => documents::value(&plan),
        }
    }

    fn forecast(&self, days: u16) -> Value {
        let viewer = &self.viewer();
        let now = viewer.clock.now().wall;
        let to = now.checked_add(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MAX);
        match foresee(viewer.ledger.as_ref(), &viewer.settings, now, to) {
            Ok(seen) if seen.has_facts() => documents::value(&ForecastDoc::new(&seen)),
            Ok(_) => Value::Null,
            Err(e) => documents::failure("ledger", &e.to_string()),
        }
    }

    fn history(&self) -> Value {
        match self.viewer().ledger.intents(&IntentFilter::default()) {
            Ok(records) => documents::value(&History::new(&records)),
            Err(e) => documents::failure("ledger", &e.to_string()),
        }
    }

    fn alive(&self) -> bool {
        self.beacon.alive()
    }

    fn unwritable(&self) -> Option<String> {
        self.trouble().map(|t| t.words(&self.viewer().settings.timezone))
    }

    fn ready(&self) -> bool {
        let report = self.shared.report.read().unwrap_or_else(PoisonError::into_inner);
        report.as_ref().is_some_and(|r| r.accounts.iter().all(AccountReport::reachable))
    }
}
