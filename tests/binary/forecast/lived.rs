//! A month is foreseen, then lived through with a virtual clock: the provider's books must show the same days and amounts.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use renewd::clock::{Clock, VirtualClock};
use renewd::domain::Money;
use renewd::engine::Payer;
use renewd::ledger::sqlite::{Access, open};
use renewd::redact::Redactor;
use renewd::settings::{self, Sources};
use renewd::simulator::{Product, Simulator, World};
use renewd::views::foresee;
use renewd::wiring;

use crate::common::{KEY, money};

const STEP: Duration = Duration::from_secs(6 * 3600);

struct Life {
    _dir: tempfile::TempDir,
    clock: Arc<VirtualClock>,
    simulator: Simulator,
    payer: Payer,
}

impl Life {
    async fn begin(start: Timestamp, world: World, policy: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(VirtualClock::starting_at(start));
        let simulator = Simulator::start(clock.clone(), world, ([127, 0, 0, 1], 0).into()).await.unwrap();
        let at = dir.path().display();
        let text = format!(
            "state_dir = \"{at}\"\n[http]\nlisten = \"\"\n[[account]]\nname = \"yp\"\nprovider = \"youproxy\"\nbase_url = \"{}\"\n\
             api_key = {{ env = \"KEY\" }}\nmax_requests_per_minute = 100000\n{policy}",
            simulator.base_url()
        );
        let file = dir.path().join("renewd.toml");
        std::fs::write(&file, text).unwrap();
        let environment = vec![("KEY".to_owned(), KEY.to_owned())];
        let sources = Sources { files: vec![file], environment, credentials_dir: None };
        let settings = Arc::new(settings::load(&sources).unwrap());
        let ledger = Arc::new(open(dir.path(), Access::Pay).unwrap());
        let redactor = Redactor::new(settings.secrets());
        let viewer = wiring::viewer(settings, ledger, clock.clone(), &redactor).unwrap();
        let payer = wiring::payer(viewer, &redactor).unwrap();
        Self { _dir: dir, clock, simulator, payer }
    }

    async fn live(&self, days: u32) {
        for _ in 0..days * 4 {
            self.payer.cycle().await.unwrap();
            self.clock.advance(STEP);
        }
    }

    /// What the books say was charged on each day from `from` on.
    fn charged_since(&self, from: Timestamp) -> BTreeMap<String, Money> {
        let mut days: BTreeMap<String, Money> = BTreeMap::new();
        self.simulator.handle().with(|world| {
            for entry in world.books().charges().filter(|e| e.at >= from) {
                let sum = days.entry(entry.at.to_string()[..10].to_owned()).or_default();
                *sum = sum.plus(entry.amount).unwrap();
            }
        });
        days
    }
}

const POLICIES: &str = r#"
[[policy]]
name = "let-go"
match = { ip = ["203.0.113.9"] }
action = "release"
[[policy]]
name = "keep"
action = "renew"
before = "3d"
period = ["30d", "90d"]
"#;

/// Ends at whole steps of the cycle, so that what is due at an instant is paid at that instant.
fn world(start: Timestamp) -> World {
    let mut world = World::new();
    world.add_account(KEY, money("1000.00"));
    let orders: [(Product, &str, &[&str], i64); 8] = [
        (Product::IPv4, "USA", &["203.0.113.1", "203.0.113.2"], 4 * 24),
        (Product::IPv4, "DEU", &["203.0.113.3"], 5 * 24 + 6),
        (Product::IPv4, "USA", &["203.0.113.4"], 5 * 24 + 12),
        (Product::Isp, "GBR", &["203.0.113.5"], 9 * 24 + 18),
        (Product::Mobile, "USA", &["203.0.113.6"], 20 * 24),
        (Product::IPv6, "NLD", &["2001:db8::1", "2001:db8::2", "2001:db8::3"], 12 * 24),
        (Product::IPv4, "USA", &["203.0.113.7", "203.0.113.8"], 31 * 24 + 6),
        (Product::IPv4, "USA", &["203.0.113.9"], 50 * 24),
    ];
    for (product, country, ips, hours) in orders {
        let end = start.checked_add(SignedDuration::from_hours(hours)).unwrap();
        world.add_order(KEY, product, country, ips, end).unwrap();
    }
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_as_foreseen_is_the_month_as_charged() {
    let start: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
    let life = Life::begin(start, world(start), POLICIES).await;
    // Each lease is paid once, so that its price is known.
    life.live(40).await;
    life.payer.cycle().await.unwrap();
    let now = life.clock.now().wall;
    let to = now.checked_add(SignedDuration::from_hours(24 * 100)).unwrap();
    let (ledger, settings) = (life.payer.viewer.ledger.as_ref(), &life.payer.viewer.settings);
    let seen = foresee(ledger, settings, now, to).unwrap().forecast;
    assert!(seen.days.iter().all(|d| d.amount.is_some()), "{:#?}", seen.days);
    let mut foreseen: BTreeMap<String, Money> = BTreeMap::new();
    for day in &seen.days {
        let sum = foreseen.entry(day.date.to_string()).or_default();
        *sum = sum.plus(day.amount.unwrap()).unwrap();
    }
    life.clock.advance(Duration::from_secs(60));
    let from = life.clock.now().wall;
    life.clock.advance(STEP - Duration::from_secs(60));
    life.live(100).await;
    let charged = life.charged_since(from);
    let charged: BTreeMap<_, _> =
        charged.into_iter().filter(|(day, _)| day.as_str() <= &to.to_string()[..10]).collect();
    assert_eq!(foreseen, charged);
    assert!(charged.len() > 15, "a month of something: {charged:?}");
    assert_eq!(Some(seen.runways[0].need), Money::sum(charged.into_values()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_money_ends_at_the_instant_that_was_foreseen() {
    let start: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
    let life = Life::begin(start, world(start), POLICIES).await;
    life.live(40).await;
    let left = life.simulator.handle().with(|w| w.account(KEY).unwrap().balance);
    life.simulator.handle().top_up(KEY, money("12.00").minus(left).unwrap()).unwrap();
    life.payer.cycle().await.unwrap();
    let now = life.clock.now().wall;
    let to = now.checked_add(SignedDuration::from_hours(24 * 60)).unwrap();
    let foresight = foresee(life.payer.viewer.ledger.as_ref(), &life.payer.viewer.settings, now, to).unwrap();
    let by = foresight.forecast.runways[0].top_up_by.unwrap();
    let mut ended = None;
    while ended.is_none() {
        let report = life.payer.cycle().await.unwrap();
        let short = report.items.iter().any(|i| i.reason.to_string().starts_with("short_funds"));
        ended = short.then(|| life.clock.now().wall);
        life.clock.advance(STEP);
        assert!(life.clock.now().wall < to, "the money lasted");
    }
    let late = ended.unwrap().duration_since(by);
    assert!(!late.is_negative() && late < SignedDuration::from_hours(6), "foreseen {by}, seen {ended:?}");
}
