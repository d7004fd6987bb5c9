//! Plans of random fleets under random policies with every key, recomputed by a reckoning that shares nothing with the planner but the words.
use std::sync::{Arc, LazyLock};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::domain::time::Timing;
use crate::domain::{AccountName, Capabilities, Lease, LeaseView, Leases, Money, ProviderName, sample};
use crate::policy::sample::keep;
use crate::policy::{
    Action, Before, Bound, Clause, Key, Labels, LastPaid, Matcher, Pattern, Policies, Policy, Providers,
    Terms,
};

const NOW: i64 = 1_800_000_000;

fn at(hours: i64) -> Timestamp {
    Timestamp::from_second(NOW + hours * 3_600).unwrap()
}

/// One key with its values, as a person would write it.
#[derive(Debug, Clone)]
enum Want {
    Text(Key, Vec<&'static str>),
    MinAge(i64),
    MaxAge(i64),
    MinPrice(i64),
    MaxPrice(i64),
}

/// `[[policy]]`.
#[derive(Debug, Clone)]
struct Spec {
    all: Vec<Want>,
    not: Vec<Want>,
    any: Vec<Vec<Want>>,
    action: Action,
    before: i64,
    urgent: i64,
    until: Option<i64>,
    shut: bool,
}

/// A lease, and what is known of it.
#[derive(Debug, Clone)]
struct Row {
    lease: Lease,
    paid: Option<i64>,
}

const LABELS: [(&str, Key, &str); 3] =
    [("red", Key::Order, "O1"), ("blue", Key::Ip, "10.0.0.0/30"), ("deep-blue", Key::Country, "DEU")];

fn want() -> impl Strategy<Value = Want> {
    let texts = |key: Key, values: &'static [&'static str]| {
        prop::collection::vec(prop::sample::select(values), 1..3).prop_map(move |v| Want::Text(key, v))
    };
    prop_oneof![
        texts(Key::Account, &["yp", "YP", "other"]),
        texts(Key::Provider, &["youproxy", "px6"]),
        texts(Key::Kind, &["ipv4", "ISP"]),
        texts(Key::Country, &["usa", "DEU"]),
        texts(Key::Operator, &["o2*", "ee"]),
        texts(Key::Ip, &["10.0.0.0/29", "10.0.0.9", "10.0.0.2"]),
        texts(Key::Tag, &["prod-*", "*-eu"]),
        texts(Key::Order, &["O1", "o2"]),
        texts(Key::Lease, &["L3", "l7"]),
        texts(Key::Label, &["red", "*blue"]),
        (-5_i64..60).prop_map(Want::MinAge),
        (-5_i64..60).prop_map(Want::MaxAge),
        (0_i64..9).prop_map(Want::MinPrice),
        (0_i64..9).prop_map(Want::MaxPrice),
    ]
}

fn spec() -> impl Strategy<Value = Spec> {
    let wants = |n| prop::collection::vec(want(), 0..n);
    let actions = vec![Action::Renew, Action::Renew, Action::Watch, Action::Release, Action::Ignore];
    let when = (1_i64..900, 1_i64..100, proptest::option::of(0_i64..60), any::<bool>());
    (wants(3), wants(3), prop::collection::vec(wants(3), 0..3), prop::sample::select(actions), when).prop_map(
        |(all, not, any, action, (before, urgent, until, shut))| Spec {
            all,
            not,
            any,
            action,
            before,
            urgent,
            until,
            shut,
        },
    )
}

/// Order, kind, country, tag and operator; hours to its end, hours of age, cents.
type Drawn = ((usize, usize, usize, usize, usize), Option<i64>, Option<i64>, Option<i64>);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let one = (
        (1_usize..4, 0_usize..3, 0_usize..4, 0_usize..4, 0_usize..3),
        proptest::option::weighted(0.9, -50_i64..1_200),
        proptest::option::of(0_i64..60),
        proptest::option::of(0_i64..9),
    );
    prop::collection::vec(one, 0..14).prop_map(|all| {
        let row = |(n, (own, end, age, paid)): (usize, Drawn)| {
            let (order, kind, country, tag, operator) = own;
            Row {
                lease: Lease {
                    id: format!("L{n}").as_str().into(),
                    order: format!("O{order}").as_str().into(),
                    ip: format!("10.0.0.{n}"),
                    kind: ["IPv4", "ISP", "MOBILE"][kind].into(),
                    country: [None, Some("USA"), Some("DEU"), Some("FRA")][country].map(str::to_owned),
                    tag: [None, Some("prod-us"), Some("Prod-EU"), Some("test")][tag].map(str::to_owned),
                    operator: [None, Some("O2-UK"), Some("ee")][operator].map(str::to_owned),
                    started_at: age.map(|hours| at(-hours)),
                    expires_at: end.map(at),
                    ..sample::lease()
                },
                paid,
            }
        };
        all.into_iter().enumerate().map(row).collect()
    })
}

/// Whether a value fits what was written, with nothing but string comparisons.
fn fits(want: &str, saw: &str) -> bool {
    let (want, saw) = (want.to_lowercase(), saw.to_lowercase());
    match (want.strip_suffix('*'), want.strip_prefix('*')) {
        (Some(head), _) => saw.starts_with(head),
        (_, Some(tail)) => saw.ends_with(tail),
        _ => want == saw,
    }
}

/// All networks here are `10.0.0.0/N`.
fn in_net(want: &str, saw: &str) -> bool {
    let last: u32 = saw.rsplit('.').next().unwrap().parse().unwrap();
    match want.split_once('/') {
        Some((_, bits)) => last < 1 << (32 - bits.parse::<u32>().unwrap()),
        None => want == saw,
    }
}

fn labels_of(row: &Row) -> Vec<&'static str> {
    let has = |(_, key, text): &&(&str, Key, &str)| match key {
        Key::Order => fits(text, row.lease.order.as_str()),
        Key::Ip => in_net(text, &row.lease.ip),
        _ => row.lease.country.as_deref().is_some_and(|c| fits(text, c)),
    };
    LABELS.iter().filter(has).map(|(name, ..)| *name).collect()
}

/// `None`: the lease has no such value.
fn has(want: &Want, row: &Row) -> Option<bool> {
    let lease = &row.lease;
    let age = lease.started_at.map(|start| (NOW - start.as_second()) / 3_600);
    Some(match want {
        Want::MinAge(hours) => age? >= *hours,
        Want::MaxAge(hours) => age? <= *hours,
        Want::MinPrice(cents) => row.paid? >= *cents,
        Want::MaxPrice(cents) => row.paid? <= *cents,
        Want::Text(Key::Label, all) => {
            labels_of(row).iter().any(|label| all.iter().any(|want| fits(want, label)))
        }
        Want::Text(Key::Ip, all) => all.iter().any(|want| in_net(want, &lease.ip)),
        Want::Text(key, all) => {
            let saw = match key {
                Key::Account => "yp",
                Key::Provider => "youproxy",
                Key::Kind => lease.kind.as_str(),
                Key::Country => lease.country.as_deref()?,
                Key::Operator => lease.operator.as_deref()?,
                Key::Tag => lease.tag.as_deref()?,
                Key::Order => lease.order.as_str(),
                _ => lease.id.as_str(),
            };
            all.iter().any(|want| fits(want, saw))
        }
    })
}

fn all_fit(wants: &[Want], row: &Row) -> bool {
    wants.iter().all(|want| has(want, row) == Some(true))
}

fn matches(spec: &Spec, row: &Row) -> bool {
    // A lease without a value that `not` names is not known to be what it leaves.
    let known = spec.not.iter().all(|want| has(want, row).is_some());
    let taken_out = !spec.not.is_empty() && (!known || all_fit(&spec.not, row));
    let one_of = spec.any.is_empty() || spec.any.iter().any(|any| all_fit(any, row));
    all_fit(&spec.all, row) && !taken_out && one_of
}

/// Policy, word of the decision and first word of the reason.
fn naive(specs: &[Spec], row: &Row) -> (Option<usize>, &'static str, &'static str) {
    let Some(first) = (0..specs.len()).find(|&n| matches(&specs[n], row)) else {
        return (None, "watch", "no_policy");
    };
    let (spec, day) = (&specs[first], 86_400);
    let says = |decision, word| (Some(first), decision, word);
    match spec.action {
        Action::Watch => return says("watch", "policy"),
        Action::Release => return says("release", "policy"),
        Action::Ignore => return says("ignore", "policy"),
        Action::Renew => {}
    }
    let Some(end) = row.lease.expires_at.map(Timestamp::as_second) else { return says("hold", "unparsable") };
    let left = end - NOW;
    // Whole days since the epoch, in UTC.
    let past_until = spec.until.is_some_and(|days| end.div_euclid(day) >= NOW.div_euclid(day) + days);
    if left <= 0 {
        says("hold", "lapsed")
    } else if past_until {
        says("release", "past_until")
    } else if left > spec.before.min(720) * 3_600 {
        says("wait", "not_due")
    } else if spec.shut && left > spec.urgent * 3_600 {
        says("wait", "window")
    } else {
        says("renew", "due")
    }
}

fn terms(wants: &[Want]) -> Terms {
    let mut terms = Terms::default();
    for want in wants {
        match want {
            Want::Text(key, all) => terms.clauses.push(Clause {
                key: *key,
                any: all.iter().map(|text| Pattern::parse(*key, text).unwrap()).collect(),
            }),
            Want::MinAge(h) => terms.bounds.push(Bound::MinAge(SignedDuration::from_hours(*h))),
            Want::MaxAge(h) => terms.bounds.push(Bound::MaxAge(SignedDuration::from_hours(*h))),
            Want::MinPrice(c) => terms.bounds.push(Bound::MinLastPrice(Money::from_cents(*c))),
            Want::MaxPrice(c) => terms.bounds.push(Bound::MaxLastPrice(Money::from_cents(*c))),
        }
    }
    terms
}

fn policy((n, spec): (usize, &Spec)) -> Policy {
    Policy {
        matches: Matcher {
            all: terms(&spec.all),
            not: (!spec.not.is_empty()).then(|| terms(&spec.not)),
            any: spec.any.iter().map(|any| terms(any)).collect(),
        },
        action: spec.action,
        before: Before::Span(SignedDuration::from_hours(spec.before)),
        urgent: SignedDuration::from_hours(spec.urgent),
        until: spec.until.map(|days| at(24 * days).to_zoned(TimeZone::UTC).date()),
        // 1_800_000_000 is a Friday.
        window: spec.shut.then(|| "Sat-Sun 00:00-24:00".parse().unwrap()),
        ..keep(&format!("p{n}"))
    }
}

struct Known<'a>(&'a [Row]);

impl Providers for Known<'_> {
    fn provider(&self, _: &AccountName) -> Option<&ProviderName> {
        static YOUPROXY: LazyLock<ProviderName> = LazyLock::new(|| "youproxy".into());
        Some(&YOUPROXY)
    }
}

impl LastPaid for Known<'_> {
    fn last_paid(&self, lease: &LeaseView<'_>) -> Option<Money> {
        let row = self.0.iter().find(|row| row.lease.id.as_str() == lease.id)?;
        row.paid.map(Money::from_cents)
    }
}

/// What is said of a lease.
type Said = (Option<usize>, &'static str, &'static str);

/// What the planner says, by lease.
fn planned(specs: &[Spec], rows: &[Row]) -> Vec<Said> {
    let items = drawn(specs, rows, &["yp"]);
    let of = |row: &Row| items.iter().find(|i| i.lease.id == row.lease.id).unwrap();
    rows.iter().map(|row| said(of(row))).collect()
}

fn said(item: &Item) -> Said {
    (item.policy, item.decision().as_str(), item.reason.word.as_str())
}

/// Each of these accounts has these leases; an item for each.
fn drawn(specs: &[Spec], rows: &[Row], accounts: &[&str]) -> Vec<Item> {
    let all: Vec<Policy> = specs.iter().enumerate().map(policy).collect();
    let rule = |(name, key, text): &(&str, Key, &str)| {
        ((*name).to_owned(), vec![Clause { key: *key, any: vec![Pattern::parse(*key, text).unwrap()] }])
    };
    let (labels, known) = (Labels::new(LABELS.iter().map(rule).collect()), Known(rows));
    let policies = Policies { all: &all, labels: &labels, providers: &known, now: at(0), last_paid: &known };
    let capabilities =
        Capabilities { renew_early: true, quote_is_bound: true, warns: true, ..Capabilities::default() };
    let provider = ProviderName::from("youproxy");
    let lists = accounts.iter().map(|account| {
        let mine = rows.iter().map(|r| Lease { account: (*account).into(), ..r.lease.clone() });
        (AccountName::from(*account), Arc::new(Leases::from(mine.collect::<Vec<_>>())))
    });
    let lists: Vec<(AccountName, Arc<Leases>)> = lists.collect();
    let views: Vec<AccountView<'_>> = lists
        .iter()
        .map(|(name, leases)| AccountView {
            name,
            provider: &provider,
            capabilities: &capabilities,
            leases,
            missing: &[],
            standing: Standing::Good,
            barred: None,
            paused: None,
            clock_held: None,
            provider_stopped: None,
        })
        .collect();
    let timing = Timing {
        read_timeout: SignedDuration::from_secs(30),
        money_timeout: SignedDuration::from_secs(120),
        lag_window: SignedDuration::from_mins(15),
        settle_reads: 3,
    };
    let world = World {
        now: at(0),
        timing: &timing,
        patience: timing.lag_window,
        policies,
        accounts: &views,
        past: &[],
        clock_held: None,
    };
    let drawn = draft(&world);
    every_item(&drawn.items, &drawn.lists, &policies)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn each_decision_is_what_a_naive_reckoning_says_under_the_first_policy_that_matches(
        specs in prop::collection::vec(spec(), 0..6), rows in rows(),
    ) {
        let want: Vec<_> = rows.iter().map(|row| naive(&specs, row)).collect();
        prop_assert_eq!(planned(&specs, &rows), want);
    }

    #[test]
    fn policies_behind_the_one_that_matches_decide_nothing(
        specs in prop::collection::vec(spec(), 1..5), more in prop::collection::vec(spec(), 0..4), rows in rows(),
    ) {
        let before = planned(&specs, &rows);
        let longer: Vec<Spec> = specs.iter().chain(&more).cloned().collect();
        for (before, after) in before.into_iter().zip(planned(&longer, &rows)) {
            prop_assert!(before.0.is_none() || before == after);
        }
    }

    #[test]
    fn no_other_lease_changes_a_decision_before_prices(
        specs in prop::collection::vec(spec(), 0..4), rows in rows(),
    ) {
        let all = planned(&specs, &rows);
        for (n, row) in rows.iter().enumerate() {
            prop_assert_eq!(planned(&specs, std::slice::from_ref(row))[0], all[n]);
        }
    }

    #[test]
    fn neither_the_order_of_leases_nor_that_of_accounts_changes_a_decision(
        specs in prop::collection::vec(spec(), 0..4), rows in rows(), turn in 0_usize..14,
    ) {
        let mut turned = rows.clone();
        turned.reverse();
        if !turned.is_empty() {
            turned.rotate_left(turn % rows.len());
        }
        let by_lease = |rows: &[Row], accounts: &[&str]| {
            let mut all: Vec<_> = drawn(&specs, rows, accounts)
                .iter()
                .map(|i| (i.lease.account.clone(), i.lease.id.clone(), said(i), i.reason.prose.clone()))
                .collect();
            all.sort();
            all
        };
        let first = by_lease(&rows, &["yp", "other"]);
        prop_assert_eq!(&by_lease(&rows, &["yp", "other"]), &first);
        prop_assert_eq!(by_lease(&turned, &["other", "yp"]), first);
    }
}
