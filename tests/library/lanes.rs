//! What a lane of payments learns while it runs counts for the payments that are left in it. Engine, adapter, limiter and ledger are
//! the real ones, the provider is simulated, and a virtual clock passes the waits.
use jiff::SignedDuration;
use renewd::simulator::{Aim, Answer, Effect, Endpoint, Fault, Product, When, World};

use crate::common::config::{Account, one_account};
use crate::pass::{Pass, reasons, start};

const KEY: &str = "lanes-key-0123456789abcdef";
const IPS: [&str; 3] = ["203.0.113.1", "203.0.113.2", "203.0.113.3"];

/// Leases that end in so many minutes; `limit` requests a minute.
async fn pass(ends: &[i64], limit: usize, schedule: &str, policy: &str) -> Pass<World> {
    let mut world = World::new();
    world.add_account(KEY, "9000.00".parse().unwrap());
    for (ip, minutes) in IPS.iter().zip(ends) {
        let end = start() + SignedDuration::from_mins(*minutes);
        world.add_order(KEY, Product::IPv4, "USA", &[*ip], end).unwrap();
    }
    let head = format!("[schedule]\ncycle = \"{schedule}\"\n[guard]\nmax_fleet_share = \"100%\"");
    let rest =
        format!("batch = 1\n[[policy]]\nname = \"keep\"\naction = \"renew\"\nperiod = \"30d\"\n{policy}\n");
    Pass::new(world, ("yp", KEY), |dir, base_url| {
        let account = Account { name: "yp", provider: "youproxy", base_url, per_minute: limit };
        one_account(dir, &head, &account, &rest)
    })
    .await
}

fn sent(pass: &Pass<World>) -> usize {
    pass.handle.count(Endpoint::Extend) + pass.handle.count(Endpoint::ExtendOrder)
}

/// The answer tells no balance, the one right after it cannot be read, and only the next reading of the lists shows the charge.
#[tokio::test]
async fn an_overcharge_that_a_later_reading_shows_holds_what_is_left_of_the_lane() {
    let pass = pass(&[600, 601], 6, "0 */10 * * * *", "max_price = \"6.00\"").await;
    let dearer = Fault::on(Aim::Money)
        .when(When::Next(1))
        .effect(Effect::Surcharge("9.00".parse().unwrap()))
        .answer(Answer::Without("balance".into()));
    pass.handle.inject(dearer);
    for nth in 3..=5 {
        let away = Fault::on(Aim::Endpoint(Endpoint::Balance)).when(When::Nth(nth));
        pass.handle.inject(away.effect(Effect::Nothing).answer(Answer::Html(503)));
    }
    let report = pass.cycle().await;
    assert_eq!(sent(&pass), 1, "{:#?}", reasons(&report));
    assert!(reasons(&report)[1].contains("overcharged"), "{:#?}", reasons(&report));
}

/// With one cycle an hour the next one comes when it is too late, however soon the payment is settled.
#[tokio::test]
async fn what_lapses_before_the_next_cycle_does_not_wait_for_an_unclear_payment() {
    let pass = pass(&[30, 50, 200], 60, "0 0 * * * *", "").await;
    let lost = Fault::on(Aim::Money).when(When::Next(1)).effect(Effect::Nothing).answer(Answer::Close);
    pass.handle.inject(lost);
    let report = pass.cycle().await;
    assert_eq!(sent(&pass), 2, "{:#?}", reasons(&report));
    assert!(reasons(&report)[2].contains("unknown_pending"), "{:#?}", reasons(&report));
}
