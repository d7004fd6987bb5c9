//! The checks after a crash: the provider's books against the ledger. Not responsible for getting there.
use std::collections::BTreeMap;

use renewd::domain::Money;
use rusqlite::{Connection, OpenFlags};

use crate::crash::scenarios::Scenario;
use crate::crash::stage::{Stage, money};

/// A payment as the ledger has it.
#[derive(Debug)]
pub struct Payment {
    pub purpose: String,
    pub state: String,
    pub charged: Option<Money>,
    /// As [`crate::crash::stage::Charge::what`].
    pub what: Vec<String>,
}

fn open(stage: &Stage) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(stage.state().join("ledger.db"), OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// Every payment that was not split. Asked only while no renewd runs and the last one ended well.
pub fn payments(stage: &Stage) -> rusqlite::Result<Vec<Payment>> {
    let subject = if stage.provider.tells_addresses() { "ip" } else { "order_id" };
    let ledger = open(stage)?;
    let mut rows = ledger.prepare(&format!(
        "SELECT i.purpose, h.state, h.charged, CASE i.purpose
           WHEN 'purchase' THEN (SELECT order_id FROM purchase_order o WHERE o.intent = i.id ORDER BY o.id DESC LIMIT 1)
           ELSE (SELECT group_concat({subject}, ' ') FROM intent_lease l WHERE l.intent = i.id) END
         FROM intent i JOIN intent_head h ON h.intent = i.id WHERE h.state <> 'split' ORDER BY i.id"
    ))?;
    let found = rows.query_map([], |r| {
        let (charged, what): (Option<String>, Option<String>) = (r.get(2)?, r.get(3)?);
        let mut what: Vec<String> = what.iter().flat_map(|w| w.split(' ')).map(str::to_owned).collect();
        what.dedup();
        Ok(Payment { purpose: r.get(0)?, state: r.get(1)?, charged: charged.map(|c| money(&c)), what })
    })?;
    found.collect()
}

/// The newest payment of a lease of which two were shown not to be applied and none is paid, unless a person has spoken.
pub fn twice_lost(stage: &Stage) -> rusqlite::Result<Option<String>> {
    let ledger = open(stage)?;
    let mut rows = ledger.prepare(
        "SELECT max(i.name) FROM intent i JOIN intent_head h ON h.intent = i.id JOIN intent_lease l ON l.intent = i.id
         WHERE h.state <> 'split' GROUP BY l.lease
         HAVING sum(h.state = 'not_applied') > 1 AND sum(h.state <> 'not_applied') = 0 AND sum(h.operator_spoke) = 0",
    )?;
    rows.query_map([], |r| r.get(0))?.next().transpose()
}

/// Nothing waits for evidence or for a person.
pub fn settled(stage: &Stage) -> rusqlite::Result<bool> {
    let open = ["reserved", "spend_started", "accepted", "unknown", "needs_operator"];
    Ok(payments(stage)?.iter().all(|p| !open.contains(&p.state.as_str())))
}

/// Alerts that are open.
pub fn alerts(stage: &Stage) -> rusqlite::Result<i64> {
    open(stage)?.query_row("SELECT count(*) FROM alert WHERE closed_at IS NULL", [], |r| r.get(0))
}

/// What is wrong after a pass that follows a crash; nothing, if all is well.
pub fn pass(stage: &Stage, code: Option<i32>) -> Result<(), String> {
    let trouble = |e: rusqlite::Error| format!("the ledger cannot be read: {e}");
    if !matches!(code, Some(0 | 3)) {
        return Err(format!("a pass after the crash ended with {code:?}"));
    }
    let stuck =
        code == Some(3) || payments(stage).map_err(trouble)?.iter().any(|p| p.state == "needs_operator");
    if stuck && alerts(stage).map_err(trouble)? == 0 {
        return Err("something needs attention and no alert is open".to_owned());
    }
    Ok(())
}

/// What is wrong in the end.
pub fn end(stage: &Stage, scenario: &Scenario) -> Result<(), String> {
    let trouble = |e: rusqlite::Error| format!("the ledger cannot be read: {e}");
    let ledger = open(stage).map_err(trouble)?;
    let integrity: String = ledger.query_row("PRAGMA integrity_check", [], |r| r.get(0)).map_err(trouble)?;
    if integrity != "ok" {
        return Err(format!("integrity_check: {integrity}"));
    }
    let (charges, payments) = (stage.charges(), payments(stage).map_err(trouble)?);
    let twice = stage.paid_twice();
    let mut per_lease: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    charges.iter().flat_map(|c| &c.what).for_each(|w| per_lease.entry(w).or_default().0 += 1);
    let confirmed = || payments.iter().filter(|p| p.state == "confirmed");
    confirmed().flat_map(|p| &p.what).for_each(|w| per_lease.entry(w).or_default().1 += 1);
    if let Some((what, (books, rows))) = per_lease.iter().find(|(_, n)| **n != (1, 1)) {
        return Err(format!("{what}: {books} charges in the books, {rows} in the ledger; {payments:?}"));
    }
    if !twice.is_empty() || per_lease.len() != scenario.paid {
        let (found, wanted) = (per_lease.len(), scenario.paid);
        return Err(format!("{found} paid for, not {wanted}; twice: {twice:?}; {charges:?}; {payments:?}"));
    }
    let books = Money::sum(charges.iter().map(|c| c.amount));
    let rows = Money::sum(confirmed().map(|p| p.charged.unwrap_or_default()));
    if books != rows {
        return Err(format!("the books say {books:?}, the ledger {rows:?}"));
    }
    if !settled(stage).map_err(trouble)? {
        return Err(format!("not settled, with {} alerts open: {payments:?}", alerts(stage).unwrap_or(0)));
    }
    if !(scenario.done)(stage) {
        return Err(format!("what is wanted was not done: {payments:?}"));
    }
    Ok(())
}
