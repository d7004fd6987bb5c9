//! The provider's own pace of writes: one at a time, and a while between them. Not responsible for the request limit, nor for other
//! processes: only one that holds the ledger's lock pays.
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
    last: Mutex<Option<Moment>>,
}

/// The turn of one call: over when it is dropped after [`Turn::over`].
pub struct Turn<'a> {
    clock: &'a dyn Clock,
    last: MutexGuard<'a, Option<Moment>>,
}

impl Pace {
    /// With this gap between the end of a call and the start of the next.
    pub fn new(gap: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { gap, clock, last: Mutex::new(None) }
    }

    /// Waits for a turn.
    pub async fn turn(&self) -> Turn<'_> {
        let last = self.last.lock().await;
        if let Some(over) = last.as_ref() {
            // After a reboot nobody waits: it took longer. A wall clock that was set back makes no wait shorter.
            let passed =
                self.clock.now().since(over).map(|span| Duration::try_from(span).unwrap_or_default());
            let wait = passed.map_or(Duration::ZERO, |passed| self.gap.saturating_sub(passed));
            if !wait.is_zero() {
                self.clock.sleep(wait).await;
            }
        }
        Turn { clock: self.clock.as_ref(), last }
    }
}

impl Turn<'_> {
    /// The call is over, however it ended.
    pub fn over(mut self) {
        *self.last = Some(self.clock.now());
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
        assert_eq!(passed(&clock), 0, "the first waits for nobody");
        pace.turn().await.over();
        assert!(passed(&clock) >= 2_000);
    }
}
