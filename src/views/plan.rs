//! `plan`, and with payments `once`.
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::{AccountName, Currency, Kind, LeaseId, Money, OrderId, PromoStatus, ProviderName};
use crate::engine::CycleReport;
use crate::planner::Item;
use crate::policy::{Decision, Policy, Reason, Stage};
use crate::settings::Settings;

use super::forecast::Foresight;
use super::{Kept, Payment, SCHEMA};

/// The whole document.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Plan {
    schema: u32,
    /// Every account.
    pub accounts: Vec<AccountDoc>,
    /// Every lease.
    pub items: Vec<ItemDoc>,
    /// Sums.
    pub totals: Totals,
    /// Only in `once` and `apply`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payments: Option<Vec<Payment>>,
    /// Only in `once` and `apply`: `ok`, `attention` or `stopped`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
}

/// An account.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct AccountDoc {
    account: AccountName,
    provider: ProviderName,
    reachable: bool,
    balance: Option<Money>,
    currency: Option<Currency>,
    leases: usize,
    error: Option<String>,
}

/// A lease.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct ItemDoc {
    /// Whose.
    pub account: AccountName,
    /// The provider's id.
    pub lease: LeaseId,
    /// Its order.
    pub order: OrderId,
    /// Its address.
    pub ip: String,
    /// What it is.
    pub kind: Kind,
    /// ISO 3166-1 alpha-3.
    pub country: Option<String>,
    /// End of its term.
    pub expires_at: Option<Timestamp>,
    /// Where it stands in it.
    pub stage: Option<Stage>,
    /// What is to be done.
    pub decision: Decision,
    /// Word, colon, prose.
    pub reason: Reason,
    /// The policy that decided.
    pub policy: Option<String>,
    /// `expires_at − before`, later by its order's delay where the policy spreads them.
    pub due_at: Option<Timestamp>,
    /// On hold: when the provider gives it up for good.
    pub gone_at: Option<Timestamp>,
    /// This lease's share of the price.
    pub quote: Option<QuoteDoc>,
    /// Leases paid together, itself included.
    pub bundle: Vec<LeaseId>,
    /// What its last term cost; null where renewd never paid for it.
    pub last_price: Option<Money>,
    /// Names that the config gives it, sorted.
    pub labels: Vec<String>,
    /// The mobile operator, where the provider names one.
    pub operator: Option<String>,
    /// Words of what will stop its renewal later, as far as that is known.
    pub warnings: Vec<&'static str>,
    /// By which other policy an operator keeps it; null where nobody does.
    pub kept: Option<Kept>,
}

/// A price.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct QuoteDoc {
    /// For this lease.
    pub amount: Money,
    /// In what.
    pub currency: Currency,
    /// For how long.
    pub period_days: u32,
    /// `VALID`, `NO_VALID` or null.
    pub promo: Option<&'static str>,
}

/// Sums over the items.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Totals {
    /// Leases to be renewed.
    pub renew: usize,
    /// Leases held.
    pub hold: usize,
    /// What is to be renewed costs, by currency.
    pub amount: BTreeMap<String, Money>,
}

impl ItemDoc {
    /// The document of one item.
    #[must_use]
    pub fn new(item: &Item, policies: &[Policy]) -> Self {
        let lease = &item.lease;
        Self {
            account: lease.account.clone(),
            lease: lease.id.clone(),
            order: lease.order.clone(),
            ip: lease.ip.clone(),
            kind: lease.kind.clone(),
            country: lease.country.clone(),
            expires_at: lease.expires_at,
            stage: item.stage,
            decision: item.decision(),
            reason: item.reason.clone(),
            policy: item.policy.map(|p| policies[p].name.clone()),
            due_at: item.due_at,
            gone_at: item.gone_at,
            quote: item.quote.as_ref().map(|q| QuoteDoc {
                amount: q.amount,
                currency: q.currency.clone(),
                period_days: q.period_days,
                promo: q.promo.map(PromoStatus::as_str),
            }),
            bundle: item.bundle.clone(),
            last_price: None,
            labels: item.labels.iter().map(ToString::to_string).collect(),
            operator: lease.operator.clone(),
            warnings: Vec::new(),
            kept: None,
        }
    }
}

impl Totals {
    /// Of a pass.
    #[must_use]
    pub fn of(report: &CycleReport) -> Self {
        let mut amount: BTreeMap<String, Money> = BTreeMap::new();
        for quote in
            report.items.iter().filter(|i| i.decision() == Decision::Renew).filter_map(|i| i.quote.as_ref())
        {
            let sum = amount.entry(quote.currency.to_string()).or_default();
            *sum = sum.plus(quote.amount).unwrap_or(*sum);
        }
        // What is idle is neither.
        let count = |d: Decision| report.items.iter().filter(|i| i.decision() == d).count();
        Self { renew: count(Decision::Renew), hold: count(Decision::Hold), amount }
    }
}

impl Plan {
    /// Adds what the forecast knows of each lease.
    #[must_use]
    pub fn knowing(mut self, seen: &Foresight, policies: &[Policy]) -> Self {
        self.items.iter_mut().for_each(|item| item.know(seen, policies));
        self
    }

    /// The plan of a report; with `paid`, also what was paid and how it ended.
    #[must_use]
    pub fn new(report: &CycleReport, settings: &Settings, paid: bool) -> Self {
        let accounts = report.accounts.iter().map(|a| AccountDoc {
            account: a.account.clone(),
            provider: a.provider.clone(),
            reachable: a.reachable(),
            balance: a.balance.as_ref().map(|b| b.amount),
            currency: a.balance.as_ref().map(|b| b.currency.clone()),
            leases: a.leases,
            error: a.error().map(str::to_owned),
        });
        Self {
            schema: SCHEMA,
            accounts: accounts.collect(),
            items: report.every_item(settings).iter().map(|i| ItemDoc::new(i, &settings.policies)).collect(),
            totals: Totals::of(report),
            payments: paid.then(|| report.payments.iter().map(Payment::new).collect()),
            outcome: paid.then(|| report.summary().outcome),
        }
    }
}
