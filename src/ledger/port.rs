//! The ledger's port: one trait for each concern.
//!
//! What a crash means: before [`Payments::start_spend`] returns, nothing was spent; after it, the outcome is unknown until
//! evidence settles it. Every call is one transaction: it happened whole or not at all. Not responsible for deciding anything.
use std::collections::{HashMap, HashSet};
use std::path::Path;

use jiff::Timestamp;

use super::look::Look;
use super::{
    AccountFacts, AlertChange, Approvals, BalanceMark, BalanceNote, Blocked, BudgetCheck, Chain,
    ChangeOutcome, ChangePermit, ChangeRecord, CycleRecord, CycleSummary, Decided, EventDetail, Hooks,
    IntentFilter, IntentRecord, LastPrices, LedgerError, MailRefusal, NewIntent, OpenAlert, OutboxMail,
    Overview, PauseRecord, ProviderCharge, PurchasePermit, PutAside, QueuedMail, SeenQuote, SettleRead,
    Silence, SpendPermit, SplitPart, Telling, WaitingMails,
};
use crate::domain::identity::{Claim, Verdict};
use crate::domain::{
    AccountName, ChangeRequest, Difference, Event, IntentId, Inventory, KeyPattern, Lease, LeaseId, Leases,
    Moment, Money, OrderId, ProviderName, RequestLease, State,
};
use crate::nodes::Role;
use crate::policy::Keep;
use crate::record::{RequestRow, RequestTurn};

/// Cycles, what each decided, and what is paused.
pub trait Cycles: Send + Sync {
    /// Opens a cycle and returns its number.
    fn start_cycle(&self, at: &Moment) -> Result<i64, LedgerError>;
    /// Closes it.
    fn end_cycle(&self, cycle: i64, at: &Moment, summary: &CycleSummary) -> Result<(), LedgerError>;
    /// The newest cycle.
    fn last_cycle(&self) -> Result<Option<CycleRecord>, LedgerError>;
    /// Keeps what a cycle decided of every lease; only rows that changed are made and written.
    fn record_plan(&self, cycle: i64, at: Timestamp, plan: &dyn Decided) -> Result<(), LedgerError>;
    /// Stops spending. Said again it replaces who, why and until when, and gives what it replaces; a pause that is over is none.
    fn pause(&self, pause: &PauseRecord, now: &Moment) -> Result<Option<PauseRecord>, LedgerError>;
    /// Restarts spending; `None` = of every account, and it ends the pauses of single ones, too.
    fn resume(&self, account: Option<&AccountName>) -> Result<(), LedgerError>;
    /// What is paused now. A pause whose time is over is none, although its row is still there.
    fn paused(&self, now: &Moment) -> Result<Vec<PauseRecord>, LedgerError>;
}

/// Leases that an operator keeps: each is treated as a policy says that is not its own.
pub trait Keeping: Send + Sync {
    /// Keeps these. What was said of the same leases before is over, and is given back.
    fn keep(&self, keeps: &[Keep], at: Timestamp) -> Result<Vec<Keep>, LedgerError>;
    /// These are over, as far as they still stand.
    fn end_keeps(&self, keeps: &[Keep], at: Timestamp) -> Result<(), LedgerError>;
    /// Those that nobody ended, oldest first. Whether the day of one has come is its policy's to say.
    fn keeps(&self) -> Result<Vec<Keep>, LedgerError>;
}

/// Small durable notes.
pub trait Notes: Send + Sync {
    /// Writes one small durable note (last tick, accepted shrink, learnt spelling).
    fn note(&self, key: &str, value: &str) -> Result<(), LedgerError>;
    /// Reads it back.
    fn noted(&self, key: &str) -> Result<Option<String>, LedgerError>;
}

/// What was read of accounts: their leases, and whose they are.
pub trait Inventories: Send + Sync {
    /// Which of its accounts the configured ones are. On a ledger that was opened to pay, names and marks are written down, in one
    /// transaction, and what is kept of an account goes with its name, as what is kept of a budget goes with that of `budgets` (the old
    /// name, the new one); elsewhere this only looks.
    fn attach(
        &self,
        claims: &[Claim],
        budgets: &[(String, String)],
        at: Timestamp,
    ) -> Result<Vec<Verdict>, LedgerError>;
    /// Stores a believed inventory: changed and new leases are written, missing ones are marked gone, unchanged ones cost
    /// nothing; the account's row is written once. What was known and is lost by it is noted as untold ([`crate::ledger::LOST_UNTOLD`]).
    fn record_inventory(
        &self,
        provider: &ProviderName,
        account: &AccountName,
        at: Timestamp,
        inventory: &Inventory,
    ) -> Result<(), LedgerError>;
    /// Stores that an account could not be read, keeping its leases as last known.
    fn record_unread(
        &self,
        provider: &ProviderName,
        account: &AccountName,
        at: Timestamp,
        error: &str,
    ) -> Result<(), LedgerError>;
    /// The leases of an account as last believed, not the gone ones.
    fn last_list(&self, account: &AccountName) -> Result<Leases, LedgerError>;
    /// Where a list differs from what is known. Reads no lease of what is the same.
    fn difference(&self, account: &AccountName, listed: &Leases) -> Result<Difference, LedgerError>;
    /// Leases that are this one, by id, or by order and address, as they were read last: those that are listed, else the last that left.
    fn known_like(&self, account: &AccountName, of: &RequestLease) -> Result<Vec<Lease>, LedgerError>;
    /// The leases of an account that left its list at or after `since`, as last believed, sorted by id.
    fn gone_leases(&self, account: &AccountName, since: Timestamp) -> Result<Vec<Lease>, LedgerError>;
    /// Orders of an account that were ever listed before `at`, gone ones included.
    fn orders_before(&self, account: &AccountName, at: Timestamp) -> Result<HashSet<OrderId>, LedgerError>;
    /// What is known of every account ever read, by name.
    fn accounts(&self) -> Result<Vec<AccountFacts>, LedgerError>;
}

/// Payments: the reservation and the spend row that guard each, and the log of what became of it.
pub trait Payments: Send + Sync {
    /// Reserves budget for a payment: refuses if any lease, order or address of it is blocked (contract §4: unsettled under
    /// any account name of the provider, or this very term already paid), or a budget would be overrun. An error on a ledger
    /// that was not opened to pay.
    fn reserve(
        &self,
        intent: &NewIntent,
        budgets: &[BudgetCheck],
    ) -> Result<Result<IntentId, Blocked>, LedgerError>;
    /// The compare-and-set: state is `reserved`, every lease's end is as expected, no other money call of that account is
    /// in flight. Durable (FULL fsync) before it returns; the permit is the only way to a provider's spender. An error on a
    /// ledger that was not opened to pay.
    fn start_spend(&self, id: &IntentId, at: &Moment) -> Result<SpendPermit, LedgerError>;
    /// The same for a purchase.
    fn start_purchase(&self, id: &IntentId, at: &Moment) -> Result<PurchasePermit, LedgerError>;
    /// Keeps the order that a purchase made: as the reply named it, later as the list spells it. The newest word stands.
    fn record_order(&self, id: &IntentId, order: &OrderId, at: Timestamp) -> Result<(), LedgerError>;
    /// A renewal that the provider charged by itself: confirmed from the start, it counts in budgets from then on. The same
    /// term of the same lease is recorded once; `None` = it was there already.
    fn record_provider_charge(&self, charge: &ProviderCharge) -> Result<Option<IntentId>, LedgerError>;
    /// Appends an event; refuses if the payment is no longer `from`. Returns the new state.
    fn append(
        &self,
        id: &IntentId,
        from: State,
        event: Event,
        detail: &EventDetail,
        at: &Moment,
    ) -> Result<State, LedgerError> {
        Ok(self.append_all(&[(id, from, event, detail)], at)?.first().copied().unwrap_or(from))
    }
    /// Appends an event to each of several payments, all or none. Returns their new states, in that order.
    fn append_all(
        &self,
        events: &[(&IntentId, State, Event, &EventDetail)],
        at: &Moment,
    ) -> Result<Vec<State>, LedgerError>;
    /// Replaces a payment of several leases by one part per lease, each in a state of its own. Returns their ids.
    fn split(
        &self,
        id: &IntentId,
        from: State,
        parts: &[SplitPart],
        detail: &EventDetail,
        at: &Moment,
    ) -> Result<Vec<IntentId>, LedgerError>;
    /// Keeps one settling read.
    fn add_read(&self, id: &IntentId, read: &SettleRead) -> Result<(), LedgerError>;
    /// Payments, newest first.
    fn intents(&self, filter: &IntentFilter) -> Result<Vec<IntentRecord>, LedgerError>;
    /// One payment.
    fn intent(&self, id: &IntentId) -> Result<IntentRecord, LedgerError>;
    /// The confirmed payments of the very terms that these leases are in, or of later ones, as [`crate::domain::term`] has it. A plan
    /// knows by them what [`Payments::reserve`] would refuse.
    fn paid_terms(
        &self,
        provider: &ProviderName,
        leases: &[&Lease],
    ) -> Result<Vec<IntentRecord>, LedgerError>;
    /// What counts in a budget: everything started in its span and not shown to be unspent.
    fn spent(&self, check: &BudgetCheck) -> Result<Money, LedgerError>;
}

/// Changes of orders: each on record before it is sent.
pub trait OrderChanges: Send + Sync {
    /// Puts a change of an order on record, durably, before it is sent.
    fn begin_change(
        &self,
        provider: &ProviderName,
        request: &ChangeRequest,
        why: &str,
        at: Timestamp,
    ) -> Result<ChangePermit, LedgerError>;
    /// What became of it.
    fn end_change(&self, row: i64, outcome: &ChangeOutcome, at: Timestamp) -> Result<(), LedgerError>;
    /// Changes begun at or after `since`, newest first; a crash leaves one without an outcome.
    fn changes(&self, since: Timestamp) -> Result<Vec<ChangeRecord>, LedgerError>;
}

/// What leases cost, and what was asked for them.
pub trait Prices: Send + Sync {
    /// The last confirmed price of every lease of an account, to be looked up lease by lease.
    fn prices(&self, account: &AccountName) -> Result<LastPrices, LedgerError>;
    /// Keeps the newest price asked for each of these leases; none of them costs nothing.
    fn record_quotes(&self, at: Timestamp, quotes: &[SeenQuote]) -> Result<(), LedgerError>;
    /// The newest price asked for every lease of an account that was ever asked for, at most 90 days old.
    fn quotes(&self, account: &AccountName) -> Result<HashMap<LeaseId, SeenQuote>, LedgerError>;
}

/// Balances, and what of them no payment explains.
pub trait Balances: Send + Sync {
    /// The balance from which the account's next reading is explained; `None` before the first.
    fn balance_mark(&self, account: &AccountName) -> Result<Option<BalanceMark>, LedgerError>;
    /// Moves it, and records what was not explained, if anything, in the same transaction. `settled`: when what the reading of a new
    /// mark showed was settled; none leaves what is known of that.
    fn mark_balance(
        &self,
        mark: &BalanceMark,
        note: Option<&BalanceNote>,
        settled: Option<Timestamp>,
    ) -> Result<(), LedgerError>;
    /// Balances that moved without an explanation, seen since that instant, oldest first.
    fn balance_notes(&self, since: Timestamp) -> Result<Vec<BalanceNote>, LedgerError>;
}

/// Alerts: what is open, what was told, and what is kept quiet.
pub trait AlertLog: Send + Sync {
    /// Alerts that are open.
    fn open_alerts(&self) -> Result<Vec<OpenAlert>, LedgerError>;
    /// Alerts that are over and last held at or after `since`: what comes back soon goes on as the same incident.
    fn ended_alerts(&self, since: Timestamp) -> Result<Vec<OpenAlert>, LedgerError>;
    /// Applies alert changes and queues their mails, in one transaction: an alert is never marked told without its mail.
    fn apply_alerts(
        &self,
        changes: &[AlertChange],
        mails: &[QueuedMail],
        at: Timestamp,
    ) -> Result<(), LedgerError>;
    /// The log of alerts since that instant, oldest first: what was told, and what was kept back.
    fn tellings(&self, since: Timestamp) -> Result<Vec<Telling>, LedgerError>;
    /// Keeps alerts quiet until that instant; one that has passed lifts the silence.
    fn set_silence(&self, key: &KeyPattern, until: Timestamp, at: Timestamp) -> Result<(), LedgerError>;
    /// Silences that hold at that instant, by key.
    fn silences(&self, at: Timestamp) -> Result<Vec<Silence>, LedgerError>;
}

/// Messages that wait to be delivered.
pub trait Outbox: Send + Sync {
    /// Undelivered messages of every channel, oldest first; with `due` only those whose next attempt is not later than that
    /// instant.
    fn outbox(&self, due: Option<Timestamp>) -> Result<Vec<OutboxMail>, LedgerError>;
    /// Everybody to whom mails of that incident were addressed, each once.
    fn told_of(&self, incident: &str) -> Result<Vec<String>, LedgerError>;
    /// The named channels that a message of that incident was queued for.
    fn channels_told_of(&self, incident: &str) -> Result<Vec<String>, LedgerError>;
    /// A message was taken; `folded` are the older ones that it stands for. A summary of several has no row of its own.
    fn mail_delivered(&self, id: Option<i64>, folded: &[i64], at: Timestamp) -> Result<(), LedgerError>;
    /// Messages were not taken. `aside`: they were refused as they are, and wait in line no longer; they are tried again at
    /// `next_at` all the same.
    fn mails_failed(
        &self,
        ids: &[i64],
        at: Timestamp,
        next_at: Timestamp,
        error: &str,
        aside: bool,
    ) -> Result<(), LedgerError>;
    /// From now on these messages wait for these recipients only: the others have them, or were refused for good, as `refused`
    /// (address and reason) says.
    fn left_for(&self, ids: &[i64], to: &[String], refused: &[(String, String)]) -> Result<(), LedgerError>;
    /// What was put aside and not taken since, oldest first.
    fn aside_mails(&self) -> Result<Vec<PutAside>, LedgerError>;
    /// Addresses that were refused when they were last tried, by address.
    fn refusals(&self) -> Result<Vec<MailRefusal>, LedgerError>;
    /// Queues a report and writes the note that it was made, in one transaction.
    fn queue_report(
        &self,
        mails: &[QueuedMail],
        note: (&str, &str),
        at: Timestamp,
    ) -> Result<(), LedgerError>;
    /// Undelivered messages by mail or `[alerts.webhook]`, counted: cheap, however many wait.
    fn waiting_mails(&self) -> Result<WaitingMails, LedgerError>;
    /// The same of each named channel for which any wait or were put aside.
    fn waiting_by_channel(&self) -> Result<Vec<(String, WaitingMails)>, LedgerError>;
}

/// The machines that share this ledger.
pub trait Nodes: Send + Sync {
    /// What the node `me` is, by the row of the pay lease; `None`: whoever asks was never a node of it.
    fn role(&self, me: Option<&str>) -> Result<Role, LedgerError>;
    /// One turn at an account's window of requests, which all machines share: `work` sees what counts, and the instant by the ledger's own
    /// clock, and says what changes. `false`: this ledger keeps none, having one machine.
    fn request_turn(
        &self,
        account: &str,
        work: &mut dyn FnMut(&[RequestRow], i64) -> RequestTurn,
    ) -> Result<bool, LedgerError>;
}

/// The file itself.
pub trait Upkeep: Send + Sync {
    /// Writes and removes a row, to learn that payments could be recorded (disk full, read-only).
    fn probe(&self) -> Result<(), LedgerError>;
    /// A consistent copy while others write.
    fn backup(&self, to: &Path) -> Result<(), LedgerError>;
    /// What this thread reads until that is dropped is of one instant, where the ledger can do that cheaply.
    fn look(&self) -> Result<Look<'_>, LedgerError> {
        Ok(Look::each_alone())
    }
}

/// What renewd remembers: all of its concerns in one file. Synchronous and short; safe to call from any thread. Who needs one concern
/// asks for that.
pub trait Ledger:
    Cycles
    + Keeping
    + Notes
    + Inventories
    + Payments
    + OrderChanges
    + Prices
    + Balances
    + AlertLog
    + Outbox
    + Upkeep
    + Nodes
    + Overview
    + Chain
    + Approvals
    + Hooks
{
}

impl<
    T: Cycles
        + Keeping
        + Notes
        + Inventories
        + Payments
        + OrderChanges
        + Prices
        + Balances
        + AlertLog
        + Outbox
        + Upkeep
        + Nodes
        + Overview
        + Chain
        + Approvals
        + Hooks,
> Ledger for T
{
}
