//! The status page of the demo: the daemon's own, over the story's ledger and clock. Not responsible for what it shows.
use std::io::IsTerminal;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::cli::context::Failure;
use crate::cli::output;
use crate::daemon::shared::Shared;
use crate::daemon::signals;
use crate::daemon::systemd::Beacon;
use crate::daemon::web::Web;
use crate::engine::{CycleReport, Viewer};

/// From cycle to cycle while somebody may look: two months in a minute.
const PACE: Duration = Duration::from_millis(60);
/// The story's clock leaps by hours: its loop is alive all the same.
const LEAP: Duration = Duration::from_secs(24 * 3_600);

/// A page that is served.
pub(super) struct Page {
    web: Web,
    beacon: Beacon,
    shared: Arc<Shared>,
    address: SocketAddr,
}

/// Where it will listen: a free port where none was named.
pub(super) fn address(wanted: SocketAddr) -> Result<SocketAddr, Failure> {
    if !wanted.ip().is_loopback() {
        return Err(Failure::usage(format!(
            "--serve {wanted} is not a loopback address: use 127.0.0.1:9787 or [::1]:9787"
        )));
    }
    let taken = TcpListener::bind(wanted).and_then(|listener| listener.local_addr());
    taken.map_err(|e| Failure::failed(format!("--serve {wanted}: {e}. Name another port")))
}

impl Page {
    pub(super) async fn open(viewer: &Viewer, address: SocketAddr) -> Self {
        let beacon = Beacon::new(Arc::clone(&viewer.clock)).allowing(LEAP);
        let shared = Arc::new(Shared::default());
        let web = Web::start(viewer, &beacon, &shared).await;
        Self { web, beacon, shared, address }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// A cycle is over; people get a moment to look.
    pub(super) async fn cycle(&self, report: &CycleReport) {
        self.beacon.beat();
        *self.shared.report.write().unwrap_or_else(PoisonError::into_inner) = Some(report.clone());
        tokio::time::sleep(PACE).await;
    }

    /// On a terminal the page stays until Ctrl-C; a script goes on.
    pub(super) async fn stay(&self) {
        if std::io::stdin().is_terminal() {
            output::note(&format!("\nThe page stays at {} until you press Ctrl-C.", self.url()));
            signals::stop_asked().await;
        }
    }

    pub(super) async fn close(self, viewer: &Viewer) {
        viewer.stop.cancel();
        self.web.ended().await;
    }
}
