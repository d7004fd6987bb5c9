//! Alerts about single payments: unknown, open for long, waiting for a person's word, charged twice, charged otherwise than
//! quoted.
use jiff::SignedDuration;

use super::{plain, stage_of};
use crate::domain::alert::AlertRow;
use crate::domain::time::words;
use crate::domain::{Alert, AlertKey, Severity, State};
use crate::engine::CycleReport;
use crate::evidence::{counts_more, terms_moved};
use crate::ledger::{IntentRecord, Purpose};
use crate::planner::Item;
use crate::policy::Stage;
use crate::settings::Settings;

/// `items`: what the pass says of leases that are still to be paid.
fn payment_rows(record: &IntentRecord, items: &[Item]) -> Vec<AlertRow> {
    let sum = record.detail.charged.unwrap_or(record.quoted);
    let leases = record.request.leases.iter().map(|l| AlertRow {
        stage: stage_of(items, &record.request.account, &l.id),
        what: format!("{} {}", record.request.kind, l.ip),
        ends: Some(l.expires_at),
        amount: None,
        note: format!("order {}, payment {} ({sum} {})", l.order, record.id, record.currency),
    });
    leases.collect()
}

/// What its alerts are called after: its order, or itself where it has none yet.
fn subject(record: &IntentRecord) -> String {
    record.request.leases.first().map_or_else(|| record.id.to_string(), |l| l.order.to_string())
}

/// For how long it has been open, if that is longer than evidence should need: four lag windows.
fn overlong(record: &IntentRecord, report: &CycleReport, settings: &Settings) -> Option<SignedDuration> {
    let started = record.spend_started_at.as_ref()?;
    let open = report.started.wall.duration_since(started.wall);
    let allowed = settings.timing.four_lags();
    (matches!(record.state, State::Unknown | State::Accepted) && open > allowed).then_some(open)
}

/// What follows from an open payment whose account is not in the config any more.
fn left(record: &IntentRecord) -> String {
    let what = "put the account back, or tell renewd the outcome.";
    if record.provider.is_program() {
        format!(
            "No list of it is read any more, so nothing can show what became of it: {what} Accounts of other programs go on."
        )
    } else {
        format!("Payments to {} stop until it is settled: {what}", record.provider)
    }
}

pub(super) fn payment_alert(
    record: &IntentRecord,
    report: &CycleReport,
    settings: &Settings,
) -> Option<Alert> {
    let (account, id) = (&record.request.account, &record.id);
    let order = subject(record);
    let sum = format!("{} {}", record.quoted, record.currency);
    let gone = settings.account_at(account, &record.provider).is_none();
    let urgent = record.request.leases.iter().any(|l| {
        report
            .items
            .iter()
            .any(|i| &i.lease.account == account && i.lease.id == l.id && i.stage >= Some(Stage::Urgent))
    });
    let overlong = overlong(record, report, settings);
    let (cause, severity, title, text) = match record.state {
        _ if gone => (
            "account_left",
            Severity::Urgent,
            format!("Account {account} was removed from the config while payment {id} is unsettled"),
            left(record),
        ),
        State::Unknown | State::Accepted if overlong.is_some() => (
            "unresolved",
            if urgent { Severity::Urgent } else { Severity::Warning },
            format!("Payment {id} ({sum}) at {account} has been open for {}", words(overlong.unwrap_or_default())),
            "Four lag windows are over, and neither ends nor balance show what became of it: its account cannot be read, or its \
             list lags behind. Its leases are not paid again until then."
                .to_owned(),
        ),
        State::Unknown => (
            "unknown",
            if urgent { Severity::Urgent } else { Severity::Warning },
            format!("The outcome of payment {id} ({sum}) at {account} is not known yet"),
            "The provider's answer was lost or unclear. renewd watches ends and balance until they show what happened, and pays none of \
             these leases again until then."
                .to_owned(),
        ),
        State::NeedsOperator => (
            "needs_operator",
            Severity::Urgent,
            format!("Payment {id} ({sum}) at {account} needs your decision"),
            format!("The leases' ends and the balance do not show whether it was charged: {}.", record.detail.evidence.clone().unwrap_or_default()),
        ),
        _ => return None,
    };
    let said = record.detail.message.as_ref().map(|m| format!(" renewd saw: {m}.")).unwrap_or_default();
    Some(Alert {
        rows: payment_rows(record, &report.items),
        deadline: record.request.leases.iter().map(|l| l.expires_at).min(),
        leases: record.request.leases.iter().map(|l| l.id.clone()).collect(),
        parts: vec![id.to_string()],
        actions: what_to_do(record, cause == "unknown", settings),
        ..plain(
            AlertKey::order(cause, account.as_str(), &order),
            severity,
            Some(account),
            &title,
            &format!("{text}{said}"),
        )
    })
}

/// Most unknown payments settle by themselves, and a hasty "not charged" is how a lease gets paid twice.
fn what_to_do(record: &IntentRecord, by_itself: bool, settings: &Settings) -> Vec<String> {
    let id = &record.id;
    let charged = format!("renewd resolve {id} --charged {} --note \"…\"", record.quoted);
    if by_itself {
        let four = settings.timing.four_lags();
        return vec![
            format!(
                "nothing yet: most of these settle on their own within {}; you will get a mail if this one does not",
                words(four)
            ),
            "only if the provider already shows you what was charged:".into(),
            charged,
        ];
    }
    vec![
        "check at the provider whether these leases were extended and what was charged".into(),
        charged,
        "only if you are sure that nothing was charged (if it was, the lease will be paid twice):".into(),
        format!("renewd resolve {id} --not-charged --note \"…\""),
    ]
}

/// A term was paid twice: told at once, whatever pass found it.
#[must_use]
pub fn double_charge(record: &IntentRecord) -> Alert {
    let (account, id) = (&record.request.account, &record.id);
    let order = subject(record);
    Alert {
        rows: payment_rows(record, &[]),
        once: true,
        parts: vec![id.to_string()],
        actions: vec!["ask the provider for a refund".into(), format!("renewd history --account {account}")],
        ..plain(
            AlertKey::order("double_charge", account.as_str(), &order),
            Severity::Urgent,
            Some(account),
            &format!("One term was charged twice at {account}: payment {id}"),
            "A payment that was taken as not charged, by evidence or by somebody's word, was charged after all, and the one that followed it \
             too. Both are in the ledger; the end may be later by both terms.",
        )
    }
}

/// Its end moved by two terms, or twice its quote was gone: somebody who is not on this ledger paid the same term.
fn paid_by_another_too(record: &IntentRecord) -> bool {
    let days = record.request.period_days;
    // A term that is bought after its end may be counted from the payment.
    let paid_at = record.spend_started_at.as_ref().map(|at| at.wall);
    let from = record.request.leases.iter().map(|l| l.expires_at).chain(paid_at).max();
    let further =
        from.zip(record.detail.expires_after).is_some_and(|(from, to)| terms_moved(from, to, days) > 1);
    cost_twice(record) || (days > 0 && further)
}

/// It took its quote twice. What only counts for it is no charge that anybody saw.
fn cost_twice(record: &IntentRecord) -> bool {
    let twice = record.quoted.times(2).filter(|_| record.quoted.is_positive());
    record.detail.charged.is_some() && record.detail.charged == twice && !counts_more(record)
}

/// The same term was paid by this payment and, unknown to this ledger, by another.
pub(super) fn paid_twice(record: &IntentRecord, report: &CycleReport) -> Option<Alert> {
    let told = report.double_charges.iter().any(|d| subject(d) == subject(record));
    let renewal = record.purpose == Purpose::Renewal && record.state == State::Confirmed;
    (renewal && !told && paid_by_another_too(record)).then(|| {
        let (account, id) = (&record.request.account, &record.id);
        Alert {
            text: format!(
                "Payment {id} was made once, for {} {}, and its end moved by two terms or twice that was gone: another payer with the same \
                 key, such as a second renewd with a ledger of its own, a person, or the provider itself, paid the same term.",
                record.quoted, record.currency
            ),
            actions: vec![
                "make sure that no other machine runs renewd with this key".to_owned(),
                "ask the provider for a refund".to_owned(),
                format!("renewd history --account {account}"),
            ],
            ..double_charge(record)
        }
    })
}

/// Between which balances it was seen, and when.
fn span(record: &IntentRecord) -> String {
    let (Some(after), Some(charged)) = (record.detail.balance_after, record.detail.charged) else {
        return String::new();
    };
    let began = record.spend_started_at.as_ref().unwrap_or(&record.created_at).wall;
    let seen = record.charged_at.as_ref().unwrap_or(&record.state_at).wall;
    let at = |t: jiff::Timestamp| t.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    if record.balance_before.minus(after) != Some(charged) {
        return format!("; seen at {}", at(seen));
    }
    format!(
        ": the balance went from {} in the quote of {} to {after}, seen at {}",
        record.balance_before,
        at(began),
        at(seen)
    )
}

pub(super) fn charge_differs(record: &IntentRecord) -> Option<Alert> {
    // Told as paid by another payer too.
    if record.purpose == Purpose::Renewal && cost_twice(record) {
        return None;
    }
    let charged =
        record.detail.charged.filter(|c| record.state == State::Confirmed && *c != record.quoted)?;
    // An operator who said so knows.
    if record.operator_spoke {
        return None;
    }
    let (account, id) = (&record.request.account, &record.id);
    let order = subject(record);
    let currency = &record.currency;
    let resolve = format!("renewd resolve {id} --charged AMOUNT --note \"…\"");
    let (title, text) = if counts_more(record) {
        let seen = record.detail.evidence.as_deref().unwrap_or("its balances do not show what it cost");
        (
            format!(
                "Payment {id} at {account} may have cost {charged} instead of the quoted {}",
                record.quoted
            ),
            format!(
                "What was seen: {seen}. Until more is known, {charged} {currency} counts for it, in budgets and as the last price. The provider's list of \
                 orders shows what it took: {resolve}."
            ),
        )
    } else {
        (
            format!("Payment {id} at {account} cost {charged} instead of the quoted {}", record.quoted),
            format!(
                "{charged} {currency} were charged, and {} were quoted{}. What was charged counts in budgets and as the last price. If that \
                 is not what the provider took: {resolve}.",
                record.quoted,
                span(record)
            ),
        )
    };
    Some(Alert {
        rows: payment_rows(record, &[]),
        once: true,
        parts: vec![id.to_string()],
        ..plain(
            AlertKey::order("charge_differs", account.as_str(), &order),
            Severity::Warning,
            Some(account),
            &title,
            &text,
        )
    })
}
