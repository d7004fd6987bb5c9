//! Which alerts fire after a pass: a pure translation of its report. Whether they are mailed again is `alerting`'s affair.
//!
//! A cause that explains others silences them: an account that is down says so once, and its leases say nothing.
mod accounts;
mod advice;
pub mod ahead;
pub mod approval;
mod causes;
mod daemon;
mod ended;
mod good_news;
mod held;
mod hooks;
mod kept;
mod labelled;
mod lapses;
mod mail;
mod merge;
mod money;
mod nodes;
mod payments;
mod resolve;
pub mod runway;
mod stale;
mod steering;
mod stuck;

use std::collections::HashMap;

use jiff::Timestamp;

use crate::domain::alert::AlertRow;
use crate::domain::{AccountName, Alert, AlertKey, LeaseId, Money, Severity};
use crate::ledger::{
    BalanceNote, HookState, IntentRecord, OpenAlert, PauseRecord, PlanRecord, Restored, WaitingMails,
};
use crate::planner::{Item, Overcharged};
use crate::policy::{Stage, Word};
use crate::settings::Settings;

use crate::engine::{AccountReport, CycleReport, ProgramChange};
pub use causes::{CAUSES, Cause, Scope, cause};
pub use daemon::{
    LEAST, LoopFacts, MAIL_LATE, config_changed, config_refused, cycles_missed, loop_late, mail_undelivered,
    page_down,
};
pub use ended::{Ending, how_it_ended};
pub use hooks::hooks_failed;
pub use kept::{ended as keeps_over, key as keep_key};
pub use labelled::{labelled, labels_of};
pub use mail::{Refused, channels_undelivered, mail_refused};
pub use merge::merged;
pub use money::{BudgetUse, NEWS};
pub use nodes::{failover, nobody_pays};
pub use payments::double_charge;
pub use resolve::ends;
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
    /// Programs of accounts that changed within the last [`NEWS`].
    pub programs: Vec<ProgramChange>,
    /// Payments that never left, of the last day, newest first.
    pub unsent: Vec<IntentRecord>,
    /// What an operator paused.
    pub pauses: Vec<PauseRecord>,
    /// What a ledger had forgotten that was restored from a backup.
    pub restored: Option<Restored>,
    /// Plans that a person approves: the open ones, and those that ended in the pass.
    pub plans: Vec<PlanRecord>,
    /// Mail that waits for a server.
    pub mails: WaitingMails,
    /// Messages that wait for named channels.
    pub channels: Vec<(String, WaitingMails)>,
    /// How hooks stand.
    pub hooks: Vec<HookState>,
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
    alerts.extend(approval::alerts(&around.plans, &report.items, now, &settings.timezone));
    alerts.extend(report.clock_held.as_deref().map(daemon::clock));
    alerts.extend(report.clocks.iter().map(|(account, why)| daemon::clock_of(account, why)));
    alerts.extend(around.restored.as_ref().and_then(|restored| daemon::restored(restored, report)));
    alerts.extend(kept::keeps_ended(report, &report.policies(settings), now));
    alerts.extend(mail_undelivered(&around.mails, now));
    alerts.extend(mail_refused(&around.refused));
    alerts.extend(channels_undelivered(&around.channels, &settings.alerts.channels, now));
    alerts.extend(hooks_failed(&around.hooks, &settings.hooks, now));
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
    alerts.extend(accounts::program_changed(account, &around.programs));
    alerts.extend(lapses::lost(account, report, around, &report.policies(settings)));
    if !account.reachable() {
        return alerts;
    }
    alerts.extend(accounts::unreadable_records(account));
    let charged = around.overcharged.iter().any(|h| h.account == account.account);
    // The charge itself is told, with what waits for it.
    let told = |word: &Word| *word == Word::Overcharged && charged;
    // What waits for a person's word is told plan by plan.
    let asked = |i: &&&Item| i.reason.word == Word::Approval && approval::speaks_for(&around.plans, i);
    let untold: Vec<&Item> = items.iter().filter(|i| !asked(i)).copied().collect();
    for (word, held) in held::by_word(&untold).into_iter().filter(|(word, _)| !told(word)) {
        alerts.extend(held::held_alert(account, word, &held, report, around, settings, now));
    }
    alerts.extend(stuck::not_sent(account, &items, &around.unsent));
    alerts.extend(stuck::lapse_ahead(account, &items, &stuck::Look::new(report, settings, around)));
    alerts.extend(lapses::watched(account, &items, &settings.policies, now));
    alerts.extend(lapses::released(account, &items, &settings.policies, now));
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
        labels: Vec::new(),
    }
}

fn row(item: &Item) -> AlertRow {
    AlertRow {
        stage: item.stage.map(Stage::as_str),
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

/// Where a lease of a payment or a plan stands in this pass.
fn stage_of(items: &[Item], account: &AccountName, lease: &LeaseId) -> Option<&'static str> {
    let item = items.iter().find(|i| &i.lease.id == lease && &i.lease.account == account)?;
    item.stage.map(Stage::as_str)
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

/// "1 lease is", "2 leases are".
fn leases_are(n: usize) -> String {
    if n == 1 { "1 lease is".to_owned() } else { format!("{n} leases are") }
}

fn deadline(items: &[&Item]) -> Option<Timestamp> {
    items.iter().filter_map(|i| i.last_chance()).min()
}
