//! The document of `backtest`: what other policies and budgets would have paid, held and lost, beside what happened.
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::backtest::{Backtest, Entry, Rules, Totals, backtest};
use crate::domain::{AccountName, Currency, LeaseId, Money};
use crate::engine::lived::{Lived, lived};
use crate::ledger::{Ledger, LedgerError};
use crate::settings::Settings;

use super::SCHEMA;

/// The whole document.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct BacktestDoc {
    schema: u32,
    /// From when; null where nothing is on record.
    pub since: Option<Timestamp>,
    /// Nothing is on record of what came later; null where nothing is on record at all.
    pub until: Option<Timestamp>,
    /// What would have been paid, by time.
    pub paid: Vec<EntryDoc>,
    /// What would have been held when it was due: once for each term and reason.
    pub held: Vec<EntryDoc>,
    /// Leases whose end would have passed unpaid, whatever their action.
    pub lost: Vec<EntryDoc>,
    /// Both courses in sums.
    pub totals: TotalsDoc,
    /// Payments of which no price was ever read: they are in no sum.
    pub unknown_prices: usize,
    /// What is not on record, in words.
    pub limits: Vec<String>,
}

/// One lease at one instant.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct EntryDoc {
    /// Whose.
    pub account: AccountName,
    /// The provider's id.
    pub lease: LeaseId,
    /// Its address.
    pub ip: String,
    /// When.
    pub at: Timestamp,
    /// The policy that decided; null where none matches.
    pub policy: Option<String>,
    /// Word, colon, prose.
    pub reason: String,
    /// Null where no price was read.
    pub amount: Option<Money>,
    /// In what.
    pub currency: Option<Currency>,
}

/// Both courses.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct TotalsDoc {
    /// What would have been.
    pub what_if: SumsDoc,
    /// What was.
    pub actual: SumsDoc,
    /// What would have been paid more (or, below zero, less), by currency.
    pub difference: BTreeMap<String, Money>,
}

/// Sums of one course.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct SumsDoc {
    /// Terms of leases.
    pub paid: usize,
    /// Leases.
    pub lost: usize,
    /// By currency.
    pub amount: BTreeMap<String, Money>,
}

impl From<Entry> for EntryDoc {
    fn from(e: Entry) -> Self {
        let reason = match e.word {
            Some(word) => format!("{}: {}", word.as_str(), e.reason),
            None => e.reason,
        };
        Self {
            account: e.account,
            lease: e.lease,
            ip: e.ip,
            at: e.at,
            policy: e.policy,
            reason,
            amount: e.amount,
            currency: e.currency,
        }
    }
}

impl From<Totals> for SumsDoc {
    fn from(t: Totals) -> Self {
        Self { paid: t.paid, lost: t.lost, amount: t.amount }
    }
}

impl BacktestDoc {
    /// Lives what is on record again under this config, from `since` on or from the first reading.
    ///
    /// # Errors
    /// The ledger's.
    pub fn of(
        ledger: &dyn Ledger,
        settings: &Settings,
        since: Option<Timestamp>,
    ) -> Result<Self, LedgerError> {
        let Lived { facts, budgets, limits } = lived(ledger, settings, since)?;
        let next = settings.next_start();
        let rules = Rules {
            policies: &settings.policies,
            labels: &settings.labels,
            providers: settings,
            budgets: &budgets,
            guard: &settings.guard,
            timing: &settings.timing,
            timezone: &settings.timezone,
            next: &next,
        };
        let Backtest { paid, held, lost, unknown_prices, what_if, actual } = backtest(&rules, &facts);
        let docs = |entries: Vec<Entry>| entries.into_iter().map(EntryDoc::from).collect();
        let mut difference = what_if.amount.clone();
        for (currency, amount) in &actual.amount {
            let sum = difference.entry(currency.clone()).or_default();
            *sum = sum.minus(*amount).unwrap_or(*sum);
        }
        let recorded = facts.until > facts.since;
        Ok(Self {
            schema: SCHEMA,
            since: recorded.then_some(facts.since),
            until: recorded.then_some(facts.until),
            paid: docs(paid),
            held: docs(held),
            lost: docs(lost),
            totals: TotalsDoc { what_if: what_if.into(), actual: actual.into(), difference },
            unknown_prices,
            limits,
        })
    }
}
