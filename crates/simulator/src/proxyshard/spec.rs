//! An order that a test or a fleet puts into the world, with what is usual for all that it does not say. Not responsible
//! for orders that are bought by a call (`purchase`).
use jiff::Timestamp;

use super::order::Kept;
use super::{Addon, Order, Pending, Status, World};
use renewd_core::domain::Money;

/// What an order is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderSpec {
    product: String,
    location: Option<String>,
    cycle: Option<String>,
    end: Option<Timestamp>,
    quantity: u32,
    status: Status,
    auto_renewal: bool,
    tag: Option<String>,
    promo_code: Option<String>,
    addons: Vec<(String, u32, Option<Pending>)>,
}

impl OrderSpec {
    /// One proxy in this place and cycle whose term ends at `end`. An end in the past makes it on hold as soon as time
    /// passes, and gone after three days.
    #[must_use]
    pub fn new(product: &str, location: Option<&str>, cycle: &str, end: Timestamp) -> Self {
        Self {
            location: location.map(str::to_owned),
            cycle: Some(cycle.to_owned()),
            end: Some(end),
            ..Self::lifetime(product)
        }
    }

    /// One gigabyte without an end.
    #[must_use]
    pub fn lifetime(product: &str) -> Self {
        Self {
            product: product.to_owned(),
            location: None,
            cycle: None,
            end: None,
            quantity: 1,
            status: Status::Active,
            auto_renewal: false,
            tag: None,
            promo_code: None,
            addons: Vec::new(),
        }
    }

    /// So many.
    #[must_use]
    pub fn quantity(self, quantity: u32) -> Self {
        Self { quantity, ..self }
    }

    /// It stands there already.
    #[must_use]
    pub fn status(self, status: Status) -> Self {
        Self { status, ..self }
    }

    /// The provider renews it.
    #[must_use]
    pub fn auto_renewal(self) -> Self {
        Self { auto_renewal: true, ..self }
    }

    /// It has a tag.
    #[must_use]
    pub fn tag(self, tag: &str) -> Self {
        Self { tag: Some(tag.to_owned()), ..self }
    }

    /// It was bought with this code.
    #[must_use]
    pub fn promo_code(self, code: &str) -> Self {
        Self { promo_code: Some(code.to_owned()), ..self }
    }

    /// It has an add-on of the catalogue.
    #[must_use]
    pub fn addon(mut self, key: &str, qty: u32, pending: Option<Pending>) -> Self {
        self.addons.push((key.to_owned(), qty, pending));
        self
    }
}

impl World {
    /// Puts an order into an account; lists have always shown it. Gives its id; `None` without such an account, product,
    /// place, cycle or add-on.
    pub fn add_order(&mut self, key: &str, spec: &OrderSpec) -> Option<String> {
        let offer = self.catalogue.offer(&spec.product, spec.location.as_deref())?;
        let unit = offer.price(spec.cycle.as_deref())?;
        let price_paid = unit.times(u64::from(spec.quantity))?;
        let term = spec.cycle.as_deref().and_then(|name| offer.cycle(name)).map(|cycle| cycle.term);
        let created_at = spec.end.zip(term).map_or(Timestamp::UNIX_EPOCH, |(end, term)| term.before(end));
        let addons = spec.addons.iter().map(|(name, qty, pending)| {
            let kind = self.catalogue.addons.iter().find(|kind| kind.key == *name)?;
            let (catalog_id, unit) = (kind.catalog_id, kind.unit);
            Some(Addon { key: name.clone(), catalog_id, qty: *qty, unit, pending: *pending })
        });
        let addons = addons.collect::<Option<Vec<Addon>>>()?;
        self.account(key)?;
        let order = self.blank(&spec.product, (created_at, spec.end), price_paid, spec.quantity);
        let gone = spec.status == Status::Cancelled;
        let order = Order {
            location: spec.location.clone(),
            cycle: spec.cycle.clone(),
            addons,
            status: spec.status,
            promo_code: spec.promo_code.clone(),
            auto_renewal: spec.auto_renewal,
            tag: spec.tag.clone(),
            addresses: if gone { Vec::new() } else { order.addresses.clone() },
            ..order
        };
        let id = order.id.clone();
        self.account_mut(key)?.orders.push(Kept::known(order));
        Some(id)
    }

    /// An active order with an id and addresses of its own, and nothing special.
    pub(super) fn blank(
        &mut self,
        product: &str,
        (created_at, expires_at): (Timestamp, Option<Timestamp>),
        price_paid: Money,
        quantity: u32,
    ) -> Order {
        Order {
            id: self.fresh_id(),
            product: product.to_owned(),
            location: None,
            cycle: None,
            quantity,
            price_paid,
            own_price: None,
            addons: Vec::new(),
            status: Status::Active,
            status_word: None,
            created_at,
            expires_at,
            promo_code: None,
            auto_renewal: false,
            tag: None,
            // What is sold by the gigabyte has one door for all of them.
            addresses: self.fresh_addresses(if expires_at.is_none() { 1 } else { quantity }),
            tried_for: None,
            retried_at: None,
            renewed: None,
        }
    }
}
