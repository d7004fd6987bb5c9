//! Keeps the pay lease: asks for it, renews it every sixth of its time, gives it back. On a thread and a connection of its own, so that
//! neither a long cycle nor a big write delays a renewal.
//!
//! A crash leaves the lease to run out. An answer that does not come counts as none: spending then stops by itself, at half the time.
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::Moment;
use crate::ledger::{self, Identity, LedgerError, PayLease, Tenure};
use crate::nodes::{Facts, LeaseRow, Next, Renewed, Taken, next, nobody_pays};

/// What a node last saw of the lease.
#[derive(Debug, Clone, Default)]
pub struct Sight {
    /// The row as last read; `None`: there was none, or it was not read yet.
    pub row: Option<LeaseRow>,
    /// When that was.
    pub at: Option<Moment>,
    /// How it was taken, where this process took it.
    pub taken: Option<Taken>,
    /// Why the last look failed.
    pub trouble: Option<String>,
}

impl Sight {
    /// For how long the row has not been seen.
    fn unseen(&self, began: &Moment, now: &Moment) -> SignedDuration {
        let at = self.at.as_ref().unwrap_or(began);
        SignedDuration::from_millis(now.boot_ms.saturating_sub(at.boot_ms))
    }
}

/// Takes and keeps the lease of one node.
pub struct Keeper {
    lease: Arc<dyn PayLease>,
    tenure: Arc<Tenure>,
    clock: Arc<dyn Clock>,
    name: String,
    ttl: SignedDuration,
    began: Moment,
    sight: Arc<Mutex<Sight>>,
    answered: bool,
}

impl Keeper {
    /// Of the node of that name.
    #[must_use]
    pub fn new(
        lease: Arc<dyn PayLease>,
        tenure: Arc<Tenure>,
        clock: Arc<dyn Clock>,
        name: &str,
        ttl: SignedDuration,
    ) -> Self {
        let began = clock.now();
        let sight = Arc::default();
        Self { lease, tenure, clock, name: name.to_owned(), ttl, began, sight, answered: false }
    }

    #[cfg(test)]
    fn sight(&self) -> Sight {
        self.sight.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn see(&self, change: impl FnOnce(&mut Sight)) {
        change(&mut self.sight.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn me(&self) -> ledger::Node {
        ledger::Node { name: self.name.clone(), now: self.clock.now() }
    }

    /// One look, and what follows from it.
    ///
    /// # Errors
    /// The ledger's: nothing is known anew.
    pub async fn step(&mut self, stopping: bool) -> Result<(), LedgerError> {
        let done = self.act(stopping).await;
        self.see(|sight| sight.trouble = done.as_ref().err().map(ToString::to_string));
        done
    }

    async fn act(&mut self, stopping: bool) -> Result<(), LedgerError> {
        let held = self.tenure.renewed();
        let me = self.me();
        if let Some(held) = held.as_ref().filter(|_| !stopping) {
            if self.lease.keep(&me, held.epoch, self.ttl).await? {
                let (epoch, left) = (held.epoch, self.ttl);
                let row = LeaseRow { epoch, holder: me.name.clone(), left, released: false };
                self.tenure.renew(Renewed { epoch, began: me.now.clone() }, &me.name);
                self.see(|sight| (sight.row, sight.at) = (Some(row), Some(me.now)));
                return Ok(());
            }
            self.tenure.lose();
            self.see(|sight| sight.taken = None);
        }
        let row = match &held {
            Some(_) if stopping => None,
            _ => self.look().await?,
        };
        let held = self.tenure.renewed();
        let facts = Facts {
            me: &me.name,
            row: row.as_ref(),
            held: held.as_ref(),
            answered: self.answered,
            stopping,
            now: &me.now,
            ttl: self.ttl,
        };
        match next(&facts) {
            Next::Take { back } => self.take(back).await,
            Next::Release { epoch } => {
                // From here on nothing is spent, whatever becomes of the question.
                self.tenure.lose();
                self.lease.release(&me, epoch).await
            }
            Next::Keep { .. } | Next::Standby => {
                self.answered = true;
                Ok(())
            }
        }
    }

    async fn look(&self) -> Result<Option<LeaseRow>, LedgerError> {
        let at = self.clock.now();
        let row = self.lease.read().await?;
        self.see(|sight| (sight.row, sight.at) = (row.clone(), Some(at)));
        Ok(row)
    }

    async fn take(&mut self, back: bool) -> Result<(), LedgerError> {
        let me = self.me();
        let taken = self.lease.take(&me, self.ttl, back).await?;
        self.answered = true;
        let Some(taken) = taken else { return Ok(()) };
        let row = LeaseRow { epoch: taken.epoch, holder: me.name.clone(), left: self.ttl, released: false };
        self.see(|sight| {
            (sight.row, sight.at, sight.taken) = (Some(row), Some(me.now.clone()), Some(taken.clone()));
        });
        self.tenure.renew(Renewed { epoch: taken.epoch, began: me.now }, &me.name);
        Ok(())
    }

    /// A sixth of the time to live, for each look and the wait before it.
    fn beat(&self) -> Duration {
        (self.ttl / 6).unsigned_abs().max(Duration::from_millis(10))
    }

    /// Keeps it until `stop`, then gives it back.
    async fn run(mut self, stop: CancellationToken) {
        let mut told: Option<String> = None;
        loop {
            let patience = self.beat().saturating_mul(2);
            let done = tokio::select! {
                done = tokio::time::timeout(patience, self.step(false)) => done,
                () = stop.cancelled() => break,
            };
            let trouble = match done {
                Ok(done) => done.err().map(|e| e.to_string()),
                Err(_) => Some("the database does not answer".to_owned()),
            };
            if let Some(why) = &trouble {
                self.see(|sight| sight.trouble = Some(why.clone()));
                if told.as_ref() != Some(why) {
                    tracing::error!("the pay lease cannot be looked at: {why}");
                }
            }
            told = trouble;
            tokio::select! {
                () = tokio::time::sleep(self.beat()) => {}
                () = stop.cancelled() => break,
            }
        }
        let patience = self.beat().max(Duration::from_secs(1));
        match tokio::time::timeout(patience, self.step(true)).await {
            Ok(Ok(())) => {}
            Ok(Err(e)) => tracing::warn!("the pay lease was not given back, it runs out: {e}"),
            Err(_) => tracing::warn!("the pay lease was not given back in time, it runs out"),
        }
        self.tenure.lose();
    }
}

/// A node at work: its keeper runs for as long as this lives.
pub struct Node {
    /// Its name.
    pub name: String,
    ttl: SignedDuration,
    began: Moment,
    sight: Arc<Mutex<Sight>>,
    stop: CancellationToken,
    thread: Mutex<Option<JoinHandle<()>>>,
    _identity: Identity,
}

impl Node {
    /// Starts to keep the lease.
    ///
    /// # Errors
    /// The thread cannot be made.
    pub fn start(
        lease: Arc<dyn PayLease>,
        tenure: &Arc<Tenure>,
        clock: &Arc<dyn Clock>,
        identity: Identity,
        ttl: SignedDuration,
    ) -> std::io::Result<Self> {
        let name = identity.name().to_owned();
        let keeper = Keeper::new(lease, Arc::clone(tenure), Arc::clone(clock), &name, ttl);
        let (sight, began, stop) =
            (Arc::clone(&keeper.sight), keeper.began.clone(), CancellationToken::new());
        let stopping = stop.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new()
            .name("pay-lease".to_owned())
            .spawn(move || runtime.block_on(keeper.run(stopping)))?;
        Ok(Self { name, ttl, began, sight, stop, thread: Mutex::new(Some(thread)), _identity: identity })
    }

    /// What was last seen.
    #[must_use]
    pub fn sight(&self) -> Sight {
        self.sight.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One line for people.
    #[must_use]
    pub fn standing(&self) -> String {
        match self.sight().row {
            Some(row) if row.is_moved_away() => "standby: the ledger was moved to another place".to_owned(),
            Some(row) if !row.is_free() => format!("standby: {} pays", row.holder),
            _ => "standby: no node pays".to_owned(),
        }
    }

    /// The row was looked at not long ago.
    #[must_use]
    pub fn follows(&self, now: &Moment) -> bool {
        let sight = self.sight();
        sight.at.is_some() && sight.unseen(&self.began, now) <= self.ttl
    }

    /// Nobody pays, as far as this node can see: in words, and for how long already.
    #[must_use]
    pub fn nobody_pays(&self, now: &Moment) -> Option<String> {
        let sight = self.sight();
        let unseen = sight.unseen(&self.began, now);
        // What was read a while ago has grown older by as much.
        let row = sight.row.map(|row| LeaseRow { left: row.left.saturating_sub(unseen), ..row });
        if !nobody_pays(row.as_ref(), unseen, self.ttl) {
            return None;
        }
        Some(match (sight.trouble, row) {
            (Some(why), _) => format!("this node cannot look at the pay lease: {why}"),
            (None, Some(row)) if row.is_moved_away() => {
                "the ledger was moved to another place by `renewd ledger copy`: give this node the new one"
                    .to_owned()
            }
            (None, Some(row)) => format!("the pay lease of {} has run out, and no node takes it", row.holder),
            (None, None) => "no node ever took the pay lease".to_owned(),
        })
    }

    /// Gives the lease back and ends.
    pub async fn end(&self) {
        self.stop.cancel();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
#[path = "keeper_tests.rs"]
mod tests;
