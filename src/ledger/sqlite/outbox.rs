//! The outbox: what is to leave, how often it was tried, and what was taken. A crash after the commit repeats a message at
//! worst; it never loses one.
use std::collections::BTreeMap;

use crate::ledger::session::{self, Connection, Row, Transaction, params};
use jiff::Timestamp;

use super::Fault;
use crate::domain::{AlertKey, Severity};
use crate::ledger::sqlite::column::{get_instant, get_word, instant};
use crate::ledger::{Channel, MailRefusal, OutboxMail, PutAside, QueuedMail};

/// Recipients are kept one a line: no address holds a newline.
pub(super) fn queue(tx: &Transaction<'_>, m: &QueuedMail, at: Timestamp) -> Result<(), Fault> {
    let (kind, name) = match &m.channel {
        Channel::Named(name) => ("webhook", name.as_str()),
        other => (other.as_str(), ""),
    };
    tx.prepare_cached(
        "INSERT INTO outbox (channel, name, key, occasion, severity, title, recipients, subject, text, html, message_id,
           in_reply_to, incident, queued_at, next_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14)",
    )?
    .execute(params![
        kind,
        name,
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

/// Removes what was put aside before that instant, and was not taken since.
pub(super) fn forget_aside(tx: &Transaction<'_>, old: &str) -> Result<(), Fault> {
    tx.prepare_cached(
        "DELETE FROM outbox WHERE aside_at < ?1 AND delivered_at IS NULL AND folded_at IS NULL",
    )?
    .execute([old])?;
    Ok(())
}

/// Undelivered messages, oldest first.
pub(super) fn waiting(c: &Connection, due: Option<Timestamp>) -> Result<Vec<OutboxMail>, Fault> {
    let mut query = c.prepare_cached(
        "SELECT *, coalesce(left_for, recipients) AS still_for FROM outbox
         WHERE delivered_at IS NULL AND folded_at IS NULL AND (CAST(?1 AS TEXT) IS NULL OR next_at <= ?1) ORDER BY id",
    )?;
    let rows = query.query_map([due.map(instant)], |r| {
        Ok(OutboxMail {
            id: r.get("id")?,
            mail: QueuedMail {
                channel: channel(r)?,
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
            aside: r.get::<_, Option<String>>("aside_at")?.is_some(),
        })
    })?;
    Ok(rows.collect::<session::Result<_>>()?)
}

fn channel(r: &Row<'_>) -> session::Result<Channel> {
    let name: String = r.get("name")?;
    if name.is_empty() {
        r.get::<_, String>("channel").map(|kind| Channel::called(&kind))
    } else {
        Ok(Channel::Named(name))
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// The named channels that got a message of an incident.
pub(super) fn channels_told_of(c: &Connection, incident: &str) -> Result<Vec<String>, Fault> {
    let mut query = c.prepare_cached(
        "SELECT DISTINCT name FROM outbox WHERE incident = ?1 AND incident <> '' AND name <> '' ORDER BY name",
    )?;
    Ok(query.query_map([incident], |r| r.get(0))?.collect::<session::Result<_>>()?)
}

/// Recipients of every mail of an incident, in the order in which they first were one.
pub(super) fn told_of(c: &Connection, incident: &str) -> Result<Vec<String>, Fault> {
    let mut query = c.prepare_cached(
        "SELECT recipients FROM outbox WHERE incident = ?1 AND incident <> '' AND channel = 'mail' ORDER BY id",
    )?;
    let rows: Vec<String> =
        query.query_map([incident], |r| r.get(0))?.collect::<session::Result<Vec<String>>>()?;
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
    aside: bool,
) -> Result<(), Fault> {
    for id in ids {
        let done = tx
            .prepare_cached(
                "UPDATE outbox SET attempts = attempts + 1, tried_at = ?2, next_at = ?3, last_error = ?4,
                   aside_at = CASE WHEN ?5 THEN coalesce(aside_at, ?2) ELSE aside_at END
                 WHERE id = ?1",
            )?
            .execute(params![id, instant(at), instant(next_at), error, aside])?;
        there(done, *id)?;
    }
    Ok(())
}

/// The whole list of recipients stays: a later mail of the incident is for all of them.
pub(super) fn left_for(
    tx: &Transaction<'_>,
    ids: &[i64],
    to: &[String],
    refused: &[(String, String)],
) -> Result<(), Fault> {
    // A server's words may run over lines.
    let line = |(address, why): &(String, String)| {
        format!("{address}\t{}", why.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let refused: Vec<String> = refused.iter().map(line).collect();
    for id in ids {
        let done = tx
            .prepare_cached("UPDATE outbox SET left_for = ?2, refused = ?3 WHERE id = ?1")?
            .execute(params![id, to.join("\n"), refused.join("\n")])?;
        there(done, *id)?;
    }
    Ok(())
}

/// Oldest first.
pub(super) fn aside(c: &Connection) -> Result<Vec<PutAside>, Fault> {
    let mut query = c.prepare_cached(
        "SELECT * FROM outbox WHERE aside_at IS NOT NULL AND delivered_at IS NULL AND folded_at IS NULL ORDER BY id",
    )?;
    let rows = query.query_map([], |r| {
        Ok(PutAside {
            id: r.get("id")?,
            channel: channel(r)?,
            key: AlertKey::stored(r.get("key")?),
            title: r.get("title")?,
            queued_at: get_instant(r, "queued_at")?,
            aside_at: get_instant(r, "aside_at")?,
            why: r.get::<_, Option<String>>("last_error")?.unwrap_or_default(),
        })
    })?;
    Ok(rows.collect::<session::Result<_>>()?)
}

/// By address: what its newest attempt that came to a word about it said. What was taken before the first refusal on record takes none back.
pub(super) fn refusals(c: &Connection) -> Result<Vec<MailRefusal>, Fault> {
    let mut query = c.prepare_cached(
        "SELECT recipients, left_for, refused, tried_at, delivered_at IS NOT NULL AS taken FROM outbox
         WHERE channel = 'mail' AND tried_at IS NOT NULL AND (delivered_at IS NOT NULL OR refused <> '')
           AND tried_at >= (SELECT min(r.tried_at) FROM outbox r WHERE r.channel = 'mail' AND r.tried_at IS NOT NULL AND r.refused <> '')
         ORDER BY tried_at DESC, id DESC",
    )?;
    let rows = query.query_map([], |r| {
        let (to, refused): (String, String) = (r.get("recipients")?, r.get("refused")?);
        let left: Option<String> = r.get("left_for")?;
        let left = lines(left.as_ref().unwrap_or(&to));
        Ok((lines(&to), left, refused, get_instant(r, "tried_at")?, r.get::<_, bool>("taken")?))
    })?;
    let mut known: BTreeMap<String, Option<MailRefusal>> = BTreeMap::new();
    for row in rows {
        let (to, left, refused, at, taken) = row?;
        // What was left at last is what was taken in the end, whatever was said before.
        let stands = |address: &str| !taken || left.iter().all(|l| l != address);
        let refused: Vec<(&str, &str)> = refused.lines().filter_map(|line| line.split_once('\t')).collect();
        let refused: Vec<(&str, &str)> = refused.into_iter().filter(|(a, _)| stands(a)).collect();
        for (address, why) in &refused {
            let refusal = MailRefusal { address: (*address).to_owned(), why: (*why).to_owned(), at };
            known.entry(refusal.address.clone()).or_insert(Some(refusal));
        }
        for address in to.into_iter().filter(|a| taken && refused.iter().all(|(r, _)| r != a)) {
            known.entry(address).or_insert(None);
        }
    }
    Ok(known.into_values().flatten().collect())
}

fn there(rows: usize, id: i64) -> Result<(), Fault> {
    if rows == 1 { Ok(()) } else { Err(Fault::Nonsense(format!("message {id} is not in the outbox"))) }
}
