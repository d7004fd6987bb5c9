//! The provider's own log of orders, in which a renewal is a row of its own: evidence for payments whose outcome is unknown.
//!
//! Pure. A row is linked to an order by the number that all renewals of an order share. Its date is whichever field has one; only one
//! with its zone is an instant to compare with. Not responsible for asking, nor for what a row proves (`evidence`). Source: the vendor's
//! SDKs, `order/list`.
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;

use crate::evidence::LoggedRenewal;
use crate::providers::Words;

use super::dates::{self, Spelled};
use super::envelope::{self, Trouble};
use super::known::Known;
use super::wire::{self, Object};

/// Rows asked for at once.
pub const ROWS: &str = "100";
/// So many pages are read; a log that is longer since the oldest open payment is none that can be read whole.
pub const PAGES: i64 = 20;
/// A time without its zone may lie so far from the true one.
const ZONES: SignedDuration = SignedDuration::from_hours(14);

/// A page of the log.
#[derive(Debug, Default)]
pub struct Page {
    /// Renewals of orders that are known.
    pub renewals: Vec<LoggedRenewal>,
    /// How many rows it has, of whatever kind.
    pub rows: usize,
    /// How many pages there are, where it tells.
    pub pages: Option<i64>,
    /// Its rows go back in time, and the last is older than what is asked for.
    pub done: bool,
}

/// Reads the body of `order/list`.
///
/// # Errors
/// The provider's own error, or an answer without rows to read.
pub fn page(body: &[u8], known: &Known, since: Timestamp, words: &Words) -> Result<Page, Trouble> {
    let data = envelope::object(body, words)?;
    let wrong = || Trouble::Unreadable("the log has no list of `items`".to_owned());
    let items = data.get("items").and_then(wire::list).ok_or_else(wrong)?;
    let metadata = data.get("metadata").and_then(|raw| Object::parse(raw.get()).ok());
    let mut page = Page {
        rows: items.len(),
        pages: metadata.and_then(|m| m.get("total_pages").and_then(wire::whole)),
        ..Page::default()
    };
    let mut instants = Vec::new();
    for raw in items {
        let row = Object::parse(raw.get()).ok().filter(|row| row.doubled().is_none());
        let row = row.ok_or_else(|| Trouble::Unreadable("a row of the log is not an object".to_owned()))?;
        let date = date(&row);
        instants.push(date.map(|(at, _)| at));
        page.renewals.extend(renewal(&row, date, known, since));
    }
    let told: Option<Vec<Timestamp>> = instants.into_iter().collect();
    let old = |at: &Timestamp| at.checked_add(ZONES).is_ok_and(|at| at < since);
    page.done = told.is_some_and(|at| at.is_sorted_by(|a, b| a >= b) && at.last().is_some_and(old));
    Ok(page)
}

/// A paid renewal of an order that is known.
fn renewal(
    row: &Object<'_>,
    date: Option<(Timestamp, Spelled)>,
    known: &Known,
    since: Timestamp,
) -> Option<LoggedRenewal> {
    let says = |key: &str| row.get(key).and_then(|raw| wire::yes(raw).ok());
    if says("is_extend") != Some(true) || !is_paid(row) {
        return None;
    }
    let number = row.get("base_order_number").and_then(wire::id)?;
    let order = known.order_of(number.trim())?;
    let at = match date {
        // Old in whatever zone.
        Some((at, _)) if at.checked_add(ZONES).is_ok_and(|at| at < since) => return None,
        Some((at, Spelled::Full)) => Some(at),
        _ => None,
    };
    let amount = row.get("summ").and_then(wire::money);
    // What cannot be read as no may be the provider's own doing.
    let by_provider = row.get("auto_order").is_some_and(|raw| wire::yes(raw) != Ok(false));
    Some(LoggedRenewal { order, at, amount, by_provider })
}

/// An order that is waiting for its money, or got it back, is no renewal.
fn is_paid(row: &Object<'_>) -> bool {
    let status = row.get("status").and_then(wire::text);
    status.is_none_or(|word| word.trim().is_empty() || word.trim().eq_ignore_ascii_case("PAYED"))
}

/// The first field that is named like the date of an order and holds one. Beginnings and ends are those of a term.
fn date(row: &Object<'_>) -> Option<(Timestamp, Spelled)> {
    let named = |key: &str| {
        let key = key.to_ascii_lowercase();
        let term = ["start", "end", "update", "expire"].iter().any(|part| key.contains(part));
        !term && ["date", "created", "time", "_at", "payed", "paid"].iter().any(|part| key.contains(part))
    };
    let read = |raw: &RawValue| wire::text(raw).and_then(|text| dates::read(&text));
    row.pairs().filter(|(key, _)| named(key)).find_map(|(_, raw)| read(raw))
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
