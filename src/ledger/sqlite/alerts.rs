//! Open alerts. Not responsible for what becomes of their mails (`outbox`), only for storing both together.
use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::cycles::horizon;
use super::text::{get_instant, get_word, instant};
use super::{Fault, outbox};
use crate::domain::{AccountName, AlertKey, Severity};
use crate::ledger::{AlertChange, OpenAlert, QueuedMail};

pub(super) fn open(c: &Connection) -> Result<Vec<OpenAlert>, Fault> {
    let mut query = c.prepare_cached("SELECT * FROM alert WHERE closed_at IS NULL ORDER BY key")?;
    let rows = query.query_map([], |r| {
        Ok(OpenAlert {
            key: AlertKey::stored(r.get("key")?),
            severity: get_word(r, "severity", Severity::parse)?,
            account: r.get::<_, Option<String>>("account")?.map(AccountName::new),
            since: get_instant(r, "since")?,
            told_at: get_instant(r, "told_at")?,
            title: r.get("title")?,
            text: r.get("text")?,
            once: r.get("once")?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Changes and mails together: an alert is never marked told without its mail in the outbox.
pub(super) fn apply(
    tx: &Transaction<'_>,
    changes: &[AlertChange],
    mails: &[QueuedMail],
    at: Timestamp,
) -> Result<(), Fault> {
    for change in changes {
        match change {
            AlertChange::Tell(alert) => put(tx, alert, at)?,
            AlertChange::Keep(alert) => put(tx, alert, alert.told_at)?,
            AlertChange::Close(key) => {
                tx.prepare_cached("UPDATE alert SET closed_at = ?2 WHERE key = ?1 AND closed_at IS NULL")?
                    .execute(params![key.as_str(), instant(at)])?;
            }
        }
    }
    for mail in mails {
        outbox::queue(tx, mail, at)?;
    }
    let old = horizon(at);
    tx.prepare_cached("DELETE FROM alert WHERE closed_at < ?1")?.execute([&old])?;
    outbox::forget(tx, &old)
}

fn put(tx: &Transaction<'_>, a: &OpenAlert, told_at: Timestamp) -> Result<(), Fault> {
    tx.prepare_cached(
        "INSERT INTO alert (key, severity, account, since, told_at, title, text, once) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (key) DO UPDATE SET severity = excluded.severity, account = excluded.account, since = excluded.since,
           told_at = excluded.told_at, title = excluded.title, text = excluded.text, once = excluded.once, closed_at = NULL",
    )?
    .execute(params![
        a.key.as_str(),
        a.severity.as_str(),
        a.account.as_ref().map(AccountName::as_str),
        instant(a.since),
        instant(told_at),
        a.title,
        a.text,
        a.once
    ])?;
    Ok(())
}
