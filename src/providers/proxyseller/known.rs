//! What the newest list said of names: the provider's present id of each lease, and which order a number belongs to. Kept by the process
//! alone; a new process reads a list before it does anything. Pure.
use std::collections::HashMap;

use crate::domain::{OrderId, RequestLease};

/// Names of one account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    names: HashMap<String, String>,
    /// `None`: the number is told of several orders.
    orders: HashMap<String, Option<String>>,
}

impl Known {
    /// The lease is called so.
    pub fn name(&mut self, lease: &str, name: Option<String>) {
        if let Some(name) = name {
            self.names.insert(lease.to_owned(), name);
        }
    }

    /// Two records of the lease have two names: none can be used.
    pub fn forget(&mut self, lease: &str) {
        self.names.remove(lease);
    }

    /// Whether the lease is known by exactly this name, or by none.
    pub fn is(&self, lease: &str, name: Option<&str>) -> bool {
        self.names.get(lease).map(String::as_str) == name
    }

    /// The number belongs to that order.
    pub fn order(&mut self, number: String, order: &str) {
        let known = self.orders.entry(number).or_insert_with(|| Some(order.to_owned()));
        if known.as_deref() != Some(order) {
            *known = None;
        }
    }

    /// The order of that number.
    pub fn order_of(&self, number: &str) -> Option<OrderId> {
        self.orders.get(number).cloned().flatten().map(OrderId::new)
    }

    /// The present names of these leases, in their order; empty where one is not known.
    pub fn names(&self, leases: &[RequestLease]) -> Vec<String> {
        let all: Option<Vec<String>> =
            leases.iter().map(|l| self.names.get(l.id.as_str()).cloned()).collect();
        all.unwrap_or_default()
    }

    /// The same for ids.
    pub fn names_of<'a>(&self, leases: impl Iterator<Item = &'a str>) -> Option<Vec<String>> {
        leases.map(|id| self.names.get(id).cloned()).collect()
    }
}
