//! The bench for proxies that are paid by GET: a simulated px6 in this process, and the real binary beside it.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, missing_docs, reason = "helpers of tests: a panic is a failed test")]
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use renewd::domain::Money;
use renewd::simulator::px6::{Endpoint, World};
use renewd::simulator::{Handle, Simulator};
use serde_json::Value;

use super::config::{Account, one_account, private};
use super::time::{Ahead, in_hours};
use super::{document, renewd};

pub const KEY: &str = "px6-Key~0123456789/abcdef";
/// The owner's word without which nothing is paid.
pub const OFF: &str = "provider_renews = \"off\"";

pub struct Px6Bench {
    pub dir: tempfile::TempDir,
    pub handle: Handle<World>,
    time: Ahead,
    pub base_url: String,
    _runtime: tokio::runtime::Runtime,
    _simulator: Simulator<World>,
}

impl Px6Bench {
    /// An account with this balance and IPv4 proxies that end in so many hours: 203.0.113.1, .2 and so on.
    pub fn new(balance: &str, hours: &[i64]) -> Self {
        let mut world = World::new();
        world.add_account(KEY, balance.parse().unwrap());
        for (n, hours) in (1..).zip(hours) {
            world.add_proxy(KEY, 4, "us", &format!("203.0.113.{n}"), in_hours(*hours)).unwrap();
        }
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let time = Ahead::default();
        let simulator =
            runtime.block_on(Simulator::start(time.clock(), world, ([127, 0, 0, 1], 0).into())).unwrap();
        let bench = Self {
            dir: tempfile::tempdir().unwrap(),
            handle: simulator.handle(),
            base_url: simulator.base_url(),
            time,
            _runtime: runtime,
            _simulator: simulator,
        };
        private(&bench.path("px.key"), KEY);
        bench.config(OFF, super::KEEP);
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `account` goes into `[[account]]`, `rest` behind it.
    pub fn config(&self, account: &str, rest: &str) {
        self.config_with("6s", account, rest);
    }

    pub fn config_with(&self, lag_window: &str, account: &str, rest: &str) {
        let head = format!(
            r#"[timing]
lag_window = "{lag_window}"
read_timeout = "4s"
money_timeout = "2s"
[guard]
max_payments_per_cycle = 1000
max_fleet_share = "100%""#
        );
        let url = &self.base_url;
        let to = Account { name: "px", provider: "px6", base_url: url, per_minute: 100_000 };
        let text = one_account(self.dir.path(), &head, &to, &format!("{account}\n{rest}"));
        fs::write(self.path("renewd.toml"), text).unwrap();
    }

    /// Lets time pass for the provider and for each renewd that starts from now on; nobody waits for it.
    pub fn pass(&self, ms: u64) {
        self.time.pass(Duration::from_millis(ms));
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = renewd(&self.path("renewd.toml"), args);
        self.time.give(&mut command);
        command
    }

    /// Runs a command with `--json`; gives exit code and document.
    pub fn json(&self, args: &[&str]) -> (i32, Value) {
        document(self.command(args))
    }

    /// The states of all payments, newest first, parts in the place of their whole.
    pub fn states(&self) -> Vec<String> {
        let history = self.json(&["history"]).1;
        let all = history["payments"].as_array().unwrap();
        all.iter().map(|p| p["state"].as_str().unwrap().to_owned()).collect()
    }

    /// Repeats `once` until nothing is unsettled, at most `n` times, a read apart.
    pub fn settle(&self, n: usize) -> Value {
        let mut once = Value::Null;
        for _ in 0..n {
            once = self.json(&["once"]).1;
            let open = self.json(&["history", "--state", "unknown", "--state", "accepted"]).1;
            if open["payments"].as_array().unwrap().is_empty() {
                break;
            }
            self.pass(2_100);
        }
        once
    }

    /// What reached the provider's socket of this call, without the key.
    pub fn sent(&self, endpoint: Endpoint) -> Vec<String> {
        let all = self.handle.requests();
        all.into_iter().filter(|r| r.endpoint == Some(endpoint)).map(|r| r.path).collect()
    }

    pub fn charges(&self) -> (usize, Money) {
        self.handle.with(|w| {
            let amounts: Vec<Money> = w.books().charges().map(|e| e.amount).collect();
            (amounts.len(), Money::sum(amounts).unwrap())
        })
    }

    pub fn charged(&self, ip: &str) -> usize {
        self.handle.with(|w| w.books().charges_for(ip).count())
    }

    pub fn id(&self, ip: &str) -> u64 {
        self.handle.with(|w| w.account(KEY).unwrap().proxy(ip).unwrap().id)
    }

    /// The decision on an address in a plan document.
    pub fn reason(&self, document: &Value, ip: &str) -> String {
        let items = document["items"].as_array().unwrap();
        let item = items.iter().find(|i| i["ip"] == ip).unwrap_or_else(|| panic!("{ip}: {document:#}"));
        format!("{} {}", item["decision"].as_str().unwrap(), item["reason"].as_str().unwrap())
    }
}
