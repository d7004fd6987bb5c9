//! The port's methods: each one transaction, nothing else.
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::PoisonError;

use jiff::Timestamp;

use super::{
    SqliteLedger, accounts, balances, changes, copy, cycles, decisions, gate, history, hooks, leases,
    payment, prices, quotes, reserve,
};
use crate::domain::identity::{Claim, Verdict};
use crate::domain::{
    AccountName, ChangeRequest, Difference, Event, IntentId, Inventory, Lease, LeaseId, Leases, Moment,
    Money, OrderId, ProviderName, RequestLease, State,
};
use crate::ledger::decided::Decided;
use crate::ledger::sqlite::cache::Shelf;
use crate::ledger::sqlite::pauses;
use crate::ledger::{
    AccountFacts, BalanceMark, BalanceNote, Balances, Blocked, BudgetCheck, ChangeOutcome, ChangePermit,
    ChangeRecord, CycleRecord, CycleSummary, Cycles, EventDetail, IntentFilter, IntentRecord, Inventories,
    KnownLease, LastPrice, LastPrices, LedgerError, Look, NewIntent, Nodes, Notes, OrderChanges, PauseRecord,
    Payments, Prices, ProviderCharge, PurchasePermit, SeenQuote, SettleRead, SpendPermit, SplitPart, Upkeep,
    marked_note,
};
use crate::nodes::Role;
use crate::record::{RequestRow, RequestTurn};

/// Pages, not only a row: a disk with no room for a payment's log must be noticed before the payment.
const PROBE_BYTES: usize = 64 * 1024;

/// What is known row by row: slow, and what the quick answers are held against.
impl SqliteLedger {
    /// The leases of an account as last believed, not the gone ones, sorted by id.
    ///
    /// # Errors
    /// [`LedgerError::Trouble`].
    pub fn known_leases(&self, account: &AccountName) -> Result<Vec<KnownLease>, LedgerError> {
        self.read(|c| leases::known(c, account))
    }

    /// The last confirmed price of every lease of an account.
    ///
    /// # Errors
    /// [`LedgerError::Trouble`].
    pub fn last_prices(&self, account: &AccountName) -> Result<HashMap<LeaseId, LastPrice>, LedgerError> {
        self.read(|c| history::last_prices(c, account))
    }
}

impl Cycles for SqliteLedger {
    fn start_cycle(&self, at: &Moment) -> Result<i64, LedgerError> {
        self.attend()?;
        self.write(|tx| {
            gate::stands(tx, &self.path)?;
            cycles::start(tx, at)
        })
    }

    fn end_cycle(&self, cycle: i64, at: &Moment, summary: &CycleSummary) -> Result<(), LedgerError> {
        self.write(|tx| {
            cycles::end(tx, cycle, at, summary)?;
            hooks::cycle(tx, cycle, at.wall, summary)
        })
    }

    fn last_cycle(&self) -> Result<Option<CycleRecord>, LedgerError> {
        self.read(cycles::last)
    }

    fn record_plan(&self, cycle: i64, at: Timestamp, plan: &dyn Decided) -> Result<(), LedgerError> {
        self.write(|tx| decisions::decide(tx, cycle, at, plan))
    }

    fn pause(&self, pause: &PauseRecord, now: &Moment) -> Result<Option<PauseRecord>, LedgerError> {
        self.write(|tx| pauses::pause(tx, pause, now))
    }

    fn resume(&self, account: Option<&AccountName>) -> Result<(), LedgerError> {
        self.write(|tx| pauses::resume(tx, account))
    }

    fn paused(&self, now: &Moment) -> Result<Vec<PauseRecord>, LedgerError> {
        self.read(|c| pauses::in_force(c, now))
    }
}

impl Notes for SqliteLedger {
    fn note(&self, key: &str, value: &str) -> Result<(), LedgerError> {
        self.write(|tx| cycles::note(tx, key, value))
    }

    fn noted(&self, key: &str) -> Result<Option<String>, LedgerError> {
        self.read(|c| cycles::noted(c, key))
    }
}

impl Inventories for SqliteLedger {
    fn attach(
        &self,
        claims: &[Claim],
        budgets: &[(String, String)],
        at: Timestamp,
    ) -> Result<Vec<Verdict>, LedgerError> {
        let (found, moved) =
            self.read(|c| Ok((accounts::compare(c, claims, at)?, accounts::kept_budgets(c, budgets)?)))?;
        if (found.steps.is_empty() && moved.is_empty()) || !self.pays() {
            return Ok(found.verdicts);
        }
        // Copies of payments have the name in them; whoever lists meanwhile waits.
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        *shelf = Shelf::default();
        self.write(|tx| {
            let found = accounts::compare(tx, claims, at)?;
            accounts::write(tx, claims, &found.steps, at)?;
            accounts::rename_budgets(tx, &moved)?;
            Ok(found.verdicts)
        })
    }

    fn record_inventory(
        &self,
        provider: &ProviderName,
        account: &AccountName,
        at: Timestamp,
        inventory: &Inventory,
    ) -> Result<(), LedgerError> {
        self.write(|tx| leases::record(tx, provider, account, at, inventory))
    }

    fn record_unread(
        &self,
        provider: &ProviderName,
        account: &AccountName,
        at: Timestamp,
        error: &str,
    ) -> Result<(), LedgerError> {
        self.write(|tx| leases::record_unread(tx, provider, account, at, error))
    }

    fn last_list(&self, account: &AccountName) -> Result<Leases, LedgerError> {
        self.read(|c| leases::last_list(c, account))
    }

    fn difference(&self, account: &AccountName, listed: &Leases) -> Result<Difference, LedgerError> {
        self.read(|c| leases::difference(c, account, listed))
    }

    fn known_like(&self, account: &AccountName, of: &RequestLease) -> Result<Vec<Lease>, LedgerError> {
        self.read(|c| leases::like(c, account, of))
    }

    fn gone_leases(&self, account: &AccountName, since: Timestamp) -> Result<Vec<Lease>, LedgerError> {
        self.read(|c| leases::gone(c, account, since))
    }

    fn orders_before(&self, account: &AccountName, at: Timestamp) -> Result<HashSet<OrderId>, LedgerError> {
        self.read(|c| leases::orders_before(c, account, at))
    }

    fn accounts(&self) -> Result<Vec<AccountFacts>, LedgerError> {
        self.read(leases::accounts)
    }
}

impl Payments for SqliteLedger {
    fn reserve(
        &self,
        intent: &NewIntent,
        budgets: &[BudgetCheck],
    ) -> Result<Result<IntentId, Blocked>, LedgerError> {
        self.to_pay(&intent.at)?;
        self.write(|tx| {
            gate::stands(tx, &self.path)?;
            self.is_known(tx)?;
            let reserved = payment::reserve(tx, intent, budgets)?;
            if reserved.is_ok() {
                gate::remembers(tx, &self.path, &intent.request.account)?;
            }
            Ok(reserved)
        })
    }

    fn start_spend(&self, id: &IntentId, at: &Moment) -> Result<SpendPermit, LedgerError> {
        let (request, quoted) = self.spend(id, at, |tx| payment::start_spend(tx, id, at))?;
        Ok(SpendPermit::on_commit(id.clone(), request, at.clone()).at(quoted))
    }

    fn start_purchase(&self, id: &IntentId, at: &Moment) -> Result<PurchasePermit, LedgerError> {
        let request = self.spend(id, at, |tx| payment::start_purchase(tx, id, at))?;
        Ok(PurchasePermit::on_commit(id.clone(), request, at.clone()))
    }

    fn record_order(&self, id: &IntentId, order: &OrderId, at: Timestamp) -> Result<(), LedgerError> {
        self.write(|tx| changes::record_order(tx, id, order, at))
    }

    fn record_provider_charge(&self, charge: &ProviderCharge) -> Result<Option<IntentId>, LedgerError> {
        self.write(|tx| payment::provider_charge(tx, charge))
    }

    fn append_all(
        &self,
        events: &[(&IntentId, State, Event, &EventDetail)],
        at: &Moment,
    ) -> Result<Vec<State>, LedgerError> {
        self.write(|tx| {
            let one = |(id, from, event, detail): &(&IntentId, State, Event, &EventDetail)| {
                payment::append(tx, id, *from, *event, detail, at)
            };
            events.iter().map(one).collect()
        })
    }

    fn split(
        &self,
        id: &IntentId,
        from: State,
        parts: &[SplitPart],
        detail: &EventDetail,
        at: &Moment,
    ) -> Result<Vec<IntentId>, LedgerError> {
        self.write(|tx| payment::split(tx, id, from, parts, detail, at))
    }

    fn add_read(&self, id: &IntentId, read: &SettleRead) -> Result<(), LedgerError> {
        self.write(|tx| payment::add_read(tx, id, read))
    }

    fn intents(&self, filter: &IntentFilter) -> Result<Vec<IntentRecord>, LedgerError> {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        self.read(|c| shelf.list(c, filter))
    }

    fn intent(&self, id: &IntentId) -> Result<IntentRecord, LedgerError> {
        self.read(|c| history::one(c, id))
    }

    fn paid_terms(
        &self,
        provider: &ProviderName,
        leases: &[&Lease],
    ) -> Result<Vec<IntentRecord>, LedgerError> {
        self.read(|c| reserve::paid_terms(c, provider, leases))
    }

    fn spent(&self, check: &BudgetCheck) -> Result<Money, LedgerError> {
        self.read(|c| reserve::spent(c, check))
    }
}

impl OrderChanges for SqliteLedger {
    fn begin_change(
        &self,
        provider: &ProviderName,
        request: &ChangeRequest,
        why: &str,
        at: Timestamp,
    ) -> Result<ChangePermit, LedgerError> {
        let row = self.write(|tx| {
            gate::stands(tx, &self.path)?;
            changes::begin(tx, provider, request, why, at)
        })?;
        Ok(ChangePermit::on_commit(row, request.clone()))
    }

    fn end_change(&self, row: i64, outcome: &ChangeOutcome, at: Timestamp) -> Result<(), LedgerError> {
        self.write(|tx| changes::end(tx, row, outcome, at))
    }

    fn changes(&self, since: Timestamp) -> Result<Vec<ChangeRecord>, LedgerError> {
        self.read(|c| changes::list(c, since))
    }
}

impl Prices for SqliteLedger {
    fn prices(&self, account: &AccountName) -> Result<LastPrices, LedgerError> {
        self.read(|c| prices::last(c, account))
    }

    fn record_quotes(&self, at: Timestamp, quotes: &[SeenQuote]) -> Result<(), LedgerError> {
        if quotes.is_empty() {
            return Ok(());
        }
        self.write(|tx| quotes::record(tx, at, quotes))
    }

    fn quotes(&self, account: &AccountName) -> Result<HashMap<LeaseId, SeenQuote>, LedgerError> {
        self.read(|c| quotes::of(c, account))
    }
}

impl Balances for SqliteLedger {
    fn balance_mark(&self, account: &AccountName) -> Result<Option<BalanceMark>, LedgerError> {
        self.read(|c| balances::mark(c, account))
    }

    fn mark_balance(
        &self,
        mark: &BalanceMark,
        note: Option<&BalanceNote>,
        settled: Option<Timestamp>,
    ) -> Result<(), LedgerError> {
        self.write(|tx| {
            balances::set(tx, mark, note)?;
            // A mark without it would take what its balance holds for what is still to fall.
            settled.map_or(Ok(()), |at| cycles::note(tx, &marked_note(&mark.account), &at.to_string()))
        })
    }

    fn balance_notes(&self, since: Timestamp) -> Result<Vec<BalanceNote>, LedgerError> {
        self.read(|c| balances::notes(c, since))
    }
}

impl Nodes for SqliteLedger {
    fn role(&self, me: Option<&str>) -> Result<Role, LedgerError> {
        self.read(|c| if c.is_far() { super::served::role(c, me) } else { Ok(Role::Single) })
    }

    fn request_turn(
        &self,
        account: &str,
        work: &mut dyn FnMut(&[RequestRow], i64) -> RequestTurn,
    ) -> Result<bool, LedgerError> {
        if !self.is_served() {
            return Ok(false);
        }
        self.write(|tx| super::requests::turn(tx, account, work)).map(|()| true)
    }
}

impl Upkeep for SqliteLedger {
    fn probe(&self) -> Result<(), LedgerError> {
        // Two transactions: what one transaction writes and removes again never reaches the disk.
        let filler = "x".repeat(PROBE_BYTES);
        self.write(|tx| cycles::note(tx, "probe", &filler))?;
        self.write(|tx| {
            tx.execute("DELETE FROM note WHERE key = 'probe'", [])?;
            Ok(())
        })
    }

    fn backup(&self, to: &Path) -> Result<(), LedgerError> {
        match self.connection() {
            Some(connection) => copy::backup(&connection, &self.path, to),
            None => Err(LedgerError::Served(self.path.clone())),
        }
    }

    fn look(&self) -> Result<Look<'_>, LedgerError> {
        self.one_look()
    }
}
