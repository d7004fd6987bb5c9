//! Events for hooks: queued within the transactions of what they tell of, and what became of each.
//!
//! A crash leaves an event queued together with what it tells of, or neither; one that a program took and that was not deleted yet is
//! told again under the same id.
use std::collections::BTreeSet;

use crate::ledger::session::{self, Connection, OptionalExtension, Transaction, params};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Fault, SqliteLedger, cycles, history};
use crate::domain::{AccountName, IntentId, LeaseView};
use crate::ledger::sqlite::column::{get_count, get_instant, get_opt_instant, instant};
use crate::ledger::{
    CycleSummary, Happening, HookEvent, HookState, Hooks, IntentRecord, LedgerError, Subscription,
    WaitingEvent,
};

/// Grows, never changes its meaning.
const SCHEMA: u32 = 1;

impl Hooks for SqliteLedger {
    fn subscribe(&self, hooks: &[Subscription], at: Timestamp) -> Result<(), LedgerError> {
        let same = self.read(|c| Ok(subscribed(c)? == wanted(hooks)))?;
        if same { Ok(()) } else { self.write(|tx| subscribe(tx, hooks, at)) }
    }

    fn happened(&self, all: &[Happening], at: Timestamp) -> Result<(), LedgerError> {
        let news = |c: &Connection| {
            let mut news = Vec::new();
            for one in all {
                if !is_told(c, one)? {
                    news.push(one);
                }
            }
            Ok(news)
        };
        // Most passes see what was told long ago: they write nothing.
        let news = self.read(news)?;
        if news.is_empty() {
            return Ok(());
        }
        self.write(|tx| news.iter().try_for_each(|one| happened(tx, one, at)))
    }

    fn next_event(&self, hook: &str) -> Result<Option<WaitingEvent>, LedgerError> {
        self.read(|c| next(c, hook))
    }

    fn event_taken(&self, row: i64) -> Result<(), LedgerError> {
        self.write(|tx| {
            tx.execute(
                "UPDATE hook SET gave_up_at = NULL
                 WHERE gave_up_at IS NOT NULL AND name = (SELECT hook FROM hook_event WHERE id = ?1)",
                [row],
            )?;
            tx.execute("DELETE FROM hook_event WHERE id = ?1", [row])?;
            Ok(())
        })
    }

    fn event_failed(
        &self,
        row: i64,
        at: Timestamp,
        next_at: Timestamp,
        error: &str,
        aside: bool,
    ) -> Result<(), LedgerError> {
        self.write(|tx| failed(tx, row, (at, next_at), error, aside))
    }

    fn hook_states(&self) -> Result<Vec<HookState>, LedgerError> {
        self.read(states)
    }
}

/// As the table has them.
fn subscribed(c: &Connection) -> Result<Vec<(String, String)>, Fault> {
    let mut query = c.prepare_cached("SELECT name, events FROM hook ORDER BY name")?;
    let rows = query.query_map([], |r| Ok((r.get("name")?, r.get("events")?)))?;
    Ok(rows.collect::<session::Result<_>>()?)
}

fn wanted(hooks: &[Subscription]) -> Vec<(String, String)> {
    let words = |s: &Subscription| s.events.iter().map(|e| e.as_str()).collect::<Vec<_>>().join("\n");
    let mut all: Vec<(String, String)> = hooks.iter().map(|s| (s.hook.clone(), words(s))).collect();
    all.sort();
    all
}

fn subscribe(tx: &Transaction<'_>, hooks: &[Subscription], at: Timestamp) -> Result<(), Fault> {
    let all = wanted(hooks);
    for (name, _) in subscribed(tx)?.iter().filter(|(name, _)| all.iter().all(|(n, _)| n != name)) {
        tx.execute("DELETE FROM hook WHERE name = ?1", [name])?;
    }
    for (name, events) in &all {
        tx.execute(
            "INSERT INTO hook (name, events) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET events = excluded.events",
            [name, events],
        )?;
    }
    forget(tx, at)
}

fn forget(tx: &Transaction<'_>, at: Timestamp) -> Result<(), Fault> {
    tx.execute("DELETE FROM hook_event WHERE queued_at < ?1", [cycles::horizon(at)])?;
    Ok(())
}

fn is_told(c: &Connection, one: &Happening) -> Result<bool, Fault> {
    let Some(account) = &one.once_of else { return Ok(false) };
    Ok(c.prepare_cached("SELECT 1 FROM hook_told WHERE account = ?1 AND fact = ?2")?
        .query_row([account.as_str(), &one.id], |_| Ok(()))
        .optional()?
        .is_some())
}

/// Whether any hook is told of such things: else nothing is made of them.
fn is_asked_for(c: &Connection, event: HookEvent) -> Result<bool, Fault> {
    Ok(c.prepare_cached("SELECT 1 FROM hook WHERE instr(?1 || events || ?1, ?2) > 0 LIMIT 1")?
        .query_row(["\n", &line(event)], |_| Ok(()))
        .optional()?
        .is_some())
}

/// An event among those of a hook, which are kept one a line.
fn line(event: HookEvent) -> String {
    format!("\n{}\n", event.as_str())
}

/// Queues it for every hook that asks for it.
pub(super) fn happened(tx: &Transaction<'_>, one: &Happening, at: Timestamp) -> Result<(), Fault> {
    if let Some(account) = &one.once_of {
        let fresh = tx
            .prepare_cached(
                "INSERT INTO hook_told (account, fact, at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            )?
            .execute([account.as_str(), &one.id, &instant(at)])?;
        if fresh == 0 {
            return Ok(());
        }
    }
    let mut document: Map<String, Value> = serde_json::from_str(&one.body)
        .map_err(|e| Fault::Nonsense(format!("what hooks are told of {} is not an object: {e}", one.id)))?;
    document.insert("schema".to_owned(), SCHEMA.into());
    document.insert("event".to_owned(), one.event.as_str().into());
    document.insert("id".to_owned(), one.id.as_str().into());
    document.insert("at".to_owned(), one.at.to_string().into());
    tx.prepare_cached(
        "INSERT INTO hook_event (hook, event, event_id, document, queued_at, next_at)
         SELECT name, ?1, ?2, ?3, ?4, ?4 FROM hook
         WHERE instr(?6 || events || ?6, ?7) > 0 AND (CAST(?5 AS text) IS NULL OR name <> ?5)",
    )?
    .execute(params![
        one.event.as_str(),
        one.id,
        Value::Object(document).to_string(),
        instant(at),
        one.not_for,
        "\n",
        line(one.event)
    ])?;
    Ok(())
}

/// A payment was confirmed in this transaction.
pub(super) fn renewed(tx: &Transaction<'_>, id: &IntentId, at: Timestamp) -> Result<(), Fault> {
    if !is_asked_for(tx, HookEvent::Renewed)? {
        return Ok(());
    }
    let record = history::one(tx, id)?;
    let one = Happening {
        event: HookEvent::Renewed,
        id: format!("renewed:{id}"),
        at,
        body: payment(&record, &labels(tx, id)?).to_string(),
        once_of: None,
        not_for: None,
    };
    happened(tx, &one, at)
}

/// What the config called the leases of a payment when it was reserved, each once.
fn labels(c: &Connection, id: &IntentId) -> Result<BTreeSet<String>, Fault> {
    let mut query = c.prepare_cached(
        "SELECT l.labels FROM intent_lease l JOIN intent i ON i.id = l.intent WHERE i.name = ?1 AND l.labels IS NOT NULL",
    )?;
    let lists =
        query.query_map([id.as_str()], |r| r.get::<_, String>(0))?.collect::<session::Result<Vec<_>>>()?;
    Ok(lists.iter().flat_map(|list| serde_json::from_str::<Vec<String>>(list).unwrap_or_default()).collect())
}

fn payment(r: &IntentRecord, labels: &BTreeSet<String>) -> Value {
    let leases = r.request.leases.iter().map(|l| {
        json!({ "lease": l.id.as_str(), "order": l.order.as_str(), "ip": l.ip, "ended": l.expires_at.to_string() })
    });
    json!({
        "payment": r.id.as_str(),
        "purpose": r.purpose.word(),
        "account": r.request.account.as_str(),
        "provider": r.provider.as_str(),
        "policy": r.policy,
        "amount": r.detail.charged.unwrap_or(r.quoted).to_string(),
        "currency": r.currency.as_str(),
        "ends": r.detail.expires_after.map(|t| t.to_string()),
        "order": r.order.as_ref().map(|o| o.as_str().to_owned()),
        "labels": labels,
        "leases": leases.collect::<Vec<_>>(),
    })
}

/// A cycle ended in this transaction.
pub(super) fn cycle(tx: &Transaction<'_>, number: i64, at: Timestamp, s: &CycleSummary) -> Result<(), Fault> {
    if !is_asked_for(tx, HookEvent::Cycle)? {
        return Ok(());
    }
    let body = json!({ "cycle": number, "outcome": s.outcome, "paid": s.paid, "held": s.held, "unknown": s.unknown });
    let id = format!("cycle:{number}");
    let one =
        Happening { event: HookEvent::Cycle, id, at, body: body.to_string(), once_of: None, not_for: None };
    happened(tx, &one, at)
}

/// A list that is being recorded shows another address under a known id.
pub(super) fn replaced(
    tx: &Transaction<'_>,
    (account, provider): (&AccountName, &str),
    (was, now): (LeaseView<'_>, LeaseView<'_>),
    at: Timestamp,
) -> Result<(), Fault> {
    let body = json!({
        "account": account.as_str(),
        "provider": provider,
        "lease": now.id,
        "order": now.order,
        "kind": now.kind.as_str(),
        "was": was.ip,
        "ip": now.ip,
    });
    let one = Happening {
        event: HookEvent::Replaced,
        id: format!("replaced:{account}:{}:{}:{}", now.id, now.ip, instant(at)),
        at,
        body: body.to_string(),
        once_of: None,
        not_for: None,
    };
    happened(tx, &one, at)
}

fn next(c: &Connection, hook: &str) -> Result<Option<WaitingEvent>, Fault> {
    let mut query = c.prepare_cached(
        "SELECT e.*, h.gave_up_at IS NOT NULL AS gave_up FROM hook_event e JOIN hook h ON h.name = e.hook
         WHERE e.hook = ?1 AND e.aside_at IS NULL ORDER BY e.id LIMIT 1",
    )?;
    let event = query.query_row([hook], |r| {
        Ok(WaitingEvent {
            row: r.get("id")?,
            event: r.get("event")?,
            id: r.get("event_id")?,
            document: r.get("document")?,
            queued_at: get_instant(r, "queued_at")?,
            first_tried_at: get_opt_instant(r, "first_tried_at")?,
            attempts: r.get("attempts")?,
            next_at: get_instant(r, "next_at")?,
            gave_up: r.get("gave_up")?,
        })
    });
    Ok(event.optional()?)
}

fn failed(
    tx: &Transaction<'_>,
    row: i64,
    (at, next_at): (Timestamp, Timestamp),
    error: &str,
    aside: bool,
) -> Result<(), Fault> {
    tx.execute(
        "UPDATE hook_event SET attempts = attempts + 1, first_tried_at = coalesce(first_tried_at, ?2), next_at = ?3,
           last_error = ?4, aside_at = CASE WHEN ?5 THEN ?2 END
         WHERE id = ?1",
        params![row, instant(at), instant(next_at), error, aside],
    )?;
    if aside {
        let of = "UPDATE hook SET gave_up_at = ?2 WHERE name = (SELECT hook FROM hook_event WHERE id = ?1)";
        tx.execute(of, params![row, instant(at)])?;
        forget(tx, at)?;
    }
    Ok(())
}

fn states(c: &Connection) -> Result<Vec<HookState>, Fault> {
    let mut query = c.prepare_cached(
        "WITH known AS (SELECT name FROM hook UNION SELECT DISTINCT hook FROM hook_event WHERE aside_at IS NULL)
         SELECT name,
           (SELECT count(*) FROM hook_event WHERE hook = name AND aside_at IS NULL) AS waiting,
           (SELECT min(queued_at) FROM hook_event WHERE hook = name AND aside_at IS NULL) AS oldest,
           (SELECT first_tried_at FROM hook_event WHERE hook = name AND aside_at IS NULL ORDER BY id LIMIT 1) AS failing,
           coalesce((SELECT last_error FROM hook_event WHERE hook = name AND aside_at IS NULL ORDER BY id LIMIT 1),
             (SELECT last_error FROM hook_event WHERE hook = name AND aside_at IS NOT NULL ORDER BY aside_at DESC, id DESC LIMIT 1))
             AS error
         FROM known ORDER BY name",
    )?;
    let rows = query.query_map([], |r| {
        Ok(HookState {
            hook: r.get("name")?,
            waiting: get_count(r, "waiting")?,
            oldest: get_opt_instant(r, "oldest")?,
            failing_since: get_opt_instant(r, "failing")?,
            last_error: r.get("error")?,
            aside: Vec::new(),
        })
    })?;
    let mut all = rows.collect::<session::Result<Vec<HookState>>>()?;
    let mut aside = c.prepare_cached(
        "SELECT event_id, aside_at FROM hook_event WHERE hook = ?1 AND aside_at IS NOT NULL ORDER BY aside_at, id",
    )?;
    for state in &mut all {
        let rows =
            aside.query_map([&state.hook], |r| Ok((r.get("event_id")?, get_instant(r, "aside_at")?)))?;
        state.aside = rows.collect::<session::Result<_>>()?;
    }
    Ok(all)
}
