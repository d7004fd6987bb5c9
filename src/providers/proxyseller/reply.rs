//! The door for payment answers: accepted, refused from a closed list, or unknown.
//!
//! Pure. The HTTP status is judged before the body, and whatever is not proof is unknown: a wrong "refused" would pay twice, a wrong
//! "accepted" would let an address lapse. `status` decides, not the id of the new order: a success with an empty one was a real, paid
//! renewal. Source: API v2 pages, "Extend proxies"; the vendor's SDKs.
use serde_json::value::RawValue;

use crate::domain::Balance;
use crate::providers::{Concern, PaymentReply, Words};

use super::envelope::{self, Coded, Opened};
use super::quote::{self, SHORT_OF_FUNDS};
use super::wire::{self, Object};

/// A field is not as it must be: the text names it.
const VALIDATION: i64 = 0;
/// Codes that mean that nothing was bought: a wrong goal, short funds, wrong orders.
const REFUSALS: [i64; 3] = [14, SHORT_OF_FUNDS, 29];
/// The fields that a renewal's body has, as a validation error names them: which of them was due is what such an error tells.
const OF_RENEWAL: Fields =
    Fields { names: &["ids", "ips", "orderIds", "periodId", "paymentId"], words: &["coupon"] };
/// The fields of a purchase's body.
const OF_PURCHASE: Fields = Fields {
    names: &[
        "periodId",
        "paymentId",
        "countryId",
        "customTargetName",
        "operatorId",
        "rotationId",
        "mobileServiceType",
        "generateAuth",
    ],
    words: &["coupon", "quantity", "authorization", "protocol"],
};

/// What a body is made of.
pub(super) struct Fields {
    /// What no sentence has by chance.
    names: &'static [&'static str],
    /// What is a word of the language too: "payment authorization failed" speaks of no field.
    words: &'static [&'static str],
}

/// An answer that is no proof: a code or status, and what was seen.
pub(super) type Odd = (Option<i64>, String);

/// What a whole answer to a renewal proves.
#[must_use]
pub fn judge(status: u16, body: &[u8], words: &Words) -> PaymentReply {
    told(status, body, words, &OF_RENEWAL, |_| None)
}

/// What a whole answer to a purchase proves: as of a renewal, and it may name the new order.
#[must_use]
pub fn judge_purchase(status: u16, body: &[u8], words: &Words) -> PaymentReply {
    told(status, body, words, &OF_PURCHASE, |data| {
        let order = data.get("orderId").and_then(wire::id)?;
        Some(words.quote(order.trim()))
    })
}

fn told(
    status: u16,
    body: &[u8],
    words: &Words,
    fields: &Fields,
    order: impl FnOnce(&Object<'_>) -> Option<String>,
) -> PaymentReply {
    let judged = opened(status, body, words).and_then(|opened| match opened {
        Opened::Success(data) => {
            let data = unspoilt(data, words)?;
            let charged = data.get("total").and_then(wire::money);
            Ok(PaymentReply::Accepted { balance: balance(&data), charged, promo: None, order: order(&data) })
        }
        Opened::Error(data, errors) => {
            let (Coded { code, message }, concerns) = refusal_of(data, errors, words, fields)?;
            Ok(PaymentReply::Refused { code, message, concerns })
        }
    });
    judged.unwrap_or_else(|(code, message)| PaymentReply::Unknown { code, message })
}

/// The answer within its envelope; the HTTP status comes before the body.
pub(super) fn opened<'a>(status: u16, body: &'a [u8], words: &Words) -> Result<Opened<'a>, Odd> {
    if status != 200 {
        return Err((Some(i64::from(status)), format!("HTTP status {status} instead of 200")));
    }
    envelope::open(body, words).map_err(|what| (None, format!("the answer: {what}")))
}

/// The fields of a success, which must not carry a warning.
pub(super) fn unspoilt<'a>(data: &'a RawValue, words: &Words) -> Result<Object<'a>, Odd> {
    let data = envelope::fields(data, words)
        .map_err(|_| (None, "success, but `data` is not an object".to_owned()))?;
    match quote::warning(&data, words) {
        Some(warning) => Err((None, format!("success with a warning: {}", warning.message))),
        None => Ok(data),
    }
}

/// The same of a change, whose body is a renewal's.
pub(super) fn refusal(
    data: Option<&RawValue>,
    errors: Option<&RawValue>,
    words: &Words,
) -> Result<(Coded, Concern), Odd> {
    refusal_of(data, errors, words, &OF_RENEWAL)
}

/// A refusal from the closed list that bought and names nothing, and what it is about.
fn refusal_of(
    data: Option<&RawValue>,
    errors: Option<&RawValue>,
    words: &Words,
    fields: &Fields,
) -> Result<(Coded, Concern), Odd> {
    let unread = || (None, "an error whose `errors` are not a list of codes with texts".to_owned());
    let all = envelope::coded(errors, words).ok_or_else(unread)?;
    let Some(first) = all.first().cloned() else {
        return Err((None, "an error that does not say what is wrong".to_owned()));
    };
    let odd = |what: &str| Err((Some(first.code), format!("error {}{what}: {}", first.code, first.message)));
    if data.is_some_and(|raw| names_orders(raw, words)) {
        return odd(", but with orders");
    }
    if envelope::is_access(&all) {
        return Ok((envelope::access(&all), Concern::Access));
    }
    if !all.iter().all(|error| proves(error, fields)) {
        return odd(" does not prove that nothing was done");
    }
    let concerns = if first.code == SHORT_OF_FUNDS { Concern::Account } else { Concern::Lease };
    Ok((first, concerns))
}

fn proves(error: &Coded, fields: &Fields) -> bool {
    REFUSALS.contains(&error.code) || (error.code == VALIDATION && fields.are_named(&error.message))
}

impl Fields {
    /// The text says of one of them that it is not as it must be.
    fn are_named(&self, text: &str) -> bool {
        let said: Vec<&str> = text
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .filter(|word| !word.is_empty())
            .collect();
        let is_one = |all: &[&str], word: &str| all.iter().any(|one| one.eq_ignore_ascii_case(word));
        let is_wrong = |word: &str| is_one(&["incorrect", "invalid", "wrong", "unknown", "missing"], word);
        said.iter().any(|word| is_one(self.names, word))
            // "Incorrect quantity" and nothing else, or "quantity is required".
            || matches!(said[..], [what, word] if is_wrong(what) && is_one(self.words, word))
            || matches!(said[..], [word, "is", what]
                if is_one(self.words, word) && (is_wrong(what) || is_one(&["required", "empty"], what)))
    }
}

/// An error whose data names an order that was made, or cannot be read, proves nothing.
fn names_orders(data: &RawValue, words: &Words) -> bool {
    if wire::list(data).is_some_and(|items| items.is_empty()) {
        return false;
    }
    let Ok(data) = envelope::fields(data, words) else { return true };
    let nothing = |raw: &RawValue| {
        wire::list(raw).is_some_and(|items| items.is_empty())
            || wire::text(raw).is_some_and(|text| text.trim().is_empty())
    };
    let names = ["orderId", "orderIds", "listBaseOrderNumbers"];
    names.iter().any(|key| data.get(key).is_some_and(|raw| !nothing(raw)))
}

/// Worth having, but no part of the proof.
fn balance(data: &Object<'_>) -> Option<Balance> {
    data.get("balance").and_then(wire::money).map(wire::usd)
}
