//! A reply as the provider writes it: flat JSON whose money is a number with its exact decimals, never through a float.
//! Not responsible for what is in it.
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use crate::domain::Money;

/// A flat JSON object that keeps the order of its fields.
#[derive(Debug, Clone, Default)]
pub(super) struct Reply(Vec<(String, Box<RawValue>)>);

/// A code of the provider's with its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Coded {
    pub(super) code: i64,
    pub(super) message: String,
}

impl Coded {
    pub(super) fn new(code: i64, message: &str) -> Self {
        Self { code, message: message.to_owned() }
    }
}

impl Reply {
    pub(super) fn new(success: bool) -> Self {
        Self::default().with("success", &success)
    }

    /// Adds a field, or replaces the one with this name.
    pub(super) fn with(self, name: &str, value: &impl Serialize) -> Self {
        let raw = to_raw_value(value).expect("plain data has a JSON form");
        self.put(name, raw)
    }

    /// Adds an amount as a JSON number: `7.18`, `8.30`, `5`.
    pub(super) fn with_money(self, name: &str, amount: Option<Money>) -> Self {
        let shown = amount.map_or_else(|| "null".to_owned(), |money| money.to_string());
        let digits = shown.strip_suffix(".00").unwrap_or(&shown).to_owned();
        let raw = RawValue::from_string(digits).expect("an amount is a JSON number");
        self.put(name, raw)
    }

    fn put(mut self, name: &str, raw: Box<RawValue>) -> Self {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = raw,
            None => self.0.push((name.to_owned(), raw)),
        }
        self
    }

    /// The field is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// The JSON text.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("a reply has a JSON form")
    }
}

impl Serialize for Reply {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
