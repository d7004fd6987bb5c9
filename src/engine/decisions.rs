//! A plan's decisions for the ledger: those of items, and those of all leases of which nothing is to be said. Pure.
use jiff::Timestamp;

use crate::domain::AccountName;
use crate::ledger::{BriefDecision, Decided, DecisionRow};
use crate::planner::{Item, PlannedList};
use crate::policy::Policy;

/// Where a decision stands.
#[derive(Debug, Clone, Copy)]
enum At {
    Item(u32),
    Idle(u32),
}

/// Every lease of a plan, by account and lease id.
pub(super) struct Decisions<'a> {
    items: &'a [Item],
    lists: &'a [PlannedList],
    policies: &'a [Policy],
    now: Timestamp,
    /// One for each list.
    order: Vec<Vec<At>>,
}

impl<'a> Decisions<'a> {
    pub(super) fn of(
        items: &'a [Item],
        lists: &'a [PlannedList],
        policies: &'a [Policy],
        now: Timestamp,
    ) -> Self {
        let order = lists.iter().map(|list| order(items, list)).collect();
        Self { items, lists, policies, now, order }
    }
}

/// Both are few bytes a lease, however long the list.
fn order(items: &[Item], list: &PlannedList) -> Vec<At> {
    let place = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let mut own: Vec<usize> = (0..items.len()).filter(|&i| items[i].lease.account == list.account).collect();
    own.sort_by(|&a, &b| items[a].lease.id.cmp(&items[b].lease.id));
    let mut own = own.into_iter().peekable();
    let mut all = Vec::with_capacity(list.idle.len() + own.len());
    for (n, idle) in list.idle.iter().enumerate() {
        if own.peek().is_some() {
            let id = list.leases.id(idle.lease());
            while let Some(i) = own.next_if(|&i| items[i].lease.id.as_str() < id) {
                all.push(At::Item(place(i)));
            }
        }
        all.push(At::Idle(place(n)));
    }
    all.extend(own.map(|i| At::Item(place(i))));
    all
}

impl Decided for Decisions<'_> {
    fn accounts(&self) -> Vec<&AccountName> {
        self.lists.iter().map(|list| &list.account).collect()
    }

    fn count(&self, account: usize) -> usize {
        self.order[account].len()
    }

    fn brief(&self, account: usize, n: usize) -> BriefDecision<'_> {
        let list = &self.lists[account];
        let (lease, word, policy) = match self.order[account][n] {
            At::Item(i) => {
                let item = &self.items[i as usize];
                (item.lease.id.as_str(), item.reason.word, item.policy)
            }
            At::Idle(q) => {
                let idle = &list.idle[q as usize];
                (list.leases.id(idle.lease()), idle.word(), idle.policy())
            }
        };
        BriefDecision {
            lease,
            decision: word.decision().as_str(),
            word: word.as_str(),
            policy: policy.map(|p| self.policies[p].name.as_str()),
        }
    }

    fn row(&self, account: usize, n: usize) -> DecisionRow {
        let list = &self.lists[account];
        let (lease, reason) = match self.order[account][n] {
            At::Item(i) => (self.items[i as usize].lease.view(), self.items[i as usize].reason.to_string()),
            At::Idle(q) => {
                let idle = &list.idle[q as usize];
                let reason = list.reason(idle, self.policies, self.now).to_string();
                (list.leases.view(idle.lease()), reason)
            }
        };
        let brief = self.brief(account, n);
        DecisionRow {
            account: list.account.clone(),
            lease: lease.id.into(),
            ip: lease.ip.to_owned(),
            kind: lease.kind.clone(),
            decision: brief.decision.to_owned(),
            word: brief.word.to_owned(),
            reason,
            policy: brief.policy.map(str::to_owned),
        }
    }
}
