//! A simulated provider whose clock the tests move, and the real binary beside it with the shim in it.
//!
//! Time is never slept away: the simulator's clock and those of the binary are the machine's, so many milliseconds ahead.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;
use std::time::Duration;

use renewd::domain::Money;
use renewd::simulator::{Handle, Simulator, Site, proxyseller, proxyshard, px6, youproxy};
use tokio::runtime::Runtime;

use crate::common::config::{Account, one_account, private};
use crate::common::time::Ahead;
pub use crate::common::{in_hours, money};
use crate::crash::post::Post;
use crate::crash::shim::{self, Orders};

/// The simulated account's key, at either provider.
pub const KEY: &str = "sim-key-0123456789abcdef";

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
    Seller(
        Handle<proxyseller::World>,
        #[allow(dead_code, reason = "dropping it ends it")] Simulator<proxyseller::World>,
    ),
    Px6(Handle<px6::World>, #[allow(dead_code, reason = "dropping it ends it")] Simulator<px6::World>),
}

impl Provider {
    /// As the config names it.
    fn name(&self) -> &'static str {
        match self {
            Self::You(..) => "youproxy",
            Self::Shard(..) => "proxyshard",
            Self::Seller(..) => "proxyseller",
            Self::Px6(..) => "px6",
        }
    }

    /// Its charges are told by the addresses of leases, and not by orders.
    pub fn tells_addresses(&self) -> bool {
        !matches!(self, Self::Shard(..))
    }
}

/// A charge in the provider's books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Addresses renewed, orders renewed (`ProxyShard`), orders bought.
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
    ahead: Ahead,
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

fn begin<P: Site>(world: P, time: &Ahead) -> Simulator<P> {
    runtime().block_on(Simulator::start(time.clock(), world, ([127, 0, 0, 1], 0).into())).unwrap()
}

impl Stage {
    /// An account with 100.00 at `YouProxy`; `fill` gives it orders.
    pub fn you(fill: impl FnOnce(&mut youproxy::World)) -> Self {
        let mut world = youproxy::World::new();
        world.add_account(KEY, money("100.00"));
        fill(&mut world);
        let ahead = Ahead::default();
        let simulator = begin(world, &ahead);
        let url = simulator.base_url();
        Self::with(Provider::You(simulator.handle(), simulator), ahead, url)
    }

    /// The same at `ProxyShard`; `fill` gives the ids of its orders.
    pub fn shard(fill: impl FnOnce(&mut proxyshard::World) -> Vec<String>) -> Self {
        let mut world = proxyshard::World::new();
        world.add_account(KEY, money("100.00"));
        let ids = fill(&mut world);
        let ahead = Ahead::default();
        let simulator = begin(world, &ahead);
        let url = simulator.base_url();
        Self { ids, ..Self::with(Provider::Shard(simulator.handle(), simulator), ahead, url) }
    }

    /// The same at Proxy-Seller; `fill` gives the ids of its orders.
    pub fn seller(fill: impl FnOnce(&mut proxyseller::World) -> Vec<String>) -> Self {
        let mut world = proxyseller::World::new();
        world.add_account(KEY, money("100.00"));
        let ids = fill(&mut world);
        let ahead = Ahead::default();
        let simulator = begin(world, &ahead);
        let url = simulator.base_url();
        Self { ids, ..Self::with(Provider::Seller(simulator.handle(), simulator), ahead, url) }
    }

    /// The same at px6; `fill` gives it proxies.
    pub fn px6(fill: impl FnOnce(&mut px6::World)) -> Self {
        let mut world = px6::World::new();
        world.add_account(KEY, money("100.00"));
        // Time stands still while a run is slow: what it asks for comes when it may by the machine's clock.
        world.per_second = 1_000;
        fill(&mut world);
        let ahead = Ahead::default();
        let simulator = begin(world, &ahead);
        let url = simulator.base_url();
        Self::with(Provider::Px6(simulator.handle(), simulator), ahead, url)
    }

    /// The account is asked and paid by a program of the owner's.
    #[must_use]
    pub fn by_program(self, lag: &str, rest: &str) -> Self {
        let program = self.path("youproxy.py");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/contrib/providers/youproxy.py");
        fs::write(&program, fs::read(source).unwrap()).unwrap();
        let account = format!(
            "command = [\"/usr/bin/python3\", \"-I\", \"{}\"]\nsettings = {{ base_url = \"{}\" }}\n",
            program.display(),
            self.url
        );
        let stage = self.config(lag, &format!("{account}{rest}"));
        let text = fs::read_to_string(stage.path("renewd.toml")).unwrap();
        let without = format!("provider = \"youproxy\"\nbase_url = \"{}\"\n", stage.url);
        fs::write(stage.path("renewd.toml"), text.replace(&without, "provider = \"exec\"\n")).unwrap();
        stage
    }

    fn with(provider: Provider, ahead: Ahead, url: String) -> Self {
        let dir = scratch();
        let stage = Self { dir, provider, ids: Vec::new(), post: None, ahead, url };
        stage.secret("acct.key", KEY);
        stage
    }

    pub fn secret(&self, name: &str, value: &str) {
        private(&self.path(name), value);
    }

    /// Writes the config; `lag` is the lag window, `rest` holds at least a policy.
    #[must_use]
    pub fn config(self, lag: &str, rest: &str) -> Self {
        let provider = self.provider.name();
        let head =
            format!("[schedule]\nreport = \"\"\n[timing]\nlag_window = \"{lag}\"\nmoney_timeout = \"120s\"");
        let account = Account { name: "acct", provider, base_url: &self.url, per_minute: 100_000 };
        let text = one_account(&self.root(), &head, &account, rest);
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
    pub fn pass(&self, seconds: u64) {
        self.ahead.pass(Duration::from_secs(seconds));
    }

    /// Runs a command; `{0}` in it stands for the first order of the world.
    pub fn run(&self, args: &[&str], log: Option<&Path>, kill: Option<&str>) -> Output {
        let orders = Orders { log, kill, ahead: self.ahead.ms() };
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
            Provider::Seller(handle, _) => handle.with(|w| {
                let what = |e: &proxyseller::Entry| {
                    let bought = e.kind == proxyseller::EntryKind::Purchase;
                    let name = |l: &proxyseller::Line| if bought { &l.order } else { &l.place }.clone();
                    let mut what: Vec<String> = e.lines.iter().map(name).collect();
                    what.dedup();
                    what
                };
                w.books().charges().map(|e| Charge { what: what(e), amount: e.amount }).collect()
            }),
            Provider::Px6(handle, _) => handle.with(|w| {
                let what = |e: &px6::Entry| {
                    let bought = e.kind == px6::EntryKind::Purchase;
                    let name = |l: &px6::Line| if bought { l.id.to_string() } else { l.ip.clone() };
                    e.lines.iter().map(name).collect()
                };
                w.books().charges().map(|e| Charge { what: what(e), amount: e.amount }).collect()
            }),
        }
    }

    /// What was charged again before its term was over.
    pub fn paid_twice(&self) -> Vec<String> {
        match &self.provider {
            Provider::You(handle, _) => handle.with(|w| w.books().paid_twice()),
            Provider::Shard(handle, _) => handle.with(|w| w.books().paid_twice()),
            Provider::Seller(handle, _) => handle.with(|w| w.books().paid_twice()),
            Provider::Px6(handle, _) => handle.with(|w| w.books().paid_twice()),
        }
    }
}
