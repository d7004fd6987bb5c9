//! A config file as a tree that knows its lines.
//!
//! Responsible for reading TOML text strictly and keeping every value's place and exact type. Not responsible for
//! what keys mean. Values may hold a secret that somebody wrote inline, so nothing here can be printed.
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where something was written.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The file's path, or `environment`.
    pub file: Arc<str>,
    /// Order of the layers, for sorting problems.
    pub rank: usize,
    /// 1-based; none for the environment and for what is missing.
    pub line: Option<usize>,
}

/// A value and its place.
#[derive(Clone)]
pub(super) struct Node {
    pub value: Value,
    pub place: Place,
}

/// What TOML can say. Numbers that are no `i64` keep their text: no float is ever made.
#[derive(Clone)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Number(String),
    Bool(bool),
    Date(String),
    List(Vec<Node>),
    Table(Vec<(String, Node)>),
    /// Already reported as wrong; it still counts as given.
    Bad,
}

impl Value {
    /// What it is, for "this is …".
    pub fn what(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Integer(_) | Self::Number(_) => "a number",
            Self::Bool(_) => "true or false",
            Self::Date(_) => "a TOML date",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Bad => "unreadable",
        }
    }

    /// A bare number or date as it would be written between quotes.
    pub fn unquoted(&self) -> Option<String> {
        match self {
            Self::Integer(n) => Some(n.to_string()),
            Self::Number(text) | Self::Date(text) => Some(text.clone()),
            _ => None,
        }
    }
}

/// One mistake in the TOML itself.
pub(super) struct SyntaxError {
    pub line: Option<usize>,
    pub message: String,
}

/// Reads a whole file. All syntax errors at once; with any, there is no tree: what a parser rescues from a broken
/// file may be half a secret taken for a key.
pub(super) fn parse(text: &str, place: &Place) -> Result<Vec<(String, Node)>, Vec<SyntaxError>> {
    let lines = Lines::of(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(entries(table.get_ref(), &lines, place));
    }
    // Only the parser's description: its Display quotes the line, which may hold a secret.
    let told = errors.iter().map(|e| SyntaxError {
        line: e.span().map(|span| lines.line(span.start)),
        message: format!("this is not TOML: {}", e.message().lines().collect::<Vec<_>>().join(", ")),
    });
    Err(told.collect())
}

fn entries(table: &DeTable<'_>, lines: &Lines, place: &Place) -> Vec<(String, Node)> {
    let mut all: Vec<(usize, String, Node)> = table
        .iter()
        .map(|(key, value)| {
            let at = key.span().start;
            let line = Some(lines.line(at));
            (at, key.get_ref().to_string(), node(value, lines, &Place { line, ..place.clone() }))
        })
        .collect();
    all.sort_by_key(|(at, ..)| *at);
    all.into_iter().map(|(_, key, node)| (key, node)).collect()
}

fn node(value: &Spanned<DeValue<'_>>, lines: &Lines, place: &Place) -> Node {
    let read = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(n) => i64::from_str_radix(n.as_str(), n.radix())
            .map_or_else(|_| Value::Number(n.as_str().to_owned()), Value::Integer),
        DeValue::Float(n) => Value::Number(n.as_str().to_owned()),
        DeValue::Boolean(b) => Value::Bool(*b),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(items) => Value::List(
            items
                .iter()
                .map(|item| {
                    let line = Some(lines.line(item.span().start));
                    node(item, lines, &Place { line, ..place.clone() })
                })
                .collect(),
        ),
        DeValue::Table(table) => Value::Table(entries(table, lines, place)),
    };
    Node { value: read, place: place.clone() }
}

/// Where each line begins.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at + 1).collect())
    }

    fn line(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset) + 1
    }
}
