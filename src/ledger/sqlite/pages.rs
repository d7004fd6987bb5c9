//! Payments page by page: a long history is read as it is shown, never as a whole, and no reader keeps a snapshot open while somebody
//! looks at a page of it.
use crate::ledger::session::{self, Connection, params, params_from_iter};

use super::Fault;
use super::column::{asked, count, instant};
use super::history::{FROM, LEASE, PAYMENT, Which, fetch, lease, record};
use crate::domain::{AccountName, IntentId, State};
use crate::ledger::{IntentRecord, PaymentPlace, PaymentQuery};

/// So many rows are sorted sooner than the whole history is walked back for them.
const FEW: usize = 10_000;

/// A condition on `h` and `i`, and whether an index leads to few enough rows to sort them.
fn which(c: &Connection, query: &PaymentQuery, most: usize) -> Result<(Which, bool), Fault> {
    let mut which = Which { sql: "h.state <> 'split'".to_owned(), values: Vec::new() };
    let mut few = false;
    if !query.states.is_empty() {
        which = Which {
            sql: format!("h.state IN ({})", marks(query.states.len())),
            values: words(&query.states),
        };
        few = count_in(c, &query.states)? <= most.max(FEW);
    }
    if !query.accounts.is_empty() {
        few = few || are_few(c, &query.accounts, most.max(FEW))?;
        let sql = format!("h.account IN ({})", marks(query.accounts.len()));
        which.all(&sql, query.accounts.iter().map(ToString::to_string));
    }
    if let Some(since) = query.since {
        which.all("i.created_at >= ?", [instant(since)]);
    }
    if let Some(lease) = &query.lease {
        let port = lease.port.map_or_else(String::new, |port| port.to_string());
        let values = [lease.id.to_string(), lease.order.to_string(), lease.ip.clone(), port.clone(), port];
        which.all(OF_LEASE, values);
        few = true;
    }
    Ok((which, few))
}

/// By its id, or by order and address: a lease that got another id with its renewal keeps its payments, and a gateway's are each lease's own.
pub(super) const OF_LEASE: &str = "i.id IN (SELECT l.intent FROM intent_lease l WHERE l.lease = ?
    UNION SELECT l.intent FROM intent_lease l WHERE l.order_id = ? AND l.ip = ? AND l.ip <> '' AND (l.port IS NULL OR ? = '' OR CAST(l.port AS TEXT) = ?))";

/// Whether these accounts have no more payments than that.
fn are_few(c: &Connection, accounts: &[AccountName], most: usize) -> Result<bool, Fault> {
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 FROM intent_head WHERE account IN ({}) LIMIT {}) AS few",
        marks(accounts.len()),
        most.saturating_add(1)
    );
    let names = accounts.iter().map(AccountName::as_str);
    let n: i64 = c.prepare_cached(&sql)?.query_row(params_from_iter(names), |r| r.get(0))?;
    Ok(usize::try_from(n).is_ok_and(|n| n <= most))
}

fn marks(n: usize) -> String {
    vec!["?"; n].join(", ")
}

fn words(states: &[State]) -> Vec<String> {
    states.iter().map(|s| s.as_str().to_owned()).collect()
}

/// From the newest back along the index of instants, or from the few of a state.
pub(super) fn sql(condition: &str, few: bool) -> String {
    let columns = asked(&PAYMENT);
    let from = if few {
        FROM.to_owned()
    } else {
        FROM.replace(
            "intent_head h JOIN intent i ON i.id = h.intent",
            "intent i CROSS JOIN intent_head h ON h.intent = i.id",
        )
    };
    format!("SELECT {columns} {from} WHERE {condition} ORDER BY i.created_at DESC, i.id DESC LIMIT ?")
}

pub(super) const BEHIND: &str = "(i.created_at, i.id) < (?, (SELECT b.id FROM intent b WHERE b.name = ?))";

pub(super) const LEASES: &str = "t.intent = ?1 ORDER BY t.seq";

/// At most so many, newest first, behind `after`.
pub(super) fn page(
    c: &Connection,
    query: &PaymentQuery,
    after: Option<&PaymentPlace>,
    most: usize,
) -> Result<Vec<IntentRecord>, Fault> {
    let (mut which, few) = which(c, query, most)?;
    if let Some(after) = after {
        which.all(BEHIND, [instant(after.created_at), after.id.to_string()]);
    }
    let mut leases =
        c.prepare_cached(&format!("SELECT {} FROM intent_lease t WHERE {LEASES}", asked(&LEASE)))?;
    let mut found = c.prepare_cached(&sql(&which.sql, few))?;
    let limit = count(most).to_string();
    let mut rows = found.query(params_from_iter(which.values.iter().chain([&limit])))?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        let mut record = record(&row)?;
        let of_it = leases.query_map(params![number], lease)?.collect::<session::Result<Vec<_>>>()?;
        (record.request.leases, record.labels) = of_it.into_iter().unzip();
        page.push(record);
    }
    Ok(page)
}

pub(super) const PARTS: &str = "i.parent = (SELECT w.id FROM intent w WHERE w.name = ?)";

/// The parts of a payment that was split.
pub(super) fn parts(c: &Connection, id: &IntentId) -> Result<Vec<IntentRecord>, Fault> {
    fetch(c, &Which { sql: PARTS.to_owned(), values: vec![id.to_string()] })
}

/// How many payments are in one of these states: the index alone answers.
pub(super) fn count_in(c: &Connection, states: &[State]) -> Result<usize, Fault> {
    let sql = format!("SELECT count(*) FROM intent_head WHERE state IN ({})", marks(states.len()));
    let n: i64 = c.prepare_cached(&sql)?.query_row(params_from_iter(words(states)), |r| r.get(0))?;
    Ok(usize::try_from(n).unwrap_or_default())
}
