//! What a renewal and a purchase are priced at, and what renewd warns of in the provider's place.
use rstest::rstest;
use secrecy::SecretString;

use super::*;
use crate::domain::{AccountName, Currency, Kind, LeaseId, OrderId, RequestLease, TermEnd};
use crate::providers::proxyshard::detail;
use crate::redact::Redactor;

fn words() -> Words {
    Words::new(Redactor::default(), &SecretString::from("sk-very-secret-77"))
}

fn request() -> RenewalRequest {
    RenewalRequest {
        account: AccountName::from("ps"),
        kind: Kind::from("ISP Proxy"),
        leases: vec![RequestLease {
            id: LeaseId::from("o-1"),
            order: OrderId::from("o-1"),
            ip: String::new(),
            told: Default::default(),
            port: None,
            expires_at: "2026-11-20T00:00:00Z".parse().unwrap(),
        }],
        period_days: 30,
        cycle: Some("monthly".to_owned()),
        promo: None,
        method: Method::Leases,
    }
}

fn asked_at() -> Moment {
    Moment { wall: "2026-11-21T06:00:00Z".parse().unwrap(), boot_id: String::new(), boot_ms: 0 }
}

fn wallet(cents: i64) -> Balance {
    Balance { amount: Money::from_cents(cents), currency: Currency::from("USD") }
}

/// A quote for an order with these fields, where a new one costs this (an answer's fields), with 100 USD in the wallet.
fn quote(order: &str, new: Option<&str>) -> Result<Quote, QuoteError> {
    let body = format!(r#"{{"success":true,"order":{{{order}}}}}"#);
    let detail = detail::read(body.as_bytes(), "o-1", &words()).unwrap();
    let calculated =
        new.and_then(|fields| Calculated::read(format!("{{{fields}}}").as_bytes(), &words()).ok());
    let (request, asked_at) = (request(), asked_at());
    Renewal { request: &request, detail: &detail, calculated, wallet: wallet(10_000), asked_at }
        .quote(&words())
}

const HELD: &str = r#""status":"on-hold","expires_at":"2026-11-20T00:00:00Z","quantity":2"#;
const ADDON: &str = r#""addons":[{"addon_key":"p0f","qty":1,"price_per_unit":50,"pending":null}]"#;

#[rstest]
#[case::paid_alone(r#""price_paid":900"#, None, "9.00")]
#[case::a_new_one_is_dearer(
    r#""price_paid":900"#,
    Some(r#""original_price":1200,"final_price":1100,"discount_percent":8"#),
    "11.00"
)]
#[case::a_new_one_is_cheaper(r#""price_paid":900"#, Some(r#""final_price":800"#), "9.00")]
#[case::with_addons(&format!(r#""price_paid":900,"addons_price_paid":50,{ADDON}"#), Some(r#""final_price":1100,"addons_price":50,"total_with_addons":1150"#), "11.50")]
#[case::not_told_but_calculated("\"tag\":\"x\"", Some(r#""final_price":800"#), "8.00")]
#[case::not_told_with_addons_and_calculated(
    ADDON,
    Some(r#""final_price":800,"total_with_addons":850"#),
    "8.50"
)]
fn the_price_is_the_higher_of_what_was_paid_and_what_a_new_one_costs(
    #[case] order: &str,
    #[case] new: Option<&str>,
    #[case] price: &str,
) {
    let quote = quote(&format!("{HELD},{order}"), new).unwrap();
    assert_eq!(quote.price.to_string(), price);
    assert_eq!((quote.warnings.len(), quote.promo, quote.balance), (0, None, wallet(10_000)));
}

#[rstest]
#[case::neither(HELD, None)]
#[case::no_price_paid_and_no_quantity(r#""status":"on-hold""#, Some(r#""final_price":800"#))]
#[case::no_price_paid_and_no_total_for_its_addons(&format!("{HELD},{ADDON}"), Some(r#""final_price":800"#))]
#[case::no_price_paid_and_addons_that_cannot_be_read(&format!(r#"{HELD},"addons":"none""#), Some(r#""final_price":800"#))]
#[case::paid_in_fractions(&format!(r#"{HELD},"price_paid":9.5"#), Some(r#""final_price":800"#))]
#[case::free(&format!(r#"{HELD},"price_paid":0"#), None)]
#[case::calculated_in_fractions(HELD, Some(r#""final_price":8.5"#))]
fn a_price_that_nobody_tells_is_no_quote(#[case] order: &str, #[case] new: Option<&str>) {
    let quote = quote(order, new);
    assert!(matches!(quote, Err(QuoteError::Unreadable(_))), "{quote:?}");
}

#[rstest]
#[case::active(r#""status":"Active","price_paid":900"#, "active again", false)]
#[case::cancelled(r#""status":"canceled","price_paid":900"#, "cancelled", false)]
#[case::unknown(r#""status":"frozen","price_paid":900"#, "`frozen`, which nobody knows", false)]
#[case::not_told(r#""price_paid":900"#, "does not say whether it is on hold", false)]
#[case::another_end(
    r#""status":"on_hold","expires_at":"2026-12-20T00:00:00Z","price_paid":900"#,
    "not 2026-11-20T00:00:00Z as expected",
    false
)]
#[case::too_dear(
    r#""status":"on_hold","price_paid":10001"#,
    "100.01 USD needed, the wallet has 100.00",
    true
)]
fn what_stands_against_a_renewal_is_a_warning(#[case] order: &str, #[case] part: &str, #[case] short: bool) {
    let quote = quote(order, None).unwrap();
    assert_eq!(quote.warnings.len(), 1, "{:?}", quote.warnings);
    assert!(quote.warnings[0].message.contains(part), "{:?}", quote.warnings);
    assert_eq!(quote.warnings[0].short_of_funds, short);
}

#[test]
fn what_was_paid_before_is_kept_apart_from_pending_changes() {
    let cancel =
        r#""addons":[{"addon_key":"p0f","qty":1,"price_per_unit":50,"pending":{"action":"cancel"}}]"#;
    let quote = quote(&format!(r#"{HELD},"price_paid":900,"addons_price_paid":50,{cancel}"#), None).unwrap();
    assert_eq!(quote.paid_before, Some(Money::from_cents(950)));
    assert_eq!(quote.price, Money::from_cents(900));
}

fn buy(promo: Option<&str>, addons: usize, answer: &str) -> Result<Quote, QuoteError> {
    let request = PurchaseRequest {
        account: AccountName::from("ps"),
        kind: Kind::from("ISP Proxy"),
        country: Some("DE".to_owned()),
        quantity: 1,
        period_days: None,
        cycle: Some("monthly".to_owned()),
        promo: promo.map(ToOwned::to_owned),
        goal: None,
        auth: None,
        protocol: None,
        operator: None,
        rotation: None,
        auto_renewal: None,
        addons: vec![("p0f".to_owned(), 1); addons],
        mark: None,
    };
    let calculated = Calculated::read(answer.as_bytes(), &words())?;
    purchase(&request, &calculated, wallet(1000), asked_at())
}

#[rstest]
#[case(None, 0, r#"{"original_price":900,"final_price":900,"discount_percent":0}"#, "9.00 - 0")]
#[case(Some("SAVE10"), 0, r#"{"original_price":1000,"final_price":900}"#, "9.00 VALID 0")]
#[case(Some("SAVE10"), 0, r#"{"original_price":900,"final_price":900}"#, "9.00 NO_VALID 0")]
#[case(Some("SAVE10"), 0, r#"{"final_price":900}"#, "9.00 NO_VALID 0")]
#[case(None, 1, r#"{"final_price":900,"total_with_addons":1001}"#, "10.01 - 1")]
fn a_purchase_costs_what_the_provider_calculates(
    #[case] promo: Option<&str>,
    #[case] addons: usize,
    #[case] answer: &str,
    #[case] want: &str,
) {
    let quote = buy(promo, addons, answer).unwrap();
    let promo = quote.promo.map_or("-", PromoStatus::as_str);
    assert_eq!(format!("{} {promo} {}", quote.price, quote.warnings.len()), want);
    assert!(quote.warnings.iter().all(|warning| warning.short_of_funds));
}

#[rstest]
#[case(0, r#"{"final_price":0}"#)]
#[case(0, r#"{"final_price":"900"}"#)]
#[case(0, r#"{"final_price":9.5}"#)]
#[case(0, "{}")]
#[case(0, "[]")]
#[case(0, r#"{"final_price":900,"final_price":900}"#)]
#[case(1, r#"{"final_price":900}"#)]
fn a_purchase_without_a_readable_price_is_no_quote(#[case] addons: usize, #[case] answer: &str) {
    let quote = buy(None, addons, answer);
    assert!(matches!(quote, Err(QuoteError::Unreadable(_))), "{quote:?}");
}

#[rstest]
#[case::on_hold(HELD, Some((true, None)))]
#[case::its_flag_too(&format!(r#"{HELD},"auto_renewal":true"#), Some((true, Some(true))))]
#[case::without_an_end(r#""status":"on-hold","auto_renewal":false"#, Some((false, Some(false))))]
#[case::an_end_that_cannot_be_read(r#""status":"on-hold","expires_at":"soon""#, None)]
#[case::active_again(r#""status":"active","expires_at":"2026-11-20T00:00:00Z""#, None)]
#[case::a_status_that_nobody_knows(r#""status":"frozen""#, None)]
#[case::no_status(r#""expires_at":"2026-11-20T00:00:00Z""#, None)]
fn a_quote_tells_the_order_as_it_read_it_only_where_it_is_on_hold(
    #[case] order: &str,
    #[case] told: Option<(bool, Option<bool>)>,
) {
    let quote = quote(&format!(r#"{order},"price_paid":900"#), None).unwrap();
    let end = TermEnd::instant("2026-11-20T00:00:00Z".parse().unwrap());
    let want =
        told.map(|(end_told, provider_renews)| OrderNow { end: end_told.then_some(end), provider_renews });
    assert_eq!(quote.order, want);
}
