//! The manual pages: `renewd(8)`, one for each command, and `renewd.toml(5)`. What a command does and takes comes from the command line
//! itself, the keys from the settings; here are the sections around them. Not responsible for the guides under docs/.
mod config;
mod examples;
#[cfg(test)]
mod reference;
mod text;

use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use roff::{Roff, bold, roman};

use super::args::{Cli, VERSION};
use super::context::Failure;
use super::output;
use crate::exit::Exit;
use examples::{Example, of};

/// Commands of an administrator.
const COMMANDS: &str = "8";

/// The page of renewd itself on stdout, or all pages below a folder, in `man5` and `man8`.
pub(super) fn manual(dir: Option<&Path>) -> Result<Exit, Failure> {
    let Some(dir) = dir else {
        output::line(String::from_utf8_lossy(&page(whole())?).trim_end());
        return Ok(Exit::Done);
    };
    let told = |e: std::io::Error| Failure::failed(format!("{} cannot be written: {e}", dir.display()));
    let (five, eight) = (dir.join("man5"), dir.join("man8"));
    for folder in [&five, &eight] {
        std::fs::create_dir_all(folder).map_err(told)?;
    }
    for (name, text) in pages()? {
        std::fs::write(eight.join(format!("{name}.{COMMANDS}")), text).map_err(told)?;
    }
    std::fs::write(five.join("renewd.toml.5"), config::page()).map_err(told)?;
    Ok(Exit::Done)
}

fn whole() -> Command {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    command
}

/// Every page of section 8 with its name.
fn pages() -> Result<Vec<(String, Vec<u8>)>, Failure> {
    fn each(command: &Command, all: &mut Vec<Command>) {
        all.push(command.clone());
        command.get_subcommands().filter(|sub| !sub.is_hide_set()).for_each(|sub| each(sub, all));
    }
    let mut commands = Vec::new();
    each(&whole(), &mut commands);
    commands.into_iter().map(|command| Ok((name(&command), page(command)?))).collect()
}

fn name(command: &Command) -> String {
    command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned()
}

fn page(command: Command) -> Result<Vec<u8>, Failure> {
    let (name, is_whole) = (name(&command), command.get_name() == "renewd");
    let has = (command.get_arguments().any(|a| !a.is_hide_set()), command.has_subcommands());
    // The exit codes have a section of their own.
    let command = command.after_help("").after_long_help("");
    let man =
        Man::new(command).section(COMMANDS).title(&name).source(format!("renewd {VERSION}")).manual("renewd");
    let mut text = Vec::new();
    let written = man
        .render_title(&mut text)
        .and_then(|()| man.render_name_section(&mut text))
        .and_then(|()| man.render_synopsis_section(&mut text))
        .and_then(|()| man.render_description_section(&mut text))
        .and_then(|()| if has.0 { man.render_options_section(&mut text) } else { Ok(()) })
        .and_then(|()| if has.1 { man.render_subcommands_section(&mut text) } else { Ok(()) })
        .and_then(|()| around(&name, is_whole).to_writer(&mut text));
    written.map_err(|e| Failure::failed(e.to_string()))?;
    Ok(text)
}

/// What each exit code means, in the order of the numbers.
const CODES: [(Exit, &str); 5] = [
    (Exit::Done, "All well."),
    (Exit::Failed, "An unexpected failure: the disk, the ledger, output that cannot be written."),
    (Exit::Usage, "A mistake on the command line or in the config: nothing was done."),
    (Exit::Attention, "Done, but something needs attention."),
    (Exit::Held, "Another renewd holds this ledger: nothing was done."),
];

const FILES: [(&str, &str); 6] = [
    ("/etc/renewd/renewd.toml", "The config; see renewd.toml(5)."),
    ("/etc/renewd/conf.d/*.toml", "More of it, read after the first in the order of the names."),
    ("/var/lib/renewd/ledger.db", "The ledger: every lease, price and payment."),
    (
        "/var/lib/renewd/spends.log",
        "A line for each payment, on disk before the payment starts. Keep it with the ledger.",
    ),
    (
        "/run/renewd",
        "Locks that all renewds of this machine share, so that no key is paid with by two of them.",
    ),
    ("/usr/share/doc/renewd", "The guides, and a config that shows every key."),
];

/// EXIT STATUS, FILES, EXAMPLES and SEE ALSO.
fn around(name: &str, is_whole: bool) -> Roff {
    let mut page = Roff::new();
    page.control("SH", ["EXIT STATUS"]);
    let codes = examples::codes(name);
    for (code, meaning) in CODES.iter().filter(|(code, _)| is_whole || codes.contains(code)) {
        page.control("TP", []).text([bold(code.code().to_string())]).text([roman(*meaning)]);
    }
    page.control("SH", ["FILES"]);
    for (path, what) in FILES {
        page.control("TP", []).text([bold(path)]).text([roman(what)]);
    }
    page.control("SH", ["EXAMPLES"]);
    for Example { line, what, .. } in of(name) {
        page.control("TP", []).text([bold(*line)]).text([roman(*what)]);
    }
    page.control("SH", ["SEE ALSO"]);
    let others = if is_whole {
        "renewd.toml(5), systemd.timer(5), journalctl(1)"
    } else {
        "renewd(8), renewd.toml(5)"
    };
    page.text([roman(others)]);
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn every_command_has_its_page_with_every_section_and_an_example() {
        let pages = pages().unwrap();
        assert!(pages.len() > 30, "{}", pages.len());
        for (name, text) in pages {
            let text = String::from_utf8(text).unwrap();
            for section in
                ["NAME", "SYNOPSIS", "DESCRIPTION", "\"EXIT STATUS\"", "FILES", "EXAMPLES", "\"SEE ALSO\""]
            {
                assert!(text.contains(&format!(".SH {section}\n")), "{name} lacks {section}: {text}");
            }
            assert!(of(&name).next().is_some(), "{name} has no example");
        }
    }

    #[test]
    fn every_example_is_a_command_that_is_understood_and_of_its_page() {
        for Example { page, line, .. } in examples::ALL {
            let words: Vec<&str> = line.split_whitespace().collect();
            let from = words.iter().position(|w| *w == "renewd" && !line.contains("systemctl"));
            let Some(from) = from.map(|n| if words.get(n + 1) == Some(&"renewd") { n + 1 } else { n }) else {
                continue;
            };
            let words: Vec<String> =
                words[from..].iter().map(|w| w.trim_matches(['"', '\'']).to_owned()).collect();
            let words = words.iter().take_while(|w| !["|", ">"].contains(&w.as_str()));
            assert!(
                Cli::try_parse_from(words).is_ok(),
                "{page}: {line}: {}",
                Cli::try_parse_from(line.split_whitespace()).unwrap_err()
            );
            let command = page.trim_start_matches("renewd").trim_start_matches('-');
            let named =
                command.is_empty() || line.contains(command) || line.contains(&command.replacen('-', " ", 1));
            assert!(named, "{line} is on the page of {page}");
        }
    }

    #[test]
    fn no_example_is_of_a_page_that_is_not_there() {
        let names: Vec<String> = pages().unwrap().into_iter().map(|(name, _)| name).collect();
        for Example { page, .. } in examples::ALL {
            assert!(names.iter().any(|name| name == page), "{page}");
        }
    }
}
