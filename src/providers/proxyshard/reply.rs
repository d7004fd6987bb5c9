//! The door for answers to what spends or changes: accepted, refused from a closed list, or unknown.
//!
//! Pure. The HTTP status is judged before the body, and whatever is not proof is unknown: a wrong "refused" would pay twice, a
//! wrong "accepted" would let an order lapse. Source: the vendor's reference, `/orders/{id}/renew`, `/orders/purchase`,
//! `/orders/change-billing-cycle/{order_id}`, `/orders/{id}/tag`, `/orders/edit-auto-renewal/{order_id}`.
use crate::domain::{Change, ChangeRequest, Money, OrderId};
use crate::providers::{ChangeReply, Concern, PaymentReply, Words};

use super::detail::Figure;
use super::envelope;
use super::json::{self, Object};
use super::wire;

/// With a JSON body that says `success: false`, these mean that nothing was done. The reference has them and no others.
const REFUSALS: [u16; 4] = [400, 401, 403, 404];

/// The key is not taken, so the next order's would not be either. A 403 may be about one order that is not the account's.
const WRONG_KEY: u16 = 401;

/// What a whole answer proves.
enum Proof<'a> {
    Done(Object<'a>),
    Refused(String),
    Nothing { code: Option<i64>, what: String },
}

/// What a whole answer to the renewal of `order` proves.
#[must_use]
pub fn renewal(order: &OrderId, status: u16, body: &[u8], words: &Words) -> PaymentReply {
    match prove(status, body, words) {
        Proof::Done(answer) => match told_order(&answer) {
            Told::Not => accepted(None),
            Told::Is(told) if told == order.as_str() => accepted(None),
            Told::Is(_) | Told::Unreadable => unknown(None, "success, but for another order"),
        },
        Proof::Refused(message) => refused(status, message),
        Proof::Nothing { code, what } => PaymentReply::Unknown { code, message: what },
    }
}

/// What a whole answer to a purchase proves.
#[must_use]
pub fn purchase(status: u16, body: &[u8], words: &Words) -> PaymentReply {
    match prove(status, body, words) {
        Proof::Done(answer) => match told_order(&answer) {
            Told::Is(order) => accepted(Some(order)),
            Told::Not | Told::Unreadable => unknown(None, "success, but the new order is not named"),
        },
        Proof::Refused(message) => refused(status, message),
        Proof::Nothing { code, what } => PaymentReply::Unknown { code, message: what },
    }
}

/// What a whole answer to a change proves.
#[must_use]
pub fn change(request: &ChangeRequest, status: u16, body: &[u8], words: &Words) -> ChangeReply {
    match prove(status, body, words) {
        Proof::Done(answer) => match told_order(&answer) {
            Told::Is(order) if order != request.order.as_str() => {
                ChangeReply::Unknown { code: None, message: "success, but for another order".to_owned() }
            }
            _ => done(request, &answer, words),
        },
        Proof::Refused(message) => ChangeReply::Refused { code: status.into(), message },
        Proof::Nothing { code, what } => ChangeReply::Unknown { code, message: what },
    }
}

fn prove<'a>(status: u16, body: &'a [u8], words: &Words) -> Proof<'a> {
    let nothing = |what: String| Proof::Nothing { code: (status != 200).then(|| status.into()), what };
    let refusal = REFUSALS.contains(&status);
    if status != 200 && !refusal {
        return nothing(format!("HTTP status {status} instead of 200"));
    }
    let Ok(text) = json::decoded(body) else { return nothing("the answer is not UTF-8".to_owned()) };
    let answer = match Object::parse(text) {
        Ok(answer) => answer,
        Err(error) => return nothing(format!("the answer: {}", envelope::not_json(text, &error, words))),
    };
    if let Some(key) = answer.doubled() {
        return nothing(format!("`{}` stands in the answer twice", words.quote(key)));
    }
    let message = envelope::message(&answer, words).unwrap_or_default();
    match (answer.get("success").and_then(json::flag), refusal) {
        (Some(true), false) if answer.get("error").is_some() => {
            nothing("the answer says success and an error".to_owned())
        }
        (Some(true), false) => Proof::Done(answer),
        (Some(false), true) if matches!(told_order(&answer), Told::Not) => Proof::Refused(message),
        (Some(false), true) => nothing(format!("a refusal that names an order: {message}")),
        (Some(false), false) => {
            nothing(format!("the answer says no success, with HTTP status 200: {message}"))
        }
        (Some(true), true) => nothing(format!("HTTP status {status}, and yet the answer says success")),
        (None, _) => nothing("the answer does not say `success`".to_owned()),
    }
}

/// The order that an answer names: beside `success`, or in an `order` object as an older version has it.
enum Told {
    Not,
    Unreadable,
    Is(String),
}

fn told_order(answer: &Object<'_>) -> Told {
    let inner = answer.get("order").and_then(|raw| Object::parse(raw.get()).ok());
    let raw = answer.get("order_id").or_else(|| inner.as_ref().and_then(|order| order.get("order_id")));
    match raw.map(wire::order_id) {
        None => Told::Not,
        Some(None) => Told::Unreadable,
        Some(Some(id)) => Told::Is(id.into_owned()),
    }
}

fn accepted(order: Option<String>) -> PaymentReply {
    PaymentReply::Accepted { balance: None, charged: None, promo: None, order }
}

fn refused(status: u16, message: String) -> PaymentReply {
    let concerns = if status == WRONG_KEY { Concern::Access } else { Concern::Lease };
    PaymentReply::Refused { code: status.into(), message, concerns }
}

fn unknown(code: Option<i64>, what: &str) -> PaymentReply {
    PaymentReply::Unknown { code, message: what.to_owned() }
}

/// Its words, and for a new cycle what it costs. The provider takes a promo code away in silence where it does not fit the new
/// cycle, so a price without a discount is said so.
fn done(request: &ChangeRequest, answer: &Object<'_>, words: &Words) -> ChangeReply {
    let own = envelope::message(answer, words);
    if !matches!(request.what, Change::Cycle(_)) {
        return ChangeReply::Done { message: own, price: None };
    }
    let inner = answer.get("order").and_then(|raw| Object::parse(raw.get()).ok());
    let figure = |key: &str| {
        let own = Figure::of(answer, key).money();
        own.or_else(|| inner.as_ref().and_then(|order| Figure::of(order, key).money()))
    };
    let (original, price) = (figure("original_price"), figure("final_price"));
    let parts = [own, discount(original, price)];
    let message: Vec<String> = parts.into_iter().flatten().collect();
    ChangeReply::Done { message: (!message.is_empty()).then(|| message.join("; ")), price }
}

fn discount(original: Option<Money>, price: Option<Money>) -> Option<String> {
    let (original, price) = (original?, price?);
    Some(if price < original {
        format!("{price} USD a cycle, {original} USD without the discount")
    } else {
        format!("{price} USD a cycle, no discount: a promo code that does not fit this cycle was taken away")
    })
}
