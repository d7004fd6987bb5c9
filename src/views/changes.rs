//! What another config would change: leases whose decision or term differs, and the money that means. From the ledger alone.
//!
//! Not responsible for deciding: both sides come from the planner, and prices from what was last asked or paid.
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::{AccountName, Currency, LeaseId, Leases, Money};
use crate::engine::Viewer;
use crate::forecast::NextTerm;
use crate::ledger::{Ledger, LedgerError};
use crate::planner::{Item, PlannedList};
use crate::policy::{Action, Decision};
use crate::settings::Settings;

use super::SCHEMA;
use super::forecast::{Foresight, foresee};
use super::warnings::words_of;

/// The whole document.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Changes {
    schema: u32,
    /// Leases whose decision differs, or that are renewed for another term; by account and id.
    pub changes: Vec<Change>,
    /// Sums.
    pub totals: Totals,
}

/// One lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Change {
    /// Whose.
    pub account: AccountName,
    /// The provider's id.
    pub lease: LeaseId,
    /// Its address.
    pub ip: String,
    /// The decision now.
    pub from: Decision,
    /// The decision then; null where its account is not in the new config.
    pub to: Option<Decision>,
    /// The policy now.
    pub policy_from: Option<String>,
    /// The policy then.
    pub policy_to: Option<String>,
    /// What one term of it was last asked or paid at; null where no price was ever read.
    pub amount: Option<Money>,
    /// What one term of it is expected to cost then; null where it is not renewed then, or no price is known.
    pub amount_to: Option<Money>,
    /// In what.
    pub currency: Option<Currency>,
    /// Days of its next term now; null where it is not renewed.
    pub days_from: Option<u32>,
    /// Days of its next term then; null where it is not renewed.
    pub days_to: Option<u32>,
}

/// Sums by currency, a term each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Totals {
    /// Leases whose decision differs.
    pub leases: usize,
    /// What is renewed then and is not now.
    pub more: BTreeMap<String, Money>,
    /// What is renewed now and is not then.
    pub less: BTreeMap<String, Money>,
    /// Leases of all these whose price is not known.
    pub unknown_prices: usize,
    /// Leases that both renew, for another term.
    #[serde(default)]
    pub terms: usize,
    /// What the terms of these cost now, where both prices are known.
    #[serde(default)]
    pub terms_from: BTreeMap<String, Money>,
    /// What they cost then.
    #[serde(default)]
    pub terms_to: BTreeMap<String, Money>,
}

/// Words that will stop a renewal once it is due, although nothing speaks against it yet.
const STOPS: [&str; 6] =
    ["price_cap", "price_jump", "period_not_offered", "cycle_differs", "over_budget", "window"];
/// So far ahead both configs are looked at, at least: a budget of a month meets every lease that is paid monthly.
const AHEAD: SignedDuration = SignedDuration::from_hours(35 * 24);

/// What a config decides of every lease on record: few bytes a lease.
struct Side {
    names: Vec<String>,
    accounts: Vec<Decided>,
}

struct Decided {
    account: AccountName,
    leases: Arc<Leases>,
    /// One for each lease.
    each: Vec<One>,
}

/// What is decided of one lease.
#[derive(Clone, Copy)]
struct One {
    decision: Decision,
    /// Index of the policy that decided.
    policy: Option<u16>,
    /// That policy renews, and nothing is known to stop it.
    is_paid: bool,
    /// What is bought next, where it is paid.
    term: Option<NextTerm>,
}

impl Side {
    fn of(viewer: &Viewer, seen: &Foresight) -> Result<Self, LedgerError> {
        let settings = &viewer.settings;
        let draft = viewer.drawn_as_stored()?;
        let decided = |list| decided(list, &draft.items, settings, seen);
        let mut accounts: Vec<Decided> = draft.lists.iter().map(decided).collect();
        seen.next_terms(settings, &mut |account, lease, term| {
            let name = &seen.accounts[account].account.name;
            let Some(side) = accounts.iter_mut().find(|a| &a.account == name) else { return };
            let id = seen.accounts[account].leases.id(lease);
            if let Some(one) = side.leases.find(id).and_then(|n| side.each.get_mut(n)).filter(|o| o.is_paid) {
                one.term = Some(term);
            }
        });
        Ok(Self { names: settings.policies.iter().map(|p| p.name.clone()).collect(), accounts })
    }

    fn policy(&self, of: &One) -> Option<String> {
        of.policy.and_then(|p| self.names.get(usize::from(p)).cloned())
    }

    fn find(&self, account: &AccountName, lease: &str) -> Option<One> {
        let side = self.accounts.iter().find(|a| &a.account == account)?;
        Some(side.each[side.leases.find(lease)?])
    }
}

fn decided(list: &PlannedList, items: &[Item], settings: &Settings, seen: &Foresight) -> Decided {
    let nothing = One { decision: Decision::Watch, policy: None, is_paid: false, term: None };
    let mut each = vec![nothing; list.leases.len()];
    let mut put = |n: usize, decision: Decision, policy: Option<usize>| {
        let id = LeaseId::new(list.leases.id(n));
        let renews = policy.is_some_and(|p| settings.policies[p].action == Action::Renew);
        let stopped = || words_of(seen, &list.account, &id).any(|word| STOPS.contains(&word));
        // A lease that is due and that will be held at its price is told as held.
        let decision = match decision {
            Decision::Renew | Decision::Wait if renews && stopped() => Decision::Hold,
            decision => decision,
        };
        let is_paid = renews && matches!(decision, Decision::Renew | Decision::Wait);
        each[n] = One { decision, policy: policy.and_then(|p| u16::try_from(p).ok()), is_paid, term: None };
    };
    list.idle.iter().for_each(|idle| put(idle.lease(), idle.decision(), idle.policy()));
    for item in items.iter().filter(|i| i.lease.account == list.account) {
        if let Some(n) = list.leases.find(item.lease.id.as_str()) {
            put(n, item.decision(), item.policy);
        }
    }
    Decided { account: list.account.clone(), leases: Arc::clone(&list.leases), each }
}

/// What one term of a lease was last asked or paid at.
fn price(
    ledger: &dyn Ledger,
    seen: &Foresight,
    account: &AccountName,
    lease: &LeaseId,
) -> Result<Option<(Money, Currency)>, LedgerError> {
    let known = seen.accounts.iter().find(|k| &k.account.name == account);
    if let Some(quote) = known.and_then(|known| known.quote(lease)) {
        return Ok(Some((quote.amount, quote.currency.clone())));
    }
    Ok(ledger.last_price(account, lease)?.map(|last| (last.amount, last.currency)))
}

/// Between the config of the one viewer and that of the other, by what is on record; and how many leases that is. Asks no provider.
///
/// # Errors
/// The ledger's.
pub fn changes(now: &Viewer, then: &Viewer, at: Timestamp) -> Result<(Changes, usize), LedgerError> {
    let ledger = now.ledger.as_ref();
    let ahead = now.settings.alerts.runway.max(then.settings.alerts.runway).max(AHEAD);
    let to = at.checked_add(ahead).unwrap_or(Timestamp::MAX);
    let look = |viewer: &Viewer| foresee(ledger, &viewer.settings, at, to);
    // One after the other: of a large fleet either look takes much room.
    let other = Side::of(then, &look(then)?)?;
    let seen = look(now)?;
    let here = Side::of(now, &seen)?;
    let mut changes = Changes { schema: SCHEMA, changes: Vec::new(), totals: Totals::default() };
    for side in &here.accounts {
        for (n, one) in side.each.iter().enumerate() {
            let lease = side.leases.view(n);
            let there = other.find(&side.account, lease.id);
            let differs = there.map(|o| o.decision) != Some(one.decision);
            if !differs && !there.is_some_and(|o| o.buys_another(one)) {
                continue;
            }
            let id = LeaseId::new(lease.id);
            let price = Prices::of(one, there.as_ref(), price(ledger, &seen, &side.account, &id)?);
            changes.totals.add(one, there.as_ref(), &price);
            changes.changes.push(Change {
                account: side.account.clone(),
                lease: id,
                ip: lease.ip.to_owned(),
                from: one.decision,
                to: there.map(|o| o.decision),
                policy_from: here.policy(one),
                policy_to: there.and_then(|o| other.policy(&o)),
                amount: price.from,
                amount_to: price.to.filter(|_| there.is_some_and(|o| o.is_paid)),
                currency: price.currency,
                days_from: one.days(),
                days_to: there.and_then(|o| o.days()),
            });
        }
    }
    Ok((changes, here.accounts.iter().map(|a| a.each.len()).sum()))
}

impl One {
    fn days(&self) -> Option<u32> {
        self.term.map(|term| term.days)
    }

    /// Both are paid, for another term.
    fn buys_another(&self, than: &Self) -> bool {
        self.is_paid && than.is_paid && self.days().zip(than.days()).is_some_and(|(this, that)| this != that)
    }
}

/// What one term of a lease costs by either config.
struct Prices {
    from: Option<Money>,
    to: Option<Money>,
    currency: Option<Currency>,
}

impl Prices {
    /// `last`: what it was last asked or paid at. Of another term than the one now that says nothing.
    fn of(here: &One, there: Option<&One>, last: Option<(Money, Currency)>) -> Self {
        let (last, currency) = last.map_or((None, None), |(amount, currency)| (Some(amount), Some(currency)));
        let same_term = there.is_some_and(|o| !here.is_paid || o.days() == here.days());
        let from = here.term.and_then(|term| term.amount).or(last);
        let to = there.and_then(|o| o.term?.amount).or(from.filter(|_| same_term));
        Self { from, to, currency }
    }
}

fn add(sums: &mut BTreeMap<String, Money>, currency: &Currency, amount: Money) {
    let sum = sums.entry(currency.to_string()).or_default();
    *sum = sum.plus(amount).unwrap_or(*sum);
}

impl Totals {
    fn add(&mut self, here: &One, there: Option<&One>, price: &Prices) {
        let after = there.is_some_and(|o| o.is_paid);
        if there.map(|o| o.decision) != Some(here.decision) {
            self.leases += 1;
        }
        if there.is_some_and(|o| o.buys_another(here)) {
            self.terms += 1;
            match (price.from, price.to, &price.currency) {
                (Some(from), Some(to), Some(currency)) => {
                    add(&mut self.terms_from, currency, from);
                    add(&mut self.terms_to, currency, to);
                }
                _ => self.unknown_prices += 1,
            }
        } else if here.is_paid != after {
            let (amount, sums) =
                if after { (price.to, &mut self.more) } else { (price.from, &mut self.less) };
            match amount.zip(price.currency.as_ref()) {
                Some((amount, currency)) => add(sums, currency, amount),
                None => self.unknown_prices += 1,
            }
        }
    }

    /// Something is paid then that is not now, or the other way round, or for another term.
    #[must_use]
    pub fn moves_money(&self) -> bool {
        !self.more.is_empty() || !self.less.is_empty() || self.unknown_prices > 0 || self.terms > 0
    }

    /// What changes, in words.
    #[must_use]
    pub fn kinds(&self) -> &'static str {
        match (self.leases, self.terms) {
            (_, 0) => "decision",
            (0, _) => "term",
            _ => "decision or the term",
        }
    }

    /// The money in sentences; empty where none moves.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let sum = |sums: &BTreeMap<String, Money>| {
            sums.iter().map(|(currency, money)| format!("{money} {currency}")).collect::<Vec<_>>().join(" + ")
        };
        let mut all = Vec::new();
        for (sums, words) in [(&self.more, "more is renewed"), (&self.less, "less is renewed")] {
            if !sums.is_empty() {
                all.push(format!("{words}: {} a term, at the prices last asked or paid", sum(sums)));
            }
        }
        if self.terms > 0 {
            let leases =
                if self.terms == 1 { "1 lease is".to_owned() } else { format!("{} leases are", self.terms) };
            let known = !self.terms_from.is_empty();
            let money = if known {
                format!(": {} a term now, {} then", sum(&self.terms_from), sum(&self.terms_to))
            } else {
                String::new()
            };
            all.push(format!("{leases} renewed for another term{money}"));
        }
        if self.unknown_prices > 0 {
            all.push(format!("of {} of them no price is known", self.unknown_prices));
        }
        all
    }
}

/// The note of what the last reload of a daemon's config changed.
pub const LAST_RELOAD: &str = "config.last_reload";

/// What a reload changed, as `status` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LastReload {
    /// When.
    pub at: Timestamp,
    /// What it means.
    #[serde(flatten)]
    pub totals: Totals,
}

impl LastReload {
    /// At that instant.
    #[must_use]
    pub fn new(at: Timestamp, totals: &Totals) -> Self {
        Self { at, totals: totals.clone() }
    }

    /// What the ledger has of it.
    ///
    /// # Errors
    /// The ledger's.
    pub fn noted(ledger: &dyn Ledger) -> Result<Option<Self>, LedgerError> {
        Ok(ledger.noted(LAST_RELOAD)?.and_then(|text| serde_json::from_str(&text).ok()))
    }
}
