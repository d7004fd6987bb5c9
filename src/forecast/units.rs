//! What is paid in one piece: a lease, or an order that the provider only sells whole; and what is left out.
use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::input::{AccountFacts, Input, LeaseFacts};
use super::price::{PriceBook, PriceSource};
use super::result::{LeftOut, Why};
use crate::domain::{Bundle, Money, OrderId};
use crate::policy::{Action, Policy, due_at};

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
}

impl Unit {
    /// When a term that ends then is to be paid.
    pub(super) fn due_at(&self, policies: &[Policy], ends: Timestamp) -> Timestamp {
        if self.renew_early { due_at(&policies[self.policy], ends) } else { ends }
    }

    /// The end after one more term.
    pub(super) fn next_end(&self, ends: Timestamp) -> Option<Timestamp> {
        ends.checked_add(days(self.period_days)).ok()
    }
}

fn days(n: u32) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(n))
}

/// The units of one account, and what is no part of them.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    pub units: Vec<Unit>,
    pub left_out: Vec<LeftOut>,
}

/// The end is on or after the day on which the policy stops.
pub(super) fn past_until(policy: &Policy, end: Timestamp, timezone: &TimeZone) -> bool {
    policy.until.is_some_and(|until| super::date(end, timezone) >= until)
}

/// Draws the units of an account.
pub(super) fn draw(input: &Input<'_>, account: usize) -> Drawn {
    let facts = &input.accounts[account];
    let policy_of = |l: &LeaseFacts<'_>| input.policies.iter().position(|p| p.matches.matches(l.lease));
    let policies: Vec<Option<usize>> = facts.leases.iter().map(policy_of).collect();
    let book = PriceBook::new(facts, |l| {
        input.policies.iter().find(|p| p.matches.matches(l.lease)).and_then(|p| p.promo_code.as_deref())
    });
    let mut drawn = Drawn::default();
    for members in pieces(facts) {
        let renews = |&m: &usize| policies[m].is_some_and(|p| input.policies[p].action == Action::Renew);
        if !members.iter().any(renews) {
            continue;
        }
        match unit(input, account, &members, &policies, &book) {
            Ok(Some(unit)) => drawn.units.push(unit),
            Ok(None) => {}
            Err(why) => drawn.left_out.extend(members.iter().filter(|m| renews(m)).map(|&m| LeftOut {
                account: facts.name.clone(),
                lease: facts.leases[m].lease.id.clone(),
                why,
            })),
        }
    }
    drawn
}

/// Single leases, and orders that are paid whole, in the order of the leases.
fn pieces(facts: &AccountFacts<'_>) -> Vec<Vec<usize>> {
    let mut orders: BTreeMap<&OrderId, usize> = BTreeMap::new();
    let mut pieces: Vec<Vec<usize>> = Vec::new();
    for (n, lease) in facts.leases.iter().map(|l| l.lease).enumerate() {
        if facts.capabilities.bundle(&lease.kind) == Bundle::Order {
            let place = *orders.entry(&lease.order).or_insert(pieces.len());
            if place < pieces.len() {
                pieces[place].push(n);
                continue;
            }
        }
        pieces.push(vec![n]);
    }
    pieces
}

/// One unit; `Ok(None)` = its policy stops before its first payment.
fn unit<'a>(
    input: &Input<'a>,
    account: usize,
    members: &[usize],
    policies: &[Option<usize>],
    book: &PriceBook<'a>,
) -> Result<Option<Unit>, Why> {
    let facts = &input.accounts[account];
    let alone = members.len() == 1;
    let policy = policies[members[0]].ok_or(Why::BundleSplit)?;
    if members.iter().any(|&m| policies[m] != Some(policy)) {
        return Err(Why::BundleSplit);
    }
    let rules = &input.policies[policy];
    let read: Vec<Timestamp> = members.iter().filter_map(|&m| facts.leases[m].lease.expires_at).collect();
    let Some(listed) = read.iter().copied().min().filter(|_| read.len() == members.len()) else {
        return Err(if alone { Why::Unparsable } else { Why::BundleSplit });
    };
    let grace = facts.capabilities.grace.unwrap_or(SignedDuration::ZERO);
    let paid: Vec<Timestamp> = members.iter().filter_map(|&m| facts.leases[m].paid_to).collect();
    let paid = paid.into_iter().min();
    if paid.is_none() && listed.checked_add(grace).unwrap_or(Timestamp::MAX) <= input.now {
        return Err(Why::Lapsed);
    }
    let ends = paid.unwrap_or(listed);
    if past_until(rules, ends, input.timezone) {
        return Ok(None);
    }
    let period_days = period(facts, &facts.leases[members[0]], rules)?;
    let (amount, source) = price(facts, members, rules, period_days, book);
    let cap = rules.max_price.and_then(|cap| cap.times(members.len() as u64));
    if amount.zip(cap).is_some_and(|(amount, cap)| amount > cap) {
        return Err(Why::PriceCap);
    }
    let renew_early = facts.capabilities.renew_early;
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
    }))
}

pub(super) fn period(facts: &AccountFacts<'_>, lease: &LeaseFacts<'_>, policy: &Policy) -> Result<u32, Why> {
    if let Some(days) = lease.term_days {
        return Ok(days.max(1));
    }
    let wanted = &policy.periods;
    let days = match facts.offered.get(&lease.lease.kind) {
        Some(offered) => wanted.iter().find(|d| offered.contains(d)),
        None => wanted.first(),
    };
    days.copied().filter(|d| *d > 0).ok_or(Why::PeriodNotOffered)
}

/// The members' prices together, as sure as the least sure of them; one without a price leaves the whole without.
fn price<'a>(
    facts: &AccountFacts<'a>,
    members: &[usize],
    policy: &'a Policy,
    period_days: u32,
    book: &PriceBook<'a>,
) -> (Option<Money>, PriceSource) {
    let each: Vec<_> = members.iter().map(|&m| book.price(&facts.leases[m], policy, period_days)).collect();
    let amount = each.iter().map(|(amount, _)| *amount).collect::<Option<Vec<_>>>().and_then(Money::sum);
    let source = each.iter().map(|(_, source)| *source).max().unwrap_or(PriceSource::None);
    if amount.is_none() { (None, PriceSource::None) } else { (amount, source) }
}
