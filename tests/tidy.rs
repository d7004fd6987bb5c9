//! The house's measures: arrows between modules, file lengths, headers, clocks, floats, names. Each check is first shown to fail.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};

struct File {
    path: String,
    text: String,
}

fn sources() -> Vec<File> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    walk(&root.join("src"), &root, &mut all);
    assert!(all.len() > 60, "the sources were found");
    all
}

fn walk(dir: &Path, root: &Path, all: &mut Vec<File>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, root, all);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let name = path.strip_prefix(root).unwrap().display().to_string();
            all.push(File { path: name, text: fs::read_to_string(&path).unwrap() });
        }
    }
}

/// What ships: without the tests at a file's end.
fn product(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

fn module(path: &str) -> &str {
    path.trim_start_matches("src/").trim_end_matches(".rs").split('/').next().unwrap_or_default()
}

/// Which modules a module may name. Ports are named by their folder; `ledger` and `providers` are ports with adapters behind.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("redact", &[]),
    ("exit", &[]),
    ("policy", &["domain"]),
    ("budget", &["domain"]),
    ("evidence", &["domain"]),
    ("planner", &["domain", "policy"]),
    ("clock", &["domain"]),
    ("ledger", &["domain"]),
    ("alerting", &["domain", "ledger"]),
    ("settings", &["domain", "policy", "planner", "budget", "daemon_schedule"]),
    ("providers", &["domain", "clock", "redact", "ledger"]),
    ("notify", &["domain", "clock", "ledger", "settings", "alerting"]),
    ("http", &[]),
    ("simulator", &["domain", "clock"]),
    (
        "engine",
        &["domain", "policy", "planner", "budget", "evidence", "clock", "ledger", "providers", "settings"],
    ),
    ("documents", &["domain", "policy", "planner", "budget", "ledger", "settings", "engine"]),
];

fn named(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + 7..];
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if !name.is_empty() {
            all.push(name);
        }
    }
    all
}

fn bad_arrows(file: &File) -> Vec<String> {
    let from = module(&file.path);
    let Some((_, allowed)) = ARROWS.iter().find(|(m, _)| *m == from) else { return Vec::new() };
    let bad =
        named(product(&file.text)).into_iter().filter(|to| to != from && !allowed.contains(&to.as_str()));
    bad.map(|to| format!("{}: {from} must not name {to}", file.path)).collect()
}

#[test]
fn arrows_point_down_only() {
    let wrong = File { path: "src/domain/x.rs".into(), text: "use crate::engine::Viewer;".into() };
    assert_eq!(bad_arrows(&wrong).len(), 1, "the check can fail");
    let all: Vec<String> = sources().iter().flat_map(bad_arrows).collect();
    assert!(all.is_empty(), "{all:#?}");
}

fn impure(file: &File) -> Vec<String> {
    let pure = ["domain", "policy", "planner", "budget", "evidence", "alerting", "redact"];
    let banned =
        ["tokio::", "tracing::", "reqwest", "rusqlite", "lettre", "std::fs", "std::net::Tcp", "f32", "f64"];
    if !pure.contains(&module(&file.path)) {
        return Vec::new();
    }
    banned
        .iter()
        .filter(|b| product(&file.text).contains(*b))
        .map(|b| format!("{}: {b}", file.path))
        .collect()
}

#[test]
fn the_core_is_pure() {
    let wrong = File { path: "src/evidence.rs".into(), text: "tracing::info!(\"x\")".into() };
    assert_eq!(impure(&wrong).len(), 1, "the check can fail");
    let all: Vec<String> = sources().iter().flat_map(impure).collect();
    assert!(all.is_empty(), "{all:#?}");
}

#[test]
fn the_engine_names_no_adapter_and_a_provider_is_named_only_at_home() {
    for file in sources() {
        let text = product(&file.text);
        if module(&file.path) == "engine" {
            for name in ["youproxy", "sqlite", "lettre", "email"] {
                assert!(!text.to_lowercase().contains(name), "{}: {name}", file.path);
            }
        }
        let home = [
            "src/providers/youproxy",
            "src/providers/wiring.rs",
            "src/simulator",
            "src/settings",
            "src/cli/demo.rs",
        ];
        let at_home = home.iter().any(|h| file.path.starts_with(h));
        let code: String = text.lines().filter(|l| !l.trim_start().starts_with("//")).collect();
        let test = file.path.ends_with("tests.rs");
        let mention = code.contains("youproxy") && file.path != "src/providers/mod.rs" && !test;
        assert!(at_home || !mention, "{} names a provider", file.path);
    }
}

fn long(file: &File) -> Option<String> {
    let lines = product(&file.text).lines().count();
    (lines > 400).then(|| format!("{}: {lines} lines", file.path))
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let wrong = File { path: "src/x.rs".into(), text: "x\n".repeat(401) };
    assert!(long(&wrong).is_some(), "the check can fail");
    for file in sources() {
        assert!(file.text.starts_with("//!"), "{} does not open with //!", file.path);
        assert_eq!(long(&file), None);
    }
}

#[test]
fn one_file_reads_the_clock_and_only_main_ends_the_process() {
    for file in sources() {
        let text = product(&file.text);
        let clock = ["Timestamp::now()", "SystemTime::now()", "Instant::now()", "Zoned::now()"];
        let reads = clock.iter().any(|c| text.contains(c));
        assert!(!reads || file.path == "src/clock.rs", "{} reads a clock", file.path);
        assert!(!text.contains("process::exit") && !text.contains("process::abort"), "{}", file.path);
    }
}

#[test]
fn shipped_migrations_never_change() {
    use sha2::{Digest, Sha256};
    let hashes: Vec<String> = renewd::ledger::sqlite::MIGRATIONS
        .iter()
        .map(|(name, sql)| {
            let hash: String = Sha256::digest(sql).iter().take(8).map(|b| format!("{b:02x}")).collect();
            format!("{name} {hash}")
        })
        .collect();
    insta::assert_snapshot!(hashes.join("\n"));
}

#[test]
fn every_alert_cause_is_documented() {
    let docs = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/alerts.md")).unwrap();
    for word in renewd::policy::Word::ALL.iter().filter(|w| w.decision() == renewd::policy::Decision::Hold) {
        assert!(docs.contains(&format!("`{}", word.as_str())), "{} is not in docs/alerts.md", word.as_str());
    }
}
