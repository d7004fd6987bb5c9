//! Rules about text: how a file opens, how long it is, which words and links it holds.
use std::path::{Component, Path, PathBuf};

use super::Finding;
use super::paths::Source;

/// Hardly a file needs more than 350 lines; beyond this it is two files.
const LONGEST: usize = 400;

/// How a file opens and how long it is.
pub fn check_shape(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut say = |line, what: String| found.push(Finding { file: source.name.clone(), line, what });
    let says = source.opening.strip_prefix("//!").map(str::trim).unwrap_or_default();
    if says.len() < 5 {
        say(1, "open the file with `//!`: what it is responsible for, and what not".to_owned());
    }
    if source.code_lines > LONGEST && !source.is_test {
        say(
            0,
            format!(
                "{} lines without tests, {LONGEST} at most: split it by responsibility",
                source.code_lines
            ),
        );
    }
    found
}

/// Words that stay out, cut in two so that this file does not hold them.
const WORDS: &[(&str, &str, &str)] = &[
    ("TO", "DO", "do it, or say in the docs that it is not there"),
    ("FIX", "ME", "fix it"),
    ("XX", "X", "say what is odd"),
    ("st", "ub", "only whole things"),
    ("/wo", "rk/", "a path of one machine"),
    ("lorem", " ipsum", "say something"),
    ("for ", "now,", "say what holds, not what may come"),
];

/// Words of [`WORDS`], as whole words where they begin or end with a letter.
pub fn check_words(name: &str, text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for (start, end, hint) in WORDS {
            let word = format!("{start}{end}");
            if holds_word(line, &word) {
                found.push(Finding {
                    file: name.to_owned(),
                    line: number + 1,
                    what: format!("`{word}`: {hint}"),
                });
            }
        }
    }
    found
}

fn holds_word(line: &str, word: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        let before = word.starts_with(char::is_alphanumeric) && part(line[..at].chars().next_back());
        let after = word.ends_with(char::is_alphanumeric) && part(line[at + word.len()..].chars().next());
        !before && !after
    })
}

/// Relative Markdown links whose file does not exist, or is not where the package has its documents.
pub fn check_links(name: &str, text: &str, exists: impl Fn(&Path) -> bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let folder = Path::new(name).parent().unwrap_or(Path::new(""));
    for (number, line) in text.lines().enumerate() {
        for target in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || target.contains("://") {
                continue;
            }
            if folder.starts_with("docs") && !flat(&folder.join(path)).starts_with("docs") {
                let what =
                    format!("the link to `{target}` leads out of docs, which is all that the package brings");
                found.push(Finding { file: name.to_owned(), line: number + 1, what });
            }
            if !exists(&flat(&folder.join(path))) {
                let what = format!("the link to `{target}` leads nowhere");
                found.push(Finding { file: name.to_owned(), line: number + 1, what });
            }
        }
    }
    found
}

/// Entries of the changelog that take more than one line: each is one, so that `grep` and a list of releases show it whole.
pub fn check_entries(name: &str, text: &str) -> Vec<Finding> {
    let goes_on = |(_, line): &(usize, &str)| line.starts_with(' ') && !line.trim().is_empty();
    let what = "this line goes on from the one above: an entry is one line";
    let found = text.lines().enumerate().filter(goes_on);
    found.map(|(n, _)| Finding { file: name.to_owned(), line: n + 1, what: what.to_owned() }).collect()
}

/// `docs/../README.md` → `README.md`.
fn flat(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut flat, part| {
        match part {
            Component::ParentDir => drop(flat.pop()),
            Component::Normal(name) => flat.push(name),
            _ => {}
        }
        flat
    })
}
