//! Where the config's tables and their keys were written, so that people are told which line to change.
use std::collections::BTreeMap;

use super::draft::Draft;

/// File and line by table, its name and key.
#[derive(Debug, Clone, Default)]
pub struct Places(BTreeMap<(&'static str, String, &'static str), String>);

/// The keys that a word of the plan may ask people to change.
const KEYS: [(&str, &[&str]); 2] = [
    ("policy", &["period", "max_price", "max_price_jump", "window", "before", "cycle", "match", "pay_by"]),
    ("budget", &["limit", "currency"]),
];

impl Places {
    pub(super) fn of(draft: &Draft<'_>) -> Self {
        let mut places = BTreeMap::new();
        for (table, keys) in KEYS {
            for row in draft.rows(table) {
                let Some(name) = row.text("name") else { continue };
                for key in keys {
                    let place = row.place(key);
                    let line = place.line.map(|n| format!(":{n}")).unwrap_or_default();
                    places.insert((table, name.to_owned(), *key), format!("{}{line}", place.file));
                }
            }
        }
        Self(places)
    }

    /// `FILE:LINE` of a key, or of its table where it is not given.
    #[must_use]
    pub fn find(&self, table: &'static str, name: &str, key: &'static str) -> Option<&str> {
        self.0.get(&(table, name.to_owned(), key)).map(String::as_str)
    }
}
