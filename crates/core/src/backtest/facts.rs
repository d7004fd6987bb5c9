//! What is on record of the time that is lived again: plain values, read by whoever has the ledger.
use std::collections::HashMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::budget::Budget;
use crate::domain::time::Timing;
use crate::domain::{AccountName, Capabilities, Currency, Kind, Lease, Money, ProviderName};
use crate::planner::Guard;
use crate::policy::{Labels, NextStart, Policy, Providers};

/// What decides in the other course of things.
pub struct Rules<'a> {
    /// Top to bottom.
    pub policies: &'a [Policy],
    /// Labels of the config.
    pub labels: &'a Labels,
    /// The provider of each account.
    pub providers: &'a dyn Providers,
    /// Each with what counted in its span before the first instant.
    pub budgets: &'a [(Budget, Money)],
    /// `[guard]`.
    pub guard: &'a Guard,
    /// `[timing]`.
    pub timing: &'a Timing,
    /// Budgets are counted in it.
    pub timezone: &'a TimeZone,
    /// When cycles begin.
    pub next: &'a NextStart<'a>,
}

/// What is on record, from the first instant to the last.
#[derive(Debug, Clone)]
pub struct Facts {
    /// From when.
    pub since: Timestamp,
    /// Nothing is known of what came later.
    pub until: Timestamp,
    /// Each account.
    pub accounts: Vec<AccountPast>,
}

/// One account.
#[derive(Debug, Clone)]
pub struct AccountPast {
    /// Its name.
    pub name: AccountName,
    /// Its provider.
    pub provider: ProviderName,
    /// What that can do.
    pub capabilities: Capabilities,
    /// Never spent below this.
    pub keep_balance: Money,
    /// Leases in one call.
    pub batch: usize,
    /// In what it pays; `None` = never read.
    pub currency: Option<Currency>,
    /// The balance at the first instant; `None` where no balance is on record: then no funds are missing.
    pub opening: Option<Money>,
    /// What came in (above zero) or went out besides renewals, by time.
    pub moves: Vec<(Timestamp, Money)>,
    /// Periods on offer by kind, where that was ever asked.
    pub offered: HashMap<Kind, Vec<u32>>,
    /// Every lease that was listed at some time.
    pub leases: Vec<LeasePast>,
}

/// One lease.
#[derive(Debug, Clone)]
pub struct LeasePast {
    /// As last known.
    pub lease: Lease,
    /// From when it was listed.
    pub from: Timestamp,
    /// The end that it had then, or at the first instant.
    pub first_end: Option<Timestamp>,
    /// When it left the list.
    pub gone_at: Option<Timestamp>,
    /// What was paid for it, by time.
    pub paid: Vec<Renewal>,
    /// Prices that were asked or paid, by time.
    pub prices: Vec<PriceSeen>,
}

/// A term that was paid for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    /// When.
    pub at: Timestamp,
    /// The end before it.
    pub before: Timestamp,
    /// The end that it brought.
    pub after: Timestamp,
    /// Days bought.
    pub days: u32,
    /// This lease's share.
    pub amount: Money,
    /// The provider charged it by itself.
    pub by_provider: bool,
}

/// A price of one lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceSeen {
    /// When.
    pub at: Timestamp,
    /// How much.
    pub amount: Money,
    /// For how long.
    pub days: u32,
}

impl LeasePast {
    /// Where its end stood in what happened, as of the last instant.
    #[must_use]
    pub fn last_end(&self) -> Option<Timestamp> {
        self.paid.last().map(|p| p.after).max(self.first_end)
    }

    /// The end after a payment for so many days: the one that it brought, where it was made, else so many days later.
    #[must_use]
    pub fn end_after(&self, end: Timestamp, days: u32) -> Timestamp {
        let same = self.paid.iter().find(|p| p.before == end && p.days == days);
        let later = || end.checked_add(SignedDuration::from_hours(24 * i64::from(days)));
        same.map(|p| p.after).or_else(|| later().ok()).unwrap_or(end)
    }

    /// It left the list although its end lay ahead: whatever is paid, it is gone then.
    #[must_use]
    pub fn taken_at(&self) -> Option<Timestamp> {
        self.gone_at.filter(|gone| self.last_end().is_some_and(|end| *gone < end))
    }
}
