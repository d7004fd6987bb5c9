//! `status`: how renewd and its accounts stand, from the ledger alone.
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::domain::time::words;
use crate::domain::{
    AccountName, AlertKey, Currency, KeyPattern, Moment, Money, ProviderName, Severity, State,
};
use crate::engine::{budget_check, program_digest};
use crate::ledger::{
    AccountFacts, BudgetCheck, CycleRecord, Decisions, Ledger, LedgerError, check_note, is_checked,
};
use crate::nodes::Role;
use crate::policy::Word;
use crate::settings::Settings;

use super::SCHEMA;
use super::approvals::{WaitingApproval, waiting_approval};
use super::changes::LastReload;
use super::hooks::{HookDoc, hooks};
use super::keeps::{KeptLease, kept_leases};
use super::mails::Mails;
use super::outlook::{self, Ahead, Runway};
use super::pauses::Pause;
use super::warnings::Warning;
use crate::views::ledger_state::{LedgerState, LedgerTrouble};

/// The whole document.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Status {
    schema: u32,
    /// No account is down or kept from paying, nothing is unknown or needs a person, no urgent alert is open, spending is not paused,
    /// the ledger can be written, the config can be used, cycles end when they are due, every wanted lease that ends within
    /// `alerts.runway` can be renewed as configured, and
    /// mail reaches whom it is for.
    pub healthy: bool,
    /// `single` where the ledger has one node; else `active` while this one holds the pay lease, or `standby`.
    pub role: Role,
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
    /// Hooks of the config, and what waits for them.
    pub hooks: Vec<HookDoc>,
    /// Paused accounts; `*` = all.
    pub paused: Vec<String>,
    /// The same with who, why and until when. One whose time is over is in neither.
    pub pauses: Vec<Pause>,
    /// What the last reload of the daemon's config changed; null where it was never reloaded.
    pub last_reload: Option<LastReload>,
    /// Leases that an operator keeps like another policy than their own.
    pub keeps: Vec<KeptLease>,
    /// Accounts that another renewd on this machine pays with, on a ledger of its own: this one pays nothing with them.
    pub second_renewd: Vec<AccountName>,
    /// Plans that wait for an operator's word, the most pressing first.
    pub waiting_approval: Vec<WaitingApproval>,
    /// Leases that cannot be renewed as configured, as far as that is known before they are due.
    pub warnings: Vec<Warning>,
}

/// A cycle.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
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
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
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
    /// When the first of its leases ends, whatever its policy says of it, of those that had not ended at `outlook_at`.
    pub earliest_end_at: Option<Timestamp>,
    /// How long the balance lasts.
    pub runway: Option<Runway>,
    /// How many leases got which decision in the newest cycle; null before the first.
    pub decisions: Option<Decisions>,
    /// How many of them are held, by the word of the reason; null before the first cycle.
    pub held: Option<BTreeMap<String, usize>>,
    /// Where a program does the asking and paying: its digest when it last did. Null for every other account.
    pub program_digest: Option<String>,
    /// It passed `renewd provider check` as it was then; null where no program is at work.
    pub program_checked: Option<bool>,
    /// When `next_due_at`, `runway` and the warnings were looked at: in the newest cycle, as long as the config is the same. Null
    /// before the first.
    pub outlook_at: Option<Timestamp>,
}

/// A budget.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
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
    /// Both together: what counts against `limit`.
    pub counted: Money,
    /// The most.
    pub limit: Money,
    /// What is left.
    pub left: Money,
}

/// An open alert.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
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
    /// As the document has it.
    pub(super) fn of(alert: crate::ledger::OpenAlert, silences: &[crate::ledger::Silence]) -> Self {
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
            (Some(_), false, false) => " (over; reported with the next mail of its kind)",
            (_, true, false) => " (comes and goes; not now)",
            (Some(_), true, true) => " (comes and goes; no more mails about it for now)",
            (None, true, true) => " (comes and goes)",
            (Some(_), false, true) => " (no more mails about it for now)",
            (None, false, _) => "",
        }
    }
}

/// Alerts kept quiet for a while.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
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
    /// Accounts that a renewd on this machine pays with on another ledger.
    pub elsewhere: Vec<AccountName>,
    /// This node, where it was ever one.
    pub node: Option<String>,
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
    [Word::AccountChanged, Word::SecondRenewd, Word::Restored].iter().any(|word| word.as_str() == key.cause())
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
    let facts = ledger.accounts()?;
    let ahead = outlook::ahead(ledger, settings, &facts, now.wall)?;
    status_of(ledger, settings, now, around, (&facts, &ahead))
}

/// The same of what was just looked at.
pub(super) fn status_of(
    ledger: &dyn Ledger,
    settings: &Settings,
    now: &Moment,
    around: &Around<'_>,
    (facts, ahead): (&[AccountFacts], &[Ahead]),
) -> Result<Status, LedgerError> {
    let unknown = ledger.count_payments(&[State::Unknown])?;
    let needs_operator = ledger.count_payments(&[State::NeedsOperator])?;
    let (open, mails) = (ledger.open_alerts()?, Mails::read(ledger, settings, now.wall)?);
    let silences = ledger.silences(now.wall)?;
    let warnings: Vec<Warning> = ahead.iter().flat_map(|a| a.warnings.iter().cloned()).collect();
    let stopped = warnings.iter().any(|w| w.is_wanted() && w.within(now.wall, settings.alerts.runway));
    let accounts = accounts(ledger, facts, ahead, settings)?;
    let last_cycle = ledger.last_cycle()?;
    let overdue_since = last_cycle
        .as_ref()
        .and_then(|c| around.overdue(c.started_at.wall, settings.schedule.jitter, now.wall));
    let pauses: Vec<Pause> = ledger.paused(now)?.iter().map(Pause::from).collect();
    let healthy = unknown == 0
        && pauses.is_empty()
        && around.elsewhere.is_empty()
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
        role: ledger.role(around.node.as_deref())?,
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
        hooks: hooks(ledger, settings)?,
        paused: pauses.iter().map(|p| p.account.clone()).collect(),
        pauses,
        last_reload: LastReload::noted(ledger)?,
        keeps: kept_leases(ledger, settings)?,
        second_renewd: around.elsewhere.clone(),
        waiting_approval: waiting_approval(ledger, now.wall)?,
        warnings,
    })
}

fn accounts(
    ledger: &dyn Ledger,
    facts: &[AccountFacts],
    ahead: &[Ahead],
    settings: &Settings,
) -> Result<Vec<Account>, LedgerError> {
    let account = |(a, ahead): (&crate::settings::Account, &Ahead)| {
        let fact = facts.iter().find(|f| f.account == a.name);
        let digest = match a.program {
            Some(_) => program_digest(ledger, &a.name)?,
            None => None,
        };
        let passed =
            |digest: &String| ledger.noted(&check_note(digest)).map(|note| is_checked(note.as_deref()));
        Ok(Account {
            program_checked: digest.as_ref().map(passed).transpose()?,
            program_digest: digest,
            account: a.name.clone(),
            provider: a.provider.clone(),
            reachable: fact.map(|f| f.error.is_none()),
            balance: fact.and_then(|f| f.balance),
            currency: fact.and_then(|f| f.currency.clone()),
            leases: fact.map_or(0, |f| f.leases),
            next_due_at: ahead.next_due_at,
            earliest_end_at: ahead.earliest_end_at,
            runway: ahead.runway.clone(),
            decisions: ahead.decisions,
            held: ahead.held_words.clone(),
            outlook_at: ahead.at,
        })
    };
    settings.accounts.iter().zip(ahead).map(account).collect()
}

fn budgets(ledger: &dyn Ledger, settings: &Settings, now: Timestamp) -> Result<Vec<Budget>, LedgerError> {
    if settings.budgets.is_empty() {
        return Ok(Vec::new());
    }
    let cycle = ledger.last_cycle()?.map(|c| c.id);
    let budget = |b: &crate::budget::Budget| {
        let check = budget_check(b, now, &settings.timezone, cycle);
        let total = ledger.spent(&check)?;
        let reserved = ledger.spent(&BudgetCheck { open_only: true, ..check })?;
        Ok(Budget {
            name: b.name.clone(),
            per: b.per.as_str(),
            currency: b.currency.clone(),
            spent: total.minus(reserved).unwrap_or_default(),
            reserved,
            counted: total,
            limit: b.limit,
            left: b.limit.minus(total).unwrap_or_default(),
        })
    };
    settings.budgets.iter().map(budget).collect()
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
            let around = Around { next: &every(interval), ledger: None, elsewhere: Vec::new(), node: None };
            around.overdue(at(0), SignedDuration::from_mins(1), at(now)).map(|due| due.duration_since(at(0)))
        };
        assert_eq!(overdue(1, 3), None, "due after 1, one interval and the jitter are its time");
        assert_eq!(overdue(1, 4), Some(SignedDuration::from_mins(1)));
        assert_eq!((overdue(10, 21), overdue(10, 22)), (None, Some(SignedDuration::from_mins(10))));
        assert_eq!(overdue(60, 72), Some(SignedDuration::from_mins(60)), "ten minutes at most");
        assert_eq!(overdue(60, -5), None, "a clock that was set back");
    }
}
