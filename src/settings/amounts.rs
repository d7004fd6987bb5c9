//! Reads spans of time, shares and amounts of money as a config writes them.
//!
//! Every function answers with the typed value or with a sentence that says what to write instead.
use jiff::SignedDuration;
use rust_decimal::Decimal;

use crate::domain::{Money, Percent};
use crate::policy::Before;

/// The longest span that is believed: ten years. Keeps every later sum far from overflow.
const LONGEST_DAYS: i64 = 3650;

/// Reads `90s`, `15m`, `36h` or `3d`: whole numbers, one unit, a day is 24 hours.
///
/// # Errors
/// A sentence that says what to write instead.
pub fn parse_duration(text: &str) -> Result<SignedDuration, String> {
    let bad = || {
        format!(
            "`{text}` is not a duration: write a number and one unit, \"90s\", \"15m\", \"36h\" or \"3d\""
        )
    };
    let split = text.len().checked_sub(1).filter(|at| text.is_char_boundary(*at)).ok_or_else(bad)?;
    let (digits, unit) = text.split_at(split);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad());
    }
    let one = match unit {
        "s" => SignedDuration::from_secs(1),
        "m" => SignedDuration::from_mins(1),
        "h" => SignedDuration::from_hours(1),
        "d" => SignedDuration::from_hours(24),
        _ => return Err(bad()),
    };
    let longest = SignedDuration::from_hours(24 * LONGEST_DAYS);
    digits
        .parse::<i32>()
        .ok()
        .and_then(|n| one.checked_mul(n))
        .filter(|span| *span <= longest)
        .ok_or_else(|| format!("`{text}` is longer than ten years: write at most \"{LONGEST_DAYS}d\""))
}

/// A duration above zero.
pub(super) fn span(text: &str) -> Result<SignedDuration, String> {
    let span = parse_duration(text)?;
    if span.is_zero() {
        return Err(format!("`{text}` is not above zero: write a duration, such as \"15m\""));
    }
    Ok(span)
}

/// Whole days, as providers sell them.
pub(super) fn days(text: &str) -> Result<u32, String> {
    let bad = || format!("`{text}` is not a period: providers sell whole days, write \"30d\"");
    let digits = text.strip_suffix('d').ok_or_else(bad)?;
    span(text).map_err(|_| bad())?;
    digits.parse().map_err(|_| bad())
}

pub(super) fn before(text: &str) -> Result<Before, String> {
    if !text.ends_with('%') {
        return span(text).map(Before::Span);
    }
    share(text).map(Before::Share).map_err(|_| {
        format!("`{text}` is not a share of a period: write more than 0% and at most 100%, such as \"33%\"")
    })
}

pub(super) fn percent(text: &str) -> Result<Percent, String> {
    text.parse()
}

/// 0% to 100%.
pub(super) fn part(text: &str) -> Result<Percent, String> {
    percent(text).and_then(|p| {
        if p.0 <= Decimal::ONE_HUNDRED {
            Ok(p)
        } else {
            Err(format!("`{text}` is more than everything: write at most \"100%\""))
        }
    })
}

/// More than 0%, at most 100%.
pub(super) fn share(text: &str) -> Result<Percent, String> {
    part(text).and_then(|p| {
        if p.0 > Decimal::ZERO { Ok(p) } else { Err(format!("`{text}` is nothing: write more than \"0%\"")) }
    })
}

/// Zero or more.
pub(super) fn amount(text: &str) -> Result<Money, String> {
    let money: Money = text.parse().map_err(|e: crate::domain::MoneyError| e.to_string())?;
    if money.is_negative() {
        return Err(format!("`{text}` is below zero: write an amount such as \"2.65\""));
    }
    Ok(money)
}

/// Above zero.
pub(super) fn price(text: &str) -> Result<Money, String> {
    let money = amount(text)?;
    if money.is_positive() {
        Ok(money)
    } else {
        Err(format!("`{text}` would stop every payment: write an amount above zero, such as \"2.65\""))
    }
}
