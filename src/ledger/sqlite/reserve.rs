//! Whether a payment may be reserved at all: what is pending, what this term already cost, what the budgets leave.
//!
//! Runs inside the reserving transaction, so that what it saw is still so when the row is written.
use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::text::{get_money, get_word, instant};
use super::{Fault, history, leases};
use crate::domain::{IntentId, Lease, LeaseId, Money, ProviderName, State};
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
    if let Some(found) = already_paid(c, new)? {
        return Ok(Some(found));
    }
    for check in budgets.iter().filter(|check| covers(check, new)) {
        let used = spent(c, check)?;
        if used.plus(new.quoted).is_none_or(|all| all > check.limit) {
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

/// The unsettled are few however long the history is: the index of their state leads.
pub(super) const PENDING: &str = "SELECT i.name, h.state, l.lease, l.order_id, l.ip
    FROM intent_head h CROSS JOIN intent i ON i.id = h.intent CROSS JOIN intent_lease l ON l.intent = h.intent
    WHERE h.state IN ('reserved', 'spend_started', 'accepted', 'unknown', 'needs_operator') AND i.provider = ?1
    ORDER BY h.intent, l.seq";

fn pending(c: &Connection, new: &NewIntent) -> Result<Option<Blocked>, Fault> {
    let leases: HashSet<&str> = new.request.leases.iter().map(|l| l.id.as_str()).collect();
    let orders: HashSet<&str> = new.request.leases.iter().map(|l| l.order.as_str()).collect();
    let ips: HashSet<&str> =
        new.request.leases.iter().map(|l| l.ip.as_str()).filter(|ip| !ip.is_empty()).collect();
    let mut find = c.prepare_cached(PENDING)?;
    let mut rows = find.query([new.provider.as_str()])?;
    while let Some(row) = rows.next()? {
        let state = get_word(row, "state", State::parse)?;
        let held = |column: &str, wanted: &HashSet<&str>| -> rusqlite::Result<bool> {
            Ok(wanted.contains(row.get_ref(column)?.as_str()?))
        };
        if bars(state, held("lease", &leases)?, held("order_id", &orders)?, held("ip", &ips)?) {
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
    let state = get_word(row, "state", State::parse)?;
    Ok(Some(Blocked::Pending { intent: IntentId::new(row.get::<_, String>("name")?), state }))
}

/// What the partial index on addresses asks for.
pub(super) const NAMED: &str = "AND l.ip <> ''";

/// Finds the confirmed payment of a term by its lease or its address.
pub(super) fn paid(column: &str, known: &str) -> String {
    format!(
        "SELECT i.name FROM intent_lease l CROSS JOIN intent_head h ON h.intent = l.intent
         CROSS JOIN intent i ON i.id = l.intent
         WHERE l.{column} = ?1 {known} AND l.expires_before BETWEEN ?2 AND ?3 AND h.state = 'confirmed'
           AND i.provider = ?4 LIMIT 1"
    )
}

/// A confirmed payment of the very term that this one would pay: an end that did not move never triggers another payment.
pub(super) fn already_paid(c: &Connection, new: &NewIntent) -> Result<Option<Blocked>, Fault> {
    let mut terms = Vec::with_capacity(new.request.leases.len());
    for l in &new.request.leases {
        let known =
            leases::one(c, &new.request.account, &l.id)?.filter(|k| k.term_end() == Some(l.expires_at));
        let names = known.and_then(|k| k.term_names()).unwrap_or((l.expires_at, l.expires_at));
        terms.push(Term { lease: &l.id, ip: &l.ip, names });
    }
    let found = payers(c, &new.provider, terms.into_iter())?.into_iter().next();
    Ok(found.map(|intent| Blocked::Pending { intent, state: State::Confirmed }))
}

/// One term of a lease, with the earliest and latest of its names.
struct Term<'a> {
    lease: &'a LeaseId,
    ip: &'a str,
    names: (Timestamp, Timestamp),
}

/// The confirmed payments of these terms, each once.
fn payers<'a>(
    c: &Connection,
    provider: &ProviderName,
    terms: impl Iterator<Item = Term<'a>>,
) -> Result<Vec<IntentId>, Fault> {
    let mut by_lease = c.prepare_cached(&paid("lease", ""))?;
    let mut by_ip = c.prepare_cached(&paid("ip", NAMED))?;
    let mut found: Vec<IntentId> = Vec::new();
    for term in terms {
        let (from, to) = (instant(term.names.0), instant(term.names.1));
        for (find, key) in [(&mut by_lease, term.lease.as_str()), (&mut by_ip, term.ip)] {
            let name: Option<String> =
                find.query_row(params![key, from, to, provider.as_str()], |r| r.get(0)).optional()?;
            let id = name.map(IntentId::new);
            found.extend(id.filter(|id| !found.contains(id)));
        }
    }
    Ok(found)
}

/// The confirmed payments of the very terms that these leases are in, for a plan that tells in time what would block it.
pub(super) fn paid_terms(
    c: &Connection,
    provider: &ProviderName,
    leases: &[&Lease],
) -> Result<Vec<IntentRecord>, Fault> {
    let terms = leases.iter().filter_map(|l| Some(Term { lease: &l.id, ip: &l.ip, names: l.term_names()? }));
    payers(c, provider, terms)?.iter().map(|id| history::one(c, id)).collect()
}

fn covers(check: &BudgetCheck, new: &NewIntent) -> bool {
    check.currency == new.currency
        && (check.accounts.is_empty() || check.accounts.contains(&new.request.account))
        && (check.policies.is_empty() || check.policies.contains(&new.policy))
}

/// A cycle is found by its own index, a span by that of the spend instants.
pub(super) fn counting(one_cycle: bool) -> String {
    let cycle = if one_cycle { "i.cycle = ?4" } else { "?4 IS NULL" };
    format!(
        "SELECT h.account, i.policy, coalesce(h.charged, i.quoted) AS amount
         FROM intent_head h JOIN intent i ON i.id = h.intent
         WHERE {cycle} AND i.currency = ?1 AND (h.state = 'reserved' OR (h.spend_at >= ?2 AND h.spend_at < ?3
           AND h.state IN ('spend_started', 'accepted', 'unknown', 'confirmed', 'needs_operator')))"
    )
}

/// What counts in a budget: the charge, or the quote until that is known, of all that was started in the span and not shown
/// to be unspent; reservations count in every span. The parts of a split payment count, the payment itself does not.
pub(super) fn spent(c: &Connection, check: &BudgetCheck) -> Result<Money, Fault> {
    let mut query = c.prepare_cached(&counting(check.cycle.is_some()))?;
    let mut rows =
        query.query(params![check.currency.as_str(), instant(check.from), instant(check.to), check.cycle])?;
    let mut sum = Money::ZERO;
    while let Some(row) = rows.next()? {
        let account = row.get_ref("account")?.as_str().map_err(rusqlite::Error::from)?;
        let policy = row.get_ref("policy")?.as_str().map_err(rusqlite::Error::from)?;
        let counts = (check.accounts.is_empty() || check.accounts.iter().any(|a| a.as_str() == account))
            && (check.policies.is_empty() || check.policies.iter().any(|p| p == policy));
        if counts {
            // An overflow must stop payments, not allow them.
            sum = sum.plus(get_money(row, "amount")?).ok_or_else(|| {
                Fault::Nonsense(format!("the sum of budget `{}` is beyond all numbers", check.name))
            })?;
        }
    }
    Ok(sum)
}
