//! What became of a payment, told from reads alone. Pure: what was read, what is on record and `now` are arguments.
//!
//! `renewal` and `purchase` hold the tables of verdicts. What they rest on: `ends` and `moves` (did an end move, and by this payment's
//! doing), `attribution` (whose a move is where several paid), `fall`, `span`, `cost` and `surplus` (what the balance
//! says), `refusal` (whether that
//! speaks against a refusal), `told` (ends in the answer itself), `order_log` (what the provider's own log of renewals says), `known` (how well), `readings`
//! (look after look). `balance` says whether a balance that moved is explained at all.
mod attribution;
mod balance;
mod cost;
mod ends;
mod fall;
mod known;
mod moves;
mod order_log;
mod purchase;
mod reading;
mod readings;
mod refusal;
mod renewal;
mod span;
mod surplus;
mod told;

pub use attribution::{another_is_open, claims, is_free, may_have_renewed_itself};
pub use balance::{Step, judge_balance};
pub use cost::{right_after, said, sight_of};
pub use ends::{End, end, slack, terms_moved};
pub use fall::{fell, in_one_currency, is_after, is_beside};
pub use known::{counts_more, is_assumed, is_seen, known_cost};
pub use moves::ends_of;
pub use order_log::{LogReading, Logged, LoggedRenewal, logged};
pub use purchase::{PurchaseCase, PurchaseVerdict, judge_purchase};
pub use reading::Reading;
pub use readings::{Look, Quiet, enough, leaves_by, looks, may_be_its_charge, over, quiet};
pub use refusal::fell_all_the_same;
pub use renewal::{Case, Verdict, judge, seen};
pub use span::{Charge, Sight, Span, charge};
pub use surplus::{is_told, surplus, whole_look};
pub use told::{ToldEnd, accepted_by_answer};
