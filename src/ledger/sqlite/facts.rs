//! Facts about accounts, leases, cycles and decisions: current rows, written only where something changed.
use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::Fault;
use super::rows::{get_instant, get_moment, get_opt_instant, get_opt_money, instant, opt_instant};
use crate::domain::{AccountName, Currency, Inventory, Kind, Lease, LeaseId, Moment, OrderId, ProviderName};
use crate::ledger::{AccountFacts, CycleRecord, CycleSummary, DecisionRow, KnownLease};

/// Cycles older than this many are dropped: what they did is in the payments.
const CYCLES_KEPT: i64 = 20_000;

pub(super) fn start_cycle(tx: &Transaction<'_>, at: &Moment) -> Result<i64, Fault> {
    tx.execute(
        "INSERT INTO cycle (started_at, started_boot, started_ms) VALUES (?1, ?2, ?3)",
        params![instant(at.wall), at.boot_id, at.boot_ms],
    )?;
    let id = tx.last_insert_rowid();
    tx.execute("DELETE FROM cycle WHERE id <= ?1", [id - CYCLES_KEPT])?;
    Ok(id)
}

pub(super) fn end_cycle(tx: &Transaction<'_>, id: i64, at: &Moment, s: &CycleSummary) -> Result<(), Fault> {
    let n = |v: u64| i64::try_from(v).unwrap_or(i64::MAX);
    tx.execute(
        "UPDATE cycle SET ended_at = ?2, outcome = ?3, paid = ?4, held = ?5, unknown = ?6 WHERE id = ?1",
        params![id, instant(at.wall), s.outcome, n(s.paid), n(s.held), n(s.unknown)],
    )?;
    Ok(())
}

pub(super) fn last_cycle(connection: &Connection) -> rusqlite::Result<Option<CycleRecord>> {
    connection
        .query_row("SELECT * FROM cycle ORDER BY id DESC LIMIT 1", [], |r| {
            let n = |c: &str| r.get::<_, i64>(c).map(|v| u64::try_from(v).unwrap_or_default());
            Ok(CycleRecord {
                id: r.get("id")?,
                started_at: get_moment(r, "started_")?,
                ended_at: get_opt_instant(r, "ended_at")?,
                summary: CycleSummary {
                    outcome: r.get("outcome")?,
                    paid: n("paid")?,
                    held: n("held")?,
                    unknown: n("unknown")?,
                },
            })
        })
        .optional()
}

fn lease(row: &Row<'_>) -> rusqlite::Result<KnownLease> {
    let text = |c: &str| row.get::<_, String>(c);
    Ok(KnownLease {
        lease: Lease {
            account: AccountName::new(text("account")?),
            id: LeaseId::new(text("lease")?),
            order: OrderId::new(text("order_id")?),
            ip: text("ip")?,
            kind: Kind::new(text("kind")?),
            country: row.get("country")?,
            tag: row.get("tag")?,
            expires_at: get_opt_instant(row, "expires_at")?,
            provider_renews: row.get("provider_renews")?,
        },
        first_seen: get_instant(row, "first_seen")?,
    })
}

pub(super) fn known_leases(
    connection: &Connection,
    account: &AccountName,
) -> rusqlite::Result<Vec<KnownLease>> {
    connection
        .prepare_cached("SELECT * FROM lease WHERE account = ?1 AND gone_at IS NULL ORDER BY lease")?
        .query_map([account.as_str()], lease)?
        .collect()
}

pub(super) fn record_inventory(
    tx: &Transaction<'_>,
    provider: &ProviderName,
    account: &AccountName,
    at: Timestamp,
    inventory: &Inventory,
) -> Result<(), Fault> {
    let mut known: HashMap<LeaseId, Lease> =
        known_leases(tx, account)?.into_iter().map(|k| (k.lease.id.clone(), k.lease)).collect();
    let mut put = tx.prepare_cached(
        "INSERT INTO lease (account, lease, order_id, ip, kind, country, tag, expires_at, provider_renews, first_seen)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (account, lease) DO UPDATE SET order_id = excluded.order_id, ip = excluded.ip, kind = excluded.kind,
           country = excluded.country, tag = excluded.tag, expires_at = excluded.expires_at,
           provider_renews = excluded.provider_renews, gone_at = NULL",
    )?;
    for l in &inventory.leases {
        if known.remove(&l.id).as_ref() == Some(l) {
            continue;
        }
        put.execute(params![
            account.as_str(),
            l.id.as_str(),
            l.order.as_str(),
            l.ip,
            l.kind.as_str(),
            l.country,
            l.tag,
            opt_instant(l.expires_at),
            l.provider_renews,
            instant(at)
        ])?;
    }
    let mut gone = tx.prepare_cached("UPDATE lease SET gone_at = ?3 WHERE account = ?1 AND lease = ?2")?;
    for id in known.into_keys() {
        gone.execute(params![account.as_str(), id.as_str(), instant(at)])?;
    }
    let count = i64::try_from(inventory.leases.len()).unwrap_or(i64::MAX);
    tx.execute(
        "INSERT INTO account (account, provider, read_at, balance, currency, leases) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (account) DO UPDATE SET provider = excluded.provider, read_at = excluded.read_at, balance = excluded.balance,
           currency = excluded.currency, leases = excluded.leases, error = NULL, failing_since = NULL",
        params![
            account.as_str(),
            provider.as_str(),
            instant(at),
            inventory.balance.amount.to_string(),
            inventory.balance.currency.as_str(),
            count
        ],
    )?;
    Ok(())
}

pub(super) fn record_unread(
    tx: &Transaction<'_>,
    provider: &ProviderName,
    account: &AccountName,
    at: Timestamp,
    error: &str,
) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO account (account, provider, error, failing_since) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (account) DO UPDATE SET provider = excluded.provider, error = excluded.error,
           failing_since = coalesce(failing_since, excluded.failing_since)",
        params![account.as_str(), provider.as_str(), error, instant(at)],
    )?;
    Ok(())
}

pub(super) fn accounts(connection: &Connection) -> rusqlite::Result<Vec<AccountFacts>> {
    connection
        .prepare_cached("SELECT * FROM account ORDER BY account")?
        .query_map([], |r| {
            let leases: i64 = r.get("leases")?;
            Ok(AccountFacts {
                account: AccountName::new(r.get::<_, String>("account")?),
                provider: ProviderName::new(r.get::<_, String>("provider")?),
                read_at: get_opt_instant(r, "read_at")?,
                balance: get_opt_money(r, "balance")?,
                currency: r.get::<_, Option<String>>("currency")?.map(Currency::new),
                leases: usize::try_from(leases).unwrap_or_default(),
                error: r.get("error")?,
                failing_since: get_opt_instant(r, "failing_since")?,
            })
        })?
        .collect()
}

pub(super) fn record_decisions(
    tx: &Transaction<'_>,
    cycle: i64,
    at: Timestamp,
    rows: &[DecisionRow],
) -> Result<(), Fault> {
    type Short = (String, String, Option<String>);
    let mut known: HashMap<(String, String), Short> = HashMap::new();
    let mut read = tx.prepare_cached("SELECT account, lease, decision, word, policy FROM decision")?;
    let stored = read.query_map([], |r| Ok(((r.get(0)?, r.get(1)?), (r.get(2)?, r.get(3)?, r.get(4)?))))?;
    for row in stored {
        let (key, value) = row?;
        known.insert(key, value);
    }
    let mut put = tx.prepare_cached(
        "INSERT OR REPLACE INTO decision (account, lease, ip, kind, decision, word, reason, policy, changed_at, cycle)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for d in rows {
        let key = (d.account.to_string(), d.lease.to_string());
        let same = (d.decision.clone(), d.word.clone(), d.policy.clone());
        if known.remove(&key).as_ref() == Some(&same) {
            continue;
        }
        put.execute(params![
            key.0,
            key.1,
            d.ip,
            d.kind.as_str(),
            d.decision,
            d.word,
            d.reason,
            d.policy,
            instant(at),
            cycle
        ])?;
    }
    let mut gone = tx.prepare_cached("DELETE FROM decision WHERE account = ?1 AND lease = ?2")?;
    for (account, lease) in known.into_keys() {
        gone.execute([account, lease])?;
    }
    Ok(())
}
