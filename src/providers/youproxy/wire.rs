//! The JSON of YouProxy: what is sent, and how any body is read without trusting its shape.
//!
//! Not responsible for meaning. Bodies are walked as borrowed [`RawValue`]s: money and ids never pass through a float, and
//! what nobody asks for (logins, reboot links) is never copied. Source: client API pages, "Conventions".
use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::domain::{Currency, Kind, Money};

/// Body of `calculate/extend`, `calculate/extend/order`, `extend` and `extend/order`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExtendBody<'a> {
    /// One of `IPv4`, `IPv6`, `MOBILE`, `ISP`.
    pub proxy_type: &'a Kind,
    /// What is to be extended.
    #[serde(flatten)]
    pub targets: Targets<'a>,
    /// Term to buy, days.
    pub rent_period_days: u32,
    /// Left out where none is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promo_code: Option<&'a str>,
}

/// The one list of ids in an [`ExtendBody`].
#[derive(Debug, Serialize)]
pub enum Targets<'a> {
    /// By lease.
    #[serde(rename = "ipAddressIds")]
    Leases(Vec<&'a str>),
    /// By lease, as older vendor pages spell it.
    #[serde(rename = "IpAddressIds")]
    LeasesOlder(Vec<&'a str>),
    /// By order: all that it holds.
    #[serde(rename = "orderIds")]
    Orders(Vec<&'a str>),
}

/// A JSON object as its pairs, in order, doubles kept.
pub struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Object<'a> {
    /// Reads an object and nothing behind it.
    pub fn parse(json: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
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
                let mut pairs = Vec::new();
                while let Some((key, value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    pairs.push((key.0, value));
                }
                Ok(pairs)
            }
        }
        deserializer.deserialize_map(Pairs).map(Self)
    }
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

/// A whole number, as JSON writes one.
pub fn whole(raw: &RawValue) -> Option<i64> {
    serde_json::from_str(raw.get()).ok()
}

/// `true` or `false`.
pub fn flag(raw: &RawValue) -> Option<bool> {
    serde_json::from_str(raw.get()).ok()
}

/// An amount: a JSON number without exponent. A string is none.
pub fn money(raw: &RawValue) -> Option<Money> {
    raw.get().parse().ok()
}

/// A currency: a non-empty string.
pub fn currency(raw: &RawValue) -> Option<Currency> {
    text(raw).filter(|t| !t.trim().is_empty()).map(|t| Currency::new(t.trim()))
}

/// The four kinds in YouProxy's own spelling, whatever the letter case; another text stays as it is.
pub fn kind(name: &str) -> Kind {
    known_kind(name).unwrap_or_else(|| Kind::new(name.trim()))
}

/// One of the four kinds, in any letter case.
pub fn known_kind(name: &str) -> Option<Kind> {
    KINDS.iter().find(|known| known.eq_ignore_ascii_case(name.trim())).map(|known| Kind::from(*known))
}

const KINDS: [&str; 4] = ["IPv4", "IPv6", "MOBILE", "ISP"];

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn money_is_a_json_number_and_exact() {
        assert_eq!(money(&raw("12345678901234567.89")).unwrap().to_string(), "12345678901234567.89");
        for bad in ["\"7.18\"", "1e2", "true", "null", "[1]"] {
            assert_eq!(money(&raw(bad)), None, "{bad}");
        }
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
        assert_eq!(whole(&raw("30")), Some(30));
        for bad in ["\"30\"", "30.0", "3e1", "null", "true"] {
            assert_eq!(whole(&raw(bad)), None, "{bad}");
        }
    }

    #[test]
    fn a_doubled_key_is_found() {
        assert_eq!(Object::parse(r#"{"a":1,"b":2,"\u0061":3}"#).unwrap().doubled(), Some("a"));
        assert!(Object::parse(r#"{"a":1} x"#).is_err());
    }

    #[test]
    fn a_body_without_a_promo_code_has_no_such_field() {
        let kind = Kind::from("IPv4");
        let body = |targets, promo_code| {
            let body = ExtendBody { proxy_type: &kind, targets, rent_period_days: 30, promo_code };
            serde_json::to_string(&body).unwrap()
        };
        assert_eq!(
            body(Targets::Leases(vec!["1", "2"]), None),
            r#"{"proxyType":"IPv4","ipAddressIds":["1","2"],"rentPeriodDays":30}"#
        );
        assert_eq!(
            body(Targets::Orders(vec!["A1"]), Some("SAVE10")),
            r#"{"proxyType":"IPv4","orderIds":["A1"],"rentPeriodDays":30,"promoCode":"SAVE10"}"#
        );
        assert!(body(Targets::LeasesOlder(vec!["1"]), None).contains(r#""IpAddressIds":["1"]"#));
    }
}
