//! A fleet in which everything that the pages show happens at once: money runs short, a plan waits, a price is over its cap, an account is
//! down, spending of another is paused, a lease was paid every month, and words from outside are hostile.
use std::process::Child;

use crate::common::smtp::free_port;
use crate::common::{Bench, KEEP, KEY, in_hours, signal, until};
use renewd::simulator::Product;
use rustix::process::Signal;

/// Paid every month.
pub const OLD: &str = "203.0.113.1";
const MONTHS: i64 = 3;

/// The rest of the fleet: product, addresses, hours to their end.
const FLEET: [(Product, &[&str], i64); 10] = [
    (
        Product::IPv4,
        &[
            "203.0.113.10",
            "203.0.113.11",
            "203.0.113.12",
            "203.0.113.13",
            "203.0.113.14",
            "203.0.113.15",
            "203.0.113.16",
            "203.0.113.17",
            "203.0.113.18",
            "203.0.113.19",
            "203.0.113.20",
            "203.0.113.21",
            "203.0.113.22",
            "203.0.113.23",
            "203.0.113.24",
            "203.0.113.25",
        ],
        60,
    ),
    (Product::Isp, &["203.0.113.40", "203.0.113.41"], 30),
    (Product::Mobile, &["203.0.113.50"], 20),
    (Product::IPv4, &["203.0.113.60", "203.0.113.61"], 24 * 6),
    (Product::IPv4, &["203.0.113.62", "203.0.113.63", "203.0.113.64"], 24 * 11),
    (Product::IPv4, &["203.0.113.65"], 24 * 15),
    (Product::IPv4, &["203.0.113.66", "203.0.113.67", "203.0.113.68", "203.0.113.69"], 24 * 22),
    (Product::IPv4, &["203.0.113.70", "203.0.113.71"], 24 * 28),
    (Product::IPv4, &["203.0.113.80", "203.0.113.81"], 24 * 8),
    (Product::IPv4, &["203.0.113.90"], 24 * 17),
];

const CONFIG: &str = r#"
[[policy]]
name = "let-go"
match = { ip = ["203.0.113.80", "203.0.113.81"] }
action = "release"
[[policy]]
name = "clients"
match = { ip = ["203.0.113.40", "203.0.113.41"] }
action = "renew"
before = "3d"
period = "30d"
approval = true
[[policy]]
name = "cheap <script>alert(1)</script>"
match = { ip = ["203.0.113.50"] }
action = "renew"
before = "3d"
period = "30d"
max_price = "0.10"
[[policy]]
name = "only-watch"
match = { ip = ["203.0.113.90"] }
action = "watch"
[[budget]]
name = "monthly"
per = "month"
limit = "40.00"
currency = "USD"
[[budget]]
name = "spare-per-day"
account = ["spare"]
per = "day"
limit = "5.00"
currency = "USD"
[[account]]
name = "spare"
provider = "youproxy"
base_url = "http://127.0.0.1:9"
api_key = { file = "DIR/spare.key" }
"#;

/// The config; `cycle` is the schedule.
fn configure(bench: &Bench, cycle: &str, listen: &str) {
    bench.secret("spare.key", "spare-key-0123456789abcdef");
    let more = CONFIG.replace("DIR", &bench.dir.path().display().to_string());
    // The first policy that matches decides.
    let (policies, rest) = more.split_once("[[budget]]").unwrap();
    bench.config("", &format!("{policies}{KEEP}[[budget]]{rest}"));
    let file = bench.path("renewd.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("cycle = \"* * * * * *\"", &format!("cycle = \"{cycle}\""));
    let text = text.replace("listen = \"\"", &format!("listen = \"{listen}\""));
    std::fs::write(file, format!("timezone = \"Europe/Berlin\"\n{text}")).unwrap();
}

/// The fleet after some months, read once and not looked at again.
pub fn fleet() -> Bench {
    let bench = Bench::new("20.00", &[(Product::IPv4, &[OLD], 24)]);
    for _ in 0..MONTHS {
        bench.settle(8);
        bench.pass(30 * 24 * 3_600_000);
    }
    bench.handle.with(|w| {
        for (product, ips, hours) in FLEET {
            w.add_order(KEY, product, "USA", ips, in_hours(24 * 30 * MONTHS + hours)).unwrap();
        }
    });
    configure(&bench, "0 0 0 1 1 *", "");
    bench.settle(8);
    bench
}

/// A daemon beside it that serves its pages.
pub struct Served {
    pub child: Child,
    pub port: u16,
}

impl Served {
    pub fn over(bench: &Bench) -> Self {
        let port = free_port();
        configure(bench, "0 0 0 1 1 *", &format!("127.0.0.1:{port}"));
        let child = bench.spawn(&["run"]);
        until("the page is served", 30, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { child, port }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn stop(&mut self) {
        signal(&self.child, Signal::TERM);
        self.child.wait().unwrap();
    }
}
