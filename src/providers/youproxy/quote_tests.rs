//! Quotes: what is read, and what is refused rather than guessed.
use rstest::rstest;
use secrecy::SecretString;

use super::*;
use crate::redact::Redactor;

const GOOD: &str = r#"{"success":true,"proxyType":"IPv4","balance":10.5,"price":2.65,"currency":"USD",
    "discount":0,"promoCodeStatus":null,"error":null,"warnings":null}"#;

fn read_as(body: &str, promo: Option<&str>) -> Result<Quote, Trouble> {
    let words = Words::new(Redactor::default(), &SecretString::from("sk-very-secret"));
    let kind = Kind::from("IPv4");
    let at = Moment { wall: "2026-11-21T06:00:00Z".parse().unwrap(), boot_id: String::new(), boot_ms: 0 };
    let asked = Asked { kind: &kind, promo: promo.is_some(), method: Method::Leases, at };
    read(body.as_bytes(), asked, &words)
}

fn changed(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    GOOD.replace(from, to)
}

#[test]
fn a_good_answer_is_read_exactly() {
    let quote = read_as(GOOD, None).unwrap();
    assert_eq!(quote.price.to_string(), "2.65");
    assert_eq!(
        (quote.balance.amount.to_string(), quote.balance.currency.as_str()),
        ("10.50".to_owned(), "USD")
    );
    assert_eq!((quote.promo, quote.warnings, quote.method), (None, vec![], Method::Leases));
    assert!(read_as(&changed(r#""IPv4""#, r#""ipv4""#), None).is_ok());
    assert_eq!(read_as(&changed("2.65", "2.65e0"), None).unwrap().price, quote.price);
    assert!(read_as(&changed("10.5", "-3"), None).unwrap().balance.amount.is_negative());
}

#[rstest]
#[case::price_as_text("2.65", r#""2.65""#)]
#[case::price_zero("2.65", "0.00")]
#[case::price_below_zero("2.65", "-2.65")]
#[case::price_null("2.65", "null")]
#[case::price_beyond_money("2.65", "1e400")]
#[case::price_missing(r#""price":2.65,"#, "")]
#[case::price_twice(r#""price":2.65,"#, r#""price":2.65,"price":2.65,"#)]
#[case::balance_null("10.5", "null")]
#[case::balance_as_text("10.5", r#""10.5""#)]
#[case::currency_empty(r#""USD""#, r#""""#)]
#[case::currency_null(r#""USD""#, "null")]
#[case::other_kind(r#""IPv4""#, r#""IPv6""#)]
#[case::kind_missing(r#""proxyType":"IPv4","#, "")]
#[case::warnings_missing(r#","warnings":null"#, "")]
#[case::success_as_text("true", r#""true""#)]
#[case::success_one("true", "1")]
#[case::success_and_error(r#""error":null"#, r#""error":{"code":16,"message":"x"}"#)]
#[case::neither(r#""success":true"#, r#""success":false"#)]
#[case::trailing_bytes("null}", "null} x")]
#[case::cut_off(r#","warnings":null}"#, "")]
#[case::an_array("{", "[{")]
fn what_cannot_be_read_is_no_quote(#[case] from: &str, #[case] to: &str) {
    let answer = read_as(&changed(from, to), None);
    assert!(matches!(answer, Err(Trouble::Unreadable(_))), "{answer:?}");
}

#[rstest]
#[case("[]", &[])]
#[case("null", &[])]
#[case(r#"[{"code":16,"message":"Insufficient funds on balance"}]"#, &[(Some(16), "Insufficient funds on balance")])]
#[case(r#"{"code":16,"message":"Insufficient funds on balance"}"#, &[(Some(16), "Insufficient funds on balance")])]
#[case(r#"["price changes soon", {"code":7}]"#, &[(None, "price changes soon"), (Some(7), "")])]
#[case(r#""soon""#, &[(None, "soon")])]
#[case("[null]", &[(None, "null")])]
#[case("{}", &[(None, "{}")])]
#[case("false", &[(None, "false")])]
#[case(r#"["key sk-very-secret"]"#, &[(None, "key [redacted]")])]
fn any_shape_of_warning_warns(#[case] json: &str, #[case] want: &[(Option<i64>, &str)]) {
    let quote = read_as(&changed(r#""warnings":null"#, &format!(r#""warnings":{json}"#)), None).unwrap();
    let got: Vec<_> = quote.warnings.iter().map(|w| (w.code, w.message.as_str())).collect();
    assert_eq!(got, want);
    assert!(quote.warnings.iter().all(|w| w.short_of_funds == (w.code == Some(16))));
}

#[rstest]
#[case(Some("SAVE10"), r#""VALID""#, Some(PromoStatus::Valid))]
#[case(Some("SAVE10"), r#""NO_VALID""#, Some(PromoStatus::Invalid))]
#[case(Some("SAVE10"), r#""valid?""#, Some(PromoStatus::Invalid))]
#[case(Some("SAVE10"), "null", Some(PromoStatus::Invalid))]
#[case(Some("SAVE10"), "true", Some(PromoStatus::Invalid))]
#[case(None, "null", None)]
#[case(None, r#""NO_VALID""#, None)]
fn a_code_is_valid_only_if_the_answer_says_so(
    #[case] sent: Option<&str>,
    #[case] status: &str,
    #[case] want: Option<PromoStatus>,
) {
    let body = changed(r#""promoCodeStatus":null"#, &format!(r#""promoCodeStatus":{status}"#));
    assert_eq!(read_as(&body, sent).unwrap().promo, want);
}

#[test]
fn an_error_keeps_its_code_and_loses_secrets() {
    let body = r#"{"success":false,"balance":1,"price":null,"error":{"code":24,"message":"Incorrect sk-very-secret"}}"#;
    let want = Trouble::Error { code: 24, message: "Incorrect [redacted]".to_owned() };
    assert_eq!(read_as(body, None), Err(want));
    let text_code = r#"{"success":false,"error":{"code":"24","message":"x"}}"#;
    assert!(matches!(read_as(text_code, None), Err(Trouble::Unreadable(_))));
}
