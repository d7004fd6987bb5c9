//! The ledger port: what renewd remembers, and the SQLite adapter that keeps it.
//!
//! Responsible for: payments as an append-only event log, the compare-and-set that guards every spend, facts about leases
//! and accounts, decisions, alerts and the outbox. Not responsible for deciding anything.
//!
//! What a crash means: before [`Ledger::start_spend`] returns, nothing was spent; after it, the outcome is unknown until
//! evidence settles it. Every call is one transaction: it happened whole or not at all.
mod lastlook;
mod losses;
mod orders;
mod outgoing;
mod permit;
pub mod record;
pub mod sqlite;
mod telling;
mod trouble;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::domain::identity::{Claim, Verdict};
use crate::domain::{
    AccountName, ChangeRequest, Event, IntentId, Inventory, KeyPattern, Lease, LeaseId, Moment, Money,
    OrderId, ProviderName, State,
};

pub use lastlook::{LastLook, Stands};
pub use losses::{LOST_UNTOLD, losses, losses_note};
pub use orders::{ChangeOutcome, ChangeRecord, ProviderCharge, Purpose};
pub use outgoing::{Channel, MailRefusal, OutboxMail, PutAside, QueuedMail};
pub use permit::{ChangePermit, PurchasePermit, SpendPermit};
pub use record::{
    AccountFacts, BudgetCheck, CycleRecord, CycleSummary, DecisionRow, EventDetail, IntentFilter,
    IntentRecord, KnownLease, LastPrice, NewIntent, PauseRecord, SeenQuote, SettleRead, SplitPart,
};
pub use telling::{AlertChange, BalanceMark, BalanceNote, How, OpenAlert, Silence, Telling, WaitingMails};
pub use trouble::{Cause, obstacle};

/// The note that tells one ledger from another: made at random with the ledger, kept in its copies.
pub const IDENTITY: &str = "ledger.id";

/// The note, with `:ACCOUNT` behind it, that an operator accepted what an account is now: the mark of what was accepted.
pub const ACCEPTED: &str = "account.accepted";
/// The note, with `:ACCOUNT` behind it, of what speaks against an account: its mark, and on the next lines the words.
pub const CHANGED: &str = "account.changed";

/// What can go wrong with the ledger. Payments stop before they start on any of these.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Another renewd that pays holds it: exit 4.
    #[error("another renewd holds the ledger {}: stop it first (systemctl stop renewd), or use a command that never pays", .0.display())]
    Held(PathBuf),
    /// Written by a newer renewd: exit 2, file unchanged.
    #[error("the ledger {} was written by a newer renewd (schema {found}, this one knows {known}): install that version again; nothing was changed", path.display())]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its schema number.
        found: i64,
        /// The newest that this build knows.
        known: i64,
    },
    /// There is none yet (readers do not create one).
    #[error("there is no ledger at {} yet: `renewd run` or `renewd once` makes it", .0.display())]
    Missing(PathBuf),
    /// A payment was asked of a ledger that was not opened to pay: a bug, never ignored; nothing was written.
    #[error("the ledger {} was not opened to pay; nothing was reserved or spent", .0.display())]
    NotToPay(PathBuf),
    /// No such payment: exit 2.
    #[error("there is no payment `{0}` in the ledger: `renewd history` lists them")]
    NoIntent(IntentId),
    /// A backup never overwrites: exit 2.
    #[error("{}: there is a file of that name already, and a backup never overwrites: give another name", .0.display())]
    Exists(PathBuf),
    /// The payment is not where the writer believed it to be; nothing was written.
    #[error(
        "payment {id} is {found}, not {expected}: somebody else settled it meanwhile; nothing was written"
    )]
    Moved {
        /// Which.
        id: IntentId,
        /// What the writer believed.
        expected: State,
        /// What is.
        found: State,
    },
    /// The event is illegal in that state: a bug, never ignored.
    #[error("payment {id}: {source}")]
    Illegal {
        /// Which.
        id: IntentId,
        /// The pair.
        source: crate::domain::IllegalEvent,
    },
    /// The lease's end is not what the payer expected; nothing was sent.
    #[error("lease {lease} no longer ends when the payment expected; nothing was sent")]
    EndMoved {
        /// Which lease.
        lease: LeaseId,
    },
    /// Another money call of the account is under way; nothing was sent.
    #[error("payment {intent} of account `{account}` is under way; nothing was sent")]
    InFlight {
        /// Whose.
        account: AccountName,
        /// Which.
        intent: IntentId,
    },
    /// SQLite finds the file damaged as it is opened to pay: a payment may be missing from it, so none is made.
    #[error("the ledger {} is damaged ({message}): nothing is paid on it. Keep the file, and restore a backup as docs/operations.md says", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// SQLite's words.
        message: String,
    },
    /// The file was removed or replaced while it was open: what would be written now, nobody could ever read.
    #[error("{} {what} while renewd was using it: nothing is paid until it is back. Put that very file back, or stop renewd, restore the ledger as docs/operations.md says, and start it again", path.display())]
    Gone {
        /// Which file.
        path: PathBuf,
        /// What became of it.
        what: &'static str,
    },
    /// Disk full, read-only, unreadable, busy.
    #[error("the ledger {} cannot be used ({}", path.display(), trouble::sentence(message, &trouble::advice(path, *cause)))]
    Trouble {
        /// Which file, or the folder that keeps it from being used.
        path: PathBuf,
        /// SQLite's words, or the system's.
        message: String,
        /// What stands behind them.
        cause: Cause,
    },
    /// A backup could not be written where it was to go; nothing is wrong with the ledger.
    #[error("the copy {} cannot be written ({}", path.display(), trouble::sentence(message, &trouble::advice_on_copy(path, *cause)))]
    Copy {
        /// The new file.
        path: PathBuf,
        /// SQLite's words, or the system's.
        message: String,
        /// What stands behind them.
        cause: Cause,
    },
}

impl LedgerError {
    /// The file itself cannot be used, as opposed to one call that met something unexpected.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Trouble { .. } | Self::Damaged { .. } | Self::Newer { .. } | Self::Gone { .. })
    }

    /// The cause in a few words, as it fits into a headline.
    #[must_use]
    pub fn brief(&self) -> String {
        match self {
            Self::Trouble { message, cause, .. } => trouble::brief(*cause, message),
            Self::Damaged { .. } => "it is damaged".to_owned(),
            Self::Gone { what, .. } => format!("it {what} while renewd was using it"),
            other => other.to_string(),
        }
    }

    /// Trouble with this file, in the words of whoever met it.
    fn met(path: &Path, e: &dyn trouble::Fails) -> Self {
        let (path, cause, message) = trouble::of(path, e);
        Self::Trouble { path, message, cause }
    }
}

/// Why a reservation was not made. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocked {
    /// A budget would be overrun.
    Budget {
        /// Its name.
        name: String,
        /// What is left of it.
        left: Money,
    },
    /// A payment of the same lease, order or address (of this provider) is not settled, or has paid this term.
    Pending {
        /// That payment.
        intent: IntentId,
        /// Where it stands.
        state: State,
    },
}

/// What renewd remembers. Synchronous and short; safe to call from any thread.
pub trait Ledger: Send + Sync {
    /// Opens a cycle and returns its number.
    fn start_cycle(&self, at: &Moment) -> Result<i64, LedgerError>;
    /// Closes it.
    fn end_cycle(&self, cycle: i64, at: &Moment, summary: &CycleSummary) -> Result<(), LedgerError>;
    /// The newest cycle.
    fn last_cycle(&self) -> Result<Option<CycleRecord>, LedgerError>;
    /// Writes one small durable note (last tick, accepted shrink, learnt spelling).
    fn note(&self, key: &str, value: &str) -> Result<(), LedgerError>;
    /// Reads it back.
    fn noted(&self, key: &str) -> Result<Option<String>, LedgerError>;
    /// Writes and removes a row, to learn that payments could be recorded (disk full, read-only).
    fn probe(&self) -> Result<(), LedgerError>;

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
    /// nothing; the account's row is written once. What was known and is lost by it is noted as untold ([`LOST_UNTOLD`]).
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
    /// The leases of an account as last believed, not the gone ones, sorted by id.
    fn known_leases(&self, account: &AccountName) -> Result<Vec<KnownLease>, LedgerError>;
    /// The leases of an account that left its list at or after `since`, as last believed, sorted by id.
    fn gone_leases(&self, account: &AccountName, since: Timestamp) -> Result<Vec<Lease>, LedgerError>;
    /// Orders of an account that were ever listed before `at`, gone ones included.
    fn orders_before(&self, account: &AccountName, at: Timestamp) -> Result<HashSet<OrderId>, LedgerError>;
    /// What is known of every account ever read, by name.
    fn accounts(&self) -> Result<Vec<AccountFacts>, LedgerError>;
    /// Stores decisions; a lease whose decision, reason word and policy are as before costs nothing.
    fn record_decisions(&self, cycle: i64, at: Timestamp, rows: &[DecisionRow]) -> Result<(), LedgerError>;

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
    /// Appends an event; refuses if the payment is no longer `from`. Returns the new state.
    fn append(
        &self,
        id: &IntentId,
        from: State,
        event: Event,
        detail: &EventDetail,
        at: &Moment,
    ) -> Result<State, LedgerError>;
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
    /// knows by them what [`Ledger::reserve`] would refuse.
    fn paid_terms(
        &self,
        provider: &ProviderName,
        leases: &[&Lease],
    ) -> Result<Vec<IntentRecord>, LedgerError>;
    /// What counts in a budget: everything started in its span and not shown to be unspent.
    fn spent(&self, check: &BudgetCheck) -> Result<Money, LedgerError>;
    /// The last confirmed price of every lease of an account.
    fn last_prices(&self, account: &AccountName) -> Result<HashMap<LeaseId, LastPrice>, LedgerError>;

    /// Keeps the newest price asked for each of these leases; none of them costs nothing.
    fn record_quotes(&self, at: Timestamp, quotes: &[SeenQuote]) -> Result<(), LedgerError>;
    /// The newest price asked for every lease of an account that was ever asked for, at most 90 days old.
    fn quotes(&self, account: &AccountName) -> Result<HashMap<LeaseId, SeenQuote>, LedgerError>;

    /// Stops or restarts spending; `None` = every account.
    fn set_paused(
        &self,
        account: Option<&AccountName>,
        paused: bool,
        at: Timestamp,
    ) -> Result<(), LedgerError>;
    /// What is paused.
    fn paused(&self) -> Result<Vec<PauseRecord>, LedgerError>;

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
    /// Undelivered messages of every channel, oldest first; with `due` only those whose next attempt is not later than that
    /// instant.
    fn outbox(&self, due: Option<Timestamp>) -> Result<Vec<OutboxMail>, LedgerError>;
    /// Everybody to whom mails of that incident were addressed, each once.
    fn told_of(&self, incident: &str) -> Result<Vec<String>, LedgerError>;
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

    /// Undelivered mails, counted: cheap, however many wait.
    fn waiting_mails(&self) -> Result<WaitingMails, LedgerError>;
    /// The log of alerts since that instant, oldest first: what was told, and what was kept back.
    fn tellings(&self, since: Timestamp) -> Result<Vec<Telling>, LedgerError>;
    /// Keeps alerts quiet until that instant; one that has passed lifts the silence.
    fn set_silence(&self, key: &KeyPattern, until: Timestamp, at: Timestamp) -> Result<(), LedgerError>;
    /// Silences that hold at that instant, by key.
    fn silences(&self, at: Timestamp) -> Result<Vec<Silence>, LedgerError>;

    /// The balance from which the account's next reading is explained; `None` before the first.
    fn balance_mark(&self, account: &AccountName) -> Result<Option<BalanceMark>, LedgerError>;
    /// Moves it, and records what was not explained, if anything, in the same transaction.
    fn mark_balance(&self, mark: &BalanceMark, note: Option<&BalanceNote>) -> Result<(), LedgerError>;
    /// Balances that moved without an explanation, seen since that instant, oldest first.
    fn balance_notes(&self, since: Timestamp) -> Result<Vec<BalanceNote>, LedgerError>;

    /// A consistent copy while others write.
    fn backup(&self, to: &Path) -> Result<(), LedgerError>;
}
