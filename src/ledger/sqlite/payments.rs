//! Reading payments back: whole records, what counts in a budget, last prices. Changes nothing, so a crash in here means nothing.
use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params, params_from_iter};

use super::Fault;
use super::intents::head;
use super::rows::{get_instant, get_moment, get_money, get_opt_instant, get_opt_money, get_word, instant};
use crate::domain::{
    AccountName, Currency, IntentId, Kind, LeaseId, Method, Money, OrderId, ProviderName, RenewalRequest,
    RequestLease, State,
};
use crate::ledger::{BudgetCheck, EventDetail, IntentFilter, IntentRecord, LastPrice, SettleRead};

const COLUMNS: &str = "i.id, i.name, i.parent, i.provider, i.account, i.kind, i.period_days, i.promo, i.method, i.policy, i.quoted,
    i.currency, i.balance_before, i.attempt, i.cycle, i.created_at, i.created_boot, i.created_ms, h.state, h.state_at,
    h.state_boot, h.state_ms, h.spend_at, h.spend_boot, h.spend_ms, h.settled_at, h.charged, h.balance_after, h.expires_after,
    h.code, h.message, h.evidence, h.never_sent, h.was_refused, h.operator_spoke";

fn record(row: &Row<'_>) -> rusqlite::Result<(i64, IntentRecord)> {
    let text = |c: &str| row.get::<_, String>(c);
    let spend: Option<String> = row.get("spend_at")?;
    let method = if text("method")? == "order" { Method::Order } else { Method::Leases };
    let record = IntentRecord {
        id: IntentId::new(text("name")?),
        parent: row.get::<_, Option<String>>("parent")?.map(IntentId::new),
        provider: ProviderName::new(text("provider")?),
        request: RenewalRequest {
            account: AccountName::new(text("account")?),
            kind: Kind::new(text("kind")?),
            leases: Vec::new(),
            period_days: row.get("period_days")?,
            promo: row.get("promo")?,
            method,
        },
        policy: text("policy")?,
        quoted: get_money(row, "quoted")?,
        currency: Currency::new(text("currency")?),
        balance_before: get_money(row, "balance_before")?,
        attempt: row.get("attempt")?,
        cycle: row.get("cycle")?,
        created_at: get_moment(row, "created_")?,
        spend_started_at: if spend.is_some() { Some(get_moment(row, "spend_")?) } else { None },
        state: get_word(row, "state", State::parse)?,
        state_at: get_moment(row, "state_")?,
        settled_at: get_opt_instant(row, "settled_at")?,
        detail: EventDetail {
            charged: get_opt_money(row, "charged")?,
            balance_after: get_opt_money(row, "balance_after")?,
            expires_after: get_opt_instant(row, "expires_after")?,
            code: row.get("code")?,
            message: row.get("message")?,
            evidence: row.get("evidence")?,
        },
        never_sent: row.get("never_sent")?,
        was_refused: row.get("was_refused")?,
        operator_spoke: row.get("operator_spoke")?,
        reads: Vec::new(),
    };
    Ok((row.get("id")?, record))
}

pub(super) fn list(connection: &Connection, filter: &IntentFilter) -> rusqlite::Result<Vec<IntentRecord>> {
    let mut sql = format!("SELECT {COLUMNS} FROM intent_head h JOIN intent i ON i.id = h.intent WHERE ");
    let mut values: Vec<String> = Vec::new();
    if filter.states.is_empty() {
        sql.push_str("h.state <> 'split'");
    } else {
        let marks = vec!["?"; filter.states.len()].join(", ");
        sql.push_str(&format!("h.state IN ({marks})"));
        values.extend(filter.states.iter().map(|s| s.as_str().to_owned()));
    }
    if let Some(since) = filter.since {
        sql.push_str(" AND i.created_at >= ?");
        values.push(instant(since));
    }
    if let Some(account) = &filter.account {
        sql.push_str(" AND h.account = ?");
        values.push(account.to_string());
    }
    if let Some(since) = filter.spend_since {
        sql.push_str(" AND h.spend_at >= ?");
        values.push(instant(since));
    }
    sql.push_str(" ORDER BY i.created_at DESC, i.id DESC");
    let mut query = connection.prepare_cached(&sql)?;
    let rows = query.query_map(params_from_iter(values), record)?.collect::<rusqlite::Result<Vec<_>>>()?;
    rows.into_iter().map(|(number, r)| complete(connection, number, r)).collect()
}

/// Two indexed look-ups per payment shown.
fn complete(
    connection: &Connection,
    number: i64,
    mut record: IntentRecord,
) -> rusqlite::Result<IntentRecord> {
    record.request.leases = connection
        .prepare_cached(
            "SELECT lease, order_id, ip, expires_before FROM intent_lease WHERE intent = ?1 ORDER BY seq",
        )?
        .query_map([number], |r| {
            Ok(RequestLease {
                id: LeaseId::new(r.get::<_, String>(0)?),
                order: OrderId::new(r.get::<_, String>(1)?),
                ip: r.get(2)?,
                expires_at: get_instant(r, "expires_before")?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    record.reads = connection
        .prepare_cached(
            "SELECT at, boot, ms, balance, fell, moved FROM settle_read WHERE intent = ?1 ORDER BY seq",
        )?
        .query_map([number], |r| {
            let moved: i64 = r.get("moved")?;
            Ok(SettleRead {
                at: get_moment(r, "")?,
                balance: get_money(r, "balance")?,
                fell: get_money(r, "fell")?,
                moved: usize::try_from(moved).unwrap_or_default(),
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(record)
}

pub(super) fn one(connection: &Connection, number: i64) -> Result<IntentRecord, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM intent_head h JOIN intent i ON i.id = h.intent WHERE i.id = ?1");
    let (number, record) = connection.prepare_cached(&sql)?.query_row([number], record)?;
    Ok(complete(connection, number, record)?)
}

pub(super) fn by_name(connection: &Connection, id: &IntentId) -> Result<IntentRecord, Fault> {
    let (number, ..) = head(connection, id)?;
    one(connection, number)
}

pub(super) fn spent(connection: &Connection, check: &BudgetCheck) -> rusqlite::Result<Money> {
    // Text compares as time only within the years of the calendar: open ends become the ends of text.
    let from = if check.from == Timestamp::MIN { String::new() } else { instant(check.from) };
    let to = if check.to == Timestamp::MAX { "~".to_owned() } else { instant(check.to) };
    let mut query = connection.prepare_cached(
        "SELECT i.account, i.policy, coalesce(h.charged, i.quoted) AS amount FROM intent_head h JOIN intent i ON i.id = h.intent
         WHERE h.state IN ('reserved', 'spend_started', 'accepted', 'unknown', 'confirmed', 'needs_operator')
           AND i.currency = ?1 AND (h.spend_at IS NULL OR (h.spend_at >= ?2 AND h.spend_at < ?3)) AND (?4 IS NULL OR i.cycle = ?4)",
    )?;
    let rows = query.query_map(params![check.currency.as_str(), from, to, check.cycle], |r| {
        Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?, get_money(r, "amount")?))
    })?;
    let mut sum = Money::ZERO;
    for row in rows {
        let (account, policy, amount) = row?;
        let counts = (check.accounts.is_empty() || check.accounts.iter().any(|a| a.as_str() == account))
            && (check.policies.is_empty() || check.policies.contains(&policy));
        if counts {
            // An overflow must stop payments, not allow them.
            sum = sum.plus(amount).unwrap_or(check.limit);
        }
    }
    Ok(sum)
}

pub(super) fn last_prices(
    connection: &Connection,
    account: &AccountName,
) -> rusqlite::Result<HashMap<LeaseId, LastPrice>> {
    let mut query = connection.prepare_cached(
        "SELECT l.lease, i.period_days, i.currency, coalesce(h.charged, i.quoted) AS amount,
           (SELECT count(*) FROM intent_lease x WHERE x.intent = i.id) AS n, l.seq
         FROM intent_lease l JOIN intent i ON i.id = l.intent JOIN intent_head h ON h.intent = i.id
         WHERE h.account = ?1 AND h.state = 'confirmed' ORDER BY i.id",
    )?;
    let rows = query.query_map([account.as_str()], |r| {
        let n: i64 = r.get("n")?;
        let seq: i64 = r.get("seq")?;
        let shares = get_money(r, "amount")?.shares(usize::try_from(n).unwrap_or(1));
        let amount = usize::try_from(seq).ok().and_then(|s| shares.get(s).copied()).unwrap_or_default();
        let price = LastPrice {
            amount,
            period_days: r.get("period_days")?,
            currency: Currency::new(r.get::<_, String>("currency")?),
        };
        Ok((LeaseId::new(r.get::<_, String>("lease")?), price))
    })?;
    rows.collect()
}
