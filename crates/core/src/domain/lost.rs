//! Which known leases a list no longer has. Pure.
use std::collections::HashMap;

use super::lease::same_port;
use super::{LeaseView, Leases};

/// Where a list has the leases that are asked for: their orders and addresses, with ports where those are told.
struct Places<'a>(HashMap<(&'a str, &'a str), Vec<Option<u16>>>);

impl<'a> Places<'a> {
    /// One walk over the list, and none where nothing is asked for.
    fn of(wanted: &[LeaseView<'a>], listed: &'a Leases) -> Self {
        let mut places: HashMap<(&str, &str), Vec<Option<u16>>> = HashMap::new();
        for lease in wanted.iter().filter(|l| !l.ip.is_empty()) {
            places.entry((lease.order, lease.ip)).or_default();
        }
        if !places.is_empty() {
            for lease in listed.iter() {
                if let Some(ports) = places.get_mut(&(lease.order, lease.ip)) {
                    ports.push(lease.port);
                }
            }
        }
        Self(places)
    }

    /// Whether one of them is where this one was, under whatever id.
    fn has(&self, lease: &LeaseView<'_>) -> bool {
        let ports = self.0.get(&(lease.order, lease.ip));
        ports.is_some_and(|ports| ports.iter().any(|p| same_port(*p, lease.port)))
    }
}

fn gone<'a>(
    known: &'a Leases,
    listed: &'a Leases,
    by_id: impl Fn(&LeaseView<'a>) -> bool,
) -> Vec<LeaseView<'a>> {
    let mut gone: Vec<LeaseView<'_>> = known.iter().filter(by_id).collect();
    let places = Places::of(&gone, listed);
    gone.retain(|l| !places.has(l));
    gone
}

/// Known leases that the list lacks, by id, and by order and address.
#[must_use]
pub fn absent<'a>(known: &'a Leases, listed: &'a Leases) -> Vec<LeaseView<'a>> {
    gone(known, listed, |l| listed.find(l.id).is_none())
}

/// The known leases that a list no longer has: neither by id nor by order and address, or under the same id with another address
/// in its place. An id that changes with a renewal is no loss.
#[must_use]
pub fn lost<'a>(known: &'a Leases, listed: &'a Leases) -> Vec<LeaseView<'a>> {
    gone(known, listed, |k| {
        let now = listed.get(k.id).map(|l| l.ip);
        now.is_none_or(|ip| !ip.is_empty() && !k.ip.is_empty() && ip != k.ip)
    })
}
