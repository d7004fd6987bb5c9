//! The port's methods: each one transaction, nothing else.
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::PoisonError;

use jiff::Timestamp;

use super::{
    SqliteLedger, accounts, alerts, balances, changes, copy, cycles, history, leases, outbox, payment, quiet,
    quotes, reserve, shelf::Shelf,
};
use crate::domain::identity::{Claim, Verdict};
use crate::domain::{
    AccountName, ChangeRequest, Event, IntentId, Inventory, KeyPattern, Lease, LeaseId, Moment, Money,
    OrderId, ProviderName, State,
};
use crate::ledger::{
    AccountFacts, AlertChange, BalanceMark, BalanceNote, Blocked, BudgetCheck, ChangeOutcome, ChangePermit,
    ChangeRecord, CycleRecord, CycleSummary, DecisionRow, EventDetail, IntentFilter, IntentRecord,
    KnownLease, LastPrice, Ledger, LedgerError, MailRefusal, NewIntent, OpenAlert, OutboxMail, PauseRecord,
    ProviderCharge, PurchasePermit, PutAside, QueuedMail, SeenQuote, SettleRead, Silence, SpendPermit,
    SplitPart, Telling, WaitingMails,
};

/// Pages, not only a row: a disk with no room for a payment's log must be noticed before the payment.
const PROBE_BYTES: usize = 64 * 1024;

impl Ledger for SqliteLedger {
    fn start_cycle(&self, at: &Moment) -> Result<i64, LedgerError> {
        self.write(|tx| cycles::start(tx, at))
    }

    fn end_cycle(&self, cycle: i64, at: &Moment, summary: &CycleSummary) -> Result<(), LedgerError> {
        self.write(|tx| cycles::end(tx, cycle, at, summary))
    }

    fn last_cycle(&self) -> Result<Option<CycleRecord>, LedgerError> {
        self.read(cycles::last)
    }

    fn note(&self, key: &str, value: &str) -> Result<(), LedgerError> {
        self.write(|tx| cycles::note(tx, key, value))
    }

    fn noted(&self, key: &str) -> Result<Option<String>, LedgerError> {
        self.read(|c| cycles::noted(c, key))
    }

    fn probe(&self) -> Result<(), LedgerError> {
        // Two transactions: what one transaction writes and removes again never reaches the disk.
        let filler = "x".repeat(PROBE_BYTES);
        self.write(|tx| cycles::note(tx, "probe", &filler))?;
        self.write(|tx| {
            tx.execute("DELETE FROM note WHERE key = 'probe'", [])?;
            Ok(())
        })
    }

    fn attach(
        &self,
        claims: &[Claim],
        budgets: &[(String, String)],
        at: Timestamp,
    ) -> Result<Vec<Verdict>, LedgerError> {
        let (found, moved) =
            self.read(|c| Ok((accounts::compare(c, claims, at)?, accounts::kept_budgets(c, budgets)?)))?;
        if (found.steps.is_empty() && moved.is_empty()) || self.lock.is_none() {
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

    fn known_leases(&self, account: &AccountName) -> Result<Vec<KnownLease>, LedgerError> {
        self.read(|c| leases::known(c, account))
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

    fn record_decisions(&self, cycle: i64, at: Timestamp, rows: &[DecisionRow]) -> Result<(), LedgerError> {
        self.write(|tx| cycles::decide(tx, cycle, at, rows))
    }

    fn reserve(
        &self,
        intent: &NewIntent,
        budgets: &[BudgetCheck],
    ) -> Result<Result<IntentId, Blocked>, LedgerError> {
        self.to_pay()?;
        self.write(|tx| payment::reserve(tx, intent, budgets))
    }

    fn start_spend(&self, id: &IntentId, at: &Moment) -> Result<SpendPermit, LedgerError> {
        self.to_pay()?;
        let request = self.write(|tx| payment::start_spend(tx, id, at))?;
        Ok(SpendPermit::on_commit(id.clone(), request, at.clone()))
    }

    fn start_purchase(&self, id: &IntentId, at: &Moment) -> Result<PurchasePermit, LedgerError> {
        let request = self.write(|tx| payment::start_purchase(tx, id, at))?;
        Ok(PurchasePermit::on_commit(id.clone(), request, at.clone()))
    }

    fn record_order(&self, id: &IntentId, order: &OrderId, at: Timestamp) -> Result<(), LedgerError> {
        self.write(|tx| changes::record_order(tx, id, order, at))
    }

    fn record_provider_charge(&self, charge: &ProviderCharge) -> Result<Option<IntentId>, LedgerError> {
        self.write(|tx| payment::provider_charge(tx, charge))
    }

    fn begin_change(
        &self,
        provider: &ProviderName,
        request: &ChangeRequest,
        why: &str,
        at: Timestamp,
    ) -> Result<ChangePermit, LedgerError> {
        let row = self.write(|tx| changes::begin(tx, provider, request, why, at))?;
        Ok(ChangePermit::on_commit(row, request.clone()))
    }

    fn end_change(&self, row: i64, outcome: &ChangeOutcome, at: Timestamp) -> Result<(), LedgerError> {
        self.write(|tx| changes::end(tx, row, outcome, at))
    }

    fn changes(&self, since: Timestamp) -> Result<Vec<ChangeRecord>, LedgerError> {
        self.read(|c| changes::list(c, since))
    }

    fn append(
        &self,
        id: &IntentId,
        from: State,
        event: Event,
        detail: &EventDetail,
        at: &Moment,
    ) -> Result<State, LedgerError> {
        self.write(|tx| payment::append(tx, id, from, event, detail, at))
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

    fn last_prices(&self, account: &AccountName) -> Result<HashMap<LeaseId, LastPrice>, LedgerError> {
        self.read(|c| history::last_prices(c, account))
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

    fn set_paused(
        &self,
        account: Option<&AccountName>,
        paused: bool,
        at: Timestamp,
    ) -> Result<(), LedgerError> {
        self.write(|tx| cycles::set_paused(tx, account, paused, at))
    }

    fn paused(&self) -> Result<Vec<PauseRecord>, LedgerError> {
        self.read(cycles::paused)
    }

    fn open_alerts(&self) -> Result<Vec<OpenAlert>, LedgerError> {
        self.read(alerts::open)
    }

    fn ended_alerts(&self, since: Timestamp) -> Result<Vec<OpenAlert>, LedgerError> {
        self.read(|c| alerts::ended(c, since))
    }

    fn apply_alerts(
        &self,
        changes: &[AlertChange],
        mails: &[QueuedMail],
        at: Timestamp,
    ) -> Result<(), LedgerError> {
        if changes.is_empty() && mails.is_empty() {
            return Ok(());
        }
        self.write(|tx| alerts::apply(tx, changes, mails, at))
    }

    fn outbox(&self, due: Option<Timestamp>) -> Result<Vec<OutboxMail>, LedgerError> {
        self.read(|c| outbox::waiting(c, due))
    }

    fn told_of(&self, incident: &str) -> Result<Vec<String>, LedgerError> {
        self.read(|c| outbox::told_of(c, incident))
    }

    fn mail_delivered(&self, id: Option<i64>, folded: &[i64], at: Timestamp) -> Result<(), LedgerError> {
        self.write(|tx| outbox::delivered(tx, id, folded, at))
    }

    fn mails_failed(
        &self,
        ids: &[i64],
        at: Timestamp,
        next_at: Timestamp,
        error: &str,
        aside: bool,
    ) -> Result<(), LedgerError> {
        self.write(|tx| outbox::failed(tx, ids, at, next_at, error, aside))
    }

    fn left_for(&self, ids: &[i64], to: &[String], refused: &[(String, String)]) -> Result<(), LedgerError> {
        self.write(|tx| outbox::left_for(tx, ids, to, refused))
    }

    fn aside_mails(&self) -> Result<Vec<PutAside>, LedgerError> {
        self.read(outbox::aside)
    }

    fn refusals(&self) -> Result<Vec<MailRefusal>, LedgerError> {
        self.read(outbox::refusals)
    }

    fn queue_report(
        &self,
        mails: &[QueuedMail],
        note: (&str, &str),
        at: Timestamp,
    ) -> Result<(), LedgerError> {
        self.write(|tx| {
            cycles::note(tx, note.0, note.1)?;
            mails.iter().try_for_each(|mail| outbox::queue(tx, mail, at))
        })
    }

    fn waiting_mails(&self) -> Result<WaitingMails, LedgerError> {
        self.read(alerts::waiting)
    }

    fn tellings(&self, since: Timestamp) -> Result<Vec<Telling>, LedgerError> {
        self.read(|c| quiet::tellings(c, since))
    }

    fn set_silence(&self, key: &KeyPattern, until: Timestamp, at: Timestamp) -> Result<(), LedgerError> {
        self.write(|tx| quiet::set(tx, key, until, at))
    }

    fn silences(&self, at: Timestamp) -> Result<Vec<Silence>, LedgerError> {
        self.read(|c| quiet::silences(c, at))
    }

    fn balance_mark(&self, account: &AccountName) -> Result<Option<BalanceMark>, LedgerError> {
        self.read(|c| balances::mark(c, account))
    }

    fn mark_balance(&self, mark: &BalanceMark, note: Option<&BalanceNote>) -> Result<(), LedgerError> {
        self.write(|tx| balances::set(tx, mark, note))
    }

    fn balance_notes(&self, since: Timestamp) -> Result<Vec<BalanceNote>, LedgerError> {
        self.read(|c| balances::notes(c, since))
    }

    fn backup(&self, to: &Path) -> Result<(), LedgerError> {
        copy::backup(&self.connection(), &self.path, to)
    }
}
