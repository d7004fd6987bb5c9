//! The JSON of YouProxy: what is sent, and the values that it spells in its own way.
//!
//! Not responsible for meaning, nor for walking a body: see `providers/json.rs`. What nobody asks for (logins, reboot links) is
//! never copied. Source: client API pages, "Conventions".
use serde::Serialize;
use serde_json::value::RawValue;

use crate::domain::{Currency, Kind, Money};
pub use crate::providers::json::{Object, decoded, flag, id, is_null, list, no_number, spelled, text, whole};

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

/// Body of `extend/auto` and `extend/order/auto`; the term is asked for also when switching off.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AutoBody<'a> {
    /// One of `IPv4`, `IPv6`, `MOBILE`, `ISP`.
    pub proxy_type: &'a Kind,
    /// What is to be switched.
    #[serde(flatten)]
    pub targets: Targets<'a>,
    /// Term that the provider renews for, days.
    pub rent_period_days: u32,
    /// On or off.
    pub auto_extend: bool,
}

/// The one list of ids in an [`ExtendBody`] or [`AutoBody`].
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

/// An amount: a JSON number. A string is none.
pub fn money(raw: &RawValue) -> Option<Money> {
    Money::from_json(raw.get()).ok()
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

/// The kinds, as the provider spells them.
pub const KINDS: [&str; 4] = ["IPv4", "IPv6", "MOBILE", "ISP"];

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn money_is_a_json_number_and_exact() {
        assert_eq!(money(&raw("12345678901234567.89")).unwrap().to_string(), "12345678901234567.89");
        assert_eq!(money(&raw("1E+2")).unwrap().to_string(), "100.00");
        for bad in ["\"7.18\"", "\"1e2\"", "1e400", "true", "null", "[1]"] {
            assert_eq!(money(&raw(bad)), None, "{bad}");
        }
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
