//! Over real sockets, with a source that says what the test wants.
use super::*;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

struct Fake {
    well: AtomicBool,
    status: Value,
    plan: Value,
}

impl Source for Fake {
    fn status(&self) -> Value {
        assert!(self.status != "panic", "a bug in a source");
        self.status.clone()
    }
    fn plan(&self) -> Value {
        self.plan.clone()
    }
    fn history(&self) -> Value {
        json!({ "schema": 1, "payments": [] })
    }
    fn alive(&self) -> bool {
        self.well.load(Ordering::Relaxed)
    }
    fn ready(&self) -> bool {
        self.well.load(Ordering::Relaxed)
    }
}

fn status() -> Value {
    json!({
        "schema": 1, "healthy": true, "unknown": 1, "needs_operator": 0, "budgets": [], "silences": [], "paused": ["*"],
        "last_cycle": { "started_at": "2026-11-21T12:00:00Z", "ended_at": null, "outcome": null, "paid": 1, "held": 2, "unknown": 1 },
        "next_cycle_at": "2026-11-21T12:10:00.000123Z",
        "open_alerts": [{ "key": "short_funds:yp", "severity": "urgent", "since": "2026-11-20T01:02:03Z", "text": "<script>alert(1)</script>" }],
        "accounts": [{ "account": "yp", "provider": "p", "reachable": true, "balance": "1.50", "currency": "USD", "leases": 3,
            "next_due_at": null, "runway": null }],
    })
}

fn plan() -> Value {
    let item = json!({ "ip": "203.0.113.7", "lease": "1", "account": "yp", "expires_at": null, "decision": "hold", "reason": "short_funds: 2.00 missing" });
    json!({ "schema": 1, "items": vec![item; 60] })
}

struct Site {
    at: SocketAddr,
    source: Arc<Fake>,
    stop: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
}

async fn site_with(status: Value, plan: Value, token: Option<&str>) -> Site {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let source = Arc::new(Fake { well: AtomicBool::new(true), status, plan });
    let stop = CancellationToken::new();
    let task = tokio::spawn(serve(
        listener,
        Arc::clone(&source) as Shared,
        token.map(|t| t.to_owned().into()),
        stop.clone(),
    ));
    Site { at, source, stop, task }
}

async fn site() -> Site {
    site_with(status(), plan(), None).await
}

impl Site {
    async fn send(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.at).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        (reply.split(' ').nth(1).unwrap().parse().unwrap(), reply)
    }

    async fn get(&self, path: &str) -> (u16, String) {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.at)).await
    }
}

fn body(reply: &str) -> &str {
    reply.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test]
async fn health_follows_the_loop() {
    let site = site().await;
    assert_eq!((site.get("/healthz").await.0, site.get("/readyz").await.0), (200, 200));
    site.source.well.store(false, Ordering::Relaxed);
    assert_eq!((site.get("/healthz").await.0, site.get("/readyz").await.0), (503, 503));
    assert!(site.get("/").await.1.contains("does not move"));
}

#[tokio::test]
async fn the_documents_are_those_of_the_source() {
    let site = site().await;
    for (path, wanted) in [("/api/status", status()), ("/api/plan", plan())] {
        let (code, reply) = site.get(path).await;
        assert_eq!((code, serde_json::from_str::<Value>(body(&reply)).unwrap()), (200, wanted));
    }
    assert_eq!(site.get("/api/history").await.0, 200);
}

#[tokio::test]
async fn a_source_that_cannot_answer_is_a_failure_and_never_an_empty_success() {
    let unread = json!({ "schema": 1, "error": { "kind": "ledger", "message": "disk full" } });
    let site = site_with(unread, Value::Null, None).await;
    for path in ["/api/status", "/api/plan"] {
        let (code, reply) = site.get(path).await;
        let document: Value = serde_json::from_str(body(&reply)).unwrap();
        assert_eq!((code, &document["schema"], document["error"].is_object()), (503, &json!(1), true));
    }
    assert!(site.get("/").await.1.contains("disk full"));
}

#[tokio::test]
async fn a_bug_in_the_source_is_one_failed_answer_and_not_the_end() {
    let site = site_with(json!("panic"), Value::Null, None).await;
    assert_eq!(site.get("/api/status").await.0, 500);
    assert_eq!(site.get("/healthz").await.0, 200);
}

#[tokio::test]
async fn nothing_can_be_changed() {
    let site = site().await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        for path in ["/", "/api/status", "/healthz", "/metrics"] {
            let request = format!(
                "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            assert_eq!(site.send(&request).await.0, 405, "{method} {path}");
        }
    }
    let (code, reply) = site.send("HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert_eq!((code, body(&reply)), (200, ""));
}

#[tokio::test]
async fn a_page_elsewhere_cannot_read_us_through_a_browser() {
    let site = site().await;
    let (code, reply) =
        site.send("GET /api/status HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n").await;
    assert_eq!(code, 421);
    assert!(!reply.contains("accounts"), "{reply}");
    assert_eq!(
        site.send("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n").await.0,
        421,
        "no Host at all"
    );
}

#[tokio::test]
async fn without_the_token_nothing_is_told() {
    let site = site_with(status(), plan(), Some("t0ken")).await;
    for path in ["/", "/api/status", "/metrics", "/healthz"] {
        let (code, reply) = site.get(path).await;
        assert_eq!(code, 401, "{path}");
        assert!(!reply.contains("accounts") && !reply.contains("t0ken"), "{reply}");
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t0ken\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(site.send(&request).await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn the_page_escapes_strangers_words_and_runs_no_script() {
    let (code, reply) = site().await.get("/").await;
    assert_eq!(code, 200);
    assert!(reply.contains("&lt;script&gt;") && !reply.contains("<script"), "{reply}");
    assert!(reply.contains("default-src 'none'") && reply.contains("no-store"), "{reply}");
    assert!(reply.contains("2026-11-21 12:10 UTC") && reply.contains("every account"), "{reply}");
    assert!(reply.contains("203.0.113.7") && reply.contains("10 more"), "{reply}");
}

#[tokio::test]
async fn the_metrics_are_openmetrics() {
    let (code, reply) = site().await.get("/metrics").await;
    assert_eq!(code, 200);
    assert!(reply.contains("application/openmetrics-text"), "{reply}");
    assert!(
        reply.contains("renewd_account_balance{account=\"yp\",provider=\"p\",currency=\"USD\"} 1.5"),
        "{reply}"
    );
    assert!(body(&reply).ends_with("# EOF\n"));
}

#[tokio::test]
async fn a_stop_ends_the_server_also_while_a_reader_hangs() {
    let site = site().await;
    let mut hanging = TcpStream::connect(site.at).await.unwrap();
    hanging.write_all(b"GET / HTTP/1.1\r\nHost: local").await.unwrap();
    assert_eq!(site.get("/healthz").await.0, 200);
    site.stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(10), site.task).await;
    ended.expect("the server hangs").unwrap().unwrap();
    assert!(TcpStream::connect(site.at).await.is_err(), "the port is free again");
}
