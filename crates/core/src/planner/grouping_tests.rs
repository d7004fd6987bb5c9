//! Which periods a set may be bought for, and who shares a set because of it.
use rstest::rstest;

use super::*;
use crate::domain::{Lease, Money, sample};
use crate::policy::sample::keep;

fn account() -> AccountName {
    AccountName::new("yp")
}

/// Due; ends on that day at noon, in UTC.
fn item(id: &str, order: &str, day: &str) -> Item {
    Item {
        lease: Lease {
            account: account(),
            id: LeaseId::new(id),
            order: OrderId::new(order),
            expires_at: Some(format!("{day}T12:00:00Z").parse().unwrap()),
            ..sample::lease()
        },
        stage: None,
        labels: Vec::new(),
        reason: Reason::new(Word::Due, "due"),
        policy: Some(0),
        due_at: None,
        quote: None,
        bundle: vec![LeaseId::new(id)],
        attempt: 1,
        paid_by: PaidBy::Renewd,
        switch_off_first: false,
        gone_at: None,
    }
}

/// Ninety days or thirty, at 3.00 at most, until the end of March.
fn list() -> Policy {
    Policy {
        periods: vec![90, 30],
        max_price: Some(Money::from_cents(300)),
        until: Some("2027-03-31".parse().unwrap()),
        ..keep("keep")
    }
}

fn capabilities(whole: bool) -> Capabilities {
    Capabilities {
        renew_early: true,
        quote_is_bound: true,
        quote_reads_order: false,
        warns: true,
        auto_renewal: true,
        sells_cycles: false,
        grace: None,
        bundled_kinds: if whole { vec![Kind::new("IPv4")] } else { Vec::new() },
        hides_auto_renewal: false,
        prices_by_count: false,
        pace: None,
        marks_purchases: false,
    }
}

/// Period, periods after it, ids of the leases.
type Row = (u32, Vec<u32>, Vec<String>);

fn grouped(policy: Policy, items: &mut [Item], whole: bool, offered: &[u32]) -> Vec<Row> {
    let capabilities = HashMap::from([(account(), capabilities(whole))]);
    let offered = Offered::from([((account(), Kind::new("IPv4")), Ok(offered.to_vec()))]);
    let groups = group(items, &[policy], &capabilities, &offered, &[]);
    let row = |(key, members): (GroupKey, Vec<usize>)| {
        let ids = members.iter().map(|&m| items[m].lease.id.to_string()).collect();
        (key.period_days, key.then, ids)
    };
    groups.into_iter().map(row).collect()
}

fn row(days: u32, then: &[u32], ids: &[&str]) -> Row {
    (days, then.to_vec(), ids.iter().map(ToString::to_string).collect())
}

#[rstest]
#[case::before_the_last_day_for_ninety("2026-12-31", &[30, 90], 90, &[30])]
#[case::a_day_later("2027-01-01", &[30, 90], 30, &[])]
#[case::on_the_last_day_for_thirty("2027-03-01", &[30, 90], 30, &[])]
#[case::past_it_for_all("2027-03-02", &[30, 90], 30, &[])]
#[case::past_it_and_the_shortest_is_not_offered("2027-03-02", &[60, 90], 90, &[])]
fn a_lease_is_bought_for_what_ends_before_until(
    #[case] ends: &str,
    #[case] offered: &[u32],
    #[case] days: u32,
    #[case] then: &[u32],
) {
    let rows = grouped(list(), &mut [item("a", "o", ends)], false, offered);
    assert_eq!(rows, [row(days, then, &["a"])]);
}

#[test]
fn leases_with_the_same_periods_to_try_go_together_and_no_others() {
    let mut items =
        [item("a", "o1", "2026-12-01"), item("b", "o2", "2026-12-30"), item("c", "o3", "2027-01-01")];
    let rows = grouped(list(), &mut items, false, &[30, 90]);
    assert_eq!(rows, [row(90, &[30], &["a", "b"]), row(30, &[], &["c"])]);
}

#[test]
fn an_order_that_is_paid_whole_is_never_divided_and_its_last_end_counts() {
    let mut items = [item("a", "o", "2026-12-30"), item("b", "o", "2027-01-01")];
    assert_eq!(grouped(list(), &mut items, true, &[30, 90]), [row(30, &[], &["a", "b"])]);
}

#[test]
fn what_the_provider_pays_is_for_the_first_period_on_offer_and_no_other() {
    let mut items = [Item { paid_by: PaidBy::Provider, ..item("a", "o", "2027-03-02") }];
    assert_eq!(grouped(list(), &mut items, false, &[30, 90]), [row(90, &[], &["a"])]);
}

#[test]
fn a_list_of_which_none_is_offered_is_held() {
    let mut items = [item("a", "o", "2026-12-01")];
    assert_eq!(grouped(list(), &mut items, false, &[60, 180]), []);
    assert_eq!(
        items[0].reason.to_string(),
        "period_not_offered: policy `keep` wants 90d, 30d; IPv4 is offered for 60d, 180d"
    );
}

#[test]
fn a_key_names_one_period_and_gives_only_those_that_may_be_tried() {
    let mut items = [item("a", "o", "2026-12-01")];
    let policy = Policy { periods: vec![90, 60, 30], until: None, ..list() };
    let capabilities = HashMap::from([(account(), capabilities(false))]);
    let offered = Offered::from([((account(), Kind::new("IPv4")), Ok(vec![30, 60, 90]))]);
    let (key, members) = group(&mut items, &[policy], &capabilities, &offered, &[]).remove(0);
    let days = |key: Option<GroupKey>| key.map(|k| (k.period_days, k.then));
    let next = key.next().unwrap();
    assert_eq!(days(Some(next.clone())), Some((60, vec![30])));
    assert_eq!(days(next.next()), Some((30, vec![])));
    assert_eq!(days(next.next().unwrap().next()), None);
    assert_eq!(days(key.at(30)), Some((30, vec![])));
    assert_eq!(days(key.at(90)), Some((90, vec![])));
    assert_eq!((days(key.at(180)), days(next.at(90))), (None, None), "it was not to be tried, or no more");
    assert_eq!(days(Some(key.settled())), Some((90, vec![])));
    // What is asked of the provider is that period.
    let set = PaySet { key, members };
    let asked = |set: &PaySet| set.request(&items).unwrap().period_days;
    assert_eq!((asked(&set), asked(&set.next().unwrap())), (90, 60));
}
