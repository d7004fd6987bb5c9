//! What happens to orders by themselves, told by a clock that is moved by hand.
use std::time::Duration;

use jiff::SignedDuration;
use renewd::simulator::proxyshard::{EntryKind, Status};
use serde_json::json;

use super::{Bench, TOKEN, dc, hours, money};

#[tokio::test]
async fn the_provider_renews_one_to_two_hours_before_the_end_always_at_the_same_instant() {
    let bench = Bench::new("100.00").await;
    let ids: Vec<String> = (0..12).map(|_| bench.add(&dc(30).auto_renewal())).collect();
    let planned: Vec<_> = ids.iter().map(|id| bench.order(id).auto_at().unwrap()).collect();
    bench.pass_hours(30);
    let books = bench.books();
    for (id, at) in ids.iter().zip(&planned) {
        let [entry] = &books.charges_for(id).collect::<Vec<_>>()[..] else { panic!("one charge for {id}") };
        assert_eq!((entry.kind, entry.endpoint, entry.at), (EntryKind::AutoRenewal, None, *at));
        let lead = hours(30).duration_since(entry.at);
        assert!((SignedDuration::from_hours(1)..=SignedDuration::from_hours(2)).contains(&lead), "{lead}");
        assert_eq!((entry.end_before, bench.order(id).status), (Some(hours(30)), Status::Active));
    }
    let mut different = planned.clone();
    different.sort();
    different.dedup();
    assert!(different.len() > 6, "orders have instants of their own");
    assert!(books.paid_twice().is_empty());
}

#[tokio::test]
async fn off_or_short_of_funds_means_on_hold_at_the_end() {
    let bench = Bench::new("2.49").await;
    let off = bench.add(&dc(30));
    let poor = bench.add(&dc(30).auto_renewal());
    bench.pass_minutes(30 * 60 - 1);
    assert_eq!(bench.page("status=active").await.len(), 2);
    let late = bench.handle.top_up(TOKEN, money("10.00"));
    assert_eq!(late, Some(money("12.49")), "after the one try it does not help");
    bench.pass_minutes(1);
    for id in [&off, &poor] {
        assert_eq!(bench.order(id).status, Status::OnHold);
    }
    assert_eq!(bench.page("status=on-hold").await.len(), 2);
    assert_eq!(bench.books().charges().count(), 0);
}

#[tokio::test]
async fn switched_off_in_time_nothing_is_charged_and_switched_on_in_time_it_is() {
    let bench = Bench::new("10.00").await;
    let (one, other) = (bench.add(&dc(30).auto_renewal()), bench.add(&dc(30)));
    bench.pass_hours(24);
    bench.post(&format!("orders/edit-auto-renewal/{one}?auto_renewal=false"), &json!({})).await;
    bench.post(&format!("orders/edit-auto-renewal/{other}?auto_renewal=true"), &json!({})).await;
    bench.pass_hours(6);
    assert_eq!((bench.order(&one).status, bench.order(&other).status), (Status::OnHold, Status::Active));
    assert_eq!(bench.books().charges_for(&other).count(), 1);
    assert_eq!(bench.books().charges().count(), 1);
}

#[tokio::test]
async fn after_three_days_on_hold_the_order_and_its_addresses_are_gone() {
    let bench = Bench::new("10.00").await;
    let id = bench.add(&dc(1).quantity(2));
    let addresses: Vec<String> = bench.order(&id).addresses.iter().map(|a| a.ip.clone()).collect();
    bench.pass_minutes(73 * 60 - 1);
    assert_eq!(bench.order(&id).status, Status::OnHold);
    assert!(bench.books().lapses.is_empty());
    bench.pass_minutes(1);
    assert_eq!(bench.detail(&id).await["status"], "cancelled");
    assert_eq!(bench.page("status=cancelled").await, [id.as_str()]);
    assert_eq!(bench.renew(&id).await.0, 400);
    let [lapse] = &bench.books().lapses[..] else { panic!("one order was lost") };
    assert_eq!((&lapse.order, &lapse.addresses), (&id, &addresses));
    assert_eq!((lapse.end, lapse.gone_at), (hours(1), hours(73)));
    assert!(bench.order(&id).addresses.is_empty());
}

#[tokio::test]
async fn an_order_on_hold_is_saved_in_its_last_minute() {
    let bench = Bench::new("10.00").await;
    let id = bench.add(&dc(1));
    bench.pass_minutes(73 * 60 - 1);
    assert_eq!(bench.renew(&id).await.0, 200);
    bench.pass_hours(100);
    assert_eq!(bench.order(&id).status, Status::Active);
    assert!(bench.books().lapses.is_empty());
}

#[tokio::test]
async fn the_provider_may_try_again_by_itself_while_on_hold() {
    let bench = Bench::new("0.00").await;
    bench.world(|world| world.rules.retries_on_hold = Some(Duration::from_secs(3 * 3_600)));
    let (flagged, plain) = (bench.add(&dc(1).auto_renewal()), bench.add(&dc(1)));
    bench.pass_hours(9);
    bench.handle.top_up(TOKEN, money("10.00")).unwrap();
    assert_eq!(bench.order(&flagged).status, Status::OnHold);
    bench.pass_hours(1);
    let entry = bench.books().charges_for(&flagged).next().cloned().unwrap();
    assert_eq!((entry.kind, entry.at), (EntryKind::AutoRenewal, hours(10)));
    bench.pass_hours(63);
    assert_eq!(
        (bench.order(&flagged).status, bench.order(&plain).status),
        (Status::Active, Status::Cancelled)
    );
}

#[tokio::test]
async fn what_has_no_end_stays() {
    let bench = Bench::new("10.00").await;
    let spec = renewd::simulator::proxyshard::OrderSpec::lifetime("Standart Residential Proxy");
    let id = bench.add(&spec.quantity(5));
    bench.pass_hours(24 * 400);
    let detail = bench.detail(&id).await;
    assert_eq!(
        (&detail["status"], detail.get("expires_at"), detail.get("cycle_name")),
        (&json!("active"), None, None)
    );
}

#[tokio::test]
async fn many_terms_later_every_term_was_charged_exactly_once() {
    let bench = Bench::new("1000.00").await;
    let id = bench.add(&dc(30).auto_renewal());
    bench.pass_hours(24 * 365);
    let books = bench.books();
    let charges: Vec<_> = books.charges_for(&id).collect();
    assert_eq!(charges.len(), 12);
    for pair in charges.windows(2) {
        assert_eq!(pair[0].end_after, pair[1].end_before);
    }
    assert!(books.paid_twice().is_empty());
    assert_eq!(bench.balance(), "970.00");
}

#[tokio::test]
async fn a_try_that_was_due_before_time_began_is_not_made_up_for() {
    let bench = Bench::new("10.00").await;
    let held = bench.add(&dc(-5).auto_renewal());
    let soon = bench.add(&dc(1).auto_renewal());
    bench.pass_hours(1);
    assert_eq!((bench.order(&held).status, bench.order(&soon).status), (Status::OnHold, Status::OnHold));
    assert!(bench.books().entries.is_empty());
    assert!(bench.world(|world| world.renew_by_provider(hours(1), TOKEN, &soon)), "unless somebody says so");
    let entry = bench.books().entries.remove(0);
    assert_eq!((entry.kind, entry.order), (EntryKind::AutoRenewal, Some(soon.clone())));
    assert_eq!(bench.order(&soon).status, Status::Active);
}
