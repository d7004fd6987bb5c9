//! Which leases are quoted and paid in one call.
use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::item::{Item, PaidBy};
use crate::domain::{
    AccountName, Bundle, Capabilities, Kind, LeaseId, Method, OrderId, RenewalRequest, nominal_days,
    same_cycle,
};
use crate::policy::{Policy, Reason, Word};

/// What a set shares: nothing else may be in one call. Second attempts go singly, each under its own guard.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey {
    /// Whose money.
    pub account: AccountName,
    /// One kind per request.
    pub kind: Kind,
    /// Prices differ by country.
    pub country: Option<String>,
    /// Days; nominal where cycles are sold.
    pub period_days: u32,
    /// The order's billing cycle, where cycles are sold.
    pub cycle: Option<String>,
    /// Sent with the request.
    pub promo: Option<String>,
    /// Index of the policy.
    pub policy: usize,
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

/// `priority` first, then the end, then the lease id.
pub(super) fn rank(
    items: &[Item],
    policies: &[Policy],
    i: usize,
) -> (std::cmp::Reverse<i64>, Timestamp, LeaseId) {
    let item = &items[i];
    let priority = item.policy.map_or(0, |p| policies[p].priority);
    (std::cmp::Reverse(priority), item.lease.term_end().unwrap_or(Timestamp::MIN), item.lease.id.clone())
}

/// Groups all due items. Those whose period is not offered are put on hold instead.
pub fn group(
    items: &mut [Item],
    policies: &[Policy],
    capabilities: &HashMap<AccountName, Capabilities>,
    offered: &Offered,
) -> Vec<(GroupKey, Vec<usize>)> {
    let mut due: Vec<usize> = (0..items.len()).filter(|&i| items[i].reason.word == Word::Due).collect();
    due.sort_by_cached_key(|&i| rank(items, policies, i));
    let mut groups: BTreeMap<GroupKey, Vec<usize>> = BTreeMap::new();
    let mut order = Vec::new();
    for i in due {
        let Some(policy) = items[i].policy else { continue };
        let cycles = capabilities.get(&items[i].lease.account).is_some_and(|c| c.sells_cycles);
        let term = if cycles {
            cycle(&policies[policy], &items[i])
        } else {
            period(&policies[policy], &items[i], offered)
        };
        let period_days = match term {
            Ok(days) => days,
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
            country: lease.country.clone(),
            period_days,
            cycle: lease.cycle.clone().filter(|_| cycles),
            promo: policies[policy].promo_code.clone(),
            policy,
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

fn period(policy: &Policy, item: &Item, offered: &Offered) -> Result<u32, Reason> {
    match offered.get(&(item.lease.account.clone(), item.lease.kind.clone())) {
        Some(Ok(days)) => policy.periods.iter().copied().find(|d| days.contains(d)).ok_or_else(|| {
            let list = |d: &[u32]| d.iter().map(|n| format!("{n}d")).collect::<Vec<_>>().join(", ");
            Reason::new(
                Word::PeriodNotOffered,
                format!(
                    "policy `{}` wants {}; {} is offered for {}",
                    policy.name,
                    list(&policy.periods),
                    item.lease.kind,
                    list(days)
                ),
            )
        }),
        Some(Err(why)) => {
            Err(Reason::new(Word::QuoteError, format!("the terms on offer could not be read: {why}")))
        }
        None => Err(Reason::new(Word::QuoteError, "the terms on offer were not asked")),
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

    /// One set per lease.
    #[must_use]
    pub fn singles(&self) -> Vec<Self> {
        self.members.iter().map(|&m| Self { key: self.key.clone(), members: vec![m] }).collect()
    }
}
