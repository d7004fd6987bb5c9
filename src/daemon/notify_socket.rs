//! What systemd hears: ready, reloading, stopping, a status line, and the watchdog's ping while the loop is alive.
//!
//! The ping comes from a task of its own, but only while the loop's last step is fresh: a loop that hangs is a daemon that
//! systemd restarts.
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sd_notify::NotifyState;

use crate::clock::Clock;

/// Longer than the longest single step (a money call is 120 s unless configured otherwise).
const FRESH_MS: i64 = 240_000;

/// The loop's pulse, and the line to systemd.
#[derive(Clone)]
pub struct Beacon {
    clock: Arc<dyn Clock>,
    last: Arc<AtomicI64>,
}

impl Beacon {
    /// Starts alive.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let last = Arc::new(AtomicI64::new(clock.now().boot_ms));
        Self { clock, last }
    }

    /// The loop made a step.
    pub fn beat(&self) {
        self.last.store(self.clock.now().boot_ms, Ordering::Relaxed);
    }

    /// The loop made a step not long ago.
    #[must_use]
    pub fn alive(&self) -> bool {
        self.clock.now().boot_ms.saturating_sub(self.last.load(Ordering::Relaxed)) < FRESH_MS
    }

    /// Start-up, or a reload, is through.
    pub fn ready(&self) {
        tell(&[NotifyState::Ready]);
    }

    /// The config is being read again.
    pub fn reloading(&self) {
        tell(&[NotifyState::Reloading]);
    }

    /// The end begins; systemd is asked to wait for a payment in flight.
    pub fn stopping(&self) {
        tell(&[NotifyState::Stopping]);
    }

    /// One line for `systemctl status`.
    pub fn status(&self, line: &str) {
        tell(&[NotifyState::Status(line)]);
    }

    /// Pings at half of the watchdog's interval, as long as the loop lives.
    pub fn spawn_watchdog(&self) {
        let Some(interval) = sd_notify::watchdog_enabled() else { return };
        let beacon = self.clone();
        tokio::spawn(async move {
            loop {
                if beacon.alive() {
                    tell(&[NotifyState::Watchdog]);
                } else {
                    tracing::error!("the cycle loop has not moved for long: systemd will restart renewd");
                }
                tokio::time::sleep(interval.max(Duration::from_secs(2)) / 2).await;
            }
        });
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(e) = sd_notify::notify(states) {
        tracing::debug!("systemd was not told: {e}");
    }
}
