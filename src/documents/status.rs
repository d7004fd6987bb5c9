//! `status`: how renewd and its accounts stand, from the ledger alone.
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::domain::time::words;
use crate::domain::{
    AccountName, AlertKey, Currency, KeyPattern, Moment, Money, ProviderName, Severity, State,
};
use crate::ledger::{CycleRecord, IntentFilter, Ledger, LedgerError};
use crate::policy::Word;
use crate::settings::Settings;

use super::SCHEMA;
use super::forecast::{Foresight, budget_check, foresee};
use super::mails::Mails;
use super::trouble::{LedgerState, LedgerTrouble};
use super::warnings::{Warning, ahead_of};

/// The whole document.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    schema: u32,
    /// No account is down or kept from paying, nothing is unknown or needs a person, no urgent alert is open, spending is not paused,
    /// the ledger can be written, the config can be used, cycles end when they are due, every wanted lease that ends within
    /// `alerts.runway` can be renewed as configured, and
    /// mail reaches whom it is for.
    pub healthy: bool,
    /// The newest cycle.
    pub last_cycle: Option<Cycle>,
    /// The next start on the schedule.
    pub next_cycle_at: Option<Timestamp>,
    /// A start on the schedule after which no cycle ended, although there was time for it; null if none is missed.
    pub overdue_since: Option<Timestamp>,
    /// Whether it can be written.
    pub ledger: LedgerState,
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
    /// Leases that cannot be renewed as configured, as far as that is known before they are due.
    pub warnings: Vec<Warning>,
}

/// A cycle.
#[derive(Debug, Clone, Serialize)]
pub struct Cycle {
    /// Its number: how many began since the ledger was made.
    pub number: i64,
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

impl From<CycleRecord> for Cycle {
    fn from(c: CycleRecord) -> Self {
        Self {
            number: c.id,
            started_at: c.started_at.wall,
            ended_at: c.ended_at,
            outcome: Some(c.summary.outcome).filter(|o| !o.is_empty()),
            paid: c.summary.paid,
            held: c.summary.held,
            unknown: c.summary.unknown,
        }
    }
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

/// How long a balance lasts, over `alerts.runway` ahead: the one forecast, in short.
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
    /// Leases that fall due and have no known price: `need` lacks them.
    pub unpriced: usize,
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
    /// It holds now; false while it comes and goes and is away, or its end waits to be told.
    pub holds: bool,
    /// It came back within an hour of its end.
    pub flapping: bool,
    /// Why a word about it is not mailed now: `silenced`, `capped` or null.
    pub kept_back: Option<&'static str>,
}

impl OpenAlert {
    fn of(alert: crate::ledger::OpenAlert, silences: &[crate::ledger::Silence]) -> Self {
        let silenced = silences.iter().any(|s| s.key.covers(&alert.key));
        Self {
            kept_back: alert.owed.map(|_| if silenced { "silenced" } else { "capped" }),
            key: alert.key.to_string(),
            severity: alert.severity,
            since: alert.since,
            text: alert.title,
            holds: alert.course.holds,
            flapping: alert.course.flapping,
        }
    }

    /// What is to be known about the telling of it, beside its text; empty where it was told as usual.
    #[must_use]
    pub fn mark(&self) -> &'static str {
        match (self.kept_back, self.flapping, self.holds) {
            (Some("silenced"), ..) => " (silenced)",
            (Some(_), false, false) => " (over; told with the next mail of its kind)",
            (_, true, false) => " (comes and goes; not now)",
            (Some(_), true, true) => " (comes and goes; no more mails of it for now)",
            (None, true, true) => " (comes and goes)",
            (Some(_), false, true) => " (no more mails of it for now)",
            (None, false, _) => "",
        }
    }
}

/// Alerts kept quiet for a while.
#[derive(Debug, Clone, Serialize)]
pub struct Silence {
    /// One key, or all that begin alike.
    pub key: KeyPattern,
    /// Up to, not including.
    pub until: Timestamp,
}

/// What the ledger itself does not know.
pub struct Around<'a> {
    /// The first start on the schedule after an instant.
    pub next: &'a dyn Fn(Timestamp) -> Option<Timestamp>,
    /// Why it cannot be written, if so.
    pub ledger: Option<LedgerTrouble>,
}

impl Around<'_> {
    /// The start that should have become a cycle after the one that began at `last`, once a whole interval has passed over it:
    /// at least a minute, at most ten, for a cycle may take its time.
    fn overdue(&self, last: Timestamp, jitter: SignedDuration, now: Timestamp) -> Option<Timestamp> {
        let due = (self.next)(last)?;
        let interval = (self.next)(due).map_or(SignedDuration::ZERO, |after| after.duration_since(due));
        let grace = interval.clamp(SignedDuration::from_mins(1), SignedDuration::from_mins(10));
        (now.duration_since(due) > grace.saturating_add(jitter)).then_some(due)
    }
}

/// The account pays nothing at all, however long it is until something is due.
fn bars(key: &AlertKey) -> bool {
    [Word::AccountChanged, Word::SecondRenewd].iter().any(|word| word.as_str() == key.cause())
}

/// Reads the ledger.
///
/// # Errors
/// The ledger's.
pub fn status(
    ledger: &dyn Ledger,
    settings: &Settings,
    now: &Moment,
    around: &Around<'_>,
) -> Result<Status, LedgerError> {
    let count = |state| {
        ledger.intents(&IntentFilter { states: vec![state], ..IntentFilter::default() }).map(|v| v.len())
    };
    let (unknown, needs_operator) = (count(State::Unknown)?, count(State::NeedsOperator)?);
    let (open, mails) = (ledger.open_alerts()?, Mails::read(ledger, settings, now.wall)?);
    let silences = ledger.silences(now.wall)?;
    let horizon = now.wall.checked_add(settings.alerts.runway).unwrap_or(Timestamp::MAX);
    let seen = foresee(ledger, settings, now.wall, horizon)?;
    // A config that can be used has a policy. Without one nothing is known of what is wanted: neither that it lasts, nor that it will lapse.
    let ahead = if settings.policies.is_empty() { Vec::new() } else { ahead_of(&seen, settings) };
    let stopped = ahead.iter().any(|a| a.is_wanted() && a.within(now.wall, settings.alerts.runway));
    let accounts = accounts(&seen, settings);
    let last_cycle = ledger.last_cycle()?;
    let overdue_since = last_cycle
        .as_ref()
        .and_then(|c| around.overdue(c.started_at.wall, settings.schedule.jitter, now.wall));
    let paused = ledger.paused()?;
    let healthy = unknown == 0
        && paused.is_empty()
        && around.ledger.is_none()
        && overdue_since.is_none()
        && needs_operator == 0
        && !settings.policies.is_empty()
        && !stopped
        && mails.arrive()
        && accounts.iter().all(|a| a.reachable != Some(false))
        && open.iter().all(|a| a.severity < Severity::Urgent && !(a.course.holds && bars(&a.key)));
    Ok(Status {
        schema: SCHEMA,
        healthy,
        last_cycle: last_cycle.map(Cycle::from),
        next_cycle_at: (around.next)(now.wall),
        overdue_since,
        ledger: around.ledger.as_ref().into(),
        accounts,
        budgets: budgets(ledger, settings, now.wall)?,
        unknown,
        needs_operator,
        open_alerts: open.into_iter().map(|alert| OpenAlert::of(alert, &silences)).collect(),
        silences: silences.into_iter().map(|s| Silence { key: s.key, until: s.until }).collect(),
        mails,
        paused: paused.into_iter().map(|p| p.account.map_or("*".to_owned(), |a| a.to_string())).collect(),
        warnings: ahead.iter().map(Warning::new).collect(),
    })
}

fn accounts(seen: &Foresight, settings: &Settings) -> Vec<Account> {
    let account = |a: &crate::settings::Account| {
        let at = seen.accounts.iter().position(|k| k.account.name == a.name);
        let fact = at.and_then(|n| seen.accounts[n].facts.as_ref());
        let runway = at.map(|n| &seen.forecast.runways[n]);
        Account {
            account: a.name.clone(),
            provider: a.provider.clone(),
            reachable: fact.map(|f| f.error.is_none()),
            balance: fact.and_then(|f| f.balance),
            currency: fact.and_then(|f| f.currency.clone()),
            leases: fact.map_or(0, |f| f.leases),
            next_due_at: runway.and_then(|r| r.next_due_at),
            runway: runway.filter(|_| !settings.policies.is_empty()).and_then(|r| {
                Some(Runway {
                    until: r.until.map(|day| day.to_string()),
                    need: r.need,
                    short_by: r.short_by?,
                    top_up_by: r.top_up_by,
                    unpriced: r.unpriced,
                })
            }),
        }
    };
    settings.accounts.iter().map(account).collect()
}

fn budgets(ledger: &dyn Ledger, settings: &Settings, now: Timestamp) -> Result<Vec<Budget>, LedgerError> {
    settings
        .budgets
        .iter()
        .map(|b| {
            let check = budget_check(ledger, settings, b, now)?;
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
                    .filter(|r| {
                        r.spend_started_at
                            .as_ref()
                            .is_none_or(|at| at.wall >= check.from && at.wall < check.to)
                    })
                    .filter(|r| check.cycle.is_none_or(|c| c == r.cycle))
                    .map(|r| r.quoted),
            )
            .unwrap_or_default();
            Ok(Budget {
                name: b.name.clone(),
                per: b.per.as_str(),
                currency: b.currency.clone(),
                spent: total.minus(reserved).unwrap_or_default(),
                reserved,
                limit: b.limit,
                left: b.limit.minus(total).unwrap_or_default(),
            })
        })
        .collect()
}

/// A line for people: how the last cycle went.
#[must_use]
pub fn last_cycle_words(status: &Status, now: Timestamp) -> String {
    status.last_cycle.as_ref().map_or_else(
        || "no cycle yet".to_owned(),
        |c| {
            let ago = words(now.duration_since(c.started_at));
            // What it paid and held is on record when it ends.
            let Some(outcome) = &c.outcome else { return format!("under way, begun {ago} ago") };
            format!("{outcome}, {ago} ago: {} paid, {} held, {} unknown", c.paid, c.held, c.unknown)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_that_was_due_and_did_not_end_is_overdue_after_its_own_interval() {
        let at = |minutes: i64| Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap();
        let every = |minutes: i64| {
            move |after: Timestamp| {
                let span = minutes * 60;
                Timestamp::from_second((after.as_second() / span + 1) * span).ok()
            }
        };
        let overdue = |interval, now| {
            let around = Around { next: &every(interval), ledger: None };
            around.overdue(at(0), SignedDuration::from_mins(1), at(now)).map(|due| due.duration_since(at(0)))
        };
        assert_eq!(overdue(1, 3), None, "due after 1, one interval and the jitter are its time");
        assert_eq!(overdue(1, 4), Some(SignedDuration::from_mins(1)));
        assert_eq!((overdue(10, 21), overdue(10, 22)), (None, Some(SignedDuration::from_mins(10))));
        assert_eq!(overdue(60, 72), Some(SignedDuration::from_mins(60)), "ten minutes at most");
        assert_eq!(overdue(60, -5), None, "a clock that was set back");
    }
}
