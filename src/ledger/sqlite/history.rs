//! Reading payments back: three queries however many there are, in one snapshot.
use std::collections::HashMap;

use crate::ledger::session::{self, Connection, OptionalExtension, Row, params, params_from_iter};

use super::Fault;
use super::column::method;
use crate::domain::{
    AccountName, Currency, IntentId, Kind, LeaseId, Measured, Moment, OrderId, ProviderName, PurchaseRequest,
    RenewalRequest, RequestLease, State,
};
use crate::ledger::sqlite::column::{
    asked, get_count, get_end, get_moment, get_money, get_opt_instant, get_opt_moment, get_opt_money,
    get_opt_word, get_word, instant, place,
};
use crate::ledger::{
    Approval, EventDetail, IntentFilter, IntentRecord, LastPrice, LedgerError, Purpose, SettleRead,
};
use crate::nodes::Failover;

/// What is read of a payment. What an operator said, and that the provider refused, of a whole payment is true of its parts.
pub(super) const PAYMENT: [(&str, &str); 45] = [
    ("i.id", "id"),
    ("i.name", "name"),
    ("p.name", "part_of"),
    ("i.provider", "provider"),
    ("h.account", "account"),
    ("i.kind", "kind"),
    ("i.period_days", "period_days"),
    ("i.promo", "promo"),
    ("i.method", "method"),
    ("i.policy", "policy"),
    ("i.quoted", "quoted"),
    ("i.currency", "currency"),
    ("i.balance_before", "balance_before"),
    ("i.attempt", "attempt"),
    ("i.cycle", "cycle"),
    ("i.created_at", "created_at"),
    ("i.created_boot", "created_boot"),
    ("i.created_ms", "created_ms"),
    ("h.state", "state"),
    ("h.state_at", "state_at"),
    ("h.state_boot", "state_boot"),
    ("h.state_ms", "state_ms"),
    ("h.spend_at", "spend_at"),
    ("h.spend_boot", "spend_boot"),
    ("h.spend_ms", "spend_ms"),
    ("h.settled_at", "settled_at"),
    ("h.charged", "charged"),
    ("h.balance_after", "balance_after"),
    ("h.expires_after", "expires_after"),
    ("h.code", "code"),
    ("h.message", "message"),
    ("h.evidence", "evidence"),
    ("h.never_sent", "never_sent"),
    ("h.measured", "measured"),
    ("h.charged_at", "charged_at"),
    ("h.charged_boot", "charged_boot"),
    ("h.charged_ms", "charged_ms"),
    ("i.purpose", "purpose"),
    ("i.billing_cycle", "billing_cycle"),
    ("i.purchase", "purchase"),
    ("i.approved", "approved"),
    (
        "(SELECT o.order_id FROM purchase_order o WHERE o.intent = i.id ORDER BY o.id DESC LIMIT 1)",
        "order_made",
    ),
    ("CASE WHEN h.was_refused = 1 OR ph.was_refused = 1 THEN 1 ELSE 0 END", "was_refused"),
    ("CASE WHEN h.operator_spoke = 1 OR ph.operator_spoke = 1 THEN 1 ELSE 0 END", "operator_spoke"),
    // All payments of a file are of epoch 1: it has one node for ever. On a server it is the epoch of the payment's own start.
    ("(SELECT n.value FROM note n WHERE n.key = 'failover:1')", "failover"),
];

pub(super) const LEASE: [(&str, &str); 7] = [
    ("t.intent", "intent"),
    ("t.lease", "lease"),
    ("t.order_id", "order_id"),
    ("t.ip", "ip"),
    ("t.expires_before", "expires_before"),
    ("t.port", "port"),
    ("t.labels", "labels"),
];

const READ: [(&str, &str); 7] = [
    ("t.intent", "intent"),
    ("t.at", "at"),
    ("t.boot", "boot"),
    ("t.ms", "ms"),
    ("t.balance", "balance"),
    ("t.fell", "fell"),
    ("t.moved", "moved"),
];

/// The place of a column of `PAYMENT`, or of the list that is named first.
macro_rules! at {
    ($columns:ident: $name:literal) => {
        const { place(&$columns, $name) }
    };
    ($name:literal) => {
        at!(PAYMENT: $name)
    };
}

pub(super) const FROM: &str = "FROM intent_head h JOIN intent i ON i.id = h.intent
    LEFT JOIN intent p ON p.id = i.parent LEFT JOIN intent_head ph ON ph.intent = i.parent";

/// A condition on `h` and `i`, and its values in order.
pub(super) struct Which {
    pub(super) sql: String,
    pub(super) values: Vec<String>,
}

impl Which {
    pub(super) fn of(filter: &IntentFilter) -> Self {
        let (mut which, state) = match &filter.spend_since {
            // Found by when they were sent, not by the state that most of them have.
            Some(since) => (Self::sent_since(since, filter.account.as_ref()), "h.state || ''"),
            None => (Self { sql: "i.id > 0".to_owned(), values: Vec::new() }, "h.state"),
        };
        if filter.states.is_empty() {
            which.all("h.state <> 'split'", []);
        } else {
            let all = vec!["?"; filter.states.len()].join(", ");
            which.all(&format!("{state} IN ({all})"), filter.states.iter().map(|s| s.as_str().to_owned()));
        }
        if let Some(since) = filter.since {
            which.and("i.created_at >= ?", instant(since));
        }
        if let Some(account) = filter.account.as_ref().filter(|_| filter.spend_since.is_none()) {
            which.and("h.account = ?", account.to_string());
        }
        which
    }

    /// Each clock has an index of its own. Where no boot is known the wall clock says.
    fn sent_since(since: &Moment, account: Option<&AccountName>) -> Self {
        let of = if account.is_some() { "account = ? AND " } else { "" };
        let account = account.map(ToString::to_string);
        let mut sql = format!("SELECT intent FROM intent_head WHERE {of}spend_at >= ?");
        let mut values: Vec<String> = account.iter().cloned().chain([instant(since.wall)]).collect();
        if !since.boot_id.is_empty() {
            sql += &format!(
                " UNION ALL SELECT intent FROM intent_head WHERE {of}spend_boot = ? AND spend_ms >= ?"
            );
            values.extend(account);
            values.extend([since.boot_id.clone(), since.boot_ms.to_string()]);
        }
        Self { sql: format!("h.intent IN ({sql})"), values }
    }

    /// One payment by its number in the file.
    pub(super) fn numbered(number: i64) -> Self {
        Self { sql: "i.id = ?".to_owned(), values: vec![number.to_string()] }
    }

    fn and(&mut self, sql: &str, value: String) {
        self.all(sql, [value]);
    }

    /// One more condition, and its values.
    pub(super) fn all(&mut self, sql: &str, values: impl IntoIterator<Item = String>) {
        self.sql = format!("{} AND {sql}", self.sql);
        self.values.extend(values);
    }
}

/// One payment.
pub(super) fn one(c: &Connection, id: &IntentId) -> Result<IntentRecord, Fault> {
    let which = Which { sql: "i.name = ?".to_owned(), values: vec![id.to_string()] };
    fetch(c, &which)?.pop().ok_or_else(|| LedgerError::NoIntent(id.clone()).into())
}

/// Payments, newest first.
pub(super) fn fetch(c: &Connection, which: &Which) -> Result<Vec<IntentRecord>, Fault> {
    let mut leases = grouped(c, which, "intent_lease", &LEASE, lease)?;
    let mut reads = grouped(c, which, "settle_read", &READ, |r| {
        Ok(SettleRead {
            at: get_moment(r, [at!(READ: "at"), at!(READ: "boot"), at!(READ: "ms")])?,
            balance: get_money(r, at!(READ: "balance"))?,
            fell: get_money(r, at!(READ: "fell"))?,
            moved: get_count(r, at!(READ: "moved"))?,
        })
    })?;
    let columns = asked(&PAYMENT);
    let sql = format!("SELECT {columns} {FROM} WHERE {} ORDER BY i.created_at DESC, i.id DESC", which.sql);
    let mut query = c.prepare_cached(&sql)?;
    let mut rows = query.query(params_from_iter(&which.values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(at!("id"))?;
        let mut record = record(&row)?;
        (record.request.leases, record.labels) =
            leases.remove(&number).unwrap_or_default().into_iter().unzip();
        record.reads = reads.remove(&number).unwrap_or_default();
        found.push(record);
    }
    Ok(found)
}

/// A lease in a payment, and what the config called it when that was reserved.
pub(super) fn lease(r: &Row<'_>) -> session::Result<(RequestLease, Vec<String>)> {
    let labels = r.get::<_, Option<String>>(at!(LEASE: "labels"))?;
    let labels =
        labels.map(|text| serde_json::from_str(&text).map_err(|e| unread(r, at!(LEASE: "labels"), &e)));
    Ok((requested(r)?, labels.transpose()?.unwrap_or_default()))
}

fn requested(r: &Row<'_>) -> session::Result<RequestLease> {
    let end = get_end(r, at!(LEASE: "expires_before"))?;
    Ok(RequestLease {
        id: LeaseId::new(r.get::<_, String>(at!(LEASE: "lease"))?),
        order: OrderId::new(r.get::<_, String>(at!(LEASE: "order_id"))?),
        ip: r.get(at!(LEASE: "ip"))?,
        port: r.get(at!(LEASE: "port"))?,
        expires_at: end.at,
        told: end.told,
    })
}

/// The rows of a table that belongs to payments, by payment, in their order. The first of the columns is the payment.
fn grouped<T>(
    c: &Connection,
    which: &Which,
    table: &str,
    columns: &[(&str, &str)],
    read: impl Fn(&Row<'_>) -> session::Result<T>,
) -> Result<HashMap<i64, Vec<T>>, Fault> {
    let columns = asked(columns);
    let sql = format!(
        "SELECT {columns} FROM intent_head h JOIN intent i ON i.id = h.intent JOIN {table} t ON t.intent = h.intent
         WHERE {} ORDER BY t.intent, t.seq",
        which.sql
    );
    let mut query = c.prepare_cached(&sql)?;
    let mut rows = query.query(params_from_iter(&which.values))?;
    let mut found: HashMap<i64, Vec<T>> = HashMap::new();
    while let Some(row) = rows.next()? {
        found.entry(row.get(0)?).or_default().push(read(&row)?);
    }
    Ok(found)
}

pub(super) fn record(row: &Row<'_>) -> session::Result<IntentRecord> {
    let text = |at: usize| row.get::<_, String>(at);
    Ok(IntentRecord {
        id: IntentId::new(text(at!("name"))?),
        parent: row.get::<_, Option<String>>(at!("part_of"))?.map(IntentId::new),
        provider: ProviderName::new(text(at!("provider"))?),
        request: RenewalRequest {
            account: AccountName::new(text(at!("account"))?),
            kind: Kind::new(text(at!("kind"))?),
            leases: Vec::new(),
            period_days: row.get(at!("period_days"))?,
            cycle: row.get(at!("billing_cycle"))?,
            promo: row.get(at!("promo"))?,
            method: get_word(row, at!("method"), method)?,
        },
        purpose: purpose(row)?,
        order: row.get::<_, Option<String>>(at!("order_made"))?.map(OrderId::new),
        policy: text(at!("policy"))?,
        quoted: get_money(row, at!("quoted"))?,
        currency: Currency::new(text(at!("currency"))?),
        balance_before: get_money(row, at!("balance_before"))?,
        attempt: row.get(at!("attempt"))?,
        approved: row
            .get::<_, Option<String>>(at!("approved"))?
            .map(|text| approved(row, &text))
            .transpose()?,
        cycle: row.get(at!("cycle"))?,
        created_at: get_moment(row, [at!("created_at"), at!("created_boot"), at!("created_ms")])?,
        spend_started_at: get_opt_moment(row, [at!("spend_at"), at!("spend_boot"), at!("spend_ms")])?,
        state: get_word(row, at!("state"), State::parse)?,
        state_at: get_moment(row, [at!("state_at"), at!("state_boot"), at!("state_ms")])?,
        settled_at: get_opt_instant(row, at!("settled_at"))?,
        detail: detail(row)?,
        charged_at: get_opt_moment(row, [at!("charged_at"), at!("charged_boot"), at!("charged_ms")])?,
        never_sent: row.get(at!("never_sent"))?,
        was_refused: row.get(at!("was_refused"))?,
        operator_spoke: row.get(at!("operator_spoke"))?,
        crossed: row.get::<_, Option<String>>(at!("failover"))?.map(|note| Failover::from_note(&note)),
        reads: Vec::new(),
        labels: Vec::new(),
    })
}

/// A text of JSON that cannot be read.
fn unread(row: &Row<'_>, column: usize, e: &serde_json::Error) -> session::Error {
    row.bad(column, &format!("what cannot be read: {e}"))
}

fn approved(row: &Row<'_>, text: &str) -> session::Result<Approval> {
    serde_json::from_str(text).map_err(|e| unread(row, at!("approved"), &e))
}

fn purpose(row: &Row<'_>) -> session::Result<Purpose> {
    let word: String = row.get(at!("purpose"))?;
    match word.as_str() {
        "renewal" => Ok(Purpose::Renewal),
        "provider" => Ok(Purpose::Provider),
        _ => {
            let text: String = row.get(at!("purchase"))?;
            let account: String = row.get(at!("account"))?;
            let read = serde_json::from_str::<PurchaseRequest>(&text);
            // The text is of its time; the account is called as it is now.
            let named = read.map(|p| PurchaseRequest { account: AccountName::new(account), ..p });
            named.map(|p| Purpose::Purchase(Box::new(p))).map_err(|e| unread(row, at!("purchase"), &e))
        }
    }
}

fn detail(row: &Row<'_>) -> session::Result<EventDetail> {
    Ok(EventDetail {
        charged: get_opt_money(row, at!("charged"))?,
        balance_after: get_opt_money(row, at!("balance_after"))?,
        expires_after: get_opt_instant(row, at!("expires_after"))?,
        code: row.get(at!("code"))?,
        message: row.get(at!("message"))?,
        evidence: row.get(at!("evidence"))?,
        measured: get_opt_word(row, at!("measured"), Measured::parse)?,
    })
}

/// The newest confirmed payment of one lease.
pub(super) const PRICE: &str =
    "SELECT l.seq, i.period_days, i.currency, coalesce(h.charged, i.quoted) AS amount,
    (SELECT count(*) FROM intent_lease x WHERE x.intent = i.id) AS sharers
    FROM intent_lease l CROSS JOIN intent_head h ON h.intent = l.intent CROSS JOIN intent i ON i.id = l.intent
    WHERE l.lease = ?1 AND h.account = ?2 AND h.state = 'confirmed'
    ORDER BY h.spend_at DESC, i.id DESC LIMIT 1";

/// The same by order and address: a lease that got another id with its renewal keeps its price, and a gateway's is each lease's own.
pub(super) const PRICE_BY_PLACE: &str =
    "SELECT l.seq, i.period_days, i.currency, coalesce(h.charged, i.quoted) AS amount,
    (SELECT count(*) FROM intent_lease x WHERE x.intent = i.id) AS sharers
    FROM intent_lease l CROSS JOIN intent_head h ON h.intent = l.intent CROSS JOIN intent i ON i.id = l.intent
    WHERE l.order_id = ?1 AND l.ip = ?2 AND l.ip <> '' AND (l.port IS NULL OR CAST(?3 AS BIGINT) IS NULL OR l.port = ?3)
      AND NOT EXISTS (SELECT 1 FROM lease k WHERE k.account = h.account AND k.lease = l.lease AND k.gone_at IS NULL AND k.port <> ?3)
      AND h.account = ?4 AND h.state = 'confirmed'
    ORDER BY h.spend_at DESC, i.id DESC LIMIT 1";

/// The last confirmed price of every lease that the account still has: one or two indexed look-ups each, not a walk through
/// all history. A payment of several leases gives each its share.
pub(super) fn last_prices(
    c: &Connection,
    account: &AccountName,
) -> Result<HashMap<LeaseId, LastPrice>, Fault> {
    let mut leases = c.prepare_cached(
        "SELECT lease, order_id, ip, port FROM lease WHERE account = ?1 AND gone_at IS NULL ORDER BY lease",
    )?;
    let mut price = c.prepare_cached(PRICE)?;
    let mut by_place = c.prepare_cached(PRICE_BY_PLACE)?;
    let mut rows = leases.query([account.as_str()])?;
    let mut prices = HashMap::new();
    while let Some(row) = rows.next()? {
        let lease: String = row.get("lease")?;
        let found = match price.query_row([lease.as_str(), account.as_str()], last_price).optional()? {
            None => {
                let order: String = row.get("order_id")?;
                let (ip, port) = (row.get::<_, String>("ip")?, row.get::<_, Option<u16>>("port")?);
                by_place.query_row(params![order, ip, port, account.as_str()], last_price).optional()?
            }
            found => found,
        };
        if let Some(found) = found.flatten() {
            prices.insert(LeaseId::new(lease), found);
        }
    }
    Ok(prices)
}

pub(super) fn last_price(row: &Row<'_>) -> session::Result<Option<LastPrice>> {
    let shares = get_money(row, "amount")?.shares(get_count(row, "sharers")?);
    let Some(amount) = shares.get(get_count(row, "seq")?).copied() else { return Ok(None) };
    let currency = Currency::new(row.get::<_, String>("currency")?);
    Ok(Some(LastPrice { amount, period_days: row.get("period_days")?, currency }))
}
