//! What is paid in one piece: a lease, or an order that the provider only sells whole; and what is left out.
use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::input::{AccountFacts, Input, LeaseFacts, LeaseSource};
use super::price::{PriceBook, PriceSource};
use super::result::Why;
use crate::domain::{Bundle, LeaseView, Money};
use crate::policy::{Action, Finder, Kept, PayBy, Policies, Policy, due_at, periods};

/// What is paid in one piece, before its first payment.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub account: usize,
    /// Indices into the account's leases.
    pub leases: Vec<usize>,
    pub policy: usize,
    /// The earliest end of the term that the first payment would extend.
    pub ends: Timestamp,
    /// A payment is possible for so long after the end.
    pub grace: SignedDuration,
    pub renew_early: bool,
    pub period_days: u32,
    pub amount: Option<Money>,
    pub source: PriceSource,
    /// What its terms may be bought for, where `until` may stop one of a list of periods; empty = each as the first.
    offers: Vec<Term>,
    /// From its earliest end to its latest: `until` is held against the latest.
    last_after: SignedDuration,
    /// An operator keeps it until that day, and its own policy decides then.
    kept_until: Option<Date>,
}

/// One more term.
#[derive(Debug, Clone, Copy)]
pub(super) struct Term {
    pub days: u32,
    pub amount: Option<Money>,
    pub source: PriceSource,
}

impl Term {
    pub(super) fn end(&self, ends: Timestamp) -> Option<Timestamp> {
        ends.checked_add(days(self.days)).ok()
    }
}

impl Unit {
    /// When a term that ends then is to be paid.
    pub(super) fn due_at(&self, input: &Input<'_>, ends: Timestamp) -> Timestamp {
        if self.renew_early { due_at(&input.policies[self.policy], self.order(input), ends) } else { ends }
    }

    /// A term that ends then is not bought at that instant: it is kept no longer.
    pub(super) fn is_let_go(&self, policy: &Policy, ends: Timestamp, at: Timestamp) -> bool {
        let has_come = |t: Timestamp| {
            self.kept_until.is_some_and(|until| policy.timezone.to_datetime(t).date() >= until)
        };
        has_come(ends) || has_come(at)
    }

    /// The order that it is, or is a part of.
    pub(super) fn order<'a>(&self, input: &Input<'a>) -> &'a str {
        self.leases.first().map_or("", |&n| input.accounts[self.account].leases.view(n).order)
    }

    /// What follows a term that ends then; `None` = none of its periods is within the cap.
    pub(super) fn term(&self, policy: &Policy, ends: Timestamp) -> Option<Term> {
        if self.offers.is_empty() {
            return Some(Term { days: self.period_days, amount: self.amount, source: self.source });
        }
        let of = |days| self.offers.iter().copied().find(|term| term.days == days);
        let listed: Vec<u32> = self.offers.iter().map(|term| term.days).collect();
        let last = ends.checked_add(self.last_after).unwrap_or(ends);
        let tries = periods(policy, &listed, last).into_iter().filter_map(of);
        choose(policy, self.leases.len(), tries)
    }
}

fn days(n: u32) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(n))
}

/// A piece of an account: what is paid at once, or what is not counted.
pub(super) enum Piece<'a> {
    Unit(&'a Unit),
    /// Leases that a policy keeps, and why they are no unit.
    LeftOut(&'a [usize], Why),
}

/// Shows each piece of an account, in the order of its leases. None is kept: a large fleet has as many of them as leases.
pub(super) fn draw(input: &Input<'_>, account: usize, book: &PriceBook<'_>, see: &mut dyn FnMut(Piece<'_>)) {
    let facts = &input.accounts[account];
    let mut finder = PolicyFinder::new(input, account);
    let mut one = |members: &[usize]| {
        let policies: Vec<Option<usize>> = members.iter().map(|&m| finder.of(m)).collect();
        let renews = |p: &Option<usize>| p.is_some_and(|p| input.policies[p].action == Action::Renew);
        if !policies.iter().any(renews) {
            return;
        }
        match unit(input, account, members, &policies, book) {
            Ok(Some(unit)) => see(Piece::Unit(&unit)),
            Ok(None) => {}
            Err(why) => {
                let kept = members.iter().zip(&policies).filter(|(_, p)| renews(p)).map(|(&m, _)| m);
                see(Piece::LeftOut(&kept.collect::<Vec<_>>(), why));
            }
        }
    };
    let orders = orders(facts);
    for n in 0..facts.leases.count() {
        let lease = facts.leases.view(n);
        match orders.get(lease.order).filter(|_| is_whole(facts, &lease)) {
            None => one(&[n]),
            // An order comes with the first of its leases.
            Some(members) if members.first() == Some(&n) => one(members),
            Some(_) => {}
        }
    }
}

/// The policy that a lease falls under.
pub(super) fn policy_of(input: &Input<'_>, lease: &LeaseView<'_>) -> Option<usize> {
    input.policies.place_of(*lease)
}

/// Finds the policies of an account's leases: once for those that are alike.
pub(super) struct PolicyFinder<'i> {
    policies: Policies<'i>,
    leases: &'i dyn LeaseSource,
    finder: Finder<'i>,
}

impl<'i> PolicyFinder<'i> {
    pub(super) fn new(input: &Input<'i>, account: usize) -> Self {
        let leases = input.accounts[account].leases;
        Self { policies: input.policies, leases, finder: Finder::new(input.policies) }
    }

    /// The policy that the n-th falls under.
    pub(super) fn of(&mut self, n: usize) -> Option<usize> {
        let lease = self.leases.view(n);
        match self.leases.alike(n) {
            Some(shared) => self.finder.of_view(lease, shared).map(usize::from),
            None => self.policies.place_of(lease),
        }
    }
}

/// The prices of an account, each lease with the promo code of its policy.
pub(super) fn book<'a>(input: &Input<'a>, account: usize) -> PriceBook<'a> {
    let (all, mut finder) = (input.policies.all, PolicyFinder::new(input, account));
    PriceBook::new(&input.accounts[account], move |n| finder.of(n).and_then(|p| all[p].promo_code.as_deref()))
}

fn is_whole(facts: &AccountFacts<'_>, lease: &LeaseView<'_>) -> bool {
    facts.capabilities.bundle(lease.kind) == Bundle::Order
}

/// The leases of orders that are paid whole.
fn orders<'a>(facts: &AccountFacts<'a>) -> BTreeMap<&'a str, Vec<usize>> {
    let mut orders: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    if !facts.capabilities.bundled_kinds.is_empty() {
        for n in 0..facts.leases.count() {
            let lease = facts.leases.view(n);
            if is_whole(facts, &lease) {
                orders.entry(lease.order).or_default().push(n);
            }
        }
    }
    orders
}

/// One unit; `Ok(None)` = its policy stops before its first payment.
fn unit(
    input: &Input<'_>,
    account: usize,
    members: &[usize],
    policies: &[Option<usize>],
    book: &PriceBook<'_>,
) -> Result<Option<Unit>, Why> {
    let facts = &input.accounts[account];
    let alone = members.len() == 1;
    let policy = policies[0].ok_or(Why::BundleSplit)?;
    if policies.iter().any(|p| *p != Some(policy)) {
        return Err(Why::BundleSplit);
    }
    let rules = &input.policies[policy];
    let of: Vec<LeaseFacts<'_>> = members.iter().map(|&m| facts.leases.facts(m)).collect();
    let listed = of.iter().filter_map(|l| l.lease.expires_at).min();
    let Some(listed) = listed.filter(|_| of.iter().all(|l| l.lease.expires_at.is_some())) else {
        return Err(if alone { Why::Unparsable } else { Why::BundleSplit });
    };
    let grace = facts.capabilities.grace.unwrap_or(SignedDuration::ZERO);
    let paid = of.iter().filter_map(|l| l.paid_to).min();
    if paid.is_none() && listed.checked_add(grace).unwrap_or(Timestamp::MAX) <= input.now {
        return Err(Why::Lapsed);
    }
    let ends = paid.unwrap_or(listed);
    if rules.is_past_until(ends) {
        return Ok(None);
    }
    let last = of.iter().filter_map(|l| l.paid_to.or(l.lease.expires_at)).max().unwrap_or(ends);
    let tries = tries(facts, &of[0], rules, last);
    if tries.is_empty() {
        return Err(Why::PeriodNotOffered);
    }
    let term = |days| {
        let (amount, source) = price(&of, rules, days, book);
        Term { days, amount, source }
    };
    let Term { days: period_days, amount, source } =
        choose(rules, members.len(), tries.into_iter().map(term)).ok_or(Why::PriceCap)?;
    let by_end = rules.until.is_some() && rules.periods.len() > 1 && rules.pay_by == PayBy::Renewd;
    let offers = if by_end && of[0].term_days.is_none() {
        on_offer(facts, &of[0], rules).into_iter().map(term).collect()
    } else {
        Vec::new()
    };
    let renew_early = facts.capabilities.renew_early;
    let until = of.iter().filter_map(|l| match input.policies.kept(l.lease) {
        Some(Kept::Like(_, keep)) => keep.until,
        _ => None,
    });
    let kept_until = until.min();
    Ok(Some(Unit {
        account,
        leases: members.to_vec(),
        policy,
        ends,
        grace,
        renew_early,
        period_days,
        amount,
        source,
        offers,
        last_after: last.duration_since(ends),
        kept_until,
    }))
}

/// The first whose price is known and within the cap; else the first of which no price is known; `None` = all are over it. A longer
/// term costs no less than a shorter one: where that is over the cap, so is the longer one.
fn choose(policy: &Policy, leases: usize, tries: impl Iterator<Item = Term>) -> Option<Term> {
    let (mut unknown, mut over) = (Vec::new(), u32::MAX);
    for term in tries {
        match term.amount {
            Some(amount) if policy.is_over_cap(leases, amount) => over = over.min(term.days),
            Some(_) => return Some(term),
            None => unknown.push(term),
        }
    }
    unknown.into_iter().find(|term| term.days < over)
}

/// The policy's periods that are on offer; all where nobody knows what is.
fn on_offer(facts: &AccountFacts<'_>, lease: &LeaseFacts<'_>, policy: &Policy) -> Vec<u32> {
    let offered = facts.offered.get(lease.lease.kind);
    let sold = |days: &u32| *days > 0 && offered.is_none_or(|offered| offered.contains(days));
    policy.periods.iter().copied().filter(sold).collect()
}

/// The periods that a term after this end may be bought for, best first: the order's own cycle where the provider sells cycles.
pub(super) fn tries(
    facts: &AccountFacts<'_>,
    lease: &LeaseFacts<'_>,
    policy: &Policy,
    ends: Timestamp,
) -> Vec<u32> {
    match lease.term_days {
        Some(days) => vec![days.max(1)],
        None if policy.pay_by == PayBy::Provider => {
            on_offer(facts, lease, policy).into_iter().take(1).collect()
        }
        None => periods(policy, &on_offer(facts, lease, policy), ends),
    }
}

/// The members' prices together, as sure as the least sure of them; one without a price leaves the whole without.
fn price(
    of: &[LeaseFacts<'_>],
    policy: &Policy,
    period_days: u32,
    book: &PriceBook<'_>,
) -> (Option<Money>, PriceSource) {
    let (mut sum, mut least) = (Some(Money::ZERO), None);
    for facts in of {
        let (amount, source) = book.price(facts, policy, period_days);
        sum = sum.zip(amount).and_then(|(sum, amount)| sum.plus(amount));
        least = least.max(Some(source));
    }
    if sum.is_none() { (None, PriceSource::None) } else { (sum, least.unwrap_or(PriceSource::None)) }
}
