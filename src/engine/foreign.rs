//! Terms that the provider's own auto-renewal charged: seen in ends that moved without a payment of renewd's.
//!
//! They are recorded as such, so that budgets, forecasts and people know of them. An end that moved while the flag was off
//! before and after is somebody's hand at the provider's site: that shows as unexplained spend, not here.
use jiff::SignedDuration;

use super::Viewer;
use super::claims::may_have_renewed_itself;
use super::measure::is_seen;
use crate::domain::time::Moment;
use crate::domain::{
    Inventory, Lease, Method, Money, RenewalRequest, Sameness, State, TermEnd, nominal_days, term,
};
use crate::evidence::{Sight, Span};
use crate::ledger::{EventDetail, IntentFilter, IntentRecord, LedgerError, ProviderCharge};
use crate::settings::Account;

/// An end that moved by less is a correction, not a term.
const TERM: SignedDuration = SignedDuration::from_hours(20);

/// Records what `listed` shows against what was known; call before the reading becomes the known one, and after settling.
pub(super) fn charges(
    viewer: &Viewer,
    account: &Account,
    listed: &[Lease],
    inventory: &Inventory,
    now: &Moment,
) -> Result<Vec<IntentRecord>, LedgerError> {
    let ledger = viewer.ledger.as_ref();
    let Some(cycle) = ledger.last_cycle()?.map(|c| c.id) else { return Ok(Vec::new()) };
    let known = ledger.known_leases(&account.name)?;
    let moved: Vec<(&Lease, &Lease)> = known
        .iter()
        .filter_map(|k| {
            let at = listed.binary_search_by(|l| l.id.cmp(&k.lease.id)).ok()?;
            let on = k.lease.provider_renews == Some(true);
            if !on && !may_have_renewed_itself(&k.lease, Some(&listed[at]), now.wall) {
                return None;
            }
            let (before, after) = (end_of(&k.lease)?, end_of(&listed[at])?);
            let days = k.lease.cycle.as_deref().map(nominal_days);
            let later = term::compare(before, after, days) == Sameness::Later;
            (later && after.at.duration_since(before.at) >= TERM).then_some((&k.lease, &listed[at]))
        })
        .collect();
    if moved.is_empty() {
        return Ok(Vec::new());
    }
    let ours =
        ledger.intents(&IntentFilter { account: Some(account.name.clone()), ..IntentFilter::default() })?;
    let moved: Vec<(&Lease, &Lease)> =
        moved.into_iter().filter(|(before, after)| !speaks_for(&ours, before, after)).collect();
    let prices = expected(viewer, account, &moved)?;
    let fall = fall(viewer, account, inventory, &ours)?;
    let whole = prices.iter().copied().collect::<Option<Vec<Money>>>().and_then(Money::sum);
    let shares = fall.filter(|f| f.is_positive()).map(|f| f.shares(moved.len())).unwrap_or_default();
    let mut found = Vec::new();
    for (n, (before, after)) in moved.iter().enumerate() {
        let (amount, why) = match (prices[n], whole.is_some() && whole == fall, shares.get(n)) {
            (Some(price), true, _) => (price, "and the balance fell by what that costs".to_owned()),
            (_, _, Some(share)) if moved.len() == 1 => (*share, format!("and the balance fell by {share}")),
            (Some(price), _, _) => {
                (price, "the balance does not show what it cost, so its known price is taken".to_owned())
            }
            (None, _, Some(share)) => (*share, "its share of the fall of the balance is taken".to_owned()),
            (None, _, None) => (Money::ZERO, "what it cost is not known".to_owned()),
        };
        let believed = Believed { expected: prices[n].unwrap_or(amount), amount, why: &why };
        let charge = charge(viewer, account, (before, after), &believed, inventory, cycle, now);
        if let Some(id) = charge.map(|c| ledger.record_provider_charge(&c)).transpose()?.flatten() {
            tracing::info!(payment = %id, account = %account.name, "the provider renewed {} by itself: {why}", before.order);
            found.push(ledger.intent(&id)?);
        }
    }
    Ok(found)
}

/// A payment of renewd's stands for this move, or may still turn out to; also one for an earlier term that landed late.
fn speaks_for(ours: &[IntentRecord], before: &Lease, after: &Lease) -> bool {
    let (Some(old), Some(new)) = (end_of(before), end_of(after)) else { return false };
    ours.iter().filter(|r| !matches!(r.state, State::Released | State::Reserved)).any(|r| {
        !r.never_sent
            && r.request.leases.iter().filter(|l| l.is_lease(before)).any(|l| {
                let days = Some(r.request.period_days);
                let may_be = |one: TermEnd, other| {
                    matches!(term::compare(one, other, days), Sameness::Same | Sameness::Unclear)
                };
                let bought = r.bought(l).after.filter(|_| r.state == State::Confirmed);
                may_be(l.end(), old) || bought.is_some_and(|end| may_be(TermEnd::instant(end), new))
            })
    })
}

/// The end that the provider tells, if it does.
fn end_of(lease: &Lease) -> Option<TermEnd> {
    lease.expires_at.and(lease.named_end())
}

fn expected(
    viewer: &Viewer,
    account: &Account,
    moved: &[(&Lease, &Lease)],
) -> Result<Vec<Option<Money>>, LedgerError> {
    let last = viewer.ledger.last_prices(&account.name)?;
    Ok(moved
        .iter()
        .map(|(before, _)| before.price.or_else(|| last.get(&before.id).map(|p| p.amount)))
        .collect())
}

/// By how much the balance fell since the reading before, less what renewd paid in between; `None` where that cannot be told.
fn fall(
    viewer: &Viewer,
    account: &Account,
    inventory: &Inventory,
    ours: &[IntentRecord],
) -> Result<Option<Money>, LedgerError> {
    let facts = viewer.ledger.accounts()?.into_iter().find(|f| f.account == account.name);
    let Some((before, read_at)) = facts.and_then(|f| {
        let same = f.currency.as_ref() == Some(&inventory.balance.currency);
        Some((f.balance.filter(|_| same)?, f.read_at?))
    }) else {
        return Ok(None);
    };
    let since = |r: &&IntentRecord| r.spend_started_at.as_ref().is_some_and(|at| at.wall >= read_at);
    let open = ours.iter().filter(since).any(|r| {
        r.state.is_unsettled()
            || r.state == State::Refused && !r.never_sent
            || r.state == State::Confirmed && !is_seen(r)
    });
    let paid = ours.iter().filter(since).filter(|r| r.state == State::Confirmed);
    let paid = Money::sum(paid.map(|r| r.detail.charged.unwrap_or(r.quoted))).unwrap_or_default();
    let sight = if open { Sight::Contested } else { Sight::Tight };
    let span = Span { before, after: inventory.balance.amount, known: paid, sight };
    Ok(span.fell().filter(|_| span.sight == Sight::Tight))
}

/// What is believed of a charge.
struct Believed<'a> {
    /// The price that was known before.
    expected: Money,
    /// What it seems to have cost.
    amount: Money,
    why: &'a str,
}

fn charge(
    viewer: &Viewer,
    account: &Account,
    (before, after): (&Lease, &Lease),
    believed: &Believed<'_>,
    inventory: &Inventory,
    cycle: i64,
    now: &Moment,
) -> Option<ProviderCharge> {
    let (start, end) = (before.expires_at?, after.expires_at?);
    let lease = before.reference()?;
    let days = before.cycle.as_deref().map_or_else(
        || u32::try_from(end.duration_since(start).as_hours().saturating_add(12) / 24).unwrap_or(30).max(1),
        nominal_days,
    );
    let policy = viewer.settings.policy_of(before);
    Some(ProviderCharge {
        provider: account.provider.clone(),
        request: RenewalRequest {
            account: account.name.clone(),
            kind: before.kind.clone(),
            leases: vec![lease],
            period_days: days,
            cycle: before.cycle.clone(),
            promo: None,
            method: Method::Leases,
        },
        policy: policy.map(|p| p.name.clone()).unwrap_or_default(),
        amount: believed.expected,
        currency: inventory.balance.currency.clone(),
        balance_before: inventory.balance.amount.plus(believed.amount).unwrap_or(inventory.balance.amount),
        detail: EventDetail {
            charged: Some(believed.amount),
            balance_after: Some(inventory.balance.amount),
            expires_after: Some(end),
            evidence: Some(format!(
                "the provider's auto-renewal was on, its end moved without a payment of renewd's, {}",
                believed.why
            )),
            ..EventDetail::default()
        },
        cycle,
        at: now.clone(),
    })
}
