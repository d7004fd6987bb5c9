//! What a forecast says. Accounts are indices into the input's accounts, leases into theirs.
use jiff::Timestamp;
use jiff::civil::Date;

use super::PriceSource;
use crate::domain::{AccountName, Currency, LeaseId, Money};

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forecast {
    /// Every payment up to the horizon, account by account, in the order in which they would be made.
    pub dues: Vec<Due>,
    /// The same by day, account and surety; by date.
    pub days: Vec<Day>,
    /// One per account, in their order.
    pub runways: Vec<Runway>,
    /// One per budget, in their order.
    pub budgets: Vec<BudgetEnd>,
    /// Leases that a policy keeps and that are not counted.
    pub left_out: Vec<LeftOut>,
    /// Ends of current terms; by date.
    pub expiries: Vec<Expiry>,
}

impl Forecast {
    /// What is missing for all that an account has to pay up to `to`, where so much is free.
    #[must_use]
    pub fn shortage(&self, account: usize, free: Money, to: Timestamp) -> Money {
        let dues = self.dues.iter().filter(|d| d.account == account && d.at <= to);
        shortage(dues, free)
    }
}

/// What is missing for these payments; nothing where nothing is due.
pub(super) fn shortage<'a>(dues: impl IntoIterator<Item = &'a Due>, free: Money) -> Money {
    let need = Money::sum(dues.into_iter().filter_map(|d| d.amount)).unwrap_or_default();
    let lacks = if need.is_positive() { need.minus(free) } else { None };
    lacks.filter(|m| m.is_positive()).unwrap_or_default()
}

/// One payment: a lease, or an order that is paid whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Whose.
    pub account: usize,
    /// Which unit of the account: the same in each of its terms.
    pub unit: usize,
    /// When: never before `now`.
    pub at: Timestamp,
    /// What is paid for.
    pub leases: Vec<usize>,
    /// Index of the policy that wants it.
    pub policy: usize,
    /// The earliest end of the term that it would extend.
    pub ends: Timestamp,
    /// From then on it is lost: the end, or the end of the provider's grace.
    pub lost_at: Timestamp,
    /// For all of them; `None` = no price is known.
    pub amount: Option<Money>,
    /// How sure the amount is.
    pub source: PriceSource,
}

/// What falls due on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// In the configured zone.
    pub date: Date,
    /// Whose.
    pub account: usize,
    /// How many leases.
    pub due: usize,
    /// `None` = no price is known.
    pub amount: Option<Money>,
    /// What is left of the balance after this row and all before it; below zero where it does not last.
    pub balance_after: Option<Money>,
    /// How sure the amount is.
    pub source: PriceSource,
}

/// How long a balance lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runway {
    /// Whose.
    pub account: AccountName,
    /// In what; `None` = never read.
    pub currency: Option<Currency>,
    /// As last read, less what was sent since.
    pub balance: Option<Money>,
    /// What may be spent of it: without `keep_balance`.
    pub free: Option<Money>,
    /// The cost of all that falls due up to the horizon, as far as prices are known.
    pub need: Money,
    /// The top-up that lasts up to the horizon; `None` while no balance is known.
    pub short_by: Option<Money>,
    /// The day of the first payment that could not be made; `None` if all can.
    pub until: Option<Date>,
    /// Its instant.
    pub top_up_by: Option<Timestamp>,
    /// When the next lease falls due, at whatever distance; may have passed.
    pub next_due_at: Option<Timestamp>,
    /// Leases that fall due and have no known price.
    pub unpriced: usize,
    /// Leases that would lapse: by priority, then end, then id.
    pub uncovered: Vec<Uncovered>,
}

/// A lease that the balance does not cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uncovered {
    /// Index into the account's leases.
    pub lease: usize,
    /// When it falls due.
    pub due_at: Timestamp,
    /// The end of the term that would not be extended.
    pub ends: Timestamp,
    /// Its share of the price.
    pub amount: Option<Money>,
    /// Higher is saved first.
    pub priority: i64,
    /// Index of the policy that wants it.
    pub policy: usize,
}

/// The next term of a lease, as it is expected to be bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextTerm {
    /// For so long.
    pub days: u32,
    /// The lease's share of its price; `None` = no price is known.
    pub amount: Option<Money>,
}

/// How long a budget lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetEnd {
    /// Its name.
    pub name: String,
    /// What falls due up to the horizon and counts in it.
    pub need: Money,
    /// The day of the first payment that it stops; `None` if it stops none.
    pub until: Option<Date>,
    /// That payment's instant.
    pub at: Option<Timestamp>,
    /// Leases that wait for its next span and are renewed then.
    pub wait: usize,
    /// Leases that end before its next span: account and index.
    pub lapse: Vec<(usize, usize)>,
}

/// A lease that a policy keeps and that is not counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Whose.
    pub account: AccountName,
    /// Which.
    pub lease: LeaseId,
    /// Why not.
    pub why: Why,
}

/// Why a lease is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// Its end cannot be read.
    Unparsable,
    /// Its end has passed.
    Lapsed,
    /// It costs more than `max_price`.
    PriceCap,
    /// None of the policy's periods is on offer.
    PeriodNotOffered,
    /// Its order is paid whole and its members cannot be.
    BundleSplit,
}

impl Why {
    /// The reason word that the plan has for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unparsable => "unparsable",
            Self::Lapsed => "lapsed",
            Self::PriceCap => "price_cap",
            Self::PeriodNotOffered => "period_not_offered",
            Self::BundleSplit => "bundle_split",
        }
    }
}

/// Terms of an account that end on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    /// In the configured zone.
    pub date: Date,
    /// Whose.
    pub account: usize,
    /// How many; ignored leases are not counted.
    pub leases: usize,
    /// Of them, those to be renewed.
    pub renew: usize,
    /// Those that are only watched, or under no policy.
    pub watch: usize,
    /// Those that are let go.
    pub release: usize,
    /// The first of them.
    pub first_at: Timestamp,
}
