//! The accounting core without sockets: whatever is called in whatever order, the books add up.
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::endpoint::Call;
use super::{CycleChange, Endpoint, EntryKind, OrderSpec, Promo, Rules, Status, TermStart, World};
use crate::site::{Site, Twist, later};
use renewd_core::domain::Money;

const KEY: &str = "k";

fn start() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

/// One thing that can happen to an account.
#[derive(Debug, Clone)]
enum Act {
    Renew { order: usize, twist: Twist, late: bool },
    Auto { order: usize, on: bool },
    Cycle { order: usize, name: &'static str },
    Buy { quantity: u32 },
    TopUp(i64),
    Spend(i64),
    Pass(u64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let twist = (-50_i64..50, any::<bool>(), 0_i64..200).prop_map(|(more, undelivered, foreign)| Twist {
        surcharge: Money::from_cents(more),
        undelivered,
        foreign: Money::from_cents(foreign),
        ..Twist::default()
    });
    let twist = prop_oneof![3 => Just(Twist::default()), 1 => twist];
    let act = prop_oneof![
        6 => (0_usize..20, twist, any::<bool>()).prop_map(|(order, twist, late)| Act::Renew { order, twist, late }),
        2 => (0_usize..20, any::<bool>()).prop_map(|(order, on)| Act::Auto { order, on }),
        1 => (0_usize..20, prop::sample::select(vec!["daily", "weekly", "monthly"]))
            .prop_map(|(order, name)| Act::Cycle { order, name }),
        1 => (1_u32..4).prop_map(|quantity| Act::Buy { quantity }),
        1 => (1_i64..5_000).prop_map(Act::TopUp),
        1 => (1_i64..2_000).prop_map(Act::Spend),
        4 => (1_u64..90).prop_map(Act::Pass),
    ];
    prop::collection::vec(act, 1..50)
}

fn rules() -> impl Strategy<Value = Rules> {
    (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(now, at_once, promo_again, retries, new_addresses)| Rules {
            term_start: if now { TermStart::Now } else { TermStart::OldEnd },
            cycle_change: if at_once { CycleChange::AtOnce } else { CycleChange::AtRenewal },
            promo_again,
            retries_on_hold: retries.then_some(Duration::from_secs(7_200)),
            new_addresses,
            ..Rules::default()
        },
    )
}

fn world(rules: Rules) -> World {
    let mut world = World::new();
    world.rules = rules;
    world.add_account(KEY, Money::from_cents(6_000));
    let code = Promo { code: "SAVE15".into(), percent: 15, cycles: vec!["monthly".into()], ends: None };
    world.account_mut(KEY).unwrap().promos.push(code);
    for n in 0_i64..10 {
        let end = later(start(), Duration::from_secs(3_600 * n.unsigned_abs() * 9));
        let spec =
            OrderSpec::new("Datacenter Proxy", Some("DE"), if n % 2 == 0 { "daily" } else { "monthly" }, end);
        let spec = if n % 3 == 0 { spec.auto_renewal() } else { spec };
        world.add_order(KEY, &spec.promo_code("SAVE15").addon("p0f", 2, None)).unwrap();
    }
    world
}

fn call(endpoint: Endpoint, subject: Option<String>, body: &Value, query: &[(&str, &str)]) -> Call {
    Call {
        key: KEY.to_owned(),
        endpoint,
        subject,
        query: query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        host: String::new(),
        body: body.to_string(),
        twist: Twist::default(),
    }
}

fn perform(world: &mut World, now: &mut Timestamp, act: &Act) {
    let order = |world: &World, n: usize| {
        let ids: Vec<String> = world.account(KEY).unwrap().orders().map(|order| order.id.clone()).collect();
        Some(ids[n % ids.len()].clone())
    };
    let nothing = json!({});
    match act {
        Act::Pass(hours) => *now = later(*now, Duration::from_secs(3_600 * hours)),
        Act::TopUp(cents) => assert!(world.top_up(*now, KEY, Money::from_cents(*cents)).is_some()),
        Act::Spend(cents) => {
            world.spend_elsewhere(*now, KEY, Money::from_cents(*cents));
        }
        Act::Renew { order: n, twist, late } => {
            let call =
                Call { twist: twist.clone(), ..call(Endpoint::Renew, order(world, *n), &nothing, &[]) };
            if *late {
                world.postpone(later(*now, Duration::from_secs(5_000)), call);
            } else {
                world.process(*now, &call);
            }
        }
        Act::Auto { order: n, on } => {
            let query = [("auto_renewal", if *on { "true" } else { "false" })];
            world.process(*now, &call(Endpoint::AutoRenewal, order(world, *n), &nothing, &query));
        }
        Act::Cycle { order: n, name } => {
            world
                .process(*now, &call(Endpoint::BillingCycle, order(world, *n), &json!({"cycle": name}), &[]));
        }
        Act::Buy { quantity } => {
            let body =
                json!({"product": "ISP Proxy", "location": "DE", "cycle": "monthly", "quantity": quantity});
            world.process(*now, &call(Endpoint::Purchase, None, &body, &[]));
        }
    }
    world.advance_to(*now);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn the_books_always_add_up_to_the_wallet(acts in acts(), rules in rules()) {
        let opening = Money::from_cents(6_000);
        let mut world = world(rules);
        let mut now = start();
        world.advance_to(now);
        for act in &acts {
            perform(&mut world, &mut now, act);
        }
        let account = world.account(KEY).unwrap();
        prop_assert_eq!(world.books().net(KEY).and_then(|net| opening.plus(net)), Some(account.balance));
        let (mut running, mut last) = (opening, start());
        for entry in &world.books().entries {
            prop_assert_eq!(entry.balance_before, running);
            prop_assert_eq!(entry.base.plus(entry.addons), Some(entry.amount));
            let moved = if entry.is_charge() { running.minus(entry.amount) } else { running.plus(entry.amount) };
            prop_assert_eq!(Some(entry.balance_after), moved);
            prop_assert!(!entry.balance_after.is_negative());
            prop_assert!(entry.at >= last, "entries are in order of time");
            (running, last) = (entry.balance_after, entry.at);
            if entry.kind == EntryKind::AutoRenewal && world.rules.retries_on_hold.is_none() {
                let lead = entry.end_before.unwrap().duration_since(entry.at).as_secs();
                prop_assert!((3_600..=7_200).contains(&lead), "{}", lead);
            }
        }
        for order in account.orders() {
            let end = order.expires_at.unwrap();
            match order.status {
                Status::Active => prop_assert!(end > now),
                Status::OnHold => prop_assert!(end <= now && order.gone_at().unwrap() > now),
                Status::Cancelled => prop_assert!(order.gone_at().unwrap() <= now && order.addresses.is_empty()),
            }
        }
        let gone = account.orders().filter(|order| order.status == Status::Cancelled).count();
        prop_assert_eq!(world.lapsed().len(), gone);
    }
}

#[test]
fn a_clone_is_a_world_of_its_own() {
    let mut one = world(Rules::default());
    one.advance_to(start());
    let other = one.clone();
    one.advance_to(later(start(), Duration::from_secs(3_600 * 400)));
    assert!(!one.books().entries.is_empty());
    assert!(other.books().entries.is_empty());
}
