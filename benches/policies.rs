//! How much longer a plan takes under many policies than under one: a million leases under 200 policies with 2,000 labels, against one that
//! matches all. Prints the best of three each, and their ratio.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints figures")]
#![allow(clippy::float_arithmetic, reason = "no money: a ratio of times")]
#![allow(clippy::disallowed_methods, reason = "a stopwatch")]
#![allow(missing_docs, reason = "a program, not a library")]
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use renewd_core::domain::time::Timing;
use renewd_core::domain::{AccountName, Capabilities, Lease, Leases, ProviderName, sample};
use renewd_core::planner::{AccountView, Standing, World, draft};
use renewd_core::policy::sample::{keep, policies};
use renewd_core::policy::{Clause, Key, Labels, Matcher, Pattern, Policies, Policy};

const LEASES: usize = 1_000_000;
const LABELS: usize = 2_000;
const POLICIES: usize = 200;

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn fleet() -> Arc<Leases> {
    let lease = |n: usize| Lease {
        id: format!("{}", 1_000_000_000_000 + n).as_str().into(),
        order: format!("ORD-{:07}", n / 10).as_str().into(),
        ip: format!("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255),
        country: Some(["USA", "DEU", "FRA", "GBR"][n / 10 % 4].to_owned()),
        expires_at: now().checked_add(SignedDuration::from_hours(24 * 90 + (n as i64 * 7) % 700)).ok(),
        ..sample::lease()
    };
    Arc::new((0..LEASES).map(lease).collect::<Vec<_>>().into())
}

fn clause(key: Key, text: &str) -> Clause {
    Clause { key, any: vec![Pattern::parse(key, text).unwrap()] }
}

/// Half of the labels name addresses or networks, a quarter orders, a quarter orders of one country.
fn labels() -> Labels {
    let rule = |n: usize| {
        let order = || clause(Key::Order, &format!("ORD-{:07}", n * 37));
        let clauses = match n % 4 {
            0 => vec![clause(Key::Ip, &format!("10.{}.{}.{}", n >> 7 & 15, n & 255, n & 127))],
            1 => vec![clause(Key::Ip, &format!("10.{}.{}.0/27", n >> 8 & 15, n & 255))],
            2 => vec![order()],
            _ => vec![order(), clause(Key::Country, "DEU")],
        };
        (format!("client-{n:04}"), clauses)
    };
    Labels::new((0..LABELS).map(rule).collect())
}

/// Each is for a few clients; the last one matches the rest.
fn many() -> Vec<Policy> {
    let one = |n: usize| Policy {
        matches: match n {
            _ if n + 1 == POLICIES => Matcher::default(),
            _ if n.is_multiple_of(2) => Matcher::of(vec![clause(Key::Label, &format!("client-{n:03}*"))]),
            _ => Matcher::of(vec![clause(Key::Ip, &format!("10.{}.0.0/24", n)), clause(Key::Country, "USA")]),
        },
        ..keep(&format!("p{n:03}"))
    };
    (0..POLICIES).map(one).collect()
}

fn best(policies: Policies<'_>, leases: &Arc<Leases>) -> Duration {
    let capabilities =
        Capabilities { renew_early: true, quote_is_bound: true, warns: true, ..Capabilities::default() };
    let timing = Timing {
        read_timeout: SignedDuration::from_secs(30),
        money_timeout: SignedDuration::from_secs(120),
        lag_window: SignedDuration::from_mins(15),
        settle_reads: 3,
    };
    let (name, provider) = (AccountName::from("yp"), ProviderName::from("youproxy"));
    let once = || {
        let view = AccountView {
            name: &name,
            provider: &provider,
            capabilities: &capabilities,
            leases,
            missing: &[],
            standing: Standing::Good,
            barred: None,
            paused: None,
            clock_held: None,
            provider_stopped: None,
        };
        let world = World {
            now: now(),
            timing: &timing,
            patience: timing.lag_window,
            policies,
            accounts: &[view],
            past: &[],
            clock_held: None,
        };
        let began = Instant::now();
        let drawn = draft(&world);
        let took = began.elapsed();
        assert_eq!(drawn.lists[0].idle.len(), LEASES, "all are far from their ends");
        took
    };
    (0..3).map(|_| once()).min().unwrap()
}

fn main() {
    // `cargo test --benches` runs every bench: there is nothing to measure then.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let (leases, labels) = (fleet(), labels());
    let one = [keep("all")];
    let many = many();
    let alone = best(policies(&one, now()), &leases);
    let labelled = best(Policies { labels: &labels, ..policies(&one, now()) }, &leases);
    let all = best(Policies { labels: &labels, ..policies(&many, now()) }, &leases);
    println!("{LEASES} leases under 1 policy: {alone:.3?}");
    println!("under 1 policy with {LABELS} labels: {labelled:.3?}");
    println!("under {POLICIES} policies with {LABELS} labels: {all:.3?}");
    println!("ratio {:.2}", all.as_secs_f64() / alone.as_secs_f64());
}
