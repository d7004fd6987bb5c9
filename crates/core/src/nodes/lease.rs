//! The pay lease: what a node does next, and until when it may spend.
//!
//! Whether a lease has run out is judged by the database's clock alone, in the statement that takes it. A node judges itself by its own
//! boot clock: it counts from the *start* of the last renewal that worked, and stops spending at half of the time to live. So two hosts'
//! clocks are never compared, and one may run at twice the rate of the other.
use jiff::SignedDuration;

use crate::domain::Moment;

/// Who holds the pay lease of a ledger that was moved to another place: no node, for good.
pub const MOVED_AWAY: &str = "(moved)";

/// The row, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRow {
    /// Grows with each taking.
    pub epoch: i64,
    /// The node that has it.
    pub holder: String,
    /// How long it still holds, by the database's clock; nothing or less: it has run out.
    pub left: SignedDuration,
    /// Its holder gave it back.
    pub released: bool,
}

impl LeaseRow {
    /// Anybody may take it.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.released || !self.left.is_positive()
    }

    /// The ledger lives on elsewhere.
    #[must_use]
    pub fn is_moved_away(&self) -> bool {
        self.holder == MOVED_AWAY
    }
}

/// The lease was taken: what the row was before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The epoch that begins.
    pub epoch: i64,
    /// The node whose lease had run out without being given back, where that was another one: a failover.
    pub from: Option<String>,
}

/// The last renewal that worked, or the taking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewed {
    /// Of this epoch.
    pub epoch: i64,
    /// When it began, before the question left.
    pub began: Moment,
}

/// Everything that a node knows when it decides.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// This node.
    pub me: &'a str,
    /// The row as last read; `None`: there is none yet.
    pub row: Option<&'a LeaseRow>,
    /// What this process holds, as far as it knows.
    pub held: Option<&'a Renewed>,
    /// It has asked for the lease before, and was answered: no longer a node that has just started.
    pub answered: bool,
    /// It is to end.
    pub stopping: bool,
    /// Its clock.
    pub now: &'a Moment,
    /// How long a node may be silent.
    pub ttl: SignedDuration,
}

/// What a node does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Ask for the lease. `back`: it may be its own, from before it was started anew, and is then taken although it has not run out:
    /// whoever holds the lock of the state directory knows that no other process of this node is left.
    Take {
        /// Also one that is still its own.
        back: bool,
    },
    /// Renew what is held.
    Keep {
        /// Of this epoch.
        epoch: i64,
    },
    /// Give it back, so that the other need not wait.
    Release {
        /// Of this epoch.
        epoch: i64,
    },
    /// Another has it: look again later.
    Standby,
}

/// What a node does next, from facts alone.
#[must_use]
pub fn next(facts: &Facts<'_>) -> Next {
    match (facts.held, facts.row) {
        (Some(held), _) if facts.stopping => Next::Release { epoch: held.epoch },
        (None, _) if facts.stopping => Next::Standby,
        // Whoever has taken it meanwhile is seen in the row.
        (Some(held), Some(row)) if row.epoch == held.epoch && row.holder == facts.me && !row.released => {
            Next::Keep { epoch: held.epoch }
        }
        (Some(held), None) => Next::Keep { epoch: held.epoch },
        (_, None) => Next::Take { back: false },
        (_, Some(row)) if row.is_free() => Next::Take { back: false },
        (None, Some(row)) if row.holder == facts.me && !facts.answered => Next::Take { back: true },
        _ => Next::Standby,
    }
}

/// Until when a node may spend: half of the time to live after the start of its last good renewal, by its own boot clock. The text says
/// why it may not.
///
/// # Errors
/// It holds no lease, another than when the payment was decided, or its renewal is too old.
pub fn spends_until(
    held: Option<&Renewed>,
    epoch: i64,
    now: &Moment,
    ttl: SignedDuration,
) -> Result<SignedDuration, String> {
    let Some(held) = held else { return Err("this node does not hold the pay lease any more".to_owned()) };
    if held.epoch != epoch {
        return Err(format!("the pay lease was lost and taken anew (epoch {} is over)", epoch));
    }
    let age = SignedDuration::from_millis(now.boot_ms.saturating_sub(held.began.boot_ms));
    let left = (ttl / 2).checked_sub(age).unwrap_or(SignedDuration::MIN);
    if held.began.boot_id != now.boot_id || age.is_negative() || !left.is_positive() {
        return Err(format!("the pay lease was last renewed {} ms ago, half of its time", age.as_millis()));
    }
    Ok(left)
}

/// What a node is to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Its ledger has one node.
    Single,
    /// It holds the pay lease.
    Active,
    /// Another does, or nobody.
    Standby,
}

impl Role {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Single, Self::Active, Self::Standby];

    /// The word in JSON, metrics and on the page.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Active => "active",
            Self::Standby => "standby",
        }
    }
}

/// What the node `me` is, by the row. `None`: it was never taken.
#[must_use]
pub fn role(row: Option<&LeaseRow>, me: Option<&str>) -> Role {
    match row {
        Some(row) if !row.is_free() && Some(row.holder.as_str()) == me => Role::Active,
        _ => Role::Standby,
    }
}

/// Nobody has held the lease for more than two times to live: whoever sees that tells people, since nothing is paid meanwhile.
/// `unseen`: for how long this node could not look at the row.
#[must_use]
pub fn nobody_pays(row: Option<&LeaseRow>, unseen: SignedDuration, ttl: SignedDuration) -> bool {
    let long = ttl.checked_mul(2).unwrap_or(SignedDuration::MAX);
    let free = row.map_or(SignedDuration::ZERO, |row| -row.left);
    unseen > long || free > long || row.is_some_and(LeaseRow::is_moved_away)
}

#[cfg(test)]
#[path = "lease_tests.rs"]
mod tests;
