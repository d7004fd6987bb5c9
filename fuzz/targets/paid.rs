//! Answers to payments: proof of success and proof of refusal are read a second time here, from the closed lists of the
//! contract and by another JSON reader; whatever is neither must be unknown.
use std::collections::BTreeSet;

use renewd::domain::{Kind, LeaseId, Method, OrderId, RenewalRequest, RequestLease, Told};
use renewd::evidence::accepted_by_answer;
use renewd::providers::PaymentReply;
use renewd::providers::{proxyseller, proxyshard, px6, youproxy};
use serde_json::Value;

use super::{clean, words};

const PROXYSELLER_REFUSALS: [i64; 5] = [0, 14, 16, 29, 503];

const YOUPROXY_REFUSALS: [i64; 16] = [2, 4, 6, 7, 8, 10, 11, 13, 14, 16, 19, 23, 24, 25, 28, 29];
const PROXYSHARD_REFUSALS: [u16; 4] = [400, 401, 403, 404];
const PX6_REFUSALS: [i64; 9] = [100, 105, 110, 210, 230, 240, 400, 404, 410];
const STATUSES: [u16; 12] = [200, 400, 401, 403, 404, 201, 204, 302, 409, 429, 500, 503];

/// The first byte chooses the HTTP status, `a` being 200; the rest is the body.
fn answer(data: &[u8]) -> Option<(u16, &[u8])> {
    let (first, body) = data.split_first()?;
    Some((STATUSES[usize::from(first.wrapping_sub(b'a')) % STATUSES.len()], body))
}

fn object(body: &[u8]) -> Option<Value> {
    serde_json::from_slice::<Value>(body).ok().filter(Value::is_object)
}

pub fn request() -> RenewalRequest {
    let lease = |id: &str| RequestLease {
        id: LeaseId::from(id),
        order: OrderId::from("A1"),
        ip: "203.0.113.1".to_owned(),
        port: None,
        told: Told::Instant,
        expires_at: "2026-12-01T00:00:00Z".parse().unwrap(),
    };
    RenewalRequest {
        account: "yp".into(),
        kind: Kind::from("IPv4"),
        leases: vec![lease("101"), lease("102")],
        period_days: 30,
        cycle: None,
        promo: Some("SAVE10".to_owned()),
        method: Method::Leases,
    }
}

fn nothing(value: &Value) -> bool {
    value.is_null() || value.as_i64() == Some(0) || value.as_array().is_some_and(Vec::is_empty)
}

pub fn youproxy_pay(data: &[u8]) {
    let Some((status, body)) = answer(data) else { return };
    let reply = youproxy::reply::judge(&request(), status, body, &words());
    let json = object(body);
    match &reply {
        PaymentReply::Accepted { order, .. } => {
            let json = json.expect("proof is JSON");
            let ids = json["ipAddressIds"].as_array().expect("the ids are a list");
            let told: BTreeSet<&str> = ids.iter().filter_map(Value::as_str).collect();
            assert_eq!((status, &json["success"], order), (200, &Value::Bool(true), &None));
            assert_eq!((ids.len(), told), (2, BTreeSet::from(["101", "102"])));
            assert_eq!((&json["quantity"], &json["error"]), (&Value::from(2), &Value::Null));
        }
        PaymentReply::Refused { code, message, .. } => {
            let json = json.expect("proof is JSON");
            assert_eq!((status, &json["success"]), (200, &Value::Bool(false)));
            assert!(YOUPROXY_REFUSALS.contains(code) && json["error"]["code"] == *code, "{json}");
            assert!(["quantity", "ipAddressIds", "orderIds"].iter().all(|k| nothing(&json[*k])), "{json}");
            clean(message);
        }
        PaymentReply::Unknown { message, .. } => {
            assert!(!message.is_empty());
            clean(message);
        }
        PaymentReply::Ends { .. } => panic!("it tells no ends"),
        PaymentReply::NeverSent(_) => panic!("an answer to what was never sent"),
    }
    assert!(status == 200 || matches!(reply, PaymentReply::Unknown { .. }), "{status}: {reply:?}");
}

pub fn proxyseller_pay(data: &[u8]) {
    let Some((status, body)) = answer(data) else { return };
    let reply = proxyseller::reply::judge(status, body, &words());
    // A purchase's body has other fields: only what a validation error names may be told apart.
    let bought = proxyseller::reply::judge_purchase(status, body, &words());
    let is_success = |reply: &PaymentReply| matches!(reply, PaymentReply::Accepted { .. });
    assert_eq!(is_success(&reply), is_success(&bought));
    let json = object(body);
    match &reply {
        PaymentReply::Accepted { order, .. } => {
            let json = json.expect("proof is JSON");
            assert_eq!((status, &json["status"], order), (200, &Value::from("success"), &None));
            assert!(json["data"].is_object() && nothing(&json["errors"]), "{json}");
        }
        PaymentReply::Refused { code, message, .. } => {
            let json = json.expect("proof is JSON");
            assert_eq!((status, &json["status"]), (200, &Value::from("error")));
            let errors = json["errors"].as_array().expect("a list of errors");
            assert!(PROXYSELLER_REFUSALS.contains(code) && !errors.is_empty(), "{json}");
            assert!(*code != 503 || errors.len() == 3, "{json}");
            let named = ["orderIds", "listBaseOrderNumbers"].iter().any(|k| !nothing(&json["data"][*k]));
            assert!(!named, "{json}");
            clean(message);
        }
        PaymentReply::Unknown { message, .. } => {
            assert!(!message.is_empty());
            clean(message);
        }
        PaymentReply::Ends { .. } => panic!("it tells no ends"),
        PaymentReply::NeverSent(_) => panic!("an answer to what was never sent"),
    }
    assert!(status == 200 || matches!(reply, PaymentReply::Unknown { .. }), "{status}: {reply:?}");
}

pub fn proxyshard_renewal(data: &[u8]) {
    let Some((status, body)) = answer(data) else { return };
    let reply = proxyshard::reply::renewal(&OrderId::from("o-1"), status, body, &words());
    let json = object(body);
    match &reply {
        PaymentReply::Accepted { .. } => {
            let json = json.expect("proof is JSON");
            assert_eq!((status, &json["success"], &json["error"]), (200, &Value::Bool(true), &Value::Null));
            let named = [&json["order_id"], &json["order"]["order_id"]];
            let told = named.iter().find(|v| !v.is_null()).map(|v| v.to_string());
            assert!(told.is_none_or(|t| t.trim_matches('"') == "o-1"), "{json}");
        }
        PaymentReply::Refused { code, message, .. } => {
            let json = json.expect("proof is JSON");
            assert!(PROXYSHARD_REFUSALS.contains(&status) && *code == i64::from(status), "{status} {code}");
            assert_eq!((&json["success"], &json["order_id"]), (&Value::Bool(false), &Value::Null));
            clean(message);
        }
        PaymentReply::Unknown { message, .. } => {
            assert!(!message.is_empty());
            clean(message);
        }
        PaymentReply::Ends { .. } => panic!("it tells no ends"),
        PaymentReply::NeverSent(_) => panic!("an answer to what was never sent"),
    }
    let told = status == 200 || PROXYSHARD_REFUSALS.contains(&status);
    assert!(told || matches!(reply, PaymentReply::Unknown { .. }), "{status}: {reply:?}");
}

/// A whole number, as one (perhaps with an exponent) or as digits in text.
fn number(value: &Value) -> Option<i64> {
    let exponent =
        || format!("{:.0}", value.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 9e15)?).parse().ok();
    value.as_i64().or_else(exponent).or_else(|| value.as_str()?.trim().parse().ok())
}

/// The ends in seconds that an answer tells of an id, in whichever form its list has.
fn told_ends(json: &Value, id: i64) -> Vec<Option<i64>> {
    let rows: Vec<&Value> = match &json["list"] {
        Value::Object(rows) => rows.values().collect(),
        Value::Array(rows) => rows.iter().collect(),
        _ => Vec::new(),
    };
    let own = rows.into_iter().filter(|row| number(&row["id"]) == Some(id));
    own.map(|row| number(&row["unixtime_end"])).collect()
}

pub fn px6_prolong(data: &[u8]) {
    let Some((status, body)) = answer(data) else { return };
    let request = request();
    let reply = px6::reply::judge(&request, status, body, &words());
    let json = object(body);
    match &reply {
        PaymentReply::Ends { told, .. } => {
            let json = json.expect("proof is JSON");
            assert_eq!(
                (status, json["status"].as_str(), &json["error_id"]),
                (200, Some("yes"), &Value::Null)
            );
            let accepted = accepted_by_answer(&request, told);
            let moved = accepted.iter().flatten().count();
            let count = number(&json["count"]).and_then(|n| usize::try_from(n).ok()).expect("a count");
            assert!((1..=2).contains(&count) && (1..=count).contains(&moved), "{moved} of {count}: {json}");
            for (lease, told) in request.leases.iter().zip(accepted) {
                let Some(told) = told else { continue };
                let end = told.end.expect("an end is told");
                let id = lease.id.as_str().parse().unwrap();
                assert_eq!(told_ends(&json, id), [Some(end.at.as_second())], "{json}");
                assert!(end.at > lease.expires_at, "{json}");
            }
        }
        PaymentReply::Refused { code, message, .. } => {
            let json = json.expect("proof is JSON");
            assert_eq!((status, json["status"].as_str()), (200, Some("no")));
            assert!(PX6_REFUSALS.contains(code), "{json}");
            assert!(["count", "list", "order_id", "price"].iter().all(|k| empty(&json[*k])), "{json}");
            clean(message);
        }
        PaymentReply::Unknown { message, .. } => {
            assert!(!message.is_empty());
            clean(message);
        }
        PaymentReply::Accepted { .. } => panic!("a renewal is accepted by its ends alone"),
        PaymentReply::NeverSent(_) => panic!("an answer to what was never sent"),
    }
    assert!(status == 200 || matches!(reply, PaymentReply::Unknown { .. }), "{status}: {reply:?}");
}

/// Nothing, also as a service in PHP may write it.
fn empty(value: &Value) -> bool {
    nothing(value) || number(value) == Some(0) || value.as_object().is_some_and(serde_json::Map::is_empty)
}
