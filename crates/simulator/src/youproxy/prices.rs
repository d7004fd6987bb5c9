//! The price list: per product, country and period. Not responsible for promo codes or charging.
use std::collections::BTreeMap;

use super::Product;
use renewd_core::domain::Money;

/// Prices of one lease for one period.
#[derive(Debug, Clone)]
pub struct Prices {
    special: BTreeMap<(Product, String, u32), Money>,
    countries: BTreeMap<Product, Vec<String>>,
}

impl Default for Prices {
    fn default() -> Self {
        let offers = [
            (Product::IPv4, &["USA", "DEU", "GBR", "FRA"][..]),
            (Product::IPv6, &["USA", "DEU", "NLD"][..]),
            (Product::Mobile, &["USA", "POL"][..]),
            (Product::Isp, &["USA", "GBR"][..]),
        ];
        let countries =
            offers.map(|(product, list)| (product, list.iter().map(ToString::to_string).collect()));
        Self { special: BTreeMap::new(), countries: countries.into() }
    }
}

impl Prices {
    /// Sets the price of one lease of `product` in `country` (alpha-3) for `days` days.
    pub fn set(&mut self, product: Product, country: &str, days: u32, price: Money) {
        self.special.insert((product, country.to_owned(), days), price);
        let offered = self.countries.entry(product).or_default();
        if !offered.iter().any(|known| known == country) {
            offered.push(country.to_owned());
        }
    }

    /// The price of one lease for one period; `None` if that period is not offered.
    #[must_use]
    pub fn of(&self, product: Product, country: &str, days: u32) -> Option<Money> {
        if !product.periods().contains(&days) {
            return None;
        }
        let special = self.special.get(&(product, country.to_owned(), days));
        special.copied().or_else(|| Self::list_price(product, country, days))
    }

    /// Countries in which a product can be bought, alpha-3.
    #[must_use]
    pub fn countries(&self, product: Product) -> &[String] {
        self.countries.get(&product).map_or(&[], Vec::as_slice)
    }

    /// What is asked where nobody set a price: a base per started 30 days, dearer in the USA.
    fn list_price(product: Product, country: &str, days: u32) -> Option<Money> {
        let cents = match product {
            Product::IPv4 => 240,
            Product::IPv6 => 45,
            Product::Mobile => 3_150,
            Product::Isp => 359,
        };
        let abroad = if country == "USA" { 25 } else { 0 };
        Money::from_cents(cents + abroad).times(u64::from(days.div_ceil(30)))
    }
}
