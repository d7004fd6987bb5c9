//! A payment on a bad line: how many requests reach the socket, and what is made of it.
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::SignedDuration;
use rstest::rstest;
use secrecy::SecretString;

use super::*;
use crate::clock::{Clock, SystemClock};
use crate::domain::{AccountName, Kind, LeaseId, OrderId, RequestLease};
use crate::providers::Purpose;
use crate::redact::Redactor;

const KEY: &str = "sk-very-secret-77";

struct NoLimit;

#[async_trait::async_trait]
impl Limiter for NoLimit {
    async fn acquire(&self, _: u32, _: Purpose) {}
}

fn spender(address: SocketAddr) -> YouProxySpender {
    YouProxySpender::new(Connection {
        account: AccountName::from("yp"),
        base_url: format!("http://{address}").parse().unwrap(),
        api_key: SecretString::from(KEY),
        read_timeout: SignedDuration::from_secs(5),
        money_timeout: SignedDuration::from_millis(400),
        redactor: Redactor::default(),
        clock: Arc::new(SystemClock::new()),
        limiter: Arc::new(NoLimit),
        owner_says: Default::default(),
    })
    .unwrap()
}

/// Its price was asked just now, and nothing stands against it.
fn fresh() -> LastLook {
    let now = SystemClock::new().now();
    LastLook::new(Arc::new(|| Ok(()))).priced(&now).read(&now).started(&now)
}

fn request() -> RenewalRequest {
    RenewalRequest {
        account: AccountName::from("yp"),
        kind: Kind::from("IPv4"),
        leases: vec![RequestLease {
            id: LeaseId::from("101"),
            order: OrderId::from("A1"),
            ip: "203.0.113.1".to_owned(),
            told: Default::default(),
            port: None,
            expires_at: "2026-12-01T00:00:00Z".parse().unwrap(),
        }],
        period_days: 30,
        cycle: None,
        promo: None,
        method: Method::Leases,
    }
}

fn pay(address: SocketAddr) -> PaymentReply {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(spender(address).send(&request(), Some(&fresh())))
}

const ORDER: &str = r#"{"proxyType":"IPv4","quantity":1,"rentPeriodDays":30,"country":"USA","goal":"shop","authType":"LOGIN""#;

fn order() -> PurchaseRequest {
    let text = |t: &str| Some(t.to_owned());
    PurchaseRequest {
        account: AccountName::from("yp"),
        kind: Kind::from("IPv4"),
        country: text("USA"),
        quantity: 1,
        period_days: Some(30),
        cycle: None,
        promo: None,
        goal: text("shop"),
        auth: Some(crate::domain::PurchaseAuth::Login),
        protocol: None,
        operator: None,
        rotation: None,
        auto_renewal: None,
        addons: Vec::new(),
        mark: None,
    }
}

fn buy(address: SocketAddr, order: &PurchaseRequest) -> PaymentReply {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(spender(address).buy(order, Some(&fresh())))
}

/// A server that counts the connections on which a request arrives, and treats each as `answer` says. Every answer ends its
/// connection, so a second request would be a second connection.
fn server(answer: Answer) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, count) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let seen = Arc::clone(&seen);
            std::thread::spawn(move || serve(stream, answer, &seen));
        }
    });
    (address, count)
}

#[derive(Clone, Copy)]
enum Answer {
    /// Closes with unread bytes: the client sees a reset.
    Reset,
    /// Reads the request and closes.
    Nothing,
    /// Says this and closes.
    Says(&'static str),
    /// Never answers.
    Stall,
}

fn serve(mut stream: TcpStream, answer: Answer, seen: &AtomicUsize) {
    let mut first = [0_u8; 4];
    if stream.read_exact(&mut first).is_err() {
        return;
    }
    seen.fetch_add(1, Ordering::SeqCst);
    if matches!(answer, Answer::Reset) {
        return;
    }
    let mut text = String::from_utf8_lossy(&first).into_owned();
    let mut buffer = [0_u8; 4096];
    while !text.ends_with('}') {
        match stream.read(&mut buffer) {
            Ok(n) if n > 0 => text.push_str(&String::from_utf8_lossy(&buffer[..n])),
            _ => return,
        }
    }
    let extends = text.starts_with(&format!("POST /client/api/v1/{KEY}/extend HTTP/1.1\r\n"))
        && text.ends_with(r#"{"proxyType":"IPv4","ipAddressIds":["101"],"rentPeriodDays":30}"#);
    let buys = text.starts_with(&format!("POST /client/api/v1/{KEY}/order HTTP/1.1\r\n"))
        && text.ends_with(&format!("{ORDER}}}"));
    assert!(extends || buys, "{text}");
    match answer {
        Answer::Reset | Answer::Nothing => {}
        Answer::Says(words) => {
            let _ = stream.write_all(words.as_bytes());
        }
        Answer::Stall => {
            let _ = stream.read(&mut buffer);
        }
    }
}

const HALF: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n{\"success\":true,\"pro";
const HALF_CHUNK: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n{\"success\":true,";
const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n";
const LIMITED: &str = "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n";
const MOVED: &str = "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
const KEPT: &str = "HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
const PROMISED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{";
const TIMED_OUT: &str = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

#[rstest]
#[case::reset(Answer::Reset, None)]
#[case::closed_without_a_byte(Answer::Nothing, None)]
#[case::stalled(Answer::Stall, None)]
#[case::garbage(Answer::Says("\u{1}\u{2} this is no HTTP\r\n\r\n"), None)]
#[case::half_a_body(Answer::Says(HALF), Some(200))]
#[case::half_a_chunk(Answer::Says(HALF_CHUNK), Some(200))]
#[case::more_than_the_cap(Answer::Says(PROMISED), Some(200))]
#[case::unavailable(Answer::Says(BUSY), Some(503))]
#[case::too_many(Answer::Says(LIMITED), Some(429))]
#[case::found_elsewhere(Answer::Says(MOVED), Some(302))]
#[case::redirected_with_its_method(Answer::Says(KEPT), Some(307))]
#[case::timed_out_at_the_server(Answer::Says(TIMED_OUT), Some(408))]
fn a_payment_on_a_bad_line_is_sent_once_and_is_unknown(
    #[case] answer: Answer,
    #[case] status: Option<i64>,
    #[values(false, true)] buys: bool,
) {
    let (address, count) = server(answer);
    match if buys { buy(address, &order()) } else { pay(address) } {
        PaymentReply::Unknown { code, message } => {
            assert_eq!(code, status, "{message}");
            assert!(
                !message.is_empty() && !message.contains(KEY) && !message.contains("client/api"),
                "{message}"
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn a_connection_that_is_refused_was_never_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    match pay(address) {
        PaymentReply::NeverSent(what) => {
            assert!(what.contains("refused") && !what.contains(KEY), "{what}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_good_answer_is_accepted_and_every_payment_has_a_connection_of_its_own() {
    const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n\
        {\"success\":true,\"proxyType\":\"IPv4\",\"rentPeriodDays\":30,\"quantity\":1,\"ipAddressIds\":[\"101\"],\
        \"balance\":7.18,\"currency\":\"USD\",\"error\":null,\"promoCodeStatus\":null}";
    let (address, count) = server(Answer::Says(GOOD));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let spender = spender(address);
    runtime.block_on(async {
        for _ in 0..2 {
            let reply = spender.send(&request(), Some(&fresh())).await;
            assert!(
                matches!(reply, PaymentReply::Accepted { balance: Some(_), promo: None, .. }),
                "{reply:?}"
            );
        }
    });
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[test]
fn a_payment_of_nothing_is_never_sent() {
    let (address, count) = server(Answer::Nothing);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let empty = RenewalRequest { leases: Vec::new(), ..request() };
    assert!(matches!(
        runtime.block_on(spender(address).send(&empty, Some(&fresh()))),
        PaymentReply::NeverSent(_)
    ));
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[test]
fn a_purchase_with_a_problem_is_never_sent() {
    let (address, count) = server(Answer::Nothing);
    let reply = buy(address, &PurchaseRequest { goal: None, ..order() });
    assert!(matches!(reply, PaymentReply::NeverSent(what) if what.contains("goal")));
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[test]
fn a_purchase_is_accepted_with_the_number_that_the_answer_names() {
    const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n\
        {\"success\":true,\"proxyType\":\"IPv4\",\"orderNumber\":\"N-7\",\"balance\":7.18,\"currency\":\"USD\",\
        \"error\":null,\"promoCodeStatus\":null}";
    let (address, count) = server(Answer::Says(GOOD));
    match buy(address, &order()) {
        PaymentReply::Accepted { balance: Some(_), charged: None, promo: None, order: Some(number) } => {
            assert_eq!(number, "N-7");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(count.load(Ordering::SeqCst), 1);
}
