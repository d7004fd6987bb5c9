//! The JSON Schema of the config: it takes what renewd takes, and finds a misspelt key as an editor would.
use std::fs;
use std::path::Path;

use renewd::settings::{EXAMPLE, config_schema};
use serde_json::Value;

use super::LEAST;

fn validator() -> jsonschema::Validator {
    jsonschema::validator_for(&config_schema()).unwrap()
}

/// What an editor would mark.
fn marks(validator: &jsonschema::Validator, text: &str) -> Vec<String> {
    let table: toml::Table = toml::from_str(text).unwrap();
    let document: Value = serde_json::to_value(table).unwrap();
    validator.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path())).collect()
}

#[test]
fn every_shipped_config_fits() {
    let validator = validator();
    let uncommented: Vec<String> = EXAMPLE
        .lines()
        .map(|line| {
            let bare =
                line.strip_prefix('#').filter(|rest| !rest.is_empty() && !rest.starts_with([' ', ':']));
            bare.unwrap_or(line).to_owned()
        })
        .collect();
    let mut all = vec![
        ("the example".to_owned(), EXAMPLE.to_owned()),
        ("uncommented".to_owned(), uncommented.join("\n")),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/examples");
    for file in fs::read_dir(folder).unwrap().flatten() {
        if file.path().extension().is_some_and(|ext| ext == "toml") {
            all.push((file.path().display().to_string(), fs::read_to_string(file.path()).unwrap()));
        }
    }
    all.push(("the least".to_owned(), LEAST.to_owned()));
    assert!(all.len() > 5);
    for (name, text) in all {
        assert_eq!(marks(&validator, &text), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn what_an_editor_should_mark_is_marked() {
    let validator = validator();
    for (what, text) in [
        ("a misspelt key", "stat_dir = \"/x\""),
        ("a misspelt key of a section", "[timing]\nlagwindow = \"1m\""),
        ("a misspelt key of a row", &LEAST.replace("action =", "acton =")),
        ("a row without its name", &LEAST.replace("name = \"all\"", "")),
        ("a key of `match` that does not exist", &format!("{LEAST}match.colour = [\"red\"]")),
        ("a key of `any` that does not exist", &format!("{LEAST}match.any = [{{ colour = [\"red\"] }}]")),
        ("a word that is none", &LEAST.replace("\"renew\"", "\"renews\"")),
        ("a number in quotes", "[timing]\nsettle_reads = \"3\""),
        ("a number that is too large", "[timing]\nsettle_reads = 1000"),
        ("a secret in the file", &LEAST.replace("{ file = \"yp.key\" }", "\"k-123\"")),
        (
            "a secret from two places",
            &LEAST.replace("{ file = \"yp.key\" }", "{ file = \"a\", env = \"B\" }"),
        ),
        ("one pair of brackets", "[account]\nname = \"yp\""),
    ] {
        assert!(!marks(&validator, text).is_empty(), "{what} is not marked: {text}");
    }
}

#[test]
fn the_example_names_its_schema_in_the_first_line() {
    let first = EXAMPLE.lines().next().unwrap();
    assert_eq!(first, "#:schema file:///usr/share/renewd/schema/config.json");
}

#[test]
fn every_config_that_the_package_brings_to_edit_tells_an_editor_where_the_schema_is() {
    let skeleton = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/etc/renewd.toml");
    let hint = "#:schema file:///usr/share/renewd/schema/config.json";
    for text in [EXAMPLE.to_owned(), fs::read_to_string(skeleton).unwrap()] {
        assert_eq!(text.lines().next(), Some(hint));
    }
}
