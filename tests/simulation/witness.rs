//! A real ledger with a witness: every write can meet a full disk or the process's death, and what was committed is told to the
//! judge. Reads go straight through.
use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use renewd::domain::identity::{Claim, Verdict};
use renewd::domain::{
    AccountName, ChangeRequest, Difference, Event, IntentId, Inventory, KeyPattern, Lease, LeaseId, Leases,
    Moment, Money, OrderId, ProviderName, RequestLease, State,
};
use renewd::ledger::sqlite::SqliteLedger;
use renewd::ledger::{
    AccountFacts, AlertChange, AlertLog, Approvals, BalanceMark, BalanceNote, Balances, Blocked, BudgetCheck,
    Chain, ChainHead, ChainReport, ChangeOutcome, ChangePermit, ChangeRecord, CycleRecord, CycleSummary,
    Cycles, Decided, EventDetail, Happening, HookState, Hooks, IntentFilter, IntentRecord, Inventories,
    Keeping, LastPrice, LastPrices, LedgerError, LinkHash, LivedLease, Look, MailRefusal, NewIntent, NewPlan,
    Nodes, Notes, OpenAlert, OrderChanges, Outbox, OutboxMail, Outlook, Overview, PauseRecord, PaymentPlace,
    PaymentQuery, Payments, PlanRecord, PlanState, PlanWord, Prices, ProviderCharge, PurchasePermit,
    PutAside, QueuedMail, SeenQuote, SettleRead, Silence, SpendPermit, SplitPart, StoredDecision,
    StoredLease, Subscription, Telling, Upkeep, WaitingEvent, WaitingMails,
};

use renewd::nodes::Role;
use renewd::policy::Keep;
use renewd::record::{RequestRow, RequestTurn};

use crate::judge::Judge;
use crate::time::Fate;

/// The decorator.
pub struct Witness {
    pub inner: SqliteLedger,
    pub fate: Arc<Fate>,
    pub judge: Arc<Judge>,
    pub memo: Memo,
}

/// What was read since the last write that could change it. Nobody else writes to the file, and half of a run would be spent on
/// reading the same history again.
#[derive(Default)]
pub struct Memo {
    known: Mutex<HashMap<String, Known>>,
    /// The leases as last recorded.
    leases: Mutex<HashMap<AccountName, Vec<Lease>>>,
}

/// What it depends on, and itself.
type Known = (&'static str, Box<dyn Any + Send>);

impl Memo {
    fn read<T: Clone + Send + 'static>(
        &self,
        of: &'static str,
        key: String,
        read: impl FnOnce() -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        if let Some(known) = self.known.lock().unwrap().get(&key).and_then(|(_, v)| v.downcast_ref::<T>()) {
            return Ok(known.clone());
        }
        let value = read()?;
        self.known.lock().unwrap().insert(key, (of, Box::new(value.clone())));
        Ok(value)
    }

    fn is_news(&self, account: &AccountName, leases: &Leases) -> bool {
        self.leases
            .lock()
            .unwrap()
            .insert(account.clone(), leases.to_vec())
            .is_none_or(|old| old != leases.to_vec())
    }

    /// What depends on that; everything on "".
    fn forget(&self, written: &str) {
        self.known.lock().unwrap().retain(|_, (of, _)| !of.contains(written));
    }
}

impl Witness {
    fn refused(&self, why: &str) -> LedgerError {
        let cause = renewd::ledger::Cause::Other;
        LedgerError::Trouble { path: "ledger.db".into(), message: why.to_owned(), cause }
    }

    /// One write: before and after it the process may die, and a full disk takes none.
    fn write<T>(
        &self,
        what: &'static str,
        f: impl FnOnce(&SqliteLedger) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        self.seen(what, f, |_, _| ())
    }

    /// The same; `tell` hears of what was committed, whoever lives on.
    fn seen<T>(
        &self,
        what: &'static str,
        f: impl FnOnce(&SqliteLedger) -> Result<T, LedgerError>,
        tell: impl FnOnce(&Judge, &T),
    ) -> Result<T, LedgerError> {
        if !self.fate.step() {
            return Err(self.refused("the process is dead"));
        }
        if !self.judge.room() {
            self.judge.note(|| format!("disk full: {what}"));
            return Err(self.refused("database or disk is full"));
        }
        self.judge.stall(what);
        let done = f(&self.inner);
        self.judge.stall(what);
        if matches!(what, "append" | "split" | "record_provider_charge") {
            self.memo.forget("payments");
        }
        self.memo.forget(match what {
            "record_inventory" | "record_unread" => "readings",
            "reserve" | "start_spend" | "start_purchase" | "add_read" => "payments",
            "propose" | "say_of_plan" | "set_deadline" => "nothing",
            "append" | "split" | "record_provider_charge" => "charges",
            "mark_balance" | "start_cycle" | "end_cycle" | "note" | "probe" | "record_plan"
            | "record_quotes" | "record_outlooks" => "nothing",
            "subscribe" | "happened" | "event_taken" | "event_failed" => "nothing",
            "apply_alerts" | "mail_delivered" | "mails_failed" | "left_for" | "queue_report" => "nothing",
            _ => "",
        });
        let value = done?;
        tell(&self.judge, &value);
        if !self.fate.step() {
            return Err(self.refused("the process is dead"));
        }
        Ok(value)
    }
}

impl Cycles for Witness {
    fn start_cycle(&self, at: &Moment) -> Result<i64, LedgerError> {
        self.write("start_cycle", |l| l.start_cycle(at))
    }
    fn end_cycle(&self, cycle: i64, at: &Moment, summary: &CycleSummary) -> Result<(), LedgerError> {
        self.write("end_cycle", |l| l.end_cycle(cycle, at, summary))
    }
    fn last_cycle(&self) -> Result<Option<CycleRecord>, LedgerError> {
        self.inner.last_cycle()
    }
    fn record_plan(&self, cycle: i64, at: Timestamp, plan: &dyn Decided) -> Result<(), LedgerError> {
        self.write("record_plan", |l| l.record_plan(cycle, at, plan))
    }
    fn pause(&self, pause: &PauseRecord, now: &Moment) -> Result<Option<PauseRecord>, LedgerError> {
        self.write("pause", |l| l.pause(pause, now))
    }
    fn resume(&self, account: Option<&AccountName>) -> Result<(), LedgerError> {
        self.write("resume", |l| l.resume(account))
    }
    fn paused(&self, now: &Moment) -> Result<Vec<PauseRecord>, LedgerError> {
        self.inner.paused(now)
    }
}

impl Keeping for Witness {
    fn keep(&self, keeps: &[Keep], at: Timestamp) -> Result<Vec<Keep>, LedgerError> {
        self.write("keep", |l| l.keep(keeps, at))
    }
    fn end_keeps(&self, keeps: &[Keep], at: Timestamp) -> Result<(), LedgerError> {
        self.write("end_keeps", |l| l.end_keeps(keeps, at))
    }
    fn keeps(&self) -> Result<Vec<Keep>, LedgerError> {
        self.inner.keeps()
    }
}

impl Notes for Witness {
    fn note(&self, key: &str, value: &str) -> Result<(), LedgerError> {
        self.write("note", |l| l.note(key, value))
    }
    fn noted(&self, key: &str) -> Result<Option<String>, LedgerError> {
        self.inner.noted(key)
    }
}

impl Inventories for Witness {
    fn attach(
        &self,
        claims: &[Claim],
        budgets: &[(String, String)],
        at: Timestamp,
    ) -> Result<Vec<Verdict>, LedgerError> {
        self.inner.attach(claims, budgets, at)
    }
    fn record_inventory(
        &self,
        provider: &ProviderName,
        account: &AccountName,
        at: Timestamp,
        inventory: &Inventory,
    ) -> Result<(), LedgerError> {
        let news = self.memo.is_news(account, &inventory.leases);
        let done = self.write("record_inventory", |l| l.record_inventory(provider, account, at, inventory));
        if news {
            self.memo.forget("leases");
        }
        if done.is_err() {
            self.memo.leases.lock().unwrap().remove(account);
        }
        done
    }
    fn record_unread(
        &self,
        provider: &ProviderName,
        account: &AccountName,
        at: Timestamp,
        error: &str,
    ) -> Result<(), LedgerError> {
        self.write("record_unread", |l| l.record_unread(provider, account, at, error))
    }
    fn last_list(&self, account: &AccountName) -> Result<Leases, LedgerError> {
        let key = format!("last_list {account}");
        self.memo.read("leases", key, || self.inner.last_list(account))
    }
    fn difference(&self, account: &AccountName, listed: &Leases) -> Result<Difference, LedgerError> {
        self.inner.difference(account, listed)
    }
    fn known_like(&self, account: &AccountName, of: &RequestLease) -> Result<Vec<Lease>, LedgerError> {
        self.inner.known_like(account, of)
    }
    fn gone_leases(&self, account: &AccountName, since: Timestamp) -> Result<Vec<Lease>, LedgerError> {
        self.inner.gone_leases(account, since)
    }
    fn orders_before(&self, account: &AccountName, at: Timestamp) -> Result<HashSet<OrderId>, LedgerError> {
        self.inner.orders_before(account, at)
    }
    fn accounts(&self) -> Result<Vec<AccountFacts>, LedgerError> {
        self.memo.read("readings", "accounts".to_owned(), || self.inner.accounts())
    }
}

impl Payments for Witness {
    fn reserve(
        &self,
        intent: &NewIntent,
        budgets: &[BudgetCheck],
    ) -> Result<Result<IntentId, Blocked>, LedgerError> {
        let tell = |judge: &Judge, done: &Result<IntentId, Blocked>| {
            if let Ok(id) = done {
                judge.reserved(id, intent);
            }
        };
        self.seen("reserve", |l| l.reserve(intent, budgets), tell)
    }
    fn start_spend(&self, id: &IntentId, at: &Moment) -> Result<SpendPermit, LedgerError> {
        self.seen("start_spend", |l| l.start_spend(id, at), |judge, _| judge.started(id, at))
    }
    fn start_purchase(&self, id: &IntentId, at: &Moment) -> Result<PurchasePermit, LedgerError> {
        self.write("start_purchase", |l| l.start_purchase(id, at))
    }
    fn record_order(&self, id: &IntentId, order: &OrderId, at: Timestamp) -> Result<(), LedgerError> {
        self.write("record_order", |l| l.record_order(id, order, at))
    }
    fn record_provider_charge(&self, charge: &ProviderCharge) -> Result<Option<IntentId>, LedgerError> {
        let tell = |judge: &Judge, id: &Option<IntentId>| {
            if let Some(id) = id {
                judge.provider_charged(id, charge);
            }
        };
        self.seen("record_provider_charge", |l| l.record_provider_charge(charge), tell)
    }
    fn append_all(
        &self,
        events: &[(&IntentId, State, Event, &EventDetail)],
        at: &Moment,
    ) -> Result<Vec<State>, LedgerError> {
        let tell = |judge: &Judge, to: &Vec<State>| {
            for ((id, _, event, detail), to) in events.iter().zip(to) {
                judge.appended(id, *event, *to, detail);
            }
        };
        self.seen("append", |l| l.append_all(events, at), tell)
    }
    fn split(
        &self,
        id: &IntentId,
        from: State,
        parts: &[SplitPart],
        detail: &EventDetail,
        at: &Moment,
    ) -> Result<Vec<IntentId>, LedgerError> {
        let tell = |judge: &Judge, ids: &Vec<IntentId>| judge.split(id, ids, parts);
        self.seen("split", |l| l.split(id, from, parts, detail, at), tell)
    }
    fn add_read(&self, id: &IntentId, read: &SettleRead) -> Result<(), LedgerError> {
        self.write("add_read", |l| l.add_read(id, read))
    }
    fn intents(&self, filter: &IntentFilter) -> Result<Vec<IntentRecord>, LedgerError> {
        // What is asked since an instant is not asked again: that goes on.
        if filter.since.is_some() || filter.spend_since.is_some() {
            return self.inner.intents(filter);
        }
        self.memo.read("payments", format!("intents {filter:?}"), || self.inner.intents(filter))
    }
    fn intent(&self, id: &IntentId) -> Result<IntentRecord, LedgerError> {
        self.inner.intent(id)
    }
    fn paid_terms(
        &self,
        provider: &ProviderName,
        leases: &[&Lease],
    ) -> Result<Vec<IntentRecord>, LedgerError> {
        self.inner.paid_terms(provider, leases)
    }
    fn spent(&self, check: &BudgetCheck) -> Result<Money, LedgerError> {
        self.inner.spent(check)
    }
}

impl OrderChanges for Witness {
    fn begin_change(
        &self,
        provider: &ProviderName,
        request: &ChangeRequest,
        why: &str,
        at: Timestamp,
    ) -> Result<ChangePermit, LedgerError> {
        self.write("begin_change", |l| l.begin_change(provider, request, why, at))
    }
    fn end_change(&self, row: i64, outcome: &ChangeOutcome, at: Timestamp) -> Result<(), LedgerError> {
        self.write("end_change", |l| l.end_change(row, outcome, at))
    }
    fn changes(&self, since: Timestamp) -> Result<Vec<ChangeRecord>, LedgerError> {
        self.inner.changes(since)
    }
}

impl Prices for Witness {
    fn prices(&self, account: &AccountName) -> Result<LastPrices, LedgerError> {
        let key = format!("prices {account}");
        self.memo.read("charges and leases", key, || self.inner.prices(account))
    }
    fn record_quotes(&self, at: Timestamp, quotes: &[SeenQuote]) -> Result<(), LedgerError> {
        self.write("record_quotes", |l| l.record_quotes(at, quotes))
    }
    fn quotes(&self, account: &AccountName) -> Result<HashMap<LeaseId, SeenQuote>, LedgerError> {
        self.inner.quotes(account)
    }
}

impl Balances for Witness {
    fn balance_mark(&self, account: &AccountName) -> Result<Option<BalanceMark>, LedgerError> {
        self.inner.balance_mark(account)
    }
    fn mark_balance(
        &self,
        mark: &BalanceMark,
        note: Option<&BalanceNote>,
        settled: Option<Timestamp>,
    ) -> Result<(), LedgerError> {
        let tell = |judge: &Judge, (): &()| {
            if let Some(note) = note {
                judge.note(|| {
                    format!("{}: {} unexplained since {}", note.account, note.unexplained, note.since)
                });
            }
        };
        self.seen("mark_balance", |l| l.mark_balance(mark, note, settled), tell)
    }
    fn balance_notes(&self, since: Timestamp) -> Result<Vec<BalanceNote>, LedgerError> {
        self.inner.balance_notes(since)
    }
}

impl AlertLog for Witness {
    fn open_alerts(&self) -> Result<Vec<OpenAlert>, LedgerError> {
        self.inner.open_alerts()
    }
    fn ended_alerts(&self, since: Timestamp) -> Result<Vec<OpenAlert>, LedgerError> {
        self.inner.ended_alerts(since)
    }
    fn apply_alerts(
        &self,
        changes: &[AlertChange],
        mails: &[QueuedMail],
        at: Timestamp,
    ) -> Result<(), LedgerError> {
        self.write("apply_alerts", |l| l.apply_alerts(changes, mails, at))
    }
    fn tellings(&self, since: Timestamp) -> Result<Vec<Telling>, LedgerError> {
        self.inner.tellings(since)
    }
    fn set_silence(&self, key: &KeyPattern, until: Timestamp, at: Timestamp) -> Result<(), LedgerError> {
        self.write("set_silence", |l| l.set_silence(key, until, at))
    }
    fn silences(&self, at: Timestamp) -> Result<Vec<Silence>, LedgerError> {
        self.inner.silences(at)
    }
}

impl Outbox for Witness {
    fn outbox(&self, due: Option<Timestamp>) -> Result<Vec<OutboxMail>, LedgerError> {
        self.inner.outbox(due)
    }
    fn told_of(&self, incident: &str) -> Result<Vec<String>, LedgerError> {
        self.inner.told_of(incident)
    }

    fn channels_told_of(&self, incident: &str) -> Result<Vec<String>, LedgerError> {
        self.inner.channels_told_of(incident)
    }
    fn mail_delivered(&self, id: Option<i64>, folded: &[i64], at: Timestamp) -> Result<(), LedgerError> {
        self.write("mail_delivered", |l| l.mail_delivered(id, folded, at))
    }
    fn mails_failed(
        &self,
        ids: &[i64],
        at: Timestamp,
        next_at: Timestamp,
        error: &str,
        aside: bool,
    ) -> Result<(), LedgerError> {
        self.write("mails_failed", |l| l.mails_failed(ids, at, next_at, error, aside))
    }
    fn left_for(&self, ids: &[i64], to: &[String], refused: &[(String, String)]) -> Result<(), LedgerError> {
        self.write("left_for", |l| l.left_for(ids, to, refused))
    }
    fn aside_mails(&self) -> Result<Vec<PutAside>, LedgerError> {
        self.inner.aside_mails()
    }
    fn refusals(&self) -> Result<Vec<MailRefusal>, LedgerError> {
        self.inner.refusals()
    }
    fn queue_report(
        &self,
        mails: &[QueuedMail],
        note: (&str, &str),
        at: Timestamp,
    ) -> Result<(), LedgerError> {
        self.write("queue_report", |l| l.queue_report(mails, note, at))
    }
    fn waiting_mails(&self) -> Result<WaitingMails, LedgerError> {
        self.inner.waiting_mails()
    }

    fn waiting_by_channel(&self) -> Result<Vec<(String, WaitingMails)>, LedgerError> {
        self.inner.waiting_by_channel()
    }
}

impl Nodes for Witness {
    fn role(&self, me: Option<&str>) -> Result<Role, LedgerError> {
        self.inner.role(me)
    }
    fn request_turn(
        &self,
        account: &str,
        work: &mut dyn FnMut(&[RequestRow], i64) -> RequestTurn,
    ) -> Result<bool, LedgerError> {
        self.inner.request_turn(account, work)
    }
}

impl Upkeep for Witness {
    fn probe(&self) -> Result<(), LedgerError> {
        self.write("probe", |l| l.probe())
    }
    fn backup(&self, to: &Path) -> Result<(), LedgerError> {
        self.inner.backup(to)
    }
    fn look(&self) -> Result<Look<'_>, LedgerError> {
        self.inner.look()
    }
}

impl Approvals for Witness {
    fn plans(&self, since: Option<Timestamp>) -> Result<Vec<PlanRecord>, LedgerError> {
        self.inner.plans(since)
    }
    fn plan_named(&self, name: &str) -> Result<Option<PlanRecord>, LedgerError> {
        self.inner.plan_named(name)
    }
    fn propose(
        &self,
        plan: &NewPlan,
        replaces: Option<&str>,
        why: &str,
        at: Timestamp,
    ) -> Result<bool, LedgerError> {
        self.write("propose", |l| l.propose(plan, replaces, why, at))
    }
    fn say_of_plan(&self, name: &str, from: PlanState, word: &PlanWord<'_>) -> Result<bool, LedgerError> {
        self.write("say_of_plan", |l| l.say_of_plan(name, from, word))
    }
    fn set_deadline(&self, plan: &NewPlan) -> Result<(), LedgerError> {
        self.write("set_deadline", |l| l.set_deadline(plan))
    }
}

impl Hooks for Witness {
    fn subscribe(&self, hooks: &[Subscription], at: Timestamp) -> Result<(), LedgerError> {
        // Without hooks nothing is written.
        if hooks.is_empty() { Ok(()) } else { self.write("subscribe", |l| l.subscribe(hooks, at)) }
    }
    fn happened(&self, all: &[Happening], at: Timestamp) -> Result<(), LedgerError> {
        self.write("happened", |l| l.happened(all, at))
    }
    fn next_event(&self, hook: &str) -> Result<Option<WaitingEvent>, LedgerError> {
        self.inner.next_event(hook)
    }
    fn event_taken(&self, row: i64) -> Result<(), LedgerError> {
        self.write("event_taken", |l| l.event_taken(row))
    }
    fn event_failed(
        &self,
        row: i64,
        at: Timestamp,
        next_at: Timestamp,
        error: &str,
        aside: bool,
    ) -> Result<(), LedgerError> {
        self.write("event_failed", |l| l.event_failed(row, at, next_at, error, aside))
    }
    fn hook_states(&self) -> Result<Vec<HookState>, LedgerError> {
        self.inner.hook_states()
    }
}

impl Chain for Witness {
    fn chain_head(&self) -> Result<Option<ChainHead>, LedgerError> {
        self.inner.chain_head()
    }
    fn verify_chain(&self, seen: Option<&LinkHash>) -> Result<ChainReport, LedgerError> {
        self.inner.verify_chain(seen)
    }
}

impl Overview for Witness {
    fn lived(&self, account: &AccountName, since: Timestamp) -> Result<Vec<LivedLease>, LedgerError> {
        self.inner.lived(account, since)
    }
    fn count_payments(&self, states: &[State]) -> Result<usize, LedgerError> {
        self.inner.count_payments(states)
    }
    fn has_payments(&self) -> Result<bool, LedgerError> {
        self.inner.has_payments()
    }
    fn payments(
        &self,
        query: &PaymentQuery,
        after: Option<&PaymentPlace>,
        most: usize,
    ) -> Result<Vec<IntentRecord>, LedgerError> {
        self.inner.payments(query, after, most)
    }
    fn parts(&self, id: &IntentId) -> Result<Vec<IntentRecord>, LedgerError> {
        self.inner.parts(id)
    }
    fn present_names(&self, name: &AccountName) -> Result<Vec<AccountName>, LedgerError> {
        self.inner.present_names(name)
    }
    fn last_price(&self, account: &AccountName, lease: &LeaseId) -> Result<Option<LastPrice>, LedgerError> {
        self.inner.last_price(account, lease)
    }
    fn leases_called(&self, target: &str) -> Result<Vec<StoredLease>, LedgerError> {
        self.inner.leases_called(target)
    }
    fn decided(
        &self,
        account: &AccountName,
        after: Option<&LeaseId>,
        most: usize,
    ) -> Result<Vec<(LeaseId, StoredDecision)>, LedgerError> {
        self.inner.decided(account, after, most)
    }
    fn record_outlooks(&self, outlooks: &[Outlook]) -> Result<(), LedgerError> {
        self.write("record_outlooks", |l| l.record_outlooks(outlooks))
    }
    fn outlooks(&self) -> Result<Vec<Outlook>, LedgerError> {
        self.inner.outlooks()
    }
    fn verify(&self) -> Result<(), LedgerError> {
        self.inner.verify()
    }
}
