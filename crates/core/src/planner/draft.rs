//! The first step of a plan: what is due, and what stands against it before any price is asked.
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::attempts::{Clearance, clearance, stale};
use super::early::{keep_lost, left_alone, no_policy, nobodys_stage, waits};
use super::idle::{Draft, PlannedList, Touched, divide};
use super::input::{AccountView, Standing, World};
use super::item::{Item, PaidBy, sort};
use super::payer::{Terms, terms, unsaid};
use crate::domain::time::words;
use crate::domain::{Bundle, Capabilities, Lease, OrderId, OrderState};
use crate::policy::{Action, Kept, PayBy, Policy, Reason, Stage, Windows, Word, due_at, stage};

/// Every lease of every account with its decision. Leases that may be paid are `renew due`; their price is still to be asked.
#[must_use]
pub fn draft(world: &World<'_>) -> Draft {
    let mut draft = Draft::default();
    let touched = Touched::by(world);
    for view in world.accounts {
        let divided = divide(world, view, &touched);
        let start = draft.items.len();
        let listed = divided.others.iter().map(|&n| view.leases.lease(n));
        draft.items.extend(listed.map(|lease| judge(world, view, &lease, None)));
        draft.items.extend(view.missing.iter().map(|lease| judge(world, view, lease, None)));
        bundles(world, view, &mut draft.items[start..]);
        sort(&mut draft.items[start..]);
        draft.lists.push(PlannedList::new(view, divided));
    }
    draft
}

/// The same with an item for every lease, each judged by itself.
#[must_use]
pub fn judge_all(world: &World<'_>) -> Vec<Item> {
    let mut items = Vec::new();
    for view in world.accounts {
        let start = items.len();
        items.extend(view.leases.iter().map(|lease| judge(world, view, &lease.to_lease(), None)));
        items.extend(view.missing.iter().map(|lease| judge(world, view, lease, None)));
        bundles(world, view, &mut items[start..]);
        sort(&mut items[start..]);
    }
    items
}

/// Judges one lease. `end` overrides its own end: a bundle is due at its earliest.
fn judge(world: &World<'_>, view: &AccountView<'_>, lease: &Lease, end: Option<Timestamp>) -> Item {
    let found = world.policies.place_of(lease);
    let mut item = Item {
        lease: lease.clone(),
        stage: None,
        labels: world.policies.labels_of(lease),
        reason: no_policy(),
        policy: found,
        due_at: None,
        quote: None,
        bundle: vec![lease.id.clone()],
        attempt: 1,
        paid_by: PaidBy::Renewd,
        switch_off_first: false,
        gone_at: gone_at(view.capabilities, lease),
    };
    let kept = world.policies.kept(lease);
    let Some(policy) = found.map(|i| &world.policies.all[i]) else {
        item.stage = lease.expires_at.map(|at| nobodys_stage(&lease.view(), at, world.now));
        if let Some(Kept::Orphaned(keep)) = kept {
            item.reason = keep_lost(keep);
        }
        return item;
    };
    if let Some(at) = end.or(lease.term_end()) {
        item.stage = Some(lease_stage(lease, policy, at, world.now));
        item.due_at = Some(due_at(policy, lease.order.as_str(), at));
    }
    item.reason = match policy.action {
        Action::Watch | Action::Release | Action::Ignore => left_alone(policy.action, policy),
        Action::Renew => match renew(world, view, lease, policy, end.or(lease.term_end())) {
            Ok(go) => {
                item.attempt = go.attempt;
                item.paid_by = go.terms.paid_by;
                item.switch_off_first = go.terms.switch_off_first;
                due_reason(world, lease, policy, end.or(lease.term_end()))
            }
            Err(reason) => reason,
        },
    };
    match kept {
        Some(Kept::Like(_, keep)) => item.reason.prose = format!("{}; {}", item.reason.prose, keep.words()),
        Some(Kept::Orphaned(keep)) => {
            item.reason.prose = format!(
                "{}; {}, which is not a policy now: its own decides",
                item.reason.prose,
                keep.words()
            );
        }
        Some(Kept::Over(_)) | None => {}
    }
    item
}

/// Nothing stands against paying for it.
struct Go {
    attempt: u32,
    terms: Terms,
}

/// A hold may begin so long before the end.
const HOLD_BEGINS: SignedDuration = SignedDuration::from_hours(3);

/// An order on hold is given up a fixed time after its end, or after it was first seen on hold.
fn gone_at(capabilities: &Capabilities, lease: &Lease) -> Option<Timestamp> {
    let grace = capabilities.grace.filter(|_| lease.state == OrderState::OnHold)?;
    lease.term_end()?.checked_add(grace).ok()
}

fn lease_stage(lease: &Lease, policy: &Policy, end: Timestamp, now: Timestamp) -> Stage {
    if lease.state == OrderState::OnHold {
        Stage::Rescue
    } else {
        stage(policy, lease.order.as_str(), end, now)
    }
}

fn due_reason(world: &World<'_>, lease: &Lease, policy: &Policy, end: Option<Timestamp>) -> Reason {
    let span = |at: Timestamp| words(at.duration_since(world.now).abs());
    let when = match end {
        Some(at) if lease.state == OrderState::OnHold => format!("on hold, its end passed {} ago", span(at)),
        Some(at) => format!("ends in {}", span(at)),
        None => String::new(),
    };
    Reason::new(Word::Due, format!("{when}; policy `{}`", policy.name))
}

/// An order in a state that renewd does not know, or whose state and end contradict each other: hands off.
fn odd_state(world: &World<'_>, lease: &Lease) -> Option<Reason> {
    let ahead = |at: Timestamp| at.duration_since(world.now) > HOLD_BEGINS;
    match &lease.state {
        OrderState::Other(word) => Some(Reason::new(
            Word::OrderState,
            format!("its order is `{word}`, a state that renewd does not know: check at the provider"),
        )),
        OrderState::OnHold if lease.expires_at.is_some_and(ahead) => Some(Reason::new(
            Word::OrderState,
            "it is on hold although its end is still ahead: either just renewed, or stopped by the provider; check there",
        )),
        _ => None,
    }
}

/// What stands against paying for it now, in the order in which it matters.
fn renew(
    world: &World<'_>,
    view: &AccountView<'_>,
    lease: &Lease,
    policy: &Policy,
    end: Option<Timestamp>,
) -> Result<Go, Reason> {
    let hold = |word, prose: String| Err(Reason::new(word, prose));
    if let Some(reason) = odd_state(world, lease) {
        return Err(reason);
    }
    if view.capabilities.prices_by_count && lease.kind.is_unknown() {
        let prose = "what it is cannot be read, so that no price can be asked: say it in the config, for all of its account (version = 4)";
        return hold(Word::Unparsable, prose.into());
    }
    let late_only = !view.capabilities.renew_early && lease.state == OrderState::Active;
    let Some(end) = end.filter(|_| lease.term_end().is_some()) else {
        return if late_only {
            hold(
                Word::NotRenewableYet,
                "the provider does not tell its end; it can be renewed once it is on hold".into(),
            )
        } else {
            hold(Word::Unparsable, "its end cannot be read: renewd cannot tell when it lapses".into())
        };
    };
    let stage = lease_stage(lease, policy, end, world.now);
    if let Some(reason) = stale(world, view.provider, lease) {
        return Err(reason);
    }
    if end <= world.now && stage != Stage::Rescue && !late_only {
        let ago = words(world.now.duration_since(end));
        return hold(
            Word::Lapsed,
            format!("its end passed {ago} ago, and renewd does not pay for a lapsed lease"),
        );
    }
    let order = lease.order.as_str();
    if policy.is_past_until(end) {
        return Err(waits(Word::PastUntil, policy, order, end, world.now));
    }
    let attempt = match clearance(world, view.provider, lease, policy, stage) {
        Clearance::Blocked(reason) => return Err(reason),
        Clearance::Attempt(n) => n,
    };
    if stage == Stage::Early {
        let word = if late_only { Word::NotRenewableYet } else { Word::NotDue };
        return Err(waits(word, policy, order, end, world.now));
    }
    account_stands(world, view, lease, stage).or_else(|reason| {
        // What cannot be paid yet anyway is not held for it, unless the provider would be the one to pay.
        if late_only && policy.pay_by == PayBy::Renewd { Ok(()) } else { Err(reason) }
    })?;
    let terms = terms(lease, policy, end, stage, late_only, world.now)?;
    if let Some(reason) = unsaid(lease, terms, view.capabilities) {
        return Err(reason);
    }
    if let Some(windows) =
        policy.window.as_ref().filter(|_| stage < Stage::Urgent && terms.paid_by == PaidBy::Renewd)
        && !windows.is_open(world.now, &policy.timezone)
    {
        return hold(Word::OutsideWindow, outside(windows, policy, world.now));
    }
    Ok(Go { attempt, terms })
}

fn outside(windows: &Windows, policy: &Policy, now: Timestamp) -> String {
    let today = policy.timezone.to_datetime(now).date();
    let off = if windows.is_off(today) { format!("; {today} is a day off") } else { String::new() };
    format!("outside the window {}{off}", windows.as_str())
}

fn account_stands(
    world: &World<'_>,
    view: &AccountView<'_>,
    lease: &Lease,
    stage: Stage,
) -> Result<(), Reason> {
    let hold = |word, prose: String| Err(Reason::new(word, prose));
    match &view.standing {
        Standing::Down(why) => return hold(Word::AccountDown, why.clone()),
        Standing::Unreadable(why) => return hold(Word::Unparsable, why.clone()),
        Standing::Shrunk(why) => {
            let listed = view.leases.find(lease.id.as_str()).is_some();
            if !listed || stage < Stage::Urgent {
                return hold(Word::Shrunk, why.clone());
            }
        }
        Standing::Part(why) => {
            if view.leases.find(lease.id.as_str()).is_none() {
                return hold(Word::Shrunk, why.clone());
            }
        }
        Standing::Good => {}
    }
    if let Some(reason) = &view.barred {
        return Err(reason.clone());
    }
    if let Some(why) = world.clock_held.as_ref().or(view.clock_held.as_ref()) {
        return hold(Word::Clock, why.clone());
    }
    if let Some(words) = &view.paused {
        return hold(Word::Paused, format!("spending is paused{words}"));
    }
    if let Some(why) = &view.provider_stopped {
        return hold(Word::UnknownPending, why.clone());
    }
    let lag = world.timing.lag_window;
    let unclear = world.past.iter().find(|p| &p.account == view.name && p.is_unclear(world.now, lag));
    // What would lapse until it is settled is paid all the same.
    let can_wait = !cannot_wait(last_chance(view.capabilities, lease), world.now, world.patience);
    match unclear.filter(|_| can_wait) {
        Some(p) => {
            hold(Word::UnknownPending, format!("payment {} of this account is being settled first", p.intent))
        }
        None => Ok(()),
    }
}

/// Whether it would be lost before a payment of now is surely settled, or before the next cycle could pay for it.
#[must_use]
pub fn cannot_wait(last_chance: Option<Timestamp>, now: Timestamp, patience: SignedDuration) -> bool {
    last_chance.is_some_and(|at| at.duration_since(now) <= patience)
}

fn last_chance(capabilities: &Capabilities, lease: &Lease) -> Option<Timestamp> {
    if lease.state == OrderState::OnHold { gone_at(capabilities, lease) } else { lease.expires_at }
}

/// Leases that the provider only sells together get one decision, due at the earliest end.
fn bundles(world: &World<'_>, view: &AccountView<'_>, items: &mut [Item]) {
    let mut orders: BTreeMap<OrderId, Vec<usize>> = BTreeMap::new();
    for (i, item) in items.iter().enumerate() {
        if view.capabilities.bundle(&item.lease.kind) == Bundle::Order {
            orders.entry(item.lease.order.clone()).or_default().push(i);
        }
    }
    for members in orders.into_values().filter(|m| m.len() > 1) {
        let ids: Vec<_> = members.iter().map(|&i| items[i].lease.id.clone()).collect();
        let earliest = members.iter().filter_map(|&i| items[i].lease.expires_at).min();
        for &i in &members {
            let lease = items[i].lease.clone();
            items[i] = Item { bundle: ids.clone(), ..judge(world, view, &lease, earliest) };
        }
        let attempt = members.iter().map(|&i| items[i].attempt).max().unwrap_or(1);
        if let Some(reason) = common(world, items, &members) {
            for &i in &members {
                items[i].reason = reason.clone();
            }
        }
        members.iter().for_each(|&i| items[i].attempt = attempt);
    }
}

/// The one reason that all members must share; `None` if they agree already.
fn common(world: &World<'_>, items: &[Item], members: &[usize]) -> Option<Reason> {
    let first = &items[members[0]];
    let same_policy = members.iter().all(|&i| items[i].policy == first.policy);
    let renewing = |i: usize| items[i].policy.is_some_and(|p| world.policies[p].action == Action::Renew);
    if !same_policy {
        return members.iter().any(|&i| renewing(i)).then(|| {
            Reason::new(
                Word::BundleSplit,
                "the provider renews this order only whole, and its leases fall under different policies",
            )
        });
    }
    let words: Vec<Word> = members.iter().map(|&i| items[i].reason.word).collect();
    if words.iter().all(|w| *w == words[0]) {
        return None;
    }
    // One member that must not be paid keeps the whole order from being paid; the gravest reason speaks.
    let gravest = members.iter().map(|&i| &items[i]).max_by_key(|i| (i.decision(), i.reason.word))?;
    if members.iter().all(|&i| items[i].decision() == gravest.decision()) {
        return Some(gravest.reason.clone());
    }
    Some(Reason::new(
        Word::BundleSplit,
        format!(
            "the provider renews this order only whole, and {} says {}",
            gravest.lease.ip, gravest.reason
        ),
    ))
}

#[cfg(test)]
#[path = "draft_tests.rs"]
mod tests;
