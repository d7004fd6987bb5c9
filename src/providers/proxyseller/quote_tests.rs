//! What counts as a price, and for what.
use jiff::Timestamp;
use rstest::rstest;

use super::super::sample::request;
use super::*;
use crate::redact::Redactor;

const KEY: &str = "sk-very-secret-77";

fn told(body: &str, set: &Set<'_>) -> String {
    let words = Words::new(Redactor::default(), &KEY.into());
    let at = Moment { wall: Timestamp::UNIX_EPOCH, boot_id: String::new(), boot_ms: 0 };
    let said = match read(body.as_bytes(), set, at, &words) {
        Ok(q) => {
            let short = q.warnings.iter().filter(|w| w.short_of_funds).count();
            format!(
                "{} of {} {:?}, {} warnings, {short} short",
                q.price,
                q.balance.amount,
                q.method,
                q.warnings.len()
            )
        }
        Err(QuoteError::Refused { code, .. }) => format!("refused {code}"),
        Err(QuoteError::NotSold { days, .. }) => format!("{days} days are not sold"),
        Err(QuoteError::Unreadable(what)) => format!("unreadable: {what}"),
        Err(QuoteError::NoAnswer(_)) => "no answer".to_owned(),
    };
    assert!(!said.contains("very-secret"), "{said}");
    said
}

fn body(warning: &str, items: &str) -> String {
    format!(
        r#"{{"status":"success","data":{{"warning":{warning},"balance":40.4,"total":3.54,"quantity":2,"currency":"USD","discount":0.22,"items":[{items}],"orders":1}},"errors":[]}}"#
    )
}

const ONE: &str = r#"{"order_id":"o-1","ip":"203.0.113.1","price":1}"#;
const TWO: &str = r#"{"orderId":"o-1","ip":"203.0.113.2:50100","ip_only":"203.0.113.2"}"#;

#[rstest]
#[case::the_set(&[ONE, TWO], "3.54 of 40.40 Leases, 0 warnings, 0 short")]
#[case::in_another_order(&[TWO, ONE], "3.54 of 40.40 Leases, 0 warnings, 0 short")]
#[case::one_is_missing(&[ONE], "unreadable")]
#[case::one_stands_for_the_other(&[ONE, ONE], "unreadable")]
#[case::one_more(&[ONE, TWO, r#"{"order_id":"o-1","ip":"203.0.113.3"}"#], "unreadable")]
#[case::of_another_order(&[ONE, r#"{"order_id":"o-2","ip":"203.0.113.2"}"#], "unreadable")]
#[case::of_another_address(&[ONE, r#"{"order_id":"o-1","ip":"203.0.113.9"}"#], "unreadable")]
#[case::without_an_order(&[ONE, r#"{"ip":"203.0.113.2"}"#], "unreadable")]
#[case::without_an_address(&[ONE, r#"{"order_id":"o-1"}"#], "unreadable")]
#[case::no_object(&[ONE, "7"], "unreadable")]
fn a_price_is_for_exactly_the_asked_set(#[case] items: &[&str], #[case] want: &str) {
    let said = told(&body("\"\"", &items.join(",")), &Set::Leases(&request("IPv4")));
    assert!(said.starts_with(want), "{said}");
}

#[rstest]
#[case::empty("\"\"", "3.54 of 40.40 Leases, 0 warnings, 0 short")]
#[case::null("null", "3.54 of 40.40 Leases, 0 warnings, 0 short")]
#[case::an_empty_list("[]", "3.54 of 40.40 Leases, 0 warnings, 0 short")]
#[case::short_funds(
    "\"Insufficient funds. Total $2. Not enough $33.10\"",
    "3.54 of 40.40 Leases, 1 warnings, 1 short"
)]
#[case::anything_else("\"Prices change at noon\"", "3.54 of 40.40 Leases, 1 warnings, 0 short")]
#[case::of_another_shape(r#"{"code":7}"#, "3.54 of 40.40 Leases, 1 warnings, 0 short")]
fn a_warning_is_never_lost(#[case] warning: &str, #[case] want: &str) {
    assert_eq!(told(&body(warning, &[ONE, TWO].join(",")), &Set::Leases(&request("IPv4"))), want);
}

#[rstest]
#[case::a_bare_warning(r#"{"status":"error","data":{"warning":"Insufficient funds. Total $2","balance":2,"total":35.1,"items":[]},"errors":[]}"#, "35.10 of 2.00 Leases, 1 warnings, 1 short")]
#[case::a_bare_warning_of_other_words(
    r#"{"status":"error","data":{"warning":"Top up","balance":2,"total":35.1},"errors":[]}"#,
    "35.10 of 2.00 Leases, 1 warnings, 1 short"
)]
#[case::code_16_with_the_calculation(r#"{"status":"error","data":{"warning":"","balance":2,"total":35.1},"errors":[{"code":16,"message":"Insufficient funds on balance","customData":null}]}"#, "35.10 of 2.00 Leases, 1 warnings, 1 short")]
#[case::code_16_alone(
    r#"{"status":"error","data":null,"errors":[{"code":16,"message":"Insufficient funds"}]}"#,
    "refused 16"
)]
#[case::nothing_at_all(r#"{"status":"error","data":{"balance":2,"total":35.1},"errors":[]}"#, "unreadable")]
#[case::an_order_that_is_foreign(
    r#"{"status":"error","data":null,"errors":[{"code":29,"message":"Incorrect orderIds"}]}"#,
    "refused 29"
)]
#[case::no_access(r#"{"status":"error","data":null,"errors":[{"code":503,"message":"Error api key sk-very-secret-77"},{"code":503,"message":"b"},{"code":503,"message":"c"}]}"#, "refused 503")]
#[case::html("<html>", "unreadable")]
#[case::no_total(
    r#"{"status":"success","data":{"warning":"","balance":2,"items":[]},"errors":[]}"#,
    "unreadable"
)]
#[case::for_another_number(
    r#"{"status":"success","data":{"warning":"","balance":2,"total":1,"quantity":3,"items":[]},"errors":[]}"#,
    "unreadable"
)]
fn short_funds_and_refusals_are_told_apart(#[case] body: &str, #[case] want: &str) {
    let said = told(body, &Set::Leases(&request("IPv4")));
    assert!(said.starts_with(want), "{said}");
}

#[test]
fn a_price_for_nothing_or_below_is_none() {
    let good = body("\"\"", &[ONE, TWO].join(","));
    for total in ["0", "-1", "null", "\"much\"", "1e400"] {
        let said = told(&good.replace("3.54", total), &Set::Leases(&request("IPv4")));
        assert!(said.starts_with("unreadable: `total`"), "{total}: {said}");
    }
    let whole = told(&good, &Set::Leases(&request("MIX")));
    assert!(whole.contains("Leases"), "its items are the asked leases, so nothing hides in it: {whole}");
    assert!(told(&good, &Set::New(2)).starts_with("3.54"));
    assert!(told(&good, &Set::New(3)).starts_with("unreadable"));
}

#[test]
fn proxies_behind_one_gateway_are_told_apart_by_their_ports() {
    let mut asked = request("IPv6");
    for (lease, port) in asked.leases.iter_mut().zip([10_001, 10_002]) {
        (lease.ip, lease.port) = ("203.0.113.9".to_owned(), Some(port));
    }
    let item = |port: u16| format!(r#"{{"order_id":"o-1","ip":"203.0.113.9:{port}"}}"#);
    let of = |one, two| told(&body("\"\"", &format!("{},{}", item(one), item(two))), &Set::Leases(&asked));
    assert!(of(10_002, 10_001).starts_with("3.54"));
    assert!(of(10_001, 10_001).starts_with("unreadable"));
    assert!(of(10_001, 10_003).starts_with("unreadable"));
}
