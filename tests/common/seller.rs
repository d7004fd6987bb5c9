//! The bench for leases whose provider keeps a log of renewals: a simulated Proxy-Seller in this process, and the real binary beside it.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, missing_docs, reason = "helpers of tests: a panic is a failed test")]
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use renewd::simulator::proxyseller::{Endpoint, Product, World};
use renewd::simulator::{Handle, Simulator};
use serde_json::Value;

use super::config::{Account, one_account, private};
use super::time::{Ahead, in_hours};
use super::{document, renewd};

/// In the path of every call: no output may hold it, in whatever letter case.
pub const KEY: &str = "Seller-KEY-0123456789abcdef";

pub struct SellerBench {
    pub dir: tempfile::TempDir,
    pub handle: Handle<World>,
    pub base_url: String,
    time: Ahead,
    _runtime: tokio::runtime::Runtime,
    _simulator: Simulator<World>,
}

impl SellerBench {
    /// An account with this balance and these orders: type, places, hours to their end.
    pub fn new(balance: &str, orders: &[(Product, &[&str], i64)]) -> Self {
        let mut world = World::new();
        world.add_account(KEY, balance.parse().unwrap());
        for (product, places, hours) in orders {
            world.add_order(KEY, *product, "USA", places, in_hours(*hours)).unwrap();
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
        private(&bench.path("seller.key"), KEY);
        bench.config("", super::KEEP);
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `account` goes into `[[account]]`, `rest` behind it.
    pub fn config(&self, account: &str, rest: &str) {
        let head = r#"[timing]
lag_window = "3s"
read_timeout = "4s"
money_timeout = "2s"
[guard]
max_fleet_share = "100%""#;
        let url = &self.base_url;
        let to = Account { name: "seller", provider: "proxyseller", base_url: url, per_minute: 100_000 };
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
        let (code, document) = document(self.command(args));
        let text = document.to_string().to_lowercase();
        assert!(!text.contains(&KEY.to_lowercase()), "the key is told: {text}");
        (code, document)
    }

    /// How often each place was charged.
    pub fn charged(&self, place: &str) -> usize {
        self.handle.with(|w| w.books().charges_for(place).count())
    }

    /// Payments that reached the provider's socket.
    pub fn payments_sent(&self) -> usize {
        self.handle.requests().iter().filter(|r| r.endpoint.is_some_and(Endpoint::is_money)).count()
    }

    /// The payments, newest first.
    pub fn payments(&self) -> Vec<Value> {
        self.json(&["history"]).1["payments"].as_array().unwrap().clone()
    }

    /// The newest decision of an address in a plan document.
    pub fn item<'a>(&self, document: &'a Value, ip: &str) -> &'a Value {
        let items = document["items"].as_array().unwrap();
        items.iter().find(|i| i["ip"] == ip).unwrap_or_else(|| panic!("{ip} is not in {document:#}"))
    }
}
