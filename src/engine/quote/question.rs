//! A question for a price, answered and judged: data.
use crate::domain::{Quote, QuoteError};
use crate::planner::Priced;
use crate::policy::Reason;

/// An answer and what the gate said of it.
pub(in crate::engine) struct Asked {
    pub answer: Result<Quote, QuoteError>,
    pub verdict: Result<Priced, Reason>,
}
