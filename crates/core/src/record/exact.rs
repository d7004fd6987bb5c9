//! One payment to the letter, as a plan file or a plan that waits for approval names it, and its form as a document.
//!
//! Not responsible for whether it may still be paid (the engine), or for where a document is kept (ledger, views).
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{
    AccountName, Currency, Kind, LeaseId, Method, Money, OrderId, ProviderName, RenewalRequest, RequestLease,
    Told,
};

/// One payment, to the letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExactSet {
    /// Account, kind, leases with their ends, term, promo, method.
    pub request: RenewalRequest,
    /// Whose account.
    pub provider: ProviderName,
    /// The country that its leases share.
    pub country: Option<String>,
    /// The policy that wants it.
    pub policy: String,
    /// 1, or 2 for a second attempt.
    pub attempt: u32,
    /// What it cost when the plan was made: the most that is paid.
    pub price: Money,
    /// In what.
    pub currency: Currency,
}

/// The same as a document: every field, each in the form that JSON has for it.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExactSetDoc {
    account: String,
    provider: String,
    kind: String,
    country: Option<String>,
    leases: Vec<LeaseDoc>,
    period_days: u32,
    cycle: Option<String>,
    promo: Option<String>,
    method: String,
    policy: String,
    attempt: u32,
    price: String,
    currency: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct LeaseDoc {
    lease: String,
    order: String,
    ip: String,
    expires_at: Timestamp,
}

fn method_word(method: Method) -> &'static str {
    match method {
        Method::Leases => "leases",
        Method::Order => "order",
    }
}

impl From<&ExactSet> for ExactSetDoc {
    fn from(set: &ExactSet) -> Self {
        let request = &set.request;
        let leases = request.leases.iter().map(|l| LeaseDoc {
            lease: l.id.to_string(),
            order: l.order.to_string(),
            ip: l.ip.clone(),
            expires_at: l.expires_at,
        });
        Self {
            account: request.account.to_string(),
            provider: set.provider.to_string(),
            kind: request.kind.to_string(),
            country: set.country.clone(),
            leases: leases.collect(),
            period_days: request.period_days,
            cycle: request.cycle.clone(),
            promo: request.promo.clone(),
            method: method_word(request.method).to_owned(),
            policy: set.policy.clone(),
            attempt: set.attempt,
            price: set.price.to_string(),
            currency: set.currency.to_string(),
        }
    }
}

impl TryFrom<ExactSetDoc> for ExactSet {
    type Error = String;

    fn try_from(doc: ExactSetDoc) -> Result<Self, String> {
        let methods = [Method::Leases, Method::Order];
        let method = methods.into_iter().find(|m| method_word(*m) == doc.method).ok_or_else(|| {
            format!("`{}` is not a way to pay", doc.method.chars().take(40).collect::<String>())
        })?;
        let price: Money = doc.price.parse().map_err(|e| format!("the price of a payment: {e}"))?;
        let leases = doc.leases.into_iter().map(|l| RequestLease {
            id: LeaseId::new(l.lease),
            order: OrderId::new(l.order),
            ip: l.ip,
            // What is paid is asked as the list tells it then; a plan says which lease and which end.
            port: None,
            expires_at: l.expires_at,
            told: Told::Instant,
        });
        Ok(Self {
            request: RenewalRequest {
                account: AccountName::new(doc.account),
                kind: Kind::new(doc.kind),
                leases: leases.collect(),
                period_days: doc.period_days,
                cycle: doc.cycle,
                promo: doc.promo,
                method,
            },
            provider: ProviderName::new(doc.provider),
            country: doc.country,
            policy: doc.policy,
            attempt: doc.attempt,
            price,
            currency: Currency::new(doc.currency),
        })
    }
}
