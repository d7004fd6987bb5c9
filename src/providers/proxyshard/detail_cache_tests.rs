//! Which orders are asked one by one, and how many requests that makes of a large account.
use jiff::Timestamp;
use rstest::rstest;

use super::*;
use crate::providers::dates::Spelled;
use crate::providers::proxyshard::detail::Figure;
use crate::providers::proxyshard::merge_lists::Standing;
use crate::providers::proxyshard::wire::End;

fn at(minutes: i64) -> Moment {
    let noon: Timestamp = "2026-11-17T12:00:00Z".parse().unwrap();
    Moment {
        wall: noon.checked_add(SignedDuration::from_mins(minutes)).unwrap(),
        boot_id: "boot-1".to_owned(),
        boot_ms: 1_000_000 + minutes * 60_000,
    }
}

fn end(hours: i64) -> End {
    End::At(at(hours * 60).wall, Spelled::Full)
}

fn facts(end: End, auto_renewal: Option<bool>) -> Facts {
    Facts { product: Some("ISP Proxy".to_owned()), end, auto_renewal, ..Facts::NONE }
}

fn listing(n: usize, standing: Standing, facts: Facts) -> Listing {
    Listing { id: format!("o-{n:04}"), standing, facts, torn: false }
}

fn detail(end: End) -> Detail {
    Detail {
        facts: facts(end, Some(false)),
        status: None,
        quantity: Some(1),
        price_paid: Figure::NotTold,
        addons_paid: Figure::NotTold,
        addons: Some(Vec::new()),
        started_at: None,
    }
}

/// A reading at this minute: asks, keeps the answers, and says how many orders it asked.
fn reading(memory: &Memory, listings: &[Listing], purpose: Purpose, minute: i64) -> usize {
    asked(memory, listings, purpose, minute).len()
}

fn asked(memory: &Memory, listings: &[Listing], purpose: Purpose, minute: i64) -> Vec<String> {
    let asked = memory.to_ask(listings, purpose, &at(minute));
    for id in &asked {
        let listing = listings.iter().find(|l| &l.id == id).unwrap();
        memory.keep(listing, &detail(end(200)), &at(minute));
    }
    asked
}

#[test]
fn after_the_first_reading_of_a_large_sparse_account_few_orders_are_asked_again() {
    let memory = Memory::default();
    let mut listings: Vec<Listing> =
        (0..230).map(|n| listing(n, Standing::OnHold, facts(end(-1), None))).collect();
    listings.extend((230..380).map(|n| listing(n, Standing::Active, facts(End::NotTold, None))));
    assert_eq!(reading(&memory, &listings, Purpose::Routine, 0), 380);
    assert_eq!(reading(&memory, &listings, Purpose::Money, 1), 8);
    assert_eq!(reading(&memory, &listings, Purpose::Routine, 10), 30);
    let (one, next) =
        (asked(&memory, &listings, Purpose::Routine, 20), asked(&memory, &listings, Purpose::Routine, 30));
    assert!(next.len() == 30 && next.iter().all(|id| !one.contains(id)), "the oldest go first");
}

#[test]
fn a_few_orders_on_hold_are_asked_in_every_reading() {
    let memory = Memory::default();
    let listings: Vec<Listing> =
        (0..8).map(|n| listing(n, Standing::OnHold, facts(end(-1), Some(true)))).collect();
    for minute in 0..3 {
        assert_eq!(reading(&memory, &listings, Purpose::Money, minute), 8);
    }
}

#[test]
fn prices_of_active_orders_are_learnt_in_turn_once_a_day_and_never_around_payments() {
    let memory = Memory::default();
    let mut listings: Vec<Listing> =
        (0..100).map(|n| listing(n, Standing::Active, facts(end(300), Some(true)))).collect();
    for (minute, want) in [(0, 30), (10, 30), (20, 30), (30, 10), (40, 0), (24 * 60, 0), (24 * 60 + 5, 30)] {
        assert_eq!(reading(&memory, &listings, Purpose::Routine, minute), want, "{minute}");
    }
    listings.truncate(20);
    listings[19] = listing(19, Standing::OnHold, facts(end(-1), Some(true)));
    assert_eq!(memory.to_ask(&listings, Purpose::Money, &at(48 * 60 + 6)), ["o-0019"]);
}

#[rstest]
#[case::another_end(listing(1, Standing::OnHold, facts(end(5), None)), true)]
#[case::another_flag(listing(1, Standing::OnHold, facts(end(-1), Some(false))), true)]
#[case::active_again(listing(1, Standing::Active, facts(End::NotTold, None)), true)]
#[case::unclear(listing(1, Standing::Unclear, facts(end(-1), None)), true)]
#[case::as_before(listing(1, Standing::OnHold, facts(end(-1), None)), false)]
fn an_order_whose_entry_changed_is_asked_at_once(#[case] now: Listing, #[case] at_once: bool) {
    let memory = Memory::default();
    let before = listing(1, Standing::OnHold, facts(end(-1), None));
    memory.keep(&before, &detail(end(-1)), &at(0));
    // More orders on hold, asked longer ago, than a reading around payments asks in turn.
    let mut listings: Vec<Listing> =
        (2..20).map(|n| listing(n, Standing::OnHold, facts(end(-1), None))).collect();
    listings.iter().for_each(|l| memory.keep(l, &detail(end(-1)), &at(-5)));
    listings.insert(0, now);
    assert_eq!(memory.to_ask(&listings, Purpose::Money, &at(1)).contains(&"o-0001".to_owned()), at_once);
}

#[rstest]
#[case::far(200, 59, 0)]
#[case::far_and_old(200, 61, 1)]
#[case::near(2, 5, 0)]
#[case::near_and_not_new(2, 11, 1)]
#[case::over(-1, 1, 1)]
fn an_active_order_is_asked_again_the_sooner_the_nearer_its_end(
    #[case] hours: i64,
    #[case] minute: i64,
    #[case] want: usize,
) {
    let memory = Memory::default();
    let listings = [listing(1, Standing::Active, facts(End::NotTold, Some(true)))];
    memory.keep(&listings[0], &detail(end(hours)), &at(0));
    assert_eq!(memory.to_ask(&listings, Purpose::Routine, &at(minute)).len(), want);
}

#[test]
fn what_was_forgotten_or_is_of_another_standing_is_not_recalled() {
    let memory = Memory::default();
    let order = listing(1, Standing::OnHold, facts(end(-1), None));
    memory.keep(&order, &detail(end(-1)), &at(0));
    assert!(memory.recall(&order).is_some());
    assert!(memory.recall(&Listing { standing: Standing::Active, ..order.clone() }).is_none());
    memory.forget(&[OrderId::from("o-0001")]);
    assert!(memory.recall(&order).is_none());
    memory.renew(&OrderId::from("o-0001"), &detail(end(3)), &at(1));
    assert!(memory.recall(&order).is_none(), "a quote alone does not say what the lists say");
    memory.keep(&order, &detail(end(-1)), &at(0));
    memory.retain(&[], &at(1));
    assert!(memory.recall(&order).is_none());
}

#[test]
fn a_cancelled_order_is_believed_for_some_hours() {
    let memory = Memory::default();
    memory.keep_cancelled(["c"].into_iter(), &at(0));
    assert!(memory.is_cancelled("c", &at(359)) && !memory.is_cancelled("c", &at(361)));
    assert!(!memory.is_cancelled("d", &at(0)));
    let rebooted = Moment { boot_id: "boot-2".to_owned(), ..at(1) };
    assert!(!memory.is_cancelled("c", &rebooted));
}

#[rstest]
#[case(Standing::OnHold, Status::OnHold, 0)]
#[case(Standing::OnHold, Status::Other("frozen".to_owned()), 1)]
#[case(Standing::OnHold, Status::Active, 1)]
#[case(Standing::Active, Status::Active, 0)]
#[case(Standing::Active, Status::OnHold, 1)]
fn while_list_and_detail_disagree_on_where_an_order_stands_it_is_asked_each_time(
    #[case] standing: Standing,
    #[case] status: Status,
    #[case] want: usize,
) {
    let memory = Memory::default();
    let mut listings: Vec<Listing> =
        (2..20).map(|n| listing(n, Standing::OnHold, facts(end(-1), None))).collect();
    listings.iter().for_each(|l| memory.keep(l, &detail(end(-1)), &at(-5)));
    listings.push(listing(99, standing, facts(end(200), Some(false))));
    memory.keep(&listings[18], &Detail { status: Some(status), ..detail(end(200)) }, &at(0));
    let asked = memory.to_ask(&listings, Purpose::Money, &at(1));
    assert_eq!(asked.iter().filter(|id| *id == "o-0099").count(), want);
}
