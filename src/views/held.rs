//! Leases that are held, together as far as the same stands against them: sixteen that wait for the same money are one line. Not
//! responsible for holding any (the planner), or for what to do about it.
use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::LeaseId;
use crate::planner::Item;
use crate::policy::Stage;

/// Leases that are kept by name of one group.
const NAMED: usize = 12;
/// Groups of one account with a reason of their own; what else is held is one group for each word.
const GROUPS: usize = 40;

/// Leases of one account that are held for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldGroup {
    /// The first word of their reason.
    pub word: String,
    /// The rest of it; empty where they have several.
    pub why: String,
    /// How many.
    pub leases: usize,
    /// When the first of them ends.
    pub first_end: Option<Timestamp>,
    /// How many are how far in their term.
    pub stages: BTreeMap<String, usize>,
    /// The first of them, by their end.
    pub some: Vec<HeldLease>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldLease {
    /// The provider's id.
    pub lease: LeaseId,
    /// Its address; empty where it has none.
    pub ip: String,
    /// End of its term.
    pub expires_at: Option<Timestamp>,
}

/// The groups of these leases, the first end first.
#[must_use]
pub fn grouped<'a>(held: impl Iterator<Item = &'a Item>) -> Vec<HeldGroup> {
    let mut groups: Vec<HeldGroup> = Vec::new();
    let mut places: HashMap<(&str, &str), usize> = HashMap::new();
    for item in held {
        let (word, own) = (item.reason.word.as_str(), item.reason.prose.as_str());
        let known = places.contains_key(&(word, own));
        let why = if known || groups.len() < GROUPS { own } else { "" };
        let place = *places.entry((word, why)).or_insert_with(|| {
            groups.push(HeldGroup {
                word: word.to_owned(),
                why: why.to_owned(),
                leases: 0,
                first_end: None,
                stages: BTreeMap::new(),
                some: Vec::new(),
            });
            groups.len() - 1
        });
        groups[place].take(item);
    }
    groups.sort_by_key(|g| (g.first_end.is_none(), g.first_end));
    groups
}

impl HeldGroup {
    fn take(&mut self, item: &Item) {
        let lease = &item.lease;
        self.leases += 1;
        self.first_end = match (self.first_end, lease.expires_at) {
            (Some(known), Some(end)) => Some(known.min(end)),
            (known, end) => known.or(end),
        };
        if let Some(stage) = item.stage.map(Stage::as_str) {
            *self.stages.entry(stage.to_owned()).or_default() += 1;
        }
        let key = |l: &HeldLease| (l.expires_at.is_none(), l.expires_at);
        let one = HeldLease { lease: lease.id.clone(), ip: lease.ip.clone(), expires_at: lease.expires_at };
        let at = self.some.partition_point(|l| key(l) <= key(&one));
        if at < NAMED {
            self.some.insert(at, one);
            self.some.truncate(NAMED);
        }
    }
}
