//! Which alerts fire after a pass: a pure translation of its report. Whether they are mailed again is `alerting`'s affair.
//!
//! A cause that explains others silences them: an account that is down says so once, and its leases say nothing.
mod accounts;
mod advice;
pub mod ahead;
mod causes;
mod ended;
mod ends;
mod held;
mod lapses;
mod mail;
mod merge;
mod money;
mod own;
mod payments;
pub mod runway;
mod stale;
mod steering;
mod stuck;

use std::collections::HashMap;

use jiff::Timestamp;

use crate::domain::alert::AlertRow;
use crate::domain::{AccountName, Alert, AlertKey, LeaseId, Money, Severity};
use crate::ledger::{BalanceNote, IntentRecord, OpenAlert, WaitingMails};
use crate::planner::{Item, Overcharged};
use crate::policy::{Stage, Word};
use crate::settings::Settings;

use super::{AccountReport, CycleReport};
pub use causes::{CAUSES, Cause, Scope, cause};
pub use ended::{Ending, how_it_ended};
pub use ends::ends;
pub use mail::{Refused, mail_refused};
pub use merge::merged;
pub use money::{BudgetUse, NEWS};
pub use own::{
    LEAST, LoopFacts, MAIL_LATE, config_refused, cycles_missed, loop_late, mail_undelivered, page_down,
};
pub use payments::double_charge;
pub use stuck::tried_again;

/// What the rules look at besides the pass itself.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// Budgets that warn.
    pub budgets: Vec<BudgetUse>,
    /// Balances that moved without a payment, of the last [`NEWS`].
    pub balances: Vec<BalanceNote>,
    /// Policies that are held because of what was charged.
    pub overcharged: Vec<Overcharged>,
    /// Payments that never left, of the last day, newest first.
    pub unsent: Vec<IntentRecord>,
    /// Mail that waits for a server.
    pub mails: WaitingMails,
    /// Mail that is refused for good.
    pub refused: Refused,
    /// Alerts that are open.
    pub open: Vec<OpenAlert>,
    /// Leases that the pass before left to be tried again.
    pub waited: Vec<String>,
    /// What lost leases last cost, where that is known.
    pub last_paid: HashMap<LeaseId, (Money, String)>,
}

/// Every alert that fires, by key, each key once.
#[must_use]
pub fn firing(report: &CycleReport, settings: &Settings, around: &Around) -> Vec<Alert> {
    let now = report.started.wall;
    let mut alerts: Vec<Alert> =
        report.accounts.iter().flat_map(|account| of_account(account, report, settings, around)).collect();
    alerts.extend(report.unsettled.iter().filter_map(|r| payments::payment_alert(r, report, settings)));
    alerts.extend(steering::provider_charged(report, &settings.policies));
    alerts.extend(report.double_charges.iter().map(double_charge));
    alerts.extend(report.payments.iter().chain(&report.settled).filter_map(payments::charge_differs));
    let settled = || report.payments.iter().chain(&report.settled);
    alerts.extend(settled().filter_map(|r| payments::paid_twice(r, report)));
    alerts.extend(around.budgets.iter().filter_map(money::budget_warn));
    alerts.extend(money::balance_moves(&around.balances, now));
    alerts.extend(money::overcharged(&around.overcharged, report));
    alerts.extend(report.clock_held.as_deref().map(own::clock));
    alerts.extend(report.clocks.iter().map(|(account, why)| own::clock_of(account, why)));
    alerts.extend(mail_undelivered(&around.mails, now));
    alerts.extend(mail_refused(&around.refused));
    let alerts = merged(alerts);
    debug_assert!(alerts.iter().all(|a| cause(a.key.cause()).is_some()), "a cause that is not in the list");
    alerts
}

/// An account that cannot be read speaks for its leases; nothing else is said of them, but what an earlier reading showed lost.
fn of_account(
    account: &AccountReport,
    report: &CycleReport,
    settings: &Settings,
    around: &Around,
) -> Vec<Alert> {
    let now = report.started.wall;
    let items: Vec<&Item> = report.items.iter().filter(|i| i.lease.account == account.account).collect();
    let mut alerts: Vec<Alert> = accounts::standing(account, &items, settings).into_iter().collect();
    alerts.extend(accounts::barred(account, &items));
    alerts.extend(lapses::lost(account, report, around, &settings.policies));
    if !account.reachable() {
        return alerts;
    }
    alerts.extend(accounts::unreadable_records(account));
    let charged = around.overcharged.iter().any(|h| h.account == account.account);
    // The charge itself is told, with what waits for it.
    let told = |word: &Word| *word == Word::Overcharged && charged;
    for (word, held) in held::by_word(&items).into_iter().filter(|(word, _)| !told(word)) {
        alerts.extend(held::held_alert(account, word, &held, report, around, settings, now));
    }
    alerts.extend(stuck::not_sent(account, &items, &around.unsent));
    alerts.extend(stuck::lapse_ahead(account, &items, &stuck::Look::new(report, settings, around)));
    alerts.extend(lapses::watched(account, &items, now));
    alerts.extend(lapses::released(account, &items, now));
    alerts.extend(steering::stuck(account, report));
    alerts.extend(steering::unwanted(account, &items, &settings.policies));
    alerts.extend(steering::end_untold(account, &items));
    alerts
}

/// An alert of sentences only.
#[must_use]
pub fn plain(
    key: AlertKey,
    severity: Severity,
    account: Option<&AccountName>,
    title: &str,
    text: &str,
) -> Alert {
    Alert {
        key,
        severity,
        account: account.cloned(),
        title: title.to_owned(),
        text: text.to_owned(),
        actions: Vec::new(),
        rows: Vec::new(),
        deadline: None,
        once: false,
        grade: 0,
        leases: Vec::new(),
        parts: Vec::new(),
    }
}

fn row(item: &Item) -> AlertRow {
    AlertRow {
        what: format!(
            "{} {}",
            item.lease.kind,
            if item.lease.ip.is_empty() { item.lease.id.as_str() } else { &item.lease.ip }
        ),
        ends: item.lease.expires_at,
        amount: item.quote.as_ref().map(|q| format!("{} {}", q.amount, q.currency)),
        note: item.reason.to_string(),
    }
}

fn urgency(items: &[&Item]) -> Severity {
    if items.iter().any(|i| i.stage >= Some(Stage::Urgent)) { Severity::Urgent } else { Severity::Warning }
}

/// The furthest stage among them: an alert is told again when it changes.
fn grade(items: &[&Item]) -> u32 {
    match items.iter().filter_map(|i| i.stage).max() {
        None | Some(Stage::Early) => 0,
        Some(Stage::Normal) => 1,
        Some(Stage::Urgent) => 2,
        Some(Stage::Rescue) => 3,
    }
}

fn touched(items: &[&Item]) -> Vec<LeaseId> {
    items.iter().map(|i| i.lease.id.clone()).collect()
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn leases(n: usize) -> String {
    if n == 1 { "1 lease".to_owned() } else { format!("{n} leases") }
}

fn deadline(items: &[&Item]) -> Option<Timestamp> {
    items.iter().filter_map(|i| i.last_chance()).min()
}
