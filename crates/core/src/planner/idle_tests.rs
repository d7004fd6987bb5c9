//! What is idle is what would be said anyway: a plan with and without it is one plan.
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::domain::time::Timing;
use crate::domain::{Money, RequestLease, State, Told};
use crate::planner::{Past, PastSwitch, Standing, Steer, draft, judge_all, steer, stuck};
use crate::policy::sample::keep;
use crate::policy::{
    Bound, Clause, Key, Labels, LastPaid, Matcher, Pattern, PayBy, Policies, Providers, Terms,
};

const NOW: i64 = 1_800_000_000;
const HOUR: i64 = 3_600;

fn at(hours: i64) -> Timestamp {
    Timestamp::from_second(NOW + hours * HOUR).unwrap()
}

fn leases() -> impl Strategy<Value = Lease> {
    let odd = prop_oneof![8 => Just(0_u8), 1 => Just(1), 1 => Just(2)];
    let end = proptest::option::weighted(0.9, -100_i64..1_500);
    (
        0..30_u8,
        0..6_u8,
        0..3_u8,
        end,
        proptest::option::of(any::<bool>()),
        odd,
        proptest::option::of(1_i64..9),
    )
        .prop_map(|(n, order, kind, end, renews, state, price)| Lease {
            operator: [None, Some("o2"), Some("e-plus")][usize::from(order % 3)].map(str::to_owned),
            started_at: (n % 4 != 0).then(|| at(i64::from(n) - 20)),
            account: "yp".into(),
            id: format!("L{n}").as_str().into(),
            order: format!("O{order}").as_str().into(),
            ip: format!("10.0.0.{n}"),
            port: None,
            kind: ["IPv4", "IPv6", "ISP"][usize::from(kind)].into(),
            country: None,
            tag: None,
            expires_at: end.map(at),
            told: Told::Instant,
            provider_renews: renews,
            state: match state {
                0 => OrderState::Active,
                1 => OrderState::OnHold,
                _ => OrderState::Other("odd".into()),
            },
            held_since: (state == 1).then(|| at(-1)),
            cycle: None,
            price: price.map(Money::from_cents),
        })
}

/// Whether windows are shut, hours of spread, hours of notice.
type When = (bool, i64, Option<i64>);

/// Action, provider pays, may take over, what it matches, has an `until`, has a cap, when.
type Rule = (u8, bool, bool, u8, bool, bool, When);

fn policies() -> impl Strategy<Value = Vec<Policy>> {
    let shut = (any::<bool>(), 0..3_i64, proptest::option::of(1..900_i64));
    let one = (0..4_u8, any::<bool>(), any::<bool>(), 0..12_u8, any::<bool>(), any::<bool>(), shut);
    prop::collection::vec(one, 0..4).prop_map(|all| {
        let policy = |(n, rule): (usize, Rule)| {
            let (action, provider, take_over, matches, until, cap, (shut, spread, notice)) = rule;
            let clause = |key: Key, text: &str| Clause { key, any: vec![Pattern::parse(key, text).unwrap()] };
            let text = |key: Key, text: &str| Matcher::of(vec![clause(key, text)]);
            let terms = |key: Key, text: &str| Terms { clauses: vec![clause(key, text)], bounds: Vec::new() };
            let bound = |bound: Bound| Matcher {
                all: Terms { clauses: Vec::new(), bounds: vec![bound] },
                ..Matcher::default()
            };
            Policy {
                name: format!("p{n}"),
                matches: match matches {
                    0 => text(Key::Kind, "IPv4"),
                    1 => text(Key::Kind, "IPv6"),
                    2 => text(Key::Ip, "10.0.0.0/29"),
                    3 => text(Key::Label, "client-*"),
                    4 => text(Key::Provider, "youproxy"),
                    5 => bound(Bound::MinAge(SignedDuration::from_hours(10))),
                    6 => bound(Bound::MaxAge(SignedDuration::from_hours(10))),
                    7 => bound(Bound::MinLastPrice(Money::from_cents(3))),
                    8 => Matcher { not: Some(terms(Key::Label, "client-a")), ..Matcher::default() },
                    9 => Matcher { not: Some(terms(Key::Operator, "o2")), ..Matcher::default() },
                    10 => Matcher {
                        any: vec![terms(Key::Order, "O1"), terms(Key::Lease, "L2")],
                        ..Matcher::default()
                    },
                    _ => Matcher::default(),
                },
                action: [Action::Renew, Action::Watch, Action::Release, Action::Ignore][usize::from(action)],
                pay_by: if provider { PayBy::Provider } else { PayBy::Renewd },
                take_over,
                window: shut.then(|| "Sat-Sun 10:00-14:00".parse().unwrap()),
                spread: SignedDuration::from_hours(40 * spread),
                approval: false,
                notice: notice.map(SignedDuration::from_hours),
                until: until.then(|| at(800).to_zoned(TimeZone::UTC).date()),
                max_price: cap.then(|| Money::from_cents(5)),
                ..keep("p")
            }
        };
        all.into_iter().enumerate().map(policy).collect()
    })
}

/// The 20th of the addresses and one order are a client's, and so is whatever is of one kind.
fn labels() -> Labels {
    let rule = |name: &str, key: Key, text: &str| {
        (name.to_owned(), vec![Clause { key, any: vec![Pattern::parse(key, text).unwrap()] }])
    };
    Labels::new(vec![
        rule("client-a", Key::Ip, "10.0.0.20"),
        rule("client-b", Key::Order, "O3"),
        rule("Client-A", Key::Kind, "IPv6"),
    ])
}

/// Accounts are of one provider, and every third lease was paid.
struct Known;

impl Providers for Known {
    fn provider(&self, _: &AccountName) -> Option<&crate::domain::ProviderName> {
        static YOUPROXY: std::sync::LazyLock<crate::domain::ProviderName> =
            std::sync::LazyLock::new(|| "youproxy".into());
        Some(&YOUPROXY)
    }
}

impl LastPaid for Known {
    fn last_paid(&self, lease: &LeaseView<'_>) -> Option<Money> {
        let n: i64 = lease.id[1..].parse().ok()?;
        (n % 3 == 0).then(|| Money::from_cents(n % 7))
    }
}

fn looked_up<'a>(all: &'a [Policy], labels: &'a Labels) -> Policies<'a> {
    Policies { all, labels, providers: &Known, now: at(0), last_paid: &Known }
}

fn past() -> impl Strategy<Value = Vec<Past>> {
    let one = (0..30_u8, 0..6_u8, 0..5_u8);
    prop::collection::vec(one, 0..3).prop_map(|all| {
        let states =
            [State::Unknown, State::Accepted, State::Refused, State::NeedsOperator, State::Confirmed];
        let past = |(n, order, state)| Past {
            intent: "p-000001".into(),
            account: "yp".into(),
            provider: "youproxy".into(),
            leases: vec![RequestLease {
                id: format!("L{n}").as_str().into(),
                order: format!("O{order}").as_str().into(),
                ip: format!("10.0.0.{n}"),
                port: None,
                expires_at: at(700),
                told: Told::Instant,
            }],
            days: 30,
            after: Some(at(1_400)),
            state: states[usize::from(state)],
            state_at: at(-1),
            elapsed: None,
            never_sent: false,
            operator_spoke: false,
            quiet: crate::evidence::Quiet::No,
            failover_hold: None,
        };
        all.into_iter().map(past).collect()
    })
}

fn timing() -> Timing {
    Timing {
        read_timeout: SignedDuration::from_secs(30),
        money_timeout: SignedDuration::from_secs(120),
        lag_window: SignedDuration::from_mins(15),
        settle_reads: 3,
    }
}

fn standing(n: u8) -> Standing {
    match n {
        0 => Standing::Down("away".into()),
        1 => Standing::Shrunk("too short".into()),
        2 => Standing::Part("a part".into()),
        _ => Standing::Good,
    }
}

fn unique(mut all: Vec<Lease>) -> Vec<Lease> {
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all.dedup_by(|a, b| a.id == b.id);
    all
}

/// Which flags are switched, by lease, and which did not follow.
fn flags(items: &[Item], policies: &[Policy], switches: &[PastSwitch]) -> Vec<(LeaseId, bool, String)> {
    let (now, lag) = (at(0), SignedDuration::from_mins(15));
    let steers = steer(items, policies, |_| true, switches, now, lag);
    let stuck = stuck(items, policies, |_| true, switches, now, lag);
    let of = |s: &Steer| (items[s.item].lease.id.clone(), s.on, s.why.clone());
    steers.iter().chain(&stuck).map(of).collect()
}

/// What a lease that runs is reckoned to be due at: by the earliest end of what is paid with it, and by the delay of its order.
fn reckoned(item: &Item, all: &[Item], policies: &[Policy]) -> Option<Timestamp> {
    let with = |id: &LeaseId| all.iter().find(|other| &other.lease.id == id)?.lease.expires_at;
    let end = item.bundle.iter().filter_map(with).min()?;
    Some(due_at(policies.get(item.policy?)?, item.lease.order.as_str(), end))
}

proptest! {
    #[test]
    fn a_plan_says_of_quiet_leases_what_judging_each_of_them_says(
        listed in prop::collection::vec(leases(), 0..25),
        missing in prop::collection::vec(leases(), 0..3),
        policies in policies(),
        past in past(),
        (early, whole, reading) in (any::<bool>(), any::<bool>(), 0..6_u8),
    ) {
        let listed = unique(listed);
        let mut missing = unique(missing);
        missing.retain(|m| listed.iter().all(|l| l.id != m.id));
        let capabilities = Capabilities {
            renew_early: early,
            quote_is_bound: true,
            quote_reads_order: false,
            warns: true,
            auto_renewal: true,
            sells_cycles: false,
            grace: Some(SignedDuration::from_hours(72)),
            bundled_kinds: if whole { vec!["IPv6".into()] } else { Vec::new() },
            hides_auto_renewal: false,
            prices_by_count: false,
            pace: None,
            marks_purchases: false,
        };
        let leases = Arc::new(Leases::from(listed));
        let (name, provider, timing) = ("yp".into(), "youproxy".into(), timing());
        let accounts = [AccountView {
            name: &name,
            provider: &provider,
            capabilities: &capabilities,
            leases: &leases,
            missing: &missing,
            standing: standing(reading),
            barred: None,
            paused: None,
            clock_held: None,
            provider_stopped: None,
        }];
        let labels = labels();
        let world = World {
            now: at(0),
            timing: &timing,
            patience: SignedDuration::from_hours(1),
            policies: looked_up(&policies, &labels),
            accounts: &accounts,
            past: &past,
            clock_held: None,
        };
        let one_by_one = judge_all(&world);
        let plan = draft(&world);
        let idle: usize = plan.lists.iter().map(|list| list.idle.len()).sum();
        prop_assert_eq!(plan.items.len() + idle, leases.len() + missing.len());
        prop_assert_eq!(every_item(&plan.items, &plan.lists, &world.policies), one_by_one.clone());
        prop_assert_eq!(flags(&plan.items, &policies, &[]), flags(&one_by_one, &policies, &[]));
        let runs = |i: &&Item| i.lease.state == OrderState::Active && i.lease.expires_at.is_some();
        for item in one_by_one.iter().filter(runs) {
            prop_assert_eq!(item.due_at, reckoned(item, &one_by_one, &policies));
        }
        for list in &plan.lists {
            for idle in &list.idle {
                let lease = list.leases.lease(idle.lease());
                prop_assert!(lease.expires_at > Some(at(24)), "{:?} is near", lease);
                let notice = idle.policy().and_then(|p| policies[p].notice);
                prop_assert!(notice.is_none_or(|n| lease.expires_at > Some(at(0) + n)), "{:?} is to be told of", lease);
                prop_assert_eq!(list.find(&lease.id), Some(*idle));
            }
        }
    }
}
