//! Open alerts and the outbox. A crash after the commit repeats a mail at worst; it never loses one.
use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::Fault;
use super::cycles::horizon;
use super::text::{get_instant, get_word, instant};
use crate::domain::{AccountName, AlertKey, Severity};
use crate::ledger::{AlertChange, OpenAlert, OutboxMail, QueuedMail};

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
        queue(tx, mail, at)?;
    }
    let old = horizon(at);
    tx.prepare_cached("DELETE FROM alert WHERE closed_at < ?1")?.execute([&old])?;
    tx.prepare_cached("DELETE FROM outbox WHERE delivered_at IS NOT NULL AND delivered_at < ?1")?
        .execute([&old])?;
    Ok(())
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

/// Recipients are kept one a line: no address holds a newline.
fn queue(tx: &Transaction<'_>, m: &QueuedMail, at: Timestamp) -> Result<(), Fault> {
    tx.prepare_cached(
        "INSERT INTO outbox (key, recipients, subject, text, html, message_id, in_reply_to, queued_at, next_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
    )?
    .execute(params![
        m.key.as_str(),
        m.to.join("\n"),
        m.subject,
        m.text,
        m.html,
        m.message_id,
        m.in_reply_to,
        instant(at)
    ])?;
    Ok(())
}

/// Undelivered mails, oldest first.
pub(super) fn outbox(c: &Connection, due: Option<Timestamp>) -> Result<Vec<OutboxMail>, Fault> {
    let mut query = c.prepare_cached(
        "SELECT * FROM outbox WHERE delivered_at IS NULL AND (?1 IS NULL OR next_at <= ?1) ORDER BY id",
    )?;
    let rows = query.query_map([due.map(instant)], |r| {
        Ok(OutboxMail {
            id: r.get("id")?,
            mail: QueuedMail {
                key: AlertKey::stored(r.get("key")?),
                to: r.get::<_, String>("recipients")?.lines().map(str::to_owned).collect(),
                subject: r.get("subject")?,
                text: r.get("text")?,
                html: r.get("html")?,
                message_id: r.get("message_id")?,
                in_reply_to: r.get("in_reply_to")?,
            },
            queued_at: get_instant(r, "queued_at")?,
            attempts: r.get("attempts")?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn delivered(tx: &Transaction<'_>, id: i64, at: Timestamp) -> Result<(), Fault> {
    let done = tx
        .prepare_cached(
            "UPDATE outbox SET delivered_at = ?2, tried_at = ?2, last_error = NULL WHERE id = ?1",
        )?
        .execute(params![id, instant(at)])?;
    there(done, id)
}

pub(super) fn failed(
    tx: &Transaction<'_>,
    id: i64,
    at: Timestamp,
    next_at: Timestamp,
    error: &str,
) -> Result<(), Fault> {
    let done = tx
        .prepare_cached(
            "UPDATE outbox SET attempts = attempts + 1, tried_at = ?2, next_at = ?3, last_error = ?4 WHERE id = ?1",
        )?
        .execute(params![id, instant(at), instant(next_at), error])?;
    there(done, id)
}

fn there(rows: usize, id: i64) -> Result<(), Fault> {
    if rows == 1 { Ok(()) } else { Err(Fault::Nonsense(format!("mail {id} is not in the outbox"))) }
}
