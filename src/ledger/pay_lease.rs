//! The port to the pay lease of a ledger that several nodes share: one statement each, and time from the database alone. The rules are
//! the core's (`nodes`); who calls this when is the daemon's (`daemon/node`).
//!
//! A crash between a question and its answer leaves a lease that runs out by itself. An answer that was lost leaves a node that believes
//! to hold less than it does, never more.
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::LedgerError;
use crate::domain::Moment;
use crate::nodes::{Failover, LeaseRow, Taken};

/// The node that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name in the row.
    pub name: String,
    /// Its clocks, as the question leaves.
    pub now: Moment,
}

/// The row that says which node pays.
#[async_trait::async_trait]
pub trait PayLease: Send + Sync {
    /// The row; `None`: nobody ever took it.
    async fn read(&self) -> Result<Option<LeaseRow>, LedgerError>;
    /// Takes it, if it has run out or was given back; with `back` also one that is this node's own. `None`: another has it. Where it had
    /// run out under another node, that is noted as a failover of its epoch, in the same statement.
    async fn take(&self, node: &Node, ttl: SignedDuration, back: bool) -> Result<Option<Taken>, LedgerError>;
    /// Renews it. `false`: it is this node's no more.
    async fn keep(&self, node: &Node, epoch: i64, ttl: SignedDuration) -> Result<bool, LedgerError>;
    /// Gives it back, if it is this node's still.
    async fn release(&self, node: &Node, epoch: i64) -> Result<(), LedgerError>;
}

/// The same in memory, for tests: what the statements say, with a clock that the test sets.
#[derive(Debug, Default)]
pub struct MemoryLease(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    now: i64,
    row: Option<(i64, String, i64, bool)>,
    failovers: Vec<(i64, Failover)>,
    out: bool,
}

impl MemoryLease {
    /// So much later, by the database's clock.
    pub fn pass(&self, span: SignedDuration) {
        self.memory().now += i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    }

    /// The database does not answer, or it does again.
    pub fn out(&self, out: bool) {
        self.memory().out = out;
    }

    /// The epochs that ended by a failover.
    #[must_use]
    pub fn failovers(&self) -> Vec<i64> {
        self.memory().failovers.iter().map(|(epoch, _)| *epoch).collect()
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reached(&self) -> Result<std::sync::MutexGuard<'_, Memory>, LedgerError> {
        let memory = self.memory();
        let gone = || LedgerError::met(std::path::Path::new("memory"), &"it does not answer".to_owned());
        if memory.out { Err(gone()) } else { Ok(memory) }
    }
}

#[async_trait::async_trait]
impl PayLease for MemoryLease {
    async fn read(&self) -> Result<Option<LeaseRow>, LedgerError> {
        let memory = self.reached()?;
        Ok(memory.row.as_ref().map(|(epoch, holder, expires, released)| LeaseRow {
            epoch: *epoch,
            holder: holder.clone(),
            left: SignedDuration::from_millis(expires - memory.now),
            released: *released,
        }))
    }

    async fn take(&self, node: &Node, ttl: SignedDuration, back: bool) -> Result<Option<Taken>, LedgerError> {
        let mut memory = self.reached()?;
        let until = memory.now + i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
        let (epoch, from) = match memory.row.clone() {
            None => (1, None),
            Some((epoch, holder, expires, released)) => {
                let own = holder == node.name;
                if !(released || expires < memory.now || (own && back)) {
                    return Ok(None);
                }
                let crossed = !own && !released;
                if crossed {
                    let ended = Timestamp::from_millisecond(expires.min(memory.now)).unwrap_or_default();
                    let seen = Timestamp::from_millisecond(memory.now).unwrap_or_default();
                    let failover =
                        Failover { ended, taken: node.now.clone(), seen, seen_at: node.now.clone() };
                    memory.failovers.push((epoch, failover));
                }
                (epoch + 1, crossed.then_some(holder))
            }
        };
        memory.row = Some((epoch, node.name.clone(), until, false));
        Ok(Some(Taken { epoch, from }))
    }

    async fn keep(&self, node: &Node, epoch: i64, ttl: SignedDuration) -> Result<bool, LedgerError> {
        let mut memory = self.reached()?;
        let until = memory.now + i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
        let row = memory.row.as_mut().filter(|row| row.0 == epoch && row.1 == node.name && !row.3);
        Ok(row.map(|row| row.2 = until).is_some())
    }

    async fn release(&self, node: &Node, epoch: i64) -> Result<(), LedgerError> {
        let mut memory = self.reached()?;
        if let Some(row) = memory.row.as_mut().filter(|row| row.0 == epoch && row.1 == node.name) {
            row.3 = true;
        }
        Ok(())
    }
}
