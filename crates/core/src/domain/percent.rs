//! Exact percentages.
use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;

use super::Money;

/// An exact percentage, such as `80%` or `12.5%`; never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(pub Decimal);

impl Percent {
    /// This share of `n`, rounded down.
    #[must_use]
    pub fn of_count(self, n: usize) -> usize {
        let part = Decimal::from(n).checked_mul(self.0).unwrap_or(Decimal::MAX) / Decimal::ONE_HUNDRED;
        part.trunc().try_into().unwrap_or(usize::MAX)
    }

    /// This share of an amount, exactly; `None` on overflow.
    #[must_use]
    pub fn of_money(self, whole: Money) -> Option<Money> {
        whole.decimal().checked_mul(self.0)?.checked_div(Decimal::ONE_HUNDRED).map(Money::exact)
    }
}

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.strip_suffix('%')
            .filter(|digits| digits.starts_with(|c: char| c.is_ascii_digit()) && !digits.contains('_'))
            .and_then(|digits| Decimal::from_str_exact(digits).ok())
            .map(Self)
            .ok_or_else(|| format!("`{text}` is not a percentage: write \"80%\""))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0.normalize())
    }
}
