//! When two plans are one, what they are called, and how long a rejection holds.
use super::*;
use crate::domain::sample::lease;
use crate::domain::{
    AccountName, Currency, Kind, Lease, LeaseId, Method, OrderId, ProviderName, RenewalRequest, Told,
};
use crate::planner::PaidBy;
use crate::policy::Reason;
use crate::policy::sample::keep;
use crate::record::PlanEvent;
use jiff::SignedDuration;
use proptest::prelude::*;
use rstest::rstest;

const END: i64 = 1_800_000_000;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_second(secs).unwrap()
}

/// A payment of these leases, each by number and end, at so many cents in all.
fn set(leases: &[(u32, i64)], cents: i64) -> ExactSet {
    let one = |&(n, end): &(u32, i64)| RequestLease {
        id: LeaseId::new(n.to_string()),
        order: OrderId::new(format!("o{n}")),
        ip: format!("203.0.113.{n}"),
        port: None,
        expires_at: at(end),
        told: Told::Instant,
    };
    ExactSet {
        request: RenewalRequest {
            account: AccountName::new("yp"),
            kind: Kind::new("IPv4"),
            leases: leases.iter().map(one).collect(),
            period_days: 30,
            cycle: None,
            promo: None,
            method: Method::Leases,
        },
        provider: ProviderName::new("youproxy"),
        country: None,
        policy: "keep".to_owned(),
        attempt: 1,
        price: Money::from_cents(cents),
        currency: Currency::new("USD"),
    }
}

#[test]
fn a_plan_keeps_its_name_however_its_payments_are_cut_and_ordered() {
    let whole = [set(&[(1, END), (2, END), (3, END)], 795)];
    let cut = [set(&[(3, END)], 265), set(&[(2, END), (1, END)], 530)];
    assert_eq!(name(&whole), name(&cut));
    assert!(is_same(&whole, &cut) && is_same(&cut, &whole));
}

#[rstest]
#[case::one_lease_more(vec![set(&[(1, END), (2, END)], 265)])]
#[case::another_lease(vec![set(&[(2, END)], 265)])]
#[case::another_end(vec![set(&[(1, END + 3_600)], 265)])]
#[case::another_amount(vec![set(&[(1, END)], 266)])]
#[case::another_policy(vec![ExactSet { policy: "other".to_owned(), ..set(&[(1, END)], 265) }])]
#[case::a_second_attempt(vec![ExactSet { attempt: 2, ..set(&[(1, END)], 265) }])]
#[case::another_term(vec![ExactSet { request: RenewalRequest { period_days: 90, ..set(&[(1, END)], 265).request }, ..set(&[(1, END)], 265) }])]
fn another_plan_has_another_name(#[case] other: Vec<ExactSet>) {
    assert_ne!(name(&[set(&[(1, END)], 265)]), name(&other));
}

#[test]
fn an_end_that_jitters_makes_no_other_plan() {
    let known = [set(&[(1, END), (2, END)], 530)];
    assert!(is_same(&known, &[set(&[(1, END + 30), (2, END - 7)], 530)]));
    assert!(!is_same(&known, &[set(&[(1, END + 3_600), (2, END)], 530)]));
    assert!(!is_same(&known, &[set(&[(1, END)], 530)]));
    assert!(!is_same(&known, &[set(&[(1, END), (2, END), (3, END)], 530)]));
    assert!(!is_same(&known, &[set(&[(1, END), (2, END)], 531)]));
}

proptest! {
    #[test]
    fn a_name_can_be_typed_and_is_a_key(n in 1_u32..200, cents in 1_i64..100_000) {
        let name = name(&[set(&[(n, END)], cents)]);
        prop_assert_eq!(name.len(), 11);
        let key = format!("approval:{name}");
        prop_assert!(crate::domain::KeyPattern::parse(&key).is_ok());
        prop_assert!(name.chars().all(|c| c == '-' || c.is_ascii_digit() || (c.is_ascii_lowercase() && !"ilou".contains(c))));
    }
}

fn item(n: u32, end: i64) -> Item {
    let lease = Lease { id: LeaseId::new(n.to_string()), expires_at: Some(at(end)), ..lease() };
    Item {
        lease,
        stage: Some(Stage::Normal),
        labels: Vec::new(),
        reason: Reason::new(Word::Due, "due"),
        policy: Some(0),
        due_at: Some(at(end - 72 * 3_600)),
        quote: None,
        bundle: Vec::new(),
        attempt: 1,
        paid_by: PaidBy::Renewd,
        switch_off_first: false,
        gone_at: None,
    }
}

fn rejected(sets: Vec<ExactSet>, spoken: i64) -> PlanRecord {
    let last =
        PlanEvent { seq: 2, state: PlanState::Rejected, at: at(spoken), by: None, note: None, why: None };
    let plan = NewPlan {
        name: name(&sets),
        account: AccountName::new("yp"),
        provider: ProviderName::new("youproxy"),
        policy: "keep".to_owned(),
        amount: total(&sets).unwrap(),
        currency: Currency::new("USD"),
        deadline: at(END - 12 * 3_600),
        valid_until: at(END),
        covers_until: at(END + 24 * 3_600),
        sets,
    };
    PlanRecord { plan, since: at(spoken - 60), last, begun: Vec::new() }
}

/// The first lease ends at `END`, the second a day later; both are urgent in their last twelve hours.
#[rstest]
#[case::before_anything_is_urgent(-60, -24, true)]
#[case::when_the_first_becomes_urgent(-60, -12, false)]
#[case::rejected_again_in_its_urgent_stage(-11, -10, true)]
#[case::until_the_next_becomes_urgent(-11, 12, false)]
#[case::rejected_when_all_are_urgent(13, 20, true)]
#[case::until_the_last_of_them_ended(13, 24, false)]
fn a_rejection_holds_until_one_of_its_leases_becomes_urgent(
    #[case] spoken: i64,
    #[case] now: i64,
    #[case] holds: bool,
) {
    let hours = |h: i64| END + h * 3_600;
    let plan = rejected(vec![set(&[(1, END), (2, END + 24 * 3_600)], 530)], hours(spoken));
    let items = [item(1, END), item(2, END + 24 * 3_600)];
    assert_eq!(rejects(&plan, items.iter(), &[keep("keep")], at(hours(now))), holds);
}

#[test]
fn a_lease_that_is_due_late_is_urgent_from_then_on() {
    let policy = Policy { urgent: SignedDuration::from_hours(200), ..keep("keep") };
    assert_eq!(urgent_from(&item(1, END), &policy), Some(at(END - 72 * 3_600)));
}

#[test]
fn every_word_says_what_it_means_for_a_plan() {
    use crate::policy::Decision;
    for word in Word::ALL {
        match against(*word) {
            Against::Nothing => assert_eq!(word.decision(), Decision::Renew),
            _ => assert_ne!(word.decision(), Decision::Renew),
        }
        // What nobody wants to be paid any more is never waited for.
        if matches!(word.decision(), Decision::Watch | Decision::Release | Decision::Ignore) {
            assert_eq!(against(*word), Against::Moved, "{}", word.as_str());
        }
    }
}
