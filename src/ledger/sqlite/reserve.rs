//! Whether a payment may be reserved at all: what is pending, what this term already cost, what the budgets leave.
//!
//! Runs inside the reserving transaction, so that what it saw is still so when the row is written.
use std::collections::HashSet;

use crate::ledger::session::{self, Connection, Row, params};

use super::{Fault, approvals, history, leases};
use crate::budget::part;
use crate::domain::lease::same_address;
use crate::domain::{
    AccountName, Bought, IntentId, Lease, LeaseId, Money, OrderId, ProviderName, RequestLease, Sameness,
    State, Term,
};
use crate::ledger::sqlite::column::{get_end, get_money, get_opt_instant, get_word, instant};
use crate::ledger::{Blocked, BudgetCheck, IntentRecord, NewIntent, Purpose};

/// Contract §4, I1, I4, I6: `None` = nothing stands in the way.
pub(super) fn blocked(
    c: &Connection,
    new: &NewIntent,
    budgets: &[BudgetCheck],
) -> Result<Option<Blocked>, Fault> {
    let found = match new.purpose {
        Purpose::Purchase(_) => pending_purchase(c, new)?,
        _ => pending(c, new)?,
    };
    if found.is_some() {
        return Ok(found);
    }
    if let Some(found) = approvals::blocked(c, new)? {
        return Ok(Some(found));
    }
    if let Some(found) = already_paid(c, new)? {
        return Ok(Some(found));
    }
    for check in budgets.iter().filter(|check| covers(check, new)) {
        let used = spent(c, check)?;
        let more = part(new.quoted, &new.labels, &check.labels);
        if more.is_positive() && used.plus(more).is_none_or(|all| all > check.limit) {
            let left = check.limit.minus(used).unwrap_or(Money::ZERO).max(Money::ZERO);
            return Ok(Some(Blocked::Budget { name: check.name.clone(), left }));
        }
    }
    Ok(None)
}

/// An unsettled payment keeps its leases, orders and addresses from any other, under whatever account name; a reserved or
/// accepted one only its own leases and addresses.
fn bars(state: State, same_lease: bool, same_order: bool, same_ip: bool) -> bool {
    match state {
        State::SpendStarted | State::Unknown | State::NeedsOperator => same_lease || same_order || same_ip,
        State::Reserved | State::Accepted => same_lease || same_ip,
        _ => false,
    }
}

/// The unsettled are few however long the history is: the index of their state leads. The port of a paid lease: where its address was its
/// own when it was paid and is shared since, the list tells it.
pub(super) const PENDING: &str = "SELECT i.name, h.state, h.account, l.lease, l.order_id, l.ip,
      coalesce(l.port, (SELECT k.port FROM lease k WHERE k.account = h.account AND k.lease = l.lease AND k.gone_at IS NULL)) AS port
    FROM intent_head h CROSS JOIN intent i ON i.id = h.intent CROSS JOIN intent_lease l ON l.intent = h.intent
    WHERE h.state IN ('reserved', 'spend_started', 'accepted', 'unknown', 'needs_operator') AND i.provider = ?1
    ORDER BY h.intent, l.seq";

fn pending(c: &Connection, new: &NewIntent) -> Result<Option<Blocked>, Fault> {
    let wanted = &new.request.leases;
    let leases: HashSet<&str> = wanted.iter().map(|l| l.id.as_str()).collect();
    let orders: HashSet<&str> = wanted.iter().map(|l| l.order.as_str()).collect();
    let mut find = c.prepare_cached(PENDING)?;
    let mut rows = find.query([new.provider.as_str()])?;
    while let Some(row) = rows.next()? {
        let state = get_word(&row, "state", State::parse)?;
        let held = |column: &'static str, wanted: &HashSet<&str>| -> session::Result<bool> {
            Ok(wanted.contains(row.text(column)?))
        };
        let (ip, port): (String, Option<u16>) = (row.get("ip")?, row.get("port")?);
        let has_address = |l: &&RequestLease| same_address((&l.ip, l.port), (&ip, port));
        let is_bar = if new.provider.is_program() && row.text("account")? != new.request.account.as_str() {
            // Another program's account: only what agrees in all of it is the same lease.
            let (lease, order) = (row.text("lease")?, row.text("order_id")?);
            let is_whole = |l: &RequestLease| l.id.as_str() == lease && l.order.as_str() == order;
            bars(state, wanted.iter().filter(has_address).any(is_whole), false, false)
        } else {
            let same_ip = wanted.iter().any(|l| has_address(&l));
            bars(state, held("lease", &leases)?, held("order_id", &orders)?, same_ip)
        };
        if is_bar {
            let intent = IntentId::new(row.get::<_, String>("name")?);
            return Ok(Some(Blocked::Pending { intent, state }));
        }
    }
    Ok(None)
}

/// A purchase has no lease that could block it twice: an unsettled purchase of the same account, under whatever name,
/// stops the next, so that a lost answer is never followed by buying again.
fn pending_purchase(c: &Connection, new: &NewIntent) -> Result<Option<Blocked>, Fault> {
    let mut find = c.prepare_cached(
        "SELECT i.name, h.state FROM intent_head h CROSS JOIN intent i ON i.id = h.intent
         WHERE h.state IN ('reserved', 'spend_started', 'accepted', 'unknown', 'needs_operator')
           AND i.provider = ?1 AND h.account = ?2 AND i.purpose = 'purchase' ORDER BY h.intent LIMIT 1",
    )?;
    let mut rows = find.query([new.provider.as_str(), new.request.account.as_str()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let state = get_word(&row, "state", State::parse)?;
    Ok(Some(Blocked::Pending { intent: IntentId::new(row.get::<_, String>("name")?), state }))
}

/// By its id, or by its order and address: what the indices lead with.
pub(super) const BY_LEASE: &str = "l.lease = ?1";
pub(super) const BY_PLACE: &str = "l.ip <> '' AND l.order_id = ?1 AND l.ip = ?3";
/// The same for a program's account: of other accounts only what agrees in id, order and address.
pub(super) const BY_LEASE_THERE: &str =
    "l.lease = ?1 AND (h.account = ?5 OR (l.ip <> '' AND l.order_id = ?3 AND l.ip = ?4))";
pub(super) const BY_PLACE_THERE: &str = "l.ip <> '' AND l.order_id = ?1 AND l.ip = ?3 AND h.account = ?4";

/// The newest confirmed payments of a lease, from its last term back. A term is paid by the newest of them or by none; a few more are
/// looked at, since a term may have been charged twice. The rule judges them, in this same transaction.
pub(super) fn newest(known: &str) -> String {
    format!(
        "SELECT i.name, l.lease, l.order_id, l.ip, l.expires_before,
           coalesce(l.port, (SELECT k.port FROM lease k WHERE k.account = h.account AND k.lease = l.lease AND k.gone_at IS NULL)) AS port,
           h.expires_after, i.period_days,
           (SELECT min(x.expires_before) FROM intent_lease x WHERE x.intent = l.intent) AS first_before
         FROM intent_lease l CROSS JOIN intent_head h ON h.intent = l.intent CROSS JOIN intent i ON i.id = l.intent
         WHERE {known} AND h.state = 'confirmed' AND i.provider = ?2
         ORDER BY l.expires_before DESC LIMIT 4"
    )
}

/// A confirmed payment of the very term that this one would pay, or of a later one: an end that did not move, or that moved back,
/// never triggers another payment.
pub(super) fn already_paid(c: &Connection, new: &NewIntent) -> Result<Option<Blocked>, Fault> {
    let mut terms = Vec::with_capacity(new.request.leases.len());
    for l in &new.request.leases {
        let known = leases::one(c, &new.request.account, &l.id)?
            .filter(|k| k.named_end().is_some_and(|now| now.stands(l.end(), new.request.period_days)));
        let term = known.and_then(|k| k.term()).unwrap_or(Term::ending(l.end()));
        terms.push((l.clone(), term));
    }
    let account = &new.request.account;
    let terms = terms.into_iter().map(|(lease, term)| (account, lease, term));
    let found = payers(c, &new.provider, terms)?.into_iter().next();
    Ok(found.map(|intent| Blocked::Pending { intent, state: State::Confirmed }))
}

/// The confirmed payments of these terms, or of later ones of their leases, each once.
fn payers<'a>(
    c: &Connection,
    provider: &ProviderName,
    terms: impl Iterator<Item = (&'a AccountName, RequestLease, Term)>,
) -> Result<Vec<IntentId>, Fault> {
    let there = provider.is_program();
    let (by_lease, by_place) = if there { (BY_LEASE_THERE, BY_PLACE_THERE) } else { (BY_LEASE, BY_PLACE) };
    let mut by_lease = c.prepare_cached(&newest(by_lease))?;
    let mut by_place = c.prepare_cached(&newest(by_place))?;
    let mut found: Vec<IntentId> = Vec::new();
    let mut seen: HashSet<IntentId> = HashSet::new();
    for (account, lease, term) in terms {
        let (id, order, ip) = (lease.id.as_str(), lease.order.as_str(), lease.ip.as_str());
        let (provider, account) = (provider.as_str(), account.as_str());
        for is_by_place in [false, true] {
            let mut rows = match (is_by_place, there) {
                (false, false) => by_lease.query([id, provider])?,
                (false, true) => by_lease.query([id, provider, order, ip, account])?,
                (true, false) => by_place.query([order, provider, ip])?,
                (true, true) => by_place.query([order, provider, ip, account])?,
            };
            while let Some(row) = rows.next()? {
                let (id, paid, bought) = bought(&row)?;
                if paid.is_same_lease(&lease)
                    && bought.place(&term) != Sameness::Later
                    && seen.insert(id.clone())
                {
                    found.push(id);
                }
            }
        }
    }
    Ok(found)
}

/// One row of [`newest`]: which payment, for which lease, and what it bought.
fn bought(row: &Row<'_>) -> session::Result<(IntentId, RequestLease, Bought)> {
    let (before, first) = (get_end(row, "expires_before")?, get_end(row, "first_before")?);
    let lease = RequestLease {
        id: LeaseId::new(row.get::<_, String>("lease")?),
        order: OrderId::new(row.get::<_, String>("order_id")?),
        ip: row.get("ip")?,
        port: row.get("port")?,
        expires_at: before.at,
        told: before.told,
    };
    let first = RequestLease { expires_at: first.at, ..lease.clone() };
    let after = get_opt_instant(row, "expires_after")?;
    let bought = Bought::of(&lease, &[first], after, row.get("period_days")?);
    Ok((IntentId::new(row.get::<_, String>("name")?), lease, bought))
}

/// The confirmed payments of the terms that these leases are in, for a plan that tells in time what would block it.
pub(super) fn paid_terms(
    c: &Connection,
    provider: &ProviderName,
    leases: &[&Lease],
) -> Result<Vec<IntentRecord>, Fault> {
    let terms = leases.iter().filter_map(|l| Some((&l.account, l.reference()?, l.term()?)));
    payers(c, provider, terms)?.iter().map(|id| history::one(c, id)).collect()
}

fn covers(check: &BudgetCheck, new: &NewIntent) -> bool {
    check.currency == new.currency
        && (check.accounts.is_empty() || check.accounts.contains(&new.request.account))
        && (check.policies.is_empty() || check.policies.contains(&new.policy))
}

/// A cycle is found by its own index, a span by that of the spend instants.
pub(super) fn counting(one_cycle: bool, labels: bool) -> String {
    let cycle = if one_cycle { "i.cycle = ?4" } else { "CAST(?4 AS BIGINT) IS NULL" };
    // The labels of its leases, in their order.
    let labels = if labels {
        "(SELECT json_group_array(json(coalesce(l.labels, '[]')) ORDER BY l.seq) FROM intent_lease l WHERE l.intent = h.intent)"
    } else {
        "'[]'"
    };
    format!(
        "SELECT h.account, i.policy, coalesce(h.charged, i.quoted) AS amount, h.state, {labels} AS labels
         FROM intent_head h JOIN intent i ON i.id = h.intent
         WHERE {cycle} AND i.currency = ?1 AND (h.state = 'reserved' OR (h.spend_at >= ?2 AND h.spend_at < ?3
           AND h.state IN ('spend_started', 'accepted', 'unknown', 'confirmed', 'needs_operator')))"
    )
}

/// What counts in a budget: the charge, or the quote until that is known, of all that was started in the span and not shown
/// to be unspent; reservations count in every span. The parts of a split payment count, the payment itself does not.
pub(super) fn spent(c: &Connection, check: &BudgetCheck) -> Result<Money, Fault> {
    let mut query = c.prepare_cached(&counting(check.cycle.is_some(), !check.labels.is_empty()))?;
    let mut rows =
        query.query(params![check.currency.as_str(), instant(check.from), instant(check.to), check.cycle])?;
    let mut sum = Money::ZERO;
    while let Some(row) = rows.next()? {
        let account = row.text("account")?;
        let policy = row.text("policy")?;
        let counts = (check.accounts.is_empty() || check.accounts.iter().any(|a| a.as_str() == account))
            && (check.policies.is_empty() || check.policies.iter().any(|p| p == policy))
            && (!check.open_only || get_word(&row, "state", State::parse)? != State::Confirmed);
        if counts {
            let labels = row.text("labels")?;
            let labels: Vec<Vec<String>> = serde_json::from_str(labels)
                .map_err(|e| Fault::Nonsense(format!("the labels of a payment cannot be read: {e}")))?;
            // An overflow must stop payments, not allow them.
            sum = sum.plus(part(get_money(&row, "amount")?, &labels, &check.labels)).ok_or_else(|| {
                Fault::Nonsense(format!("the sum of budget `{}` is beyond all numbers", check.name))
            })?;
        }
    }
    Ok(sum)
}
