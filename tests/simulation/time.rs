//! Virtual time and sudden death: a clock whose wall can be stepped while the provider's time goes on, and the number of steps
//! that the process still has to live.
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use renewd::clock::Clock;
use renewd::domain::Moment;
use tokio::sync::Notify;

/// What the clocks of machine and world show.
struct Hands {
    /// The provider's time: nobody can set it.
    truth: Timestamp,
    /// How far the machine's wall clock is ahead of it.
    ahead: SignedDuration,
    boot_ms: i64,
    boots: u32,
}

/// The machine's clock in a world that has its own.
pub struct SimClock(Mutex<Hands>);

impl SimClock {
    pub fn starting_at(truth: Timestamp) -> Self {
        Self(Mutex::new(Hands { truth, ahead: SignedDuration::ZERO, boot_ms: 3_600_000, boots: 1 }))
    }

    fn with<T>(&self, f: impl FnOnce(&mut Hands) -> T) -> T {
        f(&mut self.0.lock().unwrap())
    }

    pub fn truth(&self) -> Timestamp {
        self.with(|h| h.truth)
    }

    /// How wrong the machine's wall clock is.
    pub fn ahead(&self) -> SignedDuration {
        self.with(|h| h.ahead)
    }

    pub fn advance(&self, span: SignedDuration) {
        self.with(|h| {
            h.truth += span;
            h.boot_ms += i64::try_from(span.as_millis()).unwrap();
        });
    }

    pub fn advance_to(&self, truth: Timestamp) {
        let span = truth.duration_since(self.truth());
        if span.is_positive() {
            self.advance(span);
        }
    }

    /// Somebody, or a broken time server, sets the wall clock.
    pub fn step(&self, by: SignedDuration) {
        self.with(|h| h.ahead += by);
    }

    /// A new boot id, and a boot clock that begins anew.
    pub fn reboot(&self) {
        self.with(|h| {
            h.boots += 1;
            h.boot_ms = 20_000;
        });
    }
}

#[async_trait::async_trait]
impl Clock for SimClock {
    fn now(&self) -> Moment {
        self.with(|h| Moment {
            wall: h.truth + h.ahead,
            boot_id: format!("boot-{}", h.boots),
            boot_ms: h.boot_ms,
        })
    }

    async fn sleep(&self, span: Duration) {
        self.advance(SignedDuration::try_from(span).unwrap());
        tokio::task::yield_now().await;
    }
}

/// No pass of some 200 leases needs more calls and writes than this.
const MOST_STEPS: i64 = 20_000;

/// How long the process still lives, in steps: calls of ports and writes of the ledger, before and after each. Nothing that it
/// does after its last step has any effect.
pub struct Fate {
    left: AtomicI64,
    /// Steps of this piece of its life.
    taken: AtomicI64,
    dead: AtomicBool,
    bell: Notify,
}

impl Fate {
    pub fn immortal() -> Self {
        Self {
            left: AtomicI64::new(i64::MAX),
            taken: AtomicI64::new(0),
            dead: AtomicBool::new(false),
            bell: Notify::new(),
        }
    }

    /// A new process, with so many steps to live.
    pub fn reborn(&self, steps: Option<i64>) {
        self.left.store(steps.unwrap_or(i64::MAX), Ordering::SeqCst);
        self.taken.store(0, Ordering::SeqCst);
        self.dead.store(false, Ordering::SeqCst);
    }

    /// It went on and on.
    pub fn runs_wild(&self) -> bool {
        self.taken.load(Ordering::SeqCst) > MOST_STEPS
    }

    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// One step; false once the process is dead.
    pub fn step(&self) -> bool {
        if self.is_dead() {
            return false;
        }
        if self.taken.fetch_add(1, Ordering::SeqCst) >= MOST_STEPS {
            self.dead.store(true, Ordering::SeqCst);
            self.bell.notify_one();
        }
        if self.left.fetch_sub(1, Ordering::SeqCst) <= 1 {
            self.dead.store(true, Ordering::SeqCst);
            self.bell.notify_one();
        }
        !self.is_dead()
    }

    /// One step of a task: it never comes back from its last one.
    pub async fn here(&self) {
        if !self.step() {
            std::future::pending::<()>().await;
        }
        tokio::task::yield_now().await;
        if self.is_dead() {
            std::future::pending::<()>().await;
        }
    }

    /// Resolves when the process dies.
    pub async fn death(&self) {
        while !self.is_dead() {
            self.bell.notified().await;
        }
    }
}
