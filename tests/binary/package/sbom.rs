//! The bill of materials in the package: complete, closed, and of what is shipped alone. Read from `scripts/sbom`, which the package calls.
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Crates by name, with the number of their versions.
fn locked() -> BTreeMap<String, usize> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
    let lock: toml::Table = std::fs::read_to_string(file).unwrap().parse().unwrap();
    let mut all = BTreeMap::new();
    for package in lock["package"].as_array().unwrap() {
        *all.entry(package["name"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    all
}

#[test]
fn the_bill_of_materials_names_what_is_linked_and_nothing_of_the_tests() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = |epoch: &str| {
        let mut command = Command::new(home.join("scripts/sbom"));
        let out = command.env("SOURCE_DATE_EPOCH", epoch).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    let text = made("1700000000");
    let bill: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((bill["bomFormat"].as_str(), bill["specVersion"].as_str()), (Some("CycloneDX"), Some("1.5")));
    assert_eq!(bill["metadata"]["component"]["name"], "renewd");
    assert_eq!(bill["metadata"]["timestamp"], "2023-11-14T22:13:20Z");
    let locked = locked();
    let mut names = BTreeSet::new();
    for one in bill["components"].as_array().unwrap() {
        let name = one["name"].as_str().unwrap();
        assert!(locked.contains_key(name), "{name} is not in Cargo.lock");
        assert!(one["licenses"][0]["expression"].is_string(), "{one:#}");
        let ours = name.starts_with("renewd-");
        assert_eq!(one["hashes"].is_array(), !ours, "{one:#}");
        names.insert(name);
    }
    for linked in ["rustls", "rusqlite", "lettre", "tokio", "renewd-core", "libsqlite3-sys"] {
        assert!(names.contains(linked), "{linked} is linked");
    }
    for of_tests in ["insta", "rcgen", "rstest", "proptest", "jsonschema"] {
        assert!(!names.contains(of_tests), "{of_tests} is of the tests");
    }
    let own = bill["metadata"]["component"]["bom-ref"].as_str().unwrap();
    let components = bill["components"].as_array().unwrap();
    let known: BTreeSet<&str> =
        components.iter().map(|one| one["bom-ref"].as_str().unwrap()).chain([own]).collect();
    for edge in bill["dependencies"].as_array().unwrap() {
        assert!(known.contains(edge["ref"].as_str().unwrap()), "{edge:#}");
        assert!(
            edge["dependsOn"].as_array().unwrap().iter().all(|on| known.contains(on.as_str().unwrap())),
            "{edge:#}"
        );
    }
    assert_eq!(text, made("1700000000"), "the same tree gives the same text");
}
