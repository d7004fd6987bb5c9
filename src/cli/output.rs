//! What people and scripts see: one JSON document on stdout, or a table. Progress and logs go to stderr elsewhere.
//!
//! Responsible for noticing that stdout cannot be written: the command goes on, since its work may be a payment, and ends with exit 1.
use std::io::{BufWriter, ErrorKind, Write};
use std::sync::Mutex;
use std::sync::PoisonError;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::table;
use crate::domain::time::words;
use crate::exit::Exit;
use crate::ledger::LedgerError;
use crate::views::{self, Unwritten};

/// Bytes that go out at once.
const CHUNK: usize = 64 * 1024;
/// Rows of a long table that are laid out at once.
const ROWS: usize = 1_000;

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

/// Writes a CSV file while its rows are made.
pub fn csv<const N: usize>(
    out: impl Write,
    columns: [&str; N],
    rows: impl Iterator<Item = Result<[String; N], LedgerError>>,
) -> Result<(), Unwritten> {
    let mut writer = csv::Writer::from_writer(out);
    let told = |e: csv::Error| Unwritten::Output(e.into());
    writer.write_record(columns).map_err(told)?;
    for row in rows {
        writer.write_record(row.map_err(Unwritten::Ledger)?.map(cell)).map_err(told)?;
    }
    writer.flush().map_err(Unwritten::Output)
}

/// A field that no spreadsheet takes for a formula: tags and messages come from outside. Numbers stay as they are.
fn cell(text: String) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if formula && text.parse::<rust_decimal::Decimal>().is_err() { format!("'{text}") } else { text }
}

/// One JSON document.
pub fn json(document: &impl Serialize) {
    line(&serde_json::to_string_pretty(&views::value(document)).unwrap_or_default());
}

/// Writes a long document to stdout while it is made. Output that nobody takes is remembered; a ledger that cannot be read ends it.
pub fn stream(write: impl FnOnce(&mut dyn Write) -> Result<(), Unwritten>) -> Result<(), LedgerError> {
    let mut out = BufWriter::with_capacity(CHUNK, std::io::stdout().lock());
    match write(&mut out) {
        Ok(()) => noticed(out.flush()),
        Err(Unwritten::Output(e)) => noticed(Err(e)),
        Err(Unwritten::Ledger(e)) => return Err(e),
    }
    Ok(())
}

/// A table of any length: its rows are made twice, first to learn how wide they are.
pub fn long_table<I: Iterator<Item = Result<Vec<String>, LedgerError>>>(
    head: &[&str],
    rows: &dyn Fn() -> I,
    narrow: &table::Narrow<'_>,
) -> Result<(), LedgerError> {
    let mut sheet = table::Sheet::new(head, narrow);
    for row in rows() {
        sheet.measure(&row?);
    }
    let laid = sheet.within(table::width());
    stream(|out| {
        let mut rows = rows();
        let mut first = true;
        loop {
            let some: Result<Vec<_>, _> = rows.by_ref().take(ROWS).collect();
            let some = some.map_err(Unwritten::Ledger)?;
            if some.is_empty() {
                break;
            }
            let lines = laid.lines(&some, first);
            first = false;
            lines.iter().try_for_each(|line| writeln!(out, "{line}")).map_err(Unwritten::Output)?;
        }
        laid.foot().iter().try_for_each(|line| writeln!(out, "{line}")).map_err(Unwritten::Output)
    })
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
