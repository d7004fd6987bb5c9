//! From the ledger to the facts of a forecast. Reads only; asks no provider.
use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::budgets::budget_check;
use super::terms::{named_by_their_holds, paid_to, sent_after};
use crate::budget::Budget;
use crate::domain::{
    AccountName, Balance, Capabilities, Kind, Lease, LeaseId, LeaseView, Leases, Money, RequestLease, State,
    nominal_days,
};
use crate::engine::{CycleReport, Learnt, keeps, offered_note, with_capabilities};
use crate::forecast::{
    self, BudgetFacts, Caution, Forecast, Input, LeaseFacts, LeaseSource, Price, SeenPrice,
};
use crate::ledger::{
    AccountFacts, IntentFilter, IntentRecord, LastPrice, LastPrices, Ledger, LedgerError, SeenQuote,
};
use crate::policy::{self, Keeps};
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
    /// What an operator keeps.
    pub kept: Keeps,
}

/// What a pass just read and that the ledger need not have: it stands before what the ledger holds.
#[derive(Debug)]
pub struct Fresh<'a> {
    /// The pass.
    pub report: &'a CycleReport,
    /// The prices and terms that it learnt, where it stored nothing.
    pub learnt: Option<&'a Learnt>,
    /// Also what stands against leases that no policy wants.
    pub all: bool,
}

impl Fresh<'_> {
    /// The list as the pass knew it. Whatever was paid since, or is not believed to be this account's, is asked of the ledger.
    fn list(&self, name: &AccountName) -> Option<Arc<Leases>> {
        let stored = self.learnt.is_none();
        let account = self.report.accounts.iter().find(|a| &a.account == name)?;
        if stored && (!self.report.payments.is_empty() || account.barred.is_some()) {
            return None;
        }
        Some(self.report.lists.iter().find(|list| &list.account == name)?.all())
    }
}

/// What the ledger knows of an account.
#[derive(Debug)]
pub struct Known {
    /// As configured.
    pub account: Account,
    /// As last read; `None` = never.
    pub facts: Option<AccountFacts>,
    /// As last believed.
    pub leases: Arc<Leases>,
    capabilities: Capabilities,
    last_paid: LastPrices,
    quotes: HashMap<LeaseId, SeenQuote>,
    offered: HashMap<Kind, Vec<u32>>,
    unsettled: Vec<IntentRecord>,
}

/// Leases, and what is known of their prices.
pub(super) struct Listed {
    pub(super) leases: Arc<Leases>,
    pub(super) last_paid: LastPrices,
    pub(super) quotes: HashMap<LeaseId, SeenQuote>,
}

impl Known {
    /// The newest price asked for one of its leases.
    #[must_use]
    pub fn quote(&self, lease: &LeaseId) -> Option<&SeenQuote> {
        self.quotes.get(lease)
    }

    fn read(
        ledger: &dyn Ledger,
        account: &Account,
        capabilities: Capabilities,
        on_record: (&[IntentRecord], &[AccountFacts]),
        fresh: Option<&Fresh<'_>>,
    ) -> Result<Self, LedgerError> {
        let name = &account.name;
        let leases = match fresh.and_then(|fresh| fresh.list(name)) {
            Some(list) => list,
            None => Arc::new(ledger.last_list(name)?),
        };
        let listed = Listed { leases, last_paid: ledger.prices(name)?, quotes: ledger.quotes(name)? };
        Self::of(ledger, account, capabilities, on_record, listed)
    }

    pub(super) fn of(
        ledger: &dyn Ledger,
        account: &Account,
        capabilities: Capabilities,
        (unsettled, facts): (&[IntentRecord], &[AccountFacts]),
        Listed { mut leases, last_paid, quotes }: Listed,
    ) -> Result<Self, LedgerError> {
        let name = &account.name;
        named_by_their_holds(&mut leases);
        let days = |text: String| text.split(',').filter_map(|n| n.parse().ok()).collect::<Vec<u32>>();
        let mut offered = HashMap::new();
        for kind in leases.kinds() {
            offered.extend(ledger.noted(&offered_note(name, kind))?.map(|text| (kind.clone(), days(text))));
        }
        Ok(Self {
            account: account.clone(),
            capabilities,
            facts: facts.iter().find(|f| &f.account == name).cloned(),
            last_paid,
            quotes,
            offered,
            unsettled: unsettled.iter().filter(|r| &r.request.account == name).cloned().collect(),
            leases,
        })
    }

    /// Puts what was just read in the place of what was known.
    fn renew(&mut self, fresh: &Fresh<'_>, now: Timestamp) {
        let name = &self.account.name;
        let Some(account) = fresh.report.accounts.iter().find(|a| &a.account == name) else { return };
        let Some(learnt) = fresh.learnt else { return };
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
        let quotes = learnt.quotes.iter().filter(|q| &q.account == name);
        self.quotes.extend(quotes.map(|q| (q.lease.clone(), q.clone())));
        let offered = learnt.offered.iter().filter(|((account, _), _)| account == name);
        self.offered.extend(offered.filter_map(|((_, kind), days)| Some((kind.clone(), days.clone().ok()?))));
    }

    /// What the last term of a lease cost.
    #[must_use]
    pub fn last_price(&self, lease: &LeaseId) -> Option<Money> {
        self.last_paid(lease).map(|price| price.amount)
    }

    /// The same with its period and currency.
    #[must_use]
    pub fn last_paid(&self, lease: &LeaseId) -> Option<&LastPrice> {
        self.last_paid.of(self.leases.get(lease.as_str())?)
    }

    /// Payments that are not settled yet and that this lease or its order waits for.
    #[must_use]
    pub fn open_payments(&self, lease: &Lease) -> Vec<&IntentRecord> {
        let mine = |l: &RequestLease| l.is_lease(lease) || l.order == lease.order;
        self.unsettled.iter().filter(|r| r.request.leases.iter().any(mine)).collect()
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
    fn told(&self, lease: &LeaseView<'_>) -> Option<Price> {
        let (amount, cycle) = (lease.price?, lease.cycle?);
        let currency = self.facts.as_ref()?.currency.clone()?;
        Some(Price { amount, period_days: nominal_days(cycle), currency })
    }
}

impl LeaseSource for Known {
    fn count(&self) -> usize {
        self.leases.len()
    }

    fn view(&self, n: usize) -> LeaseView<'_> {
        self.leases.view(n)
    }

    fn alike(&self, n: usize) -> Option<usize> {
        Some(self.leases.shared(n))
    }

    fn facts(&self, n: usize) -> LeaseFacts<'_> {
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
        let lease = self.leases.view(n);
        let quoted = if self.quotes.is_empty() { None } else { self.quotes.get(&LeaseId::new(lease.id)) };
        LeaseFacts {
            lease,
            paid_to: self.unsettled.iter().find_map(|r| paid_to(r, &lease)),
            last_paid: self.last_paid.of(lease).map(price),
            quoted: quoted.map(seen),
            told: self.told(&lease),
            term_days: lease.cycle.filter(|_| self.capabilities.sells_cycles).map(nominal_days),
        }
    }

    fn priced(&self) -> Vec<usize> {
        if self.last_paid.is_empty() {
            return self.quotes.keys().filter_map(|id| self.leases.find(id.as_str())).collect();
        }
        (0..self.leases.len()).collect()
    }
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
    let _one_look = ledger.look()?;
    let (unsettled, facts) = (unsettled(ledger)?, ledger.accounts()?);
    let known = with_capabilities(ledger, settings)?.into_iter();
    let mut known = known
        .map(|(account, can)| Known::read(ledger, account, can, (&unsettled, &facts), fresh))
        .collect::<Result<Vec<_>, _>>()?;
    known.iter_mut().for_each(|k| fresh.into_iter().for_each(|fresh| k.renew(fresh, now)));
    look(ledger, settings, (now, to), known, fresh.is_none_or(|fresh| fresh.all))
}

pub(super) fn unsettled(ledger: &dyn Ledger) -> Result<Vec<IntentRecord>, LedgerError> {
    let states = vec![State::SpendStarted, State::Accepted, State::Unknown, State::NeedsOperator];
    ledger.intents(&IntentFilter { states, ..IntentFilter::default() })
}

pub(super) fn look(
    ledger: &dyn Ledger,
    settings: &Settings,
    (now, to): (Timestamp, Timestamp),
    known: Vec<Known>,
    all: bool,
) -> Result<Foresight, LedgerError> {
    let cycle = ledger.last_cycle()?.map(|c| c.id);
    let budgets = settings
        .budgets
        .iter()
        .map(|b| Ok((b.clone(), ledger.spent(&budget_check(b, now, &settings.timezone, cycle))?)))
        .collect::<Result<Vec<_>, LedgerError>>()?;
    let kept = keeps(ledger, settings)?;
    let facts = Facts { known: &known, budgets: &budgets, kept: &kept };
    let (forecast, cautions) =
        looking(&facts, settings, (now, to), |input| forecast::foresee(input, &settings.next_start(), all));
    Ok(Foresight { forecast, cautions, accounts: known, budgets, from: now, to, kept })
}

/// What a forecast is made of.
pub(super) struct Facts<'a> {
    pub(super) known: &'a [Known],
    pub(super) budgets: &'a [(Budget, Money)],
    pub(super) kept: &'a Keeps,
}

/// What last terms cost, as these accounts know it.
fn last_price(known: &[Known], lease: &LeaseView<'_>) -> Option<Money> {
    let known = known.iter().find(|k| &k.account.name == lease.account)?;
    known.last_paid.of(*lease).map(|last| last.amount)
}

impl policy::LastPaid for Facts<'_> {
    fn last_paid(&self, lease: &LeaseView<'_>) -> Option<Money> {
        last_price(self.known, lease)
    }

    fn keeps(&self) -> &Keeps {
        self.kept
    }
}

impl policy::LastPaid for Foresight {
    fn last_paid(&self, lease: &LeaseView<'_>) -> Option<Money> {
        last_price(&self.accounts, lease)
    }

    fn keeps(&self) -> &Keeps {
        &self.kept
    }
}

/// Hands over the facts as a forecast takes them.
pub(super) fn looking<T>(
    of: &Facts<'_>,
    settings: &Settings,
    (now, horizon): (Timestamp, Timestamp),
    look: impl FnOnce(&Input<'_>) -> T,
) -> T {
    let accounts = of.known.iter().map(|k| forecast::AccountFacts {
        name: &k.account.name,
        capabilities: &k.capabilities,
        balance: k.balance(),
        keep_balance: k.account.keep_balance,
        leases: k,
        offered: k.offered.clone(),
    });
    let facts = of.budgets.iter().map(|(budget, spent)| BudgetFacts { budget, spent: *spent });
    let (accounts, facts) = (accounts.collect::<Vec<_>>(), facts.collect::<Vec<_>>());
    look(&Input {
        now,
        horizon,
        timezone: &settings.timezone,
        policies: settings.policies(now, of),
        accounts: &accounts,
        budgets: &facts,
    })
}

/// The names that the forecast's indices stand for.
impl Foresight {
    /// The same look up to another instant.
    #[must_use]
    pub fn until(&self, settings: &Settings, to: Timestamp) -> Forecast {
        if to == self.to {
            return self.forecast.clone();
        }
        let facts = Facts { known: &self.accounts, budgets: &self.budgets, kept: &self.kept };
        looking(&facts, settings, (self.from, to), forecast::forecast)
    }

    /// An account's name.
    #[must_use]
    pub fn name(&self, account: usize) -> AccountName {
        self.accounts[account].account.name.clone()
    }

    /// A lease's address; empty where it has none, or is not known.
    #[must_use]
    pub fn address(&self, account: &AccountName, lease: &LeaseId) -> String {
        let known = self.accounts.iter().find(|k| &k.account.name == account);
        known.and_then(|k| k.leases.get(lease.as_str())).map(|l| l.ip.to_owned()).unwrap_or_default()
    }

    /// Some account has been read: there is something to look ahead from.
    #[must_use]
    pub fn has_facts(&self) -> bool {
        self.accounts.iter().any(|k| k.facts.as_ref().is_some_and(|f| f.read_at.is_some()))
    }
}
