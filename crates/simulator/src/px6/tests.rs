//! The simulated provider against its own page: money, ends, looks and limits, without sockets.
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::endpoint::Call;
use super::{Endpoint, World};
use crate::site::{Site, Twist, parse_query};

const KEY: &str = "k";

fn now() -> Timestamp {
    "2026-11-21T06:00:00Z".parse().unwrap()
}

fn world() -> World {
    let mut world = World::new();
    world.add_account(KEY, "20.00".parse().unwrap());
    for n in 1..=3 {
        let end = format!("2026-11-2{}T06:00:00Z", 1 + n).parse().unwrap();
        world.add_proxy(KEY, 4, "us", &format!("203.0.113.{n}"), end).unwrap();
    }
    world
}

fn call(endpoint: Endpoint, query: &str) -> Call {
    Call {
        key: KEY.to_owned(),
        endpoint,
        subject: None,
        query: parse_query(query),
        host: String::new(),
        body: String::new(),
        twist: Twist::default(),
    }
}

fn ask(world: &mut World, endpoint: Endpoint, query: &str) -> Value {
    let reply = world.call(now(), &call(endpoint, query));
    serde_json::from_str(&reply.text()).unwrap()
}

fn ids(world: &World) -> Vec<u64> {
    world.account(KEY).unwrap().proxies().iter().map(|p| p.id).collect()
}

#[test]
fn a_list_is_an_object_by_ids_an_array_on_demand_and_empty_an_array() {
    let mut world = world();
    let ids = ids(&world);
    let all = ask(&mut world, Endpoint::GetProxy, "");
    assert_eq!(
        (&all["status"], &all["balance"], &all["list_count"]),
        (&"yes".into(), &"20.00".into(), &3.into())
    );
    let row = &all["list"][ids[0].to_string()];
    assert_eq!(
        (&row["id"], &row["active"], &row["version"]),
        (&ids[0].to_string().into(), &"1".into(), &"4".into())
    );
    assert_eq!(row["unixtime_end"], 1_795_327_200);
    assert_eq!(row["date_end"], "2026-11-22 13:00:00", "seven hours ahead, and nobody says so");
    let page = ask(&mut world, Endpoint::GetProxy, "limit=2&page=2&nokey");
    assert_eq!((&page["list_count"], page["list"].as_array().unwrap().len()), (&1.into(), 1));
    let none = ask(&mut world, Endpoint::GetProxy, "page=2");
    assert_eq!((&none["list_count"], &none["list"]), (&0.into(), &serde_json::json!([])));
}

#[test]
fn a_renewal_moves_ends_takes_the_price_and_tells_numbers_as_numbers() {
    let mut world = world();
    let ids = ids(&world);
    let quote = ask(&mut world, Endpoint::GetPrice, "count=2&period=30&version=4");
    assert_eq!((&quote["price"], &quote["price_single"]), (&serde_json::json!(3.6), &serde_json::json!(1.8)));
    let paid = ask(&mut world, Endpoint::Prolong, &format!("period=30&ids={},{}", ids[0], ids[1]));
    assert_eq!(
        (&paid["count"], &paid["price"], &paid["balance"]),
        (&2.into(), &serde_json::json!(3.6), &serde_json::json!(16.4))
    );
    let row = &paid["list"][ids[0].to_string()];
    assert_eq!(
        (row["id"].as_u64(), row["unixtime_end"].as_i64()),
        (Some(ids[0]), Some(1_795_327_200 + 30 * 86_400))
    );
    let balance = ask(&mut world, Endpoint::Account, "");
    assert_eq!((&balance["balance"], balance["list"].is_null()), (&"16.40".into(), true));
    assert_eq!((world.books().charges().count(), world.books().paid_twice().len()), (1, 0));
    let many = ask(&mut world, Endpoint::GetPrice, "count=10&period=30&version=4");
    assert_eq!(many["price_single"], serde_json::json!(1.62), "many at once cost less");
}

#[test]
fn errors_have_the_numbers_of_the_page_and_change_nothing() {
    let mut world = world();
    let id = ids(&world)[0];
    for (endpoint, query, code) in [
        (Endpoint::GetPrice, "count=0&period=30".to_owned(), 200),
        (Endpoint::GetPrice, "count=1&period=5".to_owned(), 210),
        (Endpoint::GetPrice, "count=1&period=30&version=9".to_owned(), 240),
        (Endpoint::Prolong, format!("period=5&ids={id}"), 210),
        (Endpoint::Prolong, "period=30&ids=x".to_owned(), 230),
        (Endpoint::Prolong, format!("period=30&ids={id},77"), 404),
        (Endpoint::Buy, "count=1&period=30&version=4&country=xx".to_owned(), 220),
        (Endpoint::Buy, "count=2000&period=30&version=4&country=us".to_owned(), 300),
        (Endpoint::Buy, "count=50&period=90&version=4&country=us".to_owned(), 400),
    ] {
        let said = ask(&mut world, endpoint, &query);
        assert_eq!((&said["status"], &said["error_id"]), (&"no".into(), &code.into()), "{query}");
    }
    assert_eq!(world.books().charges().count(), 0);
    let mut other = call(Endpoint::Account, "");
    other.key = "stranger".to_owned();
    let said: Value = serde_json::from_str(&world.call(now(), &other).text()).unwrap();
    assert_eq!(said["error_id"], 100);
}

#[test]
fn a_renewal_can_succeed_in_part_and_its_answer_says_for_which() {
    let mut world = world();
    let ids = ids(&world);
    let mut part = call(Endpoint::Prolong, &format!("period=30&ids={},{},{}", ids[0], ids[1], ids[2]));
    part.twist.limit = Some(2);
    let said: Value = serde_json::from_str(&world.call(now(), &part).text()).unwrap();
    assert_eq!((&said["count"], said["list"].as_object().unwrap().len()), (&2.into(), 2));
    assert_eq!(world.books().charges().next().unwrap().amount, "3.60".parse().unwrap());
}

#[test]
fn a_fourth_call_within_a_second_is_turned_away() {
    let mut world = world();
    let status = |world: &mut World, at: Timestamp| world.process(at, &call(Endpoint::Account, "")).status();
    let first: Vec<u16> = (0..4).map(|_| status(&mut world, now())).collect();
    assert_eq!(first, [200, 200, 200, 429]);
    world.busy = 503;
    assert_eq!(status(&mut world, now()), 503);
    let second = now().checked_add(jiff::SignedDuration::from_secs(1)).unwrap();
    assert_eq!(status(&mut world, second), 200);
}

#[test]
fn a_proxy_that_ended_is_listed_as_inactive_for_three_days_and_then_gone() {
    let mut world = world();
    let after = |hours: i64| now().checked_add(jiff::SignedDuration::from_hours(hours)).unwrap();
    world.advance_to(after(25));
    assert_eq!((world.books().lapses.len(), ids(&world).len()), (1, 3));
    let reply = world.call(after(25), &call(Endpoint::GetProxy, "state=expired"));
    let said: Value = serde_json::from_str(&reply.text()).unwrap();
    assert_eq!(
        (&said["list_count"], &said["list"][ids(&world)[0].to_string()]["active"]),
        (&1.into(), &"0".into())
    );
    world.advance_to(after(24 + 73));
    assert_eq!(ids(&world).len(), 2);
}

#[test]
fn a_purchase_carries_its_description_and_lists_lag() {
    let mut world = world();
    world.list_lag = Duration::from_secs(60);
    let said = ask(&mut world, Endpoint::Buy, "count=2&period=30&country=us&version=4&descr=mine");
    assert_eq!((&said["count"], said["list"].as_object().unwrap().len()), (&2.into(), 2));
    assert_eq!(ask(&mut world, Endpoint::GetProxy, "descr=mine")["list_count"], 0);
    let later = now().checked_add(jiff::SignedDuration::from_secs(61)).unwrap();
    let reply = world.call(later, &call(Endpoint::GetProxy, "descr=mine"));
    let listed: Value = serde_json::from_str(&reply.text()).unwrap();
    assert_eq!(listed["list_count"], 2);
}
