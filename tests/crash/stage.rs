//! A simulated provider whose clock the tests move, and the real binary beside it with the shim in it.
//!
//! Time is never slept away: the simulator's clock and those of the binary are the machine's, so many milliseconds ahead.
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use renewd::clock::{Clock, SystemClock};
use renewd::domain::{Moment, Money};
use renewd::simulator::{Handle, Simulator, Site, proxyshard, youproxy};
use tokio::runtime::Runtime;

use crate::post::Post;
use crate::shim::{self, Orders};

/// The simulated account's key, at either provider.
pub const KEY: &str = "sim-key-0123456789abcdef";

/// The machine's clocks, ahead.
struct Ahead {
    real: SystemClock,
    by: Arc<AtomicI64>,
}

#[async_trait::async_trait]
impl Clock for Ahead {
    fn now(&self) -> Moment {
        let (ms, real) = (self.by.load(Ordering::SeqCst), self.real.now());
        let wall = real.wall.checked_add(SignedDuration::from_millis(ms)).unwrap();
        Moment { wall, boot_ms: real.boot_ms + ms, ..real }
    }

    async fn sleep(&self, span: Duration) {
        self.real.sleep(span).await;
    }
}

/// Whose books are looked at.
pub enum Provider {
    You(
        Handle<youproxy::World>,
        #[allow(dead_code, reason = "dropping it ends it")] Simulator<youproxy::World>,
    ),
    Shard(
        Handle<proxyshard::World>,
        #[allow(dead_code, reason = "dropping it ends it")] Simulator<proxyshard::World>,
    ),
}

/// A charge in the provider's books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Addresses renewed (`YouProxy`), orders renewed (`ProxyShard`), orders bought (both).
    pub what: Vec<String>,
    pub amount: Money,
}

pub struct Stage {
    pub dir: tempfile::TempDir,
    pub provider: Provider,
    /// What the world's maker wants to find again: orders.
    pub ids: Vec<String>,
    /// Who takes mails and calls, where somebody does.
    pub post: Option<Post>,
    ahead: Arc<AtomicI64>,
    url: String,
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
    })
}

/// A folder in memory, where there is one: a process that is killed leaves its files as it wrote them on any file system.
pub fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

pub fn in_hours(hours: i64) -> Timestamp {
    SystemClock::new().now().wall.checked_add(SignedDuration::from_hours(hours)).unwrap()
}

pub fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn begin<P: Site>(world: P, by: &Arc<AtomicI64>) -> Simulator<P> {
    let clock: Arc<dyn Clock> = Arc::new(Ahead { real: SystemClock::new(), by: Arc::clone(by) });
    runtime().block_on(Simulator::start(clock, world, ([127, 0, 0, 1], 0).into())).unwrap()
}

impl Stage {
    /// An account with 100.00 at `YouProxy`; `fill` gives it orders.
    pub fn you(fill: impl FnOnce(&mut youproxy::World)) -> Self {
        let mut world = youproxy::World::new();
        world.add_account(KEY, money("100.00"));
        fill(&mut world);
        let ahead = Arc::new(AtomicI64::new(0));
        let simulator = begin(world, &ahead);
        let url = simulator.base_url();
        Self::with(Provider::You(simulator.handle(), simulator), ahead, url)
    }

    /// The same at `ProxyShard`; `fill` gives the ids of its orders.
    pub fn shard(fill: impl FnOnce(&mut proxyshard::World) -> Vec<String>) -> Self {
        let mut world = proxyshard::World::new();
        world.add_account(KEY, money("100.00"));
        let ids = fill(&mut world);
        let ahead = Arc::new(AtomicI64::new(0));
        let simulator = begin(world, &ahead);
        let url = simulator.base_url();
        Self { ids, ..Self::with(Provider::Shard(simulator.handle(), simulator), ahead, url) }
    }

    fn with(provider: Provider, ahead: Arc<AtomicI64>, url: String) -> Self {
        let dir = scratch();
        let stage = Self { dir, provider, ids: Vec::new(), post: None, ahead, url };
        stage.secret("account.key", KEY);
        stage
    }

    pub fn secret(&self, name: &str, value: &str) {
        let mut open = fs::OpenOptions::new();
        let mut file = open.write(true).create_new(true).mode(0o600).open(self.path(name)).unwrap();
        file.write_all(value.as_bytes()).unwrap();
    }

    /// Writes the config; `lag` is the lag window, `rest` holds at least a policy.
    #[must_use]
    pub fn config(self, lag: &str, rest: &str) -> Self {
        let (dir, url) = (self.root(), &self.url);
        let provider = if matches!(self.provider, Provider::You(..)) { "youproxy" } else { "proxyshard" };
        let text = format!(
            r#"state_dir = "{dir}/state"
runtime_dir = "{dir}/run"
[schedule]
report = ""
[timing]
lag_window = "{lag}"
money_timeout = "120s"
[http]
listen = ""
[[account]]
name = "acct"
provider = "{provider}"
base_url = "{url}"
api_key = {{ file = "{dir}/account.key" }}
max_requests_per_minute = 100000
{rest}
"#,
            dir = dir.display()
        );
        fs::write(self.path("renewd.toml"), text).unwrap();
        self
    }

    /// The account is called otherwise from now on.
    pub fn rename(&self) {
        let text = fs::read_to_string(self.path("renewd.toml")).unwrap();
        fs::write(self.path("renewd.toml"), text.replace("\"acct\"", "\"renamed\"\nwas = [\"acct\"]"))
            .unwrap();
    }

    /// The config with alerts by mail and webhook, and a report every minute; the rest is `rest`.
    #[must_use]
    pub fn with_post(mut self, rest: &str) -> Self {
        let post = Post::start();
        self.secret("hook.url", &post.hook());
        let rest = format!("{rest}{}", post.config(&self.root()));
        self.post = Some(post);
        let stage = self.config("15m", &rest);
        let text = fs::read_to_string(stage.path("renewd.toml")).unwrap();
        fs::write(stage.path("renewd.toml"), text.replace("report = \"\"", "report = \"0 * * * * *\""))
            .unwrap();
        stage
    }

    /// As the kernel names it.
    fn root(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// Lets time pass for everybody.
    pub fn pass(&self, seconds: i64) {
        self.ahead.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// Runs a command; `{0}` in it stands for the first order of the world.
    pub fn run(&self, args: &[&str], log: Option<&Path>, kill: Option<&str>) -> Output {
        let orders = Orders { log, kill, ahead: self.ahead.load(Ordering::SeqCst) };
        let mut command = shim::command(&self.state(), orders);
        command.arg("--config").arg(self.path("renewd.toml"));
        for arg in args {
            match arg.strip_prefix('{').and_then(|a| a.strip_suffix('}')) {
                Some(n) => command.arg(&self.ids[n.parse::<usize>().unwrap()]),
                None => command.arg(arg),
            };
        }
        command.output().unwrap()
    }

    pub fn charges(&self) -> Vec<Charge> {
        match &self.provider {
            Provider::You(handle, _) => handle.with(|w| {
                let what = |e: &youproxy::Entry| {
                    let bought = e.kind == youproxy::EntryKind::Purchase;
                    let mut what: Vec<String> =
                        e.lines.iter().map(|l| if bought { l.order.clone() } else { l.ip.clone() }).collect();
                    what.dedup();
                    what
                };
                w.books().charges().map(|e| Charge { what: what(e), amount: e.amount }).collect()
            }),
            Provider::Shard(handle, _) => handle.with(|w| {
                let what = |e: &proxyshard::Entry| e.order.iter().cloned().collect();
                w.books().charges().map(|e| Charge { what: what(e), amount: e.amount }).collect()
            }),
        }
    }

    /// What was charged again before its term was over.
    pub fn paid_twice(&self) -> Vec<String> {
        match &self.provider {
            Provider::You(handle, _) => handle.with(|w| w.books().paid_twice()),
            Provider::Shard(handle, _) => handle.with(|w| w.books().paid_twice()),
        }
    }
}
