//! Moving a ledger that nobody pays on from one place to another, file or server, and copying one into memory.
//!
//! All rows go in one transaction on either side, and are held against each other before it ends: how many there are of each kind, the
//! hash of every link of the chain over what has arrived, and where each payment stands. What a crash means: the new one is marked as
//! unfinished before the old one is marked as moved, and is refused until both are done, so that there are never two that pay.
use rusqlite::types::Value;

use super::chain::EPOCH;
use super::{Fault, SqlLedger, chain, chain_check, cycles, open, served};
use crate::ledger::session::{self, Connection, Transaction, params, params_from_iter};
use crate::ledger::{ChainHead, LedgerError, MOVED};

/// So many rows are taken at once.
const PAGE: usize = 1_000;

/// Every table but the two that the log of payments makes, with its key, in an order in which each row finds those that it names.
const TABLES: [(&str, &[&str]); 31] = [
    ("cycle", &["id"]),
    ("note", &["key"]),
    ("account", &["account"]),
    ("lease", &["account", "lease"]),
    ("decision", &["account", "lease"]),
    ("digest", &["account", "what"]),
    ("quote_seen", &["account", "lease"]),
    ("outlook", &["account"]),
    ("account_number", &["number"]),
    ("account_mark", &["number", "kind", "value"]),
    ("approval_plan", &["id"]),
    ("approval_event", &["seq"]),
    ("intent", &["id"]),
    ("intent_lease", &["intent", "seq"]),
    ("intent_event", &["intent", "seq"]),
    ("settle_read", &["intent", "seq"]),
    ("purchase_order", &["id"]),
    ("payment_link", &["n"]),
    ("order_change", &["id"]),
    ("order_change_end", &["change"]),
    ("balance_mark", &["account"]),
    ("balance_note", &["id"]),
    ("pause", &["account"]),
    ("keep", &["id"]),
    ("silence", &["key"]),
    ("alert", &["key"]),
    ("alert_log", &["id"]),
    ("outbox", &["id"]),
    ("hook", &["name"]),
    ("hook_event", &["id"]),
    ("hook_told", &["account", "fact"]),
];

/// Tables whose numbers the database gives.
const NUMBERED: [(&str, &str); 11] = [
    ("cycle", "id"),
    ("account_number", "number"),
    ("approval_plan", "id"),
    ("approval_event", "seq"),
    ("purchase_order", "id"),
    ("order_change", "id"),
    ("balance_note", "id"),
    ("keep", "id"),
    ("alert_log", "id"),
    ("outbox", "id"),
    ("hook_event", "id"),
];

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Payments, parts of split ones included.
    pub payments: usize,
    /// Rows of every kind.
    pub rows: usize,
    /// The newest link of the chain, as both have it.
    pub head: Option<ChainHead>,
}

/// Moves everything, and marks the old one, whose pay lease nobody has from there on.
///
/// # Errors
/// [`LedgerError::Elsewhere`] while a renewd pays on it, else what met it; the old one is as it was then.
pub fn move_ledger(from: &SqlLedger, to: &SqlLedger) -> Result<Moved, LedgerError> {
    let moved = from.write(|old| {
        if !served::retire(old)? {
            return Err(LedgerError::Elsewhere(from.path.clone()).into());
        }
        let moved = to.write(|new| {
            empty(new)?;
            let moved = copy(old, new)?;
            cycles::note(new, MOVED, open::UNFINISHED)?;
            Ok(moved)
        })?;
        cycles::note(old, MOVED, &to.path.display().to_string())?;
        Ok(moved)
    })?;
    to.write(|new| cycles::note(new, MOVED, ""))?;
    Ok(moved)
}

/// Everything that is in it, nowhere on disk.
pub(super) fn in_memory(from: &SqlLedger) -> Result<SqlLedger, LedgerError> {
    let copied = open::in_memory()?;
    from.read(|old| copied.write(|new| rows(old, new).map(drop)).map_err(Fault::from))?;
    Ok(copied)
}

/// Nothing was ever written into it but by its making.
fn empty(new: &Connection<'_>) -> Result<(), Fault> {
    for table in ["cycle", "intent", "account", "alert", "outbox"] {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {table})");
        if new.query_row(&sql, params![], |r| r.get(0))? {
            return Err(Fault::Nonsense(
                "it is in use already, and a copy never overwrites: name an empty place".to_owned(),
            ));
        }
    }
    Ok(())
}

fn copy(old: &Connection<'_>, new: &Transaction<'_>) -> Result<Moved, Fault> {
    let copied = rows(old, new)?;
    for (table, _) in TABLES {
        let count = |c: &Connection<'_>| -> session::Result<i64> {
            c.query_row(&format!("SELECT count(*) FROM {table}"), params![], |r| r.get(0))
        };
        differs(table, count(old)? == count(new)?)?;
    }
    let report = chain_check::verify(new, None)?;
    if let Some(misfit) = report.misfit {
        return Err(Fault::Nonsense(format!(
            "what has arrived of payment {} is not what was written: {}",
            misfit.payment, misfit.why
        )));
    }
    let head = chain::newest(old)?;
    differs("payment_link", chain::newest(new)? == head)?;
    let payments: i64 = new.query_row("SELECT count(*) FROM intent", params![], |r| r.get(0))?;
    Ok(Moved {
        payments: usize::try_from(payments).unwrap_or_default(),
        rows: copied,
        head: Some(head).filter(|head| head.rows > 0),
    })
}

fn differs(table: &str, same: bool) -> Result<(), Fault> {
    if same {
        Ok(())
    } else {
        Err(Fault::Nonsense(format!("what has arrived in {table} is not what was sent")))
    }
}

/// Copies all rows; how many.
fn rows(old: &Connection<'_>, new: &Transaction<'_>) -> Result<usize, Fault> {
    new.execute("DELETE FROM note", params![])?;
    let mut all = 0;
    for (table, key) in TABLES {
        all += match table {
            "intent_event" => events(old, new)?,
            _ => table_of(old, new, table, key)?,
        };
    }
    heads(old, new)?;
    if new.is_far() {
        for (table, column) in NUMBERED {
            new.query_row(
                &format!(
                    "SELECT setval(pg_get_serial_sequence('{table}', '{column}'), (SELECT coalesce(max({column}), 0) + 1 FROM {table}), false)"
                ),
                params![],
                |r| r.get::<_, i64>(0),
            )?;
        }
    }
    Ok(all)
}

/// Rows, and the names of their columns.
struct Page {
    names: Vec<String>,
    rows: Vec<Vec<Value>>,
}

fn page(c: &Connection<'_>, sql: &str, after: &[Value]) -> Result<Page, Fault> {
    let mut page = Page { names: Vec::new(), rows: Vec::new() };
    let mut query = c.prepare_cached(sql)?;
    let mut rows = query.query(params_from_iter(after))?;
    while let Some(row) = rows.next()? {
        let kept: Vec<usize> = (0..row.width()).filter(|at| row.name(*at) != EPOCH).collect();
        if page.names.is_empty() {
            page.names = kept.iter().map(|at| row.name(*at).to_owned()).collect();
        }
        page.rows.push(kept.into_iter().map(|at| row.get(at)).collect::<session::Result<_>>()?);
    }
    Ok(page)
}

fn put(new: &Transaction<'_>, table: &str, page: Page) -> Result<usize, Fault> {
    let marks: Vec<String> = (1..=page.names.len()).map(|n| format!("?{n}")).collect();
    let sql = format!("INSERT INTO {table} ({}) VALUES ({})", page.names.join(", "), marks.join(", "));
    let mut put = new.many(&sql)?;
    let count = page.rows.len();
    for row in page.rows {
        put.add(params_from_iter(row))?;
    }
    put.end()?;
    Ok(count)
}

fn table_of(old: &Connection<'_>, new: &Transaction<'_>, table: &str, key: &[&str]) -> Result<usize, Fault> {
    let order = key.join(", ");
    let marks: Vec<String> = (1..=key.len()).map(|n| format!("?{n}")).collect();
    let behind = format!("WHERE ({order}) > ({})", marks.join(", "));
    let mut after: Vec<Value> = Vec::new();
    let mut all = 0;
    loop {
        let condition = if after.is_empty() { "" } else { &behind };
        let sql = format!("SELECT * FROM {table} {condition} ORDER BY {order} LIMIT {PAGE}");
        let page = page(old, &sql, &after)?;
        let Some(last) = page.rows.last() else { return Ok(all) };
        let place = |column: &&str| page.names.iter().position(|name| name == column);
        after = key.iter().filter_map(|k| Some(last.get(place(k)?)?.clone())).collect();
        all += put(new, table, page)?;
    }
}

/// The logs, event by event of every payment: each is in turn only behind the one before it.
fn events(old: &Connection<'_>, new: &Transaction<'_>) -> Result<usize, Fault> {
    let sql =
        format!("SELECT * FROM intent_event WHERE seq = ?1 AND intent > ?2 ORDER BY intent LIMIT {PAGE}");
    let mut all = 0;
    for seq in 0.. {
        let (mut after, before) = (i64::MIN, all);
        loop {
            let page = page(old, &sql, &[Value::Integer(seq), Value::Integer(after)])?;
            let Some(Value::Integer(last)) = page.rows.last().and_then(|row| row.first()) else { break };
            after = *last;
            all += put(new, "intent_event", page)?;
        }
        if all == before {
            break;
        }
    }
    Ok(all)
}

/// Where payments stand was made anew by their events. What they are called now is the old one's.
fn heads(old: &Connection<'_>, new: &Transaction<'_>) -> Result<(), Fault> {
    let sql = format!("SELECT * FROM intent_head WHERE intent > ?1 ORDER BY intent LIMIT {PAGE}");
    let mut after = 0;
    loop {
        let was = page(old, &sql, &[Value::Integer(after)])?;
        let Some(Value::Integer(last)) = was.rows.last().and_then(|row| row.first()).cloned() else {
            return Ok(());
        };
        let named = |now: &Page| -> Vec<(Value, Value)> {
            let renamed = was.rows.iter().zip(&now.rows).filter(|(was, now)| was.get(1) != now.get(1));
            renamed.filter_map(|(was, _)| Some((was.first()?.clone(), was.get(1)?.clone()))).collect()
        };
        let now = page(new, &sql, &[Value::Integer(after)])?;
        for (intent, account) in named(&now) {
            new.execute("UPDATE intent_head SET account = ?2 WHERE intent = ?1", (intent, account))?;
        }
        differs("intent_head", page(new, &sql, &[Value::Integer(after)])?.rows == was.rows)?;
        after = last;
    }
}
