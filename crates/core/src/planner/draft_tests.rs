//! An account with an unclear payment: who waits for it, and who cannot. And an account whose provider's clock is off.
use rstest::rstest;

use super::*;
use crate::domain::time::Timing;
use crate::domain::{AccountName, LeaseId, ProviderName, RequestLease, State, Told, sample};
use crate::evidence::Quiet;
use crate::planner::Past;
use crate::policy::sample::keep;

const NOW: i64 = 1_800_000_000;
const LAG: i64 = 900;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn lease(ends_in: i64) -> Lease {
    Lease { ip: "203.0.113.1".to_owned(), expires_at: Some(at(NOW + ends_in)), ..sample::lease() }
}

/// A payment of another lease of the account that is unknown since `ago` seconds.
fn unknown(ago: i64, elapsed: Option<i64>) -> Past {
    Past {
        intent: "p-000007".into(),
        account: AccountName::new("yp"),
        provider: ProviderName::new("youproxy"),
        leases: vec![RequestLease {
            id: LeaseId::new("L9"),
            order: OrderId::new("O9"),
            ip: "203.0.113.9".to_owned(),
            port: None,
            expires_at: at(NOW + 86_400),
            told: Told::Instant,
        }],
        after: None,
        days: 30,
        state: State::Unknown,
        state_at: at(NOW - ago),
        elapsed: elapsed.map(SignedDuration::from_secs),
        never_sent: false,
        operator_spoke: false,
        quiet: Quiet::No,
        failover_hold: None,
    }
}

fn word(lease: Lease, past: &[Past], clock_held: Option<&str>) -> Word {
    word_after(LAG, lease, past, clock_held)
}

fn word_after(patience: i64, lease: Lease, past: &[Past], clock_held: Option<&str>) -> Word {
    word_at(false, keep("keep"), patience, lease, past, clock_held)
}

/// The word of a lease at a provider that tells all, or one that hides whether it renews and prices by kind and count.
fn word_at(
    hides: bool,
    policy: Policy,
    patience: i64,
    lease: Lease,
    past: &[Past],
    clock_held: Option<&str>,
) -> Word {
    let timing = Timing {
        read_timeout: SignedDuration::from_secs(30),
        money_timeout: SignedDuration::from_secs(120),
        lag_window: SignedDuration::from_secs(LAG),
        settle_reads: 3,
    };
    let (name, provider) = (AccountName::new("yp"), ProviderName::new("youproxy"));
    let capabilities = Capabilities {
        renew_early: true,
        quote_is_bound: true,
        quote_reads_order: false,
        warns: true,
        auto_renewal: true,
        sells_cycles: false,
        grace: None,
        bundled_kinds: Vec::new(),
        hides_auto_renewal: hides,
        prices_by_count: hides,
        pace: None,
        marks_purchases: false,
    };
    let leases = std::sync::Arc::new(vec![lease].into());
    let view = AccountView {
        name: &name,
        provider: &provider,
        capabilities: &capabilities,
        leases: &leases,
        missing: &[],
        standing: Standing::Good,
        barred: None,
        paused: None,
        clock_held: clock_held.map(str::to_owned),
        provider_stopped: None,
    };
    let keeps = [policy];
    let world = World {
        now: at(NOW),
        timing: &timing,
        patience: SignedDuration::from_secs(patience),
        policies: crate::policy::sample::policies(&keeps, at(NOW)),
        accounts: &[view],
        past,
        clock_held: None,
    };
    let plan = draft(&world);
    let all = crate::planner::every_item(&plan.items, &plan.lists, &world.policies);
    assert_eq!(all, judge_all(&world));
    all[0].reason.word
}

#[rstest]
#[case::it_can_wait(LAG + 1, 60, Some(60), Word::UnknownPending)]
#[case::it_would_lapse_meanwhile(LAG, 60, Some(60), Word::Due)]
#[case::the_lag_window_is_over(86_400, LAG, Some(LAG), Word::Due)]
#[case::after_a_reboot_it_waits_too(86_400, 60, None, Word::UnknownPending)]
#[case::after_a_reboot_no_longer_than_that(86_400, LAG, None, Word::Due)]
fn others_wait_a_lag_window_for_an_unclear_payment_unless_they_would_lapse(
    #[case] ends_in: i64,
    #[case] ago: i64,
    #[case] elapsed: Option<i64>,
    #[case] expected: Word,
) {
    assert_eq!(word(lease(ends_in), &[unknown(ago, elapsed)], None), expected);
}

#[rstest]
#[case::it_can_wait(3_601, Word::UnknownPending)]
#[case::it_would_lapse_before_the_next_cycle(3_600, Word::Due)]
fn what_would_lapse_before_the_next_cycle_does_not_wait_for_an_unclear_payment(
    #[case] ends_in: i64,
    #[case] expected: Word,
) {
    assert_eq!(word_after(3_600, lease(ends_in), &[unknown(60, Some(60))], None), expected);
}

#[test]
fn an_account_whose_providers_clock_is_off_is_held_alone() {
    assert_eq!(word(lease(86_400), &[], Some("the clock differs by 1h")), Word::Clock);
    assert_eq!(word(lease(86_400), &[], None), Word::Due);
}

#[rstest]
#[case::not_said(None, PayBy::Renewd, 86_400, Word::ProviderOwns)]
#[case::said_to_be_off(Some(false), PayBy::Renewd, 86_400, Word::Due)]
#[case::not_even_in_the_last_hour(None, PayBy::Provider, 1_800, Word::ProviderOwns)]
#[case::the_provider_is_let_pay(None, PayBy::Provider, 86_400, Word::Due)]
fn what_hides_whether_it_renews_itself_is_paid_on_its_owners_word_alone(
    #[case] says: Option<bool>,
    #[case] pay_by: PayBy,
    #[case] ends_in: i64,
    #[case] expected: Word,
) {
    let policy = || Policy { pay_by, ..keep("keep") };
    let lease = || Lease { provider_renews: says, ..lease(ends_in) };
    assert_eq!(word_at(true, policy(), LAG, lease(), &[], None), expected);
    assert_ne!(
        word_at(false, policy(), LAG, lease(), &[], None),
        Word::ProviderOwns,
        "elsewhere it is not a matter"
    );
}

#[test]
fn a_lease_of_unknown_kind_is_held_where_prices_go_by_kind() {
    let unknown = || Lease { kind: "unknown".into(), provider_renews: Some(false), ..lease(86_400) };
    assert_eq!(word_at(true, keep("keep"), LAG, unknown(), &[], None), Word::Unparsable);
    assert_eq!(word_at(false, keep("keep"), LAG, unknown(), &[], None), Word::Due);
}
