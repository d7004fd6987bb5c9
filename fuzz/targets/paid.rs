//! Answers to payments: proof of success and proof of refusal are read a second time here, from the closed lists of the
//! contract and by another JSON reader; whatever is neither must be unknown.
use std::collections::BTreeSet;

use renewd::domain::{Kind, LeaseId, Method, OrderId, RenewalRequest, RequestLease, Told};
use renewd::providers::PaymentReply;
use renewd::providers::{proxyshard, youproxy};
use serde_json::Value;

use super::{clean, words};

const YOUPROXY_REFUSALS: [i64; 16] = [2, 4, 6, 7, 8, 10, 11, 13, 14, 16, 19, 23, 24, 25, 28, 29];
const PROXYSHARD_REFUSALS: [u16; 4] = [400, 401, 403, 404];
const STATUSES: [u16; 12] = [200, 400, 401, 403, 404, 201, 204, 302, 409, 429, 500, 503];

/// The first byte chooses the HTTP status, `a` being 200; the rest is the body.
fn answer(data: &[u8]) -> Option<(u16, &[u8])> {
    let (first, body) = data.split_first()?;
    Some((STATUSES[usize::from(first.wrapping_sub(b'a')) % STATUSES.len()], body))
}

fn object(body: &[u8]) -> Option<Value> {
    serde_json::from_slice::<Value>(body).ok().filter(Value::is_object)
}

fn request() -> RenewalRequest {
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
        PaymentReply::Refused { code, message } => {
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
        PaymentReply::Refused { code, message } => {
            let json = json.expect("proof is JSON");
            assert!(PROXYSHARD_REFUSALS.contains(&status) && *code == i64::from(status), "{status} {code}");
            assert_eq!((&json["success"], &json["order_id"]), (&Value::Bool(false), &Value::Null));
            clean(message);
        }
        PaymentReply::Unknown { message, .. } => {
            assert!(!message.is_empty());
            clean(message);
        }
        PaymentReply::NeverSent(_) => panic!("an answer to what was never sent"),
    }
    let told = status == 200 || PROXYSHARD_REFUSALS.contains(&status);
    assert!(told || matches!(reply, PaymentReply::Unknown { .. }), "{status}: {reply:?}");
}
