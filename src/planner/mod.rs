//! From facts to a plan: every lease with its decision, reason and price.
//!
//! Pure. The steps are separate functions because the price can only be asked between them: [`draft`] decides what is
//! due, [`group`] forms what is quoted together, [`gate`] judges a quote, [`fill`] spends the money there is on what matters
//! most, [`batches`] forms what is paid together. Not responsible for asking, paying or storing.
mod attempts;
mod draft;
mod fill;
mod gate;
mod grouping;
mod guard;
mod input;
mod item;
mod overcharge;
mod payer;
mod replacement;
mod steer;

pub use attempts::{Clearance, clearance};
pub use draft::{cannot_wait, draft};
pub use fill::{BudgetLeft, Funds, Unit, Verdict, fill};
pub use gate::{GateInput, Priced, gate};
pub use grouping::{GroupKey, Offered, PaySet, batches, group};
pub use guard::Guard;
pub use input::{AccountView, Past, Quiet, Standing, World};
pub use item::{Item, ItemQuote, PaidBy};
pub use overcharge::{Overcharged, Share, hold_overcharged, holds, over_cap};
pub use replacement::{replacement_command, replacements};
pub use steer::{PastSwitch, Steer, steer, stuck};
