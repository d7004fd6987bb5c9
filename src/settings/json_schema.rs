//! The JSON Schema of a config file, for editors that complete and check TOML: made of the list of keys, with the words of the reference.
//!
//! It knows names, shapes and closed lists of words. Not responsible for what only `renewd check` can say: durations, addresses, how
//! values relate. A file may be one of several, so only rows of repeated tables have keys that must be there.
use serde_json::{Map, Value, json};

use super::schema::{Check, Key, ROWS, Role, Rows, SCALARS, Shape};
use super::values;

/// Where each key is described, in tables of three columns.
const REFERENCE: &str = include_str!("../../docs/configuration.md");

/// The schema, as JSON Schema 2020-12.
#[must_use]
pub fn config_schema() -> Value {
    let mut root = table("", SCALARS);
    for rows in ROWS {
        put(&mut root, rows.name, repeated(rows, rows.name));
    }
    root["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    root["$id"] = "urn:renewd:schema:config".into();
    root["title"] = "renewd's configuration".into();
    root
}

fn repeated(rows: &Rows, chapter: &str) -> Value {
    let mut row = table(chapter, rows.keys);
    for inner in rows.rows {
        let mut list = repeated(inner, chapter);
        list["description"] = described(chapter, inner.name).into();
        put(&mut row, inner.name, list);
    }
    json!({ "type": "array", "items": row })
}

/// An object with these keys, dotted ones within objects of their own.
fn table(chapter: &str, keys: &[Key]) -> Value {
    let mut object = object();
    for key in keys {
        put(&mut object, key.name, value(chapter, key));
        if key.role == Role::Required && !chapter.is_empty() {
            let required = object["required"].as_array().cloned().unwrap_or_default();
            object["required"] = required.into_iter().chain([key.name.into()]).collect();
        }
    }
    object
}

fn object() -> Value {
    json!({ "type": "object", "properties": {}, "additionalProperties": false })
}

fn put(object: &mut Value, path: &str, schema: Value) {
    let Some((first, rest)) = path.split_once('.') else {
        object["properties"][path] = schema;
        return;
    };
    let inner = &mut object["properties"][first];
    if inner.is_null() {
        *inner = self::object();
    }
    put(inner, rest, schema);
}

fn value(chapter: &str, key: &Key) -> Value {
    let mut schema = match key.shape {
        Shape::Text(check) => text(check),
        Shape::List(check) => json!({ "type": "array", "items": text(check) }),
        Shape::TextOrList(check) => {
            json!({ "anyOf": [text(check), { "type": "array", "items": text(check), "minItems": 1 }] })
        }
        Shape::Integer(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Secret => secret(),
        Shape::Table => json!({ "type": "object" }),
    };
    schema["description"] = described(chapter, key.name).into();
    if let Some(shown) = shown(key) {
        match key.role {
            Role::Default => schema["default"] = shown,
            Role::Required | Role::Optional => schema["examples"] = json!([shown]),
        }
    }
    schema
}

fn text(check: Check) -> Value {
    match values::words(check) {
        words if words.is_empty() => json!({ "type": "string" }),
        words => json!({ "type": "string", "enum": words }),
    }
}

/// Exactly one of the three places.
fn secret() -> Value {
    let place = |name: &str, what: &str| {
        let mut place = json!({ "type": "string", "minLength": 1 });
        place["description"] = what.into();
        let properties = Map::from_iter([(name.to_owned(), place)]);
        json!({ "type": "object", "properties": properties, "required": [name], "additionalProperties": false })
    };
    json!({ "oneOf": [
        place("file", "A file that holds the secret alone, readable by its owner only"),
        place("env", "A variable of the environment"),
        place("credential", "The name in systemd's LoadCredential="),
    ] })
}

/// The default or example as JSON.
fn shown(key: &Key) -> Option<Value> {
    let table: toml::Table = toml::from_str(&format!("it = {}", key.shown)).ok()?;
    serde_json::to_value(table.get("it")?).ok()
}

/// What the reference says of a key, without its links.
fn described(chapter: &str, key: &str) -> String {
    // Within `not` and `any` the keys of `match` mean the same.
    let plain = key.strip_prefix("match.not.").map(|rest| format!("match.{rest}"));
    let in_any = (chapter == "policy" && !key.contains('.')).then(|| format!("match.{key}"));
    let names = [Some(key.to_owned()), plain, in_any];
    let found = names.into_iter().flatten().find_map(|name| row(chapter, &name));
    found.map(plain_words).unwrap_or_default()
}

/// The third column of the row that names the key, in the chapter of its table.
fn row(chapter: &str, key: &str) -> Option<&'static str> {
    let heading = format!("`[[{chapter}]]`");
    let mut here = chapter.is_empty();
    let quoted = format!("`{key}`");
    for line in REFERENCE.lines() {
        if line.starts_with("##") && !chapter.is_empty() {
            here = line.contains(&heading) || (here && line.starts_with("###") && !line.contains('['));
        }
        let mut cells = line.trim_matches('|').split(" | ");
        if here && line.starts_with('|') && cells.next()?.trim().split(", ").any(|name| name == quoted) {
            return cells.nth(1).map(str::trim).filter(|text| !text.is_empty());
        }
    }
    None
}

/// `[words](place)` as `words`, and no backticks.
fn plain_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("](") {
        let (before, link) = rest.split_at(at);
        let (kept, label) = before.rsplit_once('[').unwrap_or((before, ""));
        out.push_str(kept);
        out.push_str(label);
        rest = link.split_once(')').map_or("", |(_, behind)| behind);
    }
    out.push_str(rest);
    out.replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every schema of a value, with its path.
    fn leaves(at: &str, schema: &Value, all: &mut Vec<(String, Value)>) {
        let inner = if schema["type"] == "array" { &schema["items"] } else { schema };
        match inner["properties"].as_object() {
            Some(keys) => keys.iter().for_each(|(key, inner)| leaves(&format!("{at}.{key}"), inner, all)),
            None => all.push((at.to_owned(), schema.clone())),
        }
    }

    #[test]
    fn every_key_has_a_description_but_those_whose_name_says_it_all() {
        let mut all = Vec::new();
        leaves("", &config_schema(), &mut all);
        assert!(all.len() > 100, "{}", all.len());
        let bare: Vec<&str> = all
            .iter()
            .filter(|(_, schema)| schema["description"].as_str().is_none_or(str::is_empty))
            .map(|(path, _)| path.as_str())
            .filter(|path| !path.ends_with(".name"))
            .filter(|path| !path.starts_with(".label.match"))
            .collect();
        assert!(bare.is_empty(), "{bare:?}");
    }

    #[test]
    fn closed_lists_are_told_word_by_word() {
        let schema = config_schema();
        let policy = &schema["properties"]["policy"]["items"]["properties"];
        assert_eq!(policy["action"]["enum"], json!(["renew", "watch", "release", "ignore"]));
        assert_eq!(policy["before"]["type"], "string");
        assert!(policy["before"]["enum"].is_null());
        let channel = &schema["properties"]["alerts"]["properties"]["channel"]["items"]["properties"];
        assert_eq!(channel["severity"]["items"]["enum"].as_array().map(Vec::len), Some(3));
        assert!(channel["format"]["enum"].as_array().is_some_and(|words| words.contains(&json!("matrix"))));
        assert_eq!(policy["match"]["properties"]["any"]["type"], "array");
    }

    #[test]
    fn links_become_words() {
        assert_eq!(plain_words("a `b` [c d](e.md#f), [g](h)."), "a b c d, g.");
    }
}
