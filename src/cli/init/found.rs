//! What an account that nobody has configured yet told of itself, and the caps that follow. Pure.
use serde_json::{Value, json};

use crate::domain::{Balance, Money};

/// What an account told.
#[derive(Default)]
pub(super) struct Found {
    /// Why it did not, if so.
    pub(super) trouble: Option<String>,
    pub(super) balance: Option<Balance>,
    pub(super) leases: usize,
    /// Its provider sells cycles that belong to orders: no term is chosen.
    pub(super) cycles: bool,
    pub(super) kinds: Vec<Kindred>,
}

/// Leases of one kind.
pub(super) struct Kindred {
    pub(super) kind: String,
    pub(super) leases: usize,
    /// The term that its price was asked for, or that is on offer.
    pub(super) days: Option<u32>,
    /// The highest price of one lease that was told.
    pub(super) price: Option<Money>,
}

impl Kindred {
    /// The cap: a fifth above the highest price, rounded up to ten cents, so that small changes pass and another tariff does not.
    pub(super) fn cap(&self) -> Option<Money> {
        self.price.and_then(cap)
    }

    pub(super) fn row(&self) -> Vec<String> {
        let amount = |m: Option<Money>| m.map_or_else(|| "not told".to_owned(), |m| m.to_string());
        let days = self.days.map_or_else(|| "the order's".to_owned(), |d| format!("{d}d"));
        let cap = self.cap().map_or_else(|| "none: asks you first".to_owned(), |m| m.to_string());
        vec![self.kind.clone(), self.leases.to_string(), days, amount(self.price), cap]
    }

    pub(super) fn value(&self) -> Value {
        json!({ "kind": self.kind, "leases": self.leases, "period_days": self.days, "price": self.price, "max_price": self.cap() })
    }
}

fn cap(price: Money) -> Option<Money> {
    let tenth = rust_decimal::Decimal::new(1, 1);
    let above = price.decimal().checked_mul(rust_decimal::Decimal::new(12, 1))?;
    let tenths = above.checked_div(tenth)?.ceil();
    format!("{:.2}", tenths.checked_mul(tenth)?).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::usual("2.65", "3.20")]
    #[case::even("2.50", "3.00")]
    #[case::small("0.07", "0.10")]
    #[case::dear("31.75", "38.10")]
    fn a_cap_leaves_a_fifth_and_is_a_round_figure(#[case] price: &str, #[case] wanted: &str) {
        assert_eq!(cap(price.parse().unwrap()).unwrap().to_string(), wanted);
    }
}
