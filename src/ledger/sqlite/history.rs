//! Reading payments back: three queries however many there are, in one snapshot.
use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use super::Fault;
use super::payment::method;
use super::text::{
    get_count, get_instant, get_moment, get_money, get_opt_instant, get_opt_moment, get_opt_money, get_word,
    instant,
};
use crate::domain::{
    AccountName, Currency, IntentId, Kind, LeaseId, OrderId, ProviderName, RenewalRequest, RequestLease,
    State,
};
use crate::ledger::{EventDetail, IntentFilter, IntentRecord, LastPrice, LedgerError, Purpose, SettleRead};

/// What an operator said, and that the provider refused, of a whole payment is true of its parts.
const COLUMNS: &str = "i.id, i.name, p.name AS part_of, i.provider, i.account, i.kind, i.period_days, i.promo, i.method,
    i.policy, i.quoted, i.currency, i.balance_before, i.attempt, i.cycle, i.created_at, i.created_boot, i.created_ms,
    h.state, h.state_at, h.state_boot, h.state_ms, h.spend_at, h.spend_boot, h.spend_ms, h.settled_at, h.charged,
    h.balance_after, h.expires_after, h.code, h.message, h.evidence, h.never_sent,
    i.purpose, i.billing_cycle, i.purchase, (SELECT o.order_id FROM purchase_order o WHERE o.intent = i.id ORDER BY o.id DESC LIMIT 1) AS order_made,
    max(h.was_refused, coalesce(ph.was_refused, 0)) AS was_refused,
    max(h.operator_spoke, coalesce(ph.operator_spoke, 0)) AS operator_spoke";

const FROM: &str = "FROM intent_head h JOIN intent i ON i.id = h.intent
    LEFT JOIN intent p ON p.id = i.parent LEFT JOIN intent_head ph ON ph.intent = i.parent";

/// A condition on `h` and `i`, and its values in order.
pub(super) struct Which {
    pub(super) sql: String,
    values: Vec<String>,
}

impl Which {
    pub(super) fn of(filter: &IntentFilter) -> Self {
        let mut which = Self { sql: "h.state <> 'split'".to_owned(), values: Vec::new() };
        if !filter.states.is_empty() {
            which.sql = format!("h.state IN ({})", vec!["?"; filter.states.len()].join(", "));
            which.values.extend(filter.states.iter().map(|s| s.as_str().to_owned()));
        }
        if let Some(since) = filter.since {
            which.and("i.created_at >= ?", instant(since));
        }
        if let Some(account) = &filter.account {
            which.and("i.account = ?", account.to_string());
        }
        if let Some(since) = filter.spend_since {
            which.and("h.spend_at >= ?", instant(since));
        }
        which
    }

    fn and(&mut self, sql: &str, value: String) {
        self.sql = format!("{} AND {sql}", self.sql);
        self.values.push(value);
    }
}

/// Payments, newest first.
pub(super) fn list(c: &Connection, filter: &IntentFilter) -> Result<Vec<IntentRecord>, Fault> {
    fetch(c, &Which::of(filter))
}

/// One payment.
pub(super) fn one(c: &Connection, id: &IntentId) -> Result<IntentRecord, Fault> {
    let which = Which { sql: "i.name = ?".to_owned(), values: vec![id.to_string()] };
    fetch(c, &which)?.pop().ok_or_else(|| LedgerError::NoIntent(id.clone()).into())
}

fn fetch(c: &Connection, which: &Which) -> Result<Vec<IntentRecord>, Fault> {
    let mut leases = grouped(c, which, "intent_lease", |r| {
        Ok(RequestLease {
            id: LeaseId::new(r.get::<_, String>("lease")?),
            order: OrderId::new(r.get::<_, String>("order_id")?),
            ip: r.get("ip")?,
            expires_at: get_instant(r, "expires_before")?,
        })
    })?;
    let mut reads = grouped(c, which, "settle_read", |r| {
        Ok(SettleRead {
            at: get_moment(r, "")?,
            balance: get_money(r, "balance")?,
            fell: get_money(r, "fell")?,
            moved: get_count(r, "moved")?,
        })
    })?;
    let sql = format!("SELECT {COLUMNS} {FROM} WHERE {} ORDER BY i.created_at DESC, i.id DESC", which.sql);
    let mut query = c.prepare_cached(&sql)?;
    let mut rows = query.query(params_from_iter(&which.values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let number: i64 = row.get("id")?;
        let mut record = record(row)?;
        record.request.leases = leases.remove(&number).unwrap_or_default();
        record.reads = reads.remove(&number).unwrap_or_default();
        found.push(record);
    }
    Ok(found)
}

/// The rows of a table that belongs to payments, by payment, in their order.
fn grouped<T>(
    c: &Connection,
    which: &Which,
    table: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<HashMap<i64, Vec<T>>, Fault> {
    let sql = format!(
        "SELECT t.* FROM intent_head h JOIN intent i ON i.id = h.intent JOIN {table} t ON t.intent = h.intent
         WHERE {} ORDER BY t.intent, t.seq",
        which.sql
    );
    let mut query = c.prepare_cached(&sql)?;
    let mut rows = query.query(params_from_iter(&which.values))?;
    let mut found: HashMap<i64, Vec<T>> = HashMap::new();
    while let Some(row) = rows.next()? {
        found.entry(row.get("intent")?).or_default().push(read(row)?);
    }
    Ok(found)
}

fn record(row: &Row<'_>) -> rusqlite::Result<IntentRecord> {
    let text = |c: &str| row.get::<_, String>(c);
    Ok(IntentRecord {
        id: IntentId::new(text("name")?),
        parent: row.get::<_, Option<String>>("part_of")?.map(IntentId::new),
        provider: ProviderName::new(text("provider")?),
        request: RenewalRequest {
            account: AccountName::new(text("account")?),
            kind: Kind::new(text("kind")?),
            leases: Vec::new(),
            period_days: row.get("period_days")?,
            cycle: row.get("billing_cycle")?,
            promo: row.get("promo")?,
            method: get_word(row, "method", method)?,
        },
        purpose: purpose(row)?,
        order: row.get::<_, Option<String>>("order_made")?.map(OrderId::new),
        policy: text("policy")?,
        quoted: get_money(row, "quoted")?,
        currency: Currency::new(text("currency")?),
        balance_before: get_money(row, "balance_before")?,
        attempt: row.get("attempt")?,
        cycle: row.get("cycle")?,
        created_at: get_moment(row, "created_")?,
        spend_started_at: get_opt_moment(row, "spend_")?,
        state: get_word(row, "state", State::parse)?,
        state_at: get_moment(row, "state_")?,
        settled_at: get_opt_instant(row, "settled_at")?,
        detail: detail(row)?,
        never_sent: row.get("never_sent")?,
        was_refused: row.get("was_refused")?,
        operator_spoke: row.get("operator_spoke")?,
        reads: Vec::new(),
    })
}

fn purpose(row: &Row<'_>) -> rusqlite::Result<Purpose> {
    let word: String = row.get("purpose")?;
    match word.as_str() {
        "renewal" => Ok(Purpose::Renewal),
        "provider" => Ok(Purpose::Provider),
        _ => {
            let text: String = row.get("purchase")?;
            serde_json::from_str(&text).map(|p| Purpose::Purchase(Box::new(p))).map_err(|e| {
                rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(e))
            })
        }
    }
}

fn detail(row: &Row<'_>) -> rusqlite::Result<EventDetail> {
    Ok(EventDetail {
        charged: get_opt_money(row, "charged")?,
        balance_after: get_opt_money(row, "balance_after")?,
        expires_after: get_opt_instant(row, "expires_after")?,
        code: row.get("code")?,
        message: row.get("message")?,
        evidence: row.get("evidence")?,
    })
}

/// The newest confirmed payment of one lease.
pub(super) const PRICE: &str =
    "SELECT l.seq, i.period_days, i.currency, coalesce(h.charged, i.quoted) AS amount,
    (SELECT count(*) FROM intent_lease x WHERE x.intent = i.id) AS sharers
    FROM intent_lease l CROSS JOIN intent_head h ON h.intent = l.intent CROSS JOIN intent i ON i.id = l.intent
    WHERE l.lease = ?1 AND i.account = ?2 AND h.state = 'confirmed'
    ORDER BY h.spend_at DESC, i.id DESC LIMIT 1";

/// The same by address: a lease that got another id with its renewal keeps its price.
pub(super) const PRICE_BY_IP: &str =
    "SELECT l.seq, i.period_days, i.currency, coalesce(h.charged, i.quoted) AS amount,
    (SELECT count(*) FROM intent_lease x WHERE x.intent = i.id) AS sharers
    FROM intent_lease l CROSS JOIN intent_head h ON h.intent = l.intent CROSS JOIN intent i ON i.id = l.intent
    WHERE l.ip = ?1 AND l.ip <> '' AND i.account = ?2 AND h.state = 'confirmed'
    ORDER BY h.spend_at DESC, i.id DESC LIMIT 1";

/// The last confirmed price of every lease that the account still has: one or two indexed look-ups each, not a walk through
/// all history. A payment of several leases gives each its share.
pub(super) fn last_prices(
    c: &Connection,
    account: &AccountName,
) -> Result<HashMap<LeaseId, LastPrice>, Fault> {
    let mut leases = c.prepare_cached(
        "SELECT lease, ip FROM lease WHERE account = ?1 AND gone_at IS NULL ORDER BY lease",
    )?;
    let mut price = c.prepare_cached(PRICE)?;
    let mut by_ip = c.prepare_cached(PRICE_BY_IP)?;
    let mut rows = leases.query([account.as_str()])?;
    let mut prices = HashMap::new();
    while let Some(row) = rows.next()? {
        let lease: String = row.get("lease")?;
        let ip: String = row.get("ip")?;
        let found = match price.query_row([lease.as_str(), account.as_str()], last_price).optional()? {
            None => by_ip.query_row([ip.as_str(), account.as_str()], last_price).optional()?,
            found => found,
        };
        if let Some(found) = found.flatten() {
            prices.insert(LeaseId::new(lease), found);
        }
    }
    Ok(prices)
}

fn last_price(row: &Row<'_>) -> rusqlite::Result<Option<LastPrice>> {
    let shares = get_money(row, "amount")?.shares(get_count(row, "sharers")?);
    let Some(amount) = shares.get(get_count(row, "seq")?).copied() else { return Ok(None) };
    let currency = Currency::new(row.get::<_, String>("currency")?);
    Ok(Some(LastPrice { amount, period_days: row.get("period_days")?, currency }))
}
