//! What people and scripts see: one JSON document on stdout, or a table. Progress and logs go to stderr elsewhere.
use std::io::{IsTerminal, Write};

use comfy_table::{ContentArrangement, Table, presets};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::documents;
use crate::domain::time::words;

/// Writes to stdout; a reader that went away (`| head`) is no failure.
pub fn line(text: &str) {
    let _ = writeln!(anstream::stdout(), "{text}");
}

/// Writes to stderr.
pub fn note(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// One JSON document.
pub fn json(document: &impl Serialize) {
    line(&serde_json::to_string_pretty(&documents::value(document)).unwrap_or_default());
}

/// A table that fits the terminal; plain columns where there is none, so that nothing is cut.
#[must_use]
pub fn table(head: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head.iter().map(|h| h.to_uppercase()));
    // Some terminals do not know their width and say 0.
    if std::io::stdout().is_terminal() && table.width().is_some_and(|width| width > 0) {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    } else {
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    for row in rows {
        table.add_row(row);
    }
    table.lines().map(|l| l.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// An instant in the configured zone, to the minute.
#[must_use]
pub fn at(instant: Option<Timestamp>, timezone: &TimeZone) -> String {
    instant.map_or("-".to_owned(), |t| t.to_zoned(timezone.clone()).strftime("%Y-%m-%d %H:%M").to_string())
}

/// How far away an instant is: `in 3d 4h`, `2h ago`.
#[must_use]
pub fn away(instant: Timestamp, now: Timestamp) -> String {
    let span = instant.duration_since(now);
    if span.is_negative() { format!("{} ago", words(span)) } else { format!("in {}", words(span)) }
}
