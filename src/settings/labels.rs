//! `[[label]]`: names for leases, by keys or from a CSV file.
//!
//! What is wrong in a CSV file is told by its line and never by its content: people paste proxy logins into such files. Not responsible for
//! looking labels up (`policy::Labels`).
use std::path::Path;
use std::sync::Arc;

use super::draft::Draft;
use super::fields::Fields;
use super::problems::Problems;
use super::tree::Place;
use super::values as v;
use crate::policy::{Clause, Key, Labels};
use crate::settings::tables::clauses;

/// A label and the clauses that must all fit.
type Rule = (String, Vec<Clause>);

/// What a label may look at: no labels, and nothing that changes by itself.
fn keys() -> Vec<Key> {
    Key::ALL.into_iter().filter(|key| *key != Key::Label).collect()
}

/// A list longer than this is no list of a fleet.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// All of them; what is wrong is told.
pub(super) fn labels(draft: &Draft<'_>, problems: &Problems) -> Arc<Labels> {
    let mut rules = Vec::new();
    for row in draft.rows("label") {
        match (row.given("name"), row.given("file")) {
            (true, false) => rules.extend(named(row)),
            (false, true) => rules.extend(listed(row, problems)),
            (true, true) => row
                .tell("file", "stands beside `name`: a list names its labels itself. Make two tables of it"),
            (false, false) => row.tell(
                "name",
                "is missing: write name = \"client-a\" with `match`, or file = \"/etc/renewd/clients.csv\"",
            ),
        }
    }
    Arc::new(Labels::new(rules))
}

fn named(row: &Fields<'_>) -> Option<Rule> {
    let name = row.read("name", v::label)?;
    let clauses = clauses(row, "match.", &keys());
    if clauses.is_empty() {
        row.tell(
            "match",
            "is missing: say which leases have this label, such as match = { order = [\"1234567\"] }",
        );
        return None;
    }
    Some((name, clauses))
}

fn listed(row: &Fields<'_>, problems: &Problems) -> Vec<Rule> {
    let Some(path) = row.read("file", v::line) else { return Vec::new() };
    // A relative path counts from the folder of the config file that names it.
    let path = Path::new(&*row.place("file").file).parent().unwrap_or(Path::new("/")).join(path);
    for key in keys().iter().map(|key| format!("match.{}", key.as_str())) {
        if row.given(&key) {
            row.tell(&key, "stands beside `file`: the list says which leases it is for");
        }
    }
    match text(&path) {
        Ok(text) => rows(&text, &path, row.place("file").rank, problems),
        Err(why) => {
            row.tell("file", why);
            Vec::new()
        }
    }
}

fn text(path: &Path) -> Result<String, String> {
    let size = std::fs::metadata(path).map_err(|e| format!("cannot be read ({e})"))?.len();
    if size > MOST_BYTES {
        return Err(format!("holds {size} bytes: a list of labels holds a line for each lease"));
    }
    std::fs::read_to_string(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::InvalidData => "is not UTF-8 text: save the list as CSV in UTF-8".to_owned(),
        _ => format!("cannot be read ({e}): let renewd read it"),
    })
}

/// The rows of a list. A wrong one is told and left out; the config is refused then.
fn rows(text: &str, path: &Path, rank: usize, problems: &Problems) -> Vec<Rule> {
    let file: Arc<str> = Arc::from(path.display().to_string());
    let tell = |line: usize, message: &str| {
        problems.push(&Place { file: Arc::clone(&file), rank, line: Some(line) }, "label.file", message);
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map(|h| h.iter().map(str::to_lowercase).collect::<Vec<_>>());
    if !header.is_ok_and(|h| h == ["target", "label"]) {
        tell(1, "the first line of a list of labels is `target,label`");
        return Vec::new();
    }
    let mut rules = Vec::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(e) => {
                tell(line_at(text, e.position()), "this row is not CSV: check its quotes");
                continue;
            }
        };
        let at = record.position().cloned();
        let line = || line_at(text, at.as_ref());
        let (Some(target), Some(label), 2) = (record.get(0), record.get(1), record.len()) else {
            tell(line(), "a row has two fields: an address, network, order or lease id, and a label");
            continue;
        };
        match v::label(label) {
            Err(why) => tell(line(), &why),
            Ok(_) if !is_target(target) => tell(
                line(),
                "the first field is not an address, network, order or lease id: write the address alone, without port or login",
            ),
            Ok(label) => {
                rules.extend(Labels::targets(target).into_iter().map(|clause| (label.clone(), vec![clause])))
            }
        }
    }
    rules
}

/// The line of a row: blank lines before it are none of it.
fn line_at(text: &str, at: Option<&csv::Position>) -> usize {
    let start = at.and_then(|at| usize::try_from(at.byte()).ok()).unwrap_or(0).min(text.len());
    let blank = text.as_bytes()[start..].iter().take_while(|b| b.is_ascii_whitespace()).count();
    1 + text.as_bytes()[..start + blank].iter().filter(|b| **b == b'\n').count()
}

/// Ids are made of letters, digits and a few signs; a colon is an address of IPv6 or something that was pasted.
fn is_target(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let address = text.parse::<ipnet::IpNet>().is_ok() || text.parse::<std::net::IpAddr>().is_ok();
    !text.is_empty() && (address || text.chars().all(plain))
}

#[cfg(test)]
#[path = "labels_tests.rs"]
mod tests;
