//! Which alerts fire after a pass: a pure translation of its report. Whether they are mailed again is `alerting`'s affair.
//!
//! A cause that explains others silences them: an account that is down says so once, and its leases say nothing.
mod lapses;
mod payments;
pub mod runway;
mod steering;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::domain::alert::AlertRow;
use crate::domain::time::words;
use crate::domain::{AccountName, Alert, AlertKey, Money, Severity, State};
use crate::planner::{Item, Standing};
use crate::policy::{Decision, Policy, Stage, Word};
use crate::settings::Settings;

use super::{AccountReport, CycleReport};
use lapses::{lapse_notices, lapsed, lost};
pub use payments::double_charge;
use payments::{charge_differs, payment_alert};

/// A budget at the end of a pass.
#[derive(Debug, Clone)]
pub struct BudgetUse {
    /// Its name.
    pub name: String,
    /// What counts in it.
    pub spent: Money,
    /// The most.
    pub limit: Money,
    /// Warn from this amount on.
    pub warn_from: Option<Money>,
    /// In what.
    pub currency: String,
}

/// Alerts that fire, and the accounts of which nothing is known now, so that their open alerts are neither repeated nor
/// resolved.
#[must_use]
pub fn firing(
    report: &CycleReport,
    settings: &Settings,
    budgets: &[BudgetUse],
) -> (Vec<Alert>, BTreeSet<AccountName>) {
    let mut alerts = Vec::new();
    let mut frozen = BTreeSet::new();
    let now = report.started.wall;
    for account in &report.accounts {
        let items: Vec<&Item> = report.items.iter().filter(|i| i.lease.account == account.account).collect();
        if !account.reachable() {
            frozen.insert(account.account.clone());
        }
        alerts.extend(account_alert(account, &items));
        for (word, held) in by_word(&items) {
            alerts.extend(held_alert(account, word, &held, report, &settings.policies, now));
        }
        alerts.extend(lapse_notices(account, &items, now));
        alerts.extend(lost(account, report));
        alerts.extend(steering::stuck(account, report));
        alerts.extend(steering::unwanted(account, &items, &settings.policies));
        alerts.extend(steering::end_untold(account, &items));
    }
    alerts.extend(report.unsettled.iter().filter_map(|r| payment_alert(r, report, settings)));
    alerts.extend(steering::provider_charged(report, &settings.policies));
    alerts.extend(report.double_charges.iter().map(double_charge));
    alerts.extend(report.payments.iter().chain(&report.settled).filter_map(charge_differs));
    alerts.extend(report.clock_held.as_ref().map(|why| {
        plain(
            AlertKey::account("clock", "*"),
            Severity::Urgent,
            None,
            "The clock cannot be trusted: payments wait",
            why,
        )
    }));
    alerts.extend(budgets.iter().filter_map(budget_warn));
    alerts.sort_by(|a, b| a.key.cmp(&b.key));
    alerts.dedup_by(|a, b| a.key == b.key);
    (alerts, frozen)
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

fn leases(n: usize) -> String {
    if n == 1 { "1 lease".to_owned() } else { format!("{n} leases") }
}

fn deadline(items: &[&Item]) -> Option<Timestamp> {
    items.iter().filter_map(|i| i.lease.expires_at).min()
}

fn account_alert(account: &AccountReport, items: &[&Item]) -> Vec<Alert> {
    let name = &account.account;
    let waiting: Vec<&Item> = items
        .iter()
        .filter(|i| matches!(i.reason.word, Word::AccountDown | Word::Unparsable | Word::Shrunk))
        .copied()
        .collect();
    let mut alerts = Vec::new();
    let cause = match &account.standing {
        Standing::Good => None,
        Standing::Down(why) => Some(("account_down", format!("Account {name} cannot be read"), why)),
        Standing::Unreadable(why) => {
            Some(("inventory_unreadable", format!("The list of account {name} cannot be read"), why))
        }
        Standing::Shrunk(why) if account.leases == 0 => {
            Some(("inventory_empty", format!("The list of account {name} is empty and was not"), why))
        }
        Standing::Shrunk(why) => Some(("shrunk", format!("The list of account {name} lost too much"), why)),
    };
    if let Some((cause, title, why)) = cause {
        let due = if waiting.is_empty() {
            String::new()
        } else {
            format!("; {} due wait for it", leases(waiting.len()))
        };
        alerts.push(Alert {
            rows: waiting.iter().map(|i| row(i)).collect(),
            deadline: deadline(&waiting),
            actions: match cause {
                "shrunk" | "inventory_empty" => vec![format!("renewd resume {name}"), "renewd plan".into()],
                _ => vec!["renewd check --live".into(), "renewd status".into()],
            },
            ..plain(
                AlertKey::account(cause, name.as_str()),
                urgency(&waiting),
                Some(name),
                &format!("{title}{due}"),
                why,
            )
        });
    }
    if account.unreadable > 0 {
        let text = format!(
            "{} records of the list have no id that can be read: one of them may be due.",
            account.unreadable
        );
        let title = format!("Records of account {name} cannot be read");
        alerts.push(plain(
            AlertKey::account("unreadable_records", name.as_str()),
            Severity::Warning,
            Some(name),
            &title,
            &text,
        ));
    }
    alerts
}

/// Held and guarded items by reason; those that the account's own alert or a payment's alert speaks for are left out.
fn by_word<'a>(items: &[&'a Item]) -> BTreeMap<Word, Vec<&'a Item>> {
    let mut words: BTreeMap<Word, Vec<&Item>> = BTreeMap::new();
    for item in items {
        let told = match item.reason.word {
            Word::AccountDown | Word::Shrunk | Word::Clock => false,
            Word::Unparsable => item.lease.expires_at.is_none(),
            word => word.decision() == Decision::Hold || matches!(word, Word::FleetGuard | Word::Unreachable),
        };
        if told {
            words.entry(item.reason.word).or_default().push(item);
        }
    }
    words
}

fn held_alert(
    account: &AccountReport,
    word: Word,
    items: &[&Item],
    report: &CycleReport,
    policies: &[Policy],
    now: Timestamp,
) -> Vec<Alert> {
    let name = &account.account;
    let n = leases(items.len());
    if word == Word::Lapsed {
        return lapsed(account, items);
    }
    if matches!(word, Word::UnknownPending | Word::NeedsOperator)
        && items.iter().all(|i| spoken_for(i, report))
    {
        return Vec::new();
    }
    let ends = deadline(items).map(|at| words(at.duration_since(now))).unwrap_or_default();
    let (title, text, actions) = match word {
        Word::ShortFunds => short_funds(account, items, policies),
        Word::FleetGuard => (
            format!("{n} of account {name} wait for the next cycle"),
            "More falls due at once than [guard] allows in one cycle; nothing is lost, the rest follows."
                .to_owned(),
            Vec::new(),
        ),
        Word::Unreachable => (
            format!("{n} of account {name} wait: the provider could not be reached for their payment"),
            format!(
                "Nothing was sent, and nothing is charged; it is tried again with growing pauses. The first of them ends in {ends}. {}",
                items.first().map(|i| i.reason.prose.clone()).unwrap_or_default()
            ),
            vec!["renewd check --live".into(), "renewd status".into()],
        ),
        Word::Paused => (
            format!("{n} of account {name} are due and spending is paused"),
            "Nothing is paid until you resume.".to_owned(),
            vec![format!("renewd resume {name}")],
        ),
        other => (
            format!("{n} of account {name} held: {}", other.as_str().replace('_', " ")),
            format!(
                "The first of them ends in {ends}. {}",
                items.first().map(|i| i.reason.prose.clone()).unwrap_or_default()
            ),
            vec![
                format!("renewd explain {}", items.first().map(|i| i.lease.ip.clone()).unwrap_or_default()),
                "renewd plan".into(),
            ],
        ),
    };
    let severity = if word == Word::FleetGuard { Severity::Info } else { urgency(items) };
    vec![Alert {
        rows: items.iter().map(|i| row(i)).collect(),
        actions,
        deadline: deadline(items),
        ..plain(AlertKey::account(word.as_str(), name.as_str()), severity, Some(name), &title, &text)
    }]
}

fn short_funds(
    account: &AccountReport,
    items: &[&Item],
    policies: &[Policy],
) -> (String, String, Vec<String>) {
    let name = &account.account;
    let need =
        Money::sum(items.iter().filter_map(|i| i.quote.as_ref()).map(|q| q.amount)).unwrap_or_default();
    let free = account.free.unwrap_or_default();
    let missing = need.minus(free).unwrap_or(need);
    let currency = account.balance.as_ref().map(|b| b.currency.to_string()).unwrap_or_default();
    let balance = account.balance.as_ref().map(|b| b.amount).unwrap_or_default();
    let mut by_priority: Vec<(i64, usize)> = Vec::new();
    for item in items {
        let priority = item.policy.map_or(0, |p| policies[p].priority);
        match by_priority.iter_mut().find(|(p, _)| *p == priority) {
            Some((_, n)) => *n += 1,
            None => by_priority.push((priority, 1)),
        }
    }
    by_priority.sort_by_key(|(p, _)| std::cmp::Reverse(*p));
    let split =
        by_priority.iter().map(|(p, n)| format!("{n} of priority {p}")).collect::<Vec<_>>().join(", ");
    (
        format!("Top up {missing} {currency} at {name}: {} due are not covered", leases(items.len())),
        format!(
            "The balance was {balance} {currency}; what is due and not covered costs {need} {currency}, and {free} {currency} is free \
             for it, so {missing} {currency} is missing. Not covered: {split}."
        ),
        vec![format!("top up at least {missing} {currency} at the provider"), "renewd plan".into()],
    )
}

/// Whether an open payment's own alert already tells of this lease, or soon will.
fn spoken_for(item: &Item, report: &CycleReport) -> bool {
    report.unsettled.iter().any(|r| {
        matches!(r.state, State::Unknown | State::NeedsOperator | State::SpendStarted)
            && item.reason.prose.contains(r.id.as_str())
    })
}

fn budget_warn(budget: &BudgetUse) -> Option<Alert> {
    let from = budget.warn_from.filter(|from| budget.spent >= *from)?;
    let left = budget.limit.minus(budget.spent).unwrap_or_default();
    Some(plain(
        AlertKey::order("budget_warn", "*", &budget.name),
        Severity::Warning,
        None,
        &format!("Budget {} has {left} {} left", budget.name, budget.currency),
        &format!(
            "{} of {} {} are spent or reserved; the warning begins at {from}.",
            budget.spent, budget.limit, budget.currency
        ),
    ))
}
