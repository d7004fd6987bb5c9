//! Prices of new orders, and new orders: five bodies, each with its own fields.
use renewd::simulator::proxyshard::{EntryKind, Status};
use serde_json::{Value, json};

use super::{Bench, DC, ISP, TOKEN, money, save10, start};

const PER_GIGABYTE: [&str; 2] = ["Standart Residential Proxy", "Premium Residential Proxy"];

#[tokio::test]
async fn each_product_takes_its_own_body_and_is_charged_at_once() {
    let bench = Bench::new("500.00").await;
    for (body, cents, ends) in [
        (json!({"product": DC, "location": "DE", "cycle": "monthly", "quantity": 3}), 750, true),
        (json!({"product": ISP, "location": "GB", "cycle": "monthly", "auto_renewal": true}), 360, true),
        (json!({"product": PER_GIGABYTE[0], "quantity": 10}), 3_000, false),
        (json!({"product": PER_GIGABYTE[1]}), 520, false),
        (json!({"product": "Unmetered Residential proxy", "cycle": "1 day"}), 900, true),
        (json!({"product": "Mobile Proxy", "cycle": "weekly", "location": "PL"}), 1_200, true),
        (json!({"product": "Mobile Proxy", "cycle": "weekly"}), 1_225, true),
    ] {
        let reply = bench.post("orders/purchase", &body).await;
        let id = reply["order_id"].as_str().unwrap().to_owned();
        let entry = bench.books().entries.pop().unwrap();
        assert_eq!((entry.kind, entry.order.as_ref()), (EntryKind::Purchase, Some(&id)));
        assert_eq!(entry.amount, renewd::domain::Money::from_cents(cents), "{body}");
        let order = bench.order(&id);
        assert_eq!((order.status, order.expires_at.is_some()), (Status::Active, ends), "{body}");
        assert_eq!(order.auto_renewal, body["auto_renewal"] == true);
        assert_eq!(bench.detail(&id).await["price_paid"], cents);
    }
    let opening = money("500.00");
    let net = bench.books().net(TOKEN).unwrap();
    assert_eq!(opening.plus(net).unwrap().to_string(), bench.balance());
}

#[tokio::test]
async fn wrong_fields_are_refused_alike_in_price_and_purchase_and_charge_nothing() {
    let bench = Bench::new("500.00").await;
    let wrong = [
        json!({}),
        json!({"product": "Datacenter"}),
        json!({"product": DC, "location": "DE"}),
        json!({"product": DC, "cycle": "monthly"}),
        json!({"product": DC, "location": "FR", "cycle": "monthly"}),
        json!({"product": DC, "location": "DE", "cycle": "hourly"}),
        json!({"product": ISP, "location": "DE", "cycle": "yearly"}),
        json!({"product": DC, "location": "DE", "cycle": "monthly", "quantity": 0}),
        json!({"product": DC, "location": "DE", "cycle": "monthly", "quantity": 1_001}),
        json!({"product": DC, "location": "DE", "cycle": "monthly", "promo_code": "WRONG"}),
        json!({"product": PER_GIGABYTE[0], "cycle": "monthly"}),
        json!({"product": PER_GIGABYTE[0], "location": "DE"}),
        json!({"product": "Unmetered Residential proxy"}),
        json!({"product": "Unmetered Residential proxy", "cycle": "1 day", "location": "US"}),
        json!({"product": "Mobile Proxy", "location": "PL"}),
    ];
    for body in &wrong {
        assert_eq!(bench.refused("POST", "orders/purchase", Some(body)).await, 400, "{body}");
        assert_eq!(bench.refused("GET", &calculate(body), None).await, 400, "{body}");
    }
    let only_here = [
        json!({"product": "Mobile Proxy", "cycle": "weekly", "auto_renewal": true}),
        json!({"product": DC, "location": "DE", "cycle": "monthly", "period": 30}),
        json!({"product": DC, "location": "DE", "cycle": "monthly", "addons": [{"addon_key": "gold", "qty": 1}]}),
        json!({"product": DC, "location": "DE", "cycle": "monthly", "addons": [{"addon_key": "p0f", "qty": 0}]}),
        json!([1]),
    ];
    for body in &only_here {
        assert_eq!(bench.refused("POST", "orders/purchase", Some(body)).await, 400, "{body}");
    }
    assert!(bench.books().entries.is_empty());
}

/// The same order as a question for its price.
fn calculate(body: &Value) -> String {
    let fields = body.as_object().unwrap().iter();
    let pairs = fields.map(|(name, value)| (name.clone(), value.to_string().replace('"', "")));
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("orders/calculate?{query}")
}

#[tokio::test]
async fn a_price_says_what_the_purchase_then_costs() {
    let bench = Bench::new("50.00").await;
    bench.world(|world| world.account_mut(TOKEN).unwrap().promos.push(save10()));
    let mut body =
        json!({"product": DC, "location": "US", "cycle": "monthly", "quantity": 2, "promo_code": "SAVE10"});
    let price = bench.get(&calculate(&body)).await;
    assert_eq!(price, json!({"original_price": 550, "final_price": 495, "discount_percent": 10}));
    let addons = json!([{"addon_key": "p0f", "qty": 2}]);
    let with_addons =
        format!("{}&addons_json=%5B%7B%22addon_key%22%3A%22p0f%22%2C%22qty%22%3A2%7D%5D", calculate(&body));
    let price = bench.get(&with_addons).await;
    assert_eq!((&price["addons_price"], &price["total_with_addons"]), (&json!(100), &json!(595)));
    assert_eq!(price.get("success"), None);
    assert_eq!(bench.refused("GET", &format!("{}&addons_json=%5B", calculate(&body)), None).await, 400);
    body["addons"] = addons;
    bench.post("orders/purchase", &body).await;
    let entry = bench.books().entries.remove(0);
    assert_eq!(
        (entry.base, entry.addons, entry.balance_after),
        (money("4.95"), money("1.00"), money("44.05"))
    );
}

#[tokio::test]
async fn short_of_funds_or_stock_is_a_400_that_looks_the_same() {
    let bench = Bench::new("5.00").await;
    let body = json!({"product": DC, "location": "DE", "cycle": "monthly", "quantity": 3});
    assert_eq!(bench.refused("POST", "orders/purchase", Some(&body)).await, 400);
    assert_eq!(bench.get(&calculate(&body)).await["final_price"], 750, "a price has no warnings");
    bench.handle.top_up(TOKEN, money("10.00")).unwrap();
    bench.world(|world| world.catalogue.offer_mut(DC, Some("DE")).unwrap().stock = Some(4));
    bench.post("orders/purchase", &body).await;
    assert_eq!(bench.get("proxies/available-count").await[0]["amount"], 1);
    assert_eq!(bench.refused("POST", "orders/purchase", Some(&body)).await, 400);
    assert_eq!(bench.balance(), "7.50");
}

#[tokio::test]
async fn a_new_order_is_listed_after_the_lag() {
    let bench = Bench::new("5.00").await;
    bench.handle.set_lag(std::time::Duration::from_secs(120));
    let body = json!({"product": DC, "location": "DE", "cycle": "monthly"});
    let id = bench.post("orders/purchase", &body).await["order_id"].as_str().unwrap().to_owned();
    assert!(bench.page("status=active").await.is_empty());
    assert_eq!(bench.get("me").await["active_orders"], 1, "which the list does not agree with yet");
    assert_eq!(bench.order(&id).created_at, start());
    bench.pass_minutes(2);
    assert_eq!(bench.page("status=active").await, [id]);
}

#[tokio::test]
async fn a_bad_promo_code_can_be_passed_over_at_full_price() {
    let bench = Bench::new("5.00").await;
    bench.world(|world| world.rules.ignore_bad_promo = true);
    let body = json!({"product": DC, "location": "DE", "cycle": "monthly", "promo_code": "WRONG"});
    assert_eq!(bench.get(&calculate(&body)).await["discount_percent"], 0);
    bench.post("orders/purchase", &body).await;
    assert_eq!(bench.balance(), "2.50");
}
