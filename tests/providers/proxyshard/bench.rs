//! A server that answers as a function says and writes down what it was asked, and the adapter's parts connected to it.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method as Verb, StatusCode, Uri, header};
use axum::response::IntoResponse;
use jiff::SignedDuration;
use renewd::clock::{Clock, VirtualClock};
use renewd::domain::{
    AccountName, Kind, LeaseId, Method, OrderId, ProviderName, PurchaseRequest, RenewalRequest, RequestLease,
};
use renewd::providers::limiter::Limiter;
use renewd::providers::{Connection, Purpose, Reader, connect};
use renewd::redact::Redactor;
use secrecy::SecretString;

pub const KEY: &str = "sk-very-secret-77";

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

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    pub verb: String,
    /// Behind `/user/api/`, still encoded.
    pub path: String,
    pub query: Vec<(String, String)>,
    pub body: String,
    pub headers: HeaderMap,
}

impl Asked {
    pub fn param(&self, key: &str) -> Option<&str> {
        self.query.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    pub fn number(&self, key: &str) -> usize {
        self.param(key).unwrap().parse().unwrap()
    }

    /// Verb, path, query and body on one line.
    pub fn line(&self) -> String {
        let query: Vec<String> = self.query.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        format!("{} {}{query} {}", self.verb, self.path, self.body).trim_end().to_owned()
    }
}

pub type Answer = (u16, String);

pub struct Bench {
    pub base: String,
    pub reader: Arc<dyn Reader>,
    pub limiter: Arc<Counting>,
    pub clock: Arc<VirtualClock>,
    asked: Arc<Mutex<Vec<Asked>>>,
    pub most_at_once: Arc<AtomicUsize>,
}

impl Bench {
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// What was asked since the last call of this.
    pub fn lines(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap()).iter().map(Asked::line).collect()
    }

    pub fn connection(&self) -> Connection {
        connection(&self.base, self.limiter.clone(), self.clock.clone())
    }
}

pub fn connection(base: &str, limiter: Arc<dyn Limiter>, clock: Arc<dyn Clock>) -> Connection {
    Connection {
        account: AccountName::from("ps"),
        base_url: base.parse().unwrap(),
        api_key: SecretString::from(KEY),
        read_timeout: SignedDuration::from_secs(5),
        money_timeout: SignedDuration::from_secs(5),
        redactor: Redactor::default(),
        clock,
        limiter,
        owner_says: Default::default(),
    }
}

fn request(verb: &Verb, uri: &Uri, headers: HeaderMap, body: &Bytes) -> Asked {
    let pairs = |query: &str| url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    Asked {
        verb: verb.to_string(),
        path: uri.path().trim_start_matches("/user/api/").to_owned(),
        query: uri.query().map(pairs).unwrap_or_default(),
        body: String::from_utf8_lossy(body).into_owned(),
        headers,
    }
}

/// A server that answers each request as `answer` says.
pub async fn serve(answer: impl FnMut(&Asked) -> Answer + Send + 'static) -> Bench {
    let clock = Arc::new(VirtualClock::starting_at("2026-11-21T06:00:00Z".parse().unwrap()));
    let (asked, most) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
    let (seen, high, now) = (Arc::clone(&asked), Arc::clone(&most), Arc::new(AtomicUsize::new(0)));
    let answer = Arc::new(Mutex::new(answer));
    let app =
        axum::Router::new().fallback(async move |verb: Verb, uri: Uri, headers: HeaderMap, body: Bytes| {
            let asked = request(&verb, &uri, headers, &body);
            high.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            // Long enough for others to arrive meanwhile.
            tokio::time::sleep(Duration::from_millis(1)).await;
            let (status, body) = (answer.lock().unwrap())(&asked);
            seen.lock().unwrap().push(asked);
            now.fetch_sub(1, Ordering::SeqCst);
            let head = [(header::DATE, "Sat, 21 Nov 2026 06:00:10 GMT")];
            (StatusCode::from_u16(status).unwrap(), head, body).into_response()
        });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let limiter = Arc::new(Counting::default());
    let connection = connection(&base, limiter.clone(), clock.clone());
    let reader = connect(&ProviderName::from("proxyshard"), connection).unwrap();
    Bench { base, reader, limiter, clock, asked, most_at_once: most }
}

pub fn ok(body: impl Into<String>) -> Answer {
    (200, body.into())
}

pub fn me(cents: i64, active: usize) -> Answer {
    ok(format!(r#"{{"email":"a@example.org","active_orders":{active},"wallet_balance":{cents}}}"#))
}

/// The renewal of order `o-1`.
pub fn renewal() -> RenewalRequest {
    RenewalRequest {
        account: AccountName::from("ps"),
        kind: Kind::from("ISP Proxy"),
        leases: vec![RequestLease {
            id: LeaseId::from("o-1"),
            order: OrderId::from("o-1"),
            ip: String::new(),
            told: Default::default(),
            port: None,
            expires_at: "2026-11-20T00:00:00Z".parse().unwrap(),
        }],
        period_days: 30,
        cycle: Some("monthly".to_owned()),
        promo: None,
        method: Method::Leases,
    }
}

/// Two ISP addresses.
pub fn purchase() -> PurchaseRequest {
    PurchaseRequest {
        account: AccountName::from("ps"),
        kind: Kind::from("ISP Proxy"),
        country: Some("DE".to_owned()),
        quantity: 2,
        period_days: None,
        cycle: Some("monthly".to_owned()),
        promo: Some("SAVE10".to_owned()),
        goal: None,
        auth: None,
        protocol: None,
        operator: None,
        rotation: None,
        auto_renewal: Some(false),
        addons: vec![("p0f".to_owned(), 1)],
        mark: None,
    }
}
