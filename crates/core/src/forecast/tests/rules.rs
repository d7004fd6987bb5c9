//! Who is counted, when, and when the money ends.
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use rstest::rstest;

use crate::domain::Kind;
use crate::forecast::Why;
use crate::forecast::bench::{Bench, Known, days, hours, keep, known, lease, money, runway, told};
use crate::policy::{Action, Clause, Key, Matcher, OnShortFunds, Pattern};

#[test]
fn amounts_balances_and_the_day_the_money_ends_by_hand() {
    // Due 3 days before the ends: 24 Nov 12:00, 26 Nov 12:00, 26 Nov 18:00, 6 Dec 12:00.
    let leases = vec![
        known("a", days(6), "2.65"),
        known("b", days(8), "3.10"),
        known("c", hours(24 * 8 + 6), "2.65"),
        known("d", days(18), "10.00"),
    ];
    let seen = Bench::new("8.00", leases).ahead(30);
    assert_eq!(
        told(&seen),
        [
            "2026-11-24 1 2.65 5.35 last_paid",
            "2026-11-26 2 5.75 -0.40 last_paid",
            "2026-12-06 1 10.00 -10.40 last_paid",
        ]
    );
    assert_eq!(runway(&seen), "18.40 10.40 2026-11-26 2026-11-26T18:00:00Z");
    let lost: Vec<_> = seen.runways[0].uncovered.iter().map(|u| u.lease).collect();
    assert_eq!(lost, [2, 3]);
}

#[rstest]
#[case::all_of_it("18.40", "18.40 0.00 - -")]
#[case::a_cent_less("18.39", "18.40 0.01 2026-12-06 2026-12-06T12:00:00Z")]
#[case::nothing("0.00", "18.40 18.40 2026-11-24 2026-11-24T12:00:00Z")]
#[case::below_nothing("-1.00", "18.40 19.40 2026-11-24 2026-11-24T12:00:00Z")]
fn the_top_up_is_exactly_what_is_missing(#[case] balance: &str, #[case] want: &str) {
    let leases =
        vec![known("a", days(6), "2.65"), known("b", days(8), "5.75"), known("d", days(18), "10.00")];
    assert_eq!(runway(&Bench::new(balance, leases).ahead(30)), want);
}

#[test]
fn what_should_have_been_paid_by_now_is_due_today() {
    let seen = Bench::new("2.00", vec![known("a", hours(5), "2.65")]).ahead(7);
    assert_eq!(told(&seen), ["2026-11-21 1 2.65 -0.65 last_paid"]);
    assert_eq!(runway(&seen), "2.65 0.65 2026-11-21 2026-11-21T12:00:00Z");
    assert_eq!(seen.runways[0].next_due_at, Some(hours(5 - 72)), "the true instant is told too");
}

#[test]
fn a_lease_renewed_for_seven_days_falls_due_again_and_again() {
    let mut bench = Bench::new("100.00", vec![Known::new(lease("a", days(4))).paid("1.00", 7)]);
    bench.policies[0].periods = vec![7];
    let dates: Vec<_> = bench.ahead(30).days.iter().map(|d| d.date.to_string()).collect();
    assert_eq!(dates, ["2026-11-22", "2026-11-29", "2026-12-06", "2026-12-13", "2026-12-20"]);
}

#[rstest]
#[case(30, 1)]
#[case(31, 2)]
fn the_horizon_itself_is_inside(#[case] ahead: i64, #[case] dues: usize) {
    let leases = vec![known("a", days(33), "1.00"), known("b", days(34), "1.00")];
    assert_eq!(Bench::new("9.00", leases).ahead(ahead).dues.len(), dues);
}

#[test]
fn nothing_due_needs_nothing_even_below_keep_balance() {
    let mut bench = Bench::new("1.00", vec![known("a", days(90), "2.65")]);
    bench.keep_balance = money("5.00");
    assert_eq!(runway(&bench.ahead(30)), "0.00 0.00 - -");
    assert_eq!(bench.ahead(30).runways[0].next_due_at, Some(days(87)));
}

#[test]
fn keep_balance_is_not_there_to_be_spent() {
    let mut bench = Bench::new("10.00", vec![known("a", days(6), "2.65"), known("b", days(7), "2.65")]);
    bench.keep_balance = money("7.00");
    assert_eq!(runway(&bench.ahead(30)), "5.30 2.30 2026-11-25 2026-11-25T12:00:00Z");
    assert_eq!(told(&bench.ahead(30))[1], "2026-11-25 1 2.65 4.70 last_paid");
}

#[rstest]
#[case(Action::Watch)]
#[case(Action::Release)]
#[case(Action::Ignore)]
fn only_renew_costs_money(#[case] action: Action) {
    let mut bench = Bench::new("9.00", vec![known("a", days(6), "2.65")]);
    bench.policies[0].action = action;
    let seen = bench.ahead(30);
    assert!(seen.dues.is_empty() && seen.left_out.is_empty(), "{seen:?}");
    assert_eq!(seen.expiries.len(), usize::from(action != Action::Ignore));
}

#[test]
fn without_a_policy_nothing_is_renewed_and_the_end_is_shown() {
    let mut bench = Bench::new("9.00", vec![known("a", days(6), "2.65")]);
    bench.policies.clear();
    let seen = bench.ahead(30);
    assert!(seen.dues.is_empty());
    assert_eq!((seen.expiries[0].watch, seen.expiries[0].first_at), (1, days(6)));
}

#[test]
fn the_first_policy_that_matches_decides() {
    let mut bench = Bench::new("9.00", vec![known("a", days(6), "2.65"), known("b", days(6), "2.65")]);
    let mut release = keep("let-go");
    release.action = Action::Release;
    let pattern = Pattern::parse(Key::Lease, "a").unwrap();
    release.matches = Matcher::of(vec![Clause { key: Key::Lease, any: vec![pattern] }]);
    bench.policies.insert(0, release);
    let seen = bench.ahead(30);
    assert_eq!(seen.dues.iter().flat_map(|d| d.leases.clone()).collect::<Vec<_>>(), [1]);
    assert_eq!((seen.expiries[0].renew, seen.expiries[0].release), (1, 1));
}

#[test]
fn until_ends_the_renewals_at_the_first_term_that_ends_on_or_after_it() {
    let mut bench = Bench::new("9.00", vec![Known::new(lease("a", days(4))).paid("1.00", 7)]);
    bench.policies[0].periods = vec![7];
    // Ends 25 Nov, 2 Dec, 9 Dec; the last is not extended.
    bench.policies[0].until = Some("2026-12-09".parse().unwrap());
    let dates: Vec<_> = bench.ahead(60).days.iter().map(|d| d.date.to_string()).collect();
    assert_eq!(dates, ["2026-11-22", "2026-11-29"]);
    bench.policies[0].until = Some("2026-11-25".parse().unwrap());
    let seen = bench.ahead(60);
    assert!(seen.dues.is_empty() && seen.left_out.is_empty());
    assert_eq!(seen.expiries[0].release, 1, "it is let go");
}

#[test]
fn days_are_in_the_configured_zone_and_until_in_the_policys() {
    // 23:30 UTC is the next day in Berlin.
    let mut bench =
        Bench::new("0.00", vec![known("a", hours(72 + 11), "1.00"), known("b", days(10), "1.00")]);
    bench.leases[0].lease.expires_at = Some("2026-11-26T23:30:00Z".parse().unwrap());
    bench.timezone = TimeZone::get("Europe/Berlin").unwrap();
    assert_eq!(bench.ahead(30).runways[0].until.unwrap().to_string(), "2026-11-24");
    bench.policies[0].until = Some("2026-11-27".parse().unwrap());
    assert_eq!(bench.ahead(30).dues.len(), 1, "the policy's own is still UTC");
    bench.policies[0].timezone = bench.timezone.clone();
    assert!(bench.ahead(30).dues.is_empty());
}

#[test]
fn a_provider_that_renews_only_at_the_end_is_due_at_the_end() {
    let mut bench = Bench::new("0.00", vec![known("a", days(6), "2.65")]);
    bench.capabilities.renew_early = false;
    bench.capabilities.grace = Some(SignedDuration::from_hours(72));
    let seen = bench.ahead(30);
    assert_eq!(runway(&seen), "2.65 2.65 2026-11-27 2026-11-27T12:00:00Z");
    assert_eq!(seen.dues[0].lost_at, days(9));
}

#[rstest]
#[case::on_hold(-71, true)]
#[case::gone(-72, false)]
fn past_its_end_it_is_due_within_the_grace_and_lost_after_it(#[case] ended: i64, #[case] due: bool) {
    let mut bench = Bench::new("9.00", vec![known("a", hours(ended), "2.65")]);
    bench.capabilities.renew_early = false;
    bench.capabilities.grace = Some(SignedDuration::from_hours(72));
    let seen = bench.ahead(7);
    assert_eq!(seen.dues.iter().map(|d| d.at).collect::<Vec<_>>(), if due { vec![hours(0)] } else { vec![] });
    assert_eq!(
        seen.left_out.iter().map(|l| l.why).collect::<Vec<_>>(),
        if due { vec![] } else { vec![Why::Lapsed] }
    );
}

#[test]
fn the_orders_own_cycle_goes_before_the_policys_periods() {
    let mut bench = Bench::new("99.00", vec![Known::new(lease("a", days(2))).paid("5.00", 7)]);
    bench.leases[0].term_days = Some(7);
    bench.capabilities.renew_early = false;
    let dates: Vec<_> = bench.ahead(10).days.iter().map(|d| d.date.to_string()).collect();
    assert_eq!(dates, ["2026-11-23", "2026-11-30"]);
}

#[test]
fn what_is_kept_and_cannot_be_counted_is_named() {
    let mut bench = Bench::new("99.00", vec![known("a", hours(0), "1.00"), known("b", days(6), "3.01")]);
    bench.policies[0].max_price = Some(money("3.00"));
    let mut unread = known("c", days(6), "1.00");
    unread.lease.expires_at = None;
    let mut mobile = known("d", days(6), "1.00");
    mobile.lease.kind = Kind::from("MOBILE");
    bench.leases.extend([unread, mobile]);
    bench.offered.insert(Kind::from("MOBILE"), vec![60, 360]);
    let seen = bench.ahead(30);
    let why: Vec<_> = seen.left_out.iter().map(|l| (l.lease.as_str(), l.why.as_str())).collect();
    assert_eq!(why, [("a", "lapsed"), ("b", "price_cap"), ("c", "unparsable"), ("d", "period_not_offered")]);
    assert!(seen.dues.is_empty());
}

#[test]
fn the_first_period_on_offer_is_taken() {
    let mut bench = Bench::new("99.00", vec![Known::new(lease("a", days(6))).paid("7.00", 90)]);
    bench.policies[0].periods = vec![30, 90];
    bench.offered.insert(Kind::from("IPv4"), vec![90, 180]);
    assert_eq!(told(&bench.ahead(30)), ["2026-11-24 1 7.00 92.00 last_paid"]);
}

/// Ninety days or thirty, at 3.00 at most.
fn list(leases: Vec<Known>) -> Bench {
    let mut bench = Bench::new("99.00", leases);
    bench.policies[0].periods = vec![90, 30];
    bench.policies[0].max_price = Some(money("3.00"));
    bench
}

#[test]
fn a_period_known_to_be_over_the_cap_gives_way_to_the_next() {
    let mut far = Known::new(lease("z", days(300))).quoted("7.95", 90, 1);
    let of = |leases| told(&list(leases).ahead(30));
    let (paid, fresh) = (known("a", days(6), "2.65"), Known::new(lease("a", days(6))));
    assert_eq!(of(vec![paid.clone(), far.clone()]), ["2026-11-24 1 2.65 96.35 last_paid"]);
    assert_eq!(
        of(vec![fresh.clone(), far.clone()]),
        ["2026-11-24 1 - 99.00 none"],
        "thirty, at nobody knows what"
    );
    // What was paid last shows what was taken then.
    assert_eq!(of(vec![paid]), ["2026-11-24 1 2.65 96.35 last_paid"]);
    far = Known::new(lease("z", days(300))).quoted("2.95", 90, 1);
    assert_eq!(of(vec![fresh, far]), ["2026-11-24 1 2.95 96.05 list"]);
}

#[test]
fn what_is_over_the_cap_for_each_period_is_left_out() {
    let far = Known::new(lease("z", days(300))).quoted("7.95", 90, 1);
    let bench = list(vec![known("a", days(6), "3.01"), far]);
    let why: Vec<_> = bench.ahead(30).left_out.iter().map(|l| (l.lease.to_string(), l.why)).collect();
    assert_eq!(why, [("a".to_owned(), Why::PriceCap), ("z".to_owned(), Why::PriceCap)]);
    assert_eq!(bench.cautions(14)[0], "a price_cap: 3.01 USD for 30 days is over max_price 3.00");
}

#[test]
fn the_last_terms_before_until_are_the_shorter_ones() {
    // Ends 25 Nov: ninety days to 23 Feb, thirty to 25 Mar, thirty to 24 Apr, and none past it.
    let far = Known::new(lease("z", days(900))).quoted("7.95", 90, 1);
    let mut bench = list(vec![known("a", days(4), "2.65"), far]);
    bench.policies[0].max_price = Some(money("9.00"));
    bench.policies[0].until = Some("2027-04-24".parse().unwrap());
    let seen = bench.ahead(300);
    let days: Vec<_> =
        seen.days.iter().map(|d| (d.date.to_string(), d.amount.unwrap().to_string())).collect();
    let want = [("2026-11-22", "7.95"), ("2027-02-20", "2.65"), ("2027-03-22", "2.65")];
    assert_eq!(days, want.map(|(day, amount)| (day.to_owned(), amount.to_owned())));
}

fn order(n: usize) -> Vec<Known> {
    let member = |i: usize| {
        let mut k = known(&format!("v6-{i}"), days(6 + i as i64), "0.45");
        k.lease.kind = Kind::from("IPv6");
        k.lease.order = "o-1".into();
        k
    };
    (0..n).map(member).collect()
}

#[test]
fn a_whole_order_is_due_at_its_earliest_end() {
    let seen = Bench::new("9.00", order(3)).ahead(30);
    assert_eq!(told(&seen), ["2026-11-24 3 1.35 7.65 last_paid"]);
    assert_eq!(seen.dues.len(), 1);
}

#[test]
fn an_order_whose_members_cannot_be_paid_together_is_left_out() {
    let mut bench = Bench::new("9.00", order(3));
    bench.leases[1].lease.expires_at = None;
    let seen = bench.ahead(30);
    assert!(seen.dues.is_empty());
    assert_eq!(seen.left_out.iter().map(|l| l.why).collect::<Vec<_>>(), [Why::BundleSplit; 3]);
}

#[test]
fn a_payment_that_is_not_settled_counts_as_made() {
    let mut bench = Bench::new("9.00", vec![known("a", days(1), "2.65")]);
    bench.leases[0].paid_to = Some(days(31));
    assert_eq!(told(&bench.ahead(30)), ["2026-12-19 1 2.65 6.35 last_paid"]);
}

#[test]
fn the_higher_priority_is_saved_where_both_fall_due_at_once() {
    let mut bench = Bench::new("3.00", vec![known("a", days(6), "2.65"), known("b", days(6), "2.65")]);
    let mut first = keep("first");
    first.priority = 5;
    first.matches =
        Matcher::of(vec![Clause { key: Key::Lease, any: vec![Pattern::parse(Key::Lease, "b").unwrap()] }]);
    bench.policies.insert(0, first);
    let seen = bench.ahead(30);
    assert_eq!(seen.runways[0].uncovered.iter().map(|u| u.lease).collect::<Vec<_>>(), [0]);
    bench.balance = Some(money("0.00"));
    let lost = bench.ahead(30).runways[0].uncovered.clone();
    assert_eq!(lost.iter().map(|u| (u.lease, u.priority)).collect::<Vec<_>>(), [(1, 5), (0, 0)]);
}

#[rstest]
#[case::what_fits_is_paid(OnShortFunds::Partial, &[1])]
#[case::all_or_none(OnShortFunds::Hold, &[1, 2])]
fn what_does_not_fit_is_skipped_unless_the_policy_says_all_or_none(
    #[case] rule: OnShortFunds,
    #[case] want: &[usize],
) {
    let leases = vec![known("a", days(5), "2.00"), known("b", days(6), "9.00"), known("c", days(7), "2.00")];
    let mut bench = Bench::new("5.00", leases);
    bench.policies[0].on_short_funds = rule;
    let lost: Vec<_> = bench.ahead(30).runways[0].uncovered.iter().map(|u| u.lease).collect();
    assert_eq!(lost, want);
}

#[test]
fn an_account_never_read_has_no_runway() {
    let mut bench = Bench::new("0.00", vec![known("a", days(6), "2.65")]);
    bench.balance = None;
    assert_eq!(runway(&bench.ahead(30)), "2.65 - - -");
}
