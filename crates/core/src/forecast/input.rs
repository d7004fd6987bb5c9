//! The facts that a forecast is made of: everything, and nothing that it would have to ask for.
use std::collections::HashMap;
use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::budget::Budget;
use crate::domain::{AccountName, Balance, Capabilities, Currency, Kind, LeaseView, Money};
use crate::policy::Policies;

/// All of it.
#[derive(Debug)]
pub struct Input<'a> {
    /// From when.
    pub now: Timestamp,
    /// Up to and including this instant.
    pub horizon: Timestamp,
    /// Days and budgets are in it.
    pub timezone: &'a TimeZone,
    /// Top to bottom.
    pub policies: Policies<'a>,
    /// In the order of the config.
    pub accounts: &'a [AccountFacts<'a>],
    /// In the order of the config.
    pub budgets: &'a [BudgetFacts<'a>],
}

/// One account.
#[derive(Debug)]
pub struct AccountFacts<'a> {
    /// Its name.
    pub name: &'a AccountName,
    /// What its provider can do.
    pub capabilities: &'a Capabilities,
    /// As last read, less what was sent since; `None` = never read.
    pub balance: Option<Balance>,
    /// Never spent below this.
    pub keep_balance: Money,
    /// As last believed.
    pub leases: &'a dyn LeaseSource,
    /// Periods on offer by kind, in days, where that was ever asked.
    pub offered: HashMap<Kind, Vec<u32>>,
}

/// The leases of an account with what is known of each: made one by one, since those of a large fleet take much room side by side.
pub trait LeaseSource: fmt::Debug {
    /// How many.
    fn count(&self) -> usize;
    /// As last read.
    fn view(&self, n: usize) -> LeaseView<'_>;
    /// The number of its shared values in its list: leases with the same number differ in nothing of what many leases share. `None` where
    /// that is not known.
    fn alike(&self, _n: usize) -> Option<usize> {
        None
    }
    /// The n-th with all that is known of it.
    fn facts(&self, n: usize) -> LeaseFacts<'_>;
    /// Those of which a price was quoted or paid; others may be among them.
    fn priced(&self) -> Vec<usize>;
}

/// One lease.
#[derive(Debug)]
pub struct LeaseFacts<'a> {
    /// As last read.
    pub lease: LeaseView<'a>,
    /// The end that a payment not settled yet bought; `None` = there is no such payment of this term.
    pub paid_to: Option<Timestamp>,
    /// The last confirmed payment.
    pub last_paid: Option<Price>,
    /// The newest quote.
    pub quoted: Option<SeenPrice>,
    /// What the provider's own record of the order says that a term costs, where it does.
    pub told: Option<Price>,
    /// The term that the order has, in days, where the provider sells cycles.
    pub term_days: Option<u32>,
}

/// A price of one lease for one period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// How much.
    pub amount: Money,
    /// For how long.
    pub period_days: u32,
    /// In what.
    pub currency: Currency,
}

/// A price that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenPrice {
    /// The answer.
    pub price: Price,
    /// The end that the lease had then: names the term it was asked for.
    pub term_end: Timestamp,
    /// When.
    pub seen_at: Timestamp,
}

/// One budget.
#[derive(Debug)]
pub struct BudgetFacts<'a> {
    /// As configured.
    pub budget: &'a Budget,
    /// What counts in the span around `now`.
    pub spent: Money,
}
