//! When budgets run out, and what that keeps from being renewed.
use crate::budget::Per;
use crate::forecast::BudgetEnd;
use crate::forecast::bench::{Bench, days, hours, known, money};

fn end(bench: &Bench) -> BudgetEnd {
    bench.ahead(30).budgets[0].clone()
}

fn told(end: &BudgetEnd) -> (String, usize, Vec<usize>) {
    let until = end.until.map_or("lasts".to_owned(), |d| d.to_string());
    (until, end.wait, end.lapse.iter().map(|(_, l)| *l).collect())
}

#[test]
fn a_month_that_is_spent_lets_wait_what_reaches_the_next_and_lapse_what_does_not() {
    // November: 8.00 of 10.00 are spent. Due 24, 25 and 28 November; the last one ends on 1 December 12:00.
    let leases = vec![known("a", days(6), "2.00"), known("b", days(7), "2.00"), known("c", days(10), "2.00")];
    let end = end(&Bench::new("99.00", leases).budget(Per::Month, "10.00", "8.00"));
    assert_eq!(told(&end), ("2026-11-25".to_owned(), 1, vec![1]));
    assert_eq!((end.need, end.at), (money("6.00"), Some(days(4))));
}

#[test]
fn a_day_that_is_spent_moves_the_rest_to_the_next_day() {
    let leases = vec![known("a", days(6), "2.00"), known("b", hours(24 * 6 + 1), "2.00")];
    let end = end(&Bench::new("99.00", leases).budget(Per::Day, "3.00", "0.00"));
    assert_eq!(told(&end), ("2026-11-24".to_owned(), 1, vec![]));
}

#[test]
fn each_span_is_counted_on_its_own() {
    let leases =
        vec![known("a", days(6), "2.00"), known("b", days(16), "2.00"), known("c", days(17), "2.00")];
    let end = end(&Bench::new("99.00", leases).budget(Per::Month, "4.00", "0.00"));
    assert_eq!(told(&end), ("lasts".to_owned(), 0, vec![]));
}

#[test]
fn what_is_dearer_than_the_budget_never_fits() {
    let leases = vec![known("a", days(6), "5.00"), known("b", days(7), "2.00")];
    for per in [Per::Cycle, Per::Day, Per::Week, Per::Month] {
        let end = end(&Bench::new("99.00", leases.clone()).budget(per, "4.00", "0.00"));
        assert_eq!(told(&end), ("2026-11-24".to_owned(), 0, vec![0]), "{per:?}");
    }
}

#[test]
fn a_budget_per_cycle_is_new_in_each() {
    let leases = vec![known("a", days(6), "2.00"), known("b", days(6), "2.00")];
    let end = end(&Bench::new("99.00", leases).budget(Per::Cycle, "3.00", "3.00"));
    assert_eq!(told(&end), ("lasts".to_owned(), 0, vec![]));
}

#[test]
fn what_one_budget_stops_does_not_count_in_another() {
    let leases = vec![known("a", days(6), "2.00"), known("b", days(7), "2.00")];
    let bench =
        Bench::new("99.00", leases).budget(Per::Month, "0.00", "0.00").budget(Per::Month, "2.00", "0.00");
    let ends = bench.ahead(30).budgets;
    assert_eq!(told(&ends[0]), ("2026-11-24".to_owned(), 0, vec![0, 1]));
    assert_eq!(told(&ends[1]), ("lasts".to_owned(), 0, vec![]));
}

#[test]
fn a_budget_of_another_currency_or_policy_counts_nothing() {
    let mut bench = Bench::new("99.00", vec![known("a", days(6), "2.00")])
        .budget(Per::Month, "1.00", "0.00")
        .budget(Per::Month, "1.00", "0.00");
    bench.budgets[0].0.currency = "EUR".into();
    bench.budgets[1].0.policies = vec!["other".to_owned()];
    for end in bench.ahead(30).budgets {
        assert_eq!((told(&end).0.as_str(), end.need), ("lasts", money("0")));
    }
}
