//! Records of one id, and leases of one address. Pure.
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use crate::domain::{Lease, Leases, Sameness, term};

/// Sorts and keeps each id once; tells how many stood there twice, alike and with different data. Ports are kept where they tell one
/// address from another.
pub(super) fn unite(found: &mut Leases) -> (usize, usize) {
    found.sort();
    let (mut same, mut torn) = (0_usize, 0_usize);
    let (mut kept, mut doubles) = (0, Vec::new());
    for n in 1..found.len() {
        if found.id(n) != found.id(kept) {
            kept = n;
            continue;
        }
        doubles.push(n);
        if found.view(n) == found.view(kept) {
            same += 1;
        } else {
            torn += 1;
            let mut one = found.lease(kept);
            reconcile(&mut one, &found.lease(n));
            found.set(kept, &one.view());
        }
    }
    if !doubles.is_empty() {
        found.retain(|n| doubles.binary_search(&n).is_err());
    }
    drop_ports(found);
    (same, torn)
}

/// An address that stands once is known by itself: its port, which may be changed, says nothing then.
fn drop_ports(leases: &mut Leases) {
    let hasher = RandomState::new();
    let mut hashes: Vec<u64> = leases.iter().map(|l| hasher.hash_one(l.ip)).collect();
    hashes.sort_unstable();
    let twice = |ip: &str| {
        let hash = hasher.hash_one(ip);
        let at = hashes.partition_point(|h| *h < hash);
        hashes.get(at + 1) == Some(&hash)
    };
    // Two addresses may have one hash: those few are counted by their texts.
    let mut times: HashMap<String, usize> = HashMap::new();
    for lease in leases.iter().filter(|l| twice(l.ip)) {
        *times.entry(lease.ip.to_owned()).or_default() += 1;
    }
    for n in 0..leases.len() {
        let lease = leases.view(n);
        if lease.port.is_some() && (times.is_empty() || times.get(lease.ip).is_none_or(|times| *times == 1)) {
            leases.drop_port(n);
        }
    }
}

/// Two records of one id that differ. Where they differ in what a payment rests on, the end counts as unreadable, so that
/// nothing is paid on a guess; an auto-renewal that either tells of is believed.
fn reconcile(kept: &mut Lease, later: &Lease) {
    let ends = kept.named_end().zip(later.named_end());
    // How long its terms are is not told, so a date says nothing beside an instant.
    let agree = ends.is_some_and(|(a, b)| a == b || term::compare(a, b, None) == Sameness::Same)
        && kept.order == later.order
        && kept.ip == later.ip
        && kept.kind == later.kind;
    if !agree {
        kept.expires_at = None;
    } else if (kept.told, kept.expires_at) < (later.told, later.expires_at) {
        (kept.told, kept.expires_at) = (later.told, later.expires_at);
    }
    kept.provider_renews = kept.provider_renews.max(later.provider_renews);
    kept.country = kept.country.take().or_else(|| later.country.clone());
}
