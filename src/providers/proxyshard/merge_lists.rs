//! Puts the lists of all statuses together: which orders there are, and where the lists say that each stands. Pure.
//!
//! An item has no status of its own, so the list it is in says it. An order may move while pages are read: where the lists do not
//! agree, or only the list of all knows the order, it is [`Standing::Unclear`] and its detail decides.
use std::collections::BTreeMap;

use super::facts::Facts;
use super::page::{Item, Listed};

/// Where the lists say that an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// In the list of active ones alone.
    Active,
    /// In the list of those on hold alone.
    OnHold,
    /// In several, or in none but the list of all.
    Unclear,
}

/// An order as the lists have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub standing: Standing,
    /// What the lists say together.
    pub facts: Facts,
    /// They contradict each other.
    pub torn: bool,
}

impl Listing {
    /// Something that a lease needs is in no list.
    pub fn is_sparse(&self) -> bool {
        let facts = &self.facts;
        facts.end.at().is_none() || facts.auto_renewal.is_none() || facts.product.is_none()
    }
}

/// One list per status.
#[derive(Debug, Default)]
pub struct Lists {
    /// `status=active`.
    pub active: Listed,
    /// `status=on-hold`.
    pub on_hold: Listed,
    /// `status=cancelled`; empty where it was not needed.
    pub cancelled: Listed,
    /// `status=all`.
    pub all: Listed,
}

impl Lists {
    /// Orders that only the list of all knows: cancelled ones, those that moved while the pages were read, those of a status that
    /// nobody knows.
    pub fn leftovers(&self) -> impl Iterator<Item = &str> {
        let known = |id: &str| self.active.orders.contains_key(id) || self.on_hold.orders.contains_key(id);
        self.all.orders.keys().map(String::as_str).filter(move |id| !known(id))
    }

    /// Every order that may be a lease, sorted by id. `gone` says of a leftover that it was cancelled before.
    pub fn census(&self, gone: impl Fn(&str) -> bool) -> Vec<Listing> {
        let mut orders: BTreeMap<&str, Listing> = BTreeMap::new();
        for (list, standing) in [(&self.active, Standing::Active), (&self.on_hold, Standing::OnHold)] {
            for (id, item) in &list.orders {
                orders
                    .entry(id)
                    .and_modify(|known| known.take(Standing::Unclear, item))
                    .or_insert_with(|| Listing::new(id, standing, item));
            }
        }
        for (id, item) in &self.cancelled.orders {
            if let Some(known) = orders.get_mut(id.as_str()) {
                known.take(Standing::Unclear, item);
            }
        }
        for (id, item) in &self.all.orders {
            match orders.get_mut(id.as_str()) {
                Some(known) => known.take(known.standing, item),
                None if self.cancelled.orders.contains_key(id) || gone(id) => {}
                None => drop(orders.insert(id, Listing::new(id, Standing::Unclear, item))),
            }
        }
        orders.into_values().collect()
    }

    /// Rows of orders not cancelled that have no readable id.
    pub fn unreadable(&self) -> usize {
        let by_status = self.active.unreadable + self.on_hold.unreadable;
        by_status.max(self.all.unreadable.saturating_sub(self.cancelled.unreadable))
    }

    /// A list that tells of more orders than all its pages held. An order may have moved out of a list by status, but not out of that of
    /// all; and a number may be of all orders, whatever the list.
    pub fn part(&self) -> Option<String> {
        let read = |list: &Listed| list.orders.len() + list.unreadable;
        let all = read(&self.all).max(read(&self.active) + read(&self.on_hold));
        let named = [("active", &self.active), ("on-hold", &self.on_hold), ("all", &self.all)];
        named.into_iter().find_map(|(status, list)| {
            let told = list.told.filter(|told| *told > all.max(read(list)))?;
            Some(format!("the list of `{status}` orders tells of {told} and its pages hold {}", read(list)))
        })
    }

    /// Rows that stood in one list twice.
    pub fn doubles(&self) -> usize {
        [&self.active, &self.on_hold, &self.cancelled, &self.all].iter().map(|list| list.doubles).sum()
    }
}

impl Listing {
    fn new(id: &str, standing: Standing, item: &Item) -> Self {
        Self { id: id.to_owned(), standing, facts: item.facts.clone(), torn: item.torn }
    }

    fn take(&mut self, standing: Standing, item: &Item) {
        self.standing = standing;
        self.torn |= item.torn | self.facts.merge(&item.facts);
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::providers::Words;
    use crate::redact::Redactor;

    fn listed(rows: &str) -> Listed {
        let words = Words::new(Redactor::default(), &SecretString::from("sk-very-secret-77"));
        let mut listed = Listed::default();
        listed.add(format!(r#"{{"success":true,"orders":[{rows}]}}"#).as_bytes(), &words).unwrap();
        listed
    }

    fn standings(lists: &Lists) -> Vec<(String, Standing)> {
        lists.census(|_| false).into_iter().map(|l| (l.id, l.standing)).collect()
    }

    #[test]
    fn the_list_an_order_is_in_says_where_it_stands() {
        let lists = Lists {
            active: listed(r#"{"order_id":"a"}"#),
            on_hold: listed(r#"{"order_id":"h"}"#),
            cancelled: listed(r#"{"order_id":"c"}"#),
            all: listed(r#"{"order_id":"c"},{"order_id":"h"},{"order_id":"a"}"#),
        };
        let want = [("a".to_owned(), Standing::Active), ("h".to_owned(), Standing::OnHold)];
        assert_eq!(standings(&lists), want);
        assert_eq!(lists.leftovers().collect::<Vec<_>>(), ["c"]);
    }

    #[test]
    fn an_order_that_moved_or_that_no_status_has_is_unclear() {
        let lists = Lists {
            active: listed(r#"{"order_id":"moved"},{"order_id":"ended"}"#),
            on_hold: listed(r#"{"order_id":"moved"}"#),
            cancelled: listed(r#"{"order_id":"ended"}"#),
            all: listed(r#"{"order_id":"new-word"},{"order_id":"gone"}"#),
        };
        let found = lists.census(|id| id == "gone");
        let unclear: Vec<&str> =
            found.iter().filter(|l| l.standing == Standing::Unclear).map(|l| l.id.as_str()).collect();
        assert_eq!(unclear, ["ended", "moved", "new-word"]);
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn an_order_that_all_does_not_list_is_kept() {
        let lists = Lists { active: listed(r#"{"order_id":7}"#), ..Lists::default() };
        assert_eq!(standings(&lists), [("7".to_owned(), Standing::Active)]);
    }

    #[test]
    fn lists_that_contradict_each_other_are_torn() {
        let end = |end: &str| listed(&format!(r#"{{"order_id":"a","expires_at":"{end}"}}"#));
        let lists = Lists {
            active: end("2026-12-01T00:00:00Z"),
            all: end("2027-01-01T00:00:00Z"),
            ..Lists::default()
        };
        let found = lists.census(|_| false);
        assert!(found[0].torn && found[0].facts.end.at().is_none());
    }
}
