//! Cycles and notes: small rows about the daemon's own doings, none of them money.
use crate::ledger::session::{Connection, OptionalExtension, Transaction, params};
use jiff::{SignedDuration, Timestamp};

use super::Fault;
use crate::domain::Moment;
use crate::ledger::sqlite::column::{get_moment, get_opt_instant, instant};
use crate::ledger::{CycleRecord, CycleSummary};

/// What is no money is kept this long: cycles that no payment refers to, closed alerts, delivered mail.
pub(super) const KEEP: SignedDuration = SignedDuration::from_hours(90 * 24);

/// A lease that left its list is known for so long: more than a year, so that one that ends once a year is seen to have been there.
const GONE: SignedDuration = SignedDuration::from_hours(400 * 24);

/// The instant before which such rows go.
pub(super) fn horizon(at: Timestamp) -> String {
    instant(at.checked_sub(KEEP).unwrap_or(Timestamp::MIN))
}

pub(super) fn start(tx: &Transaction<'_>, at: &Moment) -> Result<i64, Fault> {
    tx.prepare_cached("INSERT INTO cycle (started_at, started_boot, started_ms) VALUES (?1, ?2, ?3)")?
        .execute(params![instant(at.wall), at.boot_id, at.boot_ms])?;
    let cycle = tx.last_insert_rowid()?;
    // The new one stays whatever the clock says.
    tx.prepare_cached(
        "DELETE FROM cycle WHERE started_at < ?1 AND id <> ?2
           AND NOT EXISTS (SELECT 1 FROM intent WHERE intent.cycle = cycle.id)",
    )?
    .execute(params![horizon(at.wall), cycle])?;
    // Payments keep their own names of what they were for.
    tx.prepare_cached(
        "DELETE FROM lease WHERE account IN (SELECT a.account FROM account a) AND gone_at IS NOT NULL AND gone_at < ?1",
    )?
    .execute([instant(at.wall.checked_sub(GONE).unwrap_or(Timestamp::MIN))])?;
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
        let n = |c: &'static str| r.get::<_, i64>(c).map(|v| u64::try_from(v).unwrap_or_default());
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
