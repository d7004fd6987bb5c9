//! An office with a virtual clock: the real ledger, the real tellers and couriers, alerts made up by the test.
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use renewd::alerting::Ends;
use renewd::alerts::{deliver, tell};
use renewd::clock::{Clock, VirtualClock};
use renewd::domain::alert::AlertRow;
use renewd::domain::{AccountName, Alert, AlertKey, Severity};
use renewd::engine::Viewer;
use renewd::ledger::Ledger;
use renewd::ledger::sqlite::{self, Access};
use renewd::redact::Redactor;
use renewd::settings::{self, Sources};
use renewd::wiring;

pub use crate::common::config::{email, private};

pub struct Office {
    pub dir: tempfile::TempDir,
    pub clock: Arc<VirtualClock>,
    pub viewer: Viewer,
    runtime: tokio::runtime::Runtime,
}

/// Thursday, four in the morning.
pub fn start() -> Timestamp {
    "2026-11-26T04:00:00Z".parse().unwrap()
}

/// `[alerts.webhook]` to a listener; URL and secret are files beside the config.
pub fn hook(dir: &Path, port: u16) -> String {
    private(&dir.join("hook.url"), &format!("http://127.0.0.1:{port}/hook/url-secret-4711"));
    private(&dir.join("hook.secret"), "hook-secret-0123456789");
    "[alerts.webhook]\nurl = { file = \"hook.url\" }\nsecret = { file = \"hook.secret\" }\n".to_owned()
}

impl Office {
    /// `rest` of the config may need the folder.
    pub fn new(rest: impl Fn(&Path) -> String) -> Self {
        let dir = tempfile::tempdir().unwrap();
        private(&dir.path().join("yp.key"), "key-of-yp-1234");
        let clock = Arc::new(VirtualClock::starting_at(start()));
        let text = rest(dir.path());
        let viewer = viewer(dir.path(), &text, &clock);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { dir, clock, viewer, runtime }
    }

    /// As after a restart, with this config.
    pub fn restart(&mut self, rest: &str) {
        self.viewer = viewer(self.dir.path(), rest, &self.clock);
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now().wall
    }

    pub fn pass(&self, span: Duration) {
        self.clock.advance(span);
    }

    /// These fire now, and no others.
    pub fn fire(&self, alerts: &[Alert]) {
        let v = &self.viewer;
        tell::queue(v, &|_| true, &|_| (alerts.to_vec(), Ends::default())).unwrap();
    }

    /// What the daemon's delivery does each second.
    pub fn deliver_due(&self) {
        self.runtime.block_on(deliver::due(&self.viewer)).unwrap();
    }

    pub fn waiting(&self) -> usize {
        self.viewer.ledger.outbox(None).unwrap().len()
    }
}

fn viewer(dir: &Path, rest: &str, clock: &Arc<VirtualClock>) -> Viewer {
    let config = dir.join("renewd.toml");
    let head = format!(
        r#"state_dir = "{dir}/state"
runtime_dir = "{dir}/run"
[[account]]
name = "yp"
provider = "youproxy"
base_url = "http://127.0.0.1:9"
api_key = {{ file = "yp.key" }}
[[policy]]
name = "all"
action = "renew"
{rest}
"#,
        dir = dir.display()
    );
    std::fs::write(&config, head).unwrap();
    let sources = Sources { files: vec![config], ..Sources::default() };
    let settings = settings::load(&sources).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let redactor = Redactor::new(settings.secrets());
    let ledger: Arc<dyn Ledger> = Arc::new(sqlite::open(&settings.state_dir, Access::Note).unwrap());
    let clock: Arc<dyn Clock> = clock.clone();
    wiring::viewer(Arc::new(settings), ledger, clock, &redactor).unwrap()
}

/// An alert as the rules make them.
pub fn alert(cause: &str, severity: Severity) -> Alert {
    Alert {
        key: AlertKey::account(cause, "yp"),
        severity,
        account: Some(AccountName::from("yp")),
        title: format!("1 lease of account yp held: {}", cause.replace('_', " ")),
        text: "The first of them ends in 2d 5h.".to_owned(),
        actions: vec!["renewd explain 203.0.113.7".to_owned(), "renewd plan".to_owned()],
        rows: vec![AlertRow {
            stage: None,
            what: "IPv4 203.0.113.7".to_owned(),
            ends: Some("2026-12-03T09:00:00Z".parse().unwrap()),
            amount: Some("2.65 USD".to_owned()),
            note: format!("{cause}: as an example"),
        }],
        deadline: Some("2026-12-03T09:00:00Z".parse().unwrap()),
        grade: 0,
        parts: Vec::new(),
        labels: Vec::new(),
        leases: Vec::new(),
        once: false,
    }
}

pub const HOUR: Duration = Duration::from_secs(3600);
