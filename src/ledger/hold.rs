//! Whether this process holds the pay lease, and of which epoch: one cell between whoever keeps the lease and the store, which reads it
//! as it writes the row of a spend.
//!
//! Not responsible for taking, keeping or judging the lease: what this says may be out of date, and the transaction of the spend asks the
//! lease's own row besides. A crash forgets it; a start holds nothing.
use std::sync::{Mutex, PoisonError};

/// What is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The number of this holding; each takeover has a higher one.
    pub epoch: i64,
    /// The name in the lease's row.
    pub holder: String,
}

/// What this process holds now.
#[derive(Debug, Default)]
pub struct Hold(Mutex<Option<Held>>);

impl Hold {
    /// From now on that; `None` = nothing.
    pub fn set(&self, held: Option<Held>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = held;
    }

    /// What is held now.
    #[must_use]
    pub fn get(&self) -> Option<Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
