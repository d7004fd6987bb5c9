//! Paying an approved plan: exactly its sets, once, and only in the world that it was made for.
//!
//! Responsible for: whether a plan may still be used, whether the world has moved since, and the one pass that pays it. That
//! pass is the engine's own, with every gate, guard and budget in force; a plan only takes away, it never adds. Not
//! responsible for the file (documents) or for what is due (planner).
//!
//! A crash after the plan was marked as used leaves it used: what was begun is settled like any other payment, and the rest
//! is due in the next cycle or in a new plan.
use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::lane::Lane;
use super::price::{Asked, Prices, Pricing};
use super::queue::Heard;
use super::{CycleReport, EngineError, Payer};
use crate::domain::time::words;
use crate::domain::{
    AccountName, Currency, LeaseId, Method, Money, ProviderName, Quote, RenewalRequest, RequestLease, State,
    TermEnd,
};
use crate::ledger::{IDENTITY, IntentFilter, Ledger, LedgerError};
use crate::planner::{GroupKey, Item, PaySet, Unit};
use crate::policy::{Decision, Policy, Reason, Word};
use crate::settings::Settings;

/// A plan is good for so long.
pub const PLAN_AGE: SignedDuration = SignedDuration::from_hours(24);
/// A clock may be set back by so much between plan and apply.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// A plan as its file says it, checked for form and seal only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// Unique.
    pub id: String,
    /// When the world was read for it.
    pub made_at: Timestamp,
    /// The ledger that it was made with; `None` where there was none yet.
    pub ledger: Option<String>,
    /// The config that it was made with, by section.
    pub config: BTreeMap<String, String>,
    /// What to pay, in order.
    pub sets: Vec<ExactSet>,
}

/// One payment, to the letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExactSet {
    /// Account, kind, leases with their ends, term, promo, method.
    pub request: RenewalRequest,
    /// Whose account.
    pub provider: ProviderName,
    /// The country that its leases share.
    pub country: Option<String>,
    /// The policy that wants it.
    pub policy: String,
    /// 1, or 2 for a second attempt.
    pub attempt: u32,
    /// What it cost when the plan was made: the most that is paid.
    pub price: Money,
    /// In what.
    pub currency: Currency,
}

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
        let every = IntentFilter { states: State::ALL.to_vec(), ..IntentFilter::default() };
        Ok(Self {
            identity: ledger.noted(IDENTITY)?,
            unused: plan.ledger.is_none() && ledger.intents(&every)?.is_empty(),
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

/// The sets of a plan as they stand in the world of now.
///
/// # Errors
/// What moved, one sentence per lease or set: then nothing of the plan may be paid.
pub(super) fn locate(
    plan: &Approved,
    items: &[Item],
    groups: &[(GroupKey, Vec<usize>)],
    settings: &Settings,
) -> Result<Vec<(PaySet, ExactSet)>, Vec<String>> {
    let places: HashMap<(&AccountName, &LeaseId), usize> =
        items.iter().enumerate().map(|(i, item)| ((&item.lease.account, &item.lease.id), i)).collect();
    let mut found = Vec::new();
    let mut moved = Vec::new();
    for exact in &plan.sets {
        let account = &exact.request.account;
        if settings.account_at(account, &exact.provider).is_none() {
            moved.push(format!("account `{account}` is not one of {}", exact.provider));
            continue;
        }
        let before = moved.len();
        let mut members = Vec::new();
        for lease in &exact.request.leases {
            let name = if lease.ip.is_empty() { lease.id.as_str() } else { &lease.ip };
            let Some(&i) = places.get(&(account, &lease.id)) else {
                moved.push(format!("{name} is not listed any more"));
                continue;
            };
            moved.extend(
                moves(exact, lease, &items[i], &settings.policies).map(|what| format!("{name}: {what}")),
            );
            members.push(i);
        }
        if moved.len() > before {
            continue;
        }
        match as_one(exact, members, items, groups) {
            Ok(set) => found.push((set, exact.clone())),
            Err(what) => moved.push(what),
        }
    }
    if moved.is_empty() { Ok(found) } else { Err(moved) }
}

fn moves(exact: &ExactSet, planned: &RequestLease, item: &Item, policies: &[Policy]) -> Option<String> {
    let lease = &item.lease;
    // On hold without an end that is told, the term is named by when the hold began: there as here.
    let end = lease.named_end();
    if !end.is_some_and(|now| stands(now, planned, exact.request.period_days)) {
        let now = end.map_or("cannot be read".to_owned(), |end| format!("is {}", end.at));
        let later = end.is_some_and(|end| end.at > planned.expires_at);
        let renewed = if later { ": it was renewed meanwhile" } else { "" };
        return Some(format!("its end was {}, and {now}{renewed}", planned.expires_at));
    }
    if (&lease.order, &lease.ip) != (&planned.order, &planned.ip) {
        return Some(format!(
            "it was {} of order {}, and is {} of order {}",
            planned.ip, planned.order, lease.ip, lease.order
        ));
    }
    if item.decision() != Decision::Renew {
        return Some(format!("it was to be renewed, and is not now: {}", item.reason));
    }
    let policy = item.policy.map_or("", |p| policies[p].name.as_str());
    if policy != exact.policy {
        return Some(format!("it fell under policy `{}`, and falls under `{policy}`", exact.policy));
    }
    (item.attempt != exact.attempt).then(|| {
        format!("this would be attempt {}, and the plan was made for {}", item.attempt, exact.attempt)
    })
}

/// Whether an end is still the planned one. The file says its instant, and not whether that was told as a date alone.
fn stands(now: TermEnd, planned: &RequestLease, days: u32) -> bool {
    now.at == planned.expires_at || now.stands(planned.end(), days)
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
    let (key, all) = groups.iter().find(|(_, all)| all.contains(&first)).ok_or_else(apart)?;
    if !members.iter().all(|m| all.contains(m)) || (key.alone.is_some() && members.len() > 1) {
        return Err(apart());
    }
    if key.order.is_some() {
        if members.len() != all.len() {
            return Err(format!(
                "{name}: its order is renewed whole, and holds other leases than in the plan"
            ));
        }
        members.clone_from(all);
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

impl ExactSet {
    /// What stands between a fresh, clean quote and the plan.
    pub(super) fn against(&self, quote: &Quote) -> Option<Reason> {
        if quote.balance.currency != self.currency {
            let prose =
                format!("the quote is in {}, and the plan in {}", quote.balance.currency, self.currency);
            return Some(Reason::new(Word::CurrencyChanged, prose));
        }
        if quote.method != self.request.method {
            let by = |m| if m == Method::Order { "as a whole order" } else { "by lease" };
            let prose = format!(
                "the provider takes it {}, and the plan says {}",
                by(quote.method),
                by(self.request.method)
            );
            return Some(Reason::new(Word::QuoteError, prose));
        }
        (quote.price > self.price).then(|| {
            let prose =
                format!("{} {} is asked now, and the plan says {}", quote.price, self.currency, self.price);
            Reason::new(Word::PriceCap, prose)
        })
    }
}

fn within(exact: &ExactSet, asked: Asked) -> Asked {
    let over = match (&asked.answer, &asked.verdict) {
        (Ok(quote), Ok(_)) => exact.against(quote),
        _ => None,
    };
    match over {
        Some(reason) => Asked { verdict: Err(reason), ..asked },
        None => asked,
    }
}

impl Pricing<'_> {
    /// Prices a set that is paid whole and at no more than its plan says, or not at all.
    pub(super) async fn exact(&self, set: &PaySet, exact: &ExactSet, prices: &mut Prices) -> Heard {
        let asked = within(exact, self.ask(set).await);
        let from = prices.units.len();
        self.take(set, &asked, prices);
        let parts = prices.units.split_off(from);
        let price = Money::sum(parts.iter().map(|u| u.price));
        if let (Some(first), Some(price)) = (parts.into_iter().next(), price) {
            prices.units.push(Unit { members: set.members.clone(), price, ..first });
        }
        Heard::of(&asked)
    }
}

impl Lane {
    /// Leases that the provider sells singly, unless a plan names them together.
    pub(super) fn may_split(&self, set: &PaySet) -> bool {
        set.members.len() > 1 && set.key.order.is_none() && self.orders.exactly.is_none()
    }

    /// The plan's word on this set, where a plan is applied.
    pub(super) fn within_plan(&self, set: &PaySet, asked: Asked) -> Asked {
        let Some(plan) = &self.orders.exactly else { return asked };
        match plan.iter().find(|(planned, _)| planned == set) {
            Some((_, exact)) => within(exact, asked),
            None => {
                let reason = Reason::new(Word::Backoff, "the plan does not name this payment");
                Asked { verdict: Err(reason), ..asked }
            }
        }
    }
}

/// Puts aside what the plan does not name, or everything if it is stale.
pub(super) fn put_aside(items: &mut [Item], named: &[(PaySet, ExactSet)], stale: bool) {
    let mut keep = vec![false; items.len()];
    named.iter().flat_map(|(set, _)| &set.members).for_each(|&m| keep[m] = true);
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
