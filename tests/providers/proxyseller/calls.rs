//! Every call's method, path, query and body, as the vendor's pages and SDKs have them; and what is read on where a list is a part.
use renewd::domain::{Doubt, Kind, QuoteError};
use renewd::providers::{Purpose, ReadError};
use rstest::rstest;

use super::{BALANCE, bench, list, read, record, request};

const QUOTE: &str = r#"{"status":"success","data":{"warning":"","balance":40.4,"total":3.54,"quantity":2,"currency":"USD",
    "items":[{"order_id":"o-1","ip":"203.0.113.1"},{"order_id":"o-1","ip":"203.0.113.2"}]},"errors":[]}"#;

#[tokio::test]
async fn an_account_is_read_with_two_calls_and_its_logins_stay_behind() {
    let b = bench(&[(200, &list(&[record(1, "64af01"), record(2, "64af02")])), (200, BALANCE)]).await;
    let inventory = b.reader.inventory(Purpose::Routine).await.unwrap();
    let ids: Vec<&str> = inventory.leases.iter().map(|l| l.id).collect();
    assert_eq!(ids, ["ipv4:o-1:203.0.113.1", "ipv4:o-1:203.0.113.2"]);
    assert_eq!(
        (inventory.balance.amount.to_string().as_str(), inventory.balance.currency.as_str()),
        ("40.40", "USD")
    );
    assert_eq!(b.asked(), ["GET proxy/list", "GET balance/get"]);
    assert_eq!(b.tokens(), [(1, Purpose::Routine); 2]);
    assert!(!format!("{inventory:?}").contains("hidden"));
}

#[tokio::test]
async fn a_price_is_asked_by_the_ids_of_today() {
    let b = read().await;
    b.then(200, QUOTE);
    let quote = b.reader.quote(&request("IPv4")).await.unwrap();
    assert_eq!(quote.price.to_string(), "3.54");
    // Each renewal gives other ids; the lease stays the same.
    b.then(200, &list(&[record(1, "64af91"), record(2, "64af92")]));
    b.then(200, BALANCE);
    b.reader.inventory(Purpose::Money).await.unwrap();
    b.then(200, QUOTE);
    b.reader.quote(&request("IPv4")).await.unwrap();
    let asked = b.asked();
    assert_eq!(
        asked[2],
        r#"POST prolong/calc/ipv4 {"ids":["64af01","64af02"],"periodId":"1m","paymentId":"balance"}"#
    );
    assert_eq!(
        asked[5],
        r#"POST prolong/calc/ipv4 {"ids":["64af91","64af92"],"periodId":"1m","paymentId":"balance"}"#
    );
    assert_eq!(b.reader.names(&request("IPv4").leases), ["64af91", "64af92"]);
    assert_eq!(b.tokens()[2], (2, Purpose::Money), "its own token and the payment's");
}

#[tokio::test]
async fn whole_orders_are_asked_by_their_ids_and_unknown_leases_not_at_all() {
    let b = bench(&[(200, QUOTE)]).await;
    b.reader.quote(&request("MIX_ISP")).await.unwrap();
    assert_eq!(
        b.asked(),
        [r#"POST prolong/calc/mix_isp {"orderIds":["o-1"],"periodId":"1m","paymentId":"balance"}"#]
    );
    let b = bench(&[]).await;
    assert!(matches!(b.reader.quote(&request("IPv4")).await, Err(QuoteError::Unreadable(_))));
    assert_eq!(b.asked().len(), 0);
}

#[tokio::test]
async fn periods_are_read_from_the_reference_of_their_type() {
    let reference = r#"{"status":"success","data":{"items":{"period":[{"id":"1m","name":"1 month"},{"id":"3m"}]}},"errors":[]}"#;
    let b = bench(&[(200, reference)]).await;
    assert_eq!(b.reader.periods(&Kind::from("MOBILE")).await.unwrap(), [30, 90]);
    assert_eq!(b.asked(), ["GET reference/list/mobile"]);
}

#[tokio::test]
async fn the_log_of_renewals_is_read_page_by_page() {
    let b = read().await;
    let page = |n: u8| {
        format!(
            r#"{{"status":"success","data":{{"metadata":{{"total_pages":2,"current_limit":100}},"items":[{{"id":"70000{n}","order_id":"x","base_order_number":"1700013",
                "summ":"$1.77","is_extend":"Y","auto_order":"N","date":"2026-11-21T06:00:0{n}+00:00"}}]}},"errors":[]}}"#
        )
    };
    b.then(200, &page(2));
    b.then(200, &page(1));
    let log = b.reader.order_log().expect("it has one");
    let rows = log.renewals("2026-11-20T00:00:00Z".parse().unwrap()).await.unwrap();
    assert_eq!(rows.iter().map(|r| r.order.as_str()).collect::<Vec<_>>(), ["o-1", "o-1"]);
    let asked = b.asked();
    assert_eq!(
        asked[2..],
        ["GET order/list?is_extend=Y&page=1&limit=100", "GET order/list?is_extend=Y&page=2&limit=100"]
    );
    b.then(200, "<html>");
    let unread = log.renewals("2026-11-20T00:00:00Z".parse().unwrap()).await;
    assert!(matches!(unread, Err(ReadError::Unreadable(_))));
}

#[tokio::test]
async fn a_list_that_says_that_there_is_more_is_read_on_by_type_and_page() {
    let more =
        list(&[record(1, "64af01")]).replace(r#""errors":[]"#, r#""errors":[],"metadata":{"total_pages":2}"#);
    let page = |records: &[String]| {
        format!(r#"{{"status":"success","data":{{"items":[{}]}},"errors":[]}}"#, records.join(","))
    };
    let b = bench(&[(200, &more)]).await;
    b.then(200, &page(&[record(1, "64af01"), record(2, "64af02")]));
    b.then(200, &page(&[record(3, "64af03")]));
    (0..6).for_each(|_| b.then(200, &page(&[])));
    b.then(200, BALANCE);
    let inventory = b.reader.inventory(Purpose::Routine).await.unwrap();
    assert_eq!((inventory.leases.len(), inventory.doubt), (3, None));
    let asked = b.asked();
    assert_eq!(asked[1], "GET proxy/list/ipv4?page=1&per_page=100");
    assert_eq!(
        asked[3..5],
        ["GET proxy/list/ipv4?page=3&per_page=100", "GET proxy/list/ipv6?page=1&per_page=100"]
    );
    assert_eq!(asked.len(), 10);
}

/// 250 leases, of which the list of all types has the first 100: so has the first page.
#[rstest]
#[case::every_page_is_there(250, 250, None)]
#[case::the_pages_end_too_soon(200, 200, Some("it says 250, and 200 were found"))]
#[case::every_page_is_the_first(100, 100, Some("it is not clear where the list ends"))]
#[tokio::test]
async fn what_the_list_of_all_types_had_already_ends_no_list_of_a_type(
    #[case] given: usize,
    #[case] found: usize,
    #[case] doubt: Option<&str>,
) {
    let records: Vec<String> = (0..250).map(|n| record(n, &format!("64af{n:04}"))).collect();
    let more = list(&records[..100])
        .replace(r#""errors":[]"#, r#""errors":[],"metadata":{"total_pages":3,"total":250}"#);
    let page = |records: &[String]| {
        format!(
            r#"{{"status":"success","data":{{"items":[{}],"total":250}},"errors":[]}}"#,
            records.join(",")
        )
    };
    let b = bench(&[(200, &more)]).await;
    if given == 100 {
        (0..2).for_each(|_| b.then(200, &page(&records[..100])));
    } else {
        records[..given].chunks(100).for_each(|some| b.then(200, &page(some)));
        b.then(200, &page(&[]));
    }
    (0..5).for_each(|_| b.then(200, r#"{"status":"success","data":{"items":[]},"errors":[]}"#));
    b.then(200, BALANCE);
    let inventory = b.reader.inventory(Purpose::Routine).await.unwrap();
    assert_eq!(inventory.leases.len(), found);
    let told = match &inventory.doubt {
        Some(Doubt::Part(why)) => Some(why.as_str()),
        _ => None,
    };
    assert_eq!(told.is_some(), doubt.is_some(), "{told:?}");
    assert!(told.is_none_or(|told| told.contains(doubt.unwrap())), "{told:?}");
}

#[tokio::test]
async fn a_type_whose_list_cannot_be_read_makes_the_whole_a_part() {
    let lacks = list(&[record(1, "64af01")]).replace(r#""isp":[],"#, "");
    let b = bench(&[
        (200, &lacks),
        (200, r#"{"status":"error","data":null,"errors":[{"code":9,"message":"?"}]}"#),
        (200, BALANCE),
    ])
    .await;
    let inventory = b.reader.inventory(Purpose::Routine).await.unwrap();
    assert_eq!(inventory.leases.len(), 1);
    assert!(matches!(inventory.doubt, Some(Doubt::Part(why)) if why.contains("isp")));
}

#[tokio::test]
async fn no_access_is_told_at_once_and_never_tried_again() {
    let refused = r#"{"status":"error","data":null,"errors":[{"code":503,"message":"Error api key"},{"code":503,"message":"b"},{"code":503,"message":"c"}]}"#;
    let b = bench(&[(200, refused)]).await;
    let error = b.reader.inventory(Purpose::Routine).await.unwrap_err();
    assert!(
        matches!(&error, ReadError::Refused { code: 503, message } if message.contains("no access")),
        "{error}"
    );
    assert_eq!(b.asked().len(), 1);
}

#[tokio::test]
async fn passing_troubles_of_reads_are_tried_three_times_each_with_a_token() {
    for status in [503, 429, 500] {
        let b = bench(&[(status, ""), (status, ""), (200, BALANCE)]).await;
        assert!(b.reader.balance(Purpose::Routine).await.is_ok(), "{status}");
        assert_eq!(b.tokens(), [(1, Purpose::Routine); 3]);
    }
    let b = bench(&[(404, ""), (200, BALANCE)]).await;
    assert!(b.reader.balance(Purpose::Routine).await.is_err());
    assert_eq!(b.asked().len(), 1);
}
