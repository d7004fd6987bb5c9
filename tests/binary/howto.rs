//! The documents: each config that a how-to page shows is one that `check` takes, and each command that any document tells people to type is
//! one that the binary knows, with all its flags.
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::common::{Bench, KEEP, private, renewd};

fn pages() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/how-to");
    let page = |e: fs::DirEntry| {
        (e.file_name().to_string_lossy().into_owned(), fs::read_to_string(e.path()).unwrap())
    };
    let mut all: Vec<_> = fs::read_dir(folder).unwrap().map(|e| page(e.unwrap())).collect();
    all.sort();
    all
}

/// Every document that an administrator reads.
fn documents() -> Vec<(String, String)> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![home.join("README.md")];
    for folder in ["docs", "docs/how-to", "docs/providers"] {
        files.extend(fs::read_dir(home.join(folder)).unwrap().map(|e| e.unwrap().path()));
    }
    files.retain(|file| file.extension().is_some_and(|ext| ext == "md"));
    files.sort();
    files.iter().map(|f| (f.display().to_string(), fs::read_to_string(f).unwrap())).collect()
}

/// The blocks of a page that are fenced as this language, without their indent.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut open: Option<String> = None;
    for line in page.lines().map(str::trim_start) {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(word)) => open = Some(word.to_owned() + "\n"),
            (Some(_), Some(_)) => all.extend(open.take()),
            (Some(block), None) => block.push_str(&format!("{line}\n")),
            (None, None) => {}
        }
    }
    all.iter().filter_map(|block| block.strip_prefix(&format!("{language}\n")).map(str::to_owned)).collect()
}

/// The config with every file of it below the bench's own folder, and there.
fn placed(bench: &Bench, block: &str) -> String {
    let dir = bench.dir.path().display().to_string();
    for path in block.split('"').filter_map(|text| text.strip_prefix("/etc/renewd/")) {
        let at = bench.path(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        match Path::new(path).extension().and_then(|e| e.to_str()) {
            Some("csv") => fs::write(&at, "target,label\n203.0.113.7,client-a\n").unwrap(),
            Some("url") => private(&at, "https://hooks.example.org/T/B/secret"),
            Some(_) => private(&at, "a-secret-of-its-own-0123456789"),
            None => {
                fs::write(&at, "#!/bin/sh\n").unwrap();
                fs::set_permissions(&at, fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
    }
    block.replace("/etc/renewd", &dir)
}

#[test]
fn every_config_on_a_page_is_one_that_check_takes() {
    let bench = Bench::new("100.00", &[]);
    let mut seen = 0;
    for (name, page) in pages() {
        for block in blocks(&page, "toml") {
            bench.config("", &KEEP.replace("\"keep\"", "\"keep-all\""));
            let base = fs::read_to_string(bench.path("renewd.toml")).unwrap();
            let base =
                if block.contains("[http]") { base.replace("[http]\nlisten = \"\"\n", "") } else { base };
            // The account of the page's own comes first, as a page may show only what is added to it.
            fs::write(bench.path("renewd.toml"), base).unwrap();
            fs::write(bench.path("page.toml"), placed(&bench, &block)).unwrap();
            let added = bench.path("page.toml").display().to_string();
            let out = renewd(&bench.path("renewd.toml"), &["--config", &added, "check"]).output().unwrap();
            let said =
                String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
            assert_eq!(out.status.code(), Some(0), "{name}:\n{block}\n{said}");
            seen += 1;
        }
    }
    assert!(seen > 12, "{seen}");
}

/// What stands behind `renewd` in a line to type, up to a comment or another command.
fn typed(line: &str) -> Option<Vec<String>> {
    let line = line.split(" #").next().unwrap_or_default().trim();
    let line = line.strip_prefix("sudo -u renewd ").unwrap_or(line);
    let rest = line.strip_prefix("renewd ")?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

/// The commands of a line's words, such as `order create`; `None` where it shows a form (`COMMAND`, `…`) or begins with an option.
fn command(words: &[String]) -> Option<Vec<&str>> {
    let named =
        |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-');
    let mut words = words.iter().map(String::as_str);
    let first = words.next().filter(named).filter(|word| *word != "help")?;
    let below = ["order", "provider", "ledger"].contains(&first);
    Some(std::iter::once(first).chain(words.next().filter(|_| below).filter(named)).collect())
}

/// What `--help` of these commands prints, asked once.
fn help_of(bench: &Bench, known: &mut BTreeMap<String, String>, command: &[&str], line: &str) -> String {
    let ask = || {
        let args: Vec<&str> = command.iter().copied().chain(["--help"]).collect();
        let out = renewd(&bench.path("renewd.toml"), &args).output().unwrap();
        assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    };
    known.entry(command.join(" ")).or_insert_with(ask).clone()
}

/// Lines of blocks, and what stands in backticks within the text.
fn all_typed(page: &str) -> Vec<String> {
    let mut all: Vec<String> =
        blocks(page, "sh").iter().flat_map(|block| block.lines()).map(str::to_owned).collect();
    let text: Vec<&str> = page.split("```").step_by(2).collect();
    let quoted = text.iter().flat_map(|part| part.split('`').skip(1).step_by(2));
    all.extend(quoted.filter(|code| !code.contains('\n')).map(str::to_owned));
    all
}

#[test]
fn every_command_in_a_document_is_one_that_renewd_knows_with_its_flags() {
    let bench = Bench::new("100.00", &[]);
    let (mut seen, mut helps) = (0, BTreeMap::new());
    for (name, page) in documents() {
        for line in all_typed(&page) {
            let Some(words) = typed(&line) else { continue };
            let Some(command) = command(&words) else { continue };
            let at = format!("{name}: {line}");
            let help = help_of(&bench, &mut helps, &command, &at);
            for flag in words.iter().filter(|w| w.starts_with("--") && w.len() > 2) {
                let flag = flag.split('=').next().unwrap().trim_end_matches([',', ';', '|', ')', ']']);
                let known =
                    help.split_whitespace().any(|w| w.trim_matches([',', '[', ']', '.', '`']) == flag);
                assert!(known, "{at}: {flag} is not in\n{help}");
            }
            seen += 1;
        }
    }
    assert!(seen > 150, "{seen}");
}

#[test]
fn what_needs_another_user_is_typed_as_that_user() {
    // Whoever follows a page is neither root nor renewd: the ledger and the keys are closed to them.
    let mut seen = 0;
    for (name, page) in pages() {
        for line in blocks(&page, "sh").iter().flat_map(|block| block.lines()) {
            let root =
                ["systemctl", "chown", "chmod", "install", "apt-get"].iter().any(|c| line.starts_with(c));
            assert!(!line.starts_with("renewd ") && !root, "{name}: {line}");
            seen += usize::from(line.starts_with("sudo "));
        }
    }
    assert!(seen > 25, "{seen}");
}

#[test]
fn the_pages_commands_that_only_look_run_as_they_are_written() {
    let bench = Bench::new("100.00", &[(renewd::simulator::Product::IPv4, &["203.0.113.7"], 24)]);
    assert_eq!(bench.json(&["once"]).0, 0);
    let looks = ["check", "status", "history", "leases", "forecast", "plan", "explain", "silence"];
    for (name, page) in pages() {
        for line in blocks(&page, "sh").iter().flat_map(|block| block.lines()) {
            let Some(words) = typed(line).filter(|w| looks.contains(&w[0].as_str())) else { continue };
            if words.iter().any(|w| w == "second") {
                continue;
            }
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let out = bench.renewd(&words);
            let said = String::from_utf8_lossy(&out.stderr);
            assert_eq!(out.status.code(), Some(0), "{name}: {line}: {said}");
        }
    }
}
