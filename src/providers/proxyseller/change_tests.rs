//! Switching auto-renewal: what each answer proves.
use rstest::rstest;

use super::*;
use crate::redact::Redactor;

fn verdict(path: &str, asked: &[&str], body: &str) -> String {
    let words = Words::new(Redactor::default(), &"sk-very-secret-77".into());
    let asked: Vec<String> = asked.iter().map(ToString::to_string).collect();
    match judge(Type::find(path).unwrap(), &asked, 200, body.as_bytes(), &words) {
        ChangeReply::Done { message, .. } => {
            format!("done {}", message.unwrap_or_default()).trim().to_owned()
        }
        ChangeReply::Refused { code, .. } => format!("refused {code}"),
        ChangeReply::Unknown { code, message } => {
            assert!(!message.is_empty() && !message.contains("very-secret"), "{message}");
            code.map_or("unknown".to_owned(), |code| format!("unknown {code}"))
        }
        other => format!("{other:?}"),
    }
}

#[rstest]
#[case::as_asked("ipv4", r#"{"ids":["b","a"],"orderIds":["o"],"quantity":2,"warning":""}"#, "done")]
#[case::although_funds_are_short(
    "ipv4",
    r#"{"ids":["a","b"],"warning":"Insufficient funds"}"#,
    "done Insufficient funds"
)]
#[case::fewer("ipv4", r#"{"ids":["a"]}"#, "unknown")]
#[case::others("ipv4", r#"{"ids":["a","c"]}"#, "unknown")]
#[case::none_named("ipv4", r#"{"quantity":2}"#, "unknown")]
#[case::no_object("ipv4", "[]", "unknown")]
#[case::whole_orders_touch_more("ipv6", r#"{"ids":["x","y","z"],"orderIds":["a","b"]}"#, "done")]
#[case::other_orders("ipv6", r#"{"ids":["a","b"],"orderIds":["c"]}"#, "unknown")]
fn a_change_is_done_where_it_names_what_was_asked_for(
    #[case] path: &str,
    #[case] data: &str,
    #[case] want: &str,
) {
    let body = format!(r#"{{"status":"success","data":{data},"errors":[]}}"#);
    assert_eq!(verdict(path, &["a", "b"], &body), want);
}

#[rstest]
#[case::a_field(r#"{"code":0,"message":"Incorrect periodId sk-very-secret-77"}"#, "refused 0")]
#[case::an_order(r#"{"code":29,"message":"Incorrect orderIds"}"#, "refused 29")]
#[case::under_way(r#"{"code":57,"message":"Prolong for this order is already in progress"}"#, "unknown 57")]
#[case::anything_else(r#"{"code":999,"message":"?"}"#, "unknown 999")]
fn refusals_are_those_of_payments(#[case] error: &str, #[case] want: &str) {
    let body = format!(r#"{{"status":"error","data":null,"errors":[{error}]}}"#);
    assert_eq!(verdict("ipv4", &["a"], &body), want);
}
