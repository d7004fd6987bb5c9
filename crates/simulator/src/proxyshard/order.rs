//! One order as the provider keeps it, and what it was before its last changes, for lists that lag. Not responsible for
//! prices or time passing.
use jiff::{SignedDuration, Timestamp};

use renewd_core::domain::Money;

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It works.
    Active,
    /// Its term is over; for three days it can be renewed.
    OnHold,
    /// Gone for good.
    Cancelled,
}

impl Status {
    /// The word in `?status=`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::OnHold => "on-hold",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What becomes of an add-on at the next renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pending {
    /// It goes.
    Cancel,
    /// So many are left of it.
    Downgrade(u32),
}

/// Something that is paid on top of the order, each term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addon {
    /// Its name in requests.
    pub key: String,
    /// Its number in the catalogue.
    pub catalog_id: u32,
    /// How many.
    pub qty: u32,
    /// For one and one term.
    pub unit: Money,
    /// What the next renewal does to it.
    pub pending: Option<Pending>,
}

impl Addon {
    /// What is left of it after the next renewal.
    #[must_use]
    pub fn renewed(&self) -> Option<Self> {
        let qty = match self.pending {
            Some(Pending::Cancel) => 0,
            Some(Pending::Downgrade(next)) => next,
            None => self.qty,
        };
        (qty > 0).then(|| Self { qty, pending: None, ..self.clone() })
    }
}

/// One proxy (not a real one).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The IP.
    pub ip: String,
    /// The port.
    pub port: u16,
    /// Secret.
    pub login: String,
    /// Secret.
    pub password: String,
}

/// An order, as it truly is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its `order_id`.
    pub id: String,
    /// The product's name.
    pub product: String,
    /// Where it works, for products that have places.
    pub location: Option<String>,
    /// The cycle's name; `None` for what is paid once.
    pub cycle: Option<String>,
    /// How many proxies, or gigabytes.
    pub quantity: u32,
    /// What its last term cost without add-ons.
    pub price_paid: Money,
    /// What its terms cost whatever the catalogue says; `None`: what the catalogue says.
    pub own_price: Option<Money>,
    /// Its add-ons.
    pub addons: Vec<Addon>,
    /// Where it stands.
    pub status: Status,
    /// What the detail shows as its status, whatever it is.
    pub status_word: Option<String>,
    /// When it was bought.
    pub created_at: Timestamp,
    /// The end of the paid term; `None` for what never ends.
    pub expires_at: Option<Timestamp>,
    /// The promo code that it was bought with.
    pub promo_code: Option<String>,
    /// The provider renews it by itself.
    pub auto_renewal: bool,
    /// The customer's word for it.
    pub tag: Option<String>,
    /// Its proxies; none once it is gone.
    pub addresses: Vec<Address>,
    /// The end for which auto-renewal had its one try.
    pub(super) tried_for: Option<Timestamp>,
    /// The last try from on hold, under that rule.
    pub(super) retried_at: Option<Timestamp>,
    /// The last renewal that was asked for: when, and the end that it was for.
    pub(super) renewed: Option<(Timestamp, Option<Timestamp>)>,
}

/// An order stays on hold this long.
pub(super) const GRACE: SignedDuration = SignedDuration::from_hours(72);

impl Order {
    /// When auto-renewal is tried: one to two hours before the end, always the same for one order and end.
    #[must_use]
    pub fn auto_at(&self) -> Option<Timestamp> {
        let end = self.expires_at?;
        let seed =
            self.id.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let lead = SignedDuration::from_secs(fastrand::Rng::with_seed(seed).i64(3_600..=7_200));
        end.checked_sub(lead).ok()
    }

    /// When it is gone for good if nobody renews it.
    #[must_use]
    pub fn gone_at(&self) -> Option<Timestamp> {
        self.expires_at?.checked_add(GRACE).ok()
    }

    /// What its add-ons cost in one term.
    #[must_use]
    pub fn addons_price(&self) -> Money {
        addons_price(&self.addons)
    }
}

/// What add-ons cost in one term.
pub(super) fn addons_price(addons: &[Addon]) -> Money {
    let each = addons.iter().map(|addon| addon.unit.times(u64::from(addon.qty)));
    each.collect::<Option<Vec<Money>>>().and_then(Money::sum).unwrap_or_default()
}

/// An order with its past.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) order: Order,
    /// What it was until an instant; `None`: it was not there yet.
    past: Vec<(Timestamp, Option<Order>)>,
}

impl Kept {
    /// An order that was always there.
    pub(super) fn known(order: Order) -> Self {
        Self { order, past: Vec::new() }
    }

    /// An order that is there from `at` on.
    pub(super) fn new_at(at: Timestamp, order: Order) -> Self {
        Self { order, past: vec![(at, None)] }
    }

    /// Changes it, and keeps what it was.
    pub(super) fn change(&mut self, at: Timestamp, how: impl FnOnce(&mut Order)) {
        self.past.push((at, Some(self.order.clone())));
        how(&mut self.order);
    }

    /// What it was at an instant; `None`: not there yet.
    pub(super) fn as_of(&self, at: Timestamp) -> Option<&Order> {
        match self.past.iter().find(|(until, _)| *until > at) {
            Some((_, was)) => was.as_ref(),
            None => Some(&self.order),
        }
    }
}
