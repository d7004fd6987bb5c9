//! Quotes and payments without faults: what the provider's pages say.
use renewd::simulator::{Endpoint, EntryKind};
use serde_json::{Value, json};

use super::{Bench, IPS, IPV6, KEY, end, money, start};

#[tokio::test]
async fn an_extension_is_charged_once_and_to_the_cent() {
    let bench = Bench::new("10.00").await;
    let body = bench.extension(&IPS[..2]);
    let quote = bench.post("calculate/extend", &body).await;
    assert_eq!(quote["price"].to_string(), "5.3");
    assert_eq!((&quote["success"], &quote["warnings"]), (&json!(true), &json!([])));
    let paid = bench.post("extend", &body).await;
    assert_eq!((&paid["quantity"], &paid["ipAddressIds"]), (&json!(2), &body["ipAddressIds"]));
    let books = bench.handle.with(|world| world.books().clone());
    let [entry] = &books.entries[..] else { panic!("one charge: {books:?}") };
    assert_eq!((entry.amount, entry.balance_after), (money("5.30"), money("4.70")));
    assert_eq!((entry.at, entry.endpoint), (start(), Some(Endpoint::Extend)));
    assert_eq!(entry.lines[0].end_before, Some(end()));
    assert_eq!(entry.lines[0].end_after.duration_since(end()).as_hours(), 720);
}

#[tokio::test]
async fn money_is_written_with_its_exact_decimals() {
    let bench = Bench::new("10.00").await;
    let (_, whole) = bench.exchange("GET", &format!("{KEY}/balance"), "").await;
    assert_eq!(whole, r#"{"success":true,"balance":10,"currencyCode":"USD","error":null}"#);
    let body = bench.extension(&IPS[..2]).to_string();
    let (_, text) = bench.exchange("POST", &format!("{KEY}/calculate/extend"), &body).await;
    assert!(text.contains(r#""price":5.30,"#), "{text}");
}

#[tokio::test]
async fn too_little_money_is_a_warning_in_the_quote_and_a_refusal_in_the_payment() {
    let bench = Bench::new("2.64").await;
    let body = bench.extension(&IPS[..1]);
    let quote = bench.post("calculate/extend", &body).await;
    assert_eq!((&quote["success"], &quote["error"]), (&json!(true), &Value::Null));
    assert_eq!(quote["warnings"], json!([{"code": 16, "message": "Insufficient funds on balance"}]));
    let paid = bench.post("extend", &body).await;
    assert_eq!((&paid["success"], &paid["error"]["code"]), (&json!(false), &json!(16)));
    assert_eq!((&paid["quantity"], &paid["ipAddressIds"]), (&json!(0), &json!([])));
    assert_eq!((bench.balance().as_str(), bench.charges()), ("2.64", 0));
}

#[tokio::test]
async fn part_of_an_ipv6_order_is_refused_with_28_and_the_whole_is_taken() {
    let bench = Bench::new("10.00").await;
    for call in ["calculate/extend", "extend"] {
        let part = bench.post(call, &bench.extension(&IPV6[..1])).await;
        assert_eq!(part["error"]["code"], 28, "{call}");
    }
    assert_eq!(bench.charges(), 0);
    assert_eq!(bench.post("extend", &bench.extension(&IPV6)).await["quantity"], 2);
    let order = json!({"proxyType": "IPv6", "orderIds": [bench.order(IPV6[0])], "rentPeriodDays": 90});
    assert_eq!(bench.post("extend/order", &order).await["quantity"], 2);
    assert_eq!(bench.balance(), "5.20");
}

#[tokio::test]
async fn two_parallel_extensions_charge_twice() {
    let bench = Bench::new("10.00").await;
    let body = bench.extension(&IPS[..1]);
    let (one, two) = tokio::join!(bench.post("extend", &body), bench.post("extend", &body));
    assert_eq!((&one["success"], &two["success"]), (&json!(true), &json!(true)));
    assert_eq!(bench.balance(), "4.70");
    let twice = bench.handle.with(|world| world.books().paid_twice());
    assert_eq!(twice, [IPS[0]]);
    let last = bench.handle.with(|world| world.account(KEY).unwrap().rental(IPS[0]).unwrap().end);
    assert_eq!(last.duration_since(end()).as_hours(), 2 * 720);
}

#[tokio::test]
async fn wrong_fields_get_their_codes_and_charge_nothing() {
    let bench = Bench::new("10.00").await;
    let good = bench.extension(&IPS[..1]);
    let cases = [
        ("proxyType", json!("ipv4"), 4),
        ("proxyType", json!("ISP"), 24),
        ("rentPeriodDays", json!(31), 11),
        ("rentPeriodDays", json!("30"), 11),
        ("ipAddressIds", json!(["7"]), 24),
        ("ipAddressIds", json!([]), 24),
        ("ipAddressIds", json!([1_200_000_000_000_000_001_u64]), 24),
    ];
    for (field, value, code) in cases {
        let mut body = good.clone();
        body[field] = value.clone();
        for call in ["calculate/extend", "extend"] {
            let reply = bench.post(call, &body).await;
            assert_eq!(
                (&reply["success"], &reply["error"]["code"]),
                (&json!(false), &json!(code)),
                "{value}"
            );
        }
    }
    let orders = json!({"proxyType": "IPv4", "orderIds": ["none"], "rentPeriodDays": 30});
    assert_eq!(bench.post("extend/order", &orders).await["error"]["code"], 29);
    assert_eq!(bench.charges(), 0);
}

#[tokio::test]
async fn a_wrong_key_is_code_2_everywhere_and_shows_no_balance() {
    let bench = Bench::new("10.00").await;
    for endpoint in Endpoint::ALL {
        let path = format!("nobody/{}", endpoint.path());
        let (head, body) = bench.exchange(endpoint.method(), &path, "{}").await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        let reply: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(reply["error"], json!({"code": 2, "message": "Error api key"}), "{endpoint:?}");
        assert_eq!(reply["balance"], Value::Null, "{endpoint:?}");
    }
}

#[tokio::test]
async fn the_older_spelling_can_be_the_only_one() {
    let bench = Bench::new("10.00").await;
    bench.handle.with(|world| world.older_spelling = true);
    let body = bench.extension(&IPS[..1]);
    let older = json!({"proxyType": "IPv4", "IpAddressIds": body["ipAddressIds"], "rentPeriodDays": 30});
    assert_eq!(bench.post("calculate/extend", &body).await["error"]["code"], 24);
    assert_eq!(bench.post("calculate/extend", &older).await["success"], true);
    assert_eq!(bench.post("extend", &body).await["success"], true);
}

#[tokio::test]
async fn unpaid_leases_leave_the_list_at_their_end_and_cannot_be_paid() {
    let bench = Bench::new("10.00").await;
    let body = bench.extension(&IPS[..1]);
    bench.advance(48 * 3600 - 1);
    assert_eq!(super::records(&bench.get("ipAddress").await).len(), 5);
    bench.advance(1);
    assert!(super::records(&bench.get("ipAddress").await).is_empty());
    assert_eq!(bench.handle.with(|world| world.lapsed().len()), 5);
    assert_eq!(bench.post("extend", &body).await["error"]["code"], 24);
}

#[tokio::test]
async fn a_bought_order_is_listed_after_the_lag_and_topping_up_is_booked() {
    let bench = Bench::new("1.00").await;
    assert_eq!(bench.handle.top_up(KEY, money("9.00")), Some(money("10.00")));
    bench.handle.set_lag(std::time::Duration::from_secs(60));
    let body = json!({"proxyType": "IPv4", "quantity": 2, "rentPeriodDays": 30, "country": "USA", "goal": "ads",
        "authType": "LOGIN"});
    assert_eq!(bench.post("calculate/order", &body).await["price"].to_string(), "5.3");
    assert_eq!(bench.post("order", &body).await["success"], true);
    assert_eq!(super::records(&bench.get("ipAddress").await).len(), 5);
    bench.advance(60);
    assert_eq!(super::records(&bench.get("ipAddress").await).len(), 7);
    let kinds = bench.handle.with(|w| w.books().entries.iter().map(|e| e.kind).collect::<Vec<_>>());
    assert_eq!(kinds, [EntryKind::TopUp, EntryKind::Purchase]);
    assert_eq!(bench.balance(), "4.70");
}

#[tokio::test]
async fn reference_lists_answer_as_on_the_page() {
    let bench = Bench::new("1.00").await;
    assert_eq!(bench.get("rentPeriod?proxyType=IPv6").await["rentPeriodDays"], json!([90, 180, 360]));
    assert_eq!(bench.get("rentPeriod").await["error"]["code"], 4);
    assert_eq!(bench.get("proxyType").await["proxyTypes"], json!(["IPv4", "IPv6", "MOBILE", "ISP"]));
    assert_eq!(bench.get("country?proxyType=MOBILE").await["countries"][1]["alpha3code"], "POL");
    assert_eq!(bench.get("mobileOperator").await["mobileOperators"][0]["tag"], "vodafone");
    assert_eq!(bench.get("promoCode").await["promoCodes"], json!([]));
}
