//! Settling payments by what was just read: the performing half of `evidence.rs`.
//!
//! A crash between two payments' events loses nothing: the next read finds the same facts.
use jiff::{SignedDuration, Timestamp};

use super::claims::{another_is_open, claims, is_free, renewed_itself};
use super::doubles;
use super::looks::{keep_look, looks, may_be_its_charge, quiet};
use super::measure::sight;
use super::remeasure::{remeasure, unmeasured};
use super::settle_purchase::settle_purchase;
use super::verdict::perform;
use crate::domain::time::{Moment, Timing};
use crate::domain::{
    AccountName, Balance, IntentId, Lease, LeaseId, Measured, Money, OrderState, ProviderName, RequestLease,
    State, TermEnd,
};
use crate::evidence::{Case, End, Sight, Span, Verdict, end, judge};
use crate::ledger::{IntentFilter, IntentRecord, Ledger, LedgerError, Purpose, SettleRead};
use crate::planner::Past;

/// Failed payments stay open to late evidence for so long.
const LATE: SignedDuration = SignedDuration::from_hours(24 * 60);

/// One reading of an account.
pub(super) struct Reading<'a> {
    pub account: &'a AccountName,
    /// Payments of another provider under this name are not judged by it.
    pub provider: &'a ProviderName,
    pub leases: &'a [Lease],
    pub balance: &'a Balance,
    /// The list is whole: what it lacks is not there.
    pub complete: bool,
    /// The provider's quotes are the prices of exactly their payments.
    pub bound: bool,
    /// When it began; a payment that started later is not judged by it.
    pub began: &'a Moment,
}

/// What the planner needs of a payment.
#[must_use]
pub fn past_of(record: &IntentRecord, now: &Moment, timing: &Timing) -> Past {
    Past {
        intent: record.id.clone(),
        account: record.request.account.clone(),
        provider: record.provider.clone(),
        leases: record.request.leases.clone(),
        days: record.request.period_days,
        after: record.detail.expires_after.filter(|_| record.state == State::Confirmed),
        state: record.state,
        state_at: record.state_at.wall,
        elapsed: record.spend_started_at.as_ref().and_then(|at| now.since(at)),
        never_sent: record.never_sent,
        operator_spoke: record.operator_spoke,
        quiet: quiet(record, now, timing),
    }
}

/// Where a paid lease is now. Under its id another address may have come (pain 11): the money went there all the same, so its end
/// speaks; that the address is lost is noted with the inventory and told. Where its address is listed under another id, that is it:
/// ids may change hands with a renewal.
fn find<'a>(leases: &'a [Lease], of: &RequestLease) -> Option<&'a Lease> {
    let by_id = leases.binary_search_by(|l| l.id.cmp(&of.id)).ok().map(|i| &leases[i]);
    let here = |l: &&Lease| l.order == of.order && of.has_address_of(l);
    by_id.filter(here).or_else(|| leases.iter().find(here)).or(by_id)
}

/// Settles what can be settled; returns the payments that turned out to be second charges of one term.
///
/// # Errors
/// The ledger's; what was settled until then stays settled.
pub(super) fn settle(
    ledger: &dyn Ledger,
    timing: &Timing,
    reading: &Reading<'_>,
    now: &Moment,
) -> Result<Vec<IntentRecord>, LedgerError> {
    let open = candidates(ledger, timing, reading, now)?;
    let Some(oldest) = open.iter().filter_map(|r| r.spend_started_at.as_ref()).map(|m| m.wall).min() else {
        return Ok(Vec::new());
    };
    let filter = IntentFilter {
        account: Some(reading.account.clone()),
        // A lag window more: what was paid just before may not show in the balance that a payment began with.
        spend_since: Some(oldest.checked_sub(timing.lag_window).unwrap_or(oldest)),
        ..IntentFilter::default()
    };
    let mut around = ledger.intents(&filter)?;
    let mut doubles = Vec::new();
    // Newest first: an end that moved once is the newest attempt's doing.
    for record in open {
        let settled = match record.purpose {
            _ if record.state == State::Confirmed => {
                remeasure(ledger, timing, reading, &record, &around, now)
                    .map(|moved| Settled { moved, doubles: Vec::new() })
            }
            Purpose::Purchase(_) => settle_purchase(ledger, timing, reading, &record, &around, now)
                .map(|moved| Settled { moved, doubles: Vec::new() }),
            _ => settle_one(ledger, timing, reading, &record, &around, now),
        };
        let settled = match settled {
            // Somebody else settled it just now, such as an operator: the next pass sees how it stands.
            Err(LedgerError::Moved { .. }) => {
                around = ledger.intents(&filter)?;
                continue;
            }
            settled => settled?,
        };
        doubles.extend(settled.doubles);
        if settled.moved {
            // What was settled speaks for or against the others; what was not has changed nothing.
            refresh(ledger, &record.id, &mut around, &filter)?;
        }
    }
    Ok(doubles)
}

/// Brings one payment up to date. Only a split one has left the list for others: all history is not read again for each.
fn refresh(
    ledger: &dyn Ledger,
    id: &IntentId,
    around: &mut Vec<IntentRecord>,
    filter: &IntentFilter,
) -> Result<(), LedgerError> {
    let now = ledger.intent(id)?;
    match around.iter_mut().find(|r| &r.id == id).filter(|_| now.state != State::Split) {
        Some(known) => *known = now,
        None => *around = ledger.intents(filter)?,
    }
    Ok(())
}

fn candidates(
    ledger: &dyn Ledger,
    timing: &Timing,
    reading: &Reading<'_>,
    now: &Moment,
) -> Result<Vec<IntentRecord>, LedgerError> {
    let of = |states: Vec<State>, spend_since| {
        ledger.intents(&IntentFilter {
            account: Some(reading.account.clone()),
            states,
            spend_since,
            ..IntentFilter::default()
        })
    };
    let mut open = of(vec![State::Accepted, State::Unknown, State::NeedsOperator], None)?;
    let late = now.wall.checked_sub(LATE).unwrap_or(Timestamp::MIN);
    open.extend(
        of(vec![State::NotApplied, State::Refused], Some(late))?.into_iter().filter(|r| !r.never_sent),
    );
    open.extend(unmeasured(ledger, Some(reading.account), timing, now)?);
    open.retain(|r| {
        &r.provider == reading.provider
            && r.spend_started_at
                .as_ref()
                .is_some_and(|at| reading.began.wall >= at.wall || reading.began.boot_ms >= at.boot_ms)
    });
    open.sort_by(|a, b| b.created_at.wall.cmp(&a.created_at.wall).then_with(|| b.id.cmp(&a.id)));
    Ok(open)
}

/// What became of one payment in this reading.
struct Settled {
    /// It is in another state than before.
    moved: bool,
    /// What of it turned out to be a second charge of one term.
    doubles: Vec<IntentRecord>,
}

fn settle_one(
    ledger: &dyn Ledger,
    timing: &Timing,
    reading: &Reading<'_>,
    record: &IntentRecord,
    around: &[IntentRecord],
    now: &Moment,
) -> Result<Settled, LedgerError> {
    let Some(spent_at) = record.spend_started_at.as_ref() else {
        return Ok(Settled { moved: false, doubles: Vec::new() });
    };
    let (fell, ambiguous) = fell(record, reading, around);
    // What was measured beside an unclear payment may be that one's: no fall is evidence, and where quotes bind nobody not even
    // a balance that seems unchanged.
    let beside = is_beside(record, around, timing.lag_window);
    let ambiguous = ambiguous || (beside && !reading.bound);
    let (ends, twice) = ends_of(ledger, reading, record, around, fell, spent_at.wall, now)?;
    let moved = ends.iter().filter(|e| matches!(e, End::Moved(_))).count();
    let comparable = in_one_currency(record, reading, around);
    let looks = looks(record, now, timing, Some((fell, moved)));
    let case = Case {
        state: record.state,
        ends: &ends,
        quoted: record.quoted,
        ambiguous,
        contested: beside || around.iter().any(|o| o.id != record.id && o.state == State::Unknown),
        sight: sight(record, around, (Measured::Reading, true), now, timing),
        comparable,
        bound: reading.bound,
        looks: &looks,
        timing,
    };
    let verdict = judge(&case);
    if !twice.is_empty() && matches!(verdict, Verdict::Confirmed { .. } | Verdict::Split) {
        doubles::owe(ledger, &record.id, &twice)?;
    }
    let state = perform(ledger, (record, &verdict), &ends, reading, (around, timing), now)?;
    if comparable {
        let balance = reading.balance.amount;
        // A look that did not see every lease as it was, or at a balance that may hold another charge, ends a row of quiet ones.
        let quiet = !ambiguous
            && !may_be_its_charge(record, fell, reading.bound)
            && ends.iter().all(|e| *e == End::Same);
        let moved = if quiet { 0 } else { moved.max(1) };
        keep_look(ledger, timing, record, state, SettleRead { at: now.clone(), balance, fell, moved })?;
    }
    let doubles = if twice.is_empty() { Vec::new() } else { doubles::kept_as(ledger, &record.id, &twice)? };
    Ok(Settled { moved: state != record.state, doubles })
}

/// What each lease's end says of this payment, and the leases that it paid a second time.
fn ends_of(
    ledger: &dyn Ledger,
    reading: &Reading<'_>,
    record: &IntentRecord,
    around: &[IntentRecord],
    fell: Money,
    spent_at: Timestamp,
    now: &Moment,
) -> Result<(Vec<End>, Vec<LeaseId>), LedgerError> {
    let days = record.request.period_days;
    let closed = matches!(record.state, State::NotApplied | State::Refused);
    let mut twice = Vec::new();
    let mut ends = Vec::new();
    for of in &record.request.leases {
        let listed = find(reading.leases, of);
        let paid = claims(around, record, of);
        let mut seen = end_of(of, listed, spent_at, days);
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
                if closed
                    && fell != record.quoted
                    && renewed_itself(ledger, reading.account, of, listed, now.wall)? =>
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
fn end_of(of: &RequestLease, listed: Option<&Lease>, spent_at: Timestamp, days: u32) -> End {
    match listed {
        Some(l) if l.state == OrderState::OnHold && named(l).any(|name| name.stands(of.end(), days)) => {
            End::Same
        }
        // Its end moved and its state has not followed: not yet.
        Some(l) if l.state == OrderState::OnHold => End::Odd,
        Some(l) if l.state == OrderState::Active && l.expires_at.is_none() && spent_at >= of.expires_at => {
            End::Again
        }
        other => {
            end(of.end(), other.filter(|l| l.expires_at.is_some()).and_then(Lease::named_end), spent_at, days)
        }
    }
}

/// Both names of a term on hold: its end, and when the hold was seen to begin.
fn named(lease: &Lease) -> impl Iterator<Item = TermEnd> {
    let end = lease.expires_at.map(|at| TermEnd { at, told: lease.told });
    end.into_iter().chain(lease.held_since.map(TermEnd::instant))
}

/// Whether the balances before and now, and all charges in between, are in the payment's currency. An account whose currency
/// changed has a balance that cannot be compared, however alike the figures are.
pub(super) fn in_one_currency(record: &IntentRecord, reading: &Reading<'_>, around: &[IntentRecord]) -> bool {
    let since = |o: &&IntentRecord| {
        o.spend_started_at.as_ref().map(|m| m.wall) >= record.spend_started_at.as_ref().map(|m| m.wall)
    };
    reading.balance.currency == record.currency
        && around
            .iter()
            .filter(since)
            .filter(|o| o.state.counts_in_budgets())
            .all(|o| o.currency == record.currency)
}

/// Within a boot whatever the wall clock was set to.
pub(super) fn is_after(one: &Moment, other: &Moment) -> bool {
    if one.boot_id == other.boot_id { one.boot_ms > other.boot_ms } else { one.wall > other.wall }
}

/// Whether another payment of the account was sent while this one's outcome was unknown, within its lag window, or the other way
/// round.
fn is_beside(record: &IntentRecord, around: &[IntentRecord], lag: SignedDuration) -> bool {
    let unclear_at = |one: &IntentRecord, other: &IntentRecord| {
        let (Some(sent), Some(at)) = (&one.spend_started_at, &other.spend_started_at) else { return false };
        // A lost answer leaves its words.
        let lost =
            one.state == State::Unknown || (one.state != State::Refused && one.detail.message.is_some());
        let open = one.state.is_unsettled() || is_after(&one.state_at, at);
        let within = at.age_of(sent).is_none_or(|age| age < lag);
        lost && !one.never_sent && !other.never_sent && open && within && is_after(at, sent)
    };
    let others = around.iter().filter(|o| o.id != record.id);
    others.into_iter().any(|o| unclear_at(o, record) || unclear_at(record, o))
}

/// Balance before − now − other known charges since; and whether a charge since is not known yet.
pub(super) fn fell(record: &IntentRecord, reading: &Reading<'_>, around: &[IntentRecord]) -> (Money, bool) {
    let later = |o: &&IntentRecord| {
        o.id != record.id
            && o.spend_started_at
                .as_ref()
                .zip(record.spend_started_at.as_ref())
                .is_some_and(|(o, r)| is_after(o, r))
    };
    // An accepted payment's charge is its quote until its end is seen: its fall is not this one's.
    let known = around.iter().filter(later).filter(|o| matches!(o.state, State::Confirmed | State::Accepted));
    let known = Money::sum(known.map(|o| o.detail.charged.unwrap_or(o.quoted))).unwrap_or_default();
    // What the provider charged by itself is often only believed: with it an unchanged balance proves nothing.
    let ambiguous = around.iter().filter(later).any(|o| {
        matches!(o.state, State::Accepted | State::SpendStarted)
            || (o.state == State::Confirmed && o.purpose == Purpose::Provider)
    });
    let siblings =
        around.iter().filter(|o| o.parent.is_some() && o.parent == record.parent && o.id != record.id);
    let siblings =
        siblings.filter(|o| o.state == State::Confirmed).map(|o| o.detail.charged.unwrap_or(o.quoted));
    let siblings = Money::sum(siblings).unwrap_or_default();
    let span = Span {
        before: record.balance_before,
        after: reading.balance.amount,
        known: known.plus(siblings).unwrap_or_default(),
        sight: Sight::Tight,
    };
    (span.fell().unwrap_or_default(), ambiguous)
}

#[cfg(test)]
#[path = "settle_tests.rs"]
mod tests;
