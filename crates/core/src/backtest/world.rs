//! Where things stand in the other course of things: ends, balances, what was paid. Nothing is decided here.
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::facts::{AccountPast, Facts, LeasePast, Rules};
use super::prices::Prices;
use crate::budget::{part, span};
use crate::domain::{AccountName, Currency, Lease, LeaseId, LeaseView, Leases, Money, OrderState};
use crate::planner::BudgetLeft;
use crate::policy::{LastPaid, Policies, Word};

/// What is held, told once for each term and word.
pub(super) type Told = HashSet<(AccountName, LeaseId, Option<Timestamp>, Word)>;

/// The policies as they look at that instant.
pub(super) fn policies<'a>(rules: &Rules<'a>, last: &'a Lasts, now: Timestamp) -> Policies<'a> {
    Policies { all: rules.policies, labels: rules.labels, providers: rules.providers, now, last_paid: last }
}

/// One lease.
pub(super) struct Living<'f> {
    pub past: &'f LeasePast,
    pub end: Option<Timestamp>,
    pub is_over: bool,
}

/// One account.
pub(super) struct Account<'f> {
    pub past: &'f AccountPast,
    pub prices: Prices<'f>,
    pub balance: Option<Money>,
    pub leases: Vec<Living<'f>>,
    /// The lease of that id.
    pub places: HashMap<LeaseId, usize>,
    moved: usize,
}

/// What was paid, for budgets.
struct Spent {
    at: Timestamp,
    account: AccountName,
    policy: String,
    currency: Currency,
    amount: Money,
    labels: Vec<Arc<str>>,
}

/// All of it.
pub(super) struct Worlds<'f> {
    pub accounts: Vec<Account<'f>>,
    pub last: Lasts,
    since: Timestamp,
    spent: Vec<Spent>,
}

/// What last terms cost.
#[derive(Default)]
pub(super) struct Lasts(HashMap<(AccountName, String), (Money, u32)>);

impl LastPaid for Lasts {
    fn last_paid(&self, lease: &LeaseView<'_>) -> Option<Money> {
        self.of(lease.account, lease.id).map(|(amount, _)| amount)
    }
}

impl Lasts {
    pub(super) fn of(&self, account: &AccountName, lease: &str) -> Option<(Money, u32)> {
        self.0.get(&(account.clone(), lease.to_owned())).copied()
    }

    pub(super) fn put(&mut self, lease: &Lease, amount: Money, days: u32) {
        self.0.insert((lease.account.clone(), lease.id.to_string()), (amount, days));
    }
}

impl<'f> Worlds<'f> {
    pub(super) fn begin(facts: &'f Facts) -> Self {
        let mut last = Lasts::default();
        for past in facts.accounts.iter().flat_map(|a| &a.leases) {
            let before = past.prices.iter().rfind(|p| p.at < facts.since);
            if let Some(price) = before {
                last.put(&past.lease, price.amount, price.days);
            }
        }
        let of = |past: &'f AccountPast| Account {
            past,
            prices: Prices::of(past),
            balance: past.opening,
            places: past.leases.iter().enumerate().map(|(n, l)| (l.lease.id.clone(), n)).collect(),
            leases: past
                .leases
                .iter()
                .map(|past| Living { past, end: past.first_end, is_over: false })
                .collect(),
            moved: 0,
        };
        Self {
            accounts: facts.accounts.iter().map(of).collect(),
            last,
            since: facts.since,
            spent: Vec::new(),
        }
    }

    /// Puts a payment on the books.
    pub(super) fn pay(
        &mut self,
        account: usize,
        lease: &Lease,
        (at, policy): (Timestamp, &str),
        (amount, days): (Option<Money>, u32),
        labels: &[Arc<str>],
    ) {
        let Some(amount) = amount else { return };
        let of = &mut self.accounts[account];
        of.balance = of.balance.map(|b| b.minus(amount).unwrap_or(b));
        self.last.put(lease, amount, days);
        if let Some(currency) = &of.past.currency {
            self.spent.push(Spent {
                at,
                account: lease.account.clone(),
                policy: policy.to_owned(),
                currency: currency.clone(),
                amount,
                labels: labels.to_vec(),
            });
        }
    }

    /// What is left of each budget at that instant.
    pub(super) fn budgets(&self, rules: &Rules<'_>, now: Timestamp) -> Vec<BudgetLeft> {
        let left = |(budget, before): &(crate::budget::Budget, Money)| {
            let (from, to) = match budget.per {
                crate::budget::Per::Cycle => (now, now),
                per => span(per, now, rules.timezone),
            };
            let counted = self.spent.iter().filter(|s| s.at >= from && s.at < to);
            let counted = counted.filter(|s| budget.counts(&s.account, &s.policy, &s.currency));
            let sum = Money::sum(counted.map(|s| part(s.amount, &[&s.labels[..]], &budget.labels)));
            let before = if from <= self.since && self.since < to { *before } else { Money::ZERO };
            let used = sum.and_then(|sum| sum.plus(before)).unwrap_or(budget.limit);
            BudgetLeft {
                name: budget.name.clone(),
                accounts: budget.accounts.clone(),
                policies: budget.policies.clone(),
                labels: budget.labels.clone(),
                currency: budget.currency.clone(),
                left: budget.limit.minus(used).unwrap_or_default(),
            }
        };
        rules.budgets.iter().map(left).collect()
    }
}

impl Account<'_> {
    /// Money that came in or went out by then.
    pub(super) fn move_money(&mut self, now: Timestamp) {
        while let Some((at, amount)) = self.past.moves.get(self.moved) {
            if *at > now {
                return;
            }
            self.balance = self.balance.map(|b| b.plus(*amount).unwrap_or(b));
            self.moved += 1;
        }
    }

    /// For so long after its end a lease can still be had.
    pub(super) fn grace(&self) -> SignedDuration {
        self.past.capabilities.grace.unwrap_or(SignedDuration::ZERO)
    }

    /// The list as the provider would have told it. Its own auto-renewal is where the lease's policy wants it.
    pub(super) fn list(&self, now: Timestamp, provider_pays: &dyn Fn(&Lease) -> bool) -> Leases {
        let listed = self.leases.iter().filter(|l| l.is_listed(now)).map(|l| {
            let held = l.end.filter(|end| *end <= now);
            let state = if held.is_some() { OrderState::OnHold } else { OrderState::Active };
            Lease {
                expires_at: l.end,
                state,
                held_since: held,
                provider_renews: l.past.lease.provider_renews.map(|_| provider_pays(&l.past.lease)),
                ..l.past.lease.clone()
            }
        });
        listed.collect::<Vec<_>>().into()
    }
}

impl Living<'_> {
    pub(super) fn is_listed(&self, now: Timestamp) -> bool {
        !self.is_over && self.past.from <= now
    }
}
