//! Where the web side gets its documents: the ledger and the newest cycle.
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::notify_socket::Beacon;
use super::run::Shared;
use super::schedule;
use crate::documents::{
    self, Around, ForecastDoc, Foresight, History, LedgerTrouble, Plan, foresee, foresee_fresh,
};
use crate::engine::{AccountReport, Viewer};
use crate::http::{self, Source};
use crate::ledger::{IntentFilter, LedgerError};

struct Live {
    viewer: Viewer,
    beacon: Beacon,
    shared: Arc<Shared>,
}

/// Starts serving, if the config says where.
///
/// # Errors
/// The address cannot be taken.
pub async fn start(
    viewer: &Viewer,
    beacon: &Beacon,
    shared: &Arc<Shared>,
) -> std::io::Result<Option<JoinHandle<()>>> {
    let Some(listen) = viewer.settings.http.listen else { return Ok(None) };
    let listener = match TcpListener::bind(listen).await {
        Ok(listener) => listener,
        Err(e) => {
            // Renewals matter more than a page about them.
            tracing::error!("the status page cannot listen on {listen}: {e}");
            return Ok(None);
        }
    };
    let live = Arc::new(Live { viewer: viewer.clone(), beacon: beacon.clone(), shared: Arc::clone(shared) });
    let (token, stop) = (viewer.settings.http.token.clone(), viewer.stop.clone());
    Ok(Some(tokio::spawn(async move {
        if let Err(e) = http::serve(listener, live, token, stop).await {
            tracing::error!("the status page ended: {e}");
        }
    })))
}

impl Live {
    /// What is ahead within `alerts.runway`.
    fn foresight(&self) -> Result<Foresight, LedgerError> {
        let viewer = &self.viewer;
        foresee_fresh(viewer.ledger.as_ref(), &viewer.settings, viewer.clock.now().wall, None)
    }

    fn trouble(&self) -> Option<LedgerTrouble> {
        self.shared.ledger.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl Source for Live {
    fn status(&self) -> Value {
        let viewer = &self.viewer;
        let now = viewer.clock.now();
        let around = Around { next: &schedule::of(&viewer.settings), ledger: self.trouble() };
        match documents::status(viewer.ledger.as_ref(), &viewer.settings, &now, &around) {
            Ok(status) => documents::value(&status),
            Err(e) => documents::failure("ledger", &e.to_string()),
        }
    }

    fn plan(&self) -> Value {
        let report = self.shared.report.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(report) = report.as_ref() else { return Value::Null };
        let plan = Plan::new(report, &self.viewer.settings.policies, false);
        match self.foresight() {
            Ok(seen) => documents::value(&plan.knowing(&seen)),
            Err(_) => documents::value(&plan),
        }
    }

    fn forecast(&self, days: u16) -> Value {
        let viewer = &self.viewer;
        let now = viewer.clock.now().wall;
        let to = now.checked_add(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MAX);
        match foresee(viewer.ledger.as_ref(), &viewer.settings, now, to) {
            Ok(seen) if seen.has_facts() => documents::value(&ForecastDoc::new(&seen)),
            Ok(_) => Value::Null,
            Err(e) => documents::failure("ledger", &e.to_string()),
        }
    }

    fn history(&self) -> Value {
        match self.viewer.ledger.intents(&IntentFilter::default()) {
            Ok(records) => documents::value(&History::new(&records)),
            Err(e) => documents::failure("ledger", &e.to_string()),
        }
    }

    fn alive(&self) -> bool {
        self.beacon.alive()
    }

    fn unwritable(&self) -> Option<String> {
        self.trouble().map(|t| t.words(&self.viewer.settings.timezone))
    }

    fn ready(&self) -> bool {
        let report = self.shared.report.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        report.as_ref().is_some_and(|r| r.accounts.iter().all(AccountReport::reachable))
    }
}
