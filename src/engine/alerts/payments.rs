//! Alerts about single payments: unknown, waiting for a person's word, charged twice, charged otherwise than quoted.
use super::plain;
use crate::domain::alert::AlertRow;
use crate::domain::{Alert, AlertKey, Severity, State};
use crate::engine::CycleReport;
use crate::ledger::IntentRecord;
use crate::policy::Stage;
use crate::settings::Settings;

fn payment_rows(record: &IntentRecord) -> Vec<AlertRow> {
    let leases = record.request.leases.iter().map(|l| AlertRow {
        what: format!("{} {}", record.request.kind, l.ip),
        ends: Some(l.expires_at),
        amount: None,
        note: format!("order {}", l.order),
    });
    leases.collect()
}

pub(super) fn payment_alert(
    record: &IntentRecord,
    report: &CycleReport,
    settings: &Settings,
) -> Option<Alert> {
    let (account, id) = (&record.request.account, &record.id);
    let order = record.request.leases.first().map(|l| l.order.to_string()).unwrap_or_default();
    let sum = format!("{} {}", record.quoted, record.currency);
    let gone = settings.account(account).is_none();
    let urgent = record
        .request
        .leases
        .iter()
        .any(|l| report.items.iter().any(|i| i.lease.id == l.id && i.stage >= Some(Stage::Urgent)));
    let (cause, severity, title, text) = match record.state {
        _ if gone => (
            "account_left",
            Severity::Urgent,
            format!("Account {account} left the config with payment {id} unsettled"),
            format!("Payments to {} stop until it is settled: put the account back, or say what became of it.", record.provider),
        ),
        State::Unknown => (
            "unknown",
            if urgent { Severity::Urgent } else { Severity::Warning },
            format!("The outcome of payment {id} ({sum}) at {account} is not known"),
            "The provider's answer was lost or odd. renewd reads ends and balance until they show what happened, and pays none of \
             these leases again before that."
                .to_owned(),
        ),
        State::NeedsOperator => (
            "needs_operator",
            Severity::Urgent,
            format!("Payment {id} ({sum}) at {account} needs your word"),
            format!("Ends and balance do not show whether it was charged: {}.", record.detail.evidence.clone().unwrap_or_default()),
        ),
        _ => return None,
    };
    let said = record.detail.message.as_ref().map(|m| format!(" What was seen: {m}.")).unwrap_or_default();
    Some(Alert {
        rows: payment_rows(record),
        deadline: record.request.leases.iter().map(|l| l.expires_at).min(),
        actions: vec![
            "look at the provider whether these leases were extended and what was charged".into(),
            format!("renewd resolve {id} --charged {} --note \"…\"", record.quoted),
            format!("renewd resolve {id} --not-charged --note \"…\""),
        ],
        ..plain(
            AlertKey::order(cause, account.as_str(), &order),
            severity,
            Some(account),
            &title,
            &format!("{text}{said}"),
        )
    })
}

/// A term was paid twice: told at once, whatever pass found it.
#[must_use]
pub fn double_charge(record: &IntentRecord) -> Alert {
    let (account, id) = (&record.request.account, &record.id);
    let order = record.request.leases.first().map(|l| l.order.to_string()).unwrap_or_default();
    Alert {
        rows: payment_rows(record),
        once: true,
        actions: vec![
            "ask the provider for the money back".into(),
            format!("renewd history --account {account}"),
        ],
        ..plain(
            AlertKey::order("double_charge", account.as_str(), &order),
            Severity::Urgent,
            Some(account),
            &format!("One term was charged twice at {account}: payment {id}"),
            "A payment that had been shown as not charged was charged after all, and its second attempt too. Both are in the ledger.",
        )
    }
}

pub(super) fn charge_differs(record: &IntentRecord) -> Option<Alert> {
    let charged =
        record.detail.charged.filter(|c| record.state == State::Confirmed && *c != record.quoted)?;
    let (account, id) = (&record.request.account, &record.id);
    let order = record.request.leases.first().map(|l| l.order.to_string()).unwrap_or_default();
    Some(Alert {
        rows: payment_rows(record),
        once: true,
        ..plain(
            AlertKey::order("charge_differs", account.as_str(), &order),
            Severity::Warning,
            Some(account),
            &format!("Payment {id} at {account} cost {charged}, the quote said {}", record.quoted),
            &format!(
                "The balance fell by {charged} {}; the quote was {}. The real amount counts in budgets.",
                record.currency, record.quoted
            ),
        )
    })
}
