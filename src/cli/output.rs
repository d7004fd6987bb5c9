//! What people and scripts see: one JSON document on stdout, or a table. Progress and logs go to stderr elsewhere.
//!
//! Responsible for noticing that stdout cannot be written: the command goes on, since its work may be a payment, and ends with exit 1.
use std::io::{ErrorKind, Write};
use std::sync::Mutex;
use std::sync::PoisonError;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::table;
use crate::documents;
use crate::domain::time::words;
use crate::exit::Exit;

/// Why stdout could not be written, the first time.
static FAILED: Mutex<Option<String>> = Mutex::new(None);

/// Writes to stdout.
pub fn line(text: &str) {
    let mut out = anstream::stdout();
    noticed(writeln!(out, "{text}").and_then(|()| out.flush()));
}

/// Writes to stderr.
pub fn note(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Remembers that something could not be written. A reader that went away (`| head`) has what it wanted.
pub fn noticed(written: std::io::Result<()>) {
    let Err(e) = written else { return };
    if e.kind() != ErrorKind::BrokenPipe {
        FAILED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| e.to_string());
    }
}

/// The command's exit code, or 1 with a word on stderr where its output could not be written.
#[must_use]
pub fn ended(exit: Exit) -> Exit {
    let Some(why) = FAILED.lock().unwrap_or_else(PoisonError::into_inner).take() else { return exit };
    note(&format!("renewd: the output could not be written: {why}"));
    Exit::Failed
}

/// One JSON document.
pub fn json(document: &impl Serialize) {
    line(&serde_json::to_string_pretty(&documents::value(document)).unwrap_or_default());
}

/// A table as wide as the terminal, or `COLUMNS`, allows; as wide as it is where there is neither, so that nothing is left out.
#[must_use]
pub fn table(head: &[&str], rows: Vec<Vec<String>>, narrow: &table::Narrow<'_>) -> String {
    table::laid_out(head, rows, narrow, table::width())
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
