//! Which price, and how sure.
use crate::domain::Kind;
use crate::forecast::bench::{Bench, Known, days, hours, keep, known, lease, money, price, runway, told};
use crate::policy::{Clause, Key, Matcher, Pattern};

fn one(known: Known) -> Vec<String> {
    told(&Bench::new("99.00", vec![known]).ahead(30))
}

#[test]
fn a_quote_for_this_term_goes_before_the_last_payment() {
    let lease = known("a", days(6), "2.65").quoted("2.80", 30, 1);
    assert_eq!(one(lease), ["2026-11-24 1 2.80 96.20 quoted"]);
}

#[test]
fn a_quote_for_an_earlier_term_says_no_more_than_a_list() {
    let mut lease = known("a", days(6), "2.65").quoted("2.80", 30, 1);
    lease.quoted.as_mut().unwrap().term_end = days(-24);
    assert_eq!(one(lease.clone()), ["2026-11-24 1 2.65 96.35 last_paid"]);
    lease.paid = None;
    assert_eq!(one(lease), ["2026-11-24 1 2.80 96.20 list"]);
}

#[test]
fn a_price_for_another_period_is_no_price() {
    let seen = Bench::new("99.00", vec![Known::new(lease("a", days(6))).paid("7.00", 90)]).ahead(30);
    assert_eq!(told(&seen), ["2026-11-24 1 - 99.00 none"]);
    assert_eq!((runway(&seen).as_str(), seen.runways[0].unpriced), ("0.00 0.00 - -", 1));
}

#[test]
fn a_price_in_another_currency_is_no_price() {
    let mut lease = known("a", days(6), "2.65");
    lease.paid.as_mut().unwrap().currency = "EUR".into();
    assert_eq!(one(lease), ["2026-11-24 1 - 99.00 none"]);
}

#[test]
fn a_lease_never_paid_costs_what_its_like_costs() {
    let mut far = known("z", days(300), "2.65");
    let fresh = Known::new(lease("a", days(6)));
    assert_eq!(
        told(&Bench::new("9.00", vec![fresh.clone(), far.clone()]).ahead(30)),
        ["2026-11-24 1 2.65 6.35 list"]
    );
    far.lease.country = Some("DEU".to_owned());
    assert_eq!(
        told(&Bench::new("9.00", vec![fresh.clone(), far.clone()]).ahead(30)),
        ["2026-11-24 1 - 9.00 none"]
    );
    far.lease.country = Some("USA".to_owned());
    far.lease.kind = Kind::from("ISP");
    assert_eq!(told(&Bench::new("9.00", vec![fresh, far]).ahead(30)), ["2026-11-24 1 - 9.00 none"]);
}

#[test]
fn of_list_prices_the_newest_quote_speaks_then_the_dearest_payment() {
    let fresh = || Known::new(lease("a", days(6)));
    let paid = vec![fresh(), known("x", days(200), "2.50"), known("y", days(201), "2.65")];
    assert_eq!(told(&Bench::new("9.00", paid).ahead(30)), ["2026-11-24 1 2.65 6.35 list"]);
    let quotes = vec![
        fresh(),
        known("x", days(200), "9.99").quoted("2.40", 30, 2),
        known("y", days(201), "2.65").quoted("2.90", 30, 50),
    ];
    assert_eq!(told(&Bench::new("9.00", quotes).ahead(30)), ["2026-11-24 1 2.40 6.60 list"]);
}

#[test]
fn a_price_with_a_promo_code_is_no_list_price_without_it() {
    let mut bench = Bench::new("9.00", vec![Known::new(lease("a", days(6))), known("b", days(200), "1.00")]);
    let mut promo = keep("promo");
    promo.promo_code = Some("SAVE".to_owned());
    promo.matches =
        Matcher::of(vec![Clause { key: Key::Lease, any: vec![Pattern::parse(Key::Lease, "b").unwrap()] }]);
    bench.policies.insert(0, promo);
    assert_eq!(told(&bench.ahead(30)), ["2026-11-24 1 - 9.00 none"]);
}

#[test]
fn the_orders_own_record_is_a_list_price() {
    let mut lease = Known::new(lease("a", days(6)));
    lease.told = Some(price("4.00", 30));
    assert_eq!(one(lease), ["2026-11-24 1 4.00 95.00 list"]);
}

#[test]
fn rows_of_one_day_are_apart_by_how_sure_they_are() {
    let mut odd = Known::new(lease("d", days(6)));
    odd.lease.country = Some("FRA".to_owned());
    let leases = vec![
        known("a", days(6), "2.65").quoted("2.70", 30, 1),
        known("b", hours(24 * 6 + 1), "2.65"),
        Known::new(lease("c", days(6))),
        odd,
    ];
    let seen = Bench::new("6.00", leases).ahead(30);
    assert_eq!(
        told(&seen),
        [
            "2026-11-24 1 2.70 3.30 quoted",
            "2026-11-24 1 2.65 0.65 last_paid",
            "2026-11-24 1 2.70 -2.05 list",
            "2026-11-24 1 - -2.05 none",
        ]
    );
    assert_eq!((seen.runways[0].need, seen.runways[0].unpriced), (money("8.05"), 1));
}

#[test]
fn an_order_with_one_unknown_price_has_none() {
    let member = |id: &str, country: &str| {
        let mut k = Known::new(lease(id, days(6)));
        (k.lease.kind, k.lease.order, k.lease.country) =
            ("IPv6".into(), "o".into(), Some(country.to_owned()));
        k
    };
    let leases = vec![member("a", "USA").paid("0.45", 30), member("b", "DEU")];
    let seen = Bench::new("9.00", leases).ahead(30);
    assert_eq!(told(&seen), ["2026-11-24 2 - 9.00 none"]);
    assert_eq!(seen.runways[0].unpriced, 2);
}
