//! The simulated provider at work: its address, the handle that reads and alters it while it runs, and the way of one
//! call through log, faults and world. Not responsible for the sockets (`wire`) or for what calls mean (`calls`).
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use axum::routing::any;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::account::later;
use super::calls::{Call, Twist};
use super::fault::Armed;
use super::reply::{Coded, Reply};
use super::{Answer, Effect, Endpoint, Fault, FaultId, World, answer, wire};
use crate::clock::Clock;
use crate::domain::Money;

/// One request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// When, by the simulated clock.
    pub at: Timestamp,
    /// `GET` or `POST`.
    pub method: String,
    /// The call; `None` for a path or method that the provider does not have.
    pub endpoint: Option<Endpoint>,
    /// The path after the key, with its query.
    pub path: String,
    /// The API key in the path; empty for a path without one.
    pub account: String,
    /// The body as text.
    pub body: String,
}

/// A running simulated provider. Dropping it closes its port and every connection.
pub struct Simulator {
    address: SocketAddr,
    handle: Handle,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Reads and alters a running simulator; clones share it.
#[derive(Clone)]
pub struct Handle {
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<Desk>>,
}

struct Desk {
    world: World,
    faults: Vec<Armed>,
    next_fault: u64,
    requests: Vec<Request>,
}

impl Simulator {
    /// Serves `world` at `listen` (port 0: any free one).
    ///
    /// # Errors
    /// The address cannot be listened at.
    pub async fn start(clock: Arc<dyn Clock>, world: World, listen: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let desk = Desk { world, faults: Vec::new(), next_fault: 1, requests: Vec::new() };
        let handle = Handle { clock, state: Arc::new(Mutex::new(desk)) };
        let router = Router::new()
            .route("/client/api/v1/{key}/{*call}", any(take_call))
            .fallback(take_stray)
            .with_state(handle.clone());
        let stop = CancellationToken::new();
        let task = tokio::spawn(wire::accept(listener, router, stop.clone()));
        Ok(Self { address, handle, stop, task })
    }

    /// What goes into `base_url`: without a trailing slash.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The handle.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Stops serving: when this returns, the port refuses connections. The world stays with the handles.
    pub async fn stop(mut self) {
        self.stop.cancel();
        // The task has no way to fail but a panic, which its own message has already told.
        let _ended = (&mut self.task).await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stop.cancel();
        self.task.abort();
    }
}

impl Handle {
    /// Reads or alters the world, after letting everything happen that is due by now.
    pub fn with<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        let now = self.clock.now().wall;
        let mut desk = self.desk();
        desk.world.advance_to(now);
        work(&mut desk.world)
    }

    /// Pays money into an account. Gives the new balance; `None` without such an account.
    #[must_use]
    pub fn top_up(&self, key: &str, amount: Money) -> Option<Money> {
        let now = self.clock.now().wall;
        self.with(|world| world.top_up(now, key, amount))
    }

    /// Lists show later payments only after this long.
    pub fn set_lag(&self, lag: Duration) {
        self.with(|world| world.list_lag = lag);
    }

    /// Balance call and quotes show later payments only after this long.
    pub fn set_balance_lag(&self, lag: Duration) {
        self.with(|world| world.balance_lag = lag);
    }

    /// Adds a fault behind those that are there.
    pub fn inject(&self, fault: Fault) -> FaultId {
        let mut desk = self.desk();
        let id = FaultId(desk.next_fault);
        desk.next_fault += 1;
        desk.faults.push(Armed::new(id, fault));
        id
    }

    /// How often this fault has struck.
    #[must_use]
    pub fn struck(&self, id: FaultId) -> u64 {
        self.desk().faults.iter().find(|armed| armed.id == id).map_or(0, |armed| armed.fired)
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.desk().faults.clear();
    }

    /// Every request so far, strays included.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.desk().requests.clone()
    }

    /// How many requests of this call came so far.
    #[must_use]
    pub fn count(&self, endpoint: Endpoint) -> usize {
        self.desk().requests.iter().filter(|request| request.endpoint == Some(endpoint)).count()
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// Lets the faults have their say, then processes the call as the one that strikes wants it.
    fn take(&mut self, now: Timestamp, mut call: Call) -> (Reply, Answer) {
        self.world.advance_to(now);
        let (endpoint, key) = (call.endpoint, call.key.clone());
        let mut struck = None;
        for armed in &mut self.faults {
            if armed.strikes(endpoint, &key) && struck.is_none() {
                struck = Some(armed.fire());
            }
        }
        let Some((effect, shown)) = struck else { return (self.world.call(now, &call), Answer::Honest) };
        call.twist = effect.twist();
        let reply = match effect {
            Effect::Nothing => self.world.clone().call(now, &call),
            Effect::After(delay) => {
                let reply = self.world.clone().call(now, &call);
                self.world.postpone(later(now, delay), call);
                reply
            }
            _ => self.world.call(now, &call),
        };
        (reply, shown)
    }
}

type Parameters = Query<Vec<(String, String)>>;

async fn take_call(
    State(handle): State<Handle>,
    Path((key, path)): Path<(String, String)>,
    Query(parameters): Parameters,
    (method, uri, headers): (Method, Uri, HeaderMap),
    body: Bytes,
) -> Response {
    let now = handle.clock.now().wall;
    let body = String::from_utf8_lossy(&body).into_owned();
    let endpoint = Endpoint::find(method.as_str(), &path);
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut desk = handle.desk();
    desk.requests.push(Request {
        at: now,
        method: method.to_string(),
        endpoint,
        path: format!("{path}{query}"),
        account: key.clone(),
        body: body.clone(),
    });
    let Some(endpoint) = endpoint else { return answer::no_such_page(now) };
    let json =
        headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if endpoint.method() == "POST" && !json {
        let error = Coded::new(35, "Content-Type must be application/json");
        let reply = Reply::new(false).with("error", &error);
        return answer::shape(now, reply, &Answer::Status(415));
    }
    let proxy_type = parameters.into_iter().find(|(name, _)| name == "proxyType").map(|(_, value)| value);
    let (reply, shown) = desk.take(now, Call { key, endpoint, proxy_type, body, twist: Twist::default() });
    drop(desk);
    answer::shape(now, reply, &shown)
}

async fn take_stray(State(handle): State<Handle>, (method, uri): (Method, Uri), body: Bytes) -> Response {
    let at = handle.clock.now().wall;
    let body = String::from_utf8_lossy(&body).into_owned();
    let (method, path) = (method.to_string(), uri.to_string());
    handle.desk().requests.push(Request { at, method, endpoint: None, path, account: String::new(), body });
    answer::no_such_page(at)
}
