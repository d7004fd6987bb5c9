//! The simulated provider as a client sees it: bytes over a socket on one side, exact books on the other.
//!
//! The client here is a bare `TcpStream`, so that what is checked is what was on the wire.
mod faults;
mod lists;
mod payments;
mod serving;

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use renewd::clock::{Clock, VirtualClock};
use renewd::domain::Money;
use renewd::simulator::{Endpoint, Handle, Product, Simulator, World};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const KEY: &str = "key-1";
const IPS: [&str; 3] = ["203.0.113.1", "203.0.113.2", "203.0.113.3"];
const IPV6: [&str; 2] = ["2001:db8::1", "2001:db8::2"];

/// A running provider with one account: an order of three `IPv4` at 2.65 and one of two `IPv6` at 1.20.
struct Bench {
    clock: Arc<VirtualClock>,
    simulator: Simulator,
    handle: Handle,
}

fn start() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

fn end() -> Timestamp {
    start().checked_add(SignedDuration::from_hours(48)).unwrap()
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

impl Bench {
    async fn new(balance: &str) -> Self {
        let mut world = World::new();
        world.add_account(KEY, money(balance));
        world.prices.set(Product::IPv4, "USA", 30, money("2.65"));
        world.prices.set(Product::IPv6, "DEU", 90, money("1.20"));
        world.add_order(KEY, Product::IPv4, "USA", &IPS, end()).unwrap();
        world.add_order(KEY, Product::IPv6, "DEU", &IPV6, end()).unwrap();
        let clock = Arc::new(VirtualClock::starting_at(start()));
        let dyn_clock: Arc<dyn Clock> = clock.clone();
        let simulator = Simulator::start(dyn_clock, world, ([127, 0, 0, 1], 0).into()).await.unwrap();
        let handle = simulator.handle();
        Self { clock, simulator, handle }
    }

    /// Everything that comes back until the connection ends, and how it ended.
    async fn raw(&self, method: &str, path: &str, body: &str) -> (Vec<u8>, io::Result<()>) {
        let mut stream = TcpStream::connect(self.simulator.address()).await.unwrap();
        let request = format!(
            "{method} /client/api/v1/{path} HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        let read = tokio::time::timeout(Duration::from_millis(300), stream.read_to_end(&mut bytes)).await;
        let ended = read.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()));
        (bytes, ended.map(|_| ()))
    }

    /// Head and body of a whole reply.
    async fn exchange(&self, method: &str, path: &str, body: &str) -> (String, String) {
        let (bytes, ended) = self.raw(method, path, body).await;
        ended.unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    async fn get(&self, call: &str) -> Value {
        serde_json::from_str(&self.exchange("GET", &format!("{KEY}/{call}"), "").await.1).unwrap()
    }

    async fn post(&self, call: &str, body: &Value) -> Value {
        let path = format!("{KEY}/{call}");
        serde_json::from_str(&self.exchange("POST", &path, &body.to_string()).await.1).unwrap()
    }

    fn id(&self, ip: &str) -> String {
        self.handle.with(|world| world.account(KEY).unwrap().rental(ip).unwrap().id.clone())
    }

    fn order(&self, ip: &str) -> String {
        self.handle.with(|world| world.account(KEY).unwrap().rental(ip).unwrap().order.clone())
    }

    /// The body that extends these addresses.
    fn extension(&self, ips: &[&str]) -> Value {
        let ids: Vec<String> = ips.iter().map(|ip| self.id(ip)).collect();
        let (kind, days) = if ips[0].contains(':') { ("IPv6", 90) } else { ("IPv4", 30) };
        json!({"proxyType": kind, "ipAddressIds": ids, "rentPeriodDays": days})
    }

    fn balance(&self) -> String {
        self.handle.with(|world| world.account(KEY).unwrap().balance.to_string())
    }

    fn charges(&self) -> usize {
        self.handle.with(|world| world.books().charges().count())
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    fn requests(&self, endpoint: Endpoint) -> usize {
        self.handle.count(endpoint)
    }
}

/// Every object below `value` that has an `ipAddressIp`.
fn records(value: &Value) -> Vec<Value> {
    match value {
        Value::Object(map) if map.contains_key("ipAddressIp") => vec![value.clone()],
        Value::Object(map) => map.values().flat_map(records).collect(),
        Value::Array(list) => list.iter().flat_map(records).collect(),
        _ => Vec::new(),
    }
}
