//! Which fields a purchase of each kind needs, and the bodies that are sent.
use rstest::rstest;

use super::*;
use crate::domain::AccountName;

fn ask(kind: &str) -> PurchaseRequest {
    let text = |t: &str| Some(t.to_owned());
    PurchaseRequest {
        account: AccountName::from("yp"),
        kind: Kind::from(kind),
        country: text("USA"),
        quantity: 2,
        period_days: Some(30),
        cycle: None,
        promo: None,
        goal: text("shop"),
        auth: Some(PurchaseAuth::Login),
        protocol: (kind == "IPv6").then(|| "socks".to_owned()),
        operator: (kind == "MOBILE").then(|| "vodafone".to_owned()),
        rotation: (kind == "MOBILE").then_some(600),
        auto_renewal: None,
        addons: Vec::new(),
        mark: None,
    }
}

fn fields(request: &PurchaseRequest) -> Vec<&'static str> {
    problems(request).iter().map(|p| p.field).collect()
}

fn text(request: &PurchaseRequest, ask: Ask) -> String {
    String::from_utf8(body(request, ask)).unwrap()
}

#[rstest]
#[case("IPv4")]
#[case("IPv6")]
#[case("MOBILE")]
#[case("ISP")]
#[case("ipv4")]
fn a_whole_request_of_each_kind_has_no_problem(#[case] kind: &str) {
    assert_eq!(fields(&ask(kind)), [""; 0]);
}

#[test]
fn everything_that_is_lacking_is_told_at_once() {
    let empty = |kind: &str| PurchaseRequest {
        quantity: 0,
        country: None,
        period_days: None,
        goal: Some(" ".to_owned()),
        auth: None,
        protocol: None,
        operator: None,
        rotation: None,
        ..ask(kind)
    };
    let common = ["quantity", "period", "country", "goal", "auth"];
    assert_eq!(fields(&empty("IPv4")), common);
    assert_eq!(fields(&empty("ISP")), common);
    assert_eq!(fields(&empty("IPv6")), [&common[..], &["protocol"]].concat());
    assert_eq!(fields(&empty("MOBILE")), [&common[..], &["operator", "rotation"]].concat());
}

#[test]
fn what_a_kind_does_not_have_is_a_problem_too() {
    let all = |kind: &str| PurchaseRequest {
        cycle: Some("monthly".to_owned()),
        auto_renewal: Some(false),
        addons: vec![("p0f".to_owned(), 1)],
        mark: None,
        protocol: Some("http".to_owned()),
        operator: Some("vodafone".to_owned()),
        rotation: Some(600),
        ..ask(kind)
    };
    let foreign = ["cycle", "auto-renewal", "addon"];
    for kind in ["IPv4", "ISP"] {
        assert_eq!(fields(&all(kind)), [&["protocol", "operator", "rotation"], &foreign[..]].concat());
    }
    assert_eq!(fields(&all("IPv6")), [&["operator", "rotation"], &foreign[..]].concat());
    assert_eq!(fields(&all("MOBILE")), [&["protocol"], &foreign[..]].concat());
    assert_eq!(fields(&all("Datacenter Proxy")), ["kind"]);
}

#[rstest]
#[case(PurchaseRequest { country: Some("US".to_owned()), ..ask("IPv4") }, "country")]
#[case(PurchaseRequest { auth: Some(PurchaseAuth::Ip("here".to_owned())), ..ask("IPv4") }, "auth")]
#[case(PurchaseRequest { protocol: Some("ftp".to_owned()), ..ask("IPv6") }, "protocol")]
#[case(PurchaseRequest { rotation: Some(0), ..ask("MOBILE") }, "rotation")]
#[case(PurchaseRequest { promo: Some(String::new()), ..ask("IPv4") }, "promo")]
#[case(PurchaseRequest { period_days: Some(0), ..ask("IPv4") }, "period")]
fn what_cannot_be_what_it_says_is_a_problem(#[case] request: PurchaseRequest, #[case] field: &str) {
    assert_eq!(fields(&request), [field]);
}

#[test]
fn the_bodies_are_those_of_the_vendors_pages() {
    let v4 = PurchaseRequest {
        country: Some("usa".to_owned()),
        auth: Some(PurchaseAuth::Ip("203.0.113.7".to_owned())),
        promo: Some("SAVE10".to_owned()),
        ..ask("ipv4")
    };
    let common = |kind| {
        format!(r#"{{"proxyType":"{kind}","quantity":2,"rentPeriodDays":30,"country":"USA","goal":"shop""#)
    };
    assert_eq!(text(&v4, Ask::Price), common("IPv4") + r#","promoCode":"SAVE10"}"#);
    assert_eq!(
        text(&v4, Ask::Purchase),
        common("IPv4") + r#","authType":"IP","authIp":"203.0.113.7","promoCode":"SAVE10"}"#
    );
    assert_eq!(text(&ask("IPv6"), Ask::Price), common("IPv6") + "}");
    assert_eq!(
        text(&ask("IPv6"), Ask::Purchase),
        common("IPv6") + r#","authType":"LOGIN","protocol":"SOCKS"}"#
    );
    let mobile = r#""rotationTime":600,"mobileOperator":"vodafone"}"#;
    assert_eq!(text(&ask("MOBILE"), Ask::Price), common("MOBILE") + "," + mobile);
    assert_eq!(text(&ask("MOBILE"), Ask::Purchase), common("MOBILE") + r#","authType":"LOGIN","# + mobile);
    assert_eq!(text(&ask("ISP"), Ask::Purchase), common("ISP") + r#","authType":"LOGIN"}"#);
}
