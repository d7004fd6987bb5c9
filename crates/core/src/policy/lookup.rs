//! Which of many single values a lease has: found by hashing, not by trying one after the other. Pure.
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use foldhash::fast::RandomState;
use ipnet::IpNet;

use super::key::Key;
use super::matcher::{Clause, Pattern};
use crate::domain::LeaseView;

/// Numbers by address, network, order and lease id.
#[derive(Debug, Clone, Default)]
pub(super) struct Lookup {
    /// By the length of their prefix, then by their first address. An address is a network of its own.
    nets: BTreeMap<(bool, u8), Numbers<IpAddr>>,
    orders: Numbers<String>,
    leases: Numbers<String>,
}

/// Asked for every lease of a fleet: the time of a plan is mostly the hashing.
type Numbers<K> = HashMap<K, Vec<u32>, RandomState>;

/// The single values of one lease, read once for all that is looked up by them.
pub(super) struct Singles<'a> {
    ip: Option<IpAddr>,
    order: Cow<'a, str>,
    lease: Cow<'a, str>,
}

impl<'a> Singles<'a> {
    pub(super) fn of(lease: &LeaseView<'a>) -> Self {
        Self { ip: lease.ip.parse().ok(), order: lower(lease.order), lease: lower(lease.id) }
    }
}

impl Lookup {
    /// Whether values of this key are looked up: those that hardly two leases share.
    pub(super) fn takes(key: Key) -> bool {
        matches!(key, Key::Ip | Key::Order | Key::Lease)
    }

    /// Whatever has one of the clause's values gets this number. Only for keys that it takes.
    pub(super) fn add(&mut self, clause: &Clause, number: u32) {
        for pattern in &clause.any {
            match (clause.key, pattern) {
                (Key::Ip, Pattern::Net(net)) => {
                    let net = net.trunc();
                    let size = (net.addr().is_ipv6(), net.prefix_len());
                    self.nets.entry(size).or_default().entry(net.addr()).or_default().push(number);
                }
                (Key::Order, Pattern::Text(text)) => {
                    self.orders.entry(text.to_lowercase()).or_default().push(number);
                }
                (_, Pattern::Text(text)) => {
                    self.leases.entry(text.to_lowercase()).or_default().push(number);
                }
                _ => {}
            }
        }
    }

    /// Adds the numbers of a lease, in no order and perhaps twice.
    pub(super) fn find(&self, singles: &Singles<'_>, found: &mut Vec<u32>) {
        if let Some(ip) = singles.ip {
            for ((_, prefix), known) in self.nets.iter().filter(|((six, _), _)| *six == ip.is_ipv6()) {
                let first = IpNet::new(ip, *prefix).map(|net| net.trunc().addr());
                found.extend(first.ok().and_then(|first| known.get(&first)).into_iter().flatten());
            }
        }
        for (known, text) in [(&self.orders, &singles.order), (&self.leases, &singles.lease)] {
            if !known.is_empty() {
                found.extend(known.get(text.as_ref()).into_iter().flatten());
            }
        }
    }

    /// Nothing is looked up.
    pub(super) fn is_empty(&self) -> bool {
        self.nets.is_empty() && self.orders.is_empty() && self.leases.is_empty()
    }
}

fn lower(text: &str) -> Cow<'_, str> {
    let is_lower = text.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase());
    if is_lower { Cow::Borrowed(text) } else { Cow::Owned(text.to_lowercase()) }
}
