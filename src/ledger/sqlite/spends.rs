//! The log of started payments beside the ledger: one line for each, on disk before the ledger's own row is committed. A ledger that was
//! brought back from a backup has forgotten payments, and a forgotten payment is made again; by this log it finds them.
//!
//! A crash before the line is whole started nothing. A crash between the line and the commit leaves a line whose payment is only
//! reserved: whether bytes left cannot be told from a backup that was made in that moment, so it counts as started, and evidence settles
//! it. Not responsible for what is held meanwhile (`engine::observe::restored`).
use std::fs::{File, OpenOptions, rename};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::ledger::session::{Connection, OptionalExtension, Row, Transaction, params_from_iter};
use jiff::{SignedDuration, Timestamp};
use rusqlite::types::{Value as Sql, ValueRef};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::chain::{Kind, Place, link};
use super::column::{get_word, instant};
use super::{Fault, cycles, payment};
use crate::domain::{Event, IntentId, Moment, State};
use crate::ledger::{EventDetail, RESTORED, Restored};
use crate::ownership::like_folder;

const NAME: &str = "spends.log";
/// From this size on the older part is let go at the next opening.
const LARGE: u64 = 8 * 1024 * 1024;
const KEPT: usize = 2 * 1024 * 1024;
/// Payments of the newest so many days of the log are put back; what is older shows in every provider's list by now.
const PUT_BACK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The open log.
#[derive(Debug)]
pub(super) struct Spends {
    file: Mutex<File>,
}

/// One started payment: its rows as the ledger has them, column by column.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    payment: String,
    at: Timestamp,
    boot: String,
    ms: i64,
    intent: Map<String, Value>,
    leases: Vec<Map<String, Value>>,
}

impl Spends {
    pub fn open(state_dir: &Path) -> io::Result<Self> {
        let path = state_dir.join(NAME);
        let is_new = !path.try_exists()?;
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
        if is_new {
            like_folder(&file, state_dir);
            File::open(state_dir)?.sync_all()?;
        }
        Ok(Self { file: Mutex::new(file) })
    }

    /// On disk when it returns.
    pub fn append(&self, line: &str) -> io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // In one write, with the end of a line that a crash cut off before it.
        file.write_all(format!("\n{line}\n").as_bytes())?;
        file.sync_data()
    }
}

/// The line of a payment that starts at this moment.
pub(super) fn line(tx: &Connection, id: &IntentId, at: &Moment) -> Result<String, Fault> {
    let intent = tx
        .prepare_cached("SELECT * FROM intent WHERE name = ?1")?
        .query_row([id.as_str()], |r| Ok(columns(r)))??;
    let mut leases = tx.prepare_cached(
        "SELECT * FROM intent_lease WHERE intent = (SELECT id FROM intent WHERE name = ?1) ORDER BY seq",
    )?;
    let leases = leases.query_map([id.as_str()], |r| Ok(columns(r)))?;
    let leases = leases.map(|row| row?).collect::<Result<_, Fault>>()?;
    let line = Line {
        payment: id.to_string(),
        at: at.wall,
        boot: at.boot_id.clone(),
        ms: at.boot_ms,
        intent,
        leases,
    };
    serde_json::to_string(&line)
        .map_err(|e| Fault::Nonsense(format!("a payment cannot be written down: {e}")))
}

fn columns(row: &Row<'_>) -> Result<Map<String, Value>, Fault> {
    let mut all = Map::new();
    for at in 0..row.width() {
        let name = row.name(at);
        let value = match row.get_ref(at)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(n) => json!(n),
            ValueRef::Text(text) => json!(String::from_utf8_lossy(text)),
            // The tables are strict and have no such columns.
            ValueRef::Real(_) | ValueRef::Blob(_) => {
                return Err(Fault::Nonsense(format!(
                    "column {name} of a payment is neither text nor a number"
                )));
            }
        };
        all.insert(name.to_owned(), value);
    }
    Ok(all)
}

/// Compares the log with the ledger, and writes back what the ledger has forgotten: as started, so that its outcome is unknown. Whether
/// there was anything.
pub(super) fn compare(tx: &Transaction<'_>, state_dir: &Path) -> Result<bool, Fault> {
    let text = match std::fs::read_to_string(state_dir.join(NAME)) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(Fault::Nonsense(format!("{NAME} beside it cannot be read: {e}"))),
    };
    let mut found = Restored::default();
    let forgotten = forgotten(tx, &text)?;
    let newest = forgotten.iter().map(|line| line.at).max();
    for line in &forgotten {
        match newest {
            Some(newest) if newest.duration_since(line.at) > PUT_BACK => found.older += 1,
            _ => found.payments.push(put_back(tx, line)?.to_string()),
        }
    }
    if found.payments.is_empty() && found.older == 0 {
        return Ok(false);
    }
    // Brought back twice: what was found the first time is still so.
    if let Some(before) = cycles::noted(tx, RESTORED)?.and_then(|note| Restored::from_note(&note)) {
        found.payments.splice(0..0, before.payments);
        found.older += before.older;
        (found.other, found.newest) = (before.other, before.newest);
    }
    cycles::note(tx, RESTORED, &found.note())?;
    Ok(true)
}

/// The lines behind the newest one that the ledger knows as started, oldest first; what it knows as reserved is started here. What
/// stands before that one it knows too: lines and commits go in turn, and each opening compares before a line is added. So a start looks
/// at one line, however long the log is, and what was too old to be put back is told once.
fn forgotten(tx: &Transaction<'_>, text: &str) -> Result<Vec<Line>, Fault> {
    let mut forgotten = Vec::new();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    // A line that was cut off by a crash started nothing.
    for line in whole.lines().rev().filter_map(|line| serde_json::from_str::<Line>(line).ok()) {
        match known(tx, &line)? {
            None => forgotten.push(line),
            Some((id, State::Reserved)) => started(tx, &id, &line)?,
            Some(_) => break,
        }
    }
    forgotten.reverse();
    Ok(forgotten)
}

/// The ledger's payment of that line, by when it was made and for what: its number may have been given to another one.
fn known(tx: &Connection, line: &Line) -> Result<Option<(IntentId, State)>, Fault> {
    let text = |key: &str| line.intent.get(key).and_then(Value::as_str).unwrap_or_default();
    let first = line.leases.first().and_then(|lease| lease.get("lease")).and_then(Value::as_str);
    let found = tx
        .prepare_cached(
            "SELECT i.name, h.state FROM intent i JOIN intent_head h ON h.intent = i.id
             WHERE i.created_at = ?1 AND i.created_boot = ?2 AND i.created_ms = ?3 AND i.parent IS NULL
               AND (SELECT lease FROM intent_lease WHERE intent = i.id AND seq = 0) IS ?4",
        )?
        .query_row((text("created_at"), text("created_boot"), number(line, "created_ms"), first), |r| {
            Ok((IntentId::new(r.get::<_, String>(0)?), get_word(r, "state", State::parse)?))
        })
        .optional()?;
    Ok(found)
}

fn number(line: &Line, key: &str) -> i64 {
    line.intent.get(key).and_then(Value::as_i64).unwrap_or_default()
}

fn moment(line: &Line) -> Moment {
    Moment { wall: line.at, boot_id: line.boot.clone(), boot_ms: line.ms }
}

fn started(tx: &Transaction<'_>, id: &IntentId, line: &Line) -> Result<(), Fault> {
    let detail = EventDetail {
        evidence: Some(format!("{NAME} says that it was started, and the ledger did not")),
        ..EventDetail::default()
    };
    payment::append(tx, id, State::Reserved, Event::SpendStarted, &detail, &moment(line)).map(drop)
}

/// A payment that the ledger has forgotten, under a number of its own.
fn put_back(tx: &Transaction<'_>, line: &Line) -> Result<IntentId, Fault> {
    let number = payment::next_number(tx)?;
    let id = IntentId::new(format!("p-{number:06}"));
    let mut intent = line.intent.clone();
    intent.insert("id".to_owned(), json!(number));
    intent.insert("name".to_owned(), json!(id.as_str()));
    intent.insert("parent".to_owned(), Value::Null);
    // The word that it was made by may be another one's number here; who gave it stands in `approved`.
    for link in ["approval", "approval_set"] {
        intent.insert(link.to_owned(), Value::Null);
    }
    intent.insert("cycle".to_owned(), json!(some_cycle(tx, line)?));
    insert(tx, "intent", &intent)?;
    for lease in &line.leases {
        let mut lease = lease.clone();
        lease.insert("intent".to_owned(), json!(number));
        insert(tx, "intent_lease", &lease)?;
    }
    link(tx, Place(Kind::Payment, number, 0))?;
    let text = |key: &str| line.intent.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let made = Moment {
        wall: text("created_at").parse().unwrap_or(line.at),
        boot_id: text("created_boot"),
        boot_ms: self::number(line, "created_ms"),
    };
    payment::reserved(tx, number, &made)?;
    started(tx, &id, line)?;
    Ok(id)
}

/// The cycle that it was made in; where the ledger has forgotten that one too, any, or one that it is made for.
fn some_cycle(tx: &Transaction<'_>, line: &Line) -> Result<i64, Fault> {
    let wanted = number(line, "cycle");
    let known: Option<i64> =
        tx.query_row("SELECT max(id) FROM cycle WHERE id = ?1 OR id <= ?1", [wanted], |r| r.get(0))?;
    if let Some(known) = known {
        return Ok(known);
    }
    tx.execute(
        "INSERT INTO cycle (started_at, started_boot, started_ms) VALUES (?1, ?2, ?3)",
        (instant(line.at), &line.boot, line.ms),
    )?;
    Ok(tx.last_insert_rowid()?)
}

/// A row of these columns. A column that this ledger does not know is of a newer renewd, and the ledger would have been refused.
fn insert(tx: &Transaction<'_>, table: &str, row: &Map<String, Value>) -> Result<(), Fault> {
    let names: Vec<String> = row.keys().map(|name| format!("\"{}\"", name.replace('"', "\"\""))).collect();
    let marks = vec!["?"; names.len()].join(", ");
    let values = row.values().map(|value| match value {
        Value::Number(n) => Sql::Integer(n.as_i64().unwrap_or_default()),
        Value::String(text) => Sql::Text(text.clone()),
        _ => Sql::Null,
    });
    let sql = format!("INSERT INTO {table} ({}) VALUES ({marks})", names.join(", "));
    tx.prepare(&sql)?.execute(params_from_iter(values))?;
    Ok(())
}

/// Lets the older part of a large log go, whole lines only. A crash leaves the old log.
pub(super) fn shorten(state_dir: &Path) -> io::Result<()> {
    let path: PathBuf = state_dir.join(NAME);
    if std::fs::metadata(&path).map_or(0, |found| found.len()) <= LARGE {
        return Ok(());
    }
    let text = std::fs::read(&path)?;
    let from = text.len().saturating_sub(KEPT);
    let from = text[from..].iter().position(|b| *b == b'\n').map_or(text.len(), |end| from + end + 1);
    let new = state_dir.join(format!("{NAME}.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(&text[from..])?;
    file.sync_all()?;
    like_folder(&file, state_dir);
    rename(&new, &path)?;
    File::open(state_dir)?.sync_all()
}
