//! The window of requests on a server: one for each account, over all machines. A file keeps none: `requests.db` beside it is this machine's.
//!
//! A crash here loses what was not committed, one minute's memory at most.
use super::Fault;
use crate::ledger::session::{Transaction, params};
use crate::record::{RequestRow, RequestTurn};

/// As long as a request counts, and a little.
const KEPT_MS: i64 = 61_000;

/// One turn. Writers of a ledger take turns anyway; that nobody waits for a disk is said to the server.
pub(super) fn turn(
    tx: &Transaction<'_>,
    account: &str,
    work: &mut dyn FnMut(&[RequestRow], i64) -> RequestTurn,
) -> Result<(), Fault> {
    let now: i64 = tx.query_row(
        "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint) FROM (SELECT set_config('synchronous_commit', 'off', true)) AS quick",
        params![],
        |r| r.get(0),
    )?;
    tx.execute(
        "DELETE FROM request WHERE account = ?1 AND (at_ms < ?2 OR at_ms > ?3)",
        (account, now - KEPT_MS, now),
    )?;
    let mut rows = Vec::new();
    {
        let mut find =
            tx.prepare_cached("SELECT at_ms, money, held FROM request WHERE account = ?1 ORDER BY at_ms")?;
        let mut found = find.query([account])?;
        while let Some(row) = found.next()? {
            let (money, held): (i64, i64) = (row.get(1)?, row.get(2)?);
            rows.push(RequestRow { at_ms: row.get(0)?, money: money != 0, held: held != 0 });
        }
    }
    let turn = work(&rows, now);
    if turn.drop_held {
        tx.execute(
            "DELETE FROM request WHERE ctid = (SELECT ctid FROM request WHERE account = ?1 AND held = 1 ORDER BY at_ms LIMIT 1)",
            [account],
        )?;
    }
    for row in turn.add {
        tx.execute(
            "INSERT INTO request (account, at_ms, money, held) VALUES (?1, ?2, ?3, ?4)",
            (account, row.at_ms, i64::from(row.money), i64::from(row.held)),
        )?;
    }
    Ok(())
}
