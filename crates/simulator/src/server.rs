//! The simulated provider at work: its address, the handle that reads and alters it while it runs, and the way of one
//! call through log, faults and world. Not responsible for the sockets (`wire`) or for what calls mean (`calls`).
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::fault::Armed;
use super::reply::Reply;
use super::site::{Call, Raw, Site, Twist, later};
use super::youproxy::World;
use super::{Answer, Effect, Fault, FaultId, Request, answer, wire};
use renewd_core::clock::Clock;
use renewd_core::domain::Money;

/// A running simulated provider. Dropping it closes its port and every connection.
pub struct Simulator<P: Site = World> {
    address: SocketAddr,
    handle: Handle<P>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Reads and alters a running simulator; clones share it.
#[derive(Clone)]
pub struct Handle<P: Site = World> {
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<Desk<P>>>,
}

struct Desk<P: Site> {
    world: P,
    faults: Vec<Armed<P::Endpoint>>,
    next_fault: u64,
    requests: Vec<Request<P::Endpoint>>,
}

impl<P: Site> Simulator<P> {
    /// Serves `world` at `listen` (port 0: any free one). Its time begins, or goes on, at the clock's.
    ///
    /// # Errors
    /// The address cannot be listened at.
    pub async fn start(clock: Arc<dyn Clock>, mut world: P, listen: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        world.advance_to(clock.now().wall);
        let desk = Desk { world, faults: Vec::new(), next_fault: 1, requests: Vec::new() };
        let handle = Handle { clock, state: Arc::new(Mutex::new(desk)) };
        let router = Router::new().fallback(take::<P>).with_state(handle.clone());
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
    pub fn handle(&self) -> Handle<P> {
        self.handle.clone()
    }

    /// Stops serving: when this returns, the port refuses connections. The world stays with the handles.
    pub async fn stop(mut self) {
        self.stop.cancel();
        // The task has no way to fail but a panic, which its own message has already told.
        let _ended = (&mut self.task).await;
    }
}

impl<P: Site> Drop for Simulator<P> {
    fn drop(&mut self) {
        self.stop.cancel();
        self.task.abort();
    }
}

impl<P: Site> Handle<P> {
    /// Reads or alters the world, after letting everything happen that is due by now.
    pub fn with<T>(&self, work: impl FnOnce(&mut P) -> T) -> T {
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

    /// Lists lag this long behind.
    pub fn set_lag(&self, lag: Duration) {
        self.with(|world| *world.lags().list = lag);
    }

    /// What shows the balance lags this long behind.
    pub fn set_balance_lag(&self, lag: Duration) {
        self.with(|world| *world.lags().balance = lag);
    }

    /// Adds a fault behind those that are there.
    pub fn inject(&self, fault: Fault<P::Endpoint>) -> FaultId {
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
    pub fn requests(&self) -> Vec<Request<P::Endpoint>> {
        self.desk().requests.clone()
    }

    /// Every request but the first `n`.
    #[must_use]
    pub fn requests_after(&self, n: usize) -> Vec<Request<P::Endpoint>> {
        self.desk().requests.get(n..).map(<[_]>::to_vec).unwrap_or_default()
    }

    /// How many requests of this call came so far.
    #[must_use]
    pub fn count(&self, endpoint: P::Endpoint) -> usize {
        self.desk().requests.iter().filter(|request| request.endpoint == Some(endpoint)).count()
    }

    fn desk(&self) -> MutexGuard<'_, Desk<P>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Site> Desk<P> {
    /// Lets the faults have their say, then processes the call as the one that strikes wants it.
    fn take(&mut self, now: Timestamp, mut call: Call<P::Endpoint>) -> (Reply, Answer) {
        self.world.advance_to(now);
        let mut struck = None;
        for armed in &mut self.faults {
            if armed.strikes(&call) && struck.is_none() {
                struck = Some(armed.fire());
            }
        }
        let Some((effect, shown)) = struck else { return (self.world.process(now, &call), Answer::Honest) };
        call.twist = effect.twist();
        let reply = match effect {
            Effect::Nothing => self.world.clone().process(now, &call),
            Effect::After(delay) => {
                let reply = self.world.clone().process(now, &call);
                self.world.postpone(later(now, delay), call);
                reply
            }
            _ => self.world.process(now, &call),
        };
        (reply, shown)
    }
}

async fn take<P: Site>(
    State(handle): State<Handle<P>>,
    (method, uri, headers): (Method, Uri, HeaderMap),
    body: Bytes,
) -> Response {
    let now = handle.clock.now().wall;
    let raw = Raw {
        method: method.to_string(),
        path: uri.path().to_owned(),
        query: uri.query().map(str::to_owned),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let mut desk = handle.desk();
    let arrival = desk.world.arrive(&raw);
    desk.requests.push(Request::new(now, &raw, &arrival));
    if let Some(reply) = &arrival.turned_away {
        return answer::honest(now, reply);
    }
    let Some(endpoint) = arrival.endpoint else {
        return answer::honest(now, &Reply::page(404, "Not Found"));
    };
    let call = Call {
        key: arrival.account,
        endpoint,
        subject: arrival.subject,
        query: raw.parameters(),
        host: raw.header("host").unwrap_or_default().to_owned(),
        body: raw.body,
        twist: Twist::default(),
    };
    let (reply, shown) = desk.take(now, call);
    drop(desk);
    answer::shape::<P>(now, reply, &shown)
}
