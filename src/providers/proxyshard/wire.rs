//! The JSON of ProxyShard: what is sent, and the values that it spells in its own way.
//!
//! Not responsible for meaning. Source: the vendor's reference, schemas of `/orders`, `/orders/purchase` and `/me`.
use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::domain::{Currency, Money, TermEnd, Told};

use super::dates::{self, Spelled};
use super::json::{self, Object};

/// Longer ids are none.
const LONGEST_ID: usize = 200;

/// Body of a POST that has nothing to say: without one the server refuses the call.
pub const NOTHING: &[u8] = b"{}";

/// Body of `/orders/purchase`. Which fields stand in it is the product's affair: see `product.rs`.
#[derive(Debug, Serialize)]
pub struct PurchaseBody<'a> {
    /// The product's name as the vendor spells it.
    pub product: &'a str,
    /// A location such as `DE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<&'a str>,
    /// Billing cycle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cycle: Option<&'a str>,
    /// How many.
    pub quantity: u32,
    /// Left out where none is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promo_code: Option<&'a str>,
    /// Left out where nothing was said: the provider's own default holds then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_renewal: Option<bool>,
    /// Left out where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addons: Vec<AddonBody<'a>>,
}

/// An add-on in a [`PurchaseBody`] and in the query of `/orders/calculate`.
#[derive(Debug, Serialize)]
pub struct AddonBody<'a> {
    /// Which.
    pub addon_key: &'a str,
    /// How many.
    pub qty: u32,
}

/// Body of `/orders/change-billing-cycle/{order_id}`.
#[derive(Debug, Serialize)]
pub struct CycleBody<'a> {
    /// The new cycle.
    pub cycle: &'a str,
}

/// Body of `/orders/{id}/tag`.
#[derive(Debug, Serialize)]
pub struct TagBody<'a> {
    /// The new tag; the literal `none` takes it away.
    pub tag: &'a str,
}

/// JSON of a value of ours.
pub fn body(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts, numbers and flags always make JSON")
}

/// Everything in ProxyShard is in dollars.
pub fn usd() -> Currency {
    Currency::from("USD")
}

/// Whole cents, as JSON writes a whole number. A fraction or a text is none.
pub fn cents(raw: &RawValue) -> Option<Money> {
    json::whole(raw).map(Money::from_cents)
}

/// The id of an order: text or digits that can stand in a path. Dots alone would be dropped from one.
pub fn order_id(raw: &RawValue) -> Option<Cow<'_, str>> {
    json::id(raw).filter(|id| is_order_id(id))
}

/// Whether this text can name an order in a path.
pub fn is_order_id(id: &str) -> bool {
    !id.trim_matches('.').trim().is_empty() && id.len() <= LONGEST_ID && !id.chars().any(char::is_control)
}

/// A text that says something, without the blanks around it.
pub fn words(raw: &RawValue) -> Option<String> {
    json::text(raw).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The first of these keys that says something.
pub fn first_words(object: &Object<'_>, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| object.get(key).and_then(words))
}

/// How an end was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The field is missing or `null`.
    NotTold,
    /// Something stands there that is no instant.
    Unreadable,
    /// An instant, and how it was spelled.
    At(Timestamp, Spelled),
}

impl End {
    /// The end under this key.
    pub fn of(object: &Object<'_>, key: &str) -> Self {
        let Some(raw) = object.get(key) else { return Self::NotTold };
        let text = json::text(raw);
        if text.as_deref().is_some_and(|text| text.trim().is_empty()) {
            return Self::NotTold;
        }
        text.and_then(|text| dates::read(&text))
            .map_or(Self::Unreadable, |(at, spelled)| Self::At(at, spelled))
    }

    /// This, or the other where it says nothing or cannot be read and the other can.
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::NotTold, _) | (Self::Unreadable, Self::At(..)) => other,
            _ => self,
        }
    }

    /// Of two tellings of one end the one with a time of day.
    pub fn finer(self, other: Self) -> Self {
        match (self.at().map(|end| end.told), other.at().map(|end| end.told)) {
            (Some(Told::Date), Some(Told::Instant)) => other,
            _ => self,
        }
    }

    /// The end as exactly as it is told.
    pub fn at(self) -> Option<TermEnd> {
        match self {
            Self::At(at, spelled) => Some(TermEnd { at, told: spelled.told() }),
            Self::NotTold | Self::Unreadable => None,
        }
    }
}

/// Where an order stands, by its status word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// In service.
    Active,
    /// Past its end, kept for three days.
    OnHold,
    /// Gone.
    Cancelled,
    /// A word that nobody knows, as it was written.
    Other(String),
}

/// The meaning of a status word: blanks around it, letter case and `_` do not matter, `canceled` has one meaning with `cancelled`.
pub fn status(word: &str) -> Status {
    match word.trim().to_lowercase().replace('_', "-").as_str() {
        "active" => Status::Active,
        "on-hold" => Status::OnHold,
        "cancelled" | "canceled" => Status::Cancelled,
        _ => Status::Other(word.trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn cents_are_whole_and_exact() {
        assert_eq!(cents(&raw("9223372036854775807")).unwrap().to_string(), "92233720368547758.07");
        assert_eq!(cents(&raw("-250")).unwrap().to_string(), "-2.50");
        assert_eq!(cents(&raw("25E1")).unwrap().to_string(), "2.50");
        for bad in ["2.5", "250.0", "25e-1", "\"250\"", "1e400", "true", "null", "9223372036854775808"] {
            assert_eq!(cents(&raw(bad)), None, "{bad}");
        }
    }

    #[test]
    fn an_id_that_would_change_the_path_is_none() {
        for bad in ["\"\"", "\".\"", "\"..\"", "\" \"", "\"a\\nb\"", "1.5", "null", "[]"] {
            assert_eq!(order_id(&raw(bad)), None, "{bad}");
        }
        assert_eq!(order_id(&raw("17")).unwrap(), "17");
        assert_eq!(order_id(&raw("\"a/b\"")).unwrap(), "a/b");
    }

    #[test]
    fn a_status_is_known_however_it_is_spelled() {
        for (word, want) in [
            (" ACTIVE ", Status::Active),
            ("on_hold", Status::OnHold),
            ("On-Hold", Status::OnHold),
            ("Canceled", Status::Cancelled),
            ("cancelled", Status::Cancelled),
            ("on hold", Status::Other("on hold".to_owned())),
            ("suspended ", Status::Other("suspended".to_owned())),
            ("", Status::Other(String::new())),
        ] {
            assert_eq!(status(word), want, "{word}");
        }
    }

    #[test]
    fn an_end_is_told_unreadable_or_an_instant() {
        let of = |json: &str| End::of(&Object::parse(json).unwrap(), "expires_at");
        assert_eq!(of("{}"), End::NotTold);
        assert_eq!(of(r#"{"expires_at":null}"#), End::NotTold);
        assert_eq!(of(r#"{"expires_at":""}"#), End::NotTold);
        assert_eq!(of(r#"{"expires_at":"soon"}"#), End::Unreadable);
        assert_eq!(of(r#"{"expires_at":1788166800}"#), End::Unreadable);
        let nine = "2026-08-31T09:00:00Z".parse().unwrap();
        assert_eq!(of(r#"{"expires_at":"2026-08-31 09:00:00"}"#), End::At(nine, Spelled::NoZone));
    }
}
