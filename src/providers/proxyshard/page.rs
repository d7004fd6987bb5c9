//! A page of `/orders`: which orders stand on it. Pure.
//!
//! Not responsible for asking the next one, nor for where an order stands: an item has no status, the list that it is in says it.
//! `prev` and `next` are not read at all: a `next` may name another host. Nobody has said whether a `count` is of the page or of all; it is
//! at most of all, so that one which is more than all that was read shows a list that was cut.
use std::collections::BTreeMap;

use crate::providers::Words;

use super::envelope::{self, Trouble};
use super::facts::Facts;
use super::json::{self, Object};
use super::wire;

/// An order as lists tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What they say.
    pub facts: Facts,
    /// Two tellings contradict each other, or one has a key twice.
    pub torn: bool,
}

/// What a number of orders may be called.
const TOTALS: [&str; 4] = ["count", "total", "total_count", "totalElements"];

/// All pages of one status so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// By order id.
    pub orders: BTreeMap<String, Item>,
    /// Rows without a readable id.
    pub unreadable: usize,
    /// Rows whose order was there already.
    pub doubles: usize,
    /// The least number of orders that a page of it told.
    pub told: Option<usize>,
}

/// What a page brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    /// Rows on it.
    pub rows: usize,
    /// Orders that were not known yet.
    pub new: usize,
}

impl Listed {
    /// Takes in the body of one page.
    pub fn add(&mut self, body: &[u8], words: &Words) -> Result<Added, Trouble> {
        let answer = envelope::object(body, words)?;
        let rows = envelope::listed(&answer, "orders")?;
        let told = TOTALS.iter().filter_map(|key| answer.get(key).and_then(json::whole)).max();
        let told = told.and_then(|n| usize::try_from(n).ok());
        self.told = [self.told, told].into_iter().flatten().min();
        let mut new = 0;
        for row in &rows {
            let object = Object::parse(row.get()).ok();
            let id = object.as_ref().and_then(|o| o.get("order_id")).and_then(wire::order_id);
            let (Some(object), Some(id)) = (&object, id) else {
                self.unreadable += 1;
                continue;
            };
            let torn = object.doubled().is_some();
            let facts = if torn { Facts::NONE } else { Facts::read(object) };
            new += usize::from(self.take(&id, &Item { facts, torn }));
        }
        Ok(Added { rows: rows.len(), new })
    }

    /// Whether the order was not known yet.
    fn take(&mut self, id: &str, item: &Item) -> bool {
        match self.orders.get_mut(id) {
            Some(known) => {
                self.doubles += 1;
                known.torn |= item.torn | known.facts.merge(&item.facts);
                false
            }
            None => self.orders.insert(id.to_owned(), item.clone()).is_none(),
        }
    }
}
