//! Payments as they were last read, so that a long history is not read again by every pass.
//!
//! A payment's rows are only ever added to, which triggers enforce: while the last of each kind is the same, so is the payment,
//! whichever process wrote. The file is asked in every listing for which payments there are and for their last rows; a copy that
//! is not exactly as new is read again. A ledger of a few hundred payments, as most are, is kept whole (`whole`). A debug build holds every
//! listing against the file.
//!
//! A crash forgets the copies and loses nothing. What a write did shows only once it is committed: no write looks here.
use std::collections::HashMap;

use crate::ledger::session::{self, Connection, params, params_from_iter};

use super::Fault;
use super::history::{Which, fetch};
use super::whole::Whole;
use crate::ledger::{IntentFilter, IntentRecord};

/// Copies are dropped when there would be more: what a long history takes of memory has an end.
const MOST: usize = 8_192;

/// The last rows of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    event: i64,
    look: Option<i64>,
    order: Option<i64>,
    /// The last event of the payment that this is a part of.
    whole: Option<i64>,
}

/// Copies by the payment's number in the file.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    copies: HashMap<i64, (Stamp, IntentRecord)>,
    /// What was noted of failovers when they were read: a payment's node may be lost without a row of the payment's own.
    failovers: String,
    /// Everything there is, where that is little.
    whole: Whole,
}

impl Shelf {
    /// Payments, newest first; `c` is in a snapshot.
    pub(super) fn list(&mut self, c: &Connection, filter: &IntentFilter) -> Result<Vec<IntentRecord>, Fault> {
        let found = match self.whole.list(c, filter)? {
            Some(found) => found,
            None => self.listed(c, filter)?,
        };
        #[cfg(debug_assertions)]
        assert!(
            found == fetch(c, &Which::of(filter))?,
            "a copy of a payment is not what the file says; please report it"
        );
        Ok(found)
    }

    fn listed(&mut self, c: &Connection, filter: &IntentFilter) -> Result<Vec<IntentRecord>, Fault> {
        let which = Which::of(filter);
        let noted = failovers(c)?;
        if noted != self.failovers {
            self.copies.clear();
            self.failovers = noted;
        }
        let stamps = stamps(c, &which)?;
        if stamps.len() > MOST {
            return fetch(c, &which);
        }
        let stale: Vec<(i64, Stamp)> = stamps.iter().filter(|s| !self.is_fresh(s)).copied().collect();
        if self.copies.len() + stale.len() > MOST {
            self.copies.clear();
            return self.listed(c, filter);
        }
        if stale.len() > stamps.len() / 2 {
            for ((number, stamp), record) in stamps.iter().zip(fetch(c, &which)?) {
                self.copies.insert(*number, (*stamp, record));
            }
        } else {
            for (number, stamp) in stale {
                for record in fetch(c, &Which::numbered(number))? {
                    self.copies.insert(number, (stamp, record));
                }
            }
        }
        Ok(stamps.iter().filter_map(|(number, _)| self.copies.get(number)).map(|(_, r)| r.clone()).collect())
    }

    fn is_fresh(&self, (number, stamp): &(i64, Stamp)) -> bool {
        self.copies.get(number).is_some_and(|(kept, _)| kept == stamp)
    }
}

/// What is noted of failovers: each taking of the pay lease writes all of it anew.
fn failovers(c: &Connection) -> Result<String, Fault> {
    let sql = "SELECT coalesce(max(value), '') || ' ' || count(*) FROM note WHERE key LIKE 'failover:%'";
    Ok(c.prepare_cached(sql)?.query_row(params![], |r| r.get(0))?)
}

/// In the order of [`fetch`].
fn stamps(c: &Connection, which: &Which) -> Result<Vec<(i64, Stamp)>, Fault> {
    let sql = format!(
        "SELECT h.intent, h.seq, ph.seq, (SELECT max(r.seq) FROM settle_read r WHERE r.intent = h.intent),
           (SELECT max(o.id) FROM purchase_order o WHERE o.intent = h.intent)
         FROM intent_head h JOIN intent i ON i.id = h.intent LEFT JOIN intent_head ph ON ph.intent = i.parent
         WHERE {} ORDER BY i.created_at DESC, i.id DESC",
        which.sql
    );
    let mut query = c.prepare_cached(&sql)?;
    let rows = query.query_map(params_from_iter(&which.values), |r| {
        let stamp = Stamp { event: r.get(1)?, whole: r.get(2)?, look: r.get(3)?, order: r.get(4)? };
        Ok((r.get(0)?, stamp))
    })?;
    Ok(rows.collect::<session::Result<_>>()?)
}
