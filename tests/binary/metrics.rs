//! `/metrics` of a running daemon: what is served is what the reference says, in both forms, without a look at each lease; and
//! what comes with it for Prometheus and Grafana works there.
//!
//! What needs Debian's `prometheus` is ignored by a plain `cargo test`, and `scripts/test-all` runs it.
mod prometheus;

use std::collections::BTreeMap;
use std::process::Child;

use renewd::http::{FAMILIES, Kind};
use renewd::simulator::Product;
use rustix::process::Signal;

use crate::common::config::keep_and_mail;
use crate::common::http::{get, get_as};
use crate::common::smtp::free_port;
use crate::common::{Bench, KEY, signal, until};

const REFERENCE: &str = include_str!("../../docs/metrics.md");
const OPENMETRICS: &str =
    "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/// A daemon that has made its one cycle for a long time, with something of everything.
struct Served {
    bench: Bench,
    port: u16,
    child: Child,
}

impl Served {
    fn new() -> Self {
        let bench = Bench::new(
            "10.00",
            &[(Product::IPv4, &["203.0.113.1"], 24), (Product::IPv4, &["203.0.113.2"], 24 * 10)],
        );
        let budget =
            "[[budget]]\nname = \"monthly\"\nper = \"month\"\nlimit = \"500.00\"\ncurrency = \"USD\"\n";
        bench.config("", &format!("{}{budget}", keep_and_mail(9)));
        let port = free_port();
        let config = std::fs::read_to_string(bench.path("renewd.toml")).unwrap();
        let config = config.replace("listen = \"\"", &format!("listen = \"127.0.0.1:{port}\""));
        let config = config.replace("cycle = \"* * * * * *\"", "cycle = \"0 0 0 1 1 *\"");
        std::fs::write(bench.path("renewd.toml"), config).unwrap();
        let mut served = Self { child: bench.spawn(&["run"]), bench, port };
        served.wait();
        served
    }

    fn wait(&mut self) {
        until("the daemon serves", 20, || get(self.port, "/readyz").is_some_and(|(code, _)| code == 200));
    }

    fn stop(&mut self) {
        signal(&self.child, Signal::TERM);
        self.child.wait().unwrap();
    }

    fn metrics(&self, accept: &str) -> String {
        let (code, text) = get_as(self.port, "/metrics", accept).unwrap();
        assert_eq!(code, 200, "{text}");
        text
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Of each family: its type, and the names of its labels where a number is served.
fn served(text: &str) -> BTreeMap<String, (String, Vec<String>)> {
    let mut families = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            families.insert(name.to_owned(), (kind.to_owned(), Vec::new()));
        }
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (sample, labels) = line.split_once(['{', ' ']).unwrap();
        let labels =
            if line[sample.len()..].starts_with('{') { labels.rsplit_once('}').unwrap().0 } else { "" };
        let names: Vec<String> = labels
            .split("\",")
            .filter_map(|label| Some(label.split_once("=\"")?.0.to_owned()))
            .filter(|name| name != "le")
            .collect();
        let plain =
            ["_bucket", "_sum", "_count"].iter().find_map(|end| sample.strip_suffix(end)).unwrap_or(sample);
        let name = if families.contains_key(sample) { sample } else { plain };
        families.get_mut(name).unwrap_or_else(|| panic!("{line} has no type")).1 = names;
    }
    families
}

#[test]
fn what_is_served_is_what_the_reference_says() {
    let mut daemon = Served::new();
    let text = daemon.metrics("");
    let served = served(&text);
    for family in FAMILIES {
        let name = format!("renewd_{}", family.name);
        let (kind, labels) = served.get(&name).unwrap_or_else(|| panic!("{name} is not served: {text}"));
        assert_eq!(
            (kind.as_str(), labels.join(" ")),
            (family.kind.as_str(), family.labels.join(" ")),
            "{name}"
        );
        let labels = family.labels.iter().map(|l| format!("`{l}`")).collect::<Vec<_>>().join(", ");
        let row = format!("| `{name}` | {} | {labels} | ", family.kind.as_str());
        assert!(REFERENCE.lines().any(|line| line.starts_with(&row)), "docs/metrics.md has no row {row}");
    }
    assert_eq!(served.len(), FAMILIES.len(), "{:?}", served.keys());
    assert_eq!(REFERENCE.lines().filter(|line| line.starts_with("| `renewd_")).count(), FAMILIES.len());
    for secret in [KEY, "203.0.113.", "ops@example.org"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    for line in [
        "renewd_payments_total{state=\"confirmed\"} 1",
        "renewd_budget_spent{budget=\"monthly\",per=\"month\",currency=\"USD\"} 2.65",
        "renewd_budget_limit{budget=\"monthly\",per=\"month\",currency=\"USD\"} 500.0",
        "renewd_held_leases{word=\"price_cap\"} 0",
        "renewd_cycle_lateness_seconds 0",
        "renewd_unknown_age_seconds 0",
        "renewd_loop_alive 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    let answered = "renewd_requests_total{account=\"yp\",outcome=\"answered\"} ";
    let requests = text.lines().find_map(|line| line.strip_prefix(answered)).unwrap();
    assert!(requests.parse::<u64>().unwrap() >= 3, "a list, a quote and a payment: {text}");
    daemon.stop();
}

#[test]
fn both_forms_hold_the_same_numbers() {
    let mut daemon = Served::new();
    let samples = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.contains("seconds"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let (text, open) = (daemon.metrics(""), daemon.metrics(OPENMETRICS));
    assert_eq!(samples(&text), samples(&open));
    assert!(open.ends_with("# EOF\n") && !text.contains("# EOF"), "{open}");
    assert!(FAMILIES.iter().any(|family| family.kind == Kind::Histogram));
    daemon.stop();
}

#[test]
fn metrics_are_read_without_a_look_at_each_lease() {
    let mut daemon = Served::new();
    daemon.stop();
    // A walk over the fleet would meet this lease, whose end no reader can make sense of.
    let raw = rusqlite::Connection::open(daemon.bench.path("state/ledger.db")).unwrap();
    raw.execute(
        "INSERT INTO lease (account, lease, order_id, ip, kind, expires_at, first_seen) VALUES ('yp', 'x', 'x', '', 'IPv4', 'not an instant', 'x')",
        [],
    )
    .unwrap();
    drop(raw);
    daemon.child = daemon.bench.spawn(&["run"]);
    until("the daemon serves", 20, || get(daemon.port, "/healthz").is_some_and(|(code, _)| code == 200));
    let text = daemon.metrics("");
    assert!(text.contains("renewd_account_leases{account=\"yp\",provider=\"youproxy\"} 2"), "{text}");
    assert!(text.contains("renewd_held_leases{") && text.contains("renewd_runway_seconds{"), "{text}");
    assert_eq!(daemon.bench.json(&["forecast"]).0, 1, "who looks at all of them meets it");
    daemon.stop();
}

#[test]
fn schemas_are_served_under_their_names() {
    let mut daemon = Served::new();
    for document in renewd::views::Document::ALL {
        let (code, text) = get(daemon.port, &format!("/schema/{}.json", document.name())).unwrap();
        assert_eq!(code, 200, "{document:?}: {text}");
        let shown = daemon.bench.renewd(&["schema", document.name()]);
        assert_eq!(shown.status.code(), Some(0));
        let parse = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).unwrap();
        assert_eq!(parse(text.as_bytes()), parse(&shown.stdout), "{document:?}");
    }
    assert_eq!(daemon.bench.renewd(&["schema", "nosuch"]).status.code(), Some(2));
    daemon.stop();
}
