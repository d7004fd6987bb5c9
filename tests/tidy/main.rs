//! The house's own rules, held by a test: who may import whom, how long a file may get, which words stay out.
//!
//! Files are read as Rust tokens, so that comments and strings cannot hide or fake an import. The checks are plain
//! functions over text; bad samples at the end show that each of them can fail. Not responsible for what rustc and clippy
//! check already.
mod arrows;
mod circles;
mod headings;
mod paths;
mod programs;
mod samples;
mod text;

use std::fs;
use std::path::{Path, PathBuf};

use paths::Source;

/// One breach of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    /// Relative to the workspace.
    file: String,
    /// 1-based; 0 = the whole file.
    line: usize,
    /// What is wrong and what to do.
    what: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files below `folder` with one of these endings, in name order.
fn files(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(dir) = open.pop() {
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        for entry in entries {
            let path = entry.expect("a listed entry is readable").path();
            if path.is_dir() {
                open.push(path);
            } else if endings.iter().any(|e| path.to_string_lossy().ends_with(e)) {
                found.push(path);
            }
        }
    }
    found.sort();
    let named = |p: PathBuf| {
        let name = p.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
        let text = fs::read_to_string(&p).expect("our own files are UTF-8");
        (name, text)
    };
    found.into_iter().map(named).collect()
}

fn sources() -> Vec<Source> {
    [files("src", &[".rs"]), files("crates", &[".rs"])]
        .concat()
        .iter()
        .map(|(name, text)| Source::read(name, text))
        .collect()
}

fn assert_none(findings: &[Finding]) {
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{} breaches:\n{}", lines.len(), lines.join("\n"));
}

#[test]
fn the_arrows_between_modules_point_down_only() {
    let sources = sources();
    assert!(sources.len() > 20, "the sources were not found");
    assert_none(&sources.iter().flat_map(arrows::check).collect::<Vec<_>>());
}

#[test]
fn no_file_needs_a_file_that_needs_it() {
    assert_none(&circles::House::new(&sources()).circles());
}

#[test]
fn methods_are_written_where_their_type_lives() {
    assert_none(&circles::House::new(&sources()).far_impls());
}

#[test]
fn only_one_file_reads_the_clock_and_only_main_ends_the_process() {
    assert_none(&sources().iter().flat_map(arrows::check_calls).collect::<Vec<_>>());
}

#[test]
fn money_and_its_neighbours_know_no_floats() {
    assert_none(&sources().iter().flat_map(arrows::check_floats).collect::<Vec<_>>());
}

#[test]
fn one_provider_is_named_only_where_it_lives() {
    assert_none(&sources().iter().flat_map(arrows::check_names).collect::<Vec<_>>());
}

#[test]
fn every_file_says_what_it_is_for_and_stays_readable() {
    let sources = sources();
    let mut lengths: Vec<(usize, &str)> = sources.iter().map(|s| (s.code_lines, s.name.as_str())).collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2].0;
    println!("{} files, median {median} lines without tests; longest:", lengths.len());
    lengths.iter().rev().take(5).for_each(|(n, name)| println!("{n:>5} {name}"));
    assert_none(&sources.iter().flat_map(text::check_shape).collect::<Vec<_>>());
}

#[test]
fn no_file_holds_words_that_promise_later_work_or_point_elsewhere() {
    let mut all = Vec::new();
    for folder in ["src", "crates", "tests", "docs", "systemd", "config", "migrations", "scripts", ".ci"] {
        all.extend(files(
            folder,
            &[".rs", ".md", ".toml", ".service", ".sysusers", ".sql", ".sh", ".j2", "run"],
        ));
    }
    for name in ["README.md", "CHANGELOG.md", "Cargo.toml", "deny.toml", "clippy.toml"] {
        all.push((name.to_owned(), fs::read_to_string(root().join(name)).expect(name)));
    }
    assert!(all.len() > 30, "the files were not found");
    assert_none(&all.iter().flat_map(|(name, text)| text::check_words(name, text)).collect::<Vec<_>>());
}

#[test]
fn every_test_file_belongs_to_a_program_and_every_named_one_is_there() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    assert_none(&programs::check_homeless(&files("tests", &[".rs"]), &manifest));
    let mut all = files("docs", &[".md"]);
    all.extend(files("scripts", &[""]));
    all.extend(files(".ci", &["run"]));
    all.extend(files("tests", &["main.rs", "README.md"]));
    all.push(("README.md".to_owned(), fs::read_to_string(root().join("README.md")).expect("README.md")));
    let exists = |path: &Path| root().join(path).exists();
    assert_none(
        &all.iter().flat_map(|(name, text)| programs::check_named(name, text, exists)).collect::<Vec<_>>(),
    );
}

#[test]
fn every_source_file_and_function_that_a_document_names_is_there() {
    let mut all = files("docs", &[".md"]);
    for name in ["README.md", "CONTRIBUTING.md", "SECURITY.md", "tests/README.md"] {
        all.push((name.to_owned(), fs::read_to_string(root().join(name)).expect(name)));
    }
    let read = |path: &str| fs::read_to_string(root().join(path)).ok();
    assert_none(
        &all.iter().flat_map(|(name, text)| programs::check_claims(name, text, read)).collect::<Vec<_>>(),
    );
}

#[test]
fn an_entry_of_the_changelog_is_one_line() {
    let text = fs::read_to_string(root().join("CHANGELOG.md")).expect("CHANGELOG.md");
    assert_none(&text::check_entries("CHANGELOG.md", &text));
    assert_eq!(text::check_entries("a", "# A\n\n- one\n- two\n  goes on\n").len(), 1);
}

#[test]
fn the_readme_of_the_tests_counts_the_test_programs() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let readme = fs::read_to_string(root().join("tests/README.md")).expect("tests/README.md");
    for program in manifest.split("[[test]]").skip(1) {
        let name = program.split('"').nth(1).expect("a name");
        assert!(readme.contains(&format!("| `{name}` |")), "tests/README.md does not tell of `{name}`");
    }
}

#[test]
fn every_link_between_the_documents_leads_somewhere() {
    let mut all = files("docs", &[".md"]);
    for name in ["README.md", "CHANGELOG.md"] {
        all.push((name.to_owned(), fs::read_to_string(root().join(name)).expect(name)));
    }
    let exists = |path: &Path| root().join(path).exists();
    assert_none(
        &all.iter().flat_map(|(name, text)| text::check_links(name, text, exists)).collect::<Vec<_>>(),
    );
    assert_none(&headings::check(&all.into_iter().collect()));
}
