//! What an item of a list and a single order both say of an order. Each part may be missing: items are sparse.
//!
//! Not responsible for which source is believed: see `map.rs`.
use crate::domain::nominal_days;

use super::json::{self, Object};
use super::wire::{self, End};

/// `None` = not told, or not readable where that changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// `product_name`.
    pub product: Option<String>,
    /// `cycle_name`, or `cycle_id` where there is no name.
    pub cycle: Option<String>,
    /// `expires_at`.
    pub end: End,
    /// `auto_renewal`.
    pub auto_renewal: Option<bool>,
    /// `tag` as it stands there, the literal `none` included.
    pub tag: Option<String>,
    /// `location`, where it is told.
    pub location: Option<String>,
}

impl Facts {
    /// Nothing told.
    pub const NONE: Self =
        Self { product: None, cycle: None, end: End::NotTold, auto_renewal: None, tag: None, location: None };

    /// Reads what stands there. Source: the vendor's reference, items of `/orders` and the order of `/orders/{id}`; `location` is
    /// in neither schema and taken where it is sent.
    pub fn read(object: &Object<'_>) -> Self {
        Self {
            product: wire::first_words(object, &["product_name"]),
            cycle: wire::first_words(object, &["cycle_name", "cycle_id"]),
            end: End::of(object, "expires_at"),
            auto_renewal: object.get("auto_renewal").and_then(json::flag),
            tag: wire::first_words(object, &["tag"]),
            location: wire::first_words(object, &["location"]),
        }
    }

    /// These, and where they say nothing, the others.
    pub fn or(&self, others: &Self) -> Self {
        Self {
            product: self.product.clone().or_else(|| others.product.clone()),
            cycle: self.cycle.clone().or_else(|| others.cycle.clone()),
            end: self.end.or(others.end),
            auto_renewal: self.auto_renewal.or(others.auto_renewal),
            tag: self.tag.clone().or_else(|| others.tag.clone()),
            location: self.location.clone().or_else(|| others.location.clone()),
        }
    }

    /// Takes in a second telling of the same order. Whether the two contradict each other; what they disagree on is then not
    /// told.
    pub fn merge(&mut self, other: &Self) -> bool {
        let ends = match (self.end.at(), other.end.at()) {
            (Some(a), Some(b)) => !a.stands(b, self.days().max(other.days())),
            _ => self.end != other.end && self.end != End::NotTold && other.end != End::NotTold,
        };
        let flags = self.auto_renewal.zip(other.auto_renewal).is_some_and(|(a, b)| a != b);
        let products = differ(self.product.as_ref(), other.product.as_ref());
        let cycles = differ(self.cycle.as_ref(), other.cycle.as_ref());
        let torn = ends || flags || products || cycles;
        let whole = self.or(other);
        *self = Self {
            end: if ends { End::NotTold } else { whole.end.finer(other.end) },
            auto_renewal: whole.auto_renewal.filter(|_| !flags),
            cycle: whole.cycle.clone().filter(|_| !cycles),
            ..whole
        };
        torn
    }

    /// Whether both say the same, an end perhaps in another spelling.
    pub fn is_like(&self, other: &Self) -> bool {
        let ends = match (self.end.at(), other.end.at()) {
            (Some(a), Some(b)) => a.stands(b, self.days().max(other.days())),
            _ => self.end == other.end,
        };
        ends && *self == Self { end: self.end, ..other.clone() }
    }

    /// How long its terms are, nominally; 0 where that is not told.
    fn days(&self) -> u32 {
        self.cycle.as_deref().map_or(0, nominal_days)
    }

    /// The tag, the literal `none` being none.
    pub fn own_tag(&self) -> Option<String> {
        self.tag.clone().filter(|tag| !tag.eq_ignore_ascii_case("none"))
    }
}

fn differ(a: Option<&String>, b: Option<&String>) -> bool {
    a.zip(b).is_some_and(|(a, b)| a != b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(json: &str) -> Facts {
        Facts::read(&Object::parse(json).unwrap())
    }

    #[test]
    fn two_tellings_complete_each_other() {
        let mut facts_ = facts(r#"{"product_name":"ISP Proxy","auto_renewal":false}"#);
        let torn = facts_.merge(&facts(r#"{"cycle_id":"monthly","expires_at":"2026-12-01","tag":"none"}"#));
        assert!(!torn);
        assert_eq!(
            (facts_.product.as_deref(), facts_.cycle.as_deref()),
            (Some("ISP Proxy"), Some("monthly"))
        );
        assert_eq!((facts_.auto_renewal, facts_.own_tag()), (Some(false), None));
        assert!(facts_.end.at().is_some());
    }

    #[test]
    fn what_two_tellings_disagree_on_is_not_told() {
        let mut facts_ =
            facts(r#"{"product_name":"A","expires_at":"2026-12-01T00:00:00Z","auto_renewal":true}"#);
        assert!(facts_.merge(&facts(r#"{"expires_at":"2027-01-01T00:00:00Z","auto_renewal":false}"#)));
        assert_eq!((facts_.end, facts_.auto_renewal), (End::NotTold, None));
        let mut alike = facts(r#"{"expires_at":"2026-12-01T00:00:00Z"}"#);
        assert!(!alike.merge(&facts(r#"{"expires_at":"2026-12-01 00:00:00"}"#)));
    }
}
