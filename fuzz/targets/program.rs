//! What a program says: its list, its price, its word on a payment. Proof is read a second time here, by another JSON reader.
use std::collections::BTreeSet;

use renewd::domain::AccountName;
use renewd::providers::PaymentReply;
use renewd::providers::exec::fuzz_entry as exec;
use serde_json::Value;

use super::paid::request;
use super::{KEY, clean, cut};

/// The first byte says where the list is torn apart; the rest is the list.
pub fn exec_list(data: &[u8]) {
    let Some((first, body)) = data.split_first() else { return };
    let account = AccountName::from("x");
    let at = usize::from(*first) * body.len() / 256;
    let read = exec::list(body.split_at(at), &account, KEY);
    assert_eq!(read, exec::list((body, b""), &account, KEY), "where it is torn apart changes nothing");
    let (leases, part) = match read {
        Ok(read) => read,
        Err(why) => return clean(&why),
    };
    assert!(leases.windows(2).all(|w| w[0].id < w[1].id), "sorted, and each id once");
    let lines: Vec<Value> = body
        .split(|b| *b == b'\n')
        .filter(|line| !line.trim_ascii().is_empty())
        .map(|line| serde_json::from_slice(line).expect("a list is lines of JSON"))
        .collect();
    let last = lines.last().expect("a list has a last line");
    assert_eq!((&last["end"], last["complete"] == false), (&Value::Bool(true), part.is_some()));
    let listed = lines.iter().filter(|line| !line["lease"].is_null());
    let ended = listed.clone().filter(|line| line["lease"]["state"] == "ended").count();
    assert_eq!(listed.clone().count(), leases.len() + ended, "no lease is lost");
    assert_eq!(last["count"].as_f64(), Some((leases.len() + ended) as f64));
    for line in listed {
        let keys = line["lease"].as_object().expect("a lease is an object").keys();
        assert!(
            keys.into_iter().all(|k| !["password", "login", "token"].contains(&k.as_str())),
            "a login was taken"
        );
    }
    let half = cut(body);
    assert!(exec::list((half, b""), &account, KEY).is_err(), "half a list is none");
}

pub fn exec_quote(body: &[u8]) {
    let (price, warnings) = match exec::price(body, &request(), KEY) {
        Ok(read) => read,
        Err(why) => return clean(&why),
    };
    let json: Value = serde_json::from_slice(body).expect("a price is JSON");
    assert!(price.is_positive() && json["price"].is_string(), "{json}");
    assert_eq!(ids(&json), Some(vec!["101", "102"]), "{json}");
    assert_eq!(warnings.is_empty(), json["warnings"] == Value::Array(Vec::new()), "{json}");
    warnings.iter().for_each(|text| clean(text));
    assert!(exec::price(cut(body), &request(), KEY).is_err(), "half a price is none");
}

/// The ids that an answer names, sorted, each as often as it stands there.
fn ids(json: &Value) -> Option<Vec<&str>> {
    let all: Option<Vec<&str>> = json["leases"].as_array()?.iter().map(Value::as_str).collect();
    let mut all = all?;
    all.sort_unstable();
    Some(all)
}

/// The first byte says how the program ended, `a` being 0, and an even one whether its refusals are trusted.
pub fn exec_extend(data: &[u8]) {
    let Some((first, body)) = data.split_first() else { return };
    let (exit, trust) = (i32::from(first.wrapping_sub(b'a') / 2), first.is_multiple_of(2));
    let reply = exec::payment(&request(), exit, body, trust, KEY);
    let says = |outcome: &[&str]| {
        let json: Value = serde_json::from_slice(body).expect("proof is JSON");
        assert_eq!(
            (exit, &json["protocol"], &json["request"]),
            (0, &Value::from(1), &Value::from(exec::REQUEST))
        );
        assert!(outcome.iter().any(|word| json["outcome"] == *word) && json["error"].is_null(), "{json}");
        json
    };
    match &reply {
        PaymentReply::Accepted { order: None, promo: None, .. } => {
            assert_eq!(ids(&says(&["accepted"])), Some(vec!["101", "102"]));
        }
        PaymentReply::Ends { told, .. } => {
            let json = says(&["accepted"]);
            let named: BTreeSet<&str> = told.iter().map(|t| t.lease.as_str()).collect();
            assert!(named.len() == 1 && told.len() == 1, "some, and not all: {json}");
            assert_eq!(ids(&json), Some(named.into_iter().collect()));
            let end = told[0].end.map(|end| end.at);
            let written = json["ends"][told[0].lease.as_str()].as_str();
            assert_eq!(end, written.map(|text| text.parse().expect("an instant")), "{json}");
        }
        PaymentReply::Refused { message, .. } => {
            let json = says(&["refused", "never_sent"]);
            assert!(trust && ids(&json).is_none_or(|ids| ids.is_empty()), "{json}");
            clean(message);
        }
        PaymentReply::Unknown { message, .. } => {
            assert!(!message.is_empty());
            clean(message);
        }
        other => panic!("a program cannot say that: {other:?}"),
    }
}
