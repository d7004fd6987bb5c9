//! Paying an approved plan: exactly its sets, once, and only in the world that it was made for.
//!
//! Responsible for: whether a plan may still be used, whether the world has moved since, and the one pass that pays it. That
//! pass is the engine's own, with every gate, guard and budget in force; a plan only takes away, it never adds. Not
//! responsible for the file (views) or for what is due (planner).
//!
//! A crash after the plan was marked as used leaves it used: what was begun is settled like any other payment, and the rest
//! is due in the next cycle or in a new plan.
use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};

use crate::domain::time::words;
use crate::domain::{AccountName, LeaseId, RenewalRequest, RequestLease};
use crate::engine::approve::exact::{Approved, ExactSet, Exactly};
use crate::engine::{CycleReport, EngineError, Payer};
use crate::ledger::{IDENTITY, Ledger, LedgerError};
use crate::planner::{Against, GroupKey, Item, PaySet, against, end_stands};
use crate::policy::{Decision, Policy, Reason, Word};
use crate::settings::Settings;

/// A plan is good for so long.
pub const PLAN_AGE: SignedDuration = SignedDuration::from_hours(24);
/// A clock may be set back by so much between plan and apply.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// Why a plan is not used at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// `used` or `stale`.
    pub kind: &'static str,
    /// In a sentence.
    pub text: String,
}

/// The note that marks a plan as used.
#[must_use]
pub fn used_note(id: &str) -> String {
    format!("plan.used:{id}")
}

/// The ledger that a plan is to be paid with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Books {
    /// Which one it is.
    pub identity: Option<String>,
    /// No payment was ever begun with it: a plan made before there was a ledger may be meant for it.
    pub unused: bool,
    /// What [`used_note`] says of the plan.
    pub used: Option<String>,
}

impl Books {
    /// Reads them.
    ///
    /// # Errors
    /// The ledger's.
    pub fn read(ledger: &dyn Ledger, plan: &Approved) -> Result<Self, LedgerError> {
        Ok(Self {
            identity: ledger.noted(IDENTITY)?,
            unused: plan.ledger.is_none() && !ledger.has_payments()?,
            used: ledger.noted(&used_note(&plan.id))?,
        })
    }
}

/// What stands against a plan before the world is looked at.
#[must_use]
pub fn refusal(
    plan: &Approved,
    now: Timestamp,
    books: &Books,
    config: &BTreeMap<String, String>,
) -> Option<Refusal> {
    let stale = |text: String| Some(Refusal { kind: "stale", text });
    if let Some(when) = &books.used {
        let text = format!("this plan was used {when}: a plan is paid once. Make a new one");
        return Some(Refusal { kind: "used", text });
    }
    let same = if plan.ledger.is_none() { books.unused } else { plan.ledger == books.identity };
    if !same {
        return stale(
            "this plan was made with another ledger (state_dir), or with none. Make a new one".into(),
        );
    }
    let age = now.duration_since(plan.made_at);
    if age > PLAN_AGE {
        return stale(format!(
            "this plan is {} old, and good for {}. Make a new one",
            words(age),
            words(PLAN_AGE)
        ));
    }
    if age < -AHEAD {
        return stale(format!("this plan was made {} from now: look at the clock", words(age)));
    }
    let changed: Vec<&str> = config
        .keys()
        .chain(plan.config.keys().filter(|k| !config.contains_key(*k)))
        .filter(|k| config.get(*k) != plan.config.get(*k))
        .map(String::as_str)
        .collect();
    if changed.is_empty() {
        return None;
    }
    stale(format!("the config changed since this plan was made ({}). Make a new one", changed.join(", ")))
}

/// Why a lease is not paid as its plan says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) struct Moved {
    /// In a sentence.
    pub text: String,
    /// What stands in the way at present, where the lease is still what the plan says.
    pub waits: Option<Word>,
}

impl Moved {
    fn told(text: String) -> Self {
        Self { text, waits: None }
    }
}

/// A lease that a plan names and that is none of the items.
pub(in crate::engine) type Elsewhere<'a> = dyn Fn(&AccountName, &LeaseId) -> Result<Item, Moved> + 'a;

/// What plans are held against: the leases of now and how they would be paid.
pub(in crate::engine) struct Ground<'a> {
    items: &'a [Item],
    places: HashMap<(&'a AccountName, &'a LeaseId), usize>,
    settings: &'a Settings,
    elsewhere: &'a Elsewhere<'a>,
}

impl<'a> Ground<'a> {
    pub(in crate::engine) fn new(
        items: &'a [Item],
        settings: &'a Settings,
        elsewhere: &'a Elsewhere<'a>,
    ) -> Self {
        let place = |(i, item): (usize, &'a Item)| ((&item.lease.account, &item.lease.id), i);
        Self { items, places: items.iter().enumerate().map(place).collect(), settings, elsewhere }
    }

    pub(in crate::engine) fn place(&self, account: &AccountName, lease: &LeaseId) -> Option<usize> {
        self.places.get(&(account, lease)).copied()
    }

    /// The set as it stands, or why it is not paid as the plan says: a sentence per lease or set.
    pub(in crate::engine) fn find(
        &self,
        exact: &ExactSet,
        groups: &[(GroupKey, Vec<usize>)],
    ) -> Result<PaySet, Vec<Moved>> {
        let account = &exact.request.account;
        if self.settings.account_at(account, &exact.provider).is_none() {
            let text = format!("account `{account}` is not one of {}", exact.provider);
            return Err(vec![Moved::told(text)]);
        }
        let moved: Vec<Moved> =
            exact.request.leases.iter().filter_map(|lease| self.moved(exact, lease)).collect();
        if !moved.is_empty() {
            return Err(moved);
        }
        let members = exact.request.leases.iter().filter_map(|lease| self.place(account, &lease.id));
        as_one(exact, members.collect(), self.items, groups).map_err(|text| vec![Moved::told(text)])
    }

    /// Why a lease of the set is not paid as the plan says; `None`: it is due, and as it was.
    pub(in crate::engine) fn moved(&self, exact: &ExactSet, lease: &RequestLease) -> Option<Moved> {
        let account = &exact.request.account;
        let name = if lease.ip.is_empty() { lease.id.as_str() } else { &lease.ip };
        let policies = &self.settings.policies;
        let moved = match self.place(account, &lease.id) {
            Some(i) => moves(exact, lease, &self.items[i], policies),
            None => match (self.elsewhere)(account, &lease.id) {
                Ok(item) => moves(exact, lease, &item, policies),
                Err(gone) => return Some(Moved { text: format!("{name} {}", gone.text), ..gone }),
            },
        };
        moved.map(|m| Moved { text: format!("{name}: {}", m.text), ..m })
    }
}

/// A lease that no list has.
pub(in crate::engine) fn not_listed() -> Moved {
    Moved::told("is no longer listed".to_owned())
}

/// The sets of a plan as they stand in the world of now.
///
/// # Errors
/// What moved, one sentence per lease or set: then nothing of the plan may be paid.
pub(in crate::engine) fn locate(
    plan: &Approved,
    items: &[Item],
    groups: &[(GroupKey, Vec<usize>)],
    settings: &Settings,
) -> Result<Vec<Exactly>, Vec<String>> {
    let ground = Ground::new(items, settings, &|_, _| Err(not_listed()));
    let mut found = Vec::new();
    let mut moved = Vec::new();
    for exact in &plan.sets {
        match ground.find(exact, groups) {
            Ok(set) => found.push(Exactly { set, exact: exact.clone(), approval: None }),
            Err(what) => moved.extend(what.into_iter().map(|m| m.text)),
        }
    }
    if moved.is_empty() { Ok(found) } else { Err(moved) }
}

fn moves(exact: &ExactSet, planned: &RequestLease, item: &Item, policies: &[Policy]) -> Option<Moved> {
    let lease = &item.lease;
    // On hold without an end that is told, the term is named by when the hold began: there as here.
    let end = lease.named_end();
    if !end.is_some_and(|now| end_stands(now, planned, exact.request.period_days)) {
        let now = end.map_or("cannot be read".to_owned(), |end| format!("is {}", end.at));
        let later = end.is_some_and(|end| end.at > planned.expires_at);
        let renewed = if later { ": it was renewed meanwhile" } else { "" };
        return Some(Moved::told(format!("its end was {}, and {now}{renewed}", planned.expires_at)));
    }
    if (&lease.order, &lease.ip) != (&planned.order, &planned.ip) {
        return Some(Moved::told(format!(
            "it was {} of order {}, and is {} of order {}",
            planned.ip, planned.order, lease.ip, lease.order
        )));
    }
    if item.decision() != Decision::Renew {
        let text = format!("it was to be renewed, and is not now: {}", item.reason);
        let word = item.reason.word;
        return Some(Moved { text, waits: (against(word) == Against::ForNow).then_some(word) });
    }
    let policy = item.policy.map_or("", |p| policies[p].name.as_str());
    if policy != exact.policy {
        let text = format!("it fell under policy `{}`, and falls under `{policy}`", exact.policy);
        return Some(Moved::told(text));
    }
    (item.attempt != exact.attempt).then(|| {
        Moved::told(format!(
            "this would be attempt {}, and the plan was made for {}",
            item.attempt, exact.attempt
        ))
    })
}

/// Whether both ask for the same, with ends as they are told now: those were looked at before. An order's leases are listed by end
/// and id, and of ends that jitter another may come first.
fn asks_the_same(now: &RenewalRequest, planned: &RenewalRequest) -> bool {
    let ids = |request: &RenewalRequest| {
        let mut ids: Vec<LeaseId> = request.leases.iter().map(|l| l.id.clone()).collect();
        ids.sort();
        ids
    };
    ids(now) == ids(planned) && *planned == RenewalRequest { leases: planned.leases.clone(), ..now.clone() }
}

/// The set, if its leases are still paid together and in the way that the plan says.
fn as_one(
    exact: &ExactSet,
    mut members: Vec<usize>,
    items: &[Item],
    groups: &[(GroupKey, Vec<usize>)],
) -> Result<PaySet, String> {
    let name = exact.request.leases.first().map_or("", |l| l.ip.as_str());
    let apart = || format!("{name}: the leases of its payment are not paid together any more");
    let first = members.first().copied().ok_or_else(apart)?;
    let (key, _) = groups.iter().find(|(_, all)| all.contains(&first)).ok_or_else(apart)?;
    // The plan says which period of a list it was made for. Leases that have different periods to try are paid together where that one is
    // among them all.
    let days = exact.request.period_days;
    let of = |key: &GroupKey| key.at(days).unwrap_or_else(|| key.settled());
    let key = of(key);
    let all: Vec<usize> =
        groups.iter().filter(|(other, _)| of(other) == key).flat_map(|(_, all)| all).copied().collect();
    if !members.iter().all(|m| all.contains(m)) || (key.alone.is_some() && members.len() > 1) {
        return Err(apart());
    }
    if key.order.is_some() {
        if members.len() != all.len() {
            return Err(format!(
                "{name}: its order is renewed whole, and holds other leases than in the plan"
            ));
        }
        members.clone_from(&all);
    }
    let set = PaySet { key: key.clone(), members };
    let request = set.request(items).map(|r| RenewalRequest { method: exact.request.method, ..r });
    if !request.is_some_and(|now| asks_the_same(&now, &exact.request)) || key.country != exact.country {
        return Err(format!(
            "{name}: it would be paid for another term, promo code or kind than in the plan"
        ));
    }
    Ok(set)
}

/// Puts aside what the plan does not name, or everything if it is stale.
pub(in crate::engine) fn put_aside(items: &mut [Item], named: &[Exactly], stale: bool) {
    let mut keep = vec![false; items.len()];
    named.iter().flat_map(|exactly| &exactly.set.members).for_each(|&m| keep[m] = true);
    let prose = if stale {
        "due; the plan is stale, so nothing was paid by it"
    } else {
        "due, and not in the plan: the next cycle looks at it"
    };
    for (item, _) in items.iter_mut().zip(keep).filter(|(i, keep)| !keep && i.decision() == Decision::Renew) {
        item.reason = Reason::new(Word::Backoff, prose);
    }
}

impl Payer {
    /// A whole cycle that pays the sets of this plan and nothing else; `moved` in its report says why it paid nothing.
    /// The plan is marked as used before the first payment.
    ///
    /// # Errors
    /// The ledger's; payments begun until then are in it.
    pub async fn apply(&self, plan: &Approved) -> Result<CycleReport, EngineError> {
        self.pass(Some(plan)).await
    }
}
