//! Any bytes as any answer: nothing panics, and nothing but HTTP 200 with `yes` and later ends of asked ids is ever a success.
use proptest::collection::vec;
use proptest::prelude::*;
use renewd::providers::px6::reply;
use renewd::providers::{PaymentReply, Purpose, Words};
use renewd::redact::Redactor;
use secrecy::SecretString;
use serde_json::Value;

use crate::px6::bench::{END, KEY, purchase, renewal, serve};

/// Pieces of real answers and of their ruins, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "true",
        "1",
        "-1",
        "9.5",
        "1e9",
        "\"",
        "\\",
        "\u{0}",
        " ",
        "\"status\":\"yes\"",
        "\"status\":\"no\"",
        "\"error_id\":400",
        "\"error\":\"x\"",
        "\"count\":2",
        "\"period\":30",
        "\"balance\":\"48.80\"",
        "\"currency\":\"RUB\"",
        "\"list\":{",
        "\"list\":[]",
        "\"list_count\":0",
        "\"11\":{\"id\":11}",
        "\"unixtime_end\":1798675200",
        "\"price\":12.6",
        "{\"status\":\"yes\"}",
    ]);
    vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

/// A whole answer of such fields.
fn answers() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "status",
        "count",
        "list",
        "list_count",
        "period",
        "error_id",
        "error",
        "order_id",
        "price",
        "balance",
        "currency",
    ]);
    let value = prop::sample::select(vec![
        "\"yes\"",
        "\"no\"",
        "2",
        "\"2\"",
        "30",
        "400",
        "30.0",
        "null",
        "[]",
        "{}",
        "\"RUB\"",
        "12.6",
        "true",
        r#"{"11":{"id":11,"unixtime_end":1798675200},"15":{"id":15,"unixtime_end":1798675200}}"#,
        r#"{"11":{"id":"11","unixtime_end":"1798675200"},"15":{"id":15,"unixtime_end":1}}"#,
        r#"[{"id":15,"unixtime_end":1798675200}]"#,
        r#"{"11":{"id":11,"unixtime_end":1798675200},"16":{"id":16,"unixtime_end":1798675200}}"#,
    ]);
    vec((key, value), 0..7).prop_map(|pairs| {
        let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        format!("{{{}}}", pairs.join(","))
    })
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..200),
        pieces().prop_map(String::into_bytes),
        answers().prop_map(String::into_bytes),
    ]
}

fn statuses() -> impl Strategy<Value = u16> {
    prop_oneof![3 => Just(200), 1 => 200..600_u16]
}

/// The answer by another reader; a success only under HTTP 200.
fn says(status: u16, body: &[u8], word: &str) -> Option<Value> {
    let json: Value = serde_json::from_slice(body).ok()?;
    (status == 200 && json["status"] == word).then_some(json)
}

fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// The told end of an id, in whichever form of a list.
fn end(json: &Value, id: &str) -> Option<i64> {
    let rows: Vec<&Value> = match &json["list"] {
        Value::Object(rows) => rows.values().collect(),
        Value::Array(rows) => rows.iter().collect(),
        _ => return None,
    };
    let row = rows.into_iter().find(|row| number(&row["id"]) == id.parse().ok())?;
    number(&row["unixtime_end"])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn no_bytes_are_a_success_or_a_refusal_that_do_not_say_so(status in statuses(), body in bodies()) {
        let words = Words::new(Redactor::default(), &SecretString::from(KEY));
        match reply::judge(&renewal(), status, &body, &words) {
            PaymentReply::Ends { told, .. } => {
                let json = says(status, &body, "yes").expect("a success says so");
                let told: Vec<_> = told.into_iter().map(|t| (t.lease, t.end.unwrap().at.as_second())).collect();
                let moved = told.iter().filter(|(_, at)| *at > END + 60).count();
                prop_assert!(moved > 0 && number(&json["count"]).is_some_and(|n| n >= moved as i64 && n <= 2), "{json}");
                for (lease, at) in told {
                    prop_assert!(["11", "15"].contains(&lease.as_str()));
                    prop_assert_eq!(end(&json, lease.as_str()), Some(at));
                }
            }
            PaymentReply::Refused { code, .. } => {
                let json = says(status, &body, "no").expect("a refusal says so");
                prop_assert_eq!(json["error_id"].as_f64(), Some(code as f64));
            }
            PaymentReply::Unknown { message, .. } => prop_assert!(!message.is_empty()),
            other => prop_assert!(false, "{:?}", other),
        }
        match reply::judge_purchase(&purchase(), status, &body, &words) {
            PaymentReply::Accepted { order, .. } => {
                let json = says(status, &body, "yes").expect("a success says so");
                prop_assert!(order.is_some() && number(&json["count"]) == Some(2));
            }
            PaymentReply::Refused { .. } => prop_assert!(says(status, &body, "no").is_some()),
            PaymentReply::Unknown { message, .. } => prop_assert!(!message.is_empty()),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn no_bytes_make_a_read_panic(answers in vec((statuses(), bodies()), 1..6)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let mut n = 0;
            let b = serve(move |_| {
                n += 1;
                let (status, body) = &answers[n % answers.len()];
                (*status, String::from_utf8_lossy(body).into_owned())
            })
            .await;
            let r = &b.reader;
            let _ = r.inventory(Purpose::Routine).await;
            let _ = r.balance(Purpose::Routine).await;
            let _ = r.quote(&renewal()).await;
            let _ = r.quote_purchase(&purchase()).await;
            let _ = r.catalogue().await;
        });
    }
}
