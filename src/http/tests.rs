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
    forecast: Value,
}

impl Source for Fake {
    fn status(&self) -> Value {
        assert!(self.status != "panic", "a bug in a source");
        self.status.clone()
    }
    fn plan(&self) -> Value {
        self.plan.clone()
    }
    fn forecast(&self, days: u16) -> Value {
        let mut forecast = self.forecast.clone();
        if !forecast.is_null() {
            forecast["asked_for"] = days.into();
        }
        forecast
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
        "open_alerts": [{ "key": "watch:yp", "severity": "warning", "since": "2026-11-20T00:00:00Z", "text": "a warning" }, { "key": "short_funds:yp", "severity": "urgent", "since": "2026-11-20T01:02:03Z", "text": "<script>alert(1)</script>" }],
        "accounts": [{ "account": "yp", "provider": "p", "reachable": true, "balance": "1.50", "currency": "USD", "leases": 3,
            "next_due_at": null, "runway": null }],
    })
}

fn plan() -> Value {
    let item = json!({ "ip": "203.0.113.7", "lease": "1", "account": "yp", "expires_at": null, "decision": "hold", "reason": "short_funds: 2.00 missing" });
    json!({ "schema": 1, "items": vec![item; 60] })
}

fn forecast() -> Value {
    let day = |n: usize| {
        json!({ "date": format!("2026-12-{n:02}"), "account": "yp", "due": 2, "amount": "5.30", "currency": "USD",
            "balance_after": if n > 9 { "-3.80" } else { "1.50" }, "price_source": "last_paid" })
    };
    json!({
        "schema": 1, "from": "2026-11-21T12:00:00Z", "to": "2027-02-19T12:00:00Z", "unpriced": 3,
        "days": (1..=14).map(day).collect::<Vec<_>>(),
        "runway": [{ "account": "yp, \u{e4} ;x", "currency": "USD", "balance": "6.80", "need": "10.60", "short_by": "3.80", "until": "2026-12-10",
            "top_up_by": "2026-12-10T09:00:00Z", "unpriced": 3, "uncovered": [{}, {}], "read_at": "2026-11-21T11:50:00Z", "error": null }],
        "expiries": [
            { "date": "2026-12-03", "account": "yp", "leases": 3, "renew": 2, "watch": 0, "release": 1, "first_at": "2026-12-03T09:00:00Z" },
            { "date": "2026-12-03", "account": "other", "leases": 1, "renew": 0, "watch": 1, "release": 0, "first_at": "2026-12-03T09:00:00Z" },
        ],
    })
}

struct Site {
    at: SocketAddr,
    source: Arc<Fake>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

async fn site_with(status: Value, plan: Value, token: Option<&str>) -> Site {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let forecast = if plan.is_null() { Value::Null } else { forecast() };
    let source = Arc::new(Fake { well: AtomicBool::new(true), status, plan, forecast });
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
    for path in ["/api/status", "/api/plan", "/api/forecast", "/calendar.ics"] {
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
        for path in ["/", "/api/status", "/api/forecast", "/calendar.ics", "/healthz", "/metrics"] {
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
    for path in ["/", "/api/status", "/api/forecast", "/calendar.ics", "/metrics", "/healthz"] {
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
    assert!(reply.contains("2026-11-20 01:02 UTC") && reply.contains("every account"), "{reply}");
    assert!(reply.contains("203.0.113.7") && reply.contains("10 more"), "{reply}");
}

#[tokio::test]
async fn the_page_tells_the_gravest_first_and_cycles_to_the_second() {
    let (_, reply) = site().await.get("/").await;
    let at = |part: &str| reply.find(part).unwrap_or_else(|| panic!("{part}: {reply}"));
    assert!(at(">urgent</td>") < at(">warning</td>"), "{reply}");
    assert!(
        reply.contains("2026-11-21 12:00:00 UTC") && reply.contains("2026-11-21 12:10:00 UTC"),
        "{reply}"
    );
}

#[tokio::test]
async fn every_cell_of_the_page_can_stand_alone_on_a_telephone() {
    let (_, reply) = site().await.get("/").await;
    assert!(reply.contains("max-width: 600px") && reply.contains("attr(data-of)"), "{reply}");
    for part in [
        "<td data-of=\"balance after\" class=\"num bad\">-3.80",
        "<td data-of=\"ends\">",
        "<td class=\"date\">2026-12-01",
    ] {
        assert!(reply.contains(part), "{part}: {reply}");
    }
}

#[tokio::test]
async fn the_page_shows_what_is_ahead_and_leads_to_all_of_it() {
    let (_, reply) = site().await.get("/").await;
    assert!(reply.contains("Due within 14 days") && reply.contains("2026-12-14"), "{reply}");
    assert!(reply.contains("class=\"num bad\">-3.80</td>"), "{reply}");
    assert!(reply.contains("No price is known for 3 of the leases"), "{reply}");
    for link in ["/api/forecast", "/calendar.ics"] {
        assert!(reply.contains(&format!("href=\"{link}\"")), "{link}");
    }
}

#[tokio::test]
async fn the_forecast_looks_as_far_ahead_as_it_is_asked_to() {
    let site = site().await;
    for (query, days) in [("", 30), ("?days=7", 7), ("?days=366", 366), ("?other=1", 30)] {
        let (code, reply) = site.get(&format!("/api/forecast{query}")).await;
        let document: Value = serde_json::from_str(body(&reply)).unwrap();
        assert_eq!((code, &document["asked_for"]), (200, &json!(days)), "{query}");
    }
    for query in ["?days=0", "?days=367", "?days=-1", "?days=x", "?days="] {
        let (code, reply) = site.get(&format!("/api/forecast{query}")).await;
        assert!(code == 400 && reply.contains("from 1 to 366"), "{query}: {reply}");
    }
}

/// Reads a calendar with another parser than the one that wrote it.
fn events(text: &str) -> Vec<ical::parser::ical::component::IcalEvent> {
    let calendars: Vec<_> = ical::IcalParser::new(text.as_bytes()).collect::<Result<_, _>>().unwrap();
    assert_eq!(calendars.len(), 1, "{text}");
    calendars.into_iter().flat_map(|c| c.events).collect()
}

fn property(event: &ical::parser::ical::component::IcalEvent, name: &str) -> String {
    let all: Vec<_> = event.properties.iter().filter(|p| p.name == name).collect();
    assert_eq!(all.len(), 1, "{name}: {event:?}");
    all[0].value.clone().unwrap()
}

#[tokio::test]
async fn the_calendar_is_read_by_another_program() {
    let (code, reply) = site().await.get("/calendar.ics").await;
    assert_eq!(code, 200);
    assert!(reply.contains("content-type: text/calendar; charset=utf-8"), "{reply}");
    let text = body(&reply);
    assert!(text.lines().count() * 2 == text.matches(['\r', '\n']).count(), "each line ends with CRLF");
    assert!(text.split("\r\n").all(|line| line.len() <= 76), "long lines are folded: {text}");
    let events = events(text);
    let summaries: Vec<_> = events.iter().map(|e| property(e, "SUMMARY")).collect();
    assert_eq!(
        summaries,
        [
            "yp: 3 leases end (2 to be renewed\\, 1 let go)",
            "other: 1 lease ends (1 watched only)",
            "yp\\, \u{e4} \\;x: top up 3.80 USD",
        ]
    );
    let days: Vec<_> = events.iter().map(|e| (property(e, "DTSTART"), property(e, "DTEND"))).collect();
    assert_eq!(days[0], ("20261203".to_owned(), "20261204".to_owned()));
    assert_eq!(days[2], ("20261210".to_owned(), "20261211".to_owned()));
    let alarms: Vec<_> = events.iter().map(|e| e.alarms.len()).collect();
    assert_eq!(alarms, [0, 0, 1], "a top-up day rings");
    assert!(events.iter().all(|e| property(e, "DTSTAMP") == "20261121T115000Z"), "as of the facts");
    let uids: std::collections::BTreeSet<_> = events.iter().map(|e| property(e, "UID")).collect();
    assert_eq!(uids.len(), 3);
}

#[test]
fn events_keep_their_names_while_their_facts_change() {
    let before = events(&calendar::render(&forecast()));
    let mut moved = forecast();
    moved["runway"][0]["until"] = json!("2026-12-08");
    moved["runway"][0]["short_by"] = json!("9.10");
    moved["expiries"][0]["leases"] = json!(2);
    moved["runway"][0]["read_at"] = json!("2026-11-22T11:50:00Z");
    let after = events(&calendar::render(&moved));
    for (old, new) in before.iter().zip(&after) {
        assert_eq!(property(old, "UID"), property(new, "UID"));
    }
    assert_eq!(property(&after[2], "DTSTART"), "20261208");
    assert_eq!(calendar::render(&forecast()), calendar::render(&forecast()), "the same facts, the same file");
}

#[test]
fn a_calendar_without_events_is_one_all_the_same() {
    let text = calendar::render(
        &json!({ "schema": 1, "from": "2026-11-21T12:00:00Z", "expiries": [], "runway": [] }),
    );
    assert!(events(&text).is_empty());
    assert!(text.contains("BEGIN:VTIMEZONE"), "RFC 5545 wants one component at least: {text}");
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
    let ended = tokio::time::timeout(Duration::from_secs(2), site.task).await;
    ended.expect("the server hangs").unwrap();
    assert!(TcpStream::connect(site.at).await.is_err(), "the port is free again");
}

/// Connections that are open and say nothing, or half of something.
async fn idlers(at: SocketAddr, n: usize, said: &str) -> Vec<TcpStream> {
    let mut all = Vec::new();
    for _ in 0..n {
        let mut one = TcpStream::connect(at).await.unwrap();
        one.write_all(said.as_bytes()).await.unwrap();
        all.push(one);
    }
    all
}

#[tokio::test]
async fn connections_that_say_nothing_keep_no_health_check_out() {
    let site = site().await;
    for said in ["", "GET / HTTP/1.1\r\nHost: local", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"] {
        let held = idlers(site.at, 100, said).await;
        let probe = tokio::time::timeout(Duration::from_secs(2), site.get("/healthz")).await;
        assert_eq!(probe.expect("the probe waits").0, 200, "{said:?}");
        drop(held);
    }
}

#[tokio::test]
async fn a_connection_that_sends_no_whole_request_is_closed_within_seconds() {
    let site = site().await;
    for said in ["", "GET / HTTP/1.1\r\nHost: local"] {
        let mut held = idlers(site.at, 1, said).await;
        let mut rest = Vec::new();
        let read = held[0].read_to_end(&mut rest);
        let _ = tokio::time::timeout(Duration::from_secs(8), read).await.expect("it is kept");
    }
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let site = site().await;
    let mut stream = TcpStream::connect(site.at).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n").await.unwrap();
    let line = format!("X-Filler: {}\r\n", "x".repeat(1000));
    for _ in 0..64 {
        if stream.write_all(line.as_bytes()).await.is_err() {
            break;
        }
    }
    let mut reply = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(3), stream.read_to_end(&mut reply)).await;
    let reply = String::from_utf8_lossy(&reply).into_owned();
    assert!(read.is_ok() && !reply.contains("200 OK"), "{reply}");
}

#[tokio::test]
async fn a_probe_of_http_1_0_is_answered_without_a_host() {
    let site = site().await;
    let (code, reply) = site.send("GET /healthz HTTP/1.0\r\n\r\n").await;
    assert_eq!((code, body(&reply)), (200, "alive"));
    assert_eq!(site.send("GET /healthz HTTP/1.0\r\nHost: evil.example\r\n\r\n").await.0, 421);
}
