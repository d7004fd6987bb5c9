//! A message as plain words: a headline that says how bad it is, and a body of lines; and how text is cut to a service's limit.
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::document::{Document, Line};

/// More lines of leases than this belong on the page, not in a chat.
const MOST_LINES: usize = 20;

/// What happened, first how bad it is: in words, since not everybody sees a colour.
pub(super) fn headline(document: &Document) -> String {
    let tag = match (document.occasion.as_str(), document.severity.as_str()) {
        ("resolved", _) => "RESOLVED",
        ("digest", _) => "DIGEST",
        ("summary", _) => "SUMMARY",
        ("test", _) => "TEST",
        (_, "urgent") => "URGENT",
        (_, "info") => "INFO",
        _ => "WARNING",
    };
    format!("{tag}: {}", one_line(&document.title))
}

/// Everything else, one fact a line.
pub(super) fn lines(document: &Document, zone: &TimeZone) -> Vec<String> {
    let mut lines: Vec<String> = document.text.trim().lines().map(str::to_owned).collect();
    let mut block = |more: Vec<String>| {
        if !more.is_empty() {
            if !lines.is_empty() {
                lines.push(String::new());
            }
            lines.extend(more);
        }
    };
    if !document.is_over() {
        block(document.deadline.map(|at| format!("Deadline: {}", shown(at, zone))).into_iter().collect());
    }
    let shown = document.rows.len().min(MOST_LINES);
    let mut rows: Vec<String> = document.rows[..shown].iter().map(|row| line(row, zone)).collect();
    match document.rows.len() - shown + document.more {
        0 => {}
        more => rows.push(format!("… and {more} more")),
    }
    block(rows);
    if !document.is_over() && !document.actions.is_empty() {
        let actions = document.actions.iter().map(|action| format!("  {}", one_line(action)));
        block(std::iter::once("What to do:".to_owned()).chain(actions).collect());
    }
    lines
}

/// The lines as one text.
pub(super) fn body(document: &Document, zone: &TimeZone) -> String {
    lines(document, zone).join("\n")
}

fn line(row: &Line, zone: &TimeZone) -> String {
    let ends = row.ends.map(|at| format!("ends {}", shown(at, zone)));
    let note = Some(one_line(&row.note)).filter(|note| !note.is_empty());
    let parts = [Some(one_line(&row.what)), row.stage.clone(), ends, row.amount.clone(), note];
    format!("- {}", parts.into_iter().flatten().collect::<Vec<_>>().join(" · "))
}

fn shown(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %-d %b %Y %H:%M %Z").to_string()
}

/// What a text from outside may not do: begin a line of its own.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// As most services count a text: in units of UTF-16, never fewer than its characters.
pub(super) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The text with each character written as `write` says, cut so that it costs no more than `most`; `cost` counts what was written.
pub(super) fn fitted(
    text: &str,
    most: usize,
    cost: impl Fn(&str) -> usize,
    write: impl Fn(char) -> String,
) -> String {
    const CUT: char = '…';
    let pieces: Vec<String> = text.chars().map(&write).collect();
    let whole: usize = pieces.iter().map(|piece| cost(piece)).sum();
    if whole <= most {
        return pieces.concat();
    }
    let end = write(CUT);
    let room = most.saturating_sub(cost(&end));
    let mut used = 0;
    let kept = pieces.iter().take_while(|piece| {
        used += cost(piece);
        used <= room
    });
    kept.map(String::as_str).collect::<String>() + &end
}

/// The same for a text that is written as it is.
pub(super) fn cut(text: &str, most: usize) -> String {
    fitted(text, most, units, |c| c.to_string())
}

/// `&`, `<` and `>` as HTML and Slack write them.
pub(super) fn escaped(c: char) -> String {
    match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_cut_fits_and_what_fits_is_not_cut(text in "\\PC{0,60}", most in 8_usize..80) {
            let fit = fitted(&text, most, units, escaped);
            prop_assert!(units(&fit) <= most, "{fit}");
            let whole: String = text.chars().map(escaped).collect();
            prop_assert_eq!(units(&whole) <= most, fit == whole);
            let entity = |rest: &str| ["amp;", "lt;", "gt;"].iter().any(|name| rest.starts_with(name));
            prop_assert!(fit.split('&').skip(1).all(entity), "no entity is cut in the middle: {}", fit);
        }
    }

    #[test]
    fn a_title_of_several_lines_is_one() {
        assert_eq!(one_line(" a\n b\t c "), "a b c");
    }
}
