//! Leases of which a pass has nothing to say: far from their ends, nothing is due, nothing stands against anything. Of a large fleet that is
//! nearly every one, so each takes eight bytes here, and becomes an [`Item`] only for whoever shows it.
//!
//! Pure. What is idle is decided narrowly: whatever an alert, a payment or a switch of the provider's auto-renewal may ask for becomes an
//! item at once. Not responsible for judging those (`draft`).
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::early::{left_alone, no_policy, nobodys_stage, waits};
use super::input::{AccountView, World};
use super::item::{Item, PaidBy, sort};
use super::steer::wanted_flag;
use crate::domain::{AccountName, Bundle, Capabilities, Lease, LeaseId, LeaseView, Leases, OrderState};
use crate::policy::{
    Action, Decision, Finder, Policies, Policy, Reason, Stage, Word, due_at, notice_at, stage,
};

/// A lease with nothing to be said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idle {
    lease: u32,
    policy: u16,
    word: Word,
}

/// No policy has that number.
const NONE: u16 = u16::MAX;

impl Idle {
    /// Where it stands in its list.
    #[must_use]
    pub fn lease(&self) -> usize {
        self.lease as usize
    }

    /// Index of the policy that decided.
    #[must_use]
    pub fn policy(&self) -> Option<usize> {
        (self.policy != NONE).then_some(usize::from(self.policy))
    }

    /// Why there is nothing to say.
    #[must_use]
    pub fn word(&self) -> Word {
        self.word
    }

    /// What is done with it.
    #[must_use]
    pub fn decision(&self) -> Decision {
        self.word.decision()
    }
}

/// The list of an account as a plan looked at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedList {
    /// Whose.
    pub account: AccountName,
    /// As listed, or as last known.
    pub leases: Arc<Leases>,
    /// Last known, and missing from a list that is not believed.
    pub missing: Vec<Lease>,
    /// By their places in the list. All others are items.
    pub idle: Vec<Idle>,
    /// Of those that are paid with others that end earlier: that end.
    ends: Vec<(u32, Timestamp)>,
    capabilities: Capabilities,
}

/// A plan before any price is asked.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// What may have to be paid, told or switched, in account order, then by end and id.
    pub items: Vec<Item>,
    /// Everything else, one list an account.
    pub lists: Vec<PlannedList>,
}

/// An end is looked at as if it were a day nearer: what is told by whole days has neighbours that are told with it.
const MARGIN: SignedDuration = SignedDuration::from_hours(24);

/// What earlier payments touch.
pub(super) struct Touched<'a> {
    leases: HashSet<&'a str>,
    orders: HashSet<&'a str>,
    ips: HashSet<&'a str>,
}

impl<'a> Touched<'a> {
    pub(super) fn by(world: &World<'a>) -> Self {
        let all = || world.past.iter().flat_map(|p| &p.leases);
        Self {
            leases: all().map(|l| l.id.as_str()).collect(),
            orders: all().map(|l| l.order.as_str()).collect(),
            ips: all().map(|l| l.ip.as_str()).collect(),
        }
    }

    fn has(&self, lease: &LeaseView<'_>) -> bool {
        !self.leases.is_empty()
            && (self.leases.contains(lease.id)
                || self.orders.contains(lease.order)
                || self.ips.contains(lease.ip))
    }
}

/// What a list is divided into.
pub(super) struct Divided {
    pub idle: Vec<Idle>,
    pub ends: Vec<(u32, Timestamp)>,
    /// Places of those that are judged one by one.
    pub others: Vec<usize>,
}

/// Finds what is idle.
pub(super) fn divide(world: &World<'_>, view: &AccountView<'_>, touched: &Touched<'_>) -> Divided {
    let leases = view.leases.as_ref();
    let mut policies = Finder::new(world.policies);
    let mut done = Divided { idle: Vec::new(), ends: Vec::new(), others: Vec::new() };
    let mut whole = Vec::new();
    for n in 0..leases.len() {
        let lease = leases.view(n);
        if view.capabilities.bundle(lease.kind) == Bundle::Order {
            whole.push(n);
            continue;
        }
        let policy = policies.of(leases, n).unwrap_or(NONE);
        match word(world, view, &lease, lease.expires_at, policy, touched) {
            Some(word) => done.idle.push(Idle { lease: place(n), policy, word }),
            None => done.others.push(n),
        }
    }
    orders(world, view, touched, &mut policies, whole, &mut done);
    done.idle.sort_unstable_by_key(|q| q.lease);
    done.others.sort_unstable();
    done
}

fn place(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Orders that are only paid whole: idle where all of their leases are so in one way, by their earliest end.
fn orders(
    world: &World<'_>,
    view: &AccountView<'_>,
    touched: &Touched<'_>,
    policies: &mut Finder<'_>,
    mut whole: Vec<usize>,
    done: &mut Divided,
) {
    let leases = view.leases.as_ref();
    let missing: HashSet<&str> = view.missing.iter().map(|l| l.order.as_str()).collect();
    whole.sort_by(|&a, &b| leases.view(a).order.cmp(leases.view(b).order));
    for members in whole.chunk_by(|&a, &b| leases.view(a).order == leases.view(b).order) {
        let earliest = members.iter().filter_map(|&n| leases.view(n).expires_at).min();
        let says: Vec<Option<(u16, Word)>> = members
            .iter()
            .map(|&n| {
                let policy = policies.of(leases, n).unwrap_or(NONE);
                Some((policy, word(world, view, &leases.view(n), earliest, policy, touched)?))
            })
            .collect();
        let as_one = says[0].filter(|first| says.iter().all(|s| s.as_ref() == Some(first)));
        match as_one.filter(|_| !missing.contains(leases.view(members[0]).order)) {
            Some((policy, word)) => {
                let own = |n: &&usize| leases.view(**n).expires_at == earliest;
                let later = members.iter().filter(|n| !own(n));
                done.ends.extend(later.filter_map(|&n| Some((place(n), earliest?))));
                done.idle.extend(members.iter().map(|&n| Idle { lease: place(n), policy, word }));
            }
            None => done.others.extend(members),
        }
    }
    done.ends.sort_unstable_by_key(|(n, _)| *n);
}

/// The word of a lease of which nothing else need be said; `None` where it must be judged by itself.
fn word(
    world: &World<'_>,
    view: &AccountView<'_>,
    lease: &LeaseView<'_>,
    end: Option<Timestamp>,
    policy: u16,
    touched: &Touched<'_>,
) -> Option<Word> {
    let end = end.filter(|end| *end > world.now && lease.expires_at.is_some())?;
    // What is said of a kept lease says so.
    if *lease.state != OrderState::Active || world.policies.last_paid.keeps().of(lease).is_some() {
        return None;
    }
    let nearer = end.checked_sub(MARGIN).ok()?;
    let Some(policy) = world.policies.all.get(usize::from(policy)) else {
        let early = nobodys_stage(lease, nearer, world.now) == Stage::Early;
        return early.then_some(Word::NoPolicy);
    };
    if stage(policy, lease.order, nearer, world.now) != Stage::Early {
        return None;
    }
    if policy.notice.is_some() && notice_at(policy, lease.order, nearer) <= world.now {
        return None;
    }
    let word = match policy.action {
        Action::Watch => Word::WatchPolicy,
        Action::Release => Word::ReleasePolicy,
        Action::Ignore => Word::IgnorePolicy,
        Action::Renew if touched.has(lease) => return None,
        Action::Renew => match policy.is_past_until(end) {
            true => Word::PastUntil,
            false if view.capabilities.renew_early => Word::NotDue,
            false => Word::NotRenewableYet,
        },
    };
    let flag = wanted_flag(policy, word, lease.price);
    flag.is_none_or(|on| lease.provider_renews == Some(on)).then_some(word)
}

impl PlannedList {
    pub(super) fn new(view: &AccountView<'_>, divided: Divided) -> Self {
        let Divided { idle, ends, .. } = divided;
        Self {
            account: view.name.clone(),
            leases: Arc::clone(view.leases),
            missing: view.missing.to_vec(),
            idle,
            ends,
            capabilities: view.capabilities.clone(),
        }
    }

    /// Everything that is known of the account: listed, and missing from a list that is not believed.
    #[must_use]
    pub fn all(&self) -> Arc<Leases> {
        if self.missing.is_empty() {
            return Arc::clone(&self.leases);
        }
        let mut all = (*self.leases).clone();
        self.missing.iter().for_each(|l| all.push(&l.view()));
        all.sort();
        Arc::new(all)
    }

    /// The idle lease with that id.
    #[must_use]
    pub fn find(&self, id: &LeaseId) -> Option<Idle> {
        let at = place(self.leases.find(id.as_str())?);
        self.idle.binary_search_by_key(&at, |q| q.lease).ok().map(|n| self.idle[n])
    }

    /// The end by which it is judged: its own, or that of its order.
    #[must_use]
    pub fn end(&self, idle: &Idle) -> Option<Timestamp> {
        let earlier = self.ends.binary_search_by_key(&idle.lease, |(n, _)| *n).ok().map(|n| self.ends[n].1);
        earlier.or_else(|| self.leases.view(idle.lease()).expires_at)
    }

    /// Why, in words.
    #[must_use]
    pub fn reason(&self, idle: &Idle, policies: &[Policy], now: Timestamp) -> Reason {
        let policy = idle.policy().and_then(|p| policies.get(p));
        let Some((policy, end)) = policy.zip(self.end(idle)) else { return no_policy() };
        match policy.action {
            Action::Renew => waits(idle.word, policy, self.leases.view(idle.lease()).order, end, now),
            action => left_alone(action, policy),
        }
    }

    /// These idle leases as items.
    #[must_use]
    pub fn items<'q>(&self, of: impl IntoIterator<Item = &'q Idle>, policies: &Policies<'_>) -> Vec<Item> {
        let orders = self.orders();
        let item = |idle: &Idle| {
            let lease = self.leases.lease(idle.lease());
            let policy = idle.policy().and_then(|p| policies.all.get(p));
            let whole = orders.get(lease.order.as_str()).filter(|_| self.is_whole(&lease.view()));
            Item {
                stage: Some(Stage::Early),
                labels: policies.labels_of(&lease),
                reason: self.reason(idle, policies.all, policies.now),
                policy: idle.policy(),
                due_at: policy
                    .zip(self.end(idle))
                    .map(|(policy, end)| due_at(policy, lease.order.as_str(), end)),
                quote: None,
                bundle: whole.cloned().unwrap_or_else(|| vec![lease.id.clone()]),
                attempt: 1,
                paid_by: PaidBy::Renewd,
                switch_off_first: false,
                gone_at: None,
                lease,
            }
        };
        of.into_iter().map(item).collect()
    }

    /// Whether the provider only sells it with all of its order.
    #[must_use]
    pub fn is_whole(&self, lease: &LeaseView<'_>) -> bool {
        self.capabilities.bundle(lease.kind) == Bundle::Order
    }

    /// The leases of orders that are paid whole.
    fn orders(&self) -> BTreeMap<&str, Vec<LeaseId>> {
        let mut orders: BTreeMap<&str, Vec<LeaseId>> = BTreeMap::new();
        if !self.capabilities.bundled_kinds.is_empty() {
            for lease in self.leases.iter().filter(|l| self.is_whole(l)) {
                orders.entry(lease.order).or_default().push(LeaseId::new(lease.id));
            }
        }
        orders
    }
}

/// Every lease of a plan as an item, in account order, then by end and id.
#[must_use]
pub fn every_item(items: &[Item], lists: &[PlannedList], policies: &Policies<'_>) -> Vec<Item> {
    let mut all = Vec::new();
    for list in lists {
        let start = all.len();
        all.extend(items.iter().filter(|i| i.lease.account == list.account).cloned());
        all.extend(list.items(&list.idle, policies));
        sort(&mut all[start..]);
    }
    all
}

#[cfg(test)]
#[path = "idle_tests.rs"]
mod tests;
