//! Balances that no payment explains: where the next reading is measured from, and what was found. The findings are
//! append-only.
use crate::ledger::session::{self, Connection, OptionalExtension, Transaction, params};
use jiff::Timestamp;

use super::Fault;
use crate::domain::{AccountName, Currency, IntentId};
use crate::ledger::sqlite::column::{
    get_instant, get_money, get_opt_instant, get_opt_money, instant, opt_instant, opt_money,
};
use crate::ledger::{BalanceMark, BalanceNote};

pub(super) fn mark(c: &Connection, account: &AccountName) -> Result<Option<BalanceMark>, Fault> {
    let mut query = c.prepare_cached("SELECT * FROM balance_mark WHERE account = ?1")?;
    let found = query.query_row([account.as_str()], |r| {
        Ok(BalanceMark {
            account: account.clone(),
            at: get_instant(r, "at")?,
            balance: get_money(r, "balance")?,
            currency: Currency::new(r.get::<_, String>("currency")?),
            odd: get_opt_money(r, "odd")?.zip(get_opt_instant(r, "odd_since")?),
        })
    });
    Ok(found.optional()?)
}

pub(super) fn set(tx: &Transaction<'_>, m: &BalanceMark, note: Option<&BalanceNote>) -> Result<(), Fault> {
    tx.prepare_cached(
        "INSERT INTO balance_mark (account, at, balance, currency, odd, odd_since) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (account) DO UPDATE SET at = excluded.at, balance = excluded.balance, currency = excluded.currency,
           odd = excluded.odd, odd_since = excluded.odd_since",
    )?
    .execute(params![
        m.account.as_str(),
        instant(m.at),
        m.balance.to_string(),
        m.currency.as_str(),
        opt_money(m.odd.map(|(odd, _)| odd)),
        opt_instant(m.odd.map(|(_, since)| since))
    ])?;
    let Some(n) = note else { return Ok(()) };
    let contested = n.contested.iter().map(IntentId::as_str).collect::<Vec<_>>().join(" ");
    tx.prepare_cached(
        "INSERT INTO balance_note (account, since, at, before, after, currency, explained, unexplained, contested, account_number)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,
           (SELECT n.number FROM account_number n JOIN account a ON a.account = n.name AND a.provider = n.provider WHERE n.name = ?1))",
    )?
    .execute(params![
        n.account.as_str(),
        instant(n.since),
        instant(n.at),
        n.before.to_string(),
        n.after.to_string(),
        n.currency.as_str(),
        n.explained.to_string(),
        n.unexplained.to_string(),
        contested
    ])?;
    Ok(())
}

/// Oldest first.
pub(super) fn notes(c: &Connection, since: Timestamp) -> Result<Vec<BalanceNote>, Fault> {
    let mut query = c.prepare_cached(
        "SELECT b.*, coalesce(n.name, b.account) AS name FROM balance_note b
           LEFT JOIN account_number n ON n.number = b.account_number
         WHERE b.at >= ?1 ORDER BY b.id",
    )?;
    let rows = query.query_map([instant(since)], |r| {
        Ok(BalanceNote {
            id: r.get("id")?,
            account: AccountName::new(r.get::<_, String>("name")?),
            since: get_instant(r, "since")?,
            at: get_instant(r, "at")?,
            before: get_money(r, "before")?,
            after: get_money(r, "after")?,
            currency: Currency::new(r.get::<_, String>("currency")?),
            explained: get_money(r, "explained")?,
            unexplained: get_money(r, "unexplained")?,
            contested: r.get::<_, String>("contested")?.split_whitespace().map(IntentId::from).collect(),
        })
    })?;
    Ok(rows.collect::<session::Result<_>>()?)
}
