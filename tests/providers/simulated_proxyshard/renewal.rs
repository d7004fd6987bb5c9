//! Renewal as a call: when it works, what it costs, what it does to the term.
use std::time::Duration;

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use renewd::simulator::proxyshard::{Endpoint, EntryKind, OrderSpec, Pending, Status, TermStart};
use serde_json::json;

use super::{Bench, DC, ISP, TOKEN, dc, hours, money, save10, start};

fn months_after(at: Timestamp, months: i64) -> Timestamp {
    at.to_zoned(TimeZone::UTC).checked_add(months.months()).unwrap().timestamp()
}

#[tokio::test]
async fn an_order_on_hold_is_renewed_once_for_its_price() {
    let bench = Bench::new("10.00").await;
    let id = bench.add(&dc(-5));
    assert_eq!(bench.detail(&id).await["status"], "on-hold");
    let (status, reply) = bench.renew(&id).await;
    assert_eq!((status, reply), (200, json!({"success": true, "message": "Order renewed"})));
    let books = bench.books();
    assert_eq!(books.charges_after(&id, hours(-5)).count(), 1);
    let entry = &books.entries[0];
    assert_eq!((entry.kind, entry.endpoint), (EntryKind::Renewal, Some(Endpoint::Renew)));
    assert_eq!(
        (entry.amount, entry.balance_before, entry.balance_after),
        (money("2.50"), money("10.00"), money("7.50"))
    );
    assert_eq!((entry.at, entry.end_after), (start(), Some(months_after(hours(-5), 1))));
    let detail = bench.detail(&id).await;
    assert_eq!(
        (&detail["status"], &detail["expires_at"]),
        (&json!("active"), &json!("2026-12-20T05:00:00.000Z"))
    );
    assert_eq!(bench.get("me").await["wallet_balance"], 750);
}

#[tokio::test]
async fn only_an_order_on_hold_can_be_renewed_and_the_text_does_not_say_why_not() {
    let bench = Bench::new("1.00").await;
    let active = bench.add(&dc(48));
    let poor = bench.add(&dc(-1));
    let gone = bench.add(&dc(-100).status(Status::Cancelled));
    let endless = bench.add(&OrderSpec::lifetime("Premium Residential Proxy"));
    for id in [&active, &poor, &gone, &endless] {
        let path = format!("orders/{id}/renew");
        assert_eq!(bench.refused("POST", &path, Some(&json!({}))).await, 400);
    }
    assert_eq!(bench.refused("POST", "orders/12/renew", Some(&json!({}))).await, 404);
    assert_eq!(bench.refused("POST", &format!("orders/{poor}/renew"), Some(&json!([1]))).await, 400);
    assert!(bench.books().entries.is_empty());
    assert_eq!(bench.order(&poor).status, Status::OnHold);
}

#[tokio::test]
async fn the_term_starts_at_the_old_end_or_now() {
    for (rule, expected) in
        [(TermStart::OldEnd, months_after(hours(-5), 1)), (TermStart::Now, months_after(start(), 1))]
    {
        let bench = Bench::new("10.00").await;
        bench.world(|world| world.rules.term_start = rule);
        let id = bench.add(&dc(-5));
        bench.renew(&id).await;
        assert_eq!(bench.order(&id).expires_at, Some(expected), "{rule:?}");
    }
}

#[tokio::test]
async fn a_term_that_would_be_over_already_starts_now() {
    let bench = Bench::new("10.00").await;
    let id = bench.add(&OrderSpec::new(DC, Some("DE"), "daily", hours(-50)));
    bench.renew(&id).await;
    assert_eq!(bench.order(&id).expires_at, Some(hours(24)));
}

#[tokio::test]
async fn pending_addons_change_with_the_renewal_and_are_charged_as_they_are_then() {
    let bench = Bench::new("20.00").await;
    let spec = dc(-1).addon("p0f", 4, Some(Pending::Downgrade(1))).addon("whitelist", 2, None).addon(
        "extra-traffic",
        3,
        Some(Pending::Cancel),
    );
    let id = bench.add(&spec);
    assert_eq!(bench.detail(&id).await["addons_price_paid"], 540);
    bench.renew(&id).await;
    let entry = bench.books().entries.remove(0);
    assert_eq!((entry.base, entry.addons, entry.amount), (money("2.50"), money("0.90"), money("3.40")));
    let detail = bench.detail(&id).await;
    assert_eq!(detail["addons_price_paid"], 90);
    let left: Vec<_> =
        detail["addons"].as_array().unwrap().iter().map(|a| (&a["addon_key"], &a["qty"])).collect();
    assert_eq!(left, [(&json!("p0f"), &json!(1)), (&json!("whitelist"), &json!(2))]);
}

#[tokio::test]
async fn the_price_is_todays_or_the_orders_own_and_a_promo_counts_again_only_by_rule() {
    let bench = Bench::new("50.00").await;
    let two = bench.add(&dc(-1).quantity(2));
    let own = bench.add(&dc(-1));
    let promo = bench.add(&OrderSpec::new(ISP, Some("DE"), "monthly", hours(-1)).promo_code("SAVE10"));
    bench.world(|world| {
        world.account_mut(TOKEN).unwrap().promos.push(save10());
        assert!(world.catalogue.set_price(DC, Some("DE"), "monthly", money("3.00")));
        world.account_mut(TOKEN).unwrap().order_mut(&own).unwrap().own_price = Some(money("1.99"));
    });
    for id in [&two, &own, &promo] {
        bench.renew(id).await;
    }
    let amounts: Vec<_> = bench.books().entries.iter().map(|entry| entry.amount).collect();
    assert_eq!(amounts, [money("6.00"), money("1.99"), money("3.60")]);
    assert_eq!(bench.detail(&two).await["price_paid"], 600, "what the next quote compares with");
    let again = bench.add(&OrderSpec::new(ISP, Some("DE"), "monthly", hours(-1)).promo_code("SAVE10"));
    bench.world(|world| world.rules.promo_again = true);
    bench.renew(&again).await;
    assert_eq!(bench.books().entries[3].amount, money("3.24"));
}

#[tokio::test]
async fn two_parallel_renewals_charge_twice_and_move_the_end_once() {
    let bench = Bench::new("10.00").await;
    let id = bench.add(&dc(-1));
    let (one, two) = tokio::join!(bench.renew(&id), bench.renew(&id));
    assert_eq!((one.0, two.0), (200, 200));
    assert_eq!(bench.balance(), "5.00");
    assert_eq!(bench.books().paid_twice(), [id.as_str()]);
    assert_eq!(bench.order(&id).expires_at, Some(months_after(hours(-1), 1)));
    bench.clock.advance(Duration::from_secs(2));
    assert_eq!(bench.renew(&id).await.0, 400, "told apart by now");
    let other = bench.add(&dc(-1));
    bench.world(|world| world.rules.race_window = Duration::ZERO);
    assert_eq!((bench.renew(&other).await.0, bench.renew(&other).await.0), (200, 400));
}

#[tokio::test]
async fn other_addresses_can_come_back() {
    let bench = Bench::new("10.00").await;
    bench.world(|world| world.rules.new_addresses = true);
    let id = bench.add(&dc(-1).quantity(2));
    let before = bench.order(&id).addresses;
    bench.renew(&id).await;
    let after = bench.order(&id).addresses;
    assert_eq!(after.len(), 2);
    assert!(after.iter().all(|address| !before.contains(address)));
}
