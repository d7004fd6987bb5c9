//! The JSON of Proxy-Seller: its types, its periods, what is sent, and values that it spells in its own way.
//!
//! Not responsible for meaning, nor for walking a body: see `providers/json.rs`. What nobody asks for (logins, passwords, reboot links)
//! is never copied. Source: API v2 pages, "Extend proxies"; the vendor's SDKs.
use serde::Serialize;
use serde_json::value::RawValue;

use crate::domain::{Balance, Currency, Kind, Money};
pub use crate::providers::json::{Object, decoded, flag, id, list, no_number, text, whole};

/// A type of proxy that can be renewed.
#[derive(Debug, PartialEq, Eq)]
pub struct Type {
    /// As paths and keys of lists spell it.
    pub path: &'static str,
    /// As policies name it.
    pub kind: &'static str,
    /// It is renewed by whole orders, every active proxy of the type in them.
    pub whole_orders: bool,
    /// Its leases stand behind a gateway: only the port tells them apart.
    pub shares_addresses: bool,
}

const fn of(path: &'static str, kind: &'static str, whole_orders: bool, shares_addresses: bool) -> Type {
    Type { path, kind, whole_orders, shares_addresses }
}

/// All of them, in the order of the provider's list.
pub const TYPES: [Type; 6] = [
    of("ipv4", "IPv4", false, false),
    of("ipv6", "IPv6", true, true),
    of("mobile", "MOBILE", false, true),
    of("isp", "ISP", false, false),
    of("mix", "MIX", true, false),
    of("mix_isp", "MIX_ISP", true, false),
];
/// Traffic by the gigabyte: listed beside the others, and no lease.
pub const RESIDENT: &str = "resident";

impl Type {
    /// The one of this path.
    pub fn find(path: &str) -> Option<&'static Self> {
        TYPES.iter().find(|known| known.path == path)
    }

    /// The one of this kind, in any letter case.
    pub fn of(kind: &Kind) -> Option<&'static Self> {
        TYPES.iter().find(|known| known.kind.eq_ignore_ascii_case(kind.as_str().trim()))
    }
}

/// What a call is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Targets<'a> {
    /// By the provider's present ids.
    #[serde(rename = "ids")]
    Ids(Vec<&'a str>),
    /// By whole orders.
    #[serde(rename = "orderIds")]
    Orders(Vec<&'a str>),
}

/// Body of `prolong/calc`, `prolong/make` and `autoprolong/…`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProlongBody<'a> {
    /// What is to be extended.
    #[serde(flatten)]
    pub targets: Targets<'a>,
    /// A code such as `1m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_id: Option<String>,
    /// Always `balance`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<&'static str>,
    /// Left out where none is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coupon: Option<&'a str>,
}

impl ProlongBody<'_> {
    /// As it is sent.
    pub fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts always make JSON")
    }
}

/// What pays.
pub const BALANCE: &str = "balance";
/// The one currency.
pub const CURRENCY: &str = "USD";

/// The code of a period: months are 30 days, weeks 7. What it does not sell it refuses when the price is asked.
pub fn period(days: u32) -> String {
    match days {
        days if days > 0 && days.is_multiple_of(30) => format!("{}m", days / 30),
        days if days > 0 && days.is_multiple_of(7) => format!("{}w", days / 7),
        days => format!("{days}d"),
    }
}

/// The days of a code; `None` for one of another form.
pub fn days(code: &str) -> Option<u32> {
    let code = code.trim();
    let digits = code.len() - code.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (count, unit) = code.split_at(digits);
    let each = match unit.trim().to_ascii_lowercase().as_str() {
        "d" | "day" | "days" => 1,
        "w" | "week" | "weeks" => 7,
        "m" | "month" | "months" => 30,
        _ => return None,
    };
    count.parse::<u32>().ok().filter(|n| (1..=120).contains(n)).map(|n| n * each)
}

/// An amount: a JSON number, or the same as a text, perhaps with its sign (`"$25.00"`).
pub fn money(raw: &RawValue) -> Option<Money> {
    match text(raw) {
        None => Money::from_json(raw.get()).ok(),
        Some(text) => {
            let plain = text.trim();
            let plain = plain.strip_prefix('$').unwrap_or(plain).trim_start();
            let digits =
                !plain.is_empty() && plain.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-');
            if digits { plain.parse().ok() } else { None }
        }
    }
}

/// A balance in the one currency.
pub fn usd(amount: Money) -> Balance {
    Balance { amount, currency: Currency::from(CURRENCY) }
}

/// A port: a number, or digits in a text.
pub fn port(raw: &RawValue) -> Option<u16> {
    id(raw)?.trim().parse().ok().filter(|port| *port != 0)
}

/// Yes or no as the provider writes it: `true`, `1`, `"Y"`, and their opposites. `Err`: a word that nobody knows.
pub fn yes(raw: &RawValue) -> Result<bool, ()> {
    let word = text(raw).map_or_else(|| raw.get().to_owned(), |t| t.trim().to_ascii_lowercase());
    match word.as_str() {
        "true" | "1" | "y" | "yes" => Ok(true),
        "false" | "0" | "n" | "no" => Ok(false),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn thirty_days_are_a_month() {
        for (days, code) in
            [(30, "1m"), (60, "2m"), (90, "3m"), (360, "12m"), (7, "1w"), (14, "2w"), (5, "5d")]
        {
            assert_eq!(period(days), code);
            assert_eq!(super::days(code), Some(days));
        }
        for bad in ["", "m", "1", "1y", "0m", "999m", "1m2", "one month", "-1m"] {
            assert_eq!(super::days(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_amount_is_a_number_or_a_text_with_its_sign() {
        let told = |json: &str| money(&raw(json)).map(|m| m.to_string());
        assert_eq!(told("40.4").as_deref(), Some("40.40"));
        assert_eq!(told("\"$25.00\"").as_deref(), Some("25.00"));
        assert_eq!(told("\" 35.1\"").as_deref(), Some("35.10"));
        for bad in ["\"\"", "\"$\"", "\"25,00\"", "\"€5\"", "true", "null", "[1]", "\"1e2\"", "\"NaN\""] {
            assert_eq!(told(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_body_names_what_it_is_for_its_period_and_what_pays() {
        let body = |targets, coupon| {
            let (period_id, payment_id) = (Some(period(30)), Some(BALANCE));
            String::from_utf8(ProlongBody { targets, period_id, payment_id, coupon }.json()).unwrap()
        };
        assert_eq!(
            body(Targets::Ids(vec!["a", "b"]), None),
            r#"{"ids":["a","b"],"periodId":"1m","paymentId":"balance"}"#
        );
        assert_eq!(
            body(Targets::Orders(vec!["o"]), Some("SAVE")),
            r#"{"orderIds":["o"],"periodId":"1m","paymentId":"balance","coupon":"SAVE"}"#
        );
    }

    #[test]
    fn yes_and_no_have_many_spellings_and_other_words_are_neither() {
        for good in ["true", "1", "\"Y\"", "\"y\"", "\"1\"", "\"true\""] {
            assert_eq!(yes(&raw(good)), Ok(true), "{good}");
        }
        for no in ["false", "0", "\"N\"", "\"0\""] {
            assert_eq!(yes(&raw(no)), Ok(false), "{no}");
        }
        for odd in ["2", "\"maybe\"", "[]", "\"\""] {
            assert_eq!(yes(&raw(odd)), Err(()), "{odd}");
        }
    }
}
