//! One whole reading of an account, as an adapter gives it. Not responsible for how a list of leases is kept (`leases.rs`) or for
//! whether the reading is believed (the engine's observe stage).
use std::sync::Arc;

use super::leases::Leases;
use super::{Currency, Money};

/// A balance as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// How much there is.
    pub amount: Money,
    /// In what.
    pub currency: Currency,
}

/// One whole read of an account: every lease and the balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// Every lease, sorted by id, each id once. Shared: a fleet is never copied.
    pub leases: Arc<Leases>,
    /// The balance, read after the list.
    pub balance: Balance,
    /// What was odd but readable (dates without a zone, duplicate rows): for the log.
    pub oddities: Vec<String>,
    /// Records that could not be read at all (no id): each is an alert, since one of them may be due.
    pub unreadable: usize,
    /// How far the provider's `Date` header is ahead of our wall clock (negative: behind); `None` if it had none.
    pub clock_skew: Option<jiff::SignedDuration>,
    /// Why the list as a whole is not to be believed.
    pub doubt: Option<Doubt>,
    /// A hash of the provider's own id of whose account this is, where it tells one.
    pub owner: Option<String>,
}

/// What a provider's own words say against a list of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// Another count differs from it, and nobody can tell which is right.
    Count(String),
    /// It says itself that it is a part: what it lists is there, and what it lacks is not gone.
    Part(String),
}
