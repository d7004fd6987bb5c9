//! An account with an unclear payment: who waits for it, and who cannot. And an account whose provider's clock is off.
use jiff::tz::TimeZone;
use rstest::rstest;

use super::*;
use crate::domain::time::Timing;
use crate::domain::{AccountName, LeaseId, ProviderName, RequestLease, State, Told};
use crate::planner::{Past, Quiet};
use crate::policy::sample::keep;

const NOW: i64 = 1_800_000_000;
const LAG: i64 = 900;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn lease(ends_in: i64) -> Lease {
    Lease {
        account: "yp".into(),
        id: "L1".into(),
        order: "O1".into(),
        ip: "203.0.113.1".to_owned(),
        port: None,
        kind: "IPv4".into(),
        country: None,
        tag: None,
        expires_at: Some(at(NOW + ends_in)),
        told: Told::Instant,
        provider_renews: None,
        state: OrderState::Active,
        held_since: None,
        cycle: None,
        price: None,
    }
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
    }
}

fn word(lease: Lease, past: &[Past], clock_held: Option<&str>) -> Word {
    word_after(LAG, lease, past, clock_held)
}

fn word_after(patience: i64, lease: Lease, past: &[Past], clock_held: Option<&str>) -> Word {
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
    };
    let leases = [lease];
    let view = AccountView {
        name: &name,
        provider: &provider,
        capabilities: &capabilities,
        leases: &leases,
        missing: &[],
        standing: Standing::Good,
        barred: None,
        paused: false,
        clock_held: clock_held.map(str::to_owned),
        provider_stopped: None,
    };
    let world = World {
        now: at(NOW),
        timezone: &TimeZone::UTC,
        timing: &timing,
        patience: SignedDuration::from_secs(patience),
        policies: &[keep("keep")],
        accounts: &[view],
        past,
        clock_held: None,
    };
    draft(&world).remove(0).reason.word
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
