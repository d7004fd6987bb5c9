//! What can be bought and what it costs: the calls, their bodies and tokens, against a local server.
use renewd::domain::{QuoteError, Stock};
use renewd::providers::{Purpose, ReadError};

use super::answers::purchase;
use super::{WRONG_KEY, bench, price};

const KINDS: &str = r#"{"success":true,"proxyTypes":["IPv4","MOBILE"],"error":null}"#;
const COUNTRIES: &str =
    r#"{"success":true,"countries":[{"id":1,"alpha3code":"USA","name":"United States"}],"error":null}"#;
const PERIODS: &str = include_str!("../../replies/youproxy/rent_period.json");
const OPERATORS: &str =
    r#"{"success":true,"mobileOperators":[{"tag":"vodafone","rotationTimes":[300,600]}],"error":null}"#;
const PROMOS: &str = include_str!("../../replies/youproxy/promo_codes.json");

#[tokio::test]
async fn the_catalogue_is_every_list_of_every_kind() {
    let answers = [KINDS, COUNTRIES, PERIODS, COUNTRIES, PERIODS, OPERATORS, PROMOS].map(|body| (200, body));
    let b = bench(&answers).await;
    let catalogue = b.reader.catalogue().await.unwrap();
    let shown: Vec<String> = catalogue
        .offers
        .iter()
        .map(|o| format!("{} {:?} {} {}", o.kind, o.countries, o.periods.len(), o.operators.len()))
        .collect();
    assert_eq!(shown, [r#"IPv4 ["USA"] 5 0"#, r#"MOBILE ["USA"] 5 1"#]);
    assert_eq!(catalogue.offers[1].operators[0].rotations, [300, 600]);
    assert_eq!(catalogue.offers[0].stock, [] as [Stock; 0]);
    assert_eq!(catalogue.promos.iter().map(|p| p.code.as_str()).collect::<Vec<_>>(), ["SAVE10", "EVER"]);
    assert_eq!(
        b.asked(),
        [
            "GET proxyType",
            "GET country?proxyType=IPv4",
            "GET rentPeriod?proxyType=IPv4",
            "GET country?proxyType=MOBILE",
            "GET rentPeriod?proxyType=MOBILE",
            "GET mobileOperator",
            "GET promoCode"
        ]
    );
    assert!(b.tokens().iter().all(|token| *token == (1, Purpose::Routine)));
}

#[tokio::test]
async fn lists_that_cannot_be_read_are_empty_and_the_four_kinds_are_known() {
    let odd = r#"{"success":true,"list":"none","error":null}"#;
    let b = bench(&[(200, odd); 11]).await;
    let catalogue = b.reader.catalogue().await.unwrap();
    let kinds: Vec<&str> = catalogue.offers.iter().map(|o| o.kind.as_str()).collect();
    assert_eq!(kinds, ["IPv4", "IPv6", "MOBILE", "ISP"]);
    assert!(catalogue.offers.iter().all(|o| o.countries.is_empty() && o.periods.is_empty()));
    assert!(catalogue.promos.is_empty());
}

#[tokio::test]
async fn an_account_that_cannot_be_read_has_no_catalogue() {
    let b = bench(&[(200, KINDS), (200, WRONG_KEY)]).await;
    assert!(matches!(b.reader.catalogue().await, Err(ReadError::WrongKey { .. })));
    let b = bench(&[(200, KINDS), (404, "")]).await;
    assert!(matches!(b.reader.catalogue().await, Err(ReadError::NoAnswer(_))));
}

#[tokio::test]
async fn a_price_of_an_order_takes_the_payments_token_too() {
    let b = bench(&[(200, &price("MOBILE", "63.00"))]).await;
    let quote = b.reader.quote_purchase(&purchase("MOBILE")).await.unwrap();
    assert_eq!(quote.price.to_string(), "63.00");
    assert_eq!(quote.asked_at.wall, "2026-11-21T06:00:00Z".parse().unwrap());
    assert_eq!(b.tokens(), [(2, Purpose::Money)]);
    assert_eq!(
        b.asked(),
        [
            r#"POST calculate/order {"proxyType":"MOBILE","quantity":2,"rentPeriodDays":30,"country":"USA","goal":"shop","rotationTime":600,"mobileOperator":"vodafone","promoCode":"SAVE10"}"#
        ]
    );
}

#[tokio::test]
async fn a_request_with_a_problem_asks_for_no_price() {
    let b = bench(&[]).await;
    let mut request = purchase("IPv4");
    request.goal = None;
    assert!(matches!(b.reader.quote_purchase(&request).await, Err(QuoteError::Unreadable(_))));
    assert!(b.asked().is_empty());
}
