//! What a backtest says.
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::{AccountName, Currency, LeaseId, Money};
use crate::policy::Word;

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backtest {
    /// What would have been paid, by time.
    pub paid: Vec<Entry>,
    /// What would have been held when it was due: a line for each term and word.
    pub held: Vec<Entry>,
    /// Leases whose end would have passed unpaid, whatever their action.
    pub lost: Vec<Entry>,
    /// Payments of which no price was ever read.
    pub unknown_prices: usize,
    /// Sums of them.
    pub what_if: Totals,
    /// Sums of what happened.
    pub actual: Totals,
}

/// One lease at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Whose.
    pub account: AccountName,
    /// The provider's id.
    pub lease: LeaseId,
    /// Its address.
    pub ip: String,
    /// When.
    pub at: Timestamp,
    /// The policy that decided.
    pub policy: Option<String>,
    /// Why: the word of a plan.
    pub word: Option<Word>,
    /// The same in words.
    pub reason: String,
    /// This lease's share of the price; `None` where no price was read.
    pub amount: Option<Money>,
    /// In what.
    pub currency: Option<Currency>,
}

/// Sums.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Terms of leases that were paid.
    pub paid: usize,
    /// Leases whose end passed unpaid.
    pub lost: usize,
    /// What was paid, by currency.
    pub amount: BTreeMap<String, Money>,
}

impl Totals {
    /// Counts a payment.
    pub(super) fn add(&mut self, amount: Option<Money>, currency: Option<&Currency>) {
        self.paid += 1;
        if let Some((amount, currency)) = amount.zip(currency) {
            let sum = self.amount.entry(currency.to_string()).or_default();
            *sum = sum.plus(amount).unwrap_or(*sum);
        }
    }
}
