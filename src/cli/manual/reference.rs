//! Holds `docs/commands.md` to the command line: each command with its usage, what it does and its exit codes. Tests alone; with
//! `UPDATE_DOCS=1` the page is written anew.
use std::fmt::Write as _;
use std::path::Path;

use clap::Command;

use super::{CODES, examples, name, whole};

const PAGE: &str = include_str!("../../../docs/commands.md");

const OPENING: &str = "\
# Commands

Made from the command line itself (`src/cli/args.rs`). Every option of a command: `renewd COMMAND --help`, or its manual page, such as
`man renewd-plan`. Words in angle brackets stand for what you write; what is in square brackets may be left out.

These options go with every command, before or after it:

- `--config FILE` reads this file instead of `/etc/renewd/renewd.toml` and `/etc/renewd/conf.d/*.toml`; it may be given more than once.
- `--json` prints one JSON document on standard output: [JSON documents](json.md).

A command that says that it never pays is built without the part of renewd that can.

| command | what it does | exit codes |
|---|---|---|
";

/// The rows of a command and of those below it.
fn rows(command: &Command, page: &mut String) {
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
        if sub.has_subcommands() {
            rows(sub, page);
            continue;
        }
        let codes = examples::codes(&name(sub));
        let codes: Vec<String> = codes.iter().map(|code| code.code().to_string()).collect();
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default().replace('|', "\\|");
        let usage = usage(sub).replace('|', "\\|");
        let _ = writeln!(page, "| `{usage}` | {about} | {} |", codes.join(", "));
    }
}

/// As `--help` has it; without `[OPTIONS]` where those of every command are all that there are.
fn usage(command: &Command) -> String {
    let mut own = command.get_arguments().filter(|arg| {
        let of_all =
            arg.is_global_set() || ["help", "version", "config", "json"].contains(&arg.get_id().as_str());
        !arg.is_hide_set() && !of_all && !arg.is_positional() && !arg.is_required_set()
    });
    let said = command.clone().render_usage().to_string();
    let said = said.strip_prefix("Usage: ").unwrap_or(&said).trim().to_owned();
    if own.next().is_some() { said } else { said.replace(" [OPTIONS]", "") }
}

fn page() -> String {
    let mut page = OPENING.to_owned();
    rows(&whole(), &mut page);
    page.push_str("\n## Exit codes\n\n| code | means |\n|---|---|\n");
    for (code, meaning) in CODES {
        let _ = writeln!(page, "| {} | {meaning} |", code.code());
    }
    page.push_str(
        "\n`status`, `history`, `explain`, `leases` and `forecast` end with 0 when they could answer, whatever they say. For scripts, `healthy` of\n\
         `status --json` says whether all is well. The systemd unit does not restart a daemon that ended with 2 or 4: a restart would not help.\n",
    );
    page
}

#[test]
fn the_reference_of_commands_is_what_the_command_line_says() {
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/commands.md");
        std::fs::write(file, &page).unwrap();
        return;
    }
    assert_eq!(PAGE, page, "docs/commands.md is old: UPDATE_DOCS=1 cargo test --lib reference");
}
