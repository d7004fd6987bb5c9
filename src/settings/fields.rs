//! A table whose keys have been checked one by one, and typed access to it.
//!
//! Not responsible for checking shapes (`walk.rs`); it parses each text again, strictly, so that nothing unchecked
//! can become a setting.
use std::collections::BTreeMap;

use super::problems::Problems;
use super::schema::{self, Key};
use super::tree::{Node, Place, Value};

/// One table: the merged scalars, or one `[[policy]]`.
pub(super) struct Fields<'p> {
    keys: &'static [Key],
    /// `policy[2]`, counted from 1 within its file; empty for the scalars.
    label: String,
    /// Where the table begins.
    pub at: Place,
    values: BTreeMap<&'static str, Node>,
    defaults: BTreeMap<&'static str, Node>,
    problems: &'p Problems,
    rows: Vec<(&'static str, Fields<'p>)>,
}

impl<'p> Fields<'p> {
    pub fn new(
        keys: &'static [Key],
        label: String,
        at: Place,
        values: BTreeMap<&'static str, Node>,
        problems: &'p Problems,
    ) -> Self {
        let defaults = schema::defaults(keys, &at);
        Self { keys, label, at, values, defaults, problems, rows: Vec::new() }
    }

    /// With the tables that repeat within it.
    pub fn with_rows(self, rows: Vec<(&'static str, Fields<'p>)>) -> Self {
        Self { rows, ..self }
    }

    /// The tables of that name within it.
    pub fn rows(&self, table: &'static str) -> impl Iterator<Item = &Fields<'p>> {
        self.rows.iter().filter(move |(name, _)| *name == table).map(|(_, fields)| fields)
    }

    /// Reports every required key of `section` (all of them for `None`) that is not there.
    pub fn require(&self, section: Option<&str>, at: &Place) {
        for key in self.keys.iter().filter(|key| key.role == schema::Role::Required) {
            let inside = section.is_none_or(|name| schema::section(key.name) == name);
            if inside && !self.values.contains_key(key.name) {
                let last = key.name.rsplit('.').next().unwrap_or(key.name);
                self.tell_at(at, key.name, format!("is missing: write {last} = {}", key.shown));
            }
        }
    }

    /// Given by somebody, rightly or wrongly.
    pub fn given(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// Where the key was given, else where its table begins.
    pub fn place(&self, key: &str) -> &Place {
        self.values.get(key).map_or(&self.at, |node| &node.place)
    }

    /// Reports a problem of that key.
    pub fn tell(&self, key: &str, message: impl Into<String>) {
        self.tell_at(self.place(key), key, message);
    }

    fn tell_at(&self, place: &Place, key: &str, message: impl Into<String>) {
        self.problems.push(place, self.full(key), message);
    }

    /// The key as people are told it.
    pub fn full(&self, key: &str) -> String {
        join(&self.label, key)
    }

    /// What the schema says of the key.
    pub fn key(&self, key: &str) -> Option<&'static Key> {
        schema::find(self.keys, key)
    }

    /// Given or default.
    pub fn node(&self, key: &str) -> Option<&Node> {
        debug_assert!(schema::find(self.keys, key).is_some(), "`{key}` is not in the schema");
        self.values.get(key).or_else(|| self.defaults.get(key))
    }

    /// The text, where there is one.
    pub fn text(&self, key: &str) -> Option<&str> {
        match &self.node(key)?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value that `parse` makes of the text.
    pub fn read<T>(&self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        self.kept(key, parse(self.text(key)?))
    }

    /// Every item of a list; a single text counts as a list of one. Absent = empty.
    pub fn list<T>(&self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        self.texts(key).into_iter().filter_map(|(_, text)| self.kept(key, parse(text))).collect()
    }

    /// The texts of a list with their places.
    pub fn texts(&self, key: &str) -> Vec<(&Place, &str)> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        items
            .iter()
            .filter_map(|item| match &item.value {
                Value::Text(text) => Some((&item.place, text.as_str())),
                _ => None,
            })
            .collect()
    }

    /// A whole number.
    pub fn integer<T: TryFrom<i64>>(&self, key: &str) -> Option<T> {
        match self.node(key)?.value {
            Value::Integer(n) => self.kept(key, T::try_from(n).map_err(|_| format!("{n} does not fit"))),
            _ => None,
        }
    }

    /// `true` or `false`.
    pub fn flag(&self, key: &str) -> Option<bool> {
        match self.node(key)?.value {
            Value::Bool(flag) => Some(flag),
            _ => None,
        }
    }

    fn kept<T>(&self, key: &str, read: Result<T, String>) -> Option<T> {
        read.map_err(|message| self.tell(key, message)).ok()
    }
}

/// A dotted name below a table's label.
pub(super) fn join(label: &str, key: &str) -> String {
    if label.is_empty() { key.to_owned() } else { format!("{label}.{key}") }
}
