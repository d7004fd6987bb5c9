//! What the leases of an account last cost: one walk through its confirmed payments, newest first, or a look-up for each lease where there
//! are few of them. Reads only.
use crate::ledger::session::{self, Connection, OptionalExtension, Row, params};

use super::column::{get_count, get_money};
use super::{Fault, history};
use crate::domain::{AccountName, Currency};
use crate::ledger::{LastPrice, LastPrices, PaidLease};

/// A payment of several leases gives each its share.
pub(super) const PAID: &str = "SELECT l.lease, l.order_id, l.ip, l.port, l.seq, i.period_days, i.currency,
      coalesce(h.charged, i.quoted) AS amount,
      (SELECT count(*) FROM intent_lease x WHERE x.intent = i.id) AS sharers
    FROM intent_head h CROSS JOIN intent i ON i.id = h.intent CROSS JOIN intent_lease l ON l.intent = i.id
    WHERE h.account = ?1 AND h.state = 'confirmed'
    ORDER BY h.spend_at DESC, i.id DESC";

/// A few leases with a long history are looked up one by one: so many look-ups take as long as a walk through all payments.
const LOOK_UPS: i64 = 4;

pub(super) fn last(c: &Connection, account: &AccountName) -> Result<LastPrices, Fault> {
    let leases: i64 = c
        .prepare_cached("SELECT leases FROM account WHERE account = ?1")?
        .query_row([account.as_str()], |r| r.get(0))
        .optional()?
        .unwrap_or(0);
    let most = leases.saturating_mul(LOOK_UPS);
    let payments: i64 = c
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM intent_head WHERE account = ?1 AND state = 'confirmed' LIMIT ?2) AS counted",
        )?
        .query_row(params![account.as_str(), most.saturating_add(1)], |r| r.get(0))?;
    if payments > most && !c.is_far() {
        return Ok(LastPrices::of_leases(history::last_prices(c, account)?));
    }
    let mut query = c.prepare_cached(PAID)?;
    let rows = query.query_map([account.as_str()], paid)?;
    Ok(rows.collect::<session::Result<_>>()?)
}

fn paid(row: &Row<'_>) -> session::Result<PaidLease> {
    let shares = get_money(row, "amount")?.shares(get_count(row, "sharers")?);
    let amount = shares.get(get_count(row, "seq")?).copied();
    let currency = Currency::new(row.get::<_, String>("currency")?);
    let period_days = row.get("period_days")?;
    Ok(PaidLease {
        lease: row.get("lease")?,
        order: row.get("order_id")?,
        ip: row.get("ip")?,
        port: row.get("port")?,
        price: amount.map(|amount| LastPrice { amount, period_days, currency }),
    })
}
