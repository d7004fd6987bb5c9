//! Payments as rows of a page, and the page that lists them in part. Read a page at a time: a history of many years costs no more than one
//! of a day. Not responsible for which payments there are (`history`).
use serde::Serialize;

use crate::domain::State;
use crate::ledger::{IntentRecord, Ledger, LedgerError, PaymentPlace, PaymentQuery};
use crate::settings::Settings;
use crate::views::history::Payment;
use crate::views::moments::{Clockface, When, counted};

use super::links::{Link, encoded, lease_link};

/// Rows of one page.
pub const ROWS: usize = 50;
/// Leases that are named of one payment.
const NAMED: usize = 3;

/// One payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PaymentRow {
    /// Its id.
    pub id: String,
    /// Whose.
    pub account: String,
    /// When it was reserved.
    pub at: When,
    /// Where it stands.
    pub state: &'static str,
    /// The same as people say it.
    pub says: &'static str,
    /// How that is to be taken: `good`, `open`, `bad` or `none`.
    pub kind: &'static str,
    /// The first of its leases.
    pub leases: Vec<Link>,
    /// How many more.
    pub more: usize,
    /// What it cost, or was to cost, with its currency.
    pub amount: String,
    /// That it is a quote, and other words about the amount.
    pub note: String,
    /// What was bought: `30 days`.
    pub term: String,
    /// The new end.
    pub ends: Option<When>,
    /// The policy that wanted it.
    pub policy: String,
    /// What the provider or the network said against it.
    pub error: String,
    /// Why its state is believed, and who approved it.
    pub evidence: String,
}

impl PaymentRow {
    /// Of a payment.
    #[must_use]
    pub fn new(record: &IntentRecord, face: Clockface<'_>) -> Self {
        let payment = Payment::new(record);
        let leases = &record.request.leases;
        let named = leases.iter().take(NAMED);
        let (says, kind) = spoken(record.state);
        let error = payment.error.as_ref().map_or_else(String::new, |e| {
            let parts = [e.code.as_deref(), e.message.as_deref()];
            parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
        });
        let note = match payment.charged {
            Some(charged) if charged != payment.quoted => format!("quoted at {}", payment.quoted),
            Some(_) => String::new(),
            None => "quoted".to_owned(),
        };
        let approved = record.approved.as_ref().map(|a| format!("approved {}", a.words(face.zone)));
        let evidence: Vec<String> = payment.evidence.into_iter().chain(approved).collect();
        Self {
            id: payment.intent.to_string(),
            account: payment.account.to_string(),
            at: face.when(payment.created_at),
            state: record.state.as_str(),
            says,
            kind,
            leases: named.map(|l| lease_link(&payment.account, &l.id, &l.ip)).collect(),
            more: leases.len().saturating_sub(NAMED),
            amount: format!("{} {}", payment.charged.unwrap_or(payment.quoted), payment.currency),
            note,
            term: payment.cycle.unwrap_or_else(|| counted(payment.period_days, "day")),
            ends: payment.expires_after.map(|end| face.when(end)),
            policy: payment.policy,
            error,
            evidence: evidence.join("; "),
        }
    }
}

/// A state in words, and how it is to be taken.
fn spoken(state: State) -> (&'static str, &'static str) {
    match state {
        State::Reserved => ("about to be paid", "open"),
        State::SpendStarted => ("being paid", "open"),
        State::Accepted => ("paid, new end not seen yet", "open"),
        State::Confirmed => ("paid", "good"),
        State::Refused => ("refused by the provider", "bad"),
        State::Unknown => ("outcome unknown", "bad"),
        State::NotApplied => ("not charged", "none"),
        State::NeedsOperator => ("needs your decision", "bad"),
        State::Released => ("given up before it was sent", "none"),
        State::Split => ("split into its parts", "none"),
    }
}

/// The newest payments.
///
/// # Errors
/// The ledger's.
pub fn newest(
    ledger: &dyn Ledger,
    query: &PaymentQuery,
    most: usize,
    face: Clockface<'_>,
) -> Result<Vec<PaymentRow>, LedgerError> {
    Ok(ledger.payments(query, None, most)?.iter().map(|r| PaymentRow::new(r, face)).collect())
}

/// What somebody looks for, as it was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sought {
    /// Of this account.
    pub account: String,
    /// In this state.
    pub state: String,
    /// Not older than this.
    pub since: String,
}

/// The page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PaymentsPage {
    /// Which zone its times are in.
    pub zone: String,
    /// Now.
    pub now: When,
    /// What was asked for.
    pub sought: Sought,
    /// Accounts to choose from.
    pub accounts: Vec<String>,
    /// States to choose from: the word, and how people say it.
    pub states: Vec<(&'static str, &'static str)>,
    /// Newest first.
    pub payments: Vec<PaymentRow>,
    /// It begins behind some payment.
    pub goes_on: bool,
    /// Where the older ones are.
    pub older: Option<String>,
    /// Where the newest of them are.
    pub newest: String,
}

/// The payments of a query, behind `after`.
///
/// # Errors
/// The ledger's.
pub fn payments_page(
    ledger: &dyn Ledger,
    settings: &Settings,
    face: Clockface<'_>,
    (sought, query, after): (Sought, &PaymentQuery, Option<&PaymentPlace>),
) -> Result<PaymentsPage, LedgerError> {
    let mut found = ledger.payments(query, after, ROWS + 1)?;
    let more = found.len() > ROWS;
    found.truncate(ROWS);
    let newest = address(&sought, None);
    let older = found.last().filter(|_| more).map(|last| address(&sought, Some(last.id.as_str())));
    let accounts = settings.accounts.iter().map(|a| a.name.to_string()).collect();
    let states = State::ALL.iter().filter(|s| **s != State::Split).map(|s| (s.as_str(), spoken(*s).0));
    Ok(PaymentsPage {
        zone: settings.timezone_name.clone(),
        now: face.when(face.now),
        accounts,
        states: states.collect(),
        payments: found.iter().map(|r| PaymentRow::new(r, face)).collect(),
        goes_on: after.is_some(),
        older,
        newest,
        sought,
    })
}

fn address(sought: &Sought, before: Option<&str>) -> String {
    let fields = [("account", sought.account.as_str()), ("state", &sought.state), ("since", &sought.since)];
    let fields =
        fields.into_iter().chain(before.map(|id| ("before", id))).filter(|(_, value)| !value.is_empty());
    let asked: Vec<String> = fields.map(|(key, value)| format!("{key}={}", encoded(value))).collect();
    if asked.is_empty() { "/payments".to_owned() } else { format!("/payments?{}", asked.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_older_payments_asks_for_the_same() {
        let sought = Sought { account: "a b".into(), state: "refused".into(), since: String::new() };
        assert_eq!(
            address(&sought, Some("p-000007")),
            "/payments?account=a%20b&state=refused&before=p-000007"
        );
        assert_eq!(address(&Sought::default(), None), "/payments");
    }
}
