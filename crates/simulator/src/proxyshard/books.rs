//! The provider's own books: every movement of money and every order lost, exactly. Not responsible for causing any of
//! them.
use jiff::{SignedDuration, Timestamp};

use super::Endpoint;
use renewd_core::domain::Money;

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// The account holder paid money in.
    TopUp,
    /// A renewal that somebody asked for.
    Renewal,
    /// The provider's own auto-renewal.
    AutoRenewal,
    /// A new order.
    Purchase,
    /// A change of the billing cycle.
    CycleChange,
    /// Somebody else spent from the same wallet.
    Foreign,
}

/// Nothing renews an order longer before its end.
const EARLIEST: SignedDuration = SignedDuration::from_hours(2);

/// One movement of money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When the money moved, which may be later than the request.
    pub at: Timestamp,
    /// The account's key.
    pub account: String,
    /// Why.
    pub kind: EntryKind,
    /// The call that caused it; `None` for what the provider or others did.
    pub endpoint: Option<Endpoint>,
    /// The order it paid for; `None` for a top-up or what others spent.
    pub order: Option<String>,
    /// How much, always positive: `base` and `addons` together.
    pub amount: Money,
    /// For the order itself.
    pub base: Money,
    /// For its add-ons.
    pub addons: Money,
    /// Before.
    pub balance_before: Money,
    /// After.
    pub balance_after: Money,
    /// The cycle that was bought; `None` where none was.
    pub cycle: Option<String>,
    /// The end before; `None` for a new order and for what has no end.
    pub end_before: Option<Timestamp>,
    /// The end after: the same as before where money was taken for nothing.
    pub end_after: Option<Timestamp>,
}

impl Entry {
    /// The entry took money from the wallet.
    #[must_use]
    pub fn is_charge(&self) -> bool {
        self.kind != EntryKind::TopUp
    }

    /// A renewal that neither the provider's own try nor a hold accounts for: its term had not come yet.
    fn is_early(&self) -> bool {
        let renews = matches!(self.kind, EntryKind::Renewal | EntryKind::AutoRenewal);
        renews && self.end_before.is_some_and(|end| end.duration_since(self.at) > EARLIEST)
    }
}

/// An order that nobody renewed in its three days on hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lapse {
    /// The account's key.
    pub account: String,
    /// The order.
    pub order: String,
    /// The addresses that went with it.
    pub addresses: Vec<String>,
    /// The end that passed.
    pub end: Timestamp,
    /// When it was gone.
    pub gone_at: Timestamp,
}

/// Everything that happened, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Books {
    /// Movements of money.
    pub entries: Vec<Entry>,
    /// Orders that were lost.
    pub lapses: Vec<Lapse>,
}

impl Books {
    /// Every charge.
    pub fn charges(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.is_charge())
    }

    /// Every charge for this order.
    pub fn charges_for<'a>(&'a self, order: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.charges().filter(move |entry| entry.order.as_deref() == Some(order))
    }

    /// Every charge for the term of this order that follows `end`.
    pub fn charges_after<'a>(&'a self, order: &'a str, end: Timestamp) -> impl Iterator<Item = &'a Entry> {
        self.charges_for(order).filter(move |entry| entry.end_before == Some(end))
    }

    /// Orders of which one term was charged more than once, or the next one long before it began: double charges.
    #[must_use]
    pub fn paid_twice(&self) -> Vec<String> {
        let mut terms: Vec<(&str, Timestamp)> =
            self.charges().filter_map(|e| Some((e.order.as_deref()?, e.end_before?))).collect();
        terms.sort_unstable();
        let same = terms.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].0);
        let early = self.charges().filter(|entry| entry.is_early()).filter_map(|e| e.order.as_deref());
        let mut twice: Vec<String> = same.chain(early).map(str::to_owned).collect();
        twice.sort();
        twice.dedup();
        twice
    }

    /// Top-ups minus charges of one account; `None` on overflow.
    #[must_use]
    pub fn net(&self, account: &str) -> Option<Money> {
        self.entries.iter().filter(|entry| entry.account == account).try_fold(Money::ZERO, |sum, entry| {
            if entry.is_charge() { sum.minus(entry.amount) } else { sum.plus(entry.amount) }
        })
    }
}
