//! The YouProxy adapter from outside: whole reads and quotes against a local server, and the tables of answers.

mod answers;
mod orders;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::{Method as Verb, StatusCode, Uri, header};
use axum::response::IntoResponse;
use jiff::SignedDuration;
use renewd::clock::{Clock, VirtualClock};
use renewd::domain::{
    AccountName, Kind, LeaseId, Method, OrderId, PromoStatus, ProviderName, QuoteError, RenewalRequest,
    RequestLease,
};
use renewd::providers::limiter::Limiter;
use renewd::providers::{ConnectError, Connection, Purpose, ReadError, Reader, connect, connect_spender};
use renewd::redact::Redactor;
use secrecy::SecretString;

const KEY: &str = "sk-very-secret-77";

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
    clock: Arc<VirtualClock>,
}

impl Bench {
    fn asked(&self) -> Vec<String> {
        self.script.asked.lock().unwrap().clone()
    }

    fn tokens(&self) -> Vec<(u32, Purpose)> {
        self.limiter.0.lock().unwrap().clone()
    }
}

fn connection(base: &str, limiter: Arc<dyn Limiter>, clock: Arc<dyn Clock>) -> Connection {
    Connection {
        account: AccountName::from("yp"),
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

/// A server that gives these answers in turn, then 410, and a reader of it.
async fn bench(answers: &[(u16, &str)]) -> Bench {
    let script = Arc::new(Script::default());
    script.answers.lock().unwrap().extend(answers.iter().map(|(s, b)| (*s, (*b).to_owned())));
    let of_server = Arc::clone(&script);
    let app = axum::Router::new().fallback(async move |verb: Verb, uri: Uri, body: Bytes| {
        let call = uri.to_string().replace(&format!("/client/api/v1/{KEY}/"), "");
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
    let clock = Arc::new(VirtualClock::starting_at("2026-11-21T06:00:00Z".parse().unwrap()));
    let limiter = Arc::new(Counting::default());
    let reader =
        connect(&ProviderName::from("youproxy"), connection(&base, limiter.clone(), clock.clone())).unwrap();
    Bench { reader, script, limiter, clock }
}

const BALANCE: &str = r#"{"success":true,"balance":8.30,"currencyCode":"USD","error":null}"#;
const GROUPED: &str = include_str!("../replies/youproxy/list_grouped.json");
const FLAT: &str = include_str!("../replies/youproxy/list_flat.json");
const WRONG_KEY: &str =
    r#"{"success":false,"balance":null,"error":{"code":2,"message":"Error api key sk-very-secret-77"}}"#;
const AWAY: &str = r#"{"success":false,"error":{"code":3,"message":"Service unavailable"}}"#;

#[tokio::test]
async fn a_grouped_list_is_read_whole_and_its_logins_stay_behind() {
    let b = bench(&[(200, GROUPED), (200, BALANCE)]).await;
    let inventory = b.reader.inventory(Purpose::Routine).await.unwrap();
    let rows: Vec<String> = inventory
        .leases
        .iter()
        .map(|l| {
            let (country, end) = (l.country.unwrap_or_default(), l.expires_at.unwrap());
            format!("{} {} {} {} {country} {end} {:?}", l.id, l.order, l.kind, l.ip, l.provider_renews)
        })
        .collect();
    assert_eq!(
        rows,
        [
            "501 M7 MOBILE 198.51.100.7 DEU 2026-12-05T00:00:00Z Some(true)",
            "9000000000000000101 A1001 IPv4 203.0.113.10 USA 2026-12-01T09:00:00Z Some(false)",
            "9000000000000000102 A1001 IPv4 203.0.113.11 USA 2026-12-01T09:00:00Z None",
        ]
    );
    assert_eq!(inventory.balance.amount.to_string(), "8.30");
    assert_eq!((inventory.unreadable, inventory.oddities.as_slice()), (0, &[][..]));
    assert_eq!(inventory.clock_skew, Some(SignedDuration::from_secs(10)));
    assert_eq!(b.asked(), ["GET ipAddress", "GET balance"]);
    assert_eq!(b.tokens(), [(1, Purpose::Routine), (1, Purpose::Routine)]);
    assert!(!format!("{inventory:?}").contains("-77"));
}

#[tokio::test]
async fn a_flat_list_tells_what_it_could_not_read() {
    let b = bench(&[(200, FLAT), (200, BALANCE)]).await;
    let inventory = b.reader.inventory(Purpose::Money).await.unwrap();
    let rows: Vec<_> = inventory.leases.iter().map(|l| (l.id, l.expires_at.is_some())).collect();
    assert_eq!(rows, [("301", true), ("303", false)]);
    assert_eq!(inventory.unreadable, 1);
    assert_eq!(inventory.oddities.len(), 3, "{:?}", inventory.oddities);
}

#[tokio::test]
async fn a_list_without_a_balance_is_no_inventory() {
    let none = r#"{"success":true,"balance":null,"currencyCode":"USD","error":null}"#;
    let b = bench(&[(200, GROUPED), (200, none)]).await;
    assert!(matches!(b.reader.inventory(Purpose::Routine).await, Err(ReadError::Unreadable(_))));
}

#[tokio::test]
async fn a_wrong_key_is_told_at_once_and_never_tried_again() {
    let b = bench(&[(200, WRONG_KEY)]).await;
    let error = b.reader.inventory(Purpose::Routine).await.unwrap_err();
    assert!(matches!(error, ReadError::WrongKey { code: 2, .. }), "{error}");
    assert!(!error.to_string().contains(KEY), "{error}");
    assert_eq!(b.asked().len(), 1);
}

#[tokio::test]
async fn passing_troubles_are_tried_three_times_each_with_a_token() {
    for (status, body) in [(503, ""), (429, ""), (500, AWAY), (200, AWAY)] {
        let b = bench(&[(status, body), (status, body), (200, BALANCE)]).await;
        let before = b.clock.now().wall;
        assert!(b.reader.balance(Purpose::Routine).await.is_ok(), "{status}");
        assert_eq!(b.tokens(), [(1, Purpose::Routine); 3]);
        assert!(b.clock.now().wall.duration_since(before) <= SignedDuration::from_secs(5));
        let b = bench(&[(status, body); 9]).await;
        assert!(b.reader.balance(Purpose::Routine).await.is_err(), "{status}");
        assert_eq!(b.asked().len(), 3, "{status}");
    }
}

#[tokio::test]
async fn what_does_not_pass_by_itself_is_tried_once() {
    let other = r#"{"success":false,"error":{"code":6,"message":"Incorrect country"}}"#;
    for (status, body) in [(404, ""), (302, ""), (200, "<html>"), (200, other)] {
        let b = bench(&[(status, body), (200, BALANCE)]).await;
        assert!(b.reader.balance(Purpose::Routine).await.is_err(), "{status} {body}");
        assert_eq!(b.asked().len(), 1, "{status} {body}");
    }
}

#[tokio::test]
async fn periods_and_promo_codes_are_read() {
    let periods = include_str!("../replies/youproxy/rent_period.json");
    let promos = include_str!("../replies/youproxy/promo_codes.json");
    let b = bench(&[(200, periods), (200, promos)]).await;
    assert_eq!(b.reader.periods(&Kind::from("IPv4")).await.unwrap(), [30, 60, 90, 180, 360]);
    let codes = b.reader.promo_codes().await.unwrap();
    let ends: Vec<_> = codes.iter().map(|c| (c.code.as_str(), c.ends_at.map(|at| at.to_string()))).collect();
    assert_eq!(ends, [("SAVE10", Some("2026-12-31T09:00:00Z".to_owned())), ("EVER", None)]);
    assert_eq!(b.asked(), ["GET rentPeriod?proxyType=IPv4", "GET promoCode"]);
}

fn request(kind: &str, promo: Option<&str>, method: Method) -> RenewalRequest {
    let lease = |id: &str| RequestLease {
        id: LeaseId::from(id),
        order: OrderId::from("A1"),
        ip: format!("203.0.113.{id}"),
        told: Default::default(),
        port: None,
        expires_at: "2026-12-01T00:00:00Z".parse().unwrap(),
    };
    RenewalRequest {
        account: AccountName::from("yp"),
        kind: Kind::from(kind),
        leases: vec![lease("101"), lease("102")],
        period_days: 30,
        cycle: None,
        promo: promo.map(ToOwned::to_owned),
        method,
    }
}

fn price(kind: &str, price: &str) -> String {
    format!(
        r#"{{"success":true,"proxyType":"{kind}","balance":50,"price":{price},"currency":"USD","discount":null,"promoCodeStatus":null,"error":null,"warnings":[]}}"#
    )
}

fn error(code: i64) -> String {
    format!(
        r#"{{"success":false,"balance":50,"price":null,"discount":null,"warnings":null,"error":{{"code":{code},"message":"no"}}}}"#
    )
}

#[tokio::test]
async fn a_quote_takes_the_payments_token_too_and_knows_when_it_was_asked() {
    let b = bench(&[(200, &price("IPv4", "5.30"))]).await;
    let quote = b.reader.quote(&request("IPv4", None, Method::Leases)).await.unwrap();
    assert_eq!((quote.price.to_string(), quote.method), ("5.30".to_owned(), Method::Leases));
    assert_eq!(quote.asked_at.wall, "2026-11-21T06:00:00Z".parse().unwrap());
    assert_eq!(b.tokens(), [(2, Purpose::Money)]);
    assert_eq!(
        b.asked(),
        [r#"POST calculate/extend {"proxyType":"IPv4","ipAddressIds":["101","102"],"rentPeriodDays":30}"#]
    );
}

#[tokio::test]
async fn the_older_spelling_is_asked_once_and_remembered_if_understood() {
    let (bad, good) = (error(24), price("IPv4", "5.30"));
    let b = bench(&[(200, &bad), (200, &good), (200, &good)]).await;
    let asked = request("IPv4", None, Method::Leases);
    assert!(b.reader.quote(&asked).await.is_ok());
    assert!(b.reader.quote(&asked).await.is_ok());
    let older: Vec<bool> = b.asked().iter().map(|call| call.contains("IpAddressIds")).collect();
    assert_eq!(older, [false, true, true]);
    assert_eq!(b.tokens(), [(2, Purpose::Money), (1, Purpose::Money), (2, Purpose::Money)]);
}

#[tokio::test]
async fn ids_that_are_wrong_in_both_spellings_change_nothing() {
    let (bad, good) = (error(24), price("IPv4", "5.30"));
    let b = bench(&[(200, &bad), (200, &bad), (200, &good)]).await;
    let asked = request("IPv4", None, Method::Leases);
    assert!(matches!(b.reader.quote(&asked).await, Err(QuoteError::Refused { code: 24, .. })));
    assert!(b.reader.quote(&asked).await.is_ok());
    assert!(b.asked()[2].contains("\"ipAddressIds\""));
}

#[tokio::test]
async fn ipv6_turns_to_its_order_only_after_code_28() {
    let (whole, good) = (error(28), price("IPv6", "9.90"));
    let b = bench(&[(200, &whole), (200, &good)]).await;
    let quote = b.reader.quote(&request("IPv6", None, Method::Leases)).await.unwrap();
    assert_eq!((quote.method, quote.price.to_string()), (Method::Order, "9.90".to_owned()));
    assert_eq!(
        b.asked()[1],
        r#"POST calculate/extend/order {"proxyType":"IPv6","orderIds":["A1"],"rentPeriodDays":30}"#
    );
    let b = bench(&[(200, &whole), (200, &good)]).await;
    let answer = b.reader.quote(&request("IPv4", None, Method::Leases)).await;
    assert!(matches!(answer, Err(QuoteError::Refused { code: 28, .. })));
    assert_eq!(b.asked().len(), 1);
}

#[tokio::test]
async fn a_quote_by_order_names_the_order_and_the_code() {
    let b = bench(&[(200, &price("IPv6", "9.90"))]).await;
    let quote = b.reader.quote(&request("IPv6", Some("SAVE10"), Method::Order)).await.unwrap();
    assert_eq!(quote.promo, Some(PromoStatus::Invalid));
    assert_eq!(
        b.asked(),
        [
            r#"POST calculate/extend/order {"proxyType":"IPv6","orderIds":["A1"],"rentPeriodDays":30,"promoCode":"SAVE10"}"#
        ]
    );
}

#[test]
fn what_cannot_be_connected_is_told_before_anything_is_sent() {
    let clock = || Arc::new(VirtualClock::starting_at("2026-11-21T06:00:00Z".parse().unwrap()));
    let at = |base: &str| connection(base, Arc::new(Counting::default()), clock());
    let youproxy = ProviderName::from("youproxy");
    let other = connect_spender(&ProviderName::from("px"), at("https://youproxy.io")).err().unwrap();
    assert!(matches!(other, ConnectError::NoProvider { .. }));
    assert!(matches!(connect(&youproxy, at("mailto:a@b")).err().unwrap(), ConnectError::BaseUrl { .. }));
    for key in ["", ".", ".."] {
        let connection = Connection { api_key: SecretString::from(key), ..at("https://youproxy.io") };
        assert!(matches!(connect_spender(&youproxy, connection).err().unwrap(), ConnectError::Key { .. }));
    }
}
