//! Two nodes, `a` and `b`: each with a folder of its own, one schema on the server, one account at one provider.
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use renewd::clock::{Clock, SystemClock};
use renewd::simulator::Product;
use rustix::process::Signal;
use serde_json::Value;

use crate::common::config::{Account, one_account, private};
use crate::common::{Bench, KEY, in_hours, renewd, signal};
use crate::server::{Cluster, cluster};

pub const NAMES: [&str; 2] = ["a", "b"];
/// As long as a takeover may take.
pub const TAKEOVER: u64 = 60;

pub struct Pair {
    pub bench: Bench,
    /// Where the URL leads, if not to the server of this program.
    socket: Option<PathBuf>,
    lag_window: &'static str,
    pub children: [Option<Child>; 2],
    pub ports: [u16; 2],
    more: String,
    leases: usize,
}

/// A session in the middle of a transaction.
pub struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Pair {
    /// Nothing runs yet. `more` goes behind the policy.
    pub fn new(ttl: &str, hold: &str, more: &str) -> Self {
        let pair = Self::on(None, "1s", more);
        cluster().site(&pair.dir(0));
        for n in 0..2 {
            pair.configure(n, ttl, hold);
        }
        pair
    }

    /// On a server of the caller's own, by a folder with its socket.
    pub fn by(server: &Cluster, socket: &Path, ttl: &str, lag_window: &'static str) -> Self {
        let pair = Self::on(Some(socket.to_owned()), lag_window, "");
        server.site(&pair.dir(0));
        for n in 0..2 {
            pair.configure(n, ttl, "2h");
        }
        pair
    }

    fn on(socket: Option<PathBuf>, lag_window: &'static str, more: &str) -> Self {
        let bench = Bench::new("100000.00", &[]);
        Self {
            bench,
            socket,
            lag_window,
            children: [None, None],
            ports: [free_port(), free_port()],
            more: more.to_owned(),
            leases: 0,
        }
    }

    pub fn dir(&self, n: usize) -> PathBuf {
        self.bench.path(NAMES[n])
    }

    fn configure(&self, n: usize, ttl: &str, hold: &str) {
        let dir = self.dir(n);
        std::fs::create_dir_all(dir.join("state")).unwrap();
        private(&dir.join("yp.key"), KEY);
        let url = match &self.socket {
            Some(socket) => cluster().url_by(socket, &dir),
            None => cluster().url(&dir),
        };
        private(&dir.join("ledger.url"), &url);
        let lag_window = self.lag_window;
        let head = format!(
            r#"[ledger]
url = {{ file = "{}/ledger.url" }}
lease_ttl = "{ttl}"
failover_hold = "{hold}"
[schedule]
cycle = "* * * * * *"
report = ""
jitter = "0s"
[timing]
lag_window = "{lag_window}"
settle_reads = 2
read_timeout = "4s"
money_timeout = "1s"
[guard]
max_fleet_share = "100%""#,
            dir.display()
        );
        let rest = format!(
            r#"[[policy]]
name = "keep"
action = "renew"
before = "3d"
urgent = "2d"
period = "30d"
on_unknown = "retry"
{}"#,
            self.more
        );
        let account =
            Account { name: "yp", provider: "youproxy", base_url: &self.bench.base_url, per_minute: 100_000 };
        let text = one_account(&dir, &head, &account, &rest);
        let listen = format!("listen = \"127.0.0.1:{}\"", self.ports[n]);
        std::fs::write(dir.join("renewd.toml"), text.replace("listen = \"\"", &listen)).unwrap();
    }

    /// One more lease, due at once.
    pub fn lease(&mut self) -> String {
        self.leases += 1;
        let ip = format!("203.0.{}.{}", self.leases / 250, self.leases % 250 + 1);
        let end = jiff::Timestamp::from_second(in_hours(24).as_second()).unwrap();
        self.bench.handle.with(|w| w.add_order(KEY, Product::IPv4, "USA", &[&ip], end)).unwrap();
        ip
    }

    pub fn start(&mut self, n: usize) {
        let dir = self.dir(n);
        let log = std::fs::OpenOptions::new().create(true).append(true).open(dir.join("run.log")).unwrap();
        let child = renewd(&dir.join("renewd.toml"), &["run"]).stdout(Stdio::null()).stderr(log).spawn();
        self.children[n] = Some(child.unwrap());
    }

    pub fn run(&self, n: usize, args: &[&str]) -> Output {
        renewd(&self.dir(n).join("renewd.toml"), args).output().unwrap()
    }

    pub fn signal(&self, n: usize, what: Signal) {
        signal(self.children[n].as_ref().unwrap(), what);
    }

    /// Ends it with that signal, and waits for its end.
    pub fn end(&mut self, n: usize, what: Signal) {
        self.signal(n, what);
        let status = self.children[n].take().unwrap().wait().unwrap();
        assert!(what == Signal::KILL || status.success(), "{status}: {}", self.log(n));
    }

    pub fn log(&self, n: usize) -> String {
        std::fs::read_to_string(self.dir(n).join("run.log")).unwrap_or_default()
    }

    pub fn sql(&self, text: &str) -> String {
        cluster().sql(&self.dir(0), text).unwrap()
    }

    /// Nobody writes to the window of requests while this lives.
    pub fn hold_requests(&self) -> Held {
        let mut psql = cluster().session(&self.dir(0));
        use std::io::{BufRead, Write};
        psql.stdin
            .as_mut()
            .unwrap()
            .write_all(b"BEGIN; LOCK TABLE request IN EXCLUSIVE MODE; SELECT 'held';\n")
            .unwrap();
        let mut line = String::new();
        std::io::BufReader::new(psql.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "held");
        Held(psql)
    }

    /// Which of the two holds the lease by the row, unless it has run out.
    pub fn holder(&self) -> Option<usize> {
        let row = "SELECT holder FROM pay_lease WHERE NOT released AND expires_at > clock_timestamp()";
        // Before the first start there is no row, nor a table for it.
        let holder = cluster().sql(&self.dir(0), row).unwrap_or_default();
        (0..2).find(|n| !holder.is_empty() && self.name(*n).as_deref() == Some(holder.as_str()))
    }

    pub fn name(&self, n: usize) -> Option<String> {
        std::fs::read_to_string(self.dir(n).join("state/node.id")).ok()
    }

    pub fn epoch(&self) -> i64 {
        self.sql("SELECT epoch FROM pay_lease").parse().unwrap()
    }

    pub fn failovers(&self) -> usize {
        self.sql("SELECT count(*) FROM note WHERE key LIKE 'failover:%'").parse().unwrap()
    }

    /// Code and body of a page of that node.
    pub fn get(&self, n: usize, path: &str) -> (u16, String) {
        let (status, body) = ask(self.ports[n], path);
        (status, body)
    }

    pub fn status(&self, n: usize) -> Value {
        let out = self.run(n, &["status", "--json"]);
        serde_json::from_slice(&out.stdout).unwrap_or_else(|e| {
            panic!("{e}: {} {}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
        })
    }

    /// What the books and the logs say against it.
    pub fn breaches(&self) -> Vec<String> {
        let mut all = self.bench.paid_twice();
        for n in 0..2 {
            let log = self.log(n);
            let bad = log.lines().filter(|l| l.contains("panicked") || l.contains("internal error"));
            all.extend(bad.map(str::to_owned));
        }
        all
    }
}

fn ask(port: u16, path: &str) -> (u16, String) {
    use std::io::{Read, Write};
    let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) else {
        return (0, String::new());
    };
    let question = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(question.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap_or_default();
    let code = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default();
    (code, answer)
}

impl Drop for Pair {
    fn drop(&mut self) {
        for child in self.children.iter_mut().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub fn now_ms() -> i64 {
    SystemClock::new().now().boot_ms
}

/// Waits for it, at most so many seconds; how many milliseconds it took.
pub fn waited(what: &str, seconds: u64, is: impl Fn() -> bool) -> Result<i64, String> {
    let began = now_ms();
    while !is() {
        if now_ms() - began > i64::try_from(seconds).unwrap() * 1000 {
            return Err(format!("{what}: not within {seconds} s"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(now_ms() - began)
}
