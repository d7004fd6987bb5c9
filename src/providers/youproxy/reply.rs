//! The door for payment answers: accepted, refused from a closed list, or unknown.
//!
//! Pure. The HTTP status is judged before the body, and whatever is not proof is unknown: a wrong "refused" would pay twice, a
//! wrong "accepted" would let an address lapse. Source: client API pages, `extend`, `extend/order` and `order`.
use std::collections::BTreeSet;

use serde_json::value::RawValue;

use crate::domain::{Balance, Kind, PurchaseRequest, RenewalRequest};
use crate::providers::{Concern, PaymentReply, Words};

use super::envelope;
use super::quote;
use super::wire::{self, Object};

/// Codes that mean, with HTTP 200, `success: false`, quantity 0 and no ids, that nothing was bought.
const REFUSALS: [i64; 16] = [2, 4, 6, 7, 8, 10, 11, 13, 14, 16, 19, 23, 24, 25, 28, 29];

/// Of these a wrong key and an empty balance: whatever would be asked next meets the same.
const WRONG_KEY: i64 = 2;
const NO_MONEY: i64 = 16;

/// What a whole answer to the payment of `request` proves.
#[must_use]
pub fn judge(request: &RenewalRequest, status: u16, body: &[u8], words: &Words) -> PaymentReply {
    match opened(status, body, words) {
        Ok((true, answer)) => accepted(request, &answer, words),
        Ok((false, answer)) => refusal(&answer, words).map_or_else(from_odd, from_refusal),
        Err(odd) => from_odd(odd),
    }
}

/// What a whole answer to the purchase of `request` proves: a success names its order, a refusal none. Source: client
/// API pages, `order`.
#[must_use]
pub fn judge_purchase(request: &PurchaseRequest, status: u16, body: &[u8], words: &Words) -> PaymentReply {
    match opened(status, body, words) {
        Ok((true, answer)) => bought(request, &answer, words).unwrap_or_else(from_odd),
        Ok((false, answer)) => refusal(&answer, words).map_or_else(from_odd, from_refusal),
        Err(odd) => from_odd(odd),
    }
}

/// An answer that is no proof: a code or status, and what was seen.
pub(super) type Odd = (Option<i64>, String);

fn from_odd((code, message): Odd) -> PaymentReply {
    PaymentReply::Unknown { code, message }
}

fn from_refusal((code, message): (i64, String)) -> PaymentReply {
    let concerns = match code {
        WRONG_KEY => Concern::Access,
        NO_MONEY => Concern::Account,
        _ => Concern::Lease,
    };
    PaymentReply::Refused { code, message, concerns }
}

/// The answer and whether it says success; the HTTP status comes before the body.
pub(super) fn opened<'a>(status: u16, body: &'a [u8], words: &Words) -> Result<(bool, Object<'a>), Odd> {
    if status != 200 {
        return Err((Some(i64::from(status)), format!("HTTP status {status} instead of 200")));
    }
    let text = wire::decoded(body).map_err(|_| (None, "the answer is not UTF-8".to_owned()))?;
    let answer = Object::parse(text)
        .map_err(|error| (None, format!("the answer: {}", envelope::not_json(text, &error, words))))?;
    if let Some(key) = answer.doubled() {
        return Err((None, format!("`{}` stands in the answer twice", words.quote(key))));
    }
    match answer.get("success").and_then(wire::flag) {
        Some(success) => Ok((success, answer)),
        None => Err((None, "the answer does not say `success`".to_owned())),
    }
}

/// A success must carry neither an error nor a warning.
pub(super) fn unspoilt(answer: &Object<'_>, words: &Words) -> Result<(), Odd> {
    if let Some(error) = answer.get("error") {
        let (code, message) = envelope::code_and_message(error, words).unzip();
        let message = message.unwrap_or_default();
        return Err((code, format!("the answer says success and an error: {message}")));
    }
    let warned = answer.get("warnings").map(|raw| quote::warnings_of(raw, words)).unwrap_or_default();
    match warned.first() {
        Some(warning) => Err((None, format!("success with a warning: {}", warning.message))),
        None => Ok(()),
    }
}

/// The kind in an answer is the one asked for, in any letter case.
pub(super) fn same_kind(answer: &Object<'_>, kind: &Kind) -> bool {
    let told = answer.get("proxyType").and_then(wire::text);
    told.is_some_and(|told| told.eq_ignore_ascii_case(kind.as_str()))
}

fn bought(request: &PurchaseRequest, answer: &Object<'_>, words: &Words) -> Result<PaymentReply, Odd> {
    unspoilt(answer, words)?;
    if !same_kind(answer, &request.kind) {
        return Err((None, "success, but `proxyType` is not the one bought".to_owned()));
    }
    let order = answer.get("orderNumber").and_then(wire::id);
    let order = order.ok_or_else(|| (None, "success, but `orderNumber` names no order".to_owned()))?;
    Ok(PaymentReply::Accepted {
        balance: balance(answer),
        charged: None,
        promo: quote::promo(answer, request.promo.is_some()),
        order: Some(words.quote(order.trim())),
    })
}

fn accepted(request: &RenewalRequest, answer: &Object<'_>, words: &Words) -> PaymentReply {
    if let Err(odd) = unspoilt(answer, words) {
        return from_odd(odd);
    }
    match mismatch(request, answer) {
        Some(what) => from_odd((None, what)),
        None => PaymentReply::Accepted {
            balance: balance(answer),
            charged: None,
            promo: quote::promo(answer, request.promo.is_some()),
            order: None,
        },
    }
}

/// What in a success does not say that exactly the asked set was extended.
fn mismatch(request: &RenewalRequest, answer: &Object<'_>) -> Option<String> {
    let asked: BTreeSet<&str> = request.leases.iter().map(|lease| lease.id.as_str()).collect();
    if !same_kind(answer, &request.kind) {
        return Some("success, but `proxyType` is not the one paid for".to_owned());
    }
    let days = answer.get("rentPeriodDays").and_then(wire::whole);
    if days != Some(i64::from(request.period_days)) {
        return Some("success, but `rentPeriodDays` is not the term paid for".to_owned());
    }
    let quantity = answer.get("quantity").and_then(wire::whole);
    if quantity.and_then(|n| usize::try_from(n).ok()) != Some(asked.len()) {
        return Some(format!("success, but `quantity` is not {}", asked.len()));
    }
    let Some(ids) = answer.get("ipAddressIds").and_then(strings) else {
        return Some("success, but `ipAddressIds` is not a list of texts".to_owned());
    };
    let told: BTreeSet<&str> = ids.iter().map(AsRef::as_ref).collect();
    if told.len() != ids.len() {
        return Some("success, but `ipAddressIds` names one twice".to_owned());
    }
    if told != asked {
        let (missing, foreign) = (asked.difference(&told).count(), told.difference(&asked).count());
        return Some(format!(
            "success, but of the ids {missing} are missing and {foreign} were not asked for"
        ));
    }
    None
}

/// A refusal from the closed list that bought and names nothing.
pub(super) fn refusal(answer: &Object<'_>, words: &Words) -> Result<(i64, String), Odd> {
    let error = answer
        .get("error")
        .ok_or_else(|| (None, "the answer says no success, but no error either".to_owned()))?;
    let (code, message) = envelope::code_and_message(error, words)
        .ok_or_else(|| (None, "the answer's error has no code that is a whole number".to_owned()))?;
    let odd = |what: String| Err((Some(code), what));
    if !REFUSALS.contains(&code) {
        return odd(format!("error {code} does not prove that nothing was done: {message}"));
    }
    if answer.get("quantity").is_some_and(|raw| wire::whole(raw) != Some(0)) {
        return odd(format!("error {code}, but with a `quantity`: {message}"));
    }
    let no_ids = |raw: &RawValue| wire::list(raw).is_some_and(|ids| ids.is_empty());
    if ["ipAddressIds", "orderIds"].iter().any(|key| answer.get(key).is_some_and(|raw| !no_ids(raw))) {
        return odd(format!("error {code}, but with ids: {message}"));
    }
    if answer.get("orderNumber").is_some() {
        return odd(format!("error {code}, but with an order number: {message}"));
    }
    Ok((code, message))
}

pub(super) fn strings(raw: &RawValue) -> Option<Vec<std::borrow::Cow<'_, str>>> {
    wire::list(raw)?.into_iter().map(wire::text).collect()
}

/// Worth having, but no part of the proof.
fn balance(answer: &Object<'_>) -> Option<Balance> {
    let amount = answer.get("balance").and_then(wire::money)?;
    let currency = answer.get("currency").and_then(wire::currency)?;
    Some(Balance { amount, currency })
}
