//! The accounting core without sockets: whatever is called in whatever order, the books add up.
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::endpoint::Call;
use super::{Endpoint, EntryKind, FleetSpec, Product, Promo, World};
use crate::site::{Twist, later};
use renewd_core::domain::Money;

const KEY: &str = "k";

fn start() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

fn fleet(leases: usize, cents: i64) -> World {
    World::fleet(7, start(), &FleetSpec::new(KEY, Money::from_cents(cents), leases))
}

fn call(world: &mut World, now: Timestamp, endpoint: Endpoint, body: &Value, twist: Twist) -> Value {
    world.advance_to(now);
    let call = Call {
        key: KEY.to_owned(),
        endpoint,
        subject: None,
        query: Vec::new(),
        host: String::new(),
        body: body.to_string(),
        twist,
    };
    serde_json::from_str(&world.call(now, &call).text()).unwrap()
}

/// One thing that can happen to an account.
#[derive(Debug, Clone)]
enum Act {
    Extend { lease: usize, days: u32, promo: bool, extra: i64, limit: Option<usize> },
    ExtendOrder { lease: usize, days: u32 },
    Buy { quantity: u32 },
    TopUp(i64),
    Pass(u32),
    Auto { lease: usize, on: bool },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let days = || prop::sample::select(vec![30_u32, 60, 90, 180, 360, 31]);
    let limit = prop::option::of(0_usize..3);
    let act = prop_oneof![
        4 => (0_usize..40, days(), any::<bool>(), 0_i64..50, limit).prop_map(
            |(lease, days, promo, extra, limit)| Act::Extend { lease, days, promo, extra, limit }),
        2 => (0_usize..40, days()).prop_map(|(lease, days)| Act::ExtendOrder { lease, days }),
        1 => (1_u32..4).prop_map(|quantity| Act::Buy { quantity }),
        1 => (1_i64..5_000).prop_map(Act::TopUp),
        2 => (1_u32..400).prop_map(Act::Pass),
        2 => (0_usize..40, any::<bool>()).prop_map(|(lease, on)| Act::Auto { lease, on }),
    ];
    prop::collection::vec(act, 1..40)
}

/// A lease, and all ids of its order where it can only be paid so.
fn target(world: &World, lease: usize) -> Option<(Product, String, Vec<String>)> {
    let rentals = world.account(KEY)?.rentals();
    let rental = rentals.get(lease % rentals.len().max(1))?;
    let alone = |id: &str| rental.product != Product::IPv6 && id != rental.id;
    let of_order = rentals.iter().filter(|r| r.order == rental.order && !alone(&r.id));
    Some((rental.product, rental.order.clone(), of_order.map(|r| r.id.clone()).collect()))
}

fn perform(world: &mut World, now: &mut Timestamp, act: &Act) {
    match act {
        Act::Pass(hours) => *now = later(*now, Duration::from_secs(3600 * u64::from(*hours))),
        Act::TopUp(cents) => {
            world.advance_to(*now);
            world.top_up(*now, KEY, Money::from_cents(*cents)).unwrap();
        }
        Act::Buy { quantity } => {
            let body = json!({"proxyType": "IPv4", "quantity": quantity, "rentPeriodDays": 30,
                "country": "USA", "goal": "test", "authType": "LOGIN"});
            call(world, *now, Endpoint::Order, &body, Twist::default());
        }
        Act::Extend { lease, days, promo, extra, limit } => {
            let Some((product, _, ids)) = target(world, *lease) else { return };
            let mut body =
                json!({"proxyType": product.as_str(), "ipAddressIds": ids, "rentPeriodDays": days});
            if *promo {
                body["promoCode"] = json!("SAVE15");
            }
            let twist = Twist { surcharge: Money::from_cents(*extra), limit: *limit, ..Twist::default() };
            call(world, *now, Endpoint::Extend, &body, twist);
        }
        Act::ExtendOrder { lease, days } => {
            let Some((product, order, _)) = target(world, *lease) else { return };
            let body = json!({"proxyType": product.as_str(), "orderIds": [order], "rentPeriodDays": days});
            call(world, *now, Endpoint::ExtendOrder, &body, Twist::default());
        }
        Act::Auto { lease, on } => {
            let Some((product, _, ids)) = target(world, *lease) else { return };
            let days = product.periods()[0];
            let body = json!({"proxyType": product.as_str(), "ipAddressIds": ids,
                "rentPeriodDays": days, "autoExtend": on});
            call(world, *now, Endpoint::ExtendAuto, &body, Twist::default());
        }
    }
    world.advance_to(*now);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_books_always_add_up_to_the_balance(acts in acts(), rotate in any::<bool>()) {
        let opening = Money::from_cents(9_000);
        let mut world = fleet(12, 9_000);
        world.rotate_ids = rotate;
        let promo = Promo { code: "SAVE15".into(), percent: 15, starts: start(), ends: None };
        world.account_mut(KEY).unwrap().promos.push(promo);
        let mut now = start();
        for act in &acts {
            perform(&mut world, &mut now, act);
        }
        let account = world.account(KEY).unwrap();
        prop_assert_eq!(world.books().net(KEY).and_then(|net| opening.plus(net)), Some(account.balance));
        let mut running = opening;
        let mut last = start();
        for entry in &world.books().entries {
            prop_assert_eq!(entry.balance_before, running);
            let moved = if entry.is_charge() { running.minus(entry.amount) } else { running.plus(entry.amount) };
            prop_assert_eq!(Some(entry.balance_after), moved);
            prop_assert!(!entry.balance_after.is_negative());
            prop_assert!(entry.at >= last, "entries are in order of time");
            (running, last) = (entry.balance_after, entry.at);
            for line in &entry.lines {
                let Some(before) = line.end_before else { continue };
                let term = SignedDuration::from_hours(24 * i64::from(entry.days));
                prop_assert_eq!(line.end_after.duration_since(before), term);
                prop_assert!(entry.at < before, "nothing is extended after its end");
                prop_assert_eq!(line.id_before == line.id_after, !rotate);
            }
        }
        prop_assert!(account.rentals().iter().all(|rental| rental.end > now));
        prop_assert!(world.lapsed().iter().all(|lapse| lapse.end <= now));
    }
}

#[test]
fn a_promo_code_takes_its_percentage_off_to_the_cent() {
    let mut world = World::new();
    world.add_account(KEY, Money::from_cents(1_000));
    world.prices.set(Product::IPv4, "USA", 30, "2.65".parse().unwrap());
    world.add_order(KEY, Product::IPv4, "USA", &["203.0.113.1"], later(start(), Duration::from_secs(86_400)));
    let promo = Promo { code: "SAVE10".into(), percent: 10, starts: start(), ends: None };
    world.account_mut(KEY).unwrap().promos.push(promo);
    let id = world.account(KEY).unwrap().rentals()[0].id.clone();
    for (code, status, price) in [("SAVE10", "VALID", "2.38"), ("WRONG", "NO_VALID", "2.65")] {
        let body =
            json!({"proxyType": "IPv4", "ipAddressIds": [id], "rentPeriodDays": 30, "promoCode": code});
        let quote = call(&mut world, start(), Endpoint::CalculateExtend, &body, Twist::default());
        assert_eq!(quote["promoCodeStatus"], status);
        assert_eq!(quote["price"].to_string(), price);
        assert_eq!(quote["warnings"], json!([]));
    }
}

#[test]
fn the_providers_own_extension_pays_two_hours_before_the_end_if_it_can() {
    let end = later(start(), Duration::from_secs(86_400));
    for (cents, pays) in [(10_000, true), (10, false)] {
        let mut world = World::new();
        world.add_account(KEY, Money::from_cents(cents));
        world.add_order(KEY, Product::Isp, "GBR", &["192.0.2.9"], end);
        let id = world.account(KEY).unwrap().rentals()[0].id.clone();
        let body =
            json!({"proxyType": "ISP", "ipAddressIds": [id], "rentPeriodDays": 60, "autoExtend": true});
        let reply = call(&mut world, start(), Endpoint::ExtendAuto, &body, Twist::default());
        assert_eq!((&reply["success"], &reply["autoExtend"]), (&json!(true), &json!(true)));
        world.advance_to(end);
        let entries = &world.books().entries;
        assert_eq!(entries.len(), usize::from(pays));
        assert_eq!(world.lapsed().len(), usize::from(!pays));
        if let [entry] = &entries[..] {
            assert_eq!(entry.kind, EntryKind::AutoExtend);
            assert_eq!(end.duration_since(entry.at), SignedDuration::from_hours(2));
            assert_eq!(entry.days, 60);
        }
    }
}

#[test]
fn auto_extend_tries_again_once_there_is_money() {
    let end = later(start(), Duration::from_secs(86_400));
    let mut world = World::new();
    world.add_account(KEY, Money::ZERO);
    world.add_order(KEY, Product::Isp, "GBR", &["192.0.2.9"], end);
    world.account_mut(KEY).unwrap().rental_mut("192.0.2.9").unwrap().auto = true;
    let late = end.checked_sub(SignedDuration::from_mins(30)).unwrap();
    world.advance_to(late);
    world.top_up(late, KEY, Money::from_cents(5_000)).unwrap();
    world.advance_to(end);
    assert!(world.lapsed().is_empty());
    assert_eq!(world.books().charges_for("192.0.2.9").count(), 1);
}

#[test]
fn a_fleet_has_all_products_and_is_the_same_for_the_same_seed() {
    let (one, two) = (fleet(50, 100), fleet(50, 100));
    let rentals = one.account(KEY).unwrap().rentals();
    assert_eq!(rentals.len(), 50);
    assert_eq!(rentals, two.account(KEY).unwrap().rentals());
    for product in Product::ALL {
        assert!(rentals.iter().any(|rental| rental.product == product), "{product:?}");
    }
    let mut ips: Vec<&str> = rentals.iter().map(|rental| rental.ip.as_str()).collect();
    ips.sort_unstable();
    ips.dedup();
    assert_eq!(ips.len(), 50);
    let soon = later(start(), Duration::from_secs(3 * 86_400));
    let due = rentals.iter().filter(|rental| rental.end < soon).count();
    assert!((1..25).contains(&due), "{due} are due with `before = \"3d\"`");
    let other = World::fleet(8, start(), &FleetSpec::new(KEY, Money::ZERO, 50));
    assert_ne!(rentals, other.account(KEY).unwrap().rentals());
}

#[test]
fn every_field_of_an_order_has_its_own_code() {
    let mut world = fleet(4, 100_000);
    let good = json!({"proxyType": "MOBILE", "quantity": 2, "rentPeriodDays": 30, "country": "USA", "goal": "ads",
        "authType": "IP", "authIp": "192.0.2.1", "mobileOperator": "vodafone", "rotationTime": 600});
    let wrong = [
        ("proxyType", json!("Mobile"), 4),
        ("country", json!("US"), 6),
        ("country", json!("ATA"), 7),
        ("mobileOperator", json!("none"), 8),
        ("rotationTime", json!(601), 8),
        ("authType", json!("LOGON"), 10),
        ("rentPeriodDays", json!(60), 11),
        ("goal", json!(""), 14),
        ("quantity", json!(0), 19),
        ("authIp", json!("nowhere"), 23),
    ];
    for (field, value, code) in wrong {
        let mut body = good.clone();
        body[field] = value;
        let reply = call(&mut world, start(), Endpoint::Order, &body, Twist::default());
        assert_eq!(reply["error"]["code"], code, "{field}");
        assert_eq!(reply["orderNumber"], Value::Null);
    }
    let ipv6 = json!({"proxyType": "IPv6", "quantity": 1, "rentPeriodDays": 90, "country": "USA", "goal": "ads",
        "authType": "LOGIN", "protocol": "FTP"});
    assert_eq!(call(&mut world, start(), Endpoint::Order, &ipv6, Twist::default())["error"]["code"], 13);
    assert!(world.books().entries.is_empty());
    let reply = call(&mut world, start(), Endpoint::Order, &good, Twist::default());
    assert_eq!(reply["success"], true);
    let [entry] = &world.books().entries[..] else { panic!("one purchase") };
    assert_eq!((entry.kind, entry.lines.len()), (EntryKind::Purchase, 2));
    assert_ne!(reply["orderNumber"], json!(entry.lines[0].order));
}
