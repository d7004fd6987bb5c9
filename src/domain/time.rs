//! Instants and spans. Not responsible for reading a clock: see `clock.rs`.
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// Wall and boot clock read together. The boot clock cannot be set and counts suspended time, so the two together
/// tell a stepped clock from passing time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// Wall clock.
    pub wall: Timestamp,
    /// Which boot `boot_ms` belongs to.
    pub boot_id: String,
    /// Milliseconds since that boot.
    pub boot_ms: i64,
}

impl Moment {
    /// Time since `earlier`: the smaller of what wall and boot clock say, so that a clock set forward cannot make
    /// a lag window look over. `None` if the machine was rebooted in between.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Option<SignedDuration> {
        if self.boot_id != earlier.boot_id {
            return None;
        }
        let boot = SignedDuration::from_millis(self.boot_ms.saturating_sub(earlier.boot_ms));
        Some(boot.min(self.wall.duration_since(earlier.wall)))
    }
}

/// `[timing]`: how long renewd waits for answers and for proof.
#[derive(Debug, Clone)]
pub struct Timing {
    /// For one read, whole.
    pub read_timeout: SignedDuration,
    /// For one money call, whole.
    pub money_timeout: SignedDuration,
    /// How long a provider's lists may lag behind a payment.
    pub lag_window: SignedDuration,
    /// Agreeing reads before "not charged" may be concluded; at least 1.
    pub settle_reads: u32,
}

/// A span in words: `3d 4h`, `12m`, `45s`. Two units at most; negative spans lose their sign.
#[must_use]
pub fn words(span: SignedDuration) -> String {
    let secs = span.as_secs().unsigned_abs();
    let (d, h, m, s) = (secs / 86_400, secs / 3600 % 24, secs / 60 % 60, secs % 60);
    let two = |a: u64, ua: &str, b: u64, ub: &str| {
        if b == 0 { format!("{a}{ua}") } else { format!("{a}{ua} {b}{ub}") }
    };
    match (d, h, m) {
        (0, 0, 0) => format!("{s}s"),
        (0, 0, _) => two(m, "m", s, "s"),
        (0, _, _) => two(h, "h", m, "m"),
        _ => two(d, "d", h, "h"),
    }
}
