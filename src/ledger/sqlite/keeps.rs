//! Leases that an operator keeps. A row is ended, never changed; those that ended long ago go.
//!
//! A crash leaves a keep said, or not; the command says that it holds only after the commit.
use crate::ledger::session::{self, Connection, Row, Transaction, params};
use jiff::{SignedDuration, Timestamp};

use super::{Fault, SqliteLedger};
use crate::domain::{AccountName, LeaseId, LeaseName, OrderId};
use crate::ledger::sqlite::column::{get_instant, get_opt_word, instant};
use crate::ledger::{Keeping, LedgerError};
use crate::policy::Keep;

/// So long it can be asked who kept what.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24 * 400);

impl Keeping for SqliteLedger {
    fn keep(&self, keeps: &[Keep], at: Timestamp) -> Result<Vec<Keep>, LedgerError> {
        self.write(|tx| keep(tx, keeps, at))
    }

    fn end_keeps(&self, keeps: &[Keep], at: Timestamp) -> Result<(), LedgerError> {
        self.write(|tx| end(tx, &|known| keeps.contains(known), at).map(drop))
    }

    fn keeps(&self) -> Result<Vec<Keep>, LedgerError> {
        self.read(all)
    }
}

/// Writes these. What was said of the same leases before is over, and is given back.
fn keep(tx: &Transaction<'_>, keeps: &[Keep], at: Timestamp) -> Result<Vec<Keep>, Fault> {
    let replaced = end(tx, &|known| keeps.iter().any(|keep| is_one(keep, known)), at)?;
    let mut insert = tx.prepare_cached(
        "INSERT INTO keep (account, lease, order_id, ip, port, policy, since, said_by, until)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for keep in keeps {
        insert.execute(params![
            keep.account.as_str(),
            keep.lease.id.as_str(),
            keep.lease.order.as_str(),
            keep.lease.ip,
            keep.lease.port,
            keep.like,
            instant(keep.since),
            keep.by,
            keep.until.map(|day| day.to_string()),
        ])?;
    }
    let old = at.checked_sub(REMEMBERED).unwrap_or(Timestamp::MIN);
    tx.execute("DELETE FROM keep WHERE ended_at < ?1", [instant(old)])?;
    Ok(replaced)
}

/// Ends those that are in force and meant; gives them back.
fn end(tx: &Transaction<'_>, meant: &dyn Fn(&Keep) -> bool, at: Timestamp) -> Result<Vec<Keep>, Fault> {
    let mut ended = Vec::new();
    for (id, keep) in rows(tx)? {
        if meant(&keep) {
            tx.execute("UPDATE keep SET ended_at = ?2 WHERE id = ?1", params![id, instant(at)])?;
            ended.push(keep);
        }
    }
    Ok(ended)
}

/// Those in force, oldest first.
fn all(c: &Connection) -> Result<Vec<Keep>, Fault> {
    Ok(rows(c)?.into_iter().map(|(_, keep)| keep).collect())
}

/// Both are of one lease.
fn is_one(a: &Keep, b: &Keep) -> bool {
    a.account == b.account && a.lease.is_same_lease(&b.lease)
}

fn rows(c: &Connection) -> Result<Vec<(i64, Keep)>, Fault> {
    let mut query = c.prepare_cached("SELECT * FROM keep WHERE ended_at IS NULL ORDER BY since, id")?;
    let rows = query.query_map([], |r| Ok((r.get("id")?, record(r)?)))?;
    Ok(rows.collect::<session::Result<_>>()?)
}

fn record(r: &Row<'_>) -> session::Result<Keep> {
    let text = |column: &'static str| r.get::<_, String>(column);
    Ok(Keep {
        account: AccountName::new(text("account")?),
        lease: LeaseName {
            id: LeaseId::new(text("lease")?),
            order: OrderId::new(text("order_id")?),
            ip: text("ip")?,
            port: r.get("port")?,
        },
        like: text("policy")?,
        since: get_instant(r, "since")?,
        by: r.get("said_by")?,
        until: get_opt_word(r, "until", |day| day.parse().ok())?,
    })
}
