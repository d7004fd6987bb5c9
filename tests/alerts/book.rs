//! `docs/alerts.md` is the list of keys that people and scripts rely on: it and the code name the same causes.
use std::collections::BTreeSet;

use renewd::alerts::rules::CAUSES;
use renewd::policy::{Decision, Word};

const BOOK: &str = include_str!("../../docs/alerts.md");

/// The causes that the table has a line for, with the line's columns.
fn lines() -> Vec<(String, Vec<String>)> {
    // The tables of keys; those of the delivery say other things.
    let (keys, _) = BOOK.split_once("## Delivery").unwrap();
    keys.lines()
        .filter(|l| l.starts_with("| `"))
        .map(|l| {
            let cells: Vec<String> = l.trim_matches('|').split(" | ").map(|c| c.trim().to_owned()).collect();
            let key = cells[0].split('`').nth(1).unwrap();
            (key.split(':').next().unwrap().to_owned(), cells)
        })
        .collect()
}

#[test]
fn every_cause_in_the_code_has_its_line_in_the_docs_and_no_other_has() {
    let written: BTreeSet<String> = lines().into_iter().map(|(cause, _)| cause).collect();
    let coded: BTreeSet<String> = CAUSES.iter().map(|c| c.name.to_owned()).collect();
    assert_eq!(written, coded);
}

#[test]
fn every_line_says_how_bad_when_until_when_and_what_to_do() {
    for (cause, cells) in lines() {
        assert_eq!(cells.len(), 5, "{cause}: key, severity, fires, is over, what to do");
        assert!(cells.iter().all(|c| !c.is_empty()), "{cause}");
        let severities = ["info", "warning", "urgent"];
        assert!(cells[1].split('/').all(|s| severities.contains(&s)), "{cause}: {}", cells[1]);
    }
}

#[test]
fn an_end_that_is_not_told_is_marked() {
    for (cause, cells) in lines() {
        let told = CAUSES.iter().filter(|c| c.name == cause).all(|c| c.end_is_told);
        assert_eq!(cells[3].ends_with('•'), !told, "{cause}: {}", cells[3]);
    }
}

#[test]
fn every_reason_that_holds_a_lease_is_a_cause_or_is_told_by_one() {
    let told_otherwise = [Word::AccountDown, Word::Shrunk, Word::Lapsed, Word::Clock];
    for word in Word::ALL.iter().filter(|w| w.decision() == Decision::Hold) {
        // Each order whose end went back is a matter of its own, so its cause has a name of its own.
        let cause = if *word == Word::Stale { "stale_end" } else { word.as_str() };
        let named = CAUSES.iter().any(|c| c.name == cause);
        assert!(named || told_otherwise.contains(word), "{}", word.as_str());
    }
}
