//! A payment on a bad line: how many requests reach the socket, and what is made of it.
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;

use jiff::SignedDuration;
use rstest::rstest;
use secrecy::SecretString;

use super::super::sample::{order, request};
use super::*;
use crate::clock::{Clock, SystemClock};
use crate::domain::AccountName;
use crate::providers::Purpose;
use crate::redact::Redactor;

const KEY: &str = "SK-very-secret-77";

struct NoLimit;

#[async_trait::async_trait]
impl Limiter for NoLimit {
    async fn acquire(&self, _: u32, _: Purpose) {}
}

fn spender(address: SocketAddr) -> SellerSpender {
    SellerSpender::new(Connection {
        account: AccountName::from("seller"),
        owner_says: Default::default(),
        base_url: format!("http://{address}").parse().unwrap(),
        api_key: SecretString::from(KEY),
        read_timeout: SignedDuration::from_secs(5),
        money_timeout: SignedDuration::from_millis(400),
        redactor: Redactor::default(),
        clock: Arc::new(SystemClock::new()),
        limiter: Arc::new(NoLimit),
    })
    .unwrap()
}

/// Its price was asked just now, and nothing stands against it.
fn fresh() -> LastLook {
    let now = SystemClock::new().now();
    LastLook::new(Arc::new(|| Ok(()))).priced(&now).read(&now).started(&now)
}

fn names() -> Vec<String> {
    vec!["64af01".to_owned(), "64af02".to_owned()]
}

/// Requests that arrived, head and body.
type Seen = Arc<Mutex<Vec<String>>>;

#[derive(Clone, Copy)]
enum Answer {
    /// Closes with unread bytes: the client sees a reset.
    Reset,
    /// Reads the request and closes.
    Nothing,
    /// Says this and closes.
    Says(&'static str),
    /// Says this and keeps the connection open for more.
    Keeps(&'static str),
    /// Never answers.
    Stall,
}

/// A server that keeps every request that arrives, on whatever connection.
fn server(answer: Answer) -> (SocketAddr, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, seen) = (listener.local_addr().unwrap(), Seen::default());
    let keep = Arc::clone(&seen);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let keep = Arc::clone(&keep);
            std::thread::spawn(move || serve(stream, answer, &keep));
        }
    });
    (address, seen)
}

fn serve(mut stream: TcpStream, answer: Answer, seen: &Seen) {
    loop {
        let mut first = [0_u8; 4];
        if stream.read_exact(&mut first).is_err() {
            return;
        }
        seen.lock().unwrap().push(String::new());
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
        *seen.lock().unwrap().last_mut().unwrap() = text;
        match answer {
            Answer::Reset | Answer::Nothing => return,
            Answer::Says(words) => {
                let _ = stream.write_all(words.as_bytes());
                return;
            }
            Answer::Keeps(words) => {
                let _ = stream.write_all(words.as_bytes());
            }
            Answer::Stall => {
                let _ = stream.read(&mut buffer);
                return;
            }
        }
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn pay(address: SocketAddr, buys: bool) -> PaymentReply {
    let spender = spender(address);
    match buys {
        true => run(spender.buy(&order("IPv4"), Some(&fresh()))),
        false => run(spender.send(&request("IPv4"), &names(), Some(&fresh()))),
    }
}

const HALF: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n{\"status\":\"success\",\"da";
const HALF_CHUNK: &str =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n{\"status\":\"success\",";
const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n";
const LIMITED: &str = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n";
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
#[case::too_many_on_a_kept_connection(Answer::Keeps(LIMITED), Some(429))]
#[case::found_elsewhere(Answer::Says(MOVED), Some(302))]
#[case::redirected_with_its_method(Answer::Says(KEPT), Some(307))]
#[case::timed_out_at_the_server(Answer::Says(TIMED_OUT), Some(408))]
fn a_payment_on_a_bad_line_is_sent_once_and_is_unknown(
    #[case] answer: Answer,
    #[case] status: Option<i64>,
    #[values(false, true)] buys: bool,
) {
    let (address, seen) = server(answer);
    match pay(address, buys) {
        PaymentReply::Unknown { code, message } => {
            assert_eq!(code, status, "{message}");
            assert!(
                !message.is_empty() && !message.contains(KEY) && !message.contains("personal/api"),
                "{message}"
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(seen.lock().unwrap().len(), 1);
}

const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 131\r\n\r\n\
    {\"status\":\"success\",\"data\":{\"orderId\":\"\",\"orderIds\":[],\"total\":3.54,\"balance\":40.4,\"listBaseOrderNumbers\":[\"1700013\"]},\"errors\":[]}";

/// The provider's own SDK made two orders by one call, because a connection that was used again let its library send the request again.
#[test]
fn a_payment_never_reuses_a_connection_and_one_call_makes_one_request() {
    assert_eq!(GOOD.split("\r\n\r\n").nth(1).unwrap().len(), 131);
    // It offers to keep every connection open, and answers every request on it.
    let (address, seen) = server(Answer::Keeps(GOOD));
    let (from, ports) = (TcpListener::bind("127.0.0.1:0").unwrap(), Seen::default());
    let relay = from.local_addr().unwrap();
    let kept = Arc::clone(&ports);
    std::thread::spawn(move || {
        for client in from.incoming().flatten() {
            kept.lock().unwrap().push(client.peer_addr().unwrap().to_string());
            let upstream = TcpStream::connect(address).unwrap();
            let (mut a, mut b) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut a, &mut b));
            let (mut a, mut b) = (upstream, client);
            std::thread::spawn(move || std::io::copy(&mut a, &mut b));
        }
    });
    let spender = spender(relay);
    run(async {
        for _ in 0..2 {
            let reply = spender.send(&request("IPv4"), &names(), Some(&fresh())).await;
            assert!(matches!(reply, PaymentReply::Accepted { balance: Some(_), .. }), "{reply:?}");
        }
    });
    assert_eq!((seen.lock().unwrap().len(), ports.lock().unwrap().len()), (2, 2), "a connection for each");
}

#[test]
fn what_is_sent_is_what_the_vendors_pages_say() {
    let (address, seen) = server(Answer::Says(GOOD));
    let spender = spender(address);
    run(async {
        let coupon = RenewalRequest { promo: Some("SAVE".to_owned()), period_days: 90, ..request("mix_isp") };
        let one = spender.send(&request("isp"), &names(), Some(&fresh())).await;
        let two = spender.send(&coupon, &[], Some(&fresh())).await;
        assert!(
            matches!((&one, &two), (PaymentReply::Accepted { .. }, PaymentReply::Accepted { .. })),
            "{one:?} {two:?}"
        );
    });
    let seen = seen.lock().unwrap().clone();
    let sent = |n: usize, path: &str, body: &str| {
        let head = format!("POST /personal/api/v2/{KEY}/{path} HTTP/1.1\r\n");
        assert!(seen[n].starts_with(&head) && seen[n].ends_with(&format!("\r\n\r\n{body}")), "{}", seen[n]);
        assert!(seen[n].to_lowercase().contains("content-type: application/json"), "{}", seen[n]);
    };
    sent(0, "prolong/make/isp", r#"{"ids":["64af01","64af02"],"periodId":"1m","paymentId":"balance"}"#);
    sent(
        1,
        "prolong/make/mix_isp",
        r#"{"orderIds":["o-1"],"periodId":"3m","paymentId":"balance","coupon":"SAVE"}"#,
    );
}

#[test]
fn what_cannot_be_named_is_never_sent() {
    let (address, seen) = server(Answer::Nothing);
    let spender = spender(address);
    let empty = RenewalRequest { leases: Vec::new(), ..request("IPv4") };
    for (request, names) in [
        (empty, names()),
        (request("IPv4"), Vec::new()),
        (request("IPv4"), vec!["64af01".to_owned()]),
        (request("of a type that is not known"), names()),
    ] {
        let reply = run(spender.send(&request, &names, Some(&fresh())));
        assert!(matches!(reply, PaymentReply::NeverSent(_)), "{reply:?}");
    }
    let reply = run(spender.send(&request("IPv4"), &names(), None));
    assert!(matches!(reply, PaymentReply::NeverSent(_)), "nobody looked: {reply:?}");
    let reply = run(spender.buy(&PurchaseRequest { goal: None, ..order("IPv4") }, Some(&fresh())));
    assert!(matches!(&reply, PaymentReply::NeverSent(what) if what.contains("goal")), "{reply:?}");
    assert_eq!(seen.lock().unwrap().len(), 0);
}

#[test]
fn a_connection_that_is_refused_was_never_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    match pay(address, false) {
        PaymentReply::NeverSent(what) => assert!(what.contains("refused") && !what.contains(KEY), "{what}"),
        other => panic!("{other:?}"),
    }
}
