//! Completions, as a shell asks for them: this program answers with what config and ledger know.
use std::process::Command;

use renewd::simulator::{Aim, Answer, Effect, Fault, Product};
use rstest::rstest;

use crate::common::{Bench, KEEP};

const A: &str = "203.0.113.1";
const B: &str = "203.0.113.2";

/// What could stand where the last of these words begins.
fn offered(bench: &Bench, words: &[&str]) -> Vec<String> {
    let config = bench.path("renewd.toml");
    let line = [&["renewd", "--config", config.to_str().unwrap()], words].concat();
    let out = Command::new(env!("CARGO_BIN_EXE_renewd"))
        .arg("--")
        .args(&line)
        .env("RENEWD_COMPLETE", "bash")
        .env("_CLAP_IFS", "\n")
        .env("_CLAP_COMPLETE_INDEX", (line.len() - 1).to_string())
        .env("_CLAP_COMPLETE_COMP_TYPE", "9")
        .env("_CLAP_COMPLETE_SPACE", "true")
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_shell_is_offered_accounts_states_leases_alerts_and_payments() {
    let bench = Bench::new("2.00", &[(Product::IPv4, &[A], 5), (Product::IPv4, &[B], 500)]);
    bench.renewd(&["once"]);
    assert_eq!(offered(&bench, &["explain", "203"]), [A, B], "those that end next come first");
    assert_eq!(offered(&bench, &["pause", ""]).first().map(String::as_str), Some("yp"));
    assert_eq!(offered(&bench, &["history", "--state", "unk"]), ["unknown"]);
    assert_eq!(offered(&bench, &["leases", "--decision", "ho"]), ["hold"]);
    let alerts = offered(&bench, &["silence", "short_funds"]);
    assert!(alerts.contains(&"short_funds:*".to_owned()) && alerts.len() > 1, "{alerts:?}");
    assert_eq!(offered(&bench, &["keep", A, "--like", ""]), ["keep"]);
    assert_eq!(offered(&bench, &["init", "--provider", "prox"]), ["proxyshard", "proxyseller"]);
    assert!(offered(&bench, &["sta"]).contains(&"status".to_owned()));

    assert!(bench.handle.top_up(crate::common::KEY, "50.00".parse().unwrap()).is_some());
    // Nothing was charged, which only time can tell.
    bench.handle.inject(Fault::on(Aim::Money).effect(Effect::Nothing).answer(Answer::Close));
    bench.renewd(&["once"]);
    let open = offered(&bench, &["resolve", "p-"]);
    assert_eq!(open.len(), 1, "{open:?}");
}

#[test]
fn where_nothing_may_be_read_nothing_is_offered_and_nothing_is_said() {
    let bench = Bench::new("2.00", &[(Product::IPv4, &[A], 5)]);
    bench.config("", KEEP);
    assert!(offered(&bench, &["explain", "203"]).is_empty());
    std::fs::write(bench.path("renewd.toml"), "no TOML").unwrap();
    assert!(offered(&bench, &["keep", A, "--like", ""]).is_empty());
}

#[rstest]
#[case::bash("bash", "complete ")]
#[case::zsh("zsh", "#compdef renewd")]
#[case::fish("fish", "complete ")]
fn the_script_of_each_shell_asks_this_program(#[case] shell: &str, #[case] part: &str) {
    let out = Command::new(env!("CARGO_BIN_EXE_renewd")).args(["completions", shell]).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success() && text.contains(part) && text.contains("RENEWD_COMPLETE"), "{text}");
}
