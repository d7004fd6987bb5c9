//! The outbox: what is to leave, how often it was tried, and what was taken. A crash after the commit repeats a message at
//! worst; it never loses one.
use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::Fault;
use super::text::{get_instant, get_word, instant};
use crate::domain::{AlertKey, Severity};
use crate::ledger::{Channel, OutboxMail, QueuedMail};

/// Recipients are kept one a line: no address holds a newline.
pub(super) fn queue(tx: &Transaction<'_>, m: &QueuedMail, at: Timestamp) -> Result<(), Fault> {
    tx.prepare_cached(
        "INSERT INTO outbox (channel, key, occasion, severity, title, recipients, subject, text, html, message_id,
           in_reply_to, incident, queued_at, next_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?13)",
    )?
    .execute(params![
        m.channel.as_str(),
        m.key.as_str(),
        m.occasion,
        m.severity.as_str(),
        m.title,
        m.to.join("\n"),
        m.subject,
        m.text,
        m.html,
        m.message_id,
        m.in_reply_to(),
        m.incident,
        instant(at)
    ])?;
    Ok(())
}

/// Removes what was taken, or folded into what was taken, before that instant.
pub(super) fn forget(tx: &Transaction<'_>, old: &str) -> Result<(), Fault> {
    tx.prepare_cached("DELETE FROM outbox WHERE delivered_at IS NOT NULL AND delivered_at < ?1")?
        .execute([old])?;
    tx.prepare_cached("DELETE FROM outbox WHERE folded_at IS NOT NULL AND folded_at < ?1")?.execute([old])?;
    Ok(())
}

/// Undelivered messages, oldest first.
pub(super) fn waiting(c: &Connection, due: Option<Timestamp>) -> Result<Vec<OutboxMail>, Fault> {
    let mut query = c.prepare_cached(
        "SELECT *, coalesce(left_for, recipients) AS still_for FROM outbox
         WHERE delivered_at IS NULL AND folded_at IS NULL AND (?1 IS NULL OR next_at <= ?1) ORDER BY id",
    )?;
    let rows = query.query_map([due.map(instant)], |r| {
        Ok(OutboxMail {
            id: r.get("id")?,
            mail: QueuedMail {
                channel: get_word(r, "channel", Channel::parse)?,
                key: AlertKey::stored(r.get("key")?),
                occasion: r.get("occasion")?,
                severity: get_word(r, "severity", Severity::parse)?,
                title: r.get("title")?,
                to: lines(&r.get::<_, String>("still_for")?),
                subject: r.get("subject")?,
                text: r.get("text")?,
                html: r.get("html")?,
                message_id: r.get("message_id")?,
                incident: r.get("incident")?,
            },
            queued_at: get_instant(r, "queued_at")?,
            attempts: r.get("attempts")?,
            next_at: get_instant(r, "next_at")?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// Recipients of every mail of an incident, in the order in which they first were one.
pub(super) fn told_of(c: &Connection, incident: &str) -> Result<Vec<String>, Fault> {
    let mut query = c.prepare_cached(
        "SELECT recipients FROM outbox WHERE incident = ?1 AND incident <> '' AND channel = 'mail' ORDER BY id",
    )?;
    let rows: Vec<String> =
        query.query_map([incident], |r| r.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    let mut all: Vec<String> = Vec::new();
    for address in rows.iter().flat_map(|text| lines(text)) {
        if !all.contains(&address) {
            all.push(address);
        }
    }
    Ok(all)
}

pub(super) fn delivered(
    tx: &Transaction<'_>,
    id: Option<i64>,
    folded: &[i64],
    at: Timestamp,
) -> Result<(), Fault> {
    if let Some(id) = id {
        let done = tx
            .prepare_cached(
                "UPDATE outbox SET delivered_at = ?2, tried_at = ?2, last_error = NULL WHERE id = ?1",
            )?
            .execute(params![id, instant(at)])?;
        there(done, id)?;
    }
    for id in folded {
        let done = tx
            .prepare_cached("UPDATE outbox SET folded_at = ?2, last_error = NULL WHERE id = ?1")?
            .execute(params![id, instant(at)])?;
        there(done, *id)?;
    }
    Ok(())
}

pub(super) fn failed(
    tx: &Transaction<'_>,
    ids: &[i64],
    at: Timestamp,
    next_at: Timestamp,
    error: &str,
) -> Result<(), Fault> {
    for id in ids {
        let done = tx
            .prepare_cached(
                "UPDATE outbox SET attempts = attempts + 1, tried_at = ?2, next_at = ?3, last_error = ?4 WHERE id = ?1",
            )?
            .execute(params![id, instant(at), instant(next_at), error])?;
        there(done, *id)?;
    }
    Ok(())
}

/// The whole list of recipients stays: a later mail of the incident is for all of them.
pub(super) fn left_for(tx: &Transaction<'_>, ids: &[i64], to: &[String]) -> Result<(), Fault> {
    for id in ids {
        let done = tx
            .prepare_cached("UPDATE outbox SET left_for = ?2 WHERE id = ?1")?
            .execute(params![id, to.join("\n")])?;
        there(done, *id)?;
    }
    Ok(())
}

fn there(rows: usize, id: i64) -> Result<(), Fault> {
    if rows == 1 { Ok(()) } else { Err(Fault::Nonsense(format!("message {id} is not in the outbox"))) }
}
