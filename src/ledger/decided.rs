//! The decisions of a plan as the ledger takes them: by account and lease id, each told only where it is asked for.
use super::DecisionRow;
use crate::domain::AccountName;

/// Every decision of a pass. Of a large fleet hardly one changes, so a row is made only for those that are written.
pub trait Decided {
    /// Whose leases were decided on.
    fn accounts(&self) -> Vec<&AccountName>;
    /// How many of that account.
    fn count(&self, account: usize) -> usize;
    /// The n-th of an account, by lease id.
    fn brief(&self, account: usize, n: usize) -> BriefDecision<'_>;
    /// The same as it is stored.
    fn row(&self, account: usize, n: usize) -> DecisionRow;
}

/// What tells one decision from another: a row is written anew where one of these changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BriefDecision<'a> {
    /// The provider's id.
    pub lease: &'a str,
    /// `renew`, `wait`, ….
    pub decision: &'a str,
    /// First word of the reason.
    pub word: &'a str,
    /// The policy that decided.
    pub policy: Option<&'a str>,
}
