//! The ledger port: what renewd remembers, and the adapter that keeps it, in a SQLite file or on a PostgreSQL server.
//!
//! Responsible for: payments as an append-only event log, the compare-and-set that guards every spend, facts about leases
//! and accounts, decisions, alerts and the outbox. Not responsible for deciding anything.
//!
//! What a crash means: before [`Payments::start_spend`] returns, nothing was spent; after it, the outcome is unknown until
//! evidence settles it. Every call is one transaction: it happened whole or not at all.
mod approvals;
mod chain;
pub mod decided;
mod error;
mod hold;
mod hooks;
mod look;
mod node_id;
mod overview;
mod pay_lease;
mod permit;
mod port;
pub mod postgres;
mod prices;
mod session;
mod site;
pub mod sqlite;
mod tenure;
mod trouble;

use crate::domain::{AccountName, IntentId, Money, State};

pub use crate::record::{
    AccountFacts, AlertChange, Approval, ApprovedSet, BalanceMark, BalanceNote, BudgetCheck, ChangeOutcome,
    ChangeRecord, Channel, CycleRecord, CycleSummary, DecisionRow, EventDetail, ExactSet, Happening,
    HookEvent, HookState, How, IntentFilter, IntentRecord, KnownLease, LOST_UNTOLD, LastLook, LastPrice,
    MailRefusal, NewIntent, NewPlan, OpenAlert, OutboxMail, PauseRecord, PlanEvent, PlanRecord, PlanState,
    ProviderCharge, Purpose, PutAside, QueuedMail, RESTORED, Restored, SeenQuote, SettleRead, Silence,
    SplitPart, Stands, Subscription, Telling, Tenancy, WaitingEvent, WaitingMails, losses, losses_note,
    pause_note, pause_words,
};
pub use approvals::{Approvals, PlanWord};
pub use chain::{Chain, ChainHead, ChainReport, LinkHash, Misfit};
pub use decided::{BriefDecision, Decided};
pub use error::LedgerError;
pub use hold::{Held, Hold};
pub use hooks::Hooks;
pub use look::Look;
pub use node_id::{Identity, named};
pub use overview::{
    AccountDecisions, Decisions, LivedLease, OfLease, Outlook, Overview, PaymentPlace, PaymentQuery,
    StoredDecision, StoredLease,
};
pub use pay_lease::{MemoryLease, Node, PayLease};
pub use permit::{ChangePermit, PurchasePermit, Quoted, SpendPermit};
pub use port::{
    AlertLog, Balances, Cycles, Inventories, Keeping, Ledger, Nodes, Notes, OrderChanges, Outbox, Payments,
    Prices, Upkeep,
};
pub use prices::{LastPrices, PaidLease};
pub use site::{ServerSite, Site};
pub use tenure::{ONLY_EPOCH, Tenure};
pub use trouble::{Cause, obstacle};

/// The note that tells one ledger from another: made at random with the ledger, kept in its copies.
pub const IDENTITY: &str = "ledger.id";

/// The note of a ledger that was copied elsewhere and lives on there: where that is.
pub const MOVED: &str = "ledger.moved";

/// The note, with `:ACCOUNT` behind it, that an operator accepted what an account is now: the mark of what was accepted.
pub const ACCEPTED: &str = "account.accepted";
/// The note, with `:ACCOUNT` behind it, of what speaks against an account: its mark, and on the next lines the words.
pub const CHANGED: &str = "account.changed";

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
    /// The approval that it is made by was used for it before, or does not stand any more.
    Approval {
        /// The plan.
        plan: String,
    },
}

/// The note that keeps which program an account was last read by: its digest.
pub const PROGRAM: &str = "program.digest";
/// The note that keeps when that last changed, and from what to what.
pub const PROGRAM_CHANGED: &str = "program.changed";
/// The note that keeps what a program says that it can do.
pub const PROGRAM_CAN: &str = "program.can";

/// The note of when what the mark's reading showed was settled: a little after that reading began. What was confirmed by then is in
/// the mark's balance.
#[must_use]
pub fn marked_note(account: &AccountName) -> String {
    format!("balance.marked:{account}")
}

/// The note that says that a program with this digest passed its check.
#[must_use]
pub fn check_note(digest: &str) -> String {
    format!("program.checked:{digest}")
}

/// Whether that note says so: what failed later is left without a word.
#[must_use]
pub fn is_checked(note: Option<&str>) -> bool {
    note.is_some_and(|at| !at.is_empty())
}
