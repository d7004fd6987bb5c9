//! From facts to a plan: every lease with its decision, reason and price.
//!
//! Pure. The steps are separate functions because the price can only be asked between them: [`draft`] decides what is
//! due, [`group`] forms what is quoted together, [`gate`] judges a quote, [`fill`] spends the money there is on what matters
//! most, [`batches`] forms what is paid together. Not responsible for asking, paying or storing.
mod approval;
mod attempts;
mod draft;
mod early;
mod fill;
mod gate;
mod grouping;
mod guard;
mod idle;
mod input;
mod item;
mod overcharge;
mod payer;
mod replacement;
mod steer;

pub use approval::{
    Against, against, end_stands, is_same, name as plan_name, names_term, rejects, total, urgent_from,
};
#[cfg(test)]
#[path = "naive_tests.rs"]
mod naive;

pub use attempts::{Clearance, clearance};
pub use draft::{cannot_wait, draft, judge_all};
pub use fill::{BudgetLeft, Funds, Unit, Verdict, fill};
pub use gate::{GateInput, Priced, gate};
pub use grouping::{GroupKey, Offered, PaySet, batches, group};
pub use guard::Guard;
pub use idle::{Draft, Idle, PlannedList, every_item};
pub use input::{AccountView, Past, Standing, World};
pub use item::{Item, ItemQuote, PaidBy};
pub use overcharge::{Overcharged, Share, hold_overcharged, holds, over_cap};
pub use replacement::{replacement_command, replacements};
pub use steer::{PastSwitch, Steer, steer, stuck};
