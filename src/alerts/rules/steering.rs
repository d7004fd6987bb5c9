//! Alerts about the provider's own auto-renewal: flags that do not follow, renewals that nobody wants, charges it made.
use std::collections::BTreeMap;

use super::{grade, leases, plain, row, touched};
use crate::domain::alert::AlertRow;
use crate::domain::{AccountName, Alert, AlertKey, Severity};
use crate::engine::{AccountReport, CycleReport};
use crate::ledger::IntentRecord;
use crate::planner::Item;
use crate::policy::{Decision, PayBy, Policy, Stage, Word};

/// The provider tries to charge an hour or two before the end: from here on a flag that is on is about to be acted on.
const CLOSE: jiff::SignedDuration = jiff::SignedDuration::from_hours(6);

/// Flags that were switched and are still told as before.
pub(super) fn stuck(account: &AccountReport, report: &CycleReport) -> Option<Alert> {
    let name = &account.account;
    let mine: Vec<(&Item, bool)> = report
        .stuck
        .iter()
        .map(|s| (&report.items[s.item], s.on))
        .filter(|(i, _)| &i.lease.account == name)
        .collect();
    let (first, on) = mine.first()?;
    let items: Vec<&Item> = mine.iter().map(|(i, _)| *i).collect();
    let now = report.started.wall;
    let close =
        mine.iter().any(|(i, on)| !on && i.lease.expires_at.is_some_and(|e| e.duration_since(now) < CLOSE));
    let word = if *on { "on" } else { "off" };
    Some(Alert {
        rows: mine.iter().map(|(i, _)| row(i)).collect(),
        deadline: mine.iter().filter_map(|(i, _)| i.lease.expires_at).min(),
        actions: vec![
            format!("renewd order auto {} {word} --account {name}", first.lease.order),
            "check on the provider's site whether these orders can be switched at all".into(),
        ],
        grade: grade(&items),
        leases: touched(&items),
        ..plain(
            AlertKey::account("steer_failed", name.as_str()),
            if close { Severity::Urgent } else { Severity::Warning },
            Some(name),
            &format!(
                "The provider's auto-renewal of {} of account {name} could not be switched",
                leases(mine.len())
            ),
            "renewd switched the provider's auto-renewal as the policy wants, and the provider refused it or still tells the old \
             setting. What is on may be charged although nothing wants it; what is off is not renewed by the provider.",
        )
    })
}

/// The provider will renew what a policy lets go, and nothing allows renewd to switch it off.
pub(super) fn unwanted(account: &AccountReport, items: &[&Item], policies: &[Policy]) -> Option<Alert> {
    let name = &account.account;
    let left_alone = |i: &Item| {
        i.policy.is_some_and(|p| policies[p].pay_by == PayBy::Renewd && !policies[p].take_over)
            && i.decision() == Decision::Release
    };
    let mine: Vec<&Item> = items
        .iter()
        .copied()
        .filter(|i| i.lease.provider_renews == Some(true) && i.stage >= Some(Stage::Normal) && left_alone(i))
        .collect();
    let first = mine.first()?;
    Some(Alert {
        rows: mine.iter().map(|i| row(i)).collect(),
        deadline: mine.iter().filter_map(|i| i.lease.expires_at).min(),
        actions: vec![
            format!("renewd order auto {} off --account {name}", first.lease.order),
            "or set `take_over = true` in the policy, and renewd switches such leases off".into(),
        ],
        grade: grade(&mine),
        leases: touched(&mine),
        ..plain(
            AlertKey::account("provider_renews", name.as_str()),
            Severity::Warning,
            Some(name),
            &format!(
                "The provider is about to renew {} of account {name} that a policy releases",
                leases(mine.len())
            ),
            "The provider's own auto-renewal is on for them, and their policy leaves it alone.",
        )
    })
}

/// Active orders whose end the provider does not tell: renewd can save them only once they are on hold.
pub(super) fn end_untold(account: &AccountReport, items: &[&Item]) -> Option<Alert> {
    let name = &account.account;
    let mine: Vec<&Item> = items
        .iter()
        .copied()
        .filter(|i| i.reason.word == Word::NotRenewableYet && i.lease.expires_at.is_none())
        .collect();
    (!mine.is_empty()).then(|| Alert {
        rows: mine.iter().map(|i| row(i)).collect(),
        actions: vec!["check on the provider's site when they end".into()],
        grade: grade(&mine),
        leases: touched(&mine),
        ..plain(
            AlertKey::account("end_untold", name.as_str()),
            Severity::Warning,
            Some(name),
            &format!("The provider does not say when {} of account {name} end", leases(mine.len())),
            "The provider does not tell it, or in a way that cannot be read. They are not in the forecast. renewd renews them \
             once they are on hold.",
        )
    })
}

/// What the provider charged by itself in this pass: expected where a policy lets it pay, a surprise elsewhere.
pub(super) fn provider_charged(report: &CycleReport, policies: &[Policy]) -> Vec<Alert> {
    let mut by_account: BTreeMap<&AccountName, Vec<&IntentRecord>> = BTreeMap::new();
    for record in &report.provider_charges {
        by_account.entry(&record.request.account).or_default().push(record);
    }
    let allowed =
        |r: &IntentRecord| policies.iter().any(|p| p.name == r.policy && p.pay_by == PayBy::Provider);
    let tell = |(name, records): (&AccountName, Vec<&IntentRecord>)| {
        let surprise = records.iter().any(|r| !allowed(r));
        let rows = records.iter().map(|r| AlertRow {
            stage: None,
            what: r.request.leases.first().map(|l| format!("order {}", l.order)).unwrap_or_default(),
            ends: r.detail.expires_after,
            amount: Some(format!("{} {}", r.detail.charged.unwrap_or(r.quoted), r.currency)),
            note: format!("{}: {}", r.id, r.detail.evidence.clone().unwrap_or_default()),
        });
        let text = if surprise {
            "No policy allows that: theirs does not say `pay_by = \"provider\"`. The charges are in the ledger and count in \
             budgets."
        } else {
            "Their policy allows this. The charges are in the ledger and count in budgets."
        };
        Alert {
            rows: rows.collect(),
            once: true,
            actions: vec![format!("renewd history --account {name}")],
            ..plain(
                AlertKey::order("provider_charged", name.as_str(), records[0].id.as_str()),
                if surprise { Severity::Warning } else { Severity::Info },
                Some(name),
                &format!("The provider renewed {} of account {name} on its own", leases(records.len())),
                text,
            )
        }
    };
    by_account.into_iter().map(tell).collect()
}
