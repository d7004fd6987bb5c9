//! The values of px6's JSON, which spells one and the same thing now as a number, now as text.
//!
//! Not responsible for meaning, nor for walking a body: see `providers/json.rs`. Source: the vendor's developer page.
use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::domain::{Currency, Kind, Money};
use crate::providers::json;
pub use crate::providers::json::{Object, decoded, list, no_number, spelled, text};

/// The kinds that renewd renews, and the numbers that the provider has for them.
const KINDS: [(i64, &str); 3] = [(4, "IPv4"), (3, "IPv4-shared"), (6, "IPv6")];

/// The names of those kinds.
pub fn kinds() -> impl Iterator<Item = (i64, &'static str)> {
    KINDS.into_iter()
}

/// The kind of that number.
pub fn kind(version: i64) -> Option<Kind> {
    KINDS.iter().find(|(number, _)| *number == version).map(|(_, name)| Kind::from(*name))
}

/// The number of that kind, in any letter case.
pub fn version(kind: &Kind) -> Option<i64> {
    KINDS.iter().find(|(_, name)| name.eq_ignore_ascii_case(kind.as_str().trim())).map(|(number, _)| *number)
}

/// An amount, as a number or as text: both exact.
pub fn money(raw: &RawValue) -> Option<Money> {
    match text(raw) {
        Some(text) => text.trim().parse().ok(),
        None => Money::from_json(raw.get()).ok(),
    }
}

/// A whole number, as one or as text of digits.
pub fn number(raw: &RawValue) -> Option<i64> {
    match text(raw) {
        Some(text) => {
            let digits = text.trim();
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            if plain { digits.parse().ok() } else { None }
        }
        None => json::whole(raw),
    }
}

/// An id: digits, as text or as a bare number.
pub fn id(raw: &RawValue) -> Option<Cow<'_, str>> {
    json::id(raw).filter(|id| is_id(id))
}

/// Digits alone: such an id changes nothing else of a URL.
pub fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit())
}

/// An instant in seconds since 1970. Zero is none.
pub fn instant(raw: &RawValue) -> Option<Timestamp> {
    let seconds = number(raw).filter(|seconds| *seconds > 0)?;
    Timestamp::from_second(seconds).ok()
}

/// A currency: three letters.
pub fn currency(raw: &RawValue) -> Option<Currency> {
    let told = text(raw)?;
    let code = told.trim();
    let plain = code.len() == 3 && code.bytes().all(|b| b.is_ascii_alphabetic());
    plain.then(|| Currency::new(code.to_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn money_is_exact_as_a_number_and_as_text() {
        for (json, want) in [("\"48.80\"", "48.80"), ("42.5", "42.50"), ("29", "29.00"), ("0.1000", "0.1000")]
        {
            assert_eq!(money(&raw(json)).unwrap().to_string(), want, "{json}");
        }
        for bad in ["\"\"", "\"1,5\"", "\"1e2\"", "null", "true", "[1]", "\"RUB 5\"", "1e400"] {
            assert_eq!(money(&raw(bad)), None, "{bad}");
        }
    }

    #[test]
    fn ids_and_instants_are_digits_as_text_or_as_numbers() {
        assert_eq!((id(&raw("\"11\"")).unwrap(), id(&raw("15")).unwrap()), ("11".into(), "15".into()));
        for bad in ["\"1,2\"", "\"../x\"", "\"-1\"", "-1", "1.5", "\"\"", "null", "\"111111111111111111111\""]
        {
            assert_eq!(id(&raw(bad)), None, "{bad}");
        }
        let at: Timestamp = "2016-07-12T04:50:41Z".parse().unwrap();
        assert_eq!((instant(&raw("1468299041")), instant(&raw("\"1468299041\""))), (Some(at), Some(at)));
        for bad in ["0", "\"0\"", "-5", "\"2016-07-12 11:50:41\"", "null", "9e18", "1468299041.5", "[]"] {
            assert_eq!(instant(&raw(bad)), None, "{bad}");
        }
    }

    #[test]
    fn a_kind_has_one_number() {
        for (number, name) in kinds() {
            assert_eq!((kind(number), version(&Kind::from(name))), (Some(Kind::from(name)), Some(number)));
        }
        assert_eq!(
            (kind(5), version(&Kind::from("ipv4-SHARED")), version(&Kind::from("ISP"))),
            (None, Some(3), None)
        );
    }
}
