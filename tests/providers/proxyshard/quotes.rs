//! Quotes from outside: what is asked, in which order, with how many tokens, and what a failing question does.
use std::sync::atomic::Ordering;

use renewd::domain::{Change, ChangeRequest, LeaseId, OrderId, PurchaseRequest, QuoteError};
use renewd::providers::Purpose;

use crate::proxyshard::bench::{Answer, Asked, me, ok, purchase, renewal, serve};
use crate::proxyshard::lists::detail;

const NO: &str = r#"{"success":false,"message":"Validation failed"}"#;

/// A held order at 9.00, a price list that answers so, and 25.00 in the wallet.
fn shop(calculate: Answer) -> impl FnMut(&Asked) -> Answer + Send {
    move |asked: &Asked| match asked.path.as_str() {
        "orders/calculate" => calculate.clone(),
        "me" => me(2500, 0),
        path => detail(path.trim_start_matches("orders/"), "on-hold"),
    }
}

#[tokio::test]
async fn a_quote_takes_the_tokens_of_all_that_follows_it_first() {
    let b = serve(shop(ok(r#"{"original_price":1000,"final_price":950,"discount_percent":5}"#))).await;
    let quote = b.reader.quote(&renewal()).await.unwrap();
    assert_eq!(
        (quote.price.to_string(), quote.balance.amount.to_string()),
        ("9.50".to_owned(), "25.00".to_owned())
    );
    assert_eq!((quote.paid_before.unwrap().to_string(), quote.warnings.len()), ("9.00".to_owned(), 0));
    assert_eq!(quote.asked_at.wall, "2026-11-21T06:00:00Z".parse().unwrap());
    assert_eq!(*b.limiter.0.lock().unwrap(), [(4, Purpose::Money)]);
    assert_eq!(b.limiter.1.load(Ordering::SeqCst), 2, "the other two questions use held tokens");
    assert_eq!(
        b.lines(),
        ["GET orders/o-1", "GET orders/calculate?product=ISP Proxy&cycle=monthly&quantity=1", "GET me"]
    );
}

#[tokio::test]
async fn whatever_the_price_list_says_a_renewal_is_quoted_by_the_order() {
    for calculate in
        [(400, NO.to_owned()), (403, NO.to_owned()), (500, String::new()), ok("<html>"), ok(NO), ok("{}")]
    {
        let b = serve(shop(calculate.clone())).await;
        let quote = b.reader.quote(&renewal()).await;
        assert_eq!(quote.unwrap().price.to_string(), "9.00", "{calculate:?}");
    }
}

#[tokio::test]
async fn without_the_order_or_the_wallet_there_is_no_quote() {
    let b = serve(|asked: &Asked| match asked.path.as_str() {
        "orders/o-1" => (404, NO.to_owned()),
        _ => me(1, 0),
    })
    .await;
    assert!(matches!(b.reader.quote(&renewal()).await, Err(QuoteError::Refused { code: 404, .. })));
    assert_eq!(b.lines(), ["GET orders/o-1"]);
    let b = serve(|asked: &Asked| match asked.path.as_str() {
        "me" => ok(r#"{"wallet_balance":25.5}"#),
        "orders/o-1" => detail("o-1", "on-hold"),
        _ => (400, NO.to_owned()),
    })
    .await;
    assert!(matches!(b.reader.quote(&renewal()).await, Err(QuoteError::Unreadable(_))));
}

#[tokio::test]
async fn several_orders_in_one_quote_are_refused_unasked() {
    let b = serve(shop(ok("{}"))).await;
    let mut two = renewal();
    two.leases.push(two.leases[0].clone());
    assert!(matches!(b.reader.quote(&two).await, Err(QuoteError::Refused { .. })));
    assert!(b.asked().is_empty());
}

#[tokio::test]
async fn a_purchase_is_quoted_as_it_will_be_sent() {
    let b = serve(shop(ok(
        r#"{"original_price":1000,"final_price":900,"addons_price":50,"total_with_addons":950}"#,
    )))
    .await;
    let quote = b.reader.quote_purchase(&purchase()).await.unwrap();
    assert_eq!(
        (quote.price.to_string(), quote.promo.map(|p| p.as_str())),
        ("9.50".to_owned(), Some("VALID"))
    );
    assert_eq!(*b.limiter.0.lock().unwrap(), [(3, Purpose::Money)]);
    assert_eq!(b.limiter.1.load(Ordering::SeqCst), 1);
    assert_eq!(
        b.lines(),
        [
            r#"GET orders/calculate?product=ISP Proxy&location=DE&cycle=monthly&quantity=2&promo_code=SAVE10&addons_json=[{"addon_key":"p0f","qty":1}]"#,
            "GET me"
        ]
    );
}

#[tokio::test]
async fn a_purchase_that_the_provider_will_not_take_is_not_quoted() {
    let b = serve(shop((400, NO.to_owned()))).await;
    let refused = b.reader.quote_purchase(&purchase()).await.unwrap_err();
    assert_eq!(refused, QuoteError::Refused { code: 400, message: "Validation failed".to_owned() });
    b.lines();
    let wrong = PurchaseRequest { country: None, ..purchase() };
    assert_eq!(b.reader.purchase_problems(&wrong)[0].field, "location");
    assert!(matches!(b.reader.quote_purchase(&wrong).await, Err(QuoteError::Refused { .. })));
    assert!(b.lines().is_empty());
}

fn to_cycle(cycle: &str) -> ChangeRequest {
    ChangeRequest {
        account: "ps".into(),
        kind: "ISP Proxy".into(),
        order: OrderId::from("o-1"),
        leases: vec![LeaseId::from("o-1")],
        what: Change::Cycle(cycle.to_owned()),
    }
}

#[tokio::test]
async fn another_cycle_is_priced_for_as_many_as_the_order_has() {
    let b = serve(shop(ok(r#"{"original_price":2700,"final_price":2400}"#))).await;
    let price = b.reader.quote_cycle(&to_cycle("quarterly"), "quarterly").await.unwrap();
    assert_eq!(price.unwrap().to_string(), "24.00");
    assert_eq!(
        b.lines(),
        ["GET orders/o-1", "GET orders/calculate?product=ISP Proxy&cycle=quarterly&quantity=1"]
    );
    let b = serve(shop((400, NO.to_owned()))).await;
    assert_eq!(b.reader.quote_cycle(&to_cycle("daily"), "daily").await, Ok(None));
    let b = serve(shop((503, String::new()))).await;
    assert!(matches!(b.reader.quote_cycle(&to_cycle("daily"), "daily").await, Err(QuoteError::NoAnswer(_))));
}

#[tokio::test]
async fn what_this_provider_can_do_is_told() {
    let b = serve(|_| ok("{}")).await;
    let can = b.reader.capabilities();
    assert_eq!(
        [can.renew_early, can.quote_is_bound, can.warns, can.auto_renewal, can.sells_cycles],
        [false, false, false, true, true]
    );
    assert_eq!((can.grace.unwrap().as_hours(), can.bundled_kinds.len()), (72, 0));
    assert_eq!(b.reader.periods(&"ISP Proxy".into()).await, Ok(vec![]));
    assert_eq!(b.reader.promo_codes().await, Ok(vec![]));
    assert!(b.asked().is_empty());
}
