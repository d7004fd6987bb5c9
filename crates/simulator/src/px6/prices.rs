//! The price list: by version, term and how many at once. Not responsible for charging.
use std::collections::BTreeMap;

use renewd_core::domain::Money;

/// Prices of one proxy for one term.
#[derive(Debug, Clone)]
pub struct Prices {
    terms: Vec<u32>,
    special: BTreeMap<(u8, u32), Money>,
    /// From so many at once on, each costs a tenth less.
    pub tier: usize,
}

impl Default for Prices {
    fn default() -> Self {
        Self { terms: vec![3, 7, 14, 30, 60, 90], special: BTreeMap::new(), tier: 10 }
    }
}

impl Prices {
    /// Sets the price of one proxy of this version for so many days.
    pub fn set(&mut self, version: u8, days: u32, price: Money) {
        self.special.insert((version, days), price);
        if !self.terms.contains(&days) {
            self.terms.push(days);
        }
    }

    /// Takes a term out of the shop.
    pub fn stop_selling(&mut self, days: u32) {
        self.terms.retain(|term| *term != days);
    }

    /// What one of `count` at once costs; `None` where that term is not sold.
    #[must_use]
    pub fn each(&self, version: u8, days: u32, count: usize) -> Option<Money> {
        if !self.terms.contains(&days) {
            return None;
        }
        let tenths = if count >= self.tier { 9 } else { 10 };
        match self.special.get(&(version, days)) {
            // Whole tenths of a cent are shown as they are.
            Some(price) => price.times(tenths).map(tenth),
            None => {
                let cents = match version {
                    4 => 60,
                    3 => 40,
                    _ => 10,
                };
                Money::from_cents(cents).times(u64::from(days.div_ceil(10)))?.times(tenths).map(tenth)
            }
        }
    }
}

fn tenth(ten: Money) -> Money {
    let text = (ten.decimal() / rust_decimal::Decimal::TEN).normalize().to_string();
    text.parse().unwrap_or(ten)
}
