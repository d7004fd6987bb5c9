//! Small worlds whose course is known, and a naive reckoning of large ones.
use std::collections::HashMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::budget::{Budget, Per};
use crate::domain::time::Timing;
use crate::domain::{AccountName, Capabilities, Currency, Lease, Money, Percent, ProviderName, sample};
use crate::planner::Guard;
use crate::policy::sample::keep;
use crate::policy::{Action, Labels, Policy, Providers};

fn at(hours: i64) -> Timestamp {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    start.checked_add(SignedDuration::from_hours(hours)).unwrap()
}

struct Nobody;

impl Providers for Nobody {
    fn provider(&self, _: &AccountName) -> Option<&ProviderName> {
        None
    }
}

/// A lease that ends after so many hours; a price of 30 days was read of it at the beginning.
fn past(n: usize, ends: i64, price: Option<i64>) -> LeasePast {
    let lease = Lease {
        id: format!("L{n:03}").as_str().into(),
        order: format!("O{n:03}").as_str().into(),
        ip: format!("203.0.113.{n}"),
        // A country of its own, so that no price stands in for another.
        country: Some(format!("C{n}")),
        expires_at: Some(at(ends)),
        ..sample::lease()
    };
    let price = price.map(|cents| PriceSeen { at: at(0), amount: Money::from_cents(cents), days: 30 });
    LeasePast {
        lease,
        from: at(0),
        first_end: Some(at(ends)),
        gone_at: None,
        paid: Vec::new(),
        prices: price.into_iter().collect(),
    }
}

fn facts(days: i64, cents: Option<i64>, leases: Vec<LeasePast>) -> Facts {
    Facts {
        since: at(0),
        until: at(24 * days),
        accounts: vec![AccountPast {
            name: "yp".into(),
            provider: "youproxy".into(),
            capabilities: Capabilities {
                renew_early: true,
                quote_is_bound: true,
                warns: true,
                ..Capabilities::default()
            },
            keep_balance: Money::ZERO,
            batch: 100,
            currency: Some(Currency::new("USD")),
            opening: cents.map(Money::from_cents),
            moves: Vec::new(),
            offered: HashMap::new(),
            leases,
        }],
    }
}

/// Each hour a cycle.
fn run(policies: &[Policy], budgets: &[(Budget, Money)], facts: &Facts) -> Backtest {
    let all = Percent(Decimal::ONE_HUNDRED);
    let guard = Guard { max_payments_per_cycle: 1_000, max_fleet_share: all, hold_on_shrink: all };
    let timing = Timing {
        read_timeout: SignedDuration::from_secs(60),
        money_timeout: SignedDuration::from_secs(120),
        lag_window: SignedDuration::from_mins(10),
        settle_reads: 3,
    };
    let next = |after: Timestamp| {
        let hour = after.as_second().div_euclid(3_600) + 1;
        Timestamp::from_second(hour * 3_600).ok()
    };
    let rules = Rules {
        policies,
        labels: Labels::none(),
        providers: &Nobody,
        budgets,
        guard: &guard,
        timing: &timing,
        timezone: &TimeZone::UTC,
        next: &next,
    };
    backtest(&rules, facts)
}

fn told(entries: &[Entry]) -> Vec<String> {
    let hours = |t: Timestamp| t.duration_since(at(0)).as_hours();
    let amount = |e: &Entry| e.amount.map_or("-".to_owned(), |m| m.to_string());
    entries.iter().map(|e| format!("{} {} {}", e.lease, hours(e.at), amount(e))).collect()
}

#[test]
fn a_lease_is_paid_when_it_falls_due_and_again_a_term_later() {
    let facts = facts(70, Some(10_000), vec![past(1, 100, Some(265))]);
    let done = run(&[keep("keep")], &[], &facts);
    assert_eq!(told(&done.paid), ["L001 28 2.65", "L001 748 2.65", "L001 1468 2.65"]);
    assert_eq!(
        (done.lost.len(), done.held.len(), done.what_if.amount["USD"]),
        (0, 0, Money::from_cents(795))
    );
}

#[test]
fn what_no_policy_pays_for_is_lost_at_its_end_whatever_its_action() {
    for action in [Action::Watch, Action::Release, Action::Ignore] {
        let facts = facts(10, Some(10_000), vec![past(1, 100, Some(265))]);
        let done = run(&[Policy { action, ..keep("go") }], &[], &facts);
        assert_eq!((told(&done.lost), done.paid.len()), (vec!["L001 100 2.65".to_owned()], 0));
        assert_eq!(done.lost[0].policy.as_deref(), Some("go"));
    }
    assert_eq!(run(&[], &[], &facts(10, None, vec![past(1, 100, None)])).lost.len(), 1);
}

#[test]
fn funds_that_are_missing_hold_a_lease_until_a_top_up_that_happened() {
    let mut facts = facts(10, Some(100), vec![past(1, 100, Some(265))]);
    facts.accounts[0].moves = vec![(at(50), Money::from_cents(300))];
    let done = run(&[keep("keep")], &[], &facts);
    assert_eq!(
        (told(&done.held), told(&done.paid)),
        (vec!["L001 28 2.65".to_owned()], vec!["L001 50 2.65".to_owned()])
    );
    assert_eq!(done.held[0].word.map(|w| w.as_str()), Some("short_funds"));
    facts.accounts[0].moves.clear();
    let done = run(&[keep("keep")], &[], &facts);
    assert_eq!((done.paid.len(), told(&done.lost)), (0, vec!["L001 100 2.65".to_owned()]));
}

#[test]
fn a_budget_that_is_used_up_holds_until_its_next_span() {
    let budget = Budget {
        name: "daily".into(),
        accounts: Vec::new(),
        policies: Vec::new(),
        labels: Vec::new(),
        per: Per::Day,
        limit: Money::from_cents(300),
        currency: Currency::new("USD"),
        warn_at: None,
    };
    let facts = facts(10, Some(10_000), vec![past(1, 100, Some(265)), past(2, 100, Some(265))]);
    let done = run(&[keep("keep")], &[(budget.clone(), Money::ZERO)], &facts);
    assert_eq!(told(&done.paid), ["L001 28 2.65", "L002 48 2.65"]);
    assert_eq!(told(&done.held), ["L002 28 2.65"]);
}

#[test]
fn a_price_that_was_never_read_is_unknown_and_takes_nothing() {
    let facts = facts(10, Some(0), vec![past(1, 100, None)]);
    let done = run(&[keep("keep")], &[], &facts);
    assert_eq!((told(&done.paid), done.unknown_prices), (vec!["L001 28 -".to_owned()], 1));
    assert!(done.what_if.amount.is_empty() && done.paid[0].currency.is_none());
}

#[test]
fn a_price_over_the_cap_holds_and_of_a_list_the_next_period_is_taken() {
    let mut dear = past(1, 100, Some(265));
    dear.prices.push(PriceSeen { at: at(0), amount: Money::from_cents(795), days: 90 });
    let facts = facts(10, Some(10_000), vec![dear]);
    let capped = Policy { max_price: Some(Money::from_cents(300)), periods: vec![90], ..keep("keep") };
    let done = run(std::slice::from_ref(&capped), &[], &facts);
    assert_eq!((done.held[0].word.map(|w| w.as_str()), done.lost.len()), (Some("price_cap"), 1));
    let done = run(&[Policy { periods: vec![90, 30], ..capped }], &[], &facts);
    assert_eq!(told(&done.paid), ["L001 28 2.65"]);
}

#[test]
fn what_left_the_list_before_its_end_is_gone_and_what_came_later_begins_later() {
    let mut taken = past(1, 100, Some(265));
    taken.gone_at = Some(at(20));
    let mut late = past(2, 300, Some(265));
    late.from = at(250);
    let done = run(&[keep("keep")], &[], &facts(20, Some(10_000), vec![taken, late]));
    assert_eq!((told(&done.paid), done.lost.len()), (vec!["L002 250 2.65".to_owned()], 0));
}

#[test]
fn a_term_that_the_provider_renewed_by_itself_it_renews_here_too() {
    let mut own = past(1, 100, Some(265));
    own.paid.push(Renewal {
        at: at(99),
        before: at(100),
        after: at(100 + 720),
        days: 30,
        amount: Money::from_cents(265),
        by_provider: true,
    });
    let watch = Policy { action: Action::Watch, ..keep("watch") };
    let done = run(&[watch], &[], &facts(20, Some(10_000), vec![own]));
    assert_eq!(
        (told(&done.paid), done.lost.len(), &done.what_if),
        (vec!["L001 99 2.65".to_owned()], 0, &done.actual)
    );
}

/// Hours to its end, cents.
fn rows() -> impl Strategy<Value = Vec<(i64, i64)>> {
    prop::collection::vec((1_i64..24 * 40, 1_i64..900), 0..10)
}

proptest! {
    #[test]
    fn the_policy_that_ran_gives_what_happened_and_each_course_is_the_naive_one(
        rows in rows(), days in 1_i64..200, before in 1_i64..200,
    ) {
        let policy = Policy { before: crate::policy::Before::Span(SignedDuration::from_hours(before)), ..keep("keep") };
        // Lived hour by hour: each lease is paid in the first cycle in which it is due.
        let mut leases: Vec<LeasePast> =
            rows.iter().enumerate().map(|(n, (ends, cents))| past(n, *ends, Some(*cents))).collect();
        let mut naive = Vec::new();
        for (n, (ends, cents)) in rows.iter().enumerate() {
            let mut end = *ends;
            for hour in 0..=24 * days {
                if hour < end && end - before <= hour {
                    naive.push((at(hour), format!("L{n:03}"), Money::from_cents(*cents)));
                    leases[n].paid.push(Renewal {
                        at: at(hour), before: at(end), after: at(end + 720), days: 30,
                        amount: Money::from_cents(*cents), by_provider: false,
                    });
                    end += 720;
                }
            }
        }
        naive.sort();
        let done = run(&[policy], &[], &facts(days, Some(100_000_000), leases));
        let got: Vec<_> =
            done.paid.iter().map(|e| (e.at, e.lease.to_string(), e.amount.unwrap())).collect();
        prop_assert_eq!(got, naive);
        prop_assert_eq!(&done.what_if, &done.actual);
        prop_assert!(done.held.is_empty() && done.unknown_prices == 0);
    }
}
