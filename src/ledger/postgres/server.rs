//! A server with a connection that writes and some that read, and the shape of every transaction on it.
//!
//! Writers take turns by a row that each of them locks first (`write_turn`), in READ COMMITTED: what a transaction reads is what all
//! earlier ones committed, as in a file. Readers see one snapshot each. A connection that is gone is made anew for the next transaction,
//! and only the beginning of one is ever tried twice.
//!
//! What a crash means: before COMMIT was sent nothing happened. After it, without an answer, or with a warning beside the answer (a
//! synchronous standby that was not waited for), what was committed is [`Ended::Doubt`]: who must know asks by the key of its row.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::failure::Failure;
use super::link::Link;
use super::target::Target;

/// Connections that stay open while nobody reads.
const KEPT: usize = 2;

const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// Why a transaction gave nothing.
#[derive(Debug)]
pub(in crate::ledger) enum Ended<E> {
    /// What was done in it said so; nothing of it was kept.
    Inside(E),
    /// The server did; nothing of it was kept.
    Server(Failure),
    /// It may have been kept, or may be lost again.
    Doubt(String),
}

/// A server.
pub(in crate::ledger) struct Server {
    target: Target,
    writer: Mutex<Option<Link>>,
    readers: Mutex<Vec<Link>>,
    /// Connections that were made to write.
    made: AtomicUsize,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere drops its connection, and the server takes back what was open on it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    /// With this connection to begin with, for who mostly writes, or for who mostly reads.
    pub fn new(target: Target, link: Link, writes: bool) -> Self {
        let (writer, readers) = if writes { (Some(link), Vec::new()) } else { (None, vec![link]) };
        let made = AtomicUsize::new(usize::from(writes));
        Self { target, writer: Mutex::new(writer), readers: Mutex::new(readers), made }
    }

    /// How many connections were made to write: another one may lead to another server.
    pub fn made(&self) -> usize {
        self.made.load(Ordering::Acquire)
    }

    /// Ways to the server and back of the connection that writes, so far.
    pub fn trips(&self) -> usize {
        locked(&self.writer).as_ref().map_or(0, Link::trips)
    }

    /// Reads one snapshot.
    pub fn read<T, E>(&self, f: impl FnOnce(&Link) -> Result<T, E>) -> Result<T, Ended<E>> {
        let idle = locked(&self.readers).pop();
        let link = self.begin(idle, READ).map_err(Ended::Server)?.0;
        let found = f(&link);
        if link.plain("ROLLBACK").is_ok() {
            let mut readers = locked(&self.readers);
            if readers.len() < KEPT {
                readers.push(link);
            }
        }
        found.map_err(Ended::Inside)
    }

    /// One transaction, in its turn. `epoch` is what events are marked with.
    pub fn write<T, E>(
        &self,
        epoch: Option<i64>,
        f: impl FnOnce(&Link) -> Result<T, E>,
    ) -> Result<T, Ended<E>> {
        let mut slot = locked(&self.writer);
        let mut words = "BEGIN; SELECT one FROM write_turn FOR UPDATE".to_owned();
        if let Some(epoch) = epoch {
            words.push_str(&format!("; SELECT set_config('renewd.epoch', '{epoch}', true)"));
        }
        let (link, is_new) = self.begin(slot.take(), &words).map_err(Ended::Server)?;
        if is_new {
            self.made.fetch_add(1, Ordering::AcqRel);
        }
        let value = match f(&link) {
            Ok(value) => value,
            Err(e) => {
                if link.plain("ROLLBACK").is_ok() {
                    *slot = Some(link);
                }
                return Err(Ended::Inside(e));
            }
        };
        match link.commit() {
            Ok(warned) => {
                *slot = Some(link);
                warned.map_or(Ok(value), |warning| Err(Ended::Doubt(warning)))
            }
            Err(Failure::Away(words)) => Err(Ended::Doubt(words)),
            Err(refused) => Err(Ended::Server(refused)),
        }
    }

    /// A connection on which the transaction has begun, and whether it was made just now. One that was idle may be dead without anybody
    /// having noticed: nothing was done on it yet.
    fn begin(&self, idle: Option<Link>, words: &str) -> Result<(Link, bool), Failure> {
        if let Some(link) = idle {
            match link.begin(words) {
                Ok(()) => return Ok((link, false)),
                Err(e) if !e.is_away() => return Err(e),
                Err(_) => {}
            }
        }
        let link = Link::open(&self.target)?;
        link.begin(words)?;
        Ok((link, true))
    }
}
