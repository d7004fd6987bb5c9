//! What a lane of payments learns while it runs counts for the payments that are left in it. Engine, adapter, limiter and ledger are
//! the real ones, the provider is simulated, and a virtual clock passes the waits.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use renewd::clock::VirtualClock;
use renewd::daemon::wire;
use renewd::engine::{CycleReport, Payer};
use renewd::ledger::sqlite::{self, Access};
use renewd::redact::Redactor;
use renewd::settings::{self, Sources};
use renewd::simulator::{Aim, Answer, Effect, Endpoint, Fault, Handle, Product, Simulator, When, World};

const KEY: &str = "lanes-key-0123456789abcdef";
const IPS: [&str; 3] = ["203.0.113.1", "203.0.113.2", "203.0.113.3"];

struct Bench {
    _dir: tempfile::TempDir,
    _simulator: Simulator<World>,
    handle: Handle<World>,
    payer: Payer,
}

impl Bench {
    /// Leases that end in so many minutes; `limit` requests a minute.
    async fn new(ends: &[i64], limit: u32, schedule: &str, policy: &str) -> Self {
        let start: Timestamp = "2026-11-21T06:00:00Z".parse().unwrap();
        let clock = Arc::new(VirtualClock::starting_at(start));
        let mut world = World::new();
        world.add_account(KEY, "9000.00".parse().unwrap());
        for (ip, minutes) in IPS.iter().zip(ends) {
            let end = start + SignedDuration::from_mins(*minutes);
            world.add_order(KEY, Product::IPv4, "USA", &[*ip], end).unwrap();
        }
        let simulator = Simulator::start(clock.clone(), world, ([127, 0, 0, 1], 0).into()).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().display();
        let text = format!(
            r#"state_dir = "{at}/state"
runtime_dir = "{at}/run"
[schedule]
cycle = "{schedule}"
[guard]
max_fleet_share = "100%"
[http]
listen = ""
[[account]]
name = "yp"
provider = "youproxy"
base_url = "{}"
api_key = {{ file = "{at}/yp.key" }}
max_requests_per_minute = {limit}
batch = 1
[[policy]]
name = "keep"
action = "renew"
period = "30d"
{policy}
"#,
            simulator.base_url()
        );
        fs::write(dir.path().join("renewd.toml"), text).unwrap();
        let key = dir.path().join("yp.key");
        let key = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(key);
        key.unwrap().write_all(KEY.as_bytes()).unwrap();
        let files = vec![dir.path().join("renewd.toml")];
        let settings =
            settings::load(&Sources { files, environment: Vec::new(), credentials_dir: None }).unwrap();
        fs::create_dir(&settings.state_dir).unwrap();
        let ledger = Arc::new(sqlite::open(&settings.state_dir, Access::Pay).unwrap());
        let redactor = Redactor::new(settings.secrets());
        let viewer = wire::viewer(Arc::new(settings), ledger, clock, &redactor).unwrap();
        let payer = wire::payer(viewer, &redactor).unwrap();
        Self { _dir: dir, handle: simulator.handle(), _simulator: simulator, payer }
    }

    async fn cycle(&self) -> CycleReport {
        self.payer.cycle().await.unwrap()
    }

    fn sent(&self) -> usize {
        self.handle.count(Endpoint::Extend) + self.handle.count(Endpoint::ExtendOrder)
    }
}

fn reasons(report: &CycleReport) -> Vec<String> {
    report.items.iter().map(|i| format!("{} {}", i.lease.ip, i.reason)).collect()
}

/// The answer tells no balance, the one right after it cannot be read, and only the next reading of the lists shows the charge.
#[tokio::test]
async fn an_overcharge_that_a_later_reading_shows_holds_what_is_left_of_the_lane() {
    let bench = Bench::new(&[600, 601], 6, "0 */10 * * * *", "max_price = \"6.00\"").await;
    let dearer = Fault::on(Aim::Money)
        .when(When::Next(1))
        .effect(Effect::Surcharge("9.00".parse().unwrap()))
        .answer(Answer::Without("balance".into()));
    bench.handle.inject(dearer);
    for nth in 3..=5 {
        let away = Fault::on(Aim::Endpoint(Endpoint::Balance)).when(When::Nth(nth));
        bench.handle.inject(away.effect(Effect::Nothing).answer(Answer::Html(503)));
    }
    let report = bench.cycle().await;
    assert_eq!(bench.sent(), 1, "{:#?}", reasons(&report));
    assert!(reasons(&report)[1].contains("overcharged"), "{:#?}", reasons(&report));
}

/// With one cycle an hour the next one comes when it is too late, however soon the payment is settled.
#[tokio::test]
async fn what_lapses_before_the_next_cycle_does_not_wait_for_an_unclear_payment() {
    let bench = Bench::new(&[30, 50, 200], 60, "0 0 * * * *", "").await;
    let lost = Fault::on(Aim::Money).when(When::Next(1)).effect(Effect::Nothing).answer(Answer::Close);
    bench.handle.inject(lost);
    let report = bench.cycle().await;
    assert_eq!(bench.sent(), 2, "{:#?}", reasons(&report));
    assert!(reasons(&report)[2].contains("unknown_pending"), "{:#?}", reasons(&report));
}
