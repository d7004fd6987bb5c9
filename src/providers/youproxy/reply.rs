//! The door for payment answers: accepted, refused from a closed list, or unknown.
//!
//! Pure. The HTTP status is judged before the body, and whatever is not proof is unknown: a wrong "refused" would pay twice, a
//! wrong "accepted" would let an address lapse. Source: client API pages, `extend` and `extend/order`.
use std::collections::BTreeSet;

use serde_json::value::RawValue;

use crate::domain::{Balance, RenewalRequest};
use crate::providers::{PaymentReply, Words};

use super::envelope;
use super::quote;
use super::wire::{self, Object};

/// Codes that mean, with HTTP 200, `success: false`, quantity 0 and no ids, that nothing was bought.
const REFUSALS: [i64; 16] = [2, 4, 6, 7, 8, 10, 11, 13, 14, 16, 19, 23, 24, 25, 28, 29];

/// What a whole answer to the payment of `request` proves.
#[must_use]
pub fn judge(request: &RenewalRequest, status: u16, body: &[u8], words: &Words) -> PaymentReply {
    if status != 200 {
        return unknown(Some(i64::from(status)), format!("HTTP status {status} instead of 200"));
    }
    let Ok(text) = std::str::from_utf8(body) else {
        return unknown(None, "the answer is not UTF-8".to_owned());
    };
    let answer = match Object::parse(text) {
        Ok(answer) => answer,
        Err(error) => {
            return unknown(None, format!("the answer: {}", envelope::not_json(text, &error, words)));
        }
    };
    if let Some(key) = answer.doubled() {
        return unknown(None, format!("`{}` stands in the answer twice", words.quote(key)));
    }
    match answer.get("success").and_then(wire::flag) {
        Some(true) => accepted(request, &answer, words),
        Some(false) => refused(&answer, words),
        None => unknown(None, "the answer does not say `success`".to_owned()),
    }
}

fn accepted(request: &RenewalRequest, answer: &Object<'_>, words: &Words) -> PaymentReply {
    if let Some(error) = answer.get("error") {
        let (code, message) = envelope::code_and_message(error, words).unzip();
        let message = message.unwrap_or_default();
        return unknown(code, format!("the answer says success and an error: {message}"));
    }
    match mismatch(request, answer, words) {
        Some(what) => unknown(None, what),
        None => PaymentReply::Accepted {
            balance: balance(answer),
            promo: quote::promo(answer, request),
            order: None,
        },
    }
}

/// What in a success does not say that exactly the asked set was extended.
fn mismatch(request: &RenewalRequest, answer: &Object<'_>, words: &Words) -> Option<String> {
    let asked: BTreeSet<&str> = request.leases.iter().map(|lease| lease.id.as_str()).collect();
    let warned = answer.get("warnings").map(|raw| quote::warnings_of(raw, words)).unwrap_or_default();
    if let Some(warning) = warned.first() {
        return Some(format!("success with a warning: {}", warning.message));
    }
    let kind = answer.get("proxyType").and_then(wire::text);
    if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case(request.kind.as_str())) {
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
        return Some("success, but `ipAddressIds` is no list of texts".to_owned());
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

fn refused(answer: &Object<'_>, words: &Words) -> PaymentReply {
    let Some(error) = answer.get("error") else {
        return unknown(None, "the answer says no success, but no error either".to_owned());
    };
    let Some((code, message)) = envelope::code_and_message(error, words) else {
        return unknown(None, "the answer's error has no code that is a whole number".to_owned());
    };
    if !REFUSALS.contains(&code) {
        return unknown(
            Some(code),
            format!("error {code} does not prove that nothing was bought: {message}"),
        );
    }
    if answer.get("quantity").is_some_and(|raw| wire::whole(raw) != Some(0)) {
        return unknown(Some(code), format!("error {code}, but with a `quantity`: {message}"));
    }
    let no_ids = |raw: &RawValue| wire::list(raw).is_some_and(|ids| ids.is_empty());
    if answer.get("ipAddressIds").is_some_and(|raw| !no_ids(raw)) {
        return unknown(Some(code), format!("error {code}, but with ids: {message}"));
    }
    PaymentReply::Refused { code, message }
}

fn strings(raw: &RawValue) -> Option<Vec<std::borrow::Cow<'_, str>>> {
    wire::list(raw)?.into_iter().map(wire::text).collect()
}

/// Worth having, but no part of the proof.
fn balance(answer: &Object<'_>) -> Option<Balance> {
    let amount = answer.get("balance").and_then(wire::money)?;
    let currency = answer.get("currency").and_then(wire::currency)?;
    Some(Balance { amount, currency })
}

fn unknown(code: Option<i64>, message: String) -> PaymentReply {
    PaymentReply::Unknown { code, message }
}
