//! How a budget is asked of the ledger.
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::budget::{Budget, Per, span};
use crate::ledger::BudgetCheck;

/// A budget's check over the span around `now`. `cycle`: the one that is under way, or the newest.
#[must_use]
pub fn budget_check(budget: &Budget, now: Timestamp, timezone: &TimeZone, cycle: Option<i64>) -> BudgetCheck {
    let (from, to) = span(budget.per, now, timezone);
    BudgetCheck {
        name: budget.name.clone(),
        accounts: budget.accounts.clone(),
        policies: budget.policies.clone(),
        labels: budget.labels.clone(),
        open_only: false,
        currency: budget.currency.clone(),
        from,
        to,
        cycle: cycle.filter(|_| budget.per == Per::Cycle),
        limit: budget.limit,
    }
}
