//! Changes of orders on record, and the orders that purchases made.
//!
//! A crash between the two rows of a change leaves one without an answer: the next reading shows what became of it.
use crate::ledger::session::{self, Connection, Row, Transaction, params};
use jiff::Timestamp;

use super::Fault;
use super::chain::{Kind, Place, link};
use super::payment::head;
use crate::domain::{AccountName, ChangeRequest, IntentId, LeaseId, OrderId, ProviderName};
use crate::ledger::sqlite::column::{get_instant, get_opt_instant, instant};
use crate::ledger::{ChangeOutcome, ChangeRecord};

pub(super) fn begin(
    tx: &Transaction<'_>,
    provider: &ProviderName,
    request: &ChangeRequest,
    why: &str,
    at: Timestamp,
) -> Result<i64, Fault> {
    let leases: Vec<&str> = request.leases.iter().map(LeaseId::as_str).collect();
    tx.prepare_cached(
        "INSERT INTO order_change (provider, account, order_id, leases, what, value, why, at, account_number)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, (SELECT number FROM account_number WHERE provider = ?1 AND name = ?2))",
    )?
    .execute(params![
        provider.as_str(),
        request.account.as_str(),
        request.order.as_str(),
        leases.join(" "),
        request.what.word(),
        request.what.value(),
        why,
        instant(at)
    ])?;
    Ok(tx.last_insert_rowid()?)
}

pub(super) fn end(
    tx: &Transaction<'_>,
    row: i64,
    outcome: &ChangeOutcome,
    at: Timestamp,
) -> Result<(), Fault> {
    tx.prepare_cached(
        "INSERT INTO order_change_end (change, word, code, message, at) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![row, outcome.word, outcome.code, outcome.message, instant(at)])?;
    Ok(())
}

/// Newest first.
pub(super) fn list(c: &Connection, since: Timestamp) -> Result<Vec<ChangeRecord>, Fault> {
    let mut query = c.prepare_cached(
        "SELECT c.*, coalesce(n.name, c.account) AS name, e.word, e.code, e.message, e.at AS ended_at
         FROM order_change c LEFT JOIN order_change_end e ON e.change = c.id
           LEFT JOIN account_number n ON n.number = c.account_number
         WHERE c.at >= ?1 ORDER BY c.at DESC, c.id DESC",
    )?;
    let rows = query.query_map([instant(since)], change)?;
    Ok(rows.collect::<session::Result<_>>()?)
}

fn change(row: &Row<'_>) -> session::Result<ChangeRecord> {
    let text = |c: &'static str| row.get::<_, String>(c);
    let word: Option<String> = row.get("word")?;
    let outcome = match word {
        Some(word) => Some(ChangeOutcome { word, code: row.get("code")?, message: row.get("message")? }),
        None => None,
    };
    Ok(ChangeRecord {
        id: row.get("id")?,
        provider: ProviderName::new(text("provider")?),
        account: AccountName::new(text("name")?),
        order: OrderId::new(text("order_id")?),
        leases: text("leases")?.split_whitespace().map(LeaseId::from).collect(),
        what: text("what")?,
        value: text("value")?,
        why: text("why")?,
        at: get_instant(row, "at")?,
        outcome,
        ended_at: get_opt_instant(row, "ended_at")?,
    })
}

/// The newest word stands; one that was said before is not said again.
pub(super) fn record_order(
    tx: &Transaction<'_>,
    id: &IntentId,
    order: &OrderId,
    at: Timestamp,
) -> Result<(), Fault> {
    let number = head(tx, id)?.number;
    let put = tx
        .prepare_cached(
            "INSERT INTO purchase_order (intent, order_id, at) VALUES (?1, ?2, ?3) ON CONFLICT (intent, order_id) DO NOTHING",
        )?
        .execute(params![number, order.as_str(), instant(at)])?;
    if put == 0 {
        return Ok(());
    }
    link(tx, Place(Kind::Order, number, tx.last_insert_rowid()?))
}
