//! The web side of the daemon: where it listens, and where it gets its documents: the ledger and the newest cycle. Not
//! responsible for who may ask (`http`).
use std::io::Write;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::numbers;
use super::shared::Shared;
use crate::alerts::rules::page_down;
use crate::alerts::tell;
use crate::daemon::systemd::Beacon;
use crate::domain::{AccountName, IntentId, LeaseId, Moment, State};
use crate::engine::{AccountReport, Viewer, paid_elsewhere};
use crate::http::{self, Asked, Metrics, Sought, Source};
use crate::ledger::{LedgerError, PaymentPlace, PaymentQuery};
use crate::schedule;
use crate::settings::Http;
use crate::views;
use crate::views::moments::Clockface;
use crate::views::{
    Around, Document, ForecastDoc, Foresight, ItemDoc, Lasting, LedgerTrouble, Payments, Plan, Unwritten,
    accounts_called, every_stored, foresee, foresee_fresh, page, since, write_history, write_leases,
};

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
        let same = (&http.listen, &http.hosts) == (&self.http.listen, &self.http.hosts);
        if same && secret(http) == secret(&self.http) {
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
    let access = http::Access { token: http.token, hosts: http.hosts };
    http::serve(listener, live, access, stop).await;
}

impl Live {
    fn viewer(&self) -> Viewer {
        self.viewer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn now(&self) -> (Viewer, Moment) {
        let viewer = self.viewer();
        let now = viewer.clock.now();
        (viewer, now)
    }

    /// The page cannot be served, or it can.
    fn tell(&self, why: Option<&str>) {
        let viewer = self.viewer();
        // The ledger's alerts are the paying node's to tell.
        if viewer.tenure.epoch().is_none() {
            return;
        }
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

/// What a page shows, or why that could not be read.
fn shown(page: Result<impl serde::Serialize, LedgerError>) -> Value {
    match page {
        Ok(page) => views::value(&page),
        Err(e) => views::failure("ledger", &e.to_string()),
    }
}

fn unwritten(why: Unwritten) -> Value {
    match why {
        Unwritten::Ledger(e) => views::failure("ledger", &e.to_string()),
        Unwritten::Output(e) => views::failure("output", &e.to_string()),
    }
}

/// The payments that somebody asks for; else the kind of failure, and why.
fn query(viewer: &Viewer, asked: &Asked) -> Result<PaymentQuery, (&'static str, String)> {
    let (ledger, settings) = (viewer.ledger.as_ref(), &viewer.settings);
    let usage = |why: String| ("usage", why);
    let mut query = PaymentQuery::default();
    if let Some(text) = &asked.since {
        query.since = Some(since(text, viewer.clock.now().wall, &settings.timezone).map_err(usage)?);
    }
    for word in asked.state.iter().flat_map(|words| words.split(',')) {
        query.states.push(State::parse(word).ok_or_else(|| usage(format!("`{word}` is not a state")))?);
    }
    if let Some(name) = &asked.account {
        let found = accounts_called(ledger, settings, &AccountName::from(name.as_str()));
        let found = found.map_err(|e| ("ledger", e.to_string()))?;
        query.accounts = found.ok_or_else(|| usage(format!("there is no account `{name}`")))?;
    }
    Ok(query)
}

/// Accounts that another ledger's renewd pays with; a ledger that cannot be read is told by itself.
fn elsewhere(viewer: &Viewer) -> Vec<AccountName> {
    paid_elsewhere(&viewer.settings, viewer.ledger.as_ref()).unwrap_or_default()
}

impl Source for Live {
    fn status(&self) -> Value {
        let viewer = &self.viewer();
        let now = viewer.clock.now();
        let node = self.shared.node.get().map(|node| node.name.clone());
        let around = Around {
            next: &schedule::of(&viewer.settings),
            ledger: self.trouble(),
            elsewhere: elsewhere(viewer),
            node,
        };
        match views::status(viewer.ledger.as_ref(), &viewer.settings, &now, &around) {
            Ok(status) => views::value(&status),
            Err(e) => views::failure("ledger", &e.to_string()),
        }
    }

    fn plan(&self) -> Value {
        let report = self.shared.report.read().unwrap_or_else(PoisonError::into_inner);
        let Some(report) = report.as_ref() else { return Value::Null };
        let plan = Plan::new(report, &self.viewer().settings, false);
        match self.foresight() {
            Ok(seen) => views::value(&plan.knowing(&seen, &self.viewer().settings.policies)),
            Err(_) => views::value(&plan),
        }
    }

    fn forecast(&self, days: u16) -> Value {
        let viewer = &self.viewer();
        let now = viewer.clock.now().wall;
        let to = now.checked_add(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MAX);
        match foresee(viewer.ledger.as_ref(), &viewer.settings, now, to) {
            Ok(seen) if seen.has_facts() => views::value(&ForecastDoc::new(&seen, &viewer.settings)),
            Ok(_) => Value::Null,
            Err(e) => views::failure("ledger", &e.to_string()),
        }
    }

    fn history(&self, asked: &Asked, out: &mut dyn Write) -> Result<(), Value> {
        let viewer = &self.viewer();
        let ledger = viewer.ledger.as_ref();
        let query = query(viewer, asked).map_err(|e| views::failure(e.0, &e.1))?;
        write_history(Payments::new(ledger, query, asked.limit), out, false).map_err(unwritten)
    }

    fn leases(&self, out: &mut dyn Write) -> Result<(), Value> {
        let viewer = &self.viewer();
        let (ledger, settings, now) = (viewer.ledger.as_ref(), &*viewer.settings, viewer.clock.now().wall);
        let failed = |e: LedgerError| views::failure("ledger", &e.to_string());
        let seen = self.foresight().map_err(failed)?;
        let at = ledger.accounts().map_err(failed)?.into_iter().filter_map(|f| f.read_at).min();
        let lasting = Lasting { ledger, settings, now, seen: &seen };
        let documents = every_stored(&lasting, None).map(|stored| {
            let mut doc = ItemDoc::new(&stored?.item, &settings.policies);
            doc.know(&seen, &settings.policies);
            Ok(doc)
        });
        write_leases(documents, at, out).map_err(unwritten)
    }

    fn overview(&self) -> Value {
        let (viewer, now) = self.now();
        let next = schedule::of(&viewer.settings);
        let node = self.shared.node.get().map(|node| node.name.clone());
        let around = Around { next: &next, ledger: self.trouble(), elsewhere: elsewhere(&viewer), node };
        shown(page::overview(viewer.ledger.as_ref(), &viewer.settings, &now, &around))
    }

    fn lease(&self, account: &str, lease: &str) -> Value {
        let (viewer, now) = self.now();
        let (ledger, settings) = (viewer.ledger.as_ref(), &viewer.settings);
        let face = Clockface { now: now.wall, zone: &settings.timezone };
        let (account, lease) = (AccountName::new(account), LeaseId::new(lease));
        shown(page::lease_page(ledger, settings, face, (&account, &lease)))
    }

    fn payments(&self, sought: &Sought) -> Value {
        let (viewer, now) = self.now();
        let (ledger, settings) = (viewer.ledger.as_ref(), &viewer.settings);
        let face = Clockface { now: now.wall, zone: &settings.timezone };
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let asked = Asked {
            account: given(&sought.account),
            state: given(&sought.state),
            since: given(&sought.since),
            limit: None,
        };
        let place = given(&sought.before).map(|id| ledger.intent(&IntentId::new(&id)).map_err(|_| id));
        let after = match place.transpose() {
            Ok(record) => record.map(|r| PaymentPlace::behind(&r)),
            Err(id) => return views::failure("usage", &format!("there is no payment `{id}`")),
        };
        match query(&viewer, &asked) {
            Ok(query) => {
                let sought = page::Sought {
                    account: asked.account.unwrap_or_default(),
                    state: asked.state.unwrap_or_default(),
                    since: asked.since.unwrap_or_default(),
                };
                shown(page::payments_page(ledger, settings, face, (sought, &query, after.as_ref())))
            }
            Err((kind, why)) => views::failure(kind, &why),
        }
    }

    fn metrics(&self) -> Metrics {
        numbers::metrics(&self.status(), &self.viewer(), &self.shared, self.alive())
    }

    fn schema(&self, name: &str) -> Option<Value> {
        Document::named(name).map(Document::schema)
    }

    fn alive(&self) -> bool {
        self.beacon.alive()
    }

    fn unwritable(&self) -> Option<String> {
        self.trouble().map(|t| t.words(&self.viewer().settings.timezone))
    }

    fn standby(&self) -> bool {
        self.viewer().tenure.epoch().is_none()
    }

    fn ready(&self) -> bool {
        if let Some(node) = self.shared.node.get().filter(|_| self.standby()) {
            return node.follows(&self.viewer().clock.now());
        }
        let report = self.shared.report.read().unwrap_or_else(PoisonError::into_inner);
        report.as_ref().is_some_and(|r| r.accounts.iter().all(AccountReport::reachable))
    }
}
