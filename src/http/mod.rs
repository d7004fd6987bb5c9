//! The read-only web side: a status page, JSON, health and metrics. No request changes anything.
//!
//! Not responsible for what the documents say: they come from a [`Source`]. Who may ask is `guard.rs`, how many at once
//! and for how long is `door.rs`. A crash loses nothing.
mod assets;
mod calendar;
mod door;
mod guard;
mod metrics;
mod pages;
mod stream;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use guard::Access;
pub use metrics::{Durations, FAMILIES, Family, Format, Kind, Metrics, Number};
use pages::{Page, Standing};

const SCHEMA_TYPE: &str = "application/schema+json";

/// How long a stop waits for answers under way; a reader that hangs must not hold up the end of the daemon.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Where the documents come from. Called on a thread that may block, so an implementation may read the ledger. What it
/// returns is shown as it is: it must hold no secret.
pub trait Source: Send + Sync {
    /// The `status` document; a failure is `{schema, error}`.
    fn status(&self) -> Value;
    /// The `plan` document of the last cycle; null before the first.
    fn plan(&self) -> Value;
    /// The `forecast` document, so many days ahead, of the facts of the last cycle; null before any account was read, a failure
    /// is `{schema, error}`.
    fn forecast(&self, days: u16) -> Value;
    /// Writes the `history` document of the payments that are asked for.
    ///
    /// # Errors
    /// `{schema, error}`; its kind is `usage` where the question makes no sense.
    fn history(&self, asked: &Asked, out: &mut dyn Write) -> Result<(), Value>;
    /// Writes the document of every lease on record.
    ///
    /// # Errors
    /// `{schema, error}`.
    fn leases(&self, out: &mut dyn Write) -> Result<(), Value>;
    /// What the first page shows; a failure is `{schema, error}`.
    fn overview(&self) -> Value;
    /// What the page of a lease shows; null where nobody knows it.
    fn lease(&self, account: &str, lease: &str) -> Value;
    /// What the page of payments shows; a failure is `{schema, error}`, of kind `usage` where the question makes no sense.
    fn payments(&self, sought: &Sought) -> Value;
    /// The cycle loop is alive.
    fn alive(&self) -> bool;
    /// Why the ledger cannot be written, in a sentence; `None` while it can.
    fn unwritable(&self) -> Option<String> {
        None
    }
    /// Every account was read within the last three cycles; of a node that stands by: it follows the row that says who pays.
    fn ready(&self) -> bool;
    /// The numbers of `/metrics`. Asked for every few seconds: it walks neither the fleet nor the history.
    fn metrics(&self) -> Metrics;
    /// The JSON Schema of that name; `None` where there is none.
    fn schema(&self, name: &str) -> Option<Value>;
    /// This node stands by.
    fn standby(&self) -> bool {
        false
    }
}

/// Which payments somebody asks for, in his words.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct Asked {
    /// Of this account, by a name that it has or had.
    pub account: Option<String>,
    /// In this state, or several with commas between them.
    pub state: Option<String>,
    /// Not older than this: an instant, a date or a duration back.
    pub since: Option<String>,
    /// No more than these.
    pub limit: Option<usize>,
}

/// Which payments somebody looks for on their page. What a form leaves empty is not asked.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Sought {
    /// Of this account.
    pub account: String,
    /// In this state.
    pub state: String,
    /// Not older than this.
    pub since: String,
    /// Older than this payment.
    pub before: String,
}

type Shared = Arc<dyn Source>;

/// Serves until `stop`, then lets answers under way finish for a second.
///
/// With a token every request has to bring it, `/healthz` too.
pub async fn serve(listener: TcpListener, source: Arc<dyn Source>, access: Access, stop: CancellationToken) {
    let stopped = stop.clone();
    let overdue = async {
        stopped.cancelled().await;
        tokio::time::sleep(LAST_ANSWERS).await;
    };
    tokio::select! {
        () = door::serve(listener, router(source, access), stop) => {}
        () = overdue => {}
    }
}

fn router(source: Shared, access: Access) -> Router {
    Router::new()
        .route("/", get(|State(s): State<Shared>| page(s, Page::Overview, |s| s.overview())))
        .route("/lease/{account}/{lease}", get(lease_page))
        .route("/payments", get(payments_page))
        .route("/static/{name}", get(assets::serve))
        .route("/favicon.ico", get(assets::icon))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/api/status", get(|State(s): State<Shared>| document(s, |s| s.status())))
        .route("/api/plan", get(|State(s): State<Shared>| document(s, |s| s.plan())))
        .route("/api/history", get(history))
        .route("/api/leases", get(leases))
        .route("/api/forecast", get(forecast))
        .route("/calendar.ics", get(calendar_file))
        .route("/metrics", get(prometheus))
        .route("/schema/{file}", get(schema))
        .fallback(|| async { failure(StatusCode::NOT_FOUND, "not_found", "there is nothing here: see `/`") })
        .method_not_allowed_fallback(|| async {
            failure(
                StatusCode::METHOD_NOT_ALLOWED,
                "read_only",
                "only GET and HEAD: use the command line to change things",
            )
        })
        .with_state(source)
        .layer(middleware::from_fn_with_state(Arc::new(access), guard::check))
}

/// Asks the source on a thread that may block: it reads the ledger, and the runtime's threads drive payments.
async fn ask<T: Send + 'static>(
    source: Shared,
    question: impl FnOnce(&dyn Source) -> T + Send + 'static,
) -> Result<T, Response> {
    let answer = tokio::task::spawn_blocking(move || question(source.as_ref())).await;
    answer
        .map_err(|_| failure(StatusCode::INTERNAL_SERVER_ERROR, "internal", "an internal error: see the log"))
}

async fn document(source: Shared, question: impl FnOnce(&dyn Source) -> Value + Send + 'static) -> Response {
    match facts(source, question).await {
        Ok(document) => Json(document).into_response(),
        Err(reply) => reply,
    }
}

/// A document that could be made, or the reply that says why not.
async fn facts(
    source: Shared,
    question: impl FnOnce(&dyn Source) -> Value + Send + 'static,
) -> Result<Value, Response> {
    let document = ask(source, question).await?;
    if document.is_null() {
        return Err(failure(StatusCode::SERVICE_UNAVAILABLE, "no_cycle", "no cycle has ended yet"));
    }
    if is_failure(&document) {
        return Err((StatusCode::SERVICE_UNAVAILABLE, Json(document)).into_response());
    }
    Ok(document)
}

/// `?days=N`, as `renewd forecast --days N`.
#[derive(serde::Deserialize)]
struct Ahead {
    days: Option<u16>,
}

async fn forecast(State(source): State<Shared>, ahead: Result<Query<Ahead>, QueryRejection>) -> Response {
    let days = ahead.ok().map(|Query(ahead)| ahead.days.unwrap_or(30));
    match days.filter(|days| (1..=366).contains(days)) {
        Some(days) => document(source, move |s| s.forecast(days)).await,
        None => failure(StatusCode::BAD_REQUEST, "usage", "days: write a number from 1 to 366"),
    }
}

async fn history(State(source): State<Shared>, asked: Result<Query<Asked>, QueryRejection>) -> Response {
    let Ok(Query(asked)) = asked else {
        return failure(StatusCode::BAD_REQUEST, "usage", "limit: write a number of payments");
    };
    written(move |out| source.history(&asked, out)).await
}

async fn leases(State(source): State<Shared>) -> Response {
    written(move |out| source.leases(out)).await
}

/// A document that goes out while it is written.
async fn written(write: impl FnOnce(&mut dyn Write) -> Result<(), Value> + Send + 'static) -> Response {
    match stream::body(write).await {
        Some(Ok(body)) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Some(Err(document)) => {
            let usage = document["error"]["kind"] == "usage";
            let code = if usage { StatusCode::BAD_REQUEST } else { StatusCode::SERVICE_UNAVAILABLE };
            (code, Json(document)).into_response()
        }
        None => failure(StatusCode::INTERNAL_SERVER_ERROR, "internal", "an internal error: see the log"),
    }
}

async fn calendar_file(State(source): State<Shared>) -> Response {
    match facts(source, |s| s.forecast(calendar::DAYS)).await {
        Ok(document) => {
            let file = [
                (header::CONTENT_TYPE, calendar::CONTENT_TYPE),
                (header::CONTENT_DISPOSITION, "inline; filename=\"renewd.ics\""),
            ];
            (file, calendar::render(&document)).into_response()
        }
        Err(reply) => reply,
    }
}

fn is_failure(document: &Value) -> bool {
    document.get("error").is_some_and(Value::is_object)
}

async fn healthz(State(source): State<Shared>) -> Response {
    verdict(ask(source, |s| s.alive()).await, "alive", "the cycle loop does not move: see the log")
}

async fn readyz(State(source): State<Shared>) -> Response {
    match ask(Arc::clone(&source), |s| s.unwritable()).await {
        Ok(None) => {}
        Ok(Some(why)) => return (StatusCode::SERVICE_UNAVAILABLE, why).into_response(),
        Err(reply) => return reply,
    }
    let (yes, no) = match ask(Arc::clone(&source), |s| s.standby()).await {
        Ok(false) => ("ready", "an account was not read within three cycles: see `renewd status`"),
        Ok(true) => ("ready: standby", "this node stands by, and cannot see who pays: see the log"),
        Err(reply) => return reply,
    };
    verdict(ask(source, |s| s.ready()).await, yes, no)
}

fn verdict(good: Result<bool, Response>, yes: &'static str, no: &'static str) -> Response {
    match good {
        Ok(true) => yes.into_response(),
        Ok(false) => (StatusCode::SERVICE_UNAVAILABLE, no).into_response(),
        Err(reply) => reply,
    }
}

async fn lease_page(
    State(source): State<Shared>,
    Path((account, lease)): Path<(String, String)>,
) -> Response {
    page(source, Page::Lease, move |s| match s.lease(&account, &lease) {
        Value::Null => unknown(&format!("the ledger knows no lease `{lease}` of account `{account}`")),
        document => document,
    })
    .await
}

fn unknown(message: &str) -> Value {
    json!({ "schema": 1, "error": { "kind": "not_found", "message": message } })
}

async fn payments_page(
    State(source): State<Shared>,
    sought: Result<Query<Sought>, QueryRejection>,
) -> Response {
    let sought = sought.map(|Query(sought)| sought).unwrap_or_default();
    page(source, Page::Payments, move |s| s.payments(&sought)).await
}

/// A page of what the source says; its status tells a script whether that could be had. The first page is one all the same: it says
/// what is wrong.
async fn page(
    source: Shared,
    which: Page,
    question: impl FnOnce(&dyn Source) -> Value + Send + 'static,
) -> Response {
    let made = ask(source, move |s| {
        let document = question(s);
        let standing = Standing { alive: s.alive(), unwritable: s.unwritable() };
        let code = match (which, document["error"]["kind"].as_str()) {
            (Page::Overview, _) | (_, None) => StatusCode::OK,
            (_, Some("not_found")) => StatusCode::NOT_FOUND,
            (_, Some("usage")) => StatusCode::BAD_REQUEST,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        pages::render(which, &document, &standing).map(|html| (code, Html(html)))
    });
    match made.await {
        Ok(Ok(page)) => page.into_response(),
        Ok(Err(e)) => {
            failure(StatusCode::INTERNAL_SERVER_ERROR, "page", &format!("the page cannot be shown: {e}"))
        }
        Err(reply) => reply,
    }
}

async fn prometheus(State(source): State<Shared>, headers: HeaderMap) -> Response {
    let format = Format::accepted(headers.get(header::ACCEPT));
    match ask(source, move |s| s.metrics().encode(format)).await {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, format.content_type())], text).into_response(),
        Ok(Err(e)) => failure(StatusCode::INTERNAL_SERVER_ERROR, "metrics", &format!("no metrics: {e}")),
        Err(reply) => reply,
    }
}

/// `/schema/NAME.json`.
async fn schema(State(source): State<Shared>, Path(file): Path<String>) -> Response {
    let name = file.strip_suffix(".json").unwrap_or_default().to_owned();
    match ask(source, move |s| s.schema(&name)).await {
        Ok(Some(schema)) => ([(header::CONTENT_TYPE, SCHEMA_TYPE)], schema.to_string()).into_response(),
        Ok(None) => failure(StatusCode::NOT_FOUND, "not_found", "no such schema: see `renewd schema --help`"),
        Err(reply) => reply,
    }
}

/// A failure as a document of the contract.
fn failure(status: StatusCode, kind: &str, message: &str) -> Response {
    (status, Json(json!({ "schema": 1, "error": { "kind": kind, "message": message } }))).into_response()
}
