//! What a term costs, to the cent. Not responsible for taking it.
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::{Account, Addon, Catalogue, Order, Promo, Rules};
use renewd_core::domain::Money;

/// What one term costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bill {
    /// The order itself before any discount.
    pub(super) original: Money,
    /// The order itself.
    pub(super) base: Money,
    /// Percent off.
    pub(super) percent: u32,
    /// Its add-ons.
    pub(super) addons: Money,
}

impl Bill {
    /// `None` on overflow.
    pub(super) fn total(&self) -> Option<Money> {
        self.base.plus(self.addons)
    }

    /// The same, dearer.
    pub(super) fn dearer(self, by: Money) -> Self {
        Self { base: self.base.plus(by).unwrap_or(self.base), ..self }
    }
}

/// Whole cents; a fraction of a cent does not occur in this world.
pub(super) fn cents(amount: Money) -> i64 {
    let cents = amount.decimal().checked_mul(Decimal::ONE_HUNDRED).unwrap_or_default();
    i64::try_from(cents.trunc()).unwrap_or(i64::MAX)
}

/// A percentage off, half a cent rounded up.
pub(super) fn reduced(price: Money, percent: u32) -> Money {
    let kept = i64::from(100_u32.saturating_sub(percent));
    Money::from_cents(cents(price).saturating_mul(kept).saturating_add(50).div_euclid(100))
}

/// The promo code that counts, if it does.
pub(super) fn promo<'a>(
    account: &'a Account,
    now: Timestamp,
    code: Option<&str>,
    cycle: Option<&str>,
) -> Option<&'a Promo> {
    account.promos.iter().find(|promo| Some(promo.code.as_str()) == code && promo.is_valid(now, cycle))
}

/// What the next term of an order costs, and the add-ons that are left then.
pub(super) fn renewal(
    catalogue: &Catalogue,
    rules: &Rules,
    account: &Account,
    now: Timestamp,
    order: &Order,
) -> (Bill, Vec<Addon>) {
    let cycle = order.cycle.as_deref();
    let listed = catalogue
        .offer(&order.product, order.location.as_deref())
        .and_then(|offer| offer.price(cycle))
        .and_then(|unit| unit.times(u64::from(order.quantity)));
    // A product that left the catalogue goes on at what it cost.
    let original = order.own_price.or(listed).unwrap_or(order.price_paid);
    let code = order.promo_code.as_deref().filter(|_| rules.promo_again);
    let percent = promo(account, now, code, cycle).map_or(0, |promo| promo.percent);
    let left: Vec<Addon> = order.addons.iter().filter_map(Addon::renewed).collect();
    let addons = super::order::addons_price(&left);
    (Bill { original, base: reduced(original, percent), percent, addons }, left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_taken_to_the_cent() {
        for (price, percent, left) in
            [(250, 15, 213), (333, 50, 167), (100, 0, 100), (999, 100, 0), (1, 40, 1)]
        {
            assert_eq!(cents(reduced(Money::from_cents(price), percent)), left, "{price} less {percent}%");
        }
    }
}
