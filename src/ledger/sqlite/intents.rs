//! Payments: reserving, the compare-and-set, the event log, and reading them back.
//!
//! A crash before the commit of `start_spend` proves that nothing was spent; after it the payment is unknown.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::Fault;
use super::payments::{one, spent};
use super::rows::{get_word, instant, opt_instant, opt_money};
use crate::domain::{
    Event, IntentId, Method, Moment, Money, RenewalRequest, RequestLease, State, next_state,
};
use crate::ledger::{Blocked, BudgetCheck, EventDetail, LedgerError, NewIntent, SettleRead, SplitPart};

fn method_word(method: Method) -> &'static str {
    match method {
        Method::Leases => "leases",
        Method::Order => "order",
    }
}

/// What the log may hold without being an event of the domain: its first row.
const RESERVED: &str = "reserved";

pub(super) fn reserve(
    tx: &Transaction<'_>,
    new: &NewIntent,
    budgets: &[BudgetCheck],
) -> Result<Result<IntentId, Blocked>, Fault> {
    if let Some(blocked) = pending(tx, new)? {
        return Ok(Err(blocked));
    }
    for check in budgets {
        let spent = spent(tx, check)?;
        if spent.plus(new.quoted).is_none_or(|all| all > check.limit) {
            let left = check.limit.minus(spent).unwrap_or_default();
            return Ok(Err(Blocked::Budget { name: check.name.clone(), left }));
        }
    }
    let number: i64 = tx.query_row("SELECT coalesce(max(id), 0) + 1 FROM intent", [], |r| r.get(0))?;
    let name = IntentId::new(format!("p-{number:06}"));
    insert(tx, number, &name, None, new, &new.request.leases, new.quoted)?;
    event(tx, number, 0, RESERVED, State::Reserved, &EventDetail::default(), &new.at)?;
    Ok(Ok(name))
}

/// Contract §4, I1 and I6: an unsettled payment blocks its lease, order and address under any account name of the provider;
/// an accepted or reserved one its own leases; a confirmed one the very term that it paid.
fn pending(tx: &Transaction<'_>, new: &NewIntent) -> Result<Option<Blocked>, Fault> {
    let mut find = tx.prepare_cached(
        "SELECT i.name, h.state FROM intent_lease l JOIN intent i ON i.id = l.intent JOIN intent_head h ON h.intent = l.intent
         WHERE i.provider = ?1 AND (l.lease = ?2 OR l.order_id = ?3 OR (?4 <> '' AND l.ip = ?4)) AND (
           h.state IN ('spend_started', 'unknown', 'needs_operator')
           OR ((l.lease = ?2 OR (?4 <> '' AND l.ip = ?4)) AND (h.state IN ('reserved', 'accepted')
             OR (h.state = 'confirmed' AND l.expires_before = ?5))))
         LIMIT 1",
    )?;
    for lease in &new.request.leases {
        let key = params![
            new.provider.as_str(),
            lease.id.as_str(),
            lease.order.as_str(),
            lease.ip,
            instant(lease.expires_at)
        ];
        let row = find
            .query_row(key, |r| Ok((r.get::<_, String>(0)?, get_word(r, "state", State::parse)?)))
            .optional()?;
        if let Some((name, state)) = row {
            return Ok(Some(Blocked::Pending { intent: IntentId::new(name), state }));
        }
    }
    Ok(None)
}

fn insert(
    tx: &Transaction<'_>,
    number: i64,
    name: &IntentId,
    parent: Option<&IntentId>,
    new: &NewIntent,
    leases: &[RequestLease],
    quoted: Money,
) -> Result<(), Fault> {
    let r = &new.request;
    tx.execute(
        "INSERT INTO intent (id, name, parent, provider, account, kind, period_days, promo, method, policy, quoted, currency,
           balance_before, attempt, cycle, created_at, created_boot, created_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
        params![
            number,
            name.as_str(),
            parent.map(IntentId::as_str),
            new.provider.as_str(),
            r.account.as_str(),
            r.kind.as_str(),
            r.period_days,
            r.promo,
            method_word(r.method),
            new.policy,
            quoted.to_string(),
            new.currency.as_str(),
            new.balance_before.to_string(),
            new.attempt,
            new.cycle,
            instant(new.at.wall),
            new.at.boot_id,
            new.at.boot_ms
        ],
    )?;
    let mut put = tx.prepare_cached(
        "INSERT INTO intent_lease (intent, seq, lease, order_id, ip, expires_before) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (seq, l) in (0_i64..).zip(leases) {
        put.execute(params![number, seq, l.id.as_str(), l.order.as_str(), l.ip, instant(l.expires_at)])?;
    }
    Ok(())
}

fn event(
    tx: &Transaction<'_>,
    number: i64,
    seq: i64,
    word: &str,
    state: State,
    d: &EventDetail,
    at: &Moment,
) -> Result<(), Fault> {
    tx.prepare_cached(
        "INSERT INTO intent_event (intent, seq, at, boot, ms, event, state, charged, balance_after, expires_after, code, message, evidence)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?
    .execute(params![
        number,
        seq,
        instant(at.wall),
        at.boot_id,
        at.boot_ms,
        word,
        state.as_str(),
        opt_money(d.charged),
        opt_money(d.balance_after),
        opt_instant(d.expires_after),
        d.code,
        d.message,
        d.evidence
    ])?;
    Ok(())
}

/// Number, sequence and state of a payment as they are in this transaction.
pub(super) fn head(tx: &Connection, id: &IntentId) -> Result<(i64, i64, State), Fault> {
    tx.query_row(
        "SELECT h.intent, h.seq, h.state FROM intent_head h JOIN intent i ON i.id = h.intent WHERE i.name = ?1",
        [id.as_str()],
        |r| Ok((r.get(0)?, r.get(1)?, get_word(r, "state", State::parse)?)),
    )
    .optional()?
    .ok_or_else(|| LedgerError::NoIntent(id.clone()).into())
}

pub(super) fn append(
    tx: &Transaction<'_>,
    id: &IntentId,
    from: State,
    what: Event,
    detail: &EventDetail,
    at: &Moment,
) -> Result<State, Fault> {
    let (number, seq, found) = head(tx, id)?;
    if found != from {
        return Err(LedgerError::Moved { id: id.clone(), expected: from, found }.into());
    }
    let next = next_state(from, what).map_err(|source| LedgerError::Illegal { id: id.clone(), source })?;
    event(tx, number, seq + 1, what.as_str(), next, detail, at)?;
    Ok(next)
}

/// The compare-and-set of a spend; the caller commits before it makes the permit.
pub(super) fn start_spend(tx: &Transaction<'_>, id: &IntentId, at: &Moment) -> Result<RenewalRequest, Fault> {
    let (number, ..) = head(tx, id)?;
    let record = one(tx, number)?;
    let account = &record.request.account;
    let flying: Option<String> = tx
        .query_row(
            "SELECT i.name FROM intent_head h JOIN intent i ON i.id = h.intent WHERE h.state = 'spend_started' AND h.account = ?1",
            [account.as_str()],
            |r| r.get(0),
        )
        .optional()?;
    if let Some(other) = flying {
        return Err(LedgerError::InFlight { account: account.clone(), intent: IntentId::new(other) }.into());
    }
    for lease in &record.request.leases {
        let end: Option<Option<String>> = tx
            .prepare_cached(
                "SELECT expires_at FROM lease WHERE account = ?1 AND lease = ?2 AND gone_at IS NULL",
            )?
            .query_row(params![account.as_str(), lease.id.as_str()], |r| r.get(0))
            .optional()?;
        if end.flatten().as_deref() != Some(instant(lease.expires_at).as_str()) {
            return Err(LedgerError::EndMoved { lease: lease.id.clone() }.into());
        }
    }
    append(tx, id, State::Reserved, Event::SpendStarted, &EventDetail::default(), at)?;
    Ok(record.request)
}

/// One part per lease. Each part's log repeats how the whole came here, so that its fold is legal like any other.
pub(super) fn split(
    tx: &Transaction<'_>,
    id: &IntentId,
    from: State,
    parts: &[SplitPart],
    detail: &EventDetail,
    at: &Moment,
) -> Result<Vec<IntentId>, Fault> {
    append(tx, id, from, Event::PartlyMoved, detail, at)?;
    let (number, ..) = head(tx, id)?;
    let whole = one(tx, number)?;
    let spent_at = whole.spend_started_at.clone().unwrap_or_else(|| at.clone());
    let new = NewIntent {
        provider: whole.provider.clone(),
        request: whole.request.clone(),
        policy: whole.policy.clone(),
        quoted: whole.quoted,
        currency: whole.currency.clone(),
        balance_before: whole.balance_before,
        cycle: whole.cycle,
        attempt: whole.attempt,
        at: whole.created_at.clone(),
    };
    let mut ids = Vec::new();
    for (n, part) in parts.iter().enumerate() {
        let leases: Vec<RequestLease> =
            whole.request.leases.iter().filter(|l| l.id == part.lease).cloned().collect();
        let name = IntentId::new(format!("{id}.{}", n + 1));
        let child: i64 = tx.query_row("SELECT coalesce(max(id), 0) + 1 FROM intent", [], |r| r.get(0))?;
        insert(tx, child, &name, Some(id), &new, &leases, part.quoted)?;
        let none = EventDetail::default();
        event(tx, child, 0, RESERVED, State::Reserved, &none, &whole.created_at)?;
        event(tx, child, 1, Event::SpendStarted.as_str(), State::SpendStarted, &none, &spent_at)?;
        let unknown = if part.state == State::Unknown { &part.detail } else { &none };
        event(tx, child, 2, Event::AnswerLost.as_str(), State::Unknown, unknown, at)?;
        if part.state == State::NotApplied {
            event(tx, child, 3, Event::ShownNotApplied.as_str(), State::NotApplied, &part.detail, at)?;
        }
        if part.state == State::Confirmed {
            event(tx, child, 3, Event::EndsMoved.as_str(), State::Confirmed, &part.detail, at)?;
        }
        ids.push(name);
    }
    Ok(ids)
}

pub(super) fn add_read(tx: &Transaction<'_>, id: &IntentId, read: &SettleRead) -> Result<(), Fault> {
    let (number, ..) = head(tx, id)?;
    let moved = i64::try_from(read.moved).unwrap_or(i64::MAX);
    tx.execute(
        "INSERT INTO settle_read (intent, seq, at, boot, ms, balance, fell, moved)
         SELECT ?1, coalesce(max(seq), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7 FROM settle_read WHERE intent = ?1",
        params![
            number,
            instant(read.at.wall),
            read.at.boot_id,
            read.at.boot_ms,
            read.balance.to_string(),
            read.fell.to_string(),
            moved
        ],
    )?;
    Ok(())
}
