//! The newest price asked for each lease. A crash loses at most what the next cycle asks again.
use std::collections::HashMap;

use crate::ledger::session::{self, Connection, Transaction, params};
use jiff::Timestamp;

use super::Fault;
use super::cycles::horizon;
use crate::domain::{AccountName, Currency, LeaseId};
use crate::ledger::SeenQuote;
use crate::ledger::sqlite::column::{get_instant, get_money, instant};

/// Keeps these, each in the place of an older one; what is too old to say anything goes.
pub(super) fn record(tx: &Transaction<'_>, at: Timestamp, quotes: &[SeenQuote]) -> Result<(), Fault> {
    let mut put = tx.many(
        "INSERT INTO quote_seen (account, lease, amount, currency, period_days, term_end, seen_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (account, lease) DO UPDATE SET amount = excluded.amount, currency = excluded.currency,
           period_days = excluded.period_days, term_end = excluded.term_end, seen_at = excluded.seen_at",
    )?;
    for q in quotes {
        put.add(params![
            q.account.as_str(),
            q.lease.as_str(),
            q.amount.to_string(),
            q.currency.as_str(),
            q.period_days,
            instant(q.term_end),
            instant(q.seen_at)
        ])?;
    }
    put.end()?;
    tx.prepare_cached("DELETE FROM quote_seen WHERE seen_at < ?1")?.execute([horizon(at)])?;
    Ok(())
}

/// What was asked for the leases of an account.
pub(super) fn of(c: &Connection, account: &AccountName) -> Result<HashMap<LeaseId, SeenQuote>, Fault> {
    let mut query = c.prepare_cached("SELECT * FROM quote_seen WHERE account = ?1")?;
    let rows = query.query_map([account.as_str()], |r| {
        let lease = LeaseId::new(r.get::<_, String>("lease")?);
        let quote = SeenQuote {
            account: account.clone(),
            lease: lease.clone(),
            amount: get_money(r, "amount")?,
            currency: Currency::new(r.get::<_, String>("currency")?),
            period_days: r.get("period_days")?,
            term_end: get_instant(r, "term_end")?,
            seen_at: get_instant(r, "seen_at")?,
        };
        Ok((lease, quote))
    })?;
    Ok(rows.collect::<session::Result<_>>()?)
}
