//! From the ledger to the facts of a forecast. Reads only; asks no provider.
use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::budget::{Budget, Per, span};
use crate::domain::{
    AccountName, Balance, Capabilities, Kind, Lease, LeaseId, Money, RequestLease, Sameness, State,
    nominal_days,
};
use crate::engine::{CycleReport, Learnt, offered_note};
use crate::forecast::{self, BudgetFacts, Caution, Forecast, Input, LeaseFacts, Price, SeenPrice};
use crate::ledger::{
    AccountFacts, BudgetCheck, IntentFilter, IntentRecord, LastPrice, Ledger, LedgerError, SeenQuote,
};
use crate::providers;
use crate::settings::{Account, Settings};

/// A forecast with the facts it was made of, so that they can be shown together.
#[derive(Debug)]
pub struct Foresight {
    /// What is ahead.
    pub forecast: Forecast,
    /// The accounts, in the order of the config: the forecast's indices lead here.
    pub accounts: Vec<Known>,
    /// The budgets, in the order of the config, with what counts in the span around now.
    pub budgets: Vec<(Budget, Money)>,
    /// From when.
    pub from: Timestamp,
    /// Up to when.
    pub to: Timestamp,
    /// What will stop renewals, as far as that is known.
    pub cautions: Vec<Caution>,
}

/// What a pass just read and that the ledger need not have: it stands before what the ledger holds.
#[derive(Debug)]
pub struct Fresh<'a> {
    /// The pass.
    pub report: &'a CycleReport,
    /// The prices and terms that it learnt.
    pub learnt: &'a Learnt,
}

/// What the ledger knows of an account.
#[derive(Debug)]
pub struct Known {
    /// As configured.
    pub account: Account,
    /// As last read; `None` = never.
    pub facts: Option<AccountFacts>,
    /// As last believed.
    pub leases: Vec<Lease>,
    capabilities: Capabilities,
    last_paid: HashMap<LeaseId, LastPrice>,
    quotes: HashMap<LeaseId, SeenQuote>,
    offered: HashMap<Kind, Vec<u32>>,
    unsettled: Vec<IntentRecord>,
}

impl Known {
    fn read(
        ledger: &dyn Ledger,
        account: &Account,
        capabilities: Capabilities,
        unsettled: &[IntentRecord],
    ) -> Result<Self, LedgerError> {
        let name = &account.name;
        let mut leases: Vec<Lease> = ledger.known_leases(name)?.into_iter().map(|k| k.lease).collect();
        // An order on hold whose end is not told is overdue since it was seen so.
        leases.iter_mut().for_each(|l| l.expires_at = l.term_end());
        let mut offered = HashMap::new();
        for lease in &leases {
            if !offered.contains_key(&lease.kind) {
                offered.insert(lease.kind.clone(), ledger.noted(&offered_note(name, &lease.kind))?);
            }
        }
        let days = |text: String| text.split(',').filter_map(|n| n.parse().ok()).collect::<Vec<u32>>();
        Ok(Self {
            account: account.clone(),
            capabilities,
            facts: ledger.accounts()?.into_iter().find(|f| &f.account == name),
            last_paid: ledger.last_prices(name)?,
            quotes: ledger.quotes(name)?,
            offered: offered.into_iter().filter_map(|(kind, text)| Some((kind, days(text?)))).collect(),
            unsettled: unsettled.iter().filter(|r| &r.request.account == name).cloned().collect(),
            leases,
        })
    }

    /// Puts what was just read in the place of what was known.
    fn renew(&mut self, fresh: &Fresh<'_>, now: Timestamp) {
        let name = &self.account.name;
        let Some(account) = fresh.report.accounts.iter().find(|a| &a.account == name) else { return };
        let mine = |l: &&Lease| &l.account == name;
        self.leases = fresh.report.items.iter().map(|i| &i.lease).filter(mine).cloned().collect();
        self.leases.iter_mut().for_each(|l| l.expires_at = l.term_end());
        if let Some(balance) = account.balance.as_ref().filter(|_| account.reachable()) {
            self.facts = Some(AccountFacts {
                account: name.clone(),
                provider: account.provider.clone(),
                balance: Some(balance.amount),
                currency: Some(balance.currency.clone()),
                leases: account.leases,
                read_at: Some(now),
                error: None,
                failing_since: None,
            });
        }
        let quotes = fresh.learnt.quotes.iter().filter(|q| &q.account == name);
        self.quotes.extend(quotes.map(|q| (q.lease.clone(), q.clone())));
        let offered = fresh.learnt.offered.iter().filter(|((account, _), _)| account == name);
        self.offered.extend(offered.filter_map(|((_, kind), days)| Some((kind.clone(), days.clone().ok()?))));
    }

    /// What the last term of a lease cost.
    #[must_use]
    pub fn last_price(&self, lease: &LeaseId) -> Option<Money> {
        self.last_paid.get(lease).map(|price| price.amount)
    }

    /// What was sent since the balance was read is gone from it, or will be.
    fn balance(&self) -> Option<Balance> {
        let facts = self.facts.as_ref()?;
        let read_at = facts.read_at?;
        let sent = self.unsettled.iter().filter(|r| sent_after(r, read_at)).map(|r| r.quoted);
        let amount = facts.balance?.minus(Money::sum(sent)?)?;
        Some(Balance { amount, currency: facts.currency.clone()? })
    }

    /// The price of one more term as the provider's own record has it.
    fn told(&self, lease: &Lease) -> Option<Price> {
        let (amount, cycle) = (lease.price?, lease.cycle.as_deref()?);
        let currency = self.facts.as_ref()?.currency.clone()?;
        Some(Price { amount, period_days: nominal_days(cycle), currency })
    }

    fn lease<'a>(&'a self, lease: &'a Lease) -> LeaseFacts<'a> {
        let price = |p: &LastPrice| Price {
            amount: p.amount,
            period_days: p.period_days,
            currency: p.currency.clone(),
        };
        let seen = |q: &SeenQuote| SeenPrice {
            price: Price { amount: q.amount, period_days: q.period_days, currency: q.currency.clone() },
            term_end: q.term_end,
            seen_at: q.seen_at,
        };
        LeaseFacts {
            lease,
            paid_to: self.unsettled.iter().find_map(|r| paid_to(r, lease)),
            last_paid: self.last_paid.get(&lease.id).map(price),
            quoted: self.quotes.get(&lease.id).map(seen),
            told: self.told(lease),
            term_days: lease.cycle.as_deref().filter(|_| self.capabilities.sells_cycles).map(nominal_days),
        }
    }
}

fn sent_after(record: &IntentRecord, read_at: Timestamp) -> bool {
    record.spend_started_at.as_ref().is_some_and(|at| at.wall > read_at)
}

/// The end that this payment bought for the lease, if it was for its current term.
fn paid_to(record: &IntentRecord, lease: &Lease) -> Option<Timestamp> {
    let term = lease.term()?;
    let mine = |l: &&RequestLease| l.is_lease(lease) && record.bought(l).place(&term) != Sameness::Later;
    let of = record.request.leases.iter().find(mine)?;
    let days = SignedDuration::from_hours(24 * i64::from(record.request.period_days));
    of.expires_at.checked_add(days).ok()
}

/// What counts in a budget in the span around `now`.
///
/// # Errors
/// The ledger's.
pub fn budget_check(
    ledger: &dyn Ledger,
    settings: &Settings,
    budget: &Budget,
    now: Timestamp,
) -> Result<BudgetCheck, LedgerError> {
    let (from, to) = span(budget.per, now, &settings.timezone);
    let cycle = if budget.per == Per::Cycle { ledger.last_cycle()?.map(|c| c.id) } else { None };
    Ok(BudgetCheck {
        name: budget.name.clone(),
        accounts: budget.accounts.clone(),
        policies: budget.policies.clone(),
        currency: budget.currency.clone(),
        from,
        to,
        cycle,
        limit: budget.limit,
    })
}

/// Looks ahead from `now` to `to`, from what the ledger holds alone.
///
/// # Errors
/// The ledger's.
pub fn foresee(
    ledger: &dyn Ledger,
    settings: &Settings,
    now: Timestamp,
    to: Timestamp,
) -> Result<Foresight, LedgerError> {
    gather(ledger, settings, now, to, None)
}

/// The same over `alerts.runway`, with what a pass read and did not store.
///
/// # Errors
/// The ledger's.
pub fn foresee_fresh(
    ledger: &dyn Ledger,
    settings: &Settings,
    now: Timestamp,
    fresh: Option<&Fresh<'_>>,
) -> Result<Foresight, LedgerError> {
    let to = now.checked_add(settings.alerts.runway).unwrap_or(Timestamp::MAX);
    gather(ledger, settings, now, to, fresh)
}

fn gather(
    ledger: &dyn Ledger,
    settings: &Settings,
    now: Timestamp,
    to: Timestamp,
    fresh: Option<&Fresh<'_>>,
) -> Result<Foresight, LedgerError> {
    let states = vec![State::SpendStarted, State::Accepted, State::Unknown, State::NeedsOperator];
    let unsettled = ledger.intents(&IntentFilter { states, ..IntentFilter::default() })?;
    let known = settings.accounts.iter().filter_map(|a| Some((a, providers::capabilities(&a.provider)?)));
    let mut known = known
        .map(|(account, capabilities)| Known::read(ledger, account, capabilities, &unsettled))
        .collect::<Result<Vec<_>, _>>()?;
    known.iter_mut().for_each(|k| fresh.into_iter().for_each(|fresh| k.renew(fresh, now)));
    let budgets = settings
        .budgets
        .iter()
        .map(|b| Ok((b.clone(), ledger.spent(&budget_check(ledger, settings, b, now)?)?)))
        .collect::<Result<Vec<_>, LedgerError>>()?;
    let accounts = known.iter().map(|k| forecast::AccountFacts {
        name: &k.account.name,
        capabilities: &k.capabilities,
        balance: k.balance(),
        keep_balance: k.account.keep_balance,
        leases: k.leases.iter().map(|l| k.lease(l)).collect(),
        offered: k.offered.clone(),
    });
    let facts = budgets.iter().map(|(budget, spent)| BudgetFacts { budget, spent: *spent });
    let (accounts, facts) = (accounts.collect::<Vec<_>>(), facts.collect::<Vec<_>>());
    let input = Input {
        now,
        horizon: to,
        timezone: &settings.timezone,
        policies: &settings.policies,
        accounts: &accounts,
        budgets: &facts,
    };
    let forecast = forecast::forecast(&input);
    let cautions = forecast::cautions(&input, &forecast, &settings.next_start());
    drop(accounts);
    Ok(Foresight { forecast, cautions, accounts: known, budgets, from: now, to })
}

/// The names that the forecast's indices stand for.
impl Foresight {
    /// An account's name.
    #[must_use]
    pub fn name(&self, account: usize) -> AccountName {
        self.accounts[account].account.name.clone()
    }

    /// A lease's address; empty where it has none, or is not known.
    #[must_use]
    pub fn address(&self, account: &AccountName, lease: &LeaseId) -> String {
        let known = self.accounts.iter().find(|k| &k.account.name == account);
        known.and_then(|k| k.leases.iter().find(|l| &l.id == lease)).map(|l| l.ip.clone()).unwrap_or_default()
    }

    /// Some account has been read: there is something to look ahead from.
    #[must_use]
    pub fn has_facts(&self) -> bool {
        self.accounts.iter().any(|k| k.facts.as_ref().is_some_and(|f| f.read_at.is_some()))
    }
}
