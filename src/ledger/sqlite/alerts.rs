//! Open alerts and the outbox. A crash after the commit repeats a mail at worst; it never loses one.
use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::Fault;
use super::rows::{get_instant, get_word, instant};
use crate::domain::{AccountName, AlertKey, Severity};
use crate::ledger::{AlertChange, OpenAlert, OutboxMail, QueuedMail};

pub(super) fn open(connection: &Connection) -> rusqlite::Result<Vec<OpenAlert>> {
    connection
        .prepare_cached("SELECT * FROM alert WHERE closed_at IS NULL ORDER BY key")?
        .query_map([], |r| {
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
        })?
        .collect()
}

pub(super) fn apply(
    tx: &Transaction<'_>,
    changes: &[AlertChange],
    mails: &[QueuedMail],
    at: Timestamp,
) -> Result<(), Fault> {
    let mut put = tx.prepare_cached(
        "INSERT OR REPLACE INTO alert (key, severity, account, since, told_at, title, text, once, closed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, NULL)",
    )?;
    let mut close = tx.prepare_cached("UPDATE alert SET closed_at = ?2 WHERE key = ?1")?;
    for change in changes {
        match change {
            AlertChange::Tell(a) | AlertChange::Keep(a) => {
                put.execute(params![
                    a.key.as_str(),
                    a.severity.as_str(),
                    a.account.as_ref().map(AccountName::as_str),
                    instant(a.since),
                    instant(a.told_at),
                    a.title,
                    a.text,
                    a.once
                ])?;
            }
            AlertChange::Close(key) => {
                close.execute(params![key.as_str(), instant(at)])?;
            }
        }
    }
    let mut queue = tx.prepare_cached(
        "INSERT INTO outbox (key, recipients, subject, text, html, message_id, in_reply_to, queued_at, next_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
    )?;
    for m in mails {
        let to = m.to.join("\n");
        queue.execute(params![
            m.key.as_str(),
            to,
            m.subject,
            m.text,
            m.html,
            m.message_id,
            m.in_reply_to,
            instant(at)
        ])?;
    }
    Ok(())
}

pub(super) fn outbox(connection: &Connection, due: Option<Timestamp>) -> rusqlite::Result<Vec<OutboxMail>> {
    connection
        .prepare_cached(
            "SELECT * FROM outbox WHERE delivered_at IS NULL AND (?1 IS NULL OR next_at <= ?1) ORDER BY id",
        )?
        .query_map([due.map(instant)], |r| {
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
        })?
        .collect()
}

pub(super) fn delivered(tx: &Transaction<'_>, id: i64, at: Timestamp) -> Result<(), Fault> {
    tx.execute(
        "UPDATE outbox SET delivered_at = ?2, last_error = NULL WHERE id = ?1",
        params![id, instant(at)],
    )?;
    Ok(())
}

pub(super) fn failed(tx: &Transaction<'_>, id: i64, next_at: Timestamp, error: &str) -> Result<(), Fault> {
    tx.execute(
        "UPDATE outbox SET attempts = attempts + 1, next_at = ?2, last_error = ?3 WHERE id = ?1",
        params![id, instant(next_at), error],
    )?;
    Ok(())
}
