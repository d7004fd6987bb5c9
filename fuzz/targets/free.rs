//! Free answers: lists, prices, balances, products. Half an answer is none, and nothing is read into it.
use jiff::Timestamp;
use renewd::domain::{AccountName, Kind};
use renewd::providers::proxyshard::bodies as shard;
use renewd::providers::youproxy::bodies as you;

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
