//! The provider's own pace of writes: one at a time, and a while between them, over all processes of one machine, since only one that holds
//! the ledger's lock pays. Not responsible for the request limit, nor for another node.
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};

use crate::clock::Clock;
use crate::domain::Moment;

/// Between two payments.
pub const PAYMENTS: Duration = Duration::from_secs(2);
/// Between two other writes.
pub const WRITES: Duration = Duration::from_secs(1);

/// Lets one call through at a time.
pub struct Pace {
    gap: Duration,
    clock: Arc<dyn Clock>,
    /// When the newest was over.
    last: Mutex<Moment>,
}

/// The turn of one call: over when it is dropped after [`Turn::over`].
pub struct Turn<'a> {
    clock: &'a dyn Clock,
    last: MutexGuard<'a, Moment>,
}

impl Pace {
    /// With this gap between the end of a call and the start of the next. The first waits as if another process had just had its turn:
    /// it held the ledger's lock until this one took it.
    pub fn new(gap: Duration, clock: Arc<dyn Clock>) -> Self {
        let last = Mutex::new(clock.now());
        Self { gap, clock, last }
    }

    /// Waits for a turn.
    pub async fn turn(&self) -> Turn<'_> {
        let last = self.last.lock().await;
        // After a reboot nobody waits: it took longer. A wall clock that was set back makes no wait shorter.
        let passed = self.clock.now().since(&last).map(|span| Duration::try_from(span).unwrap_or_default());
        let wait = passed.map_or(Duration::ZERO, |passed| self.gap.saturating_sub(passed));
        if !wait.is_zero() {
            self.clock.sleep(wait).await;
        }
        Turn { clock: self.clock.as_ref(), last }
    }
}

impl Turn<'_> {
    /// The call is over, however it ended.
    pub fn over(mut self) {
        *self.last = self.clock.now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VirtualClock;

    #[tokio::test]
    async fn two_payments_are_two_seconds_apart() {
        let clock = Arc::new(VirtualClock::starting_at("2026-11-21T06:00:00Z".parse().unwrap()));
        let pace = Pace::new(PAYMENTS, clock.clone());
        let start = clock.now();
        let passed = |clock: &VirtualClock| clock.now().since(&start).unwrap().as_millis();
        pace.turn().await.over();
        assert!(passed(&clock) >= 2_000, "a process before this one may just have paid");
        pace.turn().await.over();
        assert!(passed(&clock) >= 4_000);
        clock.advance(PAYMENTS);
        let before = passed(&clock);
        pace.turn().await.over();
        assert_eq!(passed(&clock), before, "that long ago nobody waits");
    }
}
