//! The accounting core without sockets: the quirks that the provider's pages and SDKs tell of.
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::endpoint::Call;
use super::{Endpoint, Product, World};
use crate::site::Twist;
use renewd_core::domain::Money;

const KEY: &str = "k";

fn start() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

fn at(hours: i64) -> Timestamp {
    start().checked_add(SignedDuration::from_hours(hours)).unwrap()
}

fn world(cents: i64) -> World {
    let mut world = World::new();
    world.add_account(KEY, Money::from_cents(cents));
    world.add_order(KEY, Product::Ipv4, "USA", &["203.0.113.1", "203.0.113.2"], at(48)).unwrap();
    world.add_order(KEY, Product::Ipv6, "USA", &["203.0.113.9:10001", "203.0.113.9:10002"], at(48)).unwrap();
    world
}

fn call(
    world: &mut World,
    now: Timestamp,
    endpoint: Endpoint,
    of: Option<&str>,
    query: &str,
    body: &Value,
) -> Value {
    world.advance_to(now);
    let call = Call {
        key: KEY.to_owned(),
        endpoint,
        subject: of.map(str::to_owned),
        query: crate::site::parse_query(query),
        host: String::new(),
        body: body.to_string(),
        twist: Twist::default(),
    };
    serde_json::from_str(&world.call(now, &call).text()).unwrap()
}

fn ids(world: &World, of: Product) -> Vec<String> {
    let all = world.account(KEY).unwrap().proxies().iter();
    all.filter(|proxy| proxy.product == of).map(|proxy| proxy.id.clone()).collect()
}

fn body(ids: &[String]) -> Value {
    json!({"ids": ids, "periodId": "1m", "paymentId": "balance"})
}

#[test]
fn a_renewal_gives_other_ids_a_later_end_and_a_row_in_the_log() {
    let mut world = world(5_000);
    let before = ids(&world, Product::Ipv4);
    let paid = call(&mut world, at(1), Endpoint::ProlongMake, Some("ipv4"), "", &body(&before));
    assert_eq!((&paid["status"], &paid["data"]["total"]), (&json!("success"), &json!(3.54)), "{paid}");
    let after = ids(&world, Product::Ipv4);
    assert!(before.iter().all(|id| !after.contains(id)), "{before:?} {after:?}");
    let log = call(&mut world, at(1), Endpoint::OrderList, None, "is_extend=Y", &json!({}));
    let rows = log["data"]["items"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[0]["summ"]), (1, &json!("$3.54")), "{log}");
    assert_eq!(rows[0]["base_order_number"], paid["data"]["listBaseOrderNumbers"][0]);
    assert_eq!(world.account(KEY).unwrap().proxies()[0].end, at(48 + 24 * 30));
}

#[test]
fn whole_orders_are_asked_by_their_ids_and_one_that_is_foreign_refuses_all() {
    let mut world = world(5_000);
    let asked = body(&ids(&world, Product::Ipv6));
    let wrong = call(&mut world, at(1), Endpoint::ProlongCalc, Some("ipv6"), "", &asked);
    assert_eq!(wrong["errors"][0]["code"], 0, "{wrong}");
    let order = world.account(KEY).unwrap().proxies()[2].order.clone();
    let of = |orders: &[&str]| json!({"orderIds": orders, "periodId": "1m", "paymentId": "balance"});
    let good = call(&mut world, at(1), Endpoint::ProlongCalc, Some("ipv6"), "", &of(&[&order]));
    assert_eq!((&good["data"]["quantity"], &good["data"]["total"]), (&json!(2), &json!(0.46)), "{good}");
    let foreign = call(&mut world, at(1), Endpoint::ProlongCalc, Some("ipv6"), "", &of(&[&order, "64af"]));
    assert_eq!(foreign["errors"][0]["code"], 29);
}

#[test]
fn short_funds_are_told_by_either_generation() {
    let mut world = world(100);
    let asked = body(&ids(&world, Product::Ipv4));
    let old = call(&mut world, at(1), Endpoint::ProlongCalc, Some("ipv4"), "", &asked);
    assert_eq!((&old["status"], &old["errors"]), (&json!("error"), &json!([])));
    assert_eq!(old["data"]["warning"], "Insufficient funds. Total $3.54. Not enough $2.54");
    world.coded_short_funds = true;
    let new = call(&mut world, at(1), Endpoint::ProlongMake, Some("ipv4"), "", &asked);
    assert_eq!((&new["errors"][0]["code"], &new["data"]["total"]), (&json!(16), &json!(3.54)));
    assert_eq!(world.books().charges().count(), 0);
}

#[test]
fn the_log_lags_and_a_shut_account_gets_the_one_answer() {
    let mut world = world(5_000);
    world.log_lag = Duration::from_secs(3_600);
    let asked = body(&ids(&world, Product::Ipv4));
    call(&mut world, at(1), Endpoint::ProlongMake, Some("ipv4"), "", &asked);
    let rows = |world: &mut World, hours| {
        let log = call(world, at(hours), Endpoint::OrderList, None, "is_extend=Y", &json!({}));
        log["data"]["items"].as_array().unwrap().len()
    };
    assert_eq!((rows(&mut world, 1), rows(&mut world, 2)), (0, 1));
    world.account_mut(KEY).unwrap().shut = true;
    let refused = call(&mut world, at(2), Endpoint::Balance, None, "", &json!({}));
    let codes: Vec<&Value> = refused["errors"].as_array().unwrap().iter().map(|e| &e["code"]).collect();
    assert_eq!(codes, [503, 503, 503]);
    assert_eq!(refused["errors"][0]["message"], "Error api key");
}

#[test]
fn the_provider_renews_a_day_before_the_end_and_its_log_says_so() {
    let mut world = world(5_000);
    let asked = body(&ids(&world, Product::Ipv4)[..1]);
    let on = call(&mut world, at(1), Endpoint::AutoEnable, Some("ipv4"), "", &asked);
    assert_eq!(
        (&on["data"]["quantity"], &on["data"]["chargeDate"]),
        (&json!(1), &json!("2026-11-21 10:00:00"))
    );
    world.advance_to(at(24));
    assert_eq!(world.books().charges().count(), 1);
    assert!(world.account(KEY).unwrap().log().last().unwrap().auto);
    world.advance_to(at(49));
    assert_eq!(world.books().lapses.len(), 3);
}
