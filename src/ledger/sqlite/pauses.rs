//! Pauses: the operator's brake, one row for each account and one for all.
//!
//! A pause whose time is over keeps its row until it is said again or resumed: where a clock was wrong and is put right, it holds again.
//! A crash leaves a pause said, or not; the command says that it holds only after the commit.
use crate::ledger::session::{self, Connection, OptionalExtension, Row, Transaction, params};
use jiff::Timestamp;

use super::Fault;
use crate::domain::{AccountName, Moment};
use crate::ledger::PauseRecord;
use crate::ledger::sqlite::column::{get_instant, get_opt_moment, instant};

/// Everything.
pub(super) const ALL: &str = "*";

/// The row's name of what is paused.
pub(super) fn name(pause: &PauseRecord) -> &str {
    pause.account.as_ref().map_or(ALL, AccountName::as_str)
}

/// What it replaces, if that was in force. Spending has been paused since that began.
pub(super) fn pause(
    tx: &Transaction<'_>,
    pause: &PauseRecord,
    now: &Moment,
) -> Result<Option<PauseRecord>, Fault> {
    let before = tx
        .prepare_cached("SELECT * FROM pause WHERE account = ?1")?
        .query_row([name(pause)], record)
        .optional()?
        .filter(|before| before.holds(now));
    write(tx, pause, before.as_ref().map_or(pause.since, |before| before.since))?;
    Ok(before)
}

fn write(tx: &Connection, pause: &PauseRecord, since: Timestamp) -> Result<(), Fault> {
    let until = pause.until.as_ref();
    tx.prepare_cached(
        "INSERT INTO pause (account, since, said_by, note, until, until_boot, until_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (account) DO UPDATE SET since = excluded.since, said_by = excluded.said_by, note = excluded.note,
           until = excluded.until, until_boot = excluded.until_boot, until_ms = excluded.until_ms",
    )?
    .execute(params![
        name(pause),
        instant(since),
        pause.by,
        pause.note,
        until.map(|u| instant(u.wall)),
        until.map(|u| &u.boot_id),
        until.map(|u| u.boot_ms)
    ])?;
    Ok(())
}

/// Takes over a pause from before there was a ledger. One that is there stays as it is, unless it would end earlier.
pub(super) fn adopt(c: &Connection, pause: &PauseRecord) -> Result<(), Fault> {
    let known: bool = c.query_row(
        "SELECT EXISTS (SELECT 1 FROM pause WHERE account = ?1 AND (until IS NULL OR ?2))",
        params![name(pause), pause.until.is_some()],
        |r| r.get(0),
    )?;
    if known { Ok(()) } else { write(c, pause, pause.since) }
}

/// `resume` without an account ends every pause, also those of single accounts.
pub(super) fn resume(tx: &Transaction<'_>, account: Option<&AccountName>) -> Result<(), Fault> {
    let name = account.map_or(ALL, AccountName::as_str);
    tx.execute("DELETE FROM pause WHERE account = ?1 OR ?1 = ?2", [name, ALL])?;
    Ok(())
}

/// Every row, over or not.
pub(super) fn all(c: &Connection) -> Result<Vec<PauseRecord>, Fault> {
    let mut query = c.prepare_cached("SELECT * FROM pause ORDER BY account")?;
    let rows = query.query_map([], record)?;
    Ok(rows.collect::<session::Result<_>>()?)
}

pub(super) fn in_force(c: &Connection, now: &Moment) -> Result<Vec<PauseRecord>, Fault> {
    Ok(all(c)?.into_iter().filter(|pause| pause.holds(now)).collect())
}

fn record(r: &Row<'_>) -> session::Result<PauseRecord> {
    let account: String = r.get("account")?;
    Ok(PauseRecord {
        account: (account != ALL).then(|| AccountName::new(account)),
        since: get_instant(r, "since")?,
        by: r.get("said_by")?,
        note: r.get("note")?,
        until: get_opt_moment(r, ["until", "until_boot", "until_ms"])?,
    })
}
