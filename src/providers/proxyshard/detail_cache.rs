//! What a reader remembers of single orders between its readings, and which of them it asks again. Pure but for its lock.
//!
//! A list of orders is cheap, a detail costs a request per order: 380 orders at 60 requests a minute would take ten minutes each
//! time. So details are remembered. Asked at once is whatever a decision may rest on and cannot be known otherwise: an order never
//! asked of which the list says too little, one whose list entry changed, one that the lists or its detail disagree about, an
//! active one whose end is near or over. Everything else is asked in turn, the oldest first, a few per reading. No payment rests on memory: the
//! quote before it reads the order anew. A crash forgets everything, and the next reading asks again.
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::SignedDuration;

use crate::domain::{Moment, OrderId};
use crate::providers::Purpose;

use super::detail::Detail;
use super::facts::Facts;
use super::wire::Status;
use crate::providers::proxyshard::merge_lists::{Listing, Standing};

/// So long before the end of an active order the provider's auto-renewal may move it (its manual says 1 to 2 hours).
const NEAR: SignedDuration = SignedDuration::from_hours(3);
/// Near its end a detail is good for so long.
const NEAR_AGE: SignedDuration = SignedDuration::from_mins(10);
/// An active order of which the list says too little is asked again after this.
const SPARSE_AGE: SignedDuration = SignedDuration::from_hours(1);
/// One of which the list says enough: only its price may have changed.
const FULL_AGE: SignedDuration = SignedDuration::from_hours(24);
/// How long a cancelled order is believed to be so.
const CANCELLED_AGE: SignedDuration = SignedDuration::from_hours(6);
/// Orders asked in turn in a reading of the fleet.
const IN_TURN: usize = 30;
/// The same in a reading around payments: payments need the room.
const IN_TURN_MONEY: usize = 8;

/// Ranks of those asked in turn: on hold, active and told too little of by the list, active and told enough of.
const ON_HOLD: u8 = 0;
const SPARSE: u8 = 1;
const PRICE_ONLY: u8 = 2;

/// What is remembered of an account.
#[derive(Default)]
pub struct Memory(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    details: HashMap<String, Remembered>,
    cancelled: HashMap<String, Moment>,
}

/// A detail, what the lists said when it was asked, and when that was.
#[derive(Debug, Clone)]
struct Remembered {
    detail: Detail,
    standing: Standing,
    listed: Facts,
    at: Moment,
}

impl Remembered {
    /// Whether the detail said that the order stands where the lists say. While it does not, nobody but a new answer can tell.
    fn agrees(&self) -> bool {
        match &self.detail.status {
            None => true,
            Some(status) => matches!(
                (status, self.standing),
                (Status::Active, Standing::Active) | (Status::OnHold, Standing::OnHold)
            ),
        }
    }
}

/// Why an order is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    /// At once.
    Now,
    /// In turn; the lesser rank goes first, then the greater age.
    InTurn(u8, std::cmp::Reverse<SignedDuration>),
    /// Not at all.
    No,
}

impl Memory {
    fn with<T>(&self, work: impl FnOnce(&mut Kept) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Which of these orders are to be asked now, by id.
    pub fn to_ask(&self, listings: &[Listing], purpose: Purpose, now: &Moment) -> Vec<String> {
        let mut needs: Vec<(Need, &str)> = self.with(|kept| {
            listings.iter().map(|l| (need(l, kept.details.get(&l.id), now), l.id.as_str())).collect()
        });
        needs.sort();
        let (in_turn, least) = match purpose {
            Purpose::Routine => (IN_TURN, PRICE_ONLY),
            Purpose::Money => (IN_TURN_MONEY, SPARSE),
        };
        let at_once = needs.iter().filter(|(need, _)| *need == Need::Now).count();
        needs.retain(|(need, _)| match need {
            Need::Now => true,
            Need::InTurn(rank, _) => *rank <= least,
            Need::No => false,
        });
        needs.truncate(at_once + in_turn);
        needs.into_iter().map(|(_, id)| id.to_owned()).collect()
    }

    /// Keeps an answer to what the lists made one ask.
    pub fn keep(&self, listing: &Listing, detail: &Detail, at: &Moment) {
        let remembered = Remembered {
            detail: detail.clone(),
            standing: listing.standing,
            listed: listing.facts.clone(),
            at: at.clone(),
        };
        self.with(|kept| kept.details.insert(listing.id.clone(), remembered));
    }

    /// Keeps a newer answer for an order that is remembered already.
    pub fn renew(&self, id: &OrderId, detail: &Detail, at: &Moment) {
        self.with(|kept| {
            if let Some(remembered) = kept.details.get_mut(id.as_str()) {
                remembered.detail = detail.clone();
                remembered.at = at.clone();
            }
        });
    }

    /// What is remembered of an order, if it still is where it was then. Of one on hold the detail's word counts, so that it must
    /// be of the same list entry; of an active one it only adds to the list's.
    pub fn recall(&self, listing: &Listing) -> Option<Detail> {
        let fits = |r: &&Remembered| {
            let active = listing.standing == Standing::Active;
            r.standing == listing.standing && (active || r.listed.is_like(&listing.facts))
        };
        self.with(|kept| kept.details.get(&listing.id).filter(fits).map(|r| r.detail.clone()))
    }

    /// Keeps that these orders are cancelled.
    pub fn keep_cancelled<'a>(&self, ids: impl Iterator<Item = &'a str>, at: &Moment) {
        self.with(|kept| kept.cancelled.extend(ids.map(|id| (id.to_owned(), at.clone()))));
    }

    /// Whether the order was seen cancelled, not too long ago.
    pub fn is_cancelled(&self, id: &str, now: &Moment) -> bool {
        self.with(|kept| kept.cancelled.get(id).is_some_and(|at| age(at, now) <= CANCELLED_AGE))
    }

    /// Forgets what is listed no more.
    pub fn retain(&self, listings: &[Listing], now: &Moment) {
        self.with(|kept| {
            kept.details.retain(|id, _| listings.binary_search_by(|l| l.id.as_str().cmp(id)).is_ok());
            kept.cancelled.retain(|_, at| age(at, now) <= CANCELLED_AGE);
        });
    }

    /// Forgets these orders.
    pub fn forget(&self, orders: &[OrderId]) {
        self.with(|kept| {
            for order in orders {
                kept.details.remove(order.as_str());
            }
        });
    }
}

/// A clock that was set back must not keep anything for ever.
fn age(at: &Moment, now: &Moment) -> SignedDuration {
    now.since(at).filter(|age| !age.is_negative()).unwrap_or(SignedDuration::MAX)
}

fn need(listing: &Listing, remembered: Option<&Remembered>, now: &Moment) -> Need {
    let Some(known) = remembered else {
        let enough = listing.standing == Standing::Active && !listing.torn && !listing.is_sparse();
        return if enough {
            Need::InTurn(PRICE_ONLY, std::cmp::Reverse(SignedDuration::MAX))
        } else {
            Need::Now
        };
    };
    let changed = known.standing != listing.standing || !known.listed.is_like(&listing.facts);
    let age = age(&known.at, now);
    let in_turn = |rank| Need::InTurn(rank, std::cmp::Reverse(age));
    match listing.standing {
        Standing::Unclear => Need::Now,
        _ if listing.torn || !known.agrees() => Need::Now,
        Standing::OnHold if changed => Need::Now,
        Standing::OnHold => in_turn(ON_HOLD),
        Standing::Active if !listing.is_sparse() => {
            if changed || age > FULL_AGE {
                in_turn(PRICE_ONLY)
            } else {
                Need::No
            }
        }
        Standing::Active if changed => Need::Now,
        Standing::Active => {
            let left =
                known.detail.facts.or(&listing.facts).end.at().map(|end| end.at.duration_since(now.wall));
            match left {
                Some(left) if left.is_negative() || (left <= NEAR && age > NEAR_AGE) => Need::Now,
                _ if age > SPARSE_AGE => in_turn(SPARSE),
                _ => Need::No,
            }
        }
    }
}

#[cfg(test)]
#[path = "detail_cache_tests.rs"]
mod tests;
