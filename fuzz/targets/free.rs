//! Free answers: lists, prices, balances, products. Half an answer is none, and nothing is read into it.
use jiff::Timestamp;
use renewd::domain::{AccountName, Kind, LeaseId, Method, OrderId, RenewalRequest, RequestLease, Told};
use renewd::providers::proxyseller::fuzz_entry as seller;
use renewd::providers::proxyshard::fuzz_entry as shard;
use renewd::providers::px6::fuzz_entry as px6;
use renewd::providers::youproxy::fuzz_entry as you;

use super::{clean, cut, words};

pub fn youproxy_list(body: &[u8]) {
    let (account, words) = (AccountName::from("yp"), words());
    let (leases, unreadable) = match you::list(body, &account, &words) {
        Ok(read) => read,
        Err(why) => return clean(&why),
    };
    assert!(leases.windows(2).all(|w| w[0].id < w[1].id), "sorted, and each id once");
    assert!(leases.iter().all(|l| l.account == account && !l.id.as_str().trim().is_empty()));
    // What passes for no record at all must not be a full list.
    if leases.is_empty() && unreadable == 0 {
        let text = String::from_utf8_lossy(body);
        let named = serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|v| holds_record(&v, 0));
        assert!(!named, "a record was lost: {text}");
    }
    assert!(you::list(cut(body), &account, &words).is_err(), "half a list is no list");
}

/// Somewhere below a container there is an object with a readable `ipAddressId`.
fn holds_record(value: &serde_json::Value, depth: usize) -> bool {
    match value {
        serde_json::Value::Array(all) => all.iter().any(|v| holds_record(v, depth + 1)),
        serde_json::Value::Object(all) => {
            let id = all.get("ipAddressId").and_then(|v| v.as_str()).is_some_and(|id| !id.trim().is_empty());
            let below = |(k, v): (&String, &serde_json::Value)| {
                !["authInfo", "rebootLink", "success", "error"].contains(&k.as_str())
                    && holds_record(v, depth + 1)
            };
            (depth > 0 && id) || all.iter().any(below)
        }
        _ => false,
    }
}

pub fn youproxy_quote(body: &[u8]) {
    let (words, kind, at) = (words(), Kind::from("IPv4"), Timestamp::UNIX_EPOCH);
    let quote = match you::quote(body, &kind, true, at, &words) {
        Ok(quote) => quote,
        Err(why) => return clean(&why),
    };
    assert!(quote.price.is_positive() && quote.asked_at.wall == at);
    let json: serde_json::Value = serde_json::from_slice(body).unwrap();
    assert!(
        json["warnings"].is_null()
            || json["warnings"].as_array().is_none_or(|w| w.len() <= quote.warnings.len())
    );
    quote.warnings.iter().for_each(|w| clean(&w.message));
    assert!(you::quote(body, &Kind::from("ISP"), true, at, &words).is_err(), "a price for another kind");
    assert!(you::quote(cut(body), &kind, true, at, &words).is_err(), "half a price is none");
}

pub fn youproxy_balance(body: &[u8]) {
    match you::balance(body, &words()) {
        Ok(balance) => {
            assert!(!balance.currency.as_str().trim().is_empty());
            let json: serde_json::Value = serde_json::from_slice(body).unwrap();
            assert!(json["balance"].is_number(), "an amount is a number: {json}");
            assert!(you::balance(cut(body), &words()).is_err(), "half a balance is none");
        }
        Err(why) => clean(&why),
    }
    if let Ok(wallet) = shard::wallet(body, &words()) {
        assert_eq!(wallet.currency.as_str(), "USD");
        let hundred = wallet.amount.times(100).unwrap().decimal().normalize();
        assert_eq!(hundred.scale(), 0, "whole cents");
    }
}

pub fn proxyseller_list(body: &[u8]) {
    let (account, words) = (AccountName::from("seller"), words());
    let (leases, _unreadable, _part) = match seller::list(body, &account, &words) {
        Ok(read) => read,
        Err(why) => return clean(&why),
    };
    assert!(leases.windows(2).all(|w| w[0].id < w[1].id), "sorted, and each id once");
    assert!(leases.iter().all(|l| l.account == account && !l.ip.is_empty() && l.id.as_str().contains(&l.ip)));
    if leases.is_empty() {
        let json: serde_json::Value = serde_json::from_slice(body).unwrap();
        let data = json["data"].as_object().expect("an empty account is told whole");
        let empty = |key: &str| data.get(key).is_some_and(serde_json::Value::is_array);
        let rows: usize = data.values().filter_map(|v| v.as_array()).map(Vec::len).sum();
        let all = ["ipv4", "ipv6", "mobile", "isp", "mix", "mix_isp", "resident"];
        assert!(rows > 0 || all.iter().all(|key| empty(key)), "{json}");
    }
    assert!(seller::list(cut(body), &account, &words).is_err(), "half a list is no list");
}

pub fn proxyseller_quote(body: &[u8]) {
    let words = words();
    let lease = |n: u8| RequestLease {
        id: LeaseId::new(format!("ipv4:o-1:203.0.113.{n}")),
        order: OrderId::from("o-1"),
        ip: format!("203.0.113.{n}"),
        port: None,
        told: Told::Instant,
        expires_at: Timestamp::UNIX_EPOCH,
    };
    let request = RenewalRequest {
        account: "seller".into(),
        kind: Kind::from("IPv4"),
        leases: vec![lease(1), lease(2)],
        period_days: 30,
        cycle: None,
        promo: None,
        method: Method::Leases,
    };
    let quote = match seller::quote(body, &request, &words) {
        Ok(quote) => quote,
        Err(why) => return clean(&why),
    };
    assert!(quote.price.is_positive());
    quote.warnings.iter().for_each(|w| clean(&w.message));
    let json: serde_json::Value = serde_json::from_slice(body).unwrap();
    if quote.warnings.is_empty() {
        assert_eq!(json["status"], "success", "{json}");
        assert_eq!(json["data"]["items"].as_array().map(Vec::len), Some(2), "{json}");
    }
    assert!(seller::quote(cut(body), &request, &words).is_err(), "half a price is none");
}

pub fn proxyseller_log(body: &[u8]) {
    let rows = match seller::log(body, &words()) {
        Ok(rows) => rows,
        Err(why) => return clean(&why),
    };
    assert!(rows.iter().all(|row| row.order.as_str() == "o-1"), "a renewal of an order that is not known");
    let json: serde_json::Value = serde_json::from_slice(body).unwrap();
    assert!(json["data"]["items"].as_array().is_some_and(|items| items.len() >= rows.len()), "{json}");
    assert!(seller::log(cut(body), &words()).is_err(), "half a log is none");
}

pub fn proxyshard_page(body: &[u8]) {
    let page = match shard::page(body, &words()) {
        Ok(page) => page,
        Err(why) => return clean(&why),
    };
    assert_eq!(
        page.rows,
        page.orders.len() + page.unreadable + page.doubles,
        "every row is one or the other"
    );
    assert!(page.orders.windows(2).all(|w| w[0] < w[1]) && page.orders.iter().all(|id| !id.is_empty()));
    assert!(shard::page(cut(body), &words()).is_err(), "half a page is none");
}

pub fn proxyshard_order(body: &[u8]) {
    let prices = match shard::order(body, "o-1", &words()) {
        Ok(prices) => prices,
        Err(why) => return clean(&why),
    };
    assert_eq!(prices, shard::order(body, "o-1", &words()).unwrap());
    for price in [&prices.paid, &prices.next] {
        match price {
            Ok(Some(amount)) => assert!(!amount.is_negative(), "a price below zero: {amount}"),
            Ok(None) => {}
            Err(why) => assert!(!why.is_empty()),
        }
    }
    if prices.paid.is_err() {
        assert!(prices.next.is_err(), "the next term's price is known better than this one's");
    }
    let json: serde_json::Value = serde_json::from_slice(body).unwrap();
    if json["order"]["order_id"].is_string() {
        assert!(shard::order(body, "o-2", &words()).is_err(), "the answer for another order");
    }
    assert!(shard::order(cut(body), "o-1", &words()).is_err(), "half an order is none");
}

pub fn proxyshard_products(body: &[u8]) {
    let (offers, _unreadable) = match shard::products(body, &words()) {
        Ok(read) => read,
        Err(why) => return clean(&why),
    };
    for offer in &offers {
        clean(&offer.kind);
        let mut cycles = offer.cycles.clone();
        cycles.sort();
        cycles.dedup();
        assert_eq!(cycles.len(), offer.cycles.len(), "each cycle once");
    }
    assert!(offers.windows(2).all(|w| w[0].kind != w[1].kind), "each product once");
    assert!(shard::products(cut(body), &words()).is_err(), "half a list is none");
}

pub fn px6_page(body: &[u8]) {
    let (account, words) = (AccountName::from("px"), words());
    if let Ok(balance) = px6::balance(body, &words) {
        assert_eq!(balance.currency.as_str().len(), 3);
        assert!(px6::balance(cut(body), &words).is_err(), "half a balance is none");
    }
    if let Ok(quote) = px6::price(body, 2, 30, &words) {
        let short = quote.balance.amount < quote.price;
        assert!(quote.price.is_positive() && quote.warnings.iter().any(|w| w.short_of_funds) == short);
    }
    let (rows, leases, unreadable) = match px6::page(body, &account, &words) {
        Ok(read) => read,
        Err(why) => return clean(&why),
    };
    assert!(leases.windows(2).all(|w| w[0].id < w[1].id), "sorted, and each id once");
    assert!(leases.len() + unreadable <= rows && (rows == 0 || leases.len() + unreadable > 0));
    for lease in &leases {
        assert!(lease.account == account && lease.id.as_str().bytes().all(|b| b.is_ascii_digit()));
        assert!(lease.provider_renews.is_none(), "its owner said nothing");
        clean(&format!("{lease:?}"));
    }
    assert!(px6::page(cut(body), &account, &words).is_err(), "half a page is none");
}
