//! The clients against a raw socket: what a URL, a date, a size and a missing certificate store do.
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

use secrecy::SecretString;

use super::*;
use crate::clock::{Clock, VirtualClock};
use crate::domain::{AccountName, Moment};
use crate::providers::Purpose;
use crate::providers::limiter::Limiter;
use crate::redact::Redactor;

struct NoLimit;

#[async_trait::async_trait]
impl Limiter for NoLimit {
    async fn acquire(&self, _: u32, _: Purpose) {}
}

fn connection(base: &str) -> Connection {
    let clock: Arc<dyn Clock> = Arc::new(VirtualClock::starting_at("2026-11-21T06:00:00Z".parse().unwrap()));
    Connection {
        account: AccountName::from("yp"),
        base_url: base.parse().unwrap(),
        api_key: SecretString::from("sk-very-secret-77"),
        read_timeout: SignedDuration::from_secs(5),
        money_timeout: SignedDuration::from_secs(5),
        redactor: Redactor::default(),
        clock,
        limiter: Arc::new(NoLimit),
        owner_says: Default::default(),
    }
}

/// What a client with a token sends to `base`, to which its connection belongs or does not.
fn head_of(base_of_connection: impl Fn(&str) -> String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = [0_u8; 4096];
        let n = stream.read(&mut buffer).unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
        String::from_utf8_lossy(&buffer[..n]).into_owned()
    });
    let http = ReadHttp::with_bearer(&connection(&base_of_connection(&base))).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(http.get(format!("{base}/x").parse().unwrap(), CAP)).unwrap();
    asked.join().unwrap()
}

#[test]
fn a_token_goes_to_its_own_host_only() {
    assert!(head_of(ToOwned::to_owned).contains("authorization: Bearer sk-very-secret-77\r\n"));
    for elsewhere in ["http://127.0.0.1:1", "http://localhost:9"] {
        assert!(!head_of(|_| elsewhere.to_owned()).contains("sk-very-secret-77"), "{elsewhere}");
    }
}

/// Answers one request with `says`.
fn one_answer(says: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = [0_u8; 4096];
        let _ = stream.read(&mut buffer).unwrap();
        let _ = stream.write_all(says.as_bytes());
    });
    base
}

fn get(says: String, cap: usize) -> Result<Reply, Failure> {
    let base = one_answer(says);
    let http = ReadHttp::new(&connection(&base)).unwrap();
    let url = format!("{base}/client/api/v1/sk-very-secret-77/balance").parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(http.get(url, cap))
}

#[test]
fn the_clock_is_compared_with_the_date_of_the_answer() {
    let date = |date: &str| {
        get(format!("HTTP/1.1 200 OK\r\n{date}Content-Length: 2\r\n\r\n{{}}"), CAP).unwrap().skew
    };
    assert_eq!(date("Date: Sat, 21 Nov 2026 06:07:00 GMT\r\n"), Some(SignedDuration::from_mins(7)));
    assert_eq!(date("Date: Sat, 21 Nov 2026 05:59:58 GMT\r\n"), Some(SignedDuration::from_secs(-2)));
    assert_eq!(date("Date: yesterday\r\n"), None);
    assert_eq!(date(""), None);
}

#[test]
fn a_body_over_the_cap_is_not_read_to_its_end() {
    let announced = get("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n01234567890".to_owned(), 10);
    let unannounced = get("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n01234567890".to_owned(), 10);
    for answer in [announced, unannounced] {
        assert!(matches!(answer, Err(Failure::Lost { status: Some(200), .. })), "{answer:?}");
    }
    let fits = get("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n0123456789".to_owned(), 10).unwrap();
    assert_eq!(fits.body, b"0123456789");
}

#[test]
fn a_redirect_is_an_answer_and_is_not_followed() {
    let says = "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(get(says.to_owned(), CAP).unwrap().status, 301);
}

#[test]
fn no_failure_shows_the_key_or_the_url() {
    let failures = [
        get("garbage\r\n\r\n".to_owned(), CAP).unwrap_err(),
        get(String::new(), CAP).unwrap_err(),
        get("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_owned(), CAP).unwrap_err(),
    ];
    for failure in failures {
        let shown = format!("{failure:?} {}", failure.clone().into_text());
        assert!(!shown.contains("secret") && !shown.contains("/client/"), "{shown}");
    }
}

#[test]
fn an_https_client_does_not_speak_plain_http() {
    let base = one_answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned());
    let http = MoneyHttp::new(&connection("https://localhost")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(http.post_once(base.parse().unwrap(), b"{}".to_vec()));
    assert!(answer.is_err(), "{answer:?}");
}

#[tokio::test]
async fn who_does_not_answer_is_named_by_host_and_port_and_never_by_path() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let base = format!("http://{free}");
    let http = ReadHttp::new(&connection(&base)).unwrap();
    let url: Url = format!("{base}/api/a-key-in-the-path/list?key=another").parse().unwrap();
    let failed = http.get(url, CAP).await.unwrap_err().into_text();
    assert!(failed.starts_with(&format!("no connection to {free} could be made (")), "{failed}");
    assert!(!failed.contains("a-key") && !failed.contains("another") && !failed.contains("/api"), "{failed}");
}

/// A listener whose queue is full, so that who connects waits until it is emptied; and the streams that fill it.
async fn busy() -> (tokio::net::TcpListener, Vec<tokio::net::TcpStream>) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    let soon = Duration::from_millis(200);
    while let Ok(Ok(stream)) = tokio::time::timeout(soon, tokio::net::TcpStream::connect(address)).await {
        queued.push(stream);
    }
    (listener, queued)
}

/// Sends a payment with this look to a listener that accepts late, `meanwhile` happening before it does. Gives the answer and the
/// bytes that arrived on the payment's own connection.
async fn late(
    look: impl FnOnce(&Moment) -> LastLook,
    meanwhile: impl FnOnce(&VirtualClock),
) -> (Failure, usize) {
    use tokio::io::AsyncReadExt;
    let (listener, queued) = busy().await;
    let base = format!("http://{}", listener.local_addr().unwrap());
    let clock = Arc::new(VirtualClock::starting_at("2026-11-21T06:00:00Z".parse().unwrap()));
    let http = MoneyHttp::new(&Connection { clock: clock.clone(), ..connection(&base) }).unwrap();
    let look = look(&clock.now());
    let url = base.parse().unwrap();
    let paying = tokio::spawn(async move { http.pay_once(url, b"{}".to_vec(), Some(&look)).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!paying.is_finished(), "it waits for its connection");
    meanwhile(&clock);
    for _ in &queued {
        listener.accept().await.unwrap();
    }
    let (mut stream, _) = listener.accept().await.unwrap();
    let answer = paying.await.unwrap();
    let mut buffer = [0_u8; 4096];
    let arrived = stream.read(&mut buffer).await.unwrap_or(0);
    (answer.unwrap_err(), arrived)
}

fn nothing_against() -> crate::ledger::Stands {
    Arc::new(|| Ok(()))
}

#[tokio::test]
async fn a_price_that_grew_old_while_the_connection_was_made_is_not_paid() {
    let look = |now: &Moment| LastLook::new(nothing_against()).priced(now).read(now);
    let (answer, arrived) = late(look, |clock| clock.advance(Duration::from_secs(61))).await;
    let told = "its quote was 61 s old when the connection stood; nothing was sent";
    assert_eq!((answer, arrived), (Failure::NeverSent(told.to_owned()), 0));
}

#[tokio::test]
async fn a_pause_that_came_while_the_connection_was_made_stops_the_payment() {
    let paused = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = Arc::clone(&paused);
    let look = |now: &Moment| {
        let stands = move || match seen.load(std::sync::atomic::Ordering::SeqCst) {
            true => Err("spending was paused just then".to_owned()),
            false => Ok(()),
        };
        LastLook::new(Arc::new(stands)).priced(now).read(now)
    };
    let pause = |_: &VirtualClock| paused.store(true, std::sync::atomic::Ordering::SeqCst);
    let (answer, arrived) = late(look, pause).await;
    let told = "spending was paused just then; nothing was sent";
    assert_eq!((answer, arrived), (Failure::NeverSent(told.to_owned()), 0));
}

#[tokio::test]
async fn a_late_connection_within_the_minute_is_paid_on() {
    let look = |now: &Moment| LastLook::new(nothing_against()).priced(now).read(now);
    let (answer, arrived) = late(look, |clock| clock.advance(Duration::from_secs(59))).await;
    assert!(matches!(answer, Failure::Lost { .. }) && arrived > 0, "{answer:?} {arrived}");
}

#[tokio::test]
async fn a_payment_that_nobody_looks_at_again_is_not_connected_at_all() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let http = MoneyHttp::new(&connection(&base)).unwrap();
    let answer = http.pay_once(base.parse().unwrap(), b"{}".to_vec(), None).await.unwrap_err();
    assert!(matches!(answer, Failure::NeverSent(_)), "{answer:?}");
    let soon = Duration::from_millis(200);
    assert!(tokio::time::timeout(soon, listener.accept()).await.is_err(), "nobody came");
}
