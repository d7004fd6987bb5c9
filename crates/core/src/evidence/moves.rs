//! Which ends moved, and whether a payment moved them. Pure.
use jiff::Timestamp;

use super::{End, Reading, another_is_open, claims, end, is_free};
use crate::domain::{LeaseId, LeaseView, Leases, Money, OrderState, RequestLease, State, TermEnd};
use crate::record::IntentRecord;

/// Where a paid lease is now. Under its id another address may have come (pain 11): the money went there all the same, so its end
/// speaks; that the address is lost is noted with the inventory and told. Where its address is listed under another id, that is it:
/// ids may change hands with a renewal.
fn find<'a>(leases: &'a Leases, of: &RequestLease) -> Option<LeaseView<'a>> {
    let by_id = leases.get(of.id.as_str());
    let here = |l: &LeaseView<'_>| l.order == of.order.as_str() && of.has_address_of(*l);
    by_id.filter(here).or_else(|| leases.iter().find(here)).or(by_id)
}

/// What each lease's end says of this payment, and the leases that it paid a second time. Whether the provider renews an order by
/// itself is a fact that is asked for only where it matters.
///
/// # Errors
/// Those of whoever tells that fact.
pub fn ends_of<E>(
    reading: &Reading<'_>,
    record: &IntentRecord,
    around: &[IntentRecord],
    fell: Money,
    spent_at: Timestamp,
    renewed_itself: impl Fn(&RequestLease, Option<&LeaseView<'_>>) -> Result<bool, E>,
) -> Result<(Vec<End>, Vec<LeaseId>), E> {
    let days = record.request.period_days;
    let closed = matches!(record.state, State::NotApplied | State::Refused);
    let mut twice = Vec::new();
    let mut ends = Vec::new();
    for of in &record.request.leases {
        let listed = find(reading.leases, of);
        let paid = claims(around, record, of);
        let mut seen = end_of(of, listed.as_ref(), spent_at, days);
        match (seen, paid) {
            (_, None) => seen = End::Same,
            (End::Moved(_) | End::Again, _) if closed && another_is_open(around, record, of) => {
                seen = End::Same
            }
            // Others already stand for this move: only a further term is this payment's.
            (End::Moved(to), Some(paid)) if !is_free(of.expires_at, to, days, paid) => {
                seen = End::Same;
            }
            // A further term of an order that the provider renews by itself is the provider's, unless the money says otherwise.
            (End::Moved(_), Some(1..))
                if closed && fell != record.quoted && renewed_itself(of, listed.as_ref())? =>
            {
                seen = End::Same;
            }
            // In service, as the other payment left it: that says nothing of this one, and a fall alone may be anybody's.
            (End::Again, Some(1..)) if closed => seen = End::Same,
            (End::Moved(_) | End::Again, Some(1..)) => twice.push(of.id.clone()),
            _ => {}
        }
        ends.push(seen);
    }
    Ok((ends, twice))
}

/// An order on hold stands where it stood; one that was paid for while on hold, and is in service again without telling
/// its new end, has moved all the same.
fn end_of(of: &RequestLease, listed: Option<&LeaseView<'_>>, spent_at: Timestamp, days: u32) -> End {
    match listed {
        Some(l) if *l.state == OrderState::OnHold && named(l).any(|name| name.stands(of.end(), days)) => {
            End::Same
        }
        // Its end moved and its state has not followed: not yet.
        Some(l) if *l.state == OrderState::OnHold => End::Odd,
        Some(l) if *l.state == OrderState::Active && l.expires_at.is_none() && spent_at >= of.expires_at => {
            End::Again
        }
        other => end(of.end(), other.and_then(LeaseView::told_end), spent_at, days),
    }
}

/// Both names of a term on hold: its end, and when the hold was seen to begin.
fn named(lease: &LeaseView<'_>) -> impl Iterator<Item = TermEnd> {
    lease.told_end().into_iter().chain(lease.held_since.map(TermEnd::instant))
}
