//! Against a naive reckoning: each hour is lived through, leases are paid as they fall due, nothing is looked up.
use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::domain::Money;
use crate::forecast::bench::{Bench, Known, days, hours, lease, now};

/// Hours to its end, cents, period.
type Row = (i64, i64, u32);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (1_i64..24 * 40, 1_i64..900, prop::sample::select(vec![7_u32, 14, 30]));
    prop::collection::vec(row, 0..12)
}

/// Leases of one period each: those of the policy's period have a price, others none.
fn bench(rows: &[Row], cents: i64, period: u32) -> Bench {
    let leases = rows.iter().enumerate().map(|(n, (end, price, days))| {
        // A country of its own, so that no price stands in for another.
        let mut lease = lease(&format!("l{n:02}"), hours(*end));
        lease.country = Some(format!("C{n}"));
        Known::new(lease).paid(&Money::from_cents(*price).to_string(), *days)
    });
    let mut bench = Bench::new(&Money::from_cents(cents).to_string(), leases.collect());
    bench.policies[0].periods = vec![period];
    bench
}

/// Lives through the hours: what is paid on which day, and the hour of the first payment that the balance lacks.
fn live(rows: &[Row], cents: i64, period: u32, ahead: i64) -> (BTreeMap<String, i64>, Option<i64>) {
    let mut ends: Vec<i64> = rows.iter().map(|r| r.0).collect();
    let (mut spent, mut first, mut by_day) = (0, None, BTreeMap::new());
    for hour in 0..=24 * ahead {
        for (n, (_, price, days)) in rows.iter().enumerate() {
            while ends[n] - 72 <= hour {
                ends[n] += 24 * i64::from(period);
                if *days != period {
                    continue;
                }
                spent += price;
                let day = hours(hour).to_string()[..10].to_owned();
                *by_day.entry(day).or_default() += price;
                if spent > cents && first.is_none() {
                    first = Some(hour);
                }
            }
        }
    }
    (by_day, first)
}

proptest! {
    #[test]
    fn days_need_and_runway_are_those_of_a_life_lived_hour_by_hour(
        rows in rows(), cents in 0_i64..6_000, period in prop::sample::select(vec![7_u32, 30]), ahead in 1_i64..60,
    ) {
        let seen = bench(&rows, cents, period).ahead(ahead);
        let (by_day, first) = live(&rows, cents, period, ahead);
        let mut got: BTreeMap<String, Money> = BTreeMap::new();
        for day in seen.days.iter().filter(|d| d.amount.is_some()) {
            let sum = got.entry(day.date.to_string()).or_default();
            *sum = sum.plus(day.amount.unwrap()).unwrap();
        }
        let want: BTreeMap<String, Money> = by_day.into_iter().map(|(d, c)| (d, Money::from_cents(c))).collect();
        prop_assert_eq!(&got, &want);
        let runway = &seen.runways[0];
        prop_assert_eq!(runway.need, Money::sum(want.values().copied()).unwrap());
        prop_assert_eq!(runway.need, Money::sum(seen.days.iter().filter_map(|d| d.amount)).unwrap());
        prop_assert_eq!(runway.top_up_by, first.map(hours));
        prop_assert_eq!(runway.until.map(|d| d.to_string()), first.map(|h| hours(h).to_string()[..10].to_owned()));
        let lacks = runway.need.minus(Money::from_cents(cents)).filter(|m| m.is_positive()).unwrap_or_default();
        prop_assert_eq!(runway.short_by, Some(lacks));
        prop_assert_eq!(first.is_some(), lacks.is_positive());
        prop_assert_eq!(runway.uncovered.is_empty(), !lacks.is_positive());
    }

    #[test]
    fn more_money_never_ends_earlier_and_the_top_up_lasts(
        rows in rows(), cents in 0_i64..6_000, more in 0_i64..3_000, ahead in 1_i64..60,
    ) {
        let (less_end, short) = {
            let runway = bench(&rows, cents, 30).ahead(ahead).runways.remove(0);
            (runway.top_up_by, runway.short_by.unwrap())
        };
        let richer = bench(&rows, cents + more, 30).ahead(ahead).runways.remove(0);
        prop_assert!(richer.top_up_by.is_none() || less_end.is_some_and(|less| less <= richer.top_up_by.unwrap()));
        let mut filled = bench(&rows, cents, 30);
        filled.balance = filled.balance.unwrap().plus(short);
        let filled = filled.ahead(ahead).runways.remove(0);
        prop_assert_eq!((filled.top_up_by, filled.short_by), (None, Some(Money::ZERO)));
    }

    #[test]
    fn nothing_is_due_before_now_or_after_the_horizon(rows in rows(), ahead in 1_i64..60) {
        let seen = bench(&rows, 0, 7).ahead(ahead);
        prop_assert!(seen.dues.iter().all(|d| d.at >= now() && d.at <= days(ahead)));
        prop_assert!(seen.dues.is_sorted_by_key(|d| d.at));
    }
}
