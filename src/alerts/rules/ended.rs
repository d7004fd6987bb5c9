//! How an alert ended, for the notice of its end: what was charged, until when it is paid, by which evidence; the balance now.
//! Pure: what is known is an argument.
use jiff::{SignedDuration, Timestamp};

use crate::domain::alert::AlertRow;
use crate::domain::{IntentId, State};
use crate::engine::CycleReport;
use crate::ledger::{AccountFacts, IntentRecord, OpenAlert};
use crate::policy::Word;

use super::causes::{Scope, cause};
use super::good_news;

/// A balance that was read within this time is the balance now.
const FRESH: SignedDuration = SignedDuration::from_hours(1);

/// What is said of an end besides that it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ending {
    /// How things are now, for a subject line; `None` for a cause whose end is no news.
    pub title: Option<String>,
    /// In sentences; empty where nothing more is known.
    pub text: String,
    /// The payments that ended it.
    pub rows: Vec<AlertRow>,
    /// What the config calls its leases.
    pub labels: Vec<String>,
}

/// `records`: payments of its account, newest first; `accounts`: as last read; `report`: the pass that found it over.
#[must_use]
pub fn how_it_ended(
    alert: &OpenAlert,
    records: &[IntentRecord],
    accounts: &[AccountFacts],
    report: Option<&CycleReport>,
    now: Timestamp,
) -> Ending {
    let of_this = |r: &&IntentRecord| Some(&r.request.account) == alert.account.as_ref();
    let records: Vec<&IntentRecord> = records.iter().filter(of_this).collect();
    let scope = cause(alert.key.cause()).map(|c| c.scope);
    let balance = balance(alert, accounts, now);
    let ending = match scope {
        Some(Scope::Payment) => {
            Ending { text: String::new(), rows: payments(alert, &records), ..Ending::default() }
        }
        Some(Scope::Leases) => {
            let rows = paid_since(alert, &records);
            let text = if rows.is_empty() { not_paid(alert, report) } else { String::new() };
            let money = ["short_funds", "over_budget"].contains(&alert.key.cause());
            Ending { text: sentences([Some(text), balance.filter(|_| money)]), rows, ..Ending::default() }
        }
        Some(Scope::Reading) => {
            Ending { text: sentences([Some(read(alert)), balance]), rows: Vec::new(), ..Ending::default() }
        }
        Some(Scope::Money) => {
            Ending { text: balance.unwrap_or_default(), rows: Vec::new(), ..Ending::default() }
        }
        Some(Scope::Daemon) | None => {
            Ending { text: of_renewd(alert.key.cause()), rows: Vec::new(), ..Ending::default() }
        }
    };
    Ending { title: good_news::title(alert, &ending.rows), ..ending }
}

fn sentences(all: [Option<String>; 2]) -> String {
    all.into_iter().flatten().filter(|s| !s.is_empty()).collect::<Vec<_>>().join(" ")
}

fn balance(alert: &OpenAlert, accounts: &[AccountFacts], now: Timestamp) -> Option<String> {
    let facts = accounts.iter().find(|a| Some(&a.account) == alert.account.as_ref())?;
    facts.read_at.filter(|at| now.duration_since(*at) < FRESH)?;
    let currency = facts.currency.as_ref().map(|c| format!(" {c}")).unwrap_or_default();
    Some(format!("The balance is {}{currency} now.", facts.balance?))
}

/// The payments that it named, and what stands in their place.
fn payments(alert: &OpenAlert, records: &[&IntentRecord]) -> Vec<AlertRow> {
    let named = |id: &IntentId| alert.heard.iter().any(|part| part == id.as_str());
    let of_it = |r: &&&IntentRecord| {
        named(&r.id) || r.parent.as_ref().is_some_and(named) || alert.title.contains(r.id.as_str())
    };
    records.iter().filter(of_it).map(|r| outcome(r)).collect()
}

/// What its leases have cost since it began.
fn paid_since(alert: &OpenAlert, records: &[&IntentRecord]) -> Vec<AlertRow> {
    let paid = records.iter().filter(|r| matches!(r.state, State::Accepted | State::Confirmed));
    let since = paid.filter(|r| r.spend_started_at.as_ref().is_some_and(|at| at.wall >= alert.since));
    let touched = |r: &&&IntentRecord| r.request.leases.iter().any(|l| alert.leases.contains(&l.id));
    since.filter(touched).map(|r| outcome(r)).collect()
}

pub(super) fn outcome(record: &IntentRecord) -> AlertRow {
    let what = match record.request.leases.as_slice() {
        [] => format!("Payment {}", record.id),
        [one] if one.ip.is_empty() => format!("Payment {} of order {}", record.id, one.order),
        [one] => format!("Payment {} of {}", record.id, one.ip),
        [one, ..] => {
            format!("Payment {} of {} leases, order {}", record.id, record.request.leases.len(), one.order)
        }
    };
    let sum = record.detail.charged.unwrap_or(record.quoted);
    let (state, amount) = match record.state {
        State::Confirmed => ("confirmed", format!("charged {sum} {}", record.currency)),
        State::Accepted => ("accepted, its new end is not read yet", format!("{sum} {}", record.currency)),
        State::NotApplied | State::Refused | State::Released => {
            ("not paid", "nothing was charged".to_owned())
        }
        _ => ("still open", format!("{sum} {}", record.currency)),
    };
    let evidence = record.detail.evidence.as_ref().map(|e| format!(": {e}")).unwrap_or_default();
    AlertRow {
        stage: None,
        what,
        ends: record.detail.expires_after.filter(|_| record.state == State::Confirmed),
        amount: Some(amount),
        note: format!("{state}{evidence}"),
    }
}

/// No payment ended it: what the pass says of its leases now.
fn not_paid(alert: &OpenAlert, report: Option<&CycleReport>) -> String {
    let Some((report, account)) = report.zip(alert.account.as_ref()) else { return String::new() };
    let mine = |i: &&crate::planner::Item| &i.lease.account == account && alert.leases.contains(&i.lease.id);
    let mut words: Vec<Word> = report.items.iter().filter(mine).map(|i| i.reason.word).collect();
    words.extend(alert.leases.iter().filter_map(|id| report.idle(account, id)).map(|i| i.word()));
    if !words.is_empty() && words.iter().all(|word| *word == Word::NotDue) {
        return "Nothing is due for its leases now: they end later than they did, or their policy changed."
            .to_owned();
    }
    String::new()
}

fn read(alert: &OpenAlert) -> String {
    match alert.key.cause() {
        "account_down" => "The account answers again, and its list was read.",
        "unreadable_records" => "All records of the list can be read.",
        _ => "The list was read, and is believed.",
    }
    .to_owned()
}

fn of_renewd(cause: &str) -> String {
    match cause {
        "clock" => "Two readings of the clock agree; payments go on.",
        "loop_late" => "Cycles start and end when they are due.",
        "mail_undelivered" => "No message has been waiting for more than ten minutes.",
        "mail_refused" => "The mail server accepts every address again, and no message is set aside.",
        "restored" => "Every account was read twice; payments go on.",
        "standby" => "A node holds the pay lease; payments go on.",
        "channel" => "The channel takes messages again.",
        "config_reload" => "renewd loaded a good config and uses it.",
        _ => "",
    }
    .to_owned()
}
