//! Alerts about leases that are kept and get nowhere although nothing holds them: payments that never left, and whatever else
//! leaves a lease unpaid in its last hours.
use jiff::Timestamp;

use super::{deadline, grade, leases, plain, row, touched, urgency};
use crate::domain::time::words;
use crate::domain::{Alert, AlertKey, Severity};
use crate::engine::{AccountReport, CycleReport};
use crate::ledger::IntentRecord;
use crate::planner::Item;
use crate::policy::{Decision, Stage, Word};

fn is_of(record: &IntentRecord, item: &Item) -> bool {
    record.request.leases.iter().any(|l| l.id == item.lease.id)
}

/// Leases whose last payment never left, because the provider's payment address did not take a connection.
pub(super) fn not_sent(account: &AccountReport, items: &[&Item], unsent: &[IntentRecord]) -> Option<Alert> {
    let name = &account.account;
    let waiting: Vec<&Item> = items
        .iter()
        .filter(|i| i.reason.word == Word::Backoff && unsent.iter().any(|r| is_of(r, i)))
        .copied()
        .collect();
    let newest = unsent.iter().find(|r| waiting.iter().any(|i| is_of(r, i)))?;
    let said =
        newest.detail.message.as_ref().map(|m| format!(" The last attempt said: {m}.")).unwrap_or_default();
    Some(Alert {
        rows: waiting.iter().map(|i| row(i)).collect(),
        actions: vec!["renewd check --live".into(), "renewd plan".into()],
        deadline: deadline(&waiting),
        grade: grade(&waiting),
        leases: touched(&waiting),
        ..plain(
            AlertKey::account("not_sent", name.as_str()),
            urgency(&waiting),
            Some(name),
            &format!("{} of account {name} are due and no payment could leave", leases(waiting.len())),
            &format!("Nothing was sent, so nothing was spent; it is tried again with growing pauses.{said}"),
        )
    })
}

/// Kept leases in their last hours that nothing holds and that this pass did not pay: no other alert speaks for them.
pub(super) fn lapse_ahead(
    account: &AccountReport,
    items: &[&Item],
    report: &CycleReport,
    unsent: &[IntentRecord],
    now: Timestamp,
) -> Option<Alert> {
    let name = &account.account;
    let unpaid = |i: &Item| match i.reason.word {
        Word::Backoff => !unsent.iter().any(|r| is_of(r, i)),
        _ => i.decision() == Decision::Renew && !report.payments.iter().any(|r| is_of(r, i)),
    };
    let last_hours = |i: &Item| {
        i.stage == Some(Stage::Rescue)
            || (i.stage == Some(Stage::Urgent) && i.lease.expires_at.is_some_and(|end| end > now))
    };
    let items: Vec<&Item> = items.iter().filter(|i| unpaid(i) && last_hours(i)).copied().collect();
    (!items.is_empty()).then(|| Alert {
        rows: items.iter().map(|i| row(i)).collect(),
        actions: vec!["renewd plan".into(), format!("renewd history --account {name} --since 1d")],
        deadline: deadline(&items),
        grade: grade(&items),
        leases: touched(&items),
        ..plain(
            AlertKey::account("lapse_ahead", name.as_str()),
            Severity::Urgent,
            Some(name),
            &match deadline(&items).filter(|_| items.iter().any(|i| i.gone_at.is_some())) {
                Some(gone) => format!(
                    "{} of account {name} on hold and not paid yet, gone in {}",
                    leases(items.len()),
                    words(gone.duration_since(now))
                ),
                None => format!("{} of account {name} lapse soon and are not paid yet", leases(items.len())),
            },
            "A policy keeps them and nothing stands against it; the next cycle tries again.",
        )
    })
}
