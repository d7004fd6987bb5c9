//! The bench for orders with billing cycles: a simulated ProxyShard in this process, and the real binary beside it.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, missing_docs, reason = "helpers of tests: a panic is a failed test")]
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use renewd::clock::{Clock, SystemClock};
use renewd::domain::Money;
use renewd::simulator::proxyshard::{Endpoint, World};
use renewd::simulator::{Handle, Simulator};
use serde_json::Value;

pub const TOKEN: &str = "shard-token-0123456789abcdef";

pub struct ShardBench {
    pub dir: tempfile::TempDir,
    pub handle: Handle<World>,
    pub base_url: String,
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
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let simulator = runtime.block_on(Simulator::start(clock, world, ([127, 0, 0, 1], 0).into())).unwrap();
        let bench = Self {
            dir: tempfile::tempdir().unwrap(),
            handle: simulator.handle(),
            base_url: simulator.base_url(),
            _runtime: runtime,
            _simulator: simulator,
        };
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(bench.path("ps.key"));
        file.unwrap().write_all(TOKEN.as_bytes()).unwrap();
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `account` goes into `[[account]]`, `rest` behind it.
    pub fn config(&self, account: &str, rest: &str) {
        let dir = self.dir.path().display();
        let text = format!(
            r#"state_dir = "{dir}/state"
runtime_dir = "{dir}/run"
[timing]
lag_window = "2s"
read_timeout = "4s"
money_timeout = "2s"
[guard]
max_payments_per_cycle = 1000
max_fleet_share = "100%"
[http]
listen = ""
[[account]]
name = "ps"
provider = "proxyshard"
base_url = "{url}"
api_key = {{ file = "{dir}/ps.key" }}
max_requests_per_minute = 100000
{account}
{rest}
"#,
            url = self.base_url
        );
        fs::write(self.path("renewd.toml"), text).unwrap();
    }

    /// Runs a command with `--json`; gives exit code and document.
    pub fn json(&self, args: &[&str]) -> (i32, Value) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_renewd"));
        command.arg("--config").arg(self.path("renewd.toml")).args(args).arg("--json");
        let out = command.env_remove("RUST_LOG").env_remove("COLUMNS").stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        let err = String::from_utf8_lossy(&out.stderr);
        assert!(!text.contains(TOKEN) && !err.contains(TOKEN), "the token is told");
        let document = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{args:?}: {e}\n{text}\n{err}"));
        (out.status.code().unwrap(), document)
    }

    /// Runs a command as people do; gives exit code, stdout and stderr.
    pub fn said(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_renewd"));
        command.arg("--config").arg(self.path("renewd.toml")).args(args);
        let out = command.env_remove("RUST_LOG").stdin(Stdio::null()).output().unwrap();
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
            std::thread::sleep(std::time::Duration::from_millis(700));
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
