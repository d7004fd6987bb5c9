//! Exact money. Not responsible for rounding policy: renewd never rounds what a provider sent.
use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An exact decimal amount in some currency's major unit (dollars, not cents). May be negative (a balance can be).
///
/// Arithmetic is checked: an overflow is `None`, never a wrong amount. It is shown with at least two decimals,
/// and more only if the provider sent more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(Decimal);

/// The text is not an exact decimal amount.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not an amount of money: write digits with a point, such as \"2.65\"")]
pub struct MoneyError(String);

/// An exponent beyond this leaves nothing that money could hold.
const MOST_PLACES: i32 = 40;

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// An amount of whole cents (hundredths).
    #[must_use]
    pub fn from_cents(cents: i64) -> Self {
        Self(Decimal::new(cents, 2))
    }

    /// `self + other`, or `None` on overflow.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        let sum = self.0.checked_add(other.0)?;
        // Too many digits for one number are rounded in silence: what does not lead back was.
        let exact = sum.checked_sub(other.0) == Some(self.0) && sum.checked_sub(self.0) == Some(other.0);
        Self::two_decimals(sum).filter(|_| exact)
    }

    /// `self - other`, or `None` on overflow.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        self.plus(Self(-other.0))
    }

    /// `self × n`, or `None` on overflow.
    #[must_use]
    pub fn times(self, n: u64) -> Option<Self> {
        let product = self.0.checked_mul(Decimal::from(n))?;
        let exact = product.scale() == self.0.scale() || product.is_zero();
        Self::two_decimals(product).filter(|_| exact)
    }

    /// The amount, if there is room for its two decimals.
    fn two_decimals(amount: Decimal) -> Option<Self> {
        let mut shown = amount;
        shown.rescale(shown.scale().max(2));
        (shown.scale() >= 2).then_some(Self(amount))
    }

    /// Splits the amount into `n` shares that add up to it exactly, the first ones larger by one unit of the
    /// last decimal where it does not divide. Empty for `n == 0`.
    #[must_use]
    pub fn shares(self, n: usize) -> Vec<Self> {
        let Ok(count) = i64::try_from(n) else { return Vec::new() };
        if count == 0 {
            return Vec::new();
        }
        let scale = self.0.scale().max(2);
        let unit = Decimal::new(1, scale);
        let each = self.0.checked_div(Decimal::from(count)).unwrap_or_default().trunc_with_scale(scale);
        let given = each.checked_mul(Decimal::from(count)).unwrap_or_default();
        let left = self.0.checked_sub(given).unwrap_or_default();
        let extra = left.checked_div(unit).unwrap_or_default().abs();
        let step = if left.is_sign_negative() { -unit } else { unit };
        (0..count)
            .map(|i| {
                if Decimal::from(i) < extra {
                    Self(each.checked_add(step).unwrap_or(each))
                } else {
                    Self(each)
                }
            })
            .collect()
    }

    /// Sum of many, or `None` on overflow.
    pub fn sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ZERO, Self::plus)
    }

    /// Above zero.
    #[must_use]
    pub fn is_positive(self) -> bool {
        self.0 > Decimal::ZERO
    }

    /// Below zero.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.0 < Decimal::ZERO
    }

    /// Reads a JSON number exactly, with an exponent or without: `1E+2` is 100.
    ///
    /// # Errors
    /// It is no number, or one that money cannot hold exactly: the error names it.
    pub fn from_json(number: &str) -> Result<Self, MoneyError> {
        let Some((mantissa, exponent)) = number.split_once(['e', 'E']) else { return number.parse() };
        let odd = || MoneyError(number.chars().take(40).collect());
        let exponent: i32 = exponent.parse().map_err(|_| odd())?;
        mantissa.parse::<Self>().map_err(|_| odd())?;
        if !(-MOST_PLACES..=MOST_PLACES).contains(&exponent) {
            return Err(odd());
        }
        let (sign, digits) = mantissa.strip_prefix('-').map_or(("", mantissa), |digits| ("-", digits));
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let places = i32::try_from(part.len()).map_err(|_| odd())? - exponent;
        let digits = format!("{whole}{part}");
        let text = if places <= 0 {
            format!("{sign}{digits}{}", "0".repeat(places.unsigned_abs() as usize))
        } else {
            // At least one digit stays before the point.
            let padded = format!("{digits:0>width$}", width = places.unsigned_abs() as usize + 1);
            let (whole, part) = padded.split_at(padded.len() - places.unsigned_abs() as usize);
            format!("{sign}{whole}.{part}")
        };
        text.parse().map_err(|_| odd())
    }

    /// An amount that is already an exact decimal.
    pub(super) fn exact(amount: Decimal) -> Self {
        Self(amount)
    }

    /// The exact decimal, for comparisons by ratio.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        self.0
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    /// Reads `-?digits[.digits]` exactly: no exponent, no `_`, no sign `+`, no blanks.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !plain(whole) || !plain(part) {
            return Err(MoneyError(text.chars().take(40).collect()));
        }
        let amount = Decimal::from_str_exact(text).ok().and_then(Self::two_decimals);
        amount.ok_or_else(|| MoneyError(text.chars().take(40).collect()))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0;
        if shown.scale() < 2 {
            shown.rescale(2);
        }
        // Nothing has no sign, however it came about.
        shown.set_sign_negative(self.is_negative());
        f.pad(&shown.to_string())
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// As JSON has it: a text, never a number.
impl schemars::JsonSchema for Money {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Money".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": r"^-?[0-9]+\.[0-9]{2,}$",
            "description": "An exact decimal amount with at least two decimals. A text: no number of JSON holds it exactly."
        })
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_survives_exactly_and_gets_two_decimals() {
        for (text, shown) in
            [("5", "5.00"), ("8.3", "8.30"), ("7.18", "7.18"), ("0.005", "0.005"), ("-1.5", "-1.50")]
        {
            assert_eq!(text.parse::<Money>().unwrap().to_string(), shown);
        }
        let nothing = Money::from_cents(265).minus(Money::from_cents(265)).and_then(|m| m.minus(Money::ZERO));
        assert_eq!(nothing.unwrap().to_string(), "0.00");
        assert_eq!("-0.00".parse::<Money>().unwrap().to_string(), "0.00");
        let long = "12345678901234567.89";
        assert_eq!(long.parse::<Money>().unwrap().to_string(), long);
    }

    #[test]
    fn anything_but_plain_digits_is_refused() {
        for bad in ["", "1e2", "+1", "1_000", " 1", "1.", ".5", "NaN", "1,5", "0x1", "--1", "1.2.3"] {
            assert!(bad.parse::<Money>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_json_number_with_an_exponent_is_read_exactly() {
        for (number, want) in [
            ("1E+2", "100.00"),
            ("1e2", "100.00"),
            ("83e-1", "8.30"),
            ("-2.65E0", "-2.65"),
            ("2.65e+1", "26.50"),
            ("5e-3", "0.005"),
            ("1.2345e2", "123.45"),
            ("0E0", "0.00"),
            ("12345678901234567.89", "12345678901234567.89"),
        ] {
            assert_eq!(Money::from_json(number).unwrap().to_string(), want, "{number}");
        }
        for odd in [
            "1e400", "1e-400", "1e40", "1e29", "1e", "e1", "1.e1", "-e1", "1e1.5", "1e+-1", "NaN",
            "Infinity", "\"1e2\"", "null",
        ] {
            let told = Money::from_json(odd).unwrap_err().to_string();
            assert!(told.contains(odd), "{told}");
        }
    }

    #[test]
    fn an_amount_without_room_for_two_decimals_is_refused() {
        let most = "792281625142643375935439503.35";
        assert_eq!(most.parse::<Money>().unwrap().to_string(), most);
        for text in
            ["2999999999999999999999999999", "79228162514264337593543950335", "792281625142643375935439504"]
        {
            assert!(text.parse::<Money>().is_err(), "{text}");
        }
        let large: Money = "792281625142643375935439503".parse().unwrap();
        assert_eq!((large.times(10), large.plus(large)), (None, None));
    }

    #[test]
    fn a_sum_that_would_be_rounded_is_none() {
        let large: Money = "792281625142643375935439503".parse().unwrap();
        let small: Money = "0.0000005".parse().unwrap();
        assert_eq!((large.plus(small), large.minus(small), small.minus(large)), (None, None, None));
        let long: Money = "7.9228162514264337593543950335".parse().unwrap();
        assert_eq!(long.times(10), None);
    }

    proptest! {
        #[test]
        fn an_exponent_only_moves_the_point(cents in -1_000_000_i64..1_000_000, exponent in -8_i32..8) {
            let moved = Money::from_json(&format!("{cents}e{exponent}")).unwrap();
            let back = Money::from_json(&format!("{}e{}", moved.decimal(), -exponent)).unwrap();
            prop_assert_eq!(back, Money::from_json(&cents.to_string()).unwrap());
        }

        #[test]
        fn shares_add_up_to_the_whole(cents in -100_000_i64..100_000, n in 1_usize..40) {
            let whole = Money::from_cents(cents);
            let shares = whole.shares(n);
            prop_assert_eq!(shares.len(), n);
            prop_assert_eq!(Money::sum(shares), Some(whole));
        }
    }
}
