//! The last look before the first byte: taken in the connector itself, once the connection (TCP and TLS) stands.
//!
//! reqwest hands a request to its connector and writes as soon as that has returned; so the look belongs to what the connector
//! returns. It travels with the task of the one call, which makes its own connection: nothing is pooled. A call that brings none is
//! refused here, before anything is connected. Not responsible for what is looked at.
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

use crate::clock::Clock;
use crate::ledger::LastLook;

type BoxError = Box<dyn Error + Send + Sync>;

/// How the call under way is judged.
#[derive(Clone)]
pub(super) enum Pass {
    /// It can cost money: looked at once more.
    Look(Box<LastLook>),
    /// It cannot.
    Free,
}

tokio::task_local! {
    /// Of the call that this task makes.
    pub(super) static PASS: Pass;
}

/// Nothing was sent, and why.
#[derive(Debug)]
pub(super) struct Objection(pub String);

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Objection {}

/// The objection that ended a call, if one did.
pub(super) fn objection<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Objection> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref::<Objection>() {
            return Some(found);
        }
        next = cause.source();
    }
    None
}

/// Puts the look around a connector.
#[derive(Clone)]
pub(super) struct Gate(pub Arc<dyn Clock>);

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { inner, clock: Arc::clone(&self.0) }
    }
}

/// A connector whose connection is given out only after the look.
#[derive(Clone)]
pub(super) struct Gated<S> {
    inner: S,
    clock: Arc<dyn Clock>,
}

impl<S, R> Service<R> for Gated<S>
where
    S: Service<R>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let Ok(pass) = PASS.try_with(Clone::clone) else {
            let why = "nobody said what must still hold when it leaves; nothing was sent";
            return Box::pin(async move { Err(Objection(why.to_owned()).into()) });
        };
        let (connecting, clock) = (self.inner.call(request), Arc::clone(&self.clock));
        Box::pin(async move {
            let connection = connecting.await.map_err(Into::into)?;
            let Pass::Look(look) = pass else { return Ok(connection) };
            match look.objection(|| clock.now(), "when the connection stood") {
                None => Ok(connection),
                Some(why) => Err(Objection(why).into()),
            }
        })
    }
}
