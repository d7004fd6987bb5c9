//! A pass in this process: engine, adapter, limiter and ledger are the real ones, the provider is simulated, and a virtual clock passes
//! the waits.
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use renewd::clock::VirtualClock;
use renewd::engine::{CycleReport, Payer};
use renewd::ledger::sqlite::{self, Access};
use renewd::redact::Redactor;
use renewd::settings::{self, Sources};
use renewd::simulator::{Handle, Simulator, Site};
use renewd::wiring;

use crate::common::config::private;

pub struct Pass<P: Site> {
    _dir: tempfile::TempDir,
    _simulator: Simulator<P>,
    pub handle: Handle<P>,
    pub clock: Arc<VirtualClock>,
    payer: Payer,
}

/// When each of these worlds begins.
pub fn start() -> Timestamp {
    "2026-11-21T06:00:00Z".parse().unwrap()
}

impl<P: Site> Pass<P> {
    /// `key` is the API key of the account, which is called `account`; `config` gets the folder and the provider's URL.
    pub async fn new(
        world: P,
        (account, key): (&str, &str),
        config: impl FnOnce(&Path, &str) -> String,
    ) -> Self {
        let clock = Arc::new(VirtualClock::starting_at(start()));
        let simulator = Simulator::start(clock.clone(), world, ([127, 0, 0, 1], 0).into()).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        private(&dir.path().join(format!("{account}.key")), key);
        let file = dir.path().join("renewd.toml");
        std::fs::write(&file, config(dir.path(), &simulator.base_url())).unwrap();
        let sources = Sources { files: vec![file], ..Sources::default() };
        let settings = settings::load(&sources).unwrap_or_else(|problems| panic!("{problems:#?}"));
        std::fs::create_dir(&settings.state_dir).unwrap();
        let ledger = Arc::new(sqlite::open(&settings.state_dir, Access::Pay).unwrap());
        let redactor = Redactor::new(settings.secrets());
        let viewer = wiring::viewer(Arc::new(settings), ledger, clock.clone(), &redactor).unwrap();
        let payer = wiring::payer(viewer, &redactor).unwrap();
        Self { _dir: dir, handle: simulator.handle(), _simulator: simulator, clock, payer }
    }

    pub async fn cycle(&self) -> CycleReport {
        self.payer.cycle().await.unwrap()
    }
}

pub fn reasons(report: &CycleReport) -> Vec<String> {
    report.items.iter().map(|i| format!("{} {}", i.lease.ip, i.reason)).collect()
}
