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
    fn history(&self, asked: &Asked, out: &mut dyn Write) -> Result<(), Value> {
        if asked.state.as_deref() == Some("nonsense") {
            return Err(json!({ "schema": 1, "error": { "kind": "usage", "message": "no such state" } }));
        }
        let breaks = asked.account.as_deref() == Some("breaks");
        write!(out, "{{\"schema\":1,\"payments\":[{}", "0,".repeat(if breaks { 100_000 } else { 0 }))
            .unwrap();
        if breaks {
            return Err(json!({ "schema": 1, "error": { "kind": "ledger", "message": "gone" } }));
        }
        out.write_all(b"]}").unwrap();
        Ok(())
    }
    fn leases(&self, out: &mut dyn Write) -> Result<(), Value> {
        out.write_all(b"{\"schema\":1,\"leases\":[]}").unwrap();
        Ok(())
    }
    fn overview(&self) -> Value {
        if self.status["error"].is_object() { self.status.clone() } else { overview() }
    }
    fn lease(&self, account: &str, lease: &str) -> Value {
        match (account, lease) {
            ("yp", "a/b \u{e9}") => lease_page(),
            ("broken", _) => json!({ "schema": 1, "error": { "kind": "ledger", "message": "gone" } }),
            _ => Value::Null,
        }
    }
    fn payments(&self, sought: &Sought) -> Value {
        if sought.state == "nonsense" {
            return json!({ "schema": 1, "error": { "kind": "usage", "message": "`nonsense` is not a state" } });
        }
        json!({
            "zone": "Europe/Berlin", "now": when("Sat 21 Nov 13:00", ""), "accounts": ["yp", "<i>"],
            "states": [["confirmed", "paid"], ["unknown", "outcome unknown"]],
            "sought": { "account": sought.account, "state": sought.state, "since": sought.since },
            "payments": if sought.before.is_empty() { vec![payment()] } else { Vec::new() },
            "goes_on": !sought.before.is_empty(), "older": "/payments?before=p-000007", "newest": "/payments",
        })
    }
    fn metrics(&self) -> super::Metrics {
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        super::Metrics::of_status(&self.status(), self.alive(), now)
    }
    fn schema(&self, name: &str) -> Option<Value> {
        (name == "status").then(|| json!({ "title": "Status" }))
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
        "pauses": [{ "account": "*", "by": "alice", "note": "<b>the card</b>", "since": "2026-11-21T11:00:00Z", "until": "2026-11-21T18:00:00Z" }],
        "last_cycle": { "started_at": "2026-11-21T12:00:00Z", "ended_at": null, "outcome": null, "paid": 1, "held": 2, "unknown": 1 },
        "next_cycle_at": "2026-11-21T12:10:00.000123Z",
        "open_alerts": [{ "key": "watch:yp", "severity": "warning", "since": "2026-11-20T00:00:00Z", "text": "a warning" }, { "key": "short_funds:yp", "severity": "urgent", "since": "2026-11-20T01:02:03Z", "text": "<script>alert(1)</script>" }],
        "accounts": [{ "account": "yp", "provider": "p", "reachable": true, "balance": "1.50", "currency": "USD", "leases": 3,
            "next_due_at": null, "runway": null }],
    })
}

/// What hostile text from outside may look like.
const SCRIPT: &str = "<script>alert(1)</script>";

fn when(text: &str, away: &str) -> Value {
    json!({ "at": "2026-11-21T12:00:00Z", "text": text, "away": away })
}

fn need(severity: &str, title: &str) -> Value {
    json!({ "severity": severity, "title": title, "text": SCRIPT, "commands": ["renewd resume yp"], "key": "shrunk:yp",
        "since": when("Fri 20 Nov 02:02", "1 day ago"), "mark": " (silenced)", "leases": [{ "href": "/lease/yp/7", "text": SCRIPT }], "more": 3 })
}

fn payment() -> Value {
    json!({ "id": "p-000007", "account": "yp", "at": when("Fri 20 Nov 02:02", "1 day ago"), "says": "needs your decision", "kind": "bad",
        "leases": [{ "href": "/lease/yp/7", "text": "203.0.113.7" }], "more": 2, "amount": "7.95 USD", "note": "quoted", "term": "30 days",
        "policy": "keep", "error": SCRIPT, "evidence": "" })
}

fn overview() -> Value {
    let mark = json!({ "x": "3.33%", "middle": "5.00%", "width": "2.66%", "y": 30, "height": 22, "covered": false, "says": "Tue 1 Dec: 2 leases due for 5.30 USD" });
    let bar = json!({ "says": "5.00 is covered and 3.80 is not", "parts": [{ "what": "covered", "x": "0.00%", "width": "56.82%" }, { "what": "short", "x": "56.82%", "width": "43.18%" }] });
    json!({
        "zone": "Europe/Berlin", "now": when("Sat 21 Nov 13:00:05", ""), "healthy": true, "next_cycle": when("Sat 21 Nov 13:10:00", "in 10 minutes"),
        "cycle": { "began": when("Sat 21 Nov 13:00:00", "just now"), "running": false, "says": "ok: 1 paid, 2 held, 0 unknown" },
        "needs": [need("urgent", "the list of yp lost 9 leases"), need("warning", SCRIPT)], "news": [], "notes": ["Alerts watch:* are silenced."],
        "approvals": [{ "plan": "plan-7", "account": "yp", "policy": "asks", "leases": "3 leases", "amount": "7.95 USD",
            "since": when("a", ""), "urgent": when("b", ""), "late": when("c", "") }],
        "accounts": [{ "account": "yp", "provider": "p", "state": "down", "error": SCRIPT, "balance": "5.00 USD", "read": when("Sat 21 Nov 09:00", "4 hours ago"),
            "leases": "60 leases", "decisions": [["to renew", 3]], "bar": bar, "lasts": "8.80 USD falls due within 14 days", "top_up": ["3.80 USD", when("Tue 1 Dec 09:00", "in 9 days")] }],
        "timeline": { "days": 30, "ticks": [{ "x": "0.00%", "text": "21 Nov" }], "unpriced": 3,
            "lanes": [{ "account": "yp", "says": "yp: 2 leases due", "dues": [mark], "lapses": [mark], "leaves": [], "top_up": mark }],
            "rows": [{ "day": when("Tue 1 Dec", "in 10 days"), "account": "yp", "due": 2, "amount": "5.30 USD", "balance_after": "-3.80 USD", "short": true, "ends": ["1 would lapse"] }] },
        "budgets": [{ "name": "monthly", "per": "month", "bar": bar, "says": "1.00 of 2.00 USD spent, 1.00 left", "used_up": false }],
        "held": [{ "account": "yp", "word": "short_funds", "why": "2.00 missing", "leases": "60 leases", "stages": "2 urgent, 58 normal", "urgent": true,
            "first_end": when("Sun 22 Nov 01:00", "in 12 hours"), "some": [{ "href": "/lease/yp/7", "text": "203.0.113.7" }], "more": 59 }],
        "held_in_all": 60, "payments": [payment()],
    })
}

fn lease_page() -> Value {
    json!({
        "zone": "Europe/Berlin", "name": SCRIPT, "decision": "hold", "why": SCRIPT, "next": "held", "warnings": [SCRIPT], "steps": [["price", SCRIPT]],
        "facts": [["tag", SCRIPT]], "ends": [["ends", when("Sun 22 Nov 01:00", "in 12 hours")]], "ages": [["account last read", when("x", "y")]],
        "payments": [payment()], "policies": ["keep: matches and decides"], "alerts": [need("urgent", "held")], "together": [],
        "prices": { "says": "2 payments", "lines": [{ "x1": "2.00%", "y1": 10, "x2": "98.00%", "y2": 20 }],
            "points": [{ "x": "2.00%", "y": 10, "says": "2.65 USD" }], "first": when("a", ""), "last": when("b", "") },
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
        Access { token: token.map(|t| t.to_owned().into()), hosts: Vec::new() },
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
async fn a_history_that_breaks_off_is_never_taken_for_a_whole_one() {
    let site = site().await;
    let (code, reply) = site.get("/api/history?state=nonsense").await;
    assert_eq!((code, reply.contains("no such state")), (400, true), "{reply}");
    assert_eq!(site.get("/api/history?limit=many").await.0, 400);
    let (code, reply) = site.get("/api/history?account=breaks").await;
    assert!(code == 200 && reply.len() > 65_536, "some of it had gone out");
    assert!(!reply.ends_with("0\r\n\r\n"), "no last piece, so no whole answer");
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
        let all = [
            "/",
            "/payments",
            "/lease/yp/7",
            "/static/renewd.css",
            "/api/status",
            "/api/leases",
            "/api/forecast",
            "/calendar.ics",
        ];
        for path in all.into_iter().chain(["/healthz", "/metrics"]) {
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
    let all = [
        "/",
        "/payments",
        "/static/renewd.css",
        "/favicon.ico",
        "/api/status",
        "/api/leases",
        "/api/forecast",
        "/calendar.ics",
    ];
    for path in all.into_iter().chain(["/metrics", "/healthz"]) {
        let (code, reply) = site.get(path).await;
        assert_eq!(code, 401, "{path}");
        assert!(!reply.contains("accounts") && !reply.contains("t0ken"), "{reply}");
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t0ken\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(site.send(&request).await.0, 200, "{path}");
    }
}

const PAGES: [&str; 3] = ["/", "/payments", "/lease/yp/a%2Fb%20%C3%A9"];

#[tokio::test]
async fn pages_escape_strangers_words_and_hold_nothing_that_runs() {
    let site = site().await;
    for path in PAGES {
        let (code, reply) = site.get(path).await;
        assert_eq!(code, 200, "{path}");
        let html = body(&reply);
        assert!(html.contains("&lt;script&gt;alert(1)") && !html.contains("<script>"), "{path}: {html}");
        // The policy forbids all of these; a page that has none of them needs no exception.
        for never in ["style=", "<style", "onclick", "onload", "javascript:", "<iframe"] {
            assert!(!html.contains(never), "{path}: {never}");
        }
        assert!(reply.contains("default-src 'none'; style-src 'self'; script-src 'self'"), "{reply}");
        assert!(!reply.contains("unsafe") && reply.contains("no-store"), "{reply}");
    }
}

#[tokio::test]
async fn every_file_that_a_page_asks_for_is_there_and_kept_as_long_as_it_is_the_same() {
    let site = site().await;
    let page = site.get("/").await.1.replace("&#x2f;", "/");
    let asked: Vec<&str> = page.split('"').filter(|part| part.starts_with("/static/")).collect();
    assert_eq!(asked.len(), 3, "{asked:?}");
    for path in asked {
        let (code, reply) = site.get(path).await;
        assert!(
            code == 200 && reply.contains("cache-control: private, max-age=31536000, immutable"),
            "{path}: {reply}"
        );
        let (bare, _) = path.split_once('?').unwrap();
        assert!(site.get(bare).await.1.contains("cache-control: private, max-age=300"), "{path}");
    }
    let (code, icon) = site.get("/favicon.ico").await;
    assert!(code == 200 && icon.contains("content-type: image/svg+xml"), "{icon}");
    assert_eq!(site.get("/static/../secret").await.0, 404);
}

#[tokio::test]
async fn the_page_says_how_it_stands_what_to_type_and_when_in_the_configured_zone() {
    let (_, reply) = site().await.get("/").await;
    for part in [
        "renewd <strong>is well</strong>",
        "<span class=\"tag urgent\">urgent</span> the list of yp lost 9 leases",
        "<code>renewd resume yp</code>",
        "<code>renewd approve plan-7</code>",
        "Top up 3.80 USD before",
        "as of <time datetime=\"2026-11-21T12:00:00Z\">Sat 21 Nov 09:00</time> <span class=\"away\">4 hours ago</span>",
        "60 leases of yp: short funds",
        "2 urgent, 58 normal",
        "and 59 more",
        "times in Europe&#x2f;Berlin",
        "No price is known for 3 of the leases",
    ] {
        assert!(reply.contains(part), "{part}: {reply}");
    }
    // Cycles may be seconds apart.
    assert!(reply.contains("13:00:00") && reply.contains("13:10:00"), "{reply}");
    let at = |part: &str| reply.find(part).unwrap_or_else(|| panic!("{part}: {reply}"));
    assert!(at("tag urgent") < at("tag warning"), "the gravest first");
    for link in ["/api/forecast", "/api/leases", "/calendar.ics", "/payments"] {
        assert!(reply.contains(&format!("href=\"{link}\"")), "{link}");
    }
}

#[tokio::test]
async fn pictures_have_words_and_need_no_style_of_their_own() {
    let (_, reply) = site().await.get("/").await;
    assert!(reply.contains("role=\"img\" aria-label=\"yp: 2 leases due\""), "{reply}");
    assert!(
        reply.contains("<rect class=\"due short\" x=\"3.33%\" y=\"30\" width=\"2.66%\" height=\"22\">"),
        "{reply}"
    );
    assert!(
        reply.contains("<rect class=\"short\" x=\"56.82%\" y=\"1\" width=\"43.18%\" height=\"16\"/>"),
        "{reply}"
    );
    assert!(reply.contains("<noscript><meta http-equiv=\"refresh\" content=\"30\"></noscript>"), "{reply}");
}

#[tokio::test]
async fn every_cell_of_a_page_can_stand_alone_on_a_telephone() {
    let site = site().await;
    let (_, css) = site.get("/static/renewd.css").await;
    assert!(css.contains("max-width: 700px") && css.contains("attr(data-of)"), "{css}");
    let (_, reply) = site.get("/").await;
    for part in [
        "<td data-of=\"balance after\" class=\"num bad\">-3.80 USD",
        "<td data-of=\"new end\">",
        "<td data-of=\"day\"><time",
    ] {
        assert!(reply.contains(part), "{part}: {reply}");
    }
    assert_eq!(
        reply.matches("<td>").count() + reply.matches("<td class").count(),
        0,
        "each says what it is of"
    );
}

#[tokio::test]
async fn a_page_that_cannot_be_made_says_why_and_is_no_success() {
    let site = site().await;
    for (path, code, words) in [
        ("/lease/yp/nosuch", 404, "the ledger knows no lease `nosuch` of account `yp`"),
        ("/lease/broken/x", 503, "gone"),
        ("/payments?state=nonsense", 400, "`nonsense` is not a state"),
    ] {
        let (found, reply) = site.get(path).await;
        assert!(found == code && reply.contains(words) && reply.contains("<h1>"), "{path}: {reply}");
    }
    let (code, reply) = site.get("/lease/yp/%3Cscript%3E").await;
    assert!(code == 404 && reply.contains("&lt;script&gt;") && !reply.contains("<script>"), "{reply}");
}

#[tokio::test]
async fn the_page_of_payments_asks_for_the_rest_by_a_link_and_keeps_what_was_asked() {
    let site = site().await;
    let (_, reply) = site.get("/payments?account=yp&state=unknown&since=30d").await;
    for part in [
        "<option value=\"yp\" selected>yp</option>",
        "<option value=\"unknown\" selected>outcome unknown</option>",
        "value=\"30d\"",
        "<a href=\"&#x2f;payments?before=p-000007\">Older</a>",
        "needs your decision",
    ] {
        assert!(reply.contains(part), "{part}: {reply}");
    }
    let (code, reply) = site.get("/payments?account=&state=&since=&before=p-000001").await;
    assert!(code == 200 && reply.contains("There are no older ones") && reply.contains("Newest"), "{reply}");
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
            "yp\\, \u{e4} \\;x: top up 3.80 USD for the 90 days up to 2027-02-19",
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
async fn a_schema_is_served_by_its_name_and_no_other_is() {
    let site = site().await;
    let (code, reply) = site.get("/schema/status.json").await;
    assert!(code == 200 && reply.contains("application/schema+json"), "{reply}");
    assert_eq!(body(&reply), r#"{"title":"Status"}"#);
    for path in
        ["/schema/nosuch.json", "/schema/status", "/schema/", "/schema/a/b.json", "/schema/..%2fstatus.json"]
    {
        assert_eq!(site.get(path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn the_metrics_are_served_in_the_form_that_is_asked_for() {
    let site = site().await;
    let (code, reply) = site.get("/metrics").await;
    assert_eq!(code, 200);
    assert!(reply.contains("content-type: text/plain; version=0.0.4"), "{reply}");
    let balance = "renewd_account_balance{account=\"yp\",provider=\"p\",currency=\"USD\"} 1.5";
    assert!(reply.contains(balance) && !reply.contains("# EOF"), "{reply}");
    let asked = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: application/openmetrics-text;version=1.0.0,*/*;q=0.1\r\nConnection: close\r\n\r\n";
    let (code, reply) = site.send(asked).await;
    assert_eq!(code, 200);
    assert!(
        reply.contains("application/openmetrics-text; version=1.0.0") && reply.contains(balance),
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
