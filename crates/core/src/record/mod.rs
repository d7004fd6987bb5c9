//! What renewd keeps, as plain values: payments, orders, pauses, plans that wait for approval, alerts, messages, events for hooks, losses. No SQL, and no decision.
//!
//! They lie below the ledger, so that pure judgement may take them as arguments. How they are stored is the ledger's business.
mod alert;
mod approval;
mod exact;
mod hook;
mod last_look;
mod losses;
mod message;
mod order;
mod pause;
mod payment;
mod request;
mod restored;

pub use alert::{AlertChange, BalanceMark, BalanceNote, How, OpenAlert, Silence, Telling, WaitingMails};
pub use approval::{Approval, ApprovedSet, NewPlan, PlanEvent, PlanRecord, PlanState};
pub use exact::{ExactSet, ExactSetDoc};
pub use hook::{Happening, HookEvent, HookState, Subscription, WaitingEvent};
pub use last_look::{LastLook, PERMIT_TTL, Stands, Tenancy};
pub use losses::{LOST_UNTOLD, losses, losses_note};
pub use message::{Channel, MailRefusal, OutboxMail, PutAside, QueuedMail};
pub use order::{ChangeOutcome, ChangeRecord, ProviderCharge};
pub use pause::{LONGEST_NOTE, PauseRecord, pause_note, pause_words};
pub use payment::{
    AccountFacts, BudgetCheck, CycleRecord, CycleSummary, DecisionRow, EventDetail, IntentFilter,
    IntentRecord, KnownLease, LastPrice, NewIntent, Purpose, SeenQuote, SettleRead, SplitPart,
};
pub use request::{RequestRow, RequestTurn};
pub use restored::{RESTORED, Restored};
