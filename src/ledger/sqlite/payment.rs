//! The log of payments: reserving, the compare-and-set of a spend, events, splitting.
//!
//! A crash before the commit of `start_spend` proves that nothing was spent; after it the payment is unknown until evidence
//! settles it. States are computed by the domain's transition function and stored with each event; the head is kept by the
//! schema's trigger.
use crate::ledger::session::{self, Connection, OptionalExtension, Transaction, params};

use super::chain::{Kind, Place, link};
use super::column::method_word;
use super::{Fault, history, hooks, leases, reserve};
use crate::domain::{
    Event, IntentId, Measured, Moment, Money, PurchaseRequest, RenewalRequest, RequestLease, State,
    next_state,
};
use crate::ledger::sqlite::column::{count, end, get_word, instant, opt_instant, opt_money};
use crate::ledger::{
    Blocked, BudgetCheck, EventDetail, IntentRecord, LedgerError, NewIntent, ProviderCharge, Purpose, Quoted,
    SettleRead, SplitPart,
};

/// The log's first row, which is no event of the domain: it makes the payment.
const RESERVED: &str = "reserved";

/// Reserves, unless something stands in the way.
pub(super) fn reserve(
    tx: &Transaction<'_>,
    new: &NewIntent,
    budgets: &[BudgetCheck],
) -> Result<Result<IntentId, Blocked>, Fault> {
    let buys = matches!(new.purpose, Purpose::Purchase(_));
    if new.request.leases.is_empty() != buys || new.purpose == Purpose::Provider {
        return Err(Fault::Nonsense("a renewal names leases and a purchase names none".to_owned()));
    }
    if let Some(blocked) = reserve::blocked(tx, new, budgets)? {
        return Ok(Err(blocked));
    }
    let number = next_number(tx)?;
    let id = IntentId::new(format!("p-{number:06}"));
    insert(tx, number, &id, None, new)?;
    reserved(tx, number, &new.at)?;
    Ok(Ok(id))
}

/// The first row of a payment's log.
pub(super) fn reserved(tx: &Transaction<'_>, number: i64, at: &Moment) -> Result<(), Fault> {
    event(tx, number, 0, RESERVED, State::Reserved, &EventDetail::default(), at)
}

pub(super) fn next_number(tx: &Transaction<'_>) -> session::Result<i64> {
    tx.query_row("SELECT coalesce(max(id), 0) + 1 FROM intent", [], |r| r.get(0))
}

fn insert(
    tx: &Transaction<'_>,
    number: i64,
    id: &IntentId,
    parent: Option<i64>,
    new: &NewIntent,
) -> Result<(), Fault> {
    let request = &new.request;
    tx.prepare_cached(
        "INSERT INTO intent (id, name, parent, provider, account, kind, period_days, promo, method, policy, quoted,
           currency, balance_before, attempt, cycle, created_at, created_boot, created_ms, purpose, billing_cycle, purchase,
           approval, approval_set, approved)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,
           coalesce(?22, (SELECT approval FROM intent WHERE id = ?3)), coalesce(?23, (SELECT approval_set FROM intent WHERE id = ?3)),
           coalesce(?24, (SELECT approved FROM intent WHERE id = ?3)))",
    )?
    .execute(params![
        number,
        id.as_str(),
        parent,
        new.provider.as_str(),
        request.account.as_str(),
        request.kind.as_str(),
        request.period_days,
        request.promo,
        method_word(request.method),
        new.policy,
        new.quoted.to_string(),
        new.currency.as_str(),
        new.balance_before.to_string(),
        new.attempt,
        new.cycle,
        instant(new.at.wall),
        new.at.boot_id,
        new.at.boot_ms,
        new.purpose.word(),
        request.cycle,
        purchase_json(&new.purpose)?,
        // A part is made by the word that the whole was made by.
        new.approval.as_ref().map(|a| a.word),
        new.approval.as_ref().map(|a| a.set),
        new.approval.as_ref().map(|a| json(&a.approval)).transpose()?
    ])?;
    let mut put = tx.many(
        "INSERT INTO intent_lease (intent, seq, lease, order_id, ip, expires_before, port, labels)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7,
           coalesce(?8, (SELECT labels FROM intent_lease WHERE intent = ?9 AND lease = ?3)))",
    )?;
    let none = Vec::new();
    let labels = new.labels.iter().chain(std::iter::repeat(&none));
    for ((seq, l), labels) in (0_i64..).zip(&request.leases).zip(labels) {
        // A part has the labels that the whole was reserved with.
        let labels = (!labels.is_empty()).then(|| serde_json::json!(labels).to_string());
        let (id, order) = (l.id.as_str(), l.order.as_str());
        put.add(params![number, seq, id, order, l.ip, end(l.end()), l.port, labels, parent])?;
    }
    put.end()?;
    link(tx, Place(Kind::Payment, number, 0))
}

fn purchase_json(purpose: &Purpose) -> Result<Option<String>, Fault> {
    let Purpose::Purchase(request) = purpose else { return Ok(None) };
    json(request.as_ref()).map(Some)
}

fn json(of: &impl serde::Serialize) -> Result<String, Fault> {
    serde_json::to_string(of).map_err(|e| Fault::Nonsense(format!("a payment cannot be written down: {e}")))
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
        "INSERT INTO intent_event (intent, seq, at, boot, ms, event, state, charged, balance_after, expires_after, code,
           message, evidence, measured)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
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
        d.evidence,
        d.measured.map(Measured::as_str)
    ])?;
    link(tx, Place(Kind::Event, number, seq))
}

/// Where a payment stands, in this transaction.
pub(super) struct Head {
    pub(super) number: i64,
    seq: i64,
    state: State,
}

pub(super) fn head(c: &Connection, id: &IntentId) -> Result<Head, Fault> {
    c.prepare_cached(
        "SELECT h.intent, h.seq, h.state FROM intent i JOIN intent_head h ON h.intent = i.id WHERE i.name = ?1",
    )?
    .query_row([id.as_str()], |r| {
        Ok(Head { number: r.get("intent")?, seq: r.get("seq")?, state: get_word(r, "state", State::parse)? })
    })
    .optional()?
    .ok_or_else(|| LedgerError::NoIntent(id.clone()).into())
}

fn expect(id: &IntentId, head: &Head, from: State) -> Result<(), Fault> {
    if head.state == from {
        return Ok(());
    }
    Err(LedgerError::Moved { id: id.clone(), expected: from, found: head.state }.into())
}

/// The compare-and-set of every event: the state is still `from`, and the domain allows the step.
pub(super) fn append(
    tx: &Transaction<'_>,
    id: &IntentId,
    from: State,
    what: Event,
    detail: &EventDetail,
    at: &Moment,
) -> Result<State, Fault> {
    let head = head(tx, id)?;
    expect(id, &head, from)?;
    let next = next_state(from, what).map_err(|source| LedgerError::Illegal { id: id.clone(), source })?;
    event(tx, head.number, head.seq + 1, what.as_str(), next, detail, at)?;
    if next == State::Confirmed && from != next {
        hooks::renewed(tx, id, at.wall)?;
    }
    Ok(next)
}

/// The compare-and-set of a spend. The caller makes the permit only once this is committed.
pub(super) fn start_spend(
    tx: &Transaction<'_>,
    id: &IntentId,
    at: &Moment,
) -> Result<(RenewalRequest, Quoted), Fault> {
    let record = none_flying(tx, id)?;
    if record.purpose != Purpose::Renewal {
        return Err(Fault::Nonsense(format!("payment {id} is not a renewal")));
    }
    let account = &record.request.account;
    for lease in &record.request.leases {
        let now = leases::one(tx, account, &lease.id)?.and_then(|known| known.named_end());
        if !now.is_some_and(|now| now.stands(lease.end(), record.request.period_days)) {
            return Err(LedgerError::EndMoved { lease: lease.id.clone() }.into());
        }
    }
    append(tx, id, State::Reserved, Event::SpendStarted, &EventDetail::default(), at)?;
    let quoted = Quoted { price: record.quoted, currency: record.currency, attempt: record.attempt };
    Ok((record.request, quoted))
}

/// The same for a purchase: there is no end that could have moved.
pub(super) fn start_purchase(
    tx: &Transaction<'_>,
    id: &IntentId,
    at: &Moment,
) -> Result<PurchaseRequest, Fault> {
    let record = none_flying(tx, id)?;
    let Purpose::Purchase(request) = record.purpose else {
        return Err(Fault::Nonsense(format!("payment {id} is not a purchase")));
    };
    append(tx, id, State::Reserved, Event::SpendStarted, &EventDetail::default(), at)?;
    Ok(*request)
}

/// The payment, if it is reserved and no other money call of its account is under way.
fn none_flying(tx: &Transaction<'_>, id: &IntentId) -> Result<IntentRecord, Fault> {
    expect(id, &head(tx, id)?, State::Reserved)?;
    let record = history::one(tx, id)?;
    let account = &record.request.account;
    let flying: Option<String> = tx
        .prepare_cached(
            "SELECT i.name FROM intent_head h JOIN intent i ON i.id = h.intent
             WHERE h.state = 'spend_started' AND i.provider = ?1 AND h.account = ?2 LIMIT 1",
        )?
        .query_row([record.provider.as_str(), account.as_str()], |r| r.get(0))
        .optional()?;
    match flying {
        Some(other) => {
            Err(LedgerError::InFlight { account: account.clone(), intent: IntentId::new(other) }.into())
        }
        None => Ok(record),
    }
}

/// The log's only row of a charge that the provider made by itself.
const PROVIDER_CHARGED: &str = "provider_charged";

/// Confirmed from its first row; the same term of the same lease is recorded once.
pub(super) fn provider_charge(
    tx: &Transaction<'_>,
    charge: &ProviderCharge,
) -> Result<Option<IntentId>, Fault> {
    let new = NewIntent {
        provider: charge.provider.clone(),
        purpose: Purpose::Provider,
        request: charge.request.clone(),
        labels: charge.labels.clone(),
        policy: charge.policy.clone(),
        quoted: charge.amount,
        currency: charge.currency.clone(),
        balance_before: charge.balance_before,
        cycle: charge.cycle,
        attempt: 1,
        approval: None,
        at: charge.at.clone(),
    };
    if reserve::already_paid(tx, &new)?.is_some() {
        return Ok(None);
    }
    let number = next_number(tx)?;
    let id = IntentId::new(format!("p-{number:06}"));
    insert(tx, number, &id, None, &new)?;
    event(tx, number, 0, PROVIDER_CHARGED, State::Confirmed, &charge.detail, &charge.at)?;
    hooks::renewed(tx, &id, charge.at.wall)?;
    Ok(Some(id))
}

/// One part per lease. A part's log begins with how the whole came here (`reserved`, `spend_started` at the whole's own
/// instants, then `answer_lost` now, or `accepted` where the answer told its new end), so that it folds like any other log and counts in the
/// period of the spend; a confirmed part adds `ends_moved`.
pub(super) fn split(
    tx: &Transaction<'_>,
    id: &IntentId,
    from: State,
    parts: &[SplitPart],
    detail: &EventDetail,
    at: &Moment,
) -> Result<Vec<IntentId>, Fault> {
    append(tx, id, from, Event::PartlyMoved, detail, at)?;
    let number = head(tx, id)?.number;
    let whole = history::one(tx, id)?;
    let leases = match_parts(&whole, parts)?;
    let spend_at =
        whole.spend_started_at.clone().ok_or_else(|| Fault::Nonsense(format!("{id} was never sent")))?;
    let none = EventDetail::default();
    let mut ids = Vec::with_capacity(parts.len());
    for (n, (part, lease)) in parts.iter().zip(leases).enumerate() {
        let child = next_number(tx)?;
        let name = IntentId::new(format!("{id}.{}", n + 1));
        insert(tx, child, &name, Some(number), &part_of(&whole, part.quoted, lease))?;
        event(tx, child, 0, RESERVED, State::Reserved, &none, &whole.created_at)?;
        event(tx, child, 1, Event::SpendStarted.as_str(), State::SpendStarted, &none, &spend_at)?;
        let last = match part.state {
            State::Confirmed => Some((Event::EndsMoved, State::Confirmed)),
            State::NotApplied => Some((Event::ShownNotApplied, State::NotApplied)),
            _ => None,
        };
        let said = if last.is_some() { &none } else { &part.detail };
        let (word, state) = match part.state {
            State::Accepted => (Event::Accepted, State::Accepted),
            _ => (Event::AnswerLost, State::Unknown),
        };
        event(tx, child, 2, word.as_str(), state, said, at)?;
        if let Some((word, state)) = last {
            event(tx, child, 3, word.as_str(), state, &part.detail, at)?;
            if state == State::Confirmed {
                hooks::renewed(tx, &name, at.wall)?;
            }
        }
        ids.push(name);
    }
    Ok(ids)
}

/// The lease of each part. Every lease is in one part and the shares add up to the quote: no money is lost in a split.
fn match_parts(whole: &IntentRecord, parts: &[SplitPart]) -> Result<Vec<RequestLease>, Fault> {
    let nonsense =
        |words: &str| Err(Fault::Nonsense(format!("payment {} cannot be split: {words}", whole.id)));
    let known = [State::Accepted, State::Confirmed, State::Unknown, State::NotApplied];
    if parts.iter().any(|p| !known.contains(&p.state)) {
        return nonsense("a part is either accepted, confirmed, unknown or not applied");
    }
    if Money::sum(parts.iter().map(|p| p.quoted)) != Some(whole.quoted) {
        return nonsense("its parts do not add up to its quote");
    }
    let mut left = whole.request.leases.clone();
    let mut found = Vec::with_capacity(parts.len());
    for part in parts {
        let Some(at) = left.iter().position(|l| l.id == part.lease) else {
            return nonsense("a part is not one of its leases, or is there twice");
        };
        found.push(left.remove(at));
    }
    if left.is_empty() { Ok(found) } else { nonsense("some of its leases are in no part") }
}

fn part_of(whole: &IntentRecord, quoted: Money, lease: RequestLease) -> NewIntent {
    NewIntent {
        provider: whole.provider.clone(),
        purpose: whole.purpose.clone(),
        request: RenewalRequest { leases: vec![lease], ..whole.request.clone() },
        labels: Vec::new(),
        policy: whole.policy.clone(),
        quoted,
        currency: whole.currency.clone(),
        balance_before: whole.balance_before,
        cycle: whole.cycle,
        attempt: whole.attempt,
        approval: None,
        at: whole.created_at.clone(),
    }
}

pub(super) fn add_read(tx: &Transaction<'_>, id: &IntentId, read: &SettleRead) -> Result<(), Fault> {
    let number = head(tx, id)?.number;
    let seq = tx
        .prepare_cached("SELECT coalesce(max(seq), 0) + 1 FROM settle_read WHERE intent = ?1")?
        .query_row([number], |r| r.get(0))?;
    tx.prepare_cached(
        "INSERT INTO settle_read (intent, seq, at, boot, ms, balance, fell, moved) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        number,
        seq,
        instant(read.at.wall),
        read.at.boot_id,
        read.at.boot_ms,
        read.balance.to_string(),
        read.fell.to_string(),
        count(read.moved)
    ])?;
    link(tx, Place(Kind::Read, number, seq))
}
