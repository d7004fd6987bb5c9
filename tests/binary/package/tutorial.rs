//! docs/tutorial.md as a script: its commands, word by word, in their order.
use clap::Parser;
use clap::error::ErrorKind;
use renewd::cli::args::Cli;

const PAGE: &str = include_str!("../../../docs/tutorial.md");

/// The lines of every block of commands; those that wait for a person's word are none.
fn commands() -> Vec<&'static str> {
    let blocks = PAGE.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.flat_map(str::lines).filter(|line| !line.trim().is_empty() && !line.starts_with('#')).collect()
}

/// Each command is told before it runs; the first that fails ends it.
pub fn script() -> String {
    let said = |line: &str| format!("printf '$ %s\\n' '{}'\n{line}\n", line.replace('\'', "'\\''"));
    format!("set -eu\n{}", commands().into_iter().map(said).collect::<String>())
}

#[test]
fn every_command_of_the_tutorial_is_understood() {
    let commands = commands();
    assert!(commands.len() > 10, "{commands:?}");
    for line in commands {
        // What is in quotes is one word.
        let parts = line.split('#').next().unwrap().split('"').enumerate();
        let words: Vec<&str> = parts
            .flat_map(|(n, part)| if n % 2 == 1 { vec![part] } else { part.split_whitespace().collect() })
            .collect();
        let Some(at) = words.iter().rposition(|w| *w == "renewd").filter(|at| words.len() > at + 1) else {
            continue;
        };
        if line.contains("systemctl") || line.contains("install ") || line.contains("journalctl") {
            continue;
        }
        if let Err(e) = Cli::try_parse_from(&words[at..]) {
            assert_eq!(e.kind(), ErrorKind::DisplayVersion, "{line}: {e}");
        }
    }
}
