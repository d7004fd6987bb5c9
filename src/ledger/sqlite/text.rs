//! How values are spelled in the file, and how they are read back.
//!
//! A value that cannot be read is an error that names its column, never a guess.
use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::Type;

use crate::domain::{Moment, Money};

/// RFC 3339 in UTC with nine decimals: fixed width, so that instants compare as text.
pub(super) fn instant(at: Timestamp) -> String {
    format!("{at:.9}")
}

pub(super) fn opt_instant(at: Option<Timestamp>) -> Option<String> {
    at.map(instant)
}

pub(super) fn opt_money(money: Option<Money>) -> Option<String> {
    money.map(|m| m.to_string())
}

fn bad(column: &str, text: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, format!("column {column} holds `{text}`").into())
}

pub(super) fn get_instant(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    let text: String = row.get(column)?;
    text.parse().map_err(|_| bad(column, &text))
}

pub(super) fn get_opt_instant(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    let text: Option<String> = row.get(column)?;
    text.map(|t| t.parse().map_err(|_| bad(column, &t))).transpose()
}

pub(super) fn get_money(row: &Row<'_>, column: &str) -> rusqlite::Result<Money> {
    let text: String = row.get(column)?;
    text.parse().map_err(|_| bad(column, &text))
}

pub(super) fn get_opt_money(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Money>> {
    let text: Option<String> = row.get(column)?;
    text.map(|t| t.parse().map_err(|_| bad(column, &t))).transpose()
}

/// The columns `{prefix}at`, `{prefix}boot`, `{prefix}ms`.
pub(super) fn get_moment(row: &Row<'_>, prefix: &str) -> rusqlite::Result<Moment> {
    Ok(Moment {
        wall: get_instant(row, &format!("{prefix}at"))?,
        boot_id: row.get(format!("{prefix}boot").as_str())?,
        boot_ms: row.get(format!("{prefix}ms").as_str())?,
    })
}

/// A moment that may be absent as a whole.
pub(super) fn get_opt_moment(row: &Row<'_>, prefix: &str) -> rusqlite::Result<Option<Moment>> {
    let at: Option<String> = row.get(format!("{prefix}at").as_str())?;
    at.map(|_| get_moment(row, prefix)).transpose()
}

/// A word of a closed list.
pub(super) fn get_word<T>(
    row: &Row<'_>,
    column: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    parse(&text).ok_or_else(|| bad(column, &text))
}

/// A word of a closed list, or nothing.
pub(super) fn get_opt_word<T>(
    row: &Row<'_>,
    column: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    text.map(|t| parse(&t).ok_or_else(|| bad(column, &t))).transpose()
}

/// A count that is never negative.
pub(super) fn get_count(row: &Row<'_>, column: &str) -> rusqlite::Result<usize> {
    let n: i64 = row.get(column)?;
    usize::try_from(n).map_err(|_| bad(column, &n.to_string()))
}

/// A count for the file.
pub(super) fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
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
