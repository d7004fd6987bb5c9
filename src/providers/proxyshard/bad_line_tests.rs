//! A server on a bad line, for the tests of what moves money: it counts requests and ends each as it is told.
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::SignedDuration;
use secrecy::SecretString;

use crate::clock::SystemClock;
use crate::domain::AccountName;
use crate::providers::limiter::Limiter;
use crate::providers::{Connection, Purpose};
use crate::redact::Redactor;

pub const KEY: &str = "sk-very-secret-77";

struct NoLimit;

#[async_trait::async_trait]
impl Limiter for NoLimit {
    async fn acquire(&self, _: u32, _: Purpose) {}
}

pub fn connection(address: SocketAddr) -> Connection {
    Connection {
        account: AccountName::from("ps"),
        base_url: format!("http://{address}").parse().unwrap(),
        api_key: SecretString::from(KEY),
        read_timeout: SignedDuration::from_secs(5),
        money_timeout: SignedDuration::from_millis(400),
        redactor: Redactor::default(),
        clock: Arc::new(SystemClock::new()),
        limiter: Arc::new(NoLimit),
        owner_says: Default::default(),
    }
}

pub fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Where nobody listens.
pub fn nowhere() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// A server that counts the connections on which a request arrives, and treats each as `answer` says. Every answer ends its
/// connection, so a second request would be a second connection.
pub fn server(answer: Answer) -> (SocketAddr, Arc<AtomicUsize>) {
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
pub enum Answer {
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
    assert!(text.starts_with("POST /user/api/orders/"), "{text}");
    assert!(text.contains(&format!("authorization: Bearer {KEY}\r\n")), "{text}");
    assert!(text.contains("content-length: "), "{text}");
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

/// Every way in which an answer can be lost, and the HTTP status that is seen of it.
pub const LOST: [(&str, Answer, Option<i64>); 12] = [
    ("reset", Answer::Reset, None),
    ("closed without a byte", Answer::Nothing, None),
    ("stalled", Answer::Stall, None),
    ("garbage", Answer::Says("\u{1}\u{2} this is no HTTP\r\n\r\n"), None),
    ("half a body", Answer::Says(HALF), Some(200)),
    ("half a chunk", Answer::Says(HALF_CHUNK), Some(200)),
    ("more than the cap", Answer::Says(PROMISED), Some(200)),
    ("unavailable", Answer::Says(BUSY), Some(503)),
    ("too many", Answer::Says(LIMITED), Some(429)),
    ("found elsewhere", Answer::Says(MOVED), Some(302)),
    ("redirected with its method", Answer::Says(KEPT), Some(307)),
    ("timed out at the server", Answer::Says(TIMED_OUT), Some(408)),
];

/// What is told of a lost answer shows neither the key nor the address.
pub fn assert_told(why: &str, code: Option<i64>, want: Option<i64>, message: &str) {
    assert_eq!(code, want, "{why}: {message}");
    assert!(
        !message.is_empty() && !message.contains(KEY) && !message.contains("user/api"),
        "{why}: {message}"
    );
}
