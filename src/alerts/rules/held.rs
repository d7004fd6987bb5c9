//! Alerts about leases that are due and held: one per account and reason, with every lease that the reason holds.
use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::lapses::lapsed;
use super::stale::stale;
use super::{Around, advice, deadline, grade, leases, leases_are, plain, row, touched, urgency};
use crate::domain::time::words;
use crate::domain::{AccountName, Alert, AlertKey, Money, Severity, State};
use crate::engine::{AccountReport, CycleReport, lifted_by};
use crate::ledger::PauseRecord;
use crate::planner::Item;
use crate::policy::{Decision, Policy, Word};
use crate::settings::Settings;

/// Held and guarded items by reason; those that the account's own alert or a payment's alert speaks for are left out.
pub(super) fn by_word<'a>(items: &[&'a Item]) -> BTreeMap<Word, Vec<&'a Item>> {
    let mut words: BTreeMap<Word, Vec<&Item>> = BTreeMap::new();
    for item in items {
        let told = match item.reason.word {
            Word::AccountDown
            | Word::Shrunk
            | Word::AccountChanged
            | Word::SecondRenewd
            | Word::Restored
            | Word::Clock => false,
            word => word.decision() == Decision::Hold || word == Word::FleetGuard,
        };
        if told {
            words.entry(item.reason.word).or_default().push(item);
        }
    }
    words
}

pub(super) fn held_alert(
    account: &AccountReport,
    word: Word,
    items: &[&Item],
    report: &CycleReport,
    around: &Around,
    settings: &Settings,
    now: Timestamp,
) -> Vec<Alert> {
    let policies = &settings.policies;
    let name = &account.account;
    if word == Word::Lapsed {
        return lapsed(account, items, around, &report.policies(settings));
    }
    if word == Word::Stale {
        return stale(account, items);
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
            format!("{} waiting for the next cycle of account {name}", leases_are(items.len())),
            "More is due at once than [guard] allows in one cycle; the rest follows in the next.".to_owned(),
            Vec::new(),
        ),
        Word::Paused => (
            format!("{} due at account {name}, but spending is paused", leases_are(items.len())),
            paused(&around.pauses, name, &settings.timezone),
            vec![lifted_by(&around.pauses, Some(name)).unwrap_or_else(|| "renewd resume".to_owned())],
        ),
        other => held_words(account, other, items, &ends, advice::steps(other, items, settings, now)),
    };
    // From the first hour on hold people are told how many are left.
    let text = match items.iter().any(|i| i.gone_at.is_some()) {
        true => format!(
            "The order is on hold at the provider: the first lease is gone for good in {ends}. {text}"
        ),
        false => text,
    };
    let severity = match (word, urgency(items)) {
        (Word::FleetGuard, Severity::Warning) => Severity::Info,
        (_, severity) => severity,
    };
    vec![Alert {
        rows: items.iter().map(|i| row(i)).collect(),
        actions,
        deadline: deadline(items),
        grade: grade(items),
        leases: touched(items),
        ..plain(AlertKey::account(word.as_str(), name.as_str()), severity, Some(name), &title, &text)
    }]
}

fn held_words(
    account: &AccountReport,
    word: Word,
    items: &[&Item],
    ends: &str,
    steps: Vec<String>,
) -> (String, String, Vec<String>) {
    let first = items.first().map(|i| &i.lease);
    let prose = items.first().map(|i| i.reason.prose.clone()).unwrap_or_default();
    let target = first.map(|l| if l.ip.is_empty() { l.id.to_string() } else { l.ip.clone() });
    let on_hold = items.iter().any(|i| i.gone_at.is_some());
    (
        format!(
            "{} of account {} {} on hold: {}",
            leases(items.len()),
            account.account,
            if items.len() == 1 { "is" } else { "are" },
            why(word)
        ),
        if on_hold { prose } else { format!("The first of them ends in {ends}. {prose}") },
        steps
            .into_iter()
            .chain([format!("renewd explain {}", target.unwrap_or_default()), "renewd plan".into()])
            .collect(),
    )
}

/// Why, in words for a subject line; the word that scripts know stands behind them.
fn why(word: Word) -> String {
    let said = match word {
        Word::OverBudget => "the budget is used up",
        Word::PriceCap => "the price is above max_price",
        Word::PriceJump => "the price rose too much",
        Word::PromoInvalid => "the promo code was not accepted",
        Word::ProviderWarning => "the provider warned about the price",
        Word::ProviderOwns => "the provider's own auto-renewal is on",
        Word::UnknownPending => "an earlier payment is not settled",
        Word::NeedsOperator => "your decision is needed",
        Word::Unparsable => "the list shows them in a form that cannot be read",
        Word::PeriodNotOffered => "the period is not offered",
        Word::CycleDiffers => "the billing cycle differs",
        Word::QuoteError => "the provider gave no price",
        Word::QuoteUnreadable => "the price cannot be read",
        Word::CurrencyChanged => "the currency changed",
        Word::Refused => "the provider refused the payment",
        Word::BundleSplit => "leases of one order have different policies",
        Word::OrderState => "the order is in an unknown state",
        Word::KeepLost => "the policy they are kept like is gone",
        _ => return word.as_str().replace('_', " "),
    };
    format!("{said} ({})", word.as_str())
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
        format!(
            "Top up {missing} {currency} at {name} for what is due now: {} not covered",
            leases_are(items.len())
        ),
        format!(
            "The balance was {balance} {currency}. What is due but not covered costs {need} {currency}, and {free} {currency} of the \
             balance is free for it, so {missing} {currency} is missing. Not covered: {split}."
        ),
        vec![
            format!("top up at least {missing} {currency} at the provider for what is due now"),
            "renewd plan".into(),
        ],
    )
}

/// Whether an open payment's own alert already tells of this lease, or soon will.
fn spoken_for(item: &Item, report: &CycleReport) -> bool {
    report.unsettled.iter().any(|r| {
        matches!(r.state, State::Unknown | State::NeedsOperator | State::SpendStarted)
            && item.reason.prose.contains(r.id.as_str())
    })
}

/// What is known of the pause, and how long it lasts.
fn paused(pauses: &[PauseRecord], account: &AccountName, zone: &TimeZone) -> String {
    let of: Vec<&PauseRecord> =
        pauses.iter().filter(|p| p.account.as_ref().is_none_or(|a| a == account)).collect();
    let said: String = of.iter().map(|p| format!("Spending is paused{}. ", p.words(zone))).collect();
    let ends = !of.is_empty() && of.iter().all(|p| p.until.is_some());
    let ends = if ends { "then, or until you resume" } else { "until you resume" };
    format!("{said}Nothing is paid {ends}.")
}
