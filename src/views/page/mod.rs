//! What the pages show, as plain values: every figure, word and place in a picture is decided here and only put into HTML elsewhere. From
//! what the last cycle stored and a few rows by their keys; nothing here walks the fleet or the history.
//!
//! Not responsible for markup or looks (`http`), or for facts (`status`, `outlook`).
mod accounts;
mod bars;
mod lease;
mod links;
mod needs;
mod payments;
mod timeline;

#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::domain::Moment;
use crate::ledger::{Ledger, LedgerError, PaymentQuery};
use crate::nodes::Role;
use crate::settings::Settings;

use super::approvals::WaitingApproval;
use super::days::Days;
use super::moments::{Clockface, When, counted};
use super::outlook::{self, Ahead};
use super::status::{Around, Cycle, Status, status_of};

use accounts::{AccountCard, BudgetRow, Held, budgets, cards, held};
use needs::{Need, needs};
use payments::{PaymentRow, newest};
use timeline::{Timeline, timeline};

pub use lease::{LeasePage, lease_page};
pub use payments::{PaymentsPage, Sought, payments_page};

/// Payments that the first page shows.
const PAYMENTS: usize = 5;

/// The first page.
#[derive(Debug, Clone, Serialize)]
pub struct Overview {
    /// Which zone its times are in.
    pub zone: String,
    /// Now.
    pub now: When,
    /// As `status` has it.
    pub healthy: bool,
    /// What this node is, of several on one ledger.
    pub role: Role,
    /// The newest cycle.
    pub cycle: Option<CycleWords>,
    /// The next start on the schedule.
    pub next_cycle: Option<When>,
    /// What needs a person, the gravest first.
    pub needs: Vec<Need>,
    /// What people were told and needs nobody.
    pub news: Vec<Need>,
    /// Plans that wait for a word.
    pub approvals: Vec<ApprovalRow>,
    /// Every configured account.
    pub accounts: Vec<AccountCard>,
    /// The next thirty days.
    pub timeline: Timeline,
    /// Every budget.
    pub budgets: Vec<BudgetRow>,
    /// What is held, together as far as the same stands against it.
    pub held: Vec<Held>,
    /// How many leases that is.
    pub held_in_all: usize,
    /// The newest payments.
    pub payments: Vec<PaymentRow>,
    /// Other things to know: silences, leases that are kept.
    pub notes: Vec<String>,
}

/// How the newest cycle went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CycleWords {
    /// When it began.
    pub began: When,
    /// It is under way.
    pub running: bool,
    /// What it did.
    pub says: String,
}

/// A plan that waits for a word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovalRow {
    /// Its name.
    pub plan: String,
    /// Whose money.
    pub account: String,
    /// The policy that asks.
    pub policy: String,
    /// `3 leases`.
    pub leases: String,
    /// What they cost, with the currency.
    pub amount: String,
    /// Since when it waits.
    pub since: When,
    /// When the first of them becomes urgent.
    pub urgent: When,
    /// When it is too late.
    pub late: When,
}

impl ApprovalRow {
    fn new(waiting: &WaitingApproval, face: Clockface<'_>) -> Self {
        Self {
            plan: waiting.plan.clone(),
            account: waiting.account.to_string(),
            policy: waiting.policy.clone(),
            leases: counted(waiting.leases, "lease"),
            amount: format!("{} {}", waiting.amount, waiting.currency),
            since: face.when(waiting.since),
            urgent: face.when(waiting.deadline),
            late: face.when(waiting.valid_until),
        }
    }
}

/// The first page, now.
///
/// # Errors
/// The ledger's.
pub fn overview(
    ledger: &dyn Ledger,
    settings: &Settings,
    now: &Moment,
    around: &Around<'_>,
) -> Result<Overview, LedgerError> {
    let face = Clockface { now: now.wall, zone: &settings.timezone };
    let facts = ledger.accounts()?;
    let ahead = outlook::ahead(ledger, settings, &facts, now.wall)?;
    let status = status_of(ledger, settings, now, around, (&facts, &ahead))?;
    let (needs, news) = needs(&status, &ledger.open_alerts()?, face, &|account, lease| {
        let found = ledger.leases_called(lease.as_str()).unwrap_or_default();
        let this = found.into_iter().find(|l| (&l.lease.account, &l.lease.id) == (account, lease));
        this.map(|l| l.lease.ip).unwrap_or_default()
    });
    let names: Vec<String> = settings.accounts.iter().map(|a| a.name.to_string()).collect();
    let days: Vec<(&str, &Days)> =
        names.iter().map(String::as_str).zip(ahead.iter().map(|a: &Ahead| &a.days)).collect();
    Ok(Overview {
        zone: settings.timezone_name.clone(),
        now: face.to_second(face.now),
        healthy: status.healthy,
        role: status.role,
        cycle: status.last_cycle.as_ref().map(|c| cycle(c, face)),
        next_cycle: status.next_cycle_at.map(|at| face.to_second(at)),
        needs,
        news,
        approvals: status.waiting_approval.iter().map(|w| ApprovalRow::new(w, face)).collect(),
        accounts: cards(&status, &facts, settings, face),
        timeline: timeline(&days, face),
        budgets: budgets(&status),
        held: held(settings, &ahead, face),
        held_in_all: ahead.iter().filter_map(|a| a.decisions).map(|d| d.hold).sum(),
        payments: newest(ledger, &PaymentQuery::default(), PAYMENTS, face)?,
        notes: notes(&status, face),
    })
}

fn cycle(cycle: &Cycle, face: Clockface<'_>) -> CycleWords {
    let says = match &cycle.outcome {
        None => "under way".to_owned(),
        Some(outcome) => {
            format!("{outcome}: {} paid, {} held, {} unknown", cycle.paid, cycle.held, cycle.unknown)
        }
    };
    CycleWords { began: face.to_second(cycle.started_at), running: cycle.outcome.is_none(), says }
}

fn notes(status: &Status, face: Clockface<'_>) -> Vec<String> {
    let silences = status
        .silences
        .iter()
        .map(|s| format!("Alerts {} are silenced until {}.", s.key.as_str(), face.when(s.until).text));
    let keeps = status.keeps.iter().map(|k| {
        let name = if k.ip.is_empty() { k.lease.as_str() } else { k.ip.as_str() };
        let until = k.kept.until.map_or_else(String::new, |day| format!(" until {}", face.on(day).text));
        format!("{name} of {} is kept like policy {}{until}.", k.account, k.kept.like)
    });
    silences.chain(keeps).collect()
}
