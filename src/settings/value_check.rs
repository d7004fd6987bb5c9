//! Does a value look like its key's values do? Says what to write instead.
//!
//! Not responsible for keys that do not exist (`schema_check.rs`) or for values that contradict each other (`cross.rs`).
use super::hint::{assignment, last};
use super::schema::{Check, Key, Role, Shape};
use super::secret;
use super::tree::{Node, Place, Value};

/// Everything wrong with the value of `key`.
pub(super) fn check(key: &Key, node: &Node) -> Vec<(Place, String)> {
    let at = |message: String| vec![(node.place.clone(), message)];
    match (key.shape, &node.value) {
        (_, Value::Bad) => Vec::new(),
        (Shape::Text(check) | Shape::TextOrList(check), Value::Text(text)) => {
            check(text).err().map(at).unwrap_or_default()
        }
        (Shape::List(_) | Shape::TextOrList(_), Value::List(items))
            if items.is_empty() && key.role != Role::Optional =>
        {
            at(format!("is an empty list: write {}", assignment(key)))
        }
        (Shape::List(check) | Shape::TextOrList(check), Value::List(items)) => items
            .iter()
            .filter_map(|item| Some((item.place.clone(), item_problem(key, check, item)?)))
            .collect(),
        (Shape::Integer(low, high), Value::Integer(n)) if (low..=high).contains(n) => Vec::new(),
        (Shape::Integer(low, high), Value::Integer(n)) => {
            at(format!("{n} is out of range: write a whole number from {low} to {high}"))
        }
        (Shape::Integer(low, high), Value::Number(text)) => {
            at(format!("`{text}` is not whole or too large: write a whole number from {low} to {high}"))
        }
        (Shape::Bool, Value::Bool(_)) => Vec::new(),
        (Shape::Table, Value::Table(_)) => Vec::new(),
        (Shape::Secret, _) => secret::form(key, node).err().map(at).unwrap_or_default(),
        (Shape::Text(check), other) => at(wrong_text(key, check, other)),
        (Shape::List(check), Value::Text(text)) if check(text).is_ok() => {
            at(format!("takes a list: write {} = [\"{text}\"]", last(key)))
        }
        (_, other) => {
            at(format!("takes {}, this is {}: write {}", wanted(key), other.what(), assignment(key)))
        }
    }
}

fn item_problem(key: &Key, check: Check, item: &Node) -> Option<String> {
    match &item.value {
        Value::Text(text) => check(text).err(),
        other => Some(format!("takes texts, this is {}: write {}", other.what(), assignment(key))),
    }
}

/// Forgotten quotes are the common case: then the very value is shown in quotes.
fn wrong_text(key: &Key, check: Check, value: &Value) -> String {
    let quoted = value.unquoted().filter(|text| check(text).is_ok());
    let write = quoted.map_or_else(|| assignment(key), |text| format!("{} = \"{text}\"", last(key)));
    format!("takes text in quotes, this is {}: write {write}", value.what())
}

fn wanted(key: &Key) -> &'static str {
    match key.shape {
        Shape::Text(_) => "text in quotes",
        Shape::List(_) => "a list of texts",
        Shape::TextOrList(_) => "text in quotes or a list of texts",
        Shape::Integer(..) => "a whole number without quotes",
        Shape::Bool => "true or false without quotes",
        Shape::Secret => "the place of a secret",
        Shape::Table => "a table",
    }
}
