//! Puts the layers of scalars on top of each other: files in their order, then the environment.
//!
//! The `config` crate merges, but it coerces what it carries (3.7 becomes 4, "on" becomes true). So what it carries
//! are not values but their numbers in a list: which layer wins is its affair, what the value is stays ours.
use std::collections::BTreeMap;
use std::sync::Arc;

use config::{Config, ConfigError, Map, Source};

use super::problems::Problems;
use super::schema::{ROWS, SCALARS, Shape};
use super::tree::{Node, Place, Value};
use crate::settings::schema_check::closest;
use crate::settings::value_check;

const PREFIX: &str = "RENEWD__";

type Scalars = BTreeMap<&'static str, Node>;

/// One layer as `config` sees it: key → number of its value.
#[derive(Debug, Clone)]
struct Layer(Vec<(&'static str, u64)>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, config::Value>, ConfigError> {
        Ok(self.0.iter().map(|(key, at)| ((*key).to_owned(), config::Value::new(None, *at))).collect())
    }
}

/// The winner of every key that some layer has; later layers win.
///
/// # Errors
/// Whatever `config` cannot merge; no layer made by the schema is known to cause that.
pub(super) fn merge(layers: Vec<Scalars>) -> Result<Scalars, ConfigError> {
    let mut nodes: Vec<Node> = Vec::new();
    let mut builder = Config::builder();
    for layer in layers {
        let mut numbers = Vec::new();
        for (key, node) in layer {
            numbers.push((key, nodes.len() as u64));
            nodes.push(node);
        }
        builder = builder.add_source(Layer(numbers));
    }
    let merged = builder.build()?;
    let mut winners = Scalars::new();
    for key in SCALARS {
        match merged.get::<usize>(key.name) {
            Ok(at) => winners.extend(nodes.get(at).map(|node| (key.name, node.clone()))),
            Err(ConfigError::NotFound(_)) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(winners)
}

/// `RENEWD__TIMING__LAG_WINDOW` for `timing.lag_window`.
fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase().replace('.', "__"))
}

/// The layer of the environment: scalars only, each read as strictly as in a file.
pub(super) fn environment(variables: &[(String, String)], rank: usize, problems: &Problems) -> Scalars {
    let place = Place { file: Arc::from("environment"), rank, line: None };
    let mut layer = Scalars::new();
    for (name, text) in variables.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
        let Some(key) = SCALARS.iter().find(|key| variable(key.name) == *name) else {
            problems.push(&place, name.as_str(), unknown(name));
            continue;
        };
        let value = match key.shape {
            Shape::Text(_) => Value::Text(text.clone()),
            Shape::Integer(..) => text.parse().map_or_else(|_| Value::Text(text.clone()), Value::Integer),
            _ => {
                let message =
                    format!("{name} cannot override a list or a secret: write `{}` in a file", key.name);
                problems.push(&place, key.name, message);
                continue;
            }
        };
        let node = Node { value, place: place.clone() };
        let wrong = value_check::check(key, &node);
        let value = if wrong.is_empty() { node.value } else { Value::Bad };
        for (place, message) in wrong {
            problems.push(&place, key.name, format!("{name}: {message}"));
        }
        layer.insert(key.name, Node { value, place: place.clone() });
    }
    layer
}

fn unknown(name: &str) -> String {
    if let Some(rows) = ROWS.iter().find(|rows| name.starts_with(&variable(rows.name))) {
        return format!("the environment overrides scalars only: write [[{}]] in a file", rows.name);
    }
    let scalar = |shape| matches!(shape, Shape::Text(_) | Shape::Integer(..));
    let known: Vec<String> =
        SCALARS.iter().filter(|key| scalar(key.shape)).map(|key| variable(key.name)).collect();
    match closest(name, known.iter().map(String::as_str)) {
        Some(close) => format!("names no key: did you mean {close}?"),
        None => format!("names no key: write {PREFIX}SECTION__KEY, such as RENEWD__TIMING__LAG_WINDOW"),
    }
}
