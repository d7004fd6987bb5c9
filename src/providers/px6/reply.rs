//! The door for payment answers: the ends that they tell, refused from a closed list, or unknown.
//!
//! Pure. The HTTP status is judged before the body, and whatever is not proof is unknown: a wrong "refused" would pay twice, a
//! wrong "accepted" would let a proxy lapse. Which of the told ends accept their leases is for
//! [`accepted_by_answer`]. Source: the vendor's developer page, `prolong` and `buy`.
//!
//! | answer | verdict |
//! |---|---|
//! | 200, `yes`, every asked id in `list` with a later end, `count` = asked | accepted |
//! | 200, `yes`, fewer ids, or an end that did not move | accepted for those that moved, unknown for the rest |
//! | 200, `yes`, a `count` that its ends contradict, another term, an id that was not asked for | unknown |
//! | 200, `no`, an error of the closed list, and nothing that was done | refused |
//! | 200, `no`, any other error | unknown |
//! | any other status, no JSON, half an answer | unknown |
use std::collections::BTreeSet;

use serde_json::value::RawValue;

use crate::domain::{Balance, LeaseId, Money, PurchaseRequest, RenewalRequest, TermEnd};
use crate::evidence::{ToldEnd, accepted_by_answer};
use crate::providers::{Concern, PaymentReply, Words};

use super::envelope;
use super::wire::{self, Object};

/// Errors of `prolong` that mean, with HTTP 200 and `no`, that nothing was renewed.
const RENEWAL_REFUSALS: [i64; 9] = [100, 105, 110, 210, 230, 240, 400, 404, 410];
/// Errors of `buy` that mean the same of a purchase.
const PURCHASE_REFUSALS: [i64; 12] = [100, 105, 110, 200, 210, 220, 240, 250, 260, 300, 400, 410];
/// Of these a wrong key or address, a call that is not there and an empty balance: whatever would be asked next meets the same.
const OF_THE_ACCOUNT: [i64; 4] = [100, 105, 110, 400];

/// An answer that is no proof: an error's number or HTTP status, and what was seen.
type Odd = (Option<i64>, String);

/// What a whole answer to the payment of `request` proves.
#[must_use]
pub fn judge(request: &RenewalRequest, status: u16, body: &[u8], words: &Words) -> PaymentReply {
    match opened(status, body, words) {
        Ok((true, answer)) => ends(request, &answer).unwrap_or_else(from_odd),
        Ok((false, answer)) => refusal(&answer, &RENEWAL_REFUSALS, words).unwrap_or_else(from_odd),
        Err(odd) => from_odd(odd),
    }
}

/// What a whole answer to the purchase of `request` proves: a success names what it bought.
#[must_use]
pub fn judge_purchase(request: &PurchaseRequest, status: u16, body: &[u8], words: &Words) -> PaymentReply {
    match opened(status, body, words) {
        Ok((true, answer)) => bought(request, &answer).unwrap_or_else(from_odd),
        Ok((false, answer)) => refusal(&answer, &PURCHASE_REFUSALS, words).unwrap_or_else(from_odd),
        Err(odd) => from_odd(odd),
    }
}

fn from_odd((code, message): Odd) -> PaymentReply {
    PaymentReply::Unknown { code, message }
}

fn odd<T>(what: impl Into<String>) -> Result<T, Odd> {
    Err((None, what.into()))
}

/// The answer and whether it says success; the HTTP status comes before the body.
fn opened<'a>(status: u16, body: &'a [u8], words: &Words) -> Result<(bool, Object<'a>), Odd> {
    if status != 200 {
        return Err((Some(i64::from(status)), format!("HTTP status {status} instead of 200")));
    }
    let answer = envelope::object(body, words).map_err(|what| (None, format!("the answer: {what}")))?;
    match envelope::said(&answer) {
        Some(true) if answer.get("error_id").or(answer.get("error")).is_some() => {
            odd("the answer says success and an error")
        }
        Some(success) => Ok((success, answer)),
        None => odd("the answer's `status` is neither yes nor no"),
    }
}

/// The ends that a success tells, where nothing in it contradicts them.
fn ends(request: &RenewalRequest, answer: &Object<'_>) -> Result<PaymentReply, Odd> {
    term(answer, request.period_days)?;
    let mut told = Vec::new();
    for (id, row) in rows(answer)? {
        let Some(lease) = request.leases.iter().find(|l| l.id.as_str() == id) else {
            return odd("success, but for an id that was not asked for");
        };
        // A row without a readable end is told nothing of.
        if let Some(at) = row.get("unixtime_end").and_then(wire::instant) {
            told.push(ToldEnd { lease: lease.id.clone(), end: Some(TermEnd::instant(at)) });
        }
    }
    let moved = accepted_by_answer(request, &told).into_iter().flatten().count();
    let asked = request.leases.len();
    match number(answer, "count").and_then(|n| usize::try_from(n).ok()) {
        None => odd("success, but `count` is not a number"),
        Some(count) if count > asked => odd(format!("success, but `count` is {count} of {asked}")),
        Some(count) if count < moved => {
            odd(format!("success, but `count` is {count}, and {moved} ends are later"))
        }
        Some(count) if count < asked && moved == asked => {
            odd(format!("success, but `count` is {count}, and every end is later"))
        }
        Some(_) if moved == 0 => odd("the answer says success, and tells no later end of any lease"),
        Some(_) => Ok(PaymentReply::Ends { told, balance: balance(answer), charged: charged(answer) }),
    }
}

/// What was bought: as many as were asked for, each named once.
fn bought(request: &PurchaseRequest, answer: &Object<'_>) -> Result<PaymentReply, Odd> {
    term(answer, request.period_days.unwrap_or_default())?;
    let rows = rows(answer)?;
    let all = usize::try_from(request.quantity).unwrap_or(usize::MAX);
    let count = number(answer, "count").and_then(|n| usize::try_from(n).ok());
    if count != Some(all) || rows.len() != all {
        return odd(format!("success, but it is not {all} that were bought"));
    }
    let Some((first, _)) = rows.into_iter().next() else { return odd("success, but nothing was bought") };
    Ok(PaymentReply::Accepted {
        balance: balance(answer),
        charged: charged(answer),
        promo: None,
        order: Some(first),
    })
}

/// The term that an answer names, if it names one, is the one that was asked for.
fn term(answer: &Object<'_>, days: u32) -> Result<(), Odd> {
    match answer.get("period") {
        Some(raw) if wire::number(raw) != Some(i64::from(days)) => {
            odd("success, but `period` is not the term paid for")
        }
        _ => Ok(()),
    }
}

/// The rows of `list` by their ids: an object by ids, or an array. Anything odd in one makes all of them nothing to rely on.
fn rows<'a>(answer: &Object<'a>) -> Result<Vec<(String, Object<'a>)>, Odd> {
    let Some(raw) = answer.get("list") else { return odd("success, but `list` is missing") };
    let row = |key: Option<&str>, raw: &'a RawValue| {
        let row = Object::parse(raw.get()).ok().filter(|row| row.doubled().is_none())?;
        let id = row.get("id").and_then(wire::id)?.into_owned();
        key.is_none_or(|key| key == id).then_some((id, row))
    };
    let rows: Option<Vec<(String, Object<'a>)>> = match wire::list(raw) {
        Some(rows) => rows.into_iter().map(|raw| row(None, raw)).collect(),
        None => match Object::parse(raw.get()) {
            Ok(by_id) => by_id.pairs().map(|(key, raw)| row(Some(key), raw)).collect(),
            Err(_) => None,
        },
    };
    let Some(rows) = rows else { return odd("success, but `list` cannot be read") };
    let ids: BTreeSet<&str> = rows.iter().map(|(id, _)| id.as_str()).collect();
    if ids.len() != rows.len() {
        return odd("success, but `list` names an id twice");
    }
    Ok(rows)
}

/// An error from the closed list, in an answer that names nothing that was done.
fn refusal(answer: &Object<'_>, known: &[i64], words: &Words) -> Result<PaymentReply, Odd> {
    let message = envelope::message(answer, words);
    // On the page it is a number; text in its place is not the documented form.
    let Some(code) = answer.get("error_id").and_then(crate::providers::json::whole) else {
        return odd("the answer says no success, and no `error_id` that is a number");
    };
    let unproven = |what: String| Err((Some(code), what));
    if !known.contains(&code) {
        return unproven(format!("error {code} does not prove that nothing was done: {message}"));
    }
    let nothing = |raw: &RawValue| {
        wire::number(raw) == Some(0)
            || wire::list(raw).is_some_and(|rows| rows.is_empty())
            || raw.get() == "{}"
    };
    let done = ["order_id", "count", "list", "price"].into_iter();
    if let Some(key) = done.into_iter().find(|key| answer.get(key).is_some_and(|raw| !nothing(raw))) {
        return unproven(format!("error {code}, but with a `{key}`: {message}"));
    }
    let concerns = if OF_THE_ACCOUNT.contains(&code) { Concern::Account } else { Concern::Lease };
    Ok(PaymentReply::Refused { code, message, concerns })
}

fn number(answer: &Object<'_>, key: &str) -> Option<i64> {
    answer.get(key).and_then(wire::number)
}

/// Worth having, but no part of the proof.
fn balance(answer: &Object<'_>) -> Option<Balance> {
    envelope::balance(answer).ok()
}

/// `price` is the sum of the whole call.
fn charged(answer: &Object<'_>) -> Option<Money> {
    answer.get("price").and_then(wire::money)
}

/// The ids of a request as the call names them, if each can stand there.
#[must_use]
pub fn ids(leases: &[crate::domain::RequestLease]) -> Option<String> {
    let ids: Vec<&str> = leases.iter().map(|l| l.id.as_str()).collect();
    let once: BTreeSet<&LeaseId> = leases.iter().map(|l| &l.id).collect();
    let good = !ids.is_empty() && once.len() == ids.len() && ids.iter().all(|id| wire::is_id(id));
    good.then(|| ids.join(","))
}
