//! Open alerts. Not responsible for what becomes of their mails (`outbox`), only for storing both together.
use crate::ledger::session::{self, Connection, Row, Transaction, params};
use jiff::{SignedDuration, Timestamp};

use super::cycles::horizon;
use super::{Fault, hooks, outbox};
use crate::domain::{AccountName, AlertKey, Course, LeaseId, Occasion, Said, Severity};
use crate::ledger::sqlite::column::{
    get_count, get_instant, get_opt_instant, get_opt_word, get_word, instant, opt_instant,
};
use crate::ledger::sqlite::silences;
use crate::ledger::{AlertChange, OpenAlert, QueuedMail, WaitingMails};

/// What no server takes as it is goes after a week of attempts.
const ASIDE: SignedDuration = SignedDuration::from_hours(7 * 24);

pub(super) fn open(c: &Connection) -> Result<Vec<OpenAlert>, Fault> {
    let mut query = c.prepare_cached("SELECT * FROM alert WHERE closed_at IS NULL ORDER BY key")?;
    let rows = query.query_map([], alert)?;
    Ok(rows.collect::<session::Result<_>>()?)
}

/// Those that are over and last turned at or after `since`.
pub(super) fn ended(c: &Connection, since: Timestamp) -> Result<Vec<OpenAlert>, Fault> {
    let mut query =
        c.prepare_cached("SELECT * FROM alert WHERE closed_at IS NOT NULL AND turned_at >= ?1 ORDER BY key")?;
    let rows = query.query_map([instant(since)], alert)?;
    Ok(rows.collect::<session::Result<_>>()?)
}

fn alert(r: &Row<'_>) -> session::Result<OpenAlert> {
    let told = get_opt_word(r, "told_severity", Severity::parse)?;
    let told_grade: u32 = r.get("told_grade")?;
    Ok(OpenAlert {
        key: AlertKey::stored(r.get("key")?),
        severity: get_word(r, "severity", Severity::parse)?,
        account: r.get::<_, Option<String>>("account")?.map(AccountName::new),
        since: get_instant(r, "since")?,
        told_at: get_instant(r, "told_at")?,
        told: told.map(|severity| (severity, told_grade)),
        owed: get_opt_word(r, "owed", Occasion::parse)?,
        title: r.get("title")?,
        text: r.get("text")?,
        once: r.get("once")?,
        grade: r.get("grade")?,
        leases: r.get::<_, String>("leases")?.lines().map(LeaseId::new).collect(),
        heard: r.get::<_, String>("heard")?.lines().map(str::to_owned).collect(),
        course: Course {
            holds: r.get("holds")?,
            turned_at: get_instant(r, "turned_at")?,
            flapping: r.get("flapping")?,
            said: get_word(r, "said", Said::parse)?,
        },
        // Of an alert from before this was kept, reminders begin anew.
        news_at: get_opt_instant(r, "news_at")?.unwrap_or(get_instant(r, "told_at")?),
        deadline: get_opt_instant(r, "told_deadline")?,
    })
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
            AlertChange::Log(telling) => silences::log(tx, telling)?,
            AlertChange::Happened(one) => hooks::happened(tx, one, at)?,
        }
    }
    for mail in mails {
        outbox::queue(tx, mail, at)?;
    }
    let old = horizon(at);
    tx.prepare_cached("DELETE FROM alert WHERE closed_at < ?1")?.execute([&old])?;
    tx.prepare_cached("DELETE FROM alert_log WHERE at < ?1")?.execute([&old])?;
    outbox::forget(tx, &old)?;
    outbox::forget_aside(tx, &instant(at.checked_sub(ASIDE).unwrap_or(Timestamp::MIN)))
}

fn put(tx: &Transaction<'_>, a: &OpenAlert, told_at: Timestamp) -> Result<(), Fault> {
    let leases: Vec<&str> = a.leases.iter().map(LeaseId::as_str).collect();
    tx.prepare_cached(
        "INSERT INTO alert (key, severity, account, since, told_at, title, text, once, grade, told_severity, told_grade, owed, leases,
           heard, holds, turned_at, flapping, said, news_at, told_deadline)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)
         ON CONFLICT (key) DO UPDATE SET severity = excluded.severity, account = excluded.account, since = excluded.since,
           told_at = excluded.told_at, title = excluded.title, text = excluded.text, once = excluded.once,
           grade = excluded.grade, told_severity = excluded.told_severity, told_grade = excluded.told_grade,
           owed = excluded.owed, leases = excluded.leases, heard = excluded.heard, holds = excluded.holds,
           turned_at = excluded.turned_at, flapping = excluded.flapping, said = excluded.said, news_at = excluded.news_at, told_deadline = excluded.told_deadline, closed_at = NULL",
    )?
    .execute(params![
        a.key.as_str(),
        a.severity.as_str(),
        a.account.as_ref().map(AccountName::as_str),
        instant(a.since),
        instant(told_at),
        a.title,
        a.text,
        a.once,
        a.grade,
        a.told.map(|(severity, _)| severity.as_str()),
        a.told.map_or(0, |(_, grade)| grade),
        a.owed.map(Occasion::as_str),
        leases.join("\n"),
        a.heard.join("\n"),
        a.course.holds,
        instant(a.course.turned_at),
        a.course.flapping,
        a.course.said.as_str(),
        instant(a.news_at),
        opt_instant(a.deadline)
    ])?;
    Ok(())
}

pub(super) fn waiting(c: &Connection) -> Result<WaitingMails, Fault> {
    let mut query = c.prepare_cached(
        "SELECT count(*) AS n, min(queued_at) AS oldest,
           (SELECT last_error FROM outbox WHERE delivered_at IS NULL AND folded_at IS NULL AND aside_at IS NULL AND name = '' AND last_error IS NOT NULL
             ORDER BY tried_at DESC LIMIT 1) AS error
         FROM outbox WHERE delivered_at IS NULL AND folded_at IS NULL AND aside_at IS NULL AND name = ''",
    )?;
    let found = query.query_row([], |r| {
        Ok(WaitingMails {
            count: get_count(r, "n")?,
            oldest: get_opt_instant(r, "oldest")?,
            last_error: r.get("error")?,
        })
    })?;
    Ok(found)
}

pub(super) fn waiting_by_channel(c: &Connection) -> Result<Vec<(String, WaitingMails)>, Fault> {
    let mut query = c.prepare_cached(
        "SELECT name, count(*) AS n, min(queued_at) AS oldest,
           (SELECT last_error FROM outbox AS tried WHERE tried.name = outbox.name AND delivered_at IS NULL AND folded_at IS NULL
              AND last_error IS NOT NULL ORDER BY tried_at DESC LIMIT 1) AS error
         FROM outbox WHERE delivered_at IS NULL AND folded_at IS NULL AND name <> '' GROUP BY name ORDER BY name",
    )?;
    let found = query.query_map([], |r| {
        let waiting = WaitingMails {
            count: get_count(r, "n")?,
            oldest: get_opt_instant(r, "oldest")?,
            last_error: r.get("error")?,
        };
        Ok((r.get("name")?, waiting))
    })?;
    Ok(found.collect::<session::Result<_>>()?)
}
