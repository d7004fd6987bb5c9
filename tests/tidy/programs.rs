//! Rules about the tests themselves: each file belongs to a test program, and what documents and scripts name is there.
//!
//! Cargo does not look for test programs here (`autotests = false`), so a file that nobody names would not run and would not be missed.
use std::path::Path;

use super::Finding;

/// Files under `tests/` that no program compiles. `all` holds their names and texts.
pub fn check_homeless(all: &[(String, String)], manifest: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, _) in all {
        let path = Path::new(name);
        let folder = path.parent().unwrap_or(Path::new(""));
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let home = folder.display().to_string();
        let known = match &*stem {
            "main" => manifest.contains(&format!("path = \"{name}\"")),
            "mod" => {
                let end = format!("{}/mod.rs\"]", folder.file_name().unwrap_or_default().to_string_lossy());
                all.iter().any(|(_, text)| text.contains(&end))
            }
            _ => {
                let parents = [format!("{home}/main.rs"), format!("{home}/mod.rs"), format!("{home}.rs")];
                all.iter().any(|(file, text)| parents.contains(file) && declares(text, &stem))
            }
        };
        if !known {
            let what = "no test program compiles this file: declare it in the `main.rs` beside it".to_owned();
            found.push(Finding { file: name.clone(), line: 0, what });
        }
    }
    found
}

fn declares(text: &str, module: &str) -> bool {
    text.lines().any(|l| l.strip_prefix("pub ").unwrap_or(l) == format!("mod {module};"))
}

/// Paths below `tests/` that a text names and that are not there. Letters of a pattern (`NAME`, `*`, `$`) end the path.
pub fn check_named(name: &str, text: &str, exists: impl Fn(&Path) -> bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-./".contains(c);
    for (number, line) in text.lines().enumerate() {
        for (at, _) in line.match_indices("tests/") {
            // Another folder of this name, such as `src/forecast/tests/`.
            if line[..at].ends_with(|c| part(c) && c != '.' || c == '$') {
                continue;
            }
            let end = line[at..].find(|c| !part(c)).map_or(line.len(), |n| at + n);
            let whole = line[at..end].trim_end_matches(['.', '-', '/', '_']);
            let pattern = line[end..].starts_with(|c: char| c.is_ascii_uppercase() || "*$<{".contains(c));
            let path = if pattern { whole.rsplit_once('/').map_or("tests", |(dir, _)| dir) } else { whole };
            if !exists(Path::new(path)) {
                let what = format!("`{path}` is not there");
                found.push(Finding { file: name.to_owned(), line: number + 1, what });
            }
        }
    }
    found
}

/// Where the paths of a document's source files may begin.
const ROOTS: [&str; 4] = ["", "src/", "crates/core/src/", "crates/simulator/src/"];

/// Source files in backticks that are not there, and functions that a document says are in a file and are not: ``name` in `path``.
pub fn check_claims(name: &str, text: &str, read: impl Fn(&str) -> Option<String>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let mut say = |what: String| found.push(Finding { file: name.to_owned(), line: number + 1, what });
        let parts: Vec<&str> = line.split('`').collect();
        // What stands in backticks, with what stands before it.
        let quoted: Vec<(&str, &str)> = parts.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        for (at, (before, path)) in quoted.iter().enumerate() {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-./".contains(c);
            if !path.ends_with(".rs") || !path.contains('/') || !path.chars().all(plain) {
                continue;
            }
            let Some(source) = ROOTS.iter().find_map(|root| read(&format!("{root}{path}"))) else {
                say(format!("`{path}` is not there"));
                continue;
            };
            let mut joint = *before;
            for (earlier, function) in quoted[..at].iter().rev() {
                let listed =
                    if joint == *before { joint == " in " } else { [", ", " and "].contains(&joint) };
                let is_function =
                    function.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
                if !listed || !is_function {
                    break;
                }
                if !source.contains(&format!("fn {function}")) {
                    say(format!("`{function}` is not in `{path}`"));
                }
                joint = *earlier;
            }
        }
    }
    found
}

#[test]
fn a_source_file_or_a_function_that_is_named_and_not_there_is_found() {
    let read = |path: &str| (path == "src/a/b.rs").then(|| "fn one() {}\nasync fn two() {}\n".to_owned());
    let fine = "`src/a/b.rs`, `a/b.rs`, `one` in `src/a/b.rs`; `one`, `two` in `a/b.rs`, `Word` in `a/b.rs`, `one` in `a/b.rs`, `NAME/x.rs` and `b.rs`";
    assert!(check_claims("docs/a.md", fine, read).is_empty(), "{:?}", check_claims("docs/a.md", fine, read));
    for wrong in ["`a/c.rs`", "`three` in `src/a/b.rs`", "`three`, `two` in `src/a/b.rs`"] {
        assert_eq!(check_claims("docs/a.md", wrong, read).len(), 1, "{wrong}");
    }
}

#[test]
fn a_test_that_no_program_compiles_is_found() {
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let manifest = "[[test]]\nname = \"a\"\npath = \"tests/a/main.rs\"\n";
    let all = [
        file("tests/a/main.rs", "#[path = \"../common/mod.rs\"]\nmod common;\nmod b;\n"),
        file("tests/a/b.rs", "mod c;\n"),
        file("tests/a/b/c.rs", ""),
        file("tests/common/mod.rs", "pub mod smtp;\n"),
        file("tests/common/smtp.rs", ""),
    ];
    assert!(check_homeless(&all, manifest).is_empty());
    for lost in ["tests/new.rs", "tests/a/d.rs", "tests/a/b/d.rs", "tests/d/main.rs", "tests/other/mod.rs"] {
        let mut all = all.to_vec();
        all.push(file(lost, "#[test]\nfn t() {}\n"));
        assert_eq!(check_homeless(&all, manifest).len(), 1, "{lost}");
    }
}

#[test]
fn a_test_that_is_named_and_not_there_is_found() {
    let exists =
        |p: &Path| ["tests/a.rs", "tests/replies", "tests"].contains(&p.to_str().unwrap_or_default());
    let fine = "`tests/a.rs`, tests/replies/NAME/, tests/*.rs, src/forecast/tests/gone.rs and \"$at/tests/x\" in tests/a.rs.";
    assert!(check_named("docs/a.md", fine, exists).is_empty());
    assert_eq!(check_named("docs/a.md", "`tests/gone.rs`\nsee tests/b/c.rs", exists).len(), 2);
}
