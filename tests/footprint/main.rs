//! What a lease costs: allocations and bytes, counted by an allocator of the test's own. Seconds are not held here: machines differ.
//!
//! A program of its own, since the allocator counts for all that runs in it; one test, so that nothing runs beside it.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]
use std::alloc::System;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use renewd::domain::time::Timing;
use renewd::domain::{AccountName, Leases, ProviderName};
use renewd::planner::{AccountView, Standing, World, draft};
use renewd::policy::{
    Action, Before, Labels, Matcher, NothingKnown, OnShortFunds, OnUnknown, PayBy, Policies, Policy,
    Providers,
};
use renewd::providers::{Words, capabilities, youproxy};
use renewd::redact::Redactor;
use secrecy::SecretString;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const LEASES: usize = 20_000;

/// A list as YouProxy sends it, ten leases an order.
fn body() -> Vec<u8> {
    let lease = |n: usize| {
        let (a, b, c) = (n >> 16 & 255, n >> 8 & 255, n & 255);
        format!(
            "{{\"ipAddressId\":\"{}\",\"ipAddressIp\":\"10.{a}.{b}.{c}\",\"country\":\"USA\",\"dateEnd\":\"2027-03-{:02}T09:00:00.000+00:00\",\
             \"httpsPort\":50100,\"authInfo\":{{\"login\":\"user\",\"password\":\"pass\"}},\"extendInfo\":{{\"autoExtend\":false}}}}",
            1_000_000_000_000 + n,
            1 + n % 28
        )
    };
    let order = |o: usize| {
        let leases: Vec<String> = (o * 10..(o + 1) * 10).map(lease).collect();
        format!("{{\"orderId\":\"ORD-{o:07}\",\"ipAddresses\":[{}]}}", leases.join(","))
    };
    let orders: Vec<String> = (0..LEASES / 10).map(order).collect();
    format!("{{\"success\":true,\"error\":null,\"IPv4\":[{}],\"IPv6\":[]}}", orders.join(",")).into_bytes()
}

fn policy() -> Policy {
    Policy {
        name: "keep".into(),
        matches: Matcher::default(),
        action: Action::Renew,
        before: Before::Span(SignedDuration::from_hours(72)),
        urgent: SignedDuration::from_hours(12),
        periods: vec![30],
        cycle: None,
        promo_code: None,
        promo_required: false,
        priority: 0,
        max_price: None,
        max_price_jump: None,
        pay_by: PayBy::Renewd,
        take_over: false,
        on_short_funds: OnShortFunds::Partial,
        on_unknown: OnUnknown::Hold,
        window: None,
        timezone: TimeZone::UTC,
        spread: SignedDuration::ZERO,
        until: None,
        approval: false,
        notice: None,
    }
}

fn counted<T>(work: impl FnOnce() -> T) -> (T, Stats) {
    let region = Region::new(COUNTING);
    let done = work();
    (done, region.change())
}

fn kept(stats: &Stats) -> usize {
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}

fn read(body: &[u8]) -> Leases {
    let words = Words::new(Redactor::default(), &SecretString::from("key"));
    youproxy::fuzz_entry::list_in_pieces(body.chunks(16 << 10), &AccountName::from("main"), &words).unwrap()
}

struct Nobody;

impl Providers for Nobody {
    fn provider(&self, _: &AccountName) -> Option<&ProviderName> {
        None
    }
}

#[test]
fn a_lease_costs_few_allocations_and_few_bytes() {
    let body = body();
    let (leases, stats) = counted(|| read(&body));
    assert_eq!(leases.len(), LEASES);
    assert!(stats.allocations <= 4 * LEASES, "{} allocations to read {LEASES} leases", stats.allocations);
    assert!(kept(&stats) <= 100 * LEASES, "{} bytes kept of {LEASES} leases", kept(&stats));

    let (leases, policies) = (Arc::new(leases), [policy()]);
    let (name, provider) = ("main".into(), "youproxy".into());
    let capabilities = capabilities(&provider).unwrap();
    let second = SignedDuration::from_secs;
    let timing = Timing {
        read_timeout: second(30),
        money_timeout: second(120),
        lag_window: second(900),
        settle_reads: 3,
    };
    let accounts = [AccountView {
        name: &name,
        provider: &provider,
        capabilities: &capabilities,
        leases: &leases,
        missing: &[],
        standing: Standing::Good,
        barred: None,
        paused: None,
        clock_held: None,
        provider_stopped: None,
    }];
    let now: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
    let world = World {
        now,
        timing: &timing,
        patience: second(3_600),
        policies: Policies {
            all: &policies,
            labels: Labels::none(),
            providers: &Nobody,
            now,
            last_paid: &NothingKnown,
        },
        accounts: &accounts,
        past: &[],
        clock_held: None,
    };
    let (plan, stats) = counted(|| draft(&world));
    assert_eq!((plan.items.len(), plan.lists[0].idle.len()), (0, LEASES));
    assert!(stats.allocations <= 100, "{} allocations to plan {LEASES} leases", stats.allocations);
    assert!(kept(&stats) <= 16 * LEASES, "{} bytes kept of a plan of {LEASES} leases", kept(&stats));
}
