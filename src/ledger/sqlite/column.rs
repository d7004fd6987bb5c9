//! How values are spelled in the file, and how they are read back.
//!
//! A value that cannot be read is an error that names its column, never a guess.
use jiff::Timestamp;

use crate::domain::{Method, Moment, Money, TermEnd, Told};
use crate::ledger::session::{self, Column, Row};

/// RFC 3339 in UTC with nine decimals: fixed width, so that instants compare as text.
pub(super) fn instant(at: Timestamp) -> String {
    format!("{at:.9}")
}

pub(super) fn opt_instant(at: Option<Timestamp>) -> Option<String> {
    at.map(instant)
}

/// An end as exactly as it was told: a date alone is ten characters, and sorts right before the instants of its day.
pub(super) fn end(end: TermEnd) -> String {
    let mut text = instant(end.at);
    if end.told == Told::Date {
        text.truncate(DATE);
    }
    text
}

/// The width of `YYYY-MM-DD`.
const DATE: usize = 10;

pub(super) fn opt_money(money: Option<Money>) -> Option<String> {
    money.map(|m| m.to_string())
}

/// Where a column stands in a list of (SQL, name). A name that is not in it does not compile; looking names up in every row of a
/// long history would take half of the time to read it.
pub(super) const fn place(columns: &[(&str, &str)], name: &str) -> usize {
    let mut i = 0;
    while i < columns.len() {
        if same(columns[i].1.as_bytes(), name.as_bytes()) {
            return i;
        }
        i += 1;
    }
    panic!("no such column")
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut i = 0;
    while i < a.len() && i < b.len() && a[i] == b[i] {
        i += 1;
    }
    i == a.len() && i == b.len()
}

/// A list of (SQL, name) as a query asks for it.
pub(super) fn asked(columns: &[(&str, &str)]) -> String {
    columns.iter().map(|(sql, name)| format!("{sql} AS {name}")).collect::<Vec<_>>().join(", ")
}

fn bad(row: &Row<'_>, column: impl Column, text: &str) -> session::Error {
    row.bad(column, &format!("`{text}`"))
}

pub(super) fn get_instant(row: &Row<'_>, column: impl Column) -> session::Result<Timestamp> {
    let text: String = row.get(column)?;
    text.parse().map_err(|_| bad(row, column, &text))
}

pub(super) fn get_opt_instant(row: &Row<'_>, column: impl Column) -> session::Result<Option<Timestamp>> {
    let text: Option<String> = row.get(column)?;
    text.map(|t| t.parse().map_err(|_| bad(row, column, &t))).transpose()
}

pub(super) fn get_end(row: &Row<'_>, column: impl Column) -> session::Result<TermEnd> {
    let text: String = row.get(column)?;
    let (told, whole) = match text.len() {
        DATE => (Told::Date, format!("{text}T00:00:00Z")),
        _ => (Told::Instant, text.clone()),
    };
    whole.parse().map(|at| TermEnd { at, told }).map_err(|_| bad(row, column, &text))
}

pub(super) fn get_opt_end(row: &Row<'_>, column: impl Column) -> session::Result<Option<TermEnd>> {
    let there: Option<String> = row.get(column)?;
    there.map(|_| get_end(row, column)).transpose()
}

pub(super) fn get_money(row: &Row<'_>, column: impl Column) -> session::Result<Money> {
    let text: String = row.get(column)?;
    text.parse().map_err(|_| bad(row, column, &text))
}

pub(super) fn get_opt_money(row: &Row<'_>, column: impl Column) -> session::Result<Option<Money>> {
    let text: Option<String> = row.get(column)?;
    text.map(|t| t.parse().map_err(|_| bad(row, column, &t))).transpose()
}

/// A moment: its wall time, its boot and the milliseconds since that.
pub(super) fn get_moment<I: Column>(row: &Row<'_>, [at, boot, ms]: [I; 3]) -> session::Result<Moment> {
    Ok(Moment { wall: get_instant(row, at)?, boot_id: row.get(boot)?, boot_ms: row.get(ms)? })
}

/// A moment that may be absent as a whole.
pub(super) fn get_opt_moment<I: Column>(row: &Row<'_>, columns: [I; 3]) -> session::Result<Option<Moment>> {
    let at: Option<String> = row.get(columns[0])?;
    at.map(|_| get_moment(row, columns)).transpose()
}

/// A word of a closed list.
pub(super) fn get_word<T>(
    row: &Row<'_>,
    column: impl Column,
    parse: impl FnOnce(&str) -> Option<T>,
) -> session::Result<T> {
    let text: String = row.get(column)?;
    parse(&text).ok_or_else(|| bad(row, column, &text))
}

/// A word of a closed list, or nothing.
pub(super) fn get_opt_word<T>(
    row: &Row<'_>,
    column: impl Column,
    parse: impl FnOnce(&str) -> Option<T>,
) -> session::Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    text.map(|t| parse(&t).ok_or_else(|| bad(row, column, &t))).transpose()
}

/// A count that is never negative.
pub(super) fn get_count(row: &Row<'_>, column: impl Column) -> session::Result<usize> {
    let n: i64 = row.get(column)?;
    usize::try_from(n).map_err(|_| bad(row, column, &n.to_string()))
}

/// A count for the file.
pub(super) fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(super) fn method_word(method: Method) -> &'static str {
    match method {
        Method::Leases => "leases",
        Method::Order => "order",
    }
}

pub(super) fn method(word: &str) -> Option<Method> {
    [Method::Leases, Method::Order].into_iter().find(|m| method_word(*m) == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_have_one_width_and_compare_as_text() {
        let texts: Vec<String> = [
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:00.000000001Z",
            "2026-01-01T00:00:00.5Z",
            "2026-10-01T00:00:00Z",
        ]
        .iter()
        .map(|t| instant(t.parse().unwrap()))
        .collect();
        assert!(texts.iter().all(|t| t.len() == 30), "{texts:?}");
        assert!(texts.is_sorted());
    }

    #[test]
    fn the_ends_of_time_enclose_every_year_as_text() {
        let year = instant("2026-01-01T00:00:00Z".parse().unwrap());
        assert!(instant(Timestamp::MIN) < year && year < instant(Timestamp::MAX));
    }
}
