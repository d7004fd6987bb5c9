//! Accounts full of orders.
use jiff::SignedDuration;
use renewd::simulator::proxyshard::{FleetSpec, Order, Status, World};

use super::{Bench, TOKEN, hours, money, start};

fn fleet(seed: u64) -> World {
    World::fleet(seed, start(), &FleetSpec::new(TOKEN, money("9999.00"), 150, 230, 1))
}

fn orders(world: &World) -> Vec<Order> {
    world.account(TOKEN).unwrap().orders().cloned().collect()
}

#[tokio::test]
async fn a_fleet_is_what_was_asked_for_and_the_same_for_the_same_seed() {
    assert_eq!(orders(&fleet(1)), orders(&fleet(1)));
    assert_ne!(orders(&fleet(1)), orders(&fleet(2)));
    let bench = Bench::with(fleet(1)).await;
    for (status, count) in [("active", 150), ("on-hold", 230), ("cancelled", 1), ("all", 381)] {
        let page = bench.get(&format!("orders?status={status}&limit=1")).await;
        assert_eq!(page["count"], count, "{status}");
    }
    let all = orders(&fleet(1));
    for product in ["Datacenter Proxy", "ISP Proxy", "Mobile Proxy", "Standart Residential Proxy"] {
        assert!(all.iter().any(|order| order.product == product), "{product}");
    }
    assert!(all.iter().all(|order| !order.auto_renewal));
}

#[tokio::test]
async fn its_holds_can_all_be_renewed_once_and_nothing_else_is_touched() {
    let bench = Bench::with(fleet(1)).await;
    let before = bench.world(|world| orders(world));
    bench.pass_hours(11);
    for order in before.iter().filter(|order| order.status == Status::OnHold) {
        assert_eq!(bench.renew(&order.id).await.0, 200, "{order:?}");
    }
    let books = bench.books();
    assert_eq!((books.charges().count(), books.paid_twice().len()), (230, 0));
    for order in &before {
        let charges = books.charges_after(&order.id, order.expires_at.unwrap_or(start())).count();
        assert_eq!(charges, usize::from(order.status == Status::OnHold));
    }
    let net = books.net(TOKEN).unwrap();
    assert_eq!(money("9999.00").plus(net).unwrap().to_string(), bench.balance());
}

#[tokio::test]
async fn left_alone_they_are_lost_from_the_oldest_on() {
    let bench = Bench::with(fleet(1)).await;
    bench.pass_hours(40);
    let lapses = bench.books().lapses;
    assert!((50..230).contains(&lapses.len()), "{}", lapses.len());
    for lapse in &lapses {
        assert_eq!(lapse.gone_at.duration_since(lapse.end), SignedDuration::from_hours(72));
        assert!(lapse.gone_at <= hours(40));
    }
    assert!(lapses.windows(2).all(|pair| pair[0].gone_at <= pair[1].gone_at));
}
