//! Accounts with a low request limit, in whose minutes a reading does not fit: what is on hold is renewed all the same. Engine,
//! adapter, limiter and ledger are the real ones, the provider is simulated, and a virtual clock passes the waits.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use renewd::clock::VirtualClock;
use renewd::daemon::wire;
use renewd::engine::{CycleReport, Payer};
use renewd::ledger::sqlite::{self, Access};
use renewd::policy::Word;
use renewd::redact::Redactor;
use renewd::settings::{self, Sources};
use renewd::simulator::proxyshard::{Endpoint, OrderSpec, World};
use renewd::simulator::{Handle, Simulator};
use rstest::rstest;

const TOKEN: &str = "shard-token-0123456789abcdef";

fn config(dir: &Path, base_url: &str, limit: u32) {
    let dir = dir.display();
    let text = format!(
        r#"state_dir = "{dir}/state"
runtime_dir = "{dir}/run"
[guard]
max_fleet_share = "100%"
[http]
listen = ""
[[account]]
name = "ps"
provider = "proxyshard"
base_url = "{base_url}"
api_key = {{ file = "{dir}/ps.key" }}
max_requests_per_minute = {limit}
[[policy]]
name = "keep"
action = "renew"
"#
    );
    fs::write(format!("{dir}/renewd.toml"), text).unwrap();
    let key = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(format!("{dir}/ps.key"));
    key.unwrap().write_all(TOKEN.as_bytes()).unwrap();
}

struct Bench {
    _dir: tempfile::TempDir,
    _simulator: Simulator<World>,
    handle: Handle<World>,
    clock: Arc<VirtualClock>,
    payer: Payer,
    ids: Vec<String>,
}

impl Bench {
    /// Orders on hold since some hours, and active ones.
    async fn new(limit: u32, on_hold: usize, active: usize) -> Self {
        let start: Timestamp = "2026-11-21T06:00:00Z".parse().unwrap();
        let clock = Arc::new(VirtualClock::starting_at(start));
        let mut world = World::new();
        world.add_account(TOKEN, "9000.00".parse().unwrap());
        let mut add = |hours: i64| {
            let end = start + SignedDuration::from_hours(hours);
            world.add_order(TOKEN, &OrderSpec::new("ISP Proxy", Some("US"), "monthly", end)).unwrap()
        };
        let ids = (0..on_hold).map(|_| add(-5)).collect();
        (0..active).for_each(|_| drop(add(24 * 20)));
        let simulator = Simulator::start(clock.clone(), world, ([127, 0, 0, 1], 0).into()).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        config(dir.path(), &simulator.base_url(), limit);
        let files = vec![dir.path().join("renewd.toml")];
        let settings =
            settings::load(&Sources { files, environment: Vec::new(), credentials_dir: None }).unwrap();
        fs::create_dir(&settings.state_dir).unwrap();
        let ledger = Arc::new(sqlite::open(&settings.state_dir, Access::Pay).unwrap());
        let redactor = Redactor::new(settings.secrets());
        let viewer = wire::viewer(Arc::new(settings), ledger, clock.clone(), &redactor).unwrap();
        let payer = wire::payer(viewer, &redactor).unwrap();
        Self { _dir: dir, handle: simulator.handle(), _simulator: simulator, clock, payer, ids }
    }

    async fn cycle(&self) -> CycleReport {
        self.payer.cycle().await.unwrap()
    }

    fn charged(&self) -> Vec<usize> {
        self.handle.with(|w| self.ids.iter().map(|id| w.books().charges_for(id).count()).collect())
    }

    /// How old at each payment the last answer about its order was.
    fn ages(&self) -> Vec<SignedDuration> {
        let requests = self.handle.requests();
        let of = |id: &str, endpoint| {
            let path = format!("/{id}");
            let named = move |r: &&renewd::simulator::Request<Endpoint>| {
                r.endpoint == Some(endpoint)
                    && (r.route().contains(&format!("{path}/")) || r.route().ends_with(&path))
            };
            requests.iter().filter(named).map(|r| r.at).collect::<Vec<_>>()
        };
        let age = |id: &String| {
            let paid = of(id, Endpoint::Renew)[0];
            let read = of(id, Endpoint::Order).into_iter().filter(|at| *at <= paid).max().unwrap();
            paid.duration_since(read)
        };
        self.ids.iter().map(age).collect()
    }
}

#[rstest]
#[case::the_lowest(6, 1, 3)]
#[case::low(10, 3, 20)]
#[case::the_default_with_many_orders(60, 5, 2_500)]
#[tokio::test]
async fn what_is_on_hold_is_renewed_in_one_cycle_however_long_a_reading_takes(
    #[case] limit: u32,
    #[case] on_hold: usize,
    #[case] active: usize,
) {
    let bench = Bench::new(limit, on_hold, active).await;
    let report = bench.cycle().await;
    let reasons: Vec<String> = report
        .items
        .iter()
        .filter(|i| i.reason.word != Word::NotRenewableYet)
        .map(|i| i.reason.to_string())
        .collect();
    assert_eq!(bench.charged(), vec![1; on_hold], "{reasons:?}");
    assert!(bench.ages().iter().all(|age| age.as_secs() <= 60), "{:?}", bench.ages());
    bench.clock.advance(std::time::Duration::from_secs(600));
    bench.cycle().await;
    assert_eq!(bench.charged(), vec![1; on_hold], "and once only");
}
