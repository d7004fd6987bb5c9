//! The simulated ProxyShard as a client sees it: bytes over a socket on one side, exact books on the other.
//!
//! The client here is a bare `TcpStream`, so that what is checked is what was on the wire.
mod calls;
mod faults;
mod fleet;
mod life;
mod looks;
mod paging;
mod purchase;
mod renewal;
mod serving;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use renewd::clock::{Clock, VirtualClock};
use renewd::domain::Money;
use renewd::simulator::proxyshard::{Books, Order, OrderSpec, Promo, World};
use renewd::simulator::{Handle, Simulator};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const TOKEN: &str = "token-1";
const DC: &str = "Datacenter Proxy";
const ISP: &str = "ISP Proxy";

/// A running provider with one account, and nothing else until a test puts it there.
struct Bench {
    clock: Arc<VirtualClock>,
    simulator: Simulator<World>,
    handle: Handle<World>,
}

fn start() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

fn hours(hours: i64) -> Timestamp {
    start().checked_add(SignedDuration::from_hours(hours)).unwrap()
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

/// A German datacenter order by the month at 2.50 whose term ends so many hours from the start.
fn dc(end: i64) -> OrderSpec {
    OrderSpec::new(DC, Some("DE"), "monthly", hours(end))
}

fn save10() -> Promo {
    Promo { code: "SAVE10".into(), percent: 10, cycles: vec!["monthly".into()], ends: None }
}

impl Bench {
    async fn new(balance: &str) -> Self {
        let mut world = World::new();
        world.add_account(TOKEN, money(balance));
        Self::with(world).await
    }

    async fn with(world: World) -> Self {
        let clock = Arc::new(VirtualClock::starting_at(start()));
        let dyn_clock: Arc<dyn Clock> = clock.clone();
        let simulator = Simulator::start(dyn_clock, world, ([127, 0, 0, 1], 0).into()).await.unwrap();
        let handle = simulator.handle();
        Self { clock, simulator, handle }
    }

    fn add(&self, spec: &OrderSpec) -> String {
        self.world(|world| world.add_order(TOKEN, spec).unwrap())
    }

    fn world<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        self.handle.with(work)
    }

    fn order(&self, id: &str) -> Order {
        self.world(|world| world.account(TOKEN).unwrap().order(id).unwrap().clone())
    }

    fn books(&self) -> Books {
        self.world(|world| world.books().clone())
    }

    fn balance(&self) -> String {
        self.world(|world| world.account(TOKEN).unwrap().balance.to_string())
    }

    fn pass_hours(&self, hours: u64) {
        self.clock.advance(Duration::from_secs(3_600 * hours));
    }

    fn pass_minutes(&self, minutes: u64) {
        self.clock.advance(Duration::from_secs(60 * minutes));
    }

    /// Everything that comes back until the connection ends, and how it ended.
    async fn raw(&self, head: &str, body: &str) -> (Vec<u8>, io::Result<()>) {
        converse(self.simulator.address(), head, body).await
    }

    /// Status and body of a whole reply.
    async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let body = body.map(Value::to_string).unwrap_or_default();
        let length =
            if method == "POST" { format!("Content-Length: {}\r\n", body.len()) } else { String::new() };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: sim.test\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n\
             Content-Type: application/json\r\n{length}\r\n"
        );
        let (bytes, ended) = self.raw(&head, &body).await;
        ended.unwrap();
        parse(&bytes)
    }

    async fn get(&self, path: &str) -> Value {
        let (status, reply) = self.ask("GET", &format!("/user/api/{path}"), None).await;
        assert_eq!(status, 200, "{path}: {reply}");
        reply
    }

    /// The status of a refusal in the provider's one form.
    async fn refused(&self, method: &str, path: &str, body: Option<&Value>) -> u16 {
        let (status, reply) = self.ask(method, &format!("/user/api/{path}"), body).await;
        assert_eq!(reply["success"], false, "{path}: {reply}");
        assert!(reply["message"].as_str().is_some_and(|text| !text.is_empty()), "{path}: {reply}");
        status
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let (status, reply) = self.ask("POST", &format!("/user/api/{path}"), Some(body)).await;
        assert_eq!((status, &reply["success"]), (200, &Value::Bool(true)), "{path}: {reply}");
        reply
    }

    async fn renew(&self, id: &str) -> (u16, Value) {
        let nothing = serde_json::json!({});
        self.ask("POST", &format!("/user/api/orders/{id}/renew"), Some(&nothing)).await
    }

    async fn detail(&self, id: &str) -> Value {
        self.get(&format!("orders/{id}")).await["order"].clone()
    }

    /// The ids of one page, in its order.
    async fn page(&self, query: &str) -> Vec<String> {
        let page = self.get(&format!("orders?{query}")).await;
        let ids = page["orders"].as_array().unwrap().iter().map(|order| order["order_id"].as_str().unwrap());
        ids.map(str::to_owned).collect()
    }
}

async fn converse(address: SocketAddr, head: &str, body: &str) -> (Vec<u8>, io::Result<()>) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(1), stream.read_to_end(&mut bytes)).await;
    let ended = read.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()));
    (bytes, ended.map(|_| ()))
}

fn parse(bytes: &[u8]) -> (u16, Value) {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {text}")))
}
