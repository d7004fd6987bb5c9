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
    let mut sheet = Sheet::new(head, narrow);
    rows.iter().for_each(|row| sheet.measure(row));
    let laid = sheet.within(width);
    let mut lines = laid.lines(&rows, true);
    lines.extend(laid.foot());
    lines.join("\n")
}

/// A table whose rows are measured one by one.
pub struct Sheet<'a> {
    columns: Vec<Column<'a>>,
    narrow: &'a Narrow<'a>,
}

impl<'a> Sheet<'a> {
    /// Without rows yet.
    pub fn new(head: &[&'a str], narrow: &'a Narrow<'a>) -> Self {
        let columns = head.iter().enumerate().map(|(at, name)| Column::new(at, name, narrow)).collect();
        Self { columns, narrow }
    }

    /// Makes room for this row.
    pub fn measure(&mut self, row: &[String]) {
        for column in &mut self.columns {
            column.measure(row.get(column.at).map_or("", String::as_str));
        }
    }

    /// Decides which columns stay within this width, and how wide they are.
    pub fn within(self, width: Option<usize>) -> Laid<'a> {
        let Self { mut columns, narrow } = self;
        columns.iter_mut().for_each(Column::measured);
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
        gone.retain(|name| !name.is_empty());
        Laid { columns, gone, width }
    }
}

/// A table whose widths are decided.
pub struct Laid<'a> {
    columns: Vec<Column<'a>>,
    gone: Vec<&'a str>,
    width: Option<usize>,
}

impl Laid<'_> {
    /// Some of its rows, below the head if they are the first.
    pub fn lines(&self, rows: &[Vec<String>], head: bool) -> Vec<String> {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        // As wide as the widest cell of all, so that rows that are laid out apart stand below each other.
        table.set_header(self.columns.iter().map(|c| format!("{:<1$}", c.name.to_uppercase(), c.width)));
        for row in rows {
            table.add_row(self.columns.iter().map(|column| column.cell(row)));
        }
        let lines = table.lines().map(|line| line.trim_end().to_owned());
        lines.skip(usize::from(!head)).collect()
    }

    /// What is said below it.
    pub fn foot(&self) -> Vec<String> {
        if self.gone.is_empty() {
            return Vec::new();
        }
        wrapped(&format!("too narrow for: {}", self.gone.join(", ")), self.width.unwrap_or(usize::MAX))
    }
}

struct Column<'a> {
    /// Its place in a row.
    at: usize,
    name: &'a str,
    wraps: bool,
    /// Its longest word.
    word: usize,
    /// How wide it is now.
    width: usize,
    /// How narrow it can be.
    least: usize,
}

impl<'a> Column<'a> {
    fn new(at: usize, name: &'a str, narrow: &Narrow<'_>) -> Self {
        let mut column = Self { at, name, wraps: narrow.wraps.contains(&name), word: 0, width: 0, least: 0 };
        column.measure(name);
        column
    }

    fn measure(&mut self, cell: &str) {
        self.width = self.width.max(length(cell));
        if self.wraps {
            self.word = units(cell).map(|unit| length(&unit)).fold(self.word, usize::max);
        }
    }

    fn measured(&mut self) {
        self.least = if self.wraps { self.word.max(LEAST).min(self.width) } else { self.width };
    }

    fn cell(&self, row: &[String]) -> String {
        let text = row.get(self.at).map_or("", String::as_str);
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
