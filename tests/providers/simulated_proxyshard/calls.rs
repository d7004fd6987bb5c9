//! The calls that show and change things, each as the provider's page describes it, and the door before them.
use renewd::simulator::proxyshard::{CycleChange, CycleForm, Endpoint, EntryKind, Pending, Status};
use serde_json::{Value, json};

use super::{Bench, DC, ISP, OrderSpec, TOKEN, dc, hours, money, parse, save10, start};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn health_needs_no_key_and_everything_else_does() {
    let bench = Bench::new("10.00").await;
    let id = bench.add(&dc(-1));
    for call in Endpoint::ALL {
        let path = call.template().replace("{id}", &id);
        for header in ["", "Authorization: Bearer wrong\r\n", "Authorization: Basic token-1\r\n"] {
            let head = format!(
                "{} {path} HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n{header}Content-Length: 2\r\n\r\n",
                call.method()
            );
            let (status, reply) = parse(&bench.raw(&head, "{}").await.0);
            if call.is_open() {
                assert_eq!((status, &reply["status"]), (200, &json!("ok")));
            } else {
                assert_eq!((status, &reply["success"]), (401, &json!(false)), "{call:?}");
            }
        }
    }
    assert!(bench.books().entries.is_empty());
    let down = Some((403, "Forbidden".to_owned()));
    bench.world(|world| world.account_mut(TOKEN).unwrap().down = down);
    assert_eq!(bench.refused("GET", "me", None).await, 403);
}

#[tokio::test]
async fn a_post_without_a_length_is_turned_away_and_changes_nothing() {
    let bench = Bench::new("10.00").await;
    let id = bench.add(&dc(-1));
    let head = |more: &str| {
        format!(
            "POST /user/api/orders/{id}/renew HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n\
             Authorization: Bearer {TOKEN}\r\n{more}\r\n"
        )
    };
    assert_eq!(parse(&bench.raw(&head(""), "").await.0).0, 411);
    let chunked = bench.raw(&head("Transfer-Encoding: chunked\r\n"), "2\r\n{}\r\n0\r\n\r\n").await.0;
    assert_eq!(parse(&chunked).0, 411);
    assert!(bench.books().entries.is_empty());
    let (status, _) = parse(&bench.raw(&head("Content-Length: 0\r\n"), "").await.0);
    assert_eq!((status, bench.books().entries.len()), (200, 1));
}

#[tokio::test]
async fn wrong_paths_and_methods_are_refused_in_json_and_on_record() {
    let bench = Bench::new("10.00").await;
    assert_eq!(bench.refused("GET", "nothing", None).await, 404);
    assert_eq!(bench.refused("GET", "orders/1/renew", None).await, 405);
    assert_eq!(bench.refused("GET", "orders/1", None).await, 404);
    let requests = bench.handle.requests();
    let seen: Vec<_> = requests.iter().map(|r| r.endpoint).collect();
    assert_eq!(seen, [None, None, Some(Endpoint::Order)]);
}

#[tokio::test]
async fn a_request_is_on_record_with_path_query_headers_and_body() {
    let bench = Bench::new("10.00").await;
    let id = bench.add(&dc(48));
    bench.post(&format!("orders/edit-auto-renewal/{id}?auto_renewal=true"), &json!({})).await;
    let request = bench.handle.requests().remove(0);
    assert_eq!((request.method.as_str(), request.endpoint), ("POST", Some(Endpoint::AutoRenewal)));
    assert_eq!(request.route(), format!("/user/api/orders/edit-auto-renewal/{id}"));
    assert_eq!(request.query, [("auto_renewal".to_owned(), "true".to_owned())]);
    assert_eq!((request.account.as_str(), request.body.as_str(), request.at), (TOKEN, "{}", start()));
    assert_eq!(request.header("Authorization"), Some("Bearer token-1"));
    assert_eq!(request.header("content-length"), Some("2"));
    assert_eq!(request.header("connection"), None, "only for the next hop");
}

#[tokio::test]
async fn me_shows_the_wallet_in_cents_and_counts_working_orders() {
    let bench = Bench::new("12.34").await;
    bench.add(&dc(48));
    bench.add(&dc(-1));
    let expected = json!({"email": "customer@example.org", "active_orders": 1, "wallet_balance": 1234});
    assert_eq!(bench.get("me").await, expected);
    bench.world(|world| world.looks.active_orders = Some(7));
    assert_eq!(bench.get("me").await["active_orders"], 7);
}

#[tokio::test]
async fn a_list_item_says_neither_status_nor_price_and_the_detail_says_both() {
    let bench = Bench::new("10.00").await;
    let id = bench.add(&dc(48).quantity(2).tag("shop").addon("p0f", 3, Some(Pending::Downgrade(1))));
    let page = bench.get("orders?status=active").await;
    let item = &page["orders"][0];
    let fields = ["auto_renewal", "cycle_id", "cycle_name", "expires_at", "order_id", "product_id"];
    assert_eq!(keys(item), [&fields[..], &["product_name", "tag"][..]].concat());
    assert_eq!((&item["order_id"], &item["product_name"]), (&json!(id), &json!(DC)));
    let detail = bench.detail(&id).await;
    assert_eq!((&detail["quantity"], &detail["price_paid"]), (&json!(2), &json!(500)));
    assert_eq!((&detail["addons_price_paid"], &detail["status"]), (&json!(150), &json!("active")));
    assert_eq!(detail["expires_at"], "2026-11-22T10:00:00.000Z");
    let pending = json!({"action": "downgrade", "next_qty": 1});
    let addon =
        json!({"addon_key": "p0f", "catalog_id": 302, "qty": 3, "price_per_unit": 50, "pending": pending});
    assert_eq!(detail["addons"], json!([addon]));
    assert_eq!((&detail["p0f_slots_available"], &detail["p0f_slots_next"]), (&json!(3), &json!(1)));
    for missing in ["location", "product_id", "cycle_id", "promo_code"] {
        assert_eq!(detail.get(missing), None, "{missing}");
    }
}

#[tokio::test]
async fn the_flag_is_a_query_on_a_post_and_only_for_datacenter_and_isp() {
    let bench = Bench::new("10.00").await;
    let id = bench.add(&OrderSpec::new(ISP, Some("US"), "monthly", hours(48)));
    let path = format!("orders/edit-auto-renewal/{id}");
    for (word, flag) in [("true", true), ("false", false)] {
        bench.post(&format!("{path}?auto_renewal={word}"), &json!({})).await;
        assert_eq!(bench.detail(&id).await["auto_renewal"], flag);
    }
    for query in ["", "?auto_renewal=1", "?auto_renewal="] {
        let body = json!({"auto_renewal": true});
        assert_eq!(bench.refused("POST", &format!("{path}{query}"), Some(&body)).await, 400);
    }
    let mobile = bench.add(&OrderSpec::new("Mobile Proxy", Some("PL"), "weekly", hours(48)));
    let path = format!("orders/edit-auto-renewal/{mobile}?auto_renewal=true");
    assert_eq!(bench.refused("POST", &path, Some(&json!({}))).await, 400);
    assert!(!bench.order(&mobile).auto_renewal);
}

#[tokio::test]
async fn the_word_none_takes_a_tag_away() {
    let bench = Bench::new("10.00").await;
    let id = bench.add(&dc(48));
    bench.post(&format!("orders/{id}/tag"), &json!({"tag": "prod-1"})).await;
    assert_eq!(bench.detail(&id).await["tag"], "prod-1");
    bench.post(&format!("orders/{id}/tag"), &json!({"tag": "none"})).await;
    assert_eq!(bench.detail(&id).await.get("tag"), None);
    for body in [json!({}), json!({"tag": ""}), json!({"tag": null}), json!({"tags": "x"})] {
        assert_eq!(bench.refused("POST", &format!("orders/{id}/tag"), Some(&body)).await, 400, "{body}");
    }
}

#[tokio::test]
async fn a_new_cycle_is_priced_and_counts_from_the_next_renewal_on() {
    let bench = Bench::new("10.00").await;
    bench.world(|world| world.account_mut(TOKEN).unwrap().promos.push(save10()));
    let id = bench.add(&dc(1).promo_code("SAVE10").quantity(2));
    let path = format!("orders/change-billing-cycle/{id}");
    let reply = bench.post(&path, &json!({"cycle": "monthly"})).await;
    let priced = |original: i64, last: i64, percent: u32| {
        json!({"success": true, "message": "Billing cycle changed", "order_id": id,
            "original_price": original, "final_price": last, "discount_percent": percent})
    };
    assert_eq!(reply, priced(500, 450, 10));
    assert_eq!(bench.post(&path, &json!({"cycle": "weekly"})).await, priced(280, 280, 0));
    assert_eq!(bench.order(&id).promo_code, None, "a code that does not fit is gone without a word");
    assert!(bench.books().entries.is_empty());
    bench.pass_hours(2);
    assert_eq!(bench.renew(&id).await.0, 200);
    let entry = bench.books().entries.remove(0);
    assert_eq!((entry.amount, entry.cycle.as_deref()), (money("2.80"), Some("weekly")));
    assert_eq!(entry.end_after, Some(hours(1 + 7 * 24)));
}

#[tokio::test]
async fn a_cycle_can_be_closed_unknown_or_of_the_wrong_product() {
    let bench = Bench::new("10.00").await;
    let isp = bench.add(&OrderSpec::new(ISP, Some("US"), "monthly", hours(48)));
    let mobile = bench.add(&OrderSpec::new("Mobile Proxy", Some("PL"), "weekly", hours(48)));
    let gone = bench.add(&dc(-200).status(Status::Cancelled));
    for (id, cycle, status) in [
        (&isp, "yearly", 403),
        (&isp, "hourly", 400),
        (&mobile, "monthly", 400),
        (&gone, "weekly", 400),
        (&"1".to_owned(), "weekly", 404),
    ] {
        let path = format!("orders/change-billing-cycle/{id}");
        assert_eq!(bench.refused("POST", &path, Some(&json!({"cycle": cycle}))).await, status, "{cycle}");
    }
    assert_eq!(bench.order(&isp).cycle.as_deref(), Some("monthly"));
}

#[tokio::test]
async fn a_new_cycle_can_be_charged_at_once_and_answered_the_old_way() {
    let bench = Bench::new("10.00").await;
    let id = bench.add(&dc(48));
    bench.world(|world| {
        world.rules.cycle_change = CycleChange::AtOnce;
        world.looks.older_cycle_reply = true;
    });
    let path = format!("orders/change-billing-cycle/{id}");
    let reply = bench.post(&path, &json!({"cycle": "weekly"})).await;
    assert_eq!(reply["order"]["cycle_name"], "weekly");
    let entry = bench.books().entries.remove(0);
    assert_eq!((entry.kind, entry.amount), (EntryKind::CycleChange, money("1.40")));
    assert_eq!((entry.end_before, entry.end_after), (Some(hours(48)), Some(hours(48 + 7 * 24))));
    let quarterly = bench.post(&path, &json!({"cycle": "quarterly"})).await;
    assert_eq!(quarterly["order"]["price_paid"], 690);
    assert_eq!(bench.refused("POST", &path, Some(&json!({"cycle": "quarterly"}))).await, 400, "no funds");
}

#[tokio::test]
async fn products_name_places_and_cycles_and_stock_is_a_bare_list_of_codes() {
    let bench = Bench::new("10.00").await;
    let products = bench.get("proxies/products").await;
    let rows = products["products"].as_array().unwrap();
    assert_eq!(rows[0]["name"], DC);
    assert_eq!(rows[0]["location"], "DE");
    assert_eq!(rows[0]["cycles"], json!(["daily", "weekly", "monthly", "quarterly"]));
    let residential = rows.iter().find(|row| row["name"] == "Standart Residential Proxy").unwrap();
    assert_eq!((residential.get("location"), &residential["cycles"]), (None, &json!([])));
    bench.world(|world| world.looks.cycles = CycleForm::Objects);
    assert_eq!(bench.get("proxies/products").await["products"][0]["cycles"][2]["name"], "monthly");
    let stock = bench.get("proxies/available-count").await;
    assert_eq!(stock[0], json!({"country": "DE", "product": "dc", "amount": 500}));
    assert_eq!(stock[1]["product"], "DC");
}

#[tokio::test]
async fn proxies_come_with_logins_and_only_for_orders_that_work() {
    let bench = Bench::new("10.00").await;
    let id = bench.add(&dc(1).quantity(2));
    let proxies = bench.get(&format!("proxies/active?order_id={id}")).await;
    assert_eq!(proxies["proxies"].as_array().unwrap().len(), 2);
    assert_eq!(proxies["proxies"][0]["ip"], bench.order(&id).addresses[0].ip);
    assert!(proxies["proxies"][0]["password"].as_str().unwrap().starts_with("sim-password-"));
    bench.pass_hours(2);
    assert_eq!(bench.get(&format!("proxies/active?order_id={id}")).await["proxies"], json!([]));
    assert_eq!(bench.refused("GET", "proxies/active", None).await, 400);
    assert_eq!(bench.refused("GET", "proxies/active?order_id=1", None).await, 404);
}
