//! The bench for orders with billing cycles: a simulated ProxyShard in this process, and the real binary beside it.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, missing_docs, reason = "helpers of tests: a panic is a failed test")]
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use renewd::domain::Money;
use renewd::simulator::proxyshard::{Endpoint, World};
use renewd::simulator::{Handle, Simulator};
use serde_json::Value;

use super::config::{Account, one_account, private};
use super::time::Ahead;
use super::{document, renewd};

pub const TOKEN: &str = "shard-token-0123456789abcdef";

pub struct ShardBench {
    pub dir: tempfile::TempDir,
    pub handle: Handle<World>,
    pub base_url: String,
    /// How far the clocks of provider and binary are ahead.
    time: Ahead,
    _runtime: tokio::runtime::Runtime,
    _simulator: Simulator<World>,
}

impl ShardBench {
    /// `fill` puts orders into a world whose account has this wallet.
    pub fn new(wallet: &str, fill: impl FnOnce(&mut World)) -> Self {
        let mut world = World::new();
        world.add_account(TOKEN, wallet.parse().unwrap());
        fill(&mut world);
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
        private(&bench.path("ps.key"), TOKEN);
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `account` goes into `[[account]]`, `rest` behind it.
    pub fn config(&self, account: &str, rest: &str) {
        let head = r#"[timing]
lag_window = "2s"
read_timeout = "4s"
money_timeout = "2s"
[guard]
max_payments_per_cycle = 1000
max_fleet_share = "100%""#;
        let url = &self.base_url;
        let to = Account { name: "ps", provider: "proxyshard", base_url: url, per_minute: 100_000 };
        let text = one_account(self.dir.path(), head, &to, &format!("{account}\n{rest}"));
        fs::write(self.path("renewd.toml"), text).unwrap();
    }

    /// Lets time pass for the provider and for each renewd that starts from now on; nobody waits for it.
    pub fn pass(&self, ms: u64) {
        self.time.pass(Duration::from_millis(ms));
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = renewd(&self.path("renewd.toml"), args);
        self.time.give(&mut command);
        command
    }

    /// Runs a command with `--json`; gives exit code and document.
    pub fn json(&self, args: &[&str]) -> (i32, Value) {
        document(self.command(args))
    }

    /// Runs a command as people do; gives exit code, stdout and stderr.
    pub fn said(&self, args: &[&str]) -> (i32, String, String) {
        let out = self.command(args).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (out.status.code().unwrap(), text(out.stdout), text(out.stderr))
    }

    /// Repeats `once` until nothing is unsettled, a read apart.
    pub fn settle(&self, n: usize) {
        for _ in 0..n {
            self.json(&["once"]);
            let open = self.json(&["history", "--state", "unknown", "--state", "accepted"]).1;
            if open["payments"].as_array().unwrap().is_empty() {
                return;
            }
            self.pass(700);
        }
    }

    pub fn charged(&self, order: &str) -> usize {
        self.handle.with(|w| w.books().charges_for(order).count())
    }

    pub fn sum(&self) -> Money {
        self.handle.with(|w| Money::sum(w.books().charges().map(|e| e.amount)).unwrap())
    }

    pub fn paid_twice(&self) -> Vec<String> {
        self.handle.with(|w| w.books().paid_twice())
    }

    pub fn sent(&self, endpoint: Endpoint) -> usize {
        self.handle.count(endpoint)
    }

    /// The decision on an order in a plan document.
    pub fn item<'a>(&self, document: &'a Value, order: &str) -> &'a Value {
        let items = document["items"].as_array().unwrap();
        items.iter().find(|i| i["lease"] == order).unwrap_or_else(|| panic!("{order}: {document:#}"))
    }
}
