//! Who gets in, how many at once and for how long: the page may never eat the file descriptors or the memory that payments need,
//! and nobody who only holds connections open keeps a health check out.
//!
//! Connections from this machine have places of their own, so that strangers cannot take those of a local probe. Where all are
//! taken, the newest comes in for the one that has been silent for longest. Not responsible for who may ask (`guard.rs`).
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::guard::Local;

/// Connections at once of this machine, and as many of all others.
const ROOM: usize = 32;
/// A connection's whole life. Scrapers reconnect; one that reads its answer a byte at a time is gone.
const LIFE: Duration = Duration::from_secs(60);
/// The head of a request is there within this, the next one of the same connection too.
const HEAD: Duration = Duration::from_secs(5);
/// The largest head; a browser's cookies of other pages on this host are the most that comes.
const LARGEST_HEAD: usize = 16 * 1024;
/// After a failed `accept` (out of file descriptors) others get a moment.
const BREATH: Duration = Duration::from_millis(200);

/// One connection, as its pool knows it.
#[derive(Debug)]
struct Place {
    /// The larger, the later it fell silent; [`BUSY`] while a request of it is being answered.
    silent: AtomicU64,
    close: CancellationToken,
}

const BUSY: u64 = u64::MAX;

/// The connections of one kind of visitors.
#[derive(Debug, Default)]
struct Pool {
    places: Mutex<Vec<Arc<Place>>>,
    count: AtomicU64,
}

impl Pool {
    /// A place; where there is none, that of the connection that has been silent for longest. `None`: all are being answered.
    fn enter(self: &Arc<Self>) -> Option<Seat> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= ROOM {
            let silent = |place: &Arc<Place>| place.silent.load(Ordering::Relaxed);
            let (at, longest) = places.iter().enumerate().min_by_key(|(_, place)| silent(place))?;
            if silent(longest) == BUSY {
                return None;
            }
            places.swap_remove(at).close.cancel();
        }
        let place = Arc::new(Place { silent: AtomicU64::new(self.tick()), close: CancellationToken::new() });
        places.push(Arc::clone(&place));
        Some(Seat { pool: Arc::clone(self), place })
    }

    fn tick(&self) -> u64 {
        self.count.fetch_add(1, Ordering::Relaxed)
    }
}

/// A place that is given back when its connection ends.
#[derive(Debug)]
struct Seat {
    pool: Arc<Pool>,
    place: Arc<Place>,
}

impl Seat {
    fn busy(&self) {
        self.place.silent.store(BUSY, Ordering::Relaxed);
    }

    fn silent(&self) {
        self.place.silent.store(self.pool.tick(), Ordering::Relaxed);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut places = self.pool.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|place| !Arc::ptr_eq(place, &self.place));
    }
}

/// Lets visitors in until `stop`, then waits until the answers under way are given.
pub(super) async fn serve(listener: TcpListener, app: Router, stop: CancellationToken) {
    let (ours, others) = (Arc::new(Pool::default()), Arc::new(Pool::default()));
    // Ends them all where the end does not wait any longer.
    let mut visits = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        while visits.try_join_next().is_some() {}
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(e) => {
                tracing::debug!("a visitor of the page was lost: {e}");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        let pool = if is_ours(from) { &ours } else { &others };
        let Some(seat) = pool.enter() else { continue };
        visits.spawn(visit(stream, app.clone(), Arc::new(seat), stop.clone()));
    }
    drop(listener);
    while visits.join_next().await.is_some() {}
}

fn is_ours(from: SocketAddr) -> bool {
    from.ip().to_canonical().is_loopback()
}

/// One connection to its end.
async fn visit(stream: TcpStream, app: Router, seat: Arc<Seat>, stop: CancellationToken) {
    let close = seat.place.close.clone();
    let local = Local::of(stream.local_addr().ok());
    let answering = middleware::from_fn(move |request: Request<Body>, next: Next| {
        let seat = Arc::clone(&seat);
        async move {
            seat.busy();
            let answer = next.run(request).await;
            seat.silent();
            answer
        }
    });
    let service = TowerToHyperService::new(app.layer(answering).layer(Extension(local)));
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(LARGEST_HEAD)
            .serve_connection(TokioIo::new(stream), service)
    );
    let ended = async {
        tokio::select! {
            _ = connection.as_mut() => return,
            () = stop.cancelled() => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = connection.as_mut().await;
    };
    tokio::select! {
        () = ended => {}
        () = close.cancelled() => {}
        () = tokio::time::sleep(LIFE) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_was_silent_for_longest_makes_room_and_none_that_is_being_answered() {
        let pool = Arc::new(Pool::default());
        let seats: Vec<Seat> = (0..ROOM).map(|_| pool.enter().unwrap()).collect();
        seats[0].busy();
        let late = pool.enter().unwrap();
        let closed: Vec<usize> = (0..ROOM).filter(|&i| seats[i].place.close.is_cancelled()).collect();
        assert_eq!(closed, [1]);
        seats[2..].iter().for_each(Seat::busy);
        late.busy();
        assert!(pool.enter().is_none(), "all are being answered");
        seats[2].silent();
        assert!(pool.enter().is_some() && seats[2].place.close.is_cancelled());
        drop(seats);
        assert!(pool.enter().is_some(), "places are given back");
    }

    #[test]
    fn every_way_of_coming_from_this_machine_is_ours() {
        for (from, ours) in [
            ("127.0.0.1:1", true),
            ("127.8.8.8:1", true),
            ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("192.0.2.1:1", false),
        ] {
            assert_eq!(is_ours(from.parse().unwrap()), ours, "{from}");
        }
    }
}
