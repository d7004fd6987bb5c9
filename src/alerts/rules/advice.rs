//! What to do about leases that are held: which line of the config to change, to what, or what to wait for.
//!
//! The config's own names and the figures of this pass; what is not known is left out, and the reason in the text says the rest.
use jiff::Timestamp;

use super::leases;
use crate::budget::{Budget, Per, span};
use crate::domain::Money;
use crate::planner::Item;
use crate::policy::{Policy, Word};
use crate::settings::Settings;

const RELOAD: &str = "systemctl reload renewd";

/// Steps for leases of one account that are held for the same reason.
pub(super) fn steps(word: Word, items: &[&Item], settings: &Settings, now: Timestamp) -> Vec<String> {
    let changes: Vec<String> = match word {
        Word::PriceCap => by_policy(items, settings, price_cap),
        Word::PriceJump => by_policy(items, settings, price_jump),
        Word::PeriodNotOffered => by_policy(items, settings, period),
        Word::OverBudget => return over_budget(items, settings, now),
        _ => return Vec::new(),
    };
    if changes.is_empty() { changes } else { changes.into_iter().chain([RELOAD.to_owned()]).collect() }
}

/// One step per policy whose leases these are.
fn by_policy(
    items: &[&Item],
    settings: &Settings,
    step: impl Fn(&Policy, &[&Item]) -> Option<String>,
) -> Vec<String> {
    let of = |n: usize| items.iter().filter(|i| i.policy == Some(n)).copied().collect::<Vec<_>>();
    let policies = settings.policies.iter().enumerate().map(|(n, policy)| (policy, of(n)));
    policies.filter(|(_, of)| !of.is_empty()).filter_map(|(policy, of)| step(policy, &of)).collect()
}

fn dearest(items: &[&Item]) -> Option<(Money, String)> {
    let quotes = items.iter().filter_map(|i| i.quote.as_ref());
    quotes.max_by_key(|q| q.amount).map(|q| (q.amount, q.currency.to_string()))
}

fn price_cap(policy: &Policy, items: &[&Item]) -> Option<String> {
    let cap = policy.max_price?;
    let to = dearest(items).map(|(price, currency)| format!(" to at least {price} {currency}"));
    Some(format!(
        "raise max_price of policy `{}` from {cap}{}, or let {} lapse",
        policy.name,
        to.unwrap_or_default(),
        leases(items.len())
    ))
}

fn price_jump(policy: &Policy, items: &[&Item]) -> Option<String> {
    let jump = policy.max_price_jump?;
    Some(format!(
        "if the new price is right, raise max_price_jump of policy `{}` from {jump} until it is paid, or let {} lapse",
        policy.name,
        leases(items.len())
    ))
}

fn period(policy: &Policy, items: &[&Item]) -> Option<String> {
    let offered = items.iter().find_map(|i| i.reason.prose.split_once(" is offered for "))?.1;
    let first = offered.split(", ").next().filter(|days| !days.is_empty())?;
    let wanted: Vec<String> = policy.periods.iter().map(|days| format!("\"{days}d\"")).collect();
    Some(format!(
        "add one of {offered} to policy `{}`, such as period = [{}, \"{first}\"]",
        policy.name,
        wanted.join(", ")
    ))
}

fn over_budget(items: &[&Item], settings: &Settings, now: Timestamp) -> Vec<String> {
    let (mut raises, mut waits) = (Vec::new(), Vec::new());
    for budget in &settings.budgets {
        let named = format!("budget `{}` has ", budget.name);
        let held: Vec<&Item> = items.iter().filter(|i| i.reason.prose.contains(&named)).copied().collect();
        if !held.is_empty() {
            raises.push(raise(budget, &named, &held));
            waits.push(wait(budget, settings, now));
        }
    }
    if raises.is_empty() {
        return raises;
    }
    raises.into_iter().chain([RELOAD.to_owned()]).chain(waits).collect()
}

fn raise(budget: &Budget, named: &str, held: &[&Item]) -> String {
    let left = |i: &&Item| {
        let text = i.reason.prose.split_once(named)?.1.split_whitespace().next()?;
        text.parse::<Money>().ok()
    };
    let need = Money::sum(held.iter().filter_map(|i| i.quote.as_ref()).map(|q| q.amount));
    let by = need.zip(held.iter().filter_map(left).min()).and_then(|(need, left)| need.minus(left));
    let by = by.filter(|by| by.is_positive()).map(|by| format!(" by {by} {}", budget.currency));
    format!(
        "raise limit of budget `{}` ({}){} to pay for {}",
        budget.name,
        budget.limit,
        by.unwrap_or_default(),
        leases(held.len())
    )
}

fn wait(budget: &Budget, settings: &Settings, now: Timestamp) -> String {
    if budget.per == Per::Cycle {
        return format!("or wait: budget `{}` starts afresh with the next cycle", budget.name);
    }
    let anew = span(budget.per, now, &settings.timezone).1.to_zoned(settings.timezone.clone());
    format!("or wait: budget `{}` starts afresh {}", budget.name, anew.strftime("%a %-d %b %H:%M"))
}
