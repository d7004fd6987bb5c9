//! What each example of policies in `config/examples` makes of one recorded fleet: plans that are read by people and held to the letter.
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use renewd::domain::{Lease, LeaseView, Leases, Money, OrderState};
use renewd::planner::{AccountView, Standing, World, draft, every_item};
use renewd::policy::LastPaid;
use renewd::providers;
use renewd::settings::{Sources, load_rules, stand_in};

/// A Wednesday noon, UTC.
const NOW: &str = "2026-12-02T12:00:00Z";

/// Leases with the names of their scenarios, and what their last terms cost.
struct Fleet {
    scenarios: HashMap<String, String>,
    leases: Vec<Lease>,
    paid: HashMap<String, Money>,
}

impl LastPaid for Fleet {
    fn last_paid(&self, lease: &LeaseView<'_>) -> Option<Money> {
        self.paid.get(lease.id).copied()
    }
}

fn fleet(now: Timestamp) -> Fleet {
    let mut fleet = Fleet { scenarios: HashMap::new(), leases: Vec::new(), paid: HashMap::new() };
    let text = include_str!("plans/fleet.table");
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [scenario, id, order, ip, kind, country, operator, tag, ends, age, price, state] = cells[..]
        else {
            panic!("{line}")
        };
        let told = |text: &str| (text != "-").then(|| text.to_owned());
        let hours = |n: i64| now.checked_add(SignedDuration::from_hours(n)).unwrap();
        fleet.scenarios.insert(id.to_owned(), scenario.to_owned());
        fleet.paid.extend(told(price).map(|p| (id.to_owned(), p.parse().unwrap())));
        fleet.leases.push(Lease {
            account: "yp".into(),
            id: id.into(),
            order: order.into(),
            ip: ip.to_owned(),
            port: None,
            kind: kind.into(),
            country: told(country),
            tag: told(tag),
            operator: told(operator),
            started_at: told(age).map(|days| hours(-24 * days.parse::<i64>().unwrap())),
            expires_at: told(ends).map(|n| hours(n.parse().unwrap())),
            told: Default::default(),
            provider_renews: None,
            state: match state {
                "active" => OrderState::Active,
                "on hold" => OrderState::OnHold,
                other => OrderState::Other(other.to_owned()),
            },
            held_since: (state == "on hold").then_some(now),
            cycle: None,
            price: None,
        });
    }
    fleet
}

/// A line for each lease: its scenario, what is decided and why, by which policy, and when it falls due.
fn plan(example: &Path) -> String {
    let now: Timestamp = NOW.parse().unwrap();
    let fleet = fleet(now);
    let account = stand_in("yp".into(), "youproxy".into()).unwrap();
    let sources = Sources { files: vec![example.to_path_buf()], ..Sources::default() };
    let settings = load_rules(&sources, vec![account]).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let capabilities = providers::capabilities(&"youproxy".into()).unwrap();
    let leases: Arc<Leases> = Arc::new(fleet.leases.clone().into());
    let (name, provider) = ("yp".into(), "youproxy".into());
    let view = AccountView {
        name: &name,
        provider: &provider,
        capabilities: &capabilities,
        leases: &leases,
        missing: &[],
        standing: Standing::Good,
        barred: None,
        paused: None,
        clock_held: None,
        provider_stopped: None,
    };
    let policies = settings.policies(now, &fleet);
    let world = World {
        now,
        timing: &settings.timing,
        patience: settings.timing.lag_window,
        policies,
        accounts: &[view],
        past: &[],
        clock_held: None,
    };
    let drawn = draft(&world);
    let mut items = every_item(&drawn.items, &drawn.lists, &policies);
    items.sort_by(|a, b| a.lease.id.cmp(&b.lease.id));
    let line = |item: &renewd::planner::Item| {
        let policy = item.policy.map_or("no policy", |p| settings.policies[p].name.as_str());
        let due = item.due_at.map_or("never due".to_owned(), |at| format!("due {at:.0}"));
        let labels =
            if item.labels.is_empty() { String::new() } else { format!(" [{}]", item.labels.join(" ")) };
        let (id, decision) = (item.lease.id.as_str(), item.decision().as_str());
        format!("{id} {}{labels}: {decision} ({policy}, {due}): {}", fleet.scenarios[id], item.reason)
    };
    items.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_example_of_policies_plans_as_it_did() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/examples");
    let mut examples: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    examples.sort();
    assert_eq!(examples.len(), 12, "{examples:?}");
    for example in examples {
        let name = example.file_stem().unwrap().to_str().unwrap().to_owned();
        insta::assert_snapshot!(name, plan(&example));
    }
}
