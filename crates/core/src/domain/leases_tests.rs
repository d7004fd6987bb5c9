//! The compact list says what a list of leases says, and its digests differ where two lists do.
use proptest::prelude::*;

use super::*;
use crate::domain::lost::{absent, lost};

fn some<T: Clone + fmt::Debug + 'static>(
    of: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Option<T>> {
    proptest::option::of(of)
}

fn leases() -> impl Strategy<Value = Lease> {
    let names =
        ("[a-c0-9]{1,10}", "[a-c]{1,2}", "(|10\\.0\\.0\\.[1-4])", "[A-B]", some("[x-y]"), some("[t-u]"));
    let rest = (
        some(1_u16..4),
        some(0_i64..4_000_000_000),
        0..2_i32,
        some(any::<bool>()),
        0..3_u8,
        some(1_i64..4),
        0..2_u8,
    );
    (names, rest).prop_map(
        |((id, order, ip, kind, country, tag), (port, end, nanos, renews, state, price, told))| {
            let held_since = (state == 1).then(|| Timestamp::from_second(1_800_000_000).unwrap());
            Lease {
                operator: tag.clone().filter(|_| told == 0),
                started_at: end.filter(|s| s % 2 == 0).map(|s| Timestamp::new(s - 5_000, 0).unwrap()),
                account: "a".into(),
                id: id.as_str().into(),
                order: order.as_str().into(),
                ip,
                port,
                kind: kind.as_str().into(),
                country,
                tag,
                expires_at: end.map(|s| Timestamp::new(s, nanos).unwrap()),
                told: if told == 0 { Told::Date } else { Told::Instant },
                provider_renews: renews,
                state: match state {
                    0 => OrderState::Active,
                    1 => OrderState::OnHold,
                    _ => OrderState::Other("odd".into()),
                },
                held_since,
                cycle: price.map(|_| "monthly".to_owned()),
                price: price.map(Money::from_cents),
            }
        },
    )
}

fn sorted(mut all: Vec<Lease>) -> Vec<Lease> {
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all.dedup_by(|a, b| a.id == b.id);
    all
}

/// The same questions asked of a list of leases, one by one.
mod plainly {
    use super::*;
    use crate::domain::lease::same_port;

    fn has(listed: &[Lease], of: &Lease) -> bool {
        listed
            .iter()
            .any(|l| !l.ip.is_empty() && l.order == of.order && l.ip == of.ip && same_port(l.port, of.port))
    }

    pub fn absent(known: &[Lease], listed: &[Lease]) -> Vec<Lease> {
        let gone = |k: &&Lease| listed.iter().all(|l| l.id != k.id) && !has(listed, k);
        known.iter().filter(gone).cloned().collect()
    }

    pub fn lost(known: &[Lease], listed: &[Lease]) -> Vec<Lease> {
        let gone = |k: &&Lease| {
            let now = listed.iter().find(|l| l.id == k.id).map(|l| &l.ip);
            !has(listed, k) && now.is_none_or(|ip| !ip.is_empty() && !k.ip.is_empty() && *ip != k.ip)
        };
        known.iter().filter(gone).cloned().collect()
    }
}

fn all_of(leases: &[Lease]) -> Tally {
    let compact: Leases = leases.iter().cloned().collect();
    compact.tally(0..compact.len())
}

proptest! {
    #[test]
    fn a_compact_list_gives_back_every_lease(all in prop::collection::vec(leases(), 0..60)) {
        let compact: Leases = all.iter().cloned().collect();
        let mut want = all;
        want.sort_by(|a, b| a.id.cmp(&b.id));
        prop_assert_eq!(compact.to_vec(), want.clone());
        for l in &want {
            prop_assert_eq!(compact.get(l.id.as_str()).map(|v| v.id.to_owned()), Some(l.id.to_string()));
        }
        prop_assert_eq!(compact.find("z"), None);
    }

    #[test]
    fn what_left_a_list_is_what_a_plain_search_finds(
        known in prop::collection::vec(leases(), 0..20),
        listed in prop::collection::vec(leases(), 0..20),
    ) {
        let (known, listed) = (sorted(known), sorted(listed));
        let compact: Leases = listed.iter().cloned().collect();
        let before: Leases = known.iter().cloned().collect();
        let owned = |found: Vec<LeaseView<'_>>| found.iter().map(LeaseView::to_lease).collect::<Vec<_>>();
        prop_assert_eq!(owned(absent(&before, &compact)), plainly::absent(&known, &listed));
        prop_assert_eq!(owned(lost(&before, &compact)), plainly::lost(&known, &listed));
    }

    #[test]
    fn two_lists_have_one_digest_exactly_where_they_are_one(
        one in prop::collection::vec(leases(), 0..20),
        other in leases(),
        at in any::<prop::sample::Index>(),
    ) {
        let one = sorted(one);
        let mut shuffled = one.clone();
        shuffled.reverse();
        prop_assert_eq!(all_of(&one), all_of(&shuffled));
        if !one.is_empty() {
            let mut changed = one.clone();
            let n = at.index(one.len());
            changed[n] = Lease { id: one[n].id.clone(), ..other };
            prop_assert_eq!(changed == one, all_of(&changed) == all_of(&one));
        }
    }

    #[test]
    fn a_lease_takes_other_values_without_touching_its_neighbours(
        all in prop::collection::vec(leases(), 1..20),
        other in leases(),
        at in any::<prop::sample::Index>(),
    ) {
        let mut want = sorted(all);
        let n = at.index(want.len());
        let mut compact: Leases = want.iter().cloned().collect();
        want[n] = Lease { id: want[n].id.clone(), ..other };
        compact.set(n, &want[n].view());
        prop_assert_eq!(compact.to_vec(), want);
    }
}

#[test]
fn a_lease_takes_less_than_a_hundred_bytes() {
    let lease = |n: usize| Lease {
        operator: None,
        started_at: None,
        account: "main".into(),
        id: format!("{}", 1_000_000_000_000_usize + n).as_str().into(),
        order: format!("ORD-{:07}", n / 10).as_str().into(),
        ip: format!("10.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255),
        port: None,
        kind: "IPv4".into(),
        country: Some("USA".into()),
        tag: None,
        expires_at: Timestamp::from_second(1_800_000_000 + n as i64).ok(),
        told: Told::Instant,
        provider_renews: Some(n.is_multiple_of(2)),
        state: OrderState::Active,
        held_since: None,
        cycle: None,
        price: None,
    };
    let all: Leases = (0..10_000).map(lease).collect();
    assert!(all.bytes() < 100 * all.len(), "{} bytes for {} leases", all.bytes(), all.len());
}
