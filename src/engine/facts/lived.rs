//! From the ledger to the facts of a backtest: what is on record of leases, payments, prices and balances. Reads only.
//!
//! The ledger keeps the newest end of a lease, and with each payment the end before and after it: older ends are known from payments
//! alone. What cannot be known is said in words (`limits`), never guessed.
use std::collections::HashMap;

use jiff::Timestamp;

use super::budgets::budget_check;
use crate::backtest::{AccountPast, Facts, LeasePast, PriceSeen, Renewal};
use crate::budget::{Budget, Per, span};
use crate::domain::time::told;
use crate::domain::{Bought, Currency, Kind, LeaseId, LeaseView, Leases, Money, State};
use crate::engine::known_capabilities;
use crate::engine::offered_note;
use crate::ledger::{
    AccountFacts, BalanceNote, BudgetCheck, IntentFilter, IntentRecord, Ledger, LedgerError, LivedLease,
    Purpose, SeenQuote,
};
use crate::settings::{Account, Settings};

/// What a backtest begins with.
#[derive(Debug)]
pub struct Lived {
    /// What is on record.
    pub facts: Facts,
    /// The budgets, each with what counted in its span before the first instant.
    pub budgets: Vec<(Budget, Money)>,
    /// What is not on record, in words.
    pub limits: Vec<String>,
}

/// Reads what is on record of the accounts of this config, from `since` on or from the first reading.
///
/// # Errors
/// The ledger's.
pub fn lived(
    ledger: &dyn Ledger,
    settings: &Settings,
    since: Option<Timestamp>,
) -> Result<Lived, LedgerError> {
    let known = ledger.accounts()?;
    let mut read = Vec::new();
    let mut limits = vec![
        "an end is known from payments and the newest reading: a term that somebody else paid for counts as renewed by others".to_owned(),
    ];
    for account in &settings.accounts {
        let facts = known.iter().find(|f| f.account == account.name && f.read_at.is_some());
        match (facts, known_capabilities(ledger, account)?) {
            (Some(facts), Some(capabilities)) => {
                let leases = ledger.lived(&account.name, since.unwrap_or(Timestamp::MIN))?;
                read.push((account, facts, capabilities, leases));
            }
            _ => limits.push(format!("account {} was never read: nothing is known of it", account.name)),
        }
    }
    let first = read.iter().flat_map(|(.., leases)| leases.iter().map(|l| l.first_seen)).min();
    let until = read.iter().filter_map(|(_, f, ..)| f.read_at).max();
    let (first, until) = (first.unwrap_or(Timestamp::MIN), until.unwrap_or(Timestamp::MIN));
    if since.is_some_and(|since| since < first) {
        limits.push(format!("nothing is on record before {}", told(first, &settings.timezone)));
    }
    let since = since.unwrap_or(first).clamp(first, until);
    let mut accounts = Vec::new();
    for (account, facts, capabilities, leases) in read {
        let past = Past::read(ledger, account, facts)?;
        let opening = past.opening(since);
        if opening.is_none() {
            limits.push(format!(
                "no balance of account {} is on record: no funds are missing there",
                account.name
            ));
        }
        accounts.push(AccountPast {
            name: account.name.clone(),
            provider: account.provider.clone(),
            capabilities,
            keep_balance: account.keep_balance,
            batch: account.batch,
            currency: facts.currency.clone(),
            opening,
            moves: past.moves(since),
            offered: offered(ledger, account, &leases)?,
            leases: past.leases(leases, since),
        });
    }
    let untold = accounts.iter().flat_map(|a| &a.leases).filter(|l| l.first_end.is_none()).count();
    if untold > 0 {
        limits.push(format!("the end of {untold} leases was never told: they are left out"));
    }
    let budgets = settings.budgets.iter().map(|b| Ok((b.clone(), counted(ledger, settings, b, since)?)));
    let budgets = budgets.collect::<Result<_, LedgerError>>()?;
    Ok(Lived { facts: Facts { since, until, accounts }, budgets, limits })
}

/// What counted in a budget's span before that instant.
fn counted(
    ledger: &dyn Ledger,
    settings: &Settings,
    budget: &Budget,
    since: Timestamp,
) -> Result<Money, LedgerError> {
    if budget.per == Per::Cycle {
        return Ok(Money::ZERO);
    }
    let (from, _) = span(budget.per, since, &settings.timezone);
    ledger.spent(&BudgetCheck { from, to: since, ..budget_check(budget, since, &settings.timezone, None) })
}

fn offered(
    ledger: &dyn Ledger,
    account: &Account,
    leases: &[LivedLease],
) -> Result<HashMap<Kind, Vec<u32>>, LedgerError> {
    let all: Leases = leases.iter().map(|l| l.lease.clone()).collect::<Vec<_>>().into();
    let mut offered = HashMap::new();
    for kind in all.kinds() {
        let note = ledger.noted(&offered_note(&account.name, kind))?;
        let days = note.map(|text| text.split(',').filter_map(|n| n.parse().ok()).collect::<Vec<u32>>());
        offered.extend(days.filter(|days| !days.is_empty()).map(|days| (kind.clone(), days)));
    }
    Ok(offered)
}

/// What is on record of an account's money.
struct Past {
    /// Payments that took money, oldest first.
    paid: Vec<IntentRecord>,
    notes: Vec<BalanceNote>,
    now: Option<(Timestamp, Money)>,
    currency: Option<Currency>,
    quotes: HashMap<LeaseId, SeenQuote>,
}

fn spent_at(record: &IntentRecord) -> Timestamp {
    record.spend_started_at.as_ref().unwrap_or(&record.created_at).wall
}

fn charge(record: &IntentRecord) -> Money {
    record.detail.charged.unwrap_or(record.quoted)
}

impl Past {
    fn read(ledger: &dyn Ledger, account: &Account, facts: &AccountFacts) -> Result<Self, LedgerError> {
        let name = &account.name;
        let states = vec![State::Confirmed, State::Accepted];
        let filter = IntentFilter { account: Some(name.clone()), states, ..IntentFilter::default() };
        let mut paid = ledger.intents(&filter)?;
        paid.retain(|r| r.provider == account.provider);
        paid.sort_by_key(spent_at);
        let mut notes = ledger.balance_notes(Timestamp::MIN)?;
        notes.retain(|n| &n.account == name && Some(&n.currency) == facts.currency.as_ref());
        Ok(Self {
            paid,
            notes,
            now: facts.read_at.zip(facts.balance),
            currency: facts.currency.clone(),
            quotes: ledger.quotes(name)?,
        })
    }

    fn is_renewal(record: &IntentRecord) -> bool {
        !matches!(record.purpose, Purpose::Purchase(_))
    }

    /// What came in or went out besides renewals, from then on.
    fn moves(&self, since: Timestamp) -> Vec<(Timestamp, Money)> {
        let less = |money: Money| Money::ZERO.minus(money).unwrap_or_default();
        let notes = self.notes.iter().map(|n| (n.at, less(n.unexplained)));
        let bought = self.paid.iter().filter(|r| !Self::is_renewal(r));
        let bought = bought.map(|r| (spent_at(r), less(charge(r))));
        let mut all: Vec<(Timestamp, Money)> = notes.chain(bought).filter(|(at, _)| *at > since).collect();
        all.sort();
        all
    }

    /// The balance at that instant: the first one on record from then on, less what came to pass in between.
    fn opening(&self, since: Timestamp) -> Option<Money> {
        let quoted = self.paid.iter().filter(|r| Some(&r.currency) == self.currency.as_ref());
        let quoted =
            quoted.filter(|r| r.purpose != Purpose::Provider).map(|r| (r.created_at.wall, r.balance_before));
        let noted = self.notes.iter().map(|n| (n.at, n.after));
        let all = quoted.chain(noted).chain(self.now).filter(|(at, _)| *at >= since);
        let (at, balance) = all.min()?;
        let moved = self.moves(since).into_iter().filter(|(moved, _)| *moved <= at).map(|(_, amount)| amount);
        let taken =
            self.paid.iter().filter(|r| Self::is_renewal(r) && spent_at(r) > since && spent_at(r) < at);
        balance.minus(Money::sum(moved)?)?.plus(Money::sum(taken.map(charge))?)
    }

    /// The leases with what was paid for each. Those that are one lease under two ids are one.
    fn leases(&self, lived: Vec<LivedLease>, since: Timestamp) -> Vec<LeasePast> {
        let mut by_place: HashMap<(String, String, Option<u16>), usize> = HashMap::new();
        let mut one: Vec<LivedLease> = Vec::new();
        // The newest row of a lease stands for it, and the oldest says since when it is known.
        let mut lived = lived;
        lived.sort_by_key(|l| (l.gone_at.is_some(), std::cmp::Reverse(l.first_seen)));
        for lease in lived {
            let of = &lease.lease;
            let place = (of.order.to_string(), of.ip.clone(), of.port);
            match by_place.get(&place).filter(|_| !of.ip.is_empty()) {
                Some(&n) => one[n].first_seen = one[n].first_seen.min(lease.first_seen),
                None => {
                    by_place.insert(place, one.len());
                    one.push(lease);
                }
            }
        }
        let index = Index::of(&self.paid);
        one.into_iter().map(|lease| self.lease(lease, &index, since)).collect()
    }

    fn lease(&self, lived: LivedLease, index: &Index<'_>, since: Timestamp) -> LeasePast {
        let LivedLease { lease, first_seen, gone_at } = lived;
        let mut all = index.renewals(&lease.view());
        // A term that begins later than the one before it ended was renewed by somebody else in between.
        for n in 0..all.len() {
            let next = all.get(n + 1).map(|r| r.before).or(lease.expires_at);
            all[n].after = all[n].after.max(next.filter(|end| *end > all[n].before).unwrap_or(all[n].after));
        }
        let quote = self.quotes.get(&lease.id).map(|q| PriceSeen {
            at: q.seen_at,
            amount: q.amount,
            days: q.period_days,
        });
        let paid = all.iter().map(|r| PriceSeen { at: r.at, amount: r.amount, days: r.days });
        let mut prices: Vec<PriceSeen> = paid.chain(quote).filter(|p| p.days > 0).collect();
        prices.sort_by_key(|p| p.at);
        let before = all.iter().rev().find(|r| r.at < since).map(|r| r.after);
        all.retain(|r| r.at >= since);
        let first_end = all.first().map(|r| r.before).or(before).or(lease.term_end());
        LeasePast { from: first_seen, first_end, gone_at, paid: all, prices, lease }
    }
}

/// Payments by what their leases are known by.
struct Index<'a> {
    paid: &'a [IntentRecord],
    ids: HashMap<&'a str, Vec<usize>>,
    orders: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Index<'a> {
    fn of(paid: &'a [IntentRecord]) -> Self {
        let mut index = Self { paid, ids: HashMap::new(), orders: HashMap::new() };
        for (n, record) in paid.iter().enumerate().filter(|(_, r)| Past::is_renewal(r)) {
            for lease in &record.request.leases {
                index.ids.entry(lease.id.as_str()).or_default().push(n);
                index.orders.entry(lease.order.as_str()).or_default().push(n);
            }
        }
        index
    }

    /// What was paid for a lease, oldest first.
    fn renewals(&self, lease: &LeaseView<'_>) -> Vec<Renewal> {
        let of = [self.ids.get(lease.id), self.orders.get(lease.order)];
        let mut places: Vec<usize> = of.into_iter().flatten().flatten().copied().collect();
        places.sort_unstable();
        places.dedup();
        places.into_iter().filter_map(|n| renewal(&self.paid[n], lease)).collect()
    }
}

fn renewal(record: &IntentRecord, lease: &LeaseView<'_>) -> Option<Renewal> {
    let leases = &record.request.leases;
    let place = leases.iter().position(|l| l.is_lease(*lease))?;
    let bought = Bought::of(&leases[place], leases, record.detail.expires_after, record.request.period_days);
    let days = record.request.period_days;
    let span = jiff::SignedDuration::from_hours(24 * i64::from(days));
    Some(Renewal {
        at: spent_at(record),
        before: bought.before.at,
        after: bought.after.or_else(|| bought.before.at.checked_add(span).ok())?,
        days,
        amount: charge(record).shares(leases.len()).get(place).copied()?,
        by_provider: record.purpose == Purpose::Provider,
    })
}
