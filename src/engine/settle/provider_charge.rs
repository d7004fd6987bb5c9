//! Terms that the provider's own auto-renewal charged: seen in ends that moved without a payment of renewd's.
//!
//! They are recorded as such, so that budgets, forecasts and people know of them. An end that moved while the flag was off
//! before and after, and renewd did not just switch it on, is somebody's hand at the provider's site: that shows as unexplained spend, not here.
use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::time::Moment;
use crate::domain::{
    AUTO_ON, AccountName, Difference, Inventory, Lease, LeaseView, Leases, Measured, Method, Money, OrderId,
    RenewalRequest, RequestLease, Sameness, State, TermEnd, nominal_days, term,
};
use crate::engine::{LastPaid, Viewer, last_paid};
use crate::evidence::{Sight, Span, is_seen, may_have_renewed_itself};
use crate::ledger::{
    ChangeOutcome, EventDetail, IntentFilter, IntentRecord, Ledger, LedgerError, ProviderCharge,
};
use crate::settings::Account;

/// An end that moved by less is a correction, not a term.
const TERM: SignedDuration = SignedDuration::from_hours(20);

/// So long ago a list may have been cut: what left before that is gone, and comes back as somebody's purchase.
const BACK: SignedDuration = SignedDuration::from_hours(24 * 7);

/// Leases that `listed` shows as renewed against what was known, each before and after, where no payment of renewd's speaks for it.
pub(in crate::engine) fn renewed(
    viewer: &Viewer,
    account: &Account,
    listed: &Leases,
    difference: &Difference,
    now: &Moment,
) -> Result<Vec<(Lease, Lease)>, LedgerError> {
    // What is listed as it was known has not moved.
    let known = difference.known.iter().filter_map(|k| Some((k, listed.get(k.id)?)));
    let mut moved: Vec<(Lease, Lease)> = known
        .filter(|(before, after)| is_later(before, after))
        .map(|(before, after)| (before.to_lease(), after.to_lease()))
        .collect();
    let since = now.wall.checked_sub(BACK).unwrap_or(Timestamp::MIN);
    let back = returned(viewer.ledger.as_ref(), &account.name, listed, difference, since)?;
    moved.extend(back.into_iter().filter(|(before, after)| is_later(&before.view(), &after.view())));
    let flagged = |before: &Lease, after: &Lease| {
        let (before, after) = (before.view(), after.view());
        before.provider_renews == Some(true) || may_have_renewed_itself(&before, Some(&after), now.wall)
    };
    if moved.iter().any(|(before, after)| !flagged(before, after)) {
        // A list may not show yet what was switched so lately.
        let since = now.back(viewer.settings.timing.four_lags()).wall;
        let on = switched_on(viewer.ledger.as_ref(), &account.name, since)?;
        moved.retain(|(before, after)| flagged(before, after) || on.contains(&before.order));
    }
    // Last, since it reads all that was ever paid: most ends that move are renewd's own renewals.
    if !moved.is_empty() {
        let ours = ours(viewer, account)?;
        moved.retain(|(before, after)| !speaks_for(&ours, before, after));
    }
    Ok(moved)
}

fn is_later(before: &LeaseView<'_>, after: &LeaseView<'_>) -> bool {
    let days = before.cycle.map(nominal_days);
    let (Some(before), Some(after)) = (before.told_end(), after.told_end()) else { return false };
    term::compare(before, after, days) == Sameness::Later && after.at.duration_since(before.at) >= TERM
}

/// Leases that left the list since then and are back, each as it was known and as it is listed.
fn returned(
    ledger: &dyn Ledger,
    account: &AccountName,
    listed: &Leases,
    difference: &Difference,
    since: Timestamp,
) -> Result<Vec<(Lease, Lease)>, LedgerError> {
    let unknown =
        difference.places().map(|n| listed.view(n)).filter(|l| difference.known.get(l.id).is_none());
    let new: Vec<LeaseView<'_>> = unknown.collect();
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let still = Places::of(difference.known.iter().map(|k| k.to_lease()));
    let gone = Places::of(ledger.gone_leases(account, since)?);
    // Under another id it never left.
    let back = new.into_iter().filter(|l| still.like(l).is_none());
    Ok(back.filter_map(|l| Some((gone.like(&l)?.clone(), l.to_lease()))).collect())
}

/// Leases to be found by id, or by order and address.
struct Places {
    by_id: HashMap<String, (RequestLease, Lease)>,
    /// The ids of each order and address.
    ids: HashMap<(String, String), Vec<String>>,
}

impl Places {
    fn of(leases: impl IntoIterator<Item = Lease>) -> Self {
        let (mut by_id, mut ids) = (HashMap::new(), HashMap::<_, Vec<String>>::new());
        for lease in leases {
            let Some(reference) = lease.reference() else { continue };
            let id = lease.id.to_string();
            ids.entry((lease.order.to_string(), lease.ip.clone())).or_default().push(id.clone());
            by_id.insert(id, (reference, lease));
        }
        Self { by_id, ids }
    }

    /// The one that is this lease; of several the one whose term ends last.
    fn like(&self, lease: &LeaseView<'_>) -> Option<&Lease> {
        let place = self.ids.get(&(lease.order.to_owned(), lease.ip.to_owned()));
        let same = place.into_iter().flatten().map(String::as_str).chain([lease.id]);
        let found = same.filter_map(|id| self.by_id.get(id)).filter(|(known, _)| known.is_lease(*lease));
        found.map(|(_, lease)| lease).max_by_key(|lease| lease.expires_at)
    }
}

/// Orders whose auto-renewal renewd has switched on since then.
fn switched_on(
    ledger: &dyn Ledger,
    account: &AccountName,
    since: Timestamp,
) -> Result<Vec<OrderId>, LedgerError> {
    let refused = |o: &ChangeOutcome| matches!(o.word.as_str(), "refused" | "unsupported" | "never_sent");
    let mut changes = ledger.changes(since)?;
    changes
        .retain(|c| &c.account == account && c.what == AUTO_ON && !c.outcome.as_ref().is_some_and(refused));
    Ok(changes.into_iter().map(|c| c.order).collect())
}

fn ours(viewer: &Viewer, account: &Account) -> Result<Vec<IntentRecord>, LedgerError> {
    viewer.ledger.intents(&IntentFilter { account: Some(account.name.clone()), ..IntentFilter::default() })
}

/// Records what was renewed; call before the reading becomes the known one, and after settling, which may have found whose it was.
pub(in crate::engine) fn charges(
    viewer: &Viewer,
    account: &Account,
    renewed: &[(Lease, Lease)],
    inventory: &Inventory,
    now: &Moment,
) -> Result<Vec<IntentRecord>, LedgerError> {
    let ledger = viewer.ledger.as_ref();
    let Some(cycle) = ledger.last_cycle()?.map(|c| c.id).filter(|_| !renewed.is_empty()) else {
        return Ok(Vec::new());
    };
    let ours = ours(viewer, account)?;
    let moved: Vec<(&Lease, &Lease)> = renewed
        .iter()
        .map(|(before, after)| (before, after))
        .filter(|(before, after)| !speaks_for(&ours, before, after))
        .collect();
    let prices = expected(viewer, account, &moved)?;
    let last_paid = last_paid(ledger, &viewer.settings)?;
    let fall = fall(viewer, account, inventory, &ours, now)?;
    let whole = prices.iter().copied().collect::<Option<Vec<Money>>>().and_then(Money::sum);
    let shares = fall.filter(|f| f.is_positive()).map(|f| f.shares(moved.len())).unwrap_or_default();
    let mut found = Vec::new();
    for (n, (before, after)) in moved.iter().enumerate() {
        let (amount, by, why) = match (prices[n], whole.is_some() && whole == fall, shares.get(n)) {
            (Some(price), true, _) => {
                (price, Measured::Reading, "and the balance fell by what that costs".to_owned())
            }
            (_, _, Some(share)) if moved.len() == 1 => {
                (*share, Measured::Reading, format!("and the balance fell by {share}"))
            }
            (Some(price), _, _) => {
                let why = "the balance does not show what it cost, so its known price is taken";
                (price, Measured::Quote, why.to_owned())
            }
            (None, _, Some(share)) => {
                (*share, Measured::Quote, "its share of the fall of the balance is taken".to_owned())
            }
            (None, _, None) => (Money::ZERO, Measured::Quote, "what it cost is not known".to_owned()),
        };
        let believed =
            Believed { expected: prices[n].unwrap_or(amount), amount, by, why: &why, last_paid: &last_paid };
        let charge = charge(viewer, account, (before, after), &believed, inventory, cycle, now);
        if let Some(id) = charge.map(|c| ledger.record_provider_charge(&c)).transpose()?.flatten() {
            tracing::info!(payment = %id, account = %account.name, "the provider renewed {} on its own: {why}", before.order);
            found.push(ledger.intent(&id)?);
        }
    }
    Ok(found)
}

/// A payment of renewd's stands for this move, or may still turn out to; also one for an earlier term that landed late.
fn speaks_for(ours: &[IntentRecord], before: &Lease, after: &Lease) -> bool {
    let (Some(old), Some(new)) = (before.view().told_end(), after.view().told_end()) else { return false };
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

fn expected(
    viewer: &Viewer,
    account: &Account,
    moved: &[(&Lease, &Lease)],
) -> Result<Vec<Option<Money>>, LedgerError> {
    let last = viewer.ledger.prices(&account.name)?;
    Ok(moved.iter().map(|(before, _)| before.price.or_else(|| last.of(*before).map(|p| p.amount))).collect())
}

/// By how much the balance fell since the reading before, less what renewd paid in between; `None` where that cannot be told.
fn fall(
    viewer: &Viewer,
    account: &Account,
    inventory: &Inventory,
    ours: &[IntentRecord],
    now: &Moment,
) -> Result<Option<Money>, LedgerError> {
    let facts = viewer.ledger.accounts()?.into_iter().find(|f| f.account == account.name);
    let Some((before, read_at)) = facts.and_then(|f| {
        let same = f.currency.as_ref() == Some(&inventory.balance.currency);
        Some((f.balance.filter(|_| same)?, f.read_at?))
    }) else {
        return Ok(None);
    };
    let since = |r: &&IntentRecord| r.spend_started_at.as_ref().is_some_and(|at| at.wall >= read_at);
    // What was sent before that reading may show only now.
    let lag = viewer.settings.timing.lag_window;
    let may_land = |r: &IntentRecord| {
        r.spend_started_at
            .as_ref()
            .filter(|_| !r.never_sent)
            .is_some_and(|at| at.wall >= read_at || now.elapsed_since(at) < lag)
    };
    let open = ours.iter().any(|r| match r.state {
        State::SpendStarted | State::Accepted | State::Unknown => true,
        State::Refused | State::NeedsOperator => may_land(r),
        // This very reading may have shown both.
        State::Confirmed => !is_seen(r) && (may_land(r) || r.state_at.wall >= read_at),
        _ => false,
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
    /// How that is known.
    by: Measured,
    why: &'a str,
    last_paid: &'a LastPaid,
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
    let policies = viewer.settings.policies(now.wall, believed.last_paid);
    let policy = policies.of(before);
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
        labels: vec![policies.labels_of(before).iter().map(ToString::to_string).collect()],
        policy: policy.map(|p| p.name.clone()).unwrap_or_default(),
        amount: believed.expected,
        currency: inventory.balance.currency.clone(),
        balance_before: inventory.balance.amount.plus(believed.amount).unwrap_or(inventory.balance.amount),
        detail: EventDetail {
            charged: Some(believed.amount),
            measured: Some(believed.by),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Change, ChangeRequest};
    use crate::engine::settle::double_charge::tests::{account, at, lease, usd};
    use crate::ledger::sqlite::{Access, open};
    use crate::ledger::{Inventories, OrderChanges};
    use rstest::rstest;

    #[rstest]
    #[case::just_now(0, true, Some("done"), 1)]
    #[case::nobody_knows_whether_it_was(0, true, Some("unknown"), 1)]
    #[case::the_process_died(0, true, None, 1)]
    #[case::it_was_refused(0, true, Some("refused"), 0)]
    #[case::it_never_left(0, true, Some("never_sent"), 0)]
    #[case::off(0, false, Some("done"), 0)]
    #[case::every_list_shows_it_by_now(-61, true, Some("done"), 0)]
    fn what_was_switched_on_a_moment_ago_may_have_renewed(
        #[case] minute: i64,
        #[case] on: bool,
        #[case] word: Option<&str>,
        #[case] orders: usize,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path(), Access::Pay).unwrap();
        let request = ChangeRequest {
            account: account(),
            order: OrderId::new("o1"),
            kind: crate::domain::Kind::new("isp"),
            leases: vec![crate::domain::LeaseId::new("L1")],
            what: Change::AutoRenewal { on, period_days: 30, whole_order: true },
        };
        let permit = ledger.begin_change(&"proxyshard".into(), &request, "it pays", at(minute).wall).unwrap();
        if let Some(word) = word {
            let outcome = ChangeOutcome { word: word.to_owned(), code: None, message: None };
            ledger.end_change(permit.row(), &outcome, at(minute).wall).unwrap();
        }
        let since = at(-60).wall;
        assert_eq!(switched_on(&ledger, &account(), since).unwrap().len(), orders);
        assert_eq!(switched_on(&ledger, &"another".into(), since).unwrap().len(), 0);
    }

    #[test]
    fn a_lease_that_a_cut_list_was_without_is_held_against_what_was_known_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path(), Access::Pay).unwrap();
        let store = |leases: Vec<Lease>, minute: i64| {
            let inventory = Inventory {
                leases: std::sync::Arc::new(leases.into()),
                balance: usd("1.00"),
                oddities: Vec::new(),
                unreadable: 0,
                clock_skew: None,
                doubt: None,
                owner: None,
            };
            ledger.record_inventory(&"proxyshard".into(), &account(), at(minute).wall, &inventory).unwrap();
        };
        store(vec![lease(1, 0), lease(2, 0)], 0);
        store(vec![lease(2, 0)], 5);
        let listed = Leases::from(vec![lease(1, 1), lease(2, 0), lease(3, 1)]);
        let difference = ledger.difference(&account(), &listed).unwrap();
        let back = |minute| returned(&ledger, &account(), &listed, &difference, at(minute).wall).unwrap();
        assert_eq!(back(0), [(lease(1, 0), lease(1, 1))], "one that was never listed has no term before");
        assert!(is_later(&back(0)[0].0.view(), &back(0)[0].1.view()));
        assert_eq!(back(6), [], "what left before is gone for good");
    }
}
