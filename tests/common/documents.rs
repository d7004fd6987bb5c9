//! Every JSON document that a command prints is held against its schema: whatever a test is about, it is about that too.
#![allow(clippy::unwrap_used, missing_docs, reason = "helpers of tests: a panic is a failed test")]
use std::collections::HashMap;
use std::ffi::OsStr;
use std::sync::{Mutex, OnceLock, PoisonError};

use renewd::views::Document;
use serde_json::Value;

/// Commands that note, copy or send something.
const DO: [&str; 14] = [
    "approve",
    "reject",
    "keep",
    "pause",
    "resume",
    "resolve",
    "silence",
    "backup",
    "test-mail",
    "test-alert",
    "init",
    "ledger",
    "demo",
    "simulate",
];

/// What the commands print that are called like a document, and those that print another's.
fn document_of(args: &[&str]) -> Option<Document> {
    let called = |arg: &&str| {
        let looks = ["apply", "order", "provider"].contains(arg);
        looks || DO.contains(arg) || Document::named(arg).is_some()
    };
    // A value of an option may be called like a command, but stands behind the command.
    let command = args.iter().position(called)?;
    match args[command] {
        "history" if args.contains(&"--verify") => Some(Document::Verify),
        "check" if args.contains(&"--diff") => Some(Document::Changes),
        "apply" => Some(Document::Once),
        "provider" => Some(Document::ProviderCheck),
        "order" if args.contains(&"options") => Some(Document::Options),
        "order" if !args.contains(&"--preview") => Some(Document::Order),
        name if name == "order" || DO.contains(&name) => Some(Document::Done),
        name => Document::named(name),
    }
}

/// What this command printed is what its schema says.
pub fn hold<'a>(args: impl Iterator<Item = &'a OsStr>, printed: &Value) {
    let args: Vec<&str> = args.filter_map(OsStr::to_str).collect();
    assert_eq!(printed["schema"], 1, "{args:?}: {printed:#}");
    let document = match printed["error"].is_object() {
        true => Some(Document::Error),
        false => document_of(&args),
    };
    let document =
        document.unwrap_or_else(|| panic!("{args:?} prints a document that has no schema: {printed:#}"));
    check(document, printed);
}

/// That document is what its schema says.
pub fn check(document: Document, printed: &Value) {
    static VALIDATORS: OnceLock<Mutex<HashMap<&'static str, jsonschema::Validator>>> = OnceLock::new();
    let mut validators =
        VALIDATORS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let validator = validators.entry(document.name()).or_insert_with(|| {
        jsonschema::options().should_validate_formats(true).build(&document.schema()).unwrap()
    });
    let wrong: Vec<String> =
        validator.iter_errors(printed).map(|e| format!("{}: {e}", e.instance_path())).collect();
    drop(validators);
    assert!(wrong.is_empty(), "{document:?}: {wrong:#?}\n{printed:#}");
}
