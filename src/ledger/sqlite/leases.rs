//! Facts about accounts and leases: the newest that was read, written only where something changed.
//!
//! A crash keeps the last believed inventory: it is read again before anything is paid.
use std::collections::HashSet;

use crate::ledger::session::{self, Connection, OptionalExtension, Row, Transaction, params};
use jiff::Timestamp;

use super::ranges::{Of, Piece, Rows, compare, load, renewed, store};
use super::{Fault, cycles, hooks};
use crate::domain::digest::Print;
use crate::domain::lost::lost;
use crate::domain::{
    AccountName, Currency, Difference, Inventory, Kind, Lease, LeaseId, Leases, OrderId, OrderState,
    ProviderName, RequestLease,
};
use crate::ledger::sqlite::column::{
    asked, count, end, get_count, get_instant, get_opt_end, get_opt_instant, get_opt_money, instant,
    opt_instant, opt_money, place,
};
use crate::ledger::{AccountFacts, KnownLease, LOST_UNTOLD, LivedLease, losses, losses_note};

/// What is read of a lease.
pub(super) const LEASE: [(&str, &str); 17] = [
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
    ("operator", "operator"),
    ("started_at", "started_at"),
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
    Ok(rows.collect::<session::Result<_>>()?)
}

/// The leases of an account that were on its list at or after `since`, by id.
pub(super) fn lived(
    c: &Connection,
    account: &AccountName,
    since: Timestamp,
) -> Result<Vec<LivedLease>, Fault> {
    let columns = asked(&LEASE);
    let sql = format!(
        "SELECT {columns}, gone_at AS left_at FROM lease WHERE account = ?1 AND (gone_at IS NULL OR gone_at >= ?2) ORDER BY lease.lease"
    );
    let mut query = c.prepare_cached(&sql)?;
    let rows = query.query_map([account.as_str(), instant(since).as_str()], |r| {
        Ok(LivedLease {
            lease: lease(r)?,
            first_seen: get_instant(r, at!("first_seen"))?,
            gone_at: get_opt_instant(r, "left_at")?,
        })
    })?;
    Ok(rows.collect::<session::Result<_>>()?)
}

/// The leases of an account that left its list at or after `since`, sorted by id.
pub(super) fn gone(c: &Connection, account: &AccountName, since: Timestamp) -> Result<Vec<Lease>, Fault> {
    let columns = asked(&LEASE);
    let sql =
        format!("SELECT {columns} FROM lease WHERE account = ?1 AND gone_at >= ?2 ORDER BY lease.lease");
    let mut query = c.prepare_cached(&sql)?;
    let rows = query.query_map([account.as_str(), instant(since).as_str()], lease)?;
    Ok(rows.collect::<session::Result<_>>()?)
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
    Ok(rows.collect::<session::Result<_>>()?)
}

pub(super) fn lease(row: &Row<'_>) -> session::Result<Lease> {
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
        operator: row.get(at!("operator"))?,
        started_at: get_opt_instant(row, at!("started_at"))?,
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

/// A list, held against the ranges of what is known.
struct Listed<'a> {
    leases: &'a Leases,
    print: Print,
}

impl Rows for Listed<'_> {
    fn len(&self) -> usize {
        self.leases.len()
    }

    fn id(&self, n: usize) -> &str {
        self.leases.id(n)
    }

    fn digest(&mut self, n: usize) -> u128 {
        self.print.of(&self.leases.view(n))
    }
}

/// Where a list differs from what is known. Rows are read there only.
pub(super) fn difference(
    c: &Connection,
    account: &AccountName,
    listed: &Leases,
) -> Result<Difference, Fault> {
    let kept = load(c, account, Of::Leases)?;
    let pieces = compare(kept.as_ref(), &mut Listed { leases: listed, print: Print::default() });
    held_against(c, account, &pieces)
}

fn held_against(c: &Connection, account: &AccountName, pieces: &[Piece]) -> Result<Difference, Fault> {
    let mut difference = Difference::default();
    for piece in pieces {
        between(c, account, &piece.from, piece.to.as_deref(), &mut difference.known)?;
        if !piece.listed.is_empty() {
            difference.listed.push(piece.listed.clone());
        }
    }
    Ok(difference)
}

/// The whole list as last believed.
pub(super) fn last_list(c: &Connection, account: &AccountName) -> Result<Leases, Fault> {
    let mut all = Leases::default();
    between(c, account, "", None, &mut all)?;
    all.sort();
    Ok(all)
}

/// Adds the known leases whose ids lie between.
fn between(
    c: &Connection,
    account: &AccountName,
    from: &str,
    to: Option<&str>,
    all: &mut Leases,
) -> Result<(), Fault> {
    let columns = asked(&LEASE);
    let up_to = if to.is_some() { "AND lease.lease < ?3" } else { "AND CAST(?3 AS TEXT) IS NULL" };
    let sql = format!(
        "SELECT {columns} FROM lease WHERE account = ?1 AND lease.lease >= ?2 {up_to} AND gone_at IS NULL
         ORDER BY lease.lease"
    );
    let mut query = c.prepare_cached(&sql)?;
    let mut rows = query.query(params![account.as_str(), from, to])?;
    while let Some(row) = rows.next()? {
        all.push(&lease(&row)?.view());
    }
    Ok(())
}

/// Leases that are this one, as they were read last: those that are listed, else the last that left, as where a list was cut.
pub(super) fn like(c: &Connection, account: &AccountName, of: &RequestLease) -> Result<Vec<Lease>, Fault> {
    let columns = asked(&LEASE);
    let sql = format!(
        "SELECT {columns}, gone_at AS left_at FROM lease WHERE account = ?1 AND (lease.lease = ?2 OR (order_id = ?3 AND ip = ?4))"
    );
    let mut query = c.prepare_cached(&sql)?;
    let rows =
        query.query_map([account.as_str(), of.id.as_str(), of.order.as_str(), of.ip.as_str()], |r| {
            // What is listed has not left yet.
            Ok((lease(r)?, get_opt_instant(r, "left_at")?.unwrap_or(Timestamp::MAX)))
        })?;
    let mut found: Vec<(Lease, Timestamp)> = rows.collect::<session::Result<_>>()?;
    found.retain(|(l, _)| of.is_lease(l));
    let last = found.iter().map(|(_, left)| *left).max();
    found.retain(|(_, left)| Some(*left) == last);
    Ok(found.into_iter().map(|(lease, _)| lease).collect())
}

/// Stores a believed inventory: the rows that changed, and the digests by which the next list is held against them. It comes sorted
/// by id, so the rows are written in the order of their key, which is many times faster than at random.
pub(super) fn record(
    tx: &Transaction<'_>,
    provider: &ProviderName,
    account: &AccountName,
    at: Timestamp,
    inventory: &Inventory,
) -> Result<(), Fault> {
    let listed = inventory.leases.as_ref();
    let kept = load(tx, account, Of::Leases)?;
    let mut rows = Listed { leases: listed, print: Print::default() };
    let pieces = compare(kept.as_ref(), &mut rows);
    let difference = held_against(tx, account, &pieces)?;
    note_lost(tx, account, &difference.known, listed)?;
    tell_replaced(tx, (account, provider.as_str()), &difference.known, listed, at)?;
    if !pieces.is_empty() {
        write(tx, account, at, &difference, listed)?;
        store(tx, account, Of::Leases, &renewed(kept, &pieces, &mut rows))?;
    }
    record_account(tx, provider, account, at, inventory)
}

fn write(
    tx: &Transaction<'_>,
    account: &AccountName,
    at: Timestamp,
    difference: &Difference,
    listed: &Leases,
) -> Result<(), Fault> {
    let mut put = tx.many(
        "INSERT INTO lease (account, lease, order_id, ip, kind, country, tag, expires_at, provider_renews, first_seen,
           state, held_since, billing_cycle, price, port, operator, started_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
         ON CONFLICT (account, lease) DO UPDATE SET order_id = excluded.order_id, ip = excluded.ip, kind = excluded.kind,
           country = excluded.country, tag = excluded.tag, expires_at = excluded.expires_at,
           provider_renews = excluded.provider_renews, state = excluded.state, held_since = excluded.held_since,
           billing_cycle = excluded.billing_cycle, price = excluded.price, port = excluded.port,
           operator = excluded.operator, started_at = excluded.started_at,
           gone_at = NULL",
    )?;
    let now = instant(at);
    for n in difference.places() {
        let l = listed.view(n);
        if difference.known.get(l.id) == Some(l) {
            continue;
        }
        put.add(params![
            account.as_str(),
            l.id,
            l.order,
            l.ip,
            l.kind.as_str(),
            l.country,
            l.tag,
            l.told_end().map(end),
            l.provider_renews,
            now,
            l.state.as_str(),
            opt_instant(l.held_since),
            l.cycle,
            opt_money(l.price),
            l.port,
            l.operator,
            opt_instant(l.started_at)
        ])?;
    }
    put.end()?;
    let mut gone = tx.many("UPDATE lease SET gone_at = ?3 WHERE account = ?1 AND lease = ?2")?;
    for l in difference.known.iter().filter(|l| listed.find(l.id).is_none()) {
        gone.add(params![account.as_str(), l.id, now])?;
    }
    Ok(gone.end()?)
}

/// Adds what this list lost to the losses that nobody was told of, and strikes out what is back.
fn note_lost(
    tx: &Transaction<'_>,
    account: &AccountName,
    known: &Leases,
    listed: &Leases,
) -> Result<(), Fault> {
    let before = cycles::noted(tx, LOST_UNTOLD)?.unwrap_or_default();
    let noted = losses(&before);
    let (own, mut all): (Vec<Lease>, Vec<Lease>) = noted.into_iter().partition(|l| &l.account == account);
    let own = Leases::from(own);
    for lease in lost(&own, listed).into_iter().chain(lost(known, listed)).map(|l| l.to_lease()) {
        if !all.contains(&lease) {
            all.push(lease);
        }
    }
    let after = losses_note(&all);
    if after == before { Ok(()) } else { cycles::note(tx, LOST_UNTOLD, &after) }
}

/// Hooks hear of it with the very list that shows it.
fn tell_replaced(
    tx: &Transaction<'_>,
    whose: (&AccountName, &str),
    known: &Leases,
    listed: &Leases,
    at: Timestamp,
) -> Result<(), Fault> {
    for was in known.iter() {
        let Some(now) = listed.find(was.id).map(|n| listed.view(n)) else { continue };
        let told = !was.ip.is_empty() && !now.ip.is_empty();
        let ports = was.port.is_some() && now.port.is_some() && was.port != now.port;
        if told && (was.ip != now.ip || ports) {
            hooks::replaced(tx, whose, (was, now), at)?;
        }
    }
    Ok(())
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
           failing_since = coalesce(account.failing_since, excluded.failing_since)",
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
    Ok(rows.collect::<session::Result<_>>()?)
}
