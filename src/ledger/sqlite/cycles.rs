//! Cycles, decisions, notes and pauses: small rows about the daemon's own doings, none of them money.
use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::Fault;
use super::text::{get_instant, get_moment, get_opt_instant, instant};
use crate::domain::{AccountName, Moment};
use crate::ledger::{CycleRecord, CycleSummary, DecisionRow, PauseRecord};

/// What is no money is kept this long: cycles that no payment refers to, closed alerts, delivered mail.
pub(super) const KEEP: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Everything.
const ALL: &str = "*";

/// The instant before which such rows go.
pub(super) fn horizon(at: Timestamp) -> String {
    instant(at.checked_sub(KEEP).unwrap_or(Timestamp::MIN))
}

pub(super) fn start(tx: &Transaction<'_>, at: &Moment) -> Result<i64, Fault> {
    tx.prepare_cached("INSERT INTO cycle (started_at, started_boot, started_ms) VALUES (?1, ?2, ?3)")?
        .execute(params![instant(at.wall), at.boot_id, at.boot_ms])?;
    let cycle = tx.last_insert_rowid();
    // The new one stays whatever the clock says.
    tx.prepare_cached(
        "DELETE FROM cycle WHERE started_at < ?1 AND id <> ?2
           AND NOT EXISTS (SELECT 1 FROM intent WHERE intent.cycle = cycle.id)",
    )?
    .execute(params![horizon(at.wall), cycle])?;
    Ok(cycle)
}

pub(super) fn end(tx: &Transaction<'_>, cycle: i64, at: &Moment, s: &CycleSummary) -> Result<(), Fault> {
    let n = |v: u64| i64::try_from(v).unwrap_or(i64::MAX);
    tx.prepare_cached(
        "UPDATE cycle SET ended_at = ?2, outcome = ?3, paid = ?4, held = ?5, unknown = ?6 WHERE id = ?1",
    )?
    .execute(params![cycle, instant(at.wall), s.outcome, n(s.paid), n(s.held), n(s.unknown)])?;
    Ok(())
}

pub(super) fn last(c: &Connection) -> Result<Option<CycleRecord>, Fault> {
    let mut query = c.prepare_cached("SELECT * FROM cycle ORDER BY id DESC LIMIT 1")?;
    let record = query.query_row([], |r| {
        let n = |c: &str| r.get::<_, i64>(c).map(|v| u64::try_from(v).unwrap_or_default());
        let summary = CycleSummary {
            outcome: r.get("outcome")?,
            paid: n("paid")?,
            held: n("held")?,
            unknown: n("unknown")?,
        };
        Ok(CycleRecord {
            id: r.get("id")?,
            started_at: get_moment(r, ["started_at", "started_boot", "started_ms"])?,
            ended_at: get_opt_instant(r, "ended_at")?,
            summary,
        })
    });
    Ok(record.optional()?)
}

/// One row per lease, rewritten when its decision, reason word or policy changes. `rows` is the whole picture: a lease
/// that is not in it is decided no more.
pub(super) fn decide(
    tx: &Transaction<'_>,
    cycle: i64,
    at: Timestamp,
    rows: &[DecisionRow],
) -> Result<(), Fault> {
    type Key = (String, String);
    type Said = (String, String, Option<String>);
    let mut stored: HashMap<Key, Said> = tx
        .prepare_cached("SELECT account, lease, decision, word, policy FROM decision")?
        .query_map([], |r| Ok(((r.get(0)?, r.get(1)?), (r.get(2)?, r.get(3)?, r.get(4)?))))?
        .collect::<rusqlite::Result<_>>()?;
    let mut put = tx.prepare_cached(
        "INSERT INTO decision (account, lease, ip, kind, decision, word, reason, policy, changed_at, cycle)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (account, lease) DO UPDATE SET ip = excluded.ip, kind = excluded.kind, decision = excluded.decision,
           word = excluded.word, reason = excluded.reason, policy = excluded.policy, changed_at = excluded.changed_at,
           cycle = excluded.cycle",
    )?;
    for d in rows {
        let was = stored.remove(&(d.account.to_string(), d.lease.to_string()));
        if was.is_some_and(|(decision, word, policy)| {
            decision == d.decision && word == d.word && policy == d.policy
        }) {
            continue;
        }
        put.execute(params![
            d.account.as_str(),
            d.lease.as_str(),
            d.ip,
            d.kind.as_str(),
            d.decision,
            d.word,
            d.reason,
            d.policy,
            instant(at),
            cycle
        ])?;
    }
    let mut gone = tx.prepare_cached("DELETE FROM decision WHERE account = ?1 AND lease = ?2")?;
    for (account, lease) in stored.into_keys() {
        gone.execute([account, lease])?;
    }
    Ok(())
}

pub(super) fn note(tx: &Transaction<'_>, key: &str, value: &str) -> Result<(), Fault> {
    tx.prepare_cached("INSERT INTO note (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value")?
        .execute([key, value])?;
    Ok(())
}

pub(super) fn noted(c: &Connection, key: &str) -> Result<Option<String>, Fault> {
    Ok(c.prepare_cached("SELECT value FROM note WHERE key = ?1")?
        .query_row([key], |r| r.get(0))
        .optional()?)
}

/// `resume` without an account ends every pause, also those of single accounts.
pub(super) fn set_paused(
    tx: &Transaction<'_>,
    account: Option<&AccountName>,
    paused: bool,
    at: Timestamp,
) -> Result<(), Fault> {
    let name = account.map_or(ALL, AccountName::as_str);
    if paused {
        tx.execute(
            "INSERT INTO pause (account, since) VALUES (?1, ?2) ON CONFLICT (account) DO NOTHING",
            params![name, instant(at)],
        )?;
    } else {
        tx.execute("DELETE FROM pause WHERE account = ?1 OR ?1 = ?2", [name, ALL])?;
    }
    Ok(())
}

pub(super) fn paused(c: &Connection) -> Result<Vec<PauseRecord>, Fault> {
    let mut query = c.prepare_cached("SELECT account, since FROM pause ORDER BY account")?;
    let rows = query.query_map([], |r| {
        let account: String = r.get("account")?;
        let account = (account != ALL).then(|| AccountName::new(account));
        Ok(PauseRecord { account, since: get_instant(r, "since")? })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
