//! Any bytes as any answer: nothing panics, and nothing but HTTP 200 with `success: true` is ever a success.
use proptest::collection::vec;
use proptest::prelude::*;
use renewd::domain::{Change, ChangeRequest, LeaseId, OrderId};
use renewd::providers::proxyshard::reply;
use renewd::providers::{ChangeReply, PaymentReply, Purpose, Words};
use renewd::redact::Redactor;
use secrecy::SecretString;

use crate::proxyshard::bench::{KEY, purchase, renewal, serve};

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
        "false",
        "1",
        "-1",
        "9.5",
        "1e9",
        "\"",
        "\\",
        "\u{0}",
        " ",
        "\"success\":true",
        "\"success\":false",
        "\"message\":\"x\"",
        "\"order_id\":\"o-1\"",
        "\"orders\":[",
        "\"order\":{",
        "\"status\":\"on-hold\"",
        "\"wallet_balance\":100",
        "\"final_price\":100",
        "\"price_paid\":900",
        "\"addons\":[{\"qty\":1}]",
        "\"expires_at\":\"2026-11-20\"",
        "\"error\":null",
        "{\"success\":true}",
    ]);
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// A whole object of such pairs.
fn objects() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "success",
        "order_id",
        "order",
        "message",
        "error",
        "orders",
        "final_price",
    ]);
    let value = prop::sample::select(vec![
        "true",
        "false",
        "null",
        "1",
        "9.5",
        "\"true\"",
        "\"o-1\"",
        "[]",
        "{}",
        "{\"order_id\":\"o-2\"}",
        "[[[[]]]]",
    ]);
    vec((key, value), 0..4).prop_map(|pairs| {
        let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        format!("{{{}}}", pairs.join(","))
    })
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..200),
        pieces().prop_map(String::into_bytes),
        objects().prop_map(String::into_bytes),
    ]
}

fn statuses() -> impl Strategy<Value = u16> {
    prop_oneof![Just(200), Just(400), Just(404), 200..600_u16]
}

/// What alone may be a success, read in another way than the adapter does.
fn says_success(status: u16, body: &[u8]) -> bool {
    let json: Result<serde_json::Value, _> = serde_json::from_slice(body);
    status == 200 && json.is_ok_and(|json| json["success"] == serde_json::Value::Bool(true))
}

/// What alone may be a refusal.
fn says_refusal(status: u16, body: &[u8]) -> bool {
    let json: Result<serde_json::Value, _> = serde_json::from_slice(body);
    [400, 401, 403, 404].contains(&status)
        && json.is_ok_and(|json| json["success"] == serde_json::Value::Bool(false))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_bytes_are_a_success_or_a_refusal_that_do_not_say_so(status in statuses(), body in bodies()) {
        let words = Words::new(Redactor::default(), &SecretString::from(KEY));
        let order = OrderId::from("o-1");
        let paid = [reply::renewal(&order, status, &body, &words), reply::purchase(status, &body, &words)];
        for reply in paid {
            match reply {
                PaymentReply::Accepted { .. } => prop_assert!(says_success(status, &body)),
                PaymentReply::Refused { .. } => prop_assert!(says_refusal(status, &body)),
                PaymentReply::Unknown { .. } => {}
                PaymentReply::Ends { .. } => prop_assert!(false, "its answers tell no ends"),
                PaymentReply::NeverSent(_) => prop_assert!(false, "an answer proves that something was sent"),
            }
        }
        let request = ChangeRequest {
            account: "ps".into(),
            kind: "ISP Proxy".into(),
            order,
            leases: vec![LeaseId::from("o-1")],
            what: Change::Cycle("monthly".to_owned()),
        };
        match reply::change(&request, status, &body, &words) {
            ChangeReply::Done { .. } => prop_assert!(says_success(status, &body)),
            ChangeReply::Refused { .. } => prop_assert!(says_refusal(status, &body)),
            ChangeReply::Unknown { .. } => {}
            ChangeReply::Unsupported(_) | ChangeReply::NeverSent(_) => prop_assert!(false),
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
                // A body of an informational or empty status never arrives.
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
