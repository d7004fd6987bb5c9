//! All payments of a ledger that holds few: most hold some hundred, and a pass asks for them two dozen times.
//!
//! Which of them changed is told by the chain: every row of a payment has a link, written in its transaction, so the newest link is the
//! same only while no payment has changed, whichever process wrote. What else is read with a payment, the names of accounts and what was
//! noted of failovers, is compared in every listing. A crash forgets it all and loses nothing.
use std::cmp::Reverse;

use super::column::count;
use super::history::{Which, fetch};
use super::{Fault, cycles};
use crate::domain::{IntentId, State};
use crate::ledger::session::{self, Connection, Params, params};
use crate::ledger::{IntentFilter, IntentRecord};

/// So many payments are kept whole. All of them are read by whoever asks for some: it must be no more than a moment's work.
const FEW: usize = 512;

/// What was noted of the one failover that payments of a file can be of (`history`).
const FAILOVER: &str = "failover:1";

/// As it was when the payments were read.
#[derive(Debug, PartialEq, Eq)]
struct Around {
    failover: Option<String>,
    accounts: Vec<String>,
}

/// The payments with their numbers in the file, newest first.
#[derive(Debug, Default)]
pub(super) struct Whole {
    /// There are more than a few: none goes, so that stays.
    many: bool,
    around: Option<Around>,
    links: i64,
    payments: Vec<(i64, IntentRecord)>,
}

impl Whole {
    /// Payments, newest first; `c` is in a snapshot. `None`: there are too many, or they are on a server, where each listing is a way to
    /// it and back whatever is known here.
    pub(super) fn list(
        &mut self,
        c: &Connection,
        filter: &IntentFilter,
    ) -> Result<Option<Vec<IntentRecord>>, Fault> {
        if self.many || c.is_far() {
            return Ok(None);
        }
        let around = Around { failover: cycles::noted(c, FAILOVER)?, accounts: accounts(c)? };
        let links = newest_link(c)?;
        if self.around.as_ref() != Some(&around) || links < self.links {
            if !self.read(c)? {
                return Ok(None);
            }
            self.around = Some(around);
        } else if links > self.links {
            self.renew(c)?;
            if self.payments.len() > FEW {
                *self = Self { many: true, ..Self::default() };
                return Ok(None);
            }
        }
        self.links = links;
        let found = self.payments.iter().map(|(_, record)| record).filter(|r| is_one(r, filter));
        Ok(Some(found.cloned().collect()))
    }

    /// Reads them all, unless they are many.
    fn read(&mut self, c: &Connection) -> Result<bool, Fault> {
        (self.around, self.payments) = (None, Vec::new());
        // Their numbers only grow.
        let newest: i64 = c.query_row("SELECT coalesce(max(id), 0) FROM intent", params![], |r| r.get(0))?;
        self.many = newest > count(FEW);
        if !self.many {
            let all = numbers(c, "SELECT id FROM intent ORDER BY created_at DESC, id DESC", params![])?;
            let every = Which { sql: "h.intent > 0".to_owned(), values: Vec::new() };
            self.payments = all.into_iter().zip(fetch(c, &every)?).collect();
        }
        Ok(!self.many)
    }

    /// Reads what has new links again, and its parts: what was said of a payment is true of them.
    fn renew(&mut self, c: &Connection) -> Result<(), Fault> {
        let changed =
            numbers(c, "SELECT DISTINCT intent FROM payment_link WHERE n > ?1", params![self.links])?;
        let known = || self.payments.iter().map(|(number, record)| (number, record));
        let wholes: Vec<&IntentId> =
            known().filter(|(n, _)| changed.contains(n)).map(|(_, r)| &r.id).collect();
        let is_part = |r: &IntentRecord| r.parent.as_ref().is_some_and(|whole| wholes.contains(&whole));
        let parts = known().filter(|(n, r)| is_part(r) && !changed.contains(n)).map(|(n, _)| *n);
        let stale: Vec<i64> = parts.chain(changed.iter().copied()).collect();
        for number in stale {
            for record in fetch(c, &Which::numbered(number))? {
                match self.payments.iter_mut().find(|(n, _)| *n == number) {
                    Some((_, known)) => *known = record,
                    None => self.payments.push((number, record)),
                }
            }
        }
        self.payments.sort_by_key(|(number, record)| (Reverse(record.created_at.wall), Reverse(*number)));
        Ok(())
    }
}

/// What [`Which::of`] says in SQL.
fn is_one(record: &IntentRecord, filter: &IntentFilter) -> bool {
    let state = match filter.states.as_slice() {
        [] => record.state != State::Split,
        states => states.contains(&record.state),
    };
    let spent = record.spend_started_at.as_ref();
    state
        && filter.since.is_none_or(|since| record.created_at.wall >= since)
        && filter.account.as_ref().is_none_or(|account| &record.request.account == account)
        && filter.spend_since.as_ref().is_none_or(|since| spent.is_some_and(|at| at.is_since(since)))
}

fn newest_link(c: &Connection) -> Result<i64, Fault> {
    Ok(c.query_row("SELECT coalesce(max(n), 0) FROM payment_link", params![], |r| r.get(0))?)
}

/// What accounts are called: payments are listed under that.
fn accounts(c: &Connection) -> Result<Vec<String>, Fault> {
    let mut query = c.prepare_cached("SELECT name FROM account_number ORDER BY number")?;
    Ok(query.query_map([], |r| r.get(0))?.collect::<session::Result<_>>()?)
}

fn numbers(c: &Connection, sql: &str, params: impl Params) -> Result<Vec<i64>, Fault> {
    Ok(c.prepare_cached(sql)?.query_map(params, |r| r.get(0))?.collect::<session::Result<_>>()?)
}
