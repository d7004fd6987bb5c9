//! Leases that a stored inventory showed to be gone, kept in a note until people were told.
//!
//! The note is written in the transaction that records the inventory: no crash comes between. Not responsible for which of
//! them anybody wanted (the engine, by its policies).
use crate::domain::Lease;

/// The note: one lease a line, as JSON, oldest loss first.
pub const LOST_UNTOLD: &str = "lost.untold";

/// The leases of the note. A line that cannot be read is passed over: it was written by another version.
#[must_use]
pub fn losses(note: &str) -> Vec<Lease> {
    note.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The note of these leases.
#[must_use]
pub fn losses_note(leases: &[Lease]) -> String {
    leases.iter().filter_map(|l| serde_json::to_string(l).ok()).map(|line| line + "\n").collect()
}
