//! Which leases are quoted and paid in one call.
use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::item::{Item, PaidBy};
use crate::budget::{Budget, has_one};
use crate::domain::{
    AccountName, Bundle, Capabilities, Kind, LeaseId, Method, OrderId, RenewalRequest, nominal_days,
    same_cycle,
};
use crate::policy::{Policy, Reason, Word, periods, periods_to_ask};

/// What a set shares: nothing else may be in one call. Second attempts go singly, each under its own guard.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey {
    /// Whose money.
    pub account: AccountName,
    /// One kind per request.
    pub kind: Kind,
    /// Prices differ by country; none where they do not.
    pub country: Option<String>,
    /// Days; nominal where cycles are sold.
    pub period_days: u32,
    /// Of a list of periods: those that come next, in this order, where the price is over `max_price`. None is left of what is paid.
    pub then: Vec<u32>,
    /// The order's billing cycle, where cycles are sold.
    pub cycle: Option<String>,
    /// Sent with the request.
    pub promo: Option<String>,
    /// Index of the policy.
    pub policy: usize,
    /// Places of the budgets of labels that it counts in: one call never mixes what one of them counts with what it does not.
    pub label_budgets: Vec<usize>,
    /// Where the provider sells whole orders.
    pub order: Option<OrderId>,
    /// The lease, where it must go alone.
    pub alone: Option<LeaseId>,
    /// Who would pay.
    pub paid_by: PaidBy,
}

/// Leases to be quoted or paid together: indices into the plan's items, in plan order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaySet {
    /// What they share.
    pub key: GroupKey,
    /// Which.
    pub members: Vec<usize>,
}

/// Terms on offer per account and kind, or why they could not be read.
pub type Offered = HashMap<(AccountName, Kind), Result<Vec<u32>, String>>;

/// `priority` first, then the end, then the lease id; of two accounts with the same id the names tell which comes first.
pub(super) fn rank(
    items: &[Item],
    policies: &[Policy],
    i: usize,
) -> (std::cmp::Reverse<i64>, Timestamp, LeaseId, AccountName) {
    let item = &items[i];
    let priority = item.policy.map_or(0, |p| policies[p].priority);
    let (end, lease) = (item.lease.term_end().unwrap_or(Timestamp::MIN), &item.lease);
    (std::cmp::Reverse(priority), end, lease.id.clone(), lease.account.clone())
}

/// Groups all due items. Those whose period is not offered are put on hold instead.
pub fn group(
    items: &mut [Item],
    policies: &[Policy],
    capabilities: &HashMap<AccountName, Capabilities>,
    offered: &Offered,
    budgets: &[Budget],
) -> Vec<(GroupKey, Vec<usize>)> {
    let mut due: Vec<usize> = (0..items.len()).filter(|&i| items[i].reason.word == Word::Due).collect();
    due.sort_by_cached_key(|&i| rank(items, policies, i));
    let ends = ends_of_orders(items, &due, capabilities);
    let mut groups: BTreeMap<GroupKey, Vec<usize>> = BTreeMap::new();
    let mut order = Vec::new();
    for i in due {
        let Some(policy) = items[i].policy else { continue };
        let own = capabilities.get(&items[i].lease.account);
        let cycles = own.is_some_and(|c| c.sells_cycles);
        let by_count = own.is_some_and(|c| c.prices_by_count);
        let term = if cycles {
            cycle(&policies[policy], &items[i]).map(|days| (days, Vec::new()))
        } else {
            let end = ends.get(&(items[i].lease.account.clone(), items[i].lease.order.clone())).copied();
            period(&policies[policy], &items[i], (end, by_count), offered)
        };
        let (period_days, then) = match term {
            Ok(term) => term,
            Err(reason) => {
                items[i].reason = reason;
                continue;
            }
        };
        let lease = &items[i].lease;
        let whole = capabilities.get(&lease.account).is_some_and(|c| c.bundle(&lease.kind) == Bundle::Order);
        let key = GroupKey {
            account: lease.account.clone(),
            kind: lease.kind.clone(),
            country: lease.country.clone().filter(|_| !by_count),
            period_days,
            then,
            cycle: lease.cycle.clone().filter(|_| cycles),
            promo: policies[policy].promo_code.clone(),
            policy,
            // A whole order cannot be divided: it counts by shares.
            label_budgets: if whole { Vec::new() } else { label_budgets(&items[i], budgets) },
            order: whole.then(|| lease.order.clone()),
            alone: (cycles || (!whole && items[i].attempt > 1)).then(|| lease.id.clone()),
            paid_by: items[i].paid_by,
        };
        let members = groups.entry(key.clone()).or_default();
        if members.is_empty() {
            order.push(key);
        }
        members.push(i);
    }
    order.into_iter().filter_map(|key| groups.remove(&key).map(|members| (key, members))).collect()
}

fn label_budgets(item: &Item, budgets: &[Budget]) -> Vec<usize> {
    let counts = |(n, b): (usize, &Budget)| has_one(&item.labels, &b.labels).then_some(n);
    budgets.iter().enumerate().filter_map(counts).collect()
}

/// Where cycles are sold, the order's own cycle is renewed; a policy that names another holds it.
fn cycle(policy: &Policy, item: &Item) -> Result<u32, Reason> {
    let own = item.lease.cycle.as_deref().unwrap_or_default();
    match &policy.cycle {
        Some(wanted) if !same_cycle(wanted, own) => {
            let own = if own.is_empty() { "unknown" } else { own };
            Err(Reason::new(
                Word::CycleDiffers,
                format!(
                    "policy `{}` wants cycle {wanted}; the order's is {own}: renewd order cycle {} {wanted}",
                    policy.name, item.lease.order
                ),
            ))
        }
        _ => Ok(nominal_days(own)),
    }
}

/// The latest end of each order that is paid whole: none of its leases may be bought past `until`.
fn ends_of_orders(
    items: &[Item],
    due: &[usize],
    capabilities: &HashMap<AccountName, Capabilities>,
) -> HashMap<(AccountName, OrderId), Timestamp> {
    let mut ends: HashMap<(AccountName, OrderId), Timestamp> = HashMap::new();
    for lease in due.iter().map(|&i| &items[i].lease) {
        let whole = capabilities.get(&lease.account).is_some_and(|c| c.bundle(&lease.kind) == Bundle::Order);
        if let Some(end) = lease.term_end().filter(|_| whole) {
            let last = ends.entry((lease.account.clone(), lease.order.clone())).or_insert(end);
            *last = end.max(*last);
        }
    }
    ends
}

/// The first period to ask the price of, and those that come next where it is over the cap.
fn period(
    policy: &Policy,
    item: &Item,
    (order_ends, asks): (Option<Timestamp>, bool),
    offered: &Offered,
) -> Result<(u32, Vec<u32>), Reason> {
    let days = match offered.get(&(item.lease.account.clone(), item.lease.kind.clone())) {
        Some(Ok(days)) => days,
        Some(Err(why)) => {
            let prose = format!("the terms on offer could not be read: {why}");
            return Err(Reason::new(Word::QuoteError, prose));
        }
        None => return Err(Reason::new(Word::QuoteError, "the terms on offer were not asked")),
    };
    let ends = order_ends.or(item.lease.term_end()).unwrap_or(Timestamp::MAX);
    let tries = match item.paid_by {
        PaidBy::Renewd if asks => periods_to_ask(policy, days, ends),
        PaidBy::Renewd => periods(policy, days, ends),
        // The provider's auto-renewal was told the first on offer, and pays for that one whatever it costs.
        PaidBy::Provider => policy.periods.iter().copied().filter(|d| days.contains(d)).take(1).collect(),
    };
    tries.split_first().map(|(first, then)| (*first, then.to_vec())).ok_or_else(|| {
        let list = |d: &[u32]| match d {
            [first, .., last] if d.len() > 24 => format!("{first}d to {last}d"),
            few => few.iter().map(|n| format!("{n}d")).collect::<Vec<_>>().join(", "),
        };
        let (wanted, on_offer) = (list(&policy.periods), list(days));
        let prose =
            format!("policy `{}` wants {wanted}; {} is offered for {on_offer}", policy.name, item.lease.kind);
        Reason::new(Word::PeriodNotOffered, prose)
    })
}

impl GroupKey {
    /// The same for the period that comes next where this one is over the cap.
    #[must_use]
    pub fn next(&self) -> Option<Self> {
        let (days, then) = self.then.split_first()?;
        Some(Self { period_days: *days, then: then.to_vec(), ..self.clone() })
    }

    /// The same for this period alone, if it is one of those that may be tried.
    #[must_use]
    pub fn at(&self, days: u32) -> Option<Self> {
        (self.period_days == days || self.then.contains(&days)).then(|| Self {
            period_days: days,
            then: Vec::new(),
            ..self.clone()
        })
    }

    /// What decides its price: the same for other orders and leases of this kind, country, period, promo code and policy.
    #[must_use]
    pub fn alike(&self) -> Self {
        Self { order: None, alone: None, label_budgets: Vec::new(), ..self.settled() }
    }

    /// The same with its period settled: what is paid is paid for that one.
    #[must_use]
    pub fn settled(&self) -> Self {
        Self { then: Vec::new(), ..self.clone() }
    }
}

/// Cuts a group into sets of at most `batch` leases; a whole order is never cut.
#[must_use]
pub fn batches(key: &GroupKey, members: &[usize], batch: usize) -> Vec<PaySet> {
    let size = if key.order.is_some() { members.len().max(1) } else { batch.max(1) };
    members.chunks(size).map(|m| PaySet { key: key.clone(), members: m.to_vec() }).collect()
}

impl PaySet {
    /// The request for exactly these leases; `None` if one has no readable end.
    #[must_use]
    pub fn request(&self, items: &[Item]) -> Option<RenewalRequest> {
        let leases = self.members.iter().map(|&i| items[i].lease.reference());
        Some(RenewalRequest {
            account: self.key.account.clone(),
            kind: self.key.kind.clone(),
            leases: leases.collect::<Option<Vec<_>>>().filter(|l| !l.is_empty())?,
            period_days: self.key.period_days,
            cycle: self.key.cycle.clone(),
            promo: self.key.promo.clone(),
            method: Method::Leases,
        })
    }

    /// The same leases for the period that comes next where this one is over the cap.
    #[must_use]
    pub fn next(&self) -> Option<Self> {
        Some(Self { key: self.key.next()?, members: self.members.clone() })
    }

    /// The labels of each lease, in their order.
    #[must_use]
    pub fn labels(&self, items: &[Item]) -> Vec<Vec<String>> {
        let of = |&i: &usize| items[i].labels.iter().map(ToString::to_string).collect();
        self.members.iter().map(of).collect()
    }

    /// One set per lease.
    #[must_use]
    pub fn singles(&self) -> Vec<Self> {
        self.members.iter().map(|&m| Self { key: self.key.clone(), members: vec![m] }).collect()
    }
}

#[cfg(test)]
#[path = "grouping_tests.rs"]
mod tests;
