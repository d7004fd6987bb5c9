//! Links among the documents that name a heading: it is there. That the file is there is asked elsewhere (`text.rs`).
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::Finding;

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut all: Vec<String> = Vec::new();
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let Some(title) = line.strip_prefix('#').filter(|_| !fenced) else { continue };
        let title = title.trim_start_matches('#').trim().to_lowercase();
        let keep = |c: &char| c.is_alphanumeric() || *c == '-' || *c == '_' || *c == ' ';
        let anchor: String = title.chars().filter(keep).map(|c| if c == ' ' { '-' } else { c }).collect();
        let again = all.iter().filter(|a| **a == anchor).count();
        all.push(if again == 0 { anchor } else { format!("{anchor}-{again}") });
    }
    all
}

fn straight(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(out.pop()),
            Component::CurDir => {}
            part => out.push(part),
        }
    }
    out
}

/// Links within `docs` (name and text of each document) to headings that are not there.
pub fn check(docs: &BTreeMap<String, String>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, text) in docs {
        let mut fenced = false;
        for (number, line) in text.lines().enumerate() {
            fenced ^= line.trim_start().starts_with("```");
            for rest in line.split("](").skip(1).filter(|_| !fenced) {
                let Some(target) = rest.split(')').next() else { continue };
                if target.contains("://") || target.starts_with("mailto:") {
                    continue;
                }
                let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
                let path = match file {
                    "" => PathBuf::from(name),
                    file => straight(&Path::new(name).parent().unwrap_or(Path::new("")).join(file)),
                };
                let headings = docs.get(&path.display().to_string()).map(|text| anchors(text));
                if headings.is_some_and(|all| !anchor.is_empty() && !all.iter().any(|a| a == anchor)) {
                    let what = format!("`{target}` names a heading that is not there");
                    found.push(Finding { file: name.clone(), line: number + 1, what });
                }
            }
        }
    }
    found
}

#[test]
fn a_link_to_a_heading_that_is_not_there_is_found() {
    let docs = BTreeMap::from([
        ("docs/a.md".to_owned(), "# One `two`\n[x](b.md) [y](#one-two) [z](../README.md)\n".to_owned()),
        (
            "docs/b.md".to_owned(),
            "# B\n[x](a.md#three) [y](a.md#one-two) [z](https://example.org/#x)\n".to_owned(),
        ),
    ]);
    let found: Vec<String> = check(&docs).into_iter().map(|f| f.what).collect();
    assert_eq!(found, ["`a.md#three` names a heading that is not there"]);
}
