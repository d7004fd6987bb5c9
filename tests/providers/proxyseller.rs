//! The Proxy-Seller adapter from outside: whole reads and quotes against a local server, the table of answers, and its secrets.

mod answers;
mod calls;
mod secrets;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::{Method as Verb, StatusCode, Uri, header};
use axum::response::IntoResponse;
use jiff::SignedDuration;
use renewd::clock::{Clock, VirtualClock};
use renewd::domain::{
    AccountName, Kind, LeaseId, Method, OrderId, ProviderName, RenewalRequest, RequestLease,
};
use renewd::providers::limiter::Limiter;
use renewd::providers::{Connection, Purpose, Reader, connect};
use renewd::redact::Redactor;
use secrecy::SecretString;

const KEY: &str = "SK-very-secret-77";

/// Counts tokens and never waits.
#[derive(Default)]
struct Counting(Mutex<Vec<(u32, Purpose)>>);

#[async_trait::async_trait]
impl Limiter for Counting {
    async fn acquire(&self, n: u32, purpose: Purpose) {
        self.0.lock().unwrap().push((n, purpose));
    }
}

/// What the server was asked and what it still has to say.
#[derive(Default)]
struct Script {
    asked: Mutex<Vec<String>>,
    answers: Mutex<VecDeque<(u16, String)>>,
}

struct Bench {
    reader: Arc<dyn Reader>,
    script: Arc<Script>,
    limiter: Arc<Counting>,
}

impl Bench {
    fn asked(&self) -> Vec<String> {
        self.script.asked.lock().unwrap().clone()
    }

    fn tokens(&self) -> Vec<(u32, Purpose)> {
        self.limiter.0.lock().unwrap().clone()
    }

    fn then(&self, status: u16, body: &str) {
        self.script.answers.lock().unwrap().push_back((status, body.to_owned()));
    }
}

fn connection(base: &str, limiter: Arc<dyn Limiter>) -> Connection {
    let clock: Arc<dyn Clock> = Arc::new(VirtualClock::starting_at("2026-11-21T06:00:00Z".parse().unwrap()));
    Connection {
        account: AccountName::from("seller"),
        owner_says: Default::default(),
        base_url: base.parse().unwrap(),
        api_key: SecretString::from(KEY),
        read_timeout: SignedDuration::from_secs(5),
        money_timeout: SignedDuration::from_secs(5),
        redactor: Redactor::default(),
        clock,
        limiter,
    }
}

/// A server that gives these answers in turn, then 410, and a reader of it.
async fn bench(answers: &[(u16, &str)]) -> Bench {
    let script = Arc::new(Script::default());
    script.answers.lock().unwrap().extend(answers.iter().map(|(s, b)| (*s, (*b).to_owned())));
    let of_server = Arc::clone(&script);
    let app = axum::Router::new().fallback(async move |verb: Verb, uri: Uri, body: Bytes| {
        let call = uri.to_string().replace(&format!("/personal/api/v2/{KEY}/"), "");
        let body = String::from_utf8_lossy(&body).into_owned();
        of_server.asked.lock().unwrap().push(format!("{verb} {call} {body}").trim_end().to_owned());
        let next = of_server.answers.lock().unwrap().pop_front();
        let (status, body) = next.unwrap_or((410, "the script is over".to_owned()));
        let date = [(header::DATE, "Sat, 21 Nov 2026 06:00:10 GMT")];
        (StatusCode::from_u16(status).unwrap(), date, body).into_response()
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let limiter = Arc::new(Counting::default());
    let reader = connect(&ProviderName::from("proxyseller"), connection(&base, limiter.clone())).unwrap();
    Bench { reader, script, limiter }
}

const BALANCE: &str = r#"{"status":"success","data":{"summ":40.4},"errors":[]}"#;

fn record(n: u8, id: &str) -> String {
    format!(
        r#"{{"id":"{id}","order_id":"o-1","base_order_number":"1700013","ip":"203.0.113.{n}","login":"hidden","password":"hidden","link_reboot":"hidden",
            "country_alpha3":"USA","status":"Active","status_type":"ACTIVE","can_prolong":1,"date_end":"26.12.2026 21:05:09","auto_renew":"N"}}"#
    )
}

fn list(records: &[String]) -> String {
    let all = records.join(",");
    format!(
        r#"{{"status":"success","data":{{"ipv4":[{all}],"ipv6":[],"mobile":[],"isp":[],"mix":[],"mix_isp":[],"resident":[]}},"errors":[]}}"#
    )
}

/// Addresses 1 and 2 of order `o-1`, known by ids of today.
async fn read() -> Bench {
    let b = bench(&[(200, &list(&[record(1, "64af01"), record(2, "64af02")])), (200, BALANCE)]).await;
    b.reader.inventory(Purpose::Routine).await.unwrap();
    b
}

fn request(kind: &str) -> RenewalRequest {
    let lease = |n: u8| RequestLease {
        id: LeaseId::new(format!("{}:o-1:203.0.113.{n}", kind.to_lowercase())),
        order: OrderId::from("o-1"),
        ip: format!("203.0.113.{n}"),
        told: Default::default(),
        port: None,
        expires_at: "2026-12-26T21:05:09Z".parse().unwrap(),
    };
    RenewalRequest {
        account: AccountName::from("seller"),
        kind: Kind::from(kind),
        leases: vec![lease(1), lease(2)],
        period_days: 30,
        cycle: None,
        promo: None,
        method: Method::Leases,
    }
}
