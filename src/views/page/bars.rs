//! Bars of money: how wide each part of one is. Whole numbers throughout, and percentages that SVG takes as they are. Not responsible for
//! what the parts stand for.
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;

use crate::domain::Money;

/// The whole, in hundredths of a percent.
pub(super) const WHOLE: u32 = 10_000;
/// What is there can be seen, however little it is.
const SEEN: u32 = 150;

/// A bar, and what it says to those who do not see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bar {
    /// From left to right, without those that are nothing.
    pub parts: Vec<Part>,
    /// All of it in words.
    pub says: String,
}

/// One part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Names its looks.
    pub what: &'static str,
    /// Where it begins.
    pub x: String,
    /// How wide it is.
    pub width: String,
}

/// A bar of these amounts side by side; none of them is below zero. `None` where all of them are nothing.
#[must_use]
pub fn bar(amounts: &[(&'static str, Money)], says: String) -> Option<Bar> {
    let there = || amounts.iter().filter(|(_, amount)| amount.is_positive());
    let whole = Money::sum(there().map(|(_, amount)| *amount))?;
    let mut widths: Vec<u32> = there().map(|(_, amount)| share(*amount, whole).max(SEEN)).collect();
    let taken: u32 = widths.iter().sum();
    // Rounding leaves some; what was made wide enough to be seen is taken from the widest.
    let widest = widths.iter_mut().max()?;
    *widest = (*widest + WHOLE).saturating_sub(taken);
    let mut x = 0;
    let part = |((what, _), width): (&(&'static str, Money), u32)| {
        let part = Part { what, x: percent(x), width: percent(width) };
        x += width;
        part
    };
    Some(Bar { parts: there().zip(widths).map(part).collect(), says })
}

/// How much of the whole that is, in hundredths of a percent: between nothing and all of it.
#[must_use]
pub fn share(part: Money, whole: Money) -> u32 {
    let ratio = part.decimal().checked_div(whole.decimal()).unwrap_or_default();
    let hundredths = ratio.checked_mul(Decimal::from(WHOLE)).unwrap_or_default().trunc();
    hundredths.to_i64().unwrap_or_default().clamp(0, i64::from(WHOLE)).to_u32().unwrap_or_default()
}

/// As SVG writes it.
#[must_use]
pub fn percent(hundredths: u32) -> String {
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    fn widths(amounts: &[&str]) -> Vec<String> {
        let amounts: Vec<_> = amounts.iter().map(|a| ("x", money(a))).collect();
        let bar = bar(&amounts, String::new());
        bar.map_or_else(Vec::new, |bar| {
            bar.parts.into_iter().map(|p| format!("{}+{}", p.x, p.width)).collect()
        })
    }

    #[test]
    fn the_parts_of_a_bar_fill_it_and_none_of_them_is_too_thin_to_be_seen() {
        assert_eq!(widths(&["7.50", "2.50"]), ["0.00%+75.00%", "75.00%+25.00%"]);
        assert_eq!(widths(&["1.00", "1.00", "1.00"]), ["0.00%+33.33%", "33.33%+33.33%", "66.66%+33.34%"]);
        assert_eq!(widths(&["1000000.00", "0.01"]), ["0.00%+98.50%", "98.50%+1.50%"]);
        assert_eq!(widths(&["0.00", "5.00"]), ["0.00%+100.00%"]);
        assert!(widths(&["0.00"]).is_empty() && widths(&[]).is_empty());
    }

    #[test]
    fn a_share_is_never_outside_of_its_whole() {
        for (part, whole, wanted) in
            [("5.00", "10.00", 5_000), ("-1.00", "10.00", 0), ("11.00", "10.00", WHOLE), ("1.00", "0.00", 0)]
        {
            assert_eq!(share(money(part), money(whole)), wanted, "{part} of {whole}");
        }
    }
}
