//! What the newest cycle saw ahead, and what is known of one lease: a few rows by their keys, however large the fleet is.
//!
//! A crash while outlooks are written leaves those of the cycle before.
use crate::ledger::session::{self, Connection, OptionalExtension, Row, Transaction, params};

use super::Fault;
use super::column::{
    asked, count, get_count, get_instant, get_money, get_opt_instant, get_opt_money, instant, opt_instant,
    opt_money,
};
use super::history::{PRICE, PRICE_BY_PLACE, last_price};
use super::leases::{LEASE, lease};
use crate::domain::{AccountName, Currency, Lease, LeaseId};
use crate::ledger::{
    AccountDecisions, Decisions, LastPrice, Outlook, SeenQuote, StoredDecision, StoredLease,
};

pub(super) fn record(tx: &Transaction<'_>, outlooks: &[Outlook]) -> Result<(), Fault> {
    let names: Vec<&str> = outlooks.iter().map(|o| o.account.as_str()).collect();
    let stored: Vec<String> = tx
        .prepare_cached("SELECT account FROM outlook")?
        .query_map([], |r| r.get(0))?
        .collect::<session::Result<_>>()?;
    for gone in stored.iter().filter(|name| !names.contains(&name.as_str())) {
        tx.prepare_cached("DELETE FROM outlook WHERE account = ?1")?.execute([gone])?;
    }
    outlooks.iter().try_for_each(|o| put(tx, o))
}

fn put(tx: &Transaction<'_>, o: &Outlook) -> Result<(), Fault> {
    tx.prepare_cached(
        "INSERT INTO outlook (account, at, config, next_due_at, need, short_by, until, top_up_by, unpriced, warnings, days)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (account) DO UPDATE SET at = excluded.at, config = excluded.config, next_due_at = excluded.next_due_at,
           need = excluded.need, short_by = excluded.short_by, until = excluded.until, top_up_by = excluded.top_up_by,
           unpriced = excluded.unpriced, warnings = excluded.warnings, days = excluded.days",
    )?
    .execute(params![
        o.account.as_str(),
        instant(o.at),
        o.config,
        opt_instant(o.next_due_at),
        o.need.to_string(),
        opt_money(o.short_by),
        o.until.map(|day| day.to_string()),
        opt_instant(o.top_up_by),
        count(o.unpriced),
        o.warnings,
        o.days
    ])?;
    let Some(decided) = &o.decided else { return Ok(()) };
    let d = decided.decisions;
    tx.prepare_cached(
        "UPDATE outlook SET renew = ?2, wait = ?3, watch = ?4, release = ?5, ignore = ?6, hold = ?7, held = ?8 WHERE account = ?1",
    )?
    .execute(params![
        o.account.as_str(),
        count(d.renew),
        count(d.wait),
        count(d.watch),
        count(d.release),
        count(d.ignore),
        count(d.hold),
        decided.held
    ])?;
    Ok(())
}

pub(super) fn all(c: &Connection) -> Result<Vec<Outlook>, Fault> {
    let mut query = c.prepare_cached("SELECT * FROM outlook ORDER BY account")?;
    let rows = query.query_map([], |r| {
        let decisions = Decisions {
            renew: get_count(r, "renew")?,
            wait: get_count(r, "wait")?,
            watch: get_count(r, "watch")?,
            release: get_count(r, "release")?,
            ignore: get_count(r, "ignore")?,
            hold: get_count(r, "hold")?,
        };
        let until: Option<String> = r.get("until")?;
        Ok(Outlook {
            account: AccountName::new(r.get::<_, String>("account")?),
            at: get_instant(r, "at")?,
            config: r.get("config")?,
            decided: Some(AccountDecisions { decisions, held: r.get("held")? }),
            next_due_at: get_opt_instant(r, "next_due_at")?,
            need: get_money(r, "need")?,
            short_by: get_opt_money(r, "short_by")?,
            until: until.and_then(|day| day.parse().ok()),
            top_up_by: get_opt_instant(r, "top_up_by")?,
            unpriced: get_count(r, "unpriced")?,
            warnings: r.get("warnings")?,
            days: r.get("days")?,
        })
    })?;
    Ok(rows.collect::<session::Result<_>>()?)
}

/// By its address, by its order, or by its own id in one of the accounts.
pub(super) const CALLED: [&str; 3] = [
    "ip = ?1 COLLATE BINARY AND ip <> ''",
    "order_id = ?1",
    "account IN (SELECT a.account FROM account a) AND lease = ?1",
];

pub(super) fn called(c: &Connection, target: &str) -> Result<Vec<StoredLease>, Fault> {
    let mut found: Vec<(Lease, Option<jiff::Timestamp>)> = Vec::new();
    for condition in CALLED {
        // An address of letters is stored as its provider writes it.
        for spelled in spellings(target) {
            let sql = format!("SELECT {}, gone_at FROM lease WHERE {condition}", asked(&LEASE));
            let mut query = c.prepare_cached(&sql)?;
            let rows = query.query_map([&spelled], |r| Ok((lease(r)?, get_opt_instant(r, "gone_at")?)))?;
            for row in rows {
                let (lease, gone_at) = row?;
                if found.iter().all(|(l, _)| (&l.account, &l.id) != (&lease.account, &lease.id)) {
                    found.push((lease, gone_at));
                }
            }
        }
    }
    found.sort_by_key(|(lease, gone)| (gone.is_some(), lease.account.clone(), lease.id.clone()));
    found.into_iter().map(|(lease, gone_at)| known(c, lease, gone_at)).collect()
}

fn spellings(target: &str) -> Vec<String> {
    let mut all = vec![target.to_owned(), target.to_ascii_lowercase(), target.to_ascii_uppercase()];
    all.dedup();
    all
}

fn known(c: &Connection, lease: Lease, gone_at: Option<jiff::Timestamp>) -> Result<StoredLease, Fault> {
    let key = [lease.account.as_str(), lease.id.as_str()];
    let decision = c
        .prepare_cached("SELECT * FROM decision WHERE account = ?1 AND lease = ?2")?
        .query_row(key, decision)
        .optional()?;
    let quote = c
        .prepare_cached("SELECT * FROM quote_seen WHERE account = ?1 AND lease = ?2")?
        .query_row(key, |r| {
            Ok(SeenQuote {
                account: lease.account.clone(),
                lease: lease.id.clone(),
                amount: get_money(r, "amount")?,
                currency: Currency::new(r.get::<_, String>("currency")?),
                period_days: r.get("period_days")?,
                term_end: get_instant(r, "term_end")?,
                seen_at: get_instant(r, "seen_at")?,
            })
        })
        .optional()?;
    let last_price = match price(c, &lease.account, &lease.id)? {
        None => c
            .prepare_cached(PRICE_BY_PLACE)?
            .query_row(
                params![lease.order.as_str(), lease.ip, lease.port, lease.account.as_str()],
                last_price,
            )
            .optional()?
            .flatten(),
        found => found,
    };
    Ok(StoredLease { lease, gone_at, decision, quote, last_price })
}

/// A page of the decisions about an account's leases.
pub(super) fn decided(
    c: &Connection,
    account: &AccountName,
    after: Option<&LeaseId>,
    most: usize,
) -> Result<Vec<(LeaseId, StoredDecision)>, Fault> {
    let mut query =
        c.prepare_cached("SELECT * FROM decision WHERE account = ?1 AND lease > ?2 ORDER BY lease LIMIT ?3")?;
    let after = after.map_or("", LeaseId::as_str);
    let rows = query.query_map(params![account.as_str(), after, count(most)], |r| {
        Ok((LeaseId::new(r.get::<_, String>("lease")?), decision(r)?))
    })?;
    Ok(rows.collect::<session::Result<_>>()?)
}

fn decision(r: &Row<'_>) -> session::Result<StoredDecision> {
    Ok(StoredDecision {
        since: get_instant(r, "changed_at")?,
        decision: r.get("decision")?,
        word: r.get("word")?,
        reason: r.get("reason")?,
        policy: r.get("policy")?,
    })
}

/// The last confirmed price of a lease, by its id.
pub(super) fn price(c: &Connection, account: &AccountName, id: &LeaseId) -> Result<Option<LastPrice>, Fault> {
    let found = c.prepare_cached(PRICE)?.query_row([id.as_str(), account.as_str()], last_price);
    Ok(found.optional()?.flatten())
}

/// What the accounts are called now that are called this, or else once were.
pub(super) fn present_names(c: &Connection, name: &AccountName) -> Result<Vec<AccountName>, Fault> {
    let mut all: Vec<AccountName> = Vec::new();
    for sql in [
        "SELECT DISTINCT name FROM account_number WHERE name = ?1",
        "SELECT n.name FROM account_mark m JOIN account_number n ON n.number = m.number
         WHERE m.kind = 'name' AND m.value = ?1 GROUP BY n.name ORDER BY min(n.number)",
    ] {
        if all.is_empty() {
            let mut query = c.prepare_cached(sql)?;
            let rows = query.query_map([name.as_str()], |r| r.get::<_, String>(0).map(AccountName::new))?;
            all = rows.collect::<session::Result<_>>()?;
        }
    }
    Ok(all)
}
