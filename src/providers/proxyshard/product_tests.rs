//! What each of the five bodies needs, takes and refuses, and how it is spelled.
use rstest::rstest;

use super::*;
use crate::domain::{AccountName, Kind, PurchaseAuth};
use crate::providers::proxyshard::wire;

fn bare(product: &str) -> PurchaseRequest {
    PurchaseRequest {
        account: AccountName::from("ps"),
        kind: Kind::from(product),
        country: None,
        quantity: 1,
        period_days: None,
        cycle: None,
        promo: None,
        goal: None,
        auth: None,
        protocol: None,
        operator: None,
        rotation: None,
        auto_renewal: None,
        addons: Vec::new(),
        mark: None,
    }
}

fn full(product: &str) -> PurchaseRequest {
    PurchaseRequest {
        country: Some("DE".to_owned()),
        cycle: Some("monthly".to_owned()),
        quantity: 3,
        promo: Some("SAVE10".to_owned()),
        auto_renewal: Some(false),
        addons: vec![("p0f".to_owned(), 2)],
        mark: None,
        ..bare(product)
    }
}

fn fields(request: &PurchaseRequest) -> Vec<&'static str> {
    problems(request).into_iter().map(|problem| problem.field).collect()
}

#[rstest]
#[case("Datacenter Proxy", &["location", "cycle"], &[])]
#[case("isp proxy", &["location", "cycle"], &[])]
#[case("Standart Residential Proxy", &[], &["location", "cycle", "auto-renewal"])]
#[case("Premium Residential Proxy", &[], &["location", "cycle", "auto-renewal"])]
#[case("Unmetered Residential proxy", &["cycle"], &["location", "auto-renewal"])]
#[case("Mobile Proxy", &["cycle"], &["auto-renewal"])]
fn each_product_needs_its_fields_and_refuses_the_others(
    #[case] product: &str,
    #[case] missing: &[&str],
    #[case] foreign: &[&str],
) {
    assert_eq!(fields(&bare(product)), missing);
    assert_eq!(fields(&full(product)), foreign);
}

#[rstest]
#[case("Datacenter Proxy", r#"{"product":"Datacenter Proxy","location":"DE","cycle":"monthly","quantity":3,"promo_code":"SAVE10","auto_renewal":false,"addons":[{"addon_key":"p0f","qty":2}]}"#)]
#[case("isp proxy", r#"{"product":"ISP Proxy","location":"DE","cycle":"monthly","quantity":3,"promo_code":"SAVE10","auto_renewal":false,"addons":[{"addon_key":"p0f","qty":2}]}"#)]
#[case("Standard Residential Proxy", r#"{"product":"Standart Residential Proxy","quantity":3,"promo_code":"SAVE10","addons":[{"addon_key":"p0f","qty":2}]}"#)]
#[case("Premium Residential Proxy", r#"{"product":"Premium Residential Proxy","quantity":3,"promo_code":"SAVE10","addons":[{"addon_key":"p0f","qty":2}]}"#)]
#[case("Unmetered Residential Proxy", r#"{"product":"Unmetered Residential proxy","cycle":"monthly","quantity":3,"promo_code":"SAVE10","addons":[{"addon_key":"p0f","qty":2}]}"#)]
#[case(" Mobile Proxy ", r#"{"product":"Mobile Proxy","location":"DE","cycle":"monthly","quantity":3,"promo_code":"SAVE10","addons":[{"addon_key":"p0f","qty":2}]}"#)]
fn each_body_is_the_vendors_own(#[case] product: &str, #[case] json: &str) {
    assert_eq!(String::from_utf8(wire::body(&body(&full(product)))).unwrap(), json);
}

#[test]
fn what_was_not_said_is_not_sent() {
    let request = PurchaseRequest {
        country: Some(" DE ".to_owned()),
        cycle: Some("monthly".to_owned()),
        ..bare("ISP Proxy")
    };
    let json = r#"{"product":"ISP Proxy","location":"DE","cycle":"monthly","quantity":1}"#;
    assert_eq!(String::from_utf8(wire::body(&body(&request))).unwrap(), json);
}

#[test]
fn fields_of_other_providers_and_impossible_values_are_refused() {
    let request = PurchaseRequest {
        quantity: 0,
        period_days: Some(30),
        promo: Some(" ".to_owned()),
        goal: Some("seo".to_owned()),
        auth: Some(PurchaseAuth::Login),
        protocol: Some("http".to_owned()),
        operator: Some("o2".to_owned()),
        rotation: Some(60),
        addons: vec![(" ".to_owned(), 1), ("a".to_owned(), 0), ("b".to_owned(), 1), ("b".to_owned(), 2)],
        mark: None,
        ..bare("Premium Residential Proxy")
    };
    let want = [
        "quantity", "promo", "addon", "addon", "addon", "period", "goal", "auth", "protocol", "operator",
        "rotation",
    ];
    assert_eq!(fields(&request), want);
    assert_eq!(fields(&bare(" ")), ["product"]);
    assert_eq!(fields(&PurchaseRequest { country: Some(" ".to_owned()), ..full("ISP Proxy") }), ["location"]);
}

#[rstest]
#[case("dc", "Datacenter Proxy", true)]
#[case("DC", "datacenter proxy", true)]
#[case("isp", "ISP Proxy", true)]
#[case("isp", "Datacenter Proxy", false)]
#[case("Premium Residential Proxy", "Premium Residential Proxy", true)]
#[case("", "ISP Proxy", false)]
fn a_short_code_means_a_product(#[case] code: &str, #[case] product: &str, #[case] means: bool) {
    assert_eq!(is_meant(code, product), means);
}

#[test]
fn only_datacenter_and_isp_orders_change_their_cycle_or_auto_renewal() {
    let auto = Change::AutoRenewal { on: true, period_days: 30, whole_order: true };
    for change in [auto, Change::Cycle("monthly".to_owned())] {
        assert!(cannot_change("Unmetered Residential proxy", &change).is_some());
        assert!(cannot_change("ISP Proxy", &change).is_none());
    }
    assert!(cannot_change("Premium Residential Proxy", &Change::Tag(None)).is_none());
}
