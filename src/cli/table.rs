//! Tables that fit: where the terminal is narrow, prose is wrapped between words, then columns go, in an order that each table names.
//! No word is ever split: an address, an id or a date that is cut in two is of no use.
use std::io::IsTerminal;

use comfy_table::{ContentArrangement, Table, presets};

/// How a table gives way.
pub struct Narrow<'a> {
    /// Columns that may go, the first one first.
    pub goes: &'a [&'a str],
    /// Columns of prose, wrapped between words.
    pub wraps: &'a [&'a str],
}

/// A table that stays as it is.
pub const AS_IT_IS: Narrow<'static> = Narrow { goes: &[], wraps: &[] };

/// Prose is not made narrower than this.
const LEAST: usize = 20;
/// Blanks around a cell.
const PADDING: usize = 2;

/// How wide a table may be: `COLUMNS` where somebody set it, else the terminal's width; `None`: as wide as it is.
pub fn width() -> Option<usize> {
    let told = std::env::var("COLUMNS").ok().and_then(|text| text.trim().parse::<usize>().ok());
    // Some terminals do not know their width and say 0.
    let terminal = || {
        let known = if std::io::stdout().is_terminal() { Table::new().width() } else { None };
        known.map(usize::from)
    };
    told.filter(|n| *n > 0).or_else(terminal).filter(|n| *n > 0)
}

/// The table within `width`, as far as its columns can go or wrap. A line below it names the columns that went.
pub fn laid_out(head: &[&str], rows: Vec<Vec<String>>, narrow: &Narrow<'_>, width: Option<usize>) -> String {
    let mut columns: Vec<Column> = head
        .iter()
        .enumerate()
        .map(|(i, name)| {
            Column::new(name, rows.iter().map(|row| row.get(i).map_or("", String::as_str)).collect(), narrow)
        })
        .collect();
    let mut gone = Vec::new();
    if let Some(width) = width {
        for name in narrow.goes {
            if least(&columns) <= width {
                break;
            }
            let before = columns.len();
            columns.retain(|column| column.name != *name);
            if columns.len() < before {
                gone.push(*name);
            }
        }
        squeeze(&mut columns, width);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|column| column.name.to_uppercase()));
    for row in 0..rows.len() {
        table.add_row(columns.iter().map(|column| column.cell(row)));
    }
    let mut lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    gone.retain(|name| !name.is_empty());
    if !gone.is_empty() {
        lines.extend(wrapped(&format!("too narrow for: {}", gone.join(", ")), width.unwrap_or(usize::MAX)));
    }
    lines.join("\n")
}

struct Column<'a> {
    name: &'a str,
    cells: Vec<&'a str>,
    /// How wide it is now.
    width: usize,
    /// How narrow it can be.
    least: usize,
}

impl<'a> Column<'a> {
    fn new(name: &'a str, cells: Vec<&'a str>, narrow: &Narrow<'_>) -> Self {
        let widest = |length: fn(&str) -> usize| {
            cells.iter().copied().chain([name]).map(length).max().unwrap_or_default()
        };
        let width = widest(length);
        let word = widest(|cell| units(cell).map(|unit| length(&unit)).max().unwrap_or_default());
        let least = if narrow.wraps.contains(&name) { word.max(LEAST).min(width) } else { width };
        Self { name, cells, width, least }
    }

    fn cell(&self, row: usize) -> String {
        let text = self.cells.get(row).copied().unwrap_or_default();
        if length(text) <= self.width { text.to_owned() } else { wrapped(text, self.width).join("\n") }
    }
}

/// The least width of all.
fn least(columns: &[Column<'_>]) -> usize {
    columns.iter().map(|column| column.least + PADDING).sum()
}

/// Makes the widest prose narrower until all fit, or none can give.
fn squeeze(columns: &mut [Column<'_>], width: usize) {
    while columns.iter().map(|column| column.width + PADDING).sum::<usize>() > width {
        let giving = columns.iter_mut().filter(|column| column.width > column.least);
        let Some(widest) = giving.max_by_key(|column| column.width) else { return };
        widest.width -= 1;
    }
}

fn length(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or_default()
}

/// What stays together: words, and a time with its date.
fn units(text: &str) -> impl Iterator<Item = String> {
    let mut units: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match units.last_mut() {
            Some(last) if is_date(last) && is_time(word) => {
                last.push(' ');
                last.push_str(word);
            }
            _ => units.push(word.to_owned()),
        }
    }
    units.into_iter()
}

/// `2026-12-01`, perhaps behind a bracket.
fn is_date(word: &str) -> bool {
    let word = word.trim_start_matches('(');
    word.len() == 10
        && word
            .bytes()
            .enumerate()
            .all(|(i, b)| if matches!(i, 4 | 7) { b == b'-' } else { b.is_ascii_digit() })
}

/// `09:30`, perhaps with more behind it.
fn is_time(word: &str) -> bool {
    let mut bytes = word.bytes();
    let mut is = |good: fn(u8) -> bool| bytes.next().is_some_and(good);
    is(|b| b.is_ascii_digit())
        && is(|b| b.is_ascii_digit())
        && is(|b| b == b':')
        && is(|b| b.is_ascii_digit())
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for unit in units(text) {
        match lines.last_mut() {
            Some(line) if length(line) + 1 + length(&unit) <= width => {
                line.push(' ');
                line.push_str(&unit);
            }
            _ => lines.push(unit),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: [&str; 5] = ["ip", "kind", "ends", "price", "reason"];
    const GIVES: Narrow<'static> = Narrow { goes: &["kind", "price"], wraps: &["reason"] };

    fn rows() -> Vec<Vec<String>> {
        let row = |cells: [&str; 5]| cells.map(str::to_owned).to_vec();
        vec![
            row([
                "203.0.113.7",
                "IPv4",
                "2026-12-01 09:00",
                "2.65 USD / 30d",
                "due: ends in 2d 5h, renewed from 2026-11-28 09:00 on",
            ]),
            row([
                "2001:db8:85a3:8d3:1319:8a2e:370:7348",
                "IPv6",
                "2026-12-01 09:00",
                "-",
                "not_due: its order 1234567890123456789 ends later",
            ]),
        ]
    }

    #[test]
    fn without_a_width_nothing_goes() {
        let text = laid_out(&HEAD, rows(), &GIVES, None);
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains("renewed from 2026-11-28 09:00 on") && text.contains("KIND"), "{text}");
    }

    #[test]
    fn prose_wraps_before_a_column_goes_and_columns_go_in_their_order() {
        let text = laid_out(&HEAD, rows(), &GIVES, Some(110));
        assert!(text.lines().all(|l| l.chars().count() <= 110) && text.contains("KIND"), "{text}");
        assert!(!text.contains("too narrow"), "{text}");
        let text = laid_out(&HEAD, rows(), &GIVES, Some(99));
        assert!(text.ends_with("too narrow for: kind") && text.contains("PRICE"), "{text}");
        let text = laid_out(&HEAD, rows(), &GIVES, Some(80));
        assert!(text.lines().all(|l| l.chars().count() <= 80), "{text}");
        assert!(text.ends_with("too narrow for: kind, price"), "{text}");
    }

    proptest! {
        #[test]
        fn no_address_id_or_date_is_ever_split(width in 1_usize..200) {
            let text = laid_out(&HEAD, rows(), &GIVES, Some(width));
            for whole in ["203.0.113.7", "2001:db8:85a3:8d3:1319:8a2e:370:7348", "2026-12-01 09:00", "2026-11-28 09:00", "1234567890123456789"] {
                prop_assert!(text.contains(whole), "{}\n{}", whole, text);
            }
        }
    }
}
