//! The one file that reads a clock.
//!
//! Responsible for: wall time, the boot clock (which no operator can set and which counts suspended time) and
//! sleeping. Not responsible for deciding anything: decisions take `now` as an argument.
use std::sync::Mutex;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::domain::Moment;

pub use renewd_core::clock::Clock;

/// The machine's clocks.
pub struct SystemClock {
    boot_id: String,
}

impl SystemClock {
    /// Reads the kernel's boot id once; a machine without one gets a fixed id, so reboots then go unnoticed only
    /// by the boot clock's own fall.
    #[must_use]
    pub fn new() -> Self {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Self { boot_id: id.trim().to_owned() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait::async_trait]
impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the one place")]
    fn now(&self) -> Moment {
        let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let boot_ms = boot.tv_sec.saturating_mul(1000).saturating_add(boot.tv_nsec / 1_000_000);
        Moment { wall: Timestamp::now(), boot_id: self.boot_id.clone(), boot_ms }
    }

    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}

/// A clock that stands still until somebody sleeps on it or sets it: for the demo, the simulator and tests.
pub struct VirtualClock {
    state: Mutex<(Timestamp, i64)>,
}

impl VirtualClock {
    /// Starts at `wall`, with a boot clock at one day.
    #[must_use]
    pub fn starting_at(wall: Timestamp) -> Self {
        Self { state: Mutex::new((wall, 86_400_000)) }
    }

    /// Lets `span` pass on both clocks.
    pub fn advance(&self, span: Duration) {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        state.0 = state.0.checked_add(SignedDuration::from_millis(ms)).unwrap_or(Timestamp::MAX);
        state.1 = state.1.saturating_add(ms);
    }

    /// Steps the wall clock only, as an operator or a broken time server does.
    pub fn step_wall(&self, by: SignedDuration) {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.0 = state.0.checked_add(by).unwrap_or(state.0);
    }
}

#[async_trait::async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Moment {
        let state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Moment { wall: state.0, boot_id: "virtual".to_owned(), boot_ms: state.1 }
    }

    async fn sleep(&self, span: Duration) {
        self.advance(span);
        tokio::task::yield_now().await;
    }
}
