//! `history`: the payments. Read, made and written page by page: a history of many years takes no more memory than one of a day.
use std::collections::BTreeSet;
use std::io::Write;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::domain::{
    AccountName, Currency, IntentId, Kind, LeaseId, Measured, Money, OrderId, ProviderName, State,
};
use crate::ledger::{Approval, IntentRecord, Ledger, LedgerError, PaymentPlace, PaymentQuery};
use crate::settings::{Settings, parse_duration};

use super::{SCHEMA, Unwritten, streamed};

/// Payments that are read at once.
const PAGE: usize = 500;

/// One payment; amounts are totals of its set, the ends the earliest of it.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Payment {
    /// Its id.
    pub intent: IntentId,
    /// Whose.
    pub account: AccountName,
    /// Whose.
    pub provider: ProviderName,
    /// The order of its first lease.
    pub order: Option<OrderId>,
    /// What was paid for.
    pub leases: Vec<LeaseId>,
    /// What the config called them when the payment was reserved: all of their labels, sorted.
    pub labels: Vec<String>,
    /// The same for each of `leases`, in their order.
    pub lease_labels: Vec<Vec<String>>,
    /// What they are.
    pub kind: Kind,
    /// `renewal`, `purchase`, or `provider` for a term that the provider's auto-renewal charged.
    pub purpose: &'static str,
    /// Where it stands.
    pub state: State,
    /// What the quote asked.
    pub quoted: Money,
    /// What it cost; null while that is not known.
    pub charged: Option<Money>,
    /// How that is known: `answers` or `reading` (the balance in answers, or in a later reading, fell by it with nothing else in between),
    /// `quote` (it was not seen alone: the quote stands, or what fell for several), `word` (an operator said so). Null while nothing is
    /// known, and for payments from before this was kept.
    pub measured: Option<&'static str>,
    /// In what.
    pub currency: Currency,
    /// Days bought.
    pub period_days: u32,
    /// The billing cycle bought, where cycles are sold.
    pub cycle: Option<String>,
    /// In the quote.
    pub balance_before: Money,
    /// In the reply or the read-back.
    pub balance_after: Option<Money>,
    /// Earliest end before.
    pub expires_before: Option<Timestamp>,
    /// Earliest end after.
    pub expires_after: Option<Timestamp>,
    /// When it was reserved.
    pub created_at: Timestamp,
    /// When it came to rest.
    pub settled_at: Option<Timestamp>,
    /// The policy that wanted it.
    pub policy: String,
    /// Who approved it, when, and with which note; null where its policy does not ask.
    pub approval: Option<Approval>,
    /// What the provider or the network said against it.
    pub error: Option<PaymentError>,
    /// Why its state is believed.
    pub evidence: Option<String>,
}

/// Code and words.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct PaymentError {
    /// The provider's code or a HTTP status.
    pub code: Option<String>,
    /// Cleaned of secrets.
    pub message: Option<String>,
}

impl Payment {
    /// The document of one payment.
    #[must_use]
    pub fn new(record: &IntentRecord) -> Self {
        let detail = &record.detail;
        let settled =
            matches!(record.state, State::Confirmed | State::Refused | State::NotApplied | State::Released);
        let error = (detail.code.is_some() || detail.message.is_some())
            .then(|| PaymentError { code: detail.code.clone(), message: detail.message.clone() });
        Self {
            intent: record.id.clone(),
            account: record.request.account.clone(),
            provider: record.provider.clone(),
            order: record.order.clone().or_else(|| record.request.leases.first().map(|l| l.order.clone())),
            leases: record.request.leases.iter().map(|l| l.id.clone()).collect(),
            labels: record.labels.iter().flatten().cloned().collect::<BTreeSet<_>>().into_iter().collect(),
            lease_labels: record.labels.clone(),
            kind: record.request.kind.clone(),
            purpose: record.purpose.word(),
            cycle: record.request.cycle.clone(),
            state: record.state,
            quoted: record.quoted,
            // What a lost answer may have cost counts while it is not settled, and is nothing once it is known as not charged.
            charged: detail.charged.filter(|_| record.state.counts_in_budgets()),
            measured: detail.measured.filter(|_| record.state.counts_in_budgets()).map(Measured::as_str),
            currency: record.currency.clone(),
            period_days: record.request.period_days,
            balance_before: record.balance_before,
            balance_after: detail.balance_after,
            expires_before: record.request.leases.iter().map(|l| l.expires_at).min(),
            expires_after: detail.expires_after,
            created_at: record.created_at.wall,
            settled_at: record.settled_at.filter(|_| settled),
            policy: record.policy.clone(),
            approval: record.approved.clone(),
            error,
            evidence: detail.evidence.clone(),
        }
    }
}

/// Payments that are read while they are shown, newest first.
pub struct Payments<'a> {
    ledger: &'a dyn Ledger,
    query: PaymentQuery,
    page: std::vec::IntoIter<IntentRecord>,
    at: Option<PaymentPlace>,
    /// So many more are wanted.
    left: usize,
}

impl<'a> Payments<'a> {
    /// Those of the query, at most so many.
    #[must_use]
    pub fn new(ledger: &'a dyn Ledger, query: PaymentQuery, most: Option<usize>) -> Self {
        let page = Vec::new().into_iter();
        Self { ledger, query, page, at: None, left: most.unwrap_or(usize::MAX) }
    }
}

impl Iterator for Payments<'_> {
    type Item = Result<IntentRecord, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        if self.page.len() == 0 {
            match self.ledger.payments(&self.query, self.at.as_ref(), PAGE.min(self.left)) {
                Ok(page) => self.page = page.into_iter(),
                Err(e) => {
                    self.left = 0;
                    return Some(Err(e));
                }
            }
        }
        let Some(record) = self.page.next() else {
            self.left = 0;
            return None;
        };
        self.left -= 1;
        self.at = Some(PaymentPlace::behind(&record));
        Some(Ok(record))
    }
}

/// The whole document, made while it is written.
#[derive(Serialize, schemars::JsonSchema)]
pub(super) struct History<L> {
    schema: u32,
    /// Newest first.
    payments: L,
}

/// Writes the document of these payments, for people to read or in as few bytes as it takes.
///
/// # Errors
/// The ledger's, or the output's.
pub fn write_history(payments: Payments<'_>, out: impl Write, for_people: bool) -> Result<(), Unwritten> {
    let payments = payments.map(|record| Ok(Payment::new(&record?)));
    streamed::write(payments, out, for_people, |payments| History { schema: SCHEMA, payments })
}

/// What the accounts are called in the ledger that somebody calls this: by a name of the config, one that it had, or one that only the
/// ledger still knows. `None`: nobody knows it.
///
/// # Errors
/// The ledger's.
pub fn accounts_called(
    ledger: &dyn Ledger,
    settings: &Settings,
    name: &AccountName,
) -> Result<Option<Vec<AccountName>>, LedgerError> {
    let accounts = &settings.accounts;
    let configured =
        accounts.iter().find(|a| &a.name == name).or_else(|| accounts.iter().find(|a| a.was.contains(name)));
    let mut names = vec![name.clone()];
    // A name that another account has now is that account's.
    let had = configured.iter().flat_map(|a| a.was.iter().chain([&a.name]));
    names.extend(
        had.filter(|had| {
            accounts.iter().all(|a| &a.name != *had || configured.is_some_and(|c| c.name == a.name))
        })
        .cloned(),
    );
    let mut found: Vec<AccountName> = Vec::new();
    for name in &names {
        for present in ledger.present_names(name)? {
            if !found.contains(&present) {
                found.push(present);
            }
        }
    }
    if found.is_empty() {
        return Ok(configured.map(|a| vec![a.name.clone()]));
    }
    Ok(Some(found))
}

/// RFC 3339, a date in the configured zone, or a duration back from now.
///
/// # Errors
/// In words.
pub fn since(text: &str, now: Timestamp, timezone: &TimeZone) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    if let Ok(zoned) = text.parse::<Date>().and_then(|d| d.to_zoned(timezone.clone())) {
        return Ok(zoned.timestamp());
    }
    parse_duration(text).ok().and_then(|back| now.checked_sub(back).ok()).ok_or_else(|| {
        format!("since `{text}`: write an instant (2026-11-01T00:00:00Z), a date (2026-11-01) or a duration back (3d)")
    })
}
