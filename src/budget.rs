//! Budgets: how much may be spent in a cycle, day, week or month.
//!
//! Pure. Responsible for the spans that a budget covers and for what is left of it; not for summing the ledger.
use crate::domain::{AccountName, Currency, Money, Percent};

/// `[[budget]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Unique.
    pub name: String,
    /// Accounts it counts; empty = all.
    pub accounts: Vec<AccountName>,
    /// Policies it counts; empty = all.
    pub policies: Vec<String>,
    /// The span it covers.
    pub per: Per,
    /// The most that may be spent in it.
    pub limit: Money,
    /// Only payments in this currency count.
    pub currency: Currency,
    /// Warn from this share on.
    pub warn_at: Option<Percent>,
}

/// `per`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// One cycle of renewd.
    Cycle,
    /// A calendar day in the configured time zone.
    Day,
    /// From Monday.
    Week,
    /// A calendar month.
    Month,
}
