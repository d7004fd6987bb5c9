//! What a script meets: what each command answers with `--json`, plan files and the documents of the page fit their schemas.
use renewd::simulator::Product;
use renewd::views::Document;
use rustix::process::Signal;
use serde_json::Value;

use crate::common::documents::check;
use crate::common::http::get;
use crate::common::smtp::free_port;
use crate::common::{Bench, signal, until};

/// One that is due, and one that is not.
fn bench() -> Bench {
    Bench::new("10.00", &[(Product::IPv4, &["203.0.113.1"], 24), (Product::Isp, &["203.0.113.2"], 24 * 10)])
}

#[test]
fn a_plan_file_is_what_its_schema_says_and_an_edited_one_need_not_be() {
    let bench = bench();
    let file = bench.path("plan.json");
    let made = bench.renewd(&["plan", "--out", file.to_str().unwrap()]);
    assert!(matches!(made.status.code(), Some(0 | 3)), "{made:?}");
    let plan: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(plan["apply"]["sets"].as_array().map(Vec::len), Some(1), "{plan:#}");
    check(Document::PlanFile, &plan);
    let mut edited = plan;
    edited["apply"]["sets"][0]["price"] = 1.into();
    let validator = jsonschema::validator_for(&Document::PlanFile.schema()).unwrap();
    assert!(!validator.is_valid(&edited), "an amount is a text");
}

#[test]
fn what_each_command_answers_is_what_a_schema_says() {
    let bench = bench();
    assert_eq!(bench.json(&["once"]).0, 0);
    let copy = bench.path("copy.toml");
    std::fs::copy(bench.path("renewd.toml"), &copy).unwrap();
    let (copy, backup) = (copy.display().to_string(), bench.path("backup.db").display().to_string());
    for args in [
        &["check"][..],
        &["check", "--live"],
        &["check", "--diff", &copy],
        &["backtest", "--policy", &copy],
        &["history", "--verify"],
        &["leases"],
        &["explain", "203.0.113.1"],
        &["order", "options"],
        &["keep", "203.0.113.2", "--like", "keep"],
        &["keep", "203.0.113.2", "--off"],
        &["pause"],
        &["resume"],
        &["silence", "runway:yp", "--for", "1d"],
        &["silence", "runway:yp", "--for", "0s"],
        &["backup", &backup],
    ] {
        // Held against its schema as it is read.
        let (code, answer) = bench.json(args);
        assert!(code == 0 && !answer["error"].is_object(), "{args:?}: {answer:#}");
    }
    let (code, refused) = bench.json(&["approve", "no-such-plan"]);
    assert!(code == 2 && refused["error"]["kind"] == "usage", "{refused:#}");
    std::fs::write(bench.path("renewd.toml"), "nonsense = 1\n").unwrap();
    let (code, wrong) = bench.json(&["check"]);
    assert!(code == 2 && wrong["ok"] == false && wrong["problems"][0]["severity"] == "error", "{wrong:#}");
}

#[test]
fn every_place_that_lists_the_documents_lists_all_of_them() {
    let home = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["scripts/package", "Makefile", "docs/json.md"] {
        let text = std::fs::read_to_string(home.join(name)).unwrap();
        for document in Document::ALL.map(Document::name) {
            let there = text.split(|c: char| !(c.is_alphanumeric() || c == '-')).any(|word| word == document);
            assert!(there, "{name} lacks `{document}`");
        }
    }
}

#[test]
fn the_page_serves_the_same_documents() {
    let bench = bench();
    let port = free_port();
    let config = std::fs::read_to_string(bench.path("renewd.toml")).unwrap();
    let config = config.replace("listen = \"\"", &format!("listen = \"127.0.0.1:{port}\""));
    std::fs::write(bench.path("renewd.toml"), config).unwrap();
    let mut child = bench.spawn(&["run"]);
    until("the daemon serves", 15, || get(port, "/readyz").is_some_and(|(code, _)| code == 200));
    for document in
        [Document::Status, Document::Plan, Document::History, Document::Forecast, Document::Leases]
    {
        let (code, text) = get(port, &format!("/api/{}", document.name())).unwrap();
        assert_eq!(code, 200, "{text}");
        check(document, &serde_json::from_str(&text).unwrap());
    }
    let (code, text) = get(port, "/api/history?state=nosuch").unwrap();
    assert_eq!(code, 400);
    check(Document::Error, &serde_json::from_str(&text).unwrap());
    signal(&child, Signal::TERM);
    child.wait().unwrap();
}

#[test]
fn a_document_that_lacks_something_does_not_fit() {
    let bench = bench();
    let (_, status) = bench.json(&["status"]);
    let validator = jsonschema::validator_for(&Document::Status.schema()).unwrap();
    for key in status.as_object().unwrap().keys() {
        let mut less = status.clone();
        less.as_object_mut().unwrap().remove(key);
        assert!(!validator.is_valid(&less), "{key}");
    }
    let mut more = status;
    more["added_later"] = 1.into();
    assert!(validator.is_valid(&more), "a later renewd may say more");
}
