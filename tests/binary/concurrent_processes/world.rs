//! One ledger, one account, many leases: the bench with a slow wire in front, and both sides' story read from it.
use std::path::Path;

use jiff::Timestamp;
use renewd::domain::Money;
use renewd::simulator::{Product, youproxy};
use rusqlite::{Connection, OpenFlags};

use super::history::{Charge, History, Row, Term};
use super::wire::Wire;
use crate::common::config::{Account, one_account};
use crate::common::{Bench, KEY, in_hours, money};

/// How far a provider's lists and late charges may lag; what the storms do stays well below it.
pub const LAG_MS: u64 = 2_000;
const OPENING: &str = "100000.00";

pub struct Crowd {
    pub bench: Bench,
    pub wire: Wire,
    pub limit: usize,
    /// What `before` is: time passes for the policies by this growing, so that term after term falls due.
    pub days: u32,
}

impl Crowd {
    /// `leases` leases of one to three per order whose ends lie `apart` hours from one to the next.
    pub fn new(leases: usize, apart: i64, slowest_ms: u64, seed: u64, limit: usize) -> Self {
        let mut bench = Bench::new(OPENING, &[]);
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut made = 0_usize;
        while made < leases {
            let product = if dice.u8(0..8) == 0 { Product::IPv6 } else { Product::IPv4 };
            let size = dice.usize(1..=3).min(leases - made);
            let ips: Vec<String> = (made..made + size).map(|n| address(product, n)).collect();
            let names: Vec<&str> = ips.iter().map(String::as_str).collect();
            let end = in_hours(24 + apart * i64::try_from(made).unwrap());
            let end = Timestamp::from_second(end.as_second()).unwrap();
            bench.handle.with(|w| w.add_order(KEY, product, "USA", &names, end)).unwrap();
            made += size;
        }
        let wire = Wire::start(&bench.base_url, seed, slowest_ms);
        bench.base_url.clone_from(&wire.url);
        let crowd = Self { bench, wire, limit, days: 3 };
        crowd.configure();
        crowd
    }

    /// One more lease, due like the first.
    pub fn add(&mut self, ip: &str) {
        let end = Timestamp::from_second(in_hours(25).as_second()).unwrap();
        self.bench.handle.with(|w| w.add_order(KEY, Product::IPv4, "USA", &[ip], end)).unwrap();
    }

    /// `days` pass for the policies: what falls due is bought for thirty days. The longer period lets `before` grow beyond that.
    pub fn pass(&mut self, days: u32) {
        self.days += days;
        self.configure();
    }

    fn configure(&self) {
        let head = format!(
            r#"[schedule]
cycle = "* * * * * *"
report = ""
jitter = "0s"
[timing]
lag_window = "{lag}s"
settle_reads = 2
read_timeout = "4s"
money_timeout = "1s"
[guard]
max_fleet_share = "100%""#,
            lag = LAG_MS / 1000,
        );
        let rest = format!(
            r#"batch = 3
[[policy]]
name = "keep"
action = "renew"
before = "{days}d"
period = ["30d", "360d"]
on_unknown = "retry""#,
            days = self.days,
        );
        let url = &self.bench.base_url;
        let account = Account { name: "yp", provider: "youproxy", base_url: url, per_minute: self.limit };
        let text = one_account(self.bench.dir.path(), &head, &account, &rest);
        // Whole or not at all: a process may be reading it.
        let draft = self.bench.path("draft.toml");
        std::fs::write(&draft, text).unwrap();
        std::fs::rename(draft, self.bench.path("renewd.toml")).unwrap();
    }

    /// Both sides' story as of now. No process may be at work.
    pub fn history(&self, calm: bool) -> History {
        let requests = self.bench.handle.requests().iter().map(|r| r.at.as_millisecond()).collect();
        let (charges, balance) = self
            .bench
            .handle
            .with(|w| (w.books().charges().map(charge).collect(), w.account(KEY).unwrap().balance));
        History {
            opening: money(OPENING),
            balance,
            charges,
            rows: rows(&self.bench.path("state/ledger.db")),
            calls: self.wire.calls(),
            requests,
            limit: self.limit,
            calm,
        }
    }

    /// What is still open in the ledger.
    pub fn open(&self) -> usize {
        let open = ["reserved", "spend_started", "accepted", "unknown"];
        rows(&self.bench.path("state/ledger.db")).iter().filter(|r| open.contains(&r.state())).count()
    }
}

fn address(product: Product, n: usize) -> String {
    if product == Product::IPv6 { format!("2001:db8::{n:x}") } else { format!("203.0.113.{n}") }
}

fn charge(entry: &youproxy::Entry) -> Charge {
    let term = |l: &youproxy::Line| l.end_before.map(|end| (l.ip.clone(), end.as_second()));
    Charge { amount: entry.amount, terms: entry.lines.iter().filter_map(term).collect() }
}

fn seconds(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_second()
}

/// Every payment. Read past the product's own code, straight from the tables.
pub fn rows(ledger: &Path) -> Vec<Row> {
    if !ledger.exists() {
        return Vec::new();
    }
    let db = Connection::open_with_flags(ledger, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    db.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    if db.prepare("SELECT 1 FROM intent").is_err() {
        return Vec::new();
    }
    let mut heads = db
        .prepare("SELECT i.id, i.name, h.charged FROM intent i JOIN intent_head h ON h.intent = i.id ORDER BY i.id")
        .unwrap();
    let read = |r: &rusqlite::Row<'_>| Ok((r.get(0)?, r.get(1)?, r.get(2)?));
    let heads: Vec<(i64, String, Option<String>)> =
        heads.query_map([], read).unwrap().map(Result::unwrap).collect();
    let of = |number: i64, (id, charged): (String, Option<String>)| Row {
        id,
        terms: terms(&db, number),
        charged: charged.map(|c| -> Money { money(&c) }),
        states: states(&db, number),
    };
    heads.into_iter().map(|(number, id, charged)| of(number, (id, charged))).collect()
}

fn terms(db: &Connection, number: i64) -> Vec<Term> {
    let mut all = db
        .prepare_cached("SELECT ip, expires_before FROM intent_lease WHERE intent = ?1 ORDER BY seq")
        .unwrap();
    let read = |r: &rusqlite::Row<'_>| Ok((r.get(0)?, seconds(&r.get::<_, String>(1)?)));
    all.query_map([number], read).unwrap().map(Result::unwrap).collect()
}

/// What a payment cost may be seen later: that is a word on the amount and no step.
fn states(db: &Connection, number: i64) -> Vec<String> {
    let steps = "SELECT state FROM intent_event WHERE intent = ?1 AND event <> 'measured' ORDER BY seq";
    let mut all = db.prepare_cached(steps).unwrap();
    all.query_map([number], |r| r.get(0)).unwrap().map(Result::unwrap).collect()
}
