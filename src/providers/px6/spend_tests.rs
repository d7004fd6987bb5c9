//! A payment on a bad line: how many requests reach the socket, and what is made of it.
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::SignedDuration;
use secrecy::SecretString;

use super::*;
use crate::clock::{Clock, SystemClock};
use crate::domain::{AccountName, Kind, LeaseId, Method, OrderId, RequestLease};
use crate::providers::Purpose;
use crate::redact::Redactor;

const KEY: &str = "px-very/secret~77";

struct NoLimit;

#[async_trait::async_trait]
impl Limiter for NoLimit {
    async fn acquire(&self, _: u32, _: Purpose) {}
}

fn spender(address: SocketAddr) -> Px6Spender {
    Px6Spender::new(Connection {
        account: AccountName::from("px"),
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

fn lease(id: &str) -> RequestLease {
    RequestLease {
        id: LeaseId::from(id),
        order: OrderId::from(id),
        ip: "203.0.113.1".to_owned(),
        told: Default::default(),
        port: None,
        expires_at: "2026-12-01T00:00:00Z".parse().unwrap(),
    }
}

fn request(ids: &[&str]) -> RenewalRequest {
    RenewalRequest {
        account: AccountName::from("px"),
        kind: Kind::from("IPv4"),
        leases: ids.iter().map(|id| lease(id)).collect(),
        period_days: 30,
        cycle: None,
        promo: None,
        method: Method::Leases,
    }
}

fn purchase() -> PurchaseRequest {
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
        mark: Some("renewd-7-1".to_owned()),
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[derive(Clone, Copy)]
enum Answer {
    /// Closes with unread bytes: the client sees a reset.
    Reset,
    /// Reads the request and closes.
    Nothing,
    /// Says this and closes.
    Says(&'static str),
    /// Says this and leaves the connection open for whoever would use it again.
    Keeps(&'static str),
    /// Never answers.
    Stall,
}

/// A server that counts requests, over whatever connections they come.
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

fn serve(mut stream: TcpStream, answer: Answer, seen: &AtomicUsize) {
    loop {
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
        while !text.ends_with("\r\n\r\n") {
            match stream.read(&mut buffer) {
                Ok(n) if n > 0 => text.push_str(&String::from_utf8_lossy(&buffer[..n])),
                _ => return,
            }
        }
        assert!(text.starts_with("GET /api/px-very%2Fsecret~77/"), "{text}");
        assert!(
            text.contains("cache-control: no-cache, no-store\r\n") && text.contains("pragma: no-cache\r\n"),
            "{text}"
        );
        match answer {
            Answer::Reset | Answer::Nothing => return,
            Answer::Says(words) => {
                let _ = stream.write_all(words.as_bytes());
                return;
            }
            Answer::Keeps(words) => drop(stream.write_all(words.as_bytes())),
            Answer::Stall => drop(stream.read(&mut buffer)),
        }
    }
}

const HALF: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n{\"status\":\"yes\",\"cou";
const HALF_CHUNK: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n{\"status\":\"yes\",";
const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n";
const LIMITED: &str = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n";
const MOVED: &str = "HTTP/1.1 301 Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
const KEPT: &str = "HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
const PROMISED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{";
const TIMED_OUT: &str = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
const REFRESH: &str =
    "HTTP/1.1 200 OK\r\nRefresh: 0; url=/again\r\nCache-Control: max-age=600\r\nContent-Length: 2\r\n\r\n{}";

/// Every way in which an answer can be lost, and the HTTP status that is seen of it.
const LOST: [(&str, Answer, Option<i64>); 14] = [
    ("reset", Answer::Reset, None),
    ("closed without a byte", Answer::Nothing, None),
    ("stalled", Answer::Stall, None),
    ("garbage", Answer::Says("\u{1}\u{2} this is no HTTP\r\n\r\n"), None),
    ("half a body", Answer::Says(HALF), Some(200)),
    ("half a chunk", Answer::Says(HALF_CHUNK), Some(200)),
    ("more than the cap", Answer::Says(PROMISED), Some(200)),
    ("unavailable", Answer::Says(BUSY), Some(503)),
    ("too many", Answer::Says(LIMITED), Some(429)),
    ("too many, on a connection that stays", Answer::Keeps(LIMITED), Some(429)),
    ("found elsewhere", Answer::Says(MOVED), Some(301)),
    ("redirected with its method", Answer::Says(KEPT), Some(307)),
    ("timed out at the server", Answer::Says(TIMED_OUT), Some(408)),
    ("to be asked again, and kept", Answer::Keeps(REFRESH), None),
];

#[test]
fn a_payment_on_a_bad_line_is_sent_once_and_is_unknown() {
    for (why, answer, status) in LOST {
        let (address, count) = server(answer);
        for reply in [
            run(spender(address).renew(&request(&["11", "15"]), Some(&fresh()))),
            run(spender(address).buy(&purchase(), Some(&fresh()))),
        ] {
            let PaymentReply::Unknown { code, message } = reply else { panic!("{why}: {reply:?}") };
            assert_eq!(code, status, "{why}: {message}");
            assert!(
                !message.is_empty() && !message.contains("secret") && !message.contains("/api"),
                "{why}: {message}"
            );
        }
        assert_eq!(count.load(Ordering::SeqCst), 2, "{why}");
    }
}

#[test]
fn a_connection_that_is_refused_was_never_sent() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for reply in [
        run(spender(address).renew(&request(&["11"]), Some(&fresh()))),
        run(spender(address).buy(&purchase(), Some(&fresh()))),
    ] {
        let PaymentReply::NeverSent(what) = reply else { panic!("{reply:?}") };
        assert!(what.contains("refused") && !what.contains("secret"), "{what}");
    }
}

#[test]
fn every_payment_has_a_connection_of_its_own_and_its_answer_is_nobody_elses() {
    const GOOD: &str = "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nConnection: keep-alive\r\nContent-Length: 94\r\n\r\n\
        {\"status\":\"yes\",\"count\":1,\"list\":{\"11\":{\"id\":11,\"unixtime_end\":1798675200}},\"period\":30}      ";
    let (address, count) = server(Answer::Keeps(GOOD));
    let spender = spender(address);
    run(async {
        for _ in 0..3 {
            let reply = spender.renew(&request(&["11"]), Some(&fresh())).await;
            let PaymentReply::Ends { told, balance: None, .. } = &reply else { panic!("{reply:?}") };
            assert_eq!((told.len(), told[0].lease.as_str()), (1, "11"));
        }
    });
    assert_eq!(count.load(Ordering::SeqCst), 3, "nothing was answered from memory");
}

#[test]
fn what_one_call_cannot_take_is_never_sent() {
    let (address, count) = server(Answer::Nothing);
    let spender = spender(address);
    let many: Vec<String> = (1..=101).map(|n: u32| n.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for ids in [&[][..], &["11", "11"], &["11&period=90"], &[".."], &["-1"], &[""], &many] {
        let reply = run(spender.renew(&request(ids), Some(&fresh())));
        assert!(matches!(reply, PaymentReply::NeverSent(_)), "{ids:?}: {reply:?}");
    }
    for wrong in [
        PurchaseRequest { quantity: 0, ..purchase() },
        PurchaseRequest { mark: None, ..purchase() },
        PurchaseRequest { mark: Some("x".repeat(51)), ..purchase() },
        PurchaseRequest { auto_renewal: Some(true), ..purchase() },
        PurchaseRequest { kind: Kind::from("ISP"), ..purchase() },
    ] {
        let reply = run(spender.buy(&wrong, Some(&fresh())));
        assert!(matches!(reply, PaymentReply::NeverSent(_)), "{wrong:?}: {reply:?}");
    }
    assert_eq!(count.load(Ordering::SeqCst), 0);
}
