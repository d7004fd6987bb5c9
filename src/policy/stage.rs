//! How near a lease's end is. Wall-clock instants compared at each tick: no timer sleeps until a due date.
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;

use super::{Before, Policy};

/// Where a lease stands in its term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Not due.
    Early,
    /// Due.
    Normal,
    /// Close to its end: windows are ignored, alerts are urgent.
    Urgent,
    /// Past its end where the provider keeps it on hold.
    Rescue,
}

impl Stage {
    /// The word in JSON and tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Early => "early",
            Self::Normal => "normal",
            Self::Urgent => "urgent",
            Self::Rescue => "rescue",
        }
    }
}

fn before(policy: &Policy) -> SignedDuration {
    match policy.before {
        Before::Span(span) => span,
        Before::Share(share) => {
            let days = policy.periods.first().copied().unwrap_or(30);
            let secs = Decimal::from(i64::from(days) * 86_400).checked_mul(share.0).unwrap_or_default()
                / Decimal::ONE_HUNDRED;
            SignedDuration::from_secs(secs.to_i64().unwrap_or_default())
        }
    }
}

/// `expires_at − before`, exactly.
#[must_use]
pub fn due_at(policy: &Policy, expires_at: Timestamp) -> Timestamp {
    expires_at.checked_sub(before(policy)).unwrap_or(Timestamp::MIN)
}

/// The stage at `now` of a lease whose provider keeps nothing past the end.
#[must_use]
pub fn stage(policy: &Policy, expires_at: Timestamp, now: Timestamp) -> Stage {
    let urgent_at = expires_at.checked_sub(policy.urgent).unwrap_or(Timestamp::MIN);
    // Due comes first: an `urgent` longer than `before` never makes a lease be paid before it is due.
    if now < due_at(policy, expires_at) {
        Stage::Early
    } else if now < urgent_at {
        Stage::Normal
    } else {
        Stage::Urgent
    }
}
