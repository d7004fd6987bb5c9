//! Which leases a matcher is for, and what it says of those it is not for.
use jiff::{SignedDuration, Timestamp};
use rstest::rstest;

use super::*;
use crate::domain::{AccountName, Lease, LeaseView, ProviderName, sample};
use crate::policy::{Labels, LastPaid, Policies, Providers};

const DAY: i64 = 86_400;

fn at(days: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + days * DAY).unwrap()
}

/// 100 days old, with everything told and 2.65 paid.
fn lease() -> Lease {
    Lease {
        ip: "203.0.113.7".to_owned(),
        kind: "MOBILE".into(),
        country: Some("DEU".to_owned()),
        tag: Some("prod-1".to_owned()),
        operator: Some("O2 Germany".to_owned()),
        started_at: Some(at(-100)),
        expires_at: Some(at(3)),
        ..sample::lease()
    }
}

/// Nothing told but what a lease cannot be without, and nothing paid.
fn bare() -> Lease {
    Lease { id: "L2".into(), country: None, tag: None, operator: None, started_at: None, ..lease() }
}

struct Known(ProviderName);

impl Providers for Known {
    fn provider(&self, _: &AccountName) -> Option<&ProviderName> {
        Some(&self.0)
    }
}

impl LastPaid for Known {
    fn last_paid(&self, lease: &LeaseView<'_>) -> Option<Money> {
        (lease.id == "L1").then(|| Money::from_cents(265))
    }
}

fn look<T>(lease: &Lease, see: impl FnOnce(&Subject<'_>) -> T) -> T {
    let known = Known("youproxy".into());
    let rule = |name: &str, key: Key, text: &str| (name.to_owned(), vec![clause(key, &[text])]);
    let labels = Labels::new(vec![
        rule("client-a", Key::Ip, "203.0.113.0/24"),
        rule("vip", Key::Lease, "l1"),
        ("mobile-de".to_owned(), vec![clause(Key::Kind, &["mobile"]), clause(Key::Country, &["DEU"])]),
    ]);
    let policies = Policies { all: &[], labels: &labels, providers: &known, now: at(0), last_paid: &known };
    see(&policies.subject(lease))
}

fn clause(key: Key, any: &[&str]) -> Clause {
    Clause { key, any: any.iter().map(|text| Pattern::parse(key, text).unwrap()).collect() }
}

fn terms(key: Key, any: &[&str]) -> Terms {
    Terms { clauses: vec![clause(key, any)], bounds: Vec::new() }
}

fn bound(bound: Bound) -> Matcher {
    Matcher { all: Terms { clauses: Vec::new(), bounds: vec![bound] }, ..Matcher::default() }
}

fn days(n: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * n)
}

fn of(key: Key, any: &[&str]) -> Matcher {
    Matcher::of(vec![clause(key, any)])
}

fn not(key: Key, any: &[&str]) -> Matcher {
    Matcher { not: Some(terms(key, any)), ..Matcher::default() }
}

/// Whether it is for the lease of which all is known, and for the bare one.
#[rstest]
#[case::provider(of(Key::Provider, &["YouProxy"]), true, true)]
#[case::another_provider(of(Key::Provider, &["proxyshard"]), false, false)]
#[case::operator_by_glob(of(Key::Operator, &["o2*"]), true, false)]
#[case::a_label_of_two(of(Key::Label, &["vip", "nobody"]), true, false)]
#[case::a_label_by_glob(of(Key::Label, &["CLIENT-*"]), true, true)]
#[case::a_label_of_two_keys(of(Key::Label, &["mobile-de"]), true, false)]
#[case::old_enough_to_the_second(bound(Bound::MinAge(days(100))), true, false)]
#[case::too_young(bound(Bound::MinAge(days(101))), false, false)]
#[case::young_enough(bound(Bound::MaxAge(days(100))), true, false)]
#[case::too_old(bound(Bound::MaxAge(days(99))), false, false)]
#[case::dear_enough(bound(Bound::MinLastPrice(Money::from_cents(265))), true, false)]
#[case::too_cheap(bound(Bound::MinLastPrice(Money::from_cents(266))), false, false)]
#[case::cheap_enough(bound(Bound::MaxLastPrice(Money::from_cents(265))), true, false)]
#[case::too_dear(bound(Bound::MaxLastPrice(Money::from_cents(264))), false, false)]
#[case::not_this_tag(not(Key::Tag, &["prod-*"]), false, false)]
#[case::not_another_tag_and_none_is_not_known(not(Key::Tag, &["old-*"]), true, false)]
#[case::not_a_label_and_none_is_known(not(Key::Label, &["vip"]), false, true)]
#[case::not_takes_out_what_fits_all_its_keys(
    Matcher { not: Some(Terms { clauses: vec![clause(Key::Label, &["vip"]), clause(Key::Kind, &["ISP"])], bounds: vec![] }), ..Matcher::default() },
    true,
    true
)]
#[case::any(
    Matcher { any: vec![terms(Key::Lease, &["L2"]), terms(Key::Operator, &["o2*"])], ..Matcher::default() },
    true,
    true
)]
#[case::none_of_any(Matcher { any: vec![terms(Key::Lease, &["L3"])], ..Matcher::default() }, false, false)]
#[case::any_and_all(
    Matcher { any: vec![terms(Key::Lease, &["L2"]), terms(Key::Lease, &["L1"])], ..of(Key::Country, &["deu"]) },
    true,
    false
)]
#[case::everything(Matcher::default(), true, true)]
fn a_matcher_is_for(#[case] matcher: Matcher, #[case] told: bool, #[case] untold: bool) {
    assert_eq!([lease(), bare()].map(|l| look(&l, |s| matcher.matches(s))), [told, untold]);
    for lease in [lease(), bare()] {
        let misses = look(&lease, |s| matcher.misses(s));
        assert_eq!(misses.is_empty(), look(&lease, |s| matcher.matches(s)), "{misses:?}");
    }
}

#[test]
fn what_keeps_a_lease_out_is_told_with_what_it_has() {
    let matcher = Matcher {
        all: Terms {
            clauses: vec![clause(Key::Operator, &["voda*"])],
            bounds: vec![Bound::MinAge(days(180))],
        },
        not: Some(terms(Key::Label, &["vip"])),
        any: vec![terms(Key::Tag, &["old-*"])],
    };
    let told: Vec<String> = look(&lease(), |s| matcher.misses(s))
        .into_iter()
        .map(|m| format!("{} wants {} saw {}", m.key, m.want.join("|"), m.saw.unwrap_or_default()))
        .collect();
    assert_eq!(
        told,
        [
            "operator wants voda* saw O2 Germany",
            "min_age wants 180d or more saw 100d",
            "not.label wants not vip saw client-a, mobile-de, vip",
            "any[1].tag wants old-* saw prod-1",
        ]
    );
}

#[test]
fn a_matcher_of_words_alone_looks_as_it_always_did() {
    let shown = format!("{:?}", of(Key::Kind, &["IPv4"]));
    assert_eq!(
        shown, r#"Matcher { all: [Clause { key: Kind, any: [Text("IPv4")] }] }"#,
        "plan files hold its hash"
    );
}
