//! `status`: how renewd and its accounts stand, from the ledger alone.
use jiff::Timestamp;
use serde::Serialize;

use crate::budget::{Per, span};
use crate::domain::time::words;
use crate::domain::{AccountName, Currency, KeyPattern, Moment, Money, ProviderName, Severity, State};
use crate::ledger::{BudgetCheck, IntentFilter, Ledger, LedgerError};
use crate::policy::{Action, due_at};
use crate::settings::Settings;

use super::SCHEMA;

/// The whole document.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    schema: u32,
    /// No account is down, nothing is unknown or needs a person, no urgent alert is open.
    pub healthy: bool,
    /// The newest cycle.
    pub last_cycle: Option<Cycle>,
    /// The next start on the schedule.
    pub next_cycle_at: Option<Timestamp>,
    /// Every configured account.
    pub accounts: Vec<Account>,
    /// Every budget.
    pub budgets: Vec<Budget>,
    /// Payments whose outcome is unknown.
    pub unknown: usize,
    /// Payments that need a person's word.
    pub needs_operator: usize,
    /// What people were told and is not over.
    pub open_alerts: Vec<OpenAlert>,
    /// Alerts kept quiet.
    pub silences: Vec<Silence>,
    /// Mails that no server has taken yet.
    pub mails: Mails,
    /// Paused accounts; `*` = all.
    pub paused: Vec<String>,
}

/// A cycle.
#[derive(Debug, Clone, Serialize)]
pub struct Cycle {
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; null while it runs.
    pub ended_at: Option<Timestamp>,
    /// `ok`, `attention`, `stopped` or `failed`.
    pub outcome: Option<String>,
    /// Payments accepted or confirmed.
    pub paid: u64,
    /// Leases held.
    pub held: u64,
    /// Payments unknown at its end.
    pub unknown: u64,
}

/// An account.
#[derive(Debug, Clone, Serialize)]
pub struct Account {
    /// Its name.
    pub account: AccountName,
    /// Its provider.
    pub provider: ProviderName,
    /// The newest reading succeeded; null before the first.
    pub reachable: Option<bool>,
    /// As last read.
    pub balance: Option<Money>,
    /// In what.
    pub currency: Option<Currency>,
    /// As last read.
    pub leases: usize,
    /// When the next lease falls due.
    pub next_due_at: Option<Timestamp>,
    /// How long the balance lasts.
    pub runway: Option<Runway>,
}

/// How long a balance lasts, over `alerts.runway` ahead.
#[derive(Debug, Clone, Serialize)]
pub struct Runway {
    /// The day it stops covering what falls due; null if it lasts.
    pub until: Option<String>,
    /// The cost of all that falls due.
    pub need: Money,
    /// What the balance lacks for it.
    pub short_by: Money,
    /// The first payment that could not be made; null if all can.
    pub top_up_by: Option<Timestamp>,
}

/// A budget.
#[derive(Debug, Clone, Serialize)]
pub struct Budget {
    /// Its name.
    pub name: String,
    /// `cycle`, `day`, `week` or `month`.
    pub per: &'static str,
    /// In what.
    pub currency: Currency,
    /// Confirmed payments of its span.
    pub spent: Money,
    /// Payments of its span that are not settled.
    pub reserved: Money,
    /// The most.
    pub limit: Money,
    /// What is left.
    pub left: Money,
}

/// An open alert.
#[derive(Debug, Clone, Serialize)]
pub struct OpenAlert {
    /// Its identity.
    pub key: String,
    /// How bad.
    pub severity: Severity,
    /// Since when.
    pub since: Timestamp,
    /// One line.
    pub text: String,
}

/// Alerts kept quiet for a while.
#[derive(Debug, Clone, Serialize)]
pub struct Silence {
    /// One key, or all that begin alike.
    pub key: KeyPattern,
    /// Up to, not including.
    pub until: Timestamp,
}

/// Mails that no server has taken yet.
#[derive(Debug, Clone, Serialize)]
pub struct Mails {
    /// How many.
    pub waiting: usize,
    /// When the oldest was queued; null if none waits.
    pub oldest_at: Option<Timestamp>,
    /// For how long it has waited, in seconds; null if none waits.
    pub oldest_age: Option<i64>,
}

/// Reads the ledger.
///
/// # Errors
/// The ledger's.
pub fn status(
    ledger: &dyn Ledger,
    settings: &Settings,
    now: &Moment,
    next_cycle_at: Option<Timestamp>,
) -> Result<Status, LedgerError> {
    let count = |state| {
        ledger.intents(&IntentFilter { states: vec![state], ..IntentFilter::default() }).map(|v| v.len())
    };
    let (unknown, needs_operator) = (count(State::Unknown)?, count(State::NeedsOperator)?);
    let (open, mails) = (ledger.open_alerts()?, ledger.waiting_mails()?);
    let accounts = accounts(ledger, settings, now)?;
    let healthy = unknown == 0
        && needs_operator == 0
        && accounts.iter().all(|a| a.reachable != Some(false))
        && open.iter().all(|a| a.severity < Severity::Urgent);
    Ok(Status {
        schema: SCHEMA,
        healthy,
        last_cycle: ledger.last_cycle()?.map(|c| Cycle {
            started_at: c.started_at.wall,
            ended_at: c.ended_at,
            outcome: Some(c.summary.outcome).filter(|o| !o.is_empty()),
            paid: c.summary.paid,
            held: c.summary.held,
            unknown: c.summary.unknown,
        }),
        next_cycle_at,
        accounts,
        budgets: budgets(ledger, settings, now.wall)?,
        unknown,
        needs_operator,
        open_alerts: open
            .into_iter()
            .map(|a| OpenAlert {
                key: a.key.to_string(),
                severity: a.severity,
                since: a.since,
                text: a.title,
            })
            .collect(),
        silences: ledger
            .silences(now.wall)?
            .into_iter()
            .map(|s| Silence { key: s.key, until: s.until })
            .collect(),
        mails: Mails {
            waiting: mails.count,
            oldest_at: mails.oldest,
            oldest_age: mails.oldest.map(|at| now.wall.duration_since(at).as_secs().max(0)),
        },
        paused: ledger
            .paused()?
            .into_iter()
            .map(|p| p.account.map_or("*".to_owned(), |a| a.to_string()))
            .collect(),
    })
}

fn accounts(ledger: &dyn Ledger, settings: &Settings, now: &Moment) -> Result<Vec<Account>, LedgerError> {
    let facts = ledger.accounts()?;
    settings
        .accounts
        .iter()
        .map(|a| {
            let fact = facts.iter().find(|f| f.account == a.name);
            let due = due_leases(ledger, settings, &a.name)?;
            let free = fact.and_then(|f| f.balance).and_then(|b| b.minus(a.keep_balance));
            Ok(Account {
                account: a.name.clone(),
                provider: a.provider.clone(),
                reachable: fact.map(|f| f.error.is_none()),
                balance: fact.and_then(|f| f.balance),
                currency: fact.and_then(|f| f.currency.clone()),
                leases: fact.map_or(0, |f| f.leases),
                next_due_at: due.iter().map(|(at, _)| *at).min(),
                runway: free.map(|free| runway(free, &due, settings, now.wall)),
            })
        })
        .collect()
}

/// When each renewed lease falls due, and what it cost last time.
fn due_leases(
    ledger: &dyn Ledger,
    settings: &Settings,
    account: &AccountName,
) -> Result<Vec<(Timestamp, Option<Money>)>, LedgerError> {
    let prices = ledger.last_prices(account)?;
    let mut due: Vec<_> = ledger
        .known_leases(account)?
        .into_iter()
        .filter_map(|k| {
            let policy = settings.policies.iter().find(|p| p.matches.matches(&k.lease))?;
            let end = k.lease.expires_at.filter(|_| policy.action == Action::Renew)?;
            let past =
                policy.until.is_some_and(|until| end.to_zoned(settings.timezone.clone()).date() >= until);
            (!past).then(|| (due_at(policy, end), prices.get(&k.lease.id).map(|p| p.amount)))
        })
        .collect();
    due.sort_by_key(|(at, _)| *at);
    Ok(due)
}

/// Counts what fell due or falls due within `alerts.runway`, each lease once at its last price. Leases never paid
/// before have no price and count as nothing: `plan` asks their real one.
fn runway(free: Money, due: &[(Timestamp, Option<Money>)], settings: &Settings, now: Timestamp) -> Runway {
    let horizon = now.checked_add(settings.alerts.runway).unwrap_or(Timestamp::MAX);
    let mut need = Money::ZERO;
    let mut first = None;
    for (at, price) in due.iter().filter(|(at, _)| *at <= horizon) {
        need = need.plus(price.unwrap_or_default()).unwrap_or(need);
        if need > free && first.is_none() {
            first = Some(*at);
        }
    }
    let lacks = need.minus(free).filter(|m| m.is_positive()).unwrap_or_default();
    Runway {
        until: first.map(|at| at.to_zoned(settings.timezone.clone()).date().to_string()),
        need,
        short_by: lacks,
        top_up_by: first,
    }
}

fn budgets(ledger: &dyn Ledger, settings: &Settings, now: Timestamp) -> Result<Vec<Budget>, LedgerError> {
    let cycle = ledger.last_cycle()?.map(|c| c.id);
    settings
        .budgets
        .iter()
        .map(|b| {
            let (from, to) = span(b.per, now, &settings.timezone);
            let check = BudgetCheck {
                name: b.name.clone(),
                accounts: b.accounts.clone(),
                policies: b.policies.clone(),
                currency: b.currency.clone(),
                from,
                to,
                cycle: cycle.filter(|_| b.per == Per::Cycle),
                limit: b.limit,
            };
            let total = ledger.spent(&check)?;
            let open = vec![
                State::Reserved,
                State::SpendStarted,
                State::Accepted,
                State::Unknown,
                State::NeedsOperator,
            ];
            let unsettled = ledger.intents(&IntentFilter { states: open, ..IntentFilter::default() })?;
            let reserved = Money::sum(
                unsettled
                    .iter()
                    .filter(|r| b.counts(&r.request.account, &r.policy, &r.currency))
                    .filter(|r| r.spend_started_at.as_ref().is_none_or(|at| at.wall >= from && at.wall < to))
                    .filter(|r| check.cycle.is_none_or(|c| c == r.cycle))
                    .map(|r| r.quoted),
            )
            .unwrap_or_default();
            Ok(Budget {
                name: b.name.clone(),
                per: per_word(b.per),
                currency: b.currency.clone(),
                spent: total.minus(reserved).unwrap_or_default(),
                reserved,
                limit: b.limit,
                left: b.limit.minus(total).unwrap_or_default(),
            })
        })
        .collect()
}

fn per_word(per: Per) -> &'static str {
    match per {
        Per::Cycle => "cycle",
        Per::Day => "day",
        Per::Week => "week",
        Per::Month => "month",
    }
}

/// A line for people: how the last cycle went.
#[must_use]
pub fn last_cycle_words(status: &Status, now: Timestamp) -> String {
    status.last_cycle.as_ref().map_or_else(
        || "no cycle yet".to_owned(),
        |c| {
            let outcome = c.outcome.as_deref().unwrap_or("under way");
            format!(
                "{outcome}, {} ago: {} paid, {} held, {} unknown",
                words(now.duration_since(c.started_at)),
                c.paid,
                c.held,
                c.unknown
            )
        },
    )
}
