//! The JSON fields of a call, read as strictly as the provider's pages describe them: ids are strings, counts are
//! whole numbers. Not responsible for which fields a call needs.
use serde_json::{Map, Value};

use super::{Coded, Product};

/// The fields of a JSON body.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    pub(super) fn read(body: &str) -> Result<Self, Coded> {
        match serde_json::from_str(body) {
            Ok(Value::Object(map)) => Ok(Self(map)),
            _ => Err(Coded::new(35, "Incorrect request")),
        }
    }

    /// A string that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    pub(super) fn whole(&self, name: &str) -> Option<u64> {
        self.0.get(name).and_then(Value::as_u64)
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.0.get(name).and_then(Value::as_bool)
    }

    /// A list of strings, neither empty nor with one of them twice.
    pub(super) fn ids(&self, name: &str) -> Option<Vec<String>> {
        let list = self.0.get(name)?.as_array()?;
        let ids: Option<Vec<String>> = list.iter().map(|id| id.as_str().map(str::to_owned)).collect();
        let ids = ids.filter(|ids| !ids.is_empty())?;
        let mut sorted = ids.clone();
        sorted.sort();
        sorted.dedup();
        (sorted.len() == ids.len()).then_some(ids)
    }

    pub(super) fn product(&self) -> Result<Product, Coded> {
        let product = self.text("proxyType").and_then(Product::parse);
        product.ok_or_else(|| Coded::new(4, "Incorrect proxy type"))
    }

    pub(super) fn days(&self, product: Product) -> Result<u32, Coded> {
        let days = self.whole("rentPeriodDays").and_then(|days| u32::try_from(days).ok());
        days.filter(|days| product.periods().contains(days))
            .ok_or_else(|| Coded::new(11, "Incorrect rent period"))
    }
}
