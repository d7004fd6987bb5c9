//! Alerts about leases that are due and held: one per account and reason, with every lease that the reason holds.
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::lapses::lapsed;
use super::{Around, advice, deadline, grade, leases, plain, row, touched, urgency};
use crate::domain::time::words;
use crate::domain::{Alert, AlertKey, Money, Severity, State};
use crate::engine::{AccountReport, CycleReport};
use crate::planner::Item;
use crate::policy::{Decision, Policy, Word};
use crate::settings::Settings;

/// Held and guarded items by reason; those that the account's own alert or a payment's alert speaks for are left out.
pub(super) fn by_word<'a>(items: &[&'a Item]) -> BTreeMap<Word, Vec<&'a Item>> {
    let mut words: BTreeMap<Word, Vec<&Item>> = BTreeMap::new();
    for item in items {
        let told = match item.reason.word {
            Word::AccountDown | Word::Shrunk | Word::AccountChanged | Word::SecondRenewd | Word::Clock => {
                false
            }
            Word::Unparsable => item.lease.expires_at.is_none(),
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
    let n = leases(items.len());
    if word == Word::Lapsed {
        return lapsed(account, items, around, policies);
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
            "More falls due at once than [guard] allows in one cycle; the rest follows.".to_owned(),
            Vec::new(),
        ),
        Word::Paused => (
            format!("{n} of account {name} are due and spending is paused"),
            "Nothing is paid until you resume.".to_owned(),
            vec![format!("renewd resume {name}")],
        ),
        other => held_words(account, other, items, &ends, advice::steps(other, items, settings, now)),
    };
    // From the first hour on hold people are told how many are left.
    let text = match items.iter().any(|i| i.gone_at.is_some()) {
        true => format!("On hold: the first of them is gone for good in {ends}. {text}"),
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
            "{} of account {} held: {}",
            leases(items.len()),
            account.account,
            word.as_str().replace('_', " ")
        ),
        if on_hold { prose } else { format!("The first of them ends in {ends}. {prose}") },
        steps
            .into_iter()
            .chain([format!("renewd explain {}", target.unwrap_or_default()), "renewd plan".into()])
            .collect(),
    )
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
