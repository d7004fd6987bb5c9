//! `forecast`: what falls due when, what it costs, when the money ends. A view of [`crate::forecast`], nothing of its own.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::domain::{AccountName, Currency, LeaseId, Money};
use crate::forecast::PriceSource;
use crate::settings::Settings;

use super::SCHEMA;
use super::labelled::{LabelDay, LabelDoc, Labelled};
pub use crate::engine::outlook::{Foresight, Fresh, Known, foresee, foresee_fresh};
pub use crate::engine::some_leases::foresee_stored;

/// The whole document.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct ForecastDoc {
    schema: u32,
    /// It looks ahead from here.
    pub from: Timestamp,
    /// Up to and including this instant.
    pub to: Timestamp,
    /// What falls due: one row per day, account and surety of the price.
    pub days: Vec<DayDoc>,
    /// How long each account's balance lasts.
    pub runway: Vec<RunwayDoc>,
    /// How long each budget lasts.
    pub budgets: Vec<BudgetDoc>,
    /// Leases that fall due and have no known price: no sum holds them.
    pub unpriced: usize,
    /// Leases that a policy keeps and that are not counted, with the reason.
    pub left_out: Vec<LeftOutDoc>,
    /// Ends of current terms.
    pub expiries: Vec<ExpiryDoc>,
    /// What falls due by label.
    pub labels: Vec<LabelDoc>,
}

/// What falls due on a day.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct DayDoc {
    /// In the configured zone.
    pub date: Date,
    /// Whose.
    pub account: AccountName,
    /// How many leases.
    pub due: usize,
    /// Null where no price is known.
    pub amount: Option<Money>,
    /// In what.
    pub currency: Option<Currency>,
    /// What is left after this row and all before it; below zero where it does not last.
    pub balance_after: Option<Money>,
    /// `quoted`, `last_paid`, `list` or `none`.
    pub price_source: PriceSource,
    /// Of these leases those that have a label; one with several counts for each of them.
    pub labels: Vec<LabelDay>,
}

/// How long a balance lasts.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct RunwayDoc {
    /// Whose.
    pub account: AccountName,
    /// In what.
    pub currency: Option<Currency>,
    /// As last read.
    pub balance: Option<Money>,
    /// Never spent below this.
    pub keep_balance: Money,
    /// The cost of all that falls due.
    pub need: Money,
    /// The top-up that lasts up to `to`; null while no balance is known.
    pub short_by: Option<Money>,
    /// The day it stops covering; null if it lasts.
    pub until: Option<Date>,
    /// The instant of the first payment that could not be made; null if all can.
    pub top_up_by: Option<Timestamp>,
    /// Leases that fall due and have no known price.
    pub unpriced: usize,
    /// Leases that would lapse without a top-up: by priority, then end.
    pub uncovered: Vec<UncoveredDoc>,
    /// When the balance and the leases were read; null = never.
    pub read_at: Option<Timestamp>,
    /// Why the newest read failed; null if it did not.
    pub error: Option<String>,
}

/// A lease that the balance does not cover.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct UncoveredDoc {
    /// The provider's id.
    pub lease: LeaseId,
    /// Its address.
    pub ip: String,
    /// When it falls due.
    pub due_at: Timestamp,
    /// The end of the term that would not be extended.
    pub expires_at: Timestamp,
    /// Its price.
    pub amount: Option<Money>,
    /// Higher is saved first.
    pub priority: i64,
    /// What the config calls it.
    pub labels: Vec<String>,
}

/// How long a budget lasts.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct BudgetDoc {
    /// Its name.
    pub name: String,
    /// `cycle`, `day`, `week` or `month`.
    pub per: &'static str,
    /// In what.
    pub currency: Currency,
    /// The most.
    pub limit: Money,
    /// What counts in the span around now.
    pub spent: Money,
    /// What falls due up to `to` and counts in it.
    pub need: Money,
    /// The day of the first payment that it stops; null if it stops none.
    pub until: Option<Date>,
    /// That payment's instant.
    pub runs_out_at: Option<Timestamp>,
    /// Leases that wait for its next span and are renewed then.
    pub wait: usize,
    /// Leases that end before its next span and would not be renewed.
    pub lapse: Vec<BudgetLapseDoc>,
}

/// A lease that a budget lets lapse.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct BudgetLapseDoc {
    /// Whose.
    pub account: AccountName,
    /// The provider's id.
    pub lease: LeaseId,
    /// Its address.
    pub ip: String,
    /// What the config calls it.
    pub labels: Vec<String>,
}

/// A lease that is not counted.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct LeftOutDoc {
    /// Whose.
    pub account: AccountName,
    /// The provider's id.
    pub lease: LeaseId,
    /// Its address; empty where it has none.
    pub ip: String,
    /// The reason word that the plan has for it.
    pub reason: &'static str,
    /// What the config calls it.
    pub labels: Vec<String>,
}

/// Terms that end on a day.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct ExpiryDoc {
    /// In the configured zone.
    pub date: Date,
    /// Whose.
    pub account: AccountName,
    /// How many.
    pub leases: usize,
    /// Of them, those to be renewed.
    pub renew: usize,
    /// Those that nobody renews.
    pub watch: usize,
    /// Those that are let go.
    pub release: usize,
    /// The first of them.
    pub first_at: Timestamp,
}

impl ForecastDoc {
    /// The document of what was foreseen by these settings.
    #[must_use]
    pub fn new(seen: &Foresight, settings: &Settings) -> Self {
        let forecast = &seen.forecast;
        let labels = Labelled::new(seen, settings);
        let (by_day, by_label) = labels.sums();
        let runway: Vec<RunwayDoc> =
            (0..seen.accounts.len()).map(|n| RunwayDoc::new(seen, n, &labels)).collect();
        Self {
            schema: SCHEMA,
            from: seen.from,
            to: seen.to,
            days: forecast
                .days
                .iter()
                .map(|d| DayDoc { labels: by_day.of(d), ..DayDoc::new(seen, d) })
                .collect(),
            labels: by_label,
            unpriced: runway.iter().map(|r| r.unpriced).sum(),
            runway,
            budgets: (0..seen.budgets.len()).map(|n| BudgetDoc::new(seen, n, &labels)).collect(),
            left_out: forecast
                .left_out
                .iter()
                .map(|l| LeftOutDoc {
                    account: l.account.clone(),
                    lease: l.lease.clone(),
                    ip: seen.address(&l.account, &l.lease),
                    reason: l.why.as_str(),
                    labels: labels.called(&l.account, &l.lease),
                })
                .collect(),
            expiries: forecast
                .expiries
                .iter()
                .map(|e| ExpiryDoc {
                    date: e.date,
                    account: seen.name(e.account),
                    leases: e.leases,
                    renew: e.renew,
                    watch: e.watch,
                    release: e.release,
                    first_at: e.first_at,
                })
                .collect(),
        }
    }
}

impl DayDoc {
    /// The document of one row of the forecast, without its labels.
    #[must_use]
    pub fn new(seen: &Foresight, day: &crate::forecast::Day) -> Self {
        Self {
            date: day.date,
            account: seen.name(day.account),
            due: day.due,
            amount: day.amount,
            currency: seen.forecast.runways[day.account].currency.clone(),
            balance_after: day.balance_after,
            price_source: day.source,
            labels: Vec::new(),
        }
    }
}

impl RunwayDoc {
    fn new(seen: &Foresight, account: usize, labels: &Labelled<'_>) -> Self {
        let (runway, known) = (&seen.forecast.runways[account], &seen.accounts[account]);
        let uncovered = runway.uncovered.iter().map(|u| {
            let lease = known.leases.view(u.lease);
            UncoveredDoc {
                lease: lease.id.into(),
                ip: lease.ip.to_owned(),
                due_at: u.due_at,
                expires_at: u.ends,
                amount: u.amount,
                priority: u.priority,
                labels: labels.of(account, u.lease),
            }
        });
        Self {
            account: runway.account.clone(),
            currency: runway.currency.clone(),
            balance: runway.balance,
            keep_balance: known.account.keep_balance,
            need: runway.need,
            short_by: runway.short_by,
            until: runway.until,
            top_up_by: runway.top_up_by,
            unpriced: runway.unpriced,
            uncovered: uncovered.collect(),
            read_at: known.facts.as_ref().and_then(|f| f.read_at),
            error: known.facts.as_ref().and_then(|f| f.error.clone()),
        }
    }
}

impl BudgetDoc {
    fn new(seen: &Foresight, index: usize, labels: &Labelled<'_>) -> Self {
        let (budget, spent) = &seen.budgets[index];
        let end = &seen.forecast.budgets[index];
        let lapse = end.lapse.iter().map(|&(account, lease)| {
            let gone = seen.accounts[account].leases.view(lease);
            BudgetLapseDoc {
                account: seen.name(account),
                lease: gone.id.into(),
                ip: gone.ip.to_owned(),
                labels: labels.of(account, lease),
            }
        });
        Self {
            name: budget.name.clone(),
            per: budget.per.as_str(),
            currency: budget.currency.clone(),
            limit: budget.limit,
            spent: *spent,
            need: end.need,
            until: end.until,
            runs_out_at: end.at,
            wait: end.wait,
            lapse: lapse.collect(),
        }
    }
}
