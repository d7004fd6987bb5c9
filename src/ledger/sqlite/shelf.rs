//! Payments as they were last read, so that a long history is not read again by every pass.
//!
//! A payment's rows are only ever added to, which triggers enforce: while the last of each kind is the same, so is the payment,
//! whichever process wrote. The file is asked in every listing for which payments there are and for their last rows; a copy that
//! is not exactly as new is read again. A debug build holds every listing against the file.
//!
//! A crash forgets the copies and loses nothing. What a write did shows only once it is committed: no write looks here.
use std::collections::HashMap;

use rusqlite::{Connection, params_from_iter};

use super::Fault;
use super::history::{Which, fetch};
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
pub(super) struct Shelf(HashMap<i64, (Stamp, IntentRecord)>);

impl Shelf {
    /// Payments, newest first; `c` is in a snapshot.
    pub(super) fn list(&mut self, c: &Connection, filter: &IntentFilter) -> Result<Vec<IntentRecord>, Fault> {
        let which = Which::of(filter);
        let stamps = stamps(c, &which)?;
        if stamps.len() > MOST {
            return fetch(c, &which);
        }
        let stale: Vec<(i64, Stamp)> = stamps.iter().filter(|s| !self.is_fresh(s)).copied().collect();
        if self.0.len() + stale.len() > MOST {
            self.0.clear();
            return self.list(c, filter);
        }
        if stale.len() > stamps.len() / 2 {
            for ((number, stamp), record) in stamps.iter().zip(fetch(c, &which)?) {
                self.0.insert(*number, (*stamp, record));
            }
        } else {
            for (number, stamp) in stale {
                for record in fetch(c, &Which::numbered(number))? {
                    self.0.insert(number, (stamp, record));
                }
            }
        }
        let found: Vec<IntentRecord> =
            stamps.iter().filter_map(|(number, _)| self.0.get(number)).map(|(_, r)| r.clone()).collect();
        #[cfg(debug_assertions)]
        assert!(
            found == fetch(c, &which)?,
            "a copy of a payment is not what the file says; please report it"
        );
        Ok(found)
    }

    fn is_fresh(&self, (number, stamp): &(i64, Stamp)) -> bool {
        self.0.get(number).is_some_and(|(kept, _)| kept == stamp)
    }
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
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
