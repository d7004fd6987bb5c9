//! How values are spelled in the file, and how they are read back. A value that cannot be read is an error, never a guess.
use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::Type;

use crate::domain::{Moment, Money};

/// Nine decimals, so that instants compare as text.
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

pub(super) fn get_moment(row: &Row<'_>, prefix: &str) -> rusqlite::Result<Moment> {
    Ok(Moment {
        wall: get_instant(row, &format!("{prefix}at"))?,
        boot_id: row.get(format!("{prefix}boot").as_str())?,
        boot_ms: row.get(format!("{prefix}ms").as_str())?,
    })
}

pub(super) fn get_word<T>(
    row: &Row<'_>,
    column: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    parse(&text).ok_or_else(|| bad(column, &text))
}
