//! The keys of `[[account]]` that are for a program of the owner's. Not responsible for running it, nor for who may change it.
use serde_json::value::RawValue;

use super::fields::Fields;
use super::program::ProgramSettings;
use super::tree::{Node, Value};
use super::values as v;

/// Keys that only such an account has.
const KEYS: [&str; 5] = ["command", "settings", "trust_refusals", "require_check", "secret_env"];

/// The program of an account; `None` where it has none, or one that is wrong.
pub(super) fn of(row: &Fields<'_>, provider: &str) -> Option<ProgramSettings> {
    if provider != v::PROGRAM {
        for key in KEYS.into_iter().filter(|key| row.given(key)) {
            row.tell(key, format!("is for provider = \"{}\": leave it out", v::PROGRAM));
        }
        return None;
    }
    if row.given("base_url") {
        row.tell("base_url", "is not for a program: write settings = { base_url = \"…\" }, if it takes one");
    }
    let command = row.list("command", v::line);
    match command.first() {
        None => {
            let shown = row.key("command").map_or("", |key| key.shown);
            row.tell("command", format!("is missing: write command = {shown}"));
            return None;
        }
        Some(first) if !first.starts_with('/') => {
            row.tell(
                "command",
                format!("`{first}` is not a whole path: renewd does not search PATH, so start with /"),
            );
            return None;
        }
        Some(_) => {}
    }
    if row.given("secret_env") && !row.given("api_key") {
        row.tell("secret_env", "there is no `api_key` to be put there: add one, or leave this out");
    }
    Some(ProgramSettings {
        command,
        settings: settings(row)?,
        trust_refusals: row.flag("trust_refusals").unwrap_or(false),
        require_check: row.flag("require_check").unwrap_or(false),
        secret_env: row.read("secret_env", v::variable),
    })
}

fn settings(row: &Fields<'_>) -> Option<Box<RawValue>> {
    let json = match row.node("settings").map(|node| &node.value) {
        None => Ok("{}".to_owned()),
        Some(Value::Table(entries)) => table(entries),
        Some(_) => return None,
    };
    let raw = json.and_then(|json| RawValue::from_string(json).map_err(|e| e.to_string()));
    raw.map_err(|why| row.tell("settings", why)).ok()
}

fn table(entries: &[(String, Node)]) -> Result<String, String> {
    let pairs = entries.iter().map(|(key, node)| Ok(format!("{}:{}", quoted(key), json(&node.value)?)));
    Ok(format!("{{{}}}", pairs.collect::<Result<Vec<_>, String>>()?.join(",")))
}

/// Numbers keep their digits: no float is made of them on the way.
fn json(value: &Value) -> Result<String, String> {
    match value {
        Value::Text(text) | Value::Date(text) => Ok(quoted(text)),
        Value::Integer(n) => Ok(n.to_string()),
        Value::Number(text) => {
            let plain = text.replace('_', "");
            let plain = plain.strip_prefix('+').unwrap_or(&plain);
            serde_json::from_str::<&RawValue>(plain)
                .map(|raw| raw.get().to_owned())
                .map_err(|_| format!("holds {text}, which JSON does not have: write it in quotes"))
        }
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::List(items) => {
            let items = items.iter().map(|item| json(&item.value));
            Ok(format!("[{}]", items.collect::<Result<Vec<_>, _>>()?.join(",")))
        }
        Value::Table(entries) => table(entries),
        Value::Bad => Err("cannot be read".to_owned()),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
