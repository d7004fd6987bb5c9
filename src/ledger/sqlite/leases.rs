//! Facts about accounts and leases: the newest that was read, written only where something changed.
//!
//! A crash keeps the last believed inventory: it is read again before anything is paid.
use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::text::{
    asked, count, end, get_count, get_instant, get_opt_end, get_opt_instant, get_opt_money, instant,
    opt_instant, opt_money, place,
};
use super::{Fault, cycles};
use crate::domain::lease::lost;
use crate::domain::{
    AccountName, Currency, Inventory, Kind, Lease, LeaseId, OrderId, OrderState, ProviderName, TermEnd,
};
use crate::ledger::{AccountFacts, KnownLease, LOST_UNTOLD, losses, losses_note};

/// What is read of a lease.
const LEASE: [(&str, &str); 15] = [
    ("account", "account"),
    ("lease", "lease"),
    ("order_id", "order_id"),
    ("ip", "ip"),
    ("kind", "kind"),
    ("country", "country"),
    ("tag", "tag"),
    ("expires_at", "expires_at"),
    ("provider_renews", "provider_renews"),
    ("state", "state"),
    ("held_since", "held_since"),
    ("billing_cycle", "billing_cycle"),
    ("price", "price"),
    ("first_seen", "first_seen"),
    ("port", "port"),
];

macro_rules! at {
    ($name:literal) => {
        const { place(&LEASE, $name) }
    };
}

/// The leases of an account as last believed, not the gone ones, sorted by id.
pub(super) fn known(c: &Connection, account: &AccountName) -> Result<Vec<KnownLease>, Fault> {
    let columns = asked(&LEASE);
    let sql =
        format!("SELECT {columns} FROM lease WHERE account = ?1 AND gone_at IS NULL ORDER BY lease.lease");
    let mut query = c.prepare_cached(&sql)?;
    let rows = query.query_map([account.as_str()], |r| {
        Ok(KnownLease { lease: lease(r)?, first_seen: get_instant(r, at!("first_seen"))? })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The leases of an account that left its list at or after `since`, sorted by id.
pub(super) fn gone(c: &Connection, account: &AccountName, since: Timestamp) -> Result<Vec<Lease>, Fault> {
    let columns = asked(&LEASE);
    let sql =
        format!("SELECT {columns} FROM lease WHERE account = ?1 AND gone_at >= ?2 ORDER BY lease.lease");
    let mut query = c.prepare_cached(&sql)?;
    let rows = query.query_map([account.as_str(), instant(since).as_str()], lease)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// One lease of an account as last believed; `None` if it is gone or was never listed.
pub(super) fn one(c: &Connection, account: &AccountName, id: &LeaseId) -> Result<Option<Lease>, Fault> {
    let columns = asked(&LEASE);
    let sql = format!("SELECT {columns} FROM lease WHERE account = ?1 AND lease = ?2 AND gone_at IS NULL");
    let mut query = c.prepare_cached(&sql)?;
    Ok(query.query_row([account.as_str(), id.as_str()], lease).optional()?)
}

/// Orders that were ever listed before that instant, gone ones included.
pub(super) fn orders_before(
    c: &Connection,
    account: &AccountName,
    at: Timestamp,
) -> Result<HashSet<OrderId>, Fault> {
    let mut query =
        c.prepare_cached("SELECT DISTINCT order_id FROM lease WHERE account = ?1 AND first_seen < ?2")?;
    let rows = query
        .query_map([account.as_str(), instant(at).as_str()], |r| r.get::<_, String>(0).map(OrderId::new))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn lease(row: &Row<'_>) -> rusqlite::Result<Lease> {
    let text = |at: usize| row.get::<_, String>(at);
    let end = get_opt_end(row, at!("expires_at"))?;
    Ok(Lease {
        account: AccountName::new(text(at!("account"))?),
        id: LeaseId::new(text(at!("lease"))?),
        order: OrderId::new(text(at!("order_id"))?),
        ip: text(at!("ip"))?,
        kind: Kind::new(text(at!("kind"))?),
        country: row.get(at!("country"))?,
        tag: row.get(at!("tag"))?,
        port: row.get(at!("port"))?,
        expires_at: end.map(|end| end.at),
        told: end.map(|end| end.told).unwrap_or_default(),
        provider_renews: row.get(at!("provider_renews"))?,
        state: OrderState::stored(&text(at!("state"))?),
        held_since: get_opt_instant(row, at!("held_since"))?,
        cycle: row.get(at!("billing_cycle"))?,
        price: get_opt_money(row, at!("price"))?,
    })
}

/// Stores a believed inventory. It comes sorted by id, so the rows are written in the order of their key, which is many
/// times faster than at random.
pub(super) fn record(
    tx: &Transaction<'_>,
    provider: &ProviderName,
    account: &AccountName,
    at: Timestamp,
    inventory: &Inventory,
) -> Result<(), Fault> {
    let known: Vec<Lease> = known(tx, account)?.into_iter().map(|k| k.lease).collect();
    note_lost(tx, account, &known, &inventory.leases)?;
    let mut stored: HashMap<LeaseId, Lease> = known.into_iter().map(|l| (l.id.clone(), l)).collect();
    let mut put = tx.prepare_cached(
        "INSERT INTO lease (account, lease, order_id, ip, kind, country, tag, expires_at, provider_renews, first_seen,
           state, held_since, billing_cycle, price, port)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
         ON CONFLICT (account, lease) DO UPDATE SET order_id = excluded.order_id, ip = excluded.ip, kind = excluded.kind,
           country = excluded.country, tag = excluded.tag, expires_at = excluded.expires_at,
           provider_renews = excluded.provider_renews, state = excluded.state, held_since = excluded.held_since,
           billing_cycle = excluded.billing_cycle, price = excluded.price, port = excluded.port,
           gone_at = NULL",
    )?;
    for l in &inventory.leases {
        if stored.remove(&l.id).as_ref() == Some(l) {
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
            l.expires_at.map(|at| end(TermEnd { at, told: l.told })),
            l.provider_renews,
            instant(at),
            l.state.as_str(),
            opt_instant(l.held_since),
            l.cycle,
            opt_money(l.price),
            l.port
        ])?;
    }
    let mut gone = tx.prepare_cached("UPDATE lease SET gone_at = ?3 WHERE account = ?1 AND lease = ?2")?;
    for id in stored.into_keys() {
        gone.execute(params![account.as_str(), id.as_str(), instant(at)])?;
    }
    record_account(tx, provider, account, at, inventory)
}

/// Adds what this list lost to the losses that nobody was told of, and strikes out what is back.
fn note_lost(
    tx: &Transaction<'_>,
    account: &AccountName,
    known: &[Lease],
    listed: &[Lease],
) -> Result<(), Fault> {
    let before = cycles::noted(tx, LOST_UNTOLD)?.unwrap_or_default();
    let noted = losses(&before);
    let (own, mut all): (Vec<Lease>, Vec<Lease>) = noted.into_iter().partition(|l| &l.account == account);
    for lease in lost(&own, listed).into_iter().chain(lost(known, listed)) {
        if !all.contains(lease) {
            all.push(lease.clone());
        }
    }
    let after = losses_note(&all);
    if after == before { Ok(()) } else { cycles::note(tx, LOST_UNTOLD, &after) }
}

fn record_account(
    tx: &Transaction<'_>,
    provider: &ProviderName,
    account: &AccountName,
    at: Timestamp,
    inventory: &Inventory,
) -> Result<(), Fault> {
    tx.prepare_cached(
        "INSERT INTO account (account, provider, read_at, balance, currency, leases) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (account) DO UPDATE SET provider = excluded.provider, read_at = excluded.read_at,
           balance = excluded.balance, currency = excluded.currency, leases = excluded.leases, error = NULL,
           failing_since = NULL",
    )?
    .execute(params![
        account.as_str(),
        provider.as_str(),
        instant(at),
        inventory.balance.amount.to_string(),
        inventory.balance.currency.as_str(),
        count(inventory.leases.len())
    ])?;
    Ok(())
}

/// An account could not be read: what was known of it stays.
pub(super) fn record_unread(
    tx: &Transaction<'_>,
    provider: &ProviderName,
    account: &AccountName,
    at: Timestamp,
    error: &str,
) -> Result<(), Fault> {
    tx.prepare_cached(
        "INSERT INTO account (account, provider, error, failing_since) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (account) DO UPDATE SET provider = excluded.provider, error = excluded.error,
           failing_since = coalesce(failing_since, excluded.failing_since)",
    )?
    .execute(params![account.as_str(), provider.as_str(), error, instant(at)])?;
    Ok(())
}

/// Every account ever read, by name.
pub(super) fn accounts(c: &Connection) -> Result<Vec<AccountFacts>, Fault> {
    let mut query = c.prepare_cached("SELECT * FROM account ORDER BY account")?;
    let rows = query.query_map([], |r| {
        Ok(AccountFacts {
            account: AccountName::new(r.get::<_, String>("account")?),
            provider: ProviderName::new(r.get::<_, String>("provider")?),
            read_at: get_opt_instant(r, "read_at")?,
            balance: get_opt_money(r, "balance")?,
            currency: r.get::<_, Option<String>>("currency")?.map(Currency::new),
            leases: get_count(r, "leases")?,
            error: r.get("error")?,
            failing_since: get_opt_instant(r, "failing_since")?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
