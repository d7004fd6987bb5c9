//! What was told and what was kept back: the log of alerts, and operators' silences.
use crate::ledger::session::{self, Connection, Transaction, params};
use jiff::Timestamp;

use super::Fault;
use crate::domain::{AccountName, AlertKey, KeyPattern, Occasion, Severity};
use crate::ledger::sqlite::column::{get_instant, get_word, instant};
use crate::ledger::{How, Silence, Telling};

pub(super) fn log(tx: &Transaction<'_>, t: &Telling) -> Result<(), Fault> {
    tx.prepare_cached(
        "INSERT INTO alert_log (at, key, account, severity, occasion, how, title) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        instant(t.at),
        t.key.as_str(),
        t.account.as_ref().map(AccountName::as_str),
        t.severity.as_str(),
        t.occasion.as_str(),
        t.how.as_str(),
        t.title
    ])?;
    Ok(())
}

/// Oldest first.
pub(super) fn tellings(c: &Connection, since: Timestamp) -> Result<Vec<Telling>, Fault> {
    let mut query = c.prepare_cached("SELECT * FROM alert_log WHERE at >= ?1 ORDER BY at, id")?;
    let rows = query.query_map([instant(since)], |r| {
        Ok(Telling {
            at: get_instant(r, "at")?,
            key: AlertKey::stored(r.get("key")?),
            account: r.get::<_, Option<String>>("account")?.map(AccountName::new),
            severity: get_word(r, "severity", Severity::parse)?,
            occasion: get_word(r, "occasion", Occasion::parse)?,
            how: get_word(r, "how", How::parse)?,
            title: r.get("title")?,
        })
    })?;
    Ok(rows.collect::<session::Result<_>>()?)
}

/// A silence that is over goes; the newest word on a key stands.
pub(super) fn set(
    tx: &Transaction<'_>,
    key: &KeyPattern,
    until: Timestamp,
    at: Timestamp,
) -> Result<(), Fault> {
    tx.execute("DELETE FROM silence WHERE key = ?1 OR until <= ?2", params![key.as_str(), instant(at)])?;
    if until > at {
        tx.execute(
            "INSERT INTO silence (key, since, until) VALUES (?1, ?2, ?3)",
            params![key.as_str(), instant(at), instant(until)],
        )?;
    }
    Ok(())
}

/// Those that hold at `at`, by key.
pub(super) fn silences(c: &Connection, at: Timestamp) -> Result<Vec<Silence>, Fault> {
    let mut query = c.prepare_cached("SELECT * FROM silence WHERE until > ?1 ORDER BY key")?;
    let rows = query.query_map([instant(at)], |r| {
        Ok(Silence {
            key: KeyPattern::stored(r.get("key")?),
            since: get_instant(r, "since")?,
            until: get_instant(r, "until")?,
        })
    })?;
    Ok(rows.collect::<session::Result<_>>()?)
}
