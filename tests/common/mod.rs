//! The bench: a simulated provider over real sockets in this process, and the real binary beside it.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, missing_docs, reason = "helpers of tests: a panic is a failed test")]

pub mod certificates;
pub mod config;
pub mod documents;
pub mod http;
pub mod px6;
pub mod seller;
pub mod shard;
pub mod shim;
pub mod smtp;
pub mod time;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use renewd::domain::Money;
use renewd::simulator::{Handle, Product, Simulator, World};
use serde_json::Value;

pub use config::private;
pub use time::{in_hours, until};

use config::{Account, one_account};
use time::Ahead;

/// The simulated account's key: no output may hold it.
pub const KEY: &str = "sim-key-0123456789abcdef";

pub struct Bench {
    pub dir: tempfile::TempDir,
    pub handle: Handle,
    pub base_url: String,
    /// How far the clocks of provider and binary are ahead.
    pub time: Ahead,
    _runtime: tokio::runtime::Runtime,
    _simulator: Simulator,
}

pub fn money(text: &str) -> Money {
    text.parse().unwrap()
}

impl Bench {
    /// An account with this balance and these orders: product, addresses, hours to their end.
    pub fn new(balance: &str, orders: &[(Product, &[&str], i64)]) -> Self {
        let mut world = World::new();
        world.add_account(KEY, money(balance));
        for (product, ips, hours) in orders {
            world.add_order(KEY, *product, "USA", ips, in_hours(*hours)).unwrap();
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
        bench.secret("yp.key", KEY);
        bench.config("", KEEP);
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn secret(&self, name: &str, value: &str) {
        private(&self.path(name), value);
    }

    /// Lets time pass for the provider and for each renewd that starts from now on; nobody waits for it.
    pub fn pass(&self, ms: u64) {
        self.time.pass(Duration::from_millis(ms));
    }

    /// Writes the config: `account` goes into `[[account]]`, `rest` behind it.
    pub fn config(&self, account: &str, rest: &str) {
        self.config_with("", account, rest);
    }

    /// The same with `timing` appended to `[timing]`.
    pub fn config_with(&self, timing: &str, account: &str, rest: &str) {
        let head = format!(
            r#"[schedule]
cycle = "* * * * * *"
report = ""
jitter = "0s"
[timing]
lag_window = "3s"
read_timeout = "4s"
money_timeout = "2s"
{timing}"#
        );
        let url = &self.base_url;
        let to = Account { name: "yp", provider: "youproxy", base_url: url, per_minute: 100_000 };
        let text = one_account(self.dir.path(), &head, &to, &format!("{account}\n{rest}"));
        fs::write(self.path("renewd.toml"), text).unwrap();
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = renewd(&self.path("renewd.toml"), args);
        self.time.give(&mut command);
        command
    }

    pub fn renewd(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a command with `--json`; gives exit code and document.
    pub fn json(&self, args: &[&str]) -> (i32, Value) {
        document(self.command(args))
    }

    pub fn spawn(&self, args: &[&str]) -> Child {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("run.log")).unwrap();
        self.command(args).stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("run.log")).unwrap_or_default()
    }

    /// How many charges the provider's books hold, and their sum.
    pub fn charges(&self) -> (usize, Money) {
        self.handle.with(|w| {
            let amounts: Vec<Money> = w.books().charges().map(|e| e.amount).collect();
            (amounts.len(), Money::sum(amounts).unwrap())
        })
    }

    /// How often each lease was charged.
    pub fn charged(&self, ip: &str) -> usize {
        self.handle.with(|w| w.books().charges_for(ip).count())
    }

    pub fn paid_twice(&self) -> Vec<String> {
        self.handle.with(|w| w.books().paid_twice())
    }

    /// Payments that reached the provider's socket.
    pub fn payments_sent(&self) -> usize {
        self.handle
            .requests()
            .iter()
            .filter(|r| r.endpoint.is_some_and(renewd::simulator::Endpoint::is_money))
            .count()
    }

    /// The newest decision of an address in a plan document.
    pub fn item<'a>(&self, document: &'a Value, ip: &str) -> &'a Value {
        let items = document["items"].as_array().unwrap();
        items.iter().find(|i| i["ip"] == ip).unwrap_or_else(|| panic!("{ip} is not in {document:#}"))
    }

    /// Repeats `once` until nothing is unsettled, at most `n` times, a read apart.
    pub fn settle(&self, n: usize) -> Value {
        self.once_until(n, || {
            let open = self.json(&["history", "--state", "unknown", "--state", "accepted"]).1;
            open["payments"].as_array().unwrap().is_empty()
        })
    }

    /// Repeats `once` until this holds, at most `n` times, a read apart.
    pub fn once_until(&self, n: usize, holds: impl Fn() -> bool) -> Value {
        let mut document = Value::Null;
        for _ in 0..n {
            document = self.json(&["once"]).1;
            if holds() {
                break;
            }
            self.pass(1_050);
        }
        document
    }
}

/// The binary with this config, and nothing from the terminal or the environment of whoever runs the tests.
pub fn renewd(config: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_renewd"));
    command.arg("--config").arg(config).args(args);
    command.env_remove("RUST_LOG").env_remove("COLUMNS").stdin(Stdio::null());
    command
}

/// Runs it with `--json`; gives exit code and document.
fn document(mut command: Command) -> (i32, Value) {
    let out = command.arg("--json").output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let err = String::from_utf8_lossy(&out.stderr);
    for secret in [shard::TOKEN, px6::KEY] {
        assert!(!text.contains(secret) && !err.contains(secret), "a key is told");
    }
    let parsed = serde_json::from_str(&text);
    let parsed = parsed.unwrap_or_else(|e| panic!("{:?}: {e}\n{text}\n{err}", command.get_args()));
    documents::hold(command.get_args(), &parsed);
    (out.status.code().unwrap(), parsed)
}

pub const KEEP: &str = r#"
[[policy]]
name = "keep"
action = "renew"
before = "3d"
period = ["30d", "90d"]
"#;

pub fn signal(child: &Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// Every file below a folder, as bytes.
pub fn all_bytes(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(all_bytes(&path));
        } else {
            all.push((path.clone(), fs::read(&path).unwrap_or_default()));
        }
    }
    all
}
