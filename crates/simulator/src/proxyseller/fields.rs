//! The JSON fields of a call, as strictly as the provider takes them. Not responsible for which fields a call needs.
use serde_json::{Map, Value};

use super::Coded;

/// The fields of a JSON body.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// A POST needs an object, be it an empty one.
    pub(super) fn read(body: &str) -> Result<Self, Coded> {
        match serde_json::from_str(body) {
            Ok(Value::Object(map)) => Ok(Self(map)),
            _ => Err(Coded::new(0, "Incorrect request body")),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_null())
    }

    /// A string that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    pub(super) fn whole(&self, name: &str) -> Option<u64> {
        self.0.get(name).and_then(Value::as_u64)
    }

    /// A list of strings that is not empty.
    pub(super) fn texts(&self, name: &str) -> Option<Vec<String>> {
        let list = self.0.get(name)?.as_array()?;
        let texts: Option<Vec<String>> = list.iter().map(|id| id.as_str().map(str::to_owned)).collect();
        texts.filter(|texts| !texts.is_empty())
    }
}
