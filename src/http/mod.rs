//! The read-only web side: a status page, JSON, health and metrics. No request changes anything.
//!
//! Not responsible for what the documents say; they come from a [`Source`].
mod page;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Where the documents come from.
pub trait Source: Send + Sync {
    /// The `status` document.
    fn status(&self) -> Value;
    /// The `plan` document of the last cycle; null before the first.
    fn plan(&self) -> Value;
    /// The `history` document.
    fn history(&self) -> Value;
    /// The cycle loop is alive.
    fn alive(&self) -> bool;
    /// Every account was read within the last three cycles.
    fn ready(&self) -> bool;
}

#[derive(Clone)]
struct Shared {
    source: Arc<dyn Source>,
    token: Option<SecretString>,
    listen: SocketAddr,
}

/// Serves until `stop`.
///
/// # Errors
/// The listener's.
pub async fn serve(
    listener: TcpListener,
    source: Arc<dyn Source>,
    token: Option<SecretString>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let shared = Shared { source, token, listen: listener.local_addr()? };
    let app = Router::new()
        .route("/", get(|State(s): State<Shared>| async move { Html(page::status(&s.source.status())) }))
        .route(
            "/healthz",
            get(|State(s): State<Shared>| async move {
                verdict(s.source.alive(), "alive", "the cycle loop does not move")
            }),
        )
        .route(
            "/readyz",
            get(|State(s): State<Shared>| async move {
                verdict(s.source.ready(), "ready", "an account has not been read")
            }),
        )
        .route("/api/status", get(|State(s): State<Shared>| async move { Json(s.source.status()) }))
        .route("/api/plan", get(|State(s): State<Shared>| async move { Json(s.source.plan()) }))
        .route("/api/history", get(|State(s): State<Shared>| async move { Json(s.source.history()) }))
        .route(
            "/metrics",
            get(|State(s): State<Shared>| async move { page::metrics(&s.source.status(), s.source.alive()) }),
        )
        .layer(middleware::from_fn_with_state(shared.clone(), guard))
        .with_state(shared);
    axum::serve(listener, app).with_graceful_shutdown(async move { stop.cancelled().await }).await
}

fn verdict(good: bool, yes: &'static str, no: &'static str) -> Response {
    if good {
        (StatusCode::OK, yes).into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, no).into_response()
    }
}

/// A page elsewhere must not read us through a browser (`Host`), and a stranger not at all (token).
async fn guard(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    match refuse(&shared, &request) {
        Some(reply) => reply,
        None => next.run(request).await,
    }
}

fn refuse(shared: &Shared, request: &Request) -> Option<Response> {
    let text = |name| request.headers().get(name).and_then(|v: &axum::http::HeaderValue| v.to_str().ok());
    let host = text(header::HOST).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if host != shared.listen.to_string() && !["localhost", "127.0.0.1", "[::1]"].contains(&name) {
        return (StatusCode::MISDIRECTED_REQUEST, "this host name is not served here").into_response().into();
    }
    if let Some(token) = &shared.token {
        let given = text(header::AUTHORIZATION).and_then(|v| v.strip_prefix("Bearer ")).unwrap_or_default();
        // Hashes take the same time to compare wherever they differ.
        if Sha256::digest(given) != Sha256::digest(token.expose_secret()) {
            return (StatusCode::UNAUTHORIZED, "a bearer token is needed").into_response().into();
        }
    }
    None
}
