//! The read-only web side: a status page, JSON, health and metrics. No request changes anything.
//!
//! Not responsible for what the documents say: they come from a [`Source`]. Who may ask is `guard.rs`, how many at once
//! and for how long is `door.rs`. A crash loses nothing.
mod calendar;
mod door;
mod guard;
mod metrics;
mod page;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use guard::Guard;
pub use metrics::{AccountMetrics, Metrics};

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
    /// The `history` document; a failure is `{schema, error}`.
    fn history(&self) -> Value;
    /// The cycle loop is alive.
    fn alive(&self) -> bool;
    /// Why the ledger cannot be written, in a sentence; `None` while it can.
    fn unwritable(&self) -> Option<String> {
        None
    }
    /// Every account was read within the last three cycles.
    fn ready(&self) -> bool;
    /// The numbers of `/metrics`; unless overridden, those that the `status` document holds.
    fn metrics(&self) -> Metrics {
        Metrics::of_status(&self.status(), self.alive())
    }
}

type Shared = Arc<dyn Source>;

/// Serves until `stop`, then lets answers under way finish for a second.
///
/// With a `token` every request needs `Authorization: Bearer …`, `/healthz` too.
pub async fn serve(
    listener: TcpListener,
    source: Arc<dyn Source>,
    token: Option<SecretString>,
    stop: CancellationToken,
) {
    let stopped = stop.clone();
    let overdue = async {
        stopped.cancelled().await;
        tokio::time::sleep(LAST_ANSWERS).await;
    };
    tokio::select! {
        () = door::serve(listener, router(source, token), stop) => {}
        () = overdue => {}
    }
}

fn router(source: Shared, token: Option<SecretString>) -> Router {
    Router::new()
        .route("/", get(status_page))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/api/status", get(|State(s): State<Shared>| document(s, |s| s.status())))
        .route("/api/plan", get(|State(s): State<Shared>| document(s, |s| s.plan())))
        .route("/api/history", get(|State(s): State<Shared>| document(s, |s| s.history())))
        .route("/api/forecast", get(forecast))
        .route("/calendar.ics", get(calendar_file))
        .route("/metrics", get(prometheus))
        .fallback(|| async { failure(StatusCode::NOT_FOUND, "not_found", "there is nothing here: see `/`") })
        .method_not_allowed_fallback(|| async {
            failure(
                StatusCode::METHOD_NOT_ALLOWED,
                "read_only",
                "only GET and HEAD: use the command line to change things",
            )
        })
        .with_state(source)
        .layer(middleware::from_fn_with_state(Arc::new(Guard::new(token)), guard::check))
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
    verdict(
        ask(source, |s| s.ready()).await,
        "ready",
        "an account was not read within three cycles: see `renewd status`",
    )
}

fn verdict(good: Result<bool, Response>, yes: &'static str, no: &'static str) -> Response {
    match good {
        Ok(true) => yes.into_response(),
        Ok(false) => (StatusCode::SERVICE_UNAVAILABLE, no).into_response(),
        Err(reply) => reply,
    }
}

async fn status_page(State(source): State<Shared>) -> Response {
    match ask(source, |s| page::render(s)).await {
        Ok(Ok(html)) => Html(html).into_response(),
        Ok(Err(e)) => {
            failure(StatusCode::INTERNAL_SERVER_ERROR, "page", &format!("the page cannot be shown: {e}"))
        }
        Err(reply) => reply,
    }
}

async fn prometheus(State(source): State<Shared>) -> Response {
    match ask(source, |s| s.metrics().encode()).await {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Ok(Err(e)) => failure(StatusCode::INTERNAL_SERVER_ERROR, "metrics", &format!("no metrics: {e}")),
        Err(reply) => reply,
    }
}

/// A failure as a document of the contract.
fn failure(status: StatusCode, kind: &str, message: &str) -> Response {
    (status, Json(json!({ "schema": 1, "error": { "kind": kind, "message": message } }))).into_response()
}
