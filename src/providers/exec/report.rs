//! The rows of a check, as people and scripts read them. Not responsible for what is tried.
use serde::Serialize;

use super::mask::Mask;
use super::probe::Seen;

/// How a row ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it should be.
    Pass,
    /// Not so.
    Fail,
    /// It could not be tried.
    Unproved,
}

/// One row of the report.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Its number.
    pub row: u8,
    /// What it is about.
    pub name: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// Why.
    pub text: String,
    /// What was seen, masked and cut.
    pub seen: Vec<String>,
}

/// Collects a row.
pub struct Rows {
    row: u8,
    name: &'static str,
    wrong: Vec<String>,
    notes: Vec<String>,
    seen: Vec<String>,
}

impl Rows {
    /// A row that has nothing against it yet.
    #[must_use]
    pub fn new(row: u8, name: &'static str) -> Self {
        Self { row, name, wrong: Vec::new(), notes: Vec::new(), seen: Vec::new() }
    }

    /// Holds it against the program unless it is so.
    pub fn need(&mut self, is_so: bool, otherwise: impl Into<String>) {
        if !is_so {
            self.wrong.push(otherwise.into());
        }
    }

    /// Worth knowing.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// What was seen.
    pub fn saw(&mut self, what: &str, seen: &Seen, mask: &Mask) {
        self.seen.push(format!("{what}: {}", seen.words(mask)));
    }

    /// What was seen, in words that hold no secret.
    pub fn told(&mut self, words: impl Into<String>) {
        self.seen.push(words.into());
    }

    /// The row as it stands.
    #[must_use]
    pub fn done(self) -> Row {
        let outcome = if self.wrong.is_empty() { Outcome::Pass } else { Outcome::Fail };
        let text = if self.wrong.is_empty() { self.notes } else { self.wrong }.join("; ");
        Row { row: self.row, name: self.name, outcome, text, seen: self.seen }
    }

    /// It could not be tried.
    #[must_use]
    pub fn unproved(row: u8, name: &'static str, text: impl Into<String>) -> Row {
        Row { row, name, outcome: Outcome::Unproved, text: text.into(), seen: Vec::new() }
    }
}
