//! Walks a file's tree along the schema: unknown keys, wrong shapes, rows and sections.
//!
//! Not responsible for what was overridden by a later layer or for how values relate.
use std::collections::BTreeMap;

use super::fields::{Fields, join};
use super::problems::Problems;
use super::schema::{self, Key, Rows};
use super::tree::{Node, Place, Value};
use crate::settings::value_check;

/// What a table holds, every value checked on its own. Wrong ones are reported and kept as [`Value::Bad`].
#[derive(Default)]
pub(super) struct Found<'p> {
    pub values: BTreeMap<&'static str, Node>,
    /// Every `[section]` that was written, also an empty one.
    pub sections: Vec<(String, Place)>,
    /// The rows with the name of their table.
    pub rows: Vec<(&'static str, Fields<'p>)>,
}

/// Walks a whole file.
pub(super) fn file<'p>(entries: &[(String, Node)], problems: &'p Problems) -> Found<'p> {
    let mut walk =
        Walk { keys: schema::SCALARS, rows: schema::ROWS, label: "", problems, found: Found::default() };
    walk.table("", entries);
    walk.found
}

struct Walk<'p, 'l> {
    keys: &'static [Key],
    rows: &'static [Rows],
    label: &'l str,
    problems: &'p Problems,
    found: Found<'p>,
}

impl Walk<'_, '_> {
    fn table(&mut self, section: &str, entries: &[(String, Node)]) {
        for (name, node) in entries {
            let path = join(section, name);
            // A quoted "a.b" is one odd key, not a path.
            let plain = !name.contains('.');
            if let Some(rows) = self.rows.iter().find(|rows| plain && rows.name == path) {
                self.rows(rows, node);
            } else if let Some(key) = schema::find(self.keys, &path).filter(|_| plain) {
                self.value(key, node);
            } else if plain && self.is_section(&path) {
                self.section(&path, node);
            } else {
                self.tell(&node.place, &path, self.unknown(section, name));
            }
        }
    }

    fn value(&mut self, key: &'static Key, node: &Node) {
        let wrong = value_check::check(key, node);
        let value = if wrong.is_empty() { node.value.clone() } else { Value::Bad };
        for (place, message) in wrong {
            self.tell(&place, key.name, message);
        }
        self.found.values.insert(key.name, Node { value, place: node.place.clone() });
    }

    fn section(&mut self, path: &str, node: &Node) {
        match &node.value {
            Value::Table(entries) => {
                self.found.sections.push((path.to_owned(), node.place.clone()));
                self.table(path, entries);
            }
            other => {
                let message =
                    format!("is a table, this is {}: write [{path}] with single brackets", other.what());
                self.tell(&node.place, path, message);
            }
        }
    }

    fn rows(&mut self, rows: &'static Rows, node: &Node) {
        let name = rows.name;
        let Value::List(items) = &node.value else {
            let message = format!("may come several times: write [[{name}]] with two brackets");
            return self.tell(&node.place, name, message);
        };
        for (index, item) in items.iter().enumerate() {
            let label = join(self.label, &format!("{name}[{}]", index + 1));
            let Value::Table(entries) = &item.value else {
                let message = format!("is a table, this is {}: write [[{name}]]", item.value.what());
                self.problems.push(&item.place, label, message);
                continue;
            };
            let problems = self.problems;
            let mut walk =
                Walk { keys: rows.keys, rows: rows.rows, label: &label, problems, found: Found::default() };
            walk.table("", entries);
            let values = walk.found.values;
            let fields = Fields::new(rows.keys, label.clone(), item.place.clone(), values, problems)
                .with_rows(walk.found.rows);
            fields.require(None, &item.place);
            self.found.rows.push((name, fields));
        }
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().map(|key| key.name).chain(self.rows.iter().map(|rows| rows.name))
    }

    fn is_section(&self, path: &str) -> bool {
        self.names().any(|name| name.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
    }

    fn tell(&self, place: &Place, path: &str, message: impl Into<String>) {
        self.problems.push(place, join(self.label, path), message);
    }

    /// What somebody may have meant: a name like it in the same table, or the same name elsewhere.
    fn unknown(&self, section: &str, name: &str) -> String {
        let here: Vec<&'static str> = self
            .names()
            .filter_map(|known| match section {
                "" => Some(known),
                _ => known.strip_prefix(section)?.strip_prefix('.'),
            })
            .filter_map(|rest| rest.split('.').next())
            .collect();
        if let Some(close) = closest(name, here.iter().copied()) {
            return format!("unknown key: did you mean `{close}`?");
        }
        let last = |known: &str| known.rsplit('.').next() == Some(name);
        if let Some(known) = self.names().find(|known| last(known)) {
            return format!("unknown key here: it belongs into [{}]", schema::section(known));
        }
        if let Some(rows) = schema::ROWS.iter().find(|rows| schema::find(rows.keys, name).is_some()) {
            return format!("unknown key here: it belongs into [[{}]]", rows.name);
        }
        let mut known = here;
        known.dedup();
        format!("unknown key: there are {}", known.join(", "))
    }
}

/// The candidate that `name` was probably meant to be.
pub(super) fn closest<'c>(name: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let lower = name.to_lowercase();
    let allowed = (lower.len() / 3).clamp(1, 3);
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
