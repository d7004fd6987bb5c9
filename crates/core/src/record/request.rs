//! Requests that count in an account's window, as they are kept.

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestRow {
    /// When, by the clock of whoever keeps it, in milliseconds.
    pub at_ms: i64,
    /// For a payment.
    pub money: bool,
    /// Taken for a payment that has not left yet.
    pub held: bool,
}

/// What one turn at a window changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestTurn {
    /// Rows that are new.
    pub add: Vec<RequestRow>,
    /// The oldest row that is held goes.
    pub drop_held: bool,
}
