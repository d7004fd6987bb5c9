//! A server that answers as a function says and writes down what it was asked, and the adapter's parts connected to it.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::http::{HeaderMap, Method as Verb, StatusCode, Uri, header};
use axum::response::IntoResponse;
use jiff::SignedDuration;
use renewd::clock::VirtualClock;
use renewd::domain::{
    AccountName, Kind, LeaseId, Method, OrderId, OwnerSays, ProviderName, PurchaseRequest, RenewalRequest,
    RequestLease,
};
use renewd::providers::limiter::Limiter;
use renewd::providers::{Connection, Purpose, Reader, connect};
use renewd::redact::Redactor;
use secrecy::SecretString;

pub const KEY: &str = "px-very-Secret~77";
/// `2026-12-01T00:00:00Z`.
pub const END: i64 = 1_796_083_200;

/// Counts tokens and never waits.
#[derive(Default)]
pub struct Counting(pub Mutex<Vec<(u32, Purpose)>>, pub AtomicUsize);

#[async_trait::async_trait]
impl Limiter for Counting {
    async fn acquire(&self, n: u32, purpose: Purpose) {
        self.0.lock().unwrap().push((n, purpose));
    }

    async fn payment_leaves(&self) {
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

/// One request as it arrived: verb, path and query as they were sent, without the key, and its headers.
#[derive(Debug, Clone)]
pub struct Asked {
    pub line: String,
    pub headers: HeaderMap,
}

pub type Answer = (u16, String);

pub struct Bench {
    pub base: String,
    pub reader: Arc<dyn Reader>,
    pub limiter: Arc<Counting>,
    pub clock: Arc<VirtualClock>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Bench {
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }

    pub fn connection(&self) -> Connection {
        connection(&self.base, self.limiter.clone(), self.clock.clone())
    }
}

fn connection(base: &str, limiter: Arc<Counting>, clock: Arc<VirtualClock>) -> Connection {
    Connection {
        account: AccountName::from("px"),
        base_url: base.parse().unwrap(),
        api_key: SecretString::from(KEY),
        read_timeout: SignedDuration::from_secs(5),
        money_timeout: SignedDuration::from_secs(5),
        redactor: Redactor::default(),
        clock,
        limiter,
        owner_says: OwnerSays { renews_off: true, version: Some(4) },
    }
}

pub fn px6() -> ProviderName {
    ProviderName::from("px6")
}

/// A server that answers each request, told without the key, as `answer` says.
pub async fn serve(answer: impl FnMut(&str) -> Answer + Send + 'static) -> Bench {
    let clock = Arc::new(VirtualClock::starting_at("2026-11-21T06:00:00Z".parse().unwrap()));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (seen, answer) = (Arc::clone(&asked), Arc::new(Mutex::new(answer)));
    let app = axum::Router::new().fallback(async move |verb: Verb, uri: Uri, headers: HeaderMap| {
        let line = format!("{verb} {uri}").replace(&format!("/api/{KEY}"), "");
        let (status, body) = (answer.lock().unwrap())(&line);
        seen.lock().unwrap().push(Asked { line, headers });
        let head = [(header::DATE, "Sat, 21 Nov 2026 06:00:10 GMT")];
        (StatusCode::from_u16(status).unwrap(), head, body).into_response()
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let limiter = Arc::new(Counting::default());
    let reader = connect(&px6(), connection(&base, limiter.clone(), clock.clone())).unwrap();
    Bench { base, reader, limiter, clock, asked }
}

pub fn ok(body: impl Into<String>) -> Answer {
    (200, body.into())
}

/// The renewal of proxies 11 and 15, whose ends lie at [`END`].
pub fn renewal() -> RenewalRequest {
    let lease = |id: &str| RequestLease {
        id: LeaseId::from(id),
        order: OrderId::from(id),
        ip: format!("203.0.113.{id}"),
        told: Default::default(),
        port: None,
        expires_at: jiff::Timestamp::from_second(END).unwrap(),
    };
    RenewalRequest {
        account: AccountName::from("px"),
        kind: Kind::from("IPv4"),
        leases: vec![lease("11"), lease("15")],
        period_days: 30,
        cycle: None,
        promo: None,
        method: Method::Leases,
    }
}

/// Two shared addresses.
pub fn purchase() -> PurchaseRequest {
    PurchaseRequest {
        account: AccountName::from("px"),
        kind: Kind::from("IPv4-shared"),
        country: Some("US".to_owned()),
        quantity: 2,
        period_days: Some(30),
        cycle: None,
        promo: None,
        goal: None,
        auth: None,
        protocol: None,
        operator: None,
        rotation: None,
        auto_renewal: None,
        addons: Vec::new(),
        mark: Some("renewd-7-1795240800000000000".to_owned()),
    }
}
