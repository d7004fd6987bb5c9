//! Settling purchases by what was just read: which orders are new, and the performing half of `evidence/purchase.rs`.
//!
//! A crash between finding the order and recording it loses nothing: the next read finds it still new.
use std::collections::{BTreeMap, HashSet};

use jiff::SignedDuration;

use super::keep_reading::keep_look;
use crate::domain::time::{Moment, Timing};
use crate::domain::{Event, LeaseView, OrderId, PurchaseRequest};
use crate::engine::settle::write::cost;
use crate::evidence::looks;
use crate::evidence::sight_of;
use crate::evidence::{PurchaseCase, PurchaseVerdict, judge_purchase};
use crate::evidence::{Reading, fell, in_one_currency};
use crate::ledger::{EventDetail, IntentRecord, Ledger, LedgerError, Purpose, SettleRead};

/// Call before the reading becomes the known one. `true`: it is in another state than before.
pub(in crate::engine) fn settle_purchase(
    ledger: &dyn Ledger,
    timing: &Timing,
    reading: &Reading<'_>,
    record: &IntentRecord,
    around: &[IntentRecord],
    now: &Moment,
) -> Result<bool, LedgerError> {
    let Purpose::Purchase(bought) = &record.purpose else { return Ok(false) };
    let fresh = new_orders(ledger, reading, record, around)?;
    let fresh = match &bought.mark {
        Some(mark) => marked(fresh, mark),
        None => fresh,
    };
    // A mark is nobody else's: what bears it is this purchase, whichever of its leases is listed first.
    let by_mark = bought.mark.as_ref().and_then(|_| fresh.keys().next());
    let named = record.order.as_ref().filter(|o| fresh.contains_key(o)).or(by_mark);
    let candidates: Vec<OrderId> = fresh
        .iter()
        .filter(|(_, l)| is_alike(bought, l) && is_whole(bought, l))
        .map(|(order, _)| order.clone())
        .collect();
    // A cut list says nothing of what is missing from it: only the order that the reply named can be believed then.
    let candidates = if reading.complete { candidates } else { Vec::new() };
    let comparable = in_one_currency(record, reading, around);
    let (fell, ambiguous) = fell(record, reading, around);
    // An order of which only some leases are listed may be ours, being made: nothing is concluded from its absence.
    let ambiguous =
        ambiguous || !reading.complete || fresh.values().any(|l| is_alike(bought, l) && !is_whole(bought, l));
    let seen = usize::from(named.is_some() || !candidates.is_empty());
    let looks = looks(record, now, timing, Some((fell, seen)));
    let timely = match candidates.as_slice() {
        [one] => fresh.get(one).is_some_and(|leases| is_timely(record, leases)),
        _ => false,
    };
    let case = PurchaseCase {
        timely,
        state: record.state,
        candidates: &candidates,
        named,
        quoted: record.quoted,
        ambiguous,
        comparable,
        sight: sight_of(record, reading, around, fell, now, timing),
        looks: &looks,
        timing,
    };
    let state = perform(ledger, (record, judge_purchase(&case)), &fresh, reading, (around, timing), now)?;
    if comparable {
        let balance = reading.balance.amount;
        // A look that could not see everything ends a row of quiet ones.
        let moved = if ambiguous { seen.max(1) } else { seen };
        keep_look(ledger, timing, record, state, SettleRead { at: now.clone(), balance, fell, moved })?;
    }
    Ok(state != record.state)
}

/// Its end, where the list tells it, lies a term after the money call, give or take what months differ.
fn is_timely(record: &IntentRecord, leases: &[LeaseView<'_>]) -> bool {
    let Some(spent_at) = record.spend_started_at.as_ref().map(|m| m.wall) else { return false };
    let term = SignedDuration::from_hours(24 * i64::from(record.request.period_days));
    let slack = SignedDuration::from_hours(48).max(term / 30);
    let end = leases.iter().filter_map(|l| l.expires_at).min();
    end.is_none_or(|end| (end.duration_since(spent_at) - term).abs() <= slack)
}

/// Listed orders of which no lease was known before the money call, and that no other purchase has made.
fn new_orders<'a>(
    ledger: &dyn Ledger,
    reading: &Reading<'a>,
    record: &IntentRecord,
    around: &[IntentRecord],
) -> Result<BTreeMap<OrderId, Vec<LeaseView<'a>>>, LedgerError> {
    let Some(spent_at) = record.spend_started_at.as_ref().map(|m| m.wall) else { return Ok(BTreeMap::new()) };
    let before = ledger.orders_before(reading.account, spent_at)?;
    let taken: HashSet<&OrderId> =
        around.iter().filter(|o| o.id != record.id).filter_map(|o| o.order.as_ref()).collect();
    let mut orders: BTreeMap<OrderId, Vec<LeaseView<'a>>> = BTreeMap::new();
    for lease in reading.leases.iter() {
        let order = OrderId::new(lease.order);
        if before.contains(&order) || taken.contains(&order) {
            continue;
        }
        orders.entry(order).or_default().push(lease);
    }
    Ok(orders)
}

/// Only what bears the mark of the purchase: whatever else is new was bought by somebody else.
fn marked<'a>(
    mut fresh: BTreeMap<OrderId, Vec<LeaseView<'a>>>,
    mark: &str,
) -> BTreeMap<OrderId, Vec<LeaseView<'a>>> {
    fresh.retain(|_, leases| leases.iter().any(|l| l.tag == Some(mark)));
    fresh
}

/// Of the kind and place that was bought.
fn is_alike(bought: &PurchaseRequest, leases: &[LeaseView<'_>]) -> bool {
    leases.iter().all(|l| {
        l.kind.as_str().eq_ignore_ascii_case(bought.kind.as_str())
            && match (l.country, &bought.country) {
                (Some(is), Some(wanted)) => is.eq_ignore_ascii_case(wanted),
                _ => true,
            }
    })
}

/// Of the size that was bought. An order that is one lease says nothing of its size.
fn is_whole(bought: &PurchaseRequest, leases: &[LeaseView<'_>]) -> bool {
    leases.first().is_some_and(|l| l.id == l.order)
        || leases.len() == usize::try_from(bought.quantity).unwrap_or(usize::MAX)
}

fn perform(
    ledger: &dyn Ledger,
    (record, verdict): (&IntentRecord, PurchaseVerdict),
    fresh: &BTreeMap<OrderId, Vec<LeaseView<'_>>>,
    reading: &Reading<'_>,
    (around, timing): (&[IntentRecord], &Timing),
    now: &Moment,
) -> Result<crate::domain::State, LedgerError> {
    let mut detail = EventDetail { balance_after: Some(reading.balance.amount), ..EventDetail::default() };
    let event = match verdict {
        PurchaseVerdict::Wait => return Ok(record.state),
        PurchaseVerdict::Confirmed { order, charged, measured, why } => {
            ledger.record_order(&record.id, &order, now.wall)?;
            let told = record.detail.balance_after.filter(|_| record.state == crate::domain::State::Accepted);
            let (charged, measured, said) =
                cost(record, around, now, timing).unwrap_or((charged, measured, String::new()));
            detail.charged = Some(charged);
            detail.measured = Some(measured);
            detail.balance_after = told.or(detail.balance_after);
            detail.expires_after =
                fresh.get(&order).and_then(|l| l.iter().filter_map(|l| l.expires_at).min());
            detail.evidence = Some(if said.is_empty() { why } else { format!("{why}; {said}") });
            Event::EndsMoved
        }
        PurchaseVerdict::NotApplied(why) => {
            detail.evidence = Some(why);
            Event::ShownNotApplied
        }
        PurchaseVerdict::NeedsOperator(why) => {
            detail.evidence = Some(why);
            Event::Inconclusive
        }
        PurchaseVerdict::Overdue => {
            detail.evidence = Some("accepted, and the lag window passed without a new order".into());
            Event::LagOver
        }
    };
    let state = ledger.append(&record.id, record.state, event, &detail, now)?;
    tracing::info!(payment = %record.id, account = %reading.account, from = %record.state, to = %state, "purchase settled");
    Ok(state)
}
