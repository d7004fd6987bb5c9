//! New orders: what is sent, and what is told to be missing before anything is.
use super::super::sample::order;
use super::*;

fn sent(what: &str, request: &PurchaseRequest) -> String {
    assert_eq!(problems(request), [], "{request:?}");
    let (call, json) = ask(what, request);
    format!("{call} {}", String::from_utf8(json).unwrap())
}

#[test]
fn the_bodies_are_those_of_the_vendors_pages() {
    assert_eq!(
        sent("calc", &order("IPv4")),
        r#"order/calc/ipv4 {"type":"ipv4","countryId":"USA","periodId":"1m","quantity":2,"paymentId":"balance","customTargetName":"shop"}"#
    );
    let by_address = PurchaseRequest {
        auth: Some(PurchaseAuth::Ip("203.0.113.7".to_owned())),
        promo: Some("SAVE".to_owned()),
        protocol: Some("socks".to_owned()),
        period_days: Some(90),
        ..order("ipv6")
    };
    assert_eq!(
        sent("make", &by_address),
        r#"order/make/ipv6 {"type":"ipv6","countryId":"USA","periodId":"3m","quantity":2,"paymentId":"balance","coupon":"SAVE","authorization":"203.0.113.7","customTargetName":"shop","protocol":"SOCKS","generateAuth":"N"}"#
    );
    let mobile = PurchaseRequest {
        goal: None,
        operator: Some("o2".to_owned()),
        rotation: Some(600),
        quantity: 1,
        ..order("MOBILE")
    };
    assert_eq!(
        sent("make", &mobile),
        r#"order/make/mobile {"type":"mobile","countryId":"USA","periodId":"1m","quantity":1,"paymentId":"balance","operatorId":"o2","rotationId":10,"mobileServiceType":"dedicated","generateAuth":"Y"}"#
    );
}

#[test]
fn every_field_that_is_lacking_or_foreign_is_named() {
    let fields = |request: &PurchaseRequest| problems(request).iter().map(|p| p.field).collect::<Vec<_>>();
    let empty = PurchaseRequest {
        country: None,
        quantity: 0,
        period_days: None,
        goal: None,
        auth: None,
        promo: Some(" ".to_owned()),
        ..order("ISP")
    };
    assert_eq!(fields(&empty), ["quantity", "period", "country", "goal", "auth", "promo"]);
    let foreign = PurchaseRequest {
        protocol: Some("http".to_owned()),
        operator: Some("o2".to_owned()),
        rotation: Some(600),
        cycle: Some("monthly".to_owned()),
        auto_renewal: Some(true),
        addons: vec![("x".to_owned(), 1)],
        ..order("IPv4")
    };
    assert_eq!(fields(&foreign), ["protocol", "operator", "rotation", "cycle", "auto-renewal", "addon"]);
    assert_eq!(fields(&order("IPv6")), ["protocol"]);
    let odd = PurchaseRequest { operator: Some("o2".to_owned()), rotation: Some(90), ..order("MOBILE") };
    assert_eq!(fields(&odd), ["rotation"]);
    for kind in ["MIX", "mix_isp", "resident", ""] {
        assert_eq!(fields(&order(kind)), ["kind"], "{kind}");
    }
}
