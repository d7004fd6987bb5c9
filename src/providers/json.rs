//! Reading any JSON body without trusting its shape: what every adapter needs.
//!
//! Not responsible for meaning. Bodies are walked as borrowed [`RawValue`]s: money and ids never pass through a float, and
//! what nobody asks for (logins, links) is never copied.
use std::borrow::Cow;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::domain::Money;

/// A JSON object as its pairs, in order, doubles kept.
pub struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Object<'a> {
    /// Reads an object and nothing behind it.
    pub fn parse(json: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// An object of pairs that were read one by one.
    pub fn of(pairs: impl Iterator<Item = (&'a str, &'a RawValue)>) -> Self {
        Self(pairs.map(|(key, value)| (Cow::Borrowed(key), value)).collect())
    }

    /// Every pair.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), *value))
    }

    /// The value under exactly this key, `null` being none.
    pub fn get(&self, key: &str) -> Option<&'a RawValue> {
        self.member(key).filter(|raw| !is_null(raw))
    }

    /// The value under exactly this key, `null` included.
    pub fn member(&self, key: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, value)| *value)
    }

    /// The values under this key in any letter case, `null` left out. More than one is for the caller to judge.
    pub fn any_case(&self, key: &str) -> impl Iterator<Item = &'a RawValue> {
        self.0.iter().filter(move |(k, v)| k.eq_ignore_ascii_case(key) && !is_null(v)).map(|(_, v)| *v)
    }

    /// A key that stands twice: such an object may mean anything.
    pub fn doubled(&self) -> Option<&str> {
        let mut keys: Vec<&str> = self.0.iter().map(|(key, _)| key.as_ref()).collect();
        keys.sort_unstable();
        keys.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                // A record has about a dozen fields.
                let mut pairs = Vec::with_capacity(12);
                while let Some((key, value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    pairs.push((key.0, value));
                }
                Ok(pairs)
            }
        }
        deserializer.deserialize_map(Pairs).map(Self)
    }
}

/// A mark by which a value is known again: its text may hold a password and is not kept.
pub fn mark(raw: &RawValue) -> u64 {
    let mut hasher = DefaultHasher::new();
    raw.get().hash(&mut hasher);
    hasher.finish()
}

/// Literally `null`.
pub fn is_null(raw: &RawValue) -> bool {
    raw.get() == "null"
}

/// The elements, if it is an array.
pub fn list(raw: &RawValue) -> Option<Vec<&RawValue>> {
    if raw.get().starts_with('[') { serde_json::from_str(raw.get()).ok() } else { None }
}

/// The text, if it is a string. Borrowed where it holds no escapes.
pub fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    if raw.get().starts_with('"') {
        serde_json::from_str::<Text<'_>>(raw.get()).ok().map(|t| t.0)
    } else {
        None
    }
}

/// An id: a non-empty string, or a bare whole number as its own digits.
pub fn id(raw: &RawValue) -> Option<Cow<'_, str>> {
    let digits = raw.get();
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Cow::Borrowed(digits));
    }
    text(raw).filter(|t| !t.trim().is_empty())
}

/// A whole number, as JSON writes one: plain digits, or with an exponent that leaves no fraction.
pub fn whole(raw: &RawValue) -> Option<i64> {
    let number = raw.get();
    if number.starts_with('"') || !number.contains(['e', 'E']) {
        return serde_json::from_str(number).ok();
    }
    let exact = Money::from_json(number).ok()?.decimal();
    if exact.is_integer() { exact.trunc().to_string().parse().ok() } else { None }
}

/// A number as it was written, in brackets, for words about one that cannot be used; nothing for any other value.
pub fn spelled(raw: &RawValue) -> String {
    let is_number = raw.get().starts_with(|c: char| c == '-' || c.is_ascii_digit());
    if is_number { format!(" ({})", raw.get().chars().take(40).collect::<String>()) } else { String::new() }
}

/// A body as text, without the byte order mark that some servers begin with.
pub fn decoded(body: &[u8]) -> Result<&str, std::str::Utf8Error> {
    std::str::from_utf8(body).map(|text| text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// The word at the place of an error where JSON has no such number, as some servers write one.
pub fn no_number(text: &str, error: &serde_json::Error) -> Option<&'static str> {
    let line = text.lines().nth(error.line().checked_sub(1)?)?;
    let from = line.get(error.column().saturating_sub(2)..)?;
    ["NaN", "-Infinity", "Infinity"].into_iter().find(|word| from.get(..12).unwrap_or(from).contains(word))
}

/// `true` or `false`.
pub fn flag(raw: &RawValue) -> Option<bool> {
    serde_json::from_str(raw.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn ids_are_strings_or_bare_digits() {
        assert_eq!(id(&raw("\"1234567890123456789\"")).unwrap(), "1234567890123456789");
        assert_eq!(id(&raw("1234567890123456789")).unwrap(), "1234567890123456789");
        for bad in ["\"\"", "\" \"", "1.5", "-1", "1e3", "null", "true", "{}"] {
            assert_eq!(id(&raw(bad)), None, "{bad}");
        }
    }

    #[test]
    fn whole_numbers_are_neither_text_nor_fractions() {
        for good in ["30", "3e1", "3E+1", "300e-1", "0.3e2"] {
            assert_eq!(whole(&raw(good)), Some(30), "{good}");
        }
        for bad in ["\"30\"", "\"3e1\"", "30.0", "35e-1", "3e400", "1e19", "null", "true"] {
            assert_eq!(whole(&raw(bad)), None, "{bad}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        assert_eq!(decoded(b"\xef\xbb\xbf{}"), Ok("{}"));
        assert_eq!(decoded(b"{}"), Ok("{}"));
        assert!(decoded(b"\xff\xfe{\0}\0").is_err(), "UTF-16 is another matter");
    }

    #[test]
    fn a_number_that_json_does_not_have_is_named() {
        for (text, want) in [
            (r#"{"price":NaN}"#, Some("NaN")),
            (r#"{"price": -Infinity }"#, Some("-Infinity")),
            ("{\n\"price\":Infinity}", Some("Infinity")),
            (r#"{"price":x}"#, None),
            ("{", None),
        ] {
            let error = Object::parse(text).err().unwrap();
            assert_eq!(no_number(text, &error), want, "{text}");
        }
    }

    #[test]
    fn a_doubled_key_is_found() {
        assert_eq!(Object::parse(r#"{"a":1,"b":2,"\u0061":3}"#).unwrap().doubled(), Some("a"));
        assert!(Object::parse(r#"{"a":1} x"#).is_err());
    }
}
